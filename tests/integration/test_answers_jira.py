# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source C(answers) with Jira: comments and transitions of the emulated Jira, told by its signed webhook."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from sandbox.jira import Jira
from support.answers_source import MAIN, Queue, answering, asking_journal, until
from support.jira_runs import Running, run
from support.one_tool import start_tool
from support.shop import free_port
from support.story import PROBLEM

INCIDENT = PROBLEM.incident
CALLED = [{"name": "Ana Berg", "email": "ana@example.com"}]


@dataclass
class Setting:
    """A running source with the Jira that posts to it, and the issue that shows the incident."""

    jira: Running
    journal: Journal
    queue: asyncio.Queue[dict[str, Any]]
    url: str
    issue: str

    async def comment(self, text: str, person: str = "ana", issue: str | None = None) -> None:
        given = {"issue": issue or self.issue, "person": person, "text": text}
        assert (await asyncio.to_thread(self.jira.call, "comment", **given))["ok"]

    async def posted(self, count: int) -> list[int | None]:
        """Wait until Jira posted C(count) webhooks and return how they were answered."""
        await until(lambda: len(self.jira.snapshot()["webhooks"]) >= count)
        return [webhook["status"] for webhook in self.jira.snapshot()["webhooks"]]

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.journal.read(INCIDENT).timeline if entry.kind.startswith("answer")]


@pytest.fixture
def jira() -> Iterator[Running]:
    with start_tool(Jira) as running:
        running.tool.webhooks.pause = 0.05
        yield running


@pytest.fixture
def issue(jira: Running) -> str:
    return str(run(jira, marker=INCIDENT)["id"])


@pytest.fixture
def journal(tmp_path: Path, issue: str) -> Iterator[Journal]:
    """A journal with one incident about which somebody is asked, and which the issue shows."""
    opened = asking_journal(str(tmp_path / "journal.db"), CALLED)
    opened.tools.show(INCIDENT, ToolState("jira", "jira", issue), None)
    yield opened
    opened.close()


def arguments(jira: Running, tmp_path: Path, **changes: Any) -> dict[str, Any]:
    given = {
        "port": free_port(),
        "journal": str(tmp_path / "journal.db"),
        "jira_url": jira.url,
        "jira_user": jira.settings.jira_user,
        "jira_token": jira.settings.jira_token,
        "jira_webhook_secret": jira.settings.jira_webhook_secret,
        "reconcile_interval": 0,
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


@contextlib.asynccontextmanager
async def running(given: dict[str, Any]) -> AsyncIterator[Queue]:
    """Run the source, and wait until it listens where it has a secret."""
    async with answering(given, listens="jira_webhook_secret" in given) as (queue, _task):
        yield queue


@pytest.fixture
async def setting(jira: Running, journal: Journal, tmp_path: Path, issue: str) -> AsyncIterator[Setting]:
    given = arguments(jira, tmp_path, jira_answers={"In Progress": "take_over"})
    url = jira.settings.jira_webhook = f"http://127.0.0.1:{given['port']}/jira"
    async with running(given) as queue:
        yield Setting(jira, journal, queue, url, issue)


async def test_a_comment_answers(setting: Setting) -> None:
    await setting.comment("/restart process\n{{ 7 * 7 }}")
    assert await setting.posted(1) == [200]
    event = await asyncio.wait_for(setting.queue.get(), 5)
    assert event["answer"] == {"incident": INCIDENT, "option": "process_restart", "channel": "jira"}
    answer = setting.journal.read(INCIDENT).answer
    assert answer is not None
    assert (answer["responder"], answer["alert"], answer["comment"]) == ("Ana Berg", setting.issue, "{{ 7 * 7 }}")


async def test_a_transition_answers(setting: Setting) -> None:
    moved = await asyncio.to_thread(
        setting.jira.call, "transition", issue=setting.issue, person="ana", status="In Progress"
    )
    assert moved["ok"]
    assert await setting.posted(1) == [200]
    event = await asyncio.wait_for(setting.queue.get(), 5)
    assert event["answer"]["option"] == "take_over"


async def test_talk_is_left_alone_and_whom_nobody_knows_is_refused(setting: Setting) -> None:
    await setting.comment("Shall we restart the process?")
    await setting.comment("Restart process", person="bo")
    assert await setting.posted(2) == [200, 200]
    await until(lambda: bool(setting.kinds()))
    assert setting.kinds() == ["answer_refused"]
    assert "may not choose" in setting.journal.read(INCIDENT).timeline[-1].text


async def test_what_comes_twice_is_one_answer(setting: Setting) -> None:
    setting.jira.tool.webhooks.copies = 3
    await setting.comment("Restart process")
    assert await setting.posted(3) == [200, 200, 200]
    setting.jira.tool.webhooks.copies = 1
    await setting.comment("Take over")
    assert await setting.posted(4) == [200] * 4
    await until(lambda: len(setting.kinds()) == 2)
    assert setting.kinds() == ["answered", "answered_late"]


async def test_our_own_writing_is_no_answer(setting: Setting) -> None:
    """Neither the role's comments and transitions, nor what somebody writes with its account."""
    notes = [{"id": f"{INCIDENT}-2", "text": "Restart process"}]
    await asyncio.to_thread(run, setting.jira, marker=INCIDENT, comments=notes, status="In Progress")
    assert set(await setting.posted(2)) == {200}
    assert setting.kinds() == []


async def test_an_issue_that_only_says_to_belong_to_the_incident(setting: Setting) -> None:
    """Anybody may write a property into an issue."""
    other = await asyncio.to_thread(run, setting.jira, marker="iaaaaaaaaaaaa")
    found = setting.jira.tool.site.store.find(other["id"])
    assert found is not None
    found.properties["self_healing.incident"] = {"v": 1, "incident": INCIDENT}
    before = len(setting.jira.snapshot()["webhooks"])
    await setting.comment("Restart process", issue=other["id"])
    assert (await setting.posted(before + 1))[-1] == 200
    assert setting.kinds() == []


async def test_a_forged_webhook_is_refused_and_reads_nothing(setting: Setting) -> None:
    before = len(setting.jira.faults.requests)
    body = {"webhookEvent": "comment_created", "issue": {"key": setting.issue}, "comment": {"body": "Restart process"}}
    async with aiohttp.ClientSession() as session:
        for headers in ({}, {"X-Hub-Signature": "sha256=" + "0" * 64}):
            async with session.post(setting.url, json=body, headers=headers) as answer:
                assert answer.status == 401
                assert await answer.json() == {"error": "not authorized"}
    assert len(setting.jira.faults.requests) == before


async def test_jira_sends_again_what_could_not_be_read(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    setting.jira.faults.add("jira", "status", method="GET", path="/issue/", status=500, times=3)
    await setting.comment("Restart process")
    event = await asyncio.wait_for(setting.queue.get(), 15)
    assert event["answer"]["option"] == "process_restart"
    statuses = await setting.posted(2)
    assert (statuses[0], statuses[-1]) == (503, 200)
    assert "cannot be read now" in caplog.text


async def test_without_a_webhook_answers_are_found_all_the_same(
    jira: Running, journal: Journal, tmp_path: Path, issue: str
) -> None:
    """Where no webhook is configured, or its post was lost."""
    given = arguments(jira, tmp_path, jira_webhook_secret=None, reconcile_interval=0.1)
    async with running(given) as queue:
        assert (await asyncio.to_thread(jira.call, "comment", issue=issue, person="ana", text="Snooze"))["ok"]
        event = await asyncio.wait_for(queue.get(), 10)
        assert event["answer"] == {"incident": INCIDENT, "option": "snooze", "channel": "jira"}
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", given["port"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"jira_token": None}, "jira_token is missing"),
        ({"jira_url": "{{ jira_url }}"}, "jira_url is missing"),
        ({"jira_webhook_secret": " "}, "jira_webhook_secret is empty"),
        ({"jira_path": "jira"}, "jira_path must be a plain path"),
        ({"jira_answers": ["In Progress"]}, "jira_answers must have names of statuses"),
        ({"jira_answers": {"In Progress": 7}}, "jira_answers must have names of statuses"),
    ],
)
async def test_wrong_settings_are_named(jira: Running, tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await asyncio.wait_for(MAIN(asyncio.Queue(), arguments(jira, tmp_path, **changes)), 5)


async def test_a_token_that_cannot_be_read_here_leaves_jira_alone(
    jira: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    given = arguments(jira, tmp_path, jira_token=None, jira_webhook_secret=None)
    task = asyncio.create_task(MAIN(asyncio.Queue(), given))
    await until(lambda: "no answers are taken from Jira" in caplog.text)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
