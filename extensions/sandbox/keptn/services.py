# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services around the core that the sandbox needs: deployment, quality gate, remediation plans and Dynatrace.

Each answers the tasks that are its own, with a C(.started) and a C(.finished). What is not in C(tasks) waits for
somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .events import PROBLEM, CloudEvent, Data, find, now, sequence_type, task_type

#: Who answers which task.
SOURCES: Mapping[str, str] = {
    "deployment": "helm-service",
    "release": "helm-service",
    "rollback": "helm-service",
    "evaluation": "lighthouse-service",
    "get-action": "remediation-service",
}


@dataclass(frozen=True)
class Plan:
    """What remediation.yaml says about one kind of problem."""

    problem_type: str
    actions: tuple[Mapping[str, Any], ...]


#: The remediation.yaml of the sandbox.
PLANS = (
    Plan(
        "Response time degradation",
        (
            {"name": "Roll back", "action": "rollback-release", "description": "Back to the release before"},
            {"name": "Escalate", "action": "escalate", "description": "Page who is on call"},
        ),
    ),
    Plan(
        "default",
        (
            {"name": "Restart", "action": "restart-process", "description": "Restart what does not answer"},
            {"name": "Escalate", "action": "escalate", "description": "Page who is on call"},
        ),
    ),
)


class Services:
    """Answers events of the bus. C(publish) puts the answers there."""

    def __init__(self, publish: Callable[[CloudEvent], None]) -> None:
        self._publish = publish
        #: Tasks that are carried out here. Actions and rollbacks are left to whoever subscribed to them.
        self.tasks = {"deployment", "evaluation", "release", "get-action"}
        #: Tasks that a second executor starts as well and never finishes: their sequences never end.
        self.never_finished: set[str] = set()
        self.plans: Sequence[Plan] = PLANS
        #: Results of the next evaluations of a context, first one first; C(pass) when there are none.
        self.evaluations: dict[str, list[str]] = {}

    def receive(self, event: CloudEvent) -> None:
        """Take an event from the bus."""
        if event.type == PROBLEM and event.source == "dynatrace":
            self._problem(event)
        elif event.is_task and event.kind == "triggered":
            if event.task in self.never_finished:
                self._answer(event, "started", {}, source="slow-service")
            if event.task in self.tasks and event.task in SOURCES:
                self._answer(event, "started", {})
                self._answer(event, "finished", self._outcome(event))

    def _outcome(self, event: CloudEvent) -> Data:
        if event.task == "deployment":
            given = event.data.get("deployment")
            strategy = given.get("deploymentstrategy") if isinstance(given, dict) else None
            address = f"http://{event.service}.{event.project}-{event.stage}:80"
            deployed = {
                "deploymentstrategy": strategy or "direct",
                "deploymentURIsLocal": [address],
                "deploymentNames": ["canary"],
            }
            return {"status": "succeeded", "result": "pass", "message": "Successfully deployed", "deployment": deployed}
        if event.task == "evaluation":
            return self._evaluate(event)
        if event.task == "get-action":
            return self._choose_action(event)
        if event.task == "rollback":
            # The real one says again what it was told, so that a rollback that worked has the result C(fail).
            result = event.text("result") or "pass"
            return {"status": "succeeded", "result": result, "message": "Finished rollback"}
        return {"status": "succeeded", "result": "pass", "message": f"Finished {event.task}"}

    def _evaluate(self, event: CloudEvent) -> Data:
        planned = self.evaluations.get(event.context)
        result = planned.pop(0) if planned else "pass"
        at = now().strftime("%Y-%m-%dT%H:%M:%SZ")
        evaluation = {
            "result": result,
            "score": {"pass": 100, "warning": 75}.get(result, 0),
            "timeStart": at,
            "timeEnd": at,
            "sloFileContent": "",
            "indicatorResults": [],
        }
        return {"status": "succeeded", "result": result, "message": "", "evaluation": evaluation}

    def _choose_action(self, event: CloudEvent) -> Data:
        problem = event.data.get("problem")
        problem = problem if isinstance(problem, dict) else {}
        title, cause = find(problem, "problemTitle") or "", find(problem, "rootCause") or ""
        by_type = {plan.problem_type: plan for plan in reversed(self.plans)}
        plan = by_type.get(cause) or by_type.get(title) or by_type.get("default")
        state = event.data.get("get-action")
        index = state.get("actionIndex", 0) if isinstance(state, dict) else 0
        if plan is None or not isinstance(index, int) or index >= len(plan.actions):
            message = f"there is no action with index {index} for problem title {title}"
            return {"status": "succeeded", "result": "fail", "message": message}
        return {
            "status": "succeeded",
            "result": "pass",
            "message": "",
            "action": dict(plan.actions[index]),
            "get-action": {"actionIndex": index + 1},
        }

    def _answer(self, event: CloudEvent, kind: str, outcome: Data, source: str | None = None) -> None:
        data: Data = {
            name: event.data[name] for name in ("project", "stage", "service", "labels") if name in event.data
        }
        self._publish(
            CloudEvent(
                type=task_type(event.task, kind),
                source=source or SOURCES[event.task],
                context=event.context,
                data={**data, **outcome},
                at=now(),
                triggered_id=event.id,
                commit=event.commit,
            )
        )

    def _problem(self, event: CloudEvent) -> None:
        """Do what the dynatrace-service does: start a remediation, or tell the others that the problem is over."""
        project, stage, service = _place(event.data)
        url = event.text("ProblemURL")
        common = {"project": project, "stage": stage, "service": service, "labels": {"Problem URL": url}}
        state = event.text("State")
        if state == "OPEN" and stage:
            type_, data = sequence_type(stage, "remediation", "triggered"), {**common, "problem": event.data}
        elif state == "RESOLVED":
            type_, data = PROBLEM, {**event.data, **common, "State": "CLOSED"}
        else:
            return
        self._publish(CloudEvent(type=type_, source="dynatrace-service", context=event.context, data=data, at=now()))


def _place(data: Data) -> tuple[str, str, str]:
    """Return project, stage and service of a problem. Tags win over the fields of the notification."""
    place = {name: str(data.get(f"Keptn{name.title()}") or "") for name in ("project", "stage", "service")}
    for tag in str(data.get("Tags") or "").split(","):
        key, _colon, value = tag.strip().partition(":")
        if key.startswith("keptn_") and key.removeprefix("keptn_") in place and value:
            place[key.removeprefix("keptn_")] = value.strip()
    return place["project"], place["stage"], place["service"]
