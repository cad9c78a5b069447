# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small router: a stand-in of ours in Python, where neither HAProxy nor nginx is there. For demonstrations only.

    python small_router.py --live live.txt --port 8080 --colour blue=8081 --colour green=8082     routes until SIGTERM
    python small_router.py --live live.txt show                                                   prints the live colour
    python small_router.py --live live.txt switch blue                                            switches

The live colour is the text of a file, so that a restart keeps it. It is read for every request: those that are under
way end where they began.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOOPBACK = "127.0.0.1"
#: Seconds that a release may take.
PATIENCE = 30.0


def live_colour(file: Path) -> str:
    return file.read_text("ascii").strip()


def switch(file: Path, colour: str) -> None:
    """Write the file so that a reader finds the old colour or the new one."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(f"{colour}\n", "ascii")
    fresh.replace(file)


class SmallRouter(ThreadingHTTPServer):
    """Forwards each GET to the colour that is live at this moment."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, live: Path, colours: Mapping[str, int]) -> None:
        self.live = live
        self.colours = colours
        super().__init__((LOOPBACK, port), SmallRouterHandler)


class SmallRouterHandler(BaseHTTPRequestHandler):
    """Forwards."""

    server: SmallRouter
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        connection = HTTPConnection(LOOPBACK, self.server.colours[live_colour(self.server.live)], timeout=PATIENCE)
        try:
            connection.request("GET", self.path, headers={"Connection": "close"})
            answer = connection.getresponse()
            status, kind, body = answer.status, answer.getheader("Content-Type", "text/plain"), answer.read()
        except (OSError, HTTPException):
            status, kind, body = 502, "text/plain", b"the release does not answer\n"
        finally:
            connection.close()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            pass  # A user who did not wait.

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: there are many users."""


def colour_and_port(text: str) -> tuple[str, int]:
    name, equals, port = text.partition("=")
    if not (name and equals and port.isdigit()):
        raise argparse.ArgumentTypeError("write a colour and its port, like blue=8081")
    return name, int(port)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="small_router.py", description="Routes to one of several colours.")
    parser.add_argument("--live", type=Path, required=True, metavar="FILE", help="file with the live colour")
    parser.add_argument("--port", type=int, help="port on 127.0.0.1 to route from")
    parser.add_argument("--colour", type=colour_and_port, action="append", default=[], metavar="NAME=PORT")
    parser.add_argument("order", nargs="*", metavar="show | switch COLOUR")
    chosen = parser.parse_args(arguments)
    if chosen.order == ["show"]:
        print(live_colour(chosen.live))
    elif len(chosen.order) == 2 and chosen.order[0] == "switch":
        switch(chosen.live, chosen.order[1])
    elif not chosen.order and chosen.port is not None and chosen.colour:
        SmallRouter(chosen.port, chosen.live, dict(chosen.colour)).serve_forever()
    else:
        parser.error("say show, or switch and a colour, or give --port and --colour")
    return 0


if __name__ == "__main__":
    sys.exit(main())
