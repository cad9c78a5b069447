# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the moments that modules and lookups are given. Pure."""

from __future__ import annotations

from datetime import datetime

from .errors import ConfigurationError


def moment_in(text: str, option: str) -> datetime:
    """Return a moment with its time zone. Raises ConfigurationError that names the option."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ConfigurationError(
            f"{option} is {text[:40]!r}, expected a moment with its time zone, like 2026-11-22T08:00:00Z"
        )
    return at
