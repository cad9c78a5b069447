# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time of the emulated xMatters: real time, unless somebody moves it on or stops it.

Everything that waits for minutes (delays between members and devices, expiration, absences, tokens) waits on this
clock, so that a whole night is played in a moment. What takes milliseconds in the machinery stays in real time.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone

Work = Callable[[], object]
Settle = Callable[[], Awaitable[None]]


class Timer:
    """Work that is due at a moment. C(cancel) takes it back."""

    def __init__(self, due: datetime, number: int, work: Work) -> None:
        self.due = due
        self.cancelled = False
        self.work = work
        self._number = number

    def __lt__(self, other: Timer) -> bool:
        return (self.due, self._number) < (other.due, other._number)

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """Tells the time and runs what is due, in order. Lives on one event loop."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._pinned: datetime | None = None
        self._stopped = False
        self._timers: list[Timer] = []
        self._made = 0
        self._wake: asyncio.TimerHandle | None = None
        self._moving = asyncio.Lock()

    def now(self) -> datetime:
        return self._pinned or datetime.now(timezone.utc) + self._ahead

    def timestamp(self) -> float:
        """Return the time as seconds since 1970."""
        return self.now().timestamp()

    @property
    def ahead(self) -> float:
        """Seconds by which this clock is ahead of real time."""
        return (self.now() - datetime.now(timezone.utc)).total_seconds() if self.moved else 0.0

    @property
    def moved(self) -> bool:
        return self._stopped or bool(self._ahead)

    @property
    def stopped(self) -> bool:
        return self._stopped

    def at(self, due: datetime, work: Work) -> Timer:
        """Run C(work) when the clock shows C(due), or as soon as possible when that is past."""
        self._made += 1
        timer = Timer(due, self._made, work)
        heapq.heappush(self._timers, timer)
        self._arm()
        return timer

    def later(self, seconds: float, work: Work) -> Timer:
        return self.at(self.now() + timedelta(seconds=seconds), work)

    def stop(self) -> None:
        """Let the time stand still; only C(advance) and C(move_to) move it from now on."""
        self._pinned = self.now()
        self._stopped = True
        self._arm()

    def go(self) -> None:
        """Let the time run on from where it is."""
        if self._stopped:
            self._ahead = self.now() - datetime.now(timezone.utc)
            self._pinned, self._stopped = None, False
            self._arm()

    async def advance(self, seconds: float, settle: Settle) -> int:
        """Move on by C(seconds) and return how many timers fired on the way, each at its own time and in order.

        C(settle) is awaited after each of them: what it caused has happened before the next one fires.
        """
        async with self._moving:
            return await self._move(self.now() + timedelta(seconds=seconds), settle)

    async def move_to(self, end: datetime, settle: Settle) -> int:
        """Move on to a moment, as C(advance) does. Raises ValueError when it is past."""
        async with self._moving:
            if end < self.now():
                raise ValueError("the clock goes forward only")
            return await self._move(end, settle)

    async def _move(self, end: datetime, settle: Settle) -> int:
        fired = 0
        while (timer := self._first()) is not None and timer.due <= end:
            heapq.heappop(self._timers)
            self._pinned = max(self.now(), timer.due)
            timer.work()
            fired += 1
            await settle()
        self._ahead = end - datetime.now(timezone.utc)
        self._pinned = end if self._stopped else None
        self._arm()
        return fired

    def close(self) -> None:
        """Forget all timers."""
        self._timers.clear()
        if self._wake is not None:
            self._wake.cancel()

    def _first(self) -> Timer | None:
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0] if self._timers else None

    def _arm(self) -> None:
        """Wake up when the first timer is due. While the time stands or is moved, nothing fires by itself."""
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        timer = self._first()
        if timer is not None and self._pinned is None:
            seconds = max(0.0, (timer.due - self.now()).total_seconds())
            self._wake = asyncio.get_running_loop().call_later(seconds, self._fire)

    def _fire(self) -> None:
        self._wake = None
        while self._pinned is None and (timer := self._first()) is not None and timer.due <= self.now():
            heapq.heappop(self._timers)
            timer.work()
        self._arm()
