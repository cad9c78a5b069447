# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent to the trigger of a form or of a flow."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import alert_trigger
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_values import Option
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.modules.xmatters_alert import SPEC

PARAMS: dict[str, Any] = {
    **{name: option.get("default") for name, option in SPEC.options.items()},
    "marker": "i1",
}


def test_options_of_the_incident_become_the_vendors() -> None:
    options = alert_trigger.response_options(
        [
            {"name": "process_restart", "label": " Restart process ", "text": "restarts shop", "role": "a.b.c"},
            {"name": "escalate", "label": "Escalate"},
            {"name": "snooze", "label": "Snooze", "action": "record_response"},
        ]
    )
    assert options[0] == {
        "number": 1,
        "text": "Restart process",
        "description": "restarts shop",
        "prompt": "Restart process",
        "action": "STOP_NOTIFYING_TARGET",
        "contribution": "POSITIVE",
        "allowComments": True,
    }
    assert [(o["action"], o["contribution"]) for o in options[1:]] == [
        ("ESCALATE", "NEGATIVE"),
        ("RECORD_RESPONSE", "NEUTRAL"),
    ]


@pytest.mark.parametrize(
    ("recipient", "pointer"),
    [
        ("Checkout SRE", {"id": "Checkout SRE"}),
        ("ana|Mobile", {"id": "ana|Mobile", "recipientType": "DEVICE"}),
        ({"name": "Checkout SRE", "type": "group"}, {"id": "Checkout SRE", "recipientType": "GROUP"}),
        ({"name": "ana"}, {"id": "ana"}),
    ],
)
def test_recipients(recipient: Any, pointer: dict[str, str]) -> None:
    body = alert_trigger.trigger_body({**PARAMS, "recipients": [recipient]})
    assert body["recipients"] == [pointer]


@pytest.mark.parametrize("recipient", ["", " ", 7, {}, {"name": ""}, {"name": "x", "type": "team"}])
def test_wrong_recipients_are_refused(recipient: Any) -> None:
    with pytest.raises(ConfigurationError, match="recipients"):
        alert_trigger.trigger_body({**PARAMS, "recipients": [recipient]})


def test_what_is_not_given_is_left_to_the_form() -> None:
    assert alert_trigger.trigger_body(PARAMS) == {"properties": {"incident_id": "i1"}}


def test_the_marker_cannot_be_overwritten() -> None:
    body = alert_trigger.trigger_body(
        {**PARAMS, "properties": {"incident_id": "other", "subject": "s"}, "subject": "t"}
    )
    assert body["properties"] == {"incident_id": "i1", "subject": "t"}


def test_how_it_is_delivered() -> None:
    told = {
        "priority": "high",
        "expiration": 60,
        "target_devices": [" Mobile Phone ", "SMS Phone"],
        "target_all_devices": False,
        "escalation_override": True,
        "override_device_restrictions": True,
        "bypass_phone_intro": True,
        "phone_password_required": False,
        "conference": {"type": "external", "bridge_id": "b1", "bridge_number": None},
        "voicemail": {"retry": 2, "every": 5, "leave": None},
    }
    assert alert_trigger.trigger_body({**PARAMS, **told}) == {
        "properties": {"incident_id": "i1"},
        "priority": "HIGH",
        "expirationInMinutes": 60,
        "targetDeviceNames": ["Mobile Phone", "SMS Phone"],
        "targetAllDevices": False,
        "escalationOverride": True,
        "overrideDeviceRestrictions": True,
        "bypassPhoneIntro": True,
        "requirePhonePassword": False,
        "conference": {"type": "EXTERNAL", "bridgeId": "b1"},
        "voicemailOptions": {"retry": 2, "every": 5},
    }


def test_a_bridge_has_a_number_only_where_one_is_given() -> None:
    hosted = {"type": "bridge", "bridge_id": "b1", "bridge_number": "42"}
    body = alert_trigger.trigger_body({**PARAMS, "conference": hosted})
    assert body["conference"] == {"type": "BRIDGE", "bridgeId": "b1", "bridgeNumber": "42"}


def test_a_device_without_a_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="target_devices"):
        alert_trigger.trigger_body({**PARAMS, "target_devices": [" "]})


FLOW = {
    **PARAMS,
    "body_form": "flow",
    "subject": "shop is down",
    "text": "not running",
    "properties": {"service": "shop", "recipients": "a property of this name"},
    "recipients": [{"name": "Checkout SRE", "type": "group"}, "ana|Mobile"],
    "priority": "high",
    "response_options": [{"name": "take_over", "label": "Take over"}],
}


def test_a_flow_gets_one_flat_object() -> None:
    body = alert_trigger.trigger_body(FLOW)
    [option] = body.pop("responseOptions")
    assert option["text"] == "Take over"
    assert body == {
        "incident_id": "i1",
        "summary": "shop is down",
        "subject": "shop is down",
        "message": "not running",
        "service": "shop",
        "recipients": "Checkout SRE,ana|Mobile",
        "priority": "HIGH",
    }
    assert alert_trigger.trigger_query(FLOW) == {"recipients": "Checkout SRE,ana|Mobile"}
    assert alert_trigger.trigger_query({**FLOW, "body_form": "form"}) is None


def test_a_name_with_a_comma_is_not_put_between_commas() -> None:
    with pytest.raises(ConfigurationError, match="give the UUID"):
        alert_trigger.trigger_body({**FLOW, "recipients": ["Checkout, SRE"]})


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"a": [1]}, {"a": [1], "incident_id": "i1"}),
        ({"properties": {"x": 1}, "b": 2}, {"properties": {"x": 1, "incident_id": "i1"}, "b": 2}),
        ({}, {"incident_id": "i1"}),
    ],
)
def test_a_body_of_ones_own_carries_the_marker(body: dict[str, Any], sent: dict[str, Any]) -> None:
    assert alert_trigger.trigger_body({**FLOW, "body": body}) == sent


OF_FORM = [
    Option("u1", 1, "Restart process", "", ""),
    Option("u2", 2, "TAKE OVER", "", ""),
    Option("", 3, "Lost", "", ""),
]


@pytest.mark.parametrize(("shape", "sent"), [("uuid", ["u2", "mine"]), ("object", [{"id": "u2"}, {"id": "mine"}])])
def test_options_may_be_named_by_their_uuid(shape: str, sent: list[Any]) -> None:
    options = [{"label": "Take over"}, {"label": "Something else", "id": "mine"}]
    body = alert_trigger.trigger_body({**PARAMS, "response_options": options, "response_options_form": shape}, OF_FORM)
    assert body["responseOptions"] == sent


@pytest.mark.parametrize("label", ["Clean disk", "Lost"])
def test_an_option_that_the_form_lacks_is_named(label: str) -> None:
    told = {"response_options": [{"label": label}], "response_options_form": "uuid"}
    with pytest.raises(ConfigurationError, match=f"no option '{label}'.*'Restart process'"):
        alert_trigger.trigger_body({**PARAMS, **told}, OF_FORM)
