# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the page, and tests that wait for a state, that something changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress


class Hub:
    """Counts changes and wakes everybody who waits for the next one. Lives on one event loop."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self.revision = 0
        self.log: list[tuple[int, str]] = []

    def changed(self, what: str) -> None:
        """Note that C(what) (a tool's name) looks different now. May be called from any coroutine of the loop."""
        self.revision += 1
        self.log = [*self.log[-499:], (self.revision, what)]
        task = asyncio.get_running_loop().create_task(self._wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def after(self, revision: int, timeout: float = 15.0) -> int:
        """Return the present revision as soon as it is greater than C(revision), or after C(timeout) seconds."""
        async with self._changed:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait_for(lambda: self.revision > revision), timeout)
        return self.revision

    async def until(self, condition: Callable[[], bool], timeout: float = 30.0) -> None:
        """Return when C(condition) holds. Raises TimeoutError when it does not in C(timeout) seconds."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(condition), timeout)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
