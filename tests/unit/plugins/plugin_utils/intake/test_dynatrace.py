# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intake of Dynatrace: every form of the problem notification, records of the API, and whatever else may arrive."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity, Problem, mark
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import (
    problem_id_of,
    translate,
    translate_record,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_words import EVENT_TYPES_BY_KIND
from sandbox.dynatrace import shapes
from sandbox.dynatrace.notification import PAYLOAD, TEST_NOTIFICATION, render, values_of
from sandbox.dynatrace.world import World
from sandbox.settings import Watch

PID = "-6478017825120311599_1790000000000V2"
PROCESS = "PROCESS_GROUP_INSTANCE-5D1A000000000001"
HOST = "HOST-5D1A0000000000A1"
OPENED = datetime(2026, 9, 21, 14, 13, 20, tzinfo=timezone.utc)
SPECS = Path(__file__).parents[5].parent / "shared" / "specs"


def notification(**changes: Any) -> dict[str, Any]:
    """Return a notification in the recommended form; a field set to None is left out."""
    fields = {
        "State": "OPEN",
        "PID": PID,
        "ProblemID": "P-2611001",
        "ProblemTitle": "Process unavailable",
        "ProblemImpact": "INFRASTRUCTURE",
        "ProblemSeverity": "AVAILABILITY",
        "ProblemURL": f"https://abc.live.dynatrace.com/#problems/problemdetails;pid={PID}",
        "ImpactedEntity": "Process unavailable on shop",
        "NamesOfImpactedEntities": "shop",
        "ImpactedEntities": [{"type": "PROCESS_GROUP_INSTANCE", "name": "shop", "entity": PROCESS}],
        "Tags": "service:shop, env:prod",
        "ProblemDetailsJSONv2": details(),
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def details(**changes: Any) -> dict[str, Any]:
    """Return the Problems API v2 object of the same problem."""
    stub = {"entityId": {"id": PROCESS, "type": "PROCESS_GROUP_INSTANCE"}, "name": "shop"}
    tag = {"context": "CONTEXTLESS", "key": "service", "value": "shop", "stringRepresentation": "service:shop"}
    return {
        "problemId": PID,
        "displayId": "P-2611001",
        "title": "Process unavailable",
        "impactLevel": "INFRASTRUCTURE",
        "severityLevel": "AVAILABILITY",
        "status": "OPEN",
        "affectedEntities": [stub],
        "impactedEntities": [stub],
        "rootCauseEntity": stub,
        "entityTags": [tag],
        "startTime": 1790000000000,
        "endTime": -1,
        "evidenceDetails": evidence("PGI_UNAVAILABLE"),
        **changes,
    }


def evidence(*event_types: str, relevant: bool = True, **more: Any) -> dict[str, Any]:
    items = [
        {
            "evidenceType": "EVENT",
            "displayName": event_type,
            "entity": {"entityId": {"id": PROCESS, "type": "PROCESS_GROUP_INSTANCE"}, "name": "shop"},
            "rootCauseRelevant": relevant,
            "eventId": "1_1",
            "eventType": event_type,
            "startTime": 1790000000000,
            "data": {
                "properties": [{"key": "dt.entity.host", "value": HOST}, {"key": "host.name", "value": "shop-01"}]
            },
            **more,
        }
        for event_type in event_types
    ]
    return {"totalCount": len(items), "details": items}


def version_1(**changes: Any) -> dict[str, Any]:
    """Return the Problems API v1 object of a disk problem."""
    place = {
        "entityId": "HOST-1111111111111111",
        "entityName": "web01",
        "severityLevel": "RESOURCE_CONTENTION",
        "impactLevel": "INFRASTRUCTURE",
        "eventType": "LOW_DISK_SPACE",
    }
    event = {
        **place,
        "startTime": 1790000000000,
        "endTime": -1,
        "resourceId": "DISK-2222222222222222",
        "resourceName": "/var",
        "status": "OPEN",
        "isRootCause": True,
    }
    return {
        "id": PID,
        "displayName": "P-2611001",
        "startTime": 1790000000000,
        "endTime": -1,
        "impactLevel": "INFRASTRUCTURE",
        "severityLevel": "RESOURCE_CONTENTION",
        "status": "OPEN",
        "tagsOfAffectedEntities": [{"context": "CONTEXTLESS", "key": "env", "value": "prod"}],
        "rankedEvents": [event],
        "rankedImpacts": [place],
        **changes,
    }


def test_recommended_payload() -> None:
    assert translate(notification(), "acme") == Problem(
        source="dynatrace",
        tenant="acme",
        problem_id=PID,
        display_id="P-2611001",
        status="open",
        title="Process unavailable",
        kind="process_crash",
        severity="critical",
        service="shop",
        url=f"https://abc.live.dynatrace.com/#problems/problemdetails;pid={PID}",
        entities=(Entity(PROCESS, "PROCESS_GROUP_INSTANCE", "shop"), Entity(HOST, "HOST", "shop-01")),
        root_cause=Entity(PROCESS, "PROCESS_GROUP_INSTANCE", "shop"),
        tags=("service:shop",),
        opened_at=OPENED,
    )


def test_default_payload_of_the_product_with_version_1() -> None:
    problem = translate(
        {
            "ImpactedEntities": [{"type": "HOST", "name": "web01", "entity": "HOST-1111111111111111"}],
            "ImpactedEntity": "Low disk space on web01",
            "PID": PID,
            "ProblemDetailsHTML": "<h1>Dynatrace problem</h1>",
            "ProblemDetailsJSON": version_1(),
            "ProblemID": "P-2611001",
            "ProblemImpact": "INFRASTRUCTURE",
            "ProblemTitle": "Low disk space",
            "Problem URL": "https://abc.live.dynatrace.com/#problems/problemdetails;pid=1",
            "State": "OPEN",
            "Tags": "env:prod, team",
        }
    )
    disk = Entity("DISK-2222222222222222", "DISK", "/var")
    host = Entity("HOST-1111111111111111", "HOST", "web01")
    assert (problem.kind, problem.severity, problem.status) == ("disk_pressure", "medium", "open")
    assert problem.entities == (host, disk)
    assert problem.root_cause == host
    assert problem.url == "https://abc.live.dynatrace.com/#problems/problemdetails;pid=1"
    assert problem.tags == ("env:prod",)
    assert problem.opened_at == OPENED
    assert problem.service is None


def test_payload_of_the_xmatters_notification_type() -> None:
    problem = translate(
        {
            "impactedEntities": [{"type": "SERVICE", "name": "checkout", "entity": "SERVICE-3333333333333333"}],
            "impactedEntity": "Failure rate increase on checkout",
            "pid": PID,
            "problemDetailsJSON": {},
            "problemDetailsText": "…",
            "problemId": "P-2611001",
            "problemImpact": "SERVICE",
            "problemSeverity": "ERROR",
            "problemTitle": "Failure rate increase",
            "problemURL": "https://abc.live.dynatrace.com/",
            "state": "RESOLVED",
            "tags": "",
        }
    )
    assert (problem.problem_id, problem.display_id) == (PID, "P-2611001")
    assert (problem.kind, problem.severity, problem.status) == ("errors", "high", "resolved")
    assert problem.service == "checkout"
    assert problem.entities == (Entity("SERVICE-3333333333333333", "SERVICE", "checkout"),)


def test_version_2_alone_is_enough() -> None:
    problem = translate({"ProblemDetailsJSONv2": details(status="CLOSED", endTime=1790000060000)})
    assert (problem.problem_id, problem.display_id, problem.title) == (PID, "P-2611001", "Process unavailable")
    assert (problem.status, problem.kind, problem.severity) == ("resolved", "process_crash", "critical")
    assert problem.resolved_at == datetime(2026, 9, 21, 14, 14, 20, tzinfo=timezone.utc)


def test_version_2_under_the_old_name_is_recognised() -> None:
    problem = translate(notification(ProblemDetailsJSONv2=None, ProblemDetailsJSON=details()))
    assert problem.root_cause == Entity(PROCESS, "PROCESS_GROUP_INSTANCE", "shop")


def test_placeholders_that_were_not_replaced_count_as_missing() -> None:
    problem = translate(
        {
            "State": "OPEN",
            "PID": PID,
            "ProblemID": "{ProblemID}",
            "ProblemTitle": "{ProblemTitle}",
            "ProblemSeverity": "{ProblemSeverity}",
            "ProblemURL": "{ProblemURL}",
            "ImpactedEntities": "{ImpactedEntities}",
            "Tags": "{Tags[owner]}",
            "ProblemDetailsJSONv2": "{ProblemDetailsJSONv2}",
        }
    )
    assert problem == Problem("dynatrace", "default", PID, "", "open", "Problem without a title")


@pytest.mark.parametrize(
    "state, status",
    [("OPEN", "open"), ("MERGED", "open"), ("ACTIVE", "open"), ("RESOLVED", "resolved"), ("closed", "resolved")],
)
def test_three_vocabularies_of_the_state(state: str, status: str) -> None:
    assert translate(notification(State=state)).status == status


@pytest.mark.parametrize(
    "said, severity",
    [
        ("AVAILABILITY", "critical"),
        ("ERROR", "high"),
        ("PERFORMANCE", "high"),
        ("SLOWDOWN", "high"),
        ("RESOURCE_CONTENTION", "medium"),
        ("CUSTOM_ALERT", "medium"),
        ("MONITORING_UNAVAILABLE", "medium"),
        ("INFO", "low"),
        ("SOMETHING_NEW", "medium"),
    ],
)
def test_severity(said: str, severity: str) -> None:
    assert translate(notification(ProblemSeverity=said)).severity == severity


@pytest.mark.parametrize(
    "kind, event_type", [(k, e) for k, types in EVENT_TYPES_BY_KIND.items() for e in sorted(types)]
)
def test_evidence_decides_the_kind_before_severity_and_title(kind: str, event_type: str) -> None:
    found = details(severityLevel="CUSTOM_ALERT", title="Low disk space", evidenceDetails=evidence(event_type))
    problem = notification(ProblemSeverity="CUSTOM_ALERT", ProblemTitle="Low disk space", ProblemDetailsJSONv2=found)
    assert translate(problem).kind == kind


def test_no_event_type_means_two_kinds() -> None:
    every = [event_type for types in EVENT_TYPES_BY_KIND.values() for event_type in types]
    assert len(every) == len(set(every))


@pytest.mark.parametrize(
    "event_types, kind",
    [
        (["PGI_UNAVAILABLE", "OSI_UNEXPECTEDLY_UNAVAILABLE"], "host_down"),
        (["SERVICE_SLOWDOWN", "PROCESS_CRASHED"], "process_crash"),
        (["PROCESS_CRASHED", "LOW_DISK_SPACE"], "disk_pressure"),
        (["SERVICE_SLOWDOWN", "CUSTOM_DEPLOYMENT"], "bad_release"),
        (["MEMORY_RESOURCES_EXHAUSTED", "HIGH_GC_ACTIVITY"], "other"),
        (["MEMORY_RESOURCES_EXHAUSTED", "SERVICE_SLOWDOWN"], "slow_service"),
    ],
)
def test_merged_problem_has_the_most_fundamental_kind(event_types: list[str], kind: str) -> None:
    found = details(title="Multiple infrastructure problems", evidenceDetails=evidence(*event_types))
    assert translate(notification(ProblemDetailsJSONv2=found)).kind == kind


def test_evidence_beside_the_root_cause_does_not_count() -> None:
    both = evidence("SERVICE_SLOWDOWN")["details"] + evidence("CUSTOM_DEPLOYMENT", relevant=False)["details"]
    found = details(evidenceDetails={"totalCount": 2, "details": both})
    assert translate(notification(ProblemDetailsJSONv2=found)).kind == "slow_service"


@pytest.mark.parametrize(
    "severity, type_, kind",
    [
        ("AVAILABILITY", "PROCESS_GROUP_INSTANCE", "process_crash"),
        ("AVAILABILITY", "PROCESS_GROUP", "process_crash"),
        ("AVAILABILITY", "HOST", "host_down"),
        ("AVAILABILITY", "SERVICE", "other"),
        ("ERROR", "SERVICE", "errors"),
        ("PERFORMANCE", "SERVICE", "slow_service"),
        ("SLOWDOWN", "SERVICE", "slow_service"),
        ("RESOURCE_CONTENTION", "DISK", "disk_pressure"),
        ("RESOURCE_CONTENTION", "HOST", "other"),
        ("CUSTOM_ALERT", "HOST", "other"),
    ],
)
def test_generic_event_leaves_the_kind_to_severity_and_entity(severity: str, type_: str, kind: str) -> None:
    entity = {"type": type_, "name": "x", "entity": f"{type_}-1111111111111111"}
    found = {"problemId": PID, "evidenceDetails": {"details": [{"evidenceType": "EVENT", "eventType": "CUSTOM_ALERT"}]}}
    sent = notification(
        ProblemSeverity=severity,
        ProblemTitle="Something of ours",
        ImpactedEntities=[entity],
        ProblemDetailsJSONv2=found,
        Tags=None,
    )
    assert translate(sent).kind == kind


@pytest.mark.parametrize("metric", ["builtin:host.disk.usedPct", "dt.host.disk.avail", "builtin:host.disk.inodesAvail"])
def test_metric_event_on_a_disk_is_recognised_by_what_it_measures(metric: str) -> None:
    host = {"entityId": {"id": HOST, "type": "HOST"}, "name": "db-02"}
    found = details(
        severityLevel="CUSTOM_ALERT",
        rootCauseEntity=host,
        evidenceDetails={"details": [{"evidenceType": "METRIC", "metricId": metric, "entity": host}]},
    )
    sent = notification(ProblemSeverity="CUSTOM_ALERT", ProblemTitle="Voll", ProblemDetailsJSONv2=found)
    assert translate(sent).kind == "disk_pressure"


@pytest.mark.parametrize(
    "title, kind",
    [
        ("No process found for rule pythonmain", "process_crash"),
        ("Process unavailable", "process_crash"),
        ("Low disk space", "disk_pressure"),
        ("Response time degradation", "slow_service"),
        ("Failure rate increase", "errors"),
        ("Host or monitoring unavailable", "host_down"),
        ("Monitoring not available", "monitoring_gap"),
        ("Multiple service problems", "other"),
    ],
)
def test_title_is_the_last_resort(title: str, kind: str) -> None:
    assert translate({"State": "OPEN", "PID": PID, "ProblemTitle": title}).kind == kind


def test_missing_monitoring_is_never_a_crash() -> None:
    assert translate(notification(ProblemSeverity="MONITORING_UNAVAILABLE")).kind == "monitoring_gap"


def test_test_notification_is_marked() -> None:
    problem = translate(dict(TEST_NOTIFICATION))
    assert problem.test
    assert (problem.problem_id, problem.display_id) == ("99999", "999")


@pytest.mark.parametrize(
    "payload",
    [
        {"State": "OPEN", "PID": "99999"},
        {"State": "OPEN", "ProblemDetailsJSON": {"ID": "99999"}},
        {"State": "OPEN", "ProblemDetails": {"id": "99999"}},
        {"State": "OPEN", "PID": "99999", "ProblemDetailsJSONv2": {"problemId": "something else"}},
        {"State": "OPEN", "PID": PID, "ProblemTitle": "Dynatrace problem notification test run"},
    ],
)
def test_every_form_of_the_test_notification_is_marked(payload: dict[str, Any]) -> None:
    assert translate(payload).test


def test_real_problem_is_no_test() -> None:
    assert not translate(notification()).test


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"State": None, "ProblemDetailsJSONv2": None}, "State is missing"),
        ({"State": "{State}", "ProblemDetailsJSONv2": None}, "State is missing"),
        ({"State": "BROKEN"}, "State is 'BROKEN', expected OPEN or RESOLVED"),
        ({"State": ["OPEN"]}, "State must be text"),
        ({"PID": None, "ProblemDetailsJSONv2": None}, "PID is missing"),
        ({"PID": "{PID}", "ProblemDetailsJSONv2": None}, "PID is missing"),
        ({"PID": "a b", "ProblemDetailsJSONv2": None}, "PID holds characters"),
        ({"PID": "-1_2V2"}, "PID is -1_2V2, but the problem details are about"),
        ({"PID": {"x": 1}}, "PID must be text"),
        ({"pid": "other"}, "pid is given twice, with different values"),
        ({"ImpactedEntities": "shop"}, "ImpactedEntities must be a list: write {ImpactedEntities} without quotes"),
        ({"ProblemDetailsJSONv2": "text"}, "ProblemDetailsJSONv2 must be an object: write {ProblemDetailsJSONv2}"),
        ({"ProblemDetailsJSON": []}, "ProblemDetailsJSON must be an object"),
        ({"ProblemTitle": True}, "ProblemTitle must be text"),
    ],
)
def test_what_cannot_be_understood_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        translate(notification(**changes))
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize("payload", [None, [], "text", 1, True, [notification()]])
def test_only_an_object_is_a_notification(payload: Any) -> None:
    with pytest.raises(InvalidInputError, match="must be a JSON object"):
        translate(payload)


def test_short_id_is_completed_because_it_is_used_again() -> None:
    assert translate(notification(PID="-6478017825120311599")).problem_id == PID


def test_numbers_are_taken_where_text_is_meant() -> None:
    assert translate({"State": "OPEN", "PID": 4711, "ProblemID": 12}).display_id == "12"


@pytest.mark.parametrize(
    "tags, entity_name, service",
    [
        ("service:shop", "other", "shop"),
        ("[ENVIRONMENT]service:shop", "other", "shop"),
        ("Service:shop, env:prod", "other", "shop"),
        ("env:prod", "checkout", "checkout"),
        ("env:prod", "Checkout Service (v2)", None),
        ("service:{{ 7*7 }}", "other", None),
        ("service:../../etc", "other", None),
        ("service:", "other", None),
        ("service:one, service:two", "checkout", "checkout"),
        ("service:shop, service:shop", "other", "shop"),
    ],
)
def test_service_is_a_plain_name_or_none(tags: str, entity_name: str, service: str | None) -> None:
    entity = {"type": "SERVICE", "name": entity_name, "entity": "SERVICE-3333333333333333"}
    sent = notification(Tags=tags, ImpactedEntities=[entity], ProblemDetailsJSONv2=None)
    assert translate(sent).service == service


def test_tag_that_names_the_service_can_be_chosen() -> None:
    sent = notification(Tags="app:checkout, service:shop", ProblemDetailsJSONv2=None)
    assert translate(sent, service_tag="app").service == "checkout"


def test_text_is_cleaned_and_cut() -> None:
    problem = translate(notification(ProblemTitle="a\x00b\n\u202egnp.exe\ud800 " + "x" * 1000))
    assert problem.title.startswith("a b gnp.exe xxx")
    assert len(problem.title) == 300
    assert problem.title.endswith("…")


def test_attack_strings_stay_text() -> None:
    title = "{{ lookup('pipe', 'id') }} $(id) `id` <script>"
    assert translate(notification(ProblemTitle=title)).title == title


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x/ y", "file:///etc/passwd", 'https://x/"onload=', "x"]
)
def test_only_a_web_address_is_a_url(url: str) -> None:
    assert translate(notification(ProblemURL=url)).url is None


def test_entities_with_odd_ids_are_left_out() -> None:
    odd = [
        {"type": "HOST", "name": "x", "entity": "HOST-1;rm -rf"},
        {"type": "HOST", "name": "x", "entity": 7},
        {"type": "HOST", "name": "x"},
        "HOST-1111111111111111",
        {"name": "good", "entity": "HOST-1111111111111111"},
    ]
    sent = notification(ImpactedEntities=odd, ProblemDetailsJSONv2=None)
    assert translate(sent).entities == (Entity("HOST-1111111111111111", "HOST", "good"),)


def test_storm_of_entities_and_tags_is_bounded() -> None:
    many = [{"type": "HOST", "name": f"h{n}", "entity": f"HOST-{n:016X}"} for n in range(1000)]
    problem = translate(
        notification(ImpactedEntities=many, Tags=",".join(f"t{n}" for n in range(1000)), ProblemDetailsJSONv2=None)
    )
    assert (len(problem.entities), len(problem.tags)) == (50, 100)


@pytest.mark.parametrize("start", [None, True, "1790000000000", -1, 0, 10**20, 1.5])
def test_time_that_is_none_is_unknown(start: Any) -> None:
    assert translate(notification(ProblemDetailsJSONv2=details(startTime=start))).opened_at is None


@pytest.mark.parametrize("state, status", [("OPEN", "open"), ("RESOLVED", "resolved")])
def test_what_the_sandbox_sends_is_understood(state: str, status: str) -> None:
    watch = Watch("shop", "http://127.0.0.1:1/", "shop-01")
    world = World([watch])
    event = world.evidence("PGI_UNAVAILABLE", 'Process "shop" unavailable', world.entities[watch.entity])
    known = world.open_problem("AVAILABILITY", event)
    if state == "RESOLVED":
        world.close_problem(known)
    sent = render(PAYLOAD, values_of(known, state, "https://example.com/problem", world))
    problem = translate(json.loads(sent))
    assert (problem.problem_id, problem.display_id, problem.status) == (known.pid, known.display_id, status)
    assert (problem.kind, problem.severity, problem.service) == ("process_crash", "critical", "shop")
    assert problem.title == 'Process "shop" unavailable'
    assert Entity(watch.host_entity, "HOST", "shop-01") in problem.entities
    assert (problem.resolved_at is None) == (status == "open")


# -- records of the Problems API ----------------------------------------------------------------------------------

ASKED = datetime(2026, 11, 22, 10, 0, tzinfo=timezone.utc)


def test_record_says_the_same_as_the_notification() -> None:
    told = translate(notification(), "acme")
    assert translate_record(details(), "acme", as_of=ASKED) == replace(told, url=None, as_of=ASKED)


def test_record_that_is_closed_says_when() -> None:
    problem = translate_record(details(status="CLOSED", endTime=1790000060000))
    assert problem.status == "resolved"
    assert problem.resolved_at == datetime(2026, 9, 21, 14, 14, 20, tzinfo=timezone.utc)
    assert problem.as_of is None


@pytest.mark.parametrize("closed", [False, True])
def test_reading_of_the_sandbox_says_nothing_that_its_notification_did_not(closed: bool) -> None:
    watch = Watch("shop", "http://127.0.0.1:1/", "shop-01")
    world = World([watch])
    event = world.evidence("PGI_UNAVAILABLE", "Process unavailable", world.entities[watch.entity])
    known = world.open_problem("AVAILABILITY", event)
    if closed:
        world.close_problem(known)
    state = "RESOLVED" if closed else "OPEN"
    told = translate(json.loads(render(PAYLOAD, values_of(known, state, "https://example.com/problem", world))))
    record = shapes.problem(known, ("evidenceDetails",), world)
    assert translate_record(json.loads(json.dumps(record))) == replace(told, url=None)


@pytest.mark.parametrize(
    "record, message",
    [
        (None, "must be a JSON object"),
        ([details()], "must be a JSON object"),
        ({}, "problemId is missing"),
        (details(problemId=7), "problemId is missing"),
        (details(problemId="../settings"), "problemId holds characters"),
        (details(status=None), "status is '', expected OPEN or CLOSED"),
        (details(status="BROKEN"), "status is 'BROKEN', expected OPEN or CLOSED"),
    ],
)
def test_record_that_cannot_be_understood_is_named(record: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        translate_record(record)


@pytest.mark.parametrize("changes", [{"problemId": "99999"}, {"title": "Dynatrace problem notification test run"}])
def test_record_of_a_test_is_marked(changes: dict[str, Any]) -> None:
    assert translate_record(details(**changes)).test


@pytest.mark.parametrize(
    "record, id_",
    [(details(), PID), ({"problemId": "x" * 129}, None), ({"problemId": "a b"}, None), ({}, None), ("x", None)],
)
def test_id_of_what_may_be_no_problem(record: Any, id_: str | None) -> None:
    assert problem_id_of(record) == id_


# -- marks of our own writing --------------------------------------------------------------------------------------

OURS, OTHER = "iabcdefghijkl", "i234567abcdef"


def properties(*pairs: tuple[Any, Any], relevant: bool = True) -> dict[str, Any]:
    data = {"properties": [{"key": key, "value": value} for key, value in pairs]}
    return evidence("CUSTOM_INFO", relevant=relevant, data=data)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": f"Restarted by {mark(OURS)}"},
        {"title": "x" * 400 + f" {mark(OURS)}"},
        {"entityTags": [{"context": "CONTEXTLESS", "key": "self-healing", "value": OURS}]},
        {"entityTags": [{"stringRepresentation": f"t{n}"} for n in range(200)] + [{"key": mark(OURS)}]},
        {"evidenceDetails": properties((mark(OURS), "yes"))},
        {"evidenceDetails": properties((None, "x"), ("by", f"{mark(OURS)}, {mark(OURS)}"))},
    ],
)
def test_mark_of_our_own_writing_is_found(changes: dict[str, Any]) -> None:
    record = details(**changes)
    assert translate_record(record).marks == (OURS,)
    assert translate(notification(ProblemDetailsJSONv2=record, ProblemTitle=None)).marks == (OURS,)


def test_marks_of_a_notification_alone_are_found() -> None:
    sent = notification(ProblemTitle=mark(OURS), Tags=f"env:prod, {mark(OTHER)}", ProblemDetailsJSONv2=None)
    assert translate(sent).marks == (OURS, OTHER)


def test_mark_in_version_1_is_found() -> None:
    event = {**version_1()["rankedEvents"][0], "customProperties": {"by": mark(OURS), mark(OTHER): None}}
    sent = notification(ProblemDetailsJSONv2=None, ProblemDetailsJSON=version_1(rankedEvents=[event]))
    assert translate(sent).marks == (OURS, OTHER)


def test_mark_beside_the_cause_does_not_make_an_echo_of_a_problem() -> None:
    told = properties(("by", mark(OURS)), relevant=False)["details"]
    both = {"details": [*evidence("PGI_UNAVAILABLE")["details"], *told]}
    assert translate_record(details(evidenceDetails=both)).marks == ()


def test_failure_that_a_deployment_of_ours_caused_is_no_echo() -> None:
    [ours] = properties(("self_healing.incident", mark(OURS)))["details"]
    failure = evidence("SERVICE_ERROR_RATE_INCREASED")["details"]
    assert translate_record(details(evidenceDetails={"details": [ours]})).marks == (OURS,)
    assert translate_record(details(evidenceDetails={"details": [*failure, ours]})).marks == ()
    event = version_1()["rankedEvents"][0]
    both = version_1(rankedEvents=[event, {**event, "customProperties": {"by": mark(OURS)}}])
    assert translate(notification(ProblemDetailsJSONv2=None, ProblemDetailsJSON=both)).marks == ()


def test_a_rollback_that_we_told_of_makes_no_bad_release_of_what_comes_after_it() -> None:
    slow = evidence("SERVICE_SLOWDOWN")["details"]
    theirs = evidence("CUSTOM_DEPLOYMENT")["details"]
    [ours] = evidence("CUSTOM_DEPLOYMENT", data=properties(("by", mark(OURS)))["details"][0]["data"])["details"]
    assert translate_record(details(evidenceDetails={"details": [*slow, *theirs]})).kind == "bad_release"
    assert translate_record(details(evidenceDetails={"details": [*slow, ours]})).kind == "slow_service"
    assert translate_record(details(evidenceDetails={"details": [*slow, ours, *theirs]})).kind == "bad_release"
    event = version_1()["rankedEvents"][0]
    mine = {**event, "eventType": "CUSTOM_DEPLOYMENT", "customProperties": {"by": mark(OURS)}}
    both = version_1(rankedEvents=[{**event, "eventType": "SERVICE_SLOWDOWN"}, mine])
    assert translate(notification(ProblemDetailsJSONv2=None, ProblemDetailsJSON=both)).kind == "slow_service"


def test_what_only_looks_like_a_mark_is_none() -> None:
    assert translate(notification(ProblemTitle="self-healing:on, not-self-healing:iabcdefghijkl")).marks == ()


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
#: Objects with the right names and anything in them, down to the places where the details are read.
NAMES = st.sampled_from(
    [
        *notification(),
        *details(),
        *version_1(),
        *("ProblemDetailsJSON", "Problem URL", "entityId", "id", "type", "name", "details", "data", "properties"),
        *("key", "value", "eventType", "rootCauseRelevant", "isRootCause"),
    ]
)
HINTS = st.sampled_from(["OPEN", "RESOLVED", PID, "99999", HOST, "{PID}", "service:x", True, -1, 1790000000000])
NEARLY = st.recursive(
    HINTS | ANY_JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)


def refusal(payload: Any, translator: Callable[[Any], Problem] = translate) -> str | None:
    """Return why a payload was refused. One that was understood must fit into the journal."""
    try:
        problem = translator(payload)
    except InvalidInputError as error:
        return error.message
    json.dumps(problem.to_data(), ensure_ascii=False).encode("utf-8")
    assert len(problem.title) <= 300
    assert len(problem.entities) <= 50
    return None


@settings(max_examples=60, deadline=None)
@given(payload=ANY_JSON | st.dictionaries(NAMES, NEARLY, max_size=12))
def test_anything_gives_a_problem_or_a_named_error(payload: Any) -> None:
    assert refusal(payload) != ""


@settings(max_examples=60, deadline=None)
@given(record=ANY_JSON | st.dictionaries(NAMES, NEARLY, max_size=12) | NEARLY.map(lambda value: details(status=value)))
def test_any_record_gives_a_problem_or_a_named_error(record: Any) -> None:
    problem_id_of(record)
    assert refusal(record, translate_record) != ""


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from([*details()]), value=NEARLY)
def test_one_odd_detail_never_loses_the_problem(name: str, value: Any) -> None:
    said = refusal(notification(ProblemDetailsJSONv2=details(**{name: value})))
    assert said is None or (name == "problemId" and said.startswith("PID is "))


def _schema() -> dict[str, Any]:
    file = SPECS / "dynatrace-problem-notification.derived.schema.json"
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    schema: dict[str, Any] = json.loads(file.read_text())
    return schema


def test_payloads_of_these_tests_are_what_the_schema_describes() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = _schema()
    for sent in (
        notification(),
        notification(ProblemDetailsJSONv2=None, ProblemDetailsJSON=version_1()),
        TEST_NOTIFICATION,
    ):
        jsonschema.validate(json.loads(json.dumps(sent)), schema)


def test_every_state_and_severity_of_the_schema_is_understood() -> None:
    properties = _schema()["properties"]
    for state in properties["State"]["enum"]:
        for severity in properties["ProblemSeverity"]["enum"]:
            translate(notification(State=state, ProblemSeverity=severity))


def test_every_alias_of_the_reference_list_has_one_kind() -> None:
    file = SPECS / "dynatrace-event-types.json"
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    kinds = {
        "process_unavailable": "process_crash",
        "process_crashed": "process_crash",
        "low_instance_count": "process_crash",
        "host_unavailable": "host_down",
        "low_disk_space": "disk_pressure",
        "low_inodes": "disk_pressure",
        "slowdown": "slow_service",
        "failure_rate": "errors",
    }
    for group in json.loads(file.read_text())["alias_groups"]:
        for event_type in group["event_types"]:
            found = details(severityLevel="CUSTOM_ALERT", evidenceDetails=evidence(event_type))
            sent = notification(ProblemSeverity="CUSTOM_ALERT", ProblemTitle="x", ProblemDetailsJSONv2=found)
            assert translate(sent).kind == kinds.get(group["id"], "other"), event_type


def test_recorded_answers_of_the_api_are_understood() -> None:
    file = SPECS / "dynatrace-env-v2-recorded-answers.json"
    if not file.exists():
        pytest.skip(f"{file.name} is not here")
    answers = json.loads(file.read_text())["answers"]
    recorded = answers["problem-detail"]["body"]
    problem = translate({"State": "RESOLVED", "PID": recorded["problemId"], "ProblemDetailsJSONv2": recorded})
    assert problem.title == "Multiple infrastructure problems"
    assert problem.kind == "other", "memory and garbage collection are none of the kinds with a remedy"
    assert problem.root_cause is not None
    assert problem.root_cause.type == "PROCESS_GROUP"
    assert problem.resolved_at is not None
    assert translate_record(recorded) == problem
    listed = answers["problems-list"]["body"]["problems"]
    assert [translate_record(record).problem_id for record in listed] == [record["problemId"] for record in listed]
