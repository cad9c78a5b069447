# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of the host, and commands that are run there. Processes are read from /proc, or else asked for with ps."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

#: How long one command of the service manager may take, in seconds.
COMMAND_SECONDS = 20.0
PAUSE = 0.1
#: What a word of a service manager looks like. Everything else is not passed on.
WORD = re.compile(r"[A-Za-z0-9_.:@+-]{0,64}")


class LookError(Exception):
    """The service cannot be looked at. The message is for a person."""


class Process(NamedTuple):
    """A process that runs. C(started) never changes while it lives, and no later process of the same pid shares it."""

    pid: int
    started: str
    command_line: str


def word(value: object) -> str:
    """Return what a service manager said when it is a plain word, else a question mark."""
    text = "" if value is None else str(value)
    return text if WORD.fullmatch(text) else "?"


def printable(text: str) -> str:
    """Return a text without anything that a terminal obeys or that breaks a line in an unexpected place."""
    kept = (
        c if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else "\ufffd" for c in text
    )
    return "".join(kept)


def _environment() -> dict[str, str]:
    """Return the environment of a command: the plain language of programs, and where the user's own systemd listens."""
    # Sessions made by ssh or sudo do not always say the latter.
    return {"XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}", **os.environ, "LC_ALL": "C.UTF-8"}


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the host."""
    options: dict[str, Any] = {"capture_output": True, "text": True, "errors": "replace", "timeout": COMMAND_SECONDS}
    try:
        return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, env=_environment(), **options)
    except subprocess.TimeoutExpired:
        raise LookError(f"{command[0]} gave no answer within {COMMAND_SECONDS:.0f} s") from None


def last_output(command: list[str], limit: int) -> str:
    """Return the last C(limit) bytes of what a command prints, however much it is."""
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, env=_environment(), **pipes) as process:
        late = threading.Timer(COMMAND_SECONDS, process.kill)
        late.start()
        kept = b""
        for chunk in iter(lambda: process.stdout.read(limit), b""):
            kept = (kept + chunk)[-limit:]
        late.cancel()
    return kept.decode(errors="replace")


def find_process(pid: int) -> Process | None:
    """Return the process, or None when there is none. What is left of an ended one until its parent looks is none."""
    if not Path("/proc/self/stat").exists():
        return _ask_ps(pid)
    folder = Path("/proc") / str(pid)
    try:
        fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        words = (folder / "cmdline").read_bytes().split(b"\0")
    except PermissionError:
        raise LookError(not_permitted(pid)) from None
    except (FileNotFoundError, ProcessLookupError):
        _refuse_if_hidden(pid)
        return None
    if fields[0] in ("Z", "X"):
        return None
    return Process(pid, fields[19], " ".join(os.fsdecode(word) for word in words if word))


def not_permitted(pid: int) -> str:
    return f"process {pid} belongs to another user, set process_restart_become and process_restart_become_user"


def _refuse_if_hidden(pid: int) -> None:
    """Raise LookError when the system hides a process that exists (mount option hidepid of /proc)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        raise LookError(not_permitted(pid)) from None
    except ProcessLookupError:
        pass


def _ask_ps(pid: int) -> Process | None:
    shown = run(["ps", "-p", str(pid), "-o", "stat=", "-o", "lstart=", "-o", "command="])
    # lstart is five words: Sun Nov 22 10:51:55 2026
    words = shown.stdout.split(None, 6)
    if len(words) < 7 or words[0].startswith("Z"):
        return None
    return Process(pid, "_".join(words[1:6]), words[6].strip())


def same_process(known: Process) -> bool:
    """Return whether this very process still runs."""
    now = find_process(known.pid)
    return now is not None and now.started == known.started
