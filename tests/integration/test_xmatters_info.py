# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What xMatters can be asked, over HTTP against the emulated one: alerts, who is on call, groups and people."""

from __future__ import annotations

import json
import os
import re
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
)
from sandbox.settings import ANA, BO, CLEO, Settings
from sandbox.xmatters import XMatters
from sandbox.xmatters.company import Device
from support.one_tool import OneTool, start_tool
from support.xmatters_openapi import Passed, every_call_compared
from support.xmatters_runs import run_module

Running = OneTool[XMatters]
MARKER = "i7k3v5q2x4dmz"


@pytest.fixture(autouse=True)
def every_call() -> Iterator[list[Passed]]:
    """Whatever is asked in these tests, and whatever is answered, follows the derived OpenAPI where that is there."""
    with every_call_compared() as passed:
        yield passed


@pytest.fixture
def xmatters() -> Iterator[Running]:
    with start_tool(XMatters, Settings(people=(ANA, BO, CLEO))) as running:
        yield running


def do(xmatters: Running, action: str, **arguments: Any) -> None:
    done = xmatters.call(action, **arguments)
    assert done.get("ok") is not False, done


def plan_duty(xmatters: Running) -> None:
    """Set up a group that calls Ana, then everybody of another group, then Cleo on one device; Bo stands in for Ana."""
    everybody = [{"name": "bo"}, {"name": "cleo"}]
    do(xmatters, "group", name="Databases", kind="ON_CALL", members=everybody, supervisors=["ana"])
    members = [{"name": "ana"}, {"name": "Databases", "delay": 10}, {"name": "cleo|Mobile", "delay": 5}]
    do(xmatters, "group", name="Payments, EU", kind="ON_CALL", members=members)


# -- alerts -----------------------------------------------------------------------------------------------------------


def test_an_alert_is_told_to_the_end(xmatters: Running) -> None:
    sent = run_module(
        xmatters,
        "xmatters_alert",
        marker=f"{MARKER}.2",
        recipients=[xmatters.settings.group],
        priority="high",
        subject="shop is down",
        properties={"replicas": 3},
        response_options=[{"label": "Restart process"}, {"name": "escalate", "label": "Escalate"}],
        comments=[{"id": f"{MARKER}-1", "text": "Asked"}],
        target_devices=["Mobile", "Work Email"],
        escalation_override=True,
        conference={"bridge_id": "b1"},
    )
    assert xmatters.call("respond", alert=sent["id"], person="ana", option=2, comment="not me", device="Mobile")["ok"]
    for asked in ({"marker": f"{MARKER}.2"}, {"alert": sent["number"]}, {"request_id": sent["request_id"]}):
        told = run_module(xmatters, "xmatters_alert_info", **asked)
        assert (told["changed"], told["exists"], told["alert"]["id"]) == (False, True, sent["id"])
    alert = told["alert"]
    assert (alert["status"], alert["priority"], alert["form"]) == ("active", "high", "Incident response")
    assert (alert["escalation_override"], alert["conference"]["bridgeId"]) == (True, "b1")
    assert alert["properties"] == {"incident_id": f"{MARKER}.2", "subject": "shop is down", "replicas": 3}
    assert [(one["name"], one["targeted"]) for one in told["recipients"]][:1] == [(xmatters.settings.group, True)]
    assert [option["label"] for option in told["response_options"]] == ["Restart process", "Escalate"]
    ana = next(one for one in told["notified"] if one["key"] == "ana")
    assert (ana["name"], ana["email"], ana["status"]) == ("Ana Berg", "ana@example.com", "RESPONDED")
    assert {device["name"] for device in ana["devices"]} == {"Mobile", "Work Email"}
    [response] = told["responses"]
    assert (response["who"], response["option"], response["number"]) == ("Ana Berg", "Escalate", 2)
    assert (response["comment"], response["device"], response["email"]) == ("not me", "Mobile", "ana@example.com")
    assert [comment["text"] for comment in told["comments"]] == [f"Asked [{MARKER}-1]"]
    kinds = [line["type"] for line in told["log"]]
    assert kinds[0] == "EVENT_CREATED"
    assert {"NOTIFICATION_DELIVERED", "EVENT_ANNOTATED", "RESPONSE_RECEIVED"} <= set(kinds)
    answered = next(line for line in told["log"] if line["type"] == "RESPONSE_RECEIVED")
    assert (answered["key"], answered["device"], answered["text"]) == ("ana", "Mobile", "Escalate")


@pytest.mark.parametrize("asked", [{"marker": MARKER}, {"alert": "7001999"}, {"request_id": "x"}])
def test_an_alert_that_is_not_there_is_nothing(xmatters: Running, asked: dict[str, str]) -> None:
    told = run_module(xmatters, "xmatters_alert_info", **asked)
    assert (told["exists"], told["alert"], told["responses"], told["log"]) == (False, {}, [], [])


def test_two_calls_of_one_incident_are_two_alerts(xmatters: Running) -> None:
    sent = [run_module(xmatters, "xmatters_alert", marker=marker) for marker in (MARKER, f"{MARKER}.2", f"{MARKER}.3")]
    again = [run_module(xmatters, "xmatters_alert", marker=marker) for marker in (f"{MARKER}.3", MARKER, f"{MARKER}.2")]
    assert len({alert["id"] for alert in sent}) == len(xmatters.snapshot()["alerts"]) == 3
    assert [alert["changed"] for alert in again] == [False, False, False]
    assert [alert["id"] for alert in again] == [sent[2]["id"], sent[0]["id"], sent[1]["id"]]


def test_a_flow_finds_its_alert_again(xmatters: Running, every_call: list[Passed]) -> None:
    flow = {"body_form": "flow", "subject": "shop is down", "recipients": ["bo"], "body": None}
    body = {"properties": {"subject": "mine"}, "recipients": "bo"}
    sent = run_module(xmatters, "xmatters_alert", marker=MARKER, **{**flow, "body": body})
    assert [person["key"] for person in sent["notified"]] == ["bo"]
    assert run_module(xmatters, "xmatters_alert", marker=MARKER, **flow)["id"] == sent["id"]
    other = run_module(xmatters, "xmatters_alert", marker=f"{MARKER}.2", **flow)
    assert [person["key"] for person in other["notified"]] == ["bo"]
    # The bodies of flows are nobody's business.
    every_call[:] = [one for one in every_call if one[0].method == "GET"]


def test_an_alert_without_the_marker_is_told_and_kept_by_its_id(xmatters: Running, every_call: list[Passed]) -> None:
    flow = {"body_form": "flow", "body": {"summary": "shop is down", "recipients": "bo"}}
    sent = run_module(xmatters, "xmatters_alert", marker=MARKER, **flow)
    [warning] = sent["warnings"]
    assert "does not carry the property incident_id" in warning
    again = run_module(xmatters, "xmatters_alert", marker=MARKER, known_id=sent["id"], **flow)
    assert (again["changed"], again["id"]) == (False, sent["id"])
    assert len(xmatters.snapshot()["alerts"]) == 1
    every_call[:] = [one for one in every_call if one[0].method == "GET"]


def test_options_are_looked_up_in_the_form(xmatters: Running) -> None:
    form = run_module(xmatters, "xmatters_form_info", workflow="Self-healing DevOps", form="Incident response")["form"][
        "id"
    ]
    options = [{"label": "escalate"}, {"label": "Restart process"}]
    for number, shape in enumerate(("uuid", "object")):
        told = {"response_options": options, "response_options_form": shape, "form_id": form}
        alert = run_module(xmatters, "xmatters_alert", marker=f"{MARKER}.{number}", **told)
        shown = next(one for one in xmatters.snapshot()["alerts"] if one["id"] == alert["id"])
        assert [option["label"] for option in shown["options"]] == ["Escalate", "Restart process"]
    with pytest.raises(ConfigurationError, match="form_id is missing"):
        run_module(xmatters, "xmatters_alert", marker="x", response_options=options, response_options_form="uuid")


def test_an_alert_is_suspended_and_resumed(xmatters: Running) -> None:
    assert run_module(xmatters, "xmatters_alert", marker=MARKER, status="suspended")["id"] is None
    run_module(xmatters, "xmatters_alert", marker=MARKER)
    for wanted, resume, changed, status in (
        ("suspended", False, True, "suspended"),
        ("suspended", False, False, "suspended"),
        ("active", False, False, "suspended"),
        ("active", True, True, "active"),
        ("active", True, False, "active"),
    ):
        told = run_module(xmatters, "xmatters_alert", marker=MARKER, status=wanted, resume=resume)
        assert (told["changed"], told["status"]) == (changed, status)


# -- who is on call ---------------------------------------------------------------------------------------------------


def called(xmatters: Running, **given: Any) -> dict[str, Any]:
    told: dict[str, Any] = run_module(xmatters, "xmatters_on_call_info", **given)["groups"][0]
    return told


def test_groups_in_groups_and_devices_are_resolved(xmatters: Running) -> None:
    plan_duty(xmatters)
    told = called(xmatters, groups=["payments, eu"], emails=True)
    assert (told["name"], told["type"], told["covered"]) == ("Payments, EU", "on_call", True)
    assert [(step["level"], step["after"], step["key"], step["device"]) for step in told["escalation"]] == [
        (1, 0, "ana", None),
        (2, 10, "bo", None),
        (2, 10, "cleo", None),
        (3, 15, "cleo", "Mobile"),
    ]
    assert told["escalation"][1]["groups"] == ["Payments, EU", "Databases"]
    assert told["escalation"][3]["name"] == "Cleo Roth"
    assert [step["email"] for step in told["escalation"]][:2] == ["ana@example.com", "bo@example.com"]
    assert [(member["key"], member["type"], member["delay"]) for member in told["shifts"][0]["members"]] == [
        ("ana", "person", 0),
        ("Databases", "group", 10),
        ("cleo|Mobile", "device", 5),
    ]


def test_absences_are_seen_with_and_without_somebody_who_stands_in(xmatters: Running) -> None:
    do(xmatters, "absence", person="ana", minutes=60, replacement="cleo")
    told = called(xmatters, groups=[xmatters.settings.group])
    first = told["escalation"][0]
    assert (first["key"], first["replaces"]) == ("cleo", "ana")
    [absence] = told["absences"]
    assert (absence["key"], absence["replacement"], absence["replacement_name"]) == ("ana", "cleo", "Cleo Roth")
    do(xmatters, "return", person="ana")
    do(xmatters, "absence", person="ana", minutes=60)
    told = called(xmatters, groups=[xmatters.settings.group])
    assert [(one["key"], one["reason"]) for one in told["skipped"]] == [("ana", "absent")]
    assert (told["escalation"][0]["key"], told["escalation"][0]["after"]) == ("bo", 0)
    tomorrow = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat()
    told = called(xmatters, groups=[xmatters.settings.group], at=tomorrow)
    assert (told["escalation"][0]["key"], told["skipped"]) == ("ana", [])


def test_what_may_not_be_seen_is_told(xmatters: Running) -> None:
    do(xmatters, "switch", restricted={"temporary-absences": "forbidden"})
    told = run_module(xmatters, "xmatters_on_call_info", groups=[xmatters.settings.group])
    assert (told["absences_known"], told["groups"][0]["absences"]) == (False, None)
    assert told["groups"][0]["escalation"][0]["key"] == "ana"
    do(xmatters, "switch", restricted={"on-call": "forbidden"})
    with pytest.raises(AuthenticationError, match="REST Web Service User"):
        run_module(xmatters, "xmatters_on_call_info", groups=[xmatters.settings.group])


def test_a_gap_and_a_range_of_shifts(xmatters: Running) -> None:
    shift = {
        "name": "Nights",
        "members": [{"name": "bo"}],
        "start": "2026-11-22T20:00:00Z",
        "end": "2026-11-23T06:00:00Z",
    }
    do(xmatters, "group", name="Nights", shifts=[shift])
    gap = called(xmatters, groups=["Nights"], at="2026-11-24T12:00:00Z")
    assert (gap["covered"], gap["escalation"], gap["shifts"]) == (False, [], [])
    days = called(xmatters, groups=["Nights"], at="2026-11-24T12:00:00Z", until="2026-11-27T12:00:00Z")
    assert [one["start"] for one in days["shifts"]] == [f"2026-11-{day}T20:00:00.000Z" for day in (24, 25, 26)]


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"groups": ["Nobody"]}, "no group 'Nobody'"),
        ({"groups": []}, "groups is empty"),
        ({"groups": ["x"], "at": "tomorrow"}, "at is 'tomorrow'"),
        ({"groups": ["x"], "at": "2026-11-22T08:00:00"}, "time zone"),
        ({"groups": ["x"], "at": "2026-11-22T08:00:00Z", "until": "2026-11-22T07:00:00Z"}, "not after"),
    ],
)
def test_wrong_questions_are_told(xmatters: Running, given: dict[str, Any], named: str) -> None:
    with pytest.raises((ConfigurationError, InvalidInputError), match=named):
        run_module(xmatters, "xmatters_on_call_info", **given)


# -- groups and people ------------------------------------------------------------------------------------------------


def test_groups_are_told_with_members_and_shifts(xmatters: Running) -> None:
    plan_duty(xmatters)
    [group] = run_module(xmatters, "xmatters_group_info", group="Payments, EU", shifts=True, supervisors=True)["groups"]
    assert [(member["key"], member["type"]) for member in group["members"]] == [
        ("ana", "person"),
        ("Databases", "group"),
        ("cleo|Mobile", "device"),
    ]
    assert [member["position"] for member in group["shifts"][0]["members"]] == [1, 2, 3]
    [found] = run_module(xmatters, "xmatters_group_info", search="Databases", supervisors=True, members=False)["groups"]
    assert [person["key"] for person in found["supervisors"]] == ["ana"]
    assert "members" not in found
    assert run_module(xmatters, "xmatters_group_info", group="Nobody")["groups"] == []


@pytest.mark.parametrize(
    "given", [{"person": "ana"}, {"email": "ana@example.com"}, {"login": "ana"}, {"search": "Berg"}]
)
def test_people_are_told_with_devices_and_groups(xmatters: Running, given: dict[str, str]) -> None:
    [ana] = run_module(xmatters, "xmatters_person_info", groups=True, **given)["people"]
    assert (ana["key"], ana["name"], ana["email"], ana["status"]) == ("ana", "Ana Berg", "ana@example.com", "active")
    assert ana["groups"] == [xmatters.settings.group]
    assert ana["devices"][0]["key"] == "ana|Work Email"
    assert {"EMAIL", "ANDROID_PUSH"} <= {device["type"] for device in ana["devices"]}


def test_an_address_that_may_not_be_seen_is_not_taken_for_one(xmatters: Running) -> None:
    hidden, shown = Device("ana", "Home Email", "EMAIL"), Device("ana", "Work Email", "EMAIL", "ana@example.com")
    xmatters.tool.directory.set_devices("ana", [hidden, shown])
    assert run_module(xmatters, "xmatters_person_info", person="ana")["people"][0]["email"] == "ana@example.com"
    xmatters.tool.directory.set_devices("ana", [hidden])
    assert run_module(xmatters, "xmatters_person_info", person="ana")["people"][0]["email"] is None


def test_nobody_is_told_as_nobody(xmatters: Running) -> None:
    assert run_module(xmatters, "xmatters_person_info", person="nobody")["people"] == []


# -- the lookup -------------------------------------------------------------------------------------------------------


def test_a_playbook_looks_up_who_is_on_call(xmatters: Running, tmp_path: Path) -> None:
    hostile = "{{ lookup('pipe', 'touch owned') }}"
    plan_duty(xmatters)
    do(xmatters, "absence", person="ana", minutes=60)
    group = "'Payments, EU'"
    asked = {
        "joined": f"lookup('self_healing.devops.on_call', {group}, '{xmatters.settings.group}')",
        "names": f"query('self_healing.devops.on_call', {group}, what='name')",
        "emails": f"query('self_healing.devops.on_call', {group}, what='email', first=true)",
        "all": f"query('self_healing.devops.on_call', {group}, what='everything')",
    }
    tasks = [
        {"ansible.builtin.debug": {"msg": "TOLD {{ told | to_json | b64encode }}"}},
        {
            "ansible.builtin.debug": {"msg": "{{ query('self_healing.devops.on_call', hostile) }}"},
            "ignore_errors": True,
        },
    ]
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        # The address comes from a variable that is a template, as in an inventory.
        "vars": {
            "base": xmatters.url,
            "xmatters_url": "{{ base }}",
            "told": {name: f"{{{{ {text} }}}}" for name, text in asked.items()},
        },
        "tasks": tasks,
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    (tmp_path / "vars.json").write_text(json.dumps({"hostile": {"__ansible_unsafe": hostile}}))
    ended = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", "@vars.json", "play.yml"],
        cwd=tmp_path,
        env={
            **os.environ,
            "XMATTERS_USER": xmatters.settings.xmatters_user,
            "XMATTERS_PASSWORD": xmatters.settings.xmatters_password,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    [encoded] = re.findall(r"TOLD ([A-Za-z0-9+/=]+)", ended.stdout)
    told = json.loads(b64decode(encoded))
    assert told["joined"] == "bo,cleo"
    assert told["names"] == ["Bo Lind", "Cleo Roth"]
    assert told["emails"] == ["bo@example.com", "cleo@example.com"]
    assert [(one["key"], one["after"], one["group"]) for one in told["all"]] == [
        ("bo", 0, "Payments, EU"),
        ("cleo", 0, "Payments, EU"),
    ]
    assert "has no group" in ended.stdout
    assert hostile in ended.stdout
    assert not (tmp_path / "owned").exists()
    assert xmatters.settings.xmatters_password not in ended.stdout + ended.stderr
