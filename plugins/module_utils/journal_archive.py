# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes incidents out of the journal and into another one, and removes old ones for good."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from . import archive_format
from .errors import InvalidInputError
from .incident import iso, storable
from .journal_engine import Store

try:
    import sqlalchemy as sa

    from .journal_schema import ATTACHMENTS, DUE, INCIDENTS, LEASES, TIMELINE, TOOLS, VERSION
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

#: Incidents that are looked up, and that are removed, in one transaction.
BATCH = 100
#: Facts of an incident that its row holds as well, for look-ups.
_FACTS = ("state", "kind", "severity", "status", "source", "service", "target", "opened_at", "updated_at", "duplicates")
CREATED, EXTENDED, KEPT = "created", "extended", "kept"


@dataclass(frozen=True)
class Imported:
    """What became of the incidents of an archive: how many are new, had new entries, or were known already."""

    created: int = 0
    extended: int = 0
    kept: int = 0


class Archive:
    """The way of incidents out of a journal and into it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def export(self, states: Sequence[str] = (), closed_before: datetime | None = None) -> Iterator[bytes]:
        """Yield the lines of an archive, the oldest incident first, while the journal may go on changing.

        C(states) and C(closed_before) limit it to incidents in these states, and to those closed before this moment.
        """
        yield archive_format.header(VERSION, self._store.clock())
        chosen = [INCIDENTS.c.state.in_(states)] if states else []
        if closed_before is not None:
            chosen.append(_closed(closed_before))
        after = ("", "")
        while page := self._page(chosen, after):
            for row in page:
                after = (row.opened_at, row.id)
                line = self._line(row.id)
                if line is not None:
                    yield line

    def take_in(self, file: BinaryIO, *, dry_run: bool = False) -> Imported:
        """Read an archive that can be read twice: nothing is written unless all of it is fit and fits the journal.

        An incident that is there with the same or more entries is kept as it is; one with fewer is extended. Nobody has
        the due work that comes with it.

        Raises InvalidInputError that names the line; C(differs) in its details is an incident with another history.
        """
        planned = self._each(file, self._look, "Nothing was imported.")
        if dry_run or not planned.created + planned.extended:
            return planned
        file.seek(0)
        return self._each(file, self._write, "What comes before this line was imported: import again.")

    def prune(self, closed_before: datetime, *, dry_run: bool = False) -> list[str]:
        """Remove incidents that were closed before this moment, with all that belongs to them. Returns their ids."""
        query = sa.select(INCIDENTS.c.id).where(_closed(closed_before)).order_by(INCIDENTS.c.id)
        with self._store.reading() as connection:
            found = list(connection.execute(query).scalars())
        if dry_run:
            return found
        pruned: list[str] = []
        for start in range(0, len(found), BATCH):
            batch = query.where(INCIDENTS.c.id.in_(found[start : start + BATCH])).with_for_update()
            pruned += self._store.write(partial(_remove, chosen=batch))
        return pruned

    def _each(self, file: BinaryIO, work: Callable[[Mapping[str, Any], int], str], so_far: str) -> Imported:
        counts = dict.fromkeys((CREATED, EXTENDED, KEPT), 0)
        try:
            for number, line in archive_format.read_archive(file):
                counts[work(line, number)] += 1
        except InvalidInputError as error:
            raise InvalidInputError(f"{error.message} {so_far}", **error.details) from None
        return Imported(**counts)

    def _look(self, line: Mapping[str, Any], number: int) -> str:
        with self._store.reading() as connection:
            return _outcome(connection, line, number)

    def _write(self, line: Mapping[str, Any], number: int) -> str:
        return self._store.write(partial(_write, line=line, number=number))

    def _page(self, chosen: Sequence[Any], after: tuple[str, str]) -> Sequence[Any]:
        opened_at, incident = after
        later = (INCIDENTS.c.opened_at > opened_at) | (
            (INCIDENTS.c.opened_at == opened_at) & (INCIDENTS.c.id > incident)
        )
        query = sa.select(INCIDENTS.c.id, INCIDENTS.c.opened_at).where(later, *chosen)
        with self._store.reading() as connection:
            return connection.execute(query.order_by(INCIDENTS.c.opened_at, INCIDENTS.c.id).limit(BATCH)).all()

    def _line(self, incident: str) -> bytes | None:
        """Return the line of an incident, None when it was removed in the meantime."""
        with self._store.reading() as connection:
            if connection.dialect.name == "postgresql":
                # SQLite always shows one state of the database to one transaction.
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            row = connection.execute(sa.select(INCIDENTS).where(INCIDENTS.c.id == incident)).first()
            if row is None:
                return None
            line = {
                "incident": incident,
                **{name: getattr(row, name) for name in _FACTS},
                "timeline": _entries(connection, incident),
                "tools": [_tool(tool) for tool in _rows(connection, TOOLS, incident, TOOLS.c.tool)],
                "attachments": [
                    _attachment(kept) for kept in _rows(connection, ATTACHMENTS, incident, ATTACHMENTS.c.name)
                ],
                "due": [
                    _values(item, "id", "kind", "name", "channel", "origin", "due_at", "attempts")
                    for item in _rows(connection, DUE, incident, DUE.c.due_at, DUE.c.id)
                    if item.settled_at is None
                ],
            }
        return archive_format.encode(line)


# -- out of the journal ------------------------------------------------------------------------------------------------


def _closed(before: datetime) -> Any:
    last = (
        sa.select(TIMELINE.c.incident)
        .where(TIMELINE.c.kind == "closed")
        .group_by(TIMELINE.c.incident)
        .having(sa.func.max(TIMELINE.c.at) < iso(before))
    )
    return (INCIDENTS.c.state == "closed") & INCIDENTS.c.id.in_(last)


def _rows(connection: Connection, table: sa.Table, incident: str, *order: Any) -> Sequence[Any]:
    return connection.execute(sa.select(table).where(table.c.incident == incident).order_by(*order)).all()


def _values(row: Any, *names: str) -> dict[str, Any]:
    """Return these columns of a row, with texts that every database takes."""
    values = {name: getattr(row, name) for name in names}
    return {name: storable(value) if isinstance(value, str) else value for name, value in values.items()}


def _entries(connection: Connection, incident: str) -> list[dict[str, Any]]:
    rows = _rows(connection, TIMELINE, incident, TIMELINE.c.n)
    return [_values(row, "n", "at", "actor", "kind", "text", "data", "key") for row in rows]


def _tool(row: Any) -> dict[str, Any]:
    values = _values(row, "tool", "role", "remote_id", "url", "state", "error", "version", "details", "updated_at")
    return {"id" if name == "remote_id" else name: value for name, value in values.items()}


def _attachment(row: Any) -> dict[str, Any]:
    values = _values(row, "name", "media_type", "content", "at")
    return {**values, "sha256": hashlib.sha256(values["content"].encode()).hexdigest()}


# -- into the journal --------------------------------------------------------------------------------------------------


def _outcome(connection: Connection, line: Mapping[str, Any], number: int) -> str:
    """Return what is to become of a line. Raises InvalidInputError when the journal tells another history."""
    there, here = _entries(connection, line["incident"]), line["timeline"]
    for known, entry in zip(there, here, strict=False):
        if not archive_format.same(known, entry):
            raise _differs(line["incident"], known, entry, number)
    if not there:
        return CREATED
    return EXTENDED if len(here) > len(there) else KEPT


def _differs(incident: str, known: Mapping[str, Any], entry: Mapping[str, Any], number: int) -> InvalidInputError:
    reason = (
        f"line {number}: incident {incident} is in the journal with another entry {entry['n']} "
        f"({known['kind']} at {known['at']}, in the file {entry['kind']} at {entry['at']}). Both journals went on by "
        "themselves, and two histories cannot be made one: take this line out, or import into another journal."
    )
    return InvalidInputError(reason, line=number, differs=incident)


def _write(connection: Connection, line: Mapping[str, Any], number: int) -> str:
    incident = line["incident"]
    if connection.dialect.name != "sqlite":
        connection.execute(sa.select(INCIDENTS.c.id).where(INCIDENTS.c.id == incident).with_for_update()).all()
    outcome = _outcome(connection, line, number)
    if outcome == KEPT:
        return outcome
    row = _row(line)
    if outcome == CREATED:
        connection.execute(INCIDENTS.insert().values(id=incident, **row))
    else:
        connection.execute(INCIDENTS.update().where(INCIDENTS.c.id == incident).values(**row))
    known = connection.execute(sa.select(sa.func.count()).where(TIMELINE.c.incident == incident)).scalar_one()
    connection.execute(TIMELINE.insert(), [{**entry, "incident": incident} for entry in line["timeline"][known:]])
    _replace(connection, TOOLS, incident, TOOLS.c.tool, [_tool_row(tool) for tool in line["tools"]])
    _replace(connection, ATTACHMENTS, incident, ATTACHMENTS.c.name, line["attachments"])
    for item in line["due"]:
        _make_due(connection, incident, item, str(row["updated_at"]))
    return outcome


def _row(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of an incident. What decides anything comes from its timeline, whatever the line says."""
    incident = archive_format.incident_of(line)
    return {
        **{name: incident.problem[name] for name in ("source", "kind", "severity", "status", "service")},
        **{name: line[name] for name in ("duplicates", "opened_at", "updated_at")},
        "state": incident.state,
        "target": incident.target,
        "version": incident.version,
    }


def _tool_row(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"remote_id" if name == "id" else name: value for name, value in tool.items()}


def _replace(
    connection: Connection, table: sa.Table, incident: str, key: Any, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Put rows in the place of those of the same key. Rows with other keys stay."""
    if rows:
        connection.execute(table.delete().where(table.c.incident == incident, key.in_([row[key.name] for row in rows])))
        connection.execute(table.insert(), [{**row, "incident": incident} for row in rows])


def _make_due(connection: Connection, incident: str, item: Mapping[str, Any], stamp: str) -> None:
    """Make something due, unless it is here already. Of the timers of one name only the newest fires."""
    if connection.execute(sa.select(DUE.c.incident).where(DUE.c.id == item["id"])).first() is not None:
        return
    if item["kind"] == "timer":
        same = (DUE.c.incident == incident) & (DUE.c.kind == "timer") & (DUE.c.name == item["name"])
        values = {"settled_at": stamp, "outcome": "pointless"}
        connection.execute(DUE.update().where(same, DUE.c.settled_at.is_(None)).values(**values))
    connection.execute(DUE.insert().values(incident=incident, **item))


# -- away --------------------------------------------------------------------------------------------------------------


def _remove(connection: Connection, chosen: sa.Select[Any]) -> list[str]:
    incidents = list(connection.execute(chosen).scalars())
    for table in (DUE, LEASES, TOOLS, ATTACHMENTS, TIMELINE):
        connection.execute(table.delete().where(table.c.incident.in_(incidents)))
    connection.execute(INCIDENTS.delete().where(INCIDENTS.c.id.in_(incidents)))
    return incidents
