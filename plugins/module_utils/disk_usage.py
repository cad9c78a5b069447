# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How full a file system is, and how much has to go until it is as free as wanted."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass
from typing import Any

from .errors import ConfigurationError


@dataclass(frozen=True)
class Usage:
    """Space in bytes and inodes. C(inodes) is 0 where the file system has no fixed number of them (btrfs).

    What only root may use counts as neither used nor available, as C(df) has it.
    """

    used: int
    available: int
    inodes: int
    inodes_free: int

    @property
    def used_percent(self) -> float:
        total = self.used + self.available
        return round(100 * self.used / total, 1) if total else 0.0

    @property
    def inodes_used_percent(self) -> float | None:
        return round(100 * (self.inodes - self.inodes_free) / self.inodes, 1) if self.inodes else None

    def to_data(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "used_percent": self.used_percent,
            "inodes_used_percent": self.inodes_used_percent,
        }


@dataclass(frozen=True)
class Goal:
    """What is wanted: at most so many percent used, at least so many bytes available. None: no such wish."""

    used_percent: float | None = None
    available: int | None = None
    inodes_used_percent: float | None = None

    @property
    def everything(self) -> bool:
        """Without any wish all that fits a rule goes."""
        return self.used_percent is None and self.available is None and self.inodes_used_percent is None


@dataclass(frozen=True)
class Need:
    """Bytes and inodes that have to become free."""

    bytes: float
    inodes: float

    @property
    def met(self) -> bool:
        return self.bytes <= 0 and self.inodes <= 0


def read_usage(path: str, quota: int | None = None) -> Usage:
    """Return the usage of the file system that C(path) is on. Raises ConfigurationError.

    With C(quota) the folder itself is looked at, as if it were a file system of that many bytes.
    """
    try:
        now = os.statvfs(path)
    except OSError as error:
        raise ConfigurationError(f"path: {path} cannot be looked at: {error.strerror}") from None
    if quota is None:
        unit = now.f_frsize
        return Usage((now.f_blocks - now.f_bfree) * unit, now.f_bavail * unit, now.f_files, now.f_favail)
    used = folder_bytes(path)
    # The inodes are those of all who share the file system.
    return Usage(used, max(quota - used, 0), 0, 0)


def folder_bytes(path: str) -> int:
    """Return the bytes that the files below C(path) take, without following links or leaving the file system."""
    device = os.lstat(path).st_dev
    total, waiting = 0, [path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    found = entry.stat(follow_symlinks=False)
                    if found.st_dev == device:
                        total += found.st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
        except OSError:
            continue  # gone meanwhile, or not ours to read
    return total


def need(usage: Usage, goal: Goal) -> Need:
    """Return what has to become free to reach the goal, infinitely much when everything has to go."""
    if goal.everything:
        return Need(math.inf, math.inf)
    wanted, total = 0.0, usage.used + usage.available
    if goal.used_percent is not None:
        wanted = max(wanted, usage.used - total * goal.used_percent / 100)
    if goal.available is not None:
        wanted = max(wanted, goal.available - usage.available)
    inodes = 0.0
    if goal.inodes_used_percent is not None and usage.inodes:
        inodes = max(0.0, usage.inodes - usage.inodes_free - usage.inodes * goal.inodes_used_percent / 100)
    return Need(math.ceil(wanted), math.ceil(inodes))
