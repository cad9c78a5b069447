# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the journal and how an older journal is brought up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import JournalError

try:
    import sqlalchemy as sa
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

#: Version of the tables below. Raised with every change of them; C(MIGRATIONS) tells how to get here.
VERSION = 2

if sa is not None:
    METADATA = sa.MetaData()

    SCHEMA = sa.Table("journal_schema", METADATA, sa.Column("version", sa.Integer, primary_key=True))

    #: One row per incident. Besides the key everything is derived from the timeline, for look-ups.
    INCIDENTS = sa.Table(
        "incidents",
        METADATA,
        sa.Column("id", sa.String(13), primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("service", sa.String(64)),
        sa.Column("target", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("duplicates", sa.Integer, nullable=False, default=0),
        sa.Column("opened_at", sa.String(24), nullable=False),
        sa.Column("updated_at", sa.String(24), nullable=False),
        sa.Index("incidents_by_state", "state"),
        sa.Index("incidents_by_time", "opened_at"),
    )

    #: The timeline, append-only. C(key) is unique within an incident where it is set.
    TIMELINE = sa.Table(
        "timeline",
        METADATA,
        sa.Column("incident", sa.String(13), sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(24), nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("key", sa.Text),
        sa.UniqueConstraint("incident", "key", name="timeline_key"),
        sa.Index("timeline_by_kind", "kind", "at"),
    )

    #: Due work: reports and answers that no playbook has settled yet, and timers.
    DUE = sa.Table(
        "due",
        METADATA,
        sa.Column("id", sa.String(33), primary_key=True),
        sa.Column("incident", sa.String(13), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(32)),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("due_at", sa.String(24), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, default=0),
        sa.Column("leased_until", sa.String(24)),
        #: Who put it on the queue of an engine, and which playbook run took it up.
        sa.Column("worker", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("begun_at", sa.String(24)),
        sa.Column("settled_at", sa.String(24)),
        #: How it ended: C(settled), C(pointless) (a timer that had lost its meaning) or C(given_up).
        sa.Column("outcome", sa.String(16)),
        sa.Index("due_open", "settled_at", "due_at"),
        sa.Index("due_by_incident", "incident"),
    )

    #: Where each tool shows an incident, and up to which entry.
    TOOLS = sa.Table(
        "tools",
        METADATA,
        sa.Column("incident", sa.String(13), sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("tool", sa.String(255), primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("remote_id", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("updated_at", sa.String(24), nullable=False),
    )

    #: Who is bringing which tool up to date with an incident right now: one run at a time.
    LEASES = sa.Table(
        "leases",
        METADATA,
        sa.Column("incident", sa.String(13), sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("tool", sa.String(255), primary_key=True),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("until", sa.String(24), nullable=False),
    )

    #: Texts that belong to an incident: its transcript, logs.
    ATTACHMENTS = sa.Table(
        "attachments",
        METADATA,
        sa.Column("incident", sa.String(13), sa.ForeignKey("incidents.id"), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("at", sa.String(24), nullable=False),
    )

    #: What one worker at a time does for all of them, and up to which moment it was done.
    DUTIES = sa.Table(
        "duties",
        METADATA,
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("until", sa.String(24), nullable=False),
        sa.Column("done_at", sa.String(24)),
    )

    #: Events that have no other purpose than to come back.
    CANARIES = sa.Table(
        "canaries",
        METADATA,
        sa.Column("id", sa.String(33), primary_key=True),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("sent_at", sa.String(24), nullable=False),
        sa.Column("back_at", sa.String(24)),
    )

#: Version to the statements that lead from the version before it. They are never changed once they were released.
MIGRATIONS: dict[int, tuple[str, ...]] = {
    2: (
        "ALTER TABLE due ADD COLUMN worker TEXT",
        "ALTER TABLE due ADD COLUMN run TEXT",
        "ALTER TABLE due ADD COLUMN begun_at VARCHAR(24)",
        "ALTER TABLE due ADD COLUMN outcome VARCHAR(16)",
        "UPDATE due SET outcome = 'settled' WHERE settled_at IS NOT NULL",
        "CREATE INDEX due_by_incident ON due (incident)",
        (
            "CREATE TABLE duties (name VARCHAR(255) NOT NULL PRIMARY KEY, worker TEXT NOT NULL, "
            "until VARCHAR(24) NOT NULL, done_at VARCHAR(24))"
        ),
        (
            "CREATE TABLE canaries (id VARCHAR(33) NOT NULL PRIMARY KEY, worker TEXT NOT NULL, "
            "sent_at VARCHAR(24) NOT NULL, back_at VARCHAR(24))"
        ),
    ),
}
#: Key of the lock that keeps two workers from creating the tables of a PostgreSQL database at the same time.
_PREPARE_LOCK = 0x5E1F_4EA1


def is_current(connection: Connection) -> bool:
    """Whether nothing is left to do for L(prepare). Only reads.

    Raises JournalError when the journal was written by a newer release, or is none.
    """
    return _found(connection) == VERSION


def prepare(connection: Connection) -> None:
    """Create the tables in an empty database, or bring older ones up to date, in the transaction of C(connection).

    Raises JournalError when the journal was written by a newer release, or is none.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_PREPARE_LOCK)))
    found = _found(connection)
    if found is None:
        METADATA.create_all(connection)
        connection.execute(SCHEMA.insert().values(version=VERSION))
        return
    for version in range(found + 1, VERSION + 1):
        for statement in MIGRATIONS[version]:
            connection.exec_driver_sql(statement)
    if found < VERSION:
        connection.execute(SCHEMA.update().values(version=VERSION))


def _found(connection: Connection) -> int | None:
    """Return the version of the journal in a database, None where there is none yet."""
    names = set(sa.inspect(connection).get_table_names())
    if SCHEMA.name not in names:
        if taken := sorted(names & set(METADATA.tables)):
            raise JournalError(
                f"the database has a table {taken[0]} that is not the journal's: give the journal a database of its own"
            )
        return None
    versions = list(connection.execute(sa.select(SCHEMA.c.version)).scalars())
    if len(versions) != 1 or versions[0] < 1:
        raise JournalError(
            "the journal does not say its version (table journal_schema) and was damaged: put back the newest copy of "
            "it, or move it away to begin a new one"
        )
    if versions[0] > VERSION:
        raise JournalError(
            f"the journal was written by a newer release (version {versions[0]}, this one knows {VERSION}): "
            "update the collection"
        )
    return int(versions[0])
