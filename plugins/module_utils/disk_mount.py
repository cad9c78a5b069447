# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mount a path is on, from C(/proc/self/mountinfo). Pure but for the reading."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mount:
    """C(device) is C((major, minor)) of the block device below, as far as there is one."""

    point: str
    kind: str
    source: str
    read_only: bool
    device: tuple[int, int]


def find(text: str, path: str) -> Mount | None:
    """Return the mount that C(path), an absolute path without links, is on: the last of the longest that fit."""
    best: Mount | None = None
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        words, more = left.split(" "), right.split(" ")
        if not dash or len(words) < 6 or len(more) < 3:
            continue
        point = _plain(words[4])
        if not f"{path}/".startswith(point if point.endswith("/") else f"{point}/"):
            continue
        if best is None or len(point) >= len(best.point):
            major, _colon, minor = words[2].partition(":")
            options = {*words[5].split(","), *more[2].split(",")}
            best = Mount(point, more[0], _plain(more[1]), "ro" in options, (int(major), int(minor)))
    return best


def mount_of(path: str, place: str = "/proc/self/mountinfo") -> Mount | None:
    try:
        text = Path(place).read_text("utf-8", errors="surrogateescape")
    except OSError:
        return None
    found = find(text, os.path.realpath(path))
    if found is not None and found.device[0] == 0 and found.source.startswith("/dev/"):
        # btrfs and the like have a made-up number of their own.
        try:
            number = os.stat(found.source).st_rdev
        except OSError:
            return found
        return Mount(found.point, found.kind, found.source, found.read_only, (os.major(number), os.minor(number)))
    return found


def _plain(text: str) -> str:
    """Undo the escapes of the kernel: C(\\040) is a space."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)
