# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import answering, steps, timers
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import behind, told
from support.story import NOW, PROBLEM, RESOLVED, Story, answer

MINUTE = timedelta(minutes=1)


def test_the_whole_way_from_detection_to_close() -> None:
    story = Story().decide()
    assert story.incident.state == "asked"
    assert story.answer() == "answered"
    assert story.claim().incident.state == "healing"
    assert story.fix().incident.state == "verifying"
    assert story.verify().incident.state == "verifying", "the monitoring system has not closed the problem yet"
    story.report(RESOLVED)
    assert story.incident.state == "stable"
    story.add(steps.close(story.incident))
    assert story.incident.state == "closed"
    assert steps.close(story.incident) == []
    assert [entry.kind for entry in told(story.incident)] == [
        "decided",
        "answered",
        "diagnosed",
        "fix_started",
        "fixed",
        "verified",
        "resolved",
        "stable",
        "closed",
    ]


def test_stable_needs_our_own_probe_as_well() -> None:
    story = Story().decide()
    story.answer()
    story.claim().fix().report(RESOLVED)
    assert story.incident.state == "verifying"
    assert story.verify().incident.state == "stable"


@pytest.mark.parametrize(
    ("reports", "changes"),
    [
        ([PROBLEM, PROBLEM], ["opened", "duplicate"]),
        ([PROBLEM, RESOLVED, RESOLVED], ["opened", "resolved", "duplicate"]),
        ([RESOLVED, PROBLEM], ["resolved", "duplicate"]),
        ([PROBLEM, RESOLVED, PROBLEM], ["opened", "resolved", "duplicate"]),
        ([replace(PROBLEM, severity="high"), PROBLEM], ["opened", "updated"]),
        ([PROBLEM, replace(PROBLEM, severity="high")], ["opened", "duplicate"]),
        ([PROBLEM, replace(PROBLEM, tags=("a",))], ["opened", "duplicate"]),
        ([PROBLEM, RESOLVED, replace(PROBLEM, opened_at=NOW + timedelta(hours=1))], ["opened", "resolved", "reopened"]),
    ],
    ids=[
        "twice",
        "closed twice",
        "closed before open",
        "late open",
        "severity rises",
        "severity falls",
        "nothing new",
        "opened again",
    ],
)
def test_reports_are_folded_in_any_order(reports: list, changes: list[str]) -> None:
    story = Story(reports[0])
    assert [changes[0], *(story.report(problem) for problem in reports[1:])] == changes


def test_a_problem_that_ends_by_itself_is_stable_without_a_fix() -> None:
    assert Story(PROBLEM, RESOLVED).incident.state == "stable"
    assert Story().decide().report(RESOLVED) == "resolved"


def test_a_problem_that_opens_again_is_decided_again() -> None:
    story = Story().decide()
    story.report(RESOLVED)
    story.report(replace(PROBLEM, opened_at=NOW + timedelta(hours=1)))
    assert (story.incident.state, story.incident.decision, story.incident.answer) == ("detected", None, None)
    assert story.decide().incident.state == "asked"


def test_the_first_answer_wins_and_the_second_is_told_who_was_first() -> None:
    story = Story().decide()
    assert story.answer("restart PROCESS") == "answered"
    assert story.answer("Take over", responder="Bo Lind", key="2") == "late"
    assert story.incident.answer["option"] == "process_restart"
    assert "Ana Berg had chosen 'Restart process'" in story.incident.timeline[-1].text


def test_only_what_was_offered_can_be_chosen() -> None:
    story = Story().decide()
    assert story.answer("rm -rf /") == "unknown_option"
    assert story.incident.answer is None
    assert story.incident.state == "asked"


def test_taking_over_keeps_automation_away() -> None:
    story = Story().decide()
    story.answer("Take over")
    assert story.incident.state == "escalated"
    with pytest.raises(steps.StepRefusedError, match="no remedy was chosen"):
        story.claim()


def test_after_an_escalation_the_next_responder_may_choose() -> None:
    story = Story().decide()
    story.answer("Escalate")
    assert story.answer("Restart process", responder="Bo Lind", key="2") == "answered"
    assert story.answer("Take over", key="3") == "late"
    assert story.claim().incident.state == "healing"


def test_after_a_failed_fix_a_responder_may_choose_again_and_that_is_a_new_attempt() -> None:
    story = Story().decide()
    story.answer()
    story.claim().fix()
    story.add(steps.unverified(story.incident, "port 80 is closed"))
    with pytest.raises(steps.StepRefusedError, match="is being healed by here:1"):
        story.claim("there:2")
    story.add(steps.finish(story.incident, "", "here:1"))
    with pytest.raises(steps.StepRefusedError, match="ran already"):
        story.claim("there:2")
    assert story.answer("Restart process", responder="Bo Lind", key="2") == "answered"
    assert story.claim("there:2").incident.attempt == 2
    assert story.fix().verify().incident.state == "verifying"


def test_nobody_chooses_after_somebody_took_over() -> None:
    story = Story().decide()
    story.answer("Take over")
    assert story.answer("Restart process", responder="Bo Lind", key="2") == "late"


def test_snoozing_asks_again() -> None:
    story = Story().decide()
    entries = answering.answer(story.incident, answer("Snooze")).entries
    assert entries[-1].timers == {"snooze_over": 1800.0}
    story.add(entries)
    assert story.incident.answer is None
    story.add(timers.due(story.incident, "snooze_over", MINUTE, story.at))
    assert story.incident.state == "detected"


def test_two_workers_never_heal_the_same_incident() -> None:
    story = Story().decide()
    story.answer()
    story.claim("here:1")
    with pytest.raises(steps.StepRefusedError, match="is being healed by here:1") as refusal:
        story.claim("there:2")
    assert refusal.value.reason == "busy"


def test_a_lost_worker_is_taken_over_and_the_attempt_is_the_same() -> None:
    story = Story().decide()
    story.answer()
    story.claim("here:1")
    story.at += timedelta(minutes=16)
    story.claim("there:2")
    assert story.incident.claim["resumed"] is True
    assert story.incident.attempt == 1


def test_what_another_run_heals_is_left_to_it_until_it_gives_it_back() -> None:
    story = Story().decide()
    assert not steps.in_other_hands(story.incident, "there:2", story.at)
    story.answer()
    story.claim("here:1").fix()
    story.report(RESOLVED)
    assert steps.in_other_hands(story.incident, "there:2", story.at)
    assert not steps.in_other_hands(story.incident, "here:1", story.at)
    assert not steps.in_other_hands(story.incident, "there:2", story.at + timedelta(minutes=16)), "its run was lost"
    story.verify().add(steps.finish(story.incident, ""))
    assert story.incident.state == "stable"
    assert not steps.in_other_hands(story.incident, "there:2", story.at)


def test_a_remedy_runs_once_for_one_answer() -> None:
    story = Story().decide()
    story.answer()
    story.claim().fix()
    with pytest.raises(steps.StepRefusedError):
        story.claim("there:2")


def test_nothing_is_healed_when_the_problem_is_over() -> None:
    story = Story().decide()
    story.answer()
    story.report(RESOLVED)
    with pytest.raises(steps.StepRefusedError):
        story.claim()


def test_no_fix_without_a_diagnosis() -> None:
    story = Story().decide()
    story.answer()
    with pytest.raises(steps.StepRefusedError, match="recorded no diagnosis"):
        steps.fix_started(story.claim().incident)


@pytest.mark.parametrize("failure", [steps.fix_failed, steps.unverified], ids=["fix", "verification"])
def test_a_remedy_that_fails_is_escalated_with_its_reason(failure) -> None:
    story = Story().decide()
    story.answer()
    story.claim().fix()
    story.add(failure(story.incident, "port 80 is closed"))
    assert story.incident.state == "escalated"
    assert "port 80 is closed" in story.incident.timeline[-2].text
    story.report(RESOLVED)
    assert story.incident.state == "stable"


@pytest.mark.parametrize(("timer", "escalates"), [("no_answer", True), ("verify_deadline", False), ("unknown", False)])
def test_a_timer_matters_only_in_its_state(timer: str, escalates: bool) -> None:
    story = Story().decide()
    story.add(timers.due(story.incident, timer, MINUTE, story.at + 15 * MINUTE))
    assert (story.incident.state == "escalated") is escalates


def test_an_incident_that_is_held_is_looked_at_again_and_told_only_what_is_new() -> None:
    story = Story().decide(candidates=())
    assert story.incident.state == "held"
    before = told(story.incident)
    for pause in (60.0, 120.0, 240.0, 480.0, 960.0, 960.0):
        entries = timers.due(story.incident, "reconsider", MINUTE, story.at)
        assert [entry.timers for entry in entries] == [{"reconsider": pause}]
        story.add(entries).decide(candidates=())
    assert (story.incident.state, told(story.incident)) == ("held", before)
    assert story.decide().incident.state == "asked", "the host is managed now"


def test_nobody_answers_for_the_verification() -> None:
    story = Story().decide()
    story.answer()
    story.claim().fix().verify()
    story.add(timers.due(story.incident, "verify_deadline", MINUTE, story.at))
    assert story.incident.state == "escalated"


def test_a_policy_that_acts_needs_no_answer() -> None:
    story = Story().decide(policies.Policy(ceiling="act"))
    assert story.incident.state == "healing"
    assert story.claim().incident.claim["remedy"] == "process_restart"


def test_tools_that_do_not_show_the_newest_entry_are_behind() -> None:
    assert behind(Story().decide().incident) == []


def test_figures_are_told_before_and_after() -> None:
    before, after = {"figures": {"up": 0, "response_ms": None}}, {"figures": {"up": 1, "response_ms": 3}}
    assert steps.before_after(before, after) == "up 0 → 1, response_ms – → 3"
