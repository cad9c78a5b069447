# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the emulated Dynatrace knows: entities, events, problems and measurements. Held in memory only."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from hashlib import sha256

from ..settings import DiskWatch, Watch
from .wire import now

#: Displayed name and severity of the event types that the emulator opens problems for, or may be asked about.
EVENT_TYPES: dict[str, tuple[str, str]] = {
    "AVAILABILITY_EVENT": ("Availability event", "AVAILABILITY"),
    "CUSTOM_ALERT": ("Custom alert", "CUSTOM_ALERT"),
    "CUSTOM_ANNOTATION": ("Custom annotation", "INFO"),
    "CUSTOM_CONFIGURATION": ("Custom configuration", "INFO"),
    "CUSTOM_DEPLOYMENT": ("Deployment", "INFO"),
    "CUSTOM_INFO": ("Custom info", "INFO"),
    "ERROR_EVENT": ("Error event", "ERROR"),
    "MARKED_FOR_TERMINATION": ("Marked for termination", "INFO"),
    "MONITORING_UNAVAILABLE": ("Monitoring not available", "MONITORING_UNAVAILABLE"),
    "OSI_HIGH_CPU": ("CPU saturation", "RESOURCE_CONTENTION"),
    "OSI_LOW_DISK_SPACE": ("Low disk space", "RESOURCE_CONTENTION"),
    "OSI_UNEXPECTEDLY_UNAVAILABLE": ("Host or monitoring unavailable", "AVAILABILITY"),
    "PERFORMANCE_EVENT": ("Performance event", "PERFORMANCE"),
    "PGI_UNAVAILABLE": ("Process unavailable", "AVAILABILITY"),
    "PROCESS_CRASHED": ("Process crashed", "ERROR"),
    "RESOURCE_CONTENTION_EVENT": ("Resource contention event", "RESOURCE_CONTENTION"),
    "SERVICE_ERROR_RATE_INCREASED": ("Failure rate increase", "ERROR"),
    "SERVICE_SLOWDOWN": ("Response time degradation", "PERFORMANCE"),
    "WARNING": ("Warning", "INFO"),
}
#: Impact of a problem by the type of its entity; everything else is INFRASTRUCTURE.
_IMPACTS = {"SERVICE": "SERVICES", "APPLICATION": "APPLICATION", "ENVIRONMENT": "ENVIRONMENT"}
#: Measurements that are kept per watch: more than two hours at four a second.
_KEPT_SAMPLES = 40_000


@dataclass
class Entity:
    """A monitored entity. C(tags) are C((key, value or None)), C(related) maps a relationship to entity ids."""

    id: str
    name: str
    tags: list[tuple[str, str | None]] = field(default_factory=list)
    properties: dict[str, object] = field(default_factory=dict)
    related: dict[str, list[str]] = field(default_factory=dict)
    first_seen: int = field(default_factory=now)

    @property
    def type(self) -> str:
        return self.id.rsplit("-", 1)[0]


@dataclass
class Comment:
    id: str
    at: int
    author: str
    content: str
    context: str


@dataclass
class Event:
    """Something that happened to an entity. C(end) is -1 while it lasts."""

    id: str
    type: str
    title: str
    entity: Entity
    start: int
    end: int
    properties: dict[str, str] = field(default_factory=dict)
    correlation_id: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class Problem:
    """A problem with its evidence. C(end) is -1 while it is open; C(comments) are oldest first."""

    pid: str
    display_id: str
    title: str
    severity: str
    entity: Entity
    host: Entity | None
    events: list[Event]
    start: int
    end: int = -1
    comments: list[Comment] = field(default_factory=list)

    @property
    def status(self) -> str:
        return "OPEN" if self.end == -1 else "CLOSED"

    @property
    def impact(self) -> str:
        return _IMPACTS.get(self.entity.type, "INFRASTRUCTURE")

    @property
    def tags(self) -> list[tuple[str, str | None]]:
        """Return the tags of the affected entity and of its host, each once."""
        return list(dict.fromkeys([*self.entity.tags, *(self.host.tags if self.host else ())]))


@dataclass(frozen=True)
class Sample:
    """The result of one probe. C(microseconds) is None when nothing answered."""

    at: int
    up: bool
    microseconds: int | None


def number() -> str:
    """Return a random id of 19 digits with a sign, as the vendor's are signed 64-bit numbers."""
    return f"-{10**18 + secrets.randbelow(8 * 10**18)}"


def entity_id(type_: str, name: str) -> str:
    """Return a stable entity id for something that only the emulator names."""
    return f"{type_}-{sha256(f'{type_} {name}'.encode()).hexdigest()[:16].upper()}"


class World:
    """Everything that was observed. All changes to problems go through here."""

    def __init__(self, watches: Iterable[Watch] = ()) -> None:
        self.entities: dict[str, Entity] = {}
        self.problems: dict[str, Problem] = {}
        self.events: dict[str, Event] = {}
        self.samples: dict[str, deque[Sample]] = {}
        #: What was measured besides the probes: by metric and by the entities it was measured on, C((time, value)).
        self.readings: dict[str, dict[tuple[str, ...], deque[tuple[int, float]]]] = {}
        self._counter = 0
        self.add(Entity("ENVIRONMENT-0000000000000001", "sandbox"))
        for watch in watches:
            self._discover(watch)

    def add(self, entity: Entity) -> Entity:
        return self.entities.setdefault(entity.id, entity)

    def entity(self, id_: str, name: str | None = None) -> Entity:
        """Return an entity, discovering it when it is new."""
        return self.entities.get(id_) or self.add(Entity(id_, name or id_))

    def measure(self, metric: str, place: Sequence[str], value: float, at: int | None = None) -> None:
        """Take a measurement of a metric, on the entities that are its dimensions in their order."""
        series = self.readings.setdefault(metric, {}).setdefault(tuple(place), deque(maxlen=_KEPT_SAMPLES))
        series.append((now() if at is None else at, value))

    def service_of(self, watch: Watch) -> Entity:
        return self.entities[entity_id("SERVICE", watch.service)]

    def _discover(self, watch: Watch) -> None:
        """Learn the entities of a watch: the host, the process group and its instance, and the service."""
        host = Entity(
            watch.host_entity,
            watch.host,
            properties={"detectedName": watch.host, "osType": "LINUX", "state": "RUNNING"},
        )
        group = Entity(entity_id("PROCESS_GROUP", watch.service), watch.service)
        group.related = {"runsOn": [host.id]}
        tags: list[tuple[str, str | None]] = [("service", watch.service)]
        instance = Entity(watch.entity, watch.service, tags, {"detectedName": watch.service})
        instance.related = {"isProcessOf": [host.id], "isInstanceOf": [group.id]}
        service = Entity(
            entity_id("SERVICE", watch.service), watch.service, tags, {"serviceType": "WEB_REQUEST_SERVICE"}
        )
        service.related = {"runsOnProcessGroupInstance": [instance.id], "runsOnHost": [host.id]}
        for entity in (host, group, instance, service):
            self.add(entity)
        self.samples[service.id] = deque(maxlen=_KEPT_SAMPLES)

    def discover_disk(self, watch: DiskWatch) -> Entity:
        """Learn the entities of a disk: the host and the disk itself."""
        properties: dict[str, object] = {"detectedName": watch.host, "osType": "LINUX", "state": "RUNNING"}
        host = self.add(Entity(watch.host_entity, watch.host, properties=properties))
        disk = self.add(Entity(watch.entity, watch.name))
        disk.related = {"isDiskOf": [host.id]}
        return disk

    def host_of(self, entity: Entity) -> Entity | None:
        """Return the host that an entity is or runs on, if it is known."""
        if entity.type == "HOST":
            return entity
        for relation in ("isProcessOf", "isDiskOf", "runsOnHost", "runsOn"):
            for related in entity.related.get(relation, ()):
                if related in self.entities and self.entities[related].type == "HOST":
                    return self.entities[related]
        return None

    def record_event(
        self, type_: str, title: str, entity: Entity, start: int, end: int, properties: dict[str, str] | None = None
    ) -> Event:
        event = Event(f"{number()}_{start}", type_, title, entity, start, end, properties or {})
        self.events[event.id] = event
        return event

    def evidence(self, type_: str, title: str, entity: Entity) -> Event:
        """Record an event that begins now and lasts, with what the analysis knows about its place."""
        properties = {"dt.event.group_label": EVENT_TYPES.get(type_, (title, ""))[0]}
        host = self.host_of(entity)
        if host is not None:
            properties |= {"dt.entity.host": host.id, "host.name": host.name}
        return self.record_event(type_, title, entity, now(), -1, properties)

    def open_problem(self, severity: str, event: Event) -> Problem:
        """Open a problem whose evidence is C(event)."""
        self._counter += 1
        opened = now()
        month = datetime.fromtimestamp(opened / 1000, timezone.utc).strftime("%y%m")
        problem = Problem(
            pid=f"{number()}_{opened}V2",
            display_id=f"P-{month}{self._counter:03d}",
            title=event.title,
            severity=severity,
            entity=event.entity,
            host=self.host_of(event.entity),
            events=[event],
            start=event.start,
        )
        self.problems[problem.pid] = problem
        return problem

    def close_problem(self, problem: Problem) -> None:
        problem.end = now()
        for event in problem.events:
            event.end = problem.end

    def reopen_problem(self, problem: Problem) -> None:
        problem.end = -1
        for event in problem.events:
            event.end = -1

    def comment(self, problem: Problem, author: str, content: str, context: str) -> Comment:
        # No two in one millisecond: that keeps their order, whoever sorts them.
        written = max(now(), problem.comments[-1].at + 1) if problem.comments else now()
        comment = Comment(f"{number()}_{written}", written, author, content, context)
        problem.comments.append(comment)
        return comment

    def newest_problems(self) -> Sequence[Problem]:
        return list(self.problems.values())[::-1]
