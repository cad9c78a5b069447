# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of nginx: which workers there are, and since when. They tell whether a reload has happened, and when
the last request of the old configuration has ended.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from .errors import UnreachableError


@dataclass(frozen=True)
class Worker:
    """A child of the master. C(started) is in seconds since the epoch, as exact as the kernel's clock ticks."""

    pid: int
    ticks: int
    started: float


def master_of(pid_file: str) -> int:
    """Return the process number of the master. Raises UnreachableError where nginx does not run."""
    try:
        pid = int(Path(pid_file).read_text("ascii"))
        os.kill(pid, 0)
    except PermissionError:
        pass  # It runs, as somebody else.
    except (OSError, ValueError):
        raise UnreachableError(
            f"nginx does not run: there is no process of {pid_file}; start nginx, or correct pid_file"
        ) from None
    return pid


def workers_of(master: int) -> list[Worker]:
    """Return the workers of a master that live, oldest first. Caches and other helpers count as well."""
    found = []
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            words = Path(f"/proc/{entry}/stat").read_text("utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # It ended meanwhile.
        if int(words[1]) == master and words[0] not in ("Z", "X"):
            ticks = int(words[19])
            found.append(Worker(int(entry), ticks, booted + ticks / os.sysconf("SC_CLK_TCK")))
    return sorted(found, key=lambda worker: worker.ticks)
