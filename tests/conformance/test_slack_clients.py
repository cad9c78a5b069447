# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""slack_sdk, which knows nothing of this project, against the emulated Slack: synchronous and asynchronous.

The synchronous client sends everything with POST, the asynchronous one reads with GET and sends arguments in the query.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.signature import Clock, SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook import WebhookClient

from sandbox.slack import Slack
from sandbox.slack.wire import METHODS
from support.one_tool import start_tool
from support.slack_runs import FULL, Running, channels, keep

SPECS = Path(__file__).absolute().parents[3] / "shared" / "specs"
needs_specs = pytest.mark.skipif(not SPECS.is_dir(), reason="the vendor's method list is not on this machine")

Call = Callable[..., Any]


@pytest.fixture
def slack() -> Iterator[Running]:
    with start_tool(Slack) as running:
        yield running


# Several tests leave the text away on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, slack: Running) -> Call:
    """Call a method of slack_sdk's client by name and return the answer's data."""
    base, token = f"{slack.url}/api/", slack.settings.slack_token
    if request.param == "sync":
        client = WebClient(token, base_url=base)
        return lambda method, **arguments: getattr(client, method)(**arguments).data

    def run(method: str, **arguments: Any) -> Any:
        async def once() -> Any:
            return (await getattr(AsyncWebClient(token, base_url=base), method)(**arguments)).data

        return asyncio.run(once())

    return run


def refused(call: Call, method: str, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as caught:
        call(method, **arguments)
    data: dict[str, Any] = caught.value.response.data
    return data


def test_who_is_who(slack: Running, call: Call) -> None:
    me = call("auth_test")
    assert me["url"] == f"{slack.url}/"
    ana = call("users_lookupByEmail", email="ana@example.com")["user"]
    assert ana["profile"]["email"] == "ana@example.com"
    assert call("users_info", user=ana["id"])["user"] == ana
    listed = call("users_list", limit=2)
    assert len(listed["members"]) == 2
    rest = call("users_list", limit=2, cursor=listed["response_metadata"]["next_cursor"])
    assert [user["name"] for user in listed["members"] + rest["members"]] == ["self-healing", "ana", "bo"]
    assert call("bots_info", bot=me["bot_id"])["bot"]["user_id"] == me["user_id"]
    assert call("team_info")["team"]["id"] == me["team_id"]
    [group] = call("usergroups_list", include_users=True)["usergroups"]
    assert (group["handle"], ana["id"] in group["users"]) == ("checkout-sre", True)
    assert refused(call, "users_lookupByEmail", email="no@example.com")["error"] == "users_not_found"
    assert refused(call, "users_info", user="U0NOBODY")["error"] == "user_not_found"
    assert refused(call, "bots_info", bot="B0")["error"] == "bot_not_found"


def test_life_of_a_channel(slack: Running, call: Call) -> None:
    ana = call("users_lookupByEmail", email="ana@example.com")["user"]["id"]
    channel = call("conversations_create", name="dyna-1")["channel"]
    identity = channel["id"]
    assert (channel["is_member"], channel["is_private"], channel["is_archived"]) == (True, False, False)
    assert refused(call, "conversations_create", name="dyna-1") == {"ok": False, "error": "name_taken"}
    assert call("conversations_join", channel=identity)["warning"] == "already_in_channel"
    topic = call("conversations_setTopic", channel=identity, topic="a & <b>")["channel"]["topic"]
    assert topic["value"] == "a &amp; &lt;b&gt;"
    assert call("conversations_setPurpose", channel=identity, purpose="self-healing:i1")["purpose"] == "self-healing:i1"
    assert call("conversations_invite", channel=identity, users=[ana])["channel"]["id"] == identity
    assert ana in call("conversations_members", channel=identity)["members"]
    assert refused(call, "conversations_invite", channel=identity, users=ana)["error"] == "already_in_channel"
    assert call("conversations_info", channel=identity, include_num_members=True)["channel"]["num_members"] == 2
    assert [c["id"] for c in call("users_conversations", exclude_archived=True)["channels"]] == [identity]
    assert identity in [c["id"] for c in call("conversations_list", types="public_channel")["channels"]]
    assert call("conversations_rename", channel=identity, name="dyna-2")["channel"]["previous_names"] == ["dyna-1"]
    call("conversations_kick", channel=identity, user=ana)
    assert refused(call, "conversations_kick", channel=identity, user=ana)["error"] == "not_in_channel"
    call("conversations_archive", channel=identity)
    assert refused(call, "conversations_archive", channel=identity)["error"] == "already_archived"
    # The archive has no apps in it, and its name stays taken.
    assert refused(call, "conversations_history", channel=identity)["error"] == "not_in_channel"
    assert refused(call, "conversations_unarchive", channel=identity)["error"] == "not_in_channel"
    assert refused(call, "chat_postMessage", channel=identity, text="x")["error"] == "is_archived"
    assert refused(call, "conversations_create", name="dyna-2")["error"] == "name_taken"
    assert call("users_conversations")["channels"] == []
    slack.tool.tokens["xoxp-ana"] = slack.tool.workspace.users[ana]
    call("conversations_unarchive", channel=identity, token="xoxp-ana")
    assert call("conversations_info", channel=identity)["channel"]["is_member"] is False
    kinds = [message["type"] for message in channels(slack)[0]["messages"]]
    assert kinds == [
        *("channel_join", "channel_topic", "channel_purpose", "channel_join", "channel_name"),
        *("channel_leave", "channel_archive", "channel_unarchive"),
    ]


def test_messages_threads_pins_and_bookmarks(slack: Running, call: Call) -> None:
    channel = call("conversations_create", name="dyna-1")["channel"]["id"]
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "*x*"}}
    metadata = {"event_type": "deploy", "event_payload": {"id": 1}}
    posted = call("chat_postMessage", channel=channel, text="<!here> a & b", blocks=[block], metadata=metadata)
    assert posted["message"]["text"] == "<!here> a &amp; b"
    reply = call("chat_postMessage", channel=channel, text="reply", thread_ts=posted["ts"])
    [plain, joined] = call("conversations_history", channel=channel)["messages"]
    assert ("metadata" in plain, plain["reply_count"], joined["subtype"]) == (False, 1, "channel_join")
    [full] = call("conversations_history", channel=channel, include_all_metadata=True, limit=1)["messages"]
    assert full["metadata"] == metadata
    one = call(
        "conversations_history", channel=channel, latest=posted["ts"], oldest=posted["ts"], inclusive=True, limit=1
    )
    assert [message["ts"] for message in one["messages"]] == [posted["ts"]]
    thread = call("conversations_replies", channel=channel, ts=posted["ts"])["messages"]
    assert [message["ts"] for message in thread] == [posted["ts"], reply["ts"]]
    updated = call("chat_update", channel=channel, ts=posted["ts"], text="new")
    assert (updated["text"], "blocks" in updated["message"], updated["message"]["metadata"]) == ("new", False, metadata)
    assert (
        posted["ts"].replace(".", "")
        in call("chat_getPermalink", channel=channel, message_ts=posted["ts"])["permalink"]
    )
    call("pins_add", channel=channel, timestamp=posted["ts"])
    assert refused(call, "pins_add", channel=channel, timestamp=posted["ts"])["error"] == "already_pinned"
    assert [item["message"]["ts"] for item in call("pins_list", channel=channel)["items"]] == [posted["ts"]]
    made = call("bookmarks_add", channel_id=channel, title="t", type="link", link="https://a.example")["bookmark"]
    call("bookmarks_edit", channel_id=channel, bookmark_id=made["id"], title="new")
    call("bookmarks_add", channel_id=channel, title="new", type="link", link="https://a.example")
    listed = call("bookmarks_list", channel_id=channel)["bookmarks"]
    assert [item["title"] for item in listed] == ["new", "new"]
    call("bookmarks_remove", channel_id=channel, bookmark_id=made["id"])
    bad = {"channel_id": channel, "title": "t", "type": "link", "link": "x"}
    assert refused(call, "bookmarks_add", **bad)["error"] == "invalid_link"
    call("chat_delete", channel=channel, ts=reply["ts"])
    assert refused(call, "chat_delete", channel=channel, ts=reply["ts"])["error"] == "message_not_found"
    outside = call("users_lookupByEmail", email="bo@example.com")["user"]["id"]
    hidden = {"channel": channel, "user": outside, "text": "psst"}
    assert refused(call, "chat_postEphemeral", **hidden)["error"] == "user_not_in_channel"
    call("conversations_invite", channel=channel, users=outside)
    assert call("chat_postEphemeral", **hidden)["message_ts"]
    said = slack.call("say", channel=channel, person="bo", text="mine")["ts"]
    assert refused(call, "chat_update", channel=channel, ts=said, text="x")["error"] == "cant_update_message"
    assert refused(call, "chat_delete", channel=channel, ts=said)["error"] == "cant_delete_message"


def test_history_is_paged_by_cursor(slack: Running, call: Call) -> None:
    channel = call("conversations_create", name="dyna-1")["channel"]["id"]
    wanted = [call("chat_postMessage", channel=channel, text=str(number))["ts"] for number in range(4)]
    slack.tool.workspace.history_limit = 2
    seen: list[str] = []
    cursor: str | None = None
    while cursor != "":
        answer = call("conversations_history", channel=channel, cursor=cursor, limit=100)
        seen += [message["ts"] for message in answer["messages"]]
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
        assert answer["has_more"] is bool(cursor)
    assert seen[:4] == wanted[::-1]
    assert refused(call, "conversations_history", channel=channel, cursor="bad")["error"] == "invalid_cursor"
    assert refused(call, "conversations_history", channel=channel, oldest="x")["error"] == "invalid_ts_oldest"


def test_a_file_goes_up_in_three_steps(slack: Running, call: Call) -> None:
    channel = call("conversations_create", name="dyna-1")["channel"]["id"]
    content = "# Transcript\n\näöü\n"
    done = call("files_upload_v2", filename="t.md", content=content, channel=channel, initial_comment="the transcript")
    identity = done["files"][0]["id"]
    shown = call("files_info", file=identity)["file"]
    assert shown["size"] == len(content.encode())
    [message] = [message for message in channels(slack)[0]["messages"] if message["files"]]
    assert message["text"] == "the transcript"
    answer = requests.get(
        shown["url_private"], headers={"Authorization": f"Bearer {slack.settings.slack_token}"}, timeout=5
    )
    assert answer.content.decode() == content
    assert "Sign in" in requests.get(shown["url_private"], timeout=5).text
    again = {"files": [{"id": identity, "title": "t"}], "channel_id": channel}
    assert refused(call, "files_completeUploadExternal", **again)["error"] == "file_not_found"
    address = call("files_getUploadURLExternal", filename="x.txt", length=3)["upload_url"]
    assert requests.post(address, data=b"abcd", timeout=5).status_code == 400
    assert requests.post(address, files={"file": b"abc"}, timeout=5).text == "OK - 3"


def test_people_who_cannot_be_invited(slack: Running, call: Call) -> None:
    channel = call("conversations_create", name="dyna-1")["channel"]["id"]
    ana = call("users_lookupByEmail", email="ana@example.com")["user"]["id"]
    me = call("auth_test")["user_id"]
    answer = refused(call, "conversations_invite", channel=channel, users=[ana, "U0NOBODY", me])
    assert answer["error"] == "user_not_found"
    assert [error["error"] for error in answer["errors"]] == ["user_not_found", "cant_invite_self"]
    assert channels(slack)[0]["members"] == ["Self-healing"]
    forced = call("conversations_invite", channel=channel, users=[ana, "U0NOBODY"], force=True)
    assert [error["user"] for error in forced["errors"]] == ["U0NOBODY"]
    assert channels(slack)[0]["members"] == ["Self-healing", "Ana Berg"]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "invalid_name_required"),
        ("x" * 81, "invalid_name_maxlength"),
        ("Dyna", "invalid_name_specials"),
        ("a b", "invalid_name_specials"),
        ("a.b", "invalid_name_specials"),
        ("--_", "invalid_name_punctuation"),
    ],
)
def test_rules_of_names(call: Call, name: str, error: str) -> None:
    assert refused(call, "conversations_create", name=name)["error"] == error


def test_private_channels_are_invisible_to_others(slack: Running, call: Call) -> None:
    workspace = slack.tool.workspace
    secret = workspace.create("secret", workspace.by_email("ana@example.com"), private=True)
    both = "public_channel,private_channel"
    assert "secret" not in [c["name"] for c in call("conversations_list", types=both)["channels"]]
    assert refused(call, "conversations_info", channel=secret.id)["error"] == "channel_not_found"
    assert refused(call, "conversations_create", name="secret")["error"] == "name_taken"
    ours = call("conversations_create", name="ours", is_private=True)["channel"]
    assert ours["is_private"]
    assert refused(call, "conversations_join", channel=ours["id"])["error"] == "method_not_supported_for_channel_type"
    assert "ours" not in [c["name"] for c in call("conversations_list")["channels"]]
    slack.tool.scopes -= {"groups:write"}
    assert refused(call, "conversations_create", name="more", is_private=True)["needed"] == "groups:write"


def test_scopes_and_tokens(slack: Running, call: Call) -> None:
    slack.tool.scopes -= {"chat:write"}
    answer = refused(call, "chat_postMessage", channel="C1", text="x")
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")
    assert "channels:manage" in answer["provided"]
    assert refused(call, "auth_test", token="xoxb-wrong")["error"] == "invalid_auth"
    assert refused(call, "api_call", api_method="no.such")["error"] == "unknown_method"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({}, "no_text"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
        ({"blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ({"text": "x", "metadata": {"event_type": "a b", "event_payload": {}}}, "invalid_metadata_schema"),
        ({"text": "x", "metadata": {"event_type": "a", "event_payload": {"x": "y" * 20000}}}, "metadata_too_large"),
        ({"text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ({"text": "x", "thread_ts": "1.0"}, "cannot_reply_to_message"),
    ],
)
def test_limits_of_messages(call: Call, content: dict[str, Any], error: str) -> None:
    channel = call("conversations_create", name="dyna-1")["channel"]["id"]
    assert refused(call, "chat_postMessage", channel=channel, **content)["error"] == error


@pytest.mark.parametrize(
    ("text", "options", "called"),
    [
        ("<@{ana}> <!here> <!subteam^S0SANDBOX1>", {}, ["{ana}", "!here", "!subteam^S0SANDBOX1"]),
        ("@ana @here <!chan>", {}, []),
        ("@ana @here", {"link_names": True}, ["{ana}", "!here"]),
        ("@channel", {"parse": "full"}, ["!channel"]),
        ("&lt;!here&gt;", {"link_names": True}, []),
    ],
)
def test_who_is_called(slack: Running, call: Call, text: str, options: dict[str, Any], called: list[str]) -> None:
    ana = call("users_lookupByEmail", email="ana@example.com")["user"]["id"]
    channel = call("conversations_create", name="dyna-1")["channel"]["id"]
    call("chat_postMessage", channel=channel, text=text.replace("{ana}", ana), **options)
    wanted = [name.replace("{ana}", ana) for name in called]
    assert channels(slack)[0]["messages"][-1]["mentions"] == wanted


def test_update_reads_names_unless_it_is_told_not_to(slack: Running, call: Call) -> None:
    channel = call("conversations_create", name="dyna-1")["channel"]["id"]
    ts = call("chat_postMessage", channel=channel, text="x")["ts"]
    call("chat_update", channel=channel, ts=ts, text="@here")
    assert channels(slack)[0]["messages"][-1]["mentions"] == ["!here"]
    call("chat_update", channel=channel, ts=ts, text="@here", parse="none", link_names=False)
    assert channels(slack)[0]["messages"][-1]["mentions"] == []


def test_rate_limit_is_understood_by_the_sdk(slack: Running) -> None:
    client = WebClient(slack.settings.slack_token, base_url=f"{slack.url}/api/")
    client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    body = json.dumps({"ok": False, "error": "ratelimited"})
    slack.faults.add("slack", "status", path="auth", status=429, headers={"Retry-After": "0"}, body=body)
    assert client.auth_test()["ok"]


def test_what_our_module_made_is_what_the_sdk_sees(slack: Running, call: Call) -> None:
    made = keep(slack, **FULL)
    assert call("conversations_info", channel=made["id"])["channel"]["name"] == "dyna-2611001"
    messages = call("conversations_history", channel=made["id"], include_all_metadata=True)["messages"]
    kinds = [message["metadata"]["event_type"] for message in messages if "metadata" in message]
    assert kinds == ["self_healing_note", "self_healing_note", "self_healing_header"]
    assert len(call("bookmarks_list", channel_id=made["id"])["bookmarks"]) == 2


def test_forms_json_and_tokens_by_hand(slack: Running) -> None:
    """What slack_sdk never sends: tokens as arguments, wrong types of content."""
    token, base = slack.settings.slack_token, f"{slack.url}/api/"
    bearer = {"Authorization": f"Bearer {token}"}

    def post(method: str, data: Any = None, **options: Any) -> Any:
        return requests.post(base + method, data=data, timeout=5, **options).json()

    assert post("auth.test") == {"ok": False, "error": "not_authed"}
    assert post("auth.test", {"token": token})["ok"]
    assert requests.get(f"{base}auth.test", params={"token": token}, timeout=5).json()["ok"]
    typed = {**bearer, "Content-Type": "application/json"}
    answer = post("conversations.create", json.dumps({"name": "dyna-1"}), headers=typed)
    assert (answer["ok"], answer["warning"]) == (True, "missing_charset")
    channel = answer["channel"]["id"]
    assert (
        post("auth.test", json.dumps({"token": token}), headers={"Content-Type": "application/json"})["error"]
        == "not_authed"
    )
    # About half of the methods do not read a JSON body at all.
    ignored = post("conversations.info", json.dumps({"channel": channel}), headers=typed)
    assert ignored["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]
    assert post("conversations.info", {"channel": channel}, headers=bearer)["ok"]
    assert post("chat.postMessage", b"x", headers=bearer)["error"] == "missing_post_type"
    assert (
        post("chat.postMessage", b"x", headers={**bearer, "Content-Type": "text/csv"})["error"] == "invalid_post_type"
    )
    assert post("chat.postMessage", b"{", headers=typed)["error"] == "invalid_json"
    assert post("chat.postMessage", b"[]", headers=typed)["error"] == "json_not_object"
    form = {"channel": channel, "text": "x", "blocks": "{"}
    assert post("chat.postMessage", form, headers=bearer)["error"] == "invalid_blocks_format"
    assert post("conversations.list", {"types": "nonsense"}, headers=bearer)["error"] == "invalid_types"
    assert post("conversations.list", {"limit": "x"}, headers=bearer)["error"] == "invalid_limit"


def test_the_link_of_a_channel_shows_it_as_text(slack: Running) -> None:
    made = keep(slack, **FULL)
    answer = requests.get(made["url"], timeout=5)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "Self-healing: note 2" in answer.text
    assert requests.get(f"{slack.url}/archives/C0NONE", timeout=5).status_code == 404


@needs_specs
def test_methods_are_as_the_vendor_lists_them() -> None:
    listed = json.loads((SPECS / "slack_methods_2026.json").read_text())["methods"]
    for name, method in METHODS.items():
        said = listed[name]
        scopes = set((said.get("scope") or {}).get("bot") or ())
        assert set(method.public) <= scopes, f"{name}: {set(method.public) - scopes}"
        assert set(method.private) <= scopes, f"{name}: {set(method.private) - scopes}"
        assert bool(said.get("json_input_supported")) is method.json, f"{name}: JSON bodies"


@needs_specs
@pytest.mark.parametrize("name", ["conversations.create", "conversations.list", "conversations.history", "auth.test"])
def test_answers_have_the_keys_of_the_samples(slack: Running, name: str) -> None:
    samples = json.loads((SPECS / "slack_teams_samples.json").read_text())["web_api"]
    client = WebClient(slack.settings.slack_token, base_url=f"{slack.url}/api/")
    if name == "conversations.create":
        theirs, ours = samples[name]["channel"], client.conversations_create(name="dyna-1")["channel"]
    elif name == "conversations.list":
        theirs, ours = samples[name]["channels"][0], client.conversations_list()["channels"][0]
    elif name == "auth.test":
        theirs, ours = samples[name], client.auth_test().data
    else:
        made = keep(slack, **FULL)
        theirs = next(message for message in samples[name]["messages"] if "bot_id" in message)
        history = client.conversations_history(channel=made["id"], include_all_metadata=True)["messages"]
        ours = next(message for message in history if message["ts"] == made["header_ts"])
    assert isinstance(ours, dict)
    optional = {"last_read", "priority", "blocks"}
    assert set(theirs) - optional <= set(ours)


def test_all_methods_are_called_here() -> None:
    """Every method that the emulator has is exercised through slack_sdk above."""
    source = Path(__file__).read_text("utf-8")
    uncalled = [name for name in METHODS if f'"{name.replace(".", "_")}"' not in source]
    # files_upload_v2 makes the calls in between, and the Socket Mode client opens connections.
    assert uncalled == ["api.test", "apps.connections.open"]


# -- buttons: Socket Mode and signed requests -------------------------------------------------------------------------

DANGER = {
    "title": {"type": "plain_text", "text": "Really?"},
    "text": {"type": "plain_text", "text": "Restarts shop on shop-01"},
    "confirm": {"type": "plain_text", "text": "Do it"},
    "deny": {"type": "plain_text", "text": "Leave it"},
    "style": "danger",
}
BUTTONS = [
    {
        "type": "actions",
        "block_id": "choice",
        "elements": [
            {"type": "button", "action_id": "wait", "text": {"type": "plain_text", "text": "Wait"}, "value": "1"},
            {
                "type": "button",
                "action_id": "restart",
                "text": {"type": "plain_text", "text": "Restart"},
                "style": "danger",
                "confirm": DANGER,
            },
        ],
    }
]


@pytest.fixture
def asked(slack: Running) -> dict[str, str]:
    """A message with buttons: the id of its channel and its time stamp."""
    client = WebClient(slack.settings.slack_token, base_url=f"{slack.url}/api/")
    channel = client.conversations_create(name="asked")["channel"]["id"]
    posted = client.chat_postMessage(channel=channel, text="What now?", blocks=BUTTONS)
    return {"channel": channel, "ts": posted["ts"]}


class App:
    """An app on slack_sdk's Socket Mode client. C(deaf) lets it acknowledge nothing."""

    def __init__(self, slack: Running) -> None:
        web_client = AsyncWebClient(slack.settings.slack_token, base_url=f"{slack.url}/api/")
        self.client = SocketModeClient(slack.settings.slack_app_token, web_client=web_client, ping_interval=1)
        self.client.socket_mode_request_listeners.append(self._take)
        self.came: list[SocketModeRequest] = []
        self.deaf = False

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.came.append(request)
        if not self.deaf:
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))


@pytest.fixture
async def app(slack: Running) -> AsyncIterator[App]:
    running = App(slack)
    await running.client.connect()
    yield running
    await running.client.close()


async def press(slack: Running, asked: dict[str, str], button: str = "wait", **more: Any) -> dict[str, Any]:
    arguments = {**asked, "button": button, "person": "ana", **more}
    return await asyncio.to_thread(lambda: slack.call("press", **arguments))


async def test_a_press_reaches_the_socket_mode_client(slack: Running, asked: dict[str, str], app: App) -> None:
    assert (await press(slack, asked))["taken"] is True
    [request] = app.came
    assert request.type == "interactive"
    payload = request.payload
    assert (payload["type"], payload["channel"]["id"]) == ("block_actions", asked["channel"])
    [action] = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("wait", "choice", "1")
    assert payload["message"]["ts"] == payload["container"]["message_ts"] == asked["ts"]


async def test_a_dangerous_button_is_confirmed_first(slack: Running, asked: dict[str, str], app: App) -> None:
    refused = await press(slack, asked, "restart")
    assert (refused["ok"], refused["error"]) == (False, "needs_confirmation")
    assert refused["confirm"]["text"]["text"] == "Restarts shop on shop-01"
    assert app.came == []
    assert (await press(slack, asked, "restart", confirmed=True))["taken"] is True


async def test_an_unacknowledged_press_is_lost_or_sent_again(slack: Running, asked: dict[str, str], app: App) -> None:
    app.deaf, slack.tool.sockets.ack_seconds = True, 0.05
    assert (await press(slack, asked))["taken"] is False
    slack.tool.interactivity.retries = 2
    assert (await press(slack, asked))["taken"] is False
    assert [request.retry_attempt for request in app.came] == [None, None, 1, 2]
    assert len({request.envelope_id for request in app.came}) == 4


async def test_the_client_comes_back_when_it_is_asked_to_refresh(
    slack: Running, asked: dict[str, str], app: App
) -> None:
    await asyncio.to_thread(lambda: slack.run(slack.tool.sockets.refresh()))
    async with asyncio.timeout(10):
        while slack.tool.sockets.opened < 2 or not slack.tool.sockets.open:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (await press(slack, asked))["taken"] is True


def test_only_the_app_token_opens_sockets(slack: Running) -> None:
    base = f"{slack.url}/api/"
    client = WebClient(base_url=base)
    for token, error in ((slack.settings.slack_token, "not_allowed_token_type"), ("xapp-wrong", "invalid_auth")):
        with pytest.raises(SlackApiError) as refused:
            client.apps_connections_open(app_token=token)
        assert refused.value.response["error"] == error
    with pytest.raises(SlackApiError) as refused:
        WebClient(slack.settings.slack_app_token, base_url=base).auth_test()
    assert refused.value.response["error"] == "not_allowed_token_type"
    address = client.apps_connections_open(app_token=slack.settings.slack_app_token)["url"]
    assert address.startswith("ws://127.0.0.1:")


class Receiver:
    """An app that takes presses over HTTP. C(status) is what it answers."""

    def __init__(self) -> None:
        self.came: list[tuple[bytes, dict[str, str]]] = []
        self.status = 200

    async def take(self, request: web.Request) -> web.Response:
        self.came.append((await request.read(), dict(request.headers)))
        return web.Response(status=self.status)


@pytest.fixture
async def receiver(slack: Running) -> AsyncIterator[Receiver]:
    running, application = Receiver(), web.Application()
    application.router.add_post("/slack", running.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.settings.slack_interactivity = f"http://127.0.0.1:{runner.addresses[0][1]}/slack"
    yield running
    await runner.cleanup()


async def test_a_press_is_signed(slack: Running, asked: dict[str, str], receiver: Receiver) -> None:
    assert (await press(slack, asked))["taken"] is True
    [(body, headers)] = receiver.came
    assert SignatureVerifier(slack.settings.slack_signing_secret).is_valid_request(body, headers)
    assert not SignatureVerifier("another").is_valid_request(body, headers)
    assert not SignatureVerifier(slack.settings.slack_signing_secret).is_valid_request(body + b"&", headers)

    class Later(Clock):
        def now(self) -> float:
            return time.time() + 301

    assert not SignatureVerifier(slack.settings.slack_signing_secret, Later()).is_valid_request(body, headers)


async def test_a_press_that_is_refused_is_lost(slack: Running, asked: dict[str, str], receiver: Receiver) -> None:
    receiver.status = 503
    assert (await press(slack, asked))["taken"] is False
    assert len(receiver.came) == 1


async def test_the_response_url_answers_the_presser(slack: Running, asked: dict[str, str], app: App) -> None:
    await press(slack, asked)
    client = WebhookClient(app.came[0].payload["response_url"])

    def whisper() -> tuple[int, str]:
        sent = client.send(text="Ana chose <b>", response_type="ephemeral", replace_original=False)
        return sent.status_code, sent.body

    assert await asyncio.to_thread(whisper) == (200, "ok")
    [channel] = [shown for shown in slack.snapshot()["channels"] if shown["id"] == asked["channel"]]
    assert [(said["to"], said["text"]) for said in channel["ephemeral"]] == [("Ana Berg", "Ana chose <b>")]
    for _further in range(4):
        assert (await asyncio.to_thread(whisper))[0] == 200
    status, body = await asyncio.to_thread(whisper)
    assert (status, json.loads(body)["error"]) == (404, "used_url")


async def test_a_button_that_is_gone_can_be_pressed_on_a_stale_screen_only(
    slack: Running, asked: dict[str, str], app: App
) -> None:
    client = AsyncWebClient(slack.settings.slack_token, base_url=f"{slack.url}/api/")
    await client.chat_update(**asked, text="Ana chose Wait", blocks=[])
    assert (await press(slack, asked))["error"] == "no_such_button"
    assert (await press(slack, asked, stale=True))["taken"] is True
    assert app.came[0].payload["actions"][0]["action_id"] == "wait"
