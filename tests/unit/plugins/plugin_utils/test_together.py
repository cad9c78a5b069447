# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a source that run side by side, and threads that nobody waits for."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ansible_collections.self_healing.devops.plugins.plugin_utils.daemon import in_daemon
from ansible_collections.self_healing.devops.plugins.plugin_utils.together import together


class Part:
    """Runs until it is cancelled."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cancelled = False

    async def run(self) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def test_part_that_fails_ends_the_others_with_its_own_error() -> None:
    other = Part()

    async def fail() -> None:
        await other.started.wait()
        raise ValueError("this part")

    with pytest.raises(ValueError, match="this part"):
        await together(other.run, fail)
    assert other.cancelled


async def test_part_that_returns_ends_the_others() -> None:
    other = Part()
    await together(other.run, other.started.wait)
    assert other.cancelled


async def test_end_from_outside_ends_all() -> None:
    parts = [Part(), Part()]
    running = asyncio.create_task(together(*(part.run for part in parts)))
    await asyncio.gather(*(part.started.wait() for part in parts))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert all(part.cancelled for part in parts)


async def test_thread_returns_and_raises_as_the_work_does() -> None:
    assert await in_daemon(lambda: 6 * 7, "answer") == 42
    with pytest.raises(ZeroDivisionError):
        await in_daemon(lambda: 1 // 0, "failure")


def test_thread_that_outlives_the_event_loop_disturbs_nobody() -> None:
    release, caught = threading.Event(), list[threading.Thread]()

    async def leave() -> None:
        in_daemon(lambda: release.wait(30), "late")
        caught.extend(thread for thread in threading.enumerate() if thread.name == "late")

    asyncio.run(leave())
    [late] = caught
    assert late.daemon
    release.set()
    late.join(10)
    assert not late.is_alive()
