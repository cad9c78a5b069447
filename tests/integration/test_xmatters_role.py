# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role xmatters in a real play: which incidents alert somebody, what the alert says, and that it stays in step."""

from __future__ import annotations

import json
import os
import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.self_healing.devops.plugins.module_utils import escalation, steps
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.asking import Asking, CallStep
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident, Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now
from sandbox.xmatters import XMatters
from support.one_tool import OneTool, start_tool
from support.story import MANAGED, NOW, PROBLEM, REMEDIES

HOSTILE = "{{ lookup('pipe', 'touch /tmp/owned') }} [Down]\n${jndi:x} 'quote\""
ASKED = replace(PROBLEM, title=HOSTILE, problem_id="asked")
HEALED = replace(PROBLEM, problem_id="healed by policy")
OBSERVED = replace(PROBLEM, problem_id="observed")
CLOSED = replace(PROBLEM, problem_id="closed without an alert")
NO_CALL = {"requested": False, "changed": False, "status": None}
EVERY = (ASKED, HEALED, OBSERVED, CLOSED)


@pytest.fixture
def xmatters() -> Iterator[OneTool[XMatters]]:
    with start_tool(XMatters) as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with one incident of each kind."""
    opened = Journal.open(str(tmp_path / "journal.db"))
    for problem in EVERY:
        opened.record_problem(problem, "dynatrace")
    decide(opened, ASKED, "ask")
    decide(opened, HEALED, "act")
    opened.change(HEALED.incident, lambda incident: steps.claim(incident, "here", NOW, timedelta(minutes=15)))
    decide(opened, OBSERVED, "observe")
    close(opened, CLOSED)
    yield opened
    opened.close()


def decide(journal: Journal, problem: Problem, ceiling: str) -> None:
    def step(incident: Incident) -> list[Any]:
        chain = (CallStep(), CallStep(recipients=("Checkout SRE",), priority="high", override=True))
        policy = policies.Policy(ceiling=ceiling, asking={"default": Asking(steps=chain)})
        record = {"process_restart": policies.Record(tried=4, worked=3)}
        around = policies.Surroundings(managed_hosts=1, record=record)
        decision = policies.decide(policy, incident, REMEDIES, [MANAGED], around, NOW)
        return steps.decide(incident, decision.to_data(), {})

    journal.change(problem.incident, step)


def close(journal: Journal, problem: Problem) -> None:
    """End an incident as the monitoring system and the playbook C(close) do."""
    journal.record_problem(replace(problem, status="resolved", resolved_at=NOW), "dynatrace")
    journal.change(problem.incident, steps.close)
    assert journal.read(problem.incident).state == "closed"


def play(xmatters: OneTool[XMatters], folder: Path, *problems: Problem, **variables: Any) -> dict[str, dict[str, Any]]:
    """Run the role for the incidents of these problems and return what its module returned for the newest calls."""
    host = {
        "ansible_connection": "local",
        "xmatters_url": xmatters.url,
        "xmatters_user": xmatters.settings.xmatters_user,
        "xmatters_recipients": [xmatters.settings.group],
        **variables,
    }
    (folder / "inventory.yml").write_text(yaml.safe_dump({"toolchain": {"hosts": {"xmatters": host}}}))
    tasks = [
        {"self_healing.devops.incident_info": {"incident": "{{ item }}", "content": True}, "register": "read"},
        {
            "ansible.builtin.include_role": {"name": "self_healing.devops.xmatters"},
            "vars": {"self_healing_incident": "{{ read.incident }}"},
        },
        {"ansible.builtin.debug": {"msg": "SHOWN {{ item }} {{ xmatters_shown | to_json | b64encode }}"}},
    ]
    (folder / "tasks.yml").write_text(yaml.safe_dump(tasks))
    loop = {"ansible.builtin.include_tasks": "tasks.yml", "loop": [problem.incident for problem in problems]}
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "toolchain", "gather_facts": False, "tasks": [loop]}]))
    secrets = {"XMATTERS_PASSWORD": xmatters.settings.xmatters_password, "XMATTERS_FORM_URL": xmatters.tool.form_url}
    ended = subprocess.run(
        ["ansible-playbook", "-i", "inventory.yml", "-vv", "play.yml"],
        cwd=folder,
        env={**os.environ, **secrets, "SELF_HEALING_JOURNAL": str(folder / "journal.db")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for secret in secrets.values():
        assert secret not in ended.stdout + ended.stderr
    shown = dict(re.findall(r"SHOWN (\S+) ([A-Za-z0-9+/=]+)", ended.stdout))
    results = {problem.problem_id: json.loads(b64decode(shown[problem.incident]))["results"] for problem in problems}
    return {problem: calls[-1] if calls else NO_CALL for problem, calls in results.items()}


def test_the_alert_follows_the_incident(xmatters: OneTool[XMatters], journal: Journal, tmp_path: Path) -> None:
    first = play(xmatters, tmp_path, *EVERY)
    assert {name: (shown["requested"], shown["status"]) for name, shown in first.items()} == {
        "asked": (True, "active"),
        "healed by policy": (True, "active"),
        "observed": (False, None),
        "closed without an alert": (False, None),
    }
    alerts = {alert["id"]: alert for alert in xmatters.snapshot()["alerts"]}
    assert len(alerts) == 2

    asked = alerts[first["asked"]["id"]]
    assert asked["priority"] == "HIGH"
    assert asked["subject"] == f"CRITICAL: {HOSTILE}".replace("\n", " ")
    assert HOSTILE.replace("\n", " ") in asked["text"]
    restart = "1. Restart process: restarts the service on shop-01 and checks that it stays up (worked 3 of 4 times)"
    assert restart in asked["text"].splitlines()
    assert asked["properties"]["short"].startswith("CRITICAL shop: {{ lookup('pipe'")
    assert {name: asked["properties"][name] for name in ("incident_id", "service", "host", "problem_id", "kind")} == {
        "incident_id": ASKED.incident,
        "service": "shop",
        "host": "shop-01",
        "problem_id": "P-2611001",
        "kind": "process_crash",
    }
    offered = ["Restart process", "I am looking", "Take over", "Escalate", "Snooze"]
    assert [option["label"] for option in asked["options"]] == offered

    informed = alerts[first["healed by policy"]["id"]]
    assert informed["priority"] == "LOW"
    assert informed["subject"].endswith("(being healed)")
    assert [option["label"] for option in informed["options"]] == ["Stop", "Take over"]
    assert "Nobody has to answer" in informed["text"]

    told = journal.read(ASKED.incident)
    assert told.tools["xmatters"].id == asked["id"]
    assert told.tools["xmatters"].details["responders"] == [{"name": "Ana Berg", "email": "ana@example.com"}]
    assert told.times["alerted"] is not None
    assert journal.read(OBSERVED.incident).tools["xmatters"].id is None

    # Nobody answers: the next step of the escalation is called, with an alert of its own, and neither is sent twice.
    journal.change(ASKED.incident, lambda incident: escalation.unanswered(incident, utc_now() + timedelta(hours=1)))
    called = play(xmatters, tmp_path, ASKED)["asked"]
    assert (called["requested"], called["xmatters_call"]["marker"]) == (True, f"{ASKED.incident}.2")
    again = play(xmatters, tmp_path, ASKED)["asked"]
    assert (again["requested"], again["id"]) == (False, called["id"])
    snapshot = {alert["id"]: alert for alert in xmatters.snapshot()["alerts"]}
    assert len(snapshot) == 3
    assert snapshot[called["id"]]["text"].count("this is call 2") == 1
    assert [alert["id"] for alert in journal.read(ASKED.incident).tools["xmatters"].details["alerts"]] == [
        asked["id"],
        called["id"],
    ]

    close(journal, ASKED)
    written = xmatters.faults.count("xmatters", "POST", "")
    words = tmp_path / "words.j2"
    words.write_text("{{ note.kind | upper }} {{ note.text }}\n")
    second = play(xmatters, tmp_path, ASKED, HEALED, xmatters_note_template=str(words))
    assert {name: (shown["changed"], shown["status"]) for name, shown in second.items()} == {
        "asked": (True, "terminated"),
        "healed by policy": (False, "active"),
    }
    assert xmatters.faults.count("xmatters", "POST", "") > written
    assert xmatters.tool.alerts[called["id"]].status == "TERMINATED"
    ended = xmatters.tool.alerts[asked["id"]]
    assert [audit.type for audit in ended.audits][-2:] == ["EVENT_ANNOTATED", "EVENT_TERMINATED"]
    noted = [note.comment for note in ended.annotations]
    assert len(noted) == len(set(noted)) >= 2
    # What was shown before stays, whatever the template says now.
    assert [note for note in noted if "DECIDED" in note] == []
    assert [note for note in noted if "CLOSED Closed: " in note] == noted[-1:]
    assert len(xmatters.snapshot()["alerts"]) == 3
