# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure functions between our text and Slack's: escaping, lengths, names, markers, and reading messages.

Source of the rules: https://docs.slack.dev/messaging/formatting-message-text/
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from .errors import ConfigurationError

NAME_LIMIT = 80
TOPIC_LIMIT = 250
#: Slack recommends at most 4000 characters per message and cuts at 40 000.
TEXT_LIMIT = 4000
TITLE_LIMIT = 250
#: Longest text of the text objects that Block Kit allows, by the block they are in.
BLOCK_TEXT_LIMITS = {"section": 3000, "header": 150, "context": 2000, "markdown": 12000}

_MARKER = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_MARKED = re.compile(r"(?<![^\s])self-healing:([A-Za-z0-9._:-]{1,128})(?![^\s])")
_BRACKETS = re.compile(r"<([^<>]*)>")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ENTITY = re.compile("|".join(_ENTITIES))
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SYSTEM_KINDS = {
    "channel_join": "join",
    "group_join": "join",
    "channel_leave": "leave",
    "group_leave": "leave",
    "channel_topic": "topic",
    "group_topic": "topic",
}
_SPOKEN = (None, "", "bot_message", "thread_broadcast", "file_share", "me_message")


def clean(text: str) -> str:
    """Return C(text) without control characters, lone surrogates and marks that reverse the direction of reading."""
    text = text.replace("\r\n", "\n").encode("utf-8", errors="replace").decode("utf-8")
    return "".join(c for c in text if c in "\n\t" or (unicodedata.category(c) != "Cc" and c not in _BIDI))


def escape(text: str) -> str:
    """Return C(text) so that Slack shows it letter by letter: no mention, link or channel can come of it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    """Reverse of C(escape)."""
    return _ENTITY.sub(lambda match: _ENTITIES[match.group(0)], text)


def cut(text: str, most: int) -> str:
    """Return C(text), cut to C(most) characters with an ellipsis at the end if it is longer."""
    return text if len(text) <= most else text[: max(most - 1, 0)] + "…"


def literal(text: str, most: int) -> str:
    """Return the escaped form of C(text) that is no longer than C(most) and never ends inside an entity."""
    text = clean(text)
    escaped = escape(text)
    if len(escaped) <= most:
        return escaped
    kept, length = [], 1
    for character in text:
        piece = escape(character)
        if length + len(piece) > most:
            break
        kept.append(piece)
        length += len(piece)
    return "".join(kept) + "…"


def address(link: str) -> str:
    """Return C(link) with everything percent-encoded that could end it early in Slack's mark-up."""
    return quote(clean(link).strip(), safe="%/:?#[]@!$&'()*+,;=~-._")


def link_markup(title: str, link: str) -> str:
    """Return a link in Slack's mark-up. A bar in the title would end the address, so it becomes a broken bar."""
    return f"<{escape(address(link))}|{literal(title.replace('|', '¦'), 150)}>"


def message_text(text: str, links: Sequence[tuple[str, str]] = ()) -> str:
    """Return the text of a message: C(text) literally, then a line with C((title, address)) links."""
    line = "\n" + " · ".join(link_markup(title, link) for title, link in links) if links else ""
    return literal(text, TEXT_LIMIT - len(line)) + line


def inert_blocks(blocks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return Block Kit blocks in which texts may hold links and dates, but no mention, and none is too long."""
    return [_inert(dict(block), BLOCK_TEXT_LIMITS.get(str(block.get("type")), 2000)) for block in blocks]


def _inert(value: Any, most: int) -> Any:
    if isinstance(value, list):
        return [_inert(item, most) for item in value]
    if not isinstance(value, Mapping):
        return clean(value) if isinstance(value, str) else value
    inert = {name: _inert(item, 2000 if name == "fields" else most) for name, item in value.items()}
    if inert.get("type") in ("mrkdwn", "markdown", "plain_text") and isinstance(inert.get("text"), str):
        inert["text"] = cut(_without_mentions(inert["text"]) if inert["type"] != "plain_text" else inert["text"], most)
    if inert.get("type") == "mrkdwn":
        # Else Slack looks for names in it on its own, and @here would call everybody.
        inert["verbatim"] = True
    return inert


def _without_mentions(text: str) -> str:
    def keep_or_escape(match: re.Match[str]) -> str:
        inner = match.group(1)
        harmless = inner.startswith(("http://", "https://", "mailto:", "!date^"))
        return match.group(0) if harmless else escape(match.group(0))

    return _BRACKETS.sub(keep_or_escape, text)


def content_hash(text: str, blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return the sha256 of a message's content as we send it (Slack stores it changed, so it cannot be compared)."""
    return hashlib.sha256(json.dumps([text, blocks], sort_keys=True).encode()).hexdigest()


def channel_name(wanted: str) -> str:
    """Return the channel name that Slack accepts for C(wanted): lower-case letters, digits, C(-) and C(_), at most 80.

    Raises ConfigurationError when nothing is left of it.
    """
    name = re.sub(r"[^a-z0-9_-]+", "-", wanted.lower()).strip("-_")[:NAME_LIMIT].rstrip("-_")
    if not name:
        raise ConfigurationError(
            f"name: {wanted!r} has no letter a-z and no digit, so Slack cannot use it for a channel"
        )
    return name


def numbered(name: str, number: int) -> str:
    """Return C(name) for the first channel and C(name-2), C(name-3)… for the next ones."""
    if number < 2:
        return name
    ending = f"-{number}"
    return name[: NAME_LIMIT - len(ending)].rstrip("-_") + ending


def check_marker(marker: str) -> str:
    """Return C(marker) if it can stand in the purpose of a channel. Raises ConfigurationError otherwise."""
    if not _MARKER.fullmatch(marker):
        raise ConfigurationError("marker: expected 1 to 128 letters, digits, '.', '_', ':' or '-'")
    return marker


def marker_of(purpose: str) -> str | None:
    """Return the marker that a channel's purpose carries as C(self-healing:<marker>), None without one."""
    found = _MARKED.search(purpose)
    return found.group(1) if found else None


def marked_purpose(purpose: str, marker: str, remark: str = "") -> str:
    """Return C(purpose) with our marker in front. What people wrote there is kept as far as there is room."""
    return cut(" ".join(part for part in (f"self-healing:{marker}", remark, purpose.strip()) if part), TOPIC_LIMIT)


def ts_key(ts: str) -> tuple[int, int]:
    """Return the order of a message. Time stamps of Slack are text; as floating point numbers they would collide."""
    seconds, _dot, micros = ts.partition(".")
    return int(seconds), int(micros.ljust(6, "0")[:6] or 0)


def moment(ts: str) -> str:
    """Return the time of a message as C(2026-11-22T08:29:22.000300Z)."""
    seconds, micros = ts_key(ts)
    at = datetime.fromtimestamp(seconds, tz=timezone.utc).replace(microsecond=micros)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def decode(text: str, names: Mapping[str, str]) -> str:
    """Return what a person sees of C(text). C(names) is the id of a user or channel to its shown name."""

    def show(match: re.Match[str]) -> str:
        target, _bar, label = match.group(1).partition("|")
        if target.startswith("@"):
            return "@" + names.get(target[1:], label or target[1:])
        if target.startswith("#"):
            return "#" + names.get(target[1:], label or target[1:])
        if target.startswith("!date^"):
            return label or target
        if target.startswith("!subteam^"):
            return label or "@" + names.get(target[9:], target[9:])
        if target.startswith("!"):
            return "@" + target[1:]
        address = target.removeprefix("mailto:")
        return f"{label} ({address})" if label and label not in (target, address) else address

    return unescape(_BRACKETS.sub(show, text))


def spoken_text(message: Mapping[str, Any]) -> str:
    """Return the text of a message in Slack's mark-up, or the best that its blocks, attachments or files offer."""
    if message.get("text"):
        return str(message["text"])
    pieces = [_block_text(block) for block in message.get("blocks") or []]
    for attachment in message.get("attachments") or []:
        pieces.append(str(attachment.get("fallback") or attachment.get("text") or ""))
    pieces += [str(file.get("title") or file.get("name") or "") for file in message.get("files") or []]
    return "\n".join(piece for piece in pieces if piece)


def _block_text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(_block_text(item) for item in value)
    if not isinstance(value, Mapping):
        return ""
    kind = value.get("type")
    if kind == "user":
        return f"<@{value.get('user_id')}>"
    if kind == "link":
        text = str(value.get("text") or "")
        return f"<{value.get('url')}|{text}>" if text else f"<{value.get('url')}>"
    if kind == "emoji":
        return f":{value.get('name')}:"
    if kind == "broadcast":
        return f"<!{value.get('range')}>"
    if isinstance(value.get("text"), str):
        return str(value["text"])
    inner = _block_text(value.get("text")) + _block_text(value.get("fields"))
    ending = "\n" if kind in ("rich_text_section", "rich_text_preformatted", "rich_text_quote") else ""
    return inner + _block_text(value.get("elements")) + ending


def message_kind(message: Mapping[str, Any]) -> str:
    """Return C(message), C(bot), C(file), C(join), C(leave), C(topic) or C(system)."""
    subtype = message.get("subtype")
    if subtype not in _SPOKEN:
        return _SYSTEM_KINDS.get(str(subtype), "system")
    if message.get("files"):
        return "file"
    return "bot" if message.get("bot_id") else "message"


def people_in(message: Mapping[str, Any]) -> set[str]:
    """Return the ids of all users that are needed to show a message."""
    found = {str(message["user"])} if message.get("user") else set()
    return found | set(re.findall(r"<@([UW][A-Z0-9]+)", spoken_text(message)))


def author_of(message: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return the shown name of the author: that of the person, else that of the app."""
    user, profile = str(message.get("user") or ""), message.get("bot_profile")
    if user in names:
        return names[user]
    if isinstance(profile, Mapping) and profile.get("name"):
        return str(profile["name"])
    return str(message.get("username") or names.get(str(message.get("bot_id") or "")) or user or "unknown")


def decode_message(message: Mapping[str, Any], names: Mapping[str, str], own_user: str) -> dict[str, Any]:
    """Return one message as plain data: C(at, ts, author, type, text, thread_ts, files, edited, own)."""
    files = [
        {"name": str(file.get("name") or file.get("id")), "size": file.get("size"), "url": file.get("permalink")}
        for file in message.get("files") or []
    ]
    thread = message.get("thread_ts")
    return {
        "at": moment(str(message["ts"])),
        "ts": str(message["ts"]),
        "author": author_of(message, names),
        "type": message_kind(message),
        "text": decode(spoken_text(message), names),
        "thread_ts": str(thread) if thread else None,
        "files": files,
        "edited": bool(message.get("edited")),
        "own": message.get("user") == own_user,
    }
