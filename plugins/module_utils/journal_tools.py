# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools of an incident in the journal: where each shows it, who is busy with it, and what is attached to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from .incident import Entry, ToolState, iso, storable
from .journal_engine import Store
from .journal_rows import attachments_of, may_take, read_incident, tool_states
from .journal_write import Additions
from .timeline import TOLD

try:
    import sqlalchemy as sa

    from .journal_schema import ATTACHMENTS, INCIDENTS, LEASES, TIMELINE, TOOLS
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


class Tools:
    """The tools of a journal."""

    def __init__(self, store: Store, state_of: Callable[[str], str]) -> None:
        self._store = store
        self._state_of = state_of

    def lease(self, incident: str, tool: str, worker: str, span: timedelta) -> str | None:
        """Take the right to bring a tool up to date with an incident. Returns who has it instead, None when granted.

        It ends with L(release), or after C(span), or when the worker is lost.
        """
        now = self._store.clock()

        def work(connection: Connection) -> str | None:
            held = connection.execute(sa.select(LEASES).where(_lease(incident, tool)).with_for_update()).first()
            values = {"worker": worker, "until": iso(now + span)}
            if held is None:
                # Another worker that does the same right now makes this fail, and then it is seen as held.
                connection.execute(LEASES.insert().values(incident=incident, tool=tool, **values))
                return None
            if not may_take(held, worker, now, self._state_of):
                return str(held.worker)
            connection.execute(LEASES.update().where(_lease(incident, tool)).values(**values))
            return None

        return self._store.write(work)

    def release(self, incident: str, tool: str, worker: str) -> None:
        """Give the right back, if it is this worker's."""
        with self._store.writing() as connection:
            connection.execute(LEASES.delete().where(_lease(incident, tool) & (LEASES.c.worker == worker)))

    def show(self, incident: str, state: ToolState, entry: Entry | None, *, dry_run: bool = False) -> bool:
        """Remember where and up to which entry a tool shows an incident. Returns whether that is news.

        C(entry) is appended when it is given and its key is new.
        """
        with self._store.writing() as connection:
            found = read_incident(connection, incident, lock=True)
            known = tool_states(connection, incident).get(state.tool)
            fresh = entry is not None and not found.has_key(entry.key)
            if known == state and not fresh:
                return False
            if dry_run:
                return True
            if entry is not None:
                additions = Additions(self._store.clock())
                additions.append(found, [entry])
                additions.write(connection)
            values = {**asdict(state), "remote_id": state.id, "updated_at": self._store.now()}
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
        content = storable(content)
        digest = hashlib.sha256(content.encode()).hexdigest()
        with self._store.writing() as connection:
            found = read_incident(connection, incident, lock=True)
            known = next((kept for kept in attachments_of(connection, incident) if kept.name == name), None)
            if known is not None and known.sha256 == digest:
                return False
            if dry_run:
                return True
            values = {"media_type": media_type, "sha256": digest, "content": content, "at": self._store.now()}
            if known is None:
                connection.execute(ATTACHMENTS.insert().values(incident=incident, name=name, **values))
            else:
                where = (ATTACHMENTS.c.incident == incident) & (ATTACHMENTS.c.name == name)
                connection.execute(ATTACHMENTS.update().where(where).values(**values))
            text = f"{name} was kept ({len(content.encode())} bytes)"
            additions = Additions(self._store.clock())
            additions.append(found, [Entry("attached", text, key=f"attached:{digest}")])
            additions.write(connection)
            return True

    def behind(self) -> dict[str, int]:
        """Return for every tool how many incidents it does not show completely, as L(timeline.behind) has it."""
        newest = (
            sa.select(TIMELINE.c.incident, sa.func.max(TIMELINE.c.n).label("n"))
            .where(TIMELINE.c.kind.in_(sorted(TOLD)))
            .group_by(TIMELINE.c.incident)
            .subquery()
        )
        late = sa.case(((TOOLS.c.state == "failed") | (TOOLS.c.version < sa.func.coalesce(newest.c.n, 0)), 1), else_=0)
        query = (
            sa.select(TOOLS.c.tool, sa.func.sum(late))
            .join(INCIDENTS, INCIDENTS.c.id == TOOLS.c.incident)
            .outerjoin(newest, newest.c.incident == TOOLS.c.incident)
            .group_by(TOOLS.c.tool)
            .order_by(TOOLS.c.tool)
        )
        with self._store.reading() as connection:
            return {tool: int(number) for tool, number in connection.execute(query)}


def _lease(incident: str, tool: str) -> sa.ColumnElement[bool]:
    return (LEASES.c.incident == incident) & (LEASES.c.tool == tool)
