# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two responders press different buttons on different channels at the same moment, a thousand times."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.asking import Asking, Responder
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal, Recorded
from support.story import MANAGED, PROBLEM, REMEDIES, answer

RACES = 500
PEOPLE = (Responder("Ana Berg", "ana@example.com", {"slack": "U1"}), Responder("Bo Lind", "bo@example.com"))
POLICY = policies.Policy(asking={"default": Asking(responders=PEOPLE)})
ANA = {"choice": "process_restart", "channel": "slack", "person_id": "U1", "vouched": False, "key": "a"}
BO = {"choice": "take_over", "channel": "jira", "email": "bo@example.com", "vouched": False, "key": "b"}


def asked(journal: Journal, number: int) -> list[str]:
    """Open incidents that ask what may be done."""
    problems = [replace(PROBLEM, problem_id=f"race-{n}") for n in range(number)]
    journal.record_problems(problems, "dynatrace")

    def decide(incident: Incident) -> list[Any]:
        around, now = policies.Surroundings(managed_hosts=1), datetime.now(timezone.utc)
        decision = policies.decide(POLICY, incident, REMEDIES, [MANAGED], around, now)
        return steps.decide(incident, decision.to_data(), {})

    for problem in problems:
        journal.change(problem.incident, decide)
    return [problem.incident for problem in problems]


def test_in_a_thousand_races_there_is_one_choice_and_the_other_is_told(place: str) -> None:
    # Both engines play five hundred. Each person has a process's worth of connections of their own.
    journals = [Journal.open(place), Journal.open(place)]
    incidents = asked(journals[0], RACES)
    together = threading.Barrier(2)

    def press(journal: Journal, incident: str, given: dict[str, Any]) -> tuple[Recorded, float]:
        together.wait(30)
        pressed = time.monotonic()
        return journal.record_answer(answer(**given, incident_id=incident)), pressed

    first = {"Ana Berg": 0, "Bo Lind": 0}
    with ThreadPoolExecutor(2) as people:
        for incident in incidents:
            pressed = [people.submit(press, *args) for args in zip(journals, (incident,) * 2, (ANA, BO), strict=True)]
            (ana, ana_at), (bo, bo_at) = (one.result(30) for one in pressed)
            assert abs(ana_at - bo_at) < 0.05
            assert sorted([ana.change, bo.change]) == ["answered", "late"]
            winner, loser = ("Ana Berg", bo) if ana.change == "answered" else ("Bo Lind", ana)
            told = journals[0].read(incident)
            assert f"too late: {winner} had chosen" in loser.text
            assert [e.actor for e in told.timeline if e.kind == "answered"] == [winner]
            assert [e.text for e in told.timeline if e.kind == "answered_late"] == [loser.text]
            # Only what was chosen is carried out.
            assert told.state == ("asked" if winner == "Ana Berg" else "escalated")
            first[winner] += 1
    assert sum(first.values()) == RACES
    assert min(first.values()) > 0, "a race that one side always wins is none"
    due = journals[0].due.hand_out(3 * RACES, timedelta(minutes=1), "here", "answers")
    assert len(due) == 2 * RACES, "both are worked on: one heals, and both are told"
