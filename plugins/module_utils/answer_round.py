# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells one choice from another on channels that have no ids of their own for choices. Pure."""

from __future__ import annotations

from .incident import Incident
from .options import QUESTIONS

#: After these entries the same option is another choice: people were asked, or called, again.
_AGAIN = QUESTIONS | {"called", "snoozed"}


def choice_key(incident: Incident, who: str, option: str) -> str:
    """Return the key of a choice: what somebody chooses twice before people are called again is chosen once."""
    again = max((entry.n for entry in incident.timeline if entry.kind in _AGAIN), default=0)
    return f"{who}:{again}:{option}"
