# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows a service until it has settled, or ends its process."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from service_host import PAUSE, LookError, Process, not_permitted, same_process
from service_probe import Probe, probe
from service_state import Question, read_state

#: How long a process may take to go away after SIGKILL, in seconds.
KILL_SECONDS = 5.0


def look(asked: Question, probed: Probe, seconds: float = 0, settle: float = 0) -> dict[str, Any]:
    """Look at the service once, or follow it until it answers and then for the time that it has to settle.

    C(seconds) is how long the service may take to answer, C(settle) how long the same process must live after that.
    C(wrong) is None for a healthy service, else C(down), C(ended), C(replaced), C(port), C(timeout), C(no_answer),
    C(status) or C(text). Following ends as soon as the process does.
    """
    deadline = time.monotonic() + seconds
    first = read_state(asked)
    # Written by the service itself, maybe a moment after the start command returned.
    while first.words.get("why") in ("no_pid_file", "no_pid") and time.monotonic() < deadline:
        time.sleep(PAUSE)
        first = read_state(asked)

    def lives() -> bool:
        return first.running and (first.process is None or same_process(first.process))

    facts = probe(probed)
    while facts["wrong"] and lives() and time.monotonic() < deadline:
        time.sleep(PAUSE)
        facts = probe(probed)
    if not facts["wrong"] and settle > 0:
        settled = time.monotonic() + settle
        while lives() and time.monotonic() < settled:
            time.sleep(PAUSE)
        facts = probe(probed)
    last = read_state(asked) if first.running else first
    if not last.running:
        facts["wrong"] = "ended" if first.running else "down"
    elif not first.same(last):
        facts["wrong"] = "replaced"
    pid = last.process.pid if last.process else None
    return {**facts, "running": last.running, "pid": pid, "uid": os.getuid(), "words": last.words}


def stop(asked: Question, seconds: float) -> dict[str, Any]:
    """Stop the service with SIGTERM, or SIGKILL when it does not listen, and remove a pid file without its process.

    C(seconds) is how long it may take after SIGTERM. Another process is never touched, whatever the pid file says.
    """
    process = read_state(asked).process
    sent = end(process, seconds) if process else None
    state = read_state(asked)
    stale = not state.running and state.words["why"] != "no_pid_file"
    if stale:
        Path(asked.pid_file).unlink()
    return {"signal": sent, "removed": stale}


def end(process: Process, seconds: float) -> str:
    """End the process and return the name of the signal that did it."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILL_SECONDS)):
        send(process, number)
        deadline = time.monotonic() + patience
        while same_process(process) and time.monotonic() < deadline:
            time.sleep(PAUSE / 2)
        if not same_process(process):
            return number.name
    raise LookError(f"process {process.pid} survived SIGKILL")


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to this very process: where the kernel knows pidfds, not even a quick reuse of its pid misleads."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        descriptor = None
    try:
        if not same_process(process):
            return
        if descriptor is None:
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise LookError(not_permitted(process.pid)) from None
    finally:
        if descriptor is not None:
            os.close(descriptor)
