# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves the web page, the state that it shows as a live stream, and what a person does on it.

C(GET /) and the files of the folder C(page); C(GET /api/state) and C(GET /api/events) (server-sent events, each with
the whole state); C(POST /api/tools/<tool>/<action>) and C(POST /api/faults). There is no login, so a request is
answered only when it was addressed to a loopback name, and a writing one only when no other web page sent it.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from aiohttp import web

from .faults import Fault, Faults
from .hub import Hub
from .journal_feed import JournalFeed
from .tool import LOOPBACK, Tool

PAGE = Path(__file__).with_name("page")
MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
#: The names under which a person on this machine, or behind a forwarded port, may address the page.
OWN_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
#: Seconds between two writes to an idle stream, so that both sides notice a dead connection.
KEEP_ALIVE = 15.0
#: Seconds during which further changes are gathered into one event: a burst must not make the page flicker.
GATHER = 0.05
FAULT_KINDS = frozenset({"status", "status_after", "drop", "drop_after", "delay"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """The page of one sandbox. Lives on the event loop of the tools that it shows."""

    def __init__(self, tools: dict[str, Tool], hub: Hub, faults: Faults, journal: str | None) -> None:
        self.tools = tools
        self.hub = hub
        self.faults = faults
        self.feed = JournalFeed(journal, lambda: hub.changed("journal"))
        #: Base address of the page, known once it listens.
        self.url = ""
        self._follows_journal = journal is not None
        self._files = {path.name: path for path in PAGE.iterdir() if path.suffix in MEDIA_TYPES}
        self._streams: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on C(port) of the loopback address; 0 takes a free one."""
        application = web.Application(middlewares=[_own_requests_only], client_max_size=64 * 1024)
        application.add_routes(
            [
                web.get("/", self._file),
                web.get("/api/state", self._state),
                web.get("/api/events", self._events),
                web.post("/api/tools/{tool}/{action}", self._act),
                web.post("/api/faults", self._add_fault),
                web.get("/{name}", self._file),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, port)
        await site.start()
        self.url = f"http://{LOOPBACK}:{self._runner.addresses[0][1]}"
        self.feed.start()

    async def stop(self) -> None:
        """Close the port, end the streams and stop following the journal."""
        await self.feed.stop()
        for stream in self._streams:
            stream.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    def state(self) -> dict[str, Any]:
        """Return everything that the page shows, as plain JSON data without secrets."""
        return {
            "revision": self.hub.revision,
            "tools": {name: tool.snapshot() for name, tool in self.tools.items()},
            "incidents": self.feed.incidents,
            "journal": {
                "followed": self._follows_journal,
                "unsettled": self.feed.unsettled,
                "problem": self.feed.problem,
            },
            "addresses": {"page": self.url, **{name: tool.url for name, tool in self.tools.items()}},
        }

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = self._files.get(request.match_info.get("name", "index.html"))
        if path is None:
            return _error(404, "There is no such file")
        return web.Response(body=path.read_bytes(), content_type=MEDIA_TYPES[path.suffix], charset="utf-8")

    async def _state(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.state())

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        # A reader that goes away at the moment of a write is no error.
        with suppress(ConnectionResetError):
            try:
                await self._stream(response)
            finally:
                self._streams.discard(task)
        return response

    async def _stream(self, response: web.StreamResponse) -> None:
        while True:
            state = self.state()
            sent: int = state["revision"]
            # JSON without line breaks, as one event has one data line.
            await response.write(f"id: {sent}\nevent: state\ndata: {json.dumps(state)}\n\n".encode())
            while await self.hub.after(sent, KEEP_ALIVE) <= sent:
                await response.write(b": still here\n\n")
            await asyncio.sleep(GATHER)

    async def _act(self, request: web.Request) -> web.StreamResponse:
        tool = self.tools.get(request.match_info["tool"])
        action = tool.actions().get(request.match_info["action"]) if tool is not None else None
        if action is None:
            return _error(404, "There is no such tool or action")
        arguments = await _json_object(request)
        try:
            return web.json_response(await action(arguments))
        except (LookupError, ValueError, TypeError) as error:
            reason = f"{error.args[0]!r} is missing or unknown" if isinstance(error, KeyError) else str(error)
            return _error(400, reason)

    async def _add_fault(self, request: web.Request) -> web.StreamResponse:
        options = await _json_object(request)
        if options == {"clear": True}:
            self.faults.clear()
        else:
            try:
                self.faults.add(**_checked_fault(options, set(self.tools)))
            except ValueError as error:
                return _error(400, str(error))
        return web.json_response({"waiting": [asdict(fault) for fault in self.faults.waiting if fault.times > 0]})


@web.middleware
async def _own_requests_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what did not come from our own page or from a program on this machine, and add the page's headers.

    The Host check stops a foreign name that resolves to this machine (DNS rebinding). Browsers send Origin with every
    POST and cannot send JSON to another origin without asking first; programs send no Origin.
    """
    host = request.headers.get("Host", "")
    origin = request.headers.get("Origin")
    if OWN_HOST.fullmatch(host) is None:
        response: web.StreamResponse = _error(403, "The page answers to 127.0.0.1 and localhost only")
    elif request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") and request.path != "/":
        response = _error(403, "Other web pages may not use this one")
    elif request.method not in ("GET", "HEAD") and origin is not None and origin.lower() != f"http://{host}".lower():
        response = _error(403, "Other web pages may not press buttons here")
    elif request.method == "POST" and request.content_type != "application/json":
        response = _error(415, "The content type must be application/json")
    else:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = _error(error.status, error.reason)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


def _error(status: int, reason: str) -> web.Response:
    return web.json_response({"ok": False, "error": reason}, status=status)


async def _json_object(request: web.Request) -> dict[str, Any]:
    try:
        data = json.loads(await request.text())
    except ValueError as error:
        raise web.HTTPBadRequest(reason="The body is not JSON") from error
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(reason="The body must be a JSON object")
    return data


def _checked_fault(options: dict[str, Any], tools: set[str]) -> dict[str, Any]:
    """Return C(options) if a fault can be made of them. Raises ValueError that names what is wrong."""
    known = [field.name for field in fields(Fault)]
    if options.get("tool") not in tools:
        raise ValueError(f"tool must be one of {', '.join(sorted(tools))}")
    if options.get("kind") not in FAULT_KINDS:
        raise ValueError(f"kind must be one of {', '.join(sorted(FAULT_KINDS))}")
    types: dict[str, type | tuple[type, ...]] = {"times": int, "status": int, "seconds": (int, float), "headers": dict}
    for name, value in options.items():
        if name not in known:
            raise ValueError(f"{name} is not a property of a fault; known are {', '.join(known)}")
        if isinstance(value, bool) or not isinstance(value, types.get(name, str)):
            raise ValueError(f"{name} has the wrong type")
    if not 100 <= options.get("status", 503) <= 599:
        raise ValueError("status must be an HTTP status")
    for name in ("method", "path"):
        try:
            re.compile(options.get(name, ""))
        except re.error as error:
            raise ValueError(f"{name} is not a regular expression: {error}") from error
    return options
