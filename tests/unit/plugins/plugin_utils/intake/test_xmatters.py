# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The translator of xMatters' response webhook."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.xmatters import ResponseHint, to_response_hint

UUID = "00000000-0000-4000-8000-0000000000E1"
INTEGRATION = {
    "eventIdentifier": "7001002",
    "date": "26-11-22 08:00:41",
    "recipient": "ana",
    "device": "Mobile",
    "response": "Restart process",
    "annotation": "null",
    "eventProperties": [{"incident_id": "i7k3v5q2x4dmz"}, {"service": "shop"}],
}
AGENT = {
    "xmatters_callback_type": "response",
    "eventidentifier": 7001002,
    "recipient": "ana",
    "response": "Restart process",
    "annotation": "null",
    "additionalTokens": {"incident_id": "i7k3v5q2x4dmz"},
}
FLOW = {
    "schema": "shdevops.xmatters.response/1",
    "event_uuid": UUID,
    "event_id": "7001002",
    "event_status": "ACTIVE",
    "response": "Restart process",
    "responder": "ana",
    "comment": "",
    "properties": {"incident_id#en": "i7k3v5q2x4dmz"},
}
SAMPLES = Path(__file__).absolute().parents[6] / "shared/specs/xmatters-samples.synthetic.json"


@pytest.mark.parametrize(("body", "uuid"), [(INTEGRATION, None), (AGENT, None), (FLOW, UUID.lower())])
def test_three_spellings_say_the_same(body: dict[str, Any], uuid: str | None) -> None:
    assert to_response_hint(body) == ResponseHint(
        event_uuid=uuid,
        event_number="7001002",
        incident_id="i7k3v5q2x4dmz",
        responder="ana",
        option="Restart process",
        comment=None,
        received_at=None,
    )


def test_event_is_asked_for_by_uuid_where_there_is_one() -> None:
    assert to_response_hint(FLOW).event == UUID.lower()
    assert to_response_hint(INTEGRATION).event == "7001002"


@pytest.mark.parametrize(
    "properties", [{"incident_id": "i7k3v5q2x4dmz", "n": 3}, [{"n": 3, "incident_id": "i7k3v5q2x4dmz"}]]
)
def test_properties_may_be_merged(properties: Any) -> None:
    assert to_response_hint({**INTEGRATION, "eventProperties": properties}).incident_id == "i7k3v5q2x4dmz"


def test_marker_property_can_have_another_name() -> None:
    assert to_response_hint(INTEGRATION, "service").incident_id == "shop"
    assert to_response_hint(INTEGRATION, "nothing").incident_id is None
    assert to_response_hint({**INTEGRATION, "eventProperties": [{"incident_id": 7}]}).incident_id is None


@pytest.mark.parametrize(
    ("said", "comment"), [("null", None), ("NULL ", None), ("", None), (None, None), (" late deploy ", "late deploy")]
)
def test_comments(said: str | None, comment: str | None) -> None:
    assert to_response_hint({**INTEGRATION, "annotation": said}).comment == comment


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-11-22T08:00:41.000+0000", datetime(2026, 11, 22, 8, 0, 41, tzinfo=timezone.utc)),
        ("2026-11-22T09:00:41+01:00", datetime(2026, 11, 22, 8, 0, 41, tzinfo=timezone.utc)),
        ("2026-11-22T08:00:41", None),
        ("22 Nov", None),
        (7, None),
    ],
)
def test_times_count_only_with_their_zone(said: Any, moment: datetime | None) -> None:
    assert to_response_hint({**INTEGRATION, "date": said}).received_at == moment


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"eventIdentifier": None}, "eventIdentifier"),
        ({"eventIdentifier": "1/../people"}, "eventIdentifier"),
        ({"eventIdentifier": True}, "eventIdentifier"),
        ({"eventIdentifier": -3}, "eventIdentifier"),
        ({"eventIdentifier": "٣"}, "eventIdentifier"),
        ({"event_uuid": "../audits"}, "event_uuid"),
        ({"recipient": None}, "recipient"),
        ({"recipient": "a" * 1001}, "recipient"),
        ({"response": None}, "response"),
        ({"response": {"text": "x"}}, "response"),
        ({"eventProperties": "incident_id"}, "eventProperties"),
        ({"eventProperties": [1]}, "eventProperties"),
    ],
)
def test_wrong_fields_are_named(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        to_response_hint({**INTEGRATION, **changes})


@pytest.mark.parametrize("body", [{**INTEGRATION, "response": None, "deliveryStatus": "Delivered"}, [], None, "x", 3])
def test_other_webhooks_are_refused(body: Any) -> None:
    with pytest.raises(InvalidInputError):
        to_response_hint(body)


def test_reference_samples() -> None:
    if not SAMPLES.is_file():
        pytest.skip("the reference samples are not there: xmatters-samples.synthetic.json")
    samples = json.loads(SAMPLES.read_text("utf-8"))
    for name in ("webhook.response", "webhook.agent.response", "flow.post.recommended"):
        hint = to_response_hint(samples[name], "problem_id")
        assert (hint.option, hint.responder, hint.incident_id) == ("Roll back", "aoki", "P-2411"), name
        assert hint.event_number == "7001002"
    for name in ("webhook.delivery", "webhook.status"):
        with pytest.raises(InvalidInputError):
            to_response_hint(samples[name])


NAMES = [*INTEGRATION, *AGENT, *FLOW]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([UUID, "7001002", "null"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=8),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@given(JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON)))
def test_nothing_but_a_hint_or_invalid_input(body: Any) -> None:
    try:
        hint = to_response_hint(body)
    except InvalidInputError:
        return
    assert hint.event == UUID.lower() or hint.event.isdigit() or len(hint.event) == 36
    assert hint.responder
    assert hint.option
