# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Keptn sends and answers, as values: events, sequences, and how both are written. Pure.

Readers are tolerant: services of Keptn differ in the case of names and leave out what they do not know.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import AnswerError

#: How we call ourselves in events that we send, unless a caller has another name.
SOURCE = "self-healing"
#: The label that says which incident, or other thing of ours, an event belongs to.
MARKER_LABEL = "self-healing"
SPEC_VERSION = "0.2.4"
PROBLEM_TYPE = "sh.keptn.events.problem"
KINDS = ("triggered", "started", "status.changed", "finished", "invalidated")
#: A sequence in one of these states does not go on. None of them says whether it succeeded.
ENDED = frozenset({"finished", "aborted", "timedOut"})
#: What the state of a stage is when its sequence ended: the status of that end.
_STAGE_ENDED = frozenset({"succeeded", "errored", "aborted", "unknown"})
_TASK_PREFIX = "sh.keptn.event."


@dataclass(frozen=True)
class EventType:
    """The type of a task event (C(stage) is empty) or of a sequence event."""

    stage: str
    name: str
    kind: str


@dataclass(frozen=True)
class Event:
    """One event as Keptn keeps it. C(time) is as written, in UTC. Missing attributes are empty."""

    id: str
    type: str
    source: str
    context: str
    time: str = ""
    triggered_id: str = ""
    git_commit: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parsed_type(self) -> EventType | None:
        return parse_type(self.type)

    @property
    def project(self) -> str:
        return _text(look(self.data, "project"))

    @property
    def stage(self) -> str:
        return _text(look(self.data, "stage"))

    @property
    def service(self) -> str:
        return _text(look(self.data, "service"))

    @property
    def status(self) -> str:
        return _text(look(self.data, "status"))

    @property
    def result(self) -> str:
        return _text(look(self.data, "result"))

    @property
    def message(self) -> str:
        return _text(look(self.data, "message"))

    @property
    def labels(self) -> dict[str, str]:
        found = look(self.data, "labels")
        if not isinstance(found, Mapping):
            return {}
        return {str(name): value for name, value in found.items() if isinstance(value, str)}


@dataclass(frozen=True)
class EventReference:
    """An event as the state of a sequence names it."""

    id: str
    type: str
    time: str


@dataclass(frozen=True)
class StageState:
    """What a sequence is doing, or has done, in one stage."""

    name: str
    state: str
    image: str = ""
    latest: EventReference | None = None
    failed: EventReference | None = None
    evaluation_result: str = ""
    evaluation_score: float | None = None


@dataclass(frozen=True)
class SequenceState:
    """Everything that runs, or ran, under one context. C(name) is the sequence that it began with."""

    context: str
    name: str
    project: str
    service: str
    state: str
    time: str
    problem_title: str = ""
    stages: tuple[StageState, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing goes on. A sequence that Keptn could not start stays C(triggered), all its stages ended."""
        if self.state in ENDED:
            return True
        return (
            self.state == "triggered"
            and bool(self.stages)
            and all(stage.state in _STAGE_ENDED for stage in self.stages)
        )


def look(data: Mapping[str, Any], name: str) -> Any:
    """Return the value under C(name) whatever its case, or None. The exact name wins.

    Keptn's own programs read names without regard to their case, and its services write them differently.
    """
    if name in data:
        return data[name]
    lowered = name.lower()
    return next((value for key, value in data.items() if key.lower() == lowered), None)


def parse_type(text: str) -> EventType | None:
    """Return the parts of C(sh.keptn.event.[<stage>.]<name>.<kind>), or None for every other type."""
    if not text.startswith(_TASK_PREFIX):
        return None
    rest = text[len(_TASK_PREFIX) :]
    for kind in KINDS:
        if rest.endswith(f".{kind}"):
            names = rest[: -len(kind) - 1].split(".")
            if all(names) and len(names) == 1:
                return EventType(stage="", name=names[0], kind=kind)
            if all(names) and len(names) == 2:
                return EventType(stage=names[0], name=names[1], kind=kind)
    return None


def task_type(task: str, kind: str) -> str:
    """Return the type of a task's event, like C(sh.keptn.event.action.finished)."""
    return f"{_TASK_PREFIX}{task}.{kind}"


def sequence_type(stage: str, sequence: str, kind: str) -> str:
    """Return the type of a sequence's event, like C(sh.keptn.event.production.delivery.triggered)."""
    return f"{_TASK_PREFIX}{stage}.{sequence}.{kind}"


def keptn_context(given: str) -> str:
    """Return the context that Keptn makes of what an event gives as such.

    A UUID is kept. Of everything else only the first 16 bytes count: two problem ids that share them share a context.
    """
    try:
        return str(uuid.UUID(given))
    except ValueError:
        padded = (given.encode("utf-8", errors="replace") + b" " * 16)[:16]
        return str(uuid.UUID(bytes=padded, version=4))


def context_of(marker: str) -> str:
    """Return the context under which we start what belongs to C(marker): the same one every time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"self-healing:{marker}"))


def draft(
    type_: str,
    context: str,
    data: Mapping[str, Any],
    *,
    source: str = SOURCE,
    triggered_id: str = "",
    git_commit: str = "",
    time: str = "",
) -> dict[str, Any]:
    """Return an event to send. Its id says what it is: the same event has the same id, but Keptn gives it another."""
    said = "|".join([type_, context, source, triggered_id, *_identity(data)])
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"self-healing:{said}")),
        "type": type_,
        "source": source,
        # Keptn's own models know the first name, CloudEvents the second.
        "contenttype": "application/json",
        "datacontenttype": "application/json",
        "shkeptncontext": context,
        "shkeptnspecversion": SPEC_VERSION,
        "data": dict(data),
    }
    for name, value in (("triggeredid", triggered_id), ("gitcommitid", git_commit), ("time", time)):
        if value:
            event[name] = value
    return event


def answer(
    trigger: Event,
    kind: str,
    *,
    status: str = "",
    result: str = "",
    message: str = "",
    labels: Mapping[str, str] | None = None,
    source: str = SOURCE,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return our answer to a task that was triggered: C(started), C(status.changed) or C(finished).

    Labels of the trigger stay as they are (Dynatrace finds its problem by one of them), C(labels) are added.
    C(extra) is what later tasks of the sequence shall see, under the task's name.
    """
    parsed = trigger.parsed_type
    if parsed is None or parsed.stage or parsed.kind != "triggered":
        raise AnswerError(f"Keptn: an event of type {trigger.type[:200]!r} is no task to answer")
    data: dict[str, Any] = {"project": trigger.project, "stage": trigger.stage, "service": trigger.service}
    kept = {**(labels or {}), **trigger.labels}
    if kept:
        data["labels"] = kept
    data.update({name: v for name, v in (("status", status), ("result", result), ("message", message)) if v})
    if extra:
        data[parsed.name] = dict(extra)
    return draft(
        task_type(parsed.name, kind),
        trigger.context,
        data,
        source=source,
        triggered_id=trigger.id,
        git_commit=trigger.git_commit,
    )


def same(sent: Mapping[str, Any], found: Event) -> bool:
    """Say whether C(found) is what became of C(sent): Keptn replaces ids, so the rest of it has to tell."""
    if found.id and found.id == sent.get("id"):
        return True
    return (
        found.type == sent["type"]
        and found.source == sent["source"]
        and found.triggered_id == sent.get("triggeredid", "")
        and _identity(found.data) == _identity(sent["data"])
    )


def to_event(item: Any) -> Event:
    """Return an event that Keptn answered. Raises AnswerError when it is none."""
    if not isinstance(item, Mapping) or not isinstance(item.get("type"), str):
        raise AnswerError("Keptn: an event of the list has no type")
    data = item.get("data")
    return Event(
        id=_text(item.get("id")),
        type=item["type"],
        source=_text(item.get("source")),
        context=_text(item.get("shkeptncontext")),
        time=_text(item.get("time")),
        triggered_id=_text(item.get("triggeredid")),
        git_commit=_text(item.get("gitcommitid")),
        data=data if isinstance(data, Mapping) else {},
    )


def to_sequence(item: Any) -> SequenceState:
    """Return the state of a sequence. Raises AnswerError when it is none."""
    if not isinstance(item, Mapping) or not isinstance(item.get("state"), str):
        raise AnswerError("Keptn: a sequence of the list has no state")
    stages = item.get("stages")
    return SequenceState(
        context=_text(item.get("shkeptncontext")),
        name=_text(item.get("name")),
        project=_text(item.get("project")),
        service=_text(item.get("service")),
        state=item["state"],
        time=_text(item.get("time")),
        problem_title=_text(item.get("problemTitle")),
        stages=tuple(
            _stage(stage) for stage in (stages if isinstance(stages, list) else []) if isinstance(stage, Mapping)
        ),
    )


def _stage(item: Mapping[str, Any]) -> StageState:
    evaluation = item.get("latestEvaluation")
    evaluation = evaluation if isinstance(evaluation, Mapping) else {}
    score = evaluation.get("score")
    return StageState(
        name=_text(item.get("name")),
        state=_text(item.get("state")),
        image=_text(item.get("image")),
        latest=_reference(item.get("latestEvent")),
        failed=_reference(item.get("latestFailedEvent")),
        evaluation_result=_text(evaluation.get("result")),
        evaluation_score=float(score) if isinstance(score, (int, float)) else None,
    )


def _reference(item: Any) -> EventReference | None:
    if not isinstance(item, Mapping) or not item.get("type"):
        return None
    return EventReference(id=_text(item.get("id")), type=_text(item.get("type")), time=_text(item.get("time")))


def _identity(data: Mapping[str, Any]) -> list[str]:
    """Return what tells an event from others of its type and context: where it is, and what of ours it belongs to.

    A problem is reported when it opens and when it is over, and two problems may share a context.
    """
    labels = data.get("labels")
    marker = labels.get(MARKER_LABEL) if isinstance(labels, Mapping) else ""
    return [_text(marker), *(_text(look(data, name)) for name in ("project", "stage", "service", "State", "PID"))]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
