# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems, answers and incidents for tests, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils import answering, reports, steps
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.incident import (
    Answer,
    Entity,
    Entry,
    Incident,
    Problem,
    TimelineEntry,
)
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import fold

NOW = datetime(2026, 11, 22, 10, 0, 0, tzinfo=timezone.utc)
PROCESS = Entity("PROCESS_GROUP_INSTANCE-1", "PROCESS_GROUP_INSTANCE", "shop")
HOST = Entity("HOST-1", "HOST", "shop-01")
PROBLEM = Problem(
    source="dynatrace",
    tenant="",
    problem_id="-6478017825120311599_1641223491837V2",
    display_id="P-2611001",
    status="open",
    title="Process unavailable",
    kind="process_crash",
    severity="critical",
    service="shop",
    url="https://dynatrace.example/#problems/problemdetails;pid=1",
    entities=(PROCESS, HOST),
    opened_at=NOW,
)
RESOLVED = replace(PROBLEM, status="resolved", resolved_at=NOW + timedelta(minutes=5))
MANAGED = policies.Candidate("shop-01", True, "entity id")
REMEDIES = ["process_restart"]


def answer(choice: str = "Restart process", responder: str = "Ana Berg", key: str = "1", **other: Any) -> Answer:
    """Return an answer to the incident of C(PROBLEM)."""
    values: dict[str, Any] = {"channel": "xmatters", "alert_id": "e-1", "incident_id": PROBLEM.incident}
    values.update(comment=None, at=NOW, vouched=True)
    return Answer(choice=choice, responder=responder, key=key, **{**values, **other})


class Story:
    """An incident in the making, without a journal: every step is folded at once, with what follows from it."""

    def __init__(self, *problems: Problem) -> None:
        self.entries: list[TimelineEntry] = []
        self.at = NOW
        for problem in problems or (PROBLEM,):
            self.report(problem)

    @property
    def incident(self) -> Incident:
        return fold(PROBLEM.incident, self.entries)

    def report(self, problem: Problem) -> str:
        change, entries = reports.absorb(self.incident if self.entries else None, problem)
        self.add(entries)
        return change

    def add(self, entries: Sequence[Entry]) -> Story:
        for entry in entries:
            self.at += timedelta(seconds=1)
            line = TimelineEntry(
                len(self.entries) + 1, self.at, entry.actor, entry.kind, entry.text, dict(entry.data), entry.key
            )
            self.entries.append(line)
        following = steps.consequences(self.incident)
        return self.add(following) if following else self

    def decide(
        self, policy: policies.Policy | None = None, candidates: Sequence[policies.Candidate] = (MANAGED,)
    ) -> Story:
        policy = policy or policies.Policy()
        around = policies.Surroundings(managed_hosts=1)
        decision = policies.decide(policy, self.incident, REMEDIES, candidates, around, self.at)
        return self.add(steps.decide(self.incident, decision.to_data(), policy.timers(decision)))

    def answer(self, choice: str = "Restart process", **other: Any) -> str:
        outcome = answering.answer(self.incident, answer(choice, **other))
        self.add(outcome.entries)
        return outcome.change

    def claim(self, worker: str = "here:1") -> Story:
        return self.add(steps.claim(self.incident, worker, self.at, timedelta(minutes=15)))

    def found(self, phase: str, healthy: bool, **figures: Any) -> Story:
        return self.add(steps.evidence(self.incident, phase, healthy, figures or {"up": int(healthy)}, ""))

    def fix(self) -> Story:
        self.found("before", False).add(steps.fix_started(self.incident))
        return self.add(steps.fixed(self.incident, True, timedelta(minutes=10)))

    def verify(self) -> Story:
        return self.found("after", True).add(steps.verified(self.incident))
