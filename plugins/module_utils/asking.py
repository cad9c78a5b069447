# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How people are asked: whom, in which order, how long, and who may answer. Pure; the policy makes it.

It is kept with the decision, so that what follows from an answer or from silence needs nothing but the timeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .incident import Incident

#: What happens when nobody answered the last call: the incident is escalated, and that is told everywhere.
NOTIFY = "notify"


@dataclass(frozen=True)
class CallStep:
    """One step of the escalation. C(wait) is how long an answer may take before the next one, in seconds.

    Without C(recipients) the pager calls whom it is configured to call. C(devices) are names of devices in the words of
    the pager, C(override) ignores delays and restrictions of devices. Without C(priority) the severity decides.
    """

    recipients: tuple[str, ...] = ()
    wait: float = 900.0
    priority: str | None = None
    devices: tuple[str, ...] = ()
    override: bool = False


@dataclass(frozen=True)
class Responder:
    """Somebody who may answer besides those who were called.

    C(ids) is how channels know the person (C(slack), C(jira), …). Without C(services) it is for all of them, without
    C(options) for every option.
    """

    name: str
    email: str | None = None
    ids: Mapping[str, str] | None = None
    services: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asking:
    """All of it. C(exhausted) is C(notify) or the short name of a remedy; the times are seconds."""

    steps: tuple[CallStep, ...] = (CallStep(),)
    exhausted: str = NOTIFY
    acknowledge: float = 600.0
    snooze: float = 1800.0
    responders: tuple[Responder, ...] = ()

    def step(self, level: int) -> CallStep:
        """Return the step of a level; after the last one it is the last."""
        return self.steps[min(level, len(self.steps) - 1)]

    def to_data(self) -> dict[str, Any]:
        """Return it as plain data for the timeline."""
        data = asdict(self)
        for step in data["steps"]:
            step.update(recipients=list(step["recipients"]), devices=list(step["devices"]))
        for responder in data["responders"]:
            responder.update(services=list(responder["services"]), options=list(responder["options"]))
            responder["ids"] = dict(responder["ids"] or {})
        return {**data, "steps": list(data["steps"]), "responders": list(data["responders"])}


def asking_from(data: Mapping[str, Any] | None) -> Asking:
    """Return what C(to_data) wrote; the default where nothing was written."""
    if not data:
        return Asking()
    return Asking(
        steps=tuple(_step(step) for step in data["steps"]) or (CallStep(),),
        exhausted=data["exhausted"],
        acknowledge=data["acknowledge"],
        snooze=data["snooze"],
        responders=tuple(_responder(responder) for responder in data["responders"]),
    )


def asking_of(incident: Incident) -> Asking:
    """Return how people are asked about an incident: as its newest decision says."""
    newest = next((entry for entry in reversed(incident.timeline) if entry.kind == "decided"), None)
    return asking_from(newest.data.get("asking") if newest is not None else None)


def _step(data: Mapping[str, Any]) -> CallStep:
    return CallStep(**{**data, "recipients": tuple(data["recipients"]), "devices": tuple(data["devices"])})


def _responder(data: Mapping[str, Any]) -> Responder:
    return Responder(**{**data, "services": tuple(data["services"]), "options": tuple(data["options"])})


def everybody(steps: Sequence[CallStep]) -> tuple[str, ...]:
    """Return the recipients of all steps, each once. Empty when some step calls whom the pager knows only."""
    if not all(step.recipients for step in steps):
        return ()
    return tuple(dict.fromkeys(name for step in steps for name in step.recipients))
