# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches real services: probes each over HTTP and says when it went away or came back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import aiohttp

from ..settings import Watch
from .wire import now
from .world import Sample

#: A probe that takes longer counts as failed (seconds).
PROBE_TIMEOUT = 2.0


class Watcher:
    """Probes one service until it is stopped.

    Calls C(changed(watch, up)) after C(changes_after) equal results in a row that differ from what was known. A service
    is taken to be up until it is found down.
    """

    def __init__(self, watch: Watch, changed: Callable[[Watch, bool], None], record: Callable[[Sample], None]) -> None:
        self.watch = watch
        self.up = True
        self.probes = 0
        self._changed = changed
        self._record = record
        self._in_a_row = 0

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT)
        # A connection of its own for each probe: a kept one would not notice that nobody listens any more.
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(force_close=True)) as session:
            while True:
                await self.probe(session)
                await asyncio.sleep(self.watch.interval)

    async def probe(self, session: aiohttp.ClientSession) -> None:
        """Make one probe and draw the conclusion."""
        began = time.perf_counter()
        answered = False
        try:
            async with session.get(self.watch.url, allow_redirects=False) as answer:
                await answer.read()
                answered, up = True, answer.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            up = False
        taken = round((time.perf_counter() - began) * 1e6)
        self._record(Sample(now(), up, taken if answered else None))
        self.probes += 1
        self._in_a_row = 0 if up == self.up else self._in_a_row + 1
        if self._in_a_row >= self.watch.changes_after:
            self.up, self._in_a_row = up, 0
            self._changed(self.watch, up)
