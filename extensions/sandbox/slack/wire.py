# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a Web API call looks on the wire: arguments, tokens, scopes, envelopes, cursors.

Sources: https://docs.slack.dev/apis/web-api/ and the method pages. Slack answers HTTP 200 to almost everything and
tells success with C(ok).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

from aiohttp import web

if TYPE_CHECKING:
    from .workspace import User, Workspace

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
JSON = "application/json"

Item = TypeVar("Item")
Answer = dict[str, Any]


class SlackError(Exception):
    """The C(ok: false) answer of a method. C(extra) are further keys of the envelope."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra


def invalid_arguments(message: str) -> SlackError:
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


@dataclass
class Call:
    """One authenticated call: who calls which method with which arguments."""

    method: str
    arguments: dict[str, Any]
    user: User
    warnings: list[str] = field(default_factory=list)

    def text(self, name: str, default: str = "") -> str:
        value = self.arguments.get(name)
        return default if value is None else str(value)

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise invalid_arguments(f"missing required field: {name}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.arguments.get(name)
        if value is None or value == "":
            return default
        return value is True or str(value).lower() in ("1", "true")

    def has(self, name: str) -> bool:
        return self.arguments.get(name) not in (None, "")

    def limit(self, default: int, most: int) -> int:
        """Return the page size. Slack caps what is too large and refuses what is no positive number."""
        if not self.has("limit"):
            return default
        try:
            number = int(self.text("limit"))
        except ValueError:
            raise SlackError("invalid_limit") from None
        if number < 0:
            raise SlackError("invalid_limit")
        return min(number or default, most)

    def nested(self, name: str, error: str) -> Any:
        """Return a nested value: an object in a JSON body, JSON text in a form."""
        value = self.arguments.get(name)
        if isinstance(value, str):
            if not value.strip():
                return None
            try:
                return json.loads(value)
            except ValueError:
                raise SlackError(error) from None
        return value

    def names(self, name: str) -> list[str]:
        """Return a comma-separated list."""
        value = self.arguments.get(name)
        parts = value if isinstance(value, list) else self.text(name).split(",")
        return [str(part).strip() for part in parts if str(part).strip()]


Handler = Callable[["Workspace", Call], Answer]


@dataclass(frozen=True)
class Method:
    """One Web API method.

    C(json) tells whether a JSON body is understood (about half of the methods ignore it). C(public) and C(private) are
    the bot scopes of which one is needed, by the kind of channel; empty means that none is needed.
    """

    name: str
    handler: Handler
    json: bool
    writes: bool
    public: Sequence[str]
    private: Sequence[str]


METHODS: dict[str, Method] = {}


def method(
    name: str,
    scopes: Sequence[str] = (),
    private: Sequence[str] | None = None,
    *,
    json: bool = True,
    writes: bool = True,
) -> Callable[[Handler], Handler]:
    """Register a handler under the name of its method."""

    def register(handler: Handler) -> Handler:
        METHODS[name] = Method(
            name, handler, json, writes, tuple(scopes), tuple(scopes if private is None else private)
        )
        return handler

    return register


async def read_arguments(request: web.Request, understands_json: bool) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments of a call and the warnings about how they were sent."""
    arguments: dict[str, Any] = dict(request.query)
    if request.method != "POST":
        return arguments, []
    body = await request.read()
    if not body:
        return arguments, []
    kind = request.content_type if "Content-Type" in request.headers else ""
    if not kind:
        raise SlackError("missing_post_type")
    if kind == JSON:
        if not understands_json:
            return arguments, []
        try:
            parsed = json.loads(body)
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(parsed, dict):
            raise SlackError("json_not_object")
        # A token counts in the header or in a form, never in a JSON body.
        parsed.pop("token", None)
        return {**arguments, **parsed}, [] if request.charset else ["missing_charset"]
    if kind == MULTIPART:
        fields = await request.post()
        return {**arguments, **{name: value for name, value in fields.items() if isinstance(value, str)}}, []
    if kind == FORM:
        try:
            pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True)
        except UnicodeDecodeError:
            raise SlackError("invalid_charset") from None
        return {**arguments, **dict(pairs)}, []
    raise SlackError("invalid_post_type")


def bearer(request: web.Request, arguments: dict[str, Any]) -> str:
    """Return the token of a call and take it out of the arguments."""
    argument = str(arguments.pop("token", "") or "")
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else ""
    if not token and not argument:
        raise SlackError("not_authed")
    return token or argument


def envelope(answer: Answer, warnings: Sequence[str]) -> Answer:
    """Return the success answer, with its warnings at both places where Slack puts them."""
    result: Answer = {"ok": True, **answer}
    if warnings:
        result["warning"] = ",".join(warnings)
        result["response_metadata"] = {**result.get("response_metadata", {}), "warnings": list(warnings)}
    return result


def page(call: Call, items: Sequence[Item], key: Callable[[Item], str], limit: int) -> tuple[list[Item], str]:
    """Return one page of C(items) and the cursor of the next one (empty at the end)."""
    start = 0
    if call.has("cursor"):
        after = decode_cursor(call.text("cursor"))
        found = [index for index, item in enumerate(items) if key(item) == after]
        if not found:
            raise SlackError("invalid_cursor")
        start = found[0]
    rest = list(items[start:])
    return rest[:limit], encode_cursor(key(rest[limit])) if len(rest) > limit else ""


def encode_cursor(value: str) -> str:
    return base64.b64encode(f"next:{value}".encode()).decode()


def decode_cursor(cursor: str) -> str:
    try:
        kind, _colon, value = base64.b64decode(cursor, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
    if kind != "next":
        raise SlackError("invalid_cursor")
    return value
