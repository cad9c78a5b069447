# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How alerts of the emulated xMatters travel: whole nights on a clock that is moved, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.settings import ANA, BO, CLEO, Settings
from sandbox.xmatters import XMatters
from support.one_tool import OneTool, start_tool

TEAM = "Checkout SRE"
OPTIONS = [
    {"number": 1, "text": "Restart", "action": "STOP_NOTIFYING_TARGET", "contribution": "POSITIVE"},
    {"number": 2, "text": "Escalate", "action": "ESCALATE"},
    {"number": 3, "text": "Seen", "action": "RECORD_RESPONSE"},
    {"number": 4, "text": "Not me", "action": "STOP_NOTIFYING_USER"},
    {"number": 5, "text": "Mine", "action": "ASSIGN_TO_USER"},
    {"number": 6, "text": "End", "action": "END"},
]


class Night:
    """A tenant whose time stands still until the test moves it."""

    def __init__(self, tool: OneTool[XMatters]) -> None:
        self.tool = tool
        tool.tool.event_delay = 0.0
        tool.call("clock", stop=True)

    def page(self, *recipients: str, **more: Any) -> str:
        """Trigger an alert and return its id."""
        body = {"recipients": [{"id": name} for name in recipients or (TEAM,)], "responseOptions": OPTIONS, **more}
        body.setdefault(
            "properties", {"subject": "shop is down", "short": "shop down", "link": "https://eda.example/a"}
        )
        before = set(self.tool.tool.alerts)
        auth = (self.tool.settings.xmatters_user, self.tool.settings.xmatters_password)
        assert requests.post(self.tool.tool.form_url, json=body, auth=auth, timeout=5).status_code == 202
        self.wait(0)
        [made] = set(self.tool.tool.alerts) - before
        return made

    def wait(self, minutes: float) -> int:
        fired: int = self.tool.call("clock", advance=minutes * 60)["fired"]
        return fired

    def alert(self, name: str) -> dict[str, Any]:
        return next(alert for alert in self.tool.snapshot()["alerts"] if alert["id"] == name)

    def notified(self, name: str) -> list[str]:
        return [person["key"] for person in self.alert(name)["recipients"]]

    def devices(self, name: str, person: str) -> list[str]:
        return [sent["device"] for sent in self.alert(name)["messages"] if sent["person"] == person]

    def steps(self, name: str) -> list[tuple[str, str, str]]:
        return [
            (one["name"], one["state"], one["why"]) for line in self.alert(name)["escalation"] for one in line["steps"]
        ]

    def press(self, name: str, person: str, option: int, **more: Any) -> dict[str, Any]:
        return self.tool.call("respond", alert=name, person=person, option=option, **more)

    def may_answer(self, name: str) -> list[str]:
        return [person["key"] for person in self.alert(name)["recipients"] if person["may_answer"]]


@pytest.fixture
def night() -> Iterator[Night]:
    with start_tool(XMatters, Settings(people=(ANA, BO, CLEO))) as running:
        yield Night(running)


# -- members ----------------------------------------------------------------------------------------------------------


def test_members_are_notified_one_after_the_other(night: Night) -> None:
    alert = night.page()
    assert night.notified(alert) == ["ana"]
    night.wait(4.99)
    assert night.notified(alert) == ["ana"]
    night.wait(0.01)
    assert night.notified(alert) == ["ana", "bo"]
    going = night.alert(alert)["escalation"][0]
    assert [(step["name"], step["state"], step["due"] is not None) for step in going["steps"]] == [
        ("Ana Berg", "notified", False),
        ("Bo Lind", "notified", False),
        ("Cleo Roth", "waiting", True),
    ]
    night.wait(5)
    assert night.notified(alert) == ["ana", "bo", "cleo"]
    assert night.alert(alert)["escalation"][0]["state"] == "done"


def test_who_is_away_is_skipped_with_the_delay_after_it(night: Night) -> None:
    night.tool.call("absence", person="bo", minutes=60)
    alert = night.page()
    night.wait(5)
    assert night.notified(alert) == ["ana", "cleo"]
    assert [state for _name, state, _why in night.steps(alert)] == ["notified", "skipped", "notified"]
    assert night.steps(alert)[1][2].startswith("away until")


def test_a_night_first_away_second_silent_third_by_text(night: Night) -> None:
    night.tool.call("absence", person="ana", minutes=600)
    assert [person["key"] for person in night.tool.snapshot()["people"] if person["on_call"]] == ["bo"]
    alert = night.page(priority="HIGH")
    assert night.notified(alert) == ["bo"]
    night.wait(5)
    assert night.notified(alert) == ["bo", "cleo"]
    [sent] = night.tool.call("messages", person="cleo", device="SMS Phone")["messages"]
    assert sent["text"] == (
        "shop down\nReply 1 Restart, 2 Escalate, 3 Seen, 4 Not me, 5 Mine, 6 End\nhttps://eda.example/a"
    )
    assert (sent["link"], sent["kind"], sent["address"]) == ("https://eda.example/a", "TEXT_PHONE", "+49305550003")
    assert night.tool.call("reply", person="cleo", text="1 on my way")["ok"]
    [response] = night.alert(alert)["responses"]
    assert (response["who"], response["device"], response["comment"]) == ("Cleo Roth", "SMS Phone", "on my way")
    assert night.wait(60) == 0, "nothing is due any more"
    assert night.may_answer(alert) == []
    assert night.alert(alert)["status"] == "ACTIVE"


def test_a_replacement_is_notified_in_the_place_of_the_absent(night: Night) -> None:
    night.tool.call("absence", person="ana", minutes=600, replacement="cleo")
    alert = night.page()
    assert night.notified(alert) == ["cleo"]
    assert night.alert(alert)["escalation"][0]["steps"][0]["instead"] == "Cleo Roth"
    night.wait(5)
    assert night.notified(alert) == ["cleo", "bo"]
    night.wait(30)
    assert night.steps(alert)[2] == ("Cleo Roth", "skipped", "notified already")
    night.tool.call("return", person="ana")
    assert night.notified(night.page()) == ["ana"]


def test_an_absence_that_begins_later_counts_when_its_time_comes(night: Night) -> None:
    night.tool.call("absence", person="bo", start="2020-01-01T00:00:00Z", end="2020-01-02T00:00:00Z")
    alert = night.page()
    night.tool.call("person", person="bo", active=False)
    night.wait(5)
    assert night.notified(alert) == ["ana", "cleo"]
    assert night.steps(alert)[1][2] == "not active"


def test_an_escalation_is_repeated_for_those_who_did_not_answer(night: Night) -> None:
    night.tool.call("group", name="Small", members=["ana", {"name": "bo", "delay": 2}], repeat=1)
    alert = night.page("Small")
    assert night.press(alert, "ana", 4)["ok"]
    night.wait(2)
    sent = night.devices(alert, "bo")
    night.wait(2)
    assert night.devices(alert, "bo") == sent * 2
    assert night.steps(alert) == [("Ana Berg", "skipped", "answered already"), ("Bo Lind", "notified", "")]
    assert night.wait(60) == 0, "nobody is asked a third time"


def test_nested_groups_devices_and_broadcasts(night: Night) -> None:
    night.tool.call("group", name="Managers", kind="BROADCAST", members=["bo", "cleo"])
    night.tool.call("group", name="Night")
    night.tool.call("group", name="Night", members=["ana|SMS Phone", {"name": "Managers", "delay": 10}, "Night"])
    alert = night.page("Night")
    assert night.devices(alert, "ana") == ["SMS Phone"]
    night.wait(10)
    assert night.notified(alert) == ["ana", "bo", "cleo"]
    lines = {line["group"]: line for line in night.alert(alert)["escalation"]}
    assert (lines["Managers"]["within"], lines["Managers"]["target"]) == ("Night", "Night")
    assert lines["Night"]["steps"][2]["why"] == "the group is already in this escalation"


def test_nobody_on_call_is_nobody_notified(night: Night) -> None:
    night.tool.call("group", name="Asleep", shifts=[])
    night.tool.call("group", name="Outer", members=["Asleep", "bo"])
    alert = night.page("Outer")
    assert night.steps(alert) == [("Asleep", "skipped", "nobody is on call"), ("Bo Lind", "notified", "")]
    assert night.notified(night.page("Asleep")) == []


def test_override_notifies_everybody_at_once(night: Night) -> None:
    alert = night.page(priority="HIGH", escalationOverride=True)
    assert night.notified(alert) == ["ana", "bo", "cleo"]
    assert night.devices(alert, "cleo")[-1] == "Work Phone"


# -- devices ----------------------------------------------------------------------------------------------------------


def test_devices_ring_by_delay_and_threshold(night: Night) -> None:
    urgent, calm = night.page("ana", priority="HIGH"), night.page("ana", priority="LOW")
    assert night.devices(urgent, "ana") == ["Work Email", "Mobile", "SMS Phone"]
    night.wait(2)
    assert night.devices(urgent, "ana")[3:] == ["Work Phone"]
    assert night.devices(calm, "ana") == ["Work Email", "Mobile", "SMS Phone"]


def test_only_named_devices_are_used(night: Night) -> None:
    alert = night.page(targetDeviceNames=["sms phone", {"name": "Work Phone"}])
    assert night.devices(alert, "ana") == ["SMS Phone"]
    alert = night.page("ana", "bo|Mobile", targetDeviceNames=["Pager"])
    assert night.notified(alert) == ["bo"]
    assert night.steps(alert)[0] == ("Ana Berg", "skipped", "no device takes it")


def test_restrictions_are_overridden(night: Night) -> None:
    night.tool.call("devices", person="ana", devices=[{"name": "Red phone", "kind": "VOICE", "threshold": "HIGH"}])
    assert night.notified(night.page("ana", priority="MEDIUM")) == []
    assert night.notified(night.page("ana", priority="MEDIUM", overrideDeviceRestrictions=True)) == ["ana"]


def test_a_broken_device_fails_and_the_next_is_used_at_once(night: Night) -> None:
    night.tool.call("switch", broken_devices=["ana|SMS Phone"])
    alert = night.page("ana", priority="HIGH")
    states = {sent["device"]: sent["state"] for sent in night.alert(alert)["messages"]}
    assert states == {
        "Work Email": "DELIVERED",
        "Mobile": "DELIVERED",
        "SMS Phone": "FAILED",
        "Work Phone": "DELIVERED",
    }
    assert "was not notified" in night.press(alert, "ana", 1, device="SMS Phone")["error"]


def test_a_call_says_what_to_press(night: Night) -> None:
    alert = night.page("bo", priority="HIGH", responseOptions=OPTIONS[:2])
    night.wait(2)
    [call] = night.tool.call("messages", person="bo", device="Work Phone")["messages"]
    assert call["text"] == (
        "This is xMatters with an alert of high priority for Bo Lind. shop down. "
        "For Restart, press 1. For Escalate, press 2."
    )
    assert night.tool.call("reply", person="bo", device="Work Phone", text="2")["response"] == "Escalate"
    assert night.alert(alert)["responses"][0]["device"] == "Work Phone"


def test_two_alerts_on_one_phone_are_told_apart(night: Night) -> None:
    first, second = night.page("ana"), night.page("ana")
    codes = [sent["replies"][0]["code"] for sent in _texts(night, "ana")]
    assert codes == ["11", "1"]
    assert "no open alert" in night.tool.call("reply", person="ana", text="21")["error"]
    night.tool.call("reply", person="ana", text="1")
    assert (len(night.alert(first)["responses"]), len(night.alert(second)["responses"])) == (1, 0)
    night.tool.call("reply", person="ana", text="11")
    assert len(night.alert(second)["responses"]) == 1


def _texts(night: Night, person: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = night.tool.call("messages", person=person, device="SMS Phone")["messages"]
    return found


# -- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "notified_now", "notified_later", "open_for"),
    [
        (1, ["ana"], ["ana"], []),  # STOP_NOTIFYING_TARGET
        (2, ["ana", "bo"], ["ana", "bo", "cleo"], ["bo", "cleo"]),  # ESCALATE
        (3, ["ana"], ["ana", "bo", "cleo"], ["ana", "bo", "cleo"]),  # RECORD_RESPONSE: may answer again
        (4, ["ana"], ["ana", "bo", "cleo"], ["bo", "cleo"]),  # STOP_NOTIFYING_USER
        (5, ["ana"], ["ana"], ["ana"]),  # ASSIGN_TO_USER
        (6, ["ana"], ["ana"], []),  # END
    ],
)
def test_what_an_answer_does(
    night: Night, option: int, notified_now: list[str], notified_later: list[str], open_for: list[str]
) -> None:
    alert = night.page(priority="HIGH")
    assert night.press(alert, "ana", option)["ok"]
    assert night.notified(alert) == notified_now
    night.wait(30)
    assert night.notified(alert) == notified_later
    assert night.may_answer(alert) == open_for
    assert night.alert(alert)["status"] == ("TERMINATED" if option == 6 else "ACTIVE")
    # Whoever answered is not called any more; only the one to whom it is assigned is.
    assert ("Work Phone" in night.devices(alert, "ana")) is (option == 5)


def test_an_answer_stops_the_target_it_came_through(night: Night) -> None:
    alert = night.page(TEAM, "cleo")
    assert night.notified(alert) == ["ana", "cleo"]
    assert night.press(alert, "ana", 1)["ok"]
    night.wait(30)
    assert night.notified(alert) == ["ana", "cleo"]
    assert night.may_answer(alert) == ["cleo"]


def test_escalating_in_a_nested_group_goes_on_around_it(night: Night) -> None:
    night.tool.call("group", name="Inner", members=["ana"])
    night.tool.call("group", name="Outer", members=["Inner", {"name": "bo", "delay": 60}])
    alert = night.page("Outer")
    night.press(alert, "ana", 2)
    assert night.notified(alert) == ["ana", "bo"]


def test_two_answer_differently_and_one_answers_twice(night: Night) -> None:
    alert = night.page()
    night.press(alert, "ana", 3)
    night.press(alert, "ana", 2)
    night.press(alert, "bo", 1)
    night.press(alert, "ana", 4)
    said = [(one["key"], one["option"]) for one in night.alert(alert)["responses"]]
    assert said == [("ana", "Seen"), ("ana", "Escalate"), ("bo", "Restart"), ("ana", "Not me")]


def test_late_answers_can_be_refused(night: Night) -> None:
    night.tool.call("switch", late_answers=False)
    alert = night.page()
    night.press(alert, "ana", 1)
    assert "is not asked any more" in night.press(alert, "ana", 2)["error"]


def test_a_suspended_alert_waits_and_an_expired_one_ends(night: Night) -> None:
    alert = night.page(expirationInMinutes=60)
    night.tool.call("status", alert=alert, status="SUSPENDED")
    night.wait(20)
    assert night.notified(alert) == ["ana"]
    night.tool.call("status", alert=alert, status="ACTIVE", person="ana")
    assert night.notified(alert) == ["ana", "bo"]
    night.wait(40)
    ended = night.alert(alert)
    assert ended["status"] == "TERMINATED"
    assert "is terminated" in night.press(alert, "bo", 1)["error"]
    assert night.tool.call("status", alert=alert, status="ACTIVE")["ok"] is False


def test_turns_are_taken_by_alerts(night: Night) -> None:
    members = [{"name": key, "in_rotation": True, "delay": 5} for key in ("ana", "bo", "cleo")]
    shift = {"name": "Turns", "members": members, "rotation": {"kind": "ALERTS"}}
    night.tool.call("group", name="Turning", shifts=[shift])
    assert [night.notified(night.page("Turning"))[0] for _alert in range(4)] == ["ana", "bo", "cleo", "ana"]


@pytest.mark.parametrize(
    ("action", "arguments", "error"),
    [
        ("clock", {"advance": -1}, "number of seconds"),
        ("clock", {"to": "2001-01-01T00:00:00Z"}, "forward only"),
        ("clock", {"to": "tomorrow"}, "ISO 8601"),
        ("absence", {"person": "nobody"}, "person 'nobody' is unknown"),
        ("absence", {"person": "ana", "replacement": "x"}, "replacement 'x' is unknown"),
        ("absence", {"person": "ana", "group": "x"}, "group 'x' is unknown"),
        (
            "absence",
            {"person": "ana", "start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
            "must end after",
        ),
        ("person", {"person": "ana"}, "active must be"),
        ("switch", {"colour": "red"}, "colour is not a switch"),
        ("switch", {"webhook_copies": "2"}, "wrong type"),
        ("switch", {"late_answers": 1}, "wrong type"),
        ("switch", {"webhook_style": "pigeon"}, "webhook_style knows"),
        ("webhooks", {"release": "now"}, "release must be"),
        ("status", {"alert": "x", "status": "ACTIVE"}, "no such alert"),
    ],
)
def test_wrong_control_calls_say_what_is_wrong(
    night: Night, action: str, arguments: dict[str, Any], error: str
) -> None:
    try:
        said = night.tool.call(action, **arguments)
    except ValueError as refused:
        said = {"ok": False, "error": str(refused)}
    assert said["ok"] is False
    assert error in said["error"]
