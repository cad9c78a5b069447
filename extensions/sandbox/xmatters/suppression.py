# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What flood control of the emulated xMatters dropped."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from .model import Alert


@dataclass(frozen=True)
class Suppression:
    """An event that was not sent, as it was too similar to C(match)."""

    id: str
    number: str
    match: Alert
    at: datetime


def suppressed(number: str, match: Alert, at: datetime) -> Suppression:
    return Suppression(str(uuid.uuid4()), number, match, at)
