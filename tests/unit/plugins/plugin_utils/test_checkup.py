# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal is asked how things stand without holding anybody up, and whatever it does."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils import checkup as subject
from ansible_collections.self_healing.devops.plugins.plugin_utils.checkup import Checkup, Readings, checkup, together
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import vitals
from support.story import PROBLEM

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(str(tmp_path / "journal.db"))


async def test_what_the_journal_says(journal: Journal) -> None:
    journal.record_problem(PROBLEM, "dynatrace")
    canary = journal.canaries.send(run_identity.hold())
    asked = Checkup()
    with asked.includes("here", journal):
        found = await asked.readings()
        assert (found.waiting, found.unsettled) == (1, 0)
        assert found.oldest_due is not None
        assert found.canary is not None
        assert found.life is None
    journal.canaries.back(canary)
    again = Checkup()
    with again.includes("here", journal):
        found = await again.readings()
    assert found.canary is None
    assert found.life is not None


async def test_an_answer_is_kept_for_a_moment(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Checkup()
    with asked.includes("here", journal):
        first = await asked.readings()
        journal.record_problem(PROBLEM, "dynatrace")
        assert await asked.readings() is first
        monkeypatch.setattr(asked, "_kept_until", 0.0)
        assert (await asked.readings()).waiting == 1


async def test_one_journal_of_several_sources_is_asked_once(journal: Journal) -> None:
    journal.record_problem(PROBLEM, "dynatrace")
    asked = Checkup()
    with asked.includes("here", journal), asked.includes("here", journal):
        assert (await asked.readings()).waiting == 1


async def test_a_journal_that_fails_is_named_and_nothing_is_raised(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_journal: Journal) -> Readings:
        raise ZeroDivisionError("postgresql://user:secret@db")

    monkeypatch.setattr(subject, "read", broken)
    asked = Checkup()
    with asked.includes("here", journal):
        assert await asked.readings() is None
        assert (await asked.health()).parts["journal"].startswith("journal: it could not be read")
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text


async def test_a_journal_that_hangs_is_asked_once_and_waited_for_a_moment(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, calls = threading.Event(), []

    def hangs(_journal: Journal) -> Any:
        calls.append(1)
        release.wait(60)
        return subject.Readings(1, 2, None, {}, None, None)

    monkeypatch.setattr(subject, "read", hangs)
    monkeypatch.setattr(subject, "PATIENCE", 0.05)
    asked = Checkup()
    with asked.includes("here", journal):
        try:
            assert await asked.readings() is None
            assert await asked.readings() is None
            assert len(calls) == 1
            assert vitals().observe().unanswered is not None
        finally:
            release.set()
        monkeypatch.setattr(subject, "PATIENCE", 10)
        assert (await asked.readings()).unsettled == 2
        assert vitals().observe().unanswered is None


def test_several_journals_are_one() -> None:
    early, late = NOW - timedelta(minutes=1), NOW
    found = together(
        [
            Readings(1, 2, late, {"jira": 1}, early, early),
            Readings(10, 20, early, {"jira": 2, "slack": 0}, late, late),
            Readings(0, 0, None, {}, None, None),
        ]
    )
    assert found == Readings(11, 22, early, {"jira": 3, "slack": 0}, early, late)
    assert together([]) == Readings(0, 0, None, {}, None, None)


async def test_one_event_loop_has_one_of_them() -> None:
    assert checkup() is checkup()
