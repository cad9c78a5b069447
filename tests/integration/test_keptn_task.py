# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module keptn_task and the role keptn against the emulated Keptn, over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jsonschema
import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils import keptn_keep, steps
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem, Task, incident_id
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.modules import keptn_task
from sandbox.dynatrace import Dynatrace
from sandbox.keptn import Keptn
from support.one_tool import OneTool, start_tool
from support.playbook import LOCAL, PlaybookRun, run_playbook
from support.story import PROBLEM
from support.tree import ROOT

Running = OneTool[Keptn]
SCHEMAS = ROOT.parent / "shared/specs/keptn-spec-0.2.4-events.json"
DONE = {"state": "finished", "status": "succeeded", "result": "pass", "text": "healed"}


@pytest.fixture
def keptn() -> Iterator[Running]:
    with start_tool(Keptn) as running:
        yield running


def until(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found


def triggered(keptn: Running, context: str, name: str = "rollback") -> dict[str, Any]:
    """Return the task of this name that waits, as the options of the module take it."""

    def look() -> Any:
        stored = list(keptn.tool.stored)
        return next((e for e in stored if (e.context, e.type) == (context, f"sh.keptn.event.{name}.triggered")), None)

    event = until(look)
    place = {part: event.data[part] for part in ("project", "stage", "service")}
    labels = event.data.get("labels") or {}
    return {"id": event.id, "context": context, "name": name, "git_commit": event.commit, "labels": labels, **place}


def rollback(keptn: Running, **arguments: Any) -> dict[str, Any]:
    return triggered(keptn, keptn.call("rollback", **arguments)["context"])


def answers(keptn: Running, task: Mapping[str, Any]) -> list[Any]:
    """Return the events that answer a task, oldest first."""
    return [event for event in list(keptn.tool.stored) if event.triggered_id == task["id"]]


def kinds(keptn: Running, task: Mapping[str, Any]) -> list[str]:
    return [event.type.partition(f".{task['name']}.")[2] for event in answers(keptn, task)]


def arguments(keptn: Running, task: Mapping[str, Any], **wanted: Any) -> dict[str, Any]:
    return {"keptn_url": keptn.url, "keptn_token": keptn.settings.keptn_token, "task": dict(task), **wanted}


def run(keptn: Running, task: Mapping[str, Any], check_mode: bool = False, **wanted: Any) -> dict[str, Any]:
    spec = keptn_task.SPEC
    checked = ArgumentSpecValidator(spec.options, **spec.constraints()).validate(arguments(keptn, task, **wanted))
    assert checked.error_messages == []
    return keptn_task.run(checked.validated_parameters, check_mode, None)


def sequence(keptn: Running, context: str) -> str:
    return next(str(one["state"]) for one in keptn.snapshot()["sequences"] if one["shkeptncontext"] == context)


# -- the module --------------------------------------------------------------------------------------------------------


def test_a_task_is_started_once_and_finished_once(keptn: Running) -> None:
    task = rollback(keptn)
    assert run(keptn, task, check_mode=True)["sent"] == ["started"]
    assert kinds(keptn, task) == []
    first = run(keptn, task, progress="waits")
    assert (first["changed"], first["sent"], first["started"], first["finished"]) == (
        True,
        ["started", "status.changed"],
        True,
        False,
    )
    assert run(keptn, task, progress="waits")["changed"] is False
    assert run(keptn, task, progress="heals")["sent"] == ["status.changed"]
    assert run(keptn, task, check_mode=True, **DONE)["diff"]["after"]["status"] == "succeeded"
    last = run(keptn, task, labels={"Self-healing incident": "i7k3v5q2x4dmz"}, **DONE)
    assert (last["sent"], last["status"], last["result"]) == (["finished"], "succeeded", "pass")
    assert run(keptn, task, **DONE)["changed"] is False
    # What is finished stays so.
    assert run(keptn, task, progress="again")["changed"] is False
    assert run(keptn, task, **{**DONE, "result": "fail"})["result"] == "pass"
    assert kinds(keptn, task) == ["started", "status.changed", "status.changed", "finished"]
    until(lambda: sequence(keptn, task["context"]) == "finished")


def test_the_end_carries_what_others_look_for(keptn: Running) -> None:
    pid = keptn.call("problem", title="Process unavailable")
    task = triggered(keptn, pid["context"], "action")
    run(keptn, task, labels={"Problem URL": "changed", "Self-healing incident": "i1"}, **{**DONE, "text": "x" * 5000})
    end = answers(keptn, task)[-1]
    assert end.source == "self-healing"
    assert end.commit == task["git_commit"] != ""
    assert end.data["labels"] == {"Problem URL": task["labels"]["Problem URL"], "Self-healing incident": "i1"}
    assert pid["pid"] in end.data["labels"]["Problem URL"]
    assert (end.data["status"], end.data["result"], len(end.data["message"])) == ("succeeded", "pass", 1000)


@pytest.mark.skipif(not SCHEMAS.exists(), reason="the schemas of keptn/spec are not here")
@pytest.mark.parametrize("name", ["action", "rollback", "release"])
def test_what_is_sent_fits_the_specification(keptn: Running, name: str) -> None:
    place = {"project": "shop", "stage": "production", "service": "carts"}
    task = {"id": "t-1", "context": "a3e5f16d-8888-4720-82c7-6995062905c1", "name": name, "labels": {"a": "b"}, **place}
    run(keptn, task, labels={"Self-healing incident": "i1"}, **DONE)
    schemas = json.loads(SCHEMAS.read_text())["events"]
    sent = until(lambda: answers(keptn, task) if len(answers(keptn, task)) == 2 else None)
    for event in sent:
        assert list(jsonschema.Draft4Validator(schemas[event.type]["schema"]).iter_errors(event.data)) == []


def test_an_action_is_the_answer_to_the_question_for_one(keptn: Running) -> None:
    keptn.tool.services.tasks.discard("get-action")
    context = keptn.call("problem", title="Process unavailable")["context"]
    task = triggered(keptn, context, "get-action")
    action = {"name": "Restart process", "action": "process_restart", "description": "restarts"}
    run(keptn, task, action=action, action_index=1, **DONE)
    asked = triggered(keptn, context, "action")
    event = next(event for event in keptn.tool.stored if event.id == asked["id"])
    assert event.data["action"] == action
    assert event.data["get-action"] == {"actionIndex": 1}


def test_what_the_webhook_service_started_is_only_finished(keptn: Running) -> None:
    task = rollback(keptn)
    keptn.run(started_by_webhook(keptn, task))
    assert run(keptn, {**task, "started": True})["sent"] == []
    assert run(keptn, task)["sent"] == [], "pulled, and told by Keptn all the same"
    assert run(keptn, {**task, "started": True}, **DONE)["sent"] == ["finished"]
    until(lambda: sequence(keptn, task["context"]) == "finished")


async def started_by_webhook(keptn: Running, task: Mapping[str, Any]) -> None:
    trigger = next(event for event in keptn.tool.stored if event.id == task["id"])
    kind = f"sh.keptn.event.{task['name']}.started"
    event = replace(trigger, id="w-1", type=kind, source="webhook-service", triggered_id=trigger.id)
    keptn.tool.publish(event)


def test_an_end_without_a_beginning_would_end_nothing(keptn: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keptn_keep, "STORED_WITHIN", 0.5)
    task = rollback(keptn)
    # Keptn was to say so, and never did.
    assert run(keptn, {**task, "started": True}, **DONE)["sent"] == ["started", "finished"]
    until(lambda: sequence(keptn, task["context"]) == "finished")


def test_a_strict_keptn_does_not_want_to_hear_how_it_goes(keptn: Running) -> None:
    keptn.tool.api.strict = True
    task = rollback(keptn)
    told = run(keptn, task, progress="waits")
    assert (told["sent"], told["progress_refused"]) == (["started"], True)
    assert run(keptn, task, **DONE)["sent"] == ["finished"]


def test_an_answer_that_is_lost_is_looked_for_and_not_sent_again(keptn: Running) -> None:
    task = rollback(keptn)
    keptn.tool.bus_delay = 0.3
    keptn.faults.add("keptn", "drop_after", method="POST", path="v1/event", times=1)
    run(keptn, task)
    keptn.faults.add("keptn", "drop_after", method="POST", path="v1/event", times=1)
    run(keptn, task, **DONE)
    assert run(keptn, task, **DONE)["changed"] is False
    assert kinds(keptn, task) == ["started", "finished"]


@pytest.mark.parametrize("wrong", [{"id": "a b"}, {"context": "../x"}, {"name": "a.b"}, {"project": "{{ x }}"}])
def test_what_is_no_task_is_named(keptn: Running, wrong: dict[str, str]) -> None:
    place = {"project": "shop", "stage": "production", "service": "carts"}
    with pytest.raises(ConfigurationError, match=rf"task\.{next(iter(wrong))}"):
        run(keptn, {"id": "1", "context": "c", "name": "action", **place, **wrong})


KILLED = """
import json, os, signal, sys
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn import KeptnClient
from ansible_collections.self_healing.devops.plugins.modules import keptn_task

real = KeptnClient.send_event
def send(self, event):
    context = real(self, event)
    if event["type"].endswith(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return context
KeptnClient.send_event = send
keptn_task.run(json.loads(sys.argv[1]), False, None)
"""


@pytest.mark.parametrize("moment", [".started", ".finished"])
def test_a_run_that_was_killed_after_it_sent_is_carried_on(keptn: Running, moment: str) -> None:
    task = rollback(keptn)
    spec = keptn_task.SPEC
    given = ArgumentSpecValidator(spec.options, **spec.constraints()).validate(arguments(keptn, task, **DONE))
    root = next(path for path in sys.path if path.endswith(".venv/collections"))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, json.dumps(given.validated_parameters), moment],
        env={**os.environ, "PYTHONPATH": root},
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    until(lambda: moment.removeprefix(".") in kinds(keptn, task))
    run(keptn, task, **DONE)
    assert kinds(keptn, task) == ["started", "finished"]
    until(lambda: sequence(keptn, task["context"]) == "finished")


# -- the role ----------------------------------------------------------------------------------------------------------


@dataclass
class Night:
    """What there was after the playbook."""

    run: PlaybookRun
    keptn: Running
    dynatrace: OneTool[Dynatrace]
    journal: Journal
    tasks: Mapping[str, Mapping[str, Any]]
    incidents: Mapping[str, str]


def record(journal: Journal, task: Mapping[str, Any], problem: Problem, **more: Any) -> str:
    known = {name: value for name, value in task.items() if name in Task.__dataclass_fields__}
    recorded = journal.record_task(problem, Task("keptn", "default", **known, **more))
    return recorded.incident


def of_keptn(task: Mapping[str, Any]) -> Problem:
    return replace(PROBLEM, source="keptn", tenant="default", problem_id=task["context"])


def decide(journal: Journal, incident: str, policy: policies.Policy | None = None) -> None:
    def step(found: Any) -> Any:
        around = policies.Surroundings(managed_hosts=1)
        decision = policies.decide(policy or policies.Policy(), found, [], [], around, found.timeline[-1].at)
        return steps.decide(found, decision.to_data(), {})

    journal.change(incident, step)


def tell(incident: str, *roles: str) -> list[dict[str, Any]]:
    read = {"incident": incident}
    given = {"self_healing_incident": "{{ read.incident }}"}
    return [
        {"name": "Read", "self_healing.devops.incident_info": read, "register": "read"},
        *(
            {
                "name": "Tell the tool",
                "ansible.builtin.include_role": {"name": f"self_healing.devops.{role}"},
                "vars": given,
                "when": f"inventory_hostname == '{role}'",
            }
            for role in roles
        ),
    ]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    location = str(tmp_path_factory.mktemp("keptn-role") / "journal.db")
    journal = Journal.open(location)
    evil = {"labels": {"x": "{{ lookup('pipe', 'id') }}"}, "action": "{{ 7 * 7 }}"}
    with start_tool(Keptn) as keptn, start_tool(Dynatrace) as dynatrace:
        entity = "PROCESS_GROUP_INSTANCE-5D1A000000000001"
        opened = dynatrace.call("open", title="Process unavailable", event_type="PGI_UNAVAILABLE", entity=entity)
        pid = str(opened["pid"])
        of_dynatrace = replace(PROBLEM, tenant="default", problem_id=pid)
        # The same problem, told by both.
        context = keptn.call("problem", title="Process unavailable", pid=pid)["context"]
        tasks = {
            "joined": triggered(keptn, context, "action"),
            "held": rollback(keptn, service="orders"),
            "ended": rollback(keptn, service="payments"),
        }
        journal.record_problem(of_dynatrace)
        incidents = {
            "joined": record(journal, {**tasks["joined"], **evil}, of_dynatrace),
            **{name: record(journal, tasks[name], of_keptn(tasks[name])) for name in ("held", "ended")},
            "without": journal.record_problem(replace(PROBLEM, problem_id="-1_1641223491837V2")).incident,
        }
        decide(journal, incidents["held"])
        journal.record_problem(replace(of_keptn(tasks["ended"]), status="resolved"))
        assert [journal.read(incidents[name]).state for name in ("held", "ended")] == ["held", "stable"]
        both = ("keptn", "dynatrace")
        story = [
            *tell(incidents["joined"], *both),
            *tell(incidents["joined"], "keptn"),
            *tell(incidents["ended"], "keptn"),
            *tell(incidents["ended"], "keptn"),
            *tell(incidents["held"], "keptn"),
            *tell(incidents["without"], "keptn"),
        ]
        done = run_playbook(
            [{"hosts": "all", "gather_facts": False, "tasks": story}],
            {
                "keptn": {**LOCAL, "keptn_url": keptn.url},
                "dynatrace": {**LOCAL, "dynatrace_url": dynatrace.url},
            },
            "--diff",
            environment={
                "SELF_HEALING_JOURNAL": location,
                "KEPTN_TOKEN": keptn.settings.keptn_token,
                "DYNATRACE_TOKEN": dynatrace.settings.dynatrace_token,
            },
        )
        assert done.returncode == 0, done.output
        yield Night(done, keptn, dynatrace, journal, tasks, incidents)
    journal.close()


def test_dynatrace_and_keptn_show_the_same_incident(night: Night) -> None:
    incident = night.journal.read(night.incidents["joined"])
    assert incident.problem["source"] == "dynatrace"
    assert {name: tool.role for name, tool in incident.tools.items()} == {"keptn": "keptn", "dynatrace": "dynatrace"}
    assert incident.tools["keptn"].id == night.tasks["joined"]["context"]
    assert night.tasks["joined"]["context"] in str(incident.tools["keptn"].url)
    comments = [comment for problem in night.dynatrace.snapshot()["problems"] for comment in problem["comments"]]
    assert any("keptn asks for action" in str(comment) for comment in comments)


def test_the_role_starts_and_finishes_each_task_once_however_often_it_runs(night: Night) -> None:
    assert kinds(night.keptn, night.tasks["joined"]) == ["started"]
    assert kinds(night.keptn, night.tasks["ended"]) == ["started", "finished"]
    end = answers(night.keptn, night.tasks["ended"])[-1]
    assert (end.data["status"], end.data["result"]) == ("succeeded", "pass")
    assert [sequence(night.keptn, night.tasks[name]["context"]) for name in ("joined", "ended")] == [
        "started",
        "finished",
    ]


def test_what_automation_keeps_its_hands_off_does_not_keep_keptn_waiting(night: Night) -> None:
    assert kinds(night.keptn, night.tasks["held"]) == ["started", "finished"]
    end = answers(night.keptn, night.tasks["held"])[-1]
    assert (end.data["status"], end.data["result"]) == ("errored", "fail")
    assert end.data["message"].endswith("automation keeps its hands off (unmanaged); nothing was done")
    assert end.data["labels"]["Self-healing incident"] == night.incidents["held"]
    until(lambda: sequence(night.keptn, night.tasks["held"]["context"]) == "finished")


def test_an_incident_without_a_task_is_left_alone(night: Night) -> None:
    tool = night.journal.read(night.incidents["without"]).tools["keptn"]
    assert (tool.id, tool.url, tool.state) == (None, None, "shown")


def test_texts_of_events_stay_texts(night: Night) -> None:
    assert "uid=" not in night.run.output
    begin = answers(night.keptn, night.tasks["joined"])[0]
    assert begin.data["labels"]["x"] == "{{ lookup('pipe', 'id') }}"


def test_the_incident_is_the_one_that_the_event_source_would_have_chosen(night: Night) -> None:
    [task] = night.journal.read(night.incidents["joined"]).tasks
    pid = night.journal.read(night.incidents["joined"]).problem["problem_id"]
    assert night.incidents["joined"] == incident_id("dynatrace", "default", pid)
    assert task["id"] == night.tasks["joined"]["id"]
