# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Keptn's API speaks: error envelopes, pages, the token and its brake, and what a body has to look like."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from .events import ERROR_LOG, MONITORING, PROBLEM, CloudEvent, Data, context_for, now

CONTENT_TYPES = ("application/json", "application/cloudevents+json")
#: What the API puts in where a source cannot be one.
OWN_SOURCE = "https://github.com/keptn/keptn/api"
#: Bytes of an event, where events are checked.
EVENT_LIMIT = 64 * 1024
FORBIDDEN = (
    "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


class RefusedError(Exception):
    """A request that is answered with the error envelope."""

    def __init__(self, status: int, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = status if code is None else code

    def response(self) -> web.Response:
        return web.json_response({"code": self.code, "message": self.message}, status=self.status)


class Gate:
    """The API token, and the brake on those who guess: one attempt a second and two at once, until one is right.

    C(accepts_bearer) stands for a gateway with OAuth before Keptn.
    """

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._clock = clock
        self._room = 2.0
        self._at = clock()
        self.accepts_bearer = True

    def check(self, request: web.Request) -> None:
        """Refuse a request without the right token. Raises RefusedError."""
        given = request.headers.get("x-token", "")
        authorization = request.headers.get("Authorization", "")
        if not given and self.accepts_bearer and authorization.startswith("Bearer "):
            given = authorization.removeprefix("Bearer ")
        if given == self._token:
            self._room = 2.0
            return
        at = self._clock()
        self._room = min(2.0, self._room + at - self._at)
        self._at = at
        if self._room < 1.0:
            raise RefusedError(429, "too many requests")
        self._room -= 1.0
        raise RefusedError(401, "unauthenticated or invalid credentials")


async def body_of(request: web.Request) -> Any:
    """Return the JSON body. Raises RefusedError."""
    if request.content_type not in CONTENT_TYPES or "Content-Type" not in request.headers:
        allowed = " ".join(reversed(CONTENT_TYPES))
        raise RefusedError(415, f'unsupported media type "{request.content_type}", only [{allowed}] are allowed')
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise RefusedError(400, f'parsing body body from "" failed, because {error}') from None


def event_from(body: Any) -> CloudEvent:
    """Return the event that the API makes of what was posted: with an id, a time and a context of its own making.

    Raises RefusedError when an attribute is missing or has the wrong type.
    """
    if not isinstance(body, dict):
        raise RefusedError(400, 'parsing body body from "" failed, because it is no object')
    for name in ("data", "source", "type"):
        if body.get(name) is None or body[name] == "":
            raise RefusedError(422, f"{name} in body is required", code=602)
    for name in ("id", "shkeptncontext", "source", "specversion", "time", "triggeredid", "gitcommitid", "type"):
        if not isinstance(body.get(name) or "", str):
            raise RefusedError(400, f'parsing body body from "" failed, because {name} is no string')
    if not isinstance(body["data"], dict):
        raise RefusedError(400, 'parsing body body from "" failed, because data is no object')
    _check_time(body.get("time") or "")
    return CloudEvent(
        type=body["type"],
        source=_source(body["source"]),
        context=context_for(body.get("shkeptncontext") or ""),
        data=body["data"],
        at=now(),
        triggered_id=body.get("triggeredid") or "",
        commit=body.get("gitcommitid") or "",
        spec_version=str(body.get("shkeptnspecversion") or "0.2.4"),
    )


def validate(event: CloudEvent) -> None:
    """Check an event as Keptn does where validation is switched on. Raises RefusedError."""
    if event.type in (PROBLEM, ERROR_LOG):
        return
    if event.type == MONITORING:
        if not event.project or not event.text("type"):
            raise RefusedError(400, "mandatory fields(s) 'project', 'service' or 'type' missing")
        return
    if not event.is_sequence and not event.is_task:
        raise RefusedError(400, "unknown event type")
    allowed = ("triggered",) if event.is_sequence else ("started", "finished", "invalidated")
    if event.kind not in allowed:
        raise RefusedError(400, f"unknown event type action: {event.kind}")
    if event.kind == "invalidated":
        return
    if not event.scoped:
        raise RefusedError(400, "mandatory field(s) 'project', 'stage' or 'service' missing")
    if event.is_sequence:
        if event.stage != event.parts[3]:
            raise RefusedError(400, "stage name in event data and in event type does not match")
        return
    for name in ("result", "status") if event.kind == "finished" else ():
        if not event.text(name):
            raise RefusedError(400, f"{name} field is not set")
    if not event.triggered_id:
        raise RefusedError(400, "mandatory field 'triggeredid' missing")


def datastore_page(query: Mapping[str, str], items: Sequence[Data]) -> Data:
    """Return a page of the datastore, which leaves the key out where nothing follows."""
    size = _number(query, "pageSize", 20, least=1, most=100)
    begin = _number(query, "nextPageKey", 0)
    page: Data = {"events": list(items[begin : begin + size]), "pageSize": size, "totalCount": len(items)}
    if begin + size < len(items):
        page["nextPageKey"] = str(begin + size)
    return page


def triggered_page(query: Mapping[str, str], items: Sequence[Data]) -> Data:
    """Return a page of events that wait. Its own size is always 0 in it, and the key of no page is C("0")."""
    size = _number(query, "pageSize", 20)
    begin = _number(query, "nextPageKey", 0)
    following = begin + size if begin + size < len(items) else 0
    events = list(items[begin : begin + size])
    return {"events": events, "nextPageKey": str(following), "pageSize": 0, "totalCount": len(items)}


def states_page(query: Mapping[str, str], items: Sequence[Data]) -> Data:
    """Return a page of states. Without a size it has all of them."""
    size = _number(query, "pageSize", 0)
    begin = _number(query, "nextPageKey", 0)
    chosen = list(items[begin : begin + size] if size else items[begin:])
    following = begin + size if size and begin + size < len(items) else 0
    return {"states": chosen, "nextPageKey": following, "pageSize": 0, "totalCount": len(items)}


def _number(query: Mapping[str, str], name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    text = query.get(name)
    if text is None or text == "":
        return default
    if not text.isdecimal():
        raise RefusedError(400, f"Invalid request format: {name} is no number")
    number = int(text)
    if not least <= number <= most:
        what = f"less than or equal to {most}" if number > most else f"greater than or equal to {least}"
        raise RefusedError(422, f"{name} in query should be {what}", code=603)
    return number


def _check_time(text: str) -> None:
    """An empty time is no error: the template of Dynatrace has one, and worked for years."""
    try:
        if text:
            datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise RefusedError(
            400, f'parsing body body from "" failed, because parsing time "{text[:64]}" failed'
        ) from None


def _source(text: str) -> str:
    try:
        urlsplit(text)
    except ValueError:
        return OWN_SOURCE
    return OWN_SOURCE if any(ord(letter) < 32 for letter in text) else text
