# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People, groups, shifts and who is on call, on the wire. One method per call, no decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..incident import iso
from .xmatters_connection import Connection, segment
from .xmatters_directory_values import (
    Absence,
    Device,
    Group,
    Shift,
    Target,
    Turn,
    User,
    to_absence,
    to_device,
    to_group,
    to_shift,
    to_target,
    to_turn,
    to_user,
)
from .xmatters_json import mapping

#: As many members of a shift as one answer may hold (the API takes 1 to 100).
MOST_MEMBERS = 100


class Directory:
    """Reads the directory. Names in paths and queries may be target names or UUIDs. Raises what C(Api.call) raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- people ------------------------------------------------------------------------------------------------------

    def user(self, name: str) -> User | None:
        found = self._connection.find(f"people/{segment(name)}", {"embed": "roles"})
        return to_user(found) if found is not None else None

    def users(self, **query: str) -> list[User]:
        """Return the people that pass the filters of C(GET /people)."""
        return [to_user(item) for item in self._connection.listing("people", query)]

    def devices(self, name: str) -> list[Device]:
        """Return a person's devices in the order in which they ring."""
        rows = [to_device(item) for item in self._connection.listing(f"people/{segment(name)}/devices")]
        return sorted(rows, key=lambda device: device.sequence)

    def groups_of(self, name: str) -> list[Target]:
        rows = self._connection.listing(f"people/{segment(name)}/group-memberships")
        return [to_target({"recipientType": "GROUP", **mapping(row, "group")}) for row in rows]

    # -- groups ------------------------------------------------------------------------------------------------------

    def group(self, name: str) -> Group | None:
        found = self._connection.find(f"groups/{segment(name)}")
        return to_group(found) if found is not None else None

    def groups(self, **query: str) -> list[Group]:
        """Return the groups that pass the filters of C(GET /groups)."""
        return [to_group(item) for item in self._connection.listing("groups", query)]

    def members(self, group: str) -> list[Target]:
        rows = self._connection.listing(f"groups/{segment(group)}/members")
        return [to_target(mapping(row, "member")) for row in rows]

    def supervisors(self, group: str) -> list[Target]:
        return [to_target(item) for item in self._connection.listing(f"groups/{segment(group)}/supervisors")]

    def shifts(self, group: str) -> list[Shift]:
        """Return a group's shifts with their members."""
        shifts = []
        for item in self._connection.listing(f"groups/{segment(group)}/shifts", {"embed": "members"}):
            path = f"groups/{segment(group)}/shifts/{segment(str(item.get('id') or ''))}/members"
            # Not every instance embeds them.
            members = self._embedded(item) if "members" in item else list(self._connection.listing(path))
            shifts.append(to_shift(item, members))
        return shifts

    # -- on call -----------------------------------------------------------------------------------------------------

    def on_call(self, groups: Sequence[str], at: datetime | None = None, until: datetime | None = None) -> list[Turn]:
        """Return who is on call now, at a moment, or in the time up to C(until). A gap in a group has no turn."""
        query: dict[str, Any] = {
            "groups": ",".join(self._listable(name) for name in groups),
            "membersPerShift": MOST_MEMBERS,
            "embed": "shift,members.owner",
        }
        if until is not None:
            query |= {"from": iso(at), "to": iso(until)}
        elif at is not None:
            query["at"] = iso(at)
        return [to_turn(item, self._embedded(item)) for item in self._connection.listing("on-call", query)]

    def absences(self, begin: datetime, end: datetime) -> list[Absence]:
        """Return who is away at some time between two moments."""
        query = {"from": iso(begin), "to": iso(end)}
        return [to_absence(item) for item in self._connection.listing("temporary-absences", query)]

    def _embedded(self, item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return all members of a shift: the first page is in the answer already."""
        return list(self._connection.rest_of(mapping(item, "members"), "on-call", "groups"))

    def _listable(self, name: str) -> str:
        """Return a group as it can stand in a list with commas: by its UUID when its name has one."""
        if "," not in name:
            return name
        found = self.group(name)
        return found.id if found is not None else name
