# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source dynatrace finds over HTTP what the emulated Dynatrace did not notify, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import reports
from ansible_collections.self_healing.devops.plugins.module_utils.clients import dynatrace as wire
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import incident_id
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from sandbox.dynatrace import Dynatrace
from sandbox.settings import Webhook
from support.one_tool import OneTool, start_tool
from support.shop import free_port
from support.tree import INSTALLED, source

MAIN = source(INSTALLED / "extensions/eda/plugins/event_source/dynatrace.py")["main"]
HOUR = 3_600_000
ALL = r"/api/v2/problems$"


@dataclass
class Setting:
    """An emulated Dynatrace, a journal, and what the source does with both."""

    dynatrace: OneTool[Dynatrace]
    journal: Journal
    location: str
    port: int = field(default_factory=free_port)
    queue: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    @property
    def webhook(self) -> str:
        return f"http://127.0.0.1:{self.port}/dynatrace"

    def arguments(self, **changes: Any) -> dict[str, Any]:
        given = {
            "port": self.port,
            "journal": self.location,
            "dynatrace_url": self.dynatrace.url,
            "dynatrace_token": self.dynatrace.settings.dynatrace_token,
            "reconcile_interval": 0.1,
            **changes,
        }
        return {name: value for name, value in given.items() if value is not None}

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator[asyncio.Task[None]]:
        """Run the source while the block runs; it must not end before."""
        task = asyncio.create_task(MAIN(self.queue, self.arguments(**changes)))
        try:
            await self.until(self._listens, task)
            yield task
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listens(self) -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}/healthz"):
                return True
        except aiohttp.ClientConnectorError:
            return False

    async def until(self, condition: Callable[[], Any], task: asyncio.Task[None]) -> None:
        async with asyncio.timeout(60):
            while True:
                if task.done():
                    task.result()
                    pytest.fail("the source ended")
                met = condition()
                if await met if asyncio.iscoroutine(met) else met:
                    return
                await asyncio.sleep(0.02)

    async def event(self) -> tuple[str, str]:
        """Wait for the next event and return the incident and the status of the problem in it."""
        event = await asyncio.wait_for(self.queue.get(), 60)
        return event["problem"]["incident"], event["problem"]["status"]

    def notify(self, wanted: bool) -> None:
        """Let Dynatrace notify, or keep quiet about everything."""
        self.dynatrace.settings.dynatrace_webhook = Webhook(self.webhook) if wanted else None

    async def open(self, title: str = "Process unavailable") -> str:
        """Let a problem appear and return its id."""
        arguments = {"title": title, "event_type": "PGI_UNAVAILABLE", "name": "shop"}
        opened = await asyncio.to_thread(self.dynatrace.call, "open", **arguments)
        return str(opened["pid"])

    async def close(self, pid: str) -> None:
        assert (await asyncio.to_thread(self.dynatrace.call, "resolve", pid=pid))["ok"]

    async def reopen(self, pid: str) -> None:
        async def again() -> None:
            self.dynatrace.tool.reopen_problem(self.dynatrace.tool.world.problems[pid])

        await asyncio.to_thread(self.dynatrace.run, again())

    def looks(self) -> int:
        """Return how often the list of problems was asked for."""
        return self.dynatrace.faults.count("dynatrace", "GET", ALL)

    async def after_looks(self, count: int, task: asyncio.Task[None]) -> None:
        """Wait until Dynatrace was asked C(count) times more."""
        before = self.looks()
        await self.until(lambda: self.looks() >= before + count, task)


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    location = str(tmp_path / "journal.db")
    journal = Journal.open(location)
    with start_tool(Dynatrace) as dynatrace:
        yield Setting(dynatrace, journal, location)
    journal.close()


def incident(pid: str) -> str:
    return incident_id("dynatrace", "default", pid)


async def test_problem_that_opened_before_the_start_is_found_at_start(setting: Setting) -> None:
    pid = await setting.open("Process {{ unavailable }}")
    async with setting.running(reconcile_interval=3600):
        assert await setting.event() == (incident(pid), "open")
    known = setting.journal.read(incident(pid))
    assert known.problem["title"] == "Process {{ unavailable }}"
    assert known.problem["url"] == f"{setting.dynatrace.url}/#problems/problemdetails;pid={pid}"
    assert known.problem["kind"] == "process_crash"


async def test_closing_and_opening_again_without_a_notification_are_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "READING_LAG", timedelta(0))
    setting.notify(True)
    async with setting.running():
        pid = await setting.open()
        assert await setting.event() == (incident(pid), "open")
        setting.notify(False)
        await setting.close(pid)
        assert await setting.event() == (incident(pid), "resolved")
        await setting.reopen(pid)
        assert await setting.event() == (incident(pid), "open")
        await setting.close(pid)
        assert await setting.event() == (incident(pid), "resolved")
    kinds = [entry.kind for entry in setting.journal.read(incident(pid)).timeline]
    assert [kind for kind in kinds if kind in ("detected", "resolved", "reopened")] == [
        *("detected", "resolved", "reopened", "resolved")
    ]


async def test_nothing_is_lost_while_the_source_is_down(setting: Setting) -> None:
    setting.notify(True)
    async with setting.running():
        first = await setting.open()
        assert await setting.event() == (incident(first), "open")
    await setting.close(first)
    second = await setting.open()
    # These notifications find nobody: the emulated Dynatrace does not repeat them.
    async with setting.running():
        found = {await setting.event(), await setting.event()}
    assert found == {(incident(first), "resolved"), (incident(second), "open")}


async def test_what_was_notified_is_not_told_again(setting: Setting) -> None:
    setting.notify(True)
    async with setting.running() as task:
        pid = await setting.open()
        assert await setting.event() == (incident(pid), "open")
        await setting.after_looks(4, task)
        await setting.close(pid)
        assert await setting.event() == (incident(pid), "resolved")
        await setting.after_looks(4, task)
    assert setting.queue.empty()
    assert setting.journal.duplicates(incident(pid)) == 0


async def test_list_of_several_pages_is_read_completely(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PROBLEMS_PER_PAGE", 3)
    pids = [await setting.open() for _number in range(10)]
    async with setting.running(reconcile_interval=3600):
        found = [await setting.event() for _pid in pids]
    assert sorted(found) == sorted((incident(pid), "open") for pid in pids)
    assert setting.looks() == 4


async def test_problem_that_ended_long_ago_is_looked_up(setting: Setting) -> None:
    pid = await setting.open()
    problem = setting.dynatrace.tool.world.problems[pid]
    problem.start -= 3 * HOUR
    async with setting.running(reconcile_since=86_400):
        assert await setting.event() == (incident(pid), "open")
    # It ended where the next list does not look, for instance while the token lacked the right to see it.
    problem.end = problem.start + 2 * HOUR
    async with setting.running():
        assert await setting.event() == (incident(pid), "resolved")
    assert setting.dynatrace.faults.count("dynatrace", "GET", rf"/problems/{pid}$") > 0


async def test_only_problems_of_the_alerting_profile_are_looked_for(setting: Setting) -> None:
    pid = await setting.open()
    setting.notify(True)
    async with setting.running(reconcile_profile='Another "profile"') as task:
        await setting.after_looks(2, task)
        told = await setting.open()
        assert await setting.event() == (incident(told), "open")
        setting.notify(False)
        # What was told is looked after, whatever the profile.
        await setting.close(told)
        assert await setting.event() == (incident(told), "resolved")
    async with setting.running(reconcile_profile="Default"):
        assert await setting.event() == (incident(pid), "open")


HTML = "<html><body>502 Bad Gateway {{ 7*7 }}</body></html>"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "headers": {"Retry-After": "0.1"}},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "86400"}},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503, "body": HTML},
        {"kind": "status", "status": 401, "body": "Token Authentication failed"},
        {
            "kind": "status",
            "status": 403,
            "body": '{"error":{"code":403,"message":"Token is missing required scope."}}',
        },
        {"kind": "status", "status": 200, "body": HTML},
        {"kind": "status", "status": 200, "body": ""},
        {"kind": "status", "status": 200, "body": "null"},
        {"kind": "status", "status": 200, "body": '{"problems": null, "nextPageKey": null}'},
        {"kind": "status", "status": 200, "body": '{"problems": [null, {"problemId": null}], "nextPageKey": 7}'},
        {"kind": "status", "status": 302, "headers": {"Location": "https://sso.example.com/"}},
        {"kind": "drop"},
        {"kind": "drop_after"},
    ],
    ids=lambda fault: "-".join(str(value)[:20] for value in fault.values()),
)
async def test_after_failures_the_missed_problem_is_found(
    setting: Setting, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    setting.dynatrace.faults.add("dynatrace", method="GET", path=ALL, times=4, **fault)
    missed = await setting.open()
    setting.notify(True)
    async with setting.running(reconcile_interval=0.05) as task:
        # Notifications are taken meanwhile.
        told = await setting.open()
        assert await setting.event() == (incident(told), "open")
        assert await setting.event() == (incident(missed), "open")
        await setting.until(lambda: "can be asked again" in caplog.text, task)
    assert setting.dynatrace.settings.dynatrace_token not in caplog.text
    assert caplog.text.count("cannot be asked") == 1
    assert caplog.text.count("can be asked again") == 1


async def test_fields_without_values_do_not_hide_the_other_problems(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    empty = dict.fromkeys(("displayId", "title", "severityLevel", "entityTags", "evidenceDetails", "startTime"))
    odd = [{"problemId": "-1_1V2", "status": None, **empty}, {"problemId": "-2_1V2", "status": "OPEN", **empty}, None]
    body = json.dumps({"problems": odd, "nextPageKey": None})
    setting.dynatrace.faults.add("dynatrace", "status", method="GET", path=ALL, status=200, body=body, times=3)
    async with setting.running() as task:
        assert await setting.event() == (incident("-2_1V2"), "open")
        await setting.after_looks(3, task)
    assert caplog.text.count("cannot be understood and is left out: -1_1V2") == 1
    assert caplog.text.count("one without an id") == 1


async def test_dynatrace_that_does_not_answer_is_not_waited_for(setting: Setting) -> None:
    setting.dynatrace.faults.add("dynatrace", "delay", method="GET", path=ALL, seconds=5, times=3)
    pid = await setting.open()
    async with setting.running(timeout=0.2):
        assert await setting.event() == (incident(pid), "open")


async def test_dynatrace_that_is_down_is_found_again(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    pid = await setting.open()
    port = int(setting.dynatrace.url.rpartition(":")[2])
    url = setting.dynatrace.url
    await asyncio.to_thread(setting.dynatrace.run, setting.dynatrace.tool.stop())
    async with setting.running(dynatrace_url=url) as task:
        await setting.until(lambda: "cannot be reached" in caplog.text, task)
        await asyncio.to_thread(setting.dynatrace.run, setting.dynatrace.tool.start(port))
        assert await setting.event() == (incident(pid), "open")


@pytest.mark.parametrize("name", ["dynatrace_url", "dynatrace_token"])
async def test_without_a_setting_notifications_are_taken_all_the_same(
    setting: Setting, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    setting.notify(True)
    async with setting.running(**{name: None}):
        pid = await setting.open()
        assert await setting.event() == (incident(pid), "open")
    assert caplog.text.count("will not be found") == 1
    assert f"will not be found: {name} must be given" in caplog.text
    assert setting.looks() == 0


async def test_nobody_has_to_be_asked(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    async with setting.running(reconcile_interval=0):
        pass
    assert setting.looks() == 0
    assert "will not be found" not in caplog.text


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"reconcile_interval": "often"}, "source dynatrace: reconcile_interval must be a number of seconds"),
        ({"reconcile_since": -1}, "source dynatrace: reconcile_since must be a number of seconds"),
        ({"timeout": 0}, "source dynatrace: timeout must be more than 0 seconds"),
        ({"dynatrace_url": "abc12345"}, "Dynatrace: 'abc12345/api/v2' is no address"),
    ],
)
async def test_wrong_setting_is_told_at_start(setting: Setting, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await asyncio.wait_for(MAIN(setting.queue, setting.arguments(**changes)), 10)
    assert caught.value.message.startswith(message)


def inventory(path: Path, tools: dict[str, Any]) -> str:
    groups = {
        "toolchain": {"hosts": {name: {"self_healing_tool": "dynatrace", **tool} for name, tool in tools.items()}}
    }
    path.write_text(json.dumps({"all": {"hosts": {"localhost": {}}, "children": groups}}))
    return str(path)


async def test_settings_are_those_of_the_tool_that_takes_this_tenant(setting: Setting, tmp_path: Path) -> None:
    own = {"dynatrace_url": setting.dynatrace.url, "dynatrace_token": setting.dynatrace.settings.dynatrace_token}
    other = {"dynatrace_url": "http://127.0.0.1:9", "dynatrace_token": "x"}
    tools = {"any": other, "beta": {**other, "dynatrace_tenant": "beta"}, "acme": {**own, "dynatrace_tenant": "acme"}}
    path = inventory(tmp_path / "hosts.yml", tools)
    pid = await setting.open()
    async with setting.running(dynatrace_url=None, dynatrace_token=None, inventory=path, tenant="acme"):
        assert await setting.event() == (incident_id("dynatrace", "acme", pid), "open")


async def test_two_tools_that_may_be_meant_are_not_guessed_between(
    setting: Setting, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = {"dynatrace_url": setting.dynatrace.url, "dynatrace_token": setting.dynatrace.settings.dynatrace_token}
    path = inventory(tmp_path / "hosts.yml", {"one": own, "two": own})
    async with setting.running(dynatrace_url=None, dynatrace_token=None, inventory=path):
        assert "will not be found" in caplog.text
    assert setting.looks() == 0


async def test_two_tenants_with_one_journal_do_not_mix(setting: Setting) -> None:
    pid = await setting.open()
    with start_tool(Dynatrace) as second:
        opened = await asyncio.to_thread(second.call, "open", title="Low disk space")
        other = {"dynatrace_url": second.url, "dynatrace_token": second.settings.dynatrace_token, "path": "/two"}
        async with setting.running():
            running = asyncio.create_task(MAIN(setting.queue, setting.arguments(tenant="two", **other)))
            found = {await setting.event(), await setting.event()}
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert found == {(incident(pid), "open"), (incident_id("dynatrace", "two", opened["pid"]), "open")}
    # Neither was looked up in the other environment.
    assert setting.dynatrace.faults.count("dynatrace", "GET", r"/problems/.") == 0
