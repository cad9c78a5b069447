# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the journals of this process how things stand, for C(/healthz) and C(/metrics).

The journal is asked in a thread, by one question at a time, and its answer is kept for a moment: neither a journal that
hangs nor somebody who asks very often ever holds up the event loop or the work.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakKeyDictionary

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import Health, health, vitals

logger = logging.getLogger(__name__)

#: An answer of the journal is as good as new for this long (seconds).
KEPT = 2.0
#: Who asks waits this long for an answer and then goes without (seconds).
PATIENCE = 3.0


@dataclass(frozen=True)
class Readings:
    """What the journals of this process say. Times are UTC."""

    waiting: int
    unsettled: int
    oldest_due: datetime | None
    #: How many incidents each tool does not show completely.
    behind: Mapping[str, int]
    #: When the oldest canary of this process that is not back was sent.
    canary: datetime | None
    #: Newest moment at which the engine of this process was seen to do something.
    life: datetime | None


def read(journal: Journal) -> Readings:
    """Ask one journal. Blocks. Raises JournalError."""
    worker = run_identity.hold()
    figures = journal.due.figures()
    return Readings(
        waiting=figures.waiting,
        unsettled=figures.unsettled,
        oldest_due=figures.oldest_due,
        behind=dict(journal.tools.behind()),
        canary=journal.canaries.outstanding(worker),
        life=journal.canaries.signs_of_life(worker),
    )


def together(readings: list[Readings]) -> Readings:
    """Return what several journals say as one."""
    behind: Counter[str] = Counter()
    for one in readings:
        behind.update(one.behind)
    return Readings(
        waiting=sum(one.waiting for one in readings),
        unsettled=sum(one.unsettled for one in readings),
        oldest_due=min(filter(None, (one.oldest_due for one in readings)), default=None),
        behind=dict(behind),
        canary=min(filter(None, (one.canary for one in readings)), default=None),
        life=max(filter(None, (one.life for one in readings)), default=None),
    )


class Checkup:
    """Asks the journals of the sources that run on one event loop."""

    def __init__(self) -> None:
        self._journals: dict[object, tuple[str, Journal]] = {}
        self._asking: asyncio.Task[Readings | None] | None = None
        self._kept: Readings | None = None
        self._kept_until = float("-inf")

    @contextmanager
    def includes(self, place: str, journal: Journal) -> Iterator[None]:
        """Ask the journal at C(place) as long as the block runs; once, if several sources say so."""
        key = object()
        self._journals[key] = (place, journal)
        try:
            yield
        finally:
            del self._journals[key]

    async def readings(self) -> Readings | None:
        """Return what the journals say, None when they cannot be asked or do not answer in time."""
        if time.monotonic() < self._kept_until:
            return self._kept
        if self._asking is None:
            vitals().journal_asked()
            self._asking = asyncio.create_task(self._ask())
        # Not cancelled when it takes too long: a thread cannot be, and the next one who asks waits for the same answer.
        await asyncio.wait({self._asking}, timeout=PATIENCE)
        return self._kept if time.monotonic() < self._kept_until else None

    async def health(self) -> Health:
        """Return how the parts of this process are."""
        found = await self.readings()
        observations = vitals().observe(found.canary if found else None, found.life if found else None)
        return health(observations, utc_now())

    async def _ask(self) -> Readings | None:
        journals = list(dict(self._journals.values()).values())
        try:
            found = await asyncio.to_thread(lambda: together([read(journal) for journal in journals]))
        except Exception as error:
            # Whatever it is (the journal may be closed while it is read), the figures go without it.
            said = error.message if isinstance(error, SelfHealingError) else type(error).__name__
            logger.error("the figures of the journal cannot be read: %s", said)
            found = None
        self._asking = None
        vitals().journal_answered(readable=found is not None)
        self._kept, self._kept_until = found, time.monotonic() + KEPT
        return found


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Checkup] = WeakKeyDictionary()


def checkup() -> Checkup:
    """Return the one that asks for all sources on the running event loop."""
    return _of_loop.setdefault(asyncio.get_running_loop(), Checkup())
