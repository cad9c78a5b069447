# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The translator of Jira's webhook, the signature it brings, and what in an issue is an answer."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira_values import (
    Account,
    Comment,
    Issue,
    Status,
    StatusChange,
    read_comment,
    read_status_changes,
    read_time,
)
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Answer
from ansible_collections.self_healing.devops.plugins.plugin_utils.doors import Doors
from ansible_collections.self_healing.devops.plugins.plugin_utils.hub_signature import HubSignature
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.jira import (
    IssueHint,
    answers_in,
    choice_in,
    to_issue_hint,
)
from support.story import Story

ADA, OWN = "712020:ada", "712020:self-healing"
COMMENTED = {
    "timestamp": 1795334401000,
    "webhookEvent": "comment_created",
    "comment": {"id": "252789", "author": {"accountId": ADA}, "body": "Restart process"},
    "issue": {"id": "10024", "key": "ITSM-24", "fields": {"summary": "…"}},
}
MOVED = {
    "webhookEvent": "jira:issue_updated",
    "issue_event_type_name": "issue_generic",
    "user": {"accountId": ADA, "displayName": "Ada"},
    "issue": {"id": "10024", "key": "ITSM-24"},
    "changelog": {"id": "10124", "items": [{"field": "status", "fromString": "Open", "toString": "Resolved"}]},
}


def test_what_may_bring_an_answer_is_a_hint() -> None:
    assert to_issue_hint(COMMENTED) == to_issue_hint(MOVED) == IssueHint("ITSM-24", ADA)
    assert to_issue_hint({**COMMENTED, "webhookEvent": "comment_updated"}) == IssueHint("ITSM-24", ADA)
    assert to_issue_hint({**MOVED, "user": {"name": "ada"}}) == IssueHint("ITSM-24", "ada")
    assert to_issue_hint({**COMMENTED, "comment": "x"}) == IssueHint("ITSM-24", None)
    assert to_issue_hint({**COMMENTED, "issue": {"id": 10024}}) == IssueHint("10024", ADA)


@pytest.mark.parametrize(
    "body",
    [
        {**COMMENTED, "webhookEvent": "comment_deleted"},
        {**COMMENTED, "webhookEvent": "jira:issue_created"},
        {**MOVED, "changelog": {"items": [{"field": "summary", "toString": "status"}]}},
        {**MOVED, "changelog": {"items": "status"}},
        {**MOVED, "changelog": None},
        {"webhookEvent": "user_deleted"},
    ],
)
def test_what_brings_none_is_taken_and_forgotten(body: Any) -> None:
    assert to_issue_hint(body) is None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "the body must be a JSON object"),
        (None, "the body must be a JSON object"),
        ({}, "webhookEvent"),
        ({**COMMENTED, "webhookEvent": ["comment_created"]}, "webhookEvent"),
        ({**COMMENTED, "webhookEvent": "comment created\r\nX: y"}, "webhookEvent"),
        ({**COMMENTED, "issue": None}, "issue is missing"),
        ({**COMMENTED, "issue": "ITSM-24"}, "issue is missing"),
        ({**COMMENTED, "issue": {"key": "ITSM-24/../../myself"}}, "issue.key"),
        ({**COMMENTED, "issue": {"key": "itsm-24 OR 1=1"}}, "issue.key"),
        ({**COMMENTED, "issue": {"key": "ITSM-٣"}}, "issue.key"),
        ({**COMMENTED, "issue": {"key": "ITSM-24\n"}}, "issue.key"),
        ({**COMMENTED, "issue": {"key": 24}}, "issue.key"),
        ({**COMMENTED, "issue": {"id": "1/../2"}}, "issue.key"),
        ({**COMMENTED, "issue": {"id": True}}, "issue.key"),
        ({**COMMENTED, "issue": {"key": "A" * 200 + "-1"}}, "issue.key"),
    ],
)
def test_wrong_fields_are_named(body: Any, named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        to_issue_hint(body)


NAMES = ["webhookEvent", "issue", "key", "id", "comment", "author", "user", "accountId", "changelog", "items", "field"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["status", "ITSM-24"])
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=8),
    max_leaves=10,
)
EVENTS = st.sampled_from(["comment_created", "comment_updated", "jira:issue_updated"])


@settings(max_examples=100)
@given(JSON | st.fixed_dictionaries({"webhookEvent": EVENTS}, optional=dict.fromkeys(NAMES[1:], JSON)))
def test_nothing_but_a_hint_or_invalid_input(body: Any) -> None:
    try:
        hint = to_issue_hint(body)
    except InvalidInputError:
        return
    assert hint is None or hint.issue == "ITSM-24" or hint.issue.isdigit() or "-" in hint.issue
    assert hint is None or len(hint.issue) < 130


# -- the signature ----------------------------------------------------------------------------------------------------


def signed(body: bytes, secret: str) -> dict[str, str]:
    return {"X-Hub-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def test_the_signature_of_the_documentation_opens() -> None:
    door = HubSignature("It's a Secret to Everybody", Doors(names="jira_webhook"))
    digest = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    assert door.closed
    assert door.admit({"X-Hub-Signature": digest})
    assert door.admit_body({"X-Hub-Signature": digest}, b"Hello World!")
    assert not door.admit_body({"X-Hub-Signature": digest}, b"Hello World?")
    assert "Secret to Everybody" not in repr(door)


@pytest.mark.parametrize("value", ["", "sha256=", "sha1=abc", "sha256=é\udcff", "a" * 10000])
def test_other_signatures_do_not(value: str) -> None:
    door = HubSignature(["new", "old"], Doors(names="jira_webhook"))
    assert not door.admit({})
    assert not door.admit_body({"X-Hub-Signature": value}, b"body")
    assert not door.admit_body(signed(b"body", "other"), b"body")
    assert door.admit_body(signed(b"body", "old"), b"body")
    assert door.admit_body(signed(b"body", "new"), b"body")


def test_a_token_opens_as_well_where_there_is_one() -> None:
    door = HubSignature("secret", Doors(token="token", names="jira_webhook"))
    assert door.admit_body({"Authorization": "Bearer token"}, b"body")
    assert door.admit_body(signed(b"body", "secret"), b"body")
    assert not door.admit({"Authorization": "Bearer other"})
    assert not door.admit_body({"Authorization": "Bearer other", "X-Hub-Signature": "sha256=x"}, b"body")
    only_token = HubSignature(None, Doors(token="token", names="jira_webhook"))
    assert not only_token.admit(signed(b"body", ""))
    assert not only_token.admit_body(signed(b"body", ""), b"body")


def test_without_anything_the_door_is_open_and_says_so() -> None:
    door = HubSignature(None, Doors(names="jira_webhook"))
    assert not door.closed
    assert door.admit({})
    assert door.admit_body({}, b"body")


@pytest.mark.parametrize("secret", ["", " ", "{{ jira_webhook_secret }}", [], 7])
def test_a_secret_that_is_none(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="jira_webhook_secret"):
        HubSignature(secret, Doors(names="jira_webhook"))


# -- answers in an issue ----------------------------------------------------------------------------------------------

INCIDENT = Story().decide().incident
ASKED = next(entry for entry in INCIDENT.timeline if entry.kind == "decided")
ISSUE = Issue(10024, "ITSM-24", "", "", Status("To Do", "new"), None, (), (), (), {})
ANA = Account(ADA, "Ana Berg", "ana@example.com")
MARKED = Comment("1", "Asking: …", {"id": f"{INCIDENT.id}-{ASKED.n}"}, Account(OWN, "Self-healing"), ASKED.at)


def comment(body: str, seconds: float = 10, number: str = "7", author: Account | None = ANA, **more: Any) -> Comment:
    return Comment(number, body, more.get("mark"), author, ASKED.at + timedelta(seconds=seconds))


def read(*comments: Comment, changes: tuple[StatusChange, ...] = (), asked: int | None = ASKED.n) -> list[Answer]:
    choices = {"In Progress": "take_over", "Waiting": "nothing"}
    return answers_in(ISSUE, INCIDENT, asked, comments, changes, choices, OWN)


@pytest.mark.parametrize(
    ("body", "option", "rest"),
    [
        ("Restart process", "process_restart", None),
        ("  restart PROCESS \r\nafter the deploy\r\n", "process_restart", "after the deploy"),
        ("/process_restart", "process_restart", None),
        ("/ Take over", "take_over", None),
        (r"take\_over", "take_over", None),
        ("Re\u2060start process", "process_restart", None),
        ("\n\nSnooze\n\n", "snooze", None),
    ],
)
def test_the_first_line_chooses(body: str, option: str, rest: str | None) -> None:
    [given_] = read(comment(body))
    assert given_ == Answer(
        channel="jira",
        alert_id="ITSM-24",
        incident_id=INCIDENT.id,
        responder="Ana Berg",
        choice=option,
        comment=rest,
        at=ASKED.at + timedelta(seconds=10),
        key="10024:comment-7",
        person_id=ADA,
        email="ana@example.com",
        asked=ASKED.n,
    )
    assert not given_.vouched


@pytest.mark.parametrize(
    "body",
    [
        "",
        "Please restart process",
        "Restart process!",
        "Restart process?",
        "> Restart process",
        "{quote}\nRestart process\n{quote}",
        "no\nRestart process",
        "//process_restart",
        "x" * 40000,
        "{{ process_restart }}",
        "process_restart\u200b",
    ],
)
def test_talk_is_no_answer(body: str) -> None:
    assert choice_in(body, INCIDENT) is None
    assert read(comment(body)) == []


def test_what_we_write_ourselves_is_no_answer() -> None:
    assert read(comment("Restart process", author=Account(OWN, "Self-healing"))) == []
    assert read(comment("Restart process", mark={"id": "x"})) == []
    assert read(comment("Restart process", author=None)) == []


def test_what_was_written_before_the_question_is_no_answer_to_it() -> None:
    assert read(comment("Restart process", seconds=-1)) == []
    assert read(comment("Restart process"), asked=None) == []


def test_our_own_comment_tells_better_than_a_clock_what_came_after_it() -> None:
    """The clock of Jira may be behind."""
    early, late = comment("Take over", seconds=-60, number="6"), comment("Restart process", seconds=-30)
    assert [one.choice for one in read(early, MARKED, late)] == ["process_restart"]
    assert [one.choice for one in read(comment("Snooze", seconds=5), MARKED)] == ["snooze"]


def test_comments_without_a_time_count_after_our_own_only() -> None:
    timeless = Comment("7", "Restart process", None, ANA)
    assert read(timeless) == []
    assert len(read(MARKED, timeless)) == 1


def change(to: str, seconds: float = 10, author: Account | None = ANA) -> StatusChange:
    return StatusChange("8", author, ASKED.at + timedelta(seconds=seconds), to)


def test_a_transition_chooses_what_its_status_means() -> None:
    [given_] = read(changes=(change("in progress"),))
    assert (given_.choice, given_.key, given_.person_id) == ("take_over", "10024:change-8", ADA)


@pytest.mark.parametrize(
    "moved",
    [
        change("Done"),
        change("Waiting"),
        change("In Progress", seconds=0),
        change("In Progress", author=Account(OWN, "Self-healing")),
        change("In Progress", author=None),
        StatusChange("8", ANA, None, "In Progress"),
    ],
)
def test_other_transitions_choose_nothing(moved: StatusChange) -> None:
    assert read(changes=(moved,)) == []


def test_answers_come_in_their_order() -> None:
    found = read(comment("Snooze", seconds=30), changes=(change("In Progress", seconds=20),))
    assert [one.choice for one in found] == ["take_over", "snooze"]


@settings(max_examples=100)
@given(st.text(max_size=300))
def test_any_comment_is_an_option_or_talk(body: str) -> None:
    chosen = choice_in(body, INCIDENT)
    assert chosen is None or chosen[0] in {option["name"] for option in INCIDENT.options}


# -- Jira's own shapes ------------------------------------------------------------------------------------------------


def test_people_whose_address_is_hidden() -> None:
    raw = {"id": "7", "body": "x", "author": {"accountId": ADA, "displayName": "Ana", "emailAddress": ""}}
    assert read_comment(raw, "p").author == Account(ADA, "Ana", None)
    assert read_comment({"id": "7", "author": {"name": "ana", "emailAddress": 7}}, "p").author == Account("ana", "ana")
    for author in (None, {}, [], {"accountId": 7}, {"displayName": "Ana"}):
        assert read_comment({"id": "7", "author": author}, "p").author is None


@pytest.mark.parametrize("text", [None, "", 7, "yesterday", "2026-11-22T08:00:01"])
def test_times_without_a_zone_are_none(text: Any) -> None:
    assert read_time(text) is None


def test_the_change_log_is_read_oldest_first() -> None:
    status = {"field": "status", "toString": "Done"}
    raw = {
        "changelog": {
            "histories": [
                {"id": "12", "author": None, "created": "bad", "items": [{"field": "labels"}, status]},
                {"id": "9", "created": "2026-11-22T08:00:01.000+0000", "items": [{**status, "toString": None}]},
            ]
        }
    }
    nine, twelve = read_status_changes(raw)
    assert nine == StatusChange("9", None, datetime.fromisoformat("2026-11-22T08:00:01+00:00"), "")
    assert (twelve.id, twelve.to, twelve.at) == ("12", "Done", None)
