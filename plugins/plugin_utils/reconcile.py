# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds what no notification told: asks Dynatrace for its problems at start, and again and again.

Every reading goes into the journal like a notification; what is known already changes nothing there. Nothing that
Dynatrace answers, or does not answer, ends this.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now
from ansible_collections.self_healing.devops.plugins.plugin_utils.daemon import in_daemon
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import SOURCE
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import clean
from ansible_collections.self_healing.devops.plugins.plugin_utils.reconcile_look import (
    Connect,
    Environment,
    Look,
    Memory,
    StoppedError,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.reconcile_plan import next_pause

LOGGER = logging.getLogger(__name__)

#: A look that has not ended by then waits for an answer without end, and is left behind (seconds).
LONGEST_LOOK = 900.0
#: Looks that were left behind and have not ended. With more of them nothing is asked: each holds a connection.
MOST_LEFT_BEHIND = 3


class Reconciliation:
    """Asks one Dynatrace environment for all event sources that share a journal: one of them at a time does it.

    C(connect) makes a client, a new one for each look, as sessions are not shared between threads. C(recorded) is
    called on the event loop after something new was committed. C(profile) is the alerting profile whose problems are
    looked for, C(interval) is seconds between two looks, and C(since) is how far the very first one goes back.
    """

    def __init__(
        self,
        journal: Journal,
        connect: Connect,
        recorded: Callable[[], None],
        *,
        tenant: str,
        service_tag: str,
        origin: str,
        worker: str,
        profile: str | None = None,
        interval: float = 30.0,
        since: timedelta = timedelta(hours=2),
        clock: Callable[[], datetime] = utc_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._journal = journal
        self._connect = connect
        self._recorded = recorded
        self._environment = Environment(tenant, service_tag, origin, profile)
        self._worker = worker
        self._interval = interval
        self._since = since
        self._clock = clock
        self._chance = chance
        self._duty = f"reconcile:{SOURCE}:{tenant}"
        #: Until this worker comes again, and some more: nobody else has to take over from one that lives.
        self._span = timedelta(seconds=2 * interval + 60)
        self._memory = Memory()
        self._trouble: str | None = None
        self._left_behind: list[asyncio.Future[str | None]] = []

    async def run(self, stopping: asyncio.Event | None = None) -> None:
        """Look at once and then every C(interval) seconds, less often while that fails.

        Ends when C(stopping) is set, or when cancelled, and in no other case.
        """
        end = asyncio.ensure_future((stopping or asyncio.Event()).wait())
        failures = 0
        try:
            while not end.done():
                try:
                    trouble = await self._attempt(end)
                except Exception as error:
                    # The machine has no thread left, for instance.
                    trouble = f"{type(error).__name__}: {error}"
                self._tell(trouble)
                failures = failures + 1 if trouble else 0
                await asyncio.wait([end], timeout=next_pause(self._interval, failures, self._chance()))
        finally:
            end.cancel()

    async def _attempt(self, end: asyncio.Future[Any]) -> str | None:
        """Look once, and return what kept from it. Leaves it when the end comes."""
        self._left_behind = [look for look in self._left_behind if not look.done()]
        if len(self._left_behind) >= MOST_LEFT_BEHIND:
            return f"{len(self._left_behind)} answers have begun that do not end"
        loop = asyncio.get_running_loop()

        def recorded() -> None:
            loop.call_soon_threadsafe(self._recorded)

        look = Look(self._journal, self._environment, self._memory, recorded, self._clock)
        running = in_daemon(lambda: self.look(look), "reconcile")
        try:
            await asyncio.wait([running, end], timeout=LONGEST_LOOK, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Whatever it is waiting for: it writes nothing more.
            look.stop()
        if running.done():
            return running.result()
        if end.done():
            return None
        self._left_behind.append(running)
        return f"no end within {LONGEST_LOOK:g} s"

    def look(self, look: Look) -> str | None:
        """Look once, unless another worker does, and return what went wrong. Blocking; raises nothing."""
        try:
            duty = self._journal.duties.take(self._duty, self._worker, self._span)
            if duty is None:
                return None
            began = self._clock()
            trouble = look.at(self._connect, duty.done_at, began, self._since)
            self._journal.duties.done(self._duty, self._worker, began)
        except StoppedError:
            return None
        except SelfHealingError as error:
            return error.message
        except Exception as error:
            # Whatever it was: the next look may find another world, and notifications have to be taken meanwhile.
            return f"{type(error).__name__}: {error}"
        return trouble

    def _tell(self, trouble: str | None) -> None:
        """Tell what is wrong, once for as long as it stays the same, and when it is over."""
        trouble = clean(trouble, 500) if trouble else None
        if trouble == self._trouble:
            return
        self._trouble = trouble
        tenant = self._environment.tenant
        if trouble:
            LOGGER.error("Dynatrace (%s) cannot be asked for what no notification told: %s", tenant, trouble)
        else:
            LOGGER.warning("Dynatrace (%s) can be asked again", tenant)
