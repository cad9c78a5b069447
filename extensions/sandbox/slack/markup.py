# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Slack does to text: it keeps its own mark-up, escapes everything else, and finds who is called.

Source: https://docs.slack.dev/messaging/formatting-message-text/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .wire import SlackError

_LABEL = r"(?:\|[^<>]*)?"
_USER = r"@[UW][A-Z0-9]{2,}"
_BROADCAST = r"!(?:here|channel|everyone)"
_SUBTEAM = r"!subteam\^S[A-Z0-9]+"
#: Everything in angle brackets that means something to Slack.
MARKUP = re.compile(
    rf"<(?:{_USER}{_LABEL}|\#[CG][A-Z0-9]{{2,}}{_LABEL}|{_BROADCAST}{_LABEL}|{_SUBTEAM}{_LABEL}"
    rf"|!date\^\d+\^[^<>|]*\|[^<>]*|(?:https?://|mailto:|tel:)[^<>|\s]+{_LABEL})>"
)
_CALLS = re.compile(rf"<({_USER}|{_BROADCAST}|{_SUBTEAM}){_LABEL}>")
_LONE_AMPERSAND = re.compile(r"&(?!amp;|lt;|gt;)")
_AT_NAME = re.compile(r"(?<![\w<])@([a-z0-9._-]+)")

TEXT_LIMIT = 40_000
MARKDOWN_LIMIT = 12_000
BLOCK_LIMIT = 50
METADATA_LIMIT = 16 * 1024


def escape(text: str) -> str:
    """Escape what would otherwise be mark-up."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def stored(text: str) -> str:
    """Return C(text) as Slack keeps it: known mark-up and entities stay, other special characters are escaped."""
    kept, end = [], 0
    for match in MARKUP.finditer(text):
        kept += [_escape_rest(text[end : match.start()]), match.group(0)]
        end = match.end()
    kept.append(_escape_rest(text[end:]))
    return "".join(kept)


def _escape_rest(text: str) -> str:
    return _LONE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def link_names(text: str, users: Mapping[str, str]) -> str:
    """Turn C(@here) and C(@name) into mark-up, as Slack does when C(link_names) or C(parse) asks for it.

    C(users) is user name to id.
    """

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in ("here", "channel", "everyone"):
            return f"<!{name}>"
        return f"<@{users[name]}>" if name in users else match.group(0)

    return _AT_NAME.sub(replace, text)


def mentions(text: str) -> list[str]:
    """Return who is called by C(text): user ids, C(!here), C(!channel), C(!everyone), C(!subteam^S…)."""
    return [called.removeprefix("@") for called in _CALLS.findall(text)]


def block_mentions(blocks: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return who is called by mrkdwn texts and rich text elements of blocks. Plain text calls nobody."""
    found: list[str] = []
    for item in _walk(list(blocks)):
        kind = item.get("type")
        if kind in ("mrkdwn", "markdown"):
            found += mentions(str(item.get("text", "")))
        elif kind == "user" and "user_id" in item:
            found.append(str(item["user_id"]))
        elif kind == "usergroup" and "usergroup_id" in item:
            found.append(f"!subteam^{item['usergroup_id']}")
        elif kind == "broadcast":
            found.append(f"!{item.get('range', 'here')}")
    return found


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner)


def human(text: str, users: Mapping[str, str]) -> str:
    """Return C(text) as a person sees it on the screen. C(users) is user id to shown name."""

    def show(match: re.Match[str]) -> str:
        target, _bar, label = match.group(0)[1:-1].partition("|")
        if target.startswith("@"):
            return "@" + users.get(target[1:], label or target[1:])
        if target.startswith("!date"):
            return label
        if target.startswith("!subteam"):
            return label or "@group"
        if target.startswith("!"):
            return "@" + target[1:]
        if target.startswith("#"):
            return "#" + (label or target[1:])
        return f"{label} ({target})" if label and label != target else target

    return unescape(MARKUP.sub(show, text))


def check_blocks(blocks: Any) -> list[dict[str, Any]]:
    """Return the blocks as Slack keeps them, or refuse them.

    Limits: https://docs.slack.dev/reference/block-kit/blocks/
    """
    if blocks is None:
        return []
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise SlackError("invalid_blocks_format")
    if len(blocks) > BLOCK_LIMIT:
        raise _invalid("no more than 50 items allowed")
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        raise _invalid("block_id must be unique")
    for number, block in enumerate(blocks):
        _check_block(block, f"/blocks/{number}")
    return [_kept({"block_id": f"b{number}", **block}) for number, block in enumerate(blocks)]


def _check_block(block: Mapping[str, Any], where: str) -> None:
    kind = block.get("type")
    if kind == "section":
        if not block.get("text") and not block.get("fields"):
            raise _invalid(f"missing required field: text [json-pointer:{where}]")
        if "text" in block:
            _check_text(block["text"], 3000, f"{where}/text")
        if len(block.get("fields") or []) > 10:
            raise _invalid(f"no more than 10 items allowed [json-pointer:{where}/fields]")
        for text in block.get("fields") or []:
            _check_text(text, 2000, f"{where}/fields")
    elif kind == "header":
        _check_text(block.get("text"), 150, f"{where}/text", plain=True)
    elif kind == "context":
        elements = block.get("elements") or []
        if not 1 <= len(elements) <= 10:
            raise _invalid(f"must have 1 to 10 elements [json-pointer:{where}/elements]")
        for element in elements:
            if element.get("type") in ("mrkdwn", "plain_text"):
                _check_text(element, 3000, f"{where}/elements")
    elif kind == "actions":
        _check_actions(block, where)
    elif kind == "markdown":
        if not 1 <= len(str(block.get("text", ""))) <= MARKDOWN_LIMIT:
            raise _invalid(f"must be 1 to 12000 characters [json-pointer:{where}/text]")
    elif kind not in ("divider", "image", "rich_text", "video", "file", "call", "input"):
        raise _invalid(f"unsupported type: {kind} [json-pointer:{where}/type]")
    if len(str(block.get("block_id", ""))) > 255:
        raise _invalid(f"must be less than 256 characters [json-pointer:{where}/block_id]")


def _check_actions(block: Mapping[str, Any], where: str) -> None:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= 25:
        raise _invalid(f"must have 1 to 25 elements [json-pointer:{where}/elements]")
    ids = [element.get("action_id") for element in elements if element.get("action_id")]
    if len(ids) != len(set(ids)):
        raise _invalid(f"action_id must be unique [json-pointer:{where}/elements]")
    for element in elements:
        if element.get("type") == "button":
            _check_text(element.get("text"), 75, f"{where}/elements/text", plain=True)
            for name, most in (("value", 2000), ("url", 3000), ("action_id", 255)):
                if len(str(element.get(name, ""))) > most:
                    raise _invalid(f"must be less than {most + 1} characters [json-pointer:{where}/elements/{name}]")
            if element.get("style", "primary") not in ("primary", "danger"):
                raise _invalid(f"must be primary or danger [json-pointer:{where}/elements/style]")
            if "confirm" in element:
                _check_confirm(element["confirm"], f"{where}/elements/confirm")


def buttons_of(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the buttons of a message's blocks, each with the id of its block."""
    return [
        {"block_id": block.get("block_id"), **element}
        for block in blocks
        for element in (block.get("elements") or [] if block.get("type") == "actions" else [block.get("accessory")])
        if isinstance(element, dict) and element.get("type") == "button"
    ]


def _check_confirm(confirm: Any, where: str) -> None:
    if not isinstance(confirm, dict):
        raise _invalid(f"must be a confirmation dialog [json-pointer:{where}]")
    _check_text(confirm.get("text"), 300, f"{where}/text")
    for name, most in (("title", 100), ("confirm", 30), ("deny", 30)):
        _check_text(confirm.get(name), most, f"{where}/{name}", plain=True)
    if confirm.get("style", "primary") not in ("primary", "danger"):
        raise _invalid(f"must be primary or danger [json-pointer:{where}/style]")


def _check_text(text: Any, most: int, where: str, plain: bool = False) -> None:
    if not isinstance(text, dict) or text.get("type") not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
        raise _invalid(f"must be a valid text object [json-pointer:{where}]")
    if not 1 <= len(str(text.get("text", ""))) <= most:
        raise _invalid(f"must be 1 to {most} characters [json-pointer:{where}/text]")


def _invalid(message: str) -> SlackError:
    return SlackError("invalid_blocks", response_metadata={"messages": [f"[ERROR] {message}"]})


def _kept(value: Any) -> Any:
    if isinstance(value, list):
        return [_kept(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _kept(item) for name, item in value.items()}
    if kept.get("type") == "mrkdwn":
        text = str(kept.get("text", ""))
        # Mentions in a text that is not verbatim are found without angle brackets, too.
        kept["text"] = stored(text if kept.get("verbatim") is True else link_names(text, {}))
    elif kept.get("type") == "plain_text":
        kept = {"emoji": True, **kept, "text": stored(str(kept.get("text", "")))}
    return kept


def check_metadata(metadata: Any) -> dict[str, Any] | None:
    """Return message metadata, None when there is none. An empty object removes what was there."""
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    if not metadata:
        return {}
    name, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_]+", name) or not isinstance(payload, dict):
        raise SlackError("invalid_metadata_schema")
    if len(str(metadata)) > METADATA_LIMIT:
        raise SlackError("metadata_too_large")
    return {"event_type": name, "event_payload": payload}
