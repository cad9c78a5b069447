# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Payloads of Slack become presses and answers; hostile ones become errors that name a field, and nothing else."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack_values import User
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Answer
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.slack import (
    Press,
    may_answer_at,
    payload_of,
    to_answer,
    to_press,
)

SPECS = Path(__file__).absolute().parents[6] / "shared" / "specs"
INCIDENT = "i7k3v5q2x4dmz"
ACTION = {
    "type": "button",
    "action_id": "self_healing:process_restart",
    "block_id": "self_healing_answer",
    "value": f"1:{INCIDENT}:4:process_restart",
    "action_ts": "1795336310.123456",
}
PAYLOAD: dict[str, Any] = {
    "type": "block_actions",
    "api_app_id": "A0SELFHEAL",
    "team": {"id": "T0ACME0001", "domain": "acme"},
    "user": {"id": "U0ANA00001", "username": "ana", "name": "ana", "team_id": "T0ACME0001"},
    "container": {"type": "message", "message_ts": "1795336162.000300", "channel_id": "C0DYNA0326"},
    "channel": {"id": "C0DYNA0326", "name": "dyna-326"},
    "response_url": "https://hooks.slack.com/actions/T0ACME0001/111/xxx",
    "trigger_id": "1.2.3",
    "actions": [ACTION],
}
ANA = User("U0ANA00001", "Ana Berg", "ana@example.com", "T0ACME0001", is_person=True, email_confirmed=True)


def press() -> Press:
    found = to_press(PAYLOAD)
    assert found is not None
    return found


def test_a_press_is_an_answer() -> None:
    assert to_answer(press(), ANA) == Answer(
        channel="slack",
        alert_id="C0DYNA0326",
        incident_id=INCIDENT,
        responder="Ana Berg",
        choice="process_restart",
        comment=None,
        at=datetime(2026, 11, 22, 8, 31, 50, 123456, tzinfo=timezone.utc),
        key="C0DYNA0326:1795336162.000300:self_healing:process_restart:1795336310.123456",
        person_id="U0ANA00001",
        email="ana@example.com",
        asked=4,
    )


def test_who_is_not_in_the_directory_is_known_by_id_only() -> None:
    answer = to_answer(press(), None)
    assert (answer.responder, answer.person_id, answer.email, answer.vouched) == ("ana", "U0ANA00001", None, False)


@pytest.mark.parametrize(
    "user",
    [
        replace(ANA, team="T0ELSEWHERE"),
        replace(ANA, is_person=False),
        replace(ANA, email_confirmed=False),
        replace(ANA, email=None),
    ],
    ids=["other workspace", "app or deactivated", "not confirmed", "no address"],
)
def test_an_address_that_slack_does_not_vouch_for_is_left_out(user: User) -> None:
    assert to_answer(press(), user).email is None


def test_an_address_counts_for_people_who_press_from_our_workspace_only() -> None:
    assert to_answer(replace(press(), user_team="T0ELSEWHERE"), ANA).email is None
    assert to_answer(replace(press(), user_team=None), ANA).email == "ana@example.com"


@pytest.mark.parametrize(
    "data, known",
    [
        ({}, (False, None)),
        ({"profile": {"email": "ana@example.com", "real_name": "Ana Berg"}}, (True, "ana@example.com")),
        ({"profile": {"email": "ana@example.com"}, "deleted": True}, (False, "ana@example.com")),
        ({"profile": {"email": "x@example.com"}, "is_bot": True}, (False, "x@example.com")),
        ({"profile": {"email": "x@example.com"}, "is_stranger": True}, (False, "x@example.com")),
        ({"profile": {"email": ["x@example.com"]}}, (True, None)),
    ],
)
def test_people_are_read_from_the_directory(data: dict[str, Any], known: tuple[bool, str | None]) -> None:
    user = User.from_json({"id": "U1", **data})
    assert (user.is_person and bool(data), user.email) == known
    assert user.name


def test_the_key_stays_when_slack_tells_it_again() -> None:
    again = to_press({**PAYLOAD, "response_url": "https://hooks.slack.com/actions/T0ACME0001/222/y", "trigger_id": "9"})
    assert again is not None
    assert again.key == press().key
    other = to_press({**PAYLOAD, "actions": [{**ACTION, "action_ts": "1795336310.123457"}]})
    assert other is not None
    assert other.key != press().key


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "view_submission"},
        {"type": "message_action", "actions": 7},
        {**PAYLOAD, "type": None},
        {**PAYLOAD, "actions": [{"action_id": "her.ack", "value": "x", "action_ts": "1.2"}]},
        {**PAYLOAD, "actions": [{"type": "button", "url": "https://example.com"}]},
    ],
)
def test_what_is_not_about_our_buttons_is_left(payload: Any) -> None:
    assert to_press(payload) is None


def _changed(path: str, value: Any) -> dict[str, Any]:
    payload: Any = deepcopy(PAYLOAD)
    *way, last = path.split(".")
    place = payload
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    return dict(payload)


@pytest.mark.parametrize(
    "path, value",
    [
        ("actions", []),
        ("actions", [ACTION, ACTION]),
        ("actions", {"0": ACTION}),
        ("actions.0.value", None),
        ("actions.0.value", f"1:{INCIDENT}:4:take_over"),
        ("actions.0.value", f"2:{INCIDENT}:4:process_restart"),
        ("actions.0.value", f"1:{INCIDENT}:-1:process_restart"),
        ("actions.0.value", f"1:{INCIDENT}:٤:process_restart"),
        ("actions.0.value", f"1:{INCIDENT}:4:process_restart\n"),
        ("actions.0.value", f"1:{INCIDENT}:4:process_restart; id"),
        ("actions.0.value", "1:../../etc:4:process_restart"),
        ("actions.0.action_ts", "now"),
        ("actions.0.action_ts", 1795336310.123456),
        ("actions.0.action_ts", "1795336310.123456 "),
        ("team", None),
        ("team.id", "T0; drop"),
        ("api_app_id", ["A0SELFHEAL"]),
        ("user", "U0ANA00001"),
        ("user.id", "<!here>"),
        ("user.id", "U" * 41),
        ("user.team_id", 7),
        ("channel.id", "dyna-326"),
        ("container.message_ts", None),
    ],
)
def test_what_is_wrong_is_named(path: str, value: Any) -> None:
    field = path.split(".")[-1]
    with pytest.raises(InvalidInputError, match=field):
        to_press(_changed(path, value))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    *("type", "api_app_id", "team", "team.id", "user", "user.id", "user.name", "user.team_id", "container"),
    *("container.message_ts", "channel", "channel.id", "response_url", "actions", "actions.0"),
    *("actions.0.action_id", "actions.0.value", "actions.0.action_ts"),
]


@given(st.sampled_from(PLACES), ANYTHING)
def test_nothing_in_a_payload_breaks_anything(place: str, value: Any) -> None:
    """It is a press whose parts are plain ids, or nothing, or an error of ours."""
    payload = _changed(place, value) if not place.endswith(".0") else {**PAYLOAD, "actions": [value]}
    try:
        found = to_press(payload)
    except InvalidInputError:
        return
    if found is not None:
        answer = to_answer(found, None)
        assert all(c.isascii() and c.isprintable() for c in answer.key + str(answer.person_id) + answer.alert_id)
        assert 0 < len(answer.responder) <= 200
        assert answer.at is None or answer.at.tzinfo is not None


@given(ANYTHING)
def test_any_json_is_survived(value: Any) -> None:
    try:
        assert to_press(value) is None
    except InvalidInputError:
        pass


@given(st.binary(max_size=200))
def test_any_body_is_survived(body: bytes) -> None:
    try:
        payload_of(body)
    except InvalidInputError:
        pass


def test_the_payload_is_a_field_of_a_form() -> None:
    body = urlencode({"payload": json.dumps({**PAYLOAD, "user": {**PAYLOAD["user"], "name": "Jörg & Söhne 🔥"}})})
    assert payload_of(body.encode())["user"]["name"] == "Jörg & Söhne 🔥"


@pytest.mark.parametrize(
    "body",
    [b"", b"a=b", b"payload", b"payload=", b"payload={}&payload={}", b"payload=%7B%22a%22%3A1", b"\xff=1", b"&" * 50],
)
def test_other_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidInputError):
        payload_of(body)


@pytest.mark.parametrize(
    "address, api, allowed",
    [
        ("https://hooks.slack.com/actions/T0/1/x", "https://slack.com/api/", True),
        ("https://hooks.slack-gov.com/actions/T0/1/x", "https://slack-gov.com/api/", True),
        ("http://127.0.0.1:8080/actions/T0/1/x", "http://127.0.0.1:8080/api/", True),
        ("https://hooks.slack.com/actions/T0/1/x", "http://127.0.0.1:8080/api/", True),
        ("http://127.0.0.1:8081/actions/T0/1/x", "http://127.0.0.1:8080/api/", False),
        ("https://127.0.0.1:8080/actions/T0/1/x", "http://127.0.0.1:8080/api/", False),
        ("http://hooks.slack.com/actions/T0/1/x", "https://slack.com/api/", False),
        ("https://hooks.slack-gov.com/actions/T0/1/x", "https://slack.com/api/", False),
        ("https://hooks.slack.com.evil.example/x", "https://slack.com/api/", False),
        ("https://hooks.slack.com:444/x", "https://slack.com/api/", False),
        ("https://evil.example@hooks.slack.com/x", "https://slack.com/api/", False),
        ("https://hooks.slack.com@evil.example/x", "https://slack.com/api/", False),
        ("https://evil.example\\@hooks.slack.com/x", "https://slack.com/api/", False),
        ("https://169.254.169.254/latest/meta-data", "https://slack.com/api/", False),
        ("file:///etc/passwd", "https://slack.com/api/", False),
        ("https://[::1", "https://slack.com/api/", False),
        ("", "https://slack.com/api/", False),
    ],
)
def test_only_slack_is_answered(address: str, api: str, allowed: bool) -> None:
    assert may_answer_at(address, api) is allowed


@pytest.mark.skipif(not SPECS.is_dir(), reason="the vendor's samples are not on this machine")
def test_the_sample_of_the_vendor_is_understood() -> None:
    sample = json.loads((SPECS / "slack_teams_samples.json").read_text())["interactivity"]["block_actions"]
    assert to_press(sample) is None
    [action] = sample["actions"]
    ours = {**sample, "actions": [{**action, "action_id": ACTION["action_id"], "value": ACTION["value"]}]}
    found = to_press(ours)
    assert found is not None
    assert (found.team, found.app, found.user) == ("T0ACME0001", "A0HERAPP01", "U0ALICE001")
    assert may_answer_at(str(found.response_url), "https://slack.com/api/")
