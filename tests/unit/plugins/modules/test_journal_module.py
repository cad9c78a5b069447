# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module journal, and the overview of incident_info."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils import archive_file
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.overview import table
from ansible_collections.self_healing.devops.plugins.modules import incident_info, journal
from support.old_journal import VERSION_1, load, rows
from support.story import NOW, PROBLEM

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path) -> str:
    path = str(tmp_path / "journal.db")
    load(VERSION_1, path)
    Journal.open(path).close()
    return path


@pytest.fixture
def run(place: str) -> Run:
    def call(action: str, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        wanted = {"action": action, "journal": place, **options}
        checked = ArgumentSpecValidator(journal.SPEC.options, **journal.SPEC.constraints()).validate(wanted)
        assert checked.error_messages == []
        result: dict[str, Any] = journal.run(checked.validated_parameters, check_mode, None)
        return result

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_an_export_is_private_and_made_once(run: Run, file: Path) -> None:
    first = run("export", path=str(file))
    assert (first["changed"], first["count"], first["path"]) == (True, 7, str(file))
    assert first["diff"]["after"] == f"7 incidents in {file}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    assert run("export", path=str(file))["changed"] is False
    assert file.read_bytes() == before
    file.chmod(0o644)
    assert run("export", path=str(file))["changed"] is True
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_export_follows_the_journal(run: Run, file: Path, place: str) -> None:
    run("export", path=str(file))
    Journal.open(place).change("ionqyolpiric6", lambda _: [Entry("noted", "news")])
    assert run("export", path=str(file), check_mode=True)["changed"] is True
    assert "news" not in file.read_text()
    assert run("export", path=str(file))["changed"] is True
    assert "news" in file.read_text()
    assert run("export", path=str(file), states=["closed", "asked"])["count"] == 2


def test_check_mode_exports_nothing(run: Run, file: Path, tmp_path: Path) -> None:
    planned = run("export", path=str(file), check_mode=True)
    assert (planned["changed"], planned["count"]) == (True, 7)
    assert not file.exists()
    assert [left.name for left in tmp_path.glob(".*")] == []
    run("export", path=str(file))
    same = run("export", path=str(file), check_mode=True)
    assert (same["changed"], same["count"]) == (False, 7)


def test_other_files_are_not_overwritten(run: Run, file: Path) -> None:
    file.write_text("remember the milk\n")
    for check_mode in (True, False):
        with pytest.raises(
            ConfigurationError, match="something else than an archive: give another path, or force: true"
        ):
            run("export", path=str(file), check_mode=check_mode)
    assert file.read_text() == "remember the milk\n"
    assert run("export", path=str(file), force=True)["changed"] is True


def test_a_database_is_never_overwritten(run: Run, place: str) -> None:
    before = rows(place)
    with pytest.raises(ConfigurationError, match="is a database, maybe the journal itself: give another path"):
        run("export", path=place, force=True)
    assert rows(place) == before


@pytest.mark.parametrize(("path", "message"), [(".", "is no file"), ("none/x", "cannot be written: No such file")])
def test_a_place_that_takes_no_file_is_named(run: Run, tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run("export", path=str(tmp_path / path))


def test_an_export_that_is_interrupted_leaves_the_old_one(run: Run, file: Path, tmp_path: Path) -> None:
    run("export", path=str(file))
    before = file.read_bytes()

    def lines() -> Any:
        yield b"{}\n"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archive_file.write(file, lines())
    assert file.read_bytes() == before
    assert [left.name for left in tmp_path.glob(".*")] == []


def test_an_import_tells_what_is_new(run: Run, file: Path, tmp_path: Path) -> None:
    run("export", path=str(file))
    other = str(tmp_path / "other.db")
    planned = run("import", path=str(file), journal=other, check_mode=True)
    assert (planned["changed"], planned["created"]) == (True, 7)
    assert Journal.open(other).list_incidents() == []
    first = run("import", path=str(file), journal=other)
    assert {name: first[name] for name in ("changed", "count", "created", "extended", "kept")} == {
        "changed": True,
        "count": 7,
        "created": 7,
        "extended": 0,
        "kept": 0,
    }
    again = run("import", path=str(file), journal=other)
    assert (again["changed"], again["kept"], again["diff"]["after"]) == (False, 7, "")


def test_an_import_names_the_line_that_is_wrong(run: Run, file: Path, tmp_path: Path) -> None:
    run("export", path=str(file))
    file.write_text(file.read_text().replace('"state": "asked"', '"state": "lost"'))
    with pytest.raises(InvalidInputError, match="line 3: state is 'lost'") as told:
        run("import", path=str(file), journal=str(tmp_path / "other.db"))
    assert told.value.to_result()["error"] == {"kind": "invalid_input", "line": 3}


def test_what_cannot_be_imported_is_named(run: Run, file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: there is no file of this name"):
        run("import", path=str(file))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="cannot be read: there is no file of this name"):
        run("import", path=str(tmp_path / "pipe"))


def test_a_prune_removes_what_was_closed_long_ago(run: Run, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "utc_now", lambda: NOW + timedelta(days=30, hours=1))
    assert run("prune", older_than=31)["incidents"] == []
    planned = run("prune", older_than=30, check_mode=True)
    assert (planned["changed"], planned["diff"]["before"]) == (True, "idzz67vvda5tf\n")
    assert len(Journal.open(place).list_incidents()) == 7
    assert run("prune", older_than=30)["incidents"] == ["idzz67vvda5tf"]
    assert run("prune", older_than=30)["changed"] is False
    assert len(Journal.open(place).list_incidents()) == 6


@pytest.mark.parametrize("days", [0, -1, 10**9])
def test_an_age_that_is_none_is_refused(run: Run, days: int) -> None:
    with pytest.raises(ConfigurationError, match=f"older_than is {days}, expected a number of days from 1"):
        run("prune", older_than=days)


@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("import", {"path": "x", "older_than": 3}),
        ("import", {"path": "x", "states": ["closed"]}),
        ("prune", {"older_than": 3, "path": "x"}),
        ("prune", {"older_than": 3, "states": ["asked"]}),
    ],
)
def test_an_option_without_meaning_is_refused(run: Run, action: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"has no meaning for the action {action}: leave it out"):
        run(action, **options)


def test_it_runs_as_a_real_module(file: Path, place: str) -> None:
    command = [sys.executable, journal.__file__]
    arguments = {"ANSIBLE_MODULE_ARGS": {"action": "export", "path": str(file), "journal": place}}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, input=json.dumps(arguments), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["count"] == 7


def test_incidents_at_a_glance(place: str) -> None:
    opened = Journal.open(place)
    opened.record_problem(replace(PROBLEM, problem_id="odd", title="a\x1b[2J\nb" + "x" * 99, service=None))
    wanted = {"journal": place, "overview": True, "limit": 2}
    parameters = ArgumentSpecValidator(incident_info.SPEC.options).validate(wanted).validated_parameters
    listed = incident_info.run(parameters, False, None)
    assert [found["id"] for found in listed["overview"]] == listed["incidents"]
    assert listed["overview"][0]["title"].startswith("a\x1b[2J\nb")
    assert listed["overview"][1] == {
        "id": "isqmtf7xbx22u",
        "opened": "2026-11-22T10:01:28.750Z",
        "state": "escalated",
        "kind": "process_crash",
        "severity": "critical",
        "status": "open",
        "service": "shop",
        "target": "shop-03",
        "display_id": "P-2611007",
        "title": "Process unavailable",
    }
    heading, odd, plain = listed["table"]
    assert heading.split() == ["id", "opened", "state", "kind", "severity", "service", "display", "id", "title"]
    assert "\x1b" not in odd
    assert odd.endswith("…")
    assert heading.index("title") == odd.index("a?[2J b") == plain.index("Process")


def test_a_table_of_nothing_is_its_heading() -> None:
    assert table([]) == ["id  opened  state  kind  severity  service  display id  title"]
