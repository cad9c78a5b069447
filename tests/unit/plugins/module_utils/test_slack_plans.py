# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Slack should hold, compared with what it holds: pure plans."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack import Bookmark, Channel
from ansible_collections.self_healing.devops.plugins.module_utils.slack_find import pick
from ansible_collections.self_healing.devops.plugins.module_utils.slack_keep import plan_bookmarks
from ansible_collections.self_healing.devops.plugins.module_utils.slack_messages import (
    HEADER_NAME,
    OwnMessage,
    Present,
    header_message,
    key_of,
    note_message,
    plan_messages,
)

US, KEY = "U0BOT", "i7k3"
HEADER = header_message("state", [], [])
NOTES = [note_message(f"{KEY}-{n}", f"note {n}") for n in (1, 2)]


def posted(message: OwnMessage, ts: str, user: str = US, key: str = KEY) -> dict[str, Any]:
    return {"user": user, "ts": ts, "text": message.text, "metadata": message.metadata(key)}


def test_nothing_there_everything_is_posted_in_order() -> None:
    plan = plan_messages(Present(), [HEADER, *NOTES], {})
    assert [message.name for message in plan.post] == [HEADER_NAME, NOTES[0].name, NOTES[1].name]
    assert (plan.delete, plan.update, plan.header_ts) == ((), None, None)


def test_all_there_nothing_is_done() -> None:
    present = Present.among([posted(HEADER, "1.0"), *(posted(note, f"{n}.0") for n, note in enumerate(NOTES))], KEY, US)
    assert plan_messages(present, [HEADER, *NOTES], {}).post == ()
    assert plan_messages(present, [HEADER, *NOTES], {}).header_ts == "1.0"


def test_what_others_have_written_is_not_ours() -> None:
    strangers = [
        posted(HEADER, "1.0", user="U0EVE"),
        posted(HEADER, "2.0", key="other"),
        {"user": US, "ts": "3.0", "text": "state"},
        {"user": US, "ts": "4.0", "metadata": {"event_type": "self_healing_header", "event_payload": "text"}},
        {"user": US, "ts": "5.0", "metadata": {"event_type": "other", "event_payload": {"key": KEY}}},
    ]
    assert Present.among(strangers, KEY, US).messages == {}
    assert [key_of(message) for message in strangers] == [KEY, "other", None, None, None]


def test_oldest_copy_stays_by_number_not_by_text() -> None:
    copies = [posted(HEADER, ts) for ts in ("10.000002", "9.000100", "10.000010")]
    plan = plan_messages(Present.among(copies, KEY, US), [HEADER], {})
    assert plan.header_ts == "9.000100"
    assert plan.delete == ("10.000002", "10.000010")


def test_header_is_updated_only_when_its_content_differs() -> None:
    present = Present.among([posted(HEADER, "1.0")], KEY, US)
    assert plan_messages(present, [HEADER], {}).update is None
    assert plan_messages(present, [header_message("new state", [], [])], {}).update == "1.0"
    assert plan_messages(present, [header_message("state", [], [{"type": "divider"}])], {}).update == "1.0"


def test_a_message_that_slack_does_not_list_yet_is_not_posted_again() -> None:
    plan = plan_messages(Present(), [HEADER, *NOTES], {HEADER_NAME: "1.0", NOTES[0].name: "2.0"})
    assert [message.name for message in plan.post] == [NOTES[1].name]
    assert plan.header_ts == "1.0"


@given(st.lists(st.sampled_from([HEADER, *NOTES]), max_size=12))
def test_whatever_is_there_one_plan_is_enough(there: list[OwnMessage]) -> None:
    channel = {f"{n}.0": posted(message, f"{n}.0") for n, message in enumerate(there)}
    plan = plan_messages(Present.among(channel.values(), KEY, US), [HEADER, *NOTES], {})
    for ts in plan.delete:
        del channel[ts]
    for n, message in enumerate(plan.post):
        channel[f"{100 + n}.0"] = posted(message, f"{100 + n}.0")
    after = plan_messages(Present.among(channel.values(), KEY, US), [HEADER, *NOTES], {})
    assert (after.post, after.delete, after.update) == ((), (), None)
    assert len(channel) == 3


def bookmark(number: int, title: str, link: str) -> Bookmark:
    return Bookmark(f"Bk{number}", title, link, number)


def test_bookmarks_are_found_by_title_then_by_address() -> None:
    present = [
        bookmark(1, "Problem", "https://old"),
        bookmark(2, "renamed", "https://jira/1"),
        bookmark(3, "wiki", "https://wiki"),
    ]
    plan = plan_bookmarks(present, [("Problem", "https://new"), ("jira", "https://jira/1"), ("alert", "https://x")])
    assert [(b.id, pair) for b, pair in plan.edit] == [
        ("Bk1", ("Problem", "https://new")),
        ("Bk2", ("jira", "https://jira/1")),
    ]
    assert plan.add == (("alert", "https://x"),)
    assert plan.remove == ()


def test_copies_of_our_bookmarks_go_and_those_of_people_stay() -> None:
    ours, theirs = ("jira", "https://jira/1"), ("wiki", "https://wiki")
    present = [bookmark(n, *pair) for n, pair in enumerate([ours, theirs, ours, theirs, ours])]
    plan = plan_bookmarks(present, [ours])
    assert [b.id for b in plan.remove] == ["Bk2", "Bk4"]
    assert (plan.add, plan.edit) == ((), ())


PAIRS = st.tuples(st.sampled_from("abc"), st.sampled_from(["https://1", "https://2"]))


@given(st.lists(PAIRS, max_size=6), st.lists(PAIRS, max_size=3, unique_by=lambda pair: pair[0]))
def test_bookmarks_converge(present: list[tuple[str, str]], wanted: list[tuple[str, str]]) -> None:
    held = {f"Bk{n}": bookmark(n, *pair) for n, pair in enumerate(present)}
    for _round in range(2):
        plan = plan_bookmarks(list(held.values()), wanted)
        for gone in plan.remove:
            del held[gone.id]
        for edited, (title, link) in plan.edit:
            held[edited.id] = Bookmark(edited.id, title, link, edited.created)
        for title, link in plan.add:
            number = len(held) + 100
            held[f"Bk{number}"] = bookmark(number, title, link)
    shown = [(b.title, b.link) for b in held.values()]
    assert all(shown.count(pair) == 1 for pair in wanted)
    assert not plan_bookmarks(list(held.values()), wanted)


def channel(name: str, created: int, archived: bool = False) -> Channel:
    return Channel(f"C-{name}", name, US, created, False, archived, True, "", "")


def test_everybody_picks_the_same_channel() -> None:
    assert pick([]) is None
    assert pick([channel("b", 2), channel("a", 1), channel("old", 0, archived=True)]) == channel("a", 1)
    assert pick([channel("b", 2, archived=True), channel("a", 1, archived=True)]) == channel("b", 2, archived=True)
