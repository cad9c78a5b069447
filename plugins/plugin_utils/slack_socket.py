# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Socket Mode: what Slack tells comes through a WebSocket that we open, so that nobody has to reach us.

Slack ends each socket after some hours and says so before: then the next one is opened first. Of several sockets of an
app each envelope goes to one, so that every worker may have its own.
Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    InvalidInputError,
    SelfHealingError,
    UnreachableError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.strict_json import parse_json
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.slack import CHANNEL
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import metrics

try:
    import aiohttp
except ImportError:
    # ansible-rulebook brings it. Where it does not run, this file can still be read.
    aiohttp = None  # type: ignore[assignment]

LOGGER = logging.getLogger(__name__)

#: A socket through which no pong came for that long is dead (seconds); every so often we ask.
HEARTBEAT = 10.0
#: How long the handshake and C(hello) may take (seconds).
GREETING = 15.0
#: The first pause before a socket is opened anew, and the longest (seconds).
SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
#: After a socket that lived for so long the pauses are short again, and troubles are told again (seconds).
STABLE = 30.0
#: A socket that lived for less is not followed by the next one at once (seconds).
BRIEF = 3.0
#: How long a socket that Slack is about to end is still listened to (seconds).
LAST_WORDS = 30.0
#: Envelopes of one socket that are handled at the same time.
MOST_AT_ONCE = 50
MOST_BYTES = 2**20


class SocketMode:
    """Keeps one socket open until this process stops.

    C(open_socket) returns the address of a socket. C(take) gets the payload of each envelope about a button and returns
    whether it may be acknowledged.
    """

    def __init__(
        self,
        open_socket: Callable[[], str],
        take: Callable[[Any], Awaitable[bool]],
        *,
        tls: ssl.SSLContext | bool = True,
        insecure: bool = False,
        shortest_pause: float = SHORTEST_PAUSE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._open_socket = open_socket
        self._take = take
        self._tls = tls
        self._insecure = insecure
        self._shortest_pause = shortest_pause
        self._chance = chance
        #: How many sockets were open so far.
        self.greeted = 0
        self._failures = 0
        self._trouble: str | None = None
        self._greeted_at: float | None = None

    async def run(self) -> None:
        """Keep a socket open. Nothing that Slack says, or does not say, ends it."""
        life = lifecycle()
        metrics().channel_open(CHANNEL, False)
        sessions: set[asyncio.Task[None]] = set()
        try:
            while not life.stopping.is_set():
                over, began = asyncio.Event(), asyncio.get_running_loop().time()
                session = asyncio.create_task(self._session(over))
                sessions.add(session)
                session.add_done_callback(sessions.discard)
                await life.sleep(float("inf"), over)
                # A socket that is to be replaced at once is not either, or we would ask for one after the other.
                if self._failures or asyncio.get_running_loop().time() - began < BRIEF:
                    await life.sleep(self._pause())
        finally:
            for session in list(sessions):
                session.cancel()
            await asyncio.gather(*sessions, return_exceptions=True)

    def _pause(self) -> float:
        """Return how long to wait. Many workers that lost their sockets together do not come back together."""
        longest = min(self._shortest_pause * 2.0 ** min(max(self._failures - 1, 0), 16), LONGEST_PAUSE)
        return longest * (0.5 + self._chance() / 2)

    async def _session(self, over: asyncio.Event) -> None:
        """Open one socket and listen until it ends. C(over) is set when the next one should be opened."""
        try:
            await self._listen(over)
        except SelfHealingError as error:
            self._failed(error.message)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            # Their texts may hold the address of the socket, which is a secret.
            self._failed(f"the socket failed: {type(error).__name__}")
        except Exception as error:
            self._failed(f"an error of ours: {type(error).__name__}")
        finally:
            over.set()

    async def _listen(self, over: asyncio.Event) -> None:
        address = await asyncio.to_thread(self._open_socket)
        if not self._insecure and not address.startswith("wss://"):
            raise UnreachableError("Slack: the address of the socket is not encrypted (wss://); not opened")
        tasks: set[asyncio.Task[None]] = set()
        async with aiohttp.ClientSession(trust_env=True) as session:
            async with asyncio.timeout(GREETING):
                socket = await session.ws_connect(
                    address, ssl=self._tls, heartbeat=HEARTBEAT, max_msg_size=MOST_BYTES, timeout=_closing(2.0)
                )
                greeting = await socket.receive()
            try:
                if _frame(greeting).get("type") != "hello":
                    raise UnreachableError(f"Slack: the socket was not greeted but ended ({_reason(greeting)})")
                self._works()
                await self._read(socket, over, tasks)
            finally:
                # What is committed but not acknowledged is told to the person all the same.
                if tasks:
                    await asyncio.wait(tasks, timeout=3.0)
                for task in tasks:
                    task.cancel()
                await socket.close()

    async def _read(self, socket: Any, over: asyncio.Event, tasks: set[asyncio.Task[None]]) -> None:
        replaced = False
        while True:
            try:
                async with asyncio.timeout(LAST_WORDS if replaced else None):
                    message = await socket.receive()
            except TimeoutError:
                return
            if message.type is not aiohttp.WSMsgType.TEXT:
                if message.type in (aiohttp.WSMsgType.BINARY,):
                    continue
                if not replaced:
                    self._failed("the socket was closed")
                return
            frame = _frame(message)
            if frame.get("type") == "disconnect":
                if frame.get("reason") in ("link_disabled", "too_many_websockets"):
                    raise UnreachableError(f"Slack: the socket was ended: {frame['reason']}: {_MENDS[frame['reason']]}")
                # The next one is opened while this one still works.
                replaced = True
                self._forget_failures()
                over.set()
            elif isinstance(frame.get("envelope_id"), str):
                while len(tasks) >= MOST_AT_ONCE:
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                task = asyncio.create_task(self._handle(socket, frame))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    async def _handle(self, socket: Any, envelope: dict[str, Any]) -> None:
        """Acknowledge an envelope when it is committed, and what is not for us, so that it does not return."""
        try:
            settled = envelope.get("type") != "interactive" or await self._take(envelope.get("payload"))
        except InvalidInputError as error:
            LOGGER.warning("a press on slack cannot be understood: %s", error.message)
            settled = True
        except Exception as error:
            LOGGER.error("an error of ours while a press on slack was handled: %s", type(error).__name__)
            return
        if settled:
            try:
                await socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"]}))
            except (aiohttp.ClientError, OSError):
                LOGGER.warning("a press on slack is recorded, but its socket ended before that could be acknowledged")

    def _works(self) -> None:
        if self._trouble is not None:
            LOGGER.info("slack: the socket is open again")
        else:
            LOGGER.info("slack: a socket for answers is open")
        metrics().channel_open(CHANNEL, True)
        self._greeted_at = asyncio.get_running_loop().time()
        self.greeted += 1

    def _forget_failures(self) -> None:
        """Forget what was before a socket that lived for a while."""
        now = asyncio.get_running_loop().time()
        if self._greeted_at is not None and now - self._greeted_at > STABLE:
            self._failures, self._trouble = 0, None

    def _failed(self, trouble: str) -> None:
        """Count a failure, and tell of it once for as long as it stays the same and no socket lived for a while."""
        self._forget_failures()
        metrics().channel_open(CHANNEL, False)
        self._greeted_at = None
        self._failures += 1
        if trouble != self._trouble:
            LOGGER.error("answers from slack do not arrive now: %s; trying again", trouble)
        self._trouble = trouble


_MENDS = {
    "link_disabled": "turn Socket Mode on in the settings of the app",
    "too_many_websockets": "the app has ten sockets already, which is all that Slack allows",
}


def tls_for(validate_certs: bool, ca_path: str | None) -> ssl.SSLContext | bool:
    """Return how the certificate of Slack is checked, in the words of aiohttp."""
    if not validate_certs:
        return False
    return ssl.create_default_context(cafile=ca_path) if ca_path else True


def _closing(seconds: float) -> Any:
    return aiohttp.ClientWSTimeout(ws_close=seconds)


def _frame(message: Any) -> dict[str, Any]:
    """Return what a text frame holds; nothing for what is no JSON object."""
    if message.type is not aiohttp.WSMsgType.TEXT:
        return {}
    try:
        parsed = parse_json(message.data.encode("utf-8", "surrogatepass"), "the frame")
    except InvalidInputError:
        LOGGER.warning("slack: a frame of the socket is not JSON: left out")
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _reason(message: Any) -> str:
    frame = _frame(message)
    return str(frame.get("reason") or frame.get("type") or message.type.name)[:40]
