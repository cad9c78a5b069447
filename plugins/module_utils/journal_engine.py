# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens the database of the journal: where it is, how transactions begin in it, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .errors import ConfigurationError, JournalError
from .incident import iso

try:
    import sqlalchemy as sa

    # Named here so that Ansible's main process loads it once, and not every worker again.
    import sqlalchemy.dialects.sqlite  # noqa: F401  # pylint: disable=unused-import
    from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

#: Seconds that a writer waits for another one.
BUSY_TIMEOUT = 30.0
#: How often a transaction is tried that another one got in the way of.
TRIES = 8
#: What PostgreSQL calls a deadlock and a transaction that cannot be put in order with others.
_IN_THE_WAY = frozenset({"40P01", "40001"})
#: What to do about an error of SQLite, by a part of it. The path of the file comes before it.
_MENDS = {
    "file is not a database": "is no journal, give another path, or move the file away to begin a new journal",
    "malformed": "was damaged, put back the newest copy of it, or move it away to begin a new journal",
    "unable to open database file": "has to be a file that this user may read and write",
    "readonly database": "has to be a file that this user may read and write",
}

T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(timezone.utc)


class Store:
    """The open database: transactions that read or write, and the clock that they write down.

    All errors of the database become JournalError.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self.clock = clock

    def now(self) -> str:
        """Return the present moment as it is stored."""
        return iso(self.clock()) or ""

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is committed at the end of the block. In SQLite it excludes all other writers."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise JournalError(f"the journal cannot be written: {self._reason(error)}") from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the journal and holds nobody up."""
        try:
            with self._engine.connect() as plain:
                yield plain.execution_options(journal_reads=True)
        except SQLAlchemyError as error:
            raise JournalError(f"the journal cannot be read: {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        reason = reason_of(error)
        mend = next((said for words, said in _MENDS.items() if words in reason), None)
        return reason if mend is None else f"{reason}: {self._engine.url.database} {mend}"

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do C(work) in a transaction, again from its beginning when another worker's transaction got in its way."""
        for attempt in range(1, TRIES + 1):
            try:
                with self.writing() as connection:
                    return work(connection)
            except JournalError as error:
                if attempt == TRIES or not _got_in_the_way(error.__cause__):
                    raise
                time.sleep(0.01 * attempt)
        raise AssertionError("unreachable")


def _got_in_the_way(error: BaseException | None) -> bool:
    """Whether another transaction is to blame: it wrote the same row first, or each waited for the other."""
    if isinstance(error, IntegrityError):
        return True
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _IN_THE_WAY


def default_location() -> str:
    """Return where the journal is when nobody says otherwise."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "self_healing", "journal.db")


def open_engine(location: str) -> Engine:
    try:
        url = sa.make_url(location) if "://" in location else sa.URL.create("sqlite", database=_private_file(location))
    except (sa.exc.ArgumentError, OSError) as error:
        raise ConfigurationError(f"the journal at {location.split('@')[-1]!r} cannot be opened: {error}") from error
    if url.get_backend_name() != "sqlite":
        return _server_engine(url)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False})
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _server_engine(url: Any) -> Engine:
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        return sa.create_engine(url, pool_pre_ping=True)
    except (ImportError, sa.exc.ArgumentError) as error:
        mend = "pip install 'psycopg[binary]' for a URL like postgresql://user@host/database"
        raise ConfigurationError(f"the journal's database cannot be used: {error}; {mend}") from error


def _private_file(location: str) -> str:
    """Return the absolute path of the journal, for the owner's eyes only."""
    path = Path(os.path.expanduser(location)).absolute()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Exclusively, so that a journal that is there is never opened here: closing any descriptor of a file gives up
        # all locks that this process has on it, those of SQLite's other connections too. Another process would then
        # take itself for the last one and remove the log that this process goes on writing to.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        pass
    return str(path)


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy is to begin transactions itself (below): the driver's own idea of it would let two writers read first.
    connection.isolation_level = None
    cursor = connection.cursor()
    _use_log(cursor)
    # FULL: an answered report must survive a power cut.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _use_log(cursor: Any) -> None:
    """Switch to the write-ahead log. SQLite does not wait for a connection that does the same right now, so we do."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get("journal_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def reason_of(error: Exception) -> str:
    original = getattr(error, "orig", None)
    return str(original or error).splitlines()[0][:200]
