# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small real disk for a demonstration: an ext4 in a file, else one in memory, else a folder with a budget.

The first two need root. They are mounted in a mount namespace of the demonstration's own, so that nothing is left
behind however it ends. A folder with a budget is no file system: that it is full is agreed between all who look at it.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sandbox.dynatrace.watching import usage

from .errors import DemoError

_NEW_MOUNT_NAMESPACE = 0x00020000
#: Seconds that a command may take.
_PATIENCE = 30
BUDGET_NAME = "folder-with-a-budget"


@dataclass
class SmallDisk:
    """Some MiB of disk below C(folder). C(path) is where it is once C(make) has returned."""

    folder: Path
    mib: int

    def __post_init__(self) -> None:
        self.path = self.folder / "disk"
        #: Bytes of the budget where it is no disk of its own.
        self.quota: int | None = None
        self.kind = ""
        self._mounted = False

    def make(self) -> str:
        """Make it, unless it is made already, and say what it is."""
        self.kind = self.kind or self._make()
        return self.kind

    def _make(self) -> str:
        if own_namespace():
            self.path.mkdir()
            image = self.folder / "disk.img"
            with image.open("wb") as file:
                file.truncate(self.mib << 20)
            made = run("mkfs.ext4", "-q", "-m", "0", str(image)) and run("mount", "-o", "loop", str(image), self.path)
            kind = "ext4"
            if not made:
                kind = "file system in memory"
                made = run("mount", "-t", "tmpfs", "-o", f"size={self.mib}m", "tmpfs", self.path)
            if made:
                self._mounted = True
                return f"{kind} of {self.mib} MiB"
        self.path = self.folder / BUDGET_NAME
        self.path.mkdir()
        self.quota = self.mib << 20
        return f"folder with a budget of {self.mib} MiB (a disk of its own needs root)"

    def usage(self) -> tuple[int, int]:
        """Return bytes used and available, as the monitoring system sees it."""
        return usage(str(self.path), self.quota)

    def used_percent(self) -> float:
        used, available = self.usage()
        return 100 * used / max(used + available, 1)

    def remove(self) -> None:
        if self._mounted:
            self._mounted = not run("umount", "--lazy", self.path)


def own_namespace() -> bool:
    """Give this process and what it starts mounts of their own. Returns whether that was possible."""
    if os.geteuid() != 0:
        return False
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_NEW_MOUNT_NAMESPACE) != 0:
            return False
    except (OSError, AttributeError):
        return False
    return run("mount", "--make-rprivate", "/")


def run(*command: str | Path) -> bool:
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        return False
    except subprocess.TimeoutExpired:
        raise DemoError(f"{command[0]} did not end within {_PATIENCE} s") from None
    return done.returncode == 0
