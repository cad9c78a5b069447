# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: the only stored truth about incidents. The files C(journal*.py) are all that knows SQL.

Everything that changes an incident is one step in one transaction: read, fold, one pure step, append, commit, while no
other writer can touch the incident. All methods block and are safe to call from several threads and processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from . import answering, reports, run_identity
from .errors import ConfigurationError
from .incident import INCIDENT_ID, Answer, Entry, Incident, Problem, Task, iso, storable
from .journal_archive import Archive
from .journal_due import DueWork
from .journal_duties import Canaries, Duties
from .journal_engine import Store, default_location, open_engine, utc_now
from .journal_rows import (
    OpenProblem,
    attempts_of,
    find_incident,
    incident_with,
    read_incident,
    read_incidents,
    records_of,
)
from .journal_tools import Tools
from .journal_write import Additions
from .policy import Attempt, Record

try:
    import sqlalchemy as sa

    from .journal_schema import INCIDENTS, TIMELINE, is_current, prepare
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

#: What became of an answer that counts.
ACCEPTED = frozenset({"answered", "acknowledged", "approved"})
OPEN_STATES = ("detected", "asked", "held", "healing", "verifying", "escalated")

Step = Callable[[Incident], Sequence[Entry]]


@dataclass(frozen=True)
class Recorded:
    """What became of a report or an answer. C(delivery) is the id of the due work, None when nothing is to be done.

    C(text) tells the person who answered what became of it.
    """

    incident: str
    change: str
    delivery: str | None = None
    text: str = ""


class Journal:
    """An open journal. C(due), C(tools), C(duties), C(canaries) and C(archive) are its parts besides the incidents.

    C(state_of) tells of a worker's name whether it is alive, lost or unknown.
    """

    def __init__(self, store: Store, state_of: Callable[[str], str] = run_identity.state_of) -> None:
        self._store = store
        with store.reading() as connection:
            current = is_current(connection)
        if not current:
            with store.writing() as connection:
                prepare(connection)
        self.due = DueWork(store, state_of)
        self.tools = Tools(store, state_of)
        self.duties = Duties(store, state_of)
        self.canaries = Canaries(store)
        self.archive = Archive(store)

    @classmethod
    def open(
        cls,
        location: str | None = None,
        clock: Callable[[], datetime] = utc_now,
        state_of: Callable[[str], str] = run_identity.state_of,
    ) -> Journal:
        """Open the journal at a path or database URL, and create it where there is none.

        Without a location the environment variable C(SELF_HEALING_JOURNAL) and then the default path are used.
        Raises ConfigurationError or JournalError.
        """
        if sa is None:
            raise ConfigurationError(
                "the Python package SQLAlchemy is missing on the controller: pip install SQLAlchemy"
            )
        location = location or os.environ.get("SELF_HEALING_JOURNAL") or default_location()
        store = Store(open_engine(location), clock)
        try:
            return cls(store, state_of)
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        self._store.close()

    # -- reports and answers -------------------------------------------------------------------------------------

    def record_problem(self, problem: Problem, origin: str = "journal") -> Recorded:
        """Fold a report of a monitoring system into its incident, and make it due when it is news."""
        return self.record_problems([problem], origin)[0]

    def record_problems(
        self, problems: Sequence[Problem], origin: str = "journal", *, count: bool = True
    ) -> list[Recorded]:
        """Fold reports into their incidents in one transaction, in their order: all are recorded, or none.

        C(count) tells whether reports that say nothing new are counted as duplicates.

        Changes: those of L(reports.absorb), C(test) for a trial of the monitoring system, and C(echo) for what a mark
        of our own writing tells to be our own doing.
        """
        return self._store.write(lambda connection: self._record(connection, problems, origin, count))

    def _record(self, connection: Connection, problems: Sequence[Problem], origin: str, count: bool) -> list[Recorded]:
        named = {problem.incident for problem in problems} | {mark for problem in problems for mark in problem.marks}
        known = read_incidents(connection, sorted(named), lock=True)
        additions = Additions(self._store.clock())
        recorded = []
        for problem in problems:
            incident = known.get(problem.incident)
            echo = next((mark for mark in problem.marks if mark in known and mark != problem.incident), None)
            if problem.test:
                recorded.append(Recorded(problem.incident, "test"))
            elif echo is not None:
                additions.count_duplicate(echo)
                recorded.append(Recorded(echo, "echo"))
            else:
                change, entries = reports.absorb(incident, problem)
                known[problem.incident] = (
                    additions.open(problem, entries) if incident is None else additions.append(incident, entries)
                )
                delivery = None
                if change != "duplicate":
                    delivery = additions.deliver(problem.incident, "problem", change, origin)
                elif count:
                    additions.count_duplicate(problem.incident)
                recorded.append(Recorded(problem.incident, change, delivery))
        additions.write(connection)
        return recorded

    def record_task(self, problem: Problem, task: Task, origin: str = "journal") -> Recorded:
        """Take a task that a control plane handed out, and the problem that it is about where that is not known yet.

        The same task is taken once, whatever it is said to be about.
        Changes: those of L(reports.hand_out), and C(echo) for what our own doing led to.
        """
        return self._store.write(lambda connection: self._record_task(connection, problem, task, origin))

    def _record_task(self, connection: Connection, problem: Problem, task: Task, origin: str) -> Recorded:
        taken = incident_with(connection, "task_triggered", task.key)
        if taken is not None:
            return Recorded(taken, "duplicate")
        named = sorted({problem.incident, *problem.marks})
        known = read_incidents(connection, named, lock=True)
        echo = next((mark for mark in problem.marks if mark in known), None)
        if echo is not None:
            return Recorded(echo, "echo")
        incident = known.get(problem.incident)
        change, entries = reports.hand_out(incident, problem, task)
        if change == "duplicate":
            return Recorded(problem.incident, change)
        additions = Additions(self._store.clock())
        if incident is None:
            additions.open(problem, entries)
        else:
            additions.append(incident, entries)
        delivery = additions.deliver(problem.incident, "problem", change, origin)
        additions.write(connection)
        return Recorded(problem.incident, change, delivery)

    def record_answer(self, answer: Answer, origin: str = "answers") -> Recorded:
        """Take a responder's choice. The first valid one wins; the same one twice is a duplicate.

        Changes: those of L(answering.Outcome), C(duplicate) or C(unknown_incident).
        """
        incident = answer.incident_id or ""
        with self._store.writing() as connection:
            now = find_incident(connection, incident, lock=True) if INCIDENT_ID.fullmatch(incident) else None
            if now is None:
                return Recorded(incident, "unknown_incident", text="There is no such incident any more.")
            key = f"answer:{answer.channel}:{answer.key}"
            known = next((entry for entry in now.timeline if entry.key == storable(key)), None)
            if known is not None:
                return Recorded(incident, "duplicate", text=known.text)
            outcome = answering.answer(now, answer)
            option = str(outcome.entries[0].data["option"]) if outcome.change in ACCEPTED else "late"
            additions = Additions(self._store.clock())
            additions.append(now, outcome.entries)
            delivery = additions.deliver(incident, "answer", option, origin, answer.channel)
            additions.write(connection)
            return Recorded(incident, outcome.change, delivery, outcome.text)

    # -- incidents -----------------------------------------------------------------------------------------------

    def read(self, incident: str, content: bool = False) -> Incident:
        """Return an incident; with C(content) also the contents of its attachments.

        Raises UnknownIncidentError when there is none with this id, JournalError when it cannot be read.
        """
        with self._store.reading() as connection:
            return read_incident(connection, incident, content)

    def change(self, incident: str, step: Step, *, dry_run: bool = False) -> tuple[Incident, bool]:
        """Apply one step to an incident and return it as it is then, and whether anything changed.

        C(step) gets the incident as it is now, with all other writers excluded, and returns the entries to append.
        Entries whose key exists already are left out. With C(dry_run) nothing is written.
        """
        with self._store.writing() as connection:
            now = read_incident(connection, incident, lock=True)
            entries = [entry for entry in step(now) if not now.has_key(entry.key)]
            if not entries or dry_run:
                return now, bool(entries)
            additions = Additions(self._store.clock())
            after = additions.append(now, entries)
            additions.write(connection)
            return after, True

    def list_incidents(self, states: Sequence[str] = (), limit: int = 200) -> list[str]:
        """Return the ids of the incidents in these states (all without any), newest first."""
        query = sa.select(INCIDENTS.c.id).order_by(INCIDENTS.c.opened_at.desc(), INCIDENTS.c.id).limit(limit)
        if states:
            query = query.where(INCIDENTS.c.state.in_(list(states)))
        with self._store.reading() as connection:
            return list(connection.execute(query).scalars())

    def open_problems(self, source: str, tenant: str) -> list[OpenProblem]:
        """Return the problems of one tenant of a monitoring system that are still open as far as is known."""
        query = (
            sa.select(INCIDENTS.c.id, TIMELINE.c.data)
            .join(TIMELINE, (TIMELINE.c.incident == INCIDENTS.c.id) & (TIMELINE.c.n == 1))
            .where(INCIDENTS.c.source == source, INCIDENTS.c.status == "open")
            .order_by(INCIDENTS.c.opened_at, INCIDENTS.c.id)
        )
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
        return [OpenProblem(row.id, row.data["problem_id"]) for row in rows if row.data["tenant"] == tenant]

    def duplicates(self, incident: str) -> int:
        """Return how many reports of this incident said nothing new."""
        with self._store.reading() as connection:
            query = sa.select(INCIDENTS.c.duplicates).where(INCIDENTS.c.id == incident)
            return int(connection.execute(query).scalar_one())

    def revision(self) -> int:
        """Return a number that grows with everything that is written to timelines."""
        with self._store.reading() as connection:
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
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
        return attempts_of(rows, self._store.clock())

    def track_record(self, hosts: Collection[str], service: str | None, since: datetime) -> dict[str, Record]:
        """Return how each remedy fared on these hosts, or for this service, since then."""
        here = INCIDENTS.c.target.in_(list(hosts))
        query = (
            sa.select(TIMELINE.c.incident, TIMELINE.c.at, TIMELINE.c.kind, TIMELINE.c.data)
            .join(INCIDENTS, INCIDENTS.c.id == TIMELINE.c.incident)
            .where(here | (INCIDENTS.c.service == service) if service else here)
            .where(TIMELINE.c.at > iso(since))
            .where(TIMELINE.c.kind.in_(["claimed", "verified", "unverified", "fix_failed"]))
            .order_by(TIMELINE.c.at, TIMELINE.c.incident, TIMELINE.c.n)
        )
        with self._store.reading() as connection:
            return records_of(attempts_of(connection.execute(query).all(), self._store.clock()))

    def unhealthy_hosts(self, besides: str) -> frozenset[str]:
        """Return the hosts that open incidents other than C(besides) point to."""
        query = (
            sa.select(INCIDENTS.c.target)
            .where(INCIDENTS.c.state.in_(OPEN_STATES))
            .where(INCIDENTS.c.target.is_not(None))
            .where(INCIDENTS.c.id != besides)
        )
        with self._store.reading() as connection:
            return frozenset(connection.execute(query).scalars())
