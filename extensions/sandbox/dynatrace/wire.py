# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the Dynatrace API speaks: error envelope, tokens and scopes, pages, points in time."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from aiohttp import web

ALL_SCOPES = frozenset(
    {
        "problems.read",
        "problems.write",
        "events.ingest",
        "events.read",
        "metrics.read",
        "entities.read",
        "settings.read",
        "settings.write",
    }
)
#: What the message about a missing scope calls it.
_SCOPE_NAMES = {
    "problems.read": "Read problems",
    "problems.write": "Write problems",
    "events.ingest": "Ingest events",
    "events.read": "Read events",
    "metrics.read": "Read metrics",
    "entities.read": "Read entities",
    "settings.read": "Read settings",
    "settings.write": "Write settings",
}
_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "M": 30 * 86400, "y": 365 * 86400}
_RELATIVE = re.compile(r"now(?:-(\d{1,6})([mhdwMy]))?(?:/[mhdwMy])?")

Handler = Callable[[web.Request], Awaitable[web.Response]]


class RefusedError(Exception):
    """A request that is answered with the error envelope."""

    def __init__(self, status: int, message: str, violations: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.violations = list(violations)

    def error(self) -> dict[str, Any]:
        """Return the value of C(error) in the envelope."""
        body: dict[str, Any] = {"code": self.status, "message": self.message}
        if self.violations:
            body["constraintViolations"] = self.violations
        return body

    def response(self) -> web.Response:
        return reply({"error": self.error()}, self.status)


def violation(path: str, message: str, where: str = "QUERY") -> RefusedError:
    """Return the refusal of one wrong parameter. C(where) is QUERY, PATH, PAYLOAD_BODY or HEADER."""
    detail = {"path": path, "message": message, "parameterLocation": where}
    return RefusedError(400, "Constraints violated.", [detail])


def reply(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, content_type="application/json")


def authorize(request: web.Request, tokens: Mapping[str, Collection[str]], scope: str) -> None:
    """Refuse a request whose token is unknown (401) or lacks the scope (403)."""
    scheme, _blank, token = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        raise RefusedError(401, "Missing authorization parameter.")
    scopes = tokens.get(token.strip()) if scheme.lower() == "api-token" else None
    if scopes is None:
        raise RefusedError(401, "Token Authentication failed")
    if scope not in scopes:
        named = f"{scope} ({_SCOPE_NAMES[scope]})"
        raise RefusedError(403, f"Token is missing required scope. Use one of: {named}")


async def body_of(request: web.Request, kind: type = dict) -> Any:
    """Return the JSON body of a write."""
    if request.content_type != "application/json":
        raise RefusedError(415, "HTTP 415 Unsupported Media Type")
    if (request.content_length or 0) > 2**20:
        raise RefusedError(413, "Payload too large")
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise RefusedError(400, "Could not map JSON") from None
    if not isinstance(body, kind):
        raise RefusedError(400, "Could not map JSON")
    return body


def page(
    request: web.Request, items: Sequence[Any], *, size: int, most: int, keep: Collection[str] = ()
) -> tuple[list[Any], dict[str, Any]]:
    """Return one page of C(items) and the keys that describe it.

    C(items) must be computed from C(query_of(request)), which remembers the first page's query inside the key of the
    next page. C(keep) are the parameters that have to be repeated on each page.
    """
    query = query_of(request, keep)
    size = _page_size(query.get("pageSize"), size, most)
    begin = int(query.get("__offset", "0"))
    chosen = list(items[begin : begin + size])
    described: dict[str, Any] = {"totalCount": len(items), "pageSize": size}
    if begin + size < len(items):
        rest = {name: value for name, value in query.items() if name not in keep}
        text = json.dumps({**rest, "__offset": str(begin + size)})
        described["nextPageKey"] = base64.urlsafe_b64encode(text.encode()).decode()
    return chosen, described


def query_of(request: web.Request, keep: Collection[str] = ()) -> dict[str, str]:
    """Return the query of a listing, which for a later page is hidden in its C(nextPageKey)."""
    query = dict(request.query)
    key = query.pop("nextPageKey", None)
    if key is None:
        return query
    extra = sorted(set(query) - set(keep))
    if extra:
        raise violation(extra[0], "must not be set when the parameter nextPageKey is set")
    try:
        hidden = json.loads(base64.urlsafe_b64decode(key))
        int(hidden["__offset"])
    except (ValueError, KeyError, TypeError):
        raise violation("nextPageKey", "is not a valid key of a page") from None
    return {**hidden, **query}


def _page_size(text: str | None, default: int, most: int) -> int:
    if text is None:
        return default
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise violation("pageSize", f"must be a number from 1 to {most}")
    return int(text)


def milliseconds(text: str | None, default: str, path: str) -> int:
    """Return a point in time in UTC milliseconds: C(1790000000000), C(2026-11-22T05:57:01.123+01:00) or C(now-2h)."""
    text = (text or default).strip()
    if text.isdigit():
        return int(text)
    relative = _RELATIVE.fullmatch(text)
    if relative:
        count, unit = relative.groups()
        back = int(count) * _UNIT_SECONDS[unit] if count else 0
        return now() - back * 1000
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise violation(path, f"'{text[:64]}' is not a valid timestamp") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() * 1000)


def now() -> int:
    """Return the present moment in UTC milliseconds."""
    return time.time_ns() // 1_000_000
