# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Socket Mode against a server that says what a test tells it: what is acknowledged, and what opens a socket anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError, UnreachableError
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_socket import SocketMode, tls_for

HELLO = {"type": "hello", "num_connections": 1}
Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


class Server:
    """Does with each socket what the next of C(talks) says; after the last one it greets and listens."""

    def __init__(self) -> None:
        self.talks: list[Talk] = []
        self.sockets = 0
        self.open = 0
        self.said: list[Any] = []
        self.address = ""

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets += 1
        self.open += 1
        try:
            await (self.talks.pop(0) if self.talks else self.greet_and_listen)(socket)
        finally:
            self.open -= 1
        return socket

    async def greet_and_listen(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json(HELLO)
        await self.listen(socket)

    async def listen(self, socket: web.WebSocketResponse) -> None:
        async for frame in socket:
            self.said.append(json.loads(frame.data))

    def tells(self, *frames: Any, then_listens: bool = True) -> Talk:
        async def talk(socket: web.WebSocketResponse) -> None:
            for frame in frames:
                if isinstance(frame, bytes):
                    await socket.send_bytes(frame)
                else:
                    await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
            if then_listens:
                await self.listen(socket)

        return talk


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    running, application = Server(), web.Application()
    application.router.add_get("/link", running.connect)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running.address = f"ws://127.0.0.1:{runner.addresses[0][1]}/link?ticket=secret"
    yield running
    await runner.cleanup()


class App:
    """What gets the payloads. C(outcomes) says how each is taken: a verdict, or an error."""

    def __init__(self) -> None:
        self.came: list[Any] = []
        self.outcomes: list[Any] = []

    async def take(self, payload: Any) -> bool:
        self.came.append(payload)
        if not self.outcomes:
            return True
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return bool(outcome)


@asynccontextmanager
async def running(
    server: Server, app: App, opener: Callable[[], str] | None = None, insecure: bool = True
) -> AsyncIterator[SocketMode]:
    mode = SocketMode(
        opener or (lambda: server.address), app.take, insecure=insecure, shortest_pause=0.01, chance=lambda: 1.0
    )
    task = asyncio.create_task(mode.run())
    try:
        yield mode
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def envelope(number: int, kind: str = "interactive") -> dict[str, Any]:
    return {"envelope_id": f"e{number}", "type": kind, "payload": {"n": number}, "accepts_response_payload": True}


async def test_only_what_is_settled_is_acknowledged(server: Server) -> None:
    app = App()
    app.outcomes = [True, False, InvalidInputError("wrong"), RuntimeError("ours"), True]
    kinds = [envelope(6, "events_api"), envelope(7, "slash_commands")]
    server.talks = [server.tells(HELLO, *(envelope(number) for number in range(1, 6)), *kinds)]
    async with running(server, app):
        await until(lambda: len(server.said) == 5)
    # Refused for good is settled; an error of ours, and what is not recorded yet, is not.
    assert sorted(said["envelope_id"] for said in server.said) == ["e1", "e3", "e5", "e6", "e7"]
    assert all(list(said) == ["envelope_id"] for said in server.said)
    assert [came["n"] for came in app.came] == [1, 2, 3, 4, 5]


async def test_odd_frames_are_left_out(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    odd = ["{", "[]", "null", '{"envelope_id": 7}', '{"type": "unknown"}', b"\x00\x01", '{"a": 1, "a": 2}', '"\\ud800"']
    server.talks = [server.tells(HELLO, *odd, envelope(1))]
    async with running(server, App()):
        await until(lambda: len(server.said) == 1)
    assert server.sockets == 1
    assert "is not JSON" in caplog.text


async def test_the_next_socket_is_open_before_the_old_one_ends(server: Server) -> None:
    app = App()
    both: list[int] = []

    async def warn(socket: web.WebSocketResponse) -> None:
        await socket.send_json(HELLO)
        await socket.send_json({"type": "disconnect", "reason": "warning"})
        await until(lambda: server.sockets == 2)
        both.append(server.open)
        # What still comes through the old one counts.
        await socket.send_json(envelope(1))
        await server.listen(socket)

    server.talks = [warn]
    async with running(server, app) as mode:
        await until(lambda: len(server.said) == 1 and mode.greeted == 2)
    assert both == [2]
    assert app.came == [{"n": 1}]


@pytest.mark.parametrize(
    "frames, words",
    [
        (({"type": "disconnect", "reason": "link_disabled"},), "link_disabled"),
        ((HELLO, {"type": "disconnect", "reason": "link_disabled"}), "turn Socket Mode on"),
        ((HELLO, {"type": "disconnect", "reason": "too_many_websockets"}), "ten sockets already"),
        ((HELLO,), "the socket was closed"),
        ((), "was not greeted"),
        (("nonsense",), "was not greeted"),
    ],
)
async def test_a_socket_that_ends_is_opened_anew_and_the_reason_told(
    server: Server, caplog: pytest.LogCaptureFixture, frames: tuple[Any, ...], words: str
) -> None:
    server.talks = [server.tells(*frames, then_listens=False)] * 3
    async with running(server, App()):
        await until(lambda: server.sockets == 4 and server.open == 1)
    told = [record.getMessage() for record in caplog.records if "do not arrive now" in record.getMessage()]
    assert len(told) == 1
    assert words in told[0]
    assert "secret" not in caplog.text


async def test_an_address_that_cannot_be_had_or_used_is_asked_for_again(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [
        UnreachableError("Slack: down"),
        RuntimeError("token=secret"),
        "ws://127.0.0.1:1/?ticket=secret",
        "ws://[",
        server.address,
    ]

    def opener() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    async with running(server, App(), opener):
        await until(lambda: server.open == 1)
    assert "Slack: down" in caplog.text
    assert "secret" not in caplog.text


async def test_a_socket_must_be_encrypted(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    async with running(server, App(), insecure=False):
        await until(lambda: "not encrypted" in caplog.text)
    assert server.sockets == 0


def test_pauses_grow_to_a_limit_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    mode = SocketMode(str, App().take, chance=lambda: 0.0)
    other = SocketMode(str, App().take, chance=lambda: 1.0)
    for failures, least, most in ((0, 0.25, 0.5), (1, 0.25, 0.5), (2, 0.5, 1.0), (5, 4.0, 8.0), (500, 30.0, 60.0)):
        mode._failures = other._failures = failures
        assert (mode._pause(), other._pause()) == (least, most)


def test_certificates_are_checked_unless_they_are_not_wanted() -> None:
    assert (tls_for(True, None), tls_for(False, None), tls_for(False, "/nowhere")) == (True, False, False)
    with pytest.raises(OSError):
        tls_for(True, "/nowhere")
