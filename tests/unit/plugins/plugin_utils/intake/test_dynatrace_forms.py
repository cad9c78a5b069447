# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every form in which Dynatrace speaks of the same full disk says the same to us."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity, Problem, mark
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.nothing import NothingToRecordError
from support.dynatrace_forms import DAVIS, FORMS, HOST, PID, SPECS, TEST_FORMS, davis

WEB01 = Entity(HOST, "HOST", "web01")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form: str) -> None:
    problem = translate(FORMS[form], "acme")
    assert (problem.source, problem.tenant, problem.problem_id, problem.display_id) == (
        "dynatrace",
        "acme",
        PID,
        "P-2611001",
    )
    assert (problem.status, problem.kind, problem.severity) == ("open", "disk_pressure", "medium")
    assert problem.title == "Low disk space"
    assert problem.entities[0].id == HOST
    assert "ansible_host:web01.example.com" in problem.tags
    assert problem.service == "shop"
    assert not problem.test
    assert problem.as_of is None, "only who asks knows when it was said"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_the_end(form: str) -> None:
    # Each vocabulary has CLOSED; that a notification says RESOLVED is tested with the others.
    closed = json.loads(json.dumps(FORMS[form]).replace("OPEN", "CLOSED").replace("ACTIVE", "CLOSED"))
    assert translate(closed).status == "resolved"


@pytest.mark.parametrize("form", TEST_FORMS)
def test_test_notification_is_known_in_every_form(form: str) -> None:
    assert translate(TEST_FORMS[form]).test


def test_davis_record_whole() -> None:
    assert translate(DAVIS, "acme") == Problem(
        source="dynatrace",
        tenant="acme",
        problem_id=PID,
        display_id="P-2611001",
        status="open",
        title="Low disk space",
        kind="disk_pressure",
        severity="medium",
        service="shop",
        entities=(replace(WEB01, name=""),),
        tags=("ansible_host:web01.example.com", "service:shop"),
        opened_at=datetime(2026, 11, 22, 8, 0, 0, tzinfo=timezone.utc),
    )


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        (
            {"event.category": "SLOWDOWN", "event.name": "x", "affected_entity_ids": ["SERVICE-1"]},
            "kind",
            "slow_service",
        ),
        ({"event.category": "SLOWDOWN", "event.name": "x"}, "severity", "high"),
        ({"event.category": "SLOWDOWN", "event.name": "x", "affected_entity_ids": []}, "kind", "other"),
        (
            {
                "event.category": "SLOWDOWN",
                "event.name": "x",
                "affected_entity_ids": [],
                "dt.davis.impact_level": ["Services"],
            },
            "kind",
            "slow_service",
        ),
        ({"event.category": "MONITORING_UNAVAILABLE"}, "kind", "monitoring_gap"),
        ({"event.category": "AVAILABILITY"}, "kind", "host_down"),
        ({"event.category": None, "event.name": "Low disk space"}, "kind", "disk_pressure"),
        ({"event.type": "OSI_LOW_DISK_SPACE", "event.name": "x"}, "kind", "disk_pressure"),
        ({"event.type": ["SERVICE_SLOWDOWN"], "event.name": "x"}, "kind", "slow_service"),
        ({"event.category": ["ERROR"]}, "severity", "high"),
        ({"event.status": None, "event.status_transition": "REOPENED"}, "status", "open"),
        ({"event.status": None, "event.status_transition": "RESOLVED"}, "status", "resolved"),
        ({"event.status": "ACTIVE", "event.status_transition": "RESOLVED"}, "status", "open"),
        (
            {"root_cause_entity_id": "SERVICE-1", "root_cause_entity_name": "a"},
            "root_cause",
            Entity("SERVICE-1", "SERVICE", "a"),
        ),
        ({"affected_entity_names": ["web01"]}, "entities", (WEB01,)),
        ({"affected_entity_names": ["web01", "web02"]}, "entities", (replace(WEB01, name=""),)),
        ({"related_entity_ids": ["HOST-2"]}, "entities", (replace(WEB01, name=""),)),
        ({"affected_entity_ids": [], "dt.entity.host": [HOST]}, "entities", (replace(WEB01, name=""),)),
        (
            {"affected_entity_ids": None, "smartscape.affected_entity.ids": [HOST]},
            "entities",
            (replace(WEB01, name=""),),
        ),
        ({"event.name": "{{ event()['event.name'] }}"}, "title", "{{ event()['event.name'] }}"),
        ({"event.description": f"by {mark('iabcdefghijkl')}"}, "marks", ("iabcdefghijkl",)),
        ({"dt.davis.is_duplicate": "false"}, "status", "open"),
        ({"event.start": "yesterday"}, "opened_at", None),
        ({"event.start": "9999-12-31T23:59:59+99:00"}, "opened_at", None),
        ({"event.start": 1}, "opened_at", None),
    ],
)
def test_davis_record_in_parts(changes: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(translate(davis(**changes)), field) == value


def test_problem_that_opened_again_began_when_it_did() -> None:
    again = translate(davis(**{"dt.davis.last_reopen_timestamp": "2026-11-22T09:30:00.123456789+01:00"}))
    assert again.opened_at == datetime(2026, 11, 22, 8, 30, 0, 123000, tzinfo=timezone.utc)
    ended = translate(davis(**{"event.status": "CLOSED", "event.end": "2026-11-22T10:00:00Z"}))
    assert ended.resolved_at == datetime(2026, 11, 22, 10, tzinfo=timezone.utc)


@pytest.mark.parametrize("said", [True, "true"])
def test_duplicate_of_another_problem_is_nothing_to_record(said: Any) -> None:
    with pytest.raises(NothingToRecordError) as caught:
        translate({"eventData": davis(**{"dt.davis.is_duplicate": said})})
    assert caught.value.reason == "duplicate"


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (davis(**{"event.kind": "DAVIS_EVENT"}), "event.kind is 'DAVIS_EVENT', expected DAVIS_PROBLEM"),
        (davis(**{"event.id": None}), "event.id is missing"),
        (davis(**{"event.id": "{{ event()['event.id'] }}"}), "event.id holds characters"),
        (davis(**{"event.status": None, "event.status_transition": "?"}), "event.status is missing"),
        (davis(**{"event.status": "BROKEN"}), "event.status is 'BROKEN', expected ACTIVE or CLOSED"),
        ({"eventData": None}, "a problem notification must be a JSON object"),
        ({"eventData": "{"}, "eventData is not JSON"),
        (
            {"eventData": {"eventData": {"eventData": {"eventData": {"eventData": DAVIS}}}}},
            "a problem notification must",
        ),
        (
            {"type": "sh.keptn.event.dev.delivery.finished", "source": "x", "data": FORMS["recommended payload"]},
            "type is 'sh.keptn.event.dev.delivery.finished', expected sh.keptn.events.problem",
        ),
        ({"type": ["x"], "source": "x", "data": {}}, "type is ['x'], expected sh.keptn.events.problem"),
    ],
)
def test_what_cannot_be_understood_is_named(payload: Any, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        translate(payload)
    assert caught.value.message.startswith(message)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([PID, HOST, "ACTIVE"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*DAVIS, "eventData"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=80)
@given(changes=st.dictionaries(st.sampled_from([*DAVIS, "dt.entity.host", "event.end"]), ANYTHING, max_size=4))
def test_odd_davis_record_gives_a_problem_or_a_named_error(changes: dict[str, Any]) -> None:
    try:
        problem = translate({"eventData": {**DAVIS, **changes}})
    except (InvalidInputError, NothingToRecordError):
        return
    json.dumps(problem.to_data(), ensure_ascii=False).encode("utf-8")


def test_forms_of_these_tests_are_what_the_schemas_describe() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    file = SPECS / "dynatrace-davis-problem-record.derived.schema.json"
    if not file.is_file():
        pytest.skip(f"{file.name} is not here")
    schema = json.loads(file.read_text("utf-8"))
    jsonschema.validate(DAVIS, schema)
    for category in schema["properties"]["event.category"]["enum"]:
        for status in schema["properties"]["event.status"]["enum"]:
            for transition in schema["properties"]["event.status_transition"]["enum"]:
                said = {"event.category": category, "event.status": status, "event.status_transition": transition}
                problem = translate(davis(**said))
                assert problem.status == ("open" if status == "ACTIVE" else "resolved")
                assert problem.severity == translate(davis(**{"event.category": category})).severity
    notification = json.loads((SPECS / "dynatrace-problem-notification.derived.schema.json").read_text("utf-8"))
    jsonschema.validate(FORMS["recommended payload"], notification)
