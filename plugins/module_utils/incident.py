# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the domain: what a problem, an answer, an entry of the timeline and an incident are.

Pure: no input or output, no clock, standard library only. Times are aware datetimes in UTC.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from . import options as choices
from .calls import calls_of

KINDS = (
    "process_crash",
    "disk_pressure",
    "bad_release",
    "slow_service",
    "errors",
    "host_down",
    "monitoring_gap",
    "other",
)
SEVERITIES = ("critical", "high", "medium", "low")
STATES = (
    "detected",
    "observed",
    "held",
    "asked",
    "healing",
    "verifying",
    "stable",
    "closed",
    "escalated",
)
PROBLEM_STATUSES = ("open", "resolved")

INCIDENT_ID = re.compile(r"i[a-z2-7]{12}")
#: What a service may be called in an event. Everything else becomes "no service".
SERVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: What a host of the inventory may be called to be healed: nothing that a host pattern could mean. C(all) and
#: C(ungrouped) are groups of every inventory.
HOST_NAME = re.compile(r"(?!(?:all|ungrouped)\Z)[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")


#: How our own writing is marked where a monitoring system may report it back to us.
MARK = re.compile(r"(?<![A-Za-z0-9_-])self-healing:(i[a-z2-7]{12})(?![A-Za-z0-9])")


def mark(incident: str) -> str:
    """Return the mark of our own writing about an incident."""
    return f"self-healing:{incident}"


def marks_in(text: str) -> tuple[str, ...]:
    """Return the incidents that marks in C(text) name, each once."""
    return tuple(dict.fromkeys(MARK.findall(text)))


def incident_id(source: str, tenant: str, problem_id: str) -> str:
    """Return the id of the incident for one problem of one monitoring system.

    The full problem id is the key: display ids and short ids are used again by monitoring systems.
    """
    digest = hashlib.sha256("\x00".join((source, tenant, problem_id)).encode()).digest()
    return "i" + base64.b32encode(digest).decode().lower()[:12]


def iso(moment: datetime | None) -> str | None:
    """Return the moment as C(2026-11-22T10:00:00.000Z)."""
    if moment is None:
        return None
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str | None) -> datetime | None:
    """Return the aware datetime that C(iso) wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def storable(text: str) -> str:
    """Return a text that every database takes: without the zero character and half characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class Entity:
    """Something that is monitored: a host, a process, a disk, a service. C(id) and C(type) are the monitor's words."""

    id: str
    type: str
    name: str

    def to_data(self) -> dict[str, str]:
        return {"id": self.id, "type": self.type, "name": self.name}


@dataclass(frozen=True)
class Problem:
    """What a monitoring system reports, in our words. Free text only in C(title), C(url), C(tags) and entity names."""

    source: str
    tenant: str
    problem_id: str
    display_id: str
    status: str
    title: str
    kind: str = "other"
    severity: str = "medium"
    service: str | None = None
    url: str | None = None
    entities: tuple[Entity, ...] = ()
    root_cause: Entity | None = None
    tags: tuple[str, ...] = ()
    opened_at: datetime | None = None
    resolved_at: datetime | None = None
    test: bool = False
    #: Incidents that marks of our own writing in it name: an echo, not news.
    marks: tuple[str, ...] = ()
    #: When the monitoring system said so, if we asked it ourselves: then nothing newer can be on its way. The age of a
    #: notification is not known.
    as_of: datetime | None = None

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("status", self.status, PROBLEM_STATUSES),
            ("kind", self.kind, KINDS),
            ("severity", self.severity, SEVERITIES),
        ):
            if value not in allowed:
                raise ValueError(f"{name} is {value!r}, expected one of {', '.join(allowed)}")
        if self.service is not None and not SERVICE_NAME.fullmatch(self.service):
            raise ValueError(f"service {self.service!r} is no plain name")

    @cached_property
    def incident(self) -> str:
        return incident_id(self.source, self.tenant, self.problem_id)

    def to_data(self) -> dict[str, Any]:
        """Return the problem as plain data for the timeline."""
        # Field by field: asdict() copies deeply, which took a third of the time that a report takes in a storm.
        return {
            "source": self.source,
            "tenant": self.tenant,
            "problem_id": self.problem_id,
            "display_id": self.display_id,
            "status": self.status,
            "title": self.title,
            "kind": self.kind,
            "severity": self.severity,
            "service": self.service,
            "url": self.url,
            "entities": [entity.to_data() for entity in self.entities],
            "root_cause": self.root_cause.to_data() if self.root_cause else None,
            "tags": list(self.tags),
            "opened_at": iso(self.opened_at),
            "resolved_at": iso(self.resolved_at),
        }


@dataclass(frozen=True)
class Task:
    """Work that a control plane handed out and whose end it waits for. C(id) is that of the event that handed it out.

    C(name) is the task's (C(action), C(rollback), …), C(kind) one of ours. Free text only in C(action) and C(labels).
    C(action_index) counts from 0 the rungs of a ladder of actions.
    C(started) tells that somebody else says for us that it was started.
    """

    source: str
    tenant: str
    id: str
    context: str
    name: str
    project: str
    stage: str
    service: str
    kind: str = "other"
    action: str = ""
    action_index: int = 0
    git_commit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    started: bool = False

    @property
    def key(self) -> str:
        """Return what makes it unique within an incident."""
        return f"task:{self.id}"

    def to_data(self) -> dict[str, Any]:
        """Return the task as plain data for the timeline."""
        return {**asdict(self), "labels": dict(self.labels)}


@dataclass(frozen=True)
class Answer:
    """A responder's choice. C(key) is the channel's own id of this choice: the same choice has the same key.

    C(channel) is C(xmatters), C(slack), C(jira), C(link) or C(playbook). C(alert_id) is where it was asked in the words
    of the channel. C(choice) is the label or the short name of an option.
    """

    channel: str
    alert_id: str
    incident_id: str | None
    responder: str
    choice: str
    comment: str | None
    at: datetime | None
    key: str
    #: How the channel knows the person: a user id of Slack, an account id of Jira, a target name of xMatters.
    person_id: str | None = None
    #: The person's e-mail address, where the channel itself vouches for it.
    email: str | None = None
    #: Whether the channel asked exactly those who may answer, so that whoever answers on it is one of them.
    vouched: bool = False
    #: Which question was answered: the number of the entry that asked it. None where the channel cannot tell.
    asked: int | None = None


@dataclass(frozen=True)
class Entry:
    """One line of the timeline before it is written.

    C(key) makes it unique within its incident. C(timers) are set together with it: name to seconds from now.
    """

    kind: str
    text: str
    actor: str = "self-healing"
    data: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    timers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TimelineEntry:
    """One written line of the timeline: C(n) counts from 1 within the incident."""

    n: int
    at: datetime
    actor: str
    kind: str
    text: str
    data: Mapping[str, Any]
    key: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the line as people see it, without the key, which is the journal's own matter."""
        line = {**asdict(self), "at": iso(self.at)}
        del line["key"]
        return line


@dataclass(frozen=True)
class Attachment:
    """A text that belongs to the incident: the transcript, or a log. C(content) is None where it was not asked for."""

    name: str
    media_type: str
    sha256: str
    content: str | None = None


@dataclass(frozen=True)
class ToolState:
    """Where one tool shows the incident, and up to which entry. C(role) is the tool's role."""

    tool: str
    role: str
    id: str | None = None
    url: str | None = None
    state: str = "shown"
    error: str | None = None
    version: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Incident:
    """Our record of one problem, folded from its timeline."""

    id: str
    state: str
    version: int
    problem: Mapping[str, Any]
    times: Mapping[str, datetime | None]
    timeline: tuple[TimelineEntry, ...]
    target: str | None = None
    decision: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None
    claim: Mapping[str, Any] | None = None
    evidence: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    attempt: int = 0
    #: Who wants what is being done to be stopped, until it is.
    stop: Mapping[str, Any] | None = None
    #: What a control plane handed out for it, as L(Task.to_data) has it, oldest first.
    tasks: tuple[Mapping[str, Any], ...] = ()
    tools: Mapping[str, ToolState] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the monitoring system still reports the problem."""
        return bool(self.problem["status"] == "open")

    @property
    def options(self) -> list[Mapping[str, Any]]:
        """Return the response options that were offered with the last decision."""
        return list(self.decision["options"]) if self.decision else []

    def has_key(self, key: str | None) -> bool:
        """Whether an entry with this key was written already. No key is never there."""
        return key is not None and any(entry.key == storable(key) for entry in self.timeline)

    def option(self, choice: str) -> Mapping[str, Any] | None:
        """Return the option that C(choice) names exactly: by short name, or by label regardless of case."""
        wanted = choice.strip()
        for option in self.options:
            if wanted == option["name"] or wanted.casefold() == option["label"].casefold():
                return option
        return None

    def responders(self) -> list[dict[str, Any]]:
        """Return everybody who was notified or who answered, each once, in order of appearance."""
        known: dict[str, dict[str, Any]] = {}
        for tool in self.tools.values():
            for person in tool.details.get("responders", ()):
                known.setdefault(person["name"], {"name": person["name"], "email": person.get("email")})
        for entry in self.timeline:
            if entry.kind in ("answered", "answered_late"):
                known.setdefault(entry.data["responder"], {"name": entry.data["responder"], "email": None})
        return list(known.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the record that roles, templates and the page see, as plain data."""
        problem = self.problem
        number = re.search(r"[0-9]+", problem["display_id"]) if problem["display_id"] else None
        return {
            "id": self.id,
            "state": self.state,
            "version": self.version,
            "kind": problem["kind"],
            "severity": problem["severity"],
            "source": problem["source"],
            "tenant": problem["tenant"],
            "title": problem["title"],
            "service": problem["service"],
            "problem": {
                "id": problem["problem_id"],
                "display_id": problem["display_id"],
                "number": number.group() if number else self.id,
                "url": problem["url"],
                "status": problem["status"],
                "opened_at": problem["opened_at"],
                "resolved_at": problem["resolved_at"],
            },
            "entities": list(problem["entities"]),
            "root_cause": problem["root_cause"],
            "tags": list(problem["tags"]),
            "target": self.target,
            "decision": dict(self.decision) if self.decision else None,
            "options": [dict(option) for option in self.options],
            "offered": [dict(option) for option in choices.offered(self)],
            "asked": choices.question(self),
            "calls": [call.to_data() for call in calls_of(self)],
            "stop": dict(self.stop) if self.stop else None,
            "answer": dict(self.answer) if self.answer else None,
            "claim": dict(self.claim) if self.claim else None,
            "evidence": {phase: dict(found) if found else None for phase, found in self.evidence.items()},
            "attempt": self.attempt,
            "tasks": [dict(task) for task in self.tasks],
            "responders": self.responders(),
            "tools": {name: asdict(tool) for name, tool in self.tools.items()},
            "attachments": [asdict(attachment) for attachment in self.attachments],
            "times": {name: iso(at) for name, at in self.times.items()},
            "timeline": [entry.to_dict() for entry in self.timeline],
        }
