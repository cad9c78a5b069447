# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent to the trigger of a form or of a flow. Pure.

A form without a script takes the fields of I(Trigger an event) of the REST API. A flow takes any JSON: it gets the same
fields with the properties on the top level and the recipients as one text, or what the user wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .clients.xmatters_values import Option
from .errors import ConfigurationError

ACTIONS = (
    "RECORD_RESPONSE",
    "STOP_NOTIFYING_USER",
    "STOP_NOTIFYING_TARGET",
    "ESCALATE",
    "ASSIGN_TO_USER",
    "END",
)
CONTRIBUTIONS = ("POSITIVE", "NEGATIVE", "NEUTRAL", "NONE")
#: Action and contribution of the options that are no remedies. A remedy stops the notifying and counts as engaged; it
#: never ends the alert, so that the result can still be shown on it.
_TALK = {
    "escalate": ("ESCALATE", "NEGATIVE"),
    "snooze": ("STOP_NOTIFYING_TARGET", "NEUTRAL"),
}
_REMEDY = ("STOP_NOTIFYING_TARGET", "POSITIVE")
#: Options of the module that are one field of the trigger each. What is not set is left to the form.
_FLAGS = {
    "escalation_override": "escalationOverride",
    "override_device_restrictions": "overrideDeviceRestrictions",
    "bypass_phone_intro": "bypassPhoneIntro",
    "phone_password_required": "requirePhonePassword",
    "target_all_devices": "targetAllDevices",
}


def trigger_body(params: Mapping[str, Any], of_form: Sequence[Option] = ()) -> dict[str, Any]:
    """Return what is sent. C(of_form) are the form's own options, for triggers that name options by their UUID.

    Raises ConfigurationError that names the option of the module which is wrong.
    """
    handling = _handling(params, of_form)
    if params["body"] is not None:
        return _marked_body(params["body"], params["marker_property"], params["marker"])
    texts = {"subject": params["subject"], "message": params["text"]}
    named = {**(params["properties"] or {}), **texts, params["marker_property"]: params["marker"]}
    properties = {name: value for name, value in named.items() if value is not None}
    recipients = [_recipient(entry) for entry in params["recipients"]]
    if params["body_form"] == "flow":
        summary = {} if params["subject"] is None else {"summary": params["subject"]}
        names = {"recipients": _joined(recipients)} if recipients else {}
        return {**summary, **properties, **handling, **names}
    return {"properties": properties, **({"recipients": recipients} if recipients else {}), **handling}


def trigger_query(params: Mapping[str, Any]) -> dict[str, str] | None:
    """Return what a flow may read from the address: the template of the vendor takes the recipients from there."""
    if params["body_form"] != "flow" or not params["recipients"] or params["body"] is not None:
        return None
    return {"recipients": _joined([_recipient(entry) for entry in params["recipients"]])}


def _joined(recipients: Sequence[Mapping[str, str]]) -> str:
    """Return the recipients as flows take them. Raises ConfigurationError for a name that has a comma."""
    names = [recipient["id"] for recipient in recipients]
    for name in names:
        if "," in name:
            raise ConfigurationError(
                f"recipients: {name!r} has a comma, and a flow takes names with commas between them; give the UUID"
            )
    return ",".join(names)


def _marked_body(body: Mapping[str, Any], marker_property: str, marker: str) -> dict[str, Any]:
    """Return the user's body with the marker where its properties are, so that the alert is found again."""
    properties = body.get("properties")
    if isinstance(properties, Mapping):
        return {**body, "properties": {**properties, marker_property: marker}}
    return {**body, marker_property: marker}


def _handling(params: Mapping[str, Any], of_form: Sequence[Option]) -> dict[str, Any]:
    """Return how the alert is delivered and what may be answered."""
    fields: dict[str, Any] = {}
    if params["priority"]:
        fields["priority"] = params["priority"].upper()
    if params["expiration"]:
        fields["expirationInMinutes"] = params["expiration"]
    fields |= {field: params[name] for name, field in _FLAGS.items() if params[name] is not None}
    if params["target_devices"]:
        fields["targetDeviceNames"] = [_device(name) for name in params["target_devices"]]
    if params["conference"]:
        fields["conference"] = _conference(params["conference"])
    if params["voicemail"]:
        told = params["voicemail"]
        fields["voicemailOptions"] = {name: value for name, value in told.items() if value is not None}
    if params["response_options"] and params["response_options_in_trigger"]:
        options = response_options(params["response_options"])
        fields["responseOptions"] = named_options(
            params["response_options"], options, of_form, params["response_options_form"]
        )
    return fields


def _device(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError("target_devices: each must be the name of a device, like Mobile Phone")
    return name.strip()


def _conference(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the conference. A bridge whose number is fixed refuses a number, so that none is made up."""
    conference = {"type": str(given["type"]).upper(), "bridgeId": given["bridge_id"]}
    if given["bridge_number"]:
        conference["bridgeNumber"] = given["bridge_number"]
    return {name: str(value) for name, value in conference.items() if value}


def response_options(options: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return response options in the vendor's fields, numbered from 1.

    Raises ConfigurationError when a label is missing, is used twice, or an action is not one of the vendor's.
    """
    result: list[dict[str, Any]] = []
    for position, option in enumerate(options, start=1):
        where = f"response_options: option {position}"
        label = str(option.get("label") or "").strip()
        if not label:
            raise ConfigurationError(f"{where} has no label; the label is what the responder chooses")
        action, contribution = _TALK.get(str(option.get("name")), _REMEDY)
        action = str(option.get("action") or action).upper()
        contribution = str(option.get("contribution") or contribution).upper()
        if action not in ACTIONS:
            raise ConfigurationError(f"{where}: action {action!r} is not one of {', '.join(ACTIONS)}")
        if contribution not in CONTRIBUTIONS:
            raise ConfigurationError(f"{where}: contribution {contribution!r} is not one of {', '.join(CONTRIBUTIONS)}")
        result.append(
            {
                "number": position,
                "text": label,
                "description": str(option.get("text") or label),
                "prompt": str(option.get("prompt") or label),
                "action": action,
                "contribution": contribution,
                "allowComments": True,
            }
        )
    labels = [option["text"].casefold() for option in result]
    if len(set(labels)) != len(labels):
        raise ConfigurationError(
            "response_options: two options have the same label, so that answers would be ambiguous"
        )
    return result


def named_options(
    given: Sequence[Mapping[str, Any]], options: Sequence[dict[str, Any]], of_form: Sequence[Option], shape: str
) -> list[Any]:
    """Return options as the form takes them: C(full) objects, or UUIDs of the form's own (C(object), C(uuid)).

    The UUID is the option's C(id), or that of the form's option with the same text. Raises ConfigurationError when the
    form has none.
    """
    if shape == "full":
        return list(options)
    known = {option.text.casefold(): option.id for option in of_form if option.id}
    result: list[Any] = []
    for entry, option in zip(given, options, strict=True):
        uuid = str(entry.get("id") or "") or known.get(option["text"].casefold())
        if not uuid:
            texts = ", ".join(repr(one.text) for one in of_form) or "none"
            raise ConfigurationError(
                f"response_options: the form has no option {option['text']!r} (it has {texts}); add it to the form, "
                "or set response_options_form to full"
            )
        result.append(uuid if shape == "uuid" else {"id": uuid})
    return result


def _recipient(entry: Any) -> dict[str, str]:
    """Return a recipient pointer; the type is only a hint that saves the vendor a look-up."""
    if isinstance(entry, str) and entry.strip():
        name, kind = entry.strip(), "device" if "|" in entry else None
    elif isinstance(entry, Mapping) and entry.get("name"):
        name, kind = str(entry["name"]), entry.get("type")
    else:
        raise ConfigurationError("recipients: each must be a name, or have a name and a type (group, person or device)")
    if kind is None:
        return {"id": name}
    if kind not in ("group", "person", "device"):
        raise ConfigurationError(f"recipients: the type of {name!r} must be group, person or device, not {kind!r}")
    return {"id": name, "recipientType": kind.upper()}
