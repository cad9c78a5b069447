# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A press is acknowledged when it is committed and not before, and what could not be committed is not lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack_values import User
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Answer
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Recorded
from ansible_collections.self_healing.devops.plugins.plugin_utils import slack_answers
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_answers import SlackAnswers
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_directory import Ourselves

INCIDENT = "i7k3v5q2x4dmz"


def payload(number: int = 1, **changes: Any) -> dict[str, Any]:
    action = {"action_id": "self_healing:take_over", "value": f"1:{INCIDENT}:4:take_over"}
    made = {
        "type": "block_actions",
        "api_app_id": "A1",
        "team": {"id": "T1"},
        "user": {"id": "UANA", "name": "ana", "team_id": "T1"},
        "container": {"message_ts": "1.000300"},
        "channel": {"id": "C1"},
        "actions": [{**action, "action_ts": f"1795336310.{number:06d}"}],
    }
    return {**made, **changes}


class World:
    """The journal, the directory and the presser's screen. C(failures) are what the next commits raise."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.commits: list[Answer] = []
        self.said: list[str] = []
        self.hold: asyncio.Event | None = None

    async def record(self, answer: Answer) -> Recorded:
        if self.hold is not None:
            await self.hold.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.commits.append(answer)
        return Recorded(INCIDENT, "answered", "d1", "Ana chose 'Take over'")

    async def ourselves(self) -> Ourselves:
        return Ourselves("T1", "A1")

    async def user(self, user: str) -> User | None:
        return User(user, "Ana Berg", "ana@example.com", "T1", True, True)

    async def whisper(self, _press: Any, text: str) -> None:
        self.said.append(text)

    async def until_said(self, count: int) -> list[str]:
        async with asyncio.timeout(5):
            while len(self.said) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        return self.said


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def answers(world: World) -> AsyncIterator[SlackAnswers]:
    desk: Any = world
    made = SlackAnswers(desk, desk, world.whisper, patience=0.2, pauses=(0.0, 0.0, 0.0))
    yield made
    await made.stop()


async def test_it_is_acknowledged_after_the_commit_and_the_presser_is_told(answers: SlackAnswers, world: World) -> None:
    assert await answers.take(payload()) is True
    assert [answer.email for answer in world.commits] == ["ana@example.com"]
    assert await world.until_said(1) == ["Ana chose 'Take over'"]


async def test_a_journal_that_fails_is_tried_again(answers: SlackAnswers, world: World) -> None:
    world.failures = [JournalError("locked"), JournalError("locked")]
    assert await answers.take(payload()) is False
    assert await world.until_said(2) == [slack_answers.NOT_YET, "Ana chose 'Take over'"]
    assert len(world.commits) == 1


async def test_after_some_time_it_is_given_up_and_that_is_told(
    answers: SlackAnswers, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.failures = [JournalError("locked")] * 4
    assert await answers.take(payload()) is False
    assert await world.until_said(2) == [slack_answers.NOT_YET, slack_answers.GIVEN_UP]
    assert world.commits == []
    assert "given up" in caplog.text


async def test_a_commit_that_takes_long_is_not_acknowledged_and_not_repeated(
    answers: SlackAnswers, world: World
) -> None:
    world.hold = asyncio.Event()
    assert await answers.take(payload()) is False
    world.hold.set()
    assert await world.until_said(1) == ["Ana chose 'Take over'"]
    assert len(world.commits) == 1


async def test_too_many_at_once_are_refused(
    answers: SlackAnswers, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_answers, "MOST_AT_ONCE", 2)
    world.hold = asyncio.Event()
    taken = [asyncio.create_task(answers.take(payload(number))) for number in range(3)]
    await asyncio.sleep(0)
    assert await taken[2] is False
    world.hold.set()
    assert [await one for one in taken] == [True, True, False]
    assert len(world.commits) == 2


async def test_another_team_or_app_commits_nothing(answers: SlackAnswers, world: World) -> None:
    assert await answers.take(payload(team={"id": "T2"})) is True
    assert await answers.take(payload(api_app_id="A2")) is True
    assert await world.until_said(2) == [slack_answers.NOT_OURS] * 2
    assert world.commits == []


async def test_what_is_not_for_us_is_acknowledged_and_what_is_wrong_is_named(
    answers: SlackAnswers, world: World
) -> None:
    assert await answers.take({"type": "view_closed"}) is True
    with pytest.raises(InvalidInputError, match="channel"):
        await answers.take(payload(channel=None))
    assert world.commits == []


async def test_an_error_of_ours_is_not_acknowledged_and_its_text_not_logged(
    answers: SlackAnswers, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    world.failures = [RuntimeError("something secret")]
    with pytest.raises(RuntimeError):
        await answers.take(payload())
    assert "RuntimeError" in caplog.text
    assert "something secret" not in "".join(record.getMessage() for record in caplog.records)


async def test_the_end_does_not_wait_for_what_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_answers, "STOP_SECONDS", 0.01)
    desk: Any = world
    made = SlackAnswers(desk, desk, world.whisper, patience=0.2, pauses=(600.0,))
    world.failures = [JournalError("locked")]
    assert await made.take(payload()) is False
    await world.until_said(1)
    async with asyncio.timeout(2):
        await made.stop()
