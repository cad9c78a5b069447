# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own messages in a channel: recognised by their metadata, each there exactly once. No I/O in here.

Slack has no idempotency key for messages. So every message says in its metadata what it is; when parallel runs have
posted the same one, all of them keep the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .slack_buttons import with_buttons
from .slack_text import TEXT_LIMIT, clean, content_hash, inert_blocks, literal, message_text, ts_key

HEADER = "self_healing_header"
NOTE = "self_healing_note"

#: What a message of ours is: its event type and, for notes, their id.
Name = tuple[str, str]
HEADER_NAME: Name = (HEADER, "")


@dataclass(frozen=True)
class OwnMessage:
    """One message that should be in the channel. C(text) is in Slack's mark-up, already harmless."""

    name: Name
    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()

    @property
    def sha256(self) -> str:
        return content_hash(self.text, self.blocks)

    def metadata(self, marker: str) -> dict[str, Any]:
        """Return the metadata. Everybody in the channel can read it."""
        kind, identity = self.name
        payload = {"key": marker, "content_sha256": self.sha256} if kind == HEADER else {"key": marker, "id": identity}
        return {"event_type": kind, "event_payload": payload}


@dataclass(frozen=True)
class MessagePlan:
    """What is missing, what is there twice (time stamps), and the header that shows something else."""

    post: tuple[OwnMessage, ...] = ()
    delete: tuple[str, ...] = ()
    update: str | None = None
    header_ts: str | None = None


@dataclass(frozen=True)
class Present:
    """Our messages that are in the channel: by name, the oldest first."""

    messages: Mapping[Name, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @classmethod
    def among(cls, messages: Iterable[Mapping[str, Any]], marker: str, user_id: str) -> Present:
        found: dict[Name, list[Mapping[str, Any]]] = {}
        for message in messages:
            if message.get("user") == user_id and key_of(message) == marker:
                found.setdefault(_name_of(message), []).append(message)
        return cls({name: sorted(same, key=lambda m: ts_key(str(m["ts"]))) for name, same in found.items()})

    def ts(self, name: Name) -> str | None:
        same = self.messages.get(name)
        return str(same[0]["ts"]) if same else None

    def header(self) -> Mapping[str, Any] | None:
        same = self.messages.get(HEADER_NAME)
        return same[0] if same else None


def header_message(
    text: str,
    links: Sequence[tuple[str, str]],
    blocks: Iterable[Mapping[str, Any]],
    buttons: Iterable[Mapping[str, Any]] = (),
) -> OwnMessage:
    """Return the header. It is plain text without blocks and buttons, which some clients show better."""
    shown = with_buttons(text, links, inert_blocks(blocks), buttons)
    return OwnMessage(HEADER_NAME, message_text(text, links), tuple(shown))


def note_message(identity: str, text: str) -> OwnMessage:
    return OwnMessage((NOTE, clean(identity)), literal(text, TEXT_LIMIT))


def plan_messages(present: Present, wanted: Sequence[OwnMessage], posted: Mapping[Name, str]) -> MessagePlan:
    """Compare what is in the channel with what should be. C(posted) is what this run has posted: name to time stamp.

    What was posted counts as present even when Slack does not list it yet.
    """
    post = tuple(m for m in wanted if m.name not in present.messages and m.name not in posted)
    extra = [str(m["ts"]) for same in present.messages.values() for m in same[1:]]
    header = next((m for m in wanted if m.name == HEADER_NAME), None)
    header_ts = present.ts(HEADER_NAME) or posted.get(HEADER_NAME)
    there = present.header()
    payload = (there.get("metadata") or {}).get("event_payload") or {} if there else {}
    outdated = header is not None and there is not None and payload.get("content_sha256") != header.sha256
    return MessagePlan(post, tuple(sorted(extra, key=ts_key)), header_ts if outdated else None, header_ts)


def key_of(message: Mapping[str, Any]) -> str | None:
    """Return the marker that a message of ours carries, None for all other messages."""
    metadata = message.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("event_type") not in (HEADER, NOTE):
        return None
    payload = metadata.get("event_payload")
    key = payload.get("key") if isinstance(payload, Mapping) else None
    return str(key) if key else None


def _name_of(message: Mapping[str, Any]) -> Name:
    metadata = message["metadata"]
    kind = str(metadata["event_type"])
    return (kind, "" if kind == HEADER else str(metadata["event_payload"].get("id") or ""))
