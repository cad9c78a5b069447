# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed links: what a token holds, and that nobody else makes one."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from ansible_collections.self_healing.devops.plugins.filter.answer_link import answer_link
from ansible_collections.self_healing.devops.plugins.filter.report_link import report_link
from ansible_collections.self_healing.devops.plugins.module_utils import signed_links
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.signed_links import (
    LONGEST_TOKEN,
    Link,
    LinkKeys,
    ReportLink,
    link_of,
    report_of,
)

OLD, NEW, OTHER = "o" * 64, "n" * 64, "x" * 64
KEYS = LinkKeys([NEW])
EXPIRES = datetime(2026, 11, 26, 8, 0, tzinfo=timezone.utc)
LINK = Link("i7k3v5q2x4dmz", 4, "Ana Berg", True, EXPIRES)
TOKEN = KEYS.token(LINK)
INCIDENT = {
    "id": "i7k3v5q2x4dmz",
    "asked": 4,
    "timeline": [{"n": 1, "at": "2026-11-25T07:59:00.000Z"}, {"n": 4, "at": "2026-11-25T08:00:00.250Z"}],
}
URL = "https://eda.example.com/answer"


def test_a_token_is_read_as_it_was_signed() -> None:
    assert KEYS.read(TOKEN) == LINK
    assert KEYS.token(LINK) == TOKEN
    assert len(TOKEN) < 150
    assert re.fullmatch(r"[A-Za-z0-9._-]+", TOKEN)


def test_a_token_holds_neither_secrets_nor_hosts() -> None:
    payload = TOKEN.partition(".")[0]
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert said == ["i7k3v5q2x4dmz", 4, "Ana Berg", 1, int(EXPIRES.timestamp())]
    assert NEW not in repr(KEYS)


@pytest.mark.parametrize("position", range(len(TOKEN)))
def test_every_changed_character_makes_it_another(position: int) -> None:
    for letter in "AQgwz_.":
        if letter != TOKEN[position]:
            assert KEYS.read(TOKEN[:position] + letter + TOKEN[position + 1 :]) is None


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", TOKEN + "=", TOKEN + "A", TOKEN[:-1], f".{TOKEN}", f"{TOKEN}.{TOKEN}", TOKEN.upper(), "é" * 90],
)
def test_what_is_no_token(token: str) -> None:
    assert KEYS.read(token) is None


def test_secrets_can_be_changed_without_a_gap() -> None:
    old = LinkKeys([OLD]).token(LINK)
    both = LinkKeys([NEW, OLD])
    assert both.read(old) == LINK
    assert both.token(LINK) == TOKEN
    assert KEYS.read(old) is None
    assert LinkKeys([OTHER, OLD]).read(TOKEN) is None


def test_a_token_for_another_purpose_is_none_of_these() -> None:
    payload = TOKEN.partition(".")[0].encode()
    for salt in (b"something else", signed_links.BINDING_SALT):
        signer = Signer(NEW.encode(), salt=salt, sep=".", key_derivation="hmac", digest_method=hashlib.sha256)
        assert KEYS.read(signer.sign(payload).decode()) is None
    assert KEYS.read(f"{payload.decode()}.{KEYS.bind(payload.decode())}") is None


def test_what_is_bound_belongs_to_all_its_parts() -> None:
    assert KEYS.bind("proof", "a", "b") == KEYS.bind("proof", "a", "b")
    assert len({KEYS.bind("proof", "a", "b"), KEYS.bind("proof", "ab"), KEYS.bind("cookie", "a", "b")}) == 3


names = st.text(max_size=300)


@given(st.from_regex(r"i[a-z2-7]{12}", fullmatch=True), st.integers(1, 10**6), names, st.booleans())
def test_any_name_makes_a_token_of_bounded_size(incident: str, asked: int, to: str, personal: bool) -> None:
    record = {"id": incident, "asked": asked, "timeline": [{"n": asked, "at": "2026-11-25T08:00:00.000Z"}]}
    link = link_of(record, to, personal=personal)
    if link is None:
        assert not any(letter.isprintable() and not letter.isspace() for letter in to)
        return
    token = KEYS.token(link)
    assert len(token) < LONGEST_TOKEN
    assert KEYS.read(token) == link


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{8,80}\.[A-Za-z0-9_-]{43}", fullmatch=True))
def test_nobody_guesses_a_token(token: str) -> None:
    assert KEYS.read(token) is None


# -- of an incident ---------------------------------------------------------------------------------------------------


def test_the_link_of_a_question_is_always_the_same() -> None:
    link = link_of(INCIDENT, " Ana\n Berg ", personal=True)
    assert link == LINK.__class__(
        "i7k3v5q2x4dmz", 4, "Ana Berg", True, datetime(2026, 11, 26, 8, 0, tzinfo=timezone.utc)
    )
    assert link.id == LINK.id
    assert not link.expired(EXPIRES - timedelta(seconds=1))
    assert link.expired(EXPIRES)


def test_each_question_and_each_recipient_has_another_link() -> None:
    others = [
        Link("i7k3v5q2x4dmz", 5, "Ana Berg", True, EXPIRES),
        Link("i7k3v5q2x4dmz", 4, "Ana Ber", True, EXPIRES),
        Link("i7k3v5q2x4dmz", 4, "Ana Berg", False, EXPIRES),
        Link("iaaaaaaaaaaaa", 4, "Ana Berg", True, EXPIRES),
    ]
    assert len({LINK.id, *(link.id for link in others)}) == 5
    assert all(re.fullmatch(r"[a-z2-7]{26}", link.id) for link in others)


@pytest.mark.parametrize(
    "changes", [{"asked": None}, {"asked": 9}, {"id": "../etc"}, {"timeline": [{"n": 4, "at": None}]}]
)
def test_where_nothing_is_asked_there_is_no_link(changes: dict[str, Any]) -> None:
    assert link_of({**INCIDENT, **changes}, "Ana Berg", personal=True) is None


def test_the_filter_makes_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    made = answer_link(INCIDENT, "Ana Berg", personal=True, secrets=[NEW], url=f"{URL}/")
    assert made == f"{URL}/{TOKEN}"
    monkeypatch.setenv("SELF_HEALING_LINK_SECRETS", f"{NEW}, {OLD}")
    monkeypatch.setenv("SELF_HEALING_ANSWER_URL", URL)
    assert answer_link(INCIDENT, "Ana Berg", personal=True) == made
    assert answer_link({**INCIDENT, "asked": None}, "Ana Berg") == ""


def test_the_filter_is_silent_where_links_are_not_set_up() -> None:
    assert answer_link(INCIDENT, "Ana Berg") == ""
    with pytest.raises(AnsibleFilterError, match="without self_healing_answer_url"):
        answer_link(INCIDENT, "Ana Berg", secrets=[NEW])
    with pytest.raises(AnsibleFilterError, match="self_healing_link_secrets is empty"):
        answer_link(INCIDENT, "Ana Berg", url=URL)


def test_without_secrets_there_are_no_keys() -> None:
    with pytest.raises(ConfigurationError, match="self_healing_link_secrets is empty"):
        LinkKeys([])


def test_the_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_links, "Signer", None)
    with pytest.raises(ConfigurationError, match="package itsdangerous is missing"):
        LinkKeys([NEW])


# -- reports ----------------------------------------------------------------------------------------------------------

TIMELINE: list[dict[str, Any]] = [
    {"n": 1, "kind": "detected", "at": "2026-11-25T07:59:00.000Z"},
    {"n": 4, "kind": "decided", "at": "2026-11-25T08:00:00.250Z"},
]
REPORTED = {**INCIDENT, "timeline": TIMELINE}
REPORT = ReportLink("i7k3v5q2x4dmz", datetime(2026, 12, 2, 7, 59, tzinfo=timezone.utc))


def test_a_report_is_read_for_a_week_and_has_one_address() -> None:
    assert report_of(REPORTED) == REPORT
    assert KEYS.read_report(KEYS.report_token(REPORT)) == REPORT
    later = [*TIMELINE, {"n": 5, "kind": "closed", "at": "2026-11-25T09:00:00.000Z"}]
    assert report_of({**REPORTED, "timeline": later}) == REPORT
    again = [*later, {"n": 6, "kind": "reopened", "at": "2026-11-26T07:59:00.000Z"}]
    assert report_of({**REPORTED, "timeline": again}) == replace(REPORT, expires=REPORT.expires + timedelta(days=1))


@pytest.mark.parametrize("changes", [{"timeline": []}, {"id": "../etc"}])
def test_what_is_no_incident_has_no_report(changes: dict[str, Any]) -> None:
    assert report_of({**REPORTED, **changes}) is None


def test_a_report_and_an_answer_are_never_taken_for_each_other() -> None:
    assert KEYS.read(KEYS.report_token(REPORT)) is None
    assert KEYS.read_report(TOKEN) is None
    assert LinkKeys([OTHER]).read_report(KEYS.report_token(REPORT)) is None


def test_the_filter_makes_the_address_of_a_report() -> None:
    assert report_link(REPORTED, secrets=[NEW], url=URL) == f"{URL}/{KEYS.report_token(REPORT)}"
    assert report_link(REPORTED) == ""
    with pytest.raises(AnsibleFilterError, match="without self_healing_answer_url"):
        report_link(REPORTED, secrets=[NEW])
