# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands before every request to the emulated xMatters: how many there may be, and what the caller may see."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from aiohttp import hdrs, web

from ..faults import Handler
from . import wire
from .shapes import API
from .switches import Switches


class Gate:
    """Applies C(requests_per_minute) and C(restricted). The minute is one of real time."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._passed: deque[float] = deque()

    @property
    def middleware(self) -> Any:
        @web.middleware
        async def apply(request: web.Request, handler: Handler) -> web.StreamResponse:
            refusal = self._too_many() or self._hidden(request)
            return refusal if refusal is not None else await handler(request)

        return apply

    def _too_many(self) -> web.Response | None:
        limit = self._switches.requests_per_minute
        if not limit:
            return None
        now = time.monotonic()
        while self._passed and self._passed[0] <= now - 60.0:
            self._passed.popleft()
        if len(self._passed) < limit:
            self._passed.append(now)
            return None
        refusal = wire.error(429, "Too many requests. Please try again later.")
        if self._switches.retry_after:
            refusal.headers[hdrs.RETRY_AFTER] = str(self._switches.retry_after)
        return refusal

    def _hidden(self, request: web.Request) -> web.Response | None:
        if not request.path.startswith(f"{API}/"):
            return None
        part, _slash, rest = request.path.removeprefix(f"{API}/").partition("/")
        how = self._switches.restricted.get(part)
        if how == "forbidden":
            return wire.error(403, "You do not have permission to perform this action")
        if how == "forbidden_empty":
            return web.Response(status=403)
        if how == "empty" and request.method == "GET":
            # A list holds what the caller may see; a single thing that may not be seen is not there.
            if rest:
                return wire.error(404, "Could not find a resource with that ID")
            return web.json_response(wire.page(request, []))
        return None
