# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canaries are sent again and again, and it is measured how long they take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils import canaries as subject
from ansible_collections.self_healing.devops.plugins.plugin_utils.canaries import interval_from, send_canaries
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import vitals

Queue = asyncio.Queue[dict[str, Any]]


class Measured:
    """Stands in for the figures."""

    def __init__(self) -> None:
        self.seconds = Queue()

    def canary_came_back(self, seconds: float) -> None:
        self.seconds.put_nowait(seconds)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    monkeypatch.setattr(subject, "LOOK_EVERY", 0.01)
    figures = Measured()
    monkeypatch.setattr(subject, "metrics", lambda: figures)
    return figures


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(str(tmp_path / "journal.db"))


@asynccontextmanager
async def sending(journal: Journal, queue: Queue, interval: float) -> AsyncIterator[asyncio.Task]:
    task = asyncio.create_task(send_canaries(journal, queue, interval))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def take(queue: Queue) -> Any:
    return await asyncio.wait_for(queue.get(), 10)


async def test_a_canary_goes_out_and_its_way_back_is_measured(journal: Journal, measured: Measured) -> None:
    queue = Queue(1)
    async with sending(journal, queue, 0.05):
        for _time in range(2):
            event = await take(queue)
            canary = event["canary"]["id"]
            assert event == {"canary": {"id": canary}, "meta": {"uuid": canary}}
            assert await asyncio.to_thread(journal.canaries.back, canary) is True
            assert 0 <= await take(measured.seconds) < 10
        assert vitals().interval == timedelta(seconds=0.05)


async def test_one_that_got_lost_does_not_hide_those_that_come_back(journal: Journal, measured: Measured) -> None:
    queue = Queue(1)
    async with sending(journal, queue, 0.05):
        await take(queue)
        later = (await take(queue))["canary"]["id"]
        await asyncio.to_thread(journal.canaries.back, later)
        assert await take(measured.seconds) >= 0


async def test_a_journal_that_fails_is_noted_and_tried_again(
    journal: Journal, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, real, failed = Queue(1), journal.canaries.send, asyncio.Event()
    loop = asyncio.get_running_loop()

    def full(_worker: str) -> str:
        loop.call_soon_threadsafe(failed.set)
        raise JournalError("the disk is full")

    monkeypatch.setattr(journal.canaries, "send", full)
    async with sending(journal, queue, 0.05):
        await asyncio.wait_for(failed.wait(), 10)
        monkeypatch.setattr(journal.canaries, "send", real)
        assert (await take(queue))["canary"]
        assert vitals().observe().unwritable is None


async def test_none_is_sent_after_the_stop(journal: Journal) -> None:
    queue = Queue()
    async with sending(journal, queue, 3600) as task:
        await asyncio.sleep(0)
        life = lifecycle()
        life._interrupt = lambda: None
        life.stop("a test")
        await asyncio.wait_for(task, 10)
    assert queue.empty()


@pytest.mark.parametrize("value, wanted", [(None, 60.0), ("5", 5.0), (0, 0.0), (3600, 3600.0)])
def test_interval(value: Any, wanted: float) -> None:
    assert interval_from(value) == wanted


@pytest.mark.parametrize("value", ["often", -1, 0.5, 3601, "nan", [], "{{ interval }}"])
def test_wrong_interval_is_told(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="source journal: canary_interval must be"):
        interval_from(value)
