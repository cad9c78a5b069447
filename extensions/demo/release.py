# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One release of a small service. It needs nothing but Python.

    python release.py --port 8081 --release 2.7.0
    python release.py --port 8082 --release 2.7.1 --in-turn-ms 70     serves one user after the other: slow under load

Every GET says which release answers. Ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOOPBACK = "127.0.0.1"


class Release(ThreadingHTTPServer):
    """The service. With C(in_turn) seconds each answer takes that long, and nobody else is served meanwhile."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, version: str, in_turn: float = 0) -> None:
        self.version = version
        self._in_turn = in_turn
        self._turn = threading.Lock()
        super().__init__((LOOPBACK, port), ReleaseHandler)

    def work(self) -> None:
        if self._in_turn:
            with self._turn:
                time.sleep(self._in_turn)


class ReleaseHandler(BaseHTTPRequestHandler):
    """Answers every address alike."""

    server: Release
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.server.work()
        body = json.dumps({"service": "shop", "version": self.server.version}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            pass  # A router that only looks whether somebody is there.

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: there are many users."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="release.py", description="One release of a small service.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--release", required=True, help="the version that it reports")
    parser.add_argument("--in-turn-ms", type=float, default=0, help="what an answer takes, one after the other")
    chosen = parser.parse_args(arguments)
    Release(chosen.port, chosen.release, chosen.in_turn_ms / 1000).serve_forever()


if __name__ == "__main__":
    main()
