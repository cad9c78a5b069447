# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a file system will be full, from samples of how much of it is used. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

#: More samples than that are thinned out evenly: the slope needs all pairs of them.
MOST = 240


@dataclass(frozen=True)
class Sample:
    """Bytes that were used at a time (seconds since 1970)."""

    at: float
    used: float


def slope(samples: Sequence[Sample]) -> float | None:
    """Return bytes per second: the median of the slopes between all pairs of samples (Theil-Sen).

    A night's backup that came and went, or a third of the samples being nonsense, does not change it. None when there
    are no two samples of different times.
    """
    chosen = thinned(sorted(samples, key=lambda sample: sample.at))
    slopes = [
        (later.used - earlier.used) / (later.at - earlier.at)
        for number, earlier in enumerate(chosen)
        for later in chosen[number + 1 :]
        if later.at > earlier.at
    ]
    return median(slopes) if slopes else None


def thinned(samples: Sequence[Sample]) -> list[Sample]:
    """Return at most C(MOST) samples, evenly taken, the first and the last among them."""
    count = len(samples)
    if count <= MOST:
        return list(samples)
    return [samples[round(number * (count - 1) / (MOST - 1))] for number in range(MOST)]


def hours_to_full(available: float, per_second: float | None) -> float | None:
    """Return in how many hours nothing is available any more. None: not at this rate, or the rate is not known."""
    if available <= 0:
        return 0.0
    if per_second is None or per_second <= 0:
        return None
    return available / per_second / 3600
