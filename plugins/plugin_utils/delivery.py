# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries due work from the journal to the queue of a rulebook, never more than a window of it at a time.

A delivery is settled by the playbook, not by the queue: what is not settled within its lease is handed out again.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any, Protocol

from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_rows import Delivery

LOGGER = logging.getLogger(__name__)


class Queue(Protocol):
    """The part of ansible-rulebook's queue that is used."""

    async def put(self, event: dict[str, Any]) -> Any: ...


class Deliveries:
    """Hands due work to one queue.

    C(origin) limits it to fresh work of one source; without, it takes what is overdue: what nobody handed out within
    C(grace), what was not settled within its lease, and timers. C(window) is the number of unsettled deliveries at
    which it waits.
    """

    def __init__(
        self,
        journal: Journal,
        queue: Queue,
        origin: str | None = None,
        *,
        window: int = 50,
        lease: timedelta = timedelta(minutes=5),
        grace: timedelta = timedelta(seconds=10),
        interval: float = 1.0,
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._origin = origin
        self._window = window
        self._lease = lease
        self._grace = grace
        self._interval = interval
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for due work now, because something was committed."""
        self._woken.set()

    async def run(self) -> None:
        """Hand out due work until cancelled. A journal that fails is tried again."""
        while True:
            self._woken.clear()
            try:
                handed_out = await self.hand_out()
            except JournalError as error:
                LOGGER.error("%s; trying again in %g s", error, self._interval)
                handed_out = 0
            if not handed_out:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._interval)

    async def hand_out(self) -> int:
        """Put what is due now on the queue and return how much that was."""
        deliveries = await asyncio.to_thread(self._lease_some)
        for delivery in deliveries:
            await self._queue.put(delivery.event())
        return len(deliveries)

    def _lease_some(self) -> list[Delivery]:
        room = self._window - self._journal.unsettled() if self._origin is not None else self._window
        if room <= 0:
            return []
        return self._journal.hand_out(room, self._lease, self._origin, self._grace)
