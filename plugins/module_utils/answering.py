# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a responder's choice: the first valid one wins, on whatever channel it comes. Pure.

Every choice is written to the timeline, also one that comes too late or that its sender may not make: people should see
who tried what. What is shown to the person who chose is L(Outcome.text).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import escalation
from .asking import Asking, asking_of
from .incident import Answer, Entry, Incident, TimelineEntry, iso
from .options import ACKNOWLEDGE, ESCALATE, SNOOZE, STOP, TAKE_OVER, answerable, question, stoppable
from .responders import Person, person_of, why_not

_DONE = frozenset({"answered", "stop_asked"})


@dataclass(frozen=True)
class Outcome:
    """C(change) is C(answered), C(acknowledged), C(approved), C(late), C(refused) or C(unknown_option)."""

    change: str
    entries: tuple[Entry, ...]
    text: str


def answer(incident: Incident, given: Answer) -> Outcome:
    """Return what becomes of a choice."""
    asking = asking_of(incident)
    person = person_of(given, incident, asking)
    option = incident.option(given.choice)
    key = f"answer:{given.channel}:{given.key}"
    if option is None:
        text = f"{person.name} answered on {given.channel} with something that was not offered: {given.choice[:200]}"
        return Outcome("unknown_option", (_late(text, person, given, None, key),), text)
    data = _chosen(person, given, option)
    refused = why_not(given, person, option, incident)
    if refused:
        text = f"{person.name} may not choose '{option['label']}' on {given.channel}: {refused}"
        return Outcome("refused", (Entry("answer_refused", text, person.name, data, key),), text)
    too_late = _too_late(incident, given, option)
    if too_late:
        text = f"{person.name} chose '{option['label']}' on {given.channel} too late: {too_late}"
        return Outcome("late", (_late(text, person, given, option, key),), text)
    if incident.state in ("healing", "verifying"):
        return _stopped(person, given, option, key)
    if option["name"] == ACKNOWLEDGE:
        minutes = escalation.minutes(asking.acknowledge)
        text = f"{person.name} is looking (on {given.channel}); asking again in {minutes}"
        timers = {"no_answer": asking.acknowledge}
        return Outcome("acknowledged", (Entry("acknowledged", text, person.name, data, key, timers),), text)
    needed = int(option.get("approvals") or 1)
    others = _approvals(incident, option["name"]) - {person.key}
    if len(others) + 1 < needed:
        text = (
            f"{person.name} approved '{option['label']}' on {given.channel} ({len(others) + 1} of {needed}); "
            "somebody else has to choose it as well"
        )
        return Outcome("approved", (Entry("approved", text, person.name, data, key),), text)
    return _answered(incident, person, given, option, asking, key)


def _answered(
    incident: Incident, person: Person, given: Answer, option: Mapping[str, Any], asking: Asking, key: str
) -> Outcome:
    comment = f": {given.comment}" if given.comment else ""
    text = f"{person.name} chose '{option['label']}' on {given.channel}{comment}"
    entries = [Entry("answered", text, person.name, _chosen(person, given, option), key)]
    then = f"{key}:then"
    if option["name"] == TAKE_OVER:
        taken = f"{person.name} takes over; automation keeps its hands off"
        entries.append(Entry("taken_over", taken, person.name, {"reason": "taken_over"}, then))
    elif option["name"] == ESCALATE:
        entries.append(escalation.passed_on(incident, person.name, then))
    elif option["name"] == SNOOZE:
        minutes = escalation.minutes(asking.snooze)
        timers = {"snooze_over": asking.snooze}
        data = {"minutes": round(asking.snooze / 60)}
        entries.append(Entry("snoozed", f"Asking again in {minutes}", person.name, data, then, timers))
    return Outcome("answered", tuple(entries), text)


def _stopped(person: Person, given: Answer, option: Mapping[str, Any], key: str) -> Outcome:
    """Ask what is being done to stop: it does so before its next task, and says how far it came."""
    text = f"{person.name} chose '{option['label']}' on {given.channel}: what runs stops before its next task"
    data = {**_chosen(person, given, option), "by": person.name}
    return Outcome("answered", (Entry("stop_asked", text, person.name, data, key),), text)


def halted(incident: Incident, how_far: str) -> list[Entry]:
    """Return the entries for something that was asked to stop and did. C(how_far) tells where."""
    stop = incident.stop
    if stop is None:
        return []
    key = f"stopped:{question(incident)}:{incident.attempt}"
    text = f"Stopped, as {stop['by']} chose: {how_far}"
    if stop["option"] == TAKE_OVER:
        taken = f"{stop['by']} takes over; automation keeps its hands off"
        return [
            Entry("stopped", text, data={"reason": "stopped"}, key=key),
            Entry("taken_over", taken, stop["by"], {"reason": "taken_over"}, f"{key}:then"),
        ]
    timers = {"no_answer": asking_of(incident).acknowledge}
    return [Entry("stopped", text, data={"reason": "stopped"}, key=key, timers=timers)]


def _too_late(incident: Incident, given: Answer, option: Mapping[str, Any]) -> str | None:
    """Return why a choice does not count any more, None when it does."""
    if given.asked is not None and given.asked != question(incident):
        chosen = _newest_choice(incident)
        return _said(chosen) if chosen is not None and chosen.n > given.asked else "the incident has changed since"
    if option["name"] == STOP:
        return None if stoppable(incident) else f"nothing runs, the incident is {incident.state}"
    if option["name"] == TAKE_OVER and stoppable(incident):
        return None
    if answerable(incident):
        return None
    chosen = _newest_choice(incident)
    return _said(chosen) if chosen is not None else f"the incident is {incident.state}"


def _newest_choice(incident: Incident) -> TimelineEntry | None:
    return next((entry for entry in reversed(incident.timeline) if entry.kind in _DONE), None)


def _said(entry: TimelineEntry) -> str:
    at = entry.at.strftime("%H:%M:%S")
    return f"{entry.data['responder']} had chosen '{entry.data['label']}' on {entry.data['channel']} at {at} UTC"


def _approvals(incident: Incident, option: str) -> set[str]:
    """Return who approved an option since people were asked."""
    since = question(incident) or 0
    return {
        entry.data["person"]
        for entry in incident.timeline
        if entry.kind == "approved" and entry.n > since and entry.data["option"] == option
    }


def _late(text: str, person: Person, given: Answer, option: Mapping[str, Any] | None, key: str) -> Entry:
    return Entry("answered_late", text, person.name, _chosen(person, given, option), key)


def _chosen(person: Person, given: Answer, option: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "option": option["name"] if option else None,
        "label": option["label"] if option else given.choice[:200],
        "responder": person.name,
        "person": person.key,
        "channel": given.channel,
        "alert": given.alert_id,
        "comment": given.comment,
        "at": iso(given.at),
    }
