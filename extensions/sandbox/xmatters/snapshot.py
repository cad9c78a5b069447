# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the page shows of the emulated xMatters: people with their phones, who is on call, where each alert stands."""

from __future__ import annotations

from typing import Any

from ..settings import Person
from . import duty, messages, wire
from .clock import Clock
from .company import Group, Member
from .directory import Directory
from .escalation import Escalation
from .lines import Line, Step
from .model import ACTIVE


def clock(now: Clock) -> dict[str, Any]:
    """Return what time it is, and how far that is from real time (seconds)."""
    return {"now": wire.event_time(now.now()), "ahead": round(now.ahead, 1), "stopped": now.stopped}


def people(directory: Directory) -> list[dict[str, Any]]:
    on_call = directory.on_call_now()
    return [
        {
            "key": person.key,
            "name": person.name,
            "on_call": person.key in on_call,
            "active": person.key not in directory.inactive,
            "away": _away(person, directory),
            "devices": [{"name": one.name, "kind": one.kind} for one in directory.devices_of(person)],
        }
        for person in directory.people
    ]


def _away(person: Person, directory: Directory) -> dict[str, Any] | None:
    at = directory.clock.now()
    absence = next((one for one in directory.absences.values() if one.person == person.key and one.covers(at)), None)
    if absence is None:
        return None
    return {
        "until": wire.event_time(absence.end),
        "group": absence.group,
        "replacement": _name(absence.replacement, directory) if absence.replacement else None,
    }


def groups(directory: Directory) -> list[dict[str, Any]]:
    """Return each group with those who are on call now, in the order in which they are notified."""
    at = directory.clock.now()
    shown = []
    for group in directory.groups.values():
        shifts = [
            {
                "name": shift.name,
                "until": wire.event_time(span[1]),
                "members": [_member(member, group, directory) for member in duty.order(shift, at)],
            }
            for shift, span in duty.on_duty(group, at)
        ]
        shown.append({"name": group.name, "kind": group.kind, "active": group.active, "shifts": shifts})
    return shown


def _member(member: Member, group: Group, directory: Directory) -> dict[str, Any]:
    person = directory.find_person(member.name.partition("|")[0])
    instead, why = directory.stand_in(person, group, directory.clock.now()) if person else (None, "")
    return {
        "name": _name(member.name, directory),
        "delay": member.delay,
        "skipped": person is not None and instead is None,
        "instead": instead.name if instead is not None and instead != person else None,
        "why": why,
    }


def alert(escalation: Escalation, directory: Directory, detailed: bool = True) -> dict[str, Any]:
    """Return what the page shows of an alert; in detail with what each device got and how far it went."""
    shown = escalation.alert
    first: dict[str, str] = {}
    for sent in shown.notifications:
        first.setdefault(sent.person.key, wire.event_time(sent.created))
    return {
        "id": shown.id,
        "number": shown.number,
        "status": shown.status,
        "priority": shown.priority,
        "subject": shown.subject,
        "text": shown.text,
        "properties": dict(shown.properties),
        "created": wire.event_time(shown.created),
        "expires": wire.event_time(shown.expires_at),
        "recipients": [
            {
                "key": person.key,
                "name": person.name,
                "notified_at": first[person.key],
                "may_answer": escalation.may_answer(person.key),
            }
            for person in shown.notified()
        ],
        "options": [
            {"number": option.number, "label": option.text, "description": option.description, "action": option.action}
            for option in shown.options
        ],
        "responses": [
            {
                "at": wire.event_time(response.at),
                "who": response.person.name,
                "key": response.person.key,
                "device": response.notification.device.name,
                "option": response.option.text,
                "comment": response.comment,
            }
            for response in shown.responses
        ],
        "annotations": [
            {"at": wire.event_time(note.created), "author": note.author, "text": note.comment}
            for note in shown.annotations
        ],
        **(_details(escalation, directory) if detailed else {}),
    }


def _details(escalation: Escalation, directory: Directory) -> dict[str, Any]:
    alert = escalation.alert
    return {
        "messages": [messages.shown(alert, sent) for sent in alert.notifications],
        "escalation": [_line(line, directory, alert.status == ACTIVE) for line in escalation.lines],
    }


def _line(line: Line, directory: Directory, active: bool) -> dict[str, Any]:
    """Return one line of the escalation: C(going), C(stopped) or C(done), and its steps with the time of the next."""
    state = "stopped" if line.stopped or not active else "done" if line.over else "going"
    following = line.following()
    due = wire.event_time(line.timer.due) if line.timer is not None and active else None
    return {
        "target": line.target.name,
        "group": line.group.name if line.group is not None else None,
        "within": line.parent.group.name if line.parent is not None and line.parent.group is not None else None,
        "state": "held" if line.held and active else state,
        "round": line.rounds + 1,
        "steps": [_step(step, directory, due if step is following else None) for step in line.steps],
    }


def _step(step: Step, directory: Directory, due: str | None) -> dict[str, Any]:
    reached = _name(step.person, directory) if step.person else None
    name = _name(step.name, directory)
    return {
        "name": name,
        "state": step.state,
        "at": wire.event_time(step.at) if step.at is not None else None,
        "due": due,
        "delay": step.delay,
        "instead": reached if reached is not None and not name.startswith(reached) else None,
        "why": step.why,
    }


def _name(target: str, directory: Directory) -> str:
    """Return a target name as people say it."""
    owner, _bar, device = target.partition("|")
    person = directory.find_person(owner)
    if person is None:
        return target
    return f"{person.name}, {device}" if device else person.name
