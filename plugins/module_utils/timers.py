# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it means that time has passed: timers came due, nobody settled a delivery, a tool stays behind. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from . import escalation, run_identity
from .incident import Entry, Incident
from .options import answerable, unreleased
from .run_identity import StateOf
from .timeline import behind

#: Pauses between two tries to bring a tool up to date that failed (seconds).
SHORTEST_CATCH_UP, LONGEST_CATCH_UP = 30.0, 1800.0


def due(
    incident: Incident, name: str, look_again: timedelta, now: datetime, state_of: StateOf = run_identity.state_of
) -> list[Entry]:
    """Say what a timer means now that it came due; most often that everything went well in the meantime.

    C(look_again) is the first pause between two looks at an incident that is held or observed; it doubles with each.
    """
    if not matters(incident, name):
        return []
    if name == "no_answer":
        return escalation.unanswered(incident, now)
    if name == "verify_deadline":
        source = incident.problem["source"]
        why = f"{source} still reports the problem" if incident.open else "our probe did not confirm it in time"
        text = f"Escalated: {why} after the fix"
        return [escalation.escalated(incident, text, "not_confirmed", f"not_confirmed:{incident.attempt}")]
    if name == "snooze_over":
        return escalation.snooze_over(incident)
    if name == "reconsider":
        looks = sum(1 for entry in incident.timeline if entry.kind == "reconsidered")
        pause = look_again.total_seconds() * 2 ** min(looks, 4)
        return [Entry("reconsidered", "Looking again", timers={"reconsider": pause})]
    return _overdue(incident, state_of) if name == "claim_over" else []


def matters(incident: Incident, name: str) -> bool:
    """Whether anything is left to do about a timer. Most have lost their meaning when they come due."""
    if name in ("no_answer", "snooze_over"):
        return incident.state in ("asked", "escalated") and answerable(incident)
    if name == "verify_deadline":
        return incident.state == "verifying"
    if name == "reconsider":
        return incident.state in ("held", "observed")
    if name == "claim_over":
        return unreleased(incident) is not None and incident.state in ("healing", "verifying")
    if name == "catch_up":
        return bool(behind(incident))
    return True


def _overdue(incident: Incident, state_of: StateOf) -> list[Entry]:
    """A run that lives longer than its lease may hang: a person has to look, and nobody heals beside it."""
    held = unreleased(incident)
    if held is None or state_of(held.data["worker"]) != run_identity.ALIVE:
        return []
    run = run_identity.short(held.data["worker"])
    text = f"Escalated: {run} has been healing {incident.target} for longer than it may take"
    return [escalation.escalated(incident, text, "overdue", f"overdue:{held.data['until']}")]


def undelivered(incident: Incident, kind: str, name: str, attempts: int) -> list[Entry]:
    """Say that no playbook came to its end with a delivery, however often it was made: a person is needed."""
    tried = f"no playbook ended in {attempts} attempts with the {kind} {name}; see the log of ansible-rulebook"
    if incident.state in ("stable", "closed"):
        return [Entry("noted", f"Not carried out: {tried}")]
    if incident.state == "escalated":
        return []
    # The timer makes one last delivery, which tells the tools.
    data, key = {"reason": "undelivered"}, f"undelivered:{incident.version}"
    return [Entry("escalated", f"Escalated: {tried}", data=data, key=key, timers={"undelivered": 0.0})]


def catch_up_after(incident: Incident, now: datetime) -> float | None:
    """Return when to try again to bring the tools that are behind up to date (seconds); None when none is.

    The pause grows with the time for which a tool has been failing.
    """
    late = behind(incident)
    if not late:
        return None
    failures = [entry for entry in incident.timeline if entry.kind == "tool_failed" and entry.data["tool"] in late]
    since = max((entry.at for entry in failures), default=now)
    return min(max((now - since).total_seconds(), SHORTEST_CATCH_UP), LONGEST_CATCH_UP)
