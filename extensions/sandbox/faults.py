# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switchable misbehaviour: what real services do on bad days, on demand and countable.

A fault is chosen per tool, method and path, and fires a number of times. It is applied around the tool's own handler,
so that "committed, but the answer was lost" is really that.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Fault:
    """One rule of misbehaviour.

    C(kind) is C(status) (answer C(status) without executing), C(status_after) (execute, then answer C(status)), C(drop)
    (close the connection without executing), C(drop_after) (execute, then close it) or C(delay) (wait C(seconds)).
    C(path) is a regular expression searched in the path. C(times) counts down; at 0 the fault is spent.
    """

    tool: str
    kind: str
    method: str = ".*"
    path: str = ""
    times: int = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0

    def fits(self, tool: str, request: web.Request) -> bool:
        return (
            self.times > 0
            and self.tool == tool
            and re.fullmatch(self.method, request.method) is not None
            and re.search(self.path, request.path) is not None
        )


class Faults:
    """The faults that wait to fire, and the record of every request that each tool received."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        #: C((tool, method, path)) of every request, in order of arrival.
        self.requests: list[tuple[str, str, str]] = []

    def add(self, tool: str, kind: str, **options: Any) -> Fault:
        fault = Fault(tool=tool, kind=kind, **options)
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        self.waiting.clear()

    def count(self, tool: str, method: str, path: str) -> int:
        """Return how many requests of C(tool) had this method and a path that matches the regular expression."""
        return sum(1 for t, m, p in self.requests if t == tool and m == method and re.search(path, p))

    def middleware(self, tool: str) -> Any:
        """Return the aiohttp middleware that records the requests of C(tool) and applies its faults."""

        @web.middleware
        async def apply(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.requests.append((tool, request.method, request.path))
            fault = next((fault for fault in self.waiting if fault.fits(tool, request)), None)
            if fault is None:
                return await handler(request)
            fault.times -= 1
            return await self._misbehave(fault, request, handler)

        return apply

    async def _misbehave(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        if fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
            return await handler(request)
        if fault.kind in ("status_after", "drop_after"):
            await handler(request)
        if fault.kind in ("drop", "drop_after"):
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.Response(status=fault.status, headers=fault.headers, text=fault.body)
