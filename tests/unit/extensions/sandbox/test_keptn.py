# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Keptn: how tasks are counted, what ends a sequence, what follows it, and what is sent to others."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import (
    answer,
    draft,
    sequence_type,
)
from sandbox.dynatrace import Dynatrace
from sandbox.keptn import SERVICE, STAGE, Keptn
from sandbox.keptn.events import context_for, merge
from sandbox.keptn.lifecycle import PHASES, STATES, lifecycle_event
from sandbox.keptn.services import PLANS
from sandbox.keptn.shipyard import SHIPYARD, parse_shipyard, seconds
from sandbox.keptn.webhooks import Subscription, TemplateError, render
from sandbox.settings import Settings, Webhook
from support.keptn_runs import ACTION, PLACE, Running, ask, client_of, sent, state_of, stored, until, waiting
from support.one_tool import start_tool

CONTEXT = "3b7d75e5-dffa-4e75-9849-f3a39cbd956b"
ROLLBACK = "sh.keptn.event.rollback.triggered"
FINISHED = "sh.keptn.event.production.rollback.finished"


class Receiver:
    """Keeps what is posted to it and answers C(status)."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[dict[str, str], dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), json.loads(body)))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def keptn() -> Iterator[Running]:
    with start_tool(Keptn) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture
def told(receiver: Receiver) -> Iterator[Running]:
    """A Keptn that posts its tasks, and the events of Keptn 2, to the receiver."""
    hook = Webhook(f"{receiver.url}/keptn", {"Authorization": "Bearer s3cret"})
    settings = Settings(keptn_webhook=hook, keptn_lifecycle_endpoint=f"{receiver.url}/lifecycle")
    with start_tool(Keptn, settings) as running:
        yield running


def rollback(keptn: Running) -> str:
    """Start a rollback and return its context."""
    return str(keptn.call("rollback")["context"])


# -- counting ---------------------------------------------------------------------------------------------------------


def test_one_answer_ends_a_task_and_its_sequence(keptn: Running) -> None:
    context = rollback(keptn)
    task = waiting(keptn, ROLLBACK)
    sent(keptn, task, "started")
    stored(keptn, "sh.keptn.event.rollback.started")
    assert client_of(keptn).triggered(ROLLBACK) != [], "a task is listed until it is finished"
    sent(keptn, task, "finished", message="done")
    assert state_of(keptn, context, "finished")
    [end] = stored(keptn, FINISHED)
    assert (end.status, end.result, end.message, end.context) == ("succeeded", "pass", "done", context)
    assert client_of(keptn).triggered(ROLLBACK) == []


def test_finished_without_started_never_ends_a_task(keptn: Running) -> None:
    context = rollback(keptn)
    task = waiting(keptn, ROLLBACK)
    sent(keptn, task, "finished", "finished")
    stored(keptn, "sh.keptn.event.rollback.finished", 2)
    sent(keptn, task, "started")
    stored(keptn, "sh.keptn.event.rollback.started")
    assert state_of(keptn, context, "started", "finished") == "started"
    sent(keptn, task, "started")
    assert state_of(keptn, context, "finished")


def test_a_second_executor_is_waited_for(keptn: Running) -> None:
    keptn.tool.services.never_finished = {"rollback"}
    context = rollback(keptn)
    task = waiting(keptn, ROLLBACK)
    stored(keptn, "sh.keptn.event.rollback.started")
    sent(keptn, task, "started", "finished")
    stored(keptn, "sh.keptn.event.rollback.finished")
    assert state_of(keptn, context, "started", "finished") == "started"
    slow = answer(task, "finished", status="succeeded", result="warning", source="slow-service")
    client_of(keptn).send_event(slow)
    assert state_of(keptn, context, "finished")
    assert stored(keptn, FINISHED)[0].result == "warning"


@pytest.mark.parametrize(
    ("said", "status", "result"),
    [
        ({"status": "succeeded", "result": "fail"}, "succeeded", "fail"),
        ({"status": "errored", "result": "pass"}, "errored", "pass"),
        ({"status": "aborted", "result": "pass"}, "aborted", "pass"),
        ({"status": "unknown", "result": "pass"}, "unknown", "fail"),
        ({"status": "succeeded", "result": "great"}, "succeeded", "fail"),
    ],
)
def test_what_an_answer_counts_as(keptn: Running, said: dict[str, str], status: str, result: str) -> None:
    rollback(keptn)
    sent(keptn, waiting(keptn, ROLLBACK), "started", "finished", **said)
    [end] = stored(keptn, FINISHED)
    assert (end.status, end.result) == (status, result)


def test_answers_that_belong_to_nothing_are_taken_and_ignored(keptn: Running) -> None:
    context = rollback(keptn)
    task = waiting(keptn, ROLLBACK)
    good = answer(task, "started")
    for wrong in (
        {**good, "triggeredid": "00000000-0000-4000-8000-000000000000"},
        {**good, "shkeptncontext": CONTEXT},
        {**good, "triggeredid": ""},
        {**good, "data": {**good["data"], "project": "other"}},
    ):
        client_of(keptn).send_event(wrong)
    ignored = keptn.tool.controller.ignored
    until(keptn, lambda: len(ignored) == 4)
    assert {reason for _event, reason in ignored} == {"not associated with a task that was previously triggered"}
    sent(keptn, task, "started", "finished")
    assert state_of(keptn, context, "finished")
    sent(keptn, task, "finished")
    until(keptn, lambda: len(ignored) == 5)
    assert len(stored(keptn, FINISHED)) == 1


def test_nobody_answers_in_time(keptn: Running) -> None:
    keptn.tool.controller.answer_within = 0.1
    context = rollback(keptn)
    assert state_of(keptn, context, "timedOut")
    [end] = stored(keptn, FINISHED)
    assert (end.status, end.result) == ("errored", "fail")
    assert end.message.startswith("sequence timed out while waiting for task sh.keptn.event.rollback.triggered")
    assert client_of(keptn).triggered(ROLLBACK) == []


def test_any_answer_stops_the_clock_for_good(keptn: Running) -> None:
    context = rollback(keptn)
    task = waiting(keptn, ROLLBACK)
    sent(keptn, task, "status.changed")
    stored(keptn, "sh.keptn.event.rollback.status.changed")

    async def wait_for_ever() -> None:
        keptn.tool.controller.time_is_up(keptn.tool.controller.open[task.id])

    keptn.run(wait_for_ever())
    assert state_of(keptn, context, "started", "timedOut") == "started"
    sent(keptn, task, "started", "finished")
    assert state_of(keptn, context, "finished")


# -- sequences --------------------------------------------------------------------------------------------------------


def test_a_delivery_that_fails_is_rolled_back_with_all_that_was_said(keptn: Running) -> None:
    context = keptn.call("deliver", result="fail", image="registry.example.com/shop/carts:1.3")["context"]
    task = waiting(keptn, ROLLBACK, context)
    assert (task.status, task.result) == ("succeeded", "fail")
    assert task.data["evaluation"]["result"] == "fail"
    assert task.data["deployment"]["deploymentstrategy"] == "blue_green_service"
    assert task.data["configurationChange"] == {"values": {"image": "registry.example.com/shop/carts:1.3"}}
    assert len(task.git_commit) == 40
    [stage] = client_of(keptn).sequences("shop", contexts=[context])[0].stages
    assert (stage.image, stage.evaluation_result, stage.evaluation_score) == ("carts:1.3", "fail", 0.0)
    assert stored(keptn, "sh.keptn.event.release.triggered", 0) == []
    sent(keptn, task, "started", "finished")
    assert state_of(keptn, context, "finished")


def test_a_delivery_that_passes_ends(keptn: Running) -> None:
    context = keptn.call("deliver", result="warning")["context"]
    assert state_of(keptn, context, "finished")
    assert [one.source for one in stored(keptn, "sh.keptn.event.release.finished")] == ["helm-service"]
    assert stored(keptn, ROLLBACK, 0) == []


def test_a_remediation_goes_up_the_ladder_and_ends_with_it(keptn: Running) -> None:
    made = keptn.call("problem", title="Response time degradation", evaluations=["fail", "fail"])
    first = waiting(keptn)
    assert first.data["action"]["action"] == "rollback-release"
    assert first.data["problem"]["ProblemTitle"] == "Response time degradation"
    assert first.labels["Problem URL"].endswith(f";pid={made['pid']}")
    assert first.context == context_for(made["pid"]) == made["context"]
    sent(keptn, first, "started", "finished")
    until(keptn, lambda: [e for e in keptn.tool.controller.open.values() if e.type == ACTION and e.id != first.id])
    second = waiting(keptn)
    assert (second.data["action"]["action"], second.data["get-action"]) == ("escalate", {"actionIndex": 2})
    sent(keptn, second, "started", "finished")
    assert state_of(keptn, made["context"], "finished")
    ends = stored(keptn, "sh.keptn.event.production.remediation.finished", 3)
    assert [end.result for end in ends] == ["fail", "fail", "fail"]
    assert ends[-1].message == "there is no action with index 2 for problem title Response time degradation"
    assert len(client_of(keptn).sequences("shop")) == 1, "all of it is one sequence to the bridge"
    assert client_of(keptn).sequences("shop")[0].problem_title == "Response time degradation"


def test_a_problem_that_is_over_is_told_and_starts_nothing(keptn: Running) -> None:
    made = keptn.call("resolve", pid="-6478017825120311599_1641223491837V2")
    until(keptn, lambda: len(keptn.tool.stored) == 2)
    # What Dynatrace sends has no project in Keptn's sense: only its context finds it.
    events = client_of(keptn).events(context=made["context"])[::-1]
    assert [(one.source, one.data["State"]) for one in events] == [
        ("dynatrace", "RESOLVED"),
        ("dynatrace-service", "CLOSED"),
    ]
    assert {one.context for one in events} == {"2d363437-3830-4137-b832-353132303331"} == {made["context"]}
    assert events[1].service == SERVICE
    assert client_of(keptn).sequences("shop") == []


#: What the dynatrace-service configures in a tenant, with the content type that Keptn wants.
KEPTN_PAYLOAD = """{"specversion":"1.0","type":"sh.keptn.events.problem","shkeptncontext":"{PID}","source":"dynatrace",
"id":"{PID}","time":"","contenttype":"application/json","data":{"State":"{State}","ProblemID":"{ProblemID}","PID":"{PID}",
"ProblemTitle":"{ProblemTitle}","ProblemURL":"{ProblemURL}","ProblemDetails":{ProblemDetailsJSON},"Tags":"{Tags}",
"ImpactedEntities":{ImpactedEntities},"ImpactedEntity":"{ImpactedEntity}","KeptnProject":"shop",
"KeptnStage":"production","KeptnService":"carts"}}"""


def test_the_emulated_dynatrace_starts_a_remediation(keptn: Running) -> None:
    with start_tool(Dynatrace) as dynatrace:
        hook = {
            "url": f"{keptn.url}/api/v1/event",
            "headers": [
                {"name": "x-token", "secret": True, "secretValue": keptn.settings.keptn_token},
                {"name": "Content-Type", "value": "application/cloudevents+json"},
            ],
            "payload": KEPTN_PAYLOAD,
        }
        value = {
            "enabled": True,
            "type": "WEBHOOK",
            "displayName": "Keptn Problem Notification",
            "alertingProfile": "p",
            "webHookNotification": hook,
        }
        configured = requests.post(
            f"{dynatrace.url}/api/v2/settings/objects",
            json=[{"schemaId": "builtin:problem.notifications", "scope": "environment", "value": value}],
            headers={"Authorization": f"Api-Token {dynatrace.settings.dynatrace_token}"},
            timeout=10,
        )
        assert configured.status_code == 200
        problem = dynatrace.call("open", title="Process unavailable")
        task = waiting(keptn)
    assert task.context == context_for(problem["pid"])
    assert task.data["problem"]["ProblemDetails"]["id"] == problem["pid"]
    assert task.data["action"]["action"] == "restart-process"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"stage": "moon"}, "Unable to start sequence rollback: no stage with name moon"),
        ({"project": "mars"}, "Unable to retrieve Shipyard file: project not found"),
    ],
)
def test_a_sequence_that_cannot_start_says_so_later(keptn: Running, place: dict[str, str], message: str) -> None:
    place = {**PLACE, **place}
    client_of(keptn).send_event(draft(sequence_type(place["stage"], "rollback", "triggered"), CONTEXT, place))
    ended = sequence_type(place["stage"], "rollback", "finished")
    until(keptn, lambda: [event for event in keptn.tool.stored if event.type == ended])
    [end] = client_of(keptn).events(context=CONTEXT, type=ended)
    assert (end.status, end.result, end.message) == ("errored", "fail", message)
    state = client_of(keptn).sequence(place["project"], CONTEXT)
    assert state is not None
    assert (state.state, state.ended) == ("triggered", True)


def test_one_sequence_at_a_time_for_a_service(keptn: Running) -> None:
    first, second = rollback(keptn), rollback(keptn)
    assert state_of(keptn, second, "waiting")
    sent(keptn, waiting(keptn, ROLLBACK, first), "started", "finished")
    assert state_of(keptn, second, "started")
    assert waiting(keptn, ROLLBACK).context == second


def test_pause_holds_the_next_task_back(keptn: Running) -> None:
    keptn.tool.services.tasks -= {"deployment"}
    context = keptn.call("deliver")["context"]
    task = waiting(keptn, "sh.keptn.event.deployment.triggered")
    assert keptn.call("control", context=context, state="pause") == {"ok": True}
    sent(keptn, task, "started", "finished")
    stored(keptn, "sh.keptn.event.deployment.finished")
    assert state_of(keptn, context, "paused", "finished") == "paused"
    assert stored(keptn, "sh.keptn.event.evaluation.triggered", 0) == []
    keptn.call("control", context=context, state="resume")
    assert state_of(keptn, context, "finished")


def test_an_aborted_sequence_takes_no_answers(keptn: Running) -> None:
    context = rollback(keptn)
    task = waiting(keptn, ROLLBACK)
    keptn.call("control", context=context, state="abort")
    [end] = stored(keptn, FINISHED)
    assert (end.status, end.result) == ("aborted", "pass")
    sent(keptn, task, "started", "finished")
    until(keptn, lambda: len(keptn.tool.controller.ignored) == 2)
    assert state_of(keptn, context, "aborted")
    assert client_of(keptn).triggered(ROLLBACK) == []
    assert keptn.call("control", context="nobody", state="abort")["ok"] is False


def test_a_task_that_waits_is_listed_when_its_time_has_come(keptn: Running) -> None:
    document = json.loads(json.dumps(SHIPYARD))
    document["spec"]["stages"][0]["sequences"][1]["tasks"][0]["triggeredAfter"] = "1h"
    keptn.tool.controller.shipyards["shop"] = parse_shipyard(document)
    rollback(keptn)
    until(keptn, lambda: [event for event in keptn.tool.controller.open.values() if event.type == ROLLBACK])
    assert client_of(keptn).triggered(ROLLBACK) == []
    assert stored(keptn, ROLLBACK, 0) == []


# -- what is sent to others -------------------------------------------------------------------------------------------


def test_a_task_is_posted_as_the_webhook_says(told: Running, receiver: Receiver) -> None:
    told.call("problem", title="Process unavailable", service="carts")
    task = waiting(told)
    until(told, lambda: told.tool.webhooks.log and told.tool.webhooks.log[-1]["status"])
    [(headers, body)] = receiver.got
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["User-Agent"].startswith("curl/")
    assert body == {
        "specversion": "1.0",
        "id": task.id,
        "type": ACTION,
        "source": "shipyard-controller",
        "shkeptncontext": task.context,
        "gitcommitid": task.git_commit,
        "data": {**PLACE, "action": {"action": "restart-process"}},
    }
    # The service has said that it started: the receiver only has to finish.
    assert [one.source for one in stored(told, "sh.keptn.event.action.started")] == ["webhook-service"]
    sent(told, task, "finished")
    assert state_of(told, task.context, "finished")


def test_a_receiver_that_refuses_ends_the_task(told: Running, receiver: Receiver) -> None:
    receiver.status = 401
    context = rollback(told)
    assert state_of(told, context, "finished")
    [end] = stored(told, FINISHED)
    assert (end.status, end.result) == ("errored", "fail")
    assert "returned error: 401" in end.message


def test_the_same_task_may_be_posted_twice(told: Running, receiver: Receiver) -> None:
    told.tool.webhooks.copies = 2
    rollback(told)
    until(told, lambda: len([one for one in told.tool.webhooks.log if one["status"]]) == 2)
    assert receiver.got[0][1]["id"] == receiver.got[1][1]["id"]


def test_the_service_may_finish_what_it_posted(keptn: Running, receiver: Receiver) -> None:
    subscription = Subscription(
        "sh.keptn.event.*.triggered", receiver.url, send_finished=True, stages=frozenset({STAGE})
    )
    keptn.tool.webhooks.subscriptions.append(subscription)
    keptn.tool.services.tasks.clear()
    context = rollback(keptn)
    assert state_of(keptn, context, "finished")
    [end] = stored(keptn, "sh.keptn.event.rollback.finished")
    assert (end.source, end.data["rollback"]) == ("webhook-service", {"responses": ["ok"]})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.id}} {{ .data.stage }}", "1 production"),
        ("{{.data.nothing}}", "<no value>"),
        ("{{.data.labels}}{{.data.flag}}", '{"a": "b"}true'),
        ("{{data.stage}} {{.data.get-action.index}}", "{{data.stage}} {{.data.get-action.index}}"),
        ('"{{.data.title}}"', '"say "hi""'),
    ],
)
def test_payloads_are_filled_in_without_quoting(template: str, text: str) -> None:
    data = {"stage": "production", "labels": {"a": "b"}, "flag": True, "title": 'say "hi"'}
    assert render(template, {"id": "1", "data": data}) == text


def test_a_payload_cannot_look_into_nothing() -> None:
    for template in ("{{.data.action.action}}", "{{.id.more}}"):
        with pytest.raises(TemplateError):
            render(template, {"id": "1", "data": {}})


def test_keptn_2_sends_its_events_in_binary_mode_without_a_credential(told: Running, receiver: Receiver) -> None:
    said = told.call("lifecycle", phase="App Deployment", state="Failed", name="shop-1.2-abc", version="1.2")
    assert (said["ok"], said["status"]) == (True, 200)
    [(headers, body)] = receiver.got
    assert headers["Ce-Type"] == "App Deployment.Failed"
    assert (headers["Ce-Specversion"], headers["Ce-Source"], headers["Ce-Id"]) == ("1.0", "keptn.sh", said["id"])
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in headers
    assert body == {
        "message": "App Deployment: has failed / Namespace: shop, Name: shop-1.2-abc, Version: 1.2",
        "type": "Warning",
        "version": "1.2",
        "resource": {
            "group": "lifecycle.keptn.sh",
            "kind": "KeptnAppVersion",
            "version": "v1",
            "name": "shop-1.2-abc",
            "namespace": "shop",
        },
    }


def test_every_phase_and_state_of_keptn_2_can_be_sent() -> None:
    types = {lifecycle_event({"phase": phase, "state": state})[0]["Ce-Type"] for phase in PHASES for state in STATES}
    assert len(types) == len(PHASES) * len(STATES)
    untyped = lifecycle_event({"typed": False})[1]["resource"]
    assert (untyped["group"], untyped["kind"], untyped["name"]) == ("", "", "shop-1.2-abc")
    with pytest.raises(ValueError, match="no event of Keptn"):
        lifecycle_event({"state": "Exploded"})


# -- parts ------------------------------------------------------------------------------------------------------------


def test_data_of_several_events_become_one() -> None:
    old = {"a": {"x": 1, "y": [1]}, "b": 1, "c": None}
    assert merge(old, {"a": {"y": [2], "z": 3}, "b": 2}) == {"a": {"x": 1, "y": [2, 1], "z": 3}, "b": 2, "c": None}
    assert old == {"a": {"x": 1, "y": [1]}, "b": 1, "c": None}
    assert merge({"a": 1}, {"a": {"b": 2}}) == {"a": {"b": 2}}


@pytest.mark.parametrize(
    ("trigger", "results"),
    [
        ({"event": "dev.delivery.finished"}, ["pass", "warning"]),
        ({"event": "dev.delivery.finished", "selector": {"match": {"result": "fail"}}}, ["fail"]),
        ({"event": "dev.delivery.finished", "selector": {"match": {"result": "failed"}}}, []),
        ({"event": "dev.delivery.finished", "selector": {"match": {"evaluation.result": "fail"}}}, ["fail"]),
        ({"event": "dev.delivery.finished", "selector": {"match": {"deployment.result": "fail"}}}, []),
        ({"event": "dev.other.finished"}, []),
    ],
)
def test_what_follows_what(trigger: dict[str, Any], results: list[str]) -> None:
    sequences = [
        {"name": "delivery", "tasks": [{"name": "deployment"}, {"name": "evaluation"}]},
        {"name": "next", "triggeredOn": [trigger], "tasks": [{"name": "t"}]},
    ]
    shipyard = parse_shipyard({"spec": {"stages": [{"name": "dev", "sequences": sequences}]}})
    found = [
        result
        for result in ("pass", "warning", "fail")
        if list(shipyard.following("dev", "delivery", result, "evaluation")) == [("dev", "next")]
    ]
    assert found == results


def test_what_can_be_started() -> None:
    sequences = [{"name": "empty", "tasks": []}]
    shipyard = parse_shipyard({"spec": {"stages": [{"name": "dev", "sequences": sequences}]}})
    assert [task.name for task in shipyard.sequence("dev", "evaluation").tasks] == ["evaluation"]
    for stage, name, said in (
        ("x", "empty", "no stage with name x"),
        ("dev", "empty", "task sequence empty does not contain any tasks"),
        ("dev", "x", "no task sequence with name x found in stage dev"),
    ):
        with pytest.raises(LookupError, match=said):
            shipyard.sequence(stage, name)


@pytest.mark.parametrize(
    ("text", "length"), [("10m", 600.0), ("1h30m", 5400.0), ("1.5s", 1.5), ("250ms", 0.25), ("", 0.0), ("soon", 0.0)]
)
def test_durations_as_go_writes_them(text: str, length: float) -> None:
    assert seconds(text) == pytest.approx(length)


def test_the_page_sees_no_secret(told: Running) -> None:
    context = rollback(told)
    waiting(told, ROLLBACK)
    shown = told.snapshot()
    assert [one["shkeptncontext"] for one in shown["sequences"]] == [context]
    assert [task["current"] for task in shown["sequences"][0]["tasks"]] == ["rollback"]
    assert [one["type"] for one in shown["waiting"]] == [ROLLBACK]
    told_of = json.dumps(shown)
    assert "s3cret" not in told_of
    assert told.settings.keptn_token not in told_of


def test_plans_of_the_sandbox_end_with_a_person() -> None:
    assert [plan.actions[-1]["action"] for plan in PLANS] == ["escalate", "escalate"]


def test_an_event_that_no_service_can_read_does_not_stop_the_bus(keptn: Running) -> None:
    odd = {**PLACE, "problem": {"rootCause": ["x"], "ProblemTitle": {}}, "labels": 5, "get-action": []}
    client_of(keptn).send_event(draft(sequence_type(STAGE, "remediation", "triggered"), CONTEXT, odd))
    stored(keptn, "sh.keptn.event.get-action.triggered")
    assert ask(keptn, "GET", "v1/metadata").status_code == 200
    other = keptn.call("rollback", service="orders")["context"]
    assert waiting(keptn, ROLLBACK).context == other
