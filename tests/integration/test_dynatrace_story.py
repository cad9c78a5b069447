# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the role dynatrace ends the story of a healed problem, run by ansible-playbook against the emulated Dynatrace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity, Problem, marks_in
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from sandbox.dynatrace import Dynatrace
from sandbox.dynatrace.world import Event, Sample
from sandbox.settings import Settings, Watch
from support.one_tool import OneTool, start_tool
from support.playbook import LOCAL, PlaybookRun, run_playbook
from support.story import MANAGED, PROBLEM, REMEDIES, answer

#: A service that is probed once and found dead, which is no response time.
WATCH = Watch("shop", "http://127.0.0.1:9/", "shop-01", interval=3600)
ATTACK = "{{ lookup('ansible.builtin.pipe', 'id') }}"
BEGAN = datetime.now(timezone.utc) - timedelta(minutes=20)
KEEP, SHOWN = "Keep the Dynatrace problem in step with the incident", "Note in the journal what the tool shows"
STORY = (
    "Read what Dynatrace measured before and after the fix",
    "Show the figures before and after the fix on the problem",
    "Tell with an event that it was healed",
)


class Clock:
    """Twenty minutes ago, and a second later with every look."""

    def __init__(self) -> None:
        self.now = BEGAN + timedelta(minutes=5)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class Night:
    """What there was after the playbook."""

    run: PlaybookRun
    tenant: OneTool[Dynatrace]
    journal: Journal
    pids: dict[str, str]

    def results(self, task: str, of: str) -> list[bool]:
        """Return whether the task changed anything, for each time it ran for this incident."""
        changes: list[bool] = []
        current = ""
        for done in self.run.of("dynatrace"):
            if done.task.startswith("Read the incident "):
                current = done.task.removeprefix("Read the incident ")
            elif (done.task, current) == (task, of) and done.outcome != "skipped":
                changes.append(done.changed)
        return changes

    def comments(self, of: str) -> list[str]:
        problem = next(one for one in self.tenant.snapshot()["problems"] if one["pid"] == self.pids[of])
        return [comment["text"] for comment in problem["comments"]]

    def events(self, of: str) -> list[Event]:
        incident = self.incident(of)
        found = self.tenant.tool.world.events.values()
        return [event for event in found if incident in marks_in(event.properties.get("self_healing.incident", ""))]

    def incident(self, of: str) -> str:
        return Problem("dynatrace", "", self.pids[of], "P-1", "open", "x").incident


def heal(journal: Journal, problem: Problem) -> None:
    """Let the journal hear of a problem that was healed and is over."""
    incident = problem.incident

    def decide(known: Any) -> Any:
        around = policies.Surroundings(managed_hosts=1)
        decision = policies.decide(policies.Policy(), known, REMEDIES, [MANAGED], around, known.timeline[-1].at)
        return steps.decide(known, decision.to_data(), {})

    journal.record_problem(problem)
    journal.change(incident, decide)
    journal.record_answer(answer(incident_id=incident, key=incident))
    at = journal.read(incident).timeline[-1].at
    told: list[Any] = [
        lambda i: steps.claim(i, "here:1", at, timedelta(minutes=15)),
        lambda i: steps.evidence(i, "before", False, {"up": 0, "response_ms": None, "note": ATTACK}, ""),
        steps.fix_started,
        lambda i: steps.fixed(i, True, timedelta(minutes=10)),
        lambda i: steps.evidence(i, "after", True, {"up": 1, "response_ms": 3.25, "version": "2.0.1"}, ""),
        steps.verified,
    ]
    for step in told:
        journal.change(incident, step)
    journal.record_problem(replace(problem, status="resolved", resolved_at=at))
    journal.change(incident, steps.close)
    assert journal.read(incident).state == "closed"


def tell(name: str, incident: str, check: bool = False, **variables: Any) -> list[dict[str, Any]]:
    read = {"incident": incident}
    role = {"name": "self_healing.devops.dynatrace", "apply": {"check_mode": check}}
    return [
        {"name": f"Read the incident {name}", "self_healing.devops.incident_info": read, "register": "read"},
        {
            "name": "Tell the tool",
            "ansible.builtin.include_role": role,
            "vars": {"self_healing_incident": "{{ read.incident }}", **variables},
        },
    ]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    location = str(tmp_path_factory.mktemp("dynatrace-story") / "journal.db")
    journal = Journal.open(location, clock=Clock())
    with start_tool(Dynatrace, Settings(watches=(WATCH,))) as tenant:
        pids = {
            name: tenant.call("open", title=ATTACK, event_type="PGI_UNAVAILABLE", entity=WATCH.entity)["pid"]
            for name in ("healed", "released", "asked", "silent")
        }
        cause = Entity(WATCH.entity, "PROCESS_GROUP_INSTANCE", ATTACK)
        problems = {
            name: replace(PROBLEM, problem_id=pid, title=ATTACK, entities=(cause,), root_cause=cause, opened_at=BEGAN)
            for name, pid in pids.items()
        }
        for name in ("healed", "released", "silent"):
            heal(journal, problems[name])
        journal.record_problem(problems["asked"])
        service = tenant.tool.world.service_of(WATCH).id
        fixed = journal.read(problems["healed"].incident).times["fixing"]
        assert fixed is not None
        for minutes, microseconds in ((-3, 950_000), (3, 12_500)):
            at = int((fixed + timedelta(minutes=minutes)).timestamp() * 1000)
            tenant.tool.world.samples[service].append(Sample(at, True, microseconds))
        figures = {"dynatrace_figures": ["response_time", "cpu_usage"]}
        incidents = {name: problem.incident for name, problem in problems.items()}
        story = [
            *tell("healed", incidents["healed"], check=True, **figures),
            *tell("healed", incidents["healed"], **figures),
            *tell("healed", incidents["healed"], **figures),
            *tell("released", incidents["released"], dynatrace_deployment_remedies=["process_restart"]),
            *tell("silent", incidents["silent"], dynatrace_send_event=False),
            *tell("asked", incidents["asked"], **figures),
        ]
        done = run_playbook(
            [{"hosts": "dynatrace", "gather_facts": False, "tasks": story}],
            {"dynatrace": {**LOCAL, "dynatrace_url": tenant.url}, "shop-01": {"self_healing_entities": [service]}},
            environment={
                "SELF_HEALING_JOURNAL": location,
                "DYNATRACE_TOKEN": tenant.settings.dynatrace_token,
            },
        )
        assert done.returncode == 0, done.output
        yield Night(done, tenant, journal, pids)
    journal.close()


def test_check_mode_changes_nothing_and_the_second_run_neither(night: Night) -> None:
    assert [night.results(task, "healed") for task in (KEEP, *STORY[1:])] == [[True, True, False]] * 3


def test_one_comment_has_the_figures_before_and_after(night: Night) -> None:
    [text] = [text for text in night.comments("healed") if "-figures-" in text]
    assert text.splitlines() == [
        "Before and after process_restart on shop-01:",
        "- up: 0 → 1",
        "- response_ms: – → 3.25",
        f"- note: {ATTACK} → –",
        "- version: – → 2.0.1",
        "Measured by Dynatrace:",
        f"- response_time: 950 → 12.5 ms [{night.incident('healed')}-figures-1]",
    ]


def test_the_notes_are_what_they_were(night: Night) -> None:
    told = [text for text in night.comments("healed") if "-figures-" not in text]
    assert [text for text in night.comments("silent") if "-figures-" not in text] == [
        text.replace(night.incident("healed"), night.incident("silent")) for text in told
    ]
    assert len(told) == len(set(told)) > 5


def test_the_healed_entity_has_an_event_with_our_mark(night: Night) -> None:
    [event] = night.events("healed")
    assert (event.type, event.title, event.entity.id) == (
        "CUSTOM_INFO",
        "Self-healing: process_restart on shop-01",
        WATCH.entity,
    )
    assert event.properties["self_healing.key"] == f"{night.incident('healed')}-1"
    assert event.properties["self_healing.remedy"] == "process_restart"
    assert "up 0 → 1" in event.properties["dt.event.description"]
    started = night.journal.read(night.incident("healed")).times["fixing"]
    assert started is not None
    assert event.start == int(started.timestamp() * 1000)


def test_a_rollback_is_a_deployment(night: Night) -> None:
    [event] = night.events("released")
    assert event.type == "CUSTOM_DEPLOYMENT"
    assert event.properties["dt.event.deployment.name"] == "shop"
    assert event.properties["dt.event.deployment.version"] == "2.0.1"


def test_no_event_where_none_is_wanted(night: Night) -> None:
    assert night.events("silent") == []
    assert any("-figures-1]" in text for text in night.comments("silent"))


def test_the_story_goes_on_where_nothing_was_verified(night: Night) -> None:
    assert [night.results(task, "asked") for task in STORY] == [[], [], []]
    assert night.results(SHOWN, "asked") == [True]
    # A skipped task is a process, and there are many incidents that nothing was done about.
    after = next(n for n, done in enumerate(night.run.tasks) if done.task == "Read the incident asked")
    assert [done.task for done in night.run.tasks[after:] if done.outcome == "skipped"] == []
    assert (night.events("asked"), [t for t in night.comments("asked") if "-figures-" in t]) == ([], [])
