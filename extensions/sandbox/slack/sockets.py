# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Socket Mode: the app opens WebSockets, Slack sends envelopes through them, and each wants to be acknowledged.

Each envelope goes to one of the open sockets, unpredictably. Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from .workspace import APP_ID, Workspace

MOST_SOCKETS = 10


class Sockets:
    """The open sockets of the app. The switches are plain attributes."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        #: How long Slack waits for the acknowledgement of an envelope (seconds).
        self.ack_seconds = 3.0
        #: What C(hello) says about how long a connection lives (seconds). L(refresh) ends it.
        self.lifetime = 18060
        #: How many sockets were opened so far.
        self.opened = 0
        self.open: list[web.WebSocketResponse] = []
        self._unacknowledged: dict[str, asyncio.Future[Any]] = {}

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until either side ends it. Its address is good for one use."""
        ticket = request.query.get("ticket", "")
        if ticket not in self.workspace.tickets:
            raise web.HTTPForbidden(text="unknown ticket")
        self.workspace.tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        if len(self.open) >= MOST_SOCKETS:
            await socket.send_json(self._disconnect("too_many_websockets"))
            await socket.close()
            return socket
        self.open.append(socket)
        self.opened += 1
        try:
            await socket.send_json(self._hello())
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    self._acknowledged(frame.data)
        finally:
            self._forget(socket)
        return socket

    async def deliver(self, kind: str, payload: Mapping[str, Any], retries: int = 0) -> bool:
        """Send an envelope through one of the sockets, and return whether it was acknowledged in time.

        What was not acknowledged is sent again up to C(retries) times.
        """
        for attempt in range(retries + 1):
            envelope = {
                "envelope_id": str(uuid.uuid4()),
                "type": kind,
                "accepts_response_payload": kind != "events_api",
                "payload": payload,
                **({"retry_attempt": attempt, "retry_reason": "timeout"} if attempt else {}),
            }
            if await self._send(envelope):
                return True
        return False

    async def refresh(self) -> None:
        """Ask every socket to be opened anew, and end it, as Slack does every few hours."""
        for socket in list(self.open):
            # From now on nothing is sent through it any more.
            self._forget(socket)
            with suppress(ConnectionError):
                await socket.send_json(self._disconnect("refresh_requested"))
                await socket.close()

    async def cut(self) -> None:
        """Lose every socket without a word."""
        for socket in list(self.open):
            self._forget(socket)
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()

    async def stop(self) -> None:
        for socket in list(self.open):
            self._forget(socket)
            with suppress(ConnectionError):
                await socket.close()

    async def _send(self, envelope: Mapping[str, Any]) -> bool:
        acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._unacknowledged[str(envelope["envelope_id"])] = acknowledged
        try:
            while self.open:
                socket = random.choice(self.open)
                try:
                    await socket.send_json(envelope)
                    break
                except ConnectionError:
                    self._forget(socket)
            else:
                return False
            await asyncio.wait_for(acknowledged, self.ack_seconds)
            return True
        except TimeoutError:
            return False
        finally:
            self._unacknowledged.pop(str(envelope["envelope_id"]), None)

    def _acknowledged(self, text: str) -> None:
        with suppress(ValueError, AttributeError):
            said = json.loads(text)
            waiting = self._unacknowledged.get(str(said.get("envelope_id")))
            if waiting is not None and not waiting.done():
                waiting.set_result(said.get("payload"))

    def _forget(self, socket: web.WebSocketResponse) -> None:
        if socket in self.open:
            self.open.remove(socket)

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self.open),
            "debug_info": {"host": "applink-sandbox", "build_number": 10, "approximate_connection_time": self.lifetime},
            "connection_info": {"app_id": APP_ID},
        }

    def _disconnect(self, reason: str) -> dict[str, Any]:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}}


def new_ticket(workspace: Workspace) -> str:
    """Return the address of one socket."""
    ticket = secrets.token_hex(16)
    workspace.tickets.add(ticket)
    return f"{workspace.url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={APP_ID}"
