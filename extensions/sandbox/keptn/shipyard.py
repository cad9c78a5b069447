# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipyard of a project: which tasks a sequence has, and which sequence follows which."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: The shipyard of the sandbox, as it would be in shipyard.yaml. The selector says C(fail): with C(failed), as the
#: specification has it, Keptn would never roll back.
SHIPYARD: Mapping[str, Any] = {
    "apiVersion": "spec.keptn.sh/0.2.3",
    "kind": "Shipyard",
    "metadata": {"name": "shipyard-shop"},
    "spec": {
        "stages": [
            {
                "name": "production",
                "sequences": [
                    {
                        "name": "delivery",
                        "tasks": [
                            {"name": "deployment", "properties": {"deploymentstrategy": "blue_green_service"}},
                            {"name": "evaluation"},
                            {"name": "release"},
                        ],
                    },
                    {
                        "name": "rollback",
                        "triggeredOn": [
                            {
                                "event": "production.delivery.finished",
                                "selector": {"match": {"result": "fail"}},
                            }
                        ],
                        "tasks": [{"name": "rollback"}],
                    },
                    {
                        "name": "remediation",
                        "triggeredOn": [
                            {
                                "event": "production.remediation.finished",
                                "selector": {"match": {"evaluation.result": "fail"}},
                            }
                        ],
                        "tasks": [
                            {"name": "get-action"},
                            {"name": "action"},
                            {"name": "evaluation", "properties": {"timeframe": "1m"}},
                        ],
                    },
                ],
            }
        ]
    },
}

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_STEP = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


@dataclass(frozen=True)
class Task:
    """One step of a sequence. C(after) is how long it waits after the one before (seconds)."""

    name: str
    after: float = 0.0
    properties: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Trigger:
    """The end of another sequence. C(match) of None fits C(pass) and C(warning)."""

    event: str
    match: Mapping[str, str] | None = None

    def fits(self, ended: str, result: str, last_task: str) -> bool:
        if self.event != ended:
            return False
        if self.match is None:
            return result in ("pass", "warning")
        return result in (self.match.get("result"), self.match.get(f"{last_task}.result"))


@dataclass(frozen=True)
class Sequence:
    name: str
    tasks: tuple[Task, ...]
    triggers: tuple[Trigger, ...] = ()


@dataclass(frozen=True)
class Shipyard:
    """The stages of a project with their sequences."""

    stages: Mapping[str, tuple[Sequence, ...]] = field(default_factory=dict)

    def sequence(self, stage: str, name: str) -> Sequence:
        """Return a sequence. Raises LookupError, with Keptn's words, when it cannot be started."""
        if stage not in self.stages:
            raise LookupError(f"no stage with name {stage}")
        for sequence in self.stages[stage]:
            if sequence.name == name:
                if not sequence.tasks:
                    raise LookupError(f"task sequence {name} does not contain any tasks")
                return sequence
        if name == "evaluation":
            return Sequence(name, (Task("evaluation"),))
        raise LookupError(f"no task sequence with name {name} found in stage {stage}")

    def following(self, stage: str, name: str, result: str, last_task: str) -> Iterator[tuple[str, str]]:
        """Yield stage and name of each sequence that the end of this one starts."""
        ended = f"{stage}.{name}.finished"
        for other, sequences in self.stages.items():
            for sequence in sequences:
                for trigger in sequence.triggers:
                    if trigger.fits(ended, result, last_task):
                        yield other, sequence.name


def parse_shipyard(document: Mapping[str, Any]) -> Shipyard:
    """Return the shipyard that a shipyard.yaml describes."""
    return Shipyard(
        {
            stage["name"]: tuple(_sequence(sequence) for sequence in stage["sequences"])
            for stage in document["spec"]["stages"]
        }
    )


def seconds(duration: str) -> float:
    """Return the seconds of a Go duration like C(1h30m). One that Keptn cannot read is no pause."""
    steps = _STEP.findall(duration)
    if "".join(number + unit for number, unit in steps) != duration:
        return 0.0
    return sum(float(number) * _UNITS[unit] for number, unit in steps)


def _sequence(given: Mapping[str, Any]) -> Sequence:
    return Sequence(
        name=given["name"],
        tasks=tuple(
            Task(task["name"], seconds(task.get("triggeredAfter", "")), task.get("properties"))
            for task in given.get("tasks", [])
        ),
        triggers=tuple(
            Trigger(trigger["event"], trigger["selector"]["match"] if trigger.get("selector") else None)
            for trigger in given.get("triggeredOn", [])
        ),
    )
