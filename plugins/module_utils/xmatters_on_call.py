# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on call, as plain data: shifts as they are, and the order in which people are really called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .alert_people import People
from .clients.xmatters_directory_values import DEVICE, Absence, Group, Member, Target, Turn
from .incident import iso
from .xmatters_escalation import Escalation, Roster, Skipped, Step, escalation, same
from .xmatters_roster import target_of


def told_of(roster: Roster, group: Group, at: datetime, people: People) -> dict[str, Any]:
    """Return everything about one group."""
    turns = roster.turns.get(same(group.key), ())
    order = escalation(roster, target_of(group), at)
    return {
        "name": group.key,
        "id": group.id,
        "type": group.kind.lower() or None,
        "status": group.status.lower() or None,
        "covered": order.covered,
        "shifts": [_turn(turn) for turn in turns],
        "escalation": called(order, people),
        "skipped": [_skipped(skipped) for skipped in order.skipped],
        "absences": _absences(roster, [group.key, *_nested(order)]),
    }


def called(order: Escalation, people: People, first: bool = False) -> list[dict[str, Any]]:
    """Return who is called, in order. Those who are called at the same time have the same level.

    With C(first) only the first level is told, and nobody behind it is looked up.
    """
    minutes = sorted({step.after for step in order.steps})
    shown = [step for step in order.steps if not first or step.after == minutes[0]]
    return [{"level": minutes.index(step.after) + 1, **_step(step, people)} for step in shown]


def _step(step: Step, people: People) -> dict[str, Any]:
    target = step.target
    person = target.owner if target.kind == DEVICE else target.key
    return {
        "after": step.after,
        "key": person,
        "name": people.name(person) if target.kind == DEVICE else target.name,
        "device": target.key.partition("|")[2] or target.name if target.kind == DEVICE else None,
        "email": people.email(person),
        "groups": list(step.through),
        "replaces": step.replaces.key if step.replaces else None,
        "until": iso(step.until),
    }


def _skipped(skipped: Skipped) -> dict[str, Any]:
    return {
        "key": skipped.target.key,
        "name": skipped.target.name,
        "reason": skipped.reason,
        "groups": list(skipped.through),
    }


def _turn(turn: Turn) -> dict[str, Any]:
    return {
        "name": turn.shift or None,
        "start": iso(turn.start),
        "end": iso(turn.end),
        "members": [member_of(member) for member in turn.members],
    }


def member_of(member: Member) -> dict[str, Any]:
    """Return one member of a shift as it is planned."""
    return {
        **target_in(member.target),
        "position": member.position,
        "delay": member.delay,
        "escalation_type": member.escalation or None,
        "replacements": [
            {"key": entry.target.key, "name": entry.target.name, "start": iso(entry.start), "end": iso(entry.end)}
            for entry in member.replacements
        ],
    }


def target_in(target: Target) -> dict[str, Any]:
    """Return a person, group or device as every result names it."""
    return {
        "key": target.key,
        "name": target.name,
        "type": target.kind.lower(),
        "status": target.status.lower() or None,
    }


def _nested(order: Escalation) -> list[str]:
    everything: list[Step | Skipped] = [*order.steps, *order.skipped]
    return [name for one in everything for name in one.through]


def _absences(roster: Roster, groups: Sequence[str]) -> list[dict[str, Any]] | None:
    """Return the absences of the members of these groups, None when they could not be read."""
    if roster.absences is None:
        return None
    wanted = {same(name) for name in groups}
    members = {
        same(name)
        for group, targets in _members(roster).items()
        if group in wanted
        for target in targets
        for name in (target.key, target.owner)
    }
    return [
        _absence(absence)
        for absence in roster.absences
        if same(absence.member.key) in members and (absence.group is None or same(absence.group) in wanted)
    ]


def _members(roster: Roster) -> Mapping[str, Sequence[Target]]:
    of_shifts = {
        group: [member.target for turn in turns for member in turn.members] for group, turns in roster.turns.items()
    }
    return {**of_shifts, **roster.members}


def _absence(absence: Absence) -> dict[str, Any]:
    stands_in = absence.replacement
    return {
        "key": absence.member.key,
        "name": absence.member.name,
        "type": absence.kind or None,
        "start": iso(absence.start),
        "end": iso(absence.end),
        "group": absence.group,
        "replacement": stands_in.key if stands_in else None,
        "replacement_name": stands_in.name if stands_in else None,
    }
