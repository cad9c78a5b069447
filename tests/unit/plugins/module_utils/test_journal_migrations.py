# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A journal that an older release wrote is brought up to date whole, or stays as it was."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import journal_schema, steps
from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.old_journal import VERSION_1, load, rows, structure
from support.story import answer

if TYPE_CHECKING:
    from support.postgres import Server

#: Shortly after the last entry of the old journal.
LATER = datetime(2026, 11, 22, 10, 30, tzinfo=timezone.utc)
STATES = {
    "closed": "idzz67vvda5tf",
    "asked": "ionqyolpiric6",
    "healing": "injirayq63vsd",
    "held": "ibckzuw6eflqu",
    "detected": "i43xqkzjpjfr6",
    "stable": "i6owtm3nfqojz",
    "escalated": "isqmtf7xbx22u",
}
OPEN = (
    "import sys; from {module} import Journal\nprint('ready', flush=True); input(); Journal.open(sys.argv[1]).close()"
)


#: Stops at the first statement that begins so, until it is told to go on.
STOP = """
import sqlalchemy
stopped = []
def look(connection, cursor, statement, *rest):
    if statement.startswith("STATEMENT") and not stopped:
        stopped.append(statement)
        print("stopped", flush=True)
        input()
sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", look)
"""


@pytest.fixture
def old(place: str) -> str:
    """A journal of version 1."""
    load(VERSION_1, place)
    return place


def program(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python program that finds the collection where this one has found it, and wait until it is ready."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code.format(module=Journal.__module__), *arguments]
    pipe = subprocess.PIPE
    started = subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe)
    hear(started, "ready")
    return started


def hear(running: subprocess.Popen[str], word: str) -> None:
    assert running.stdout is not None
    assert running.stdout.readline() == f"{word}\n", running.communicate(timeout=60)[1]


def say(running: subprocess.Popen[str], word: str) -> None:
    assert running.stdin is not None
    running.stdin.write(f"{word}\n")
    running.stdin.flush()


def test_an_old_journal_becomes_exactly_what_a_fresh_one_is(
    old: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    assert "duties" not in structure(old)
    Journal.open(old).close()
    fresh = str(tmp_path / "fresh.db")
    if "://" in old:
        server: Server = request.getfixturevalue("postgres")
        fresh = server.database()
    Journal.open(fresh).close()
    assert structure(old) == structure(fresh)


def test_an_old_journal_keeps_every_row(old: str) -> None:
    before = rows(old)
    assert before.pop("journal_schema") == [{"version": 1}]
    Journal.open(old).close()
    after = rows(old)
    assert after.pop("journal_schema") == [{"version": journal_schema.VERSION}]
    for table, known in before.items():
        assert known, f"the old journal has nothing in {table}, and proves nothing about it"
        for row, kept in zip(known, after[table], strict=True):
            assert row.items() <= kept.items()
    assert {row["outcome"] for row in after["due"] if row["settled_at"]} == {"settled"}
    assert {row["outcome"] for row in after["due"] if not row["settled_at"]} == {None}


def test_an_old_journal_can_be_worked_with(old: str) -> None:
    journal = Journal.open(old, lambda: LATER)
    assert {journal.read(incident).state: incident for incident in STATES.values()} == STATES
    closed = journal.read(STATES["closed"], content=True)
    assert [kept.name for kept in closed.attachments] == ["log.txt", "transcript.md"]
    assert "Ärger" in str(closed.attachments[1].content)
    assert closed.tools["slack"].details == {"responders": [{"name": "Ana Berg", "email": "ana@example.com"}]}

    delivered = journal.due.hand_out(50, timedelta(minutes=5), "worker")
    assert {(item.kind, item.name) for item in delivered} >= {("problem", "opened"), ("timer", "no_answer")}
    assert all(journal.due.begin(item.id, "run") and journal.due.settle(item.id, "run") for item in delivered)
    assert journal.due.hand_out(50, timedelta(minutes=5), "worker") == []

    taken = answer(incident_id=STATES["asked"])
    assert journal.record_answer(taken).change == "answered"
    journal.change(STATES["asked"], lambda i: steps.claim(i, "run", LATER, timedelta(minutes=5)))
    assert journal.change(STATES["stable"], steps.close)[0].state == "closed"
    assert journal.tools.lease(STATES["asked"], "jira", "run", timedelta(minutes=3)) is None
    assert journal.tools.show(STATES["stable"], ToolState("jira", "jira", "OPS-9"), Entry("shown", "jira shows OPS-9"))
    assert journal.duties.take("look", "worker", timedelta(minutes=1)) is not None
    assert journal.canaries.back(journal.canaries.send("worker"))
    journal.close()


def test_a_program_that_finds_another_within_the_migration_waits_for_it(old: str) -> None:
    first = program(STOP.replace("STATEMENT", "CREATE TABLE canaries") + OPEN, old)
    say(first, "go")
    hear(first, "stopped")
    # The second one has seen the old version, of course: nothing of the migration is committed. It is about to begin.
    begin = "SELECT pg_advisory_xact_lock" if "://" in old else "BEGIN IMMEDIATE"
    second = program(STOP.replace("STATEMENT", begin) + OPEN, old)
    say(second, "go")
    hear(second, "stopped")
    say(second, "go on")
    say(first, "go on")
    for opener in (first, second):
        assert (opener.communicate(timeout=60)[1], opener.returncode) == ("", 0)
    assert rows(old)["journal_schema"] == [{"version": journal_schema.VERSION}]


@pytest.mark.parametrize("done", [1, 5, len(journal_schema.MIGRATIONS[2])])
def test_a_migration_that_fails_leaves_the_old_journal_whole(
    old: str, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared, kept = structure(old), rows(old)
    broken = (*journal_schema.MIGRATIONS[2][:done], "DROP TABLE nowhere")
    with monkeypatch.context() as patched:
        patched.setitem(journal_schema.MIGRATIONS, 2, broken)
        with pytest.raises(JournalError, match="nowhere"):
            Journal.open(old)
    assert (structure(old), rows(old)) == (declared, kept)
    Journal.open(old).close()
    assert rows(old)["journal_schema"] == [{"version": journal_schema.VERSION}]


def test_a_program_that_dies_within_a_migration_leaves_the_old_journal_whole(old: str) -> None:
    declared, kept = structure(old), rows(old)
    die = """
import os, sqlalchemy
def look(connection, cursor, statement, *rest):
    if statement.startswith("CREATE TABLE canaries"): os._exit(9)
sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", look)
"""
    dying = program(die + OPEN, old)
    dying.communicate("go\n", timeout=60)
    assert dying.returncode == 9
    assert (structure(old), rows(old)) == (declared, kept)
    Journal.open(old).close()
    assert "canaries" in structure(old)


def test_a_journal_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal.open(str(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE journal_schema SET version = 99")
        connection.execute("CREATE TABLE what_nobody_knows_yet (id INTEGER)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"newer release \(version 99, this one knows \d+\): update the collection"):
        Journal.open(str(path))
    assert path.read_bytes() == before
    assert [left.name for left in tmp_path.iterdir()] == ["journal.db"]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM journal_schema",
        "INSERT INTO journal_schema VALUES (7)",
        "UPDATE journal_schema SET version = 0",
        "UPDATE journal_schema SET version = -1",
    ],
)
def test_a_journal_that_does_not_say_its_version_is_refused(tmp_path: Path, damage: str) -> None:
    path = str(tmp_path / "journal.db")
    load(VERSION_1, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(damage)
        connection.commit()
    with pytest.raises(JournalError, match="was damaged: put back the newest copy"):
        Journal.open(path)


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk\n" * 200)
    with pytest.raises(JournalError, match=r"not a database: .*notes\.txt is no journal, give another path"):
        Journal.open(str(path))
    assert path.read_text() == "remember the milk\n" * 200


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE incidents (number INTEGER)")
    with pytest.raises(JournalError, match="has a table incidents that is not the journal's"):
        Journal.open(str(path))
    assert list(structure(str(path))) == ["incidents"]


def test_every_version_has_its_migration() -> None:
    assert sorted(journal_schema.MIGRATIONS) == list(range(2, journal_schema.VERSION + 1))
