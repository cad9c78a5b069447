# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP service without a supervisor is killed; the remedy starts it again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from .. import shop
from ..errors import DemoError
from .proof import Figures, up_again

#: Seconds that the service may take to start, to stop, or to answer.
PATIENCE = 30


class ProcessCrash:
    """The shop, with its pid file and log in C(folder)."""

    name: ClassVar[str] = "process_crash"
    remedy: ClassVar[str] = "process_restart"
    host: ClassVar[str] = "shop-01"
    tools: ClassVar[tuple[str, ...]] = ()
    rulebook: ClassVar[str] = "self_healing.devops.self_healing"

    def __init__(self, folder: Path) -> None:
        self.pid_file = folder / "shop.pid"
        self.log_file = folder / "shop.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/health"
        self._first: int | None = None

    @property
    def start_command(self) -> list[str]:
        files = ["--pid-file", str(self.pid_file), "--log-file", str(self.log_file)]
        return [sys.executable, str(Path(shop.__file__).absolute()), "--port", str(self.port), *files, "--daemon"]

    def start(self) -> str:
        done = subprocess.run(self.start_command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self._first = shop.running_shop(self.pid_file)
        if done.returncode != 0 or self._first is None:
            raise DemoError(f"the shop could not be started: {done.stderr.strip() or 'it is not running'}")
        return f"shop (pid {self._first}) answers on {self.url}"

    def watch(self) -> str:
        return f"name=shop,url={self.url},host={self.host}"

    def host_variables(self) -> Mapping[str, Any]:
        return {
            "process_restart_service": "shop",
            "process_restart_manager": "command",
            "process_restart_start_command": self.start_command,
            "process_restart_pid_file": str(self.pid_file),
            "process_restart_log_file": str(self.log_file),
            "process_restart_port": self.port,
            "process_restart_probe_url": self.url,
            "process_restart_settle_seconds": 1,
            # Whoever shows it again and again is no crash loop.
            "process_restart_loop_starts": 0,
        }

    def break_it(self) -> str:
        pid = shop.running_shop(self.pid_file)
        if pid is None:
            raise DemoError("the shop does not run, so it cannot be killed")
        os.kill(pid, signal.SIGKILL)
        return f"shop (pid {pid}) killed"

    def healed(self) -> str | None:
        pid = shop.running_shop(self.pid_file)
        if pid is None:
            return "no process of the shop runs"
        if pid == self._first:
            return f"the process {pid} is the one that was killed"
        try:
            with urllib.request.urlopen(self.url, timeout=PATIENCE) as answer:
                said = json.load(answer).get("pid")
        except (OSError, urllib.error.URLError, ValueError) as error:
            return f"the shop does not answer: {error}"
        return None if said == pid else f"process {said} answers, but the pid file names {pid}"

    def proof(self, before: Figures, after: Figures) -> str | None:
        return up_again(before, after)

    def stop(self) -> None:
        shop.stop_in_background(self.pid_file)


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
