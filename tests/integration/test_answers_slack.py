# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source C(answers) with the emulated Slack: pressed buttons, told through a socket and by signed HTTP."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from ansible_collections.self_healing.devops.plugins.filter.slack_buttons import slack_buttons
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import TimelineEntry
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.slack import prepare
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import Inventory
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import Health
from sandbox.settings import ANA, BO, Person, Settings
from sandbox.slack import Slack
from support.answers_source import answering, asking_journal, until
from support.one_tool import start_tool
from support.shop import free_port
from support.slack_runs import Running, keep
from support.story import PROBLEM

INCIDENT = PROBLEM.incident
RESTART, TAKE_OVER = "self_healing:process_restart", "self_healing:take_over"
STRANGER = Person("eve", "Eve Stranger", "eve@elsewhere.example")
NAME = "dyna-2611001"


@pytest.fixture
def slack() -> Iterator[Running]:
    with start_tool(Slack, Settings(people=(ANA, BO, STRANGER))) as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with one incident about which Ana and Bo are asked."""
    called = [{"name": person.name, "email": person.email} for person in (ANA, BO)]
    opened = asking_journal(str(tmp_path / "journal.db"), called)
    yield opened
    opened.close()


@dataclass
class Setting:
    """A running source, and the Slack with the channel whose header has buttons."""

    slack: Running
    journal: Journal
    queue: asyncio.Queue[dict[str, Any]]
    port: int

    async def press(self, person: str = "ana", button: str = RESTART, **more: Any) -> dict[str, Any]:
        """Press a button as a person does, who also confirms."""
        given = {"channel": NAME, "person": person, "button": button, "confirmed": True, **more}
        return await asyncio.to_thread(lambda: self.slack.call("press", **given))

    def entries(self, *kinds: str) -> list[TimelineEntry]:
        return [entry for entry in self.journal.read(INCIDENT).timeline if entry.kind in kinds]

    async def told(self, count: int = 1) -> list[tuple[str, str]]:
        """Wait until people were told in private, and return whom and what."""

        def said() -> list[tuple[str, str]]:
            return [
                (one["to"], one["text"]) for shown in self.slack.snapshot()["channels"] for one in shown["ephemeral"]
            ]

        await until(lambda: len(said()) >= count)
        return said()

    def signed(self, body: bytes, **changes: Any) -> dict[str, str]:
        """Return the headers of a request of Slack."""
        timestamp = str(changes.get("timestamp", int(time.time())))
        secret = changes.get("secret", self.slack.settings.slack_signing_secret)
        digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        url = f"http://127.0.0.1:{self.port}/slack"
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
            return answer.status

    def payload(self, **changes: Any) -> bytes:
        """Return the body of a request as whoever knows the signing secret could write it."""
        channel = next(c for c in self.slack.tool.workspace.channels.values() if c.name == NAME)
        ana = self.slack.tool.workspace.by_email(ANA.email)
        asked = self.journal.read(INCIDENT).to_dict()["asked"]
        action = {"type": "button", "action_id": RESTART, "value": f"1:{INCIDENT}:{asked}:process_restart"}
        made = {
            "type": "block_actions",
            "api_app_id": "A0SELFHEAL",
            "team": {"id": "T0SANDBOX1"},
            "user": {"id": ana.id, "name": "ana", "team_id": "T0SANDBOX1"},
            "container": {"type": "message", "message_ts": "1795336162.000300", "channel_id": channel.id},
            "channel": {"id": channel.id, "name": NAME},
            "actions": [{**action, "action_ts": "1795336310.123456"}],
        }
        return urlencode({"payload": json.dumps({**made, **changes})}).encode()


def show(slack: Running, journal: Journal) -> dict[str, Any]:
    """Show the incident as the role does, but for the texts."""
    buttons = slack_buttons(journal.read(INCIDENT).to_dict())
    members = [ANA.email, BO.email, STRANGER.email]
    return keep(slack, marker=INCIDENT, name=NAME, members=members, header={"text": "What now?", "buttons": buttons})


@asynccontextmanager
async def running(slack: Running, tmp_path: Path, port: int, **given: Any) -> AsyncIterator[asyncio.Queue[Any]]:
    """Run the source with settings of this Slack; None leaves one out."""
    settings = slack.settings
    defaults = {
        "port": port,
        "journal": str(tmp_path / "journal.db"),
        "slack_url": f"{slack.url}/api/",
        "slack_token": settings.slack_token,
    }
    arguments = {name: value for name, value in {**defaults, **given}.items() if value is not None}
    async with answering(arguments, listens="slack_signing_secret" in arguments) as (queue, task):
        if "slack_app_token" in arguments:
            await until(lambda: task.done() or bool(slack.tool.sockets.open))
        if task.done():
            task.result()
        yield queue


def roads(slack: Running, road: str, port: int) -> dict[str, Any]:
    if road == "socket":
        return {"slack_app_token": slack.settings.slack_app_token}
    slack.settings.slack_interactivity = f"http://127.0.0.1:{port}/slack"
    return {"slack_signing_secret": slack.settings.slack_signing_secret}


@pytest.fixture(params=["socket", "http"])
async def setting(
    request: pytest.FixtureRequest, slack: Running, journal: Journal, tmp_path: Path
) -> AsyncIterator[Setting]:
    """Both roads, one after the other."""
    port = free_port()
    await asyncio.to_thread(show, slack, journal)
    async with running(slack, tmp_path, port, **roads(slack, request.param, port)) as queue:
        yield Setting(slack, journal, queue, port)


@pytest.fixture
async def posted(slack: Running, journal: Journal, tmp_path: Path) -> AsyncIterator[Setting]:
    """HTTP only."""
    port = free_port()
    await asyncio.to_thread(show, slack, journal)
    async with running(slack, tmp_path, port, **roads(slack, "http", port)) as queue:
        yield Setting(slack, journal, queue, port)


@pytest.fixture
async def connected(slack: Running, journal: Journal, tmp_path: Path) -> AsyncIterator[Setting]:
    """A socket only."""
    port = free_port()
    await asyncio.to_thread(show, slack, journal)
    async with running(slack, tmp_path, port, **roads(slack, "socket", port)) as queue:
        yield Setting(slack, journal, queue, port)


# -- both roads -------------------------------------------------------------------------------------------------------


async def test_a_pressed_button_reaches_the_rules_and_its_presser_is_told(setting: Setting) -> None:
    pressed = await setting.press()
    assert pressed["taken"] is True
    event = await asyncio.wait_for(setting.queue.get(), 5)
    assert event["answer"] == {"incident": INCIDENT, "option": "process_restart", "channel": "slack"}
    answer = setting.journal.read(INCIDENT).answer
    assert answer is not None
    assert (answer["responder"], answer["option"], answer["channel"]) == ("Ana Berg", "process_restart", "slack")
    assert answer["at"].startswith(time.strftime("%Y-%m-%dT", time.gmtime()))
    [(person, text)] = await setting.told()
    assert person == "Ana Berg"
    assert "Ana Berg chose 'Restart process' on slack" in text


async def test_whoever_presses_later_learns_who_chose_what(setting: Setting) -> None:
    await setting.press("ana")
    await setting.press("bo", TAKE_OVER)
    said = [(entry.kind, entry.data["option"]) for entry in setting.entries("answered", "answered_late")]
    assert said == [("answered", "process_restart"), ("answered_late", "take_over")]
    told = dict(await setting.told(2))
    assert "Ana Berg had chosen 'Restart process' on slack" in told["Bo Lind"]


async def test_a_press_that_is_told_several_times_is_one_answer(setting: Setting) -> None:
    setting.slack.tool.interactivity.copies = 3
    await setting.press()
    await asyncio.wait_for(setting.queue.get(), 5)
    assert len(setting.entries("answered", "answered_late", "answer_refused")) == 1
    assert setting.queue.empty()
    # Of two requests with the same signature, which the same second makes, the second one is a replay.
    assert {text for _person, text in await setting.told()} == {setting.entries("answered")[0].text}


async def test_a_stranger_in_the_channel_may_not_choose(setting: Setting) -> None:
    assert (await setting.press("eve"))["taken"] is True
    assert [entry.actor for entry in setting.entries("answer_refused")] == ["Eve Stranger"]
    assert setting.entries("answered") == []
    [(person, text)] = await setting.told()
    assert person == "Eve Stranger"
    assert "may not choose 'Restart process'" in text


async def test_the_buttons_are_gone_after_the_decision_and_a_stale_one_is_late(setting: Setting) -> None:
    await setting.press()
    shown = await asyncio.to_thread(show, setting.slack, setting.journal)
    assert shown["changed"]
    offered = [option["name"] for option in setting.journal.read(INCIDENT).to_dict()["offered"]]
    assert "process_restart" not in offered
    assert (await setting.press("bo"))["error"] == "no_such_button"
    assert (await setting.press("bo", stale=True))["taken"] is True
    assert [entry.actor for entry in setting.entries("answered_late")] == ["Bo Lind"]
    assert not (await asyncio.to_thread(show, setting.slack, setting.journal))["changed"]


async def test_a_press_is_not_lost_while_slack_does_not_tell_who_it_was(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    setting.slack.tool.sockets.ack_seconds = 0.5
    setting.slack.faults.add("slack", "status", path="/api/users.info", status=503, times=2)
    assert (await setting.press())["taken"] is False
    await asyncio.wait_for(setting.queue.get(), 10)
    assert [entry.actor for entry in setting.entries("answered")] == ["Ana Berg"]
    texts = [text for _person, text in await setting.told(2)]
    assert texts[0].startswith("This is not recorded yet")
    assert "chose 'Restart process'" in texts[1]
    assert "cannot be recorded now" in caplog.text


async def test_no_secret_is_in_the_log(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    setting.slack.faults.add("slack", "drop", path="/actions/")
    await setting.press()
    await until(lambda: "could not be told" in caplog.text)
    settings = setting.slack.settings
    secrets = [settings.slack_token, settings.slack_app_token, settings.slack_signing_secret, "/actions/T0", "ticket="]
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name != "aiohttp.access")
    assert [secret for secret in secrets if secret in ours] == []


# -- signed HTTP ------------------------------------------------------------------------------------------------------


async def test_a_request_counts_once_and_only_as_it_was_signed(posted: Setting) -> None:
    body = posted.payload()
    now = int(time.time())
    for headers in (
        {},
        posted.signed(body, secret="another"),
        posted.signed(body, timestamp=now - 301),
        posted.signed(body, timestamp=now + 301),
        posted.signed(body + b"&"),
        {**posted.signed(body), "X-Slack-Request-Timestamp": str(now - 1)},
        {**posted.signed(body), "X-Slack-Signature": "v0=" + "0" * 64},
    ):
        assert await posted.post(body, headers) == 401
    assert posted.entries("answered") == []
    headers = posted.signed(body)
    assert [await posted.post(body, headers), await posted.post(body, headers)] == [200, 401]
    assert len(posted.entries("answered", "answered_late")) == 1


async def test_another_workspace_or_app_records_nothing(posted: Setting, caplog: pytest.LogCaptureFixture) -> None:
    for changes in ({"team": {"id": "T0ELSEWHERE"}}, {"api_app_id": "A0ANOTHER"}):
        body = posted.payload(**changes)
        assert await posted.post(body, posted.signed(body)) == 200
    assert posted.entries("answered", "answered_late", "answer_refused") == []
    assert caplog.text.count("is not of our workspace and app") == 2


async def test_the_address_of_somebody_from_elsewhere_counts_for_nothing(posted: Setting) -> None:
    """Whoever shares a channel with us brings an address that another workspace vouches for."""
    ana = posted.slack.tool.workspace.by_email(ANA.email)
    body = posted.payload(user={"id": ana.id, "name": "ana", "team_id": "T0ELSEWHERE"})
    assert await posted.post(body, posted.signed(body)) == 200
    assert posted.entries("answered") == []
    assert len(posted.entries("answer_refused")) == 1


async def test_a_response_url_that_is_not_slack_is_never_called(
    posted: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    body = posted.payload(response_url="https://hooks.slack.com.evil.example/actions/T0/1/x")
    assert await posted.post(body, posted.signed(body)) == 200
    await until(lambda: "is not one of Slack: not called" in caplog.text)


async def test_a_signed_body_that_is_no_press_is_refused(posted: Setting) -> None:
    for body in (b"", b"payload=", b"payload=%7B", b"a=b", b"\xff", b"payload=1&payload=2", b"{}"):
        assert await posted.post(body, posted.signed(body)) == 400


async def test_what_is_about_something_else_is_taken_and_left(posted: Setting) -> None:
    for changes in ({"type": "view_submission"}, {"actions": [{"action_id": "open", "action_ts": "1.0"}]}):
        body = posted.payload(**changes)
        assert await posted.post(body, posted.signed(body)) == 200
    assert posted.entries("answered", "answered_late", "answer_refused") == []


async def test_the_old_secret_counts_while_it_is_changed(slack: Running, journal: Journal, tmp_path: Path) -> None:
    port, old = free_port(), slack.settings.slack_signing_secret
    await asyncio.to_thread(show, slack, journal)
    roads(slack, "http", port)
    async with running(slack, tmp_path, port, slack_signing_secret=["new", old]) as queue:
        setting = Setting(slack, journal, queue, port)
        assert (await setting.press())["taken"] is True


# -- sockets ----------------------------------------------------------------------------------------------------------


async def test_a_socket_that_is_to_be_refreshed_is_replaced(connected: Setting) -> None:
    sockets = connected.slack.tool.sockets

    def reopened(times: int) -> bool:
        return sockets.opened >= times and bool(sockets.open)

    for opened in (2, 3):
        await asyncio.to_thread(lambda: connected.slack.run(sockets.refresh()))
        await until(partial(reopened, opened))
    assert (await connected.press())["taken"] is True


def channel_is_open() -> bool:
    """Return what /metrics tells of the socket."""
    page = metrics().page(None, Health({}), utc_now())
    assert page is not None
    return b'self_healing_channel_open{channel="slack"} 1.0' in page.body.splitlines()


async def test_a_lost_socket_is_opened_again(connected: Setting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sockets = connected.slack.tool.sockets
    assert channel_is_open()
    connected.slack.faults.add("slack", "status", path="/api/apps.connections.open", status=503, times=3)
    await asyncio.to_thread(lambda: connected.slack.run(sockets.cut()))
    await until(lambda: not channel_is_open())
    await until(lambda: sockets.opened >= 2 and bool(sockets.open) and channel_is_open())
    assert (await connected.press())["taken"] is True
    assert "do not arrive now" in caplog.text
    assert "the socket is open again" in caplog.text


async def test_a_press_that_is_sent_again_is_one_answer(connected: Setting) -> None:
    """The acknowledgement came too late for the first one."""
    interactivity, sockets = connected.slack.tool.interactivity, connected.slack.tool.sockets
    interactivity.retries, sockets.ack_seconds = 3, 0.0
    await connected.press()
    await asyncio.wait_for(connected.queue.get(), 5)
    await connected.told(4)
    assert len(connected.entries("answered", "answered_late")) == 1


async def crowd(slack: Running) -> list[bool]:
    """Press twelve times at the same moment."""
    presses = [
        {"person": "bo" if n % 2 else "ana", "button": RESTART if n % 3 else TAKE_OVER, "channel": NAME}
        for n in range(12)
    ]
    press = slack.tool.interactivity.press
    return [
        pressed["taken"] for pressed in await asyncio.gather(*(press({**one, "confirmed": True}) for one in presses))
    ]


async def test_several_workers_have_a_socket_each(slack: Running, journal: Journal, tmp_path: Path) -> None:
    await asyncio.to_thread(show, slack, journal)
    async with AsyncExitStack() as stack:
        for _worker in range(3):
            port = free_port()
            await stack.enter_async_context(running(slack, tmp_path, port, **roads(slack, "socket", port)))
        await until(lambda: len(slack.tool.sockets.open) == 3)
        setting = Setting(slack, journal, asyncio.Queue(), 0)
        assert all(await asyncio.to_thread(lambda: slack.run(crowd(slack))))
        await until(lambda: len(setting.entries("answered", "answered_late")) == 12)
    assert len(setting.entries("answered")) == 1


# -- settings ---------------------------------------------------------------------------------------------------------


async def test_without_settings_slack_is_simply_off(
    slack: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running(slack, tmp_path, free_port()):
        await until(lambda: "no answers are taken from Slack" in caplog.text)
    assert slack.tool.sockets.opened == 0


@pytest.mark.parametrize(
    "given, words",
    [
        ({"slack_token": None, "slack_app_token": "xapp-1"}, "slack_token is missing"),
        ({"slack_token": "{{ vault }}", "slack_signing_secret": "s"}, "slack_token is missing"),
        ({"slack_app_token": "{{ vault }}"}, "slack_app_token is missing"),
        ({"slack_signing_secret": ["new", ""]}, "slack_signing_secret is empty"),
        ({"slack_signing_secret": "{{ vault }}"}, "slack_signing_secret is a template"),
        ({"slack_signing_secret": "s", "slack_path": "slack"}, "slack_path must be a plain path"),
        ({"slack_signing_secret": "s", "slack_url": "slack.com"}, "is no address"),
    ],
)
async def test_a_wrong_setting_is_named_before_anything_listens(
    slack: Running, tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        async with running(slack, tmp_path, free_port(), **given):
            pass
    assert not (tmp_path / "journal.db").exists()


async def test_settings_may_come_from_the_environment(
    slack: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"slack_url": f"{slack.url}/api/", "slack_token": slack.settings.slack_token}
    for name, value in {**given, "slack_app_token": slack.settings.slack_app_token}.items():
        monkeypatch.setenv(name.upper(), value)
    async with running(slack, tmp_path, free_port(), slack_url=None, slack_token=None):
        await until(lambda: bool(slack.tool.sockets.open))


@pytest.mark.parametrize("secret", [{"slack_app_token": "xapp-1"}, {"slack_signing_secret": ["new", "old"]}, {}])
def test_settings_may_come_from_the_inventory(secret: dict[str, Any]) -> None:
    tool = {"self_healing_tool": "slack", "slack_token": "xoxb-1", **secret}
    inventory = Inventory({"chat": tool, "localhost": {}}, ("chat",))
    assert (prepare({}, inventory) is not None) == bool(secret)
