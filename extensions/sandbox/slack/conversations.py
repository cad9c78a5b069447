# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conversations.* methods, and users.conversations: channels from their birth to the archive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from . import markup
from .wire import Answer, Call, SlackError, invalid_arguments, method, page
from .workspace import Channel, Label, Message, Workspace

READ = ("channels:read",)
READ_PRIVATE = ("groups:read",)
MANAGE = ("channels:manage",)
MANAGE_PRIVATE = ("groups:write",)
TOPIC = ("channels:manage", "channels:write.topic")
TOPIC_PRIVATE = ("groups:write", "groups:write.topic")
INVITE = ("channels:manage", "channels:write.invites")
INVITE_PRIVATE = ("groups:write", "groups:write.invites")
HISTORY = ("channels:history",)
HISTORY_PRIVATE = ("groups:history",)

LABEL_LIMIT = 250
INVITE_LIMIT = 100
_TS = re.compile(r"\d{1,10}(\.\d{1,6})?")


@method("conversations.create", MANAGE, MANAGE_PRIVATE)
def create(workspace: Workspace, call: Call) -> Answer:
    name = call.text("name").removeprefix("#")
    return _shown(workspace.create(name, call.user, call.flag("is_private")), call)


@method("conversations.list", json=False, writes=False)
def list_channels(workspace: Workspace, call: Call) -> Answer:
    return _listing(call, workspace.visible(call.user), count=True)


@method("users.conversations", json=False, writes=False)
def list_of_user(workspace: Workspace, call: Call) -> Answer:
    user = workspace.user(call.text("user", call.user.id))
    return _listing(call, [c for c in workspace.visible(call.user) if user.id in c.members], count=False)


def _listing(call: Call, channels: Sequence[Channel], count: bool) -> Answer:
    types = call.names("types") or ["public_channel"]
    if not set(types) <= {"public_channel", "private_channel", "mpim", "im"}:
        raise SlackError("invalid_types")
    wanted = [
        channel
        for channel in channels
        if ("private_channel" if channel.private else "public_channel") in types
        and not (channel.archived and call.flag("exclude_archived"))
    ]
    shown, cursor = page(call, wanted, lambda channel: channel.id, call.limit(100, 999))
    listed = [channel.to_json(call.user.id, count=count) for channel in shown]
    return {"channels": listed, "response_metadata": {"next_cursor": cursor}}


@method("conversations.info", READ, READ_PRIVATE, json=False, writes=False)
def info(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    return {"channel": channel.to_json(call.user.id, count=call.flag("include_num_members"))}


@method("conversations.join", ("channels:join",), ("channels:join",))
def join(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    if channel.private:
        raise SlackError("method_not_supported_for_channel_type")
    _not_archived(channel)
    if call.user.id in channel.members:
        call.warnings.append("already_in_channel")
    else:
        workspace.join(channel, call.user)
    return _shown(channel, call)


@method("conversations.invite", INVITE, INVITE_PRIVATE)
def invite(workspace: Workspace, call: Call) -> Answer:
    channel = _joined(workspace, call)
    _not_archived(channel)
    ids = call.names("users")
    if not ids:
        raise SlackError("no_user")
    if len(ids) > INVITE_LIMIT:
        raise invalid_arguments("no more than 100 users can be invited at once")
    errors = [
        {"user": user, "ok": False, "error": error}
        for user in ids
        if (error := _refusal(workspace, channel, call, user))
    ]
    refused = {error["user"] for error in errors}
    if errors and not (call.flag("force") and len(ids) > 1):
        raise SlackError(str(errors[0]["error"]), errors=errors)
    for user in dict.fromkeys(ids):
        if user not in refused:
            workspace.join(channel, workspace.user(user), inviter=call.user)
    if errors and len(refused) == len(set(ids)):
        raise SlackError(str(errors[0]["error"]), errors=errors)
    return {**_shown(channel, call), **({"errors": errors} if errors else {})}


def _refusal(workspace: Workspace, channel: Channel, call: Call, user: str) -> str | None:
    known = workspace.users.get(user)
    if known is None or known.deleted:
        return "user_not_found"
    if user == call.user.id:
        return "cant_invite_self"
    return "already_in_channel" if user in channel.members else None


@method("conversations.kick", MANAGE, MANAGE_PRIVATE)
def kick(workspace: Workspace, call: Call) -> Answer:
    channel = _joined(workspace, call)
    user = workspace.user(call.required("user"))
    if user.id == call.user.id:
        raise SlackError("cant_kick_self")
    if channel.general:
        raise SlackError("cant_kick_from_general")
    if user.id not in channel.members:
        raise SlackError("not_in_channel")
    workspace.leave(channel, user)
    return {"errors": {}}


@method("conversations.members", READ, READ_PRIVATE, json=False, writes=False)
def members(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    shown, cursor = page(call, channel.members, lambda user: user, call.limit(100, 999))
    return {"members": shown, "response_metadata": {"next_cursor": cursor}}


@method("conversations.setTopic", TOPIC, TOPIC_PRIVATE)
def set_topic(workspace: Workspace, call: Call) -> Answer:
    channel, label = _label(workspace, call, "topic")
    channel.topic = label
    text = f"<@{call.user.id}> set the channel topic: {label.value}"
    workspace.system(channel, call.user, "channel_topic", text, topic=label.value)
    return _shown(channel, call)


@method("conversations.setPurpose", TOPIC, TOPIC_PRIVATE)
def set_purpose(workspace: Workspace, call: Call) -> Answer:
    channel, label = _label(workspace, call, "purpose")
    channel.purpose = label
    text = f"<@{call.user.id}> set the channel description: {label.value}"
    workspace.system(channel, call.user, "channel_purpose", text, purpose=label.value)
    return {"purpose": label.value, **_shown(channel, call)}


def _label(workspace: Workspace, call: Call, name: str) -> tuple[Channel, Label]:
    channel = _joined(workspace, call)
    _not_archived(channel)
    value = call.text(name)
    if len(value) > LABEL_LIMIT:
        raise SlackError("too_long")
    # No mark-up in topics and purposes: everything special is escaped, entities that were sent stay entities.
    return channel, Label(markup.escape(markup.unescape(value)), call.user.id, workspace.now())


@method("conversations.rename", MANAGE, MANAGE_PRIVATE)
def rename(workspace: Workspace, call: Call) -> Answer:
    channel = _joined(workspace, call)
    _not_archived(channel)
    old, new = channel.name, call.text("name").removeprefix("#")
    if new != old:
        workspace.check_name(new)
        channel.previous_names = [old, *channel.previous_names]
        channel.name = new
        text = f'<@{call.user.id}> has renamed the channel from "{old}" to "{new}"'
        workspace.system(channel, call.user, "channel_name", text, old_name=old, name=new)
    return _shown(channel, call)


@method("conversations.archive", MANAGE, MANAGE_PRIVATE)
def archive(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    if channel.archived:
        raise SlackError("already_archived")
    if channel.general:
        raise SlackError("cant_archive_general")
    if call.user.id not in channel.members:
        raise SlackError("not_in_channel")
    workspace.system(channel, call.user, "channel_archive", f"<@{call.user.id}> archived the channel")
    channel.archived = True
    # An archived channel has no bots in it: from here on the app can neither read it nor bring it back.
    channel.members = [user for user in channel.members if workspace.users[user].bot_id is None]
    return {}


@method("conversations.unarchive", MANAGE, MANAGE_PRIVATE)
def unarchive(workspace: Workspace, call: Call) -> Answer:
    channel = workspace.channel(call.required("channel"), call.user)
    if not channel.archived:
        raise SlackError("not_archived")
    if call.user.bot_id is not None:
        raise SlackError("not_in_channel")
    channel.archived = False
    if call.user.id not in channel.members:
        channel.members.append(call.user.id)
    workspace.system(channel, call.user, "channel_unarchive", f"<@{call.user.id}> un-archived the channel")
    return {}


@method("conversations.history", HISTORY, HISTORY_PRIVATE, json=True, writes=False)
def history(workspace: Workspace, call: Call) -> Answer:
    channel = _joined(workspace, call)
    messages = [m for m in reversed(channel.top_level()) if _between(call, m.ts) and workspace.is_listed(m)]
    return {**_messages(workspace, call, channel, messages), "pin_count": len(channel.pins)}


@method("conversations.replies", HISTORY, HISTORY_PRIVATE, json=False, writes=False)
def replies(workspace: Workspace, call: Call) -> Answer:
    channel = _joined(workspace, call)
    parent = channel.messages.get(call.required("ts"))
    if parent is None:
        raise SlackError("thread_not_found")
    if parent.is_reply and parent.thread_ts:
        parent = channel.messages[parent.thread_ts]
    thread = [parent, *(m for m in channel.replies(parent.ts) if _between(call, m.ts))]
    return _messages(workspace, call, channel, thread)


def _messages(workspace: Workspace, call: Call, channel: Channel, messages: Sequence[Message]) -> Answer:
    limit = min(call.limit(100, 999), workspace.history_limit)
    shown, cursor = page(call, messages, lambda message: message.ts, limit)
    answer: Answer = {
        "messages": [message_json(channel, m, metadata=call.flag("include_all_metadata")) for m in shown],
        "has_more": bool(cursor),
    }
    return {**answer, "response_metadata": {"next_cursor": cursor}} if cursor else answer


def _between(call: Call, ts: str) -> bool:
    """Tell whether a message lies between C(oldest) and C(latest). Both are exclusive unless C(inclusive) is set."""
    for name in ("oldest", "latest"):
        if not call.has(name):
            continue
        limit = call.text(name)
        if not _TS.fullmatch(limit):
            raise SlackError(f"invalid_ts_{name}")
        if ts_key(ts) == ts_key(limit):
            if not call.flag("inclusive"):
                return False
        elif (ts_key(ts) < ts_key(limit)) == (name == "oldest"):
            return False
    return True


def ts_key(ts: str) -> tuple[int, int]:
    seconds, _dot, micros = ts.partition(".")
    return int(seconds), int(micros.ljust(6, "0") or 0)


def message_json(channel: Channel, message: Message, *, metadata: bool = False) -> dict[str, Any]:
    """Return a message as history shows it."""
    shown: dict[str, Any] = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
    if message.subtype:
        shown["subtype"] = message.subtype
    shown.update(message.extra)
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.files:
        shown.update(files=message.files, upload=True)
    if message.edited:
        shown["edited"] = message.edited
    if message.ts in channel.pins:
        by = {"channel": channel.id, "pinned_by": message.user, "pinned_ts": int(message.ts.partition(".")[0])}
        shown.update(pinned_to=[channel.id], pinned_info=by)
    if metadata and message.metadata:
        shown["metadata"] = message.metadata
    thread = channel.replies(message.ts)
    if message.is_reply and message.thread_ts:
        parent = channel.messages.get(message.thread_ts)
        shown.update(thread_ts=message.thread_ts, parent_user_id=parent.user if parent else "USLACKBOT")
    elif thread:
        users = list(dict.fromkeys(reply.user for reply in thread))
        shown.update(thread_ts=message.ts, reply_count=len(thread), reply_users=users, reply_users_count=len(users))
        shown.update(latest_reply=thread[-1].ts, is_locked=False, subscribed=False)
    return shown


def _joined(workspace: Workspace, call: Call) -> Channel:
    channel = workspace.channel(call.required("channel"), call.user)
    if call.user.id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _not_archived(channel: Channel) -> None:
    if channel.archived:
        raise SlackError("is_archived")


def _shown(channel: Channel, call: Call) -> Answer:
    return {"channel": channel.to_json(call.user.id)}
