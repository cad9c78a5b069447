# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the emulated workspace: people, channels, messages, files. No wire format of calls in here."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import dataclass, field
from typing import Any

from sandbox.settings import Settings

from .wire import SlackError

TEAM_ID = "T0SANDBOX1"
APP_ID = "A0SELFHEAL"
BOT_ID = "B0SELFHEAL"
BOT_USER = "U0SELFHEAL"


@dataclass
class User:
    """A person, or the bot user of an installed app (then with C(bot_id))."""

    id: str
    name: str
    real_name: str
    email: str | None = None
    bot_id: str | None = None
    deleted: bool = False

    def to_json(self) -> dict[str, Any]:
        shown = {"real_name": self.real_name, "display_name": self.real_name}
        profile = {**shown, **{f"{name}_normalized": value for name, value in shown.items()}, "team": TEAM_ID}
        if self.email:
            profile["email"] = self.email
        return {
            "id": self.id,
            "team_id": TEAM_ID,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.real_name,
            "tz": "Etc/UTC",
            "tz_label": "Coordinated Universal Time",
            "tz_offset": 0,
            "profile": profile,
            "is_admin": False,
            "is_owner": False,
            "is_restricted": False,
            "is_ultra_restricted": False,
            "is_bot": self.bot_id is not None,
            "is_app_user": False,
            "updated": 1_795_000_000,
        }


@dataclass
class Message:
    """One message. C(mentions) is who was called by it; C(extra) are the further keys of system messages."""

    ts: str
    user: str
    text: str
    subtype: str | None = None
    bot_id: str | None = None
    blocks: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    edited: dict[str, str] | None = None
    files: list[dict[str, Any]] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    #: Every button that was in it so far, by action_id: what a screen that has not caught up may still show.
    buttons: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass
class Label:
    """A topic or a purpose."""

    value: str = ""
    creator: str = ""
    last_set: int = 0


@dataclass
class Channel:
    """One channel with everything in it. C(messages) is in order of time, threads included."""

    id: str
    name: str
    creator: str
    created: int
    private: bool = False
    general: bool = False
    archived: bool = False
    members: list[str] = field(default_factory=list)
    topic: Label = field(default_factory=Label)
    purpose: Label = field(default_factory=Label)
    previous_names: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    pins: list[str] = field(default_factory=list)
    bookmarks: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self, viewer: str, *, count: bool = False) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "is_channel": not self.private,
            "is_group": self.private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.private,
            "created": self.created,
            "creator": self.creator,
            "is_archived": self.archived,
            "is_general": self.general,
            "unlinked": 0,
            "name_normalized": self.name,
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "pending_shared": [],
            "is_pending_ext_shared": False,
            "is_member": viewer in self.members,
            "topic": vars(self.topic),
            "purpose": vars(self.purpose),
            "previous_names": list(self.previous_names),
        }
        return {**shown, "num_members": len(self.members)} if count else shown

    def top_level(self) -> list[Message]:
        """Return what history shows: replies only when they were also sent to the channel."""
        return [m for m in self.messages.values() if not m.is_reply or m.subtype == "thread_broadcast"]

    def replies(self, parent: str) -> list[Message]:
        return [m for m in self.messages.values() if m.thread_ts == parent and m.ts != parent]


class Workspace:
    """One workspace. All changes go through here, so that system messages are never forgotten."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = ""
        self.bot = User(BOT_USER, "self-healing", "Self-healing", bot_id=BOT_ID)
        people = [User(_person_id(p.email), p.key, p.name, p.email) for p in settings.people]
        self.users: dict[str, User] = {user.id: user for user in [self.bot, *people]}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.ephemeral: list[dict[str, Any]] = []
        #: Addresses of sockets that were given out and not used yet.
        self.tickets: set[str] = set()
        #: Most messages on a page of history: 999 for internal apps, 15 for distributed ones outside the marketplace.
        self.history_limit = 999
        #: While this is set, new channels and messages exist and are not in any listing: replication that lags behind.
        self.lagging = False
        self._unlisted: set[str] = set()
        self._last_ts = (0, 0)
        self._ids = 0
        general = self._add_channel("general", people[0].id if people else BOT_USER, private=False)
        general.general = True
        general.members = [user.id for user in people]

    def next_id(self, prefix: str) -> str:
        self._ids += 1
        return f"{prefix}0SBX{self._ids:06d}"

    def next_ts(self) -> str:
        """Return a time stamp that no message of the workspace has yet."""
        now = time.time_ns() // 1000
        last = self._last_ts[0] * 1_000_000 + self._last_ts[1]
        stamp = max(now, last + 1)
        self._last_ts = divmod(stamp, 1_000_000)
        return f"{self._last_ts[0]}.{self._last_ts[1]:06d}"

    def channel(self, reference: str, viewer: User) -> Channel:
        """Return the channel with that id or name. Private channels exist for their members only."""
        found = self.channels.get(reference)
        if found is None:
            name = reference.removeprefix("#")
            found = next((c for c in self.channels.values() if c.name == name), None)
        if found is None or (found.private and viewer.id not in found.members):
            raise SlackError("channel_not_found")
        return found

    def visible(self, viewer: User) -> list[Channel]:
        """Return the channels that listings show."""
        listed = [c for c in self.channels.values() if c.id not in self._unlisted]
        return [c for c in listed if not c.private or viewer.id in c.members]

    def is_listed(self, message: Message) -> bool:
        return message.ts not in self._unlisted

    def catch_up(self) -> None:
        """End the lag: everything that exists is listed from now on."""
        self.lagging = False
        self._unlisted.clear()

    def user(self, reference: str) -> User:
        found = self.users.get(reference)
        if found is None:
            raise SlackError("user_not_found")
        return found

    def by_email(self, email: str) -> User:
        for user in self.users.values():
            if user.email and user.email.lower() == email.lower() and not user.deleted:
                return user
        raise SlackError("users_not_found")

    def create(self, name: str, creator: User, private: bool) -> Channel:
        self.check_name(name)
        channel = self._add_channel(name, creator.id, private)
        self.join(channel, creator)
        return channel

    def check_name(self, name: str) -> None:
        """Refuse a name by Slack's rules. Names of archived and invisible channels stay taken."""
        if not name:
            raise SlackError("invalid_name_required")
        if len(name) > 80:
            raise SlackError("invalid_name_maxlength")
        if not re.fullmatch(r"[a-z0-9_-]+", name):
            raise SlackError("invalid_name_specials")
        if not name.strip("-_"):
            raise SlackError("invalid_name_punctuation")
        if any(channel.name == name for channel in self.channels.values()):
            raise SlackError("name_taken")

    def join(self, channel: Channel, user: User, inviter: User | None = None) -> None:
        channel.members.append(user.id)
        extra = {"inviter": inviter.id} if inviter else {}
        kind = "group_join" if channel.private else "channel_join"
        self.system(channel, user, kind, f"<@{user.id}> has joined the channel", **extra)

    def leave(self, channel: Channel, user: User) -> None:
        channel.members.remove(user.id)
        kind = "group_leave" if channel.private else "channel_leave"
        self.system(channel, user, kind, f"<@{user.id}> has left the channel")

    def system(self, channel: Channel, user: User, subtype: str, text: str, **extra: Any) -> None:
        """Add a message that Slack writes by itself. It calls nobody."""
        self.add(channel, Message(self.next_ts(), user.id, text, subtype=subtype, extra=extra))

    def add(self, channel: Channel, message: Message) -> Message:
        channel.messages[message.ts] = message
        if self.lagging:
            self._unlisted.add(message.ts)
        return message

    def whisper(self, channel: Channel, user: str, text: str) -> str:
        """Show a message to one person only, and return its time stamp."""
        ts = self.next_ts()
        self.ephemeral.append({"channel": channel.id, "user": user, "text": text, "ts": ts})
        return ts

    def now(self) -> int:
        return int(time.time())

    def _add_channel(self, name: str, creator: str, private: bool) -> Channel:
        channel = Channel(self.next_id("C"), name, creator, self.now(), private=private)
        self.channels[channel.id] = channel
        if self.lagging:
            self._unlisted.add(channel.id)
        return channel


def _person_id(email: str) -> str:
    return "U0" + base64.b32encode(hashlib.sha256(email.encode()).digest())[:8].decode()
