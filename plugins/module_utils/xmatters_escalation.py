# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who of a group is called when: the members of its shift in order, nested groups and absences resolved. Pure.

The rules are those of help.xmatters.com (escalations in groups): members are called one after the other, each after its
delay. Somebody who is inactive, or away with nobody standing in, is left out, and the delay behind that member with it.
Groups without shifts call everybody at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from .clients.xmatters_directory_values import DEVICE, GROUP, ON_CALL, Absence, Member, Replacement, Target, Turn

T = TypeVar("T")


@dataclass(frozen=True)
class Roster:
    """What has been read of some groups. The keys are names as L(same) makes them.

    C(turns) are the occurrences of shifts, C(members) the members of groups that have no shifts. C(absences) is None
    when they could not be read; who is replaced is in the turns as well. C(of_a_time) says that the turns are those of
    a time, and not those that xMatters itself has for the moment: its clock decides, and not ours.
    """

    turns: Mapping[str, Sequence[Turn]] = field(default_factory=dict)
    members: Mapping[str, Sequence[Target]] = field(default_factory=dict)
    absences: Sequence[Absence] | None = None
    of_a_time: bool = False

    def turns_at(self, group: Target, at: datetime) -> list[Turn]:
        """Return the turns of a group that a moment is in."""
        turns = _of(self.turns, group)
        return [turn for turn in turns if not self.of_a_time or _covers(turn.start, turn.end, at)]


@dataclass(frozen=True)
class Step:
    """One person or device that is called C(after) minutes. C(through) are the groups on the way, the outermost first.

    C(replaces) is who should have been called, C(until) the end of the shift.
    """

    target: Target
    after: int
    through: tuple[str, ...]
    replaces: Target | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Skipped:
    """Somebody who is not called. C(reason) is C(absent), C(inactive), C(nobody on call) or C(contains itself)."""

    target: Target
    reason: str
    through: tuple[str, ...]


@dataclass(frozen=True)
class Escalation:
    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...]
    covered: bool


def same(name: str) -> str:
    """Return a name in the form in which equal names are equal: xMatters ignores case in them."""
    return name.strip().casefold()


def escalation(roster: Roster, group: Target, at: datetime) -> Escalation:
    """Return who is called at a moment and in what order. Everybody is in it once, at the earliest time."""
    walk = _Walk(roster, at)
    covered = walk.group(group, 0, ())
    steps: dict[str, Step] = {}
    for step in sorted(walk.steps, key=lambda one: one.after):
        steps.setdefault(same(step.target.key), step)
    return Escalation(tuple(steps.values()), tuple(walk.skipped), covered)


class _Walk:
    """Collects who is called, going through groups in groups."""

    def __init__(self, roster: Roster, at: datetime) -> None:
        self._roster = roster
        self._at = at
        self.steps: list[Step] = []
        self.skipped: list[Skipped] = []

    def group(self, group: Target, minute: int, path: tuple[str, ...]) -> bool:
        """Add everybody of a group and return whether there is anybody."""
        names = {same(name) for name in (group.key, group.id) if name}
        if names & {same(name) for name in path}:
            return self._skip(group, "contains itself", path)
        if group.status == "INACTIVE":
            return self._skip(group, "inactive", path)
        path = (*path, group.key)
        before = len(self.steps)
        if group.group_kind in ("", ON_CALL):
            for turn in self._roster.turns_at(group, self._at):
                self._in_order(turn, minute, path)
        if group.group_kind != ON_CALL:
            for target in _of(self._roster.members, group):
                self._target(Member(target, 1), minute, path, None)
        return len(self.steps) > before

    def _in_order(self, turn: Turn, minute: int, path: tuple[str, ...]) -> None:
        called = True
        for member in turn.members:
            # The delay stands before a member; behind one who is left out it does not count.
            minute += member.delay if called else 0
            called = self._target(member, minute, path, turn.end)

    def _target(self, member: Member, minute: int, path: tuple[str, ...], until: datetime | None) -> bool:
        """Add a member, or who stands in, and return whether anybody is called."""
        target = member.target
        if target.kind == GROUP:
            known = len(self.skipped)
            if self.group(target, minute, path):
                return True
            return False if len(self.skipped) > known else self._skip(target, "nobody on call", path)
        if target.status == "INACTIVE":
            return self._skip(target, "inactive", path)
        away, replacement = self._away(member, path)
        if not away:
            return self._call(Step(target, minute, path, None, until))
        if replacement is None or replacement.status == "INACTIVE":
            return self._skip(target, "absent", path)
        return self._call(Step(replacement, minute, path, target, until))

    def _away(self, member: Member, path: tuple[str, ...]) -> tuple[bool, Target | None]:
        """Return whether a member is away now, and who stands in."""
        for entry in member.replacements:
            if self._is_now(entry):
                return True, entry.target
        target = member.target
        keys = {same(target.owner)} if target.kind == DEVICE else {same(target.key), same(target.id)}
        for absence in self._roster.absences or ():
            mine = {same(absence.member.key), same(absence.member.id)} & keys - {""}
            here = absence.group is None or same(absence.group) in {same(name) for name in path}
            if mine and here and _covers(absence.start, absence.end, self._at):
                return True, absence.replacement
        return False, None

    def _is_now(self, entry: Replacement) -> bool:
        return _covers(entry.start, entry.end, self._at)

    def _call(self, step: Step) -> bool:
        self.steps.append(step)
        return True

    def _skip(self, target: Target, reason: str, path: tuple[str, ...]) -> bool:
        self.skipped.append(Skipped(target, reason, path))
        return False


def _of(known: Mapping[str, Sequence[T]], group: Target) -> Sequence[T]:
    return known.get(same(group.key)) or known.get(same(group.id)) or ()


def _covers(start: datetime | None, end: datetime | None, at: datetime) -> bool:
    return (start is None or start <= at) and (end is None or at < end)
