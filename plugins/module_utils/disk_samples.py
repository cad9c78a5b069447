# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples of how much of a file system is used, kept in a small file on the host from one look to the next."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .disk_growth import Sample
from .disk_usage import Usage

#: Samples that a file keeps.
KEPT = 2000


def parse(text: str) -> list[Sample]:
    """Return the samples of a file, one a line: seconds since 1970 and bytes. What is damaged counts for nothing."""
    found = []
    for line in text.splitlines():
        try:
            at, used = (float(word) for word in line.split())
        except ValueError:
            continue
        if 0 <= at < 1e11 and 0 <= used < 1e19:
            found.append(Sample(at, used))
    return found


def read(place: str) -> list[Sample]:
    try:
        return parse(Path(place).read_text("ascii", errors="replace"))
    except OSError:
        return []


def keep(place: str, samples: Sequence[Sample]) -> str:
    """Write the newest samples so that a reader finds all or none of them. Return what went wrong, or an empty text.

    A full disk is the very moment at which this fails, so that it is no error.
    """
    fresh = f"{place}.{os.getpid()}"
    text = "".join(f"{sample.at:.1f} {sample.used:.0f}\n" for sample in samples[-KEPT:])
    try:
        os.makedirs(os.path.dirname(place), 0o700, exist_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(fd, "w", encoding="ascii") as file:
                file.write(text)
            os.replace(fresh, place)
        except OSError:
            os.unlink(fresh)
            raise
    except OSError as error:
        return f"{place} cannot be written: {error.strerror}"
    return ""


def burst(
    usage: Callable[[], Usage],
    seconds: float,
    *,
    every: float = 0.25,
    clock: Callable[[], float] = time.time,
    pause: Callable[[float], None] = time.sleep,
) -> list[Sample]:
    """Return samples taken during C(seconds), at least one."""
    began = clock()
    found = [Sample(began, usage().used)]
    while clock() - began < seconds:
        pause(min(every, max(0.0, seconds - (clock() - began))))
        found.append(Sample(clock(), usage().used))
    return found
