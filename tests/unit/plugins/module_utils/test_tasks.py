# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that a control plane hands out, in the journal."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Task
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.story import PROBLEM, RESOLVED

TASK = Task("keptn", "default", "t-1", "a3e5f16d-8888-4720-82c7-6995062905c1", "action", "shop", "production", "carts")
OTHER = replace(PROBLEM, source="keptn", problem_id=TASK.context)


@pytest.fixture
def journal(place: str) -> Iterator[Journal]:
    opened = Journal.open(place)
    yield opened
    opened.close()


def kinds(journal: Journal) -> list[str]:
    return [entry.kind for entry in journal.read(PROBLEM.incident).timeline]


def test_a_task_opens_the_incident_that_it_is_about(journal: Journal) -> None:
    recorded = journal.record_task(PROBLEM, TASK, "keptn")
    assert (recorded.incident, recorded.change) == (PROBLEM.incident, "opened")
    assert kinds(journal) == ["detected", "task_triggered"]
    assert journal.read(PROBLEM.incident).to_dict()["tasks"] == [TASK.to_data()]
    [delivery] = journal.due.hand_out(10, timedelta(minutes=30), "here", "keptn")
    assert (delivery.id, delivery.event()["problem"]["kind"]) == (recorded.delivery, "process_crash")


def test_a_task_joins_an_incident_and_says_nothing_new_about_its_problem(journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    recorded = journal.record_task(replace(PROBLEM, title="another", opened_at=None), TASK)
    assert recorded.change == "task"
    assert recorded.delivery is not None
    assert journal.read(PROBLEM.incident).problem["title"] == PROBLEM.title


def test_a_task_does_not_open_again_what_was_closed(journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    journal.record_problem(RESOLVED)
    journal.record_task(replace(PROBLEM, opened_at=None), TASK)
    assert journal.read(PROBLEM.incident).state == "stable"


def test_a_task_is_taken_once_whatever_it_is_said_to_be_about(journal: Journal) -> None:
    journal.record_task(PROBLEM, TASK)
    again = journal.record_task(OTHER, TASK)
    assert (again.incident, again.change, again.delivery) == (PROBLEM.incident, "duplicate", None)
    assert journal.record_task(PROBLEM, replace(TASK, id="t-2")).change == "task"
    assert journal.list_incidents() == [PROBLEM.incident]
    assert [task["id"] for task in journal.read(PROBLEM.incident).tasks] == ["t-1", "t-2"]


def test_a_task_that_our_own_doing_led_to_is_an_echo(journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    assert journal.record_task(replace(OTHER, marks=(PROBLEM.incident,)), TASK).change == "echo"
    assert kinds(journal) == ["detected"]


def test_an_incident_with_a_task_survives_an_archive(journal: Journal, tmp_path: Path) -> None:
    journal.record_task(PROBLEM, replace(TASK, labels={"Problem URL": "https://x"}, git_commit="5217472"))
    other = Journal.open(str(tmp_path / "other.db"))
    other.archive.take_in(io.BytesIO(b"".join(journal.archive.export())))
    assert other.read(PROBLEM.incident) == journal.read(PROBLEM.incident)
    assert other.record_task(OTHER, TASK).change == "duplicate"
    other.close()
