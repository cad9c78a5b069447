# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops everything that takes part: the service, the sandbox and ansible-rulebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from .credentials import Credentials
from .environment import environment_for
from .errors import DemoError
from .inventory import write_configuration
from .layout import Layout
from .processes import Program, command_lines, descendants, tail
from .sandbox_client import SandboxClient
from .scenarios import Scenario
from .scenarios.process_crash import free_port

CONVERGE = "self_healing.devops.converge"
#: Seconds that a program may take to be ready, and a playbook to run.
READY = 90.0
PLAYBOOK = 180.0
#: Seconds between two looks at a program that is not ready yet.
LOOK_EVERY = 0.05
#: Seconds between two looks at the list of all processes, which costs some.
LOOK_AT_PROCESSES_EVERY = 0.5


class Chain:
    """The tool chain with everything around it, for the length of a C(with) block."""

    def __init__(self, layout: Layout, scenario: Scenario, java_home: Path, page_port: int) -> None:
        self.layout = layout
        self.scenario = scenario
        self.credentials = Credentials()
        #: Names of secrets that were seen in the command line of a process, which everybody can read.
        self.seen_in_processes: set[str] = set()
        self._java_home = java_home
        self._page_port = page_port
        self._port = free_port()
        self._looked_at = float("-inf")
        self._cleanup = ExitStack()
        self._programs: list[Program] = []
        self.addresses: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cleanup.close()

    @property
    def sandbox(self) -> SandboxClient:
        return SandboxClient(self.addresses["page"])

    def start(self) -> str:
        """Start all programs, return when they are ready, and say what runs of the service. Raises DemoError."""
        write_configuration(self.layout, self.scenario, self._port)
        # Ended last, so that a restart that is just under way is caught as well.
        self._cleanup.callback(self.scenario.stop)
        service = self.scenario.start()
        self._start_sandbox()
        self._start_rulebook()
        return service

    def require_alive(self) -> None:
        """Raise DemoError when a program ended by itself; note what can be read in the list of processes."""
        for program in self._programs:
            program.require_running()
        if time.monotonic() - self._looked_at > LOOK_AT_PROCESSES_EVERY:
            self._looked_at = time.monotonic()
            self.seen_in_processes.update(self.credentials.named_in(command_lines(descendants(os.getpid()))))

    def converge(self, incident: str) -> str:
        """Bring every tool up to date with the incident, and return what was printed. Raises DemoError."""
        return self.playbook(CONVERGE, incident)

    def playbook(self, name: str, incident: str) -> str:
        """Run a playbook of the collection for one incident, and return what it printed. Raises DemoError."""
        log = self.layout.logs / f"{name.rsplit('.', 1)[-1]}.log"
        command = [_program("ansible-playbook"), name, "-i", str(self.layout.inventory), "-e", f"incident={incident}"]
        playbook = Program("ansible-playbook", command, self._environment(), self.layout.root, log)
        try:
            status = playbook.wait(PLAYBOOK)
        except subprocess.TimeoutExpired:
            raise DemoError(f"{name} did not end within {PLAYBOOK:.0f} s:\n{tail(log)}") from None
        finally:
            playbook.stop()
        if status != 0:
            raise DemoError(f"{name} ended with status {status}:\n{tail(log)}")
        return log.read_text("utf-8", errors="replace")

    def rulebook_log(self) -> str:
        return (self.layout.logs / "rulebook.log").read_text("utf-8", errors="replace")

    @property
    def _listener(self) -> str:
        """Where the event sources listen."""
        return f"http://127.0.0.1:{self._port}"

    def _sandbox_command(self) -> list[str]:
        listener = self._listener
        return [
            *(sys.executable, "-m", "sandbox"),
            *("--page-port", str(self._page_port)),
            *("--ports-file", str(self.layout.addresses)),
            *("--journal", str(self.layout.journal)),
            *("--watch", self.scenario.watch()),
            *("--dynatrace-webhook", f"{listener}/dynatrace"),
            *("--xmatters-webhook", f"{listener}/xmatters"),
            *("--jira-webhook", f"{listener}/jira"),
        ]

    def _start_sandbox(self) -> None:
        self._start("sandbox", self._sandbox_command())
        self._wait("sandbox", self.layout.addresses.exists)
        self.addresses = json.loads(self.layout.addresses.read_text("utf-8"))

    def _start_rulebook(self) -> None:
        self._start("rulebook", self._rulebook_command())
        self._wait("rulebook", self._listens)

    def _rulebook_command(self) -> list[str]:
        return [
            *(_program("ansible-rulebook"), "--rulebook", self.scenario.rulebook),
            *("-i", str(self.layout.inventory)),
            *("--vars", str(self.layout.variables)),
        ]

    def _listens(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self._listener}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    def _start(self, name: str, command: list[str]) -> Program:
        log = self.layout.logs / f"{name}.log"
        program = Program(name, command, self._environment(), self.layout.root, log)
        self._programs.append(program)
        self._cleanup.callback(program.stop)
        return program

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY
        while not ready():
            self.require_alive()
            if time.monotonic() > deadline:
                log = self.layout.logs / f"{name}.log"
                raise DemoError(f"the {name} was not ready within {READY:.0f} s; its last words ({log}):\n{tail(log)}")
            time.sleep(LOOK_EVERY)

    def _environment(self) -> dict[str, str]:
        return environment_for(
            self.layout, self.credentials, self._java_home, self.addresses, self._listener, os.environ
        )


def _program(name: str) -> str:
    """Return the program of our own virtual environment. Raises DemoError that says how to get it."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        raise DemoError(
            f"{name} is missing beside {sys.executable}: run make demo, or pip install -r requirements-run.txt"
        )
    return str(path)
