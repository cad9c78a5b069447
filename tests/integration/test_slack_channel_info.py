# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module slack_channel_info against the emulated Slack, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack import Slack
from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from sandbox.slack import Slack as EmulatedSlack
from support.one_tool import start_tool
from support.slack_runs import FULL, MARKER, Running, channels, keep, read, writes


@pytest.fixture
def slack() -> Iterator[Running]:
    with start_tool(EmulatedSlack) as running:
        yield running


def test_no_channel_is_no_error(slack: Running) -> None:
    for options in ({"marker": MARKER}, {"known_id": "C0NONSENSE"}):
        result = read(slack, **options)
        assert (result["exists"], result["readable"], result["messages"], result["id"]) == (False, False, [], None)


def test_conversation_is_read_in_order_with_threads_names_and_pages(slack: Running) -> None:
    made = keep(slack, **FULL)
    slack.tool.workspace.history_limit = 3
    name = "dyna-2611001"
    first = slack.call("say", channel=name, person="ana", text="looking <!here> & {{ 7 * 7 }}")
    slack.call("say", channel=name, person="bo", text="in the thread", thread_ts=first["ts"])
    slack.call("say", channel=name, person="ana", text="after the thread")
    slack.faults.requests.clear()
    result = read(slack, marker=MARKER)
    assert (result["exists"], result["readable"], result["archived"], result["id"]) == (True, True, False, made["id"])
    said = [(m["author"], m["text"], m["thread_ts"]) for m in result["messages"] if m["type"] == "message"]
    assert said == [
        ("Ana Berg", "looking <!here> & {{ 7 * 7 }}", first["ts"]),
        ("Bo Lind", "in the thread", first["ts"]),
        ("Ana Berg", "after the thread", None),
    ]
    stamps = [m["at"] for m in result["messages"]]
    assert stamps == sorted(stamps)
    own = [m for m in result["messages"] if m["own"]]
    assert {m["author"] for m in own} == {"Self-healing"}
    assert [m["text"] for m in own if m["type"] == "bot"][1:] == ["note 2", "note 3"]
    assert {m["type"] for m in result["messages"]} == {"join", "topic", "system", "bot", "message"}
    joined = [m["text"] for m in result["messages"] if m["type"] == "join" and not m["own"]]
    assert joined == ["@Ana Berg has joined the channel", "@Bo Lind has joined the channel"]
    assert writes(slack) == []
    assert slack.faults.count("slack", "POST", "history") > 2


def test_channel_is_found_by_its_id_alone(slack: Running) -> None:
    made = keep(slack, **FULL)
    assert read(slack, known_id=made["id"])["messages"] == read(slack, marker=MARKER)["messages"]


def test_archived_channel_exists_and_cannot_be_read(slack: Running) -> None:
    made = keep(slack, **FULL, archived=True)
    for options in ({"marker": MARKER}, {"known_id": made["id"]}):
        result = read(slack, **options)
        assert (result["exists"], result["archived"], result["readable"]) == (True, True, False)
        assert result["messages"] == []


def test_channel_that_the_app_is_not_in_cannot_be_read(slack: Running) -> None:
    keep(slack, **FULL)
    workspace = slack.tool.workspace
    workspace.leave(workspace.channels[channels(slack)[0]["id"]], workspace.bot)
    assert read(slack, marker=MARKER)["readable"] is False


def test_file_without_a_text_shows_its_name(slack: Running) -> None:
    made = keep(slack, **FULL)
    file = {"id": "F1", "name": "cpu.png", "size": 3, "permalink": "https://slack.example/F1"}
    said = slack.call("say", channel=made["id"], person="ana", text="x")
    message = slack.tool.workspace.channels[made["id"]].messages[said["ts"]]
    message.text, message.files = "", [file]
    [shared] = [m for m in read(slack, marker=MARKER)["messages"] if m["type"] == "file"]
    assert (shared["text"], shared["files"]) == ("cpu.png", [{"name": "cpu.png", "size": 3, "url": file["permalink"]}])


def test_thread_below_a_deleted_message_is_kept_and_the_header_made_again(slack: Running) -> None:
    made = keep(slack, **FULL)
    slack.call("say", channel=made["id"], person="bo", text="why?", thread_ts=made["header_ts"])
    client = Slack(RequestsTransport(), token=slack.settings.slack_token, url=f"{slack.url}/api/")
    client.delete(made["id"], made["header_ts"])
    again = keep(slack, **FULL)
    assert again["changed"]
    assert again["header_ts"] != made["header_ts"]
    messages = read(slack, marker=MARKER)["messages"]
    thread = [(m["type"], m["text"]) for m in messages if m["thread_ts"] == made["header_ts"]]
    assert thread == [("system", "This message was deleted."), ("message", "why?")]
    assert not keep(slack, **FULL)["changed"]


def test_what_a_person_cannot_say_is_told(slack: Running) -> None:
    made = keep(slack, **FULL)
    said = {"channel": made["id"], "person": "ana", "text": "x"}
    for wrong, error in (
        ({"person": "nobody"}, "users_not_found"),
        ({"channel": "nowhere"}, "channel_not_found"),
        ({"text": " "}, "no_text"),
    ):
        assert slack.call("say", **{**said, **wrong}) == {"ok": False, "error": error}
    keep(slack, **FULL, archived=True)
    assert slack.call("say", **said) == {"ok": False, "error": "is_archived"}
