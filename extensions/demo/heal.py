# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows one heal from the fault to the closed incident, says each step, and presses the option where wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from .errors import LegError
from .progress import Progress
from .sandbox_client import SandboxClient, State
from .scenarios import Scenario

#: The steps that are measured, in order, with the leg that is at fault when the next one does not come.
STEPS = ("detected", "alerted", "answered", "fixed", "verified", "closed")
#: Seconds after which a heal in which nothing happens any more has failed.
PATIENCE = 90.0
#: Seconds between the appearance of the alert and the press, so that a person can see the question.
MOMENT = 1.0
#: States in which automation has stopped for good.
DEAD_ENDS = {"held": "automation kept its hands off", "observed": "automation only watched"}


class Heal:
    """One heal. C(answer) is C(auto) (press the option after a moment) or C(person) (wait for somebody)."""

    def __init__(self, scenario: Scenario, sandbox: SandboxClient, progress: Progress, answer: str) -> None:
        self._scenario = scenario
        self._sandbox = sandbox
        self._progress = progress
        self._auto = answer == "auto"
        self._broken_at = 0.0
        self._pressed = False
        self._asked_at: float | None = None
        #: Seconds from the fault to each step that was reached.
        self.seconds: dict[str, float] = {}
        self.incident: str | None = None
        #: Seconds from the fault until no playbook had anything left to do.
        self.over_after: float | None = None

    def run(self, alive: Callable[[], None], clock: Callable[[], float] = time.time) -> None:
        """Break the service and follow its heal until nothing is left to do. Raises LegError."""
        self._broken_at = clock()
        self._progress.note(self._scenario.break_it())
        self.follow(self._sandbox.states(alive), clock)

    def follow(self, states: Iterable[State], clock: Callable[[], float]) -> None:
        """Follow the states until the incident is closed and every playbook is done. Raises LegError."""
        last: Any = None
        last_at = clock()
        for state in states:
            incident = newest(state)
            self._say(state, incident)
            if incident is not None and incident["state"] == "closed" and state["journal"]["unsettled"] == 0:
                self.over_after = round(clock() - self._broken_at, 2)
                return
            self._require_hope(incident)
            self._ask(state, incident, clock())
            seen = (incident and incident["version"], self._pressed)
            if seen != last or self._waits_for_person(incident):
                last, last_at = seen, clock()
            if clock() - last_at > PATIENCE:
                raise LegError(self.waits_for(), f"nothing happened for {PATIENCE:.0f} s")

    def waits_for(self) -> str:
        """Return the step that has not come yet; the last one when all have and only the tools have not ended."""
        return next((step for step in STEPS if step not in self.seconds), STEPS[-1])

    def _waits_for_person(self, incident: State | None) -> bool:
        return (
            not self._auto and incident is not None and incident["state"] == "asked" and self.waits_for() == "answered"
        )

    def _say(self, state: State, incident: State | None) -> None:
        if incident is None:
            return
        self.incident = incident["id"]
        for step in STEPS:
            at = incident["times"].get(step)
            if at is not None and step not in self.seconds:
                self.seconds[step] = round(datetime.fromisoformat(at).timestamp() - self._broken_at, 2)
                self._progress.step(step, self.seconds[step], meaning(step, state, incident))

    def _require_hope(self, incident: State | None) -> None:
        if incident is None:
            return
        if incident["state"] == "escalated":
            raise LegError(self.waits_for(), f"the incident was escalated: {incident['timeline'][-1]['text']}")
        if incident["state"] in DEAD_ENDS:
            why = (incident.get("decision") or {}).get("text", "no reason was given")
            raise LegError("decided", f"{DEAD_ENDS[incident['state']]}: {why}")

    def _ask(self, state: State, incident: State | None, now: float) -> None:
        """Press the option, or say once that it has to be pressed."""
        alert = next((one for one in state["tools"]["xmatters"]["alerts"] if one["status"] == "ACTIVE"), None)
        if incident is None or alert is None or alert["responses"] or self._pressed or "alerted" not in self.seconds:
            return
        label = next((one["label"] for one in incident_options(incident) if one["name"] == self._scenario.remedy), None)
        if label is None:
            raise LegError("alerted", f"the remedy {self._scenario.remedy} is not among the options that were offered")
        if self._asked_at is None:
            self._asked_at = now
            if not self._auto:
                self._progress.waiting(f"waiting for you: open {self._sandbox.url} and press '{label}'")
        if self._auto and now - self._asked_at >= MOMENT:
            self._press(alert, label)

    def _press(self, alert: State, label: str) -> None:
        number = next((option["number"] for option in alert["options"] if option["label"] == label), None)
        if number is None:
            raise LegError("alerted", f"the alert does not offer '{label}'")
        if not alert["recipients"]:
            raise LegError("alerted", "the alert reached nobody")
        self._sandbox.act("xmatters", "respond", alert=alert["id"], person=alert["recipients"][0]["key"], option=number)
        self._pressed = True


def newest(state: State) -> State | None:
    """Return the newest incident of a state."""
    return state["incidents"][0] if state["incidents"] else None


def incident_options(incident: State) -> list[State]:
    """Return the response options that were offered for an incident when people were asked."""
    options = incident.get("options") or (incident.get("decision") or {}).get("options") or []
    return [option for option in options if option["name"] != "stop"]


def meaning(step: str, state: State, incident: State) -> str:
    """Say in a few words what a step means."""
    if step == "detected":
        return f"{incident['problem']['display_id']} {incident['title']}"
    if step == "alerted":
        names = [person["name"] for alert in state["tools"]["xmatters"]["alerts"] for person in alert["recipients"]]
        labels = " · ".join(option["label"] for option in incident_options(incident))
        return f"{', '.join(names)}: {labels}"
    if step == "answered":
        answer = incident["answer"] or {}
        return f"{answer.get('responder')} chose '{answer.get('label')}' ({answer.get('channel')})"
    if step == "fixed":
        return f"{incident['decision']['remedy']} ran on {incident['target']}"
    if step == "verified":
        return str(next(entry["text"] for entry in reversed(incident["timeline"]) if entry["kind"] == "verified"))
    return "the incident is closed; every tool is told"
