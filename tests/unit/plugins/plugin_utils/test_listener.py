# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listener: real HTTP on loopback, what is let in, what is refused and with which words."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    ConfigurationError,
    InvalidInputError,
    JournalError,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils import listener, metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.checkup import Checkup
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import Doors, Inbound, Reply
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import Metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import vitals

LOOPBACK = "127.0.0.1"


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    """All sources that there will be have begun to listen."""
    monkeypatch.setattr(listener, "STARTING_SECONDS", 0.0)


class Inbox:
    """A handler that keeps what came in and answers what it is told to."""

    def __init__(self, outcome: Reply | Exception | None = None) -> None:
        self.outcome = outcome or Reply(202, {"kept": True}, {"X-Kept": "yes"})
        self.came: list[Inbound] = []

    async def __call__(self, inbound: Inbound) -> Reply:
        self.came.append(inbound)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def post(
    url: str, body: Any = b"{}", headers: Mapping[str, str] | None = None, method: str = "POST"
) -> tuple[int, Any, Mapping[str, str]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with aiohttp.ClientSession() as session, session.request(method, url, data=data, headers=headers) as answer:
        return answer.status, await answer.json(), answer.headers


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


async def test_request_reaches_the_handler_and_its_reply_the_sender() -> None:
    inbox = Inbox()
    async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors()) as address:
        status, body, headers = await post(address, {"text": "ä"}, {"X-Source": "test"})
    assert (status, body, headers["X-Kept"]) == (202, {"kept": True}, "yes")
    [came] = inbox.came
    assert came.json == {"text": "ä"}
    assert came.body == b'{"text": "\\u00e4"}'
    assert came.headers["x-source"] == "test"
    assert came.peer == LOOPBACK


@pytest.mark.parametrize(
    "doors, headers",
    [
        (Doors(user="dyna", password="p:w"), basic("dyna", "p:w")),
        (Doors(user="dyna", password=["old", "new"]), basic("dyna", "new")),
        (Doors(user="dyna", password=["old", "new"]), basic("dyna", "old")),
        (Doors(user="jörg", password="pässword"), basic("jörg", "pässword")),
        (Doors(token="t0ken"), {"Authorization": "Bearer t0ken"}),
        (Doors(token="t0ken"), {"Authorization": "bearer  t0ken"}),
        (Doors(token=["one", "two"]), {"Authorization": "Bearer two"}),
        (Doors(token="t0ken", header="X-Token"), {"x-token": "t0ken"}),
        (Doors(user="a", password="b", token="t0ken"), {"Authorization": "Bearer t0ken"}),
        (Doors(user="a", password="b", token="t0ken"), basic("a", "b")),
    ],
)
async def test_right_secret_opens(doors: Doors, headers: dict[str, str]) -> None:
    inbox = Inbox()
    async with listener.serve(LOOPBACK, 0, "/in", inbox, doors) as address:
        assert (await post(address, headers=headers))[0] == 202
    assert len(inbox.came) == 1


async def test_who_guesses_is_not_even_compared_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "GUESSES", 3)
    inbox = Inbox()
    right, proxied = {"Authorization": "Bearer t0ken"}, {"X-Forwarded-For": "203.0.113.9"}
    async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors(token="t0ken")) as address:
        wrong = {"Authorization": "Bearer guess", **proxied}
        answers = [(await post(address, headers=wrong))[0] for _guess in range(5)]
        assert answers == [401, 401, 401, 429, 429]
        # Right or wrong: the guesser learns nothing more. Others are not kept out by it.
        status, body, headers = await post(address, headers={**right, **proxied})
        assert (status, headers["Retry-After"]) == (429, "5")
        assert "t0ken" not in str(body)
        assert (await post(address, headers=right))[0] == 202
    assert len(inbox.came) == 1


@pytest.mark.parametrize(
    "doors, headers",
    [
        (Doors(user="dyna", password="pw"), {}),
        (Doors(user="dyna", password="pw"), basic("dyna", "PW")),
        (Doors(user="dyna", password="pw"), basic("dynb", "pw")),
        (Doors(user="dyna", password="pw"), basic("dyna", "")),
        (Doors(user="dyna", password="pw"), {"Authorization": "Basic dyna:pw"}),
        (Doors(user="dyna", password="pw"), {"Authorization": "Basic " + base64.b64encode(b"\xff:pw").decode()}),
        (Doors(user="dyna", password="pw"), {"Authorization": "Bearer pw"}),
        (Doors(token="t0ken"), {}),
        (Doors(token="t0ken"), {"Authorization": "t0ken"}),
        (Doors(token="t0ken"), {"Authorization": "Bearer t0ke"}),
        (Doors(token="t0ken"), {"Authorization": "Bearer "}),
        (Doors(token="t0ken"), basic("t0ken", "t0ken")),
        (Doors(token="t0ken", header="X-Token"), {"Authorization": "Bearer t0ken"}),
        (Doors(token="t0ken", header="X-Token"), {"X-Token": ""}),
        (Doors(token=["one", "two"]), {"Authorization": "Bearer onetwo"}),
    ],
)
async def test_wrong_secret_is_refused_without_a_hint(doors: Doors, headers: dict[str, str]) -> None:
    inbox = Inbox()
    async with listener.serve(LOOPBACK, 0, "/in", inbox, doors) as address:
        status, body, answered = await post(address, headers=headers)
    assert (status, body) == (401, {"error": "not authorized"})
    assert answered["WWW-Authenticate"] == 'Basic realm="self-healing", Bearer'
    assert inbox.came == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "monitor.example.com"])
async def test_open_path_is_refused_where_other_machines_reach_it(host: str) -> None:
    with pytest.raises(ConfigurationError, match="without any authentication"):
        async with listener.serve(host, 0, "/in", Inbox(), Doors()):
            pass


async def test_open_path_takes_nothing_from_web_pages() -> None:
    inbox = Inbox()
    async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors()) as address:
        status, body, _headers = await post(address, headers={"Origin": "https://evil.example"})
    assert (status, body) == (403, {"error": "requests from web pages are not taken"})
    assert inbox.came == []


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"", "the body is empty, expected JSON"),
        (b"  \n", "the body is empty, expected JSON"),
        (b"{", "the body is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
        (b'{"a": 1} x', "the body is not JSON: Extra data at line 1, column 10"),
        (b'{"a": "\xff"}', "the body is not UTF-8 (byte 7)"),
        (b'{"State": "OPEN", "State": "RESOLVED"}', "the body names 'State' twice in one object"),
        (b'[{"x": {"a": 1, "a": 1}}]', "the body names 'a' twice in one object"),
        (b'{"a": NaN}', "the body holds NaN, which is not JSON"),
        (b'{"a": -Infinity}', "the body holds -Infinity, which is not JSON"),
        (b'{"a": 1e999}', "the body holds a number that is too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "the body holds a number that is too long"),
        (b'{"a": "\\ud800"}', "the body holds half of a surrogate pair, which is no character"),
        (b"[" * 100_000 + b"]" * 100_000, "the body is nested too deeply"),
    ],
)
async def test_what_is_not_json_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    inbox = Inbox()
    async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors()) as address:
        assert (await post(address, body))[:2] == (400, {"error": reason})
    assert inbox.came == []


async def test_byte_order_mark_and_surrogate_pairs_are_read() -> None:
    inbox = Inbox()
    async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors()) as address:
        assert (await post(address, b'\xef\xbb\xbf{"a": "\\ud83d\\ude00"}'))[0] == 202
    assert inbox.came[0].json == {"a": "\N{GRINNING FACE}"}


async def test_body_at_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    inbox = Inbox()
    async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors(), max_body=2000) as address:
        assert (await post(address, b'"' + b"a" * 1998 + b'"'))[0] == 202
        assert (await post(address, b'"' + b"a" * 1999 + b'"'))[:2] == (
            413,
            {"error": "the body is larger than 2000 bytes"},
        )

        async def chunks() -> Any:
            for _number in range(30):
                yield b"a" * 100

        async with aiohttp.ClientSession() as session, session.post(address, data=chunks()) as answer:
            assert answer.status == 413, "without Content-Length the limit counts what arrives"
    assert len(inbox.came) == 1


async def test_compressed_body_counts_unpacked() -> None:
    inbox = Inbox()
    async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors(), max_body=2000) as address:
        async with aiohttp.ClientSession() as session:
            async with session.post(address, data=b'"' + b"a" * 10**6 + b'"', compress="deflate") as answer:
                assert answer.status == 413
            async with session.post(address, data=b'{"a": "b"}', compress="deflate") as answer:
                assert answer.status == 202
    assert [came.json for came in inbox.came] == [{"a": "b"}]


async def test_expect_continue_is_served() -> None:
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors()) as address:
        async with aiohttp.ClientSession() as session, session.post(address, data=b"{}", expect100=True) as answer:
            assert answer.status == 202


async def test_a_source_that_begins_later_than_another_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that is told 404 does not come again."""
    monkeypatch.setattr(listener, "STARTING_SECONDS", 60.0)
    port = free_port()
    async with listener.serve(LOOPBACK, port, "/first", Inbox(), Doors()) as address:
        later = address.replace("/first", "/later")
        status, body, headers = await post(later)
        assert (status, headers["Retry-After"]) == (503, "5")
        assert body == {"error": "no source listens on this path yet, please send it again"}
        async with listener.serve(LOOPBACK, port, "/later", Inbox(), Doors()):
            assert (await post(later))[0] == 202
        monkeypatch.setattr(listener, "STARTING_SECONDS", 0.0)
        assert (await post(later))[0] == 404


async def test_unknown_path_and_wrong_method() -> None:
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors()) as address:
        assert (await post(address + "/deeper"))[:2] == (404, {"error": "no source listens on this path"})
        status, body, headers = await post(address, method="PUT")
        assert (status, body, headers["Allow"]) == (405, {"error": "this path takes POST only"}, "POST")
        assert (await post(address, b"", method="GET"))[0] == 405


async def test_what_is_directly_below_a_path_can_be_served() -> None:
    inbox = Inbox(Reply(200, text="<p>", headers={"Content-Type": "text/html"}))
    methods = ("GET", "HEAD", "POST")
    async with listener.serve(LOOPBACK, 0, "/answer", inbox, Doors(), methods=methods, raw=True, below=True) as url:
        async with aiohttp.ClientSession() as session:
            for method in methods:
                async with session.request(method, f"{url}/a.b-c", data=b"not json") as answer:
                    assert (answer.status, answer.content_type) == (200, "text/html")
                    assert await answer.text() == ("" if method == "HEAD" else "<p>")
        for elsewhere in (url, f"{url}/a/b", f"{url}x/a"):
            assert (await post(elsewhere))[0] == 404
        assert (await post(f"{url}/a", method="PUT"))[0] == 405
    assert [(inbound.method, inbound.name) for inbound in inbox.came] == [(method, "a.b-c") for method in methods]


async def test_health_names_the_paths() -> None:
    port = free_port()
    async with (
        listener.serve(LOOPBACK, port, "/one", Inbox(), Doors(token="x")),
        listener.serve(LOOPBACK, port, "/two", Inbox(), Doors()),
    ):
        health = f"http://{LOOPBACK}:{port}/healthz"
        assert (await post(health, b"", method="GET"))[:2] == (200, {"status": "ok", "paths": ["/one", "/two"]})
        assert (await post(health))[0] == 405


async def get(url: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_health_tells_what_is_silent() -> None:
    vitals().journal_failed()
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors()) as address:
        status, body, _headers = await post(address.replace("/in", "/healthz"), b"", method="GET")
        assert (status, body["status"], body["paths"]) == (503, "silent", ["/in"])
        [sentence] = body["silent"]
        assert sentence.startswith("journal: it could not be written")
        vitals().journal_worked()
        assert (await get(address.replace("/in", "/healthz")))[0] == 200


async def test_while_stopping_nothing_is_taken_and_health_says_so() -> None:
    inbox = Inbox()
    life = lifecycle()
    life._interrupt = lambda: None
    async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors(token="t0ken")) as address:
        life.stop("a test")
        status, body, headers = await post(address)
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert "shutting down" in body["error"]
        assert inbox.came == []
        status, body, _headers = await post(address.replace("/in", "/healthz"), b"", method="GET")
        assert (status, body["status"]) == (503, "stopping")
        assert (await get(address.replace("/in", "/metrics")))[0] == 200


async def test_what_is_not_whole_when_the_stop_comes_is_not_taken() -> None:
    inbox, life, begun = Inbox(), lifecycle(), asyncio.Event()
    life._interrupt = lambda: None

    async def chunks() -> Any:
        yield b"{"
        await begun.wait()
        life.stop("a test")
        yield b"}"

    async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors()) as address:
        async with aiohttp.ClientSession() as session:
            asking = asyncio.create_task(session.post(address, data=chunks()))
            await get(address.replace("/in", "/healthz"))
            begun.set()
            async with await asking as answer:
                assert answer.status == 503
    assert inbox.came == []


async def test_metrics_count_what_came_and_what_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = Metrics()
    monkeypatch.setattr(listener, "metrics", lambda: figures)
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors(token="t0ken"), source="dynatrace") as address:
        await post(address)
        await post(address, b"{", {"Authorization": "Bearer t0ken"})
        async with aiohttp.ClientSession() as session, session.get(address.replace("/in", "/metrics")) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            lines = (await answer.text()).splitlines()
        assert (await get(address.replace("/in", "/metrics"), method="POST"))[0] == 405
    for status in (400, 401):
        assert f'self_healing_refusals_total{{source="dynatrace",status="{status}"}} 1.0' in lines


async def test_without_prometheus_client_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "AVAILABLE", False)
    none = Metrics()
    monkeypatch.setattr(listener, "metrics", lambda: none)
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors()) as address:
        status, body, _headers = await post(address.replace("/in", "/metrics"), b"", method="GET")
    assert status == 501
    assert "pip install prometheus_client" in body["error"]


async def test_metrics_need_their_token_where_there_is_one() -> None:
    listener.protect_metrics(["old", "new"])
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors()) as address:
        page = address.replace("/in", "/metrics")
        assert (await get(page))[0] == 404
        assert (await get(page, {"Authorization": "Bearer wrong"}))[0] == 404
        assert (await get(page, {"Authorization": "Bearer new"}))[0] == 200
        assert await get(page) == await get(page.replace("metrics", "nothing")), "nobody learns that there are any"


@pytest.mark.parametrize("token, status", [(None, 404), ("t0ken", 200)])
async def test_metrics_are_for_loopback_only_without_a_token(
    token: str | None, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The address itself stays a loopback one: only what is thought of it is changed.
    monkeypatch.setattr(listener, "_is_loopback", lambda _host: False)
    listener.protect_metrics(token, {})
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors(token="x")) as address:
        page = address.replace("/in", "/metrics")
        assert (await get(page, {"Authorization": "Bearer t0ken"}))[0] == status
        assert (await get(page))[0] == 404


async def test_the_token_of_the_metrics_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELF_HEALING_METRICS_TOKEN", "t0ken")
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors()) as address:
        page = address.replace("/in", "/metrics")
        assert (await get(page))[0] == 404
        assert (await get(page, {"Authorization": "Bearer t0ken"}))[0] == 200


@pytest.mark.parametrize("token", ["", "{{ token }}", 5, []])
async def test_wrong_token_of_the_metrics_is_told(token: Any) -> None:
    with pytest.raises(ConfigurationError, match="metrics_token"):
        listener.protect_metrics(token)


async def test_journal_that_fails_or_hangs_does_not_take_the_metrics_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_self: Any) -> None:
        return None

    monkeypatch.setattr(Checkup, "readings", nothing)
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors()) as address:
        status, body = await get(address.replace("/in", "/metrics"))
    assert status == 200
    assert "self_healing_part_ok" in body
    assert "self_healing_due_waiting" not in body


async def test_two_sources_share_a_port_until_the_last_one_leaves() -> None:
    port = free_port()
    one, two = Inbox(), Inbox()
    async with listener.serve(LOOPBACK, port, "/one", one, Doors(token="first")) as at_one:
        async with listener.serve(LOOPBACK, port, "/two", two, Doors(token="second")) as at_two:
            assert (await post(at_one, headers={"Authorization": "Bearer first"}))[0] == 202
            assert (await post(at_two, headers={"Authorization": "Bearer second"}))[0] == 202
            assert (await post(at_two, headers={"Authorization": "Bearer first"}))[0] == 401, "doors are per path"
        assert (await post(at_two, headers={"Authorization": "Bearer second"}))[0] == 404
        assert (await post(at_one, headers={"Authorization": "Bearer first"}))[0] == 202
    with pytest.raises(aiohttp.ClientConnectorError):
        await post(at_one)
    assert (len(one.came), len(two.came)) == (2, 1)


async def test_sources_that_start_at_the_same_moment_share_the_port() -> None:
    port = free_port()
    ready, leave = asyncio.Semaphore(0), asyncio.Event()

    async def source(path: str) -> None:
        async with listener.serve(LOOPBACK, port, path, Inbox(), Doors()):
            ready.release()
            await leave.wait()

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(source(f"/{number}"))
        for _number in range(5):
            await ready.acquire()
        assert (await post(f"http://{LOOPBACK}:{port}/4"))[0] == 202
        leave.set()
    async with listener.serve(LOOPBACK, port, "/again", Inbox(), Doors()) as address:
        assert (await post(address))[0] == 202


async def test_one_path_for_two_sources_is_refused_and_the_first_goes_on() -> None:
    port = free_port()
    async with listener.serve(LOOPBACK, port, "/in", Inbox(), Doors()) as address:
        with pytest.raises(ConfigurationError, match=r"two sources want to listen on .*/in: give each a path"):
            async with listener.serve(LOOPBACK, port, "/in", Inbox(), Doors()):
                pass
        assert (await post(address))[0] == 202


async def test_a_fork_does_not_keep_the_port() -> None:
    """What ansible-rulebook forks to start a playbook may outlive it without ever becoming one."""
    program = f"""
import asyncio, os, sys
from {listener.__name__} import Doors, serve

async def main():
    async with serve("{LOOPBACK}", 0, "/in", None, Doors()) as address:
        if os.fork() == 0:
            print(address, os.getpid(), flush=True)
            sys.stdin.read()
            os._exit(0)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)  # noqa: ASYNC220
    try:
        assert process.stdout is not None
        address, fork = (await asyncio.to_thread(process.stdout.readline)).split()
        process.kill()
        process.wait(30)
        os.kill(int(fork), 0)
        async with listener.serve(LOOPBACK, urlsplit(address).port or 0, "/in", Inbox(), Doors()) as again:
            assert (await post(again))[0] == 202
    finally:
        process.kill()
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


async def test_port_of_another_program_is_named() -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"host 127.0.0.1, port {port}: another program listens there"):
            async with listener.serve(LOOPBACK, port, "/in", Inbox(), Doors()):
                pass


async def test_cancelled_source_closes_its_port() -> None:
    port = free_port()
    listening = asyncio.Event()

    async def source() -> None:
        async with listener.serve(LOOPBACK, port, "/in", Inbox(), Doors()):
            listening.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(source())
    await listening.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))


async def test_request_in_hand_is_answered_before_the_source_leaves() -> None:
    port = free_port()
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(_inbound: Inbound) -> Reply:
        entered.set()
        await release.wait()
        return Reply(200, {"done": True})

    async def source() -> None:
        async with listener.serve(LOOPBACK, port, "/in", slow, Doors()):
            await entered.wait()

    serving = asyncio.create_task(source())
    await asyncio.sleep(0)
    asking = asyncio.create_task(_post_when_open(port))
    await entered.wait()
    assert (await post(f"http://{LOOPBACK}:{port}/in"))[0] == 503, "no new work while leaving"
    release.set()
    assert (await asking)[:2] == (200, {"done": True})
    await serving


async def _post_when_open(port: int) -> tuple[int, Any, Mapping[str, str]]:
    while True:
        try:
            return await post(f"http://{LOOPBACK}:{port}/in")
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.01)


async def test_journal_that_cannot_write_asks_the_sender_to_repeat(caplog: pytest.LogCaptureFixture) -> None:
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(JournalError("the disk is full")), Doors()) as address:
        status, body, headers = await post(address)
    assert (status, headers["Retry-After"]) == (503, "5")
    assert body == {"error": "nothing was recorded, please send it again"}
    assert "the disk is full" in caplog.text


async def test_input_that_the_handler_refuses_is_told_why() -> None:
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(InvalidInputError("State is missing")), Doors()) as address:
        assert (await post(address))[:2] == (400, {"error": "State is missing"})


async def test_bug_in_a_handler_shows_neither_body_nor_details(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox(RuntimeError("cannot handle s3cret-body"))
    with caplog.at_level(logging.DEBUG):
        async with listener.serve(LOOPBACK, 0, "/in", inbox, Doors()) as address:
            assert (await post(address, {"x": "s3cret-body"}))[:2] == (
                500,
                {"error": "an error of ours; see the log of the listener"},
            )
            assert (await post(address))[0] == 500, "the listener goes on"
    assert "RuntimeError" in caplog.text
    assert "raise self.outcome" in caplog.text
    assert "s3cret-body" not in caplog.text


async def test_secrets_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors(token="right-s3cret")) as address:
            await post(address, headers={"Authorization": "Bearer wrong-s3cret"})
            await post(address, headers={"Authorization": "Bearer right-s3cret"})
    assert "wrong or missing secret" in caplog.text
    assert "s3cret" not in caplog.text
    assert "s3cret" not in repr(Doors(user="a", password="s3cret", token="s3cret"))


async def _raw(address: str, sent: bytes) -> bytes:
    port = int(address.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(sent)
    received = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return received


async def test_sender_that_never_ends_its_head_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.3)
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors()) as address:
        began = time.monotonic()
        assert await _raw(address, b"POST /in HTTP/1.1\r\nHost: x\r\n") == b""
        assert time.monotonic() - began < 5


async def test_sender_that_never_ends_its_body_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "BODY_SECONDS", 0.2)
    async with listener.serve(LOOPBACK, 0, "/in", Inbox(), Doors()) as address:
        received = await _raw(address, b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}")
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b"the body did not arrive in 0.2 s" in received
