# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source dynatrace: loaded as ansible-rulebook loads it, fed over HTTP, with a real journal behind it."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import incident_id
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from demo.scenarios.process_crash import free_port
from sandbox.dynatrace.notification import TEST_NOTIFICATION
from support.dynatrace_source import INCIDENT, PID, SOURCE, Queue, notification, post, running
from support.tree import source


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "journal.db")


async def test_problem_is_committed_before_the_answer_and_then_delivered(journal: str) -> None:
    queue: Queue = asyncio.Queue()
    async with running(queue, journal=journal) as url:
        status, body, _headers = await post(url, notification())
        assert (status, body) == (200, {"incident": INCIDENT, "change": "opened"})
        # Read with a connection of its own: what is seen here was committed.
        assert Journal.open(journal).read(INCIDENT).problem["title"].startswith("Process unavailable")
        event = await asyncio.wait_for(queue.get(), 10)
    delivered = {
        "incident": INCIDENT,
        "kind": "process_crash",
        "status": "open",
        "severity": "critical",
        "source": "dynatrace",
        "service": "shop",
    }
    assert event["problem"] == delivered
    assert set(event) == {"problem", "meta"}
    assert "lookup" not in json.dumps(event)


async def test_same_news_twice_is_one_incident_and_one_event(journal: str) -> None:
    queue: Queue = asyncio.Queue()
    async with running(queue, journal=journal) as url:
        assert (await post(url, notification()))[1]["change"] == "opened"
        assert (await post(url, notification()))[1] == {"incident": INCIDENT, "change": "duplicate"}
        # An event tells the state at the moment it is handed out, so the first is taken before the state changes.
        first = await asyncio.wait_for(queue.get(), 10)
        assert (await post(url, notification(State="RESOLVED")))[1] == {"incident": INCIDENT, "change": "resolved"}
        second = await asyncio.wait_for(queue.get(), 10)
    assert [first["problem"]["status"], second["problem"]["status"]] == ["open", "resolved"]
    assert queue.empty()
    assert Journal.open(journal).duplicates(INCIDENT) == 1


async def test_storm_of_one_problem_is_one_event(journal: str) -> None:
    queue: Queue = asyncio.Queue()
    async with running(queue, journal=journal) as url:
        answers = await asyncio.gather(*(post(url, notification()) for _time in range(20)))
        await asyncio.wait_for(queue.get(), 10)
    assert sorted(body["change"] for _status, body, _headers in answers) == ["duplicate"] * 19 + ["opened"]
    assert queue.empty()


async def test_busy_engine_does_not_make_the_sender_wait(journal: str) -> None:
    queue: Queue = asyncio.Queue(1)
    async with running(queue, journal=journal) as url:
        for number in range(5):
            status, _body, _headers = await asyncio.wait_for(post(url, notification(PID=f"-{number}_1V2")), 10)
            assert status == 200
    assert len(Journal.open(journal).list_incidents()) == 5


async def test_test_notification_is_answered_and_recorded_nowhere(journal: str) -> None:
    queue: Queue = asyncio.Queue()
    async with running(queue, journal=journal) as url:
        assert (await post(url, TEST_NOTIFICATION))[:2] == (200, {"test": True})
    assert Journal.open(journal).list_incidents() == []
    assert queue.empty()


async def test_tenants_do_not_share_incidents(journal: str) -> None:
    async with running(asyncio.Queue(), journal=journal, tenant="acme") as url:
        assert (await post(url, notification()))[1]["incident"] == incident_id("dynatrace", "acme", PID) != INCIDENT


async def test_other_tag_can_name_the_service(journal: str) -> None:
    queue: Queue = asyncio.Queue()
    async with running(queue, journal=journal, service_tag="app") as url:
        await post(url, notification(Tags="service:shop, app:checkout"))
        event = await asyncio.wait_for(queue.get(), 10)
    assert event["problem"]["service"] == "checkout"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    "args, headers",
    [
        ({"dynatrace_webhook_user": "dyna", "dynatrace_webhook_password": "pw"}, basic("dyna", "pw")),
        ({"dynatrace_webhook_token": ["old", "new"]}, {"Authorization": "Bearer new"}),
        ({"dynatrace_webhook_token": "t", "dynatrace_webhook_header": "X-Token"}, {"X-Token": "t"}),
    ],
)
async def test_notification_needs_the_secret(journal: str, args: dict[str, Any], headers: dict[str, str]) -> None:
    async with running(asyncio.Queue(), journal=journal, **args) as url:
        assert (await post(url, notification()))[0] == 401
        assert Journal.open(journal).list_incidents() == []
        assert (await post(url, notification(), headers))[0] == 200


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"{", "the body is not JSON"),
        ([], "a problem notification must be a JSON object"),
        ({"PID": PID}, 'State is missing: the payload needs "State": "{State}"'),
        ({"State": "OPEN", "PID": "{PID}"}, 'PID is missing: the payload needs "PID": "{PID}"'),
    ],
)
async def test_what_is_no_notification_is_refused_with_the_field(journal: str, body: Any, reason: str) -> None:
    async with running(asyncio.Queue(), journal=journal) as url:
        status, said, _headers = await post(url, body)
    assert status == 400
    assert said["error"].startswith(reason)


async def test_large_body_is_refused(journal: str) -> None:
    async with running(asyncio.Queue(), journal=journal, max_body=2048) as url:
        assert (await post(url, notification(ProblemTitle="x" * 4096)))[0] == 413


async def test_journal_that_cannot_be_written_asks_for_a_repetition(
    journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue: Queue = asyncio.Queue()
    real = Journal.record_problems

    def full(*_arguments: Any) -> None:
        raise JournalError("the disk is full")

    async with running(queue, journal=journal) as url:
        monkeypatch.setattr(Journal, "record_problems", full)
        status, _body, headers = await post(url, notification())
        assert (status, headers["Retry-After"]) == (503, "5")
        monkeypatch.setattr(Journal, "record_problems", real)
        assert (await post(url, notification()))[1]["change"] == "opened"


async def test_what_was_not_delivered_before_the_end_stays_due(journal: str) -> None:
    stuck: Queue = asyncio.Queue(1)
    await stuck.put({})
    async with running(stuck, journal=journal) as url:
        assert (await post(url, notification()))[0] == 200
    assert Journal.open(journal).due.next_due() is not None, "the report is still due"


async def test_two_sources_share_one_listener(journal: str) -> None:
    port, first, second = free_port(), asyncio.Queue[Any](), asyncio.Queue[Any]()
    async with running(first, port=port, journal=journal, tenant="one", path="/one"):
        async with running(
            second, port=port, journal=journal, tenant="two", path="/two", dynatrace_webhook_token="t"
        ) as url:
            assert (await post(f"http://127.0.0.1:{port}/one", notification()))[0] == 200
            assert (await post(url, notification()))[0] == 401
            assert (await post(url, notification(), {"Authorization": "Bearer t"}))[0] == 200
        assert (await post(f"http://127.0.0.1:{port}/one", notification()))[1]["change"] == "duplicate"
    assert len(Journal.open(journal).list_incidents()) == 2


@pytest.mark.parametrize(
    "args, message",
    [
        ({"port": "none"}, "source dynatrace: port must be a whole number"),
        ({"dynatrace_webhook_user": "dyna"}, "dynatrace_webhook_user is set without dynatrace_webhook_password"),
        ({"dynatrace_webhook_token": ""}, "dynatrace_webhook_token is empty"),
        ({"host": "0.0.0.0"}, "/dynatrace would listen on 0.0.0.0 without any authentication"),
    ],
)
async def test_wrong_argument_is_told_at_start(journal: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await source(SOURCE)["main"](asyncio.Queue(), {"port": 0, "journal": journal, **args})
    assert caught.value.message.startswith(message)


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    """An inventory with a tool that has no settings."""
    file = tmp_path / "hosts.yml"
    file.write_text("all: {hosts: {localhost: {}}, children: {toolchain: {hosts: {dynatrace: {}}}}}\n")
    return str(file)


async def test_incomplete_inventory_is_told_before_anything_listens(
    journal: str, inventory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []

    async def create_server(*arguments: Any, **_options: Any) -> Any:
        opened.append(arguments)
        raise OSError("not in this test")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", create_server)
    with pytest.raises(ConfigurationError, match="toolchain host dynatrace: dynatrace_url is missing"):
        await source(SOURCE)["main"](asyncio.Queue(), {"journal": journal, "inventory": inventory})
    assert opened == []
