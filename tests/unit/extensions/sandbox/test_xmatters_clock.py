# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of the emulated xMatters: what is due happens once, in order, at its own time."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from sandbox.xmatters.clock import Clock


async def nothing() -> None:
    pass


async def test_a_moved_clock_fires_in_order_and_at_the_right_time() -> None:
    clock = Clock()
    clock.stop()
    start, told = clock.now(), []

    def note(name: str) -> None:
        told.append((name, (clock.now() - start).total_seconds()))

    clock.later(300, lambda: note("later"))

    def first() -> None:
        note("first")
        clock.later(30, lambda: note("made on the way"))

    clock.later(60, first)
    clock.later(90, lambda: note("same moment, later made"))
    clock.later(100, lambda: note("taken back")).cancel()
    clock.later(301, lambda: note("not yet"))
    assert await clock.move_to(start + timedelta(seconds=300), nothing) == 4
    assert told == [("first", 60), ("same moment, later made", 90), ("made on the way", 90), ("later", 300)]
    assert clock.now() == start + timedelta(seconds=300)
    assert clock.stopped
    clock.close()


async def test_time_runs_on_after_a_move_and_stands_after_a_stop() -> None:
    clock = Clock()
    before = datetime.now(timezone.utc)
    assert (clock.moved, clock.ahead) == (False, 0.0)
    await clock.move_to(clock.now() + timedelta(hours=8), nothing)
    assert clock.ahead == pytest.approx(8 * 3600, abs=1)
    fired = asyncio.Event()
    clock.later(0.01, fired.set)
    await asyncio.wait_for(fired.wait(), 5)
    clock.stop()
    stood = clock.now()
    assert stood - before >= timedelta(hours=8)
    assert clock.now() == stood
    clock.later(0.0, fired.clear)
    await asyncio.sleep(0.02)
    assert fired.is_set(), "nothing happens while the time stands"
    clock.go()
    await asyncio.sleep(0.02)
    assert not fired.is_set()
    clock.close()


async def test_the_clock_waits_for_what_a_timer_caused() -> None:
    clock = Clock()
    clock.stop()
    told: list[str] = []

    async def settle() -> None:
        await asyncio.sleep(0)
        told.append("settled")

    clock.later(1, lambda: told.append("one"))
    clock.later(1, lambda: told.append("two"))
    await clock.move_to(clock.now() + timedelta(seconds=1), settle)
    assert told == ["one", "settled", "two", "settled"]
    with pytest.raises(ValueError, match="forward only"):
        await clock.move_to(clock.now() - timedelta(seconds=1), settle)
    clock.close()
