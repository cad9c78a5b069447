# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: the only stored truth about incidents. The files C(journal*.py) are all that knows SQL.

Everything that changes an incident goes through L(Journal.change): read, fold, one pure step, append, commit, in one
transaction that excludes other writers. All methods block and are safe to call from several threads and processes.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from . import steps
from .errors import ConfigurationError, JournalError
from .incident import INCIDENT_ID, Answer, Entry, Incident, Problem, ToolState, iso, moment
from .journal_engine import default_location, open_engine, reason_of
from .journal_rows import (
    Delivery,
    attachments_of,
    attempts_of,
    delivery_of,
    exists,
    has_key,
    new_row,
    read_incident,
    tool_states,
)
from .policy import Attempt

try:
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    from .journal_schema import ATTACHMENTS, DUE, INCIDENTS, LEASES, TIMELINE, TOOLS, prepare
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

OPEN_STATES = ("detected", "asked", "held", "healing", "verifying", "escalated")

Step = Callable[[Incident], Sequence[Entry]]


@dataclass(frozen=True)
class Recorded:
    """What became of a report or an answer. C(delivery) is the id of the due work, None when nothing is to be done."""

    incident: str
    change: str
    delivery: str | None = None


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Journal:
    """An open journal."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._clock = clock
        with self._writing() as connection:
            prepare(connection)

    @classmethod
    def open(cls, location: str | None = None, clock: Callable[[], datetime] = utc_now) -> Journal:
        """Open the journal at a path or database URL, and create it where there is none.

        Without a location the environment variable C(SELF_HEALING_JOURNAL) and then the default path are used.
        Raises ConfigurationError or JournalError.
        """
        if sa is None:
            raise ConfigurationError(
                "the Python package SQLAlchemy is missing on the controller: pip install SQLAlchemy"
            )
        location = location or os.environ.get("SELF_HEALING_JOURNAL") or default_location()
        return cls(open_engine(location), clock)

    def close(self) -> None:
        self._engine.dispose()

    # -- reports and answers -------------------------------------------------------------------------------------

    def record_problem(self, problem: Problem, origin: str = "journal") -> Recorded:
        """Fold a report of a monitoring system into its incident, and make it due when it is news."""
        if problem.test:
            return Recorded(problem.incident, "test")
        with self._writing() as connection:
            known = read_incident(connection, problem.incident) if exists(connection, problem.incident) else None
            change, entries = steps.absorb(known, problem)
            if known is None:
                connection.execute(INCIDENTS.insert().values(**new_row(problem, self._now())))
            if change == "duplicate":
                count = INCIDENTS.c.duplicates + 1
                connection.execute(
                    INCIDENTS.update().where(INCIDENTS.c.id == problem.incident).values(duplicates=count)
                )
                return Recorded(problem.incident, change)
            self._append(connection, problem.incident, entries)
            return Recorded(
                problem.incident, change, self._due(connection, problem.incident, "problem", change, origin)
            )

    def record_answer(self, answer: Answer, origin: str = "answers") -> Recorded:
        """Take a responder's choice. The first valid one wins; the same one twice is a duplicate.

        Changes: C(answered), C(late), C(duplicate), C(unknown_option) or C(unknown_incident).
        """
        incident = answer.incident_id or ""
        with self._writing() as connection:
            if not INCIDENT_ID.fullmatch(incident) or not exists(connection, incident, lock=True):
                return Recorded(incident, "unknown_incident")
            if has_key(connection, incident, f"answer:{answer.channel}:{answer.key}"):
                return Recorded(incident, "duplicate")
            change, entries = steps.answer(read_incident(connection, incident), answer)
            self._append(connection, incident, entries)
            option = next((entry.data["option"] for entry in entries if entry.kind == "answered"), None)
            if option is None:
                option = "late"
            return Recorded(incident, change, self._due(connection, incident, "answer", option, origin, answer.channel))

    # -- incidents -----------------------------------------------------------------------------------------------

    def read(self, incident: str, content: bool = False) -> Incident:
        """Return an incident; with C(content) also the contents of its attachments.

        Raises JournalError when there is none with this id.
        """
        with self._reading() as connection:
            return read_incident(connection, incident, content)

    def change(self, incident: str, step: Step, *, dry_run: bool = False) -> tuple[Incident, bool]:
        """Apply one step to an incident and return it as it is then, and whether anything changed.

        C(step) gets the incident as it is now, with all other writers excluded, and returns the entries to append.
        Entries whose key exists already are left out. With C(dry_run) nothing is written.
        """
        with self._writing() as connection:
            exists(connection, incident, lock=True)
            now = read_incident(connection, incident)
            entries = [
                entry for entry in step(now) if entry.key is None or not has_key(connection, incident, entry.key)
            ]
            if not entries or dry_run:
                return now, bool(entries)
            self._append(connection, incident, entries)
            return read_incident(connection, incident), True

    def list_incidents(self, states: Sequence[str] = (), limit: int = 200) -> list[str]:
        """Return the ids of the incidents in these states (all without any), newest first."""
        query = sa.select(INCIDENTS.c.id).order_by(INCIDENTS.c.opened_at.desc(), INCIDENTS.c.id).limit(limit)
        if states:
            query = query.where(INCIDENTS.c.state.in_(list(states)))
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def duplicates(self, incident: str) -> int:
        """Return how many reports of this incident said nothing new."""
        with self._reading() as connection:
            query = sa.select(INCIDENTS.c.duplicates).where(INCIDENTS.c.id == incident)
            return int(connection.execute(query).scalar_one())

    def revision(self) -> int:
        """Return a number that grows with everything that is written to timelines."""
        with self._reading() as connection:
            return int(
                connection.execute(sa.select(sa.func.coalesce(sa.func.sum(INCIDENTS.c.version), 0))).scalar_one()
            )

    def attempts_since(self, since: datetime) -> tuple[Attempt, ...]:
        """Return the attempts to heal that were started after C(since), oldest first."""
        query = (
            sa.select(TIMELINE.c.incident, TIMELINE.c.at, TIMELINE.c.kind, TIMELINE.c.data)
            .where(TIMELINE.c.at > iso(since))
            .where(TIMELINE.c.kind.in_(["claimed", "verified", "unverified", "fix_failed"]))
            .order_by(TIMELINE.c.at, TIMELINE.c.incident, TIMELINE.c.n)
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return attempts_of(rows, self._clock())

    def unhealthy_hosts(self, besides: str) -> frozenset[str]:
        """Return the hosts that open incidents other than C(besides) point to."""
        query = (
            sa.select(INCIDENTS.c.target)
            .where(INCIDENTS.c.state.in_(OPEN_STATES))
            .where(INCIDENTS.c.target.is_not(None))
            .where(INCIDENTS.c.id != besides)
        )
        with self._reading() as connection:
            return frozenset(connection.execute(query).scalars())

    # -- tools and attachments -----------------------------------------------------------------------------------

    def lease_tool(self, incident: str, tool: str, worker: str, span: timedelta) -> str | None:
        """Take the right to bring a tool up to date with an incident. Returns who has it instead, None when granted.

        It ends with L(release_tool), or after C(span) when the worker was lost.
        """
        here = (LEASES.c.incident == incident) & (LEASES.c.tool == tool)
        now = self._clock()
        with self._writing() as connection:
            exists(connection, incident, lock=True)
            held = connection.execute(sa.select(LEASES).where(here)).first()
            if held is not None and held.worker != worker and held.until > str(iso(now)):
                return str(held.worker)
            connection.execute(LEASES.delete().where(here))
            values = {"worker": worker, "until": iso(now + span)}
            connection.execute(LEASES.insert().values(incident=incident, tool=tool, **values))
            return None

    def release_tool(self, incident: str, tool: str, worker: str) -> None:
        """Give the right back, if it is this worker's."""
        here = (LEASES.c.incident == incident) & (LEASES.c.tool == tool) & (LEASES.c.worker == worker)
        with self._writing() as connection:
            connection.execute(LEASES.delete().where(here))

    def show(self, incident: str, state: ToolState, entry: Entry | None, *, dry_run: bool = False) -> bool:
        """Remember where and up to which entry a tool shows an incident. Returns whether that is news.

        C(entry) is appended when it is given and its key is new.
        """
        with self._writing() as connection:
            exists(connection, incident, lock=True)
            known = tool_states(connection, incident).get(state.tool)
            fresh = entry is not None and not has_key(connection, incident, entry.key or "")
            if known == state and not fresh:
                return False
            if dry_run:
                return True
            if entry is not None and fresh:
                self._append(connection, incident, [entry])
            values = {**asdict(state), "remote_id": state.id, "updated_at": self._now()}
            del values["id"]
            values["details"] = dict(state.details)
            if known is None:
                connection.execute(TOOLS.insert().values(incident=incident, **values))
            else:
                where = (TOOLS.c.incident == incident) & (TOOLS.c.tool == state.tool)
                connection.execute(TOOLS.update().where(where).values(**values))
            return True

    def attach(self, incident: str, name: str, media_type: str, content: str, *, dry_run: bool = False) -> bool:
        """Keep a text with the incident; the same name replaces. Returns whether it is news."""
        digest = hashlib.sha256(content.encode()).hexdigest()
        with self._writing() as connection:
            exists(connection, incident, lock=True)
            known = next((kept for kept in attachments_of(connection, incident) if kept.name == name), None)
            if known is not None and known.sha256 == digest:
                return False
            if dry_run:
                return True
            values = {"media_type": media_type, "sha256": digest, "content": content, "at": self._now()}
            if known is None:
                connection.execute(ATTACHMENTS.insert().values(incident=incident, name=name, **values))
            else:
                where = (ATTACHMENTS.c.incident == incident) & (ATTACHMENTS.c.name == name)
                connection.execute(ATTACHMENTS.update().where(where).values(**values))
            entry = Entry("attached", f"{name} was kept ({len(content.encode())} bytes)", key=f"attached:{digest}")
            if not has_key(connection, incident, entry.key or ""):
                self._append(connection, incident, [entry])
            return True

    # -- due work ------------------------------------------------------------------------------------------------

    def hand_out(
        self, limit: int, lease: timedelta, origin: str | None = None, grace: timedelta = timedelta(0)
    ) -> list[Delivery]:
        """Lease due work and return it, oldest first.

        With C(origin) only work of this source that was never handed out. Without, all work that is overdue by
        C(grace): never handed out, or not settled within its lease, which grows with every attempt.
        """
        now = self._clock()
        stamp = iso(now)
        query = (
            sa.select(
                DUE, INCIDENTS.c.kind, INCIDENTS.c.status, INCIDENTS.c.severity, INCIDENTS.c.source, INCIDENTS.c.service
            )
            .join(INCIDENTS, INCIDENTS.c.id == DUE.c.incident)
            .where(DUE.c.settled_at.is_(None))
            .order_by(DUE.c.due_at, DUE.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True, of=DUE)
        )
        if origin is not None:
            query = query.where(DUE.c.origin == origin, DUE.c.attempts == 0, DUE.c.due_at <= stamp)
        else:
            late = (DUE.c.leased_until.is_(None) & (DUE.c.due_at <= iso(now - grace))) | (DUE.c.leased_until <= stamp)
            query = query.where(late)
        with self._writing() as connection:
            rows = connection.execute(query).all()
            for row in rows:
                until = iso(now + lease * 2 ** min(row.attempts, 6))
                values = {"attempts": row.attempts + 1, "leased_until": until}
                connection.execute(DUE.update().where(DUE.c.id == row.id).values(**values))
        return [delivery_of(row) for row in rows]

    def unsettled(self) -> int:
        """Return how many deliveries are handed out and not settled."""
        query = sa.select(sa.func.count()).where(DUE.c.settled_at.is_(None), DUE.c.attempts > 0)
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def next_due(self) -> datetime | None:
        """Return when the next due work is to be handed out, None when there is none."""
        query = sa.select(sa.func.min(sa.func.coalesce(DUE.c.leased_until, DUE.c.due_at))).where(
            DUE.c.settled_at.is_(None)
        )
        with self._reading() as connection:
            return moment(connection.execute(query).scalar_one())

    def settle(self, delivery: str, *, dry_run: bool = False) -> bool:
        """Note that a playbook has done what a delivery asked for. Returns whether that is news."""
        with self._writing() as connection:
            open_one = (DUE.c.id == delivery) & DUE.c.settled_at.is_(None)
            if dry_run:
                return connection.execute(sa.select(DUE.c.id).where(open_one)).first() is not None
            return connection.execute(DUE.update().where(open_one).values(settled_at=self._now())).rowcount == 1

    # -- inside --------------------------------------------------------------------------------------------------

    def _now(self) -> str:
        return iso(self._clock()) or ""

    def _append(self, connection: Connection, incident: str, entries: Sequence[Entry]) -> None:
        """Append entries and what follows from them, and bring the row of the incident up to date."""
        self._write_entries(connection, incident, entries)
        now = read_incident(connection, incident)
        following = steps.consequences(now)
        if following:
            self._write_entries(connection, incident, following)
            now = read_incident(connection, incident)
        problem = now.problem
        values = {
            "state": now.state,
            "kind": problem["kind"],
            "severity": problem["severity"],
            "status": problem["status"],
            "service": problem["service"],
            "target": now.target,
            "version": now.version,
            "updated_at": self._now(),
        }
        connection.execute(INCIDENTS.update().where(INCIDENTS.c.id == incident).values(**values))

    def _write_entries(self, connection: Connection, incident: str, entries: Sequence[Entry]) -> None:
        last = connection.execute(
            sa.select(sa.func.coalesce(sa.func.max(TIMELINE.c.n), 0)).where(TIMELINE.c.incident == incident)
        ).scalar_one()
        for n, entry in enumerate(entries, start=last + 1):
            row = {
                "kind": entry.kind,
                "text": entry.text,
                "actor": entry.actor,
                "data": dict(entry.data),
                "key": entry.key,
            }
            connection.execute(TIMELINE.insert().values(incident=incident, n=n, at=self._now(), **row))
            for name, seconds in entry.timers.items():
                self._set_timer(connection, incident, name, seconds)

    def _set_timer(self, connection: Connection, incident: str, name: str, seconds: float) -> None:
        """Set a timer of the incident; an older one of the same name no longer fires."""
        same = (
            (DUE.c.incident == incident) & (DUE.c.kind == "timer") & (DUE.c.name == name) & DUE.c.settled_at.is_(None)
        )
        connection.execute(DUE.update().where(same).values(settled_at=self._now()))
        self._due(connection, incident, "timer", name, "journal", after=timedelta(seconds=seconds))

    def _due(
        self,
        connection: Connection,
        incident: str,
        kind: str,
        name: str,
        origin: str,
        channel: str | None = None,
        after: timedelta = timedelta(0),
    ) -> str:
        delivery = "d" + secrets.token_hex(16)
        due_at = iso(self._clock() + after)
        values = {"kind": kind, "name": name, "channel": channel, "origin": origin, "due_at": due_at, "attempts": 0}
        connection.execute(DUE.insert().values(id=delivery, incident=incident, **values))
        return delivery

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise JournalError(f"the journal cannot be written: {reason_of(error)}") from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as plain:
                yield plain.execution_options(journal_reads=True)
        except SQLAlchemyError as error:
            raise JournalError(f"the journal cannot be read: {reason_of(error)}") from error
