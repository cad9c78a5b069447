# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a demonstration could not go on."""

from __future__ import annotations


class DemoError(Exception):
    """The demonstration cannot go on. The message is a sentence for the person who watches it."""


class LegError(DemoError):
    """One leg of the heal did not end as it should. C(leg) is its name."""

    def __init__(self, leg: str, why: str) -> None:
        super().__init__(f"{leg}: {why}")
        self.leg = leg
        self.why = why
