# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of an incident: every time that people are alerted, whom, and why. Pure.

They follow from the timeline. Each has a marker of its own, by which the pager finds the alert that it made of it, so
that no call is made twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from .asking import Asking, CallStep, asking_from, everybody
from .options import QUESTIONS, answerable

if TYPE_CHECKING:
    from .incident import Incident, TimelineEntry


@dataclass(frozen=True)
class Call:
    """One call. C(why) is C(asked), C(informed), C(reminded), C(next) or C(escalated).

    C(entry) is the number of the entry that makes it, C(round) of the question that it belongs to, C(level) the step of
    the escalation. C(open) tells whether its alert goes on, and C(send) whether it is still worth being sent.
    """

    number: int
    marker: str
    why: str
    entry: int
    round: int
    level: int
    recipients: tuple[str, ...] = ()
    priority: str | None = None
    devices: tuple[str, ...] = ()
    override: bool = False
    open: bool = False
    send: bool = False

    def to_data(self) -> dict[str, Any]:
        return {**asdict(self), "recipients": list(self.recipients), "devices": list(self.devices)}


def calls_of(incident: Incident) -> list[Call]:
    """Return the calls of an incident, oldest first."""
    made: list[Call] = []
    asking, newest_question = Asking(), 0
    for entry in incident.timeline:
        if entry.kind == "decided":
            asking = asking_from(entry.data.get("asking"))
        if entry.kind in QUESTIONS:
            newest_question = entry.n
        call = _call(incident.id, entry, asking, newest_question, len(made) + 1)
        if call is not None:
            made.append(call)
    return [_as_it_is(incident, call, newest_question, call is made[-1]) for call in made]


def _call(incident: str, entry: TimelineEntry, asking: Asking, question: int, number: int) -> Call | None:
    """Return the call that an entry makes."""
    if entry.kind == "decided" and entry.data["verdict"] in ("ask", "act"):
        why, level = ("asked" if entry.data["verdict"] == "ask" else "informed"), 0
    elif entry.kind == "called":
        why, level = entry.data["why"], entry.data["level"]
    elif entry.kind == "escalated":
        why, level = "escalated", 0
    else:
        return None
    step = asking.step(level)
    if entry.kind == "escalated":
        step = _urgent(asking) if entry.data.get("reason") == "no_answer" else replace(step, priority="high")
    marker = incident if number == 1 else f"{incident}.{number}"
    return Call(
        number, marker, why, entry.n, question, level, step.recipients, step.priority, step.devices, step.override
    )


def _urgent(asking: Asking) -> CallStep:
    """Return the last call of all: everybody who was called, as urgent as can be."""
    return CallStep(recipients=everybody(asking.steps), priority="high", override=True)


def _as_it_is(incident: Incident, call: Call, question: int, newest: bool) -> Call:
    """Return the call with what is left of it now."""
    if incident.state == "closed":
        return call
    waits = answerable(incident) and call.round == question
    informs = newest and call.why == "informed" and incident.state in ("healing", "verifying")
    return replace(call, open=waits or newest, send=waits or informs)
