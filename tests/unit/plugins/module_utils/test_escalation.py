# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is called when, until a person has the incident or the stated end is reached."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import escalation, steps, timers
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.asking import Asking, CallStep, asking_from
from ansible_collections.self_healing.devops.plugins.module_utils.calls import calls_of
from support.story import MANAGED, PROBLEM, REMEDIES, RESOLVED, Story

MINUTE = timedelta(minutes=1)
CHAIN = (
    CallStep(wait=60),
    CallStep(("Checkout leads",), 120, "medium"),
    CallStep(("Head of operations",), 180, None, ("Voice",), True),
)


def asked(exhausted: str = "notify", steps_: tuple[CallStep, ...] = CHAIN, ceiling: str = "ask") -> Story:
    return Story().decide(policies.Policy(ceiling=ceiling, asking={"default": Asking(steps_, exhausted)}))


def pass_time(story: Story, seconds: float) -> Story:
    """Let time pass, and the timer come due that is set by then."""
    story.at += timedelta(seconds=seconds)
    return story.add(timers.due(story.incident, "no_answer", MINUTE, story.at))


def calls(story: Story) -> list[tuple[Any, ...]]:
    return [(call.why, call.level, call.recipients, call.open, call.send) for call in calls_of(story.incident)]


def test_the_next_one_is_called_when_nobody_answers() -> None:
    story = asked()
    assert calls(story) == [("asked", 0, (), True, True)]
    pass_time(pass_time(story, 60), 120)
    assert calls(story) == [
        ("asked", 0, (), True, True),
        ("next", 1, ("Checkout leads",), True, True),
        ("next", 2, ("Head of operations",), True, True),
    ]
    assert [call.marker for call in calls_of(story.incident)] == [
        PROBLEM.incident,
        f"{PROBLEM.incident}.2",
        f"{PROBLEM.incident}.3",
    ]
    newest = calls_of(story.incident)[-1]
    assert (newest.devices, newest.override, newest.priority) == (("Voice",), True, None)
    assert story.entries[-1].text == "Nobody answered: calling Head of operations"
    assert story.incident.state == "asked"


@pytest.mark.parametrize("early", [0.0, 30.0, 58.0])
def test_a_timer_that_comes_early_or_twice_calls_nobody(early: float) -> None:
    story = pass_time(asked(), 60)
    before = len(story.entries)
    pass_time(story, early)
    assert len(story.entries) == before


def test_the_end_of_all_calls_is_told_and_is_the_most_urgent_one() -> None:
    story = pass_time(pass_time(pass_time(asked(), 60), 120), 180)
    assert story.incident.state == "escalated"
    assert story.entries[-1].text == "Escalated: nobody answered in time"
    last = calls_of(story.incident)[-1]
    assert (last.why, last.priority, last.override, last.send) == ("escalated", "high", True, True)
    # One step calls whom the pager knows only, so that everybody cannot be named.
    assert last.recipients == ()
    ended = len(story.entries)
    for _hour in range(3):
        pass_time(story, 3600)
    assert len(story.entries) == ended, "nobody is called for ever"
    assert story.answer("Restart process") == "answered", "the choice stays open"


def test_everybody_is_called_at_the_end_where_all_are_named() -> None:
    story = pass_time(asked(steps_=(CallStep(("A",)), CallStep(("B", "A")))), 900)
    pass_time(story, 900)
    assert calls_of(story.incident)[-1].recipients == ("A", "B")


def test_who_looks_and_does_not_decide_is_called_again() -> None:
    story = pass_time(asked(), 60)
    story.answer("I am looking", key="a")
    pass_time(story, 599 - 2)
    assert story.entries[-1].kind == "acknowledged"
    pass_time(story, 5)
    assert calls(story)[-1] == ("reminded", 1, ("Checkout leads",), True, True)
    assert story.entries[-1].text == "Ana Berg has not decided: calling again"
    pass_time(story, 120)
    assert calls(story)[-1][:2] == ("next", 2)


def test_who_passes_it_on_has_the_next_one_called_at_once() -> None:
    story = asked()
    story.answer("Escalate", key="a")
    assert story.entries[-1].text == "Ana Berg passes it on: calling Checkout leads"
    assert story.incident.state == "asked"
    story.answer("Escalate", key="b", responder="Bo Lind")
    story.answer("Escalate", key="c", responder="Cy Ahn")
    assert story.incident.state == "escalated"
    assert calls(story)[-1][:2] == ("escalated", 0)
    assert story.answer("Restart process", key="d") == "answered"


def test_once_somebody_chose_the_other_alerts_end() -> None:
    story = pass_time(asked(), 60)
    story.answer()
    assert [(call.open, call.send) for call in calls_of(story.incident)] == [(False, False), (True, False)]
    story.claim().fix().verify().report(RESOLVED)
    story.add(steps.close(story.incident))
    assert [call.open for call in calls_of(story.incident)] == [False, False]


def test_a_fix_that_does_not_help_calls_people_from_the_first_step_on() -> None:
    story = asked()
    story.answer()
    story.claim().fix().add(steps.unverified(story.incident, "port 80 is closed"))
    assert calls(story)[-1] == ("escalated", 0, (), True, True)
    assert calls_of(story.incident)[-1].priority == "high"
    pass_time(story, 60)
    assert calls(story)[-1][:3] == ("next", 1, ("Checkout leads",))


def test_who_has_taken_over_is_left_alone() -> None:
    story = asked()
    story.answer("Take over")
    assert not timers.matters(story.incident, "no_answer")
    assert len(pass_time(story, 3600).entries) == len(story.entries)


def test_after_a_snooze_people_are_called_again() -> None:
    story = asked()
    story.answer("Snooze")
    story.add(timers.due(story.incident, "snooze_over", MINUTE, story.at))
    story.decide(policies.Policy(asking={"default": Asking(CHAIN)}))
    assert [call[:2] for call in calls(story)] == [("asked", 0), ("asked", 0)]
    assert calls_of(story.incident)[-1].marker == f"{PROBLEM.incident}.2"


def test_a_snooze_of_an_escalated_incident_calls_again_as_well() -> None:
    story = asked()
    story.answer()
    story.claim().fix().add(steps.unverified(story.incident, "no"))
    story.answer("Snooze", key="2")
    story.add(timers.due(story.incident, "snooze_over", MINUTE, story.at))
    assert story.entries[-1].text == "The snooze is over: calling again"


def test_where_automation_acts_people_are_told_and_called_when_it_fails() -> None:
    story = asked(ceiling="act")
    assert calls(story) == [("informed", 0, (), True, True)]
    story.claim().found("before", False).add(steps.fix_started(story.incident))
    story.add(steps.fix_failed(story.incident, "no"))
    assert [call[0] for call in calls(story)] == ["informed", "escalated"]


# -- a safe remedy when nobody answers --------------------------------------------------------------------------------


def decide(story: Story, **changes: Any) -> policies.Decision:
    policy = policies.Policy(asking={"default": Asking(CHAIN, "process_restart")}, **changes)
    around = policies.Surroundings(managed_hosts=1)
    unanswered = escalation.runs_unanswered(story.incident)
    decision = policies.decide(policy, story.incident, REMEDIES, [MANAGED], around, story.at, unanswered)
    story.add(steps.decide(story.incident, decision.to_data(), policy.timers(decision)))
    return decision


def exhausted() -> Story:
    return pass_time(pass_time(pass_time(asked("process_restart"), 60), 120), 180)


def test_the_policy_may_let_a_safe_remedy_run_when_nobody_answered() -> None:
    story = exhausted()
    assert story.entries[-1].text == "Nobody answered 3 calls: the policy lets process_restart run then"
    decision = decide(story)
    assert (decision.verdict, decision.remedy) == ("act", "process_restart")
    assert decision.checks[-1].text == "process_restart may act, because nobody answered"
    assert story.claim().incident.state == "healing"


def test_what_nobody_answered_runs_only_if_every_check_allows_it() -> None:
    story = exhausted()
    frozen = policies.Freeze(story.at - MINUTE, story.at + MINUTE, "holidays")
    assert decide(story, freezes=(frozen,)).verdict == "hold"
    observed = exhausted()
    assert decide(observed, ceiling="observe").verdict == "observe"


def test_it_runs_once_and_then_people_are_needed() -> None:
    story = exhausted()
    decide(story, attempts_per_hour=0)
    assert story.incident.state == "asked", "no attempt is left: a person may decide"
    for step in CHAIN:
        pass_time(story, step.wait)
    assert story.incident.state == "escalated"


def test_what_was_asked_travels_with_the_decision() -> None:
    asking = Asking(CHAIN, "process_restart", 1.0, 2.0)
    assert asking_from(asking.to_data()) == asking
    assert asking_from(None) == Asking()


def test_clocks_may_differ_a_little() -> None:
    story = asked()
    almost: datetime = story.at + timedelta(seconds=59.5)
    assert timers.due(story.incident, "no_answer", MINUTE, almost)
