# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures and paths that all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).absolute().parents[1]
for folder in (ROOT / "tests", ROOT / "extensions", ROOT / ".venv" / "collections"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
