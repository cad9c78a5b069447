# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files are in use on a host: open or mapped by a process, or behind a loop device or swap.

To unlink a file that is in use frees nothing, and takes it away from whoever reads it by name next. Space of files that
were unlinked already comes back only when the process that holds them ends, so that a restart is the mend.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .disk_text import shown

#: Looks are repeated while files are deleted: not more often than that (seconds), and for a small part of the time.
PAUSE = 2.0
SHARE = 20
#: Files without a name that are listed.
LISTED = 10


@dataclass(frozen=True)
class Held:
    """A file without a name whose space is taken until its process closes it."""

    inode: int
    bytes: int
    pid: int
    process: str
    path: str


class InUse:
    """The files of one device that are in use, as the last look found them.

    C(unseen) is how many processes did not let us see theirs.
    """

    def __init__(self, device: int, proc: str = "/proc", block: str = "/sys/block") -> None:
        self.inodes: frozenset[int] = frozenset()
        self.held: tuple[Held, ...] = ()
        self.unseen = 0
        self._device = device
        self._proc = Path(proc)
        self._block = Path(block)
        self._looked, self._took = 0.0, 0.0
        self.look()

    def refresh(self) -> None:
        """Look again if the last look is too old."""
        if time.monotonic() - self._looked > max(PAUSE, SHARE * self._took):
            self.look()

    def look(self) -> None:
        began = time.monotonic()
        inodes: set[int] = set()
        held: dict[int, Held] = {}
        self.unseen = 0
        for pid in self._processes():
            try:
                for path, found in self._files(pid):
                    inodes.add(found.st_ino)
                    if found.st_nlink == 0 and found.st_blocks and found.st_ino not in held:
                        size = found.st_blocks * 512
                        held[found.st_ino] = Held(found.st_ino, size, int(pid), self._name(pid), _target(path))
                inodes.update(self._mapped(pid))
            except PermissionError:
                self.unseen += 1
            except OSError:
                continue  # it ended meanwhile
        inodes.update(self._below_devices())
        self.inodes = frozenset(inodes)
        self.held = tuple(sorted(held.values(), key=lambda one: (-one.bytes, one.inode)))
        self._looked = time.monotonic()
        self._took = self._looked - began

    def _processes(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._proc) if name.isdigit()]
        except OSError:
            return []

    def _files(self, pid: str) -> Iterator[tuple[str, os.stat_result]]:
        folder = f"{self._proc}/{pid}/fd"
        for number in os.listdir(folder):
            path = f"{folder}/{number}"
            try:
                found = os.stat(path)
            except OSError:
                continue
            if found.st_dev == self._device and stat.S_ISREG(found.st_mode):
                yield path, found

    def _mapped(self, pid: str) -> Iterator[int]:
        """Yield the inodes of files that are mapped into memory: a process needs no open file for that."""
        device = f"{os.major(self._device):02x}:{os.minor(self._device):02x}".encode()
        for line in (self._proc / pid / "maps").read_bytes().splitlines():
            words = line.split(None, 5)
            if len(words) > 4 and words[3] == device:
                yield int(words[4])

    def _below_devices(self) -> Iterator[int]:
        """Yield the inodes of files that the kernel itself uses: images behind loop devices, swap."""
        paths = []
        for place in self._block.glob("loop*/loop/backing_file"):
            paths.append(_text(place))
        paths += [line.split()[0] for line in _text(self._proc / "swaps").splitlines()[1:]]
        for path in paths:
            try:
                found = os.stat(path.replace("\\040", " ").strip())
            except (OSError, ValueError):
                continue
            if found.st_dev == self._device:
                yield found.st_ino

    def _name(self, pid: str) -> str:
        return _text(self._proc / pid / "comm").strip() or "unknown"


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="surrogateescape")
    except OSError:
        return ""


def _target(path: str) -> str:
    try:
        name = os.readlink(path)
    except OSError:
        return ""
    return name[: -len(" (deleted)")] if name.endswith(" (deleted)") else name


def held(in_use: InUse) -> dict[str, Any]:
    """Return the space of deleted files that are still open."""
    return {
        "bytes": sum(one.bytes for one in in_use.held),
        "files": len(in_use.held),
        "unseen": in_use.unseen,
        "largest": [
            {"path": shown(one.path), "bytes": one.bytes, "pid": one.pid, "process": shown(one.process)}
            for one in in_use.held[:LISTED]
        ],
    }
