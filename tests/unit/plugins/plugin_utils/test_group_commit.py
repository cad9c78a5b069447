# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal, Recorded
from ansible_collections.self_healing.devops.plugins.plugin_utils import group_commit
from ansible_collections.self_healing.devops.plugins.plugin_utils.group_commit import Commit, GroupCommit
from support.story import PROBLEM

pytestmark = pytest.mark.asyncio


def problems(number: int) -> list[Problem]:
    return [replace(PROBLEM, problem_id=str(n)) for n in range(number)]


@asynccontextmanager
async def running(commit: Commit, **options: float) -> AsyncIterator[GroupCommit]:
    commits = GroupCommit(commit, **options)
    task = asyncio.create_task(commits.run())
    try:
        yield commits
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Gate:
    """A journal that takes its time: each commit waits until it is let through."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.begun = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def commit(self, group: Sequence[Problem]) -> list[Recorded]:
        self.groups.append(len(group))
        self.begun.release()
        assert self.open.acquire(timeout=30)
        return [Recorded(problem.incident, "opened", "d") for problem in group]


async def test_what_arrives_during_a_commit_shares_the_next_one() -> None:
    gate = Gate()
    async with running(gate.commit) as commits:
        first = asyncio.create_task(commits.record(PROBLEM))
        await asyncio.to_thread(gate.begun.acquire)
        others = [asyncio.create_task(commits.record(problem)) for problem in problems(20)]
        await asyncio.sleep(0)
        assert not first.done(), "nobody is answered before the commit"
        gate.open.release(2)
        recorded = await asyncio.gather(first, *others)
    assert gate.groups == [1, 20]
    assert [one.incident for one in recorded[1:]] == [problem.incident for problem in problems(20)]


async def test_everybody_gets_what_became_of_their_own_report(tmp_path: Path) -> None:
    journal = Journal.open(str(tmp_path / "journal.db"))
    async with running(journal.record_problems) as commits:
        reports = [*problems(30), *problems(30)]
        recorded = await asyncio.gather(*(commits.record(problem) for problem in reports))
    assert [one.change for one in recorded] == ["opened"] * 30 + ["duplicate"] * 30
    assert [one.incident for one in recorded] == [problem.incident for problem in reports]


async def test_a_journal_that_fails_is_told_to_all_and_tried_again_for_the_next() -> None:
    failing = True

    def commit(group: Sequence[Problem]) -> list[Recorded]:
        if failing:
            raise JournalError("the journal cannot be written: database or disk is full")
        return [Recorded(problem.incident, "opened") for problem in group]

    async with running(commit) as commits:
        told = await asyncio.gather(*(commits.record(problem) for problem in problems(3)), return_exceptions=True)
        assert [str(error) for error in told] == ["the journal cannot be written: database or disk is full"] * 3
        failing = False
        assert (await commits.record(PROBLEM)).change == "opened"


async def test_one_report_that_cannot_be_written_takes_no_other_with_it() -> None:
    def commit(group: Sequence[Problem]) -> list[Recorded]:
        if any(problem.problem_id == "1" for problem in group):
            raise ValueError("strange")
        return [Recorded(problem.incident, "opened") for problem in group]

    async with running(commit) as commits:
        told = await asyncio.gather(*(commits.record(problem) for problem in problems(3)), return_exceptions=True)
    assert [type(one).__name__ for one in told] == ["Recorded", "ValueError", "Recorded"]


async def test_a_sender_is_not_kept_for_ever() -> None:
    gate = Gate()
    async with running(gate.commit, patience=0.05) as commits:
        with pytest.raises(JournalError, match="did not take the report in"):
            await commits.record(PROBLEM)
        gate.open.release()


async def test_more_than_can_be_kept_is_sent_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MOST_WAITING", 2)
    commits = GroupCommit(lambda group: [])
    waiting = [asyncio.create_task(commits.record(problem)) for problem in problems(2)]
    await asyncio.sleep(0)
    with pytest.raises(JournalError, match="wait for the journal already"):
        await commits.record(PROBLEM)
    for task in waiting:
        task.cancel()


async def test_whoever_waits_at_the_end_is_told() -> None:
    gate = Gate()
    async with running(gate.commit) as commits:
        report = asyncio.create_task(commits.record(PROBLEM))
        await asyncio.to_thread(gate.begun.acquire)
        gate.open.release()
    with contextlib.suppress(JournalError):
        # Committed or not: what matters is that the sender gets an answer.
        await asyncio.wait_for(report, 30)
