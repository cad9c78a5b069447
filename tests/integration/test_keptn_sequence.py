# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules keptn_sequence_info and keptn_sequence against the emulated Keptn, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import keptn_control
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import context_of
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    ConflictError,
    NotFoundError,
    UnclearOutcomeError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.keptn import outcome, wait_for_end
from ansible_collections.self_healing.devops.plugins.modules import keptn_event, keptn_sequence, keptn_sequence_info
from sandbox.keptn import Keptn
from support.keptn_runs import MARKER, PLACE, Running, client_of, run, sent, state_of, stored, until, waiting
from support.one_tool import start_tool

CONTEXT = context_of(MARKER)
ROLLBACK = "sh.keptn.event.rollback.triggered"
PROJECT = {"project": "shop"}


@pytest.fixture
def keptn() -> Iterator[Running]:
    with start_tool(Keptn) as running:
        yield running


def info(keptn: Running, **given: Any) -> dict[str, Any]:
    return run(keptn_sequence_info, keptn, **{**PROJECT, **given})


def begin(keptn: Running) -> None:
    """Start the rollback of the incident and wait for its task."""
    run(keptn_event, keptn, sequence="rollback", marker=MARKER, **PLACE)
    waiting(keptn, ROLLBACK)


def controls(keptn: Running) -> int:
    return keptn.faults.count("keptn", "POST", "/control$")


# -- keptn_sequence_info ----------------------------------------------------------------------------------------------


def test_nothing_under_the_context(keptn: Running) -> None:
    result = info(keptn, marker=MARKER)
    assert (result["exists"], result["state"], result["ended"], result["succeeded"]) == (False, None, False, False)
    assert (result["stages"], result["context"]) == ([], CONTEXT)


def test_the_way_of_a_sequence(keptn: Running) -> None:
    begin(keptn)
    running = info(keptn, marker=MARKER)
    assert (running["exists"], running["name"], running["state"], running["ended"]) == (
        True,
        "rollback",
        "started",
        False,
    )
    assert (running["status"], running["result"]) == (None, None)
    sent(keptn, waiting(keptn, ROLLBACK), "started", "finished", message="back on 1.1")
    ended = info(keptn, context=CONTEXT, wait=20)
    assert ended == {
        "changed": False,
        "exists": True,
        "context": CONTEXT,
        "name": "rollback",
        "state": "finished",
        "ended": True,
        "succeeded": True,
        "status": "succeeded",
        "result": "pass",
        "message": "back on 1.1",
        "stages": [
            {
                "name": "production",
                "state": "succeeded",
                "image": None,
                "latest_event": "sh.keptn.event.production.rollback.finished",
                "failed_event": None,
                "evaluation": None,
                "score": None,
            }
        ],
        "url": f"{keptn.url}/bridge/trace/{CONTEXT}",
    }


def test_a_rollback_is_judged_by_its_status(keptn: Running) -> None:
    """The service of Keptn says the result again that it was told, which is why there was a rollback at all."""
    keptn.tool.services.tasks |= {"rollback"}
    context = keptn.call("deliver", result="fail")["context"]
    judged = info(keptn, context=context, stage="production", sequence="rollback", wait=20)
    assert (judged["ended"], judged["succeeded"], judged["status"], judged["result"]) == (
        True,
        True,
        "succeeded",
        "fail",
    )
    delivery = info(keptn, context=context, stage="production", sequence="delivery")
    assert (delivery["ended"], delivery["result"]) == (True, "fail")
    assert delivery["stages"][0]["evaluation"] == "fail"


@pytest.mark.parametrize(
    ("said", "succeeded"),
    [
        ({"status": "errored", "result": "fail"}, False),
        ({"status": "succeeded", "result": "fail"}, True),
        ({"status": "unknown", "result": "pass"}, False),
    ],
)
def test_success_is_a_matter_of_the_status(keptn: Running, said: dict[str, str], succeeded: bool) -> None:
    begin(keptn)
    sent(keptn, waiting(keptn, ROLLBACK), "started", "finished", **said)
    result = info(keptn, marker=MARKER, wait=20)
    assert (result["ended"], result["succeeded"], result["state"]) == (True, succeeded, "finished")
    assert result["status"] == said["status"]


def test_a_sequence_that_could_not_start_has_ended(keptn: Running) -> None:
    run(keptn_event, keptn, sequence="moonshot", marker=MARKER, **PLACE)
    result = info(keptn, marker=MARKER, wait=20)
    assert (result["state"], result["ended"], result["succeeded"]) == ("triggered", True, False)
    assert result["message"] == (
        "Unable to start sequence moonshot: no task sequence with name moonshot found in stage production"
    )


def test_time_out_and_abort_are_no_success(keptn: Running) -> None:
    keptn.tool.controller.answer_within = 0.1
    begin_state = run(keptn_event, keptn, sequence="rollback", marker=MARKER, **PLACE)
    assert state_of(keptn, begin_state["context"], "timedOut")
    timed_out = info(keptn, marker=MARKER)
    assert (timed_out["state"], timed_out["status"], timed_out["succeeded"]) == ("timedOut", "errored", False)
    keptn.tool.controller.answer_within = 600.0
    other = keptn.call("rollback", service="orders")["context"]
    waiting(keptn, ROLLBACK, other)
    run(keptn_sequence, keptn, **PROJECT, context=other, state="aborted")
    aborted = info(keptn, context=other, wait=20)
    assert (aborted["state"], aborted["status"], aborted["succeeded"]) == ("aborted", "aborted", False)


def test_only_the_newest_run_of_a_sequence_counts(keptn: Running) -> None:
    made = keptn.call("problem", title="Process unavailable", evaluations=["fail"])
    remediation = {"context": made["context"], "stage": "production", "sequence": "remediation"}
    first = waiting(keptn)
    sent(keptn, first, "started", "finished")
    stored(keptn, "sh.keptn.event.production.remediation.triggered", 2)
    stored(keptn, "sh.keptn.event.action.triggered", 2)
    going_on = info(keptn, **remediation)
    assert (going_on["ended"], going_on["stages"][0]["evaluation"]) == (False, "fail")
    until(keptn, lambda: first.id not in keptn.tool.controller.open)
    sent(keptn, waiting(keptn), "started", "finished")
    ended = info(keptn, **remediation, wait=20)
    assert (ended["ended"], ended["succeeded"], ended["result"]) == (True, True, "pass")


def test_waiting_has_an_end(keptn: Running) -> None:
    begin(keptn)
    now = [0.0]
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    found = wait_for_end(client_of(keptn), "shop", CONTEXT, seconds=5, clock=lambda: now[0], pause=pause)
    assert (found.ended, waited) == (False, [2.0, 2.0, 1.0])


def test_an_end_that_nobody_wrote_down_is_no_success(keptn: Running) -> None:
    """The datastore may have lost, or not yet have, what the state knows."""
    begin(keptn)
    keptn.tool.controller.states.all[0].state = "finished"
    found = outcome(client_of(keptn), "shop", CONTEXT)
    assert (found.ended, found.succeeded, found.status) == (True, False, "unknown")


# -- keptn_sequence ---------------------------------------------------------------------------------------------------


def control(keptn: Running, state: str, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    return run(keptn_sequence, keptn, check_mode, **{**PROJECT, "marker": MARKER, "state": state, **given})


def test_pause_resume_and_abort_are_states(keptn: Running) -> None:
    begin(keptn)
    assert control(keptn, "resumed")["changed"] is False
    assert control(keptn, "paused", check_mode=True)["changed"] is True
    assert controls(keptn) == 0
    paused = control(keptn, "paused")
    assert paused == {
        "changed": True,
        "diff": {"before": {"state": "started"}, "after": {"state": "paused"}},
        "context": CONTEXT,
        "state": "paused",
        "url": f"{keptn.url}/bridge/trace/{CONTEXT}",
    }
    assert control(keptn, "paused")["changed"] is False
    assert control(keptn, "resumed", check_mode=True)["diff"]["after"] == {"state": "started"}
    assert control(keptn, "resumed")["state"] == "started"
    assert control(keptn, "aborted")["state"] == "aborted"
    again = control(keptn, "aborted")
    assert (again["changed"], again["state"], controls(keptn)) == (False, "aborted", 3)


def test_what_has_ended_is_left_alone(keptn: Running) -> None:
    begin(keptn)
    sent(keptn, waiting(keptn, ROLLBACK), "started", "finished")
    assert state_of(keptn, CONTEXT, "finished")
    assert control(keptn, "aborted")["state"] == "finished"
    assert control(keptn, "resumed")["changed"] is False
    with pytest.raises(ConflictError, match=r"has ended \(finished\), it cannot be paused"):
        control(keptn, "paused")
    assert controls(keptn) == 0


def test_one_stage_of_it(keptn: Running) -> None:
    begin(keptn)
    assert control(keptn, "paused", stage="production")["changed"] is True
    assert control(keptn, "paused", stage="production")["changed"] is False
    assert control(keptn, "resumed", stage="production")["state"] == "started"
    with pytest.raises(NotFoundError, match="not been in the stage staging"):
        control(keptn, "paused", stage="staging")


def test_a_context_that_keptn_does_not_know(keptn: Running) -> None:
    with pytest.raises(NotFoundError, match="project shop has no sequence under the context"):
        control(keptn, "aborted")
    assert controls(keptn) == 0


@pytest.mark.parametrize("kind", ["drop_after", "status_after"])
def test_a_command_whose_answer_was_lost_is_looked_up(keptn: Running, kind: str) -> None:
    begin(keptn)
    keptn.faults.add("keptn", kind, method="POST", path="/control$")
    assert control(keptn, "aborted")["changed"] is True
    assert controls(keptn) == 1


def test_a_command_that_had_no_effect_is_told(keptn: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keptn_control, "COMMANDS", {"paused": "resume"})
    begin(keptn)
    client = client_of(keptn)
    with pytest.raises(AnswerError, match="shows started after 1 s, not paused"):
        keptn_control.keep_state(client, "shop", CONTEXT, "paused", patience=1.0, pause=lambda _seconds: None)
    keptn.faults.add("keptn", "drop", method="POST", path="/control$")
    with pytest.raises(UnclearOutcomeError):
        keptn_control.keep_state(client, "shop", CONTEXT, "paused", patience=1.0, pause=lambda _seconds: None)


def test_the_end_is_seen_while_waiting(keptn: Running) -> None:
    begin(keptn)
    task = waiting(keptn, ROLLBACK)
    later = threading.Timer(0.3, sent, args=(keptn, task, "started", "finished"))
    later.start()
    found = wait_for_end(client_of(keptn), "shop", CONTEXT, seconds=20, every=0.1)
    later.join()
    assert found.succeeded
