# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups, their shifts and who is on call, in the emulated xMatters' REST API: one handler per call."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from . import duty, queries, wire
from .company import Group, Shift
from .duty import Span
from .on_call_shapes import OnCallShapes
from .shapes import API, Wire

if TYPE_CHECKING:
    from .tool import XMatters

#: Members that on-call answers list for each shift when the caller does not say.
MEMBERS_PER_SHIFT = 3
#: Days of occurrences when the caller does not say.
DAYS = 7


class GroupRest:
    """Handlers over the groups of the directory."""

    def __init__(self, tool: XMatters) -> None:
        self._directory = tool.directory
        self._shapes = tool.shapes
        self._on_call_shapes = OnCallShapes(tool.directory, tool.shapes)

    def routes(self) -> list[web.AbstractRouteDef]:
        group = f"{API}/groups/{{group}}"
        shift = f"{group}/shifts/{{shift}}"
        return [
            web.get(f"{API}/groups", self._groups),
            web.get(group, self._group),
            web.get(f"{group}/members", self._members),
            web.get(f"{group}/supervisors", self._supervisors),
            web.get(f"{group}/recipients", self._recipients),
            web.get(f"{group}/shifts", self._shifts),
            web.get(shift, self._shift),
            web.get(f"{shift}/members", self._shift_members),
            web.get(f"{shift}/exclusions", self._exclusions),
            web.get(f"{shift}/occurrences/{{start}}/members", self._occurrence_members),
            web.get(f"{group}/occurrences", self._occurrences),
            web.get(f"{API}/on-call", self._on_call),
            web.get(f"{API}/on-call-summary", self._on_call_summary),
        ]

    # -- groups and shifts -------------------------------------------------------------------------------------------

    async def _groups(self, request: web.Request) -> web.Response:
        found = [group for group in self._directory.groups.values() if self._fits(group, request)]
        if request.query.get("sortBy", "NAME").upper() == "NAME":
            found.sort(key=lambda group: group.name.casefold())
        if request.query.get("sortOrder", "ASCENDING").upper() == "DESCENDING":
            found.reverse()
        return web.json_response(wire.page(request, [self._shapes.group(group) for group in found]))

    def _fits(self, group: Group, request: web.Request) -> bool:
        query = request.query
        words = query.get("search", "").casefold().split()
        fields = {field.upper() for field in queries.words(request, "fields")} or {"NAME", "DESCRIPTION"}
        said = " ".join(
            text.casefold()
            for name, text in (("NAME", group.name), ("DESCRIPTION", group.description))
            if name in fields
        )
        hits = [word in said for word in words]
        joined = any(hits) if query.get("operand", "AND").upper() == "OR" else all(hits)
        members = {member.name for member in group.everybody()}
        exists = query.get("member.exists", "").upper()
        filled = [bool(shift.members) for shift in group.shifts]
        return (
            (not words or joined)
            and query.get("groupType", group.kind).upper() == group.kind
            and query.get("status", self._status(group)).upper() == self._status(group)
            and self._any_of(request, "members", members)
            and self._any_of(request, "supervisors", set(group.supervisors))
            and (exists != "ALL_SHIFTS" or all(filled))
            and (exists != "ANY_SHIFTS" or any(filled))
        )

    @staticmethod
    def _status(group: Group) -> str:
        return "ACTIVE" if group.active else "INACTIVE"

    def _any_of(self, request: web.Request, name: str, have: set[str]) -> bool:
        """Tell whether one of the people that the query names is among C(have)."""
        wanted = queries.words(request, name)
        found = (self._directory.find_person(word) for word in wanted)
        return not wanted or any(person is not None and person.key in have for person in found)

    async def _group(self, request: web.Request) -> web.Response:
        return web.json_response(self._shapes.group(self._known(request)))

    async def _members(self, request: web.Request) -> web.Response:
        return web.json_response(wire.page(request, self._shapes.members(self._known(request))))

    async def _supervisors(self, request: web.Request) -> web.Response:
        group = self._known(request)
        return web.json_response(wire.page(request, [self._shapes.reference(name) for name in group.supervisors]))

    async def _recipients(self, request: web.Request) -> web.Response:
        members = self._known(request).everybody()
        return web.json_response(wire.page(request, [self._shapes.recipient(member.name) for member in members]))

    async def _shifts(self, request: web.Request) -> web.Response:
        group, embed = self._known(request), queries.words(request, "embed")
        return web.json_response(
            wire.page(request, [self._shapes.shift(group, shift, embed) for shift in group.shifts])
        )

    async def _shift(self, request: web.Request) -> web.Response:
        group, shift = self._known_shift(request)
        return web.json_response(self._shapes.shift(group, shift, queries.words(request, "embed")))

    async def _shift_members(self, request: web.Request) -> web.Response:
        return web.json_response(wire.page(request, self._shapes.shift_members(*self._known_shift(request))))

    async def _exclusions(self, request: web.Request) -> web.Response:
        self._known_shift(request)
        return web.json_response(wire.page(request, []))

    async def _occurrences(self, request: web.Request) -> web.Response:
        group, embed = self._known(request), queries.words(request, "embed")
        after = queries.moment(request, "from") or self._directory.clock.now()
        before = queries.moment(request, "to") or after + timedelta(days=DAYS)
        wanted = queries.words(request, "shifts")
        found = [
            (shift, span)
            for shift in group.shifts
            if not wanted or shift.id in wanted or shift.name in wanted
            for span in duty.occurrences(shift, after, before)
        ]
        found.sort(key=lambda one: one[1][0])
        items = [self._occurrence(group, shift, span, len(shift.members), {"shift", *embed}) for shift, span in found]
        return web.json_response(wire.page(request, items))

    async def _occurrence_members(self, request: web.Request) -> web.Response:
        group, shift = self._known_shift(request)
        try:
            span = duty.occurrence(shift, queries.time_of(request.match_info["start"], "start"))
        except ValueError as error:
            return wire.error(400, str(error))
        if span is None:
            raise queries.not_found(request.match_info["start"])
        shape = self._occurrence(group, shift, span, len(shift.members), set())
        return web.json_response(wire.page(request, shape["members"]["data"]))

    # -- who is on call ----------------------------------------------------------------------------------------------

    async def _on_call(self, request: web.Request) -> web.Response:
        """Answer one item for each occurrence of a shift; a group with a gap has none."""
        if not queries.words(request, "groups"):
            return wire.error(400, "The parameter groups is required")
        after, before = queries.moment(request, "from"), queries.moment(request, "to")
        if (after is None) != (before is None):
            return wire.error(400, "The parameters from and to belong together")
        if after is None or before is None:
            after = queries.moment(request, "at") or self._directory.clock.now()
            before = after + timedelta(microseconds=1)
        most = queries.number(request, "membersPerShift", MEMBERS_PER_SHIFT)
        if not 1 <= most <= 100:
            return wire.error(400, "membersPerShift must be between 1 and 100")
        embed = set(queries.words(request, "embed"))
        items = [
            self._occurrence(group, shift, span, most, embed)
            for group in self._named(request)
            for shift in group.shifts
            for span in duty.occurrences(shift, after, before)
        ]
        return web.json_response(wire.page(request, items))

    async def _on_call_summary(self, request: web.Request) -> web.Response:
        if not queries.words(request, "groups"):
            return wire.error(400, "The parameter groups is required")
        at = queries.moment(request, "at") or self._directory.clock.now()
        most = queries.number(request, "recipientsPerShift", MEMBERS_PER_SHIFT)
        levels = queries.words(request, "escalationOrder")
        rows = [row for group in self._named(request) for row in self._on_call_shapes.summary(group, at, most)]
        return web.json_response([row for row in rows if not levels or row["escalationLevel"] in levels])

    def _occurrence(self, group: Group, shift: Shift, span: Span, most: int, embed: set[str]) -> Wire:
        """Return an occurrence with the members in the order that they have at its start, or now if it is on."""
        now = self._directory.clock.now()
        at = now if span[0] <= now < span[1] else span[0]
        return self._on_call_shapes.occurrence(group, shift, span, at, most, embed)

    def _named(self, request: web.Request) -> list[Group]:
        found = [self._directory.find_group(name) for name in queries.words(request, "groups")]
        return list({group.name: group for group in found if group is not None}.values())

    def _known(self, request: web.Request) -> Group:
        group = self._directory.find_group(request.match_info["group"])
        if group is None:
            raise queries.not_found(request.match_info["group"])
        return group

    def _known_shift(self, request: web.Request) -> tuple[Group, Shift]:
        group, name = self._known(request), request.match_info["shift"]
        for shift in group.shifts:
            if name in (shift.id, shift.name):
                return group, shift
        raise queries.not_found(name)
