# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All sources of a process end together: nothing new begins, what runs may end, and patience is limited."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils import lifecycle as subject
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import Deliveries
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import (
    PATIENCE,
    Lifecycle,
    lifecycle,
    patience_from,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import vitals
from support.story import PROBLEM

Queue = asyncio.Queue[dict[str, Any]]


class Unsettled:
    """A journal that has so many unsettled deliveries."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.due = self
        self.error: JournalError | None = None
        self.asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def unsettled(self, worker: str) -> int:
        error = self.error
        self._loop.call_soon_threadsafe(self.asked.set)
        if error:
            raise error
        return self.number


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LOOK_EVERY", 0.01)


class Interrupted(list):
    """Counts how often everything was to end at once."""

    def __call__(self) -> None:
        self.append("at once")


async def until_stop(life: Lifecycle) -> None:
    await life.stopping.wait()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def soon(task: Any) -> Any:
    return await asyncio.wait_for(task, 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_stops_and_the_second_ends_at_once(number: signal.Signals) -> None:
    ended = Interrupted()
    life = Lifecycle(interrupt=ended)
    life.take_signals()
    os.kill(os.getpid(), number)
    await soon(life.stopping.wait())
    assert ended == []
    os.kill(os.getpid(), number)
    await until(lambda: ended)
    assert ended == ["at once"]


async def test_sources_return_when_all_is_settled() -> None:
    life, journal, ended = Lifecycle(interrupt=Interrupted()), Unsettled(2), Interrupted()
    sources = [
        asyncio.create_task(life.run("dynatrace", until_stop(life), journal=journal)),
        asyncio.create_task(life.run("answers", life.stopping.wait())),
    ]
    await asyncio.sleep(0)
    life.stop("a test")
    await soon(journal.asked.wait())
    assert not any(source.done() for source in sources)
    assert vitals().observe().sources == {"dynatrace": None, "answers": None}
    journal.number = 0
    await soon(asyncio.gather(*sources))
    assert ended == []


async def test_a_source_that_starts_too_late_returns_as_well() -> None:
    life = Lifecycle(interrupt=Interrupted())
    life.stop("a test")
    await soon(life.run("journal", until_stop(life), journal=Unsettled()))


async def test_nobody_waits_for_what_never_came_to_a_queue(tmp_path: Path) -> None:
    journal, queue, life = Journal.open(str(tmp_path / "journal.db")), Queue(1), lifecycle()
    for number in range(3):
        journal.record_problem(replace(PROBLEM, problem_id=f"-{number}_1V2"), "dynatrace")
    deliveries = Deliveries(journal, queue, origin="dynatrace")
    source = asyncio.create_task(life.run("dynatrace", deliveries.run(), journal=journal))
    await until(lambda: queue.full() and vitals().observe().puts)
    life.stop("a test")
    await until(lambda: journal.due.unsettled() == 1)
    assert not source.done(), "the first one is with the engine"
    assert journal.due.settle(queue.get_nowait()["meta"]["uuid"])
    await soon(source)
    assert queue.empty()
    assert journal.due.figures().waiting == 2, "for the next start"


async def test_patience_ends() -> None:
    ended = Interrupted()
    life = Lifecycle(patience=0.05, interrupt=ended)
    source = asyncio.create_task(life.run("journal", until_stop(life), journal=Unsettled(1)))
    life.stop("a test")
    await until(lambda: ended)
    assert not source.done(), "it is cancelled with everything else"
    source.cancel()
    await asyncio.gather(source, return_exceptions=True)


async def test_an_engine_that_does_not_end_after_its_sources_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LAST_WORDS", 0.05)
    ended = Interrupted()
    life = Lifecycle(patience=0.05, interrupt=ended)
    life.stop("a test")
    await soon(life.run("journal", until_stop(life), journal=Unsettled()))
    await until(lambda: ended)


async def test_a_journal_that_fails_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    life, journal = Lifecycle(interrupt=Interrupted()), Unsettled()
    journal.error = JournalError("the disk is gone")
    source = asyncio.create_task(life.run("journal", until_stop(life), journal=journal))
    life.stop("a test")
    await soon(journal.asked.wait())
    assert not source.done()
    journal.error = None
    await soon(source)
    assert "the disk is gone" in caplog.text


async def test_a_source_that_fails_stops_the_others() -> None:
    life = Lifecycle(interrupt=Interrupted())

    async def fail() -> None:
        raise JournalError("broken")

    other = asyncio.create_task(life.run("answers", until_stop(life)))
    with pytest.raises(JournalError, match="broken"):
        await soon(life.run("dynatrace", until_stop(life), fail()))
    assert life.stopping.is_set()
    await soon(other)
    assert vitals().observe().sources["dynatrace"] is not None


async def test_a_loop_that_does_not_end_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LOOP_ENDS", 0.05)
    life = Lifecycle(interrupt=Interrupted())
    life.stop("a test")
    await soon(life.run("journal", asyncio.Event().wait()))


async def test_a_source_that_is_cancelled_ends_its_loops_and_stops_nobody() -> None:
    life, ended = Lifecycle(interrupt=Interrupted()), asyncio.Event()

    async def loop() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    source = asyncio.create_task(life.run("journal", loop()))
    await asyncio.sleep(0.01)
    source.cancel()
    with pytest.raises(asyncio.CancelledError):
        await source
    assert ended.is_set()
    assert not life.stopping.is_set()


async def test_an_event_is_on_the_queue_or_it_is_not() -> None:
    life, queue = Lifecycle(interrupt=Interrupted()), Queue(1)
    assert await life.put(queue, {"n": 1}) is True
    blocked = asyncio.create_task(life.put(queue, {"n": 2}))
    await until(lambda: vitals().observe().puts)
    life.stop("a test")
    assert await soon(blocked) is False
    assert vitals().observe().puts == {}
    assert await life.put(queue, {"n": 3}) is False
    assert queue.get_nowait() == {"n": 1}
    await asyncio.sleep(0)
    assert queue.empty()


async def test_a_blocked_put_names_the_source() -> None:
    life, queue = Lifecycle(interrupt=Interrupted()), Queue(1)
    await queue.put({})

    async def loop() -> None:
        await life.put(queue, {})

    source = asyncio.create_task(life.run("dynatrace", loop()))
    await until(lambda: vitals().observe().puts)
    assert list(vitals().observe().puts) == ["dynatrace"]
    life.stop("a test")
    await soon(source)


async def test_a_put_that_fails_says_so() -> None:
    class Broken:
        async def put(self, event: dict[str, Any]) -> None:
            raise ValueError("a filter")

    with pytest.raises(ValueError, match="a filter"):
        await Lifecycle(interrupt=Interrupted()).put(Broken(), {})


async def test_a_pause_ends_with_the_time_with_a_call_and_with_the_stop() -> None:
    life, woken = Lifecycle(interrupt=Interrupted()), asyncio.Event()
    await soon(life.sleep(0.01))
    woken.set()
    await soon(life.sleep(3600, woken))
    woken.clear()
    pause = asyncio.create_task(life.sleep(3600, woken))
    await asyncio.sleep(0)
    life.stop("a test")
    await soon(pause)


@pytest.mark.parametrize(
    "value, environment, wanted",
    [
        (None, {}, PATIENCE),
        (None, {"SELF_HEALING_STOP_PATIENCE": "90"}, 90.0),
        (None, {"SELF_HEALING_STOP_PATIENCE": ""}, PATIENCE),
        ("5", {"SELF_HEALING_STOP_PATIENCE": "90"}, 5.0),
        (0, {}, 0.0),
    ],
)
def test_patience_is_given_by_the_argument_or_the_environment(value: Any, environment: dict, wanted: float) -> None:
    assert patience_from(value, environment) == wanted


@pytest.mark.parametrize("value", ["soon", -1, "inf", "nan", [], "{{ patience }}"])
def test_wrong_patience_is_told(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"stop_patience \(SELF_HEALING_STOP_PATIENCE\) must be a number"):
        patience_from(value, {})


async def test_one_event_loop_has_one_of_them() -> None:
    assert lifecycle() is lifecycle()
