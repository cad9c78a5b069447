# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source keptn: loaded as ansible-rulebook loads it, fed over HTTP and by asking an emulated Keptn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import keptn_context
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import incident_id
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils import cloud_events
from demo.scenarios.process_crash import free_port
from sandbox.keptn import Keptn
from sandbox.settings import Settings, Webhook
from support import dynatrace_source
from support.dynatrace_source import PID, post
from support.keptn_source import CONTEXT, PLACE, SOURCE, binary, event, running, until
from support.one_tool import OneTool, start_tool
from support.tree import source

INCIDENT = incident_id("keptn", "default", CONTEXT)
OF_DYNATRACE = incident_id("dynatrace", "default", PID)
ACTION = event(
    "event.action.triggered", action={"action": "restart-process"}, problem={"problemTitle": "It {{ 7 * 7 }}"}
)
EXAMPLES = Path(__file__).absolute().parents[3] / "shared/specs/keptn-spec-0.2.4-events.json"


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "journal.db")


@pytest.fixture
def keptn() -> Iterator[OneTool[Keptn]]:
    with start_tool(Keptn) as running_tool:
        yield running_tool


def read(journal: str, incident: str = INCIDENT) -> Any:
    opened = Journal.open(journal)
    try:
        return opened.read(incident)
    finally:
        opened.close()


async def test_a_task_is_committed_before_the_answer_and_then_delivered(journal: str) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    async with running(queue, journal=journal) as url:
        status, body, _headers = await post(url, ACTION)
        assert (status, body) == (200, {"incident": INCIDENT, "change": "opened"})
        [task] = read(journal).tasks
        assert (task["id"], task["action"], task["started"]) == (ACTION["id"], "restart-process", True)
        delivered = await asyncio.wait_for(queue.get(), 10)
    assert delivered["problem"] == {
        "incident": INCIDENT,
        "kind": "process_crash",
        "status": "open",
        "severity": "medium",
        "source": "keptn",
        "service": "carts",
    }
    assert "7 * 7" not in json.dumps(delivered)


async def test_both_modes_and_every_repetition_are_one_task(journal: str) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    async with running(queue, journal=journal) as url:
        body, headers = binary(ACTION)
        structured = {"Content-Type": "application/cloudevents+json"}
        answers = await asyncio.gather(*(post(url, ACTION, structured), post(url, body, headers), post(url, ACTION)))
        await asyncio.wait_for(queue.get(), 10)
    assert sorted(said["change"] for _status, said, _headers in answers) == ["duplicate", "duplicate", "opened"]
    assert queue.empty()


async def test_keptn_2_speaks_binary_mode(journal: str) -> None:
    resource = {"group": "", "kind": "", "version": "", "name": "shop-1.2-abc", "namespace": "shop"}
    body = {"message": "App Deployment: has failed", "type": "Warning", "version": "1.2", "resource": resource}
    headers = {"Ce-Specversion": "1.0", "Ce-Id": "1", "Ce-Source": "keptn.sh", "Ce-Time": "2026-11-22T10:00:00Z"}
    async with running(asyncio.Queue(), journal=journal) as url:
        failed = (await post(url, body, {**headers, "Ce-Type": "App Deployment.Failed"}))[1]
        assert failed["change"] == "opened"
        headers["Ce-Time"] = "2026-11-22T10:05:00Z"
        done = (await post(url, {**body, "type": "Normal"}, {**headers, "Ce-Type": "App Completed.Finished"}))[1]
        assert done == {"incident": failed["incident"], "change": "resolved"}
        other = {**body, "type": "Normal", "version": "1.3"}
        assert "ignored" in (await post(url, other, {**headers, "Ce-Type": "App Completed.Finished"}))[1]
    assert read(journal, failed["incident"]).problem["kind"] == "bad_release"


@pytest.mark.parametrize("dynatrace_first", [True, False])
async def test_dynatrace_and_keptn_about_the_same_problem_are_one_incident(journal: str, dynatrace_first: bool) -> None:
    problem = {"State": "OPEN", "PID": PID, "ProblemTitle": "Process unavailable"}
    remediation = event("event.production.remediation.triggered", "r-1", problem=problem)
    task = event("event.action.triggered", action={"action": "restart"}, problem=problem)
    # The payload that the webhook-service was told to send may hold no problem: its context has to do.
    bare = event("event.action.triggered", "a-2", action={"action": "restart"})
    bare["shkeptncontext"] = keptn_context(PID)
    told = [(dynatrace_source, dynatrace_source.notification()), (None, remediation), (None, task), (None, bare)]
    async with dynatrace_source.running(asyncio.Queue(), journal=journal) as dynatrace:
        async with running(asyncio.Queue(), journal=journal) as url:
            for who, said in told if dynatrace_first else [*told[1:], told[0]]:
                status, body, _headers = await post(dynatrace if who else url, said)
                assert (status, body["incident"]) == (200, OF_DYNATRACE)
    opened = Journal.open(journal)
    assert opened.list_incidents() == [OF_DYNATRACE]
    assert [task["id"] for task in opened.read(OF_DYNATRACE).tasks] == [ACTION["id"], "a-2"]
    opened.close()


async def test_what_means_nothing_here_is_answered_with_the_reason(journal: str) -> None:
    async with running(asyncio.Queue(), journal=journal) as url:
        for type_ in (
            "event.test.triggered",
            "event.action.started",
            "log.error",
            "event.production.delivery.finished",
        ):
            status, body, _headers = await post(url, event(type_, status="succeeded", result="pass"))
            assert (status, set(body)) == (200, {"ignored"})
    opened = Journal.open(journal)
    assert opened.list_incidents() == []
    opened.close()


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"{", {}, "the body is not JSON"),
        ([], {}, "the body must be a CloudEvent"),
        ({"State": "OPEN", "PID": PID}, {}, "the CloudEvent's specversion is missing"),
        ({**ACTION, "id": ""}, {}, "the CloudEvent's id is missing"),
        ({**ACTION, "specversion": "0.2"}, {}, "the CloudEvent's specversion has to be 1.0"),
        ({**ACTION, "time": "yesterday"}, {}, "the CloudEvent's time is no moment"),
        ({**ACTION, "Odd Name": "x"}, {}, "the CloudEvent's Odd Name is no attribute"),
        (PLACE, {"Ce-Specversion": "1.0", "Ce-Type": "a", "Ce-Source": "b"}, "the header ce-id is missing"),
        ({**ACTION, "shkeptncontext": "{{ x }}"}, {}, "shkeptncontext is '{{ x }}'"),
        ({**ACTION, "data": {"project": "a b"}}, {}, "data.project is 'a b'"),
    ],
)
async def test_what_is_no_event_is_refused_with_the_field(journal: str, body: Any, headers: Any, reason: str) -> None:
    async with running(asyncio.Queue(), journal=journal, all_actions=True) as url:
        status, said, _headers = await post(url, body, headers)
    assert status == 400
    assert said["error"].startswith(reason)


async def test_the_time_of_a_template_may_be_empty(journal: str) -> None:
    async with running(asyncio.Queue(), journal=journal) as url:
        assert (await post(url, {**ACTION, "time": ""}))[1]["change"] == "opened"


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples of keptn/spec are not here")
async def test_every_example_of_the_specification_is_answered(journal: str) -> None:
    examples = [one["example"] for one in json.loads(EXAMPLES.read_text())["events"].values()]
    assert len(examples) == 41
    async with running(
        asyncio.Queue(), journal=journal, all_actions="true", tasks="action,rollback,get-action,release"
    ) as url:
        for example in examples:
            for body, headers in ((example, {}), binary(example)):
                status, said, _headers = await post(url, body, headers)
                assert status == 200, (example["type"], said)
    opened = Journal.open(journal)
    # All examples share one id and one context, so that two incidents are left: Keptn's, and that of the problem.
    assert {opened.read(one).problem["source"] for one in opened.list_incidents()} == {"keptn", "dynatrace"}
    opened.close()


async def test_an_event_needs_the_secret(journal: str) -> None:
    async with running(asyncio.Queue(), journal=journal, keptn_webhook_token=["old", "new"]) as url:
        assert (await post(url, ACTION))[0] == 401
        assert (await post(url, ACTION, {"Authorization": "Bearer new"}))[0] == 200


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"host": "0.0.0.0"}, "/keptn would listen on 0.0.0.0 without any authentication: give keptn_webhook_user"),
        ({"actions": {"x": "y"}}, "source keptn: actions: x has no kind"),
        ({"tasks": ["a b"]}, "source keptn: tasks must be a list of names"),
        ({"listen": "maybe"}, "source keptn: listen must be true or false"),
        ({"listen": False}, "source keptn: keptn_url and keptn_token must be given where Keptn is only asked"),
        ({"poll_interval": "x"}, "source keptn: poll_interval must be a number of seconds"),
    ],
)
async def test_wrong_argument_is_told_at_start(journal: str, args: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await source(SOURCE)["main"](asyncio.Queue(), {"port": 0, "journal": journal, **args})
    assert caught.value.message.startswith(message)


async def test_a_missing_library_is_told_with_the_command(journal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud_events, "HTTPMessage", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'cloudevents>=2\.0'"):
        await source(SOURCE)["main"](asyncio.Queue(), {"port": 0, "journal": journal})


# -- asking Keptn ------------------------------------------------------------------------------------------------------


async def test_the_webhook_service_and_keptn_2_post_what_is_understood(journal: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/keptn"
    hook = Webhook(url, {"Authorization": "Bearer t"})
    with start_tool(Keptn, Settings(keptn_webhook=hook)) as keptn:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        async with running(queue, journal=journal, port=port, keptn_webhook_token="t"):
            context = await asyncio.to_thread(lambda: keptn.call("rollback")["context"])
            delivered = await asyncio.wait_for(queue.get(), 20)
    assert delivered["problem"]["incident"] == incident_id("keptn", "default", context)
    [task] = read(journal, delivered["problem"]["incident"]).tasks
    # Keptn itself has said that it was started.
    assert (task["name"], task["started"]) == ("rollback", True)
    with start_tool(Keptn, Settings(keptn_lifecycle_endpoint=url)) as keptn:
        async with running(queue, journal=journal, port=port):
            said = await asyncio.to_thread(keptn.call, "lifecycle", phase="App Deployment", state="Failed", typed=False)
            delivered = await asyncio.wait_for(queue.get(), 20)
    assert (said["ok"], delivered["problem"]["kind"], delivered["problem"]["status"]) == (True, "bad_release", "open")


async def test_keptn_needs_no_way_in(journal: str, keptn: OneTool[Keptn]) -> None:
    context = keptn.call("rollback")["context"]
    incident = incident_id("keptn", "default", context)
    queue: asyncio.Queue[Any] = asyncio.Queue()
    token = keptn.settings.keptn_token
    args = {"journal": journal, "listen": False, "keptn_url": keptn.url, "keptn_token": token, "poll_interval": 0.05}
    async with running(queue, **args):
        delivered = await asyncio.wait_for(queue.get(), 20)
        asked = keptn.faults.count("keptn", "GET", "triggered/")
        await until(lambda: keptn.faults.count("keptn", "GET", "triggered/") > asked + 6)
    assert (delivered["problem"]["incident"], delivered["problem"]["kind"]) == (incident, "bad_release")
    [task] = read(journal, incident).tasks
    assert (task["name"], task["started"]) == ("rollback", False)
    # It is listed in every answer, and was taken once.
    assert queue.empty()
    async with running(queue, **args):
        asked = keptn.faults.count("keptn", "GET", "triggered/")
        await until(lambda: keptn.faults.count("keptn", "GET", "triggered/") > asked + 3)
    assert len(read(journal, incident).tasks) == 1


async def test_pulled_and_pushed_is_taken_once(journal: str, keptn: OneTool[Keptn]) -> None:
    context = keptn.call("rollback")["context"]
    waiting = await until(
        lambda: [one for one in keptn.snapshot()["waiting"] if one["type"].endswith("rollback.triggered")]
    )
    pushed = event("event.rollback.triggered", waiting[0]["id"])
    pushed["shkeptncontext"] = context
    queue: asyncio.Queue[Any] = asyncio.Queue()
    token = keptn.settings.keptn_token
    async with running(queue, journal=journal, keptn_url=keptn.url, keptn_token=token, poll_interval=0.05) as url:
        await asyncio.wait_for(queue.get(), 20)
        assert (await post(url, pushed))[1]["change"] == "duplicate"
    assert queue.empty()


async def test_the_end_of_what_keptn_asked_for_is_seen(journal: str, keptn: OneTool[Keptn]) -> None:
    context = keptn.call("rollback")["context"]
    queue: asyncio.Queue[Any] = asyncio.Queue()
    token = keptn.settings.keptn_token
    args = {"journal": journal, "listen": False, "keptn_url": keptn.url, "keptn_token": token, "poll_interval": 0.05}
    async with running(queue, **args):
        first = await asyncio.wait_for(queue.get(), 20)
        [task] = read(journal, first["problem"]["incident"]).tasks
        for kind in ("started", "finished"):
            body = event(f"event.rollback.{kind}", status="succeeded", result="pass")
            body |= {"shkeptncontext": context, "triggeredid": task["id"], "source": "self-healing"}
            headers = {"x-token": token, "Content-Type": "application/json"}
            assert (await post(f"{keptn.url}/api/v1/event", body, headers))[0] == 200
        second = await asyncio.wait_for(queue.get(), 20)
    assert [first["problem"]["status"], second["problem"]["status"]] == ["open", "resolved"]
    assert read(journal, first["problem"]["incident"]).state == "stable"


async def test_a_keptn_that_does_not_answer_is_asked_again(
    journal: str, keptn: OneTool[Keptn], caplog: pytest.LogCaptureFixture
) -> None:
    keptn.call("rollback")
    keptn.faults.add("keptn", "status", path="triggered/", times=4, status=500)
    queue: asyncio.Queue[Any] = asyncio.Queue()
    token = keptn.settings.keptn_token
    args = {"journal": journal, "listen": False, "keptn_url": keptn.url, "keptn_token": token, "poll_interval": 0.05}
    async with running(queue, **args):
        await asyncio.wait_for(queue.get(), 30)
    assert "Keptn cannot be asked for its tasks" in caplog.text
    assert token not in caplog.text
