# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ansible-core that a run of the suite is about: the one of this environment, or another one of the matrix."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from support.tree import ROOT

#: The Python of the ansible-core to be tried; without, the one that runs the tests.
PYTHON = "SELF_HEALING_TEST_CORE"
COLLECTIONS = ROOT / ".venv" / "collections"


@dataclass(frozen=True)
class Core:
    """One ansible-core, by the Python that it is installed in."""

    python: Path

    def program(self, name: str) -> str:
        return str(self.python.with_name(name))

    def environment(self) -> dict[str, str]:
        """Return the environment in which its programs find themselves and nothing of the tests."""
        return {"PATH": f"{self.python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def core() -> Core:
    return Core(Path(os.environ.get(PYTHON) or sys.executable))
