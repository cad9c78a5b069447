# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import functools
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ansible_collections.self_healing.devops.plugins.module_utils import journal_schema, steps
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry, ToolState, incident_id
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import default_location
from support.story import MANAGED, NOW, PROBLEM, REMEDIES, RESOLVED, answer

INCIDENT = PROBLEM.incident


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(place: str, clock: Clock) -> Iterator[Journal]:
    opened = Journal.open(place, clock)
    yield opened
    opened.close()


def decide(journal: Journal) -> None:
    def step(incident):
        around = policies.Surroundings(managed_hosts=1)
        decision = policies.decide(policies.Policy(), incident, REMEDIES, [MANAGED], around, NOW)
        return steps.decide(incident, decision.to_data(), {"no_answer": 900})

    journal.change(INCIDENT, step)


def test_the_id_depends_on_source_tenant_and_full_problem_id() -> None:
    ids = {incident_id(*key) for key in [("a", "b", "c"), ("ab", "", "c"), ("a", "bc", ""), ("a", "b", "C")]}
    assert len(ids) == 4
    assert all(len(identifier) == 13 and identifier[0] == "i" for identifier in ids)


def test_a_report_is_recorded_once_and_due_once(journal: Journal) -> None:
    first, second = journal.record_problem(PROBLEM, "dynatrace"), journal.record_problem(PROBLEM, "dynatrace")
    assert (first.change, second.change, second.delivery) == ("opened", "duplicate", None)
    assert journal.duplicates(INCIDENT) == 1
    assert [delivery.id for delivery in journal.due.hand_out(10, timedelta(minutes=1), "dynatrace")] == [first.delivery]


def test_a_test_notification_leaves_no_incident(journal: Journal) -> None:
    assert journal.record_problem(replace(PROBLEM, test=True)).change == "test"
    assert journal.list_incidents() == []


def test_the_event_carries_ids_and_enums_only(journal: Journal) -> None:
    journal.record_problem(replace(PROBLEM, title="{{ 7 * 7 }}"), "dynatrace")
    (delivery,) = journal.due.hand_out(10, timedelta(minutes=1), "dynatrace")
    assert delivery.event() == {
        "problem": {
            "incident": INCIDENT,
            "kind": "process_crash",
            "status": "open",
            "severity": "critical",
            "source": "dynatrace",
            "service": "shop",
        },
        "meta": {"uuid": delivery.id},
    }


def test_an_answer_is_taken_once_whatever_is_repeated(journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    decide(journal)
    changes = [journal.record_answer(given).change for given in (answer(), answer(), answer("Take over", "Bo", "2"))]
    assert changes == ["answered", "duplicate", "late"]
    assert journal.read(INCIDENT).answer["responder"] == "Ana Berg"


@pytest.mark.parametrize("incident", [None, "", "i7k3v5q2x4dmz", "../../etc/passwd", "i" * 13])
def test_an_answer_to_nothing_is_refused(journal: Journal, incident: str | None) -> None:
    assert journal.record_answer(answer(incident_id=incident)).change == "unknown_incident"


def test_of_many_answers_at_once_exactly_one_wins(journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    decide(journal)
    changes: list[str] = []
    start = threading.Barrier(8)

    def press(number: int) -> None:
        start.wait()
        option = "Restart process" if number % 2 else "Take over"
        changes.append(journal.record_answer(answer(option, f"person {number}", str(number))).change)

    threads = [threading.Thread(target=press, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(changes) == ["answered", *["late"] * 7]


def test_of_many_claims_at_once_exactly_one_is_granted(place: str, journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    decide(journal)
    journal.record_answer(answer())
    granted: list[str] = []
    start = threading.Barrier(6)

    def heal(worker: str) -> None:
        # Every worker has a connection pool of its own, as processes have.
        own = Journal.open(place, lambda: NOW)
        start.wait()
        try:
            own.change(INCIDENT, lambda incident: steps.claim(incident, worker, NOW, timedelta(minutes=5)))
            granted.append(worker)
        except steps.StepRefusedError:
            pass
        own.close()

    threads = [threading.Thread(target=heal, args=(f"worker {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(granted) == 1


def test_a_step_is_made_once_and_check_mode_makes_none(journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    once = [Entry("noted", "seen", key="once")]
    assert journal.change(INCIDENT, lambda _: once, dry_run=True)[1] is True
    assert journal.change(INCIDENT, lambda _: once)[1] is True
    assert journal.change(INCIDENT, lambda _: once)[1] is False
    assert [entry.kind for entry in journal.read(INCIDENT).timeline] == ["detected", "noted"]


def test_a_timer_fires_when_it_is_due_and_only_the_newest(journal: Journal, clock: Clock) -> None:
    recorded = journal.record_problem(PROBLEM, "dynatrace")
    journal.due.settle(recorded.delivery)
    decide(journal)
    journal.change(INCIDENT, lambda _: [Entry("noted", "a", timers={"no_answer": 60})])
    journal.change(INCIDENT, lambda _: [Entry("noted", "b", timers={"no_answer": 120})])
    clock.advance(seconds=61)
    assert journal.due.hand_out(10, timedelta(minutes=1)) == []
    clock.advance(seconds=60)
    (timer,) = journal.due.hand_out(10, timedelta(minutes=1))
    assert timer.event() == {"timer": {"incident": INCIDENT, "name": "no_answer"}, "meta": {"uuid": timer.id}}


def test_what_is_not_settled_is_delivered_again_after_growing_pauses(journal: Journal, clock: Clock) -> None:
    recorded = journal.record_problem(PROBLEM, "dynatrace")
    lease = timedelta(minutes=1)
    assert len(journal.due.hand_out(10, lease, "dynatrace")) == 1
    assert journal.due.hand_out(10, lease, "dynatrace") == []
    for minutes in (1, 2, 4):
        clock.advance(minutes=minutes, seconds=-1)
        assert journal.due.hand_out(10, lease) == []
        clock.advance(seconds=2)
        assert [delivery.id for delivery in journal.due.hand_out(10, lease)] == [recorded.delivery]
    assert journal.due.unsettled() == 1
    assert journal.due.settle(recorded.delivery) is True
    assert journal.due.settle(recorded.delivery) is False
    clock.advance(days=1)
    assert journal.due.hand_out(10, lease) == []


def test_fresh_work_of_a_source_is_left_to_it_for_a_while(journal: Journal, clock: Clock) -> None:
    journal.record_problem(PROBLEM, "dynatrace")
    grace = timedelta(seconds=10)
    assert journal.due.hand_out(10, timedelta(minutes=1), grace=grace) == []
    clock.advance(seconds=11)
    assert len(journal.due.hand_out(10, timedelta(minutes=1), grace=grace)) == 1


def test_what_a_tool_shows_is_remembered(journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    state = ToolState("jira", "jira", "OPS-1", "https://jira.example/browse/OPS-1", version=1, details={"a": [1]})
    entry = Entry("shown", "jira shows OPS-1", key="shown:jira:OPS-1")
    assert journal.tools.show(INCIDENT, state, entry) is True
    assert journal.tools.show(INCIDENT, state, entry) is False
    assert journal.read(INCIDENT).tools == {"jira": state}


def test_an_attachment_replaces_the_one_of_its_name(journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    assert journal.tools.attach(INCIDENT, "t.md", "text/markdown", "first") is True
    assert journal.tools.attach(INCIDENT, "t.md", "text/markdown", "first") is False
    assert journal.tools.attach(INCIDENT, "t.md", "text/markdown", "zweite") is True
    (kept,) = journal.read(INCIDENT, content=True).attachments
    assert kept.content == "zweite"
    assert journal.read(INCIDENT).attachments[0].content is None


def test_what_no_database_takes_does_not_keep_anything_from_being_written(journal: Journal) -> None:
    journal.record_problem(PROBLEM)
    decide(journal)
    odd = "a\x00b\ud800"
    assert journal.record_answer(answer("Restart process", odd, odd, comment=odd)).change == "answered"
    assert journal.record_answer(answer("Restart process", odd, odd, comment=odd)).change == "duplicate"
    assert journal.tools.attach(INCIDENT, "log.txt", "text/plain", odd) is True
    assert journal.read(INCIDENT, content=True).attachments[0].content == "ab?"
    assert "ab?" in journal.read(INCIDENT).timeline[-2].text


def test_attempts_tell_their_outcome(journal: Journal, clock: Clock) -> None:
    journal.record_problem(PROBLEM)
    decide(journal)
    journal.record_answer(answer())
    journal.change(INCIDENT, lambda i: steps.claim(i, "w", clock.now, timedelta(minutes=5)))
    assert [attempt.outcome for attempt in journal.attempts_since(NOW - timedelta(hours=1))] == ["running"]
    assert journal.unhealthy_hosts(besides="") == {"shop-01"}
    assert journal.unhealthy_hosts(besides=INCIDENT) == frozenset()
    clock.advance(minutes=6)
    assert [attempt.outcome for attempt in journal.attempts_since(NOW - timedelta(hours=1))] == ["failed"]
    journal.change(INCIDENT, lambda i: steps.unverified(i, "still down"))
    assert [attempt.outcome for attempt in journal.attempts_since(NOW - timedelta(hours=1))] == ["ineffective"]


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    Journal.open(str(tmp_path / "state" / "journal.db")).close()
    assert stat.S_IMODE((tmp_path / "state" / "journal.db").stat().st_mode) == 0o600


def test_what_is_written_is_seen_by_other_processes_however_often_it_is_opened(tmp_path: Path) -> None:
    place = str(tmp_path / "journal.db")
    look = f"from {Journal.__module__} import Journal; print(Journal.open({place!r}).list_incidents())"
    # However pytest was started, the other process finds the collection where this one has found it.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    other = functools.partial(
        subprocess.run, [sys.executable, "-c", look], env=environment, check=True, capture_output=True, text=True
    )
    first = Journal.open(place)
    first.list_incidents()
    # A second one in this process, then a process that opens and closes it: it must not take itself for the last one.
    second = Journal.open(place)
    for journal, problem in ((first, PROBLEM), (second, replace(PROBLEM, problem_id="2"))):
        other()
        journal.record_problem(problem)
        assert problem.incident in other().stdout


def test_a_journal_from_the_future_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "journal.db")
    Journal.open(path).close()
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(journal_schema.SCHEMA.update().values(version=99))
    engine.dispose()
    with pytest.raises(JournalError, match="written by a newer release"):
        Journal.open(path)


def test_a_place_that_cannot_hold_a_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        Journal.open(str(tmp_path / "file" / "journal.db"))


def test_an_unknown_incident_is_named(journal: Journal) -> None:
    with pytest.raises(JournalError, match="no incident 'i7k3v5q2x4dmz'"):
        journal.read("i7k3v5q2x4dmz")


def test_the_default_place_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    assert default_location() == "/somewhere/self_healing/journal.db"


def test_the_list_is_newest_first_and_by_state(journal: Journal, clock: Clock) -> None:
    journal.record_problem(PROBLEM)
    clock.advance(seconds=1)
    other = replace(RESOLVED, problem_id="other")
    journal.record_problem(other)
    assert journal.list_incidents() == [other.incident, INCIDENT]
    assert journal.list_incidents(["stable"]) == [other.incident]
    assert journal.revision() == 4


def test_sources_that_start_together_may_all_create_the_journal(tmp_path: Path) -> None:
    for number in range(40):
        location = str(tmp_path / f"{number}.db")
        together = threading.Barrier(4)

        def open_and_close(location: str = location, together: threading.Barrier = together) -> None:
            together.wait()
            Journal.open(location).close()

        with ThreadPoolExecutor(4) as pool:
            for opened in [pool.submit(open_and_close) for _starter in range(4)]:
                opened.result()
