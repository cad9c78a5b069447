# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module xmatters_alert against the emulated xMatters, over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    RateLimitedError,
    UnclearOutcomeError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from ansible_collections.self_healing.devops.plugins.modules import xmatters_alert
from sandbox.xmatters import XMatters
from support.one_tool import OneTool, start_tool
from support.xmatters_openapi import every_call_compared

Running = OneTool[XMatters]
TRIGGER = "/triggers$"
OPTIONS = [
    {"name": "process_restart", "label": "Restart process", "text": "Restarts shop on shop-01", "role": "x.y.z"},
    {"name": "take_over", "label": "Take over"},
    {"name": "escalate", "label": "Escalate"},
    {"name": "snooze", "label": "Snooze"},
]


@pytest.fixture(autouse=True)
def every_call() -> Iterator[None]:
    """Whatever is asked in these tests, and whatever is answered, follows the derived OpenAPI where that is there."""
    with every_call_compared():
        yield


@pytest.fixture
def xmatters() -> Iterator[Running]:
    with start_tool(XMatters) as running:
        yield running


def arguments(xmatters: Running, **changes: Any) -> dict[str, Any]:
    """Return module arguments for one incident, with C(changes); None takes an argument away."""
    given = {
        "xmatters_url": xmatters.url,
        "xmatters_user": xmatters.settings.xmatters_user,
        "xmatters_password": xmatters.settings.xmatters_password,
        "xmatters_form_url": xmatters.tool.form_url,
        "marker": "i7k3v5q2x4dmz",
        "recipients": [{"name": xmatters.settings.group, "type": "group"}],
        "priority": "high",
        "subject": "shop is down",
        "text": "{{ 'not a template' }} <b>&",
        "properties": {"service": "shop", "severity": "critical", "empty": None, "replicas": 3},
        "response_options": OPTIONS,
        "expiration": 180,
        "consistency_wait": 5,
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def run(xmatters: Running, check_mode: bool = False, **changes: Any) -> dict[str, Any]:
    checked = ArgumentSpecValidator(xmatters_alert.SPEC.options).validate(arguments(xmatters, **changes))
    assert not checked.error_messages
    return xmatters_alert.run(checked.validated_parameters, check_mode, RequestsTransport())


def alerts(xmatters: Running) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = xmatters.snapshot()["alerts"]
    return shown


def test_sends_one_alert_with_all_it_was_told(xmatters: Running) -> None:
    result = run(xmatters)
    [alert] = alerts(xmatters)
    assert result["changed"] is result["requested"] is True
    assert (result["id"], result["number"], result["status"]) == (alert["id"], alert["number"], "active")
    assert result["url"] == f"{xmatters.url}/api/xm/1/events/{alert['id']}"
    assert alert["subject"] == "shop is down"
    assert alert["text"] == "{{ 'not a template' }} <b>&"
    assert alert["priority"] == "HIGH"
    assert alert["properties"] == {
        "service": "shop",
        "severity": "critical",
        "replicas": 3,
        "subject": alert["subject"],
        "message": alert["text"],
        "incident_id": "i7k3v5q2x4dmz",
    }
    assert [(option["number"], option["label"], option["action"]) for option in alert["options"]] == [
        (1, "Restart process", "STOP_NOTIFYING_TARGET"),
        (2, "Take over", "STOP_NOTIFYING_TARGET"),
        (3, "Escalate", "ESCALATE"),
        (4, "Snooze", "STOP_NOTIFYING_TARGET"),
    ]
    assert alert["options"][0]["description"] == "Restarts shop on shop-01"
    assert xmatters.tool.alerts[alert["id"]].expires_in == 180
    [ana] = result["notified"]
    assert (ana["key"], ana["name"], ana["email"], ana["status"]) == ("ana", "Ana Berg", "ana@example.com", "DELIVERED")
    assert ana["at"] is not None
    assert result["responders"] == [{"name": "Ana Berg", "email": "ana@example.com"}]
    assert result["diff"] == {
        "before": {"status": "absent", "comments": []},
        "after": {"status": "active", "comments": []},
    }


def test_second_run_changes_nothing(xmatters: Running) -> None:
    comments = [{"id": "i7k3v5q2x4dmz-3", "text": "Asked", "at": "2026-11-22T10:00:00Z", "kind": "decided"}]
    first = run(xmatters, comments=comments)
    second = run(xmatters, comments=comments)
    assert second["changed"] is second["requested"] is False
    assert second["id"] == first["id"]
    assert second["diff"]["before"] == second["diff"]["after"] == {"status": "active", "comments": ["i7k3v5q2x4dmz-3"]}
    assert len(alerts(xmatters)) == 1
    assert xmatters.faults.count("xmatters", "POST", "") == 2


def test_known_alert_is_read_directly_by_uuid_and_by_number(xmatters: Running) -> None:
    first = run(xmatters)
    before = xmatters.faults.count("xmatters", "GET", "/events$")
    for known in (first["id"], first["number"]):
        assert run(xmatters, known_id=known)["changed"] is False
    assert xmatters.faults.count("xmatters", "GET", "/events$") == before


def test_known_alert_of_another_incident_is_left_alone(xmatters: Running) -> None:
    other = run(xmatters, marker="iaaaaaaaaaaaa")
    ours = run(xmatters, known_id=other["id"])
    assert ours["requested"] is True
    assert ours["id"] != other["id"]


def test_lost_answer_after_the_trigger_makes_one_alert(xmatters: Running) -> None:
    xmatters.faults.add("xmatters", "drop_after", method="POST", path=TRIGGER)
    result = run(xmatters)
    assert result["requested"] is True
    assert [alert["id"] for alert in alerts(xmatters)] == [result["id"]]
    assert xmatters.faults.count("xmatters", "POST", TRIGGER) == 1


def test_server_error_after_the_trigger_makes_one_alert(xmatters: Running) -> None:
    xmatters.faults.add("xmatters", "status_after", method="POST", path=TRIGGER, status=502)
    run(xmatters)
    assert len(alerts(xmatters)) == 1


def test_lost_trigger_is_told_and_not_repeated(xmatters: Running) -> None:
    xmatters.faults.add("xmatters", "drop", method="POST", path=TRIGGER)
    with pytest.raises(UnclearOutcomeError, match="no alert with incident_id i7k3v5q2x4dmz"):
        run(xmatters, consistency_wait=0)
    assert xmatters.faults.count("xmatters", "POST", TRIGGER) == 1
    assert run(xmatters)["requested"] is True


def test_trigger_without_an_alert_is_told(xmatters: Running) -> None:
    xmatters.tool.flood_control = True
    with pytest.raises(UnclearOutcomeError, match="activity log"):
        run(xmatters, consistency_wait=0)


def test_rate_limit_is_waited_for(xmatters: Running) -> None:
    xmatters.faults.add("xmatters", "status", method="POST", path=TRIGGER, status=429, headers={"Retry-After": "0"})
    run(xmatters)
    assert len(alerts(xmatters)) == 1
    assert xmatters.faults.count("xmatters", "POST", TRIGGER) == 2


def test_rate_limit_that_lasts_is_told(xmatters: Running) -> None:
    limited = {"status": 429, "headers": {"Retry-After": "3600"}}
    xmatters.faults.add("xmatters", "status", method="POST", path=TRIGGER, **limited)
    with pytest.raises(RateLimitedError):
        run(xmatters)
    assert alerts(xmatters) == []


def test_bad_credentials_are_named_and_not_shown(xmatters: Running) -> None:
    with pytest.raises(AuthenticationError, match="check xmatters_user and xmatters_password") as refused:
        run(xmatters, xmatters_password="wrong-secret")
    assert "wrong-secret" not in json.dumps(refused.value.to_result())
    assert alerts(xmatters) == []


def test_trigger_address_is_a_secret(xmatters: Running) -> None:
    wrong = xmatters.tool.form_url.replace(xmatters.tool.function, "00000000-0000-4000-8000-00000000dead")
    with pytest.raises(NotFoundError, match="copy xmatters_form_url again") as refused:
        run(xmatters, xmatters_form_url=f"{wrong}?apiKey={xmatters.tool.credentials.url_key}")
    told = json.dumps(refused.value.to_result())
    assert "dead" not in told
    assert xmatters.tool.credentials.url_key not in told


def test_url_authentication_needs_no_password_for_the_trigger(xmatters: Running) -> None:
    assert run(xmatters, xmatters_form_url=xmatters.tool.form_url_with_key)["requested"] is True


def test_credentials_go_to_no_other_server(xmatters: Running) -> None:
    with pytest.raises(ConfigurationError, match="different servers"):
        run(xmatters, xmatters_form_url="https://example.com/api/integration/1/functions/x/triggers")
    assert xmatters.faults.requests == []


def test_comments_are_written_once_each(xmatters: Running) -> None:
    comments = [{"id": f"i7k3v5q2x4dmz-{n}", "text": f"Step {n} [not the id]"} for n in (3, 4)]
    run(xmatters, comments=comments[:1])
    result = run(xmatters, comments=comments)
    assert result["changed"] is True
    assert run(xmatters, comments=comments)["changed"] is False
    assert [note["text"] for note in alerts(xmatters)[0]["annotations"]] == [
        "Step 3 [not the id] [i7k3v5q2x4dmz-3]",
        "Step 4 [not the id] [i7k3v5q2x4dmz-4]",
    ]


def test_lost_answer_after_a_comment_writes_it_once(xmatters: Running) -> None:
    run(xmatters)
    xmatters.faults.add("xmatters", "drop_after", method="POST", path="/annotations$")
    comments = [{"id": "i7k3v5q2x4dmz-3", "text": "Asked"}]
    assert run(xmatters, comments=comments)["changed"] is True
    assert run(xmatters, comments=comments)["changed"] is False
    assert len(alerts(xmatters)[0]["annotations"]) == 1


def test_comments_are_read_over_all_pages(xmatters: Running) -> None:
    run(xmatters)
    [alert] = xmatters.tool.alerts.values()
    for n in range(130):
        alert.annotate("bo", f"note [i7k3v5q2x4dmz-{n}]", alert.created)
    result = run(xmatters, comments=[{"id": "i7k3v5q2x4dmz-129", "text": "note"}])
    assert result["changed"] is False
    assert len(alert.annotations) == 130


def test_terminates_after_the_last_comment(xmatters: Running) -> None:
    run(xmatters)
    comments = [{"id": "i7k3v5q2x4dmz-9", "text": "Closed"}]
    result = run(xmatters, status="terminated", comments=comments)
    assert (result["changed"], result["status"]) == (True, "terminated")
    [alert] = xmatters.tool.alerts.values()
    assert [audit.type for audit in alert.audits][-2:] == ["EVENT_ANNOTATED", "EVENT_TERMINATED"]
    assert run(xmatters, status="terminated", comments=comments)["changed"] is False


def test_lost_answer_after_the_termination(xmatters: Running) -> None:
    run(xmatters)
    xmatters.faults.add("xmatters", "drop_after", method="POST", path="/events$")
    assert run(xmatters, status="terminated")["status"] == "terminated"


@pytest.mark.parametrize("listed", [True, False])
def test_nobody_is_alerted_again_after_the_end(xmatters: Running, listed: bool) -> None:
    xmatters.tool.lists_terminated = listed
    first = run(xmatters)
    run(xmatters, status="terminated")
    again = run(xmatters, status="active")
    assert (again["changed"], again["status"], again["id"]) == (False, "terminated", first["id"])
    assert len(alerts(xmatters)) == 1


def test_suspended_alert_is_left_suspended(xmatters: Running) -> None:
    run(xmatters)
    [alert] = xmatters.tool.alerts.values()
    alert.change_status("SUSPENDED", alert.created)
    result = run(xmatters)
    assert (result["changed"], result["status"]) == (False, "suspended")


@pytest.mark.parametrize("changes", [{"status": "terminated"}, {"create": False}])
def test_nothing_is_sent_where_no_alert_is_wanted(xmatters: Running, changes: dict[str, Any]) -> None:
    result = run(xmatters, **changes, comments=[{"id": "i7k3v5q2x4dmz-1", "text": "x"}])
    assert (result["changed"], result["id"], result["status"]) == (False, None, None)
    assert xmatters.faults.count("xmatters", "POST", "") == 0


def test_check_mode_writes_nothing(xmatters: Running) -> None:
    comments = [{"id": "i7k3v5q2x4dmz-3", "text": "Asked"}]
    planned = run(xmatters, check_mode=True, comments=comments)
    assert (planned["changed"], planned["requested"], planned["id"]) == (True, False, None)
    assert planned["diff"]["after"] == {"status": "active", "comments": ["i7k3v5q2x4dmz-3"]}
    run(xmatters)
    planned = run(xmatters, check_mode=True, comments=comments, status="terminated")
    assert planned["changed"] is True
    assert planned["diff"]["after"] == {"status": "terminated", "comments": ["i7k3v5q2x4dmz-3"]}
    [alert] = alerts(xmatters)
    assert (alert["status"], alert["annotations"]) == ("ACTIVE", [])
    assert run(xmatters, comments=comments, status="terminated")["diff"] == planned["diff"]


def test_tells_who_chose_what(xmatters: Running) -> None:
    alert = run(xmatters)["id"]
    assert xmatters.call("respond", alert=alert, person="ana", option=3)["ok"]
    assert xmatters.call("respond", alert=alert, person="bo", option="1", comment="since the deploy")["ok"]
    result = run(xmatters)
    assert result["changed"] is False
    assert [(r["who"], r["key"], r["option"], r["comment"]) for r in result["responses"]] == [
        ("Ana Berg", "ana", "Escalate", None),
        ("Bo Lind", "bo", "Restart process", "since the deploy"),
    ]
    assert [(n["name"], n["status"]) for n in result["notified"]] == [
        ("Ana Berg", "RESPONDED"),
        ("Bo Lind", "RESPONDED"),
    ]
    assert [person["email"] for person in result["responders"]] == ["ana@example.com", "bo@example.com"]


def test_notified_people_may_come_late(xmatters: Running) -> None:
    xmatters.tool.deliveries_delay = 0.3
    assert [person["name"] for person in run(xmatters)["notified"]] == ["Ana Berg"]


def test_form_offers_its_own_options_on_request(xmatters: Running) -> None:
    run(xmatters, response_options_in_trigger=False, response_options=[{"label": "Nothing"}])
    assert next(option["label"] for option in alerts(xmatters)[0]["options"]) == "Restart process"
    assert len(alerts(xmatters)[0]["options"]) == 4


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ({"name": "x"}, "option 1 has no label"),
        ({"label": "x", "action": "EXPLODE"}, "action 'EXPLODE'"),
        ({"label": "x", "contribution": "GOOD"}, "contribution 'GOOD'"),
    ],
)
def test_wrong_options_are_named_before_anything_is_sent(xmatters: Running, option: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        run(xmatters, response_options=[option])
    with pytest.raises(ConfigurationError, match="same label"):
        run(xmatters, response_options=[{"label": "Go"}, {"label": "GO"}])
    assert xmatters.faults.count("xmatters", "POST", "") == 0


def test_recipients_may_be_people_and_devices(xmatters: Running) -> None:
    result = run(xmatters, recipients=["bo", {"name": "ana|Mobile", "type": "device"}])
    assert sorted(person["key"] for person in result["notified"]) == ["ana", "bo"]
    with pytest.raises(ConfigurationError, match="recipients: the type of 'x'"):
        run(xmatters, marker="iaaaaaaaaaaaa", recipients=[{"name": "x", "type": "dog"}])


def test_oauth_token_is_renewed_when_it_runs_out(xmatters: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    run(xmatters, xmatters_client_id="client")
    assert xmatters.faults.count("xmatters", "POST", "/oauth2/token$") == 1
    annotate = xmatters.tool.annotate

    def annotate_and_expire(*given: Any) -> Any:
        xmatters.tool.credentials.expire_tokens()
        return annotate(*given)

    monkeypatch.setattr(xmatters.tool, "annotate", annotate_and_expire)
    comments = [{"id": "i7k3v5q2x4dmz-3", "text": "Asked"}]
    assert run(xmatters, xmatters_client_id="client", comments=comments, status="terminated")["status"] == "terminated"
    assert xmatters.faults.count("xmatters", "POST", "/oauth2/token$") == 3
    assert len(alerts(xmatters)[0]["annotations"]) == 1


def test_real_module_process(xmatters: Running) -> None:
    """Run main() as Ansible does: arguments on standard input, credentials from the environment, result as JSON."""
    given = arguments(xmatters)
    secrets = {name: given.pop(name) for name in list(given) if name.startswith("xmatters_")}
    python_path = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, **{name.upper(): value for name, value in secrets.items()}, "PYTHONPATH": python_path}

    def main(**changes: Any) -> subprocess.CompletedProcess[str]:
        text = json.dumps({"ANSIBLE_MODULE_ARGS": {**given, **changes}})
        command = [sys.executable, xmatters_alert.__file__]
        return subprocess.run(
            command, input=text, capture_output=True, text=True, env=environment, timeout=30, check=False
        )

    ended = main()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    result = json.loads(ended.stdout)
    assert result["changed"] is True
    assert [alert["id"] for alert in alerts(xmatters)] == [result["id"]]
    assert secrets["xmatters_password"] not in ended.stdout
    assert secrets["xmatters_form_url"] not in ended.stdout
    failed = main(marker="iaaaaaaaaaaaa", response_options=[{}])
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"]["kind"] == "configuration"
