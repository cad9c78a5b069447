# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of the journal, through their own functions and as real modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.modules import (
    incident,
    incident_attachment,
    incident_evidence,
    incident_info,
    incident_tool,
)
from support.story import NOW, PROBLEM, RESOLVED, answer

INCIDENT = PROBLEM.incident
FLEET = [{"host": "shop-01", "entities": ["PROCESS_GROUP_INSTANCE-1"]}]
DECIDE = {"step": "decide", "remedies": ["process_restart"], "fleet": FLEET}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path) -> str:
    path = str(tmp_path / "journal.db")
    Journal.open(path).record_problem(PROBLEM, "dynatrace")
    return path


@pytest.fixture
def run(place: str) -> Run:
    def call(module: ModuleType, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        wanted = {"incident": INCIDENT, "journal": place, **options}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        checked = ArgumentSpecValidator(module.SPEC.options, **module.SPEC.constraints()).validate(wanted)
        assert checked.error_messages == []
        result: dict[str, Any] = module.run(checked.validated_parameters, check_mode, None)
        return result

    return call


def heal(run: Run, place: str) -> None:
    run(incident, **DECIDE)
    Journal.open(place).record_answer(answer())
    run(incident, step="claim")
    run(incident_evidence, phase="before", healthy=False, figures={"up": "0", "response_ms": ""})
    run(incident, step="fix_started")
    run(incident, step="fixed")


@pytest.mark.parametrize("step", ["fixed", "fix_failed", "verified", "unverified", "undone", "finish"])
def test_a_run_that_lost_the_incident_has_no_say_in_it_any_more(run: Run, place: str, step: str) -> None:
    heal(run, place)
    before = Journal.open(place).read(INCIDENT)
    told = run(incident, step=step, worker="replaced:1", reason="the host is gone")
    assert told["changed"] is False
    assert Journal.open(place).read(INCIDENT) == before, "it is the other run's to say how it goes"
    if step != "finish":
        assert (told["granted"], told["refused"]["reason"]) == (False, "busy")


def test_every_step_changes_once(run: Run, place: str) -> None:
    assert run(incident, **DECIDE)["changed"] is True
    assert run(incident, **DECIDE)["changed"] is False
    Journal.open(place).record_answer(answer())
    assert run(incident, step="claim")["granted"] is True
    assert run(incident_evidence, phase="before", healthy=False)["changed"] is True
    assert run(incident_evidence, phase="before", healthy=False)["changed"] is False
    for step in ("fix_started", "fixed", "verified"):
        assert run(incident, step=step)["changed"] is True
        assert run(incident, step=step)["changed"] is False
    Journal.open(place).record_problem(RESOLVED)
    closed = run(incident, step="close")
    assert closed["incident"]["state"] == "closed"
    assert "Closed: stable" in closed["diff"]["after"]
    assert run(incident, step="close")["changed"] is False


def test_an_option_says_how_often_its_remedy_worked_here(run: Run, place: str) -> None:
    heal(run, place)
    assert run(incident, step="verified")["changed"] is True
    later = replace(PROBLEM, problem_id="later")
    Journal.open(place).record_problem(later)
    told = run(incident, **{**DECIDE, "incident": later.incident})["incident"]
    assert told["options"][0]["record"] == {"tried": 1, "worked": 1}
    elsewhere = replace(
        PROBLEM, problem_id="elsewhere", service="mail", entities=(Entity("HOST-9", "HOST", "mail-01"),)
    )
    Journal.open(place).record_problem(elsewhere)
    fleet = [{"host": "mail-01", "entities": ["HOST-9"]}]
    told = run(incident, **{**DECIDE, "incident": elsewhere.incident, "fleet": fleet})["incident"]
    assert told["options"][0]["record"] == {"tried": 0, "worked": 0}


def test_check_mode_writes_nothing(run: Run, place: str) -> None:
    before = Journal.open(place).revision()
    assert run(incident, check_mode=True, **DECIDE)["changed"] is True
    assert run(incident, check_mode=True, step="note", text="x")["changed"] is True
    assert run(incident_tool, check_mode=True, tool="jira", role="jira", id="OPS-1")["changed"] is True
    assert run(incident_attachment, check_mode=True, name="a.md", content="x")["changed"] is True
    assert run(incident_evidence, check_mode=True, phase="before", healthy=True)["changed"] is True
    assert Journal.open(place).revision() == before


def test_a_claim_that_comes_too_late_is_no_failure(run: Run, place: str) -> None:
    assert run(incident, step="claim")["granted"] is False
    run(incident, **DECIDE)
    Journal.open(place).record_answer(answer())
    assert run(incident, step="claim", worker="first")["granted"] is True
    second = run(incident, step="claim", worker="second")
    assert (second["granted"], second["changed"], second["refused"]["reason"]) == (False, False, "busy")


def test_a_decision_to_act_is_claimed_at_once(run: Run) -> None:
    decided = run(incident, **DECIDE, policy={"self_healing_ceiling": "act"})
    assert (decided["granted"], decided["incident"]["claim"]["target"]) == (True, "shop-01")
    asked = run(incident, **DECIDE, policy={"self_healing_ceiling": "act"}, worker="another")
    assert asked["granted"] is False


def test_the_kind_of_the_problem_chooses_the_remedies_where_no_rulebook_does(run: Run) -> None:
    by_kind = {"process_crash": ["process_restart"], "other": ["unknown"]}
    offered = run(incident, step="decide", fleet=FLEET, remedies_by_kind=by_kind)["incident"]["options"]
    assert offered[0]["name"] == "process_restart"
    with pytest.raises(ConfigurationError, match="remedies: unknown is not known"):
        run(incident, step="decide", fleet=FLEET, remedies_by_kind={"process_crash": ["unknown"]})
    with pytest.raises(ConfigurationError, match="remedies_by_kind: process_crash has no list"):
        run(incident, step="decide", fleet=FLEET, remedies_by_kind={"process_crash": "process_restart"})


def test_a_host_that_may_not_be_healed_is_told_from_one_that_is_not_there(run: Run) -> None:
    decided = run(incident, **{**DECIDE, "fleet": []}, other_hosts=["SHOP-01"])["incident"]["decision"]
    assert (decided["verdict"], decided["reason"]) == ("hold", "unmanaged")
    assert "SHOP-01" in decided["text"]


def test_a_timer_is_heard_before_the_decision_and_both_take_the_delivery_up(run: Run, place: str) -> None:
    run(incident, **{**DECIDE, "fleet": []})
    journal = Journal.open(place)
    (delivery,) = journal.due.hand_out(1, timedelta(minutes=5), "engine:1")
    living = run_identity.hold()
    assert journal.due.begin(delivery.id, living) is True
    busy = run(incident, **DECIDE, timer="reconsider", delivery=delivery.id, worker="another:1")
    assert (busy["changed"], busy["in_other_hands"], busy["refused"]["reason"]) == (False, True, "busy")
    decided = run(incident, **DECIDE, timer="reconsider", delivery=delivery.id, worker=living)
    assert [entry["kind"] for entry in decided["incident"]["timeline"][-2:]] == ["reconsidered", "decided"]
    assert decided["incident"]["state"] == "asked"


@pytest.mark.parametrize("given", ["", "all", "i7k3v5q2x4dmz\n", "I7K3V5Q2X4DMZ", "{{ 7 * 7 }}"])
@pytest.mark.parametrize("module", [incident, incident_info])
def test_what_is_no_identifier_is_told_how_one_looks(run: Run, module: ModuleType, given: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"Which incident\? Give its identifier, like -e incident=i7k3v5q2x4dmz"
    ):
        run(module, incident=given, **({"step": "claim"} if module is incident else {}))


def test_what_is_left_half_done_is_escalated_at_the_end(run: Run, place: str) -> None:
    heal(run, place)
    another = run(incident, step="note", text="x", worker="another:1")
    assert another["in_other_hands"] is True
    assert run(incident, step="finish")["incident"]["state"] == "verifying", "the fix was done"
    assert run(incident, step="finish")["changed"] is False
    assert run(incident, step="note", text="y", worker="another:1")["in_other_hands"] is False


def test_a_run_that_never_reached_its_host_is_escalated(run: Run, place: str) -> None:
    run(incident, **DECIDE)
    Journal.open(place).record_answer(answer())
    run(incident, step="claim")
    assert run(incident, step="finish", reason="unreachable")["incident"]["state"] == "escalated"


def test_the_stop_file_is_looked_for(run: Run, tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    stop.write_text("")
    decided = run(incident, **DECIDE, policy={"self_healing_stop_file": str(stop)})["incident"]["decision"]
    assert (decided["verdict"], decided["reason"]) == ("hold", "stopped")


def test_figures_are_numbers_however_they_were_passed(run: Run, place: str) -> None:
    heal(run, place)
    assert run(incident_info)["incident"]["evidence"]["before"]["figures"] == {"up": 0, "response_ms": None}


@pytest.mark.parametrize("figures", [{"list": [1]}, {"dict": {}}, {str(n): n for n in range(31)}])
def test_what_is_no_figure_is_refused(run: Run, figures: dict) -> None:
    with pytest.raises(ConfigurationError, match="figures"):
        run(incident_evidence, phase="before", healthy=True, figures=figures)


def test_a_tool_is_remembered_and_its_failure_keeps_what_was_known(run: Run) -> None:
    shown = {"tool": "pager", "role": "xmatters", "id": "e-1", "url": "https://x", "version": 1, "pager": True}
    assert run(incident_tool, **shown)["changed"] is True
    assert run(incident_tool, **shown)["changed"] is False
    failed = run(incident_tool, tool="pager", role="xmatters", error="no route to host")
    assert failed["tool"]["id"] == "e-1"
    assert failed["tool"]["state"] == "failed"
    assert run(incident_tool, tool="pager", role="xmatters", error="no route to host")["changed"] is False
    assert run(incident_info, incident=None, behind=True)["incidents"] == [INCIDENT]
    assert run(incident_tool, **shown)["changed"] is True
    record = run(incident_info)["incident"]
    assert record["times"]["alerted"] is not None
    assert [entry["kind"] for entry in record["timeline"]] == ["detected", "alerted", "tool_failed"]


def test_a_call_waits_for_what_it_links_to_and_not_for_ever(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pager = {"tool": "xmatters", "role": "xmatters", "step": "take", "wait_for": ["jira", "slack"]}
    waited: list[float] = []
    looks = iter(["jira", "slack"])

    def meanwhile(seconds: float) -> None:
        waited.append(seconds)
        if tool := next(looks, None):
            run(incident_tool, tool=tool, role=tool, **({"id": "OPS-1"} if tool == "jira" else {"error": "401"}))

    monkeypatch.setattr("time.sleep", meanwhile)
    run(incident_tool, **pager)
    assert waited == [], "nobody is called yet"
    run(incident, **DECIDE)
    taken = run(incident_tool, **pager)
    assert len(waited) == 2, "until one shows the incident and the other has failed"
    assert taken["incident"]["tools"]["jira"]["id"] == "OPS-1"
    run(incident_tool, **{**pager, "wait_for": ["teams"], "patience": 0})
    alerts = [{"marker": INCIDENT, "id": "a-1", "status": "active"}]
    run(incident_tool, tool="xmatters", role="xmatters", id="a-1", details={"alerts": alerts})
    run(incident_tool, **{**pager, "wait_for": ["teams"], "patience": 60})
    assert len(waited) == 2, "the call was made already"


def test_bookkeeping_puts_no_tool_behind(run: Run) -> None:
    run(incident, **DECIDE)
    shown = {"tool": "jira", "role": "jira", "id": "OPS-1"}
    assert run(incident_tool, **shown, version=run(incident_info)["incident"]["version"])["changed"] is True
    assert run(incident_tool, tool="slack", role="slack", id="C1", version=2)["changed"] is True
    assert run(incident_tool, **shown, version=run(incident_info)["incident"]["version"])["changed"] is False
    assert run(incident_info, incident=None, behind=True)["incidents"] == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a\nb", ".hidden", "x" * 300])
def test_an_attachment_has_a_plain_name(run: Run, name: str) -> None:
    with pytest.raises(ConfigurationError, match="no plain file name"):
        run(incident_attachment, name=name, content="x")


def test_a_delivery_is_settled_once(run: Run, place: str) -> None:
    delivery = Journal.open(place).record_problem(RESOLVED).delivery
    assert run(incident, step="settle", delivery=delivery)["settled"] is True
    again = run(incident, step="settle", delivery=delivery)
    assert (again["settled"], again["changed"]) == (False, False)


def test_an_unknown_incident_is_a_clear_error(run: Run) -> None:
    with pytest.raises(SelfHealingError, match="there is no incident 'i7k3v5q2x4dmz'"):
        run(incident_info, incident="i7k3v5q2x4dmz")


def test_as_a_real_module(place: str) -> None:
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {"incident": INCIDENT}})
    name = incident_info.__name__
    environment = {**os.environ, "SELF_HEALING_JOURNAL": place, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-m", name],
        input=given,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    result = json.loads(done.stdout)
    assert result["incident"]["state"] == "detected", done.stderr


def test_one_run_at_a_time_brings_a_tool_up_to_date(run: Run, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incident_tool, "PATIENCE", 0.3)
    journal = Journal.open(place)
    assert journal.tools.lease(INCIDENT, "jira", "another:1", incident_tool.LEASE) is None
    with pytest.raises(SelfHealingError, match="another:1 has been bringing jira up to date"):
        run(incident_tool, tool="jira", role="jira", step="take")
    assert run(incident_tool, tool="slack", role="slack", step="take")["incident"]["id"] == INCIDENT
    assert run(incident_tool, tool="slack", role="slack", step="take")["changed"] is False, "it has it already"
    assert journal.tools.lease(INCIDENT, "slack", "another:1", incident_tool.LEASE) is not None
    run(incident_tool, tool="slack", role="slack", error="no route to host")
    assert journal.tools.lease(INCIDENT, "slack", "another:1", incident_tool.LEASE) is None
    assert run(incident_tool, check_mode=True, tool="slack", role="slack", step="take")["changed"] is False


def test_the_tool_of_a_lost_run_is_free_again_after_a_while(place: str) -> None:
    early, late = Journal.open(place, lambda: NOW), Journal.open(place, lambda: NOW + timedelta(minutes=4))
    assert early.tools.lease(INCIDENT, "jira", "lost:1", incident_tool.LEASE) is None
    assert early.tools.lease(INCIDENT, "jira", "another:1", incident_tool.LEASE) == "lost:1"
    assert late.tools.lease(INCIDENT, "jira", "another:1", incident_tool.LEASE) is None
    late.tools.release(INCIDENT, "jira", "lost:1")
    assert late.tools.lease(INCIDENT, "jira", "third:1", incident_tool.LEASE) == "another:1"
