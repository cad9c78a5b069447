# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of several runs and how they are shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figures:
    """What one thing measured in several runs."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def show(self, decimals: int) -> str:
        """Return the median with the lowest and the highest value."""
        low, middle, high = (f"{value:.{decimals}f}" for value in (min(self.values), self.median, max(self.values)))
        return f"{middle} ({low}-{high})"


def ratio(ours: Figures, theirs: Figures) -> float:
    """Return the ratio of the medians."""
    return ours.median / theirs.median


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text in columns; the first column is flush left, the others are flush right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    )
