# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the body of a trigger, in any of the forms that are in use, into what an alert is made of."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .company import PRIORITIES, stable_id
from .directory import Directory
from .model import ACTIONS, Handling, Option, Target

#: Bytes that a trigger may have.
PAYLOAD_LIMIT = 200_000
DEFAULT_EXPIRATION = 1440


def _option(number: int, text: str, action: str, contribution: str) -> Option:
    return Option(stable_id(f"option:{text}"), number, text, text, text, action, contribution)


#: What the form offers when the trigger brings no options of its own.
FORM_OPTIONS = (
    _option(1, "Restart process", "STOP_NOTIFYING_TARGET", "POSITIVE"),
    _option(2, "Take over", "STOP_NOTIFYING_TARGET", "POSITIVE"),
    _option(3, "Escalate", "ESCALATE", "NEGATIVE"),
    _option(4, "Snooze", "RECORD_RESPONSE", "NEUTRAL"),
)


#: Fields of a trigger that are kept and shown as they came.
SHOWN = (
    "bypassPhoneIntro",
    "requirePhonePassword",
    "otherResponseCountThreshold",
    "senderOverrides",
    "targetAllDevices",
    "targetDeviceNames",
    "conference",
    "voicemailOptions",
)


@dataclass(frozen=True)
class Triggered:
    """What a trigger asks for."""

    properties: dict[str, Any]
    targets: list[Target]
    options: list[Option]
    handling: Handling


def understand(body: bytes, query: Mapping[str, str], directory: Directory) -> Triggered:
    """Return what the trigger asks for. Unknown recipients are left out: xMatters tells of them in a log only."""
    try:
        said = json.loads(body) if body else {}
    except ValueError:
        said = {"message": body.decode("utf-8", errors="replace")}
    if not isinstance(said, Mapping):
        said = {"message": json.dumps(said)}
    properties = said.get("properties")
    if not isinstance(properties, Mapping):
        properties = {name: said[name] for name in ("summary", "message") if name in said}
    recipients = said.get("recipients") or query.get("recipients") or directory.settings.group
    return Triggered(
        properties={str(name).partition("#")[0]: value for name, value in properties.items() if value is not None},
        targets=list(dict.fromkeys(_targets(recipients, directory))),
        options=_options(said.get("responseOptions")),
        handling=_handling(said),
    )


def _handling(said: Mapping[str, Any]) -> Handling:
    priority = str(said.get("priority", "MEDIUM")).upper()
    expires_in = said.get("expirationInMinutes", DEFAULT_EXPIRATION)
    names = said.get("targetDeviceNames")
    listed = names if isinstance(names, list) and said.get("targetAllDevices") is not True else []
    return Handling(
        priority=priority if priority in PRIORITIES else "MEDIUM",
        expires_in=expires_in if isinstance(expires_in, int) and expires_in > 0 else DEFAULT_EXPIRATION,
        device_names=tuple(str(one.get("name", "")) if isinstance(one, Mapping) else str(one) for one in listed),
        all_at_once=said.get("escalationOverride") is True,
        unrestricted=said.get("overrideDeviceRestrictions") is True,
        extra={name: said[name] for name in SHOWN if said.get(name) is not None},
    )


def _targets(recipients: Any, directory: Directory) -> Iterable[Target]:
    for name in _names(recipients):
        if group := directory.find_group(name):
            yield Target(group.name, "GROUP")
        elif device := directory.find_device(name):
            yield Target(device.target_name, "DEVICE")
        elif person := directory.find_person(name):
            yield Target(person.key, "PERSON")


def _names(recipients: Any) -> Iterable[str]:
    if isinstance(recipients, str):
        yield from (name.strip() for name in recipients.split(",") if name.strip())
    elif isinstance(recipients, list):
        for entry in recipients:
            if isinstance(entry, str):
                yield entry
            elif isinstance(entry, Mapping):
                yield from _pointed(entry)


def _pointed(entry: Mapping[str, Any]) -> Iterable[str]:
    """Return the names that one recipient stands for. The older form names devices of a person beside the person."""
    name = str(entry.get("id") or entry.get("targetName") or "")
    devices = entry.get("devices")
    if isinstance(devices, list) and devices:
        yield from (f"{name}|{device}" for device in devices)
    else:
        yield name


def _options(given: Any) -> list[Option]:
    """Return the options: objects as they are, UUIDs as the form's options, nothing as all options of the form."""
    if not isinstance(given, list) or not given:
        return list(FORM_OPTIONS)
    of_form = {option.id: option for option in FORM_OPTIONS}
    options: list[Option] = []
    for entry in given:
        if isinstance(entry, str):
            entry = {"id": entry}
        if not isinstance(entry, Mapping):
            continue
        if "text" in entry:
            options.append(_from_object(entry, len(options) + 1))
        elif entry.get("id") in of_form:
            options.append(of_form[entry["id"]])
    return options or list(FORM_OPTIONS)


def _from_object(entry: Mapping[str, Any], position: int) -> Option:
    text = str(entry["text"])
    action = str(entry.get("action") or "RECORD_RESPONSE")
    number = entry.get("number")
    return Option(
        id=str(uuid.uuid4()),
        number=number if isinstance(number, int) else position,
        text=text,
        description=str(entry.get("description") or text),
        prompt=str(entry.get("prompt") or text),
        action=action if action in ACTIONS else "RECORD_RESPONSE",
        contribution=str(entry.get("contribution") or "NEUTRAL"),
        allow_comments=entry.get("allowComments") is not False,
        join_conference=entry.get("joinConference") is True,
    )
