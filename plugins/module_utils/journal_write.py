# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects what one transaction adds to the journal, and writes it in few statements for any number of incidents."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import steps
from .incident import Entry, Incident, Problem, TimelineEntry, iso, storable
from .timeline import fold

try:
    from .journal_schema import DUE, INCIDENTS, TIMELINE
except ImportError:
    pass  # without SQLAlchemy there are no tables, which Journal.open() says

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def new_delivery(
    incident: str,
    kind: str,
    name: str,
    origin: str,
    due_at: datetime,
    channel: str | None = None,
) -> dict[str, Any]:
    """Return the row of a delivery that is to be made at C(due_at)."""
    return {
        "id": "d" + secrets.token_hex(16),
        "incident": incident,
        "kind": kind,
        "name": name,
        "channel": channel,
        "origin": origin,
        "due_at": iso(due_at),
        "attempts": 0,
    }


class Additions:
    """What is to be written at the moment C(now). Nothing is until L(write)."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._stamp = iso(now) or ""
        self._lines: list[dict[str, Any]] = []
        self._due: list[dict[str, Any]] = []
        self._timers: dict[tuple[str, str], datetime] = {}
        self._opened: set[str] = set()
        self._incidents: dict[str, Incident] = {}
        self._duplicates: dict[str, int] = {}

    def open(self, problem: Problem, entries: Sequence[Entry]) -> Incident:
        """Begin an incident with its first entries."""
        self._opened.add(problem.incident)
        return self.append(fold(problem.incident, ()), entries)

    def append(self, incident: Incident, entries: Iterable[Entry]) -> Incident:
        """Append entries and what follows from them, and return the incident as it is then.

        An entry whose key exists already is left out.
        """
        after = self._extended(incident, entries)
        after = self._extended(after, steps.consequences(after))
        if after is not incident:
            self._incidents[incident.id] = after
        return after

    def count_duplicate(self, incident: str) -> None:
        self._duplicates[incident] = self._duplicates.get(incident, 0) + 1

    def deliver(self, incident: str, kind: str, name: str, origin: str, channel: str | None = None) -> str:
        """Make something due now, and return the id of its delivery."""
        row = new_delivery(incident, kind, name, origin, self._now, channel)
        self._due.append(row)
        return str(row["id"])

    def write(self, connection: Connection) -> None:
        # In the order of the ids, so that two workers with the same incidents never wait for each other in a ring.
        changed = sorted(self._incidents.values(), key=lambda incident: incident.id)
        fresh = [incident for incident in changed if incident.id in self._opened]
        if fresh:
            connection.execute(INCIDENTS.insert(), [self._row(incident) for incident in fresh])
        for incident in changed:
            if incident.id not in self._opened:
                row = self._row(incident)
                for name in ("id", "source", "duplicates", "opened_at"):
                    del row[name]
                connection.execute(INCIDENTS.update().where(INCIDENTS.c.id == incident.id).values(**row))
        if self._lines:
            connection.execute(TIMELINE.insert(), self._lines)
        for incident_id, number in sorted(self._duplicates.items()):
            if incident_id not in self._opened:
                count = INCIDENTS.c.duplicates + number
                connection.execute(INCIDENTS.update().where(INCIDENTS.c.id == incident_id).values(duplicates=count))
        for (incident_id, name), due_at in self._timers.items():
            set_timer(connection, incident_id, name, due_at, self._stamp)
        if self._due:
            connection.execute(DUE.insert(), self._due)

    def _extended(self, incident: Incident, entries: Iterable[Entry]) -> Incident:
        lines: list[TimelineEntry] = []
        for entry in entries:
            key = None if entry.key is None else storable(entry.key)
            if incident.has_key(key) or any(key is not None and line.key == key for line in lines):
                continue
            line = TimelineEntry(
                n=incident.version + len(lines) + 1,
                at=self._now,
                actor=storable(entry.actor),
                kind=entry.kind,
                text=storable(entry.text),
                data=dict(entry.data),
                key=key,
            )
            lines.append(line)
            self._lines.append({**_columns(line), "incident": incident.id, "at": self._stamp})
            for name, seconds in entry.timers.items():
                self._timers[incident.id, name] = self._now + timedelta(seconds=seconds)
        if not lines:
            return incident
        return fold(incident.id, [*incident.timeline, *lines], incident.tools, incident.attachments)

    def _row(self, incident: Incident) -> dict[str, Any]:
        problem = incident.problem
        return {
            "id": incident.id,
            "source": problem["source"],
            "state": incident.state,
            "kind": problem["kind"],
            "severity": problem["severity"],
            "status": problem["status"],
            "service": problem["service"],
            "target": incident.target,
            "version": incident.version,
            "duplicates": self._duplicates.get(incident.id, 0),
            "opened_at": self._stamp,
            "updated_at": self._stamp,
        }


def set_timer(connection: Connection, incident: str, name: str, due_at: datetime, stamp: str) -> None:
    """Set a timer of an incident; an older one of the same name no longer fires."""
    same = (DUE.c.incident == incident) & (DUE.c.kind == "timer") & (DUE.c.name == name) & DUE.c.settled_at.is_(None)
    connection.execute(DUE.update().where(same).values(settled_at=stamp, outcome="pointless"))
    connection.execute(DUE.insert().values(**new_delivery(incident, "timer", name, "journal", due_at)))


def _columns(line: TimelineEntry) -> dict[str, Any]:
    return {"n": line.n, "actor": line.actor, "kind": line.kind, "text": line.text, "data": line.data, "key": line.key}
