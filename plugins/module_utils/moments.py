# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads moments out of the options of modules. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from .errors import ConfigurationError


def moment_in(params: Mapping[str, Any], option: str) -> datetime | None:
    """Return the moment that an option says, UTC where it names no zone. Raises ConfigurationError."""
    said = params[option]
    if said is None:
        return None
    try:
        at = datetime.fromisoformat(said)
        at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
        at.timestamp()
    except (ValueError, OverflowError):
        raise ConfigurationError(f"{option} is {said[:40]!r}, expected a time like 2026-11-22T10:00:00Z") from None
    return at
