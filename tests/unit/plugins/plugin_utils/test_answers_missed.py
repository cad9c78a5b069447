# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that no webhook told are looked for: at alerts that wait, some at a time, through errors, by one worker."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.errors import UnreachableError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils.answers_missed import (
    MOST_AT_ONCE,
    MissedAnswers,
    alerts_of,
    next_ones,
)
from support.story import MANAGED, NOW, PROBLEM, REMEDIES, Story


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(str(tmp_path / "journal.db"))
    yield opened
    opened.close()


def ask(journal: Journal, number: int) -> str:
    """Let somebody be asked about one more incident, and return its alert."""
    incident = journal.record_problem(replace(PROBLEM, problem_id=f"{number}V2"), "dynatrace").incident
    around = policies.Surroundings(managed_hosts=1)
    journal.change(
        incident,
        lambda now: steps.decide(
            now, policies.decide(policies.Policy(), now, REMEDIES, [MANAGED], around, NOW).to_data(), {}
        ),
    )
    alert = f"alert-{number}"
    journal.tools.show(incident, ToolState("pager", "xmatters", alert), None)
    return alert


class Looks:
    """Remembers what was asked about. What is in C(unreachable) cannot be read."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.unreachable: set[str] = set()

    async def look(self, alert: str) -> None:
        self.asked.append(alert)
        if alert in self.unreachable:
            raise UnreachableError(f"{alert} cannot be read")


def missed(journal: Journal, looks: Looks, worker: str = "here", **other: object) -> MissedAnswers:
    return MissedAnswers(
        journal, looks.look, role="xmatters", place="https://one.example", worker=worker, interval=30.0, **other
    )


def test_the_alerts_of_an_incident_are_those_of_tools_with_the_role() -> None:
    incident = replace(
        Story().decide().incident,
        tools={
            "pager": ToolState("pager", "xmatters", "a-1"),
            "other": ToolState("other", "self_healing.devops.xmatters", "a-2"),
            "new": ToolState("new", "xmatters"),
            "jira": ToolState("jira", "jira", "OPS-1"),
        },
    )
    assert alerts_of(incident, "xmatters") == ["a-2", "a-1"]


def test_those_come_first_that_were_not_asked_about_for_the_longest_time() -> None:
    assert next_ones(["a", "b", "c", "d"], {"a": 2, "b": 1, "d": 3}, most=3) == ["c", "b", "a"]


async def test_only_alerts_that_wait_for_an_answer_are_asked_about(journal: Journal) -> None:
    ask(journal, 1)
    closed = ask(journal, 2)
    incident = next(name for name in journal.list_incidents() if closed in alerts_of(journal.read(name), "xmatters"))
    pid = journal.read(incident).problem["problem_id"]
    journal.record_problem(replace(PROBLEM, problem_id=pid, status="resolved", resolved_at=NOW), "dynatrace")
    looks = Looks()
    assert await missed(journal, looks).look() is None
    assert looks.asked == ["alert-1"]


async def test_with_many_of_them_every_one_has_its_turn(journal: Journal) -> None:
    alerts = {ask(journal, number) for number in range(MOST_AT_ONCE + 5)}
    looks = Looks()
    watch = missed(journal, looks)
    await watch.look()
    assert len(looks.asked) == MOST_AT_ONCE
    await watch.look()
    assert set(looks.asked) == alerts
    assert len(looks.asked) == 2 * MOST_AT_ONCE


async def test_an_alert_that_cannot_be_read_keeps_no_other_from_being_read(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    looks = Looks()
    looks.unreachable = {ask(journal, 1), ask(journal, 2)}
    fine = ask(journal, 3)
    trouble = await missed(journal, looks).look()
    assert fine in looks.asked
    assert len(looks.asked) == 3
    assert "cannot be read" in str(trouble)


async def test_one_worker_asks_for_all_until_it_is_lost(journal: Journal) -> None:
    ask(journal, 1)
    first, second = Looks(), Looks()
    await missed(journal, first, "first").look()
    await missed(journal, second, "second").look()
    assert (first.asked, second.asked) == (["alert-1"], [])


def test_trouble_is_told_once_and_so_is_its_end(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watch = missed(journal, Looks())
    for trouble in (None, "no answer", "no answer", None, None):
        watch._tell(trouble)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
