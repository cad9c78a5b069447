# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns rows of the journal's tables into values of the domain, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from . import run_identity
from .errors import JournalError, UnknownIncidentError
from .incident import Attachment, Incident, TimelineEntry, ToolState, iso, moment
from .policy import Attempt, Record
from .timeline import fold

try:
    import sqlalchemy as sa

    from .journal_schema import ATTACHMENTS, DUE, INCIDENTS, TIMELINE, TOOLS
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


@dataclass(frozen=True)
class Delivery:
    """Due work that was handed out.

    C(kind) is C(problem), C(answer) or C(timer); C(name) is its status, option or name.
    """

    id: str
    incident: str
    kind: str
    name: str
    channel: str | None
    attempts: int
    problem_kind: str
    problem_status: str
    severity: str
    source: str
    service: str | None

    def event(self) -> dict[str, Any]:
        """Return the event that a rulebook sees: ids and enums only."""
        if self.kind == "problem":
            body: dict[str, Any] = {
                "incident": self.incident,
                "kind": self.problem_kind,
                "status": self.problem_status,
                "severity": self.severity,
                "source": self.source,
                "service": self.service or "",
            }
        elif self.kind == "answer":
            body = {"incident": self.incident, "option": self.name, "channel": self.channel or ""}
        else:
            body = {"incident": self.incident, "name": self.name}
        return {self.kind: body, "meta": {"uuid": self.id}}


@dataclass(frozen=True)
class OpenProblem:
    """An incident whose problem is open as far as is known. C(problem_id) is the monitoring system's."""

    incident: str
    problem_id: str


def read_incident(connection: Connection, incident: str, content: bool = False, *, lock: bool = False) -> Incident:
    """Return an incident with its tools and attachments. With C(lock) nobody else changes it until the commit.

    Raises UnknownIncidentError when there is none with this id.
    """
    found = find_incident(connection, incident, content, lock=lock)
    if found is None:
        raise UnknownIncidentError(f"there is no incident {incident!r} in the journal")
    return found


def find_incident(
    connection: Connection, incident: str, content: bool = False, *, lock: bool = False
) -> Incident | None:
    """Return an incident as C(read_incident) does, None when there is none with this id."""
    found = read_incidents(connection, [incident], lock=lock).get(incident)
    if found is None:
        return None
    return replace(
        found,
        tools=tool_states(connection, incident),
        attachments=tuple(attachments_of(connection, incident, content)),
    )


def read_incidents(connection: Connection, incidents: Sequence[str], *, lock: bool = False) -> dict[str, Incident]:
    """Return those of the incidents that there are, without their tools and attachments."""
    if lock and connection.dialect.name != "sqlite":
        # In SQLite a transaction that writes has locked everything already.
        rows = sa.select(INCIDENTS.c.id).where(INCIDENTS.c.id.in_(incidents)).order_by(INCIDENTS.c.id)
        connection.execute(rows.with_for_update()).all()
    query = sa.select(TIMELINE).where(TIMELINE.c.incident.in_(incidents)).order_by(TIMELINE.c.incident, TIMELINE.c.n)
    rows_by_incident = groupby(connection.execute(query), key=lambda row: row.incident)
    return {incident: fold(incident, [_entry(row) for row in rows]) for incident, rows in rows_by_incident}


def incident_with(connection: Connection, kind: str, key: str) -> str | None:
    """Return the incident that has an entry of this kind with this key, None where none has."""
    query = sa.select(TIMELINE.c.incident).where(TIMELINE.c.kind == kind, TIMELINE.c.key == key).limit(1)
    found = connection.execute(query).scalar()
    return None if found is None else str(found)


def _instant(stamp: str) -> datetime:
    at = moment(stamp)
    if at is None:
        raise JournalError("the journal holds an entry without a time")
    return at


def _entry(row: Any) -> TimelineEntry:
    return TimelineEntry(row.n, _instant(row.at), row.actor, row.kind, row.text, row.data, row.key)


def tool_states(connection: Connection, incident: str) -> dict[str, ToolState]:
    rows = connection.execute(sa.select(TOOLS).where(TOOLS.c.incident == incident).order_by(TOOLS.c.tool))
    return {
        row.tool: ToolState(
            tool=row.tool,
            role=row.role,
            id=row.remote_id,
            url=row.url,
            state=row.state,
            error=row.error,
            version=row.version,
            details=row.details,
        )
        for row in rows
    }


def attachments_of(connection: Connection, incident: str, content: bool = False) -> list[Attachment]:
    columns = [ATTACHMENTS.c.name, ATTACHMENTS.c.media_type, ATTACHMENTS.c.sha256]
    if content:
        columns.append(ATTACHMENTS.c.content)
    query = sa.select(*columns).where(ATTACHMENTS.c.incident == incident).order_by(ATTACHMENTS.c.name)
    return [
        Attachment(row.name, row.media_type, row.sha256, row.content if content else None)
        for row in connection.execute(query)
    ]


def may_take(held: Any, worker: str, now: datetime, state_of: Callable[[str], str]) -> bool:
    """Whether C(worker) may take a right that is held: by itself, for too long, or by a worker that is lost."""
    if held.worker == worker or held.until <= str(iso(now)):
        return True
    return state_of(held.worker) == run_identity.LOST


def delivery_of(row: Any) -> Delivery:
    values: Mapping[Any, Any] = row._mapping
    return Delivery(
        id=values[DUE.c.id],
        incident=values[DUE.c.incident],
        kind=values[DUE.c.kind],
        name=values[DUE.c.name],
        channel=values[DUE.c.channel],
        attempts=values[DUE.c.attempts] + 1,
        problem_kind=values[INCIDENTS.c.kind],
        problem_status=values[INCIDENTS.c.status],
        severity=values[INCIDENTS.c.severity],
        source=values[INCIDENTS.c.source],
        service=values[INCIDENTS.c.service],
    )


def attempts_of(rows: Sequence[Any], now: datetime) -> tuple[Attempt, ...]:
    """Pair every claim with the first outcome that follows it in the same incident."""
    outcomes = {"verified": "verified", "unverified": "ineffective", "fix_failed": "failed"}
    found: list[Attempt] = []
    for position, row in enumerate(rows):
        if row.kind != "claimed" or row.data.get("resumed"):
            continue
        later = (
            other.kind for other in rows[position + 1 :] if other.incident == row.incident and other.kind in outcomes
        )
        until = moment(row.data["until"])
        outcome = outcomes.get(next(later, ""))
        if outcome is None:
            outcome = "running" if until is not None and until > now else "failed"
        found.append(Attempt(row.incident, row.data["target"], row.data["remedy"], _instant(row.at), outcome))
    return tuple(found)


def records_of(attempts: Sequence[Attempt]) -> dict[str, Record]:
    """Count how often each remedy was tried, and how often it worked. What still runs does not count yet."""
    found: dict[str, Record] = {}
    for attempt in attempts:
        if attempt.outcome != "running":
            before = found.get(attempt.remedy, Record())
            worked = before.worked + (attempt.outcome == "verified")
            found[attempt.remedy] = Record(before.tried + 1, worked)
    return found
