# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real routers in front of two colours of a small service, on loopback and without root, and a client under load."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec
from ansible_collections.self_healing.devops.plugins.module_utils.nginx_process import workers_of
from demo.scenarios.process_crash import free_port

LOOPBACK = "127.0.0.1"
PATIENCE = 30.0
HAPROXY = """\
global
  stats socket {folder}/admin.sock mode 600 level admin
  stats socket {folder}/reader.sock mode 600 level user
  server-state-file {folder}/server-state
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  load-server-state-from-file global
frontend shop
  bind 127.0.0.1:{port}
  default_backend shop
backend shop
  server green 127.0.0.1:{green} check inter 100ms
  server blue 127.0.0.1:{blue} check inter 100ms disabled
"""
NGINX = """\
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/upstreams/*.conf;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://shop;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream off;
    }}
  }}
}}
"""
UPSTREAM = """\
upstream shop {{
    server 127.0.0.1:{blue} down;   # blue
    server 127.0.0.1:{green};   # green
    keepalive 8;
}}
"""


def missing(program: str) -> str | None:
    """Return why a test of a router cannot run here, or None when it can."""
    return None if shutil.which(program) else f"{program} is not installed"


class Colour:
    """One release of the service. It may be slow, wrong, or say something strange of its version."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.seconds = 0.0
        self.status = 200
        self.answered = 0

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/health"

    def answer(self) -> tuple[float, int]:
        """Return how long the next answer takes, and its status."""
        return self.seconds, self.status

    @contextmanager
    def serving(self) -> Iterator[Colour]:
        colour = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                seconds, status = colour.answer()
                time.sleep(seconds)
                colour.answered += 1
                body = json.dumps({"version": colour.version}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Say nothing."""

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    pass  # A health check that only connects.

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server((LOOPBACK, 0), Handler)
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)


class Router:
    """A router that runs. C(restart) ends it and starts it again, as a reboot would."""

    def __init__(
        self, command: list[str], folder: Path, port: int, workers: int = 0, control: Path | None = None
    ) -> None:
        self.command = command
        self._workers = workers
        self._control = control
        self.folder = folder
        self.port = port
        self.started_at = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/"

    def start(self) -> None:
        with (self.folder / "router.log").open("ab") as log:
            self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.started_at = time.time()
        wait_until(self._listens, "the router")

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def restart(self) -> None:
        self.stop()
        self.start()

    def version(self) -> str:
        """Return the version of the release that answers behind it."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=10)
        try:
            connection.request("GET", "/")
            return str(json.loads(connection.getresponse().read())["version"])
        finally:
            connection.close()

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the router ended:\n{(self.folder / 'router.log').read_text()}")
        try:
            socket.create_connection((LOOPBACK, self.port), timeout=1).close()
            if self._control is not None:
                # HAProxy listens to clients before it does on its own socket.
                with socket.socket(socket.AF_UNIX) as control:
                    control.settimeout(1)
                    control.connect(str(self._control))
        except OSError:
            return False
        # The master of nginx listens before it has its workers.
        return self._workers == 0 or len(workers_of(self._process.pid)) == self._workers


@contextmanager
def two_colours() -> Iterator[tuple[Colour, Colour]]:
    """Start blue 2.7.0 and green 2.7.1."""
    with ExitStack() as stack:
        yield stack.enter_context(Colour("2.7.0").serving()), stack.enter_context(Colour("2.7.1").serving())


@contextmanager
def haproxy(folder: Path, blue: Colour, green: Colour, both: bool = False) -> Iterator[Router]:
    """Start a HAProxy that sends the traffic to green, or to both."""
    port = free_port()
    config = folder / "haproxy.cfg"
    text = HAPROXY.format(folder=folder, port=port, blue=blue.port, green=green.port)
    config.write_text(text.replace(" disabled", "") if both else text)
    command = ["haproxy", "-db", "-f", str(config)]
    with running(Router(command, folder, port, control=folder / "admin.sock")) as router:
        yield router


@contextmanager
def nginx(folder: Path, blue: Colour, green: Colour) -> Iterator[Router]:
    """Start an nginx that sends the traffic to green."""
    port = free_port()
    (folder / "upstreams").mkdir()
    (folder / "upstreams/shop.conf").write_text(UPSTREAM.format(blue=blue.port, green=green.port))
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port))
    with running(Router(["nginx", "-p", str(folder), "-c", str(config)], folder, port, workers=2)) as router:
        yield router


@contextmanager
def running(router: Router) -> Iterator[Router]:
    router.start()
    try:
        yield router
    finally:
        router.stop()


class Load:
    """Clients that ask a router all the time, some over one connection and some over a new one for each request."""

    def __init__(self, port: int, lasting: int, single: int) -> None:
        self._port = port
        self._ended = threading.Event()
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []
        kinds = [True] * lasting + [False] * single
        self._threads = [threading.Thread(target=self._ask, args=(kind,), daemon=True) for kind in kinds]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def until(self, version: str, times: int) -> None:
        """Wait for some more answers of a version."""
        before = self.answers[version]
        wait_until(lambda: self.answers[version] >= before + times, f"{times} answers of {version}")

    def _ask(self, lasting: bool) -> None:
        connection = HTTPConnection(LOOPBACK, self._port, timeout=10)
        while not self._ended.is_set():
            try:
                connection.request("GET", "/", headers={} if lasting else {"Connection": "close"})
                answer = connection.getresponse()
                said = json.loads(answer.read())
                if answer.status == 200:
                    self.answers[said["version"]] += 1
                else:
                    self.failures.append(f"status {answer.status}")
            except (OSError, HTTPException, ValueError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                connection.close()
            if not lasting:
                connection.close()
        connection.close()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE:.0f} s"
        time.sleep(0.02)


def validated(spec: ModuleSpec, given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of a module as Ansible hands them over."""
    checked = ArgumentSpecValidator(spec.options, **spec.constraints()).validate(given)
    assert checked.error_messages == []
    parameters: dict[str, Any] = checked.validated_parameters
    return parameters
