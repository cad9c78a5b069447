# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client: posts notifications over some kept connections, each as fast as it is answered. A program of its own.

    python -m bench.load --port PORT --path PATH --run NUMBER [--same] [--events N] [--seconds S] [--connections N]

Loopback only. The bearer token, if one is needed, is in the environment variable BENCH_TOKEN. It ends after so many
events or seconds, whichever comes first, and prints what it was answered as one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .notifications import bodies

LOOPBACK = "127.0.0.1"
#: How long an answer may take after the last request was sent (seconds).
PATIENCE = 30.0


@dataclass
class Tally:
    """What came back. C(waits) are seconds from a request to its answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    broken: int = 0
    last: float = 0.0


class Connection(asyncio.Protocol):
    """One kept connection with one request at a time."""

    def __init__(self, requests: Iterator[bytes], deadline: float, tally: Tally) -> None:
        self._requests = requests
        self._deadline = deadline
        self._tally = tally
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._sent_at: float | None = None
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        status = complete(self._received)
        if status is None:
            return
        now = time.perf_counter()
        self._received.clear()
        self._tally.statuses[status] += 1
        self._tally.waits.append(now - (self._sent_at or now))
        self._tally.last = now
        self._sent_at = None
        self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        if self._sent_at is not None:
            self._tally.broken += 1
        if not self.over.done():
            self.over.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        request = next(self._requests, None) if time.perf_counter() < self._deadline else None
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def complete(received: bytes | bytearray) -> int | None:
    """Return the status of an answer, None while it is not complete. Raises ValueError when it has no length."""
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return None
    lines = bytes(head).lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), None)
    if length is None:
        raise ValueError(f"an answer without Content-Length: {bytes(head)!r}")
    return int(lines[0].split(b" ")[1]) if len(body) >= length else None


def requests_of(chosen: argparse.Namespace, token: str | None) -> list[bytes]:
    """Return all requests of the run, encoded before the clock starts."""
    lines = [
        f"POST {chosen.path} HTTP/1.1",
        f"Host: {LOOPBACK}:{chosen.port}",
        "Content-Type: application/json",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    head = "\r\n".join(lines)
    return [
        f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        for body in bodies(chosen.run, chosen.events, distinct=not chosen.same)
    ]


async def load(chosen: argparse.Namespace, token: str | None) -> dict[str, object]:
    """Post, and return what came back."""
    requests = iter(requests_of(chosen, token))
    tally = Tally()
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    deadline = began + chosen.seconds
    connections = [
        (await loop.create_connection(lambda: Connection(requests, deadline, tally), LOOPBACK, chosen.port))[1]
        for _number in range(chosen.connections)
    ]
    _over, open_still = await asyncio.wait(
        [connection.over for connection in connections], timeout=chosen.seconds + PATIENCE
    )
    waits = sorted(tally.waits) or [0.0]
    return {
        "statuses": tally.statuses,
        "broken": tally.broken + len(open_still),
        "seconds": max(tally.last - began, 1e-9),
        "p50_ms": 1000 * waits[len(waits) // 2],
        "p99_ms": 1000 * waits[len(waits) * 99 // 100],
    }


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.load", description="Post notifications to a port of this machine.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--run", type=int, required=True, help="number of the run, so that its problems are its own")
    parser.add_argument("--same", action="store_true", help="report one problem again and again")
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--connections", type=int, default=32)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    print(json.dumps(asyncio.run(load(options(arguments), os.environ.get("BENCH_TOKEN")))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
