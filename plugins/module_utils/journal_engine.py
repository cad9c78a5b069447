# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens the database of the journal: where it is, and how transactions begin in it."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigurationError

try:
    import sqlalchemy as sa

    # Named here so that Ansible's main process loads it once, and not every worker again.
    import sqlalchemy.dialects.sqlite  # noqa: F401  # pylint: disable=unused-import
except ImportError:
    sa = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

#: Seconds that a writer waits for another one.
BUSY_TIMEOUT = 30.0


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
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False})
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


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
