# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Due work: what the rules are told about, again and again until a playbook has settled it.

A delivery is handed out by a worker (an event source of one engine), taken up by a playbook run, and settled by it.
When either of them is lost, or does not end within the lease, it is handed out again after a pause that grows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import run_identity, timers
from .incident import iso, moment
from .journal_engine import Store
from .journal_rows import Delivery, delivery_of, read_incident
from .journal_write import Additions, set_timer

try:
    import sqlalchemy as sa

    from .journal_schema import DUE, INCIDENTS
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

#: The first pause before a delivery is made again whose worker or playbook was lost (seconds). It doubles each time.
FIRST_PAUSE = 1.0
#: A lease grows with every attempt, up to this many times the first one.
MOST_LEASES = 16


@dataclass(frozen=True)
class DueFigures:
    """How much is due: not handed out yet, handed out and not settled, and since when the oldest has been waiting."""

    waiting: int
    unsettled: int
    oldest_due: datetime | None


class DueWork:
    """The due work of a journal."""

    def __init__(self, store: Store, state_of: Callable[[str], str]) -> None:
        self._store = store
        self._state_of = state_of

    def hand_out(
        self,
        limit: int,
        lease: timedelta,
        worker: str = "",
        origin: str | None = None,
        grace: timedelta = timedelta(0),
    ) -> list[Delivery]:
        """Lease due work and return it, oldest first.

        With C(origin) only work of this source that was never handed out. Without, all work that is overdue by
        C(grace): never handed out, or not settled within its lease. Timers that lost their meaning end here.
        """
        now = self._store.clock()
        query = _to_hand_out(_is_due(origin, now, grace)).limit(limit)
        # Most looks find nothing, and a look that only reads keeps no writer waiting.
        with self._store.reading() as connection:
            look = sa.select(DUE.c.id).where(DUE.c.settled_at.is_(None), _is_due(origin, now, grace)).limit(1)
            if connection.execute(look).first() is None:
                return []
        with self._store.writing() as connection:
            handed_out = []
            for row in connection.execute(query).all():
                values = _leased(row, now, lease, worker)
                if row.kind == "timer" and not timers.matters(read_incident(connection, row.incident), row.name):
                    values = {"settled_at": iso(now), "outcome": "pointless"}
                else:
                    handed_out.append(delivery_of(row))
                connection.execute(DUE.update().where(DUE.c.id == row.id).values(**values))
        return handed_out

    def hand_out_one(self, delivery: str, lease: timedelta, worker: str) -> Delivery | None:
        """Lease one delivery, for whoever hands it out himself. None when somebody else has handed it out already."""
        fresh = (DUE.c.id == delivery) & (DUE.c.attempts == 0)
        with self._store.writing() as connection:
            row = connection.execute(_to_hand_out(fresh)).first()
            if row is None:
                return None
            values = _leased(row, self._store.clock(), lease, worker)
            connection.execute(DUE.update().where(DUE.c.id == delivery).values(**values))
            return delivery_of(row)

    def begin(self, delivery: str, run: str) -> bool:
        """Take a delivery up. Returns False when another run that lives has it already, or when it is settled."""
        with self._store.writing() as connection:
            query = sa.select(DUE.c.run, DUE.c.settled_at).where(DUE.c.id == delivery).with_for_update()
            row = connection.execute(query).first()
            if row is None or row.settled_at is not None:
                return False
            if row.run is not None and row.run != run and self._state_of(row.run) == run_identity.ALIVE:
                return False
            values = {"run": run, "begun_at": self._store.now()}
            connection.execute(DUE.update().where(DUE.c.id == delivery).values(**values))
            return True

    def settle(self, delivery: str, run: str | None = None, *, dry_run: bool = False) -> bool:
        """Note that a playbook has done what a delivery asked for. Returns whether that is news.

        A run does not settle what another run has taken up.
        """
        mine = (DUE.c.id == delivery) & DUE.c.settled_at.is_(None)
        if run is not None:
            mine &= DUE.c.run.is_(None) | (DUE.c.run == run)
        with self._store.writing() as connection:
            if dry_run:
                return connection.execute(sa.select(DUE.c.id).where(mine)).first() is not None
            values = {"settled_at": self._store.now(), "outcome": "settled"}
            return connection.execute(DUE.update().where(mine).values(**values)).rowcount == 1

    def postpone(self, delivery: str, run: str, pause: timedelta) -> None:
        """Make a delivery again later that cannot be carried out yet. That does not count as an attempt."""
        mine = (DUE.c.id == delivery) & DUE.c.settled_at.is_(None) & (DUE.c.run == run)
        values = {"leased_until": iso(self._store.clock() + pause), "worker": None, "run": None}
        with self._store.writing() as connection:
            connection.execute(DUE.update().where(mine).values(**values, attempts=DUE.c.attempts - 1))

    def give_back(self, deliveries: Sequence[str], worker: str) -> None:
        """Make due again what was handed out to C(worker) and never reached its engine. That does not count."""
        mine = DUE.c.id.in_(deliveries) & DUE.c.settled_at.is_(None) & (DUE.c.worker == worker) & DUE.c.run.is_(None)
        values = {"worker": None, "leased_until": self._store.now(), "attempts": DUE.c.attempts - 1}
        with self._store.writing() as connection:
            connection.execute(DUE.update().where(mine).values(**values))

    def set_timer(self, incident: str, name: str, after: timedelta) -> None:
        """Let a timer of an incident come due after a time, in place of an older one of the same name."""
        with self._store.writing() as connection:
            due_at = self._store.clock() + after
            set_timer(connection, incident, name, due_at, self._store.now())

    def not_begun(self, worker: str) -> dict[str, int]:
        """Return what C(worker) has handed out and no run has taken up: the ids, each with its number of attempts."""
        query = sa.select(DUE.c.id, DUE.c.attempts).where(
            DUE.c.settled_at.is_(None), DUE.c.worker == worker, DUE.c.run.is_(None)
        )
        with self._store.reading() as connection:
            return {row.id: row.attempts for row in connection.execute(query)}

    def take_back_lost(self, never_begun: Collection[str] = ()) -> int:
        """Make due again what was handed out by a worker, or taken up by a run, that is lost. Returns how much it was.

        C(never_begun) are deliveries that nobody will take up although their worker lives. The pause before one is
        handed out again doubles with every attempt, so that what kills a playbook each time does not keep the machine
        busy.
        """
        now = self._store.clock()
        query = sa.select(DUE.c.id, DUE.c.worker, DUE.c.run, DUE.c.attempts, DUE.c.leased_until).where(
            DUE.c.settled_at.is_(None), DUE.c.leased_until > iso(now), DUE.c.worker.is_not(None)
        )
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
        lost = [row for row in rows if self._is_lost(row) or (row.run is None and row.id in never_begun)]
        for row in lost:
            pause = timedelta(seconds=FIRST_PAUSE * 2 ** min(row.attempts - 1, 8))
            # Only if nothing has happened to it meanwhile.
            same = (DUE.c.id == row.id) & (DUE.c.attempts == row.attempts) & DUE.c.settled_at.is_(None)
            same &= DUE.c.run.is_(None) if row.run is None else DUE.c.run == row.run
            until = min(str(iso(now + pause)), row.leased_until)
            with self._store.writing() as connection:
                connection.execute(DUE.update().where(same).values(leased_until=until, worker=None, run=None))
        return len(lost)

    def give_up(self, attempts: int) -> list[str]:
        """End deliveries that were made C(attempts) times and whose last lease is over. Returns their incidents.

        Each incident is escalated, and says so.
        """
        now = self._store.clock()
        hopeless = (DUE.c.attempts >= attempts) & DUE.c.settled_at.is_(None) & (DUE.c.leased_until <= iso(now))
        with self._store.reading() as connection:
            rows = connection.execute(sa.select(DUE.c.id, DUE.c.incident).where(hopeless)).all()
        return [row.incident for row in rows if self._give_up(row.id, row.incident, hopeless, now)]

    def unsettled(self, worker: str | None = None) -> int:
        """Return how many deliveries are handed out and not settled, with C(worker) only those that it handed out."""
        query = sa.select(sa.func.count()).where(DUE.c.settled_at.is_(None), DUE.c.attempts > 0)
        if worker is not None:
            query = query.where(DUE.c.worker == worker)
        with self._store.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def next_due(self) -> datetime | None:
        """Return when the next due work is to be handed out, None when there is none."""
        query = sa.select(sa.func.min(sa.func.coalesce(DUE.c.leased_until, DUE.c.due_at))).where(
            DUE.c.settled_at.is_(None)
        )
        with self._store.reading() as connection:
            return moment(connection.execute(query).scalar_one())

    def figures(self) -> DueFigures:
        now = self._store.now()
        is_open = DUE.c.settled_at.is_(None)
        waiting = sa.select(sa.func.count()).where(is_open, DUE.c.attempts == 0, DUE.c.due_at <= now)
        oldest = sa.select(sa.func.min(DUE.c.due_at)).where(is_open, DUE.c.due_at <= now)
        with self._store.reading() as connection:
            number = connection.execute(waiting).scalar_one()
            since = connection.execute(oldest).scalar_one()
        return DueFigures(int(number), self.unsettled(), moment(since))

    def _is_lost(self, row: Any) -> bool:
        return self._state_of(row.run or row.worker) == run_identity.LOST

    def _give_up(self, delivery: str, incident: str, hopeless: Any, now: datetime) -> bool:
        def work(connection: Connection) -> bool:
            found = read_incident(connection, incident, lock=True)
            row = connection.execute(sa.select(DUE).where(DUE.c.id == delivery, hopeless).with_for_update()).first()
            if row is None:
                return False
            values = {"settled_at": iso(now), "outcome": "given_up"}
            connection.execute(DUE.update().where(DUE.c.id == delivery).values(**values))
            additions = Additions(now)
            additions.append(found, timers.undelivered(found, row.kind, row.name, row.attempts))
            additions.write(connection)
            return True

        return self._store.write(work)


def _to_hand_out(condition: Any) -> Any:
    """Return the query for unsettled deliveries with what an event says of their incident. Others' are skipped."""
    return (
        sa.select(
            DUE, INCIDENTS.c.kind, INCIDENTS.c.status, INCIDENTS.c.severity, INCIDENTS.c.source, INCIDENTS.c.service
        )
        .join(INCIDENTS, INCIDENTS.c.id == DUE.c.incident)
        .where(DUE.c.settled_at.is_(None), condition)
        .order_by(DUE.c.due_at, DUE.c.id)
        .with_for_update(skip_locked=True, of=DUE)
    )


def _leased(row: Any, now: datetime, lease: timedelta, worker: str) -> dict[str, Any]:
    return {
        "attempts": row.attempts + 1,
        "leased_until": iso(now + lease * min(2**row.attempts, MOST_LEASES)),
        "worker": worker or None,
        "run": None,
    }


def _is_due(origin: str | None, now: datetime, grace: timedelta) -> Any:
    stamp = iso(now)
    if origin is not None:
        return (DUE.c.origin == origin) & (DUE.c.attempts == 0) & (DUE.c.due_at <= stamp)
    fresh = DUE.c.leased_until.is_(None)
    # Nobody else hands out timers, so that there is nobody to be left time.
    overdue = (DUE.c.due_at <= iso(now - grace)) | ((DUE.c.kind == "timer") & (DUE.c.due_at <= stamp))
    return (fresh & overdue) | (DUE.c.leased_until <= stamp)
