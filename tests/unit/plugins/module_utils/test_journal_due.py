# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Due work on each kind of database: who has a delivery, and what becomes of it when they are lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import run_identity, steps
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.story import MANAGED, NOW, PROBLEM, REMEDIES, RESOLVED, answer

INCIDENT = PROBLEM.incident
LEASE = timedelta(minutes=5)


class World:
    """The time, and which workers are lost. All others are alive."""

    def __init__(self) -> None:
        self.now = NOW
        self.lost: set[str] = set()

    def clock(self) -> datetime:
        return self.now

    def state_of(self, worker: str) -> str:
        return run_identity.LOST if worker in self.lost else run_identity.ALIVE

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def journal(place: str, world: World) -> Iterator[Journal]:
    opened = Journal.open(place, world.clock, world.state_of)
    yield opened
    opened.close()


def report(journal: Journal) -> str:
    """Record the problem, and return the id of the delivery."""
    return str(journal.record_problem(PROBLEM, "dynatrace").delivery)


def handed_out(journal: Journal, worker: str = "engine:1") -> list[str]:
    return [delivery.id for delivery in journal.due.hand_out(10, LEASE, worker)]


def test_a_run_keeps_what_it_took_up(journal: Journal, world: World) -> None:
    delivery = report(journal)
    assert handed_out(journal) == [delivery]
    assert journal.due.begin(delivery, "run:1") is True
    assert journal.due.begin(delivery, "run:1") is True
    assert journal.due.begin(delivery, "run:2") is False
    assert journal.due.settle(delivery, "run:2") is False
    world.lost.add("run:1")
    assert journal.due.begin(delivery, "run:2") is True
    assert journal.due.settle(delivery, "run:1") is False, "it was taken over"
    assert journal.due.settle(delivery, "run:2") is True
    assert journal.due.begin(delivery, "run:3") is False, "it is settled"


@pytest.mark.parametrize("lost", ["engine:1", "run:1"])
def test_what_a_lost_worker_or_run_had_is_made_again_soon(journal: Journal, world: World, lost: str) -> None:
    delivery = report(journal)
    pauses = []
    for _attempt in range(4):
        assert handed_out(journal) == [delivery]
        if lost == "run:1":
            journal.due.begin(delivery, lost)
        assert journal.due.take_back_lost() == 0
        world.lost.add(lost)
        assert journal.due.take_back_lost() == 1
        assert journal.due.take_back_lost() == 0
        assert handed_out(journal) == [], "not at once, or what kills each playbook would keep the machine busy"
        before = world.now
        while journal.due.next_due() > world.now:
            world.advance(seconds=1)
        pauses.append((world.now - before).total_seconds())
        world.lost.clear()
    assert pauses == [1, 2, 4, 8]


def test_a_run_outlives_the_engine_that_started_it(journal: Journal, world: World) -> None:
    delivery = report(journal)
    handed_out(journal)
    journal.due.begin(delivery, "run:1")
    world.lost.add("engine:1")
    assert journal.due.take_back_lost() == 0
    assert journal.due.settle(delivery, "run:1") is True


def test_the_window_counts_what_this_worker_has(journal: Journal, world: World) -> None:
    report(journal)
    journal.record_problem(replace(PROBLEM, problem_id="other"), "dynatrace")
    journal.due.hand_out(1, LEASE, "engine:1")
    journal.due.hand_out(1, LEASE, "engine:2")
    assert [journal.due.unsettled(worker) for worker in ("engine:1", "engine:2", "engine:3", None)] == [1, 1, 0, 2]


def test_one_delivery_is_handed_out_once(journal: Journal, world: World) -> None:
    delivery = report(journal)
    other = str(journal.record_problem(replace(PROBLEM, problem_id="other"), "dynatrace").delivery)
    handed = journal.due.hand_out_one(delivery, LEASE, "engine:1")
    assert handed is not None
    assert (handed.id, handed.attempts, handed.event()["problem"]["incident"]) == (delivery, 1, INCIDENT)
    assert journal.due.unsettled("engine:1") == 1
    assert journal.due.hand_out_one(delivery, LEASE, "engine:2") is None, "somebody has it"
    assert handed_out(journal) == [other], "and nobody else gets it"
    world.advance(minutes=5)
    assert set(handed_out(journal, "engine:2")) == {delivery, other}, "until its lease is over"
    journal.due.settle(delivery)
    assert journal.due.hand_out_one(delivery, LEASE, "engine:1") is None
    assert journal.due.hand_out_one("none", LEASE, "engine:1") is None


def test_what_never_comes_to_its_end_escalates_the_incident_and_is_told_once(journal: Journal, world: World) -> None:
    delivery = report(journal)
    for _attempt in range(3):
        assert handed_out(journal) == [delivery]
        assert journal.due.give_up(3) == [], "the last lease is not over"
        world.advance(hours=2)
    assert journal.due.give_up(3) == [INCIDENT]
    assert journal.due.give_up(3) == []
    incident = journal.read(INCIDENT)
    assert incident.state == "escalated"
    assert "no playbook ended in 3 attempts with the problem opened" in incident.timeline[-1].text
    (last,) = journal.due.hand_out(10, LEASE, "engine:1")
    assert last.event()["timer"] == {"incident": INCIDENT, "name": "undelivered"}
    for _attempt in range(3):
        world.advance(hours=2)
        journal.due.hand_out(10, LEASE, "engine:1")
    world.advance(hours=2)
    assert journal.due.give_up(3) == [INCIDENT]
    assert journal.due.next_due() is None, "nothing goes round in circles"
    assert [entry.kind for entry in journal.read(INCIDENT).timeline].count("escalated") == 1


def test_an_incident_that_is_over_is_not_escalated(journal: Journal, world: World) -> None:
    report(journal)
    journal.record_problem(RESOLVED, "dynatrace")
    journal.due.hand_out(10, LEASE, "engine:1")
    world.advance(hours=2)
    assert journal.due.give_up(1) == [INCIDENT, INCIDENT]
    assert journal.read(INCIDENT).state == "stable"
    assert "Not carried out" in journal.read(INCIDENT).timeline[-1].text


def test_a_timer_that_lost_its_meaning_is_not_delivered(journal: Journal, world: World) -> None:
    journal.due.settle(report(journal))
    decide(journal)
    journal.record_problem(RESOLVED, "dynatrace")
    journal.due.settle(journal.due.hand_out(1, LEASE, "engine:1", "dynatrace")[0].id)
    world.advance(seconds=901)
    assert journal.due.hand_out(10, LEASE, "engine:1") == []
    assert journal.due.next_due() is None


def test_a_tool_that_failed_is_tried_again(journal: Journal, world: World) -> None:
    journal.due.settle(report(journal))
    failed = Entry("tool_failed", "jira is down", data={"tool": "jira"}, key="failed")
    journal.tools.show(INCIDENT, ToolState("jira", "jira", state="failed", error="down"), failed)
    assert journal.tools.behind() == {"jira": 1}
    journal.due.set_timer(INCIDENT, "catch_up", timedelta(seconds=30))
    assert journal.due.hand_out(10, LEASE, "engine:1") == []
    world.advance(seconds=30)
    (timer,) = journal.due.hand_out(10, LEASE, "engine:1")
    assert timer.name == "catch_up"
    journal.due.settle(timer.id)
    journal.due.set_timer(INCIDENT, "catch_up", timedelta(seconds=30))
    journal.tools.show(INCIDENT, ToolState("jira", "jira", "OPS-1", version=99), None)
    world.advance(seconds=31)
    assert journal.tools.behind() == {"jira": 0}
    assert journal.due.hand_out(10, LEASE, "engine:1") == [], "it has caught up meanwhile"


def test_what_waits_for_another_run_comes_again_and_that_is_no_attempt(journal: Journal, world: World) -> None:
    delivery = report(journal)
    for _time in range(20):
        assert handed_out(journal) == [delivery]
        journal.due.begin(delivery, "run:1")
        journal.due.postpone(delivery, "run:1", timedelta(seconds=15))
        assert handed_out(journal) == []
        world.advance(seconds=15)
    assert journal.due.give_up(2) == []


def test_what_never_reached_the_engine_is_due_as_if_nothing_had_happened(journal: Journal, world: World) -> None:
    delivery = report(journal)
    assert handed_out(journal) == [delivery]
    journal.due.give_back([delivery], "engine:2")
    assert journal.due.unsettled("engine:1") == 1, "it is not the other worker's to give back"
    journal.due.give_back([delivery], "engine:1")
    assert (journal.due.unsettled("engine:1"), journal.due.unsettled()) == (0, 0)
    (again,) = journal.due.hand_out(10, LEASE, "engine:2")
    assert (again.id, again.attempts) == (delivery, 1)


def test_many_workers_share_the_work_and_each_delivery_is_made_once(place: str, journal: Journal) -> None:
    reports = [replace(PROBLEM, problem_id=str(number)) for number in range(120)]
    due = {recorded.delivery for recorded in journal.record_problems(reports, "dynatrace")}
    start = threading.Barrier(4)

    def work(number: int) -> list[str]:
        own = Journal.open(place, lambda: NOW)
        start.wait()
        found: list[str] = []
        while some := own.due.hand_out(7, LEASE, f"engine:{number}"):
            found += [delivery.id for delivery in some]
        own.close()
        return found

    with ThreadPoolExecutor(4) as pool:
        shares = list(pool.map(work, range(4)))
    handed = Counter(delivery for share in shares for delivery in share)
    assert set(handed) == due
    assert set(handed.values()) == {1}


def test_workers_that_hear_of_the_same_problems_at_once_open_each_once(place: str, journal: Journal) -> None:
    reports = [replace(PROBLEM, problem_id=str(number)) for number in range(40)]
    start = threading.Barrier(4)

    def take(number: int) -> list[str]:
        own = Journal.open(place, lambda: NOW)
        start.wait()
        # Each in another order, so that they get into each other's way.
        order = reports[number:] + reports[:number] if number % 2 else reports[::-1]
        recorded = own.record_problems(order, "dynatrace")
        own.close()
        return [one.change for one in recorded]

    with ThreadPoolExecutor(4) as pool:
        changes = Counter(change for share in pool.map(take, range(4)) for change in share)
    assert changes == {"opened": 40, "duplicate": 120}
    assert sum(journal.duplicates(one.incident) for one in reports) == 120


def test_a_claim_outlives_its_lease_as_long_as_its_run_lives_and_a_lost_run_is_replaced_at_once(
    journal: Journal, world: World
) -> None:
    report(journal)
    decide(journal)
    journal.record_answer(answer())

    def claim(worker: str) -> None:
        journal.change(INCIDENT, lambda i: steps.claim(i, worker, world.now, timedelta(minutes=15), world.state_of))

    claim("run:1")
    world.advance(hours=1)
    with pytest.raises(steps.StepRefusedError, match="is being healed by run:1"):
        claim("run:2")
    world.lost.add("run:1")
    claim("run:2")
    incident = journal.read(INCIDENT)
    assert (incident.claim["resumed"], incident.attempt) == (True, 1)
    with pytest.raises(steps.StepRefusedError, match="taken over by run:2"):
        steps.require_owner(incident, "run:1")
    steps.require_owner(incident, "run:2")
    assert steps.finish(incident, "", "run:1") == [], "it gives back only what is its own"


def test_a_tool_is_taken_from_a_run_that_was_lost(journal: Journal, world: World) -> None:
    report(journal)
    assert journal.tools.lease(INCIDENT, "jira", "run:1", LEASE) is None
    assert journal.tools.lease(INCIDENT, "jira", "run:2", LEASE) == "run:1"
    world.lost.add("run:1")
    assert journal.tools.lease(INCIDENT, "jira", "run:2", LEASE) is None


def test_a_duty_is_one_workers_at_a_time(journal: Journal, world: World) -> None:
    first = journal.duties.take("look", "engine:1", timedelta(seconds=60))
    assert (first.name, first.done_at) == ("look", None)
    assert journal.duties.take("look", "engine:2", timedelta(seconds=60)) is None
    journal.duties.done("look", "engine:1", NOW)
    journal.duties.done("look", "engine:2", NOW + timedelta(hours=1))
    assert journal.duties.take("look", "engine:1", timedelta(seconds=60)).done_at == NOW
    world.advance(seconds=61)
    assert journal.duties.take("look", "engine:2", timedelta(seconds=60)).done_at == NOW
    world.lost.add("engine:2")
    assert journal.duties.take("look", "engine:1", timedelta(seconds=60)) is not None


def test_a_canary_is_outstanding_until_a_later_one_is_back(journal: Journal, world: World) -> None:
    assert journal.canaries.outstanding("engine:1") is None
    first = journal.canaries.send("engine:1")
    assert journal.canaries.outstanding("engine:1") == NOW
    assert journal.canaries.outstanding("engine:2") is None
    world.advance(seconds=60)
    second = journal.canaries.send("engine:1")
    world.advance(seconds=1)
    assert (journal.canaries.back(second), journal.canaries.back(second), journal.canaries.back("c" * 33)) == (
        True,
        False,
        False,
    )
    assert journal.canaries.outstanding("engine:1") is None, "the engine lives, whatever became of the first"
    assert journal.canaries.signs_of_life("engine:1") == world.now
    assert journal.canaries.back(first) is True


def test_deliveries_that_are_taken_up_or_settled_are_signs_of_life(journal: Journal, world: World) -> None:
    delivery = report(journal)
    handed_out(journal)
    assert journal.canaries.signs_of_life("engine:1") is None
    world.advance(seconds=5)
    journal.due.begin(delivery, "run:1")
    assert journal.canaries.signs_of_life("engine:1") == world.now
    world.advance(seconds=5)
    journal.due.settle(delivery, "run:1")
    assert journal.canaries.signs_of_life("engine:1") == world.now
    assert journal.canaries.signs_of_life("engine:2") is None


def test_figures_tell_what_is_due(journal: Journal, world: World) -> None:
    report(journal)
    journal.record_problem(replace(PROBLEM, problem_id="other"), "dynatrace")
    journal.due.hand_out(1, LEASE, "engine:1")
    figures = journal.due.figures()
    assert (figures.waiting, figures.unsettled, figures.oldest_due) == (1, 1, NOW)


def decide(journal: Journal) -> None:
    policy = policies.Policy()

    def step(incident):
        around = policies.Surroundings(managed_hosts=1)
        decision = policies.decide(policy, incident, REMEDIES, [MANAGED], around, NOW)
        return steps.decide(incident, decision.to_data(), policy.timers(decision))

    journal.change(INCIDENT, step)
