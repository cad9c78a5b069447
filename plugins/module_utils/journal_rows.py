# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns rows of the journal's tables into values of the domain, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .errors import JournalError
from .incident import Attachment, Incident, Problem, TimelineEntry, ToolState, moment
from .policy import Attempt
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


def exists(connection: Connection, incident: str, lock: bool = False) -> bool:
    query = sa.select(INCIDENTS.c.id).where(INCIDENTS.c.id == incident)
    return connection.execute(query.with_for_update() if lock else query).first() is not None


def has_key(connection: Connection, incident: str, key: str) -> bool:
    query = sa.select(TIMELINE.c.n).where(TIMELINE.c.incident == incident, TIMELINE.c.key == key)
    return connection.execute(query).first() is not None


def read_incident(connection: Connection, incident: str, content: bool = False) -> Incident:
    query = sa.select(TIMELINE).where(TIMELINE.c.incident == incident).order_by(TIMELINE.c.n)
    entries = [_entry(row) for row in connection.execute(query)]
    if not entries:
        raise JournalError(f"there is no incident {incident!r} in the journal")
    return fold(incident, entries, tool_states(connection, incident), attachments_of(connection, incident, content))


def _instant(stamp: str) -> datetime:
    at = moment(stamp)
    if at is None:
        raise JournalError("the journal holds an entry without a time")
    return at


def _entry(row: Any) -> TimelineEntry:
    return TimelineEntry(n=row.n, at=_instant(row.at), actor=row.actor, kind=row.kind, text=row.text, data=row.data)


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


def new_row(problem: Problem, now: str) -> dict[str, Any]:
    return {
        "id": problem.incident,
        "source": problem.source,
        "state": "detected",
        "kind": problem.kind,
        "severity": problem.severity,
        "status": problem.status,
        "service": problem.service,
        "version": 0,
        "duplicates": 0,
        "opened_at": now,
        "updated_at": now,
    }


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
