# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports in every order of arrival: what the journal knows in the end is what really happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ansible_collections.self_healing.devops.plugins.module_utils import reports, run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.incident import (
    Incident,
    Problem,
    TimelineEntry,
    mark,
    marks_in,
)
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import fold
from support.story import NOW, PROBLEM, RESOLVED

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class History:
    """What really happened to a problem: the minutes at which it opened and closed. C(same_start): again as itself."""

    opened: tuple[int, ...]
    closed: tuple[int, ...]
    same_start: bool = False

    @property
    def status(self) -> str:
        return "open" if len(self.opened) > len(self.closed) else "resolved"

    def reports(self) -> list[Problem]:
        """Return what the monitoring system tells of it, each once, in order."""
        starts = [self.opened[0]] * len(self.opened) if self.same_start else self.opened
        found = []
        for number, start in enumerate(starts):
            opened_at = NOW + start * MINUTE
            found.append(replace(PROBLEM, opened_at=opened_at))
            if number < len(self.closed):
                closed_at = NOW + self.closed[number] * MINUTE
                found.append(replace(RESOLVED, opened_at=opened_at, resolved_at=closed_at))
        return found


@st.composite
def histories(draw: st.DrawFn, same_start: bool = False, most: int = 4) -> History:
    times = draw(st.lists(st.integers(0, 500), min_size=1, max_size=2 * most, unique=True).map(sorted))
    return History(tuple(times[::2]), tuple(times[1::2]), same_start)


@st.composite
def arrivals(draw: st.DrawFn, of: st.SearchStrategy[History]) -> tuple[History, list[Problem]]:
    """A history, and its reports in any order, each at least once and some more often."""
    history = draw(of)
    told = history.reports()
    again = draw(st.lists(st.sampled_from(told), max_size=4))
    return history, list(draw(st.permutations([*told, *again])))


class Memory:
    """Folds reports as the journal does, a second apart and long after everything happened."""

    def __init__(self) -> None:
        self.lines: list[TimelineEntry] = []
        self.at = NOW + timedelta(days=1)
        self.changes: list[str] = []

    @property
    def incident(self) -> Incident:
        return fold(PROBLEM.incident, self.lines)

    def tell(self, problem: Problem) -> str:
        self.at += timedelta(seconds=1)
        change, entries = reports.absorb(self.incident if self.lines else None, problem)
        keys = {line.key for line in self.lines}
        for entry in entries:
            assert entry.key is None or entry.key not in keys, "a key is written once"
            line = (len(self.lines) + 1, self.at, entry.actor, entry.kind, entry.text, dict(entry.data), entry.key)
            self.lines.append(TimelineEntry(*line))
        self.changes.append(change)
        return change


@given(arrivals(histories()))
def test_any_order_of_arrival_ends_as_it_really_was(case: tuple[History, list[Problem]]) -> None:
    history, told = case
    memory = Memory()
    for problem in told:
        memory.tell(problem)
    assert memory.incident.problem["status"] == history.status
    kinds = Counter(line.kind for line in memory.lines)
    assert kinds["detected"] == 1
    assert kinds["resolved"] <= len(history.closed)
    assert kinds["reopened"] < len(history.opened)


@given(arrivals(histories(most=1)))
def test_a_problem_that_opened_once_is_told_once_however_often_it_arrives(case: tuple[History, list[Problem]]) -> None:
    history, told = case
    memory = Memory()
    for problem in told:
        memory.tell(problem)
    assert Counter(memory.changes)["opened"] <= 1
    assert Counter(memory.changes)["resolved"] <= 1
    assert Counter(memory.changes)["reopened"] == 0
    assert len([change for change in memory.changes if change != "duplicate"]) <= len(history.reports())


@given(arrivals(histories(same_start=True)))
def test_what_notifications_cannot_tell_asking_does(case: tuple[History, list[Problem]]) -> None:
    """A problem that opens again keeps its start, so that an old report looks like a new one: so its state is asked."""
    history, told = case
    memory = Memory()
    for problem in told:
        memory.tell(problem)
    for _twice in range(2):
        memory.at += timedelta(minutes=5)
        last = [problem for problem in history.reports() if problem.status == history.status][-1]
        memory.tell(replace(last, as_of=memory.at))
        assert memory.incident.problem["status"] == history.status
    assert memory.changes[-1] == "duplicate", "once it is known, asking again is no news"


@given(st.permutations([(PROBLEM, 0), (replace(PROBLEM, title="Multiple problems"), 1), (RESOLVED, 2)]), st.data())
def test_titles_that_were_known_before_are_no_news(order: list[tuple[Problem, int]], data: st.DataObject) -> None:
    memory = Memory()
    told = [problem for problem, _number in order]
    for problem in [*told, *data.draw(st.lists(st.sampled_from(told), max_size=10))]:
        memory.tell(problem)
    assert Counter(memory.changes)["updated"] <= 1


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        ([RESOLVED, PROBLEM], ["resolved", "duplicate"]),
        ([PROBLEM, RESOLVED, PROBLEM], ["opened", "resolved", "duplicate"]),
        ([replace(PROBLEM, severity="low"), PROBLEM], ["opened", "updated"]),
        ([PROBLEM, replace(PROBLEM, kind="other")], ["opened", "duplicate"]),
        ([replace(PROBLEM, kind="other"), PROBLEM], ["opened", "updated"]),
    ],
)
def test_single_cases(told: list[Problem], changes: list[str]) -> None:
    memory = Memory()
    assert [memory.tell(problem) for problem in told] == changes


def test_a_reading_that_may_be_older_than_the_closing_report_opens_nothing() -> None:
    memory = Memory()
    memory.tell(PROBLEM)
    memory.tell(RESOLVED)
    assert memory.tell(replace(PROBLEM, as_of=memory.at - timedelta(seconds=10))) == "duplicate"
    assert memory.tell(replace(PROBLEM, as_of=memory.at + timedelta(seconds=10))) == "duplicate"
    assert memory.tell(replace(PROBLEM, as_of=memory.at + timedelta(seconds=60))) == "reopened"
    assert memory.tell(replace(RESOLVED, as_of=memory.at - timedelta(seconds=60))) == "duplicate"
    assert memory.tell(RESOLVED) == "duplicate", "it is about the time before it opened again"
    assert memory.tell(replace(RESOLVED, as_of=memory.at + timedelta(seconds=60))) == "resolved"


def test_the_same_display_id_with_another_problem_id_is_another_incident(tmp_path: Path) -> None:
    journal = Journal.open(str(tmp_path / "journal.db"))
    journal.record_problems([PROBLEM, RESOLVED])
    again = journal.record_problem(replace(PROBLEM, problem_id="-1_1790000000000V2"))
    assert (again.change, again.incident != PROBLEM.incident) == ("opened", True)


def test_an_echo_of_our_own_writing_is_dropped_and_counted(tmp_path: Path) -> None:
    journal = Journal.open(str(tmp_path / "journal.db"))
    journal.record_problem(PROBLEM)
    own = replace(PROBLEM, problem_id="other", marks=marks_in(f"restarted by Ansible ({mark(PROBLEM.incident)})"))
    recorded = journal.record_problem(own)
    assert (recorded.change, recorded.incident, recorded.delivery) == ("echo", PROBLEM.incident, None)
    assert journal.list_incidents() == [PROBLEM.incident]
    assert journal.duplicates(PROBLEM.incident) == 1
    forged = replace(PROBLEM, problem_id="forged", marks=marks_in("self-healing:iaaaaaaaaaaaa"))
    assert journal.record_problem(forged).change == "opened", "a mark of no incident of ours hides nothing"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("self-healing:i7k3v5q2x4dmz", ("i7k3v5q2x4dmz",)),
        ("[x self-healing:i7k3v5q2x4dmz]", ("i7k3v5q2x4dmz",)),
        ("self-healing:i7k3v5q2x4dmz self-healing:i7k3v5q2x4dmz", ("i7k3v5q2x4dmz",)),
        ("self-healing:i7k3v5q2x4dmzz", ()),
        ("myself-healing:i7k3v5q2x4dmz", ()),
        ("self-healing:I7K3V5Q2X4DMZ", ()),
    ],
)
def test_marks_are_found_exactly(text: str, found: tuple[str, ...]) -> None:
    assert marks_in(text) == found


class Arrivals(RuleBasedStateMachine):
    """Several problems whose reports arrive in any order while workers come and go and playbooks end, or do not.

    However that goes: news is delivered until it is settled, nothing is delivered twice at the same time, and in the
    end each incident is as its problem really was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.now = NOW + timedelta(days=1)
        self.lost: set[str] = set()
        self.engine = 0
        self.taken: dict[str, str] = {}
        self.news: Counter[str] = Counter()
        self.told: list[Problem] = []
        self.histories: dict[str, History] = {}
        self.journal = Journal.open(str(Path(self.folder.name) / "journal.db"), lambda: self.now, self.state_of)

    def state_of(self, worker: str) -> str:
        return run_identity.LOST if worker in self.lost else run_identity.ALIVE

    def teardown(self) -> None:
        self.tell(self.told)
        for incident, history in self.histories.items():
            assert self.journal.read(incident).problem["status"] == history.status
        self.lost = {f"engine:{number}" for number in range(self.engine + 1)} | set(self.taken.values())
        self.engine += 1
        for _round in range(30):
            self.journal.due.take_back_lost()
            self.now += timedelta(minutes=5)
            for delivery in self.journal.due.hand_out(100, timedelta(minutes=1), f"engine:{self.engine}"):
                assert self.journal.due.begin(delivery.id, "last run")
                assert self.journal.due.settle(delivery.id, "last run")
                self.news[delivery.incident] -= 1
        assert self.journal.due.next_due() is None
        assert set(self.news.values()) <= {0}, "each news was settled once"
        self.journal.close()
        self.folder.cleanup()

    @initialize(cases=st.lists(histories(), min_size=1, max_size=3))
    def happen(self, cases: list[History]) -> None:
        for number, history in enumerate(cases):
            told = [replace(problem, problem_id=str(number)) for problem in history.reports()]
            self.histories[told[0].incident] = history
            self.told += told

    @rule(data=st.data())
    def arrive(self, data: st.DataObject) -> None:
        self.tell(data.draw(st.lists(st.sampled_from(self.told), min_size=1, max_size=3)))

    @rule()
    def hand_out(self) -> None:
        for delivery in self.journal.due.hand_out(2, timedelta(minutes=1), f"engine:{self.engine}"):
            assert self.taken.get(delivery.id) in (None, *self.lost), "whoever has it is lost"
            self.taken.pop(delivery.id, None)

    @rule(data=st.data())
    @precondition(lambda self: self.journal.due.unsettled())
    def take_up(self, data: st.DataObject) -> None:
        for delivery in self.journal.due.hand_out(1, timedelta(minutes=1), f"engine:{self.engine}"):
            run = f"run:{delivery.id}:{delivery.attempts}"
            if self.journal.due.begin(delivery.id, run):
                self.taken[delivery.id] = run
                if data.draw(st.booleans()):
                    assert self.journal.due.settle(delivery.id, run)
                    self.news[delivery.incident] -= 1
                    del self.taken[delivery.id]

    @rule()
    def lose_everything(self) -> None:
        self.lost |= {f"engine:{self.engine}", *self.taken.values()}
        self.engine += 1
        self.journal.due.take_back_lost()

    @rule(seconds=st.integers(1, 30))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @invariant()
    def keeps_each_news(self) -> None:
        figures = self.journal.due.figures()
        assert figures.waiting + figures.unsettled == sum(self.news.values())

    def tell(self, problems: list[Problem]) -> None:
        for recorded in self.journal.record_problems(problems, "dynatrace"):
            self.news[recorded.incident] += recorded.delivery is not None


TestArrivals = Arrivals.TestCase
TestArrivals.settings = settings(max_examples=25, stateful_step_count=30)
