# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from the policy's variables how people are asked. Pure.

C(self_healing_escalation) is a list of calls, or such a list for each severity (and C(default)):

    self_healing_escalation:
      - {wait: 300}
      - {recipients: [Checkout leads], wait: 600, priority: high, devices: [Voice]}

C(self_healing_exhausted) is C(notify) or the short name of a remedy that may run when nobody answered at all.
C(self_healing_responders) are people who may answer besides those who were called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .asking import NOTIFY, Asking, CallStep, Responder
from .incident import SEVERITIES

PRIORITIES = ("low", "medium", "high")
#: Channels on which people are known by an id of their own.
CHANNELS = ("xmatters", "slack", "jira")
_STEP = ("recipients", "wait", "priority", "devices", "override")
_RESPONDER = ("name", "email", "slack", "jira", "xmatters", "services", "options")


def from_variables(variables: Mapping[str, Any]) -> dict[str, Asking]:
    """Return how people are asked, by severity. The variables must have no C(problems)."""
    timeouts = variables.get("self_healing_timeouts") or {}
    default = Asking()
    wait = float(timeouts.get("answer", default.steps[0].wait))
    responders = tuple(_responder(item) for item in variables.get("self_healing_responders") or ())
    return {
        severity: Asking(
            steps=tuple(_step(item, wait) for item in steps) or (CallStep(wait=wait),),
            exhausted=str(variables.get("self_healing_exhausted") or NOTIFY),
            acknowledge=float(timeouts.get("acknowledge", default.acknowledge)),
            snooze=float(timeouts.get("snooze", default.snooze)),
            responders=responders,
        )
        for severity, steps in _by_severity(variables.get("self_healing_escalation")).items()
    }


def problems(variables: Mapping[str, Any], remedies: Iterable[str]) -> list[str]:
    """Return what is wrong with the variables, one sentence each. C(remedies) are the short names that are known."""
    found: list[str] = []
    escalation = variables.get("self_healing_escalation") or []
    if not isinstance(escalation, (list, tuple, Mapping)):
        found.append("self_healing_escalation must be a list of calls, or such a list for each severity")
        escalation = []
    for severity, steps in _by_severity(escalation).items():
        where = "self_healing_escalation" + (f".{severity}" if isinstance(escalation, Mapping) else "")
        if severity not in (*SEVERITIES, "default"):
            found.append(f"{where}: {severity!r} is no severity, expected {', '.join((*SEVERITIES, 'default'))}")
        elif not isinstance(steps, (list, tuple)):
            found.append(f"{where} must be a list of calls like {{recipients: [Checkout SRE], wait: 600}}")
        else:
            found += [text for n, step in enumerate(steps, 1) for text in _step_problems(f"{where}, call {n}", step)]
    known = sorted({NOTIFY, *remedies})
    exhausted = variables.get("self_healing_exhausted") or NOTIFY
    if exhausted not in known:
        found.append(f"self_healing_exhausted is {exhausted!r}, expected one of {', '.join(known)}")
    responders = variables.get("self_healing_responders") or []
    if not isinstance(responders, (list, tuple)):
        example = "{name: Ana Berg, email: ana@example.com}"
        return [*found, f"self_healing_responders must be a list of people like {example}"]
    for number, item in enumerate(responders, 1):
        found += _responder_problems(f"self_healing_responders, item {number}", item)
    return found


def _by_severity(escalation: Any) -> dict[str, Any]:
    if isinstance(escalation, Mapping):
        return {"default": [], **escalation}
    return {"default": escalation or []}


def _step(item: Mapping[str, Any], wait: float) -> CallStep:
    return CallStep(
        recipients=tuple(item.get("recipients") or ()),
        wait=float(item.get("wait", wait)),
        priority=item.get("priority"),
        devices=tuple(item.get("devices") or ()),
        override=bool(item.get("override", False)),
    )


def _step_problems(where: str, item: Any) -> list[str]:
    if not isinstance(item, Mapping):
        return [f"{where} must be a mapping like {{recipients: [Checkout SRE], wait: 600}}"]
    found = [f"{where}: {key} is not known, expected {', '.join(_STEP)}" for key in item if key not in _STEP]
    wait = item.get("wait", 1)
    if isinstance(wait, bool) or not isinstance(wait, (int, float)) or wait < 1:
        found.append(f"{where}: wait is {wait!r}, expected seconds, at least 1")
    if item.get("priority") not in (None, *PRIORITIES):
        found.append(f"{where}: priority is {item['priority']!r}, expected one of {', '.join(PRIORITIES)}")
    found += [
        f"{where}: {key} must be a list of names"
        for key in ("recipients", "devices")
        if not are_names(item.get(key) or [])
    ]
    return found


def _responder(item: Mapping[str, Any]) -> Responder:
    return Responder(
        name=item["name"],
        email=item.get("email"),
        ids={channel: item[channel] for channel in CHANNELS if item.get(channel)},
        services=tuple(item.get("services") or ()),
        options=tuple(item.get("options") or ()),
    )


def _responder_problems(where: str, item: Any) -> list[str]:
    if not isinstance(item, Mapping) or not _is_name(item.get("name")):
        return [f"{where} must have a name, like {{name: Ana Berg, email: ana@example.com}}"]
    found = [f"{where}: {key} is not known, expected {', '.join(_RESPONDER)}" for key in item if key not in _RESPONDER]
    told = [key for key in ("email", *CHANNELS) if item.get(key) is not None]
    if not told:
        found.append(f"{where}: nobody can be known by a name alone; give email, {', '.join(CHANNELS)}")
    found += [f"{where}: {key} must be a text" for key in told if not _is_name(item[key])]
    found += [
        f"{where}: {key} must be a list of names"
        for key in ("services", "options")
        if not are_names(item.get(key) or [])
    ]
    return found


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def are_names(value: Any) -> bool:
    """Whether something is a list of texts that are not blank."""
    return isinstance(value, (list, tuple)) and all(_is_name(entry) for entry in value)
