# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop: a small real HTTP service, for demonstrations and tests. It needs nothing but Python.

    python shop.py --port 8080                                                    in the foreground, for systemd
    python shop.py --port 8080 --pid-file shop.pid --log-file shop.log --daemon   in the background, no supervisor
    python shop.py --pid-file shop.pid --stop                                     stop the one in the background

Exit status: 0 it is up (or stopped), 1 it could not be done and the reason is on stderr, 2 wrong options.

A stop in good order removes the pid file. A pid file without its process therefore means a crash.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType

LOOPBACK = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 10.0
UP = b"up"


class ShopError(Exception):
    """The shop cannot be started or stopped. The message is for a person."""


class ShopServer(ThreadingHTTPServer):
    """The service itself: every GET of C(/) and C(/health) says who answers."""

    daemon_threads = True

    def __init__(self, port: int, version: str) -> None:
        self.version = version
        try:
            super().__init__((LOOPBACK, port), ShopHandler)
        except OSError as error:
            raise ShopError(f"cannot listen on {LOOPBACK}:{port}: {error.strerror or error}") from error


class ShopHandler(BaseHTTPRequestHandler):
    """Answers the two addresses of the shop."""

    server: ShopServer

    def do_GET(self) -> None:
        known = self.path.partition("?")[0] in ("/", "/health")
        answer = {"service": "shop", "pid": os.getpid(), "version": self.server.version}
        body = json.dumps(answer if known else {"error": "not found"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        print(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {self.address_string()} {format % args}", flush=True)


def command_line(pid: int) -> list[str]:
    """Return the words of the command line of process C(pid). Empty when it has ended, or only its remains are left."""
    try:
        return [os.fsdecode(word) for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word]
    except OSError:
        if Path("/proc/self").exists():
            return []
    shown = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
    return shown.stdout.split()


def running_shop(pid_file: Path) -> int | None:
    """Return the pid of the shop that was started with this pid file and still runs.

    A number alone proves nothing: the system gives it to another process some day. So the process must have this
    program and the name of this pid file in its command line.
    """
    try:
        pid = int(pid_file.read_text("ascii"))
    except (OSError, ValueError):
        return None
    words = command_line(pid) if pid > 0 else []
    is_shop = any(Path(word).name == Path(__file__).name for word in words[:3]) and "--stop" not in words
    same_file = any(Path(word).name == pid_file.name for word in words)
    return pid if is_shop and same_file else None


def write_atomically(pid_file: Path, text: str) -> None:
    """Write a file so that a reader finds the whole text or no file."""
    fresh = pid_file.with_name(f"{pid_file.name}.{os.getpid()}")
    fresh.write_text(text, "ascii")
    fresh.replace(pid_file)


def answers(port: int) -> bool:
    """Return whether this very process answers on C(port)."""
    connection = HTTPConnection(LOOPBACK, port, timeout=START_SECONDS)
    try:
        connection.request("GET", "/health")
        return bool(json.loads(connection.getresponse().read())["pid"] == os.getpid())
    finally:
        connection.close()


def serve(server: ShopServer, pid_file: Path | None, ready: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT. C(ready) is a pipe that hears C(UP) once it answers and the pid is written."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="shop")
    thread.start()
    try:
        if not answers(server.server_port):
            raise ShopError(f"port {server.server_port} is answered by another process")
        if pid_file is not None:
            write_atomically(pid_file, f"{os.getpid()}\n")
        print(f"shop {server.version} listens on {LOOPBACK}:{server.server_port}, pid {os.getpid()}", flush=True)
        if ready is not None:
            os.write(ready, UP)
            os.close(ready)
        stopped.wait()
        print("shop was asked to stop", flush=True)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        if pid_file is not None and running_shop(pid_file) == os.getpid():
            pid_file.unlink()


def detach(keep: set[int], log_file: Path) -> None:
    """Let go of everything that ties this process to its starter: session, directory, terminal and inherited pipes."""
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, log), (2, log)):
        os.dup2(source, target)
    descriptors = Path("/proc/self/fd") if Path("/proc/self/fd").exists() else Path("/dev/fd")
    for descriptor in [int(entry.name) for entry in descriptors.iterdir()]:
        if descriptor > 2 and descriptor not in keep:
            try:
                os.close(descriptor)
            except OSError:
                pass  # the one that the listing itself used


def start_in_background(port: int, version: str, pid_file: Path, log_file: Path) -> int:
    """Start the shop as a process of its own, wait until it is up, and return its pid."""
    pid = running_shop(pid_file)
    if pid is not None:
        raise ShopError(f"the shop of {pid_file} runs already, pid {pid}")
    server = ShopServer(port, version)
    heard, ready = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            detach({server.fileno(), ready}, log_file)
            serve(server, pid_file, ready)
        except BaseException as error:
            # Whatever it is, the starter waits for it on the pipe and nobody else would ever see it.
            try:
                os.write(ready, str(error).encode()[:500])
            except OSError:
                print(f"shop ended: {error}", flush=True)
            os._exit(1)
        os._exit(0)
    os.close(ready)
    server.socket.close()
    os.waitpid(child, 0)
    said = os.read(heard, 500) if select.select([heard], [], [], START_SECONDS)[0] else b"no answer in time"
    os.close(heard)
    if said != UP:
        reason = said.decode(errors="replace") or "it ended at once"
        raise ShopError(f"the shop did not come up: {reason}, see {log_file}")
    return int(pid_file.read_text("ascii"))


def stop_in_background(pid_file: Path) -> int | None:
    """Stop the shop of this pid file and return its pid; None when none runs. Another process is never touched."""
    pid = running_shop(pid_file)
    if pid is None:
        return None
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while command_line(pid):
        if time.monotonic() > deadline:
            raise ShopError(f"the shop, pid {pid}, did not stop within {STOP_SECONDS:.0f} s")
        time.sleep(0.02)
    return pid


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="shop.py", description="A small HTTP service to break and to heal.")
    parser.add_argument("--port", type=int, help="port on 127.0.0.1 (0 takes a free one, in the foreground only)")
    parser.add_argument("--pid-file", type=Path, help="file that holds the process number while the shop runs")
    parser.add_argument("--log-file", type=Path, help="file that a shop in the background writes to")
    parser.add_argument("--release", default="1.0.0", help="the version that the shop reports")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--daemon", action="store_true", help="run in the background; return when it is up")
    mode.add_argument("--stop", action="store_true", help="stop the shop of --pid-file")
    chosen = parser.parse_args(arguments)
    if not chosen.stop and chosen.port is None:
        parser.error("--port is missing")
    if (chosen.daemon or chosen.stop) and chosen.pid_file is None:
        parser.error("--pid-file is missing")
    if chosen.daemon and chosen.log_file is None:
        parser.error("--log-file is missing")
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    try:
        if chosen.stop:
            pid = stop_in_background(chosen.pid_file)
            print(f"shop stopped, pid {pid}" if pid else f"no shop of {chosen.pid_file} runs")
        elif chosen.daemon:
            # Absolute, because a process in the background leaves the directory it was started in.
            files = chosen.pid_file.absolute(), chosen.log_file.absolute()
            print(f"shop is up, pid {start_in_background(chosen.port, chosen.release, *files)}")
        else:
            serve(ShopServer(chosen.port, chosen.release), chosen.pid_file)
    except (ShopError, OSError) as error:
        print(f"shop: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
