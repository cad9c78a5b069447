# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router of a demonstration: HAProxy or nginx without root where one is installed, else the small one of ours."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from . import small_router
from .errors import DemoError
from .processes import Program

LOOPBACK = "127.0.0.1"
#: Where the programs are that ordinary users do not have in their path.
PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/sbin"])
#: Seconds that a program may take.
PATIENCE = 30
#: A path to a socket that is longer than this is refused by the kernel.
LONGEST_SOCKET = 100

HAPROXY = """\
global
    stats socket {socket} level admin
    server-state-file {folder}/server-state
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    load-server-state-from-file global
frontend shop
    bind {host}:{port}
    default_backend shop
backend shop
    server blue {host}:{blue} check inter 500ms
    server green {host}:{green} check inter 500ms disabled
"""
NGINX = """\
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log notice;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/upstream.conf;
    server {{
        listen {host}:{port};
        location / {{
            proxy_pass http://shop;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }}
    }}
}}
"""
UPSTREAM = """\
upstream shop {{
    server {host}:{blue}{blue_down};
    server {host}:{green}{green_down};
}}
"""


class Router(Protocol):
    """Something that sends the traffic to one of two colours, to blue at first."""

    #: What it is called in front of an audience.
    name: ClassVar[str]

    def start(self) -> Program:
        """Start it."""

    def switch(self, colour: str) -> None:
        """Send the traffic to the other colour, as who releases does. Raises DemoError."""

    def variables(self) -> Mapping[str, Any]:
        """Return the settings of the remedy."""


def find(program: str) -> str | None:
    """Return the path of an installed program."""
    return shutil.which(program, path=PLACES)


def router_for(folder: Path, port: int, colours: Mapping[str, int]) -> Router:
    """Return the best router that this machine has. C(colours) are ports."""
    for kind in (HAProxy, Nginx):
        program = find(kind.program)
        if program:
            return kind(program, folder, port, colours)
    return SmallRouter(folder, port, colours)


def start(name: str, command: list[str], folder: Path) -> Program:
    return Program(name, command, os.environ, folder, folder / f"{name}.log")


class HAProxy:
    """HAProxy in the foreground, ordered over its runtime socket."""

    name: ClassVar[str] = "HAProxy"
    program: ClassVar[str] = "haproxy"

    def __init__(self, program: str, folder: Path, port: int, colours: Mapping[str, int]) -> None:
        self._command = [program, "-db", "-f", str(folder / "haproxy.cfg")]
        self._folder = folder
        self._socket = str(folder / "admin.sock")
        if len(self._socket) > LONGEST_SOCKET:
            raise DemoError(f"the folder {folder} has too long a name for a socket; give --folder a shorter one")
        text = HAPROXY.format(host=LOOPBACK, folder=folder, socket=f"{self._socket} mode 600", port=port, **colours)
        (folder / "haproxy.cfg").write_text(text, "utf-8")

    def start(self) -> Program:
        return start("haproxy", self._command, self._folder)

    def switch(self, colour: str) -> None:
        other = "green" if colour == "blue" else "blue"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(self._socket)
            connection.sendall(f"set server shop/{colour} state ready; set server shop/{other} state drain\n".encode())
            said = connection.recv(4096).decode(errors="replace").strip()
        if said:
            raise DemoError(f"HAProxy does not switch: {said}")

    def variables(self) -> Mapping[str, Any]:
        return {
            "provider": "haproxy",
            "become": False,
            "haproxy_socket": self._socket,
            "haproxy_state_file": str(self._folder / "server-state"),
            "haproxy_config_file": str(self._folder / "haproxy.cfg"),
        }


class Nginx:
    """nginx in the foreground, with its upstream in a file of its own."""

    name: ClassVar[str] = "nginx"
    program: ClassVar[str] = "nginx"

    def __init__(self, program: str, folder: Path, port: int, colours: Mapping[str, int]) -> None:
        self._command = [program, "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        self._folder = folder
        self._colours = colours
        (folder / "nginx.conf").write_text(NGINX.format(host=LOOPBACK, folder=folder, port=port), "utf-8")
        self._write("blue")

    def start(self) -> Program:
        return start("nginx", self._command, self._folder)

    def switch(self, colour: str) -> None:
        self._write(colour)
        _run([*self._command, "-s", "reload"])

    def _write(self, live: str) -> None:
        down = {f"{colour}_down": "" if colour == live else " down" for colour in self._colours}
        text = UPSTREAM.format(host=LOOPBACK, **self._colours, **down)
        (self._folder / "upstream.conf").write_text(text, "utf-8")

    def variables(self) -> Mapping[str, Any]:
        return {
            "provider": "nginx",
            "become": False,
            "nginx_file": str(self._folder / "upstream.conf"),
            "nginx_pid_file": str(self._folder / "nginx.pid"),
            "nginx_test_command": [*self._command, "-t"],
            "nginx_reload_command": [*self._command, "-s", "reload"],
        }


class SmallRouter:
    """The stand-in of ours, ordered by a declared pair of commands."""

    name: ClassVar[str] = "the small router of the demo"

    def __init__(self, folder: Path, port: int, colours: Mapping[str, int]) -> None:
        live = folder / "live.txt"
        small_router.switch(live, "blue")
        self._folder = folder
        self._program = [sys.executable, str(Path(small_router.__file__).absolute()), "--live", str(live)]
        self._more = ["--port", str(port), *(f"--colour={colour}={number}" for colour, number in colours.items())]

    def start(self) -> Program:
        return start("small_router", [*self._program, *self._more], self._folder)

    def switch(self, colour: str) -> None:
        _run([*self._program, "switch", colour])

    def variables(self) -> Mapping[str, Any]:
        return {
            "provider": "command",
            "show_command": [*self._program, "show"],
            "switch_command": [*self._program, "switch"],
        }


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode != 0:
        raise DemoError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")
