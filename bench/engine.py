# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts ansible-rulebook with a rulebook of one source and one rule."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo.credentials import Credentials
from demo.environment import environment_for
from demo.errors import DemoError
from demo.java import find_java, packaged_java
from demo.layout import Layout
from demo.processes import Program, tail
from demo.scenarios.process_crash import free_port

READY = 90.0
LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Contestant:
    """An event source with the rule that sees its events. C(token) is what the sender has to bring."""

    source: str
    path: str
    condition: str
    token: str | None
    token_argument: str
    journal: Path | None = None

    def rulebook(self, port: int) -> list[dict[str, Any]]:
        arguments: dict[str, Any] = {"host": "127.0.0.1", "port": port}
        if self.token:
            arguments[self.token_argument] = self.token
        if self.journal:
            arguments["journal"] = str(self.journal)
        rule = {"name": "Whatever comes", "condition": self.condition, "action": {"none": {}}}
        return [{"name": "Accept", "hosts": "all", "sources": [{self.source: arguments}], "rules": [rule]}]


def webhook(*, closed: bool) -> Contestant:
    """Return ansible-rulebook's own webhook. An event lives in memory only."""
    return Contestant(
        "eda.builtin.webhook", "/dynatrace", "event.payload.PID is defined", _token(closed), "token", None
    )


def dynatrace(folder: Path, *, closed: bool) -> Contestant:
    """Return our source. An event is committed before it is answered."""
    return Contestant(
        "self_healing.devops.dynatrace",
        "/dynatrace",
        "event.problem.incident is defined",
        _token(closed),
        "dynatrace_webhook_token",
        folder / f"journal-{'closed' if closed else 'open'}.db",
    )


def _token(closed: bool) -> str | None:
    return secrets.token_hex(20) if closed else None


class Engine:
    """One running ansible-rulebook."""

    def __init__(self, layout: Layout, name: str, contestant: Contestant) -> None:
        self.contestant = contestant
        self.port = free_port()
        self._name = name
        self._log = layout.logs / f"{name}.log"
        rulebook = layout.root / f"{name}.yml"
        rulebook.touch(mode=0o600)
        rulebook.write_text(yaml.safe_dump(contestant.rulebook(self.port), sort_keys=False), "utf-8")
        program = Path(sys.executable).with_name("ansible-rulebook")
        command = [str(program), "--rulebook", str(rulebook)]
        self._program = Program(name, command, _environment(layout), layout.root, self._log)

    def wait(self) -> None:
        """Return when it listens. Raises DemoError."""
        deadline = time.monotonic() + READY
        while True:
            self.require_running()
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise DemoError(f"{self._name} does not listen after {READY:.0f} s:\n{tail(self._log)}") from None
            time.sleep(LOOK_EVERY)

    def require_running(self) -> None:
        self._program.require_running()

    def stop(self) -> None:
        self._program.stop()


def _environment(layout: Layout) -> dict[str, str]:
    java = find_java(os.environ, packaged_java())
    environment = environment_for(layout, Credentials(), java, {}, "http://127.0.0.1:1", os.environ)
    # Secrets come as arguments here, so that a source without one is open. And Java is set up as users have it.
    return {name: value for name, value in environment.items() if "WEBHOOK" not in name and name != "JAVA_TOOL_OPTIONS"}
