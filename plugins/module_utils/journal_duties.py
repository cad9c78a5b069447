# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What workers owe each other: duties that one of them does for all, and canaries that tell whether an engine lives."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .incident import iso, moment
from .journal_engine import Store
from .journal_rows import may_take

try:
    import sqlalchemy as sa

    from .journal_schema import CANARIES, DUE, DUTIES
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

#: Canaries older than this are forgotten.
KEEP_CANARIES = timedelta(hours=1)


@dataclass(frozen=True)
class Duty:
    """Something that one worker at a time does for all. C(done_at) is up to when it was last done to its end."""

    name: str
    done_at: datetime | None


class Duties:
    """The duties of a journal."""

    def __init__(self, store: Store, state_of: Callable[[str], str]) -> None:
        self._store = store
        self._state_of = state_of

    def take(self, name: str, worker: str, span: timedelta) -> Duty | None:
        """Take a duty for C(span). Returns None while another worker has it that is not lost."""
        now = self._store.clock()

        def work(connection: Connection) -> Duty | None:
            held = connection.execute(sa.select(DUTIES).where(DUTIES.c.name == name).with_for_update()).first()
            values = {"worker": worker, "until": iso(now + span)}
            if held is None:
                connection.execute(DUTIES.insert().values(name=name, **values))
                return Duty(name, None)
            if not may_take(held, worker, now, self._state_of):
                return None
            connection.execute(DUTIES.update().where(DUTIES.c.name == name).values(**values))
            return Duty(name, moment(held.done_at))

        return self._store.write(work)

    def done(self, name: str, worker: str, at: datetime) -> None:
        """Note that a duty was done up to the moment C(at), if this worker still has it."""
        mine = (DUTIES.c.name == name) & (DUTIES.c.worker == worker)
        with self._store.writing() as connection:
            connection.execute(DUTIES.update().where(mine).values(done_at=iso(at)))


class Canaries:
    """The canaries of a journal."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def send(self, worker: str) -> str:
        """Remember that a canary is sent now, and return its id: C(c) and 32 hexadecimal digits."""
        canary = "c" + secrets.token_hex(16)
        now = self._store.clock()
        with self._store.writing() as connection:
            connection.execute(CANARIES.delete().where(CANARIES.c.sent_at < iso(now - KEEP_CANARIES)))
            connection.execute(CANARIES.insert().values(id=canary, worker=worker, sent_at=iso(now)))
        return canary

    def back(self, canary: str) -> bool:
        """Note that a canary came back. Returns whether that is news."""
        out = (CANARIES.c.id == canary) & CANARIES.c.back_at.is_(None)
        with self._store.writing() as connection:
            return connection.execute(CANARIES.update().where(out).values(back_at=self._store.now())).rowcount == 1

    def outstanding(self, worker: str) -> datetime | None:
        """Return when the oldest canary of this worker was sent that is not back, and after which none came back."""
        mine = CANARIES.c.worker == worker
        last_back = sa.select(sa.func.coalesce(sa.func.max(CANARIES.c.sent_at), "")).where(
            mine, CANARIES.c.back_at.is_not(None)
        )
        out = sa.select(sa.func.min(CANARIES.c.sent_at)).where(
            mine, CANARIES.c.back_at.is_(None), CANARIES.c.sent_at > last_back.scalar_subquery()
        )
        with self._store.reading() as connection:
            return moment(connection.execute(out).scalar_one())

    def signs_of_life(self, worker: str) -> datetime | None:
        """Return when a canary of this worker last came back, or a playbook last took up or settled its delivery."""
        back = sa.select(sa.func.max(CANARIES.c.back_at)).where(CANARIES.c.worker == worker)
        begun = sa.select(sa.func.max(DUE.c.begun_at)).where(DUE.c.worker == worker)
        settled = sa.select(sa.func.max(DUE.c.settled_at)).where(DUE.c.worker == worker, DUE.c.outcome == "settled")
        with self._store.reading() as connection:
            stamps = [connection.execute(query).scalar_one() for query in (back, begun, settled)]
        return moment(max((stamp for stamp in stamps if stamp), default=None))
