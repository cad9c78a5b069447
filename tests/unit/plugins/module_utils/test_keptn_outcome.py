# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an incident answers to a task of Keptn: every way that it can end is an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ansible_collections.self_healing.devops.plugins.filter.keptn_answer import keptn_answer
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import reports, steps, timers
from ansible_collections.self_healing.devops.plugins.module_utils.incident import STATES, Problem, Task
from ansible_collections.self_healing.devops.plugins.module_utils.keptn_outcome import KeptnAnswer, answer_of
from support.story import PROBLEM, RESOLVED, Story

TASK = Task("keptn", "default", "t-1", "a3e5f16d-8888-4720-82c7-6995062905c1", "action", "shop", "production", "carts")
GET = replace(TASK, id="g-1", name="get-action")
OF_KEPTN = replace(PROBLEM, source="keptn")
PASS, FAIL, ERRORED = ("succeeded", "pass"), ("succeeded", "fail"), ("errored", "fail")
MINUTE = timedelta(minutes=1)


def begun(problem: Problem = PROBLEM, *tasks: Task) -> Story:
    story = Story(problem)
    for task in tasks or (TASK,):
        hand_out(story, task)
    return story


def hand_out(story: Story, task: Task) -> None:
    story.add(reports.hand_out(story.incident, PROBLEM, task)[1])


def said(story: Story, task: Task = TASK) -> KeptnAnswer:
    return answer_of(story.incident.to_dict(), task.to_data())


def timer(story: Story, name: str) -> None:
    story.add(timers.due(story.incident, name, MINUTE, story.at + timedelta(hours=1), lambda _worker: "alive"))


def test_a_task_is_started_and_told_how_it_goes() -> None:
    story = begun()
    assert said(story) == KeptnAnswer("started")
    told = []

    def choose() -> None:
        story.answer()
        story.claim()

    for step in (story.decide, choose, story.fix, story.verify):
        step()
        answer = said(story)
        assert (answer.state, answer.status, answer.result) == ("started", "", "")
        told.append(answer.progress.partition(": ")[2])
    assert told == [
        "waits for the answer of a responder",
        "a remedy is being carried out",
        "the remedy ran; waits until the problem is over",
        "the remedy ran; waits until the problem is over",
    ]


def healed() -> Story:
    story = begun().decide()
    story.answer()
    story.claim().fix().verify().report(RESOLVED)
    return story


def closed() -> Story:
    story = healed()
    return story.add(steps.close(story.incident))


def went_away() -> Story:
    story = begun()
    story.report(RESOLVED)
    return story


def unanswered() -> Story:
    story = begun().decide()
    timer(story, "no_answer")
    return story


def taken_over() -> Story:
    story = begun().decide()
    story.answer("Take over")
    return story


def stopped() -> Story:
    story = begun().decide()
    story.answer()
    story.claim().found("before", False).add(steps.fix_started(story.incident))
    story.answer("Stop", key="2")
    return story.add(steps.fix_failed(story.incident, "", "Mend"))


def not_confirmed() -> Story:
    story = begun().decide()
    story.answer()
    story.claim().fix().verify()
    timer(story, "verify_deadline")
    return story


def fix_failed() -> Story:
    story = begun().decide()
    story.answer()
    story.claim().found("before", False).add(steps.fix_started(story.incident))
    return story.add(steps.fix_failed(story.incident, "{{ secret }}"))


def ineffective() -> Story:
    story = begun().decide()
    story.answer()
    story.claim().fix()
    return story.add(steps.unverified(story.incident, "still down"))


def never_ran() -> Story:
    story = begun().decide()
    story.answer()
    story.claim()
    return story.add(steps.fix_failed(story.incident, "unreachable"))


def held() -> Story:
    return begun().decide(candidates=())


def observed() -> Story:
    return begun().decide(policies.Policy(ceiling="observe"))


def undelivered() -> Story:
    story = begun()
    return story.add(timers.undelivered(story.incident, "problem", "opened", 8))


@pytest.mark.parametrize(
    ("story", "outcome"),
    [
        (healed, PASS),
        (closed, PASS),
        (went_away, PASS),
        (not_confirmed, FAIL),
        (fix_failed, FAIL),
        (stopped, FAIL),
        (ineffective, FAIL),
        (never_ran, ERRORED),
        (unanswered, ERRORED),
        (taken_over, ERRORED),
        (undelivered, ERRORED),
        (held, ERRORED),
        (observed, ERRORED),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else value.__name__,
)
def test_every_end_of_an_incident_is_an_end_of_the_task(story: Callable[[], Story], outcome: tuple[str, str]) -> None:
    told = story()
    answer = said(told)
    assert (answer.state, answer.status, answer.result) == ("finished", *outcome)
    # It is handed on to every later task: no text of events, no names.
    assert answer.message.startswith(f"self-healing incident {PROBLEM.incident}: ")
    assert not any(word in answer.message for word in ("secret", "Ana", "Process unavailable"))
    assert keptn_answer(told.incident.to_dict(), "t-1") == answer.to_data()


def test_no_state_is_left_out() -> None:
    """A task whose incident cannot go on by itself is finished; in all other states a timer or a run goes on."""
    goes_on = {"detected", "asked", "healing", "verifying"}
    ends = {healed().incident.state, closed().incident.state, unanswered().incident.state}
    assert ends | {held().incident.state, observed().incident.state} == set(STATES) - goes_on


def test_keptn_judges_its_own_problem_only_after_the_answer() -> None:
    story = begun(OF_KEPTN).decide()
    story.answer()
    story.claim().fix()
    assert said(story).state == "started"
    story.verify()
    assert said(story).result == "pass"
    # The next task of the ladder says that it did not help: that is no answer to it.
    again = replace(TASK, id="t-2")
    hand_out(story, again)
    assert said(story, again).state == "started"
    timer(story, "verify_deadline")
    assert (said(story, again).status, said(story, again).result) == FAIL


def test_what_was_done_after_the_question_for_an_action_counts_for_the_action() -> None:
    story = begun(OF_KEPTN, GET).decide(policies.Policy(ceiling="act"))
    story.claim().fix().verify()
    hand_out(story, TASK)
    assert said(story).result == "pass"


def test_the_question_for_an_action_is_answered_with_what_the_policy_would_choose() -> None:
    story = begun(OF_KEPTN, GET)
    assert said(story, GET).state == "started"
    story.decide()
    answer = said(story, GET)
    assert (answer.status, answer.result, answer.action_index) == ("succeeded", "pass", 1)
    assert (answer.action["name"], answer.action["action"]) == ("Restart process", "process_restart")
    later = said(story, replace(GET, action_index=1))
    assert (later.status, later.result, later.action) == ("succeeded", "fail", {})
    for nothing in (begun(PROBLEM, GET).decide(candidates=()), went_away()):
        assert (said(nothing, GET).state, said(nothing, GET).result) == ("finished", "fail")
