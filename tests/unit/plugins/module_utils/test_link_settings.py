# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of signed links: what is no good is named, and never shown."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.link_settings import answer_url, link_secrets

OLD, NEW = "o" * 64, "n" * 64
URL = "https://eda.example.com/answer"


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


def test_there_may_be_none() -> None:
    assert link_secrets(None, {}) == []


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
