# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core: starts sequences, triggers their tasks one after the other, and counts what comes back."""

from __future__ import annotations

import copy
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from .events import CORE, CloudEvent, Data, merge, now, sequence_type, task_type
from .shipyard import Sequence, Shipyard, Task
from .states import States

#: A sequence in one of these states takes no more events.
ENDED = frozenset({"finished", "timedOut"})


@dataclass
class TaskResult:
    name: str
    result: str
    status: str
    properties: Data


@dataclass
class Execution:
    """One run of one sequence in one stage."""

    sequence: Sequence
    origin: CloudEvent
    state: str = "triggered"
    paused: bool = False
    previous: list[TaskResult] = field(default_factory=list)
    current: CloudEvent | None = None
    answers: list[CloudEvent] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def open(self) -> bool:
        return self.state not in ENDED

    def next_task(self) -> Task | None:
        """Return the next task; None at the end, which a task that failed or went wrong brings at once."""
        if self.previous and (self.previous[-1].result == "fail" or self.previous[-1].status == "errored"):
            return None
        done = len(self.previous)
        return self.sequence.tasks[done] if done < len(self.sequence.tasks) else None

    def complete_task(self) -> TaskResult | None:
        """Return the result of the current task when as many executors finished as started, else None."""
        finished = [answer for answer in self.answers if answer.kind == "finished"]
        started = sum(1 for answer in self.answers if answer.kind == "started")
        if not finished or len(finished) != started or self.current is None:
            return None
        properties: Data = {}
        for answer in finished:
            properties = merge(properties, answer.data)
        results = [answer.text("result") for answer in finished]
        statuses = [answer.text("status") for answer in finished]
        result = "fail" if set(results) - {"pass", "warning"} else "warning" if "warning" in results else "pass"
        if "errored" in statuses:
            status = "errored"
        elif "aborted" in statuses:
            status = "aborted"
        elif set(statuses) == {"succeeded"}:
            status = "succeeded"
        else:
            status, result = "unknown", "fail"
        done = TaskResult(self.current.task, result, status, properties)
        self.previous.append(done)
        self.current, self.answers = None, []
        return done

    def payload(self, task: Task | None = None, stage: str | None = None) -> Data:
        """Return what the next event is triggered with: everything that was said so far, made one."""
        data = copy.deepcopy(self.origin.data)
        for done in self.previous:
            data = merge(data, done.properties)
        data.update(project=self.origin.project, stage=stage or self.origin.stage, service=self.origin.service)
        data["message"] = ""
        if self.previous:
            data.update(result=self.previous[-1].result, status=self.previous[-1].status)
        if task is not None and task.properties is not None:
            data[task.name] = merge(data.get(task.name), dict(task.properties))
        return data


class Controller:
    """Emulates the shipyard controller. C(publish) sends an event, C(later) does something in some seconds."""

    def __init__(
        self,
        shipyards: dict[str, Shipyard],
        publish: Callable[[CloudEvent], None],
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self.shipyards = shipyards
        self.states = States()
        self.executions: list[Execution] = []
        #: Events that wait for somebody, in the order in which they were triggered.
        self.open: dict[str, CloudEvent] = {}
        #: Seconds after which a task that nobody answered ends its sequence.
        self.answer_within = 600.0
        #: What was received and not used, with the reason, as the log of the real one has it.
        self.ignored: list[tuple[CloudEvent, str]] = []
        self._paused: set[tuple[str, str]] = set()
        self._seen: set[str] = set()
        self._publish = publish
        self._later = later

    # -- events ------------------------------------------------------------------------------------------------------

    def receive(self, event: CloudEvent) -> None:
        """Take an event from the bus."""
        if event.triggered_id:
            self._seen.add(event.triggered_id)
        if event.kind == "triggered" and event.is_sequence:
            self._sequence_triggered(event)
        elif event.kind in ("started", "finished") and event.is_task:
            self._task_answered(event)

    def _sequence_triggered(self, event: CloudEvent) -> None:
        if not event.scoped:
            self.ignored.append((event, "event does not contain a project, stage or service"))
            return
        if event.id in {execution.origin.id for execution in self.executions}:
            self.ignored.append((event, "a sequence with this triggeredid is there already"))
            return
        stage, name = event.stage, event.parts[4]
        shipyard = self.shipyards.get(event.project)
        try:
            if shipyard is None:
                raise LookupError("Unable to retrieve Shipyard file: project not found")
            sequence = shipyard.sequence(stage, name)
        except LookupError as error:
            message = str(error) if shipyard is None else f"Unable to start sequence {name}: {error}"
            self._could_not_start(event, name, message)
            return
        origin = event if event.commit else replace(event, commit=commit_of(event.project, stage))
        self.open[origin.id] = origin
        execution = Execution(sequence, origin, paused=self._is_paused(event.context, stage))
        self.executions.append(execution)
        self.states.triggered(origin)
        self._start_what_can()
        if execution.state == "triggered":
            self.states.overall(event.project, event.context, "waiting")

    def _could_not_start(self, event: CloudEvent, name: str, message: str) -> None:
        self.states.triggered(event)
        data = _common(event.data, status="errored", result="fail", message=message)
        self._sequence_finished(event, name, data)

    def _task_answered(self, event: CloudEvent) -> None:
        execution = next(
            (
                one
                for one in self.executions
                if one.open
                and one.current is not None
                and one.current.id == event.triggered_id
                and one.origin.context == event.context
                and one.origin.project == event.project
            ),
            None,
        )
        if execution is None or not event.scoped:
            self.ignored.append((event, "not associated with a task that was previously triggered"))
            return
        self.states.saw(event)
        execution.answers.append(event)
        task = execution.current
        done = execution.complete_task()
        if done is None or task is None:
            return
        self.open.pop(task.id, None)
        self._proceed(execution, event.with_data(result=done.result, status=done.status))

    # -- sequences ---------------------------------------------------------------------------------------------------

    def _start_what_can(self) -> None:
        """Start sequences that wait: one at a time for a service in a stage."""
        for execution in self.executions:
            if execution.state != "triggered" or execution.paused:
                continue
            if any(_place(other) == _place(execution) and other.state == "started" for other in self.executions):
                continue
            execution.state = "started"
            origin = execution.origin
            self.states.overall(origin.project, origin.context, "started")
            self._proceed(execution, origin)

    def _proceed(self, execution: Execution, last: CloudEvent) -> None:
        task = execution.next_task()
        if task is not None:
            self._trigger_task(execution, task)
            return
        result = last.text("result")
        self._complete(execution, _common(last.data), "finished")
        origin = execution.origin
        last_task = execution.previous[-1].name if execution.previous else ""
        following = list(
            self.shipyards[origin.project].following(origin.stage, execution.sequence.name, result, last_task)
        )
        if not following:
            self.states.overall(origin.project, origin.context, "finished")
        for stage, name in following:
            event = CloudEvent(
                type=sequence_type(stage, name, "triggered"),
                source=CORE,
                context=origin.context,
                data=execution.payload(stage=stage),
                at=now(),
                commit=commit_of(origin.project, stage),
            )
            self.open[event.id] = event
            self._publish(event)
        self._start_what_can()

    def _trigger_task(self, execution: Execution, task: Task) -> None:
        event = CloudEvent(
            type=task_type(task.name, "triggered"),
            source=CORE,
            context=execution.origin.context,
            data=execution.payload(task),
            at=now() + timedelta(seconds=task.after),
            commit=execution.origin.commit,
        )
        # Whoever asks sees it from its time on; whoever subscribed gets it when it is sent.
        self.open[event.id] = event
        self.states.saw(event)
        execution.current, execution.answers = event, []
        self._later(task.after, lambda: self._send_task(execution, event))

    def _send_task(self, execution: Execution, event: CloudEvent) -> None:
        if execution.current is not event or not execution.open:
            return
        if execution.paused:
            self._later(0.05, lambda: self._send_task(execution, event))
            return
        self._publish(event)
        self._later(self.answer_within, lambda: self.time_is_up(event))

    def time_is_up(self, event: CloudEvent) -> None:
        """End a sequence whose task nobody took up. Any answer, however little it says, stops this clock for good."""
        execution = next((one for one in self.executions if one.current is event and one.open), None)
        if execution is None or event.id in self._seen:
            return
        what = f"task {event.type} to receive a correlating .started or .finished event"
        message = f"sequence timed out while waiting for {what}"
        self.open.pop(event.id, None)
        self.states.overall(event.project, event.context, "timedOut")
        data = _common(event.data, status="errored", result="fail", message=message)
        self._complete(execution, data, "timedOut")
        self._start_what_can()

    def _complete(self, execution: Execution, data: Data, state: str) -> None:
        execution.state, execution.current = state, None
        self.open.pop(execution.origin.id, None)
        self._sequence_finished(execution.origin, execution.sequence.name, data)

    def _sequence_finished(self, origin: CloudEvent, name: str, data: Data) -> None:
        event = CloudEvent(
            type=sequence_type(origin.stage, name, "finished"),
            source=CORE,
            context=origin.context,
            data=data,
            at=now(),
            triggered_id=origin.id,
            commit=origin.commit,
        )
        self.states.saw(event)
        self._publish(event)

    # -- control -----------------------------------------------------------------------------------------------------

    def control(self, project: str, context: str, command: str, stage: str) -> None:
        """Pause, resume or abort what runs under a context. An unknown one, or another command, changes nothing."""
        chosen = [
            one
            for one in self.executions
            if one.open
            and one.origin.project == project
            and one.origin.context == context
            and stage in ("", one.origin.stage)
        ]
        if command == "abort":
            self.states.overall(project, context, "aborted")
            for execution in chosen:
                if execution.current is not None:
                    self.open.pop(execution.current.id, None)
                data = _common(execution.origin.data, status="aborted", result="pass", message="")
                self._complete(execution, data, "finished")
            self._start_what_can()
        elif command in ("pause", "resume"):
            pausing = command == "pause"
            (self._paused.add if pausing else self._paused.discard)((context, stage))
            self._show(project, context, stage, "paused" if pausing else "started")
            for execution in chosen:
                execution.paused = pausing
            if not pausing:
                self._start_what_can()

    def _show(self, project: str, context: str, stage: str, state: str) -> None:
        if stage:
            self.states.in_stage(project, context, stage, state)
        else:
            self.states.overall(project, context, state)

    def _is_paused(self, context: str, stage: str) -> bool:
        return (context, "") in self._paused or (context, stage) in self._paused


def commit_of(project: str, stage: str) -> str:
    """Return the commit that the stage's configuration is at: it never changes in the sandbox."""
    return hashlib.sha1(f"{project}/{stage}".encode(), usedforsecurity=False).hexdigest()


def _place(execution: Execution) -> tuple[str, str, str]:
    return execution.origin.project, execution.origin.stage, execution.origin.service


def _common(data: Data, **changes: Any) -> Data:
    """Return the fields that the end of a sequence has."""
    names = ("project", "stage", "service", "labels", "status", "result", "message")
    return {**{name: data[name] for name in names if data.get(name) not in (None, "")}, **changes}
