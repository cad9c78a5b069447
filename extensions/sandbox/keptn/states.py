# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the bridge, and everybody who asks, sees of sequences: one state for each context, kept from the events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .events import CloudEvent, Data, find, now, timestamp


@dataclass
class StageState:
    name: str
    state: str
    image: str = ""
    latest: Data | None = None
    failed: Data | None = None
    evaluation: Data | None = None

    def shown(self) -> Data:
        body: Data = {"name": self.name, "state": self.state}
        for name, value in (
            ("image", self.image),
            ("latestEvent", self.latest),
            ("latestFailedEvent", self.failed),
            ("latestEvaluation", self.evaluation),
        ):
            if value:
                body[name] = value
        return body


@dataclass
class State:
    """Everything that runs under one context. Sequences that follow become stages of the one that began."""

    name: str
    project: str
    service: str
    context: str
    time: str
    state: str = "triggered"
    problem_title: str = ""
    stages: list[StageState] = field(default_factory=list)

    def shown(self) -> Data:
        body: Data = {
            "name": self.name,
            "service": self.service,
            "project": self.project,
            "time": self.time,
            "shkeptncontext": self.context,
            "state": self.state,
            "stages": [stage.shown() for stage in self.stages],
        }
        if self.problem_title:
            body["problemTitle"] = self.problem_title
        return body


class States:
    """The states of all projects, oldest first."""

    def __init__(self) -> None:
        self.all: list[State] = []

    def find(self, project: str, context: str) -> State | None:
        return next((one for one in self.all if one.context == context and one.project == project), None)

    def triggered(self, event: CloudEvent) -> None:
        """A sequence was triggered: a new context, or one more sequence of a known one."""
        known = self.find(event.project, event.context)
        if known is not None:
            self.saw(event)
            return
        state = State(event.parts[4], event.project, event.service, event.context, timestamp(event.at))
        problem = find(event.data, "problem")
        title = find(problem, "problemTitle") if isinstance(problem, dict) else None
        state.problem_title = title if isinstance(title, str) else ""
        state.stages.append(StageState(event.stage, "triggered"))
        self.all.append(state)

    def saw(self, event: CloudEvent) -> None:
        """Note the newest event of a stage."""
        state = self.find(event.project, event.context)
        if state is None:
            return
        stage = next((one for one in state.stages if one.name == event.stage), None)
        if stage is None:
            stage = StageState(event.stage, "triggered")
            state.stages.append(stage)
        stage.latest = {"type": event.type, "id": event.id, "time": timestamp(now())}
        # The end of a sequence is what ends a stage, and its status is the stage's state.
        stage.state = event.text("status") if event.is_sequence else "triggered"
        if event.text("result") == "fail" or event.text("status") == "errored":
            stage.failed = stage.latest
        if event.is_task and event.task == "deployment" and event.kind == "triggered":
            stage.image = _image(event.data) or stage.image
        # Keptn believes this of its own service only.
        if event.type == "sh.keptn.event.evaluation.finished" and event.source == "lighthouse-service":
            evaluation = event.data.get("evaluation")
            score = evaluation.get("score", 0) if isinstance(evaluation, dict) else 0
            stage.evaluation = {"result": event.text("result"), "score": score}

    def overall(self, project: str, context: str, name: str) -> None:
        """Set the state of a context, as far as Keptn lets it."""
        state = self.find(project, context)
        if state is None:
            return
        if name == "finished" and any(stage.state == "triggered" for stage in state.stages):
            return
        if name == "waiting" and state.state == "finished":
            return
        state.state = name

    def in_stage(self, project: str, context: str, stage: str, name: str) -> None:
        state = self.find(project, context)
        for one in state.stages if state else []:
            if one.name == stage:
                one.state = name


def _image(data: Data) -> str:
    change: Any = data.get("configurationChange")
    values = change.get("values") if isinstance(change, dict) else None
    image = values.get("image") if isinstance(values, dict) else None
    return image.rsplit("/", 1)[-1] if isinstance(image, str) else ""
