# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries due work from the journal to the queue of a rulebook, never more than a window of it at a time.

A delivery is settled by the playbook, not by the queue: what is not settled within its lease, or whose worker or
playbook was lost, is handed out again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_rows import Delivery
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import Queue, lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.unbegun import Unbegun, children
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import vitals

LOGGER = logging.getLogger(__name__)

#: Deliveries that one engine has at a time. Each is a playbook run that wants a good part of a processor, and what
#: waits in the journal instead of in the engine can be taken by another worker.
WINDOW = 10
#: A delivery that was made this often without coming to an end is given up, and its incident escalated.
MOST_ATTEMPTS = 8
#: The sources of a process share one window.
_ONE_AT_A_TIME = threading.Lock()


def worker() -> str:
    """Name the process whose engine gets the deliveries. All event sources of a process are one worker."""
    return run_identity.hold()


def window_from(args: Mapping[str, Any], source: str) -> int:
    """Return the window that the arguments of an event source ask for. Raises ConfigurationError."""
    value = args.get("window", WINDOW)
    if isinstance(value, bool) or not str(value).isascii() or not str(value).isdigit() or not 1 <= int(value) <= 1000:
        raise ConfigurationError(f"source {source}: window must be a whole number from 1 to 1000")
    return int(value)


class Deliveries:
    """Hands due work to one queue.

    C(origin) limits it to fresh work of one source; without, it takes what is overdue: what nobody handed out within
    C(grace), what was not settled within its lease, and timers. Then it also takes back what lost workers and playbooks
    had, and gives up what was delivered C(most_attempts) times. C(window) is the number of unsettled deliveries of this
    worker at which it waits.
    """

    def __init__(
        self,
        journal: Journal,
        queue: Queue,
        origin: str | None = None,
        *,
        window: int = WINDOW,
        lease: timedelta = timedelta(minutes=5),
        grace: timedelta = timedelta(seconds=10),
        interval: float = 1.0,
        most_attempts: int = MOST_ATTEMPTS,
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._origin = origin
        self._window = window
        self._lease = lease
        self._grace = grace
        self._interval = interval
        self._most_attempts = most_attempts
        self._worker = worker()
        self._woken = asyncio.Event()
        self._unbegun = Unbegun()

    def wake(self) -> None:
        """Look for due work now, because something was committed."""
        self._woken.set()

    async def run(self) -> None:
        """Hand out due work until this process stops. A journal that fails is tried again."""
        life = lifecycle()
        while not life.stopping.is_set():
            self._woken.clear()
            try:
                handed_out = await self.hand_out()
            except JournalError as error:
                vitals().journal_failed()
                LOGGER.error("%s; trying again in %g s", error, self._interval)
                handed_out = 0
            if not handed_out:
                await life.sleep(self._interval, self._woken)

    async def hand_out(self) -> int:
        """Put what is due now on the queue and return how much that was."""
        deliveries = await asyncio.to_thread(self._lease_some)
        if deliveries:
            vitals().journal_worked()
        for position, delivery in enumerate(deliveries):
            if not await lifecycle().put(self._queue, delivery.event()):
                left = [one.id for one in deliveries[position:]]
                await asyncio.to_thread(self._journal.due.give_back, left, self._worker)
                return position
            metrics().handed_out(delivery.kind, delivery.attempts > 1)
        return len(deliveries)

    def _lease_some(self) -> list[Delivery]:
        if self._origin is None:
            self._tidy_up()
        with _ONE_AT_A_TIME:
            room = self._window - self._journal.due.unsettled(self._worker)
            if room <= 0:
                return []
            return self._journal.due.hand_out(room, self._lease, self._worker, self._origin, self._grace)

    def _tidy_up(self) -> None:
        gone = self._unbegun.lost(self._journal.due.not_begun(self._worker), children(), time.monotonic())
        lost = self._journal.due.take_back_lost(gone)
        if lost:
            LOGGER.warning("%d deliveries were with a worker or a playbook that is lost: they are made again", lost)
        for incident in self._journal.due.give_up(self._most_attempts):
            metrics().gave_up(1)
            LOGGER.error("incident %s: no playbook ended in %d attempts: given up", incident, self._most_attempts)
