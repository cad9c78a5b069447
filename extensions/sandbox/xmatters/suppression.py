# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What flood control of the emulated xMatters dropped."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from .model import Alert


@dataclass(frozen=True)
class Suppression:
    """An event that was not sent, as it was too similar to C(match)."""

    number: str
    match: Alert
    at: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
