# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source C(answers): real webhooks of the emulated xMatters, confirmed over its REST API, into a journal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from ansible_collections.self_healing.devops.plugins.module_utils.incident import TimelineEntry, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.modules import xmatters_alert
from sandbox.settings import Webhook
from sandbox.xmatters import XMatters
from support.answers_source import MAIN, answering, asking_journal, listening, until
from support.one_tool import OneTool, start_tool
from support.shop import free_port
from support.story import PROBLEM

INCIDENT = PROBLEM.incident
TOKEN = "a-token-for-the-webhook"


@dataclass
class Setting:
    """A running source with the xMatters that posts to it."""

    xmatters: OneTool[XMatters]
    journal: Journal
    queue: asyncio.Queue[dict[str, Any]]
    url: str
    alert: str

    async def respond(self, person: str = "ana", option: int = 1, comment: str | None = None) -> None:
        """Do what a responder does on the phone."""
        arguments = {"alert": self.alert, "person": person, "option": option, "comment": comment}
        assert (await asyncio.to_thread(self.xmatters.call, "respond", **arguments))["ok"]

    async def post(self, body: Any, token: str = TOKEN) -> tuple[int, dict[str, str]]:
        """Post as anybody could and return status and headers."""
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession() as session, session.post(self.url, json=body, headers=headers) as answer:
            return answer.status, dict(answer.headers)

    async def posted(self, count: int) -> list[int | None]:
        """Wait until xMatters posted C(count) webhooks and return how they were answered."""
        await until(lambda: len(self.xmatters.snapshot()["webhooks"]) >= count)
        return [webhook["status"] for webhook in self.xmatters.snapshot()["webhooks"]]

    def entries(self, *kinds: str) -> list[TimelineEntry]:
        return [entry for entry in self.journal.read(INCIDENT).timeline if entry.kind in kinds]

    def hint(self, **changes: Any) -> dict[str, Any]:
        """Return a webhook's body as a stranger could write it."""
        number = self.xmatters.tool.alerts[self.alert].number
        body = {"eventIdentifier": number, "recipient": "ana", "response": "Restart process", "annotation": "null"}
        return {**body, "eventProperties": [{"incident_id": INCIDENT}], **changes}


@pytest.fixture
def xmatters() -> Iterator[OneTool[XMatters]]:
    with start_tool(XMatters) as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with one incident about which somebody is asked."""
    opened = asking_journal(str(tmp_path / "journal.db"))
    yield opened
    opened.close()


def arguments(xmatters: OneTool[XMatters], tmp_path: Path, port: int, **changes: Any) -> dict[str, Any]:
    given = {
        "port": port,
        "xmatters_webhook_token": TOKEN,
        "journal": str(tmp_path / "journal.db"),
        "xmatters_url": xmatters.url,
        "xmatters_user": xmatters.settings.xmatters_user,
        "xmatters_password": xmatters.settings.xmatters_password,
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def alert_of(xmatters: OneTool[XMatters], marker: str, options: list[Any]) -> str:
    given = {
        "xmatters_url": xmatters.url,
        "xmatters_user": xmatters.settings.xmatters_user,
        "xmatters_password": xmatters.settings.xmatters_password,
        "xmatters_form_url": xmatters.tool.form_url,
        "marker": marker,
        "response_options": options,
    }
    checked = ArgumentSpecValidator(xmatters_alert.SPEC.options).validate(given)
    return str(xmatters_alert.run(checked.validated_parameters, False, RequestsTransport())["id"])


@pytest.fixture
async def setting(xmatters: OneTool[XMatters], journal: Journal, tmp_path: Path) -> AsyncIterator[Setting]:
    port = free_port()
    url = f"http://127.0.0.1:{port}/xmatters"
    xmatters.settings.xmatters_webhook = Webhook(url, {"Authorization": f"Bearer {TOKEN}"})
    options = list(journal.read(INCIDENT).options)
    alert = await asyncio.to_thread(alert_of, xmatters, INCIDENT, options)
    async with answering(arguments(xmatters, tmp_path, port)) as (queue, _task):
        yield Setting(xmatters, journal, queue, url, alert)


async def test_an_answer_reaches_the_rules(setting: Setting) -> None:
    await setting.respond(comment="{{ 7 * 7 }}")
    assert await setting.posted(1) == [200]
    event = await asyncio.wait_for(setting.queue.get(), 5)
    assert event["answer"] == {"incident": INCIDENT, "option": "process_restart", "channel": "xmatters"}
    answer = setting.journal.read(INCIDENT).answer
    assert answer is not None
    [audit] = [a for a in setting.xmatters.tool.alerts[setting.alert].audits if a.type == "RESPONSE_RECEIVED"]
    assert (answer["responder"], answer["option"], answer["alert"]) == ("Ana Berg", "process_restart", setting.alert)
    assert answer["comment"] == "{{ 7 * 7 }}"
    assert answer["at"] == audit.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize("style", ["agent", "flow"])
async def test_other_spellings_of_the_webhook(setting: Setting, style: str) -> None:
    setting.xmatters.tool.webhook_style = style
    await setting.respond()
    assert await setting.posted(1) == [200]
    assert len(setting.entries("answered")) == 1


async def test_a_repeated_webhook_is_one_answer(setting: Setting) -> None:
    setting.xmatters.tool.webhook_copies = 3
    await setting.respond()
    assert await setting.posted(3) == [200, 200, 200]
    await asyncio.wait_for(setting.queue.get(), 5)
    assert len(setting.entries("answered", "answered_late")) == 1
    assert setting.queue.empty()


async def test_the_second_choice_is_late(setting: Setting) -> None:
    await setting.respond(option=1)
    assert await setting.posted(1) == [200]
    await setting.respond(option=3)
    assert await setting.posted(2) == [200, 200]
    said = [(entry.kind, entry.data["option"]) for entry in setting.entries("answered", "answered_late")]
    assert said == [("answered", "process_restart"), ("answered_late", "take_over")]


def shows(journal: Journal, alert: str) -> None:
    """Let the journal know the alert, as a run of the role does."""
    journal.tools.show(INCIDENT, ToolState("pager", "xmatters", alert), None)


async def test_an_answer_whose_webhook_nobody_heard_is_found_at_start(
    xmatters: OneTool[XMatters], journal: Journal, tmp_path: Path
) -> None:
    """The process that was to hear it had been killed."""
    alert = await asyncio.to_thread(alert_of, xmatters, INCIDENT, list(journal.read(INCIDENT).options))
    shows(journal, alert)
    assert (await asyncio.to_thread(xmatters.call, "respond", alert=alert, person="ana", option=1))["ok"]
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    running = asyncio.create_task(MAIN(queue, arguments(xmatters, tmp_path, free_port())))
    try:
        event = await asyncio.wait_for(queue.get(), 10)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert event["answer"] == {"incident": INCIDENT, "option": "process_restart", "channel": "xmatters"}
    assert journal.read(INCIDENT).answer["responder"] == "Ana Berg"


async def test_an_answer_whose_webhook_nobody_heard_is_found_while_it_runs(
    xmatters: OneTool[XMatters], journal: Journal, tmp_path: Path
) -> None:
    """Also after xMatters could not be asked for a time."""
    alert = await asyncio.to_thread(alert_of, xmatters, INCIDENT, list(journal.read(INCIDENT).options))
    shows(journal, alert)
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    xmatters.faults.add("xmatters", "status", path="/events", times=6, status=500)
    given = arguments(xmatters, tmp_path, free_port(), reconcile_interval=0.1)
    running = asyncio.create_task(MAIN(queue, given))
    try:
        await until(lambda: not any(fault.times for fault in xmatters.faults.waiting), 20)
        assert (await asyncio.to_thread(xmatters.call, "respond", alert=alert, person="ana", option=1))["ok"]
        event = await asyncio.wait_for(queue.get(), 10)
        assert event["answer"]["option"] == "process_restart"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [entry.kind for entry in journal.read(INCIDENT).timeline].count("answered") == 1


async def test_a_lost_webhook_is_made_up_for_by_the_next(setting: Setting) -> None:
    setting.xmatters.tool.webhook_copies = 0
    await setting.respond("ana", 4)
    setting.xmatters.tool.webhook_copies = 1
    await setting.respond("bo", 1)
    assert await setting.posted(1) == [200]
    assert [entry.actor for entry in setting.entries("answered", "answered_late")] == ["Ana Berg", "Bo Lind"]


async def test_a_forged_webhook_records_nothing(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        status, _headers = await setting.post(setting.hint(annotation="very secret"))
    assert status == 202
    assert "no such response is in the alert's audit log" in caplog.text
    assert "very secret" not in caplog.text
    assert setting.entries("answered", "answered_late") == []
    assert setting.queue.empty()


async def test_a_forged_choice_does_not_replace_the_real_one(setting: Setting) -> None:
    await setting.respond("ana", 3)
    assert await setting.posted(1) == [200]
    assert (await setting.post(setting.hint(response="Restart process")))[0] == 202
    assert [entry.data["option"] for entry in setting.entries("answered")] == ["take_over"]


async def test_the_incident_is_read_from_the_alert_and_not_from_the_webhook(setting: Setting) -> None:
    other = await asyncio.to_thread(alert_of, setting.xmatters, "iaaaaaaaaaaaa", [])
    number = setting.xmatters.tool.alerts[other].number
    await asyncio.to_thread(setting.xmatters.call, "respond", alert=other, person="ana", option=1)
    assert await setting.posted(1) == [200]
    assert (await setting.post(setting.hint(eventIdentifier=number)))[0] == 200
    assert setting.entries("answered", "answered_late") == []


@pytest.mark.parametrize("changes", [{"eventIdentifier": "99"}, {"eventIdentifier": 99}])
async def test_an_unknown_alert_records_nothing(setting: Setting, changes: dict[str, Any]) -> None:
    assert (await setting.post(setting.hint(**changes)))[0] == 202


async def test_an_alert_of_somebody_else_records_nothing(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    other = await asyncio.to_thread(alert_of, setting.xmatters, "not an incident", [])
    await asyncio.to_thread(setting.xmatters.call, "respond", alert=other, person="ana", option=1)
    assert await setting.posted(1) == [202]
    assert "belongs to no incident" in caplog.text


async def test_a_wrong_secret_is_refused(setting: Setting) -> None:
    asked = len(setting.xmatters.faults.requests)
    assert (await setting.post(setting.hint(), token="wrong"))[0] == 401
    assert len(setting.xmatters.faults.requests) == asked


@pytest.mark.parametrize("body", [[], {}, {"eventIdentifier": "1/../people", "response": "x", "recipient": "y"}])
async def test_a_body_that_is_no_response_is_refused(setting: Setting, body: Any) -> None:
    assert (await setting.post(body))[0] == 400


async def test_nothing_is_lost_while_xmatters_is_down(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    setting.xmatters.faults.add("xmatters", "status", method="GET", path="/events/", status=503, times=2)
    await setting.respond()
    # xMatters does not repeat what was answered 503: the source follows up by itself.
    assert await setting.posted(1) == [503]
    assert "cannot be confirmed now" in caplog.text
    event = await asyncio.wait_for(setting.queue.get(), 10)
    assert event["answer"]["option"] == "process_restart"
    assert len(setting.xmatters.snapshot()["webhooks"]) == 1


async def test_the_sender_is_asked_to_repeat_while_xmatters_is_down(setting: Setting) -> None:
    setting.xmatters.faults.add("xmatters", "drop", method="GET", times=2)
    status, headers = await setting.post(setting.hint())
    assert (status, headers["Retry-After"]) == (503, "5")


async def test_an_audit_log_that_lags_is_read_again(setting: Setting) -> None:
    empty = '{"count": 0, "total": 0, "data": [], "links": {}}'
    setting.xmatters.faults.add("xmatters", "status", path="/audits$", status=200, body=empty)
    await setting.respond()
    assert await setting.posted(1) == [202]
    event = await asyncio.wait_for(setting.queue.get(), 10)
    assert event["answer"]["option"] == "process_restart"


@pytest.mark.parametrize("name", ["xmatters_url", "xmatters_user", "xmatters_password"])
async def test_a_missing_argument_is_named_before_anything_listens(
    xmatters: OneTool[XMatters], tmp_path: Path, name: str
) -> None:
    given = arguments(xmatters, tmp_path, free_port())
    del given[name]
    with pytest.raises(ConfigurationError, match=f"source answers: {name} is missing"):
        await asyncio.wait_for(MAIN(asyncio.Queue(), given), 5)
    assert not (tmp_path / "journal.db").exists()


async def test_settings_may_come_from_the_environment(
    xmatters: OneTool[XMatters], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = arguments(xmatters, tmp_path, free_port())
    for name in ("xmatters_url", "xmatters_user", "xmatters_password"):
        monkeypatch.setenv(name.upper(), given.pop(name))
    running = asyncio.create_task(MAIN(asyncio.Queue(), given))
    await listening(given["port"], running)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    """Write an inventory with these hosts in the tool chain, and return its path."""

    def write(tools: dict[str, Any]) -> str:
        groups = {"toolchain": {"hosts": tools}}
        path = tmp_path / "hosts.yml"
        path.write_text(json.dumps({"all": {"hosts": {"localhost": {}}, "children": groups}}))
        return str(path)

    return write


async def test_settings_may_come_from_the_inventory(
    xmatters: OneTool[XMatters], tmp_path: Path, inventory: Callable[[dict[str, Any]], str]
) -> None:
    given = arguments(xmatters, tmp_path, free_port())
    names = ("xmatters_url", "xmatters_user", "xmatters_password")
    tool = {name: given.pop(name) for name in names}
    more = {"xmatters_form_url": xmatters.tool.form_url, "xmatters_recipients": ["Checkout SRE"]}
    given["inventory"] = inventory({"pager": {"self_healing_tool": "xmatters", **tool, **more}})
    running = asyncio.create_task(MAIN(asyncio.Queue(), given))
    await listening(given["port"], running)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_without_xmatters_no_answers_are_taken_from_it(
    xmatters: OneTool[XMatters],
    tmp_path: Path,
    inventory: Callable[[dict[str, Any]], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = {"port": free_port(), "inventory": inventory({})}
    running = asyncio.create_task(MAIN(asyncio.Queue(), given))
    while "no answers are taken from it" not in caplog.text:
        assert not running.done()
        await asyncio.sleep(0.05)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", given["port"])
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_strangers_need_a_secret(xmatters: OneTool[XMatters], tmp_path: Path) -> None:
    given = arguments(xmatters, tmp_path, free_port(), host="0.0.0.0", xmatters_webhook_token=None)
    with pytest.raises(ConfigurationError, match="without any authentication"):
        await asyncio.wait_for(MAIN(asyncio.Queue(), given), 5)
