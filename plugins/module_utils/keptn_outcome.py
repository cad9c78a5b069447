# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what an incident, as it stands, answers to a task that Keptn handed out. Pure.

Keptn counts: as many executors have to finish a task as have started it, or its sequence waits for ever. So every way
that an incident can end leads to an end here, and an incident that needs a person is one:

- healed is C(succeeded) with C(pass),
- a remedy that ran and did not help is C(succeeded) with C(fail),
- what nobody may, can or did carry out is C(errored) with C(fail).

What is said goes on to every later task of the sequence, so that it holds no text of events and no names of people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Why an incident was escalated, for people who look at a sequence of Keptn.
_ESCALATED: Mapping[str, str] = {
    "no_answer": "nobody answered in time",
    "not_confirmed": "the monitoring system still reports the problem after the fix",
    "fix_failed": "the remedy failed",
    "ineffective": "the remedy did not help",
    "asked": "a responder escalated",
    "stopped": "a responder stopped the remedy",
    "taken_over": "a responder has taken over",
    "overdue": "the remedy takes longer than it may",
    "undelivered": "the automation could not carry it out",
}
#: Reasons for which something was done to a host before.
_RAN = frozenset({"not_confirmed", "fix_failed", "ineffective", "overdue", "stopped"})
_PROGRESS: Mapping[str, str] = {
    "asked": "waits for the answer of a responder",
    "healing": "a remedy is being carried out",
    "verifying": "the remedy ran; waits until the problem is over",
}


@dataclass(frozen=True)
class KeptnAnswer:
    """What a task is to be answered. C(state) is C(started) or C(finished); the others are empty until it is finished.

    C(progress) is what to say meanwhile. C(action) is the answer to C(get-action), and C(action_index) the next rung.
    """

    state: str
    status: str = ""
    result: str = ""
    message: str = ""
    progress: str = ""
    action: Mapping[str, str] = field(default_factory=dict)
    action_index: int | None = None

    def to_data(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "status": self.status,
            "result": self.result,
            "message": self.message,
            "progress": self.progress,
            "action": dict(self.action),
            "action_index": self.action_index,
        }


def answer_of(incident: Mapping[str, Any], task: Mapping[str, Any]) -> KeptnAnswer:
    """Return what C(task) is to be answered. C(incident) is a record as L(Incident.to_dict) makes it."""
    if task["name"] == "get-action":
        return _action(incident, task)
    state = incident["state"]
    about = f"self-healing incident {incident['id']}"
    since = _since(incident, task)
    if state in ("stable", "closed"):
        healed = any(entry["kind"] == "verified" for entry in incident["timeline"])
        how = "the host was healed, and the problem is over" if healed else "the problem is over"
        return KeptnAnswer("finished", "succeeded", "pass", f"{about}: {how}")
    if state == "verifying" and incident["source"] == "keptn" and any(entry["kind"] == "verified" for entry in since):
        # Nobody but Keptn can say that its problem is over, and it does so after our answer only.
        return KeptnAnswer("finished", "succeeded", "pass", f"{about}: the host was healed, our own probe says so")
    if state == "escalated":
        return _escalated(incident, about)
    if state in ("held", "observed"):
        reason = (incident["decision"] or {}).get("reason")
        why = f"automation keeps its hands off ({reason})" if state == "held" else "automation observes only"
        return KeptnAnswer("finished", "errored", "fail", f"{about}: {why}; nothing was done")
    progress = _PROGRESS.get(state, "")
    return KeptnAnswer("started", progress=f"{about}: {progress}" if progress else "")


def _escalated(incident: Mapping[str, Any], about: str) -> KeptnAnswer:
    newest = next(e for e in reversed(incident["timeline"]) if e["kind"] in ("escalated", "stopped", "taken_over"))
    reason = str(newest["data"].get("reason", newest["kind"]))
    ran = any(entry["kind"] in ("fix_started", "fixed") for entry in incident["timeline"])
    status = "succeeded" if ran and reason in _RAN else "errored"
    why = _ESCALATED.get(reason, "it cannot be healed automatically")
    return KeptnAnswer("finished", status, "fail", f"{about}: {why}; a person is needed")


def _action(incident: Mapping[str, Any], task: Mapping[str, Any]) -> KeptnAnswer:
    """Return the action that the policy would choose: one remedy for each rung, in its order of preference."""
    about = f"self-healing incident {incident['id']}"
    if incident["state"] in ("stable", "closed"):
        return KeptnAnswer("finished", "succeeded", "fail", f"{about}: the problem is over, there is nothing to do")
    if incident["decision"] is None:
        if incident["state"] == "escalated":
            return _escalated(incident, about)
        return KeptnAnswer("started")
    remedies = [option for option in incident["decision"]["options"] if option.get("role")]
    index = int(task["action_index"])
    if index >= len(remedies):
        return KeptnAnswer("finished", "succeeded", "fail", f"{about}: there is no action with index {index}")
    chosen = remedies[index]
    action = {"name": chosen["label"], "action": chosen["name"], "description": str(chosen.get("text") or "")}
    return KeptnAnswer("finished", "succeeded", "pass", f"{about}: {chosen['name']}", "", action, index + 1)


def _since(incident: Mapping[str, Any], task: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the entries that can be the answer to this task.

    What was done before it was handed out was the answer to the task before it, where there is one.
    """
    timeline = incident["timeline"]
    tasks = [entry for entry in timeline if entry["kind"] == "task_triggered" and entry["data"]["name"] != "get-action"]
    own = next((n for n, entry in enumerate(tasks) if entry["data"]["id"] == task["id"]), 0)
    return [entry for entry in timeline if own == 0 or entry["n"] > tasks[own]["n"]]
