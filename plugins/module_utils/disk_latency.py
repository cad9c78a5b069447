# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Latency and throughput of a block device, from two looks at C(/proc/diskstats). Pure but for the reading."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The kernel counts sectors of this size, whatever the device has.
SECTOR = 512


@dataclass(frozen=True)
class Counters:
    """What the kernel has counted since it started. Times are milliseconds."""

    reads: int
    read_sectors: int
    read_time: int
    writes: int
    written_sectors: int
    write_time: int
    busy_time: int


def parse(text: str, device: tuple[int, int]) -> Counters | None:
    """Return the counters of the device C((major, minor)), None when it is no block device of its own (tmpfs)."""
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 14 and (words[0], words[1]) == (str(device[0]), str(device[1])):
            numbers = [int(word) for word in words[3:14]]
            return Counters(*(numbers[place] for place in (0, 2, 3, 4, 6, 7, 9)))
    return None


def read_counters(device: tuple[int, int], place: str = "/proc/diskstats") -> Counters | None:
    try:
        return parse(Path(place).read_text("ascii", errors="replace"), device)
    except (OSError, ValueError):
        return None


def figures(before: Counters | None, after: Counters | None, seconds: float) -> dict[str, Any]:
    """Return what happened between two looks. A latency is null when nothing was read or written meanwhile."""
    if before is None or after is None or seconds <= 0:
        return dict.fromkeys(
            ("read_latency_ms", "write_latency_ms", "read_bytes_per_second", "write_bytes_per_second", "busy_percent")
        )
    return {
        "read_latency_ms": _each(after.read_time - before.read_time, after.reads - before.reads),
        "write_latency_ms": _each(after.write_time - before.write_time, after.writes - before.writes),
        "read_bytes_per_second": _rate(after.read_sectors - before.read_sectors, seconds),
        "write_bytes_per_second": _rate(after.written_sectors - before.written_sectors, seconds),
        "busy_percent": round(min(100.0, max(0, after.busy_time - before.busy_time) / seconds / 10), 1),
    }


def _each(milliseconds: int, count: int) -> float | None:
    # The counters are 32 bits wide on some systems and start again.
    return round(milliseconds / count, 2) if count > 0 and milliseconds >= 0 else None


def _rate(sectors: int, seconds: float) -> int | None:
    return round(sectors * SECTOR / seconds) if sectors >= 0 else None
