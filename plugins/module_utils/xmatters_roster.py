# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads who is on call in some groups and in the groups in them, as much as it takes to say who is called when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone

from .clients.xmatters_directory import Directory
from .clients.xmatters_directory_values import GROUP, ON_CALL, Absence, Group, Target, Turn
from .errors import AuthenticationError, InvalidInputError, NotFoundError
from .xmatters_escalation import Roster, same

#: Groups in groups in groups, deeper than anybody plans them.
DEEPEST = 8
#: A moment is asked for as a short time: absences have a beginning and an end (seconds).
INSTANT = timedelta(seconds=1)


def read_groups(directory: Directory, names: Sequence[str]) -> list[Group]:
    """Return the groups of these names. Raises InvalidInputError for one that does not exist or may not be seen."""
    found = []
    for name in names:
        group = directory.group(name) if name.strip() else None
        if group is None:
            raise InvalidInputError(
                f"groups: xMatters has no group {name[:100]!r}, or does not show it to this user; see the list under "
                "Groups in xMatters"
            )
        found.append(group)
    return found


def read_roster(
    directory: Directory,
    groups: Iterable[Group],
    at: datetime | None = None,
    until: datetime | None = None,
    absences: bool = True,
) -> Roster:
    """Read turns and members of the groups and of all groups in them: of now, of a moment, or of a time."""
    turns: dict[str, Sequence[Turn]] = {}
    members: dict[str, Sequence[Target]] = {}
    waiting = [target_of(group) for group in groups]
    for _level in range(DEEPEST):
        waiting = [_with_kind(directory, group) for group in _unread(waiting, {*turns, *members})]
        if not waiting:
            break
        found: list[Target] = []
        with_shifts = [group for group in waiting if group.group_kind in ("", ON_CALL)]
        occurrences = directory.on_call([group.key for group in with_shifts], at, until) if with_shifts else []
        for group in with_shifts:
            names = {same(group.key), same(group.id)}
            mine = [turn for turn in occurrences if names & ({same(turn.group.key), same(turn.group.id)} - {""})]
            turns[same(group.key)] = mine
            found += [member.target for turn in mine for member in turn.members]
        for group in waiting:
            if group.group_kind not in ("", ON_CALL):
                listed = directory.members(group.key)
                members[same(group.key)] = listed
                found += listed
        waiting = [target for target in found if target.kind == GROUP]
    away = read_absences(directory, at or datetime.now(timezone.utc), until) if absences else None
    return Roster(turns, members, away, of_a_time=until is not None)


def read_absences(directory: Directory, at: datetime, until: datetime | None = None) -> list[Absence] | None:
    """Return who is away, or None when this user may not see it."""
    try:
        return directory.absences(at, until or at + INSTANT)
    except (AuthenticationError, NotFoundError):
        return None


def _unread(targets: Iterable[Target], known: set[str]) -> list[Target]:
    """Return the groups that were not read yet, each once."""
    return list({same(target.key): target for target in targets if same(target.key) not in known}.values())


def _with_kind(directory: Directory, group: Target) -> Target:
    """Return a group with its kind: a reference to it need not tell whether it has shifts."""
    if group.group_kind:
        return group
    found = directory.group(group.id or group.key)
    return target_of(found) if found is not None else group


def target_of(group: Group) -> Target:
    return Target(group.id, group.key, GROUP, group.key, group.status, group_kind=group.kind)
