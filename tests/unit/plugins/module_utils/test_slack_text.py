# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure functions between our text and Slack's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils import slack_text
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from sandbox.slack import markup

NAMES = {"U0ANA": "Ana Berg", "C0DYNA": "dyna-1"}
HOSTILE = [
    "<!channel> <!here> <!everyone>",
    "<@U0ANA> <@U0ANA|x> <#C0DYNA>",
    "<!subteam^S0OPS|ops>",
    "@here @channel @everyone @ana",
    "<https://evil.example|click>",
    "<script>alert(1)</script> &lt;!channel&gt; &amp;",
    "{{ lookup('pipe', 'id') }} {% raw %}",
    "a|b>c<d",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_calls_nobody_and_reads_as_it_was(text: str) -> None:
    sent = slack_text.literal(text, 4000)
    assert markup.mentions(markup.stored(sent)) == []
    assert markup.stored(sent) == sent
    assert markup.human(sent, NAMES) == text
    assert slack_text.decode(sent, NAMES) == text


@given(st.text(max_size=200), st.integers(1, 60))
def test_literal_keeps_its_length_and_never_cuts_an_entity(text: str, most: int) -> None:
    sent = slack_text.literal(text, most)
    assert len(sent) <= most
    assert not re.search(r"[<>]", sent)
    assert not re.search(r"&(?!amp;|lt;|gt;)", sent)
    shown, whole = slack_text.decode(sent, {}), slack_text.clean(text)
    assert shown == whole or (shown.endswith("…") and whole.startswith(shown[:-1]))


@given(st.text())
def test_escape_is_undone_by_unescape(text: str) -> None:
    assert slack_text.unescape(slack_text.escape(text)) == text


@given(st.text(alphabet=st.characters(), max_size=300))
def test_channel_name_is_one_that_slack_takes(text: str) -> None:
    try:
        name = slack_text.channel_name(text)
    except ConfigurationError:
        assert not re.search(r"[a-z0-9]", text.lower())
        return
    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,79}", name)
    for number in (1, 2, 9):
        assert re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,79}", slack_text.numbered(name, number))


def test_channel_name_of_a_problem() -> None:
    assert slack_text.channel_name("DYNA-P 2611001!") == "dyna-p-2611001"
    assert slack_text.numbered("dyna-1", 1) == "dyna-1"
    assert slack_text.numbered("dyna-1", 2) == "dyna-1-2"
    assert slack_text.numbered("x" * 80, 3) == "x" * 78 + "-3"


def test_channel_name_without_a_letter_names_the_option() -> None:
    with pytest.raises(ConfigurationError, match="name: '日本'"):
        slack_text.channel_name("日本")


def test_marker_is_found_as_a_whole_word_only() -> None:
    assert slack_text.marker_of("self-healing:i7k3 for shop") == "i7k3"
    assert slack_text.marker_of("see self-healing:i7k3") == "i7k3"
    assert slack_text.marker_of("not-self-healing:i7k3") is None
    assert slack_text.marker_of("self-healing:i7k3, and more") is None
    assert slack_text.marker_of("") is None


@given(st.from_regex(r"[A-Za-z0-9._:-]{1,128}", fullmatch=True), st.text(max_size=300), st.text(max_size=60))
def test_marker_is_read_back_from_the_purpose(marker: str, purpose: str, remark: str) -> None:
    written = slack_text.marked_purpose(purpose, marker, remark)
    assert slack_text.marker_of(written) == marker
    assert len(written) <= slack_text.TOPIC_LIMIT


@pytest.mark.parametrize("marker", ["", "a b", "x" * 129, "<!channel>", "i7k3\n"])
def test_marker_that_would_not_be_found_again_is_refused(marker: str) -> None:
    with pytest.raises(ConfigurationError, match="marker"):
        slack_text.check_marker(marker)


def test_message_text_makes_links_of_the_links_only() -> None:
    text = slack_text.message_text("see <https://a.example|x>", [("A | B", "https://b.example/?q=1&r=<2>|3")])
    assert text == "see &lt;https://a.example|x&gt;\n<https://b.example/?q=1&amp;r=%3C2%3E%7C3|A ¦ B>"


def test_message_text_is_cut_before_its_links() -> None:
    text = slack_text.message_text("&" * 5000, [("P-1", "https://b.example/")])
    assert len(text) <= slack_text.TEXT_LIMIT
    assert text.endswith("…\n<https://b.example/|P-1>")


def test_blocks_keep_links_and_lose_mentions() -> None:
    text = "<!here> <@U0ANA> <https://a.example|A> <!date^1^{time}|x> <#C0DYNA>"
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text}},
        {"type": "header", "text": {"type": "plain_text", "text": "h" * 200}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "f" * 3000}]},
    ]
    inert = slack_text.inert_blocks(blocks)
    assert markup.block_mentions(inert) == []
    assert "<https://a.example|A> <!date^1^{time}|x>" in inert[0]["text"]["text"]
    assert [len(inert[1]["text"]["text"]), len(inert[2]["fields"][0]["text"])] == [150, 2000]
    markup.check_blocks(inert)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<https://dt.example|the trace> &amp; logs", "the trace (https://dt.example) & logs"),
        ("<https://dt.example>", "https://dt.example"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<@U0ANA> and <@U0BO|bo> and <@U0ZED>", "@Ana Berg and @bo and @U0ZED"),
        ("<#C0DYNA|old-name> <#C9>", "#dyna-1 #C9"),
        ("<!here> <!subteam^S1|@ops> <!subteam^S2>", "@here @ops @S2"),
        ("<!date^1795336000^{date}|2026-11-22>", "2026-11-22"),
        ("&amp;lt;!channel&amp;gt;", "&lt;!channel&gt;"),
        ("a &lt; b", "a < b"),
    ],
)
def test_decode(text: str, shown: str) -> None:
    assert slack_text.decode(text, NAMES) == shown


def test_message_without_text_is_read_from_its_blocks_attachments_and_files() -> None:
    rich = {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [
                    {"type": "user", "user_id": "U0ANA"},
                    {"type": "text", "text": " sees "},
                    {"type": "link", "url": "https://a.example", "text": "this"},
                    {"type": "emoji", "name": "eyes"},
                ],
            }
        ],
    }
    spoken = slack_text.spoken_text({"text": "", "blocks": [rich]})
    assert slack_text.decode(spoken, NAMES) == "@Ana Berg sees this (https://a.example):eyes:\n"
    assert slack_text.spoken_text({"attachments": [{"fallback": "graph"}], "files": [{"title": "cpu"}]}) == "graph\ncpu"
    assert slack_text.spoken_text({}) == ""


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({}, "message"),
        ({"subtype": "thread_broadcast"}, "message"),
        ({"bot_id": "B1"}, "bot"),
        ({"subtype": "bot_message", "bot_id": "B1"}, "bot"),
        ({"files": [{"id": "F1"}], "bot_id": "B1"}, "file"),
        ({"subtype": "channel_join"}, "join"),
        ({"subtype": "group_leave"}, "leave"),
        ({"subtype": "channel_topic"}, "topic"),
        ({"subtype": "tombstone"}, "system"),
        ({"subtype": "channel_archive"}, "system"),
    ],
)
def test_kinds_of_messages(message: dict[str, object], kind: str) -> None:
    assert slack_text.message_kind(message) == kind


def test_author_is_named_by_person_then_app_then_id() -> None:
    assert slack_text.author_of({"user": "U0ANA", "bot_profile": {"name": "bot"}}, NAMES) == "Ana Berg"
    assert slack_text.author_of({"user": "U9", "bot_profile": {"name": "bot"}}, NAMES) == "bot"
    assert slack_text.author_of({"username": "hook", "bot_id": "B1"}, NAMES) == "hook"
    assert slack_text.author_of({"user": "U9"}, NAMES) == "U9"
    assert slack_text.author_of({}, NAMES) == "unknown"


def test_decoded_message_is_plain_data() -> None:
    message = {
        "type": "message",
        "user": "U0ANA",
        "text": "look &amp; see",
        "ts": "1795336162.000300",
        "thread_ts": "1795336162.000300",
        "edited": {"user": "U0ANA", "ts": "1"},
        "files": [{"id": "F1", "name": "cpu.png", "size": 3, "permalink": "https://s.example/F1"}],
    }
    assert slack_text.decode_message(message, NAMES, "U0BOT") == {
        "at": "2026-11-22T08:29:22.000300Z",
        "ts": "1795336162.000300",
        "author": "Ana Berg",
        "type": "file",
        "text": "look & see",
        "thread_ts": "1795336162.000300",
        "files": [{"name": "cpu.png", "size": 3, "url": "https://s.example/F1"}],
        "edited": True,
        "own": False,
    }


@given(st.lists(st.tuples(st.integers(0, 2**33), st.integers(0, 999_999)), min_size=2, max_size=20))
def test_time_stamps_sort_as_the_moments_they_mean(moments: list[tuple[int, int]]) -> None:
    stamps = [f"{seconds}.{micros:06d}" for seconds, micros in moments]
    assert [slack_text.ts_key(ts) for ts in sorted(stamps, key=slack_text.ts_key)] == sorted(moments)


def test_clean_takes_out_what_deceives_the_eye() -> None:
    assert slack_text.clean("a\x00b\x1b[31m\u202ec\r\nd\te\ud800") == "ab[31mc\nd\te?"
