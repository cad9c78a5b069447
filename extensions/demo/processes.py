# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the demonstration starts, and their end: only what was started here is ever stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import DemoError

#: Seconds that a program has to end in good order before it is killed.
PATIENCE = 10.0


@dataclass(frozen=True)
class Started:
    """A process, told apart from a later one with the same number by when it was started."""

    pid: int
    at: str

    def runs(self) -> bool:
        status = _status(self.pid)
        return status is not None and status[2] == self.at and status[0] not in ("Z", "X")

    def send(self, number: int) -> None:
        if self.runs():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass  # it ended between the look and the signal


class Program:
    """One program in the background, in a session of its own, with its output in a file."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def runs(self) -> bool:
        return self._process.poll() is None

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill the program itself, as a crash would, and nothing that it started. Returns when it is gone."""
        self._process.kill()
        self._process.wait()

    def require_running(self) -> None:
        """Raise DemoError with the last words of the program when it has ended."""
        status = self._process.poll()
        if status is not None:
            raise DemoError(f"{self.name} ended with status {status}; its last words ({self.log}):\n{tail(self.log)}")

    def wait(self, seconds: float) -> int:
        """Return the status with which the program ended. Raises subprocess.TimeoutExpired."""
        return self._process.wait(seconds)

    def stop(self) -> None:
        """End the program and whatever it started that still runs, in good order if it can be had."""
        children = descendants(self._process.pid)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for number in (signal.SIGTERM, signal.SIGKILL):
            for child in children:
                child.send(number)
            gone(children, PATIENCE)


def gone(processes: Sequence[Started], seconds: float, look_every: float = 0.02) -> bool:
    """Wait until all of these processes have ended, and return whether they have."""
    deadline = time.monotonic() + seconds
    while any(process.runs() for process in processes):
        if time.monotonic() >= deadline:
            return False
        time.sleep(look_every)
    return True


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a file, indented."""
    try:
        last = log.read_text("utf-8", errors="replace").splitlines()[-lines:]
    except OSError:
        last = []
    return "\n".join(f"    {line}" for line in last) or "    (nothing)"


def children(pid: int) -> list[Started]:
    """Return the processes that C(pid) started itself and that are still below it."""
    return _by_parent().get(pid, [])


def descendants(pid: int) -> list[Started]:
    """Return the processes that C(pid) started, directly or not, and that are still below it."""
    by_parent = _by_parent()
    found, waiting = [], [pid]
    while waiting:
        below = by_parent.get(waiting.pop(), [])
        found += below
        waiting += [child.pid for child in below]
    return found


def _by_parent() -> dict[int, list[Started]]:
    found: dict[int, list[Started]] = {}
    for entry in _numbers():
        status = _status(entry)
        if status is not None:
            found.setdefault(int(status[1]), []).append(Started(entry, status[2]))
    return found


def with_environment(setting: str) -> list[Started]:
    """Return the processes that were started with C(setting) (C(NAME=value)), whoever is their parent by now."""
    wanted = setting.encode()
    found = []
    for entry in _numbers():
        try:
            environment = Path(f"/proc/{entry}/environ").read_bytes().split(b"\0")
        except OSError:
            continue  # somebody else's, or ended meanwhile
        status = _status(entry) if wanted in environment else None
        if status is not None:
            found.append(Started(entry, status[2]))
    return found


def command_lines(processes: Sequence[Started]) -> bytes:
    """Return what everybody on this machine can read about these processes: their command lines."""
    found = []
    for process in processes:
        try:
            found.append(Path(f"/proc/{process.pid}/cmdline").read_bytes())
        except OSError:
            continue  # ended meanwhile
    return b"\n".join(found)


def _numbers() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []  # not Linux: the programs themselves are stopped all the same


def _status(pid: int) -> tuple[str, str, str] | None:
    """Return state, parent and start time of a process."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return words[0], words[1], words[19]
