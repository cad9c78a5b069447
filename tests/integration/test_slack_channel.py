# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module slack_channel against the emulated Slack, over HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.self_healing.devops.plugins.module_utils import slack_find
from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack import Slack as Client
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    UnclearOutcomeError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from ansible_collections.self_healing.devops.plugins.module_utils.slack_find import ChannelCreator
from ansible_collections.self_healing.devops.plugins.module_utils.slack_text import unescape
from ansible_collections.self_healing.devops.plugins.modules import slack_channel
from sandbox.slack import Slack
from sandbox.slack.workspace import Message
from support.one_tool import start_tool
from support.slack_runs import FULL, MARKER, Running, channels, keep, read, spoken, writes

HOSTILE = [
    "<!channel> <!here> <!everyone>",
    "<@U0ANA> <!subteam^S0SANDBOX1|x> <#C0SBX000001>",
    "@here @channel @everyone @ana @bo",
    "<https://evil.example|https://bank.example>",
    "{{ 7 * 7 }} {% for x in y %}",
    "&lt;!channel&gt; &amp; <script>",
    "a" * 5000,
]


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(slack_find, "PATIENCE", 0.0)
    with start_tool(Slack) as running:
        yield running


def only(slack: Running) -> dict[str, Any]:
    [channel] = channels(slack)
    return channel


def header_and_notes(slack: Running) -> tuple[list[str], list[str]]:
    """Return the texts of the header messages and of the notes."""
    messages = [message for message in spoken(only(slack)) if message["metadata"]]
    kinds = [message["metadata"]["event_type"] for message in messages]
    texts = [message["text"] for message in messages]
    headers = [text for text, kind in zip(texts, kinds, strict=True) if kind == "self_healing_header"]
    return headers, [text for text, kind in zip(texts, kinds, strict=True) if kind == "self_healing_note"]


def test_first_run_makes_everything(slack: Running) -> None:
    result = keep(slack, **FULL)
    channel = only(slack)
    assert result["changed"]
    assert (result["id"], result["name"]) == (channel["id"], "dyna-2611001")
    assert result["url"] == f"{slack.url}/archives/{channel['id']}"
    assert channel["topic"] == "ASKED · shop is down"
    assert channel["purpose"] == f"self-healing:{MARKER}"
    assert sorted(channel["members"]) == ["Ana Berg", "Bo Lind", "Self-healing"]
    assert channel["bookmarks"] == FULL["bookmarks"]
    headers, notes = header_and_notes(slack)
    assert headers == ["? *ASKED* shop is down\nDEMO-1 (https://jira.example/DEMO-1)"]
    assert notes == ["note 2", "note 3"]
    [header] = [message for message in channel["messages"] if message["is_header"]]
    assert header["pinned"]
    assert header["ts"] == result["header_ts"]
    assert (result["missing"], len(result["members"])) == ([], 2)


def test_second_run_changes_nothing_and_writes_nothing(slack: Running) -> None:
    first = keep(slack, **FULL)
    before = slack.snapshot()
    slack.faults.requests.clear()
    for known in ({}, {"known_id": first["id"]}, {"known_id": "C0NONSENSE"}):
        again = keep(slack, **FULL, **known)
        assert not again["changed"]
        assert again["diff"] == {"before": {}, "after": {}}
        assert {**again, "changed": True, "diff": first["diff"]} == first
    assert writes(slack) == []
    assert slack.snapshot() == before


def test_new_state_edits_the_header_and_adds_what_is_new(slack: Running) -> None:
    first = keep(slack, **FULL)
    messages = [*FULL["messages"], {"id": f"{MARKER}-4", "text": "note 4"}]
    changed = {**FULL, "header": {"text": "● *FIXED* shop"}, "messages": messages, "topic": "FIXED"}
    result = keep(slack, **changed)
    assert result["changed"]
    assert result["header_ts"] == first["header_ts"]
    assert header_and_notes(slack) == (["● *FIXED* shop"], ["note 2", "note 3", "note 4"])
    assert only(slack)["topic"] == "FIXED"
    assert result["diff"]["after"] == {"topic": "FIXED", "notes": [f"{MARKER}-4"], "header": "● *FIXED* shop"}
    assert result["diff"]["before"]["topic"] == "ASKED · shop is down"
    assert result["diff"]["before"]["header"].startswith("? *ASKED*")
    assert not keep(slack, **changed)["changed"]


def test_people_are_left_alone(slack: Running) -> None:
    keep(slack, **FULL)
    said = slack.call("say", channel="dyna-2611001", person="ana", text="looking <!channel>")
    channel = slack.tool.workspace.channels[only(slack)["id"]]
    channel.pins.append(said["ts"])
    channel.bookmarks.append({**channel.bookmarks[0], "id": "Bk9", "title": "wiki", "link": "https://wiki.example"})
    assert not keep(slack, **FULL)["changed"]
    assert said["ts"] in channel.pins
    assert len(only(slack)["bookmarks"]) == 3
    assert spoken(only(slack))[-1]["text"] == "looking <!channel>"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("conversations.create", "drop_after"),
        ("conversations.create", "status_after"),
        ("conversations.create", "drop"),
        ("conversations.setPurpose", "drop_after"),
        ("conversations.setTopic", "drop_after"),
        ("conversations.invite", "drop_after"),
        ("conversations.invite", "status"),
        ("chat.postMessage", "drop_after"),
        ("chat.postMessage", "drop"),
        ("chat.postMessage", "status_after"),
        ("pins.add", "drop_after"),
        ("bookmarks.add", "drop_after"),
        ("bookmarks.add", "drop"),
        ("conversations.archive", "drop_after"),
        ("conversations.list", "drop"),
        ("conversations.history", "status"),
    ],
)
def test_lost_answer_is_looked_up_and_nothing_is_there_twice(slack: Running, path: str, kind: str) -> None:
    times = 2 if path == "chat.postMessage" else 1
    fault = slack.faults.add("slack", kind, path=f"/{path}$", times=times)
    if path == "conversations.list":
        slack.tool.workspace.create("dyna-2611001", slack.tool.workspace.bot, private=False)
    archived = path == "conversations.archive"
    result = keep(slack, **FULL, archived=archived)
    assert fault.times == 0, "the fault did not happen"
    assert result["changed"]
    channel = only(slack)
    assert header_and_notes(slack)[0] == ["? *ASKED* shop is down\nDEMO-1 (https://jira.example/DEMO-1)"]
    assert header_and_notes(slack)[1] == ["note 2", "note 3"]
    assert channel["bookmarks"] == FULL["bookmarks"]
    assert channel["archived"] is archived
    assert not keep(slack, **FULL, archived=archived)["changed"]


def test_outcome_that_stays_unclear_is_told_and_the_next_run_mends_it(slack: Running) -> None:
    slack.faults.add("slack", "drop", path=r"/chat\.postMessage$", times=99)
    with pytest.raises(UnclearOutcomeError):
        keep(slack, **FULL)
    slack.faults.clear()
    assert keep(slack, **FULL)["changed"]
    assert header_and_notes(slack)[1] == ["note 2", "note 3"]


def test_rate_limit_is_waited_for(slack: Running) -> None:
    body = json.dumps({"ok": False, "error": "ratelimited"})
    for path in ("conversations.create", "chat.postMessage", "conversations.history"):
        slack.faults.add("slack", "status", path=path, status=429, headers={"Retry-After": "0.05"}, body=body)
    keep(slack, **FULL)
    assert header_and_notes(slack)[1] == ["note 2", "note 3"]
    assert slack.faults.count("slack", "POST", r"conversations\.create$") == 2


def test_parallel_runs_converge_to_one_of_everything(slack: Running) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _number: keep(slack, **FULL), range(8)))
    channel = only(slack)
    assert {result["id"] for result in results} == {channel["id"]}
    assert [len(texts) for texts in header_and_notes(slack)] == [1, 2]
    assert channel["bookmarks"] == FULL["bookmarks"]
    assert [message["pinned"] for message in channel["messages"] if message["is_header"]] == [True]
    assert not keep(slack, **FULL)["changed"]


def test_parallel_incidents_with_the_same_name_get_a_channel_each(slack: Running) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda n: keep(slack, **{**FULL, "marker": f"incident-{n % 2}"}), range(4)))
    assert sorted(channel["name"] for channel in channels(slack)) == ["dyna-2611001", "dyna-2611001-2"]
    assert results[0]["id"] == results[2]["id"]
    assert results[1]["id"] == results[3]["id"]


def test_messages_that_slack_does_not_list_yet_are_not_posted_again(slack: Running) -> None:
    slack.tool.workspace.lagging = True
    result = keep(slack, **FULL)
    assert result["header_ts"]
    assert [len(texts) for texts in header_and_notes(slack)] == [1, 2]
    # Another run in the meantime sees nothing of them; the next one that does keeps the oldest.
    keep(slack, **FULL, known_id=result["id"])
    assert [len(texts) for texts in header_and_notes(slack)] == [2, 4]
    slack.tool.workspace.catch_up()
    tidied = keep(slack, **FULL)
    assert tidied["header_ts"] == result["header_ts"]
    assert tidied["diff"]["after"]["duplicates"] == 0
    assert [len(texts) for texts in header_and_notes(slack)] == [1, 2]
    assert not keep(slack, **FULL)["changed"]


def test_channel_that_slack_does_not_list_yet_is_waited_for(slack: Running) -> None:
    workspace = slack.tool.workspace
    workspace.lagging = True
    first = keep(slack, **FULL)
    client = Client(RequestsTransport(), token=slack.settings.slack_token, url=f"{slack.url}/api/")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        workspace.catch_up()

    found = ChannelCreator(client, client.identity(), MARKER, False, pause).create("dyna-2611001", archived=False)
    assert found.channel is not None
    assert (found.channel.id, found.created, len(pauses)) == (first["id"], False, 1)
    assert len(channels(slack)) == 1


def test_archive_comes_last_and_then_nothing_is_tried(slack: Running) -> None:
    done = {**FULL, "header": {"text": "✔ *CLOSED*"}, "archived": True}
    keep(slack, **FULL)
    result = keep(slack, **done)
    assert result["changed"]
    assert only(slack)["archived"]
    assert header_and_notes(slack)[0] == ["✔ *CLOSED*"]
    slack.faults.requests.clear()
    for known in ({}, {"known_id": result["id"]}):
        again = keep(slack, **done, **known)
        assert (again["changed"], again["id"], again["archived"]) == (False, result["id"], True)
    assert writes(slack) == []


def test_everything_at_once_for_an_incident_that_is_over(slack: Running) -> None:
    result = keep(slack, **FULL, archived=True)
    assert result["archived"]
    assert header_and_notes(slack)[1] == ["note 2", "note 3"]
    assert not keep(slack, **FULL, archived=True)["changed"]


def test_private_channel_that_was_archived_is_not_made_again(slack: Running) -> None:
    private = {**FULL, "private": True, "archived": True}
    first = keep(slack, **private)
    assert first["changed"]
    for known in ({}, {"known_id": first["id"]}):
        again = keep(slack, **private, **known)
        assert not again["changed"]
        assert again["id"] == known.get("known_id")
    assert len(channels(slack)) == 1


def test_reopened_incident_continues_in_a_new_channel(slack: Running) -> None:
    old = keep(slack, **FULL, archived=True)
    new = keep(slack, **FULL, known_id=old["id"])
    assert new["name"] == "dyna-2611001-2"
    assert channels(slack)[1]["purpose"] == f"self-healing:{MARKER} (continues #dyna-2611001)"
    assert not keep(slack, **FULL, known_id=old["id"])["changed"]
    assert keep(slack, **FULL, archived=True)["id"] == new["id"]
    assert not keep(slack, **FULL, archived=True)["changed"]
    assert len(channels(slack)) == 2


def test_foreign_channel_with_the_name_is_not_touched(slack: Running) -> None:
    workspace = slack.tool.workspace
    ana = workspace.by_email("ana@example.com")
    workspace.create("dyna-2611001", ana, private=False)
    spoken_in = workspace.create("dyna-2611001-2", workspace.bot, private=False)
    workspace.add(spoken_in, Message(workspace.next_ts(), ana.id, "this is for something else"))
    secret = workspace.create("dyna-2611001-3", ana, private=True)
    result = keep(slack, **FULL)
    assert result["name"] == "dyna-2611001-4"
    for channel in channels(slack)[:3]:
        assert channel["purpose"] == ""
    assert secret.members == [ana.id]


def test_channel_of_a_run_that_was_killed_is_taken_over(slack: Running) -> None:
    workspace = slack.tool.workspace
    left = workspace.create("dyna-2611001", workspace.bot, private=False)
    result = keep(slack, **FULL)
    assert result["id"] == left.id
    assert only(slack)["purpose"] == f"self-healing:{MARKER}"


def test_purpose_that_somebody_rewrote_gets_the_marker_back(slack: Running) -> None:
    first = keep(slack, **FULL)
    slack.tool.workspace.channels[first["id"]].purpose.value = "Ask Ana &amp; Bo"
    for known in ({"known_id": first["id"]}, {}):
        slack.tool.workspace.channels[first["id"]].purpose.value = "Ask Ana &amp; Bo"
        result = keep(slack, **FULL, **known)
        assert result["id"] == first["id"]
        assert only(slack)["purpose"] == f"self-healing:{MARKER} Ask Ana & Bo"


def test_channel_that_the_app_was_removed_from_is_joined_again(slack: Running) -> None:
    first = keep(slack, **FULL)
    workspace = slack.tool.workspace
    workspace.leave(workspace.channels[first["id"]], workspace.bot)
    assert keep(slack, **FULL, check_mode=True)["diff"]["after"]["joined"] is True
    assert "Self-healing" not in only(slack)["members"]
    result = keep(slack, **FULL)
    assert result["changed"]
    assert result["id"] == first["id"]
    assert [len(texts) for texts in header_and_notes(slack)] == [1, 2]


def test_names_run_out(slack: Running) -> None:
    workspace = slack.tool.workspace
    ana = workspace.by_email("ana@example.com")
    for number in range(1, 10):
        workspace.create("dyna-1" if number == 1 else f"dyna-1-{number}", ana, private=False)
    with pytest.raises(ConflictError, match="dyna-1 and dyna-1-2 to dyna-1-9 are all taken"):
        keep(slack, marker=MARKER, name="dyna-1")


def test_unknown_people_are_reported_and_stop_nobody(slack: Running) -> None:
    members = ["nobody@example.com", "ANA@example.com", "U0NOBODY", "bo", " ", slack.tool.workspace.bot.id]
    result = keep(slack, **{**FULL, "members": members})
    assert result["missing"] == ["nobody@example.com", "U0NOBODY", "bo"]
    assert result["missing_reasons"]["nobody@example.com"] == "users_not_found"
    assert sorted(only(slack)["members"]) == ["Ana Berg", "Self-healing"]
    again = keep(slack, **{**FULL, "members": members})
    assert not again["changed"]
    assert again["missing"] == result["missing"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_shown_as_it_is_and_calls_nobody(slack: Running, text: str) -> None:
    keep(
        slack,
        marker=MARKER,
        name=f"dyna {text}",
        topic=text,
        header={"text": text, "links": [{"title": text, "link": "https://jira.example/<!here>|x"}]},
        messages=[{"id": text[:200], "text": text}],
        bookmarks=[{"title": text, "link": "https://jira.example/"}],
    )
    # Once more with an update, which reads @names unless it is told not to.
    changed: dict[str, Any] = {"marker": MARKER, "name": "x", "header": {"text": f"new {text}"}}
    keep(slack, **changed)
    channel = only(slack)
    assert [message["ts"] for message in channel["messages"] if message["mentions"]] == []
    assert [len(texts) for texts in header_and_notes(slack)] == [1, 1]
    shown = text if len(text) < 4000 else text[:3999] + "…"
    assert header_and_notes(slack)[1] == [shown]
    assert header_and_notes(slack)[0] == [f"new {text}" if len(text) < 3996 else f"new {text[:3995]}…"]
    assert channel["topic"] in (text, unescape(text), text[:249] + "…")
    assert not keep(slack, **changed, topic=text)["changed"]


def test_blocks_are_shown_without_mentions(slack: Running) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "<!here> <https://a.example|A>"}}
    options: dict[str, Any] = {"marker": MARKER, "name": "dyna-1", "header": {"text": "x", "blocks": [block]}}
    keep(slack, **options)
    [message] = spoken(only(slack))
    assert message["mentions"] == []
    assert message["blocks"][0]["text"]["text"] == "&lt;!here&gt; <https://a.example|A>"
    assert not keep(slack, **options)["changed"]


def test_check_mode_predicts_and_writes_nothing(slack: Running) -> None:
    predicted = keep(slack, check_mode=True, **FULL)
    assert predicted["changed"]
    assert predicted["id"] is None
    assert predicted["name"] == "dyna-2611001"
    assert writes(slack) == []
    assert channels(slack) == []
    done = keep(slack, **FULL)
    assert set(done["diff"]["after"]) <= set(predicted["diff"]["after"])
    assert not keep(slack, check_mode=True, **FULL)["changed"]
    slack.faults.requests.clear()
    changed = {**FULL, "header": {"text": "new"}, "topic": "new", "archived": True}
    after = keep(slack, check_mode=True, **changed)["diff"]["after"]
    assert after == {"topic": "new", "header": "new", "archived": True}
    assert writes(slack) == []


def test_a_missing_scope_is_named(slack: Running) -> None:
    slack.tool.scopes -= {"bookmarks:write"}
    with pytest.raises(AuthenticationError, match="bookmarks:write") as caught:
        keep(slack, **FULL)
    assert slack.settings.slack_token not in str(caught.value.to_result())


def manifest_scopes() -> list[str]:
    """Return the scopes of the app manifest in the role's README."""
    readme = Path(slack_channel.__file__).parents[2] / "roles" / "slack" / "README.md"
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", readme.read_text("utf-8"), re.DOTALL)]
    [scopes] = [block["oauth_config"]["scopes"]["bot"] for block in blocks if "oauth_config" in block]
    return list(scopes)


def do_everything(slack: Running) -> None:
    first = keep(slack, **FULL)
    workspace = slack.tool.workspace
    workspace.leave(workspace.channels[first["id"]], workspace.bot)
    keep(slack, **FULL)
    read(slack, marker=MARKER)
    keep(slack, **FULL, archived=True)


def test_the_manifest_of_the_readme_is_enough(slack: Running) -> None:
    slack.tool.scopes = set(manifest_scopes())
    do_everything(slack)


@pytest.mark.parametrize("scope", manifest_scopes())
def test_no_scope_of_the_manifest_can_be_left_out(slack: Running, scope: str) -> None:
    slack.tool.scopes = set(manifest_scopes()) - {scope}
    with pytest.raises(AuthenticationError) as caught:
        do_everything(slack)
    assert caught.value.details["needed"] == scope
    assert scope in caught.value.message


def test_wrong_token_names_the_option(slack: Running) -> None:
    with pytest.raises(AuthenticationError, match="slack_token") as caught:
        keep(slack, **FULL, slack_token="xoxb-wrong")
    assert "xoxb-wrong" not in str(caught.value.to_result())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"marker": "a b"}, "marker"),
        ({"name": "!!!"}, "name"),
        ({"bookmarks": [{"title": "x", "link": "javascript:alert(1)"}]}, r"bookmarks\[0\]\.link"),
        ({"header": {"text": "x", "links": [{"title": "x", "link": "ftp://x"}]}}, r"header\.links\[0\]\.link"),
        ({"messages": [{"id": " ", "text": "x"}]}, r"messages\[0\]\.id"),
    ],
)
def test_wrong_options_are_named_before_anything_is_sent(slack: Running, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        keep(slack, **{**FULL, **options})
    assert slack.faults.requests == []


def test_runs_as_an_ordinary_module(slack: Running) -> None:
    arguments = {
        **FULL,
        "slack_url": f"{slack.url}/api/",
        "slack_token": slack.settings.slack_token,
        "_ansible_diff": True,
    }
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, slack_channel.__file__],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["changed"]
    assert result["id"] == only(slack)["id"]
    assert slack.settings.slack_token not in done.stdout + done.stderr
    assert time.monotonic() - started < 60
