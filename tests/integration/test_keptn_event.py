# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module keptn_event against the emulated Keptn, over HTTP: an event is there once, whatever happens to answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import keptn as keeping
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import context_of, draft
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AuthenticationError,
    UnclearOutcomeError,
)
from ansible_collections.self_healing.devops.plugins.modules import keptn_event
from sandbox.keptn import Keptn
from support.keptn_runs import MARKER, PLACE, Running, client_of, run, state_of, stored, waiting
from support.one_tool import start_tool
from support.playbook import LOCAL, run_playbook

TRIGGERED = "sh.keptn.event.production.rollback.triggered"
ROLLBACK = {"sequence": "rollback", **PLACE, "marker": MARKER}


@pytest.fixture
def keptn() -> Iterator[Running]:
    with start_tool(Keptn) as running:
        yield running


def posts(keptn: Running) -> int:
    return keptn.faults.count("keptn", "POST", "/v1/event$")


def test_a_sequence_is_started_once(keptn: Running) -> None:
    first = run(keptn_event, keptn, **ROLLBACK)
    [event] = stored(keptn, TRIGGERED)
    context = context_of(MARKER)
    assert first == {
        "changed": True,
        "diff": {"before": {}, "after": {"type": TRIGGERED, "context": context}},
        "context": context,
        "id": event.id,
        "type": TRIGGERED,
        "url": f"{keptn.url}/bridge/trace/{context}",
    }
    assert (event.context, event.source, event.labels) == (context, "self-healing", {"self-healing": MARKER})
    again = run(keptn_event, keptn, **ROLLBACK)
    assert (again["changed"], again["id"], again["diff"]["before"]) == (False, event.id, again["diff"]["after"])
    assert posts(keptn) == 1
    assert waiting(keptn, "sh.keptn.event.rollback.triggered").labels == {"self-healing": MARKER}


def test_other_services_and_other_incidents_are_other_events(keptn: Running) -> None:
    ids = {
        run(keptn_event, keptn, **{**ROLLBACK, **other})["id"]
        for other in ({}, {"service": "orders"}, {"marker": "i7k3v5q2x4dma"}, {"source": "cli"})
    }
    assert len(ids) == len(stored(keptn, TRIGGERED, 4)) == 4


def test_check_mode_sends_nothing_and_tells_the_truth(keptn: Running) -> None:
    predicted = run(keptn_event, keptn, check_mode=True, **ROLLBACK)
    assert (predicted["changed"], predicted["id"], posts(keptn)) == (True, None, 0)
    assert run(keptn_event, keptn, **ROLLBACK)["changed"] is True
    assert run(keptn_event, keptn, check_mode=True, **ROLLBACK)["changed"] is False


def test_a_task_is_answered_once(keptn: Running) -> None:
    run(keptn_event, keptn, **ROLLBACK)
    task = waiting(keptn, "sh.keptn.event.rollback.triggered")
    answer: dict[str, Any] = {
        **PLACE,
        "context": task.context,
        "triggered_id": task.id,
        "git_commit": task.git_commit,
        "labels": task.labels,
    }
    assert run(keptn_event, keptn, type="sh.keptn.event.rollback.started", **answer)["changed"] is True
    finished = {
        "type": "sh.keptn.event.rollback.finished",
        **answer,
        "status": "succeeded",
        "result": "pass",
        "text": "done",
        "data": {"rollback": {"release": "1.1"}},
    }
    assert [run(keptn_event, keptn, **finished)["changed"] for _run in range(2)] == [True, False]
    assert state_of(keptn, task.context, "finished")
    [event] = stored(keptn, "sh.keptn.event.rollback.finished")
    assert event.data == {
        **PLACE,
        "labels": {"self-healing": MARKER},
        "status": "succeeded",
        "result": "pass",
        "message": "done",
        "rollback": {"release": "1.1"},
    }
    assert (event.triggered_id, event.git_commit) == (task.id, task.git_commit)


@pytest.mark.parametrize("kind", ["drop_after", "status_after"])
def test_an_event_whose_answer_was_lost_is_found(keptn: Running, kind: str) -> None:
    keptn.faults.add("keptn", kind, method="POST", path="/v1/event$")
    result = run(keptn_event, keptn, **ROLLBACK)
    [event] = stored(keptn, TRIGGERED)
    assert (result["changed"], result["id"], posts(keptn)) == (True, event.id, 1)


def test_an_event_that_comes_late_is_waited_for(keptn: Running) -> None:
    keptn.tool.bus_delay = 0.6
    keptn.faults.add("keptn", "drop_after", method="POST", path="/v1/event$")
    result = run(keptn_event, keptn, **ROLLBACK)
    assert result["id"] == stored(keptn, TRIGGERED)[0].id
    assert posts(keptn) == 1


@pytest.mark.parametrize("kind", ["drop", "status"])
def test_an_event_that_got_lost_is_never_sent_blindly(
    keptn: Running, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping.send_once, "__kwdefaults__", {**keeping.send_once.__kwdefaults__, "patience": 0.5})
    keptn.faults.add("keptn", kind, method="POST", path="/v1/event$")
    with pytest.raises(UnclearOutcomeError):
        run(keptn_event, keptn, **ROLLBACK)
    assert (posts(keptn), len(keptn.tool.stored)) == (1, 0)
    # The next run looks, and then it may be sent.
    assert run(keptn_event, keptn, **ROLLBACK)["changed"] is True
    assert len(stored(keptn, TRIGGERED)) == 1


def test_busy_and_broken_gateways(keptn: Running) -> None:
    keptn.faults.add("keptn", "status", method="GET", path="/mongodb-datastore/", status=502)
    keptn.faults.add("keptn", "status", method="POST", path="/v1/event$", status=429, headers={"Retry-After": "0"})
    assert run(keptn_event, keptn, **ROLLBACK)["changed"] is True
    assert len(stored(keptn, TRIGGERED)) == 1


def test_the_token_is_checked_before_anything_is_sent(keptn: Running) -> None:
    with pytest.raises(AuthenticationError, match="unauthenticated or invalid credentials") as raised:
        run(keptn_event, keptn, keptn_token="wrong-word", **ROLLBACK)
    assert "wrong-word" not in str(raised.value)
    assert posts(keptn) == 0
    assert run(keptn_event, keptn, keptn_token=f"Bearer {keptn.settings.keptn_token}", **ROLLBACK)["changed"] is True


def test_no_id_yet_is_no_error(keptn: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping.send_once, "__kwdefaults__", {**keeping.send_once.__kwdefaults__, "id_patience": 0})
    assert run(keptn_event, keptn, **ROLLBACK)["id"] is None


def test_what_was_sent_stays_sent_when_nobody_can_look(keptn: Running) -> None:
    client = client_of(keptn)
    event = draft(TRIGGERED, context_of(MARKER), {**PLACE, "labels": {"self-healing": MARKER}})
    keptn.faults.add("keptn", "status", method="GET", path="/mongodb-datastore/", times=9)
    assert keeping.send_once(client, event, look_first=False).id == ""
    keptn.faults.add("keptn", "drop_after", method="POST", path="/v1/event$")
    with pytest.raises(UnclearOutcomeError):
        keeping.send_once(client, event, look_first=False)
    keptn.faults.clear()
    assert keeping.send_once(client, event).already is True


def test_a_problem_is_reported_when_it_opens_and_when_it_is_over(keptn: Running) -> None:
    pids = "-6478017825120311599_1641223491837V2", "-6478017825120311599_1641223491838V2"
    told = [
        run(keptn_event, keptn, type="sh.keptn.events.problem", context=pid, data={"State": state, "PID": pid})
        for pid in pids
        for state in ("OPEN", "OPEN", "RESOLVED")
    ]
    assert [one["changed"] for one in told] == [True, False, True] * 2
    assert len({one["context"] for one in told}) == 1, "Keptn looks at the first 16 bytes only"


def test_in_a_playbook_with_settings_from_the_environment(keptn: Running) -> None:
    wait = {"project": "shop", "marker": MARKER, "stage": "production", "sequence": "rollback"}
    play = {
        "hosts": "keptn",
        "gather_facts": False,
        "tasks": [
            {"name": "Start", "self_healing.devops.keptn_event": ROLLBACK},
            {"name": "Again", "self_healing.devops.keptn_event": ROLLBACK},
            {"name": "Look", "self_healing.devops.keptn_sequence_info": wait, "register": "looked"},
            {"name": "Judge", "ansible.builtin.assert": {"that": ["looked.state == 'started'", "not looked.ended"]}},
            {"name": "End", "self_healing.devops.keptn_sequence": {"state": "aborted", **_without(wait, "sequence")}},
        ],
    }
    settings = {"KEPTN_URL": keptn.url, "KEPTN_TOKEN": keptn.settings.keptn_token}
    done = run_playbook([play], {"keptn": LOCAL}, "--diff", environment=settings)
    assert done.returncode == 0, done.output
    assert done.changed("keptn") == ["Start", "End"]
    assert len(stored(keptn, TRIGGERED)) == 1
    assert keptn.settings.keptn_token not in done.output


def _without(options: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != name}
