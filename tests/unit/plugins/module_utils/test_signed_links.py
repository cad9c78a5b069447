# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed links: what a token holds, that nobody else makes one, and the settings it depends on."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import Signer

from ansible_collections.self_healing.devops.plugins.filter.answer_link import answer_link
from ansible_collections.self_healing.devops.plugins.module_utils import signed_links
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.signed_links import (
    LONGEST_TOKEN,
    Link,
    LinkKeys,
    answer_url,
    link_of,
    link_secrets,
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


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given_", [f"{NEW} {OLD}", f"{NEW},{OLD}", f" {NEW}\n{OLD} ", [NEW, OLD], [NEW, "", OLD]])
def test_secrets_may_be_a_list_or_a_text(given_: Any) -> None:
    assert link_secrets(given_, {}) == [NEW, OLD]
    assert link_secrets(None, {"SELF_HEALING_LINK_SECRETS": given_ if isinstance(given_, str) else NEW})[0] == NEW


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("short", "shorter than 43 characters: make one with"),
        (["s" * 42], "shorter than 43 characters"),
        ([1234], "must hold texts"),
        ({"a": 1}, "must be a list"),
        ("{{ vault_link_secrets }}", "a template that was not filled in"),
        (["{{ lookup('env', 'A_VERY_LONG_NAME_OF_A_SECRET_OF_MINE') }}"], "a template that was not filled in"),
    ],
)
def test_bad_secrets_are_told_and_not_shown(given_: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as told:
        link_secrets(given_, {})
    assert "vault_link_secrets" not in told.value.message
    assert "ssss" not in told.value.message


def test_without_secrets_there_are_no_keys() -> None:
    assert link_secrets(None, {}) == []
    with pytest.raises(ConfigurationError, match="self_healing_link_secrets is empty"):
        LinkKeys([])


def test_the_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_links, "Signer", None)
    with pytest.raises(ConfigurationError, match="package itsdangerous is missing"):
        LinkKeys([NEW])


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (URL, URL),
        (f"{URL}/", URL),
        ("http://127.0.0.1:5000/answer", "http://127.0.0.1:5000/answer"),
        ("http://[::1]:5000/answer", "http://[::1]:5000/answer"),
        (None, ""),
    ],
)
def test_addresses(url: Any, wanted: str) -> None:
    assert answer_url(url, {}) == wanted


@pytest.mark.parametrize(
    "url",
    [
        "http://eda.example.com/answer",
        "ftp://eda.example.com/answer",
        "eda.example.com/answer",
        "https:///answer",
        "https://ana@eda.example.com/answer",
        f"{URL}?a=b",
        f"{URL}#a",
        "https://eda.example.com:99999/answer",
        "https://eda.example.com/an swer",
        "https://{{ host }}/answer",
        "https://eda.example.com/" + "a" * 500,
        7,
    ],
)
def test_addresses_that_would_leak_or_lead_nowhere(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="self_healing_answer_url"):
        answer_url(url, {})
