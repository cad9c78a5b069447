# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The translator of Keptn's events."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import keptn_context
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import incident_id
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate as dynatrace
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.keptn import Installation, Meaning, translate

CONTEXT = "a3e5f16d-8888-4720-82c7-6995062905c1"
PID = "-6478017825120311599_1641223491837V2"
ID = "c4d3a334-6cb9-4e8c-a372-7e0b45942f53"
PLACE = {"project": "shop", "stage": "production", "service": "carts"}
PROBLEM_URL = f"https://abc.live.dynatrace.com/#problems/problemdetails;pid={PID}"
#: What dynatrace-service hands on to every task of a remediation.
RAW = {
    "State": "OPEN",
    "PID": PID,
    "ProblemID": "P-2611001",
    "ProblemTitle": "Process unavailable",
    "Tags": "service:cart",
}
KEPTN = Installation("shop-keptn", "acme")
EXAMPLES = Path(__file__).absolute().parents[6] / "shared/specs/keptn-spec-0.2.4-events.json"


def event(type_: str, **changes: Any) -> dict[str, Any]:
    attributes = {"type": f"sh.keptn.{type_}", "id": ID, "source": "shipyard-controller", "shkeptncontext": CONTEXT}
    return {**attributes, "time": "2026-11-22T10:00:00.123456789Z", **changes}


def action(name: str = "restart-service", **data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return event("event.action.triggered"), {**PLACE, "action": {"name": "Do it", "action": name}, **data}


def test_an_action_is_a_task_about_a_problem_of_keptn() -> None:
    attributes, data = action(
        problem={"problemTitle": "Response time degradation", "rootCause": "x"}, labels={"a": "b"}
    )
    meaning = translate({**attributes, "gitcommitid": "521747298a3790fde1710f3aa2d03b55020575aa"}, data, KEPTN)
    problem, task = meaning.problem, meaning.task
    assert (problem.source, problem.tenant, problem.problem_id) == ("keptn", "shop-keptn", CONTEXT)
    assert (problem.title, problem.kind, problem.service) == ("Response time degradation", "slow_service", "carts")
    assert problem.opened_at == datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=timezone.utc)
    assert problem.entities[0].id == "keptn:shop/production/carts"
    assert (task.id, task.context, task.name, task.action) == (ID, CONTEXT, "action", "restart-service")
    assert (task.project, task.stage, task.service, task.kind) == ("shop", "production", "carts", "process_crash")
    assert (task.git_commit, task.labels) == ("521747298a3790fde1710f3aa2d03b55020575aa", {"a": "b"})
    assert not task.started
    assert translate(attributes, data, KEPTN, started=True).task.started


@pytest.mark.parametrize("spelling", ["problemTitle", "ProblemTitle", "PROBLEMTITLE"])
def test_producers_may_spell_names_as_they_like(spelling: str) -> None:
    attributes, data = action(problem={spelling: "Low disk space"})
    data = {name.upper(): value for name, value in data.items()}
    problem = translate(attributes, data, KEPTN).problem
    assert (problem.title, problem.kind) == ("Low disk space", "disk_pressure")


@pytest.mark.parametrize(
    "data",
    [
        {"problem": RAW},
        {"problem": {"pid": PID, "problemTitle": "Process unavailable"}},
        {"labels": {"Problem URL": PROBLEM_URL}},
        {"problem": {"ProblemURL": PROBLEM_URL}},
    ],
)
def test_a_task_about_a_problem_of_dynatrace_joins_its_incident(data: dict[str, Any]) -> None:
    attributes, body = action(**data)
    problem = translate(attributes, body, KEPTN).problem
    assert problem.incident == incident_id("dynatrace", "acme", PID)
    assert problem.opened_at == datetime(2022, 1, 3, 15, 24, 51, 837000, tzinfo=timezone.utc)


def test_an_event_that_names_no_problem_is_joined_by_the_context_that_keptn_made_of_its_id() -> None:
    attributes, data = action()
    attributes["shkeptncontext"] = keptn_context(PID)
    assert attributes["shkeptncontext"] == "2d363437-3830-4137-b832-353132303331"
    assert translate(attributes, data, KEPTN, [PID, "-1_1641223491837V2"]).problem.problem_id == PID
    assert translate(attributes, data, KEPTN, ["-1_1641223491837V2"]).problem.source == "keptn"
    # Of two that share 16 characters it could be either.
    assert translate(attributes, data, KEPTN, [PID, PID[:16] + "9_1641223491838V2"]).problem.source == "keptn"


def test_an_id_that_is_not_of_dynatrace_joins_nothing() -> None:
    attributes, data = action(problem={"PID": "prometheus-alert-1"})
    assert translate(attributes, data, KEPTN).problem.source == "keptn"


def test_keptn_and_dynatrace_tell_the_same_of_a_problem() -> None:
    details = {"id": PID, "startTime": 1641223491837, "severityLevel": "AVAILABILITY", "status": "OPEN"}
    told = {**RAW, "ProblemDetails": details, "KeptnProject": "shop"}
    direct = dynatrace(told, "acme")
    through = translate(event("events.problem", source="dynatrace", shkeptncontext=PID), told, KEPTN).problem
    assert through == direct


def test_details_that_are_none_are_left_out() -> None:
    for details in ("eyJhIjoxfQ==", {"id": "1234_5678V2"}, ["x"]):
        meaning = translate(event("events.problem"), {**PLACE, **RAW, "ProblemDetails": details}, KEPTN)
        assert meaning.problem.problem_id == PID


@pytest.mark.parametrize(("state", "status"), [("OPEN", "open"), ("RESOLVED", "resolved"), ("CLOSED", "resolved")])
def test_a_problem_opens_and_ends(state: str, status: str) -> None:
    ours = translate(event("events.problem"), {**PLACE, "State": state, "ProblemTitle": "x"}, KEPTN)
    assert (ours.problem.source, ours.problem.status) == ("keptn", status)
    # The end of what nobody knows opens nothing.
    assert ours.only_known == (status == "resolved")
    theirs = translate(event("events.problem"), {**PLACE, **RAW, "State": state}, KEPTN)
    assert (theirs.problem.source, theirs.problem.status, theirs.only_known) == ("dynatrace", status, False)


def test_a_remediation_begins_and_ends_a_problem_of_keptn() -> None:
    data = {**PLACE, "problem": {"problemTitle": "x"}}
    begun = translate(event("event.production.remediation.triggered"), data, KEPTN)
    assert (begun.problem.status, begun.task) == ("open", None)
    end = event("event.production.remediation.finished", time="2026-11-22T10:10:00Z")
    ended = translate(end, {**data, "status": "succeeded", "result": "pass"}, KEPTN)
    assert (ended.problem.incident, ended.problem.status, ended.only_known) == (
        begun.problem.incident,
        "resolved",
        True,
    )
    assert translate(end, {**data, "status": "succeeded", "result": "fail"}, KEPTN).ignored
    # Dynatrace itself says when its problem is over.
    assert translate(end, {**PLACE, "problem": RAW, "status": "succeeded", "result": "pass"}, KEPTN).ignored


def test_a_rollback_is_about_a_bad_release_and_so_is_a_release_that_failed() -> None:
    for name in ("rollback", "release"):
        meaning = translate(event(f"event.{name}.triggered"), {**PLACE, "result": "fail"}, KEPTN)
        assert (meaning.problem.kind, meaning.task.kind, meaning.task.name) == ("bad_release", "bad_release", name)
    assert translate(event("event.release.triggered"), {**PLACE, "result": "pass"}, KEPTN).ignored


def test_an_action_of_somebody_else_is_left_to_him() -> None:
    attributes, data = action("toggle-feature")
    assert translate(attributes, data, KEPTN).ignored == "an action of another executor"
    known = Installation(actions={"toggle-feature": "errors"})
    assert translate(attributes, data, known).task.kind == "errors"
    every = translate(
        attributes, {**data, "problem": {"problemTitle": "Process crashed"}}, Installation(all_actions=True)
    )
    assert every.task.kind == "process_crash"
    assert translate(attributes, data, Installation(all_actions=True)).task.kind == "other"


def test_get_action_is_taken_only_where_it_is_asked_for() -> None:
    attributes = event("event.get-action.triggered")
    assert translate(attributes, PLACE, KEPTN).ignored
    taken = Installation(tasks=("get-action",))
    assert translate(attributes, {**PLACE, "get-action": {"actionIndex": 2}}, taken).task.action_index == 2
    assert translate(attributes, {**PLACE, "ActionIndex": 1}, taken).task.action_index == 1
    assert translate(attributes, {**PLACE, "actionIndex": True}, taken).task.action_index == 0


@pytest.mark.parametrize(
    "labels",
    [
        {"self-healing": "i7k3v5q2x4dmz"},
        {"self-healing": "i7k3v5q2x4dmz-undo"},
        {"any": "by self-healing:i7k3v5q2x4dmz"},
    ],
)
def test_what_we_triggered_ourselves_is_marked(labels: dict[str, str]) -> None:
    meaning = translate(event("event.rollback.triggered"), {**PLACE, "labels": labels}, KEPTN)
    assert meaning.problem.marks == ("i7k3v5q2x4dmz",)


def test_a_value_that_the_template_of_a_webhook_did_not_find_is_none() -> None:
    attributes, data = action(problem={"PID": "<no value>", "problemTitle": "<no value>"}, labels={"x": "<no value>"})
    meaning = translate(attributes, data, KEPTN)
    assert (meaning.problem.source, meaning.problem.title, meaning.task.labels) == (
        "keptn",
        "Keptn asks for a remedy",
        {},
    )
    with pytest.raises(InvalidInputError, match=r"data\.stage is missing"):
        translate(attributes, {**data, "stage": "<no value>"}, KEPTN)


@pytest.mark.parametrize(
    ("attributes", "data", "message"),
    [
        ({}, PLACE, "type is missing: the body has to be a CloudEvent"),
        ({"id": "a b"}, PLACE, "id is 'a b', expected the id of the event"),
        ({"id": None}, PLACE, "id is None"),
        ({"shkeptncontext": "{{ x }}"}, PLACE, "shkeptncontext is '{{ x }}'"),
        ({}, [], "data is [], expected an object"),
        ({}, {**PLACE, "project": "{{ x }}"}, "data.project is '{{ x }}', expected letters"),
        ({}, {"project": "shop", "stage": "production"}, "data.service is missing"),
    ],
)
def test_what_is_wrong_is_named(attributes: dict[str, Any], data: Any, message: str) -> None:
    changed = {**event("event.rollback.triggered"), **attributes} if attributes or data is not PLACE else {}
    with pytest.raises(InvalidInputError) as caught:
        translate(changed, data, KEPTN)
    assert caught.value.message.startswith(message)


def test_free_text_stays_text_of_one_line() -> None:
    evil = "{{ lookup('pipe', 'id') }}\n\x1b[31m" + "x" * 1000
    attributes, data = action(problem={"problemTitle": evil}, labels={evil: evil})
    meaning = translate(attributes, data, Installation(all_actions=True))
    assert "\n" not in meaning.problem.title
    assert len(meaning.problem.title) == 300
    assert all("\n" not in text for pair in meaning.task.labels.items() for text in pair)


# -- Keptn v2 ----------------------------------------------------------------------------------------------------------


def lifecycle(type_: str, kind: str = "Normal") -> Meaning:
    resource = {"group": "", "kind": "", "version": "", "name": "shop-1.2-abc", "namespace": "shop"}
    data = {"message": "App Deployment: has failed", "type": kind, "version": "1.2", "resource": resource}
    attributes = {"type": type_, "source": "keptn.sh", "id": ID, "time": datetime(2026, 11, 22, tzinfo=timezone.utc)}
    return translate(attributes, data, KEPTN)


def test_a_release_of_keptn_2_fails_or_takes_too_long() -> None:
    failed = lifecycle("App Post-Deployment Evaluations.Failed", "Warning")
    assert (failed.problem.status, failed.problem.kind, failed.only_known) == ("open", "bad_release", False)
    assert (failed.problem.problem_id, failed.problem.service) == ("shop/shop-1.2-abc@1.2", "shop-1.2-abc")
    assert lifecycle("Workload Deployment.Finished", "Warning").problem.status == "open"
    ended = lifecycle("App Completed.Finished")
    assert (ended.problem.incident, ended.problem.status, ended.only_known) == (
        failed.problem.incident,
        "resolved",
        True,
    )
    for going_on in ("App Deployment.Started", "App Pre-Deployment Tasks.Finished", "Create Workload.Finished"):
        assert lifecycle(going_on).ignored


# -- whatever comes ----------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from(
    [
        *(f"sh.keptn.event.{task}.triggered" for task in ("action", "rollback", "get-action", "release")),
        "sh.keptn.events.problem",
        "sh.keptn.event.production.remediation.triggered",
        "sh.keptn.event.production.remediation.finished",
        "App Deployment.Failed",
        "App Completed.Finished",
    ]
)
NAMES = """
project stage service labels action problem State PID ProblemTitle ProblemURL ProblemDetails ImpactedEntities Tags id
ProblemDetailsJSONv2 result status actionIndex get-action resource version type ProblemSeverity data name namespace
"""
WORDS = st.sampled_from(NAMES.split())
VALUES = JSON | st.sampled_from([PID, "OPEN", "CLOSED", "shop", "restart", PROBLEM_URL, "fail", "succeeded", "99999"])
OBJECTS = st.dictionaries(WORDS, VALUES | st.dictionaries(WORDS, VALUES, max_size=4), max_size=8)


@settings(max_examples=600)
@given(
    attributes=st.fixed_dictionaries(
        {"type": TYPES | JSON},
        optional={"id": JSON | st.just(ID), "shkeptncontext": JSON | st.just(CONTEXT), "time": JSON, "source": JSON},
    ),
    data=JSON | OBJECTS | OBJECTS.map(lambda data: {**PLACE, **data}),
)
def test_whatever_comes_it_means_something_or_is_refused_with_a_sentence(attributes: Any, data: Any) -> None:
    every = Installation(tasks=("action", "rollback", "get-action", "release"), all_actions=True)
    try:
        meaning = translate(attributes, data, every, [PID])
    except InvalidInputError as error:
        assert error.message.isprintable()  # noqa: PT017
        return
    assert (meaning.problem is None) == bool(meaning.ignored)
    json.dumps(
        [meaning.problem.to_data() if meaning.problem else None, meaning.task.to_data() if meaning.task else None]
    )


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples of keptn/spec are not here")
def test_every_example_of_the_specification_is_understood() -> None:
    examples = {type_: one["example"] for type_, one in json.loads(EXAMPLES.read_text())["events"].items()}
    assert len(examples) == 41
    taken = {}
    every = Installation(tasks=("action", "rollback", "get-action", "release"), all_actions=True)
    for type_, example in examples.items():
        meaning = translate({name: value for name, value in example.items() if name != "data"}, example["data"], every)
        if not meaning.ignored:
            taken[type_.removeprefix("sh.keptn.")] = (meaning.problem.source, meaning.task and meaning.task.kind)
    assert taken == {
        "event.action.triggered": ("keptn", "other"),
        "event.get-action.triggered": ("keptn", "slow_service"),
        "event.rollback.triggered": ("keptn", "bad_release"),
        # Its PID and the id in its details differ; the address says whose it is.
        "events.problem": ("dynatrace", None),
    }
