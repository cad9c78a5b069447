# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which choice counts, whose, and how a heal is stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import answering, options, steps
from ansible_collections.self_healing.devops.plugins.module_utils.asking import Asking, Responder
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.policy import CATALOG, Policy
from support.story import NOW, Story, answer

ANA = Responder("Ana Berg", "ana@example.com", {"slack": "U1"})
BO = Responder("Bo Lind", "bo@example.com", {"slack": "U2", "jira": "acc-2"})
CY = Responder("Cy Ahn", None, {"slack": "U3"}, services=("billing",))
DI = Responder("Di Roe", None, {"slack": "U4"}, options=("snooze",))
PEOPLE = (ANA, BO, CY, DI)


def story(catalog: dict[str, Any] | None = None, ceiling: str = "ask") -> Story:
    """An incident that asks about a restart; C(catalog) is what the policy says of it."""
    remedy = {**CATALOG["process_restart"], **(catalog or {})}
    policy = Policy(
        ceiling=ceiling,
        asking={"default": Asking(responders=PEOPLE)},
        catalog={**CATALOG, "process_restart": remedy},
    )
    return Story().decide(policy)


def slack(choice: str, person: str, key: str, **other: Any) -> dict[str, Any]:
    values = {"channel": "slack", "person_id": person, "responder": f"user {person}", "vouched": False}
    return {"choice": choice, "key": key, **values, **other}


def outcome(told: Story, **given: Any) -> answering.Outcome:
    result = answering.answer(told.incident, answer(**given))
    told.add(result.entries)
    return result


# -- who --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "change"),
    [
        ({"vouched": True}, "answered"),
        ({"channel": "playbook", "vouched": False}, "answered"),
        (slack("Restart process", "U1", "1"), "answered"),
        (slack("Restart process", "U9", "1", email="ANA@example.com "), "answered"),
        (slack("Restart process", "U9", "1"), "refused"),
        (slack("Restart process", "U9", "1", responder="Ana Berg"), "refused"),
        (slack("Restart process", "U1", "1", channel="jira"), "refused"),
        (slack("Restart process", "acc-2", "1", channel="jira"), "answered"),
        (slack("Restart process", "U3", "1"), "refused"),
        (slack("Restart process", "U4", "1"), "refused"),
        (slack("Snooze", "U4", "1"), "answered"),
    ],
    ids=[
        "the channel vouches",
        "whoever may run playbooks",
        "known by the id of the channel",
        "known by e-mail",
        "a stranger",
        "a stranger with the name of somebody known",
        "the id of another channel",
        "the id of this channel",
        "named for another service",
        "named for another option",
        "named for this option",
    ],
)
def test_only_known_people_may_choose(given: dict[str, Any], change: str) -> None:
    told = story()
    result = outcome(told, **given)
    assert result.change == change
    assert (told.incident.answer is not None) == (change == "answered" and result.entries[0].data["option"] != "snooze")


def test_who_was_called_for_the_incident_may_choose_whatever_the_policy_says() -> None:
    told = story()
    called = ToolState("xmatters", "xmatters", details={"responders": [{"name": "Eve Oz", "email": "eve@example.com"}]})
    incident = replace(told.incident, tools={"xmatters": called})
    given = answer(**slack("Restart process", "U9", "1", email="eve@example.com"))
    result = answering.answer(incident, given)
    assert (result.change, result.entries[0].actor) == ("answered", "Eve Oz")
    assert answering.answer(told.incident, given).change == "refused", "she was not called for this one"


def test_a_refusal_is_written_down_and_names_the_mend() -> None:
    told = story()
    result = outcome(told, **slack("Restart process", "U9", "1"))
    assert "self_healing_responders" in result.text
    assert told.incident.timeline[-1].kind == "answer_refused"
    assert told.incident.state == "asked"


@pytest.mark.parametrize("people", [["ana@example.com"], ["Ana Berg"]])
def test_an_option_may_be_left_to_some_people(people: list[str]) -> None:
    told = story({"people": people})
    assert outcome(told, **slack("Restart process", "U2", "1")).change == "refused"
    assert outcome(told, choice="Restart process", key="2", responder="Bo Lind", person_id="blind").change == "refused"
    assert outcome(told, **slack("Restart process", "U1", "3")).change == "answered"


@pytest.mark.parametrize("catalog", [{"destructive": True}, {"approvals": 2}, {"people": ["Ana Berg"]}])
def test_a_link_that_went_to_a_group_chooses_nothing_serious(catalog: dict[str, Any]) -> None:
    told = story(catalog)
    link = {"channel": "link", "responder": "Ana Berg (link sent to Checkout SRE)", "vouched": True}
    assert outcome(told, **link, choice="Restart process", key="1").change == "refused"
    assert outcome(told, **link, choice="I am looking", key="2").change == "acknowledged"
    assert outcome(story(), **link, choice="Restart process", key="1").change == "answered"


# -- several people ---------------------------------------------------------------------------------------------------


def test_a_second_person_has_to_agree() -> None:
    told = story({"approvals": 2})
    first = outcome(told, **slack("Restart process", "U1", "1"))
    assert first.change == "approved"
    assert "1 of 2" in first.text
    # The same person on another channel is no second one.
    same = outcome(told, channel="jira", choice="Restart process", key="2", email="ana@example.com", vouched=False)
    assert same.change == "approved"
    assert told.incident.answer is None
    assert outcome(told, **slack("Restart process", "U2", "3")).change == "answered"
    assert told.claim().incident.state == "healing"


def test_one_person_is_enough_to_keep_automation_away() -> None:
    told = story({"approvals": 2})
    outcome(told, **slack("Restart process", "U1", "1"))
    assert outcome(told, **slack("Take over", "U2", "2")).change == "answered"
    assert outcome(told, **slack("Restart process", "U2", "3")).change == "late"


def test_an_approval_of_an_earlier_question_does_not_count() -> None:
    told = story({"approvals": 2})
    outcome(told, **slack("Restart process", "U1", "1"))
    outcome(told, **slack("Escalate", "U2", "2"))
    assert told.incident.state == "escalated"
    assert outcome(told, **slack("Restart process", "U2", "3")).change == "approved"


# -- when -------------------------------------------------------------------------------------------------------------


def test_who_comes_late_is_told_who_chose_what_and_when() -> None:
    told = story()
    outcome(told, choice="Restart process")
    late = outcome(told, **slack("Take over", "U2", "2"))
    assert late.change == "late"
    assert "Ana Berg had chosen 'Restart process' on xmatters at 10:00:03 UTC" in late.text


def test_an_answer_to_another_question_does_not_count() -> None:
    told = story()
    asked = options.question(told.incident)
    outcome(told, **slack("Escalate", "U2", "1", asked=asked))
    late = outcome(told, **slack("Restart process", "U1", "2", asked=asked))
    assert (late.change, told.incident.answer["option"]) == ("late", "escalate")
    assert (
        outcome(told, **slack("Restart process", "U1", "3", asked=options.question(told.incident))).change == "answered"
    )


def test_looking_keeps_the_question_open() -> None:
    told = story()
    result = outcome(told, choice="I am looking", key="1")
    assert (result.change, result.entries[0].timers) == ("acknowledged", {"no_answer": 600.0})
    assert told.incident.state == "asked"
    assert "process_restart" in offered(told.incident)
    assert outcome(told, choice="Restart process", key="2").change == "answered"


# -- what is offered --------------------------------------------------------------------------------------------------


def offered(incident: Incident) -> list[str]:
    return [option["name"] for option in options.offered(incident)]


def test_every_button_is_dead_after_the_choice() -> None:
    told = story()
    assert offered(told.incident) == ["process_restart", "acknowledge", "take_over", "escalate", "snooze"]
    outcome(told, choice="Restart process")
    assert offered(told.incident) == []
    assert offered(told.claim().incident) == ["stop", "take_over"]
    told.fix().verify().add(steps.finish(told.incident, "", "here:1"))
    assert offered(told.incident) == []


def test_where_automation_acts_on_its_own_it_can_be_stopped() -> None:
    told = story(ceiling="act")
    assert told.incident.state == "healing"
    assert offered(told.incident) == ["stop", "take_over"]


def test_where_hands_are_off_a_person_may_take_it() -> None:
    told = Story().decide(candidates=())
    assert told.incident.state == "held"
    assert offered(told.incident) == ["take_over", "escalate"]


# -- stop -------------------------------------------------------------------------------------------------------------


def healing() -> Story:
    told = story()
    outcome(told, choice="Restart process")
    return told.claim()


def test_nothing_that_does_not_run_can_be_stopped() -> None:
    assert outcome(story(), choice="Stop").change == "late"


def test_a_heal_that_is_stopped_before_its_fix_begins_none() -> None:
    told = healing()
    assert outcome(told, choice="Stop", key="2").change == "answered"
    told.found("before", False)
    with pytest.raises(steps.StepRefusedError, match="Ana Berg has stopped it"):
        steps.fix_started(told.incident)
    told.add(steps.fix_failed(told.incident, "no matter", "Read the state of the service"))
    newest = told.incident.timeline[-1]
    assert newest.kind == "stopped"
    assert "had not begun; it was stopped before the task 'Read the state of the service'" in newest.text
    assert told.incident.state == "escalated"
    assert "fix_failed" not in [entry.kind for entry in told.incident.timeline]


def test_how_far_a_heal_came_is_told() -> None:
    told = healing()
    told.found("before", False).add(steps.fix_started(told.incident))
    outcome(told, choice="Stop", key="2")
    told.add(steps.fix_failed(told.incident, "no matter", "Start the service"))
    assert (
        "process_restart on shop-01 had begun; it was stopped before the task 'Start the service'"
        in told.entries[-1].text
    )
    # What now? Everybody may choose again, and somebody is reminded when nobody does.
    assert "process_restart" in offered(told.incident)
    assert outcome(told, choice="Restart process", key="3").change == "answered"


def test_a_fix_that_was_made_is_not_taken_back_when_its_verification_is_stopped() -> None:
    told = healing().fix()
    outcome(told, choice="Stop", key="2")
    told.add(steps.unverified(told.incident, "no matter", "Wait for the port"))
    assert "had been carried out, and was not verified" in told.entries[-1].text
    assert told.entries[-1].kind == "stopped"


def test_taking_over_stops_what_runs_and_keeps_automation_away() -> None:
    told = healing()
    outcome(told, choice="Take over", key="2")
    told.add(steps.fix_failed(told.incident, "", ""))
    assert [entry.kind for entry in told.entries[-2:]] == ["stopped", "taken_over"]
    assert offered(told.incident) == []


def test_a_stop_that_comes_too_late_is_told_as_well() -> None:
    told = healing().fix()
    outcome(told, choice="Stop", key="2")
    told.verify().add(steps.finish(told.incident, "", "here:1"))
    assert "too late for that, process_restart had run to its end" in told.entries[-2].text
    assert told.incident.stop is None


@pytest.mark.parametrize("state", ["lost", "alive"])
def test_what_a_lost_run_cannot_stop_the_next_one_does(state: str) -> None:
    told = healing()
    outcome(told, choice="Stop", key="2")
    entries = steps.halt(told.incident, NOW, lambda _worker: state)
    assert [entry.kind for entry in entries] == (["stopped", "released"] if state == "lost" else [])
    with pytest.raises(steps.StepRefusedError):
        steps.claim(told.incident, "there:2", NOW, timedelta(minutes=1), lambda _worker: state)


def test_what_the_policy_would_do_is_stopped_before_anybody_claims_it() -> None:
    told = story(ceiling="act")
    outcome(told, choice="Stop")
    with pytest.raises(steps.StepRefusedError, match="has stopped it"):
        told.claim()
    told.add(steps.halt(told.incident, NOW, lambda _worker: "alive"))
    assert told.incident.state == "escalated"
