# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be broken in front of an audience."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .bad_release import BadRelease
from .disk_pressure import DiskPressure
from .process_crash import ProcessCrash
from .scenario import Scenario

#: Every scenario by its name. Each is made with the folder for the service's files.
SCENARIOS: dict[str, Callable[[Path], Scenario]] = {
    ProcessCrash.name: ProcessCrash,
    DiskPressure.name: DiskPressure,
    BadRelease.name: BadRelease,
}

__all__ = ["SCENARIOS", "Scenario"]
