# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons: what they carry, how they look, and that nothing in their texts calls anybody."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.filter.slack_buttons import slack_buttons
from ansible_collections.self_healing.devops.plugins.module_utils.slack_buttons import Choice, with_buttons
from ansible_collections.self_healing.devops.plugins.module_utils.slack_messages import header_message
from sandbox.slack.markup import block_mentions, check_blocks

INCIDENT = "i7k3v5q2x4dmz"
RESTART = {"name": "process_restart", "label": "Restart process", "text": "restarts the shop"}
DELETE = {"name": "acme.ops.disk", "label": "Free space", "text": "removes old files", "destructive": True}


def incident(**changes: Any) -> dict[str, Any]:
    return {"id": INCIDENT, "state": "asked", "asked": 4, "offered": [RESTART, DELETE], "options": [], **changes}


def test_a_button_carries_ids_only() -> None:
    restart, delete = slack_buttons(incident(), "acme.ops.disk: Free space on shop-01?\nnobody: asks this\n")
    assert restart == {
        "id": "self_healing:process_restart",
        "value": f"1:{INCIDENT}:4:process_restart",
        "text": "Restart process",
    }
    assert (delete["value"], delete["style"]) == (f"1:{INCIDENT}:4:acme.ops.disk", "danger")
    assert delete["confirm"] == "Free space on shop-01?"


def test_a_destructive_option_is_always_confirmed() -> None:
    assert slack_buttons(incident())[1]["confirm"] == "Free space: removes old files"


@pytest.mark.parametrize("changes", [{"offered": []}, {"offered": None}, {"state": "healing", "offered": []}])
def test_there_is_no_button_when_nothing_may_be_chosen(changes: dict[str, Any]) -> None:
    assert slack_buttons(incident(options=[RESTART], **changes)) == []


def test_an_option_whose_name_is_no_id_has_no_button() -> None:
    odd = [{**RESTART, "name": name} for name in ("", "a b", "a:b", "ä", "-x", "x" * 201, "a\n")]
    assert slack_buttons(incident(offered=[*odd, RESTART])) == slack_buttons(incident(offered=[RESTART]))


IDS = st.from_regex(r"i[a-z2-7]{12}", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", fullmatch=True)


@given(IDS, st.none() | st.integers(0, 999_999_999), NAMES)
def test_what_a_button_carries_is_read_back(identity: str, asked: int | None, option: str) -> None:
    choice = Choice(identity, asked, option)
    assert Choice.of(choice.value) == choice
    assert len(choice.action_id) <= 255


@given(st.text(max_size=60) | st.integers() | st.none())
def test_anything_else_is_no_choice(value: Any) -> None:
    assert Choice.of(value) is None


@pytest.mark.parametrize(
    "text",
    ["<!here>", "<@U0ANA00001> :fire:", "a\nb", "{{ 7 * 7 }}", "x" * 5000, "&lt;!here&gt;", "@here @channel", ""],
)
def test_texts_are_shown_letter_by_letter_and_fit(text: str) -> None:
    option = {"name": "disk", "label": text, "text": text, "destructive": True}
    buttons = slack_buttons(incident(offered=[option]), f"disk: {' '.join(text.split())}")
    message = header_message(text, [("a|b <!here>", "https://example.com/?a=1&b=<x>")], [], buttons)
    blocks = check_blocks(list(message.blocks))
    assert block_mentions(blocks) == []
    [button] = blocks[-1]["elements"]
    assert button["text"]["emoji"] is False


def test_a_long_text_is_kept_in_several_sections() -> None:
    lines = [f"{number} {'<&>' * 200}" for number in range(6)]
    blocks = check_blocks(list(with_buttons("\n".join(lines), [], [], slack_buttons(incident()))))
    texts = [block["text"]["text"] for block in blocks[:-1]]
    assert all(len(text) <= 3000 for text in texts)
    assert "\n".join(texts).count("&lt;&amp;&gt;") == 1200


def test_many_buttons_are_in_several_rows() -> None:
    offered = [{**RESTART, "name": f"remedy_{number}"} for number in range(60)]
    blocks = check_blocks(list(with_buttons("What now?", [], [], slack_buttons(incident(offered=offered)))))
    assert [len(block.get("elements", ())) for block in blocks] == [0, 25, 25, 10]


def test_without_buttons_everything_is_as_it_was() -> None:
    assert header_message("text", [], []) == header_message("text", [], [], [])
    own = [{"type": "section", "text": {"type": "mrkdwn", "text": "own"}}]
    assert [block["type"] for block in header_message("text", [], own, slack_buttons(incident())).blocks] == [
        "section",
        "actions",
    ]
