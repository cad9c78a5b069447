# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches what is real: probes services over HTTP, looks how full disks are, and says when that changes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

import aiohttp

from ..settings import DiskWatch, Watch
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
        answered, body = False, b""
        try:
            async with session.get(self.watch.url, allow_redirects=False) as answer:
                body = await answer.read()
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
        if answered:
            self.heard(body, taken / 1000)

    def heard(self, body: bytes, milliseconds: float) -> None:
        """Take note of an answer and of how long it took."""


class DiskWatcher:
    """Looks at one disk until it is stopped.

    Calls C(changed(watch, free)) as L(Watcher) does, and C(measured(watch, used, available)) with bytes for each look.
    A disk is taken to be free enough until it is found full. Between the two limits it stays what it is.
    """

    def __init__(
        self,
        watch: DiskWatch,
        changed: Callable[[DiskWatch, bool], None],
        measured: Callable[[DiskWatch, int, int], None],
    ) -> None:
        self.watch = watch
        self.up = True
        self.probes = 0
        self.used_percent = 0.0
        self._changed = changed
        self._measured = measured
        self._in_a_row = 0

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self.watch.interval)

    async def look(self) -> None:
        """Look once and draw the conclusion. A disk that cannot be looked at says nothing."""
        try:
            used, available = await asyncio.to_thread(usage, self.watch.path, self.watch.quota)
        except OSError:
            return
        self.probes += 1
        self.used_percent = 100 * used / max(used + available, 1)
        self._measured(self.watch, used, available)
        if self.up:
            up = self.used_percent <= self.watch.opens_above
        else:
            up = self.used_percent < self.watch.closes_below
        self._in_a_row = 0 if up == self.up else self._in_a_row + 1
        if self._in_a_row >= self.watch.changes_after:
            self.up, self._in_a_row = up, 0
            self._changed(self.watch, up)


def usage(path: str, quota: int | None) -> tuple[int, int]:
    """Return bytes used and available, of the file system or of the folder with its quota. Blocking; raises OSError."""
    if quota is None:
        now = os.statvfs(path)
        return (now.f_blocks - now.f_bfree) * now.f_frsize, now.f_bavail * now.f_frsize
    used = 0
    for folder, _folders, names in os.walk(path):
        for name in names:
            try:
                used += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                continue
    return used, max(quota - used, 0)
