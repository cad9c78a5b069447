# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chat.*, pins.* and bookmarks.* methods."""

from __future__ import annotations

from typing import Any

from . import markup
from .conversations import message_json
from .wire import Answer, Call, SlackError, invalid_arguments, method
from .workspace import APP_ID, BOT_ID, TEAM_ID, Channel, Message, User, Workspace

CHAT = ("chat:write",)
MOST_PINS = 100
MOST_BOOKMARKS = 100


@method("chat.postMessage", CHAT)
def post(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    if channel.archived:
        raise SlackError("is_archived")
    if call.user.id not in channel.members:
        raise SlackError("not_in_channel")
    message = Message(workspace.next_ts(), call.user.id, "", bot_id=call.user.bot_id)
    _write_content(workspace, call, message, parse="none")
    metadata = markup.check_metadata(call.nested("metadata", "invalid_metadata_format"))
    message.metadata = metadata or None
    if call.has("thread_ts"):
        parent = channel.messages.get(call.text("thread_ts"))
        if parent is None:
            raise SlackError("cannot_reply_to_message")
        message.thread_ts = parent.thread_ts if parent.is_reply else parent.ts
        if call.flag("reply_broadcast"):
            message.subtype = "thread_broadcast"
    message.extra = _app_keys(call.user)
    workspace.add(channel, message)
    return {"channel": channel.id, "ts": message.ts, "message": message_json(channel, message, metadata=True)}


@method("chat.update", CHAT)
def update(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    message = _message(channel, call.required("ts"))
    if channel.archived:
        raise SlackError("is_inactive")
    if message.user != call.user.id or message.subtype not in (None, "thread_broadcast"):
        raise SlackError("cant_update_message")
    changed = Message(message.ts, message.user, "")
    _write_content(workspace, call, changed, parse="client")
    metadata = markup.check_metadata(call.nested("metadata", "invalid_metadata_format"))
    message.text, message.blocks, message.mentions = changed.text, changed.blocks, changed.mentions
    message.buttons.update(changed.buttons)
    if metadata is not None:
        message.metadata = metadata or None
    message.edited = {"user": call.user.id, "ts": workspace.next_ts()}
    shown = message_json(channel, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


@method("chat.delete", CHAT)
def delete(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    message = _message(channel, call.required("ts"))
    if message.user != call.user.id or message.subtype not in (None, "thread_broadcast"):
        raise SlackError("cant_delete_message")
    if channel.replies(message.ts):
        message.subtype, message.user, message.text = "tombstone", "USLACKBOT", "This message was deleted."
        message.blocks, message.metadata, message.mentions = [], None, []
        message.extra = {"hidden": True}
    else:
        del channel.messages[message.ts]
    channel.pins = [ts for ts in channel.pins if ts != message.ts]
    return {"channel": channel.id, "ts": message.ts}


@method("chat.getPermalink", json=False, writes=False)
def permalink(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    message = _message(channel, call.required("message_ts"))
    link = f"{workspace.url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


@method("chat.postEphemeral", CHAT)
def post_ephemeral(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    if channel.archived:
        raise SlackError("is_archived")
    if call.user.id not in channel.members:
        raise SlackError("not_in_channel")
    if call.required("user") not in channel.members:
        raise SlackError("user_not_in_channel")
    message = Message("", call.user.id, "", bot_id=call.user.bot_id)
    _write_content(workspace, call, message, parse="none")
    return {"message_ts": workspace.whisper(channel, call.text("user"), message.text)}


def _write_content(workspace: Workspace, call: Call, message: Message, parse: str) -> None:
    """Fill in text and blocks. C(parse) is the method's default for what C(@name) means."""
    text, markdown = call.text("text"), call.text("markdown_text")
    blocks = markup.check_blocks(call.nested("blocks", "invalid_blocks_format"))
    attachments = call.nested("attachments", "invalid_attachments")
    if markdown and (text or blocks):
        raise SlackError("markdown_text_conflict")
    if len(markdown) > markup.MARKDOWN_LIMIT:
        raise SlackError("msg_too_long")
    if not (text or markdown or blocks or attachments):
        raise SlackError("no_text")
    text = text or markdown
    if len(text) > markup.TEXT_LIMIT:
        text = text[: markup.TEXT_LIMIT]
        call.warnings.append("message_truncated")
    if call.text("parse", parse) != "none" or call.flag("link_names"):
        text = markup.link_names(text, {user.name: user.id for user in workspace.users.values()})
    message.text = markup.stored(text)
    message.blocks = blocks
    message.buttons.update({str(button.get("action_id")): button for button in markup.buttons_of(blocks)})
    message.mentions = list(dict.fromkeys([*markup.mentions(message.text), *markup.block_mentions(blocks)]))


def _app_keys(user: User) -> dict[str, Any]:
    if user.bot_id is None:
        return {"team": TEAM_ID}
    profile = {
        "id": user.bot_id,
        "app_id": APP_ID,
        "user_id": user.id,
        "name": user.real_name,
        "icons": {},
        "deleted": False,
        "updated": 1_795_000_000,
        "team_id": TEAM_ID,
    }
    return {"bot_id": user.bot_id, "app_id": APP_ID, "team": TEAM_ID, "bot_profile": profile}


def _message(channel: Channel, ts: str) -> Message:
    found = channel.messages.get(ts)
    if found is None:
        raise SlackError("message_not_found")
    return found


@method("pins.add", ("pins:write",))
def pin(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    if not call.has("timestamp"):
        raise SlackError("no_item_specified")
    message = _message(channel, call.text("timestamp"))
    if call.user.id not in channel.members:
        raise SlackError("not_in_channel")
    if message.ts in channel.pins:
        raise SlackError("already_pinned")
    if len(channel.pins) >= MOST_PINS:
        raise SlackError("too_many_pins")
    channel.pins.append(message.ts)
    return {}


@method("pins.list", ("pins:read",), json=False, writes=False)
def list_pins(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    items = [
        {
            "type": "message",
            "channel": channel.id,
            "created": int(ts.partition(".")[0]),
            "created_by": call.user.id,
            "message": message_json(channel, channel.messages[ts]),
        }
        for ts in reversed(channel.pins)
    ]
    return {"items": items}


@method("bookmarks.add", ("bookmarks:write",))
def add_bookmark(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel_id"), call.user)
    if call.required("type") != "link":
        raise SlackError("invalid_bookmark_type")
    if len(channel.bookmarks) >= MOST_BOOKMARKS:
        raise SlackError("too_many_bookmarks")
    bookmark = {
        "id": workspace.next_id("Bk"),
        "channel_id": channel.id,
        "title": call.required("title"),
        "link": _link(call),
        "emoji": call.text("emoji"),
        "icon_url": "",
        "type": "link",
        "entity_id": None,
        "date_created": workspace.now(),
        "date_updated": 0,
        "rank": "g",
        "last_updated_by_user_id": call.user.id,
        "last_updated_by_team_id": TEAM_ID,
        "shortcut_id": None,
        "app_id": APP_ID if call.user.bot_id == BOT_ID else None,
    }
    # Slack does not compare: the same call twice makes two bookmarks.
    channel.bookmarks.append(bookmark)
    return {"bookmark": bookmark}


@method("bookmarks.list", ("bookmarks:read",), writes=False)
def list_bookmarks(workspace: Workspace, call: Call) -> Answer:
    return {"bookmarks": list(workspace.channel(call.required("channel_id"), call.user).bookmarks)}


@method("bookmarks.edit", ("bookmarks:write",))
def edit_bookmark(workspace: Workspace, call: Call) -> Answer:
    bookmark = _bookmark(workspace, call)
    if call.has("link"):
        bookmark["link"] = _link(call)
    for name in ("title", "emoji"):
        if call.has(name):
            bookmark[name] = call.text(name)
    bookmark["date_updated"] = workspace.now()
    return {"bookmark": bookmark}


@method("bookmarks.remove", ("bookmarks:write",))
def remove_bookmark(workspace: Workspace, call: Call) -> Answer:
    bookmark = _bookmark(workspace, call)
    workspace.channel(call.text("channel_id"), call.user).bookmarks.remove(bookmark)
    return {}


def _bookmark(workspace: Workspace, call: Call) -> dict[str, Any]:
    channel = workspace.channel(call.required("channel_id"), call.user)
    wanted = call.required("bookmark_id")
    found = next((bookmark for bookmark in channel.bookmarks if bookmark["id"] == wanted), None)
    if found is None:
        raise SlackError("not_found")
    return found


def _link(call: Call) -> str:
    link = call.text("link")
    if not link.startswith(("http://", "https://", "slack://")):
        raise SlackError("invalid_link")
    if len(link) > 3000:
        raise invalid_arguments("link must be less than 3001 characters")
    return link
