# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers that are no success, as Jira words them, and the reading of request bodies."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from aiohttp import web

NO_CONTENT = "No content to map to Object due to end of input"
BAD_JSON = "There was an error parsing JSON. Check that your request body is valid."
BAD_PAYLOAD = "Invalid request payload. Refer to the REST API documentation and try again."
HIDDEN = "Issue does not exist or you do not have permission to see it."
NOT_ON_SCREEN = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."


class RefusedError(Exception):
    """An answer in Jira's error envelope."""

    def __init__(self, status: int, *messages: str, **errors: str) -> None:
        super().__init__(status, messages, errors)
        self.status = status
        self.messages = messages
        self.errors = errors

    def response(self) -> web.Response:
        body = {"errorMessages": list(self.messages), "errors": self.errors}
        return web.json_response(body, status=self.status)


def problem(request: web.Request, status: int, title: str, detail: str) -> web.Response:
    """Return an answer after RFC 7807, which Jira uses before a request reaches a resource."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": request.path}
    return web.Response(status=status, text=json.dumps(body), content_type="application/problem+json")


def hidden() -> NoReturn:
    """Refuse in the way that does not tell whether the issue exists."""
    raise RefusedError(404, HIDDEN)


async def read_json(request: web.Request) -> Any:
    """Return the body. Raises RefusedError as Jira's reader does."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason=request.headers.get("Content-Type", "null"))
    raw = await request.read()
    if not raw.strip():
        raise RefusedError(400, NO_CONTENT)
    try:
        return json.loads(raw)
    except ValueError:
        raise RefusedError(400, BAD_JSON) from None


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the body, which must be an object."""
    body = await read_json(request)
    if not isinstance(body, dict):
        raise RefusedError(400, BAD_PAYLOAD)
    return body


def page_of(request: web.Request, default: int = 50) -> tuple[int, int]:
    """Return C((startAt, maxResults)) of the query."""
    try:
        start, most = int(request.query.get("startAt", 0)), int(request.query.get("maxResults", default))
    except ValueError:
        raise RefusedError(400, "startAt and maxResults must be numbers") from None
    return max(0, start), max(0, min(most, 5000))
