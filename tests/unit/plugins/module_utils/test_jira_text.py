# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Free text stays text in Jira: checked against the sandbox's reader of wiki mark-up, which shares no code with it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils import jira_text
from ansible_collections.self_healing.devops.plugins.module_utils.jira_text import WORD_JOINER
from sandbox.jira.rich_text import document_text, from_wiki

#: Pieces that mean something to Jira, so that random texts are full of trouble.
PIECES = [
    *"\\[]{}|!*_-+^~?#&;:()/.,@<> \n\t",
    *[
        "[~ana]",
        "[~accountid:712020:1]",
        "{code}",
        "{color:red}",
        "{{x}}",
        "!a.png!",
        "[a|http://e.example]",
        "h1.",
        "bq.",
    ],
    *[
        "----",
        "(/)",
        ":)",
        "&#91;",
        "\\\\",
        "http://",
        "https://e.example",
        "mailto:a@b.c",
        "file://",
        "word",
        "A1",
        "\r\n",
    ],
    *["é", "漢", "👩\u200d🚒", "\u202e", "\u2060"],
]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)
TEXTS = HOSTILE | st.text(max_size=200)

MENTION = "[~ana]"
SHOWN_AS_IS = [
    "Process unavailable: shop on shop-01",
    "p95 2 900 → 310 ms, errors 41 → 0 %",
    "C:\\temp\\shop.log",
    "see /var/log/shop_1.log (rotated) at 12:30!",
    "self_healing.devops i7k3v5q2x4dmz",
]


def nodes(text: str) -> list[dict[str, Any]]:
    """Return all inline nodes that Jira makes of wiki text."""
    document = from_wiki(text, cloud=True).document
    return [node for paragraph in document["content"] for node in paragraph["content"]]


def read(text: str) -> str:
    """Return what a person reads of wiki text in the browser."""
    return document_text(from_wiki(text, cloud=True).document).replace(WORD_JOINER, "")


def tidy(text: str) -> str:
    """Return a text as it may be shown: without invisible characters, blanks at line ends and runs of empty lines."""
    text = re.sub("\r\n|\r|\x85|\u2028|\u2029", "\n", text)
    visible = "".join(c for c in text if c in "\n\t" or not jira_text._INVISIBLE.match(c))
    lines = "\n".join(line.rstrip() for line in visible.split("\n"))
    return re.sub("\n{3,}", "\n\n", lines).strip("\n")


@given(TEXTS)
def test_nothing_in_a_text_is_active(text: str) -> None:
    for node in nodes(jira_text.long_text(text)):
        assert node["type"] in ("text", "hardBreak")
        assert "marks" not in node


@given(TEXTS)
def test_a_person_reads_what_was_written(text: str) -> None:
    assert read(jira_text.long_text(text)) == tidy(text)


@given(TEXTS)
def test_no_special_character_is_left_without_its_backslash(text: str) -> None:
    left = re.sub(r"\\[^A-Za-z0-9\s\u2060]", "", jira_text.inert(text))
    assert not re.search(r"[\[\]{}|]|!(?=\S)|https?://|mailto:(?!\u2060)", left)
    assert not re.search(r"(?<![A-Za-z0-9])[*_?+^~-](?=[^\s*_?+^~-])", left.replace(WORD_JOINER, " "))


@given(st.text(max_size=50), st.text(max_size=50))
def test_what_stands_next_to_a_text_cannot_wake_it(before: str, after: str) -> None:
    text = jira_text.inert(f"{before}{MENTION}{after}")
    assert all(node["type"] in ("text", "hardBreak") for node in nodes(f"Title: {text}, end"))


@given(TEXTS)
def test_a_summary_is_one_short_line(text: str) -> None:
    summary = jira_text.summary(text * 3)
    assert 1 <= len(summary) <= 255
    assert not re.search(r"[\x00-\x1f]", summary)
    assert summary == summary.strip()


@pytest.mark.parametrize("text", SHOWN_AS_IS)
def test_ordinary_texts_are_sent_as_they_are(text: str) -> None:
    assert jira_text.long_text(text) == text


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("[~ana] look", r"\[\~ana\] look"),
        ("{color:white}hidden{color}", r"\{color:white\}hidden\{color\}"),
        ("!https://e.example/a.png!", f"\\!https:{WORD_JOINER}//e.example/a.png!"),
        ("[safe|https://e.example]", rf"\[safe\|https:{WORD_JOINER}//e.example\]"),
        ("\\[~ana]", f"\\{WORD_JOINER}\\[\\~ana\\]"),
        ("ends with \\", f"ends with \\{WORD_JOINER}"),
        ("h1. Big", f"{WORD_JOINER}h1. Big"),
        ("all good (/)", r"all good \(/)"),
        ("-all- *bold* a_b", r"\-all- \*bold* a_b"),
        ("* one\n* two", f"{WORD_JOINER}* one\n{WORD_JOINER}* two"),
        ("a\u202eb\x00c\u200bd", "abcd"),
    ],
)
def test_mark_up_is_taken_apart(text: str, sent: str) -> None:
    assert jira_text.long_text(text) == sent


def test_only_the_given_addresses_can_be_clicked() -> None:
    good = "https://abc.live.dynatrace.com/#problems/problemdetails;pid=-64780_1696V2"
    sent = jira_text.long_text(f"See {good}, not {good}/x or [{good}] !{good}! (https://evil.example)", [good])
    links = [node["text"] for node in nodes(sent) if "marks" in node]
    assert links[0] == good + ","
    assert "evil" not in "".join(links)
    assert all(node["type"] == "text" for node in nodes(sent))


def test_a_given_address_that_would_be_mark_up_is_shown_only() -> None:
    odd = "https://e.example/{code}|x]"
    assert not [node for node in nodes(jira_text.long_text(odd, [odd])) if "marks" in node]


@pytest.mark.parametrize("length", [32_766, 32_767, 32_768, 40_000])
def test_a_long_text_is_cut_with_a_visible_mark(length: int) -> None:
    sent = jira_text.long_text("[" * length)
    assert len(sent) <= 32_767
    assert sent.endswith(r"\[…")
    assert jira_text.long_text("a" * length) == ("a" * length if length <= 32_767 else "a" * 32_766 + "…")


def test_a_long_summary_is_cut_with_a_visible_mark() -> None:
    assert jira_text.summary("x" * 256) == "x" * 254 + "…"
    assert jira_text.summary(" a\n b\t\tc ") == "a b c"
    assert jira_text.summary("\n\u202e ") == "…"
