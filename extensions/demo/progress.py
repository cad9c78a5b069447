# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person in front of the terminal reads."""

from __future__ import annotations

import sys
from typing import TextIO


class Progress:
    """Prints one line per step and remembers everything that was printed."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = output or sys.stdout
        #: All lines, so that they can be searched for secrets.
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        """Say what was done."""
        self.line(f"  ▸ {text}")

    def step(self, name: str, seconds: float | None, text: str) -> None:
        """Say that a step of the heal was reached, how long after the fault, and what that means."""
        time = "" if seconds is None else f"{seconds:.1f} s"
        self.line(f"  ✔ {name:<10} {time:>7}   {text}".rstrip())

    def waiting(self, text: str) -> None:
        """Say what is waited for."""
        self.line(f"  … {text}")

    def failure(self, leg: str, why: str) -> None:
        """Say which leg did not end as it should, and why."""
        self.line(f"  ✘ {leg}: {why}")

    def line(self, text: str) -> None:
        # Titles come from events: what could move the cursor of a terminal is shown, not obeyed.
        shown = "".join(c if c == "\n" or c.isprintable() else ascii(c)[1:-1] for c in text)
        self.lines.append(shown)
        print(shown, file=self._output, flush=True)
