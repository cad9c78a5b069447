# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook journal as people start it: list, export, import and prune."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.playbook import PlaybookRun, run_playbook
from support.story import PROBLEM, RESOLVED

PLAYS = [{"ansible.builtin.import_playbook": "self_healing.devops.journal"}]
ATTACK = "{{ lookup('pipe', 'touch owned') }} {% raw %}"
Start = Callable[..., PlaybookRun]


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A journal with an incident that was closed a year ago, and one whose title nobody may take for a template."""
    path = str(tmp_path / "journal.db")
    long_ago = Journal.open(path, lambda: datetime.now(timezone.utc) - timedelta(days=365))
    long_ago.record_problem(PROBLEM)
    long_ago.record_problem(RESOLVED)
    long_ago.change(PROBLEM.incident, steps.close)
    long_ago.close()
    journal = Journal.open(path)
    journal.record_problem(replace(PROBLEM, problem_id="2", display_id=ATTACK[:20], title=ATTACK))
    journal.close()
    return path


@pytest.fixture
def start(place: str, tmp_path: Path) -> Start:
    def call(*arguments: str, journal: str = place, **variables: Any) -> PlaybookRun:
        given = [part for name, value in variables.items() for part in ("-e", f"{name}={value}")]
        return run_playbook(PLAYS, {}, *given, *arguments, environment={"SELF_HEALING_JOURNAL": journal})

    return call


def done(run: PlaybookRun) -> dict[str, Any]:
    assert run.returncode == 0, run.output
    assert "[WARNING]: Found variable" not in run.output
    (result,) = run.of("localhost", "Tell what was done")
    return dict(result.result["msg"])


def test_it_lists_exports_imports_and_prunes(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    newest = replace(PROBLEM, problem_id="2").incident
    listed = start()
    assert listed.returncode == 0, listed.output
    shown = listed.of("localhost", "List the newest incidents")[0].result["msg"]
    assert [line.split()[0] for line in shown] == ["id", newest, PROBLEM.incident]
    assert ATTACK in shown[1]
    assert ATTACK.split()[0] in listed.output
    assert not list(tmp_path.rglob("owned"))
    closed = start(states="closed").of("localhost", "List the newest incidents")[0].result["msg"]
    assert [line.split()[0] for line in closed] == ["id", PROBLEM.incident]

    file = tmp_path / "journal.jsonl"
    assert done(start(do="export", path="journal.jsonl"))["path"] == str(file)
    assert done(start(do="export", path=file))["changed"] is False
    other = str(tmp_path / "other.db")
    assert done(start("--check", do="import", path=file, journal=other))["created"] == 2
    assert done(start(do="import", path=file, journal=other))["created"] == 2
    assert Journal.open(other).read(newest).problem["title"] == ATTACK

    assert done(start("--check", do="prune", older_than=90))["incidents"] == [PROBLEM.incident]
    assert done(start(do="prune", older_than=90))["incidents"] == [PROBLEM.incident]
    assert done(start(do="prune", older_than=90))["incidents"] == []
    assert done(start(do="import", path=file))["created"] == 1


def test_what_is_not_possible_is_told(start: Start) -> None:
    unknown = start(do="nonsense")
    assert unknown.returncode != 0
    assert unknown.failure("localhost") == (
        "What is to be done? Give do=list, do=export, do=import or do=prune (found: nonsense)"
    )
    assert "older_than" in str(start(do="prune").failure("localhost"))
    assert "path" in str(start(do="export").failure("localhost"))
