# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls one after another until a person has the incident: what follows when nobody answers, or passes it on. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from .asking import NOTIFY, Asking, asking_of
from .calls import Call, calls_of
from .incident import Entry, Incident, TimelineEntry
from .options import question
from .reports import episode

#: How much the clocks of two machines may differ (seconds).
CLOCKS_DIFFER = 1.0


def minutes(seconds: float) -> str:
    """Return a span as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{round(seconds / 60)} minutes"


def escalated(
    incident: Incident, text: str, reason: str, key: str, actor: str = "self-healing", *, calls_again: bool = True
) -> Entry:
    """Return the entry by which an incident is escalated: people are called again, from the first step on."""
    timers = {"no_answer": asking_of(incident).step(0).wait} if calls_again else {}
    return Entry("escalated", text, actor, {"reason": reason}, key, timers)


def unanswered(incident: Incident, now: datetime) -> list[Entry]:
    """Return what follows when nobody answered the newest call in time, or who looked has not decided.

    The calls end with a stated end: C(escalated), or a remedy that the policy declared safe to run then. A timer that
    is delivered twice, or was set before the newest call, changes nothing: there is still time.
    """
    asking = asking_of(incident)
    waits = _waits_for(incident, asking)
    if waits is None or now < waits[0].at + timedelta(seconds=waits[1] - CLOCKS_DIFFER):
        return []
    newest, key = waits[0], f"no_answer:{waits[0].n}"
    if newest.kind == "escalated" and newest.data.get("reason") == "no_answer":
        # The end was stated: nobody is called for ever.
        return []
    made = _calls_now(incident)
    level = made[-1].level if made else 0
    if newest.kind in ("acknowledged", "stopped"):
        who = newest.actor if newest.kind == "acknowledged" else "Nobody"
        return [_called("reminded", level, f"{who} has not decided: calling again", asking, key)]
    if level + 1 < len(asking.steps):
        whom = ", ".join(asking.step(level + 1).recipients) or "the responders again"
        return [_called("next", level + 1, f"Nobody answered: calling {whom}", asking, key)]
    calls = f"{len(made)} calls" if len(made) > 1 else "the call"
    if incident.state == "escalated":
        return [escalated(incident, f"Still escalated: nobody answered {calls}", "no_answer", key, calls_again=False)]
    if _may_run(incident, asking):
        text = f"Nobody answered {calls}: the policy lets {asking.exhausted} run then"
        return [Entry("unanswered", text, data={"remedy": asking.exhausted}, key=f"unanswered:{episode(incident)}")]
    return [escalated(incident, "Escalated: nobody answered in time", "no_answer", key, calls_again=False)]


def snooze_over(incident: Incident) -> list[Entry]:
    """Return what follows when a snooze is over: the policy is asked again, or people are where it cannot help."""
    snoozed = next((entry for entry in reversed(incident.timeline) if entry.kind == "snoozed"), None)
    key = f"snooze_over:{snoozed.n if snoozed else 0}"
    if incident.state == "asked":
        return [Entry("asked_again", "The snooze is over", key=key)]
    return [_called("reminded", 0, "The snooze is over: calling again", asking_of(incident), key)]


def passed_on(incident: Incident, by: str, key: str) -> Entry:
    """Return the entry for a responder who has the next one called."""
    asking, made = asking_of(incident), _calls_now(incident)
    level = made[-1].level + 1 if made else 0
    if level < len(asking.steps):
        whom = ", ".join(asking.step(level).recipients) or "the responders again"
        return _called("next", level, f"{by} passes it on: calling {whom}", asking, key)
    return escalated(incident, f"{by} escalated", "asked", key, by)


def runs_unanswered(incident: Incident) -> str | None:
    """Return the remedy that may run because nobody answered; None once somebody, or the policy, decided otherwise."""
    newest = next((e for e in reversed(incident.timeline) if e.kind in ("unanswered", "answered", "decided")), None)
    return str(newest.data["remedy"]) if newest is not None and newest.kind == "unanswered" else None


def _called(why: str, level: int, text: str, asking: Asking, key: str) -> Entry:
    timers = {"no_answer": asking.step(level).wait}
    return Entry("called", text, data={"why": why, "level": level}, key=key, timers=timers)


def _calls_now(incident: Incident) -> list[Call]:
    """Return the calls of the question that is open, oldest first."""
    asked = question(incident)
    return [call for call in calls_of(incident) if call.round == asked]


def _waits_for(incident: Incident, asking: Asking) -> tuple[TimelineEntry, float] | None:
    """Return the entry since which an answer is awaited, and for how long (seconds)."""
    for entry in reversed(incident.timeline):
        if entry.kind in ("acknowledged", "stopped"):
            return entry, asking.acknowledge
        if entry.kind == "called":
            return entry, asking.step(entry.data["level"]).wait
        if entry.kind in ("decided", "escalated"):
            return entry, asking.step(0).wait
    return None


def _may_run(incident: Incident, asking: Asking) -> bool:
    if asking.exhausted == NOTIFY or incident.has_key(f"unanswered:{episode(incident)}"):
        return False
    return any(option["name"] == asking.exhausted and option.get("role") for option in incident.options)
