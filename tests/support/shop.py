# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real shop on a free loopback port, to break and to heal in tests."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

SHOP = Path(__file__).absolute().parents[2] / "extensions" / "demo" / "shop.py"


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def running(pid: int) -> bool:
    """Return whether the process runs; what is left of an ended one does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


class Shop:
    """One shop in the background, with its files in a folder of its own."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}/health"
        self.pid_file = folder / "shop.pid"
        self.log_file = folder / "shop.log"
        files = ["--pid-file", str(self.pid_file), "--log-file", str(self.log_file)]
        self.start_command = [sys.executable, str(SHOP), "--port", str(self.port), *files, "--daemon"]
        self.stop_command = [sys.executable, str(SHOP), "--pid-file", str(self.pid_file), "--stop"]

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text())

    def start(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.start_command, capture_output=True, text=True, timeout=30, check=False)

    def stop(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.stop_command, capture_output=True, text=True, timeout=30, check=False)

    def kill(self) -> int:
        """Crash the shop, wait until it is gone, and return the pid it had."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while running(pid):
            assert time.monotonic() < deadline, f"process {pid} survived SIGKILL"
            time.sleep(0.01)
        return pid

    def end(self) -> None:
        """Stop whatever of this shop still runs."""
        if self.pid_file.exists():
            self.stop()
