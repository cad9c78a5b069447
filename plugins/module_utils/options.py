# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be chosen, and when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .incident import Incident, TimelineEntry

#: What a responder may choose besides the remedies.
ACKNOWLEDGE, TAKE_OVER, ESCALATE, SNOOZE, STOP = "acknowledge", "take_over", "escalate", "snooze", "stop"

#: Entries that ask people: whatever is answered belongs to the newest of them.
QUESTIONS = frozenset({"decided", "escalated", "stopped"})
#: Entries after which an escalated incident waits for a choice, and those after which it does not.
_WAITS = frozenset({"escalated", "stopped", "called", "snoozed"})
_CHOSEN = frozenset({"answered", "taken_over"})


def question(incident: Incident) -> int | None:
    """Return the number of the entry that asks people now; None before anything was decided."""
    return next((entry.n for entry in reversed(incident.timeline) if entry.kind in QUESTIONS), None)


def answerable(incident: Incident) -> bool:
    """Whether a choice still counts: nobody has chosen, or it was escalated after the last choice."""
    if incident.state == "escalated":
        newest = next(entry for entry in reversed(incident.timeline) if entry.kind in _WAITS | _CHOSEN)
        return newest.kind in _WAITS
    return incident.state in ("asked", "held") and incident.answer is None


def stoppable(incident: Incident) -> bool:
    """Whether something is being done that can be stopped, and nobody has said so yet."""
    if incident.stop is not None:
        return False
    if incident.state == "healing":
        return True
    return incident.state == "verifying" and unreleased(incident) is not None


def offered(incident: Incident) -> list[Mapping[str, Any]]:
    """Return the options that may be chosen now. Empty means that every button is dead."""
    if stoppable(incident):
        return _named(incident, STOP, TAKE_OVER)
    if not answerable(incident):
        return []
    if incident.state == "held":
        return _named(incident, TAKE_OVER, ESCALATE)
    return [option for option in incident.options if option["name"] != STOP]


def _named(incident: Incident, *names: str) -> list[Mapping[str, Any]]:
    return [option for name in names for option in incident.options if option["name"] == name]


def unreleased(incident: Incident) -> TimelineEntry | None:
    """Return the newest claim, unless it was given back."""
    position = max((n for n, entry in enumerate(incident.timeline) if entry.kind == "claimed"), default=None)
    if position is None or any(entry.kind == "released" for entry in incident.timeline[position:]):
        return None
    return incident.timeline[position]
