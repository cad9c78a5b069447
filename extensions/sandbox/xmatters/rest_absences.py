# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporary absences in the emulated xMatters' REST API: one handler per call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import queries, wire
from .company import Absence
from .on_call_shapes import OnCallShapes
from .shapes import API

if TYPE_CHECKING:
    from .tool import XMatters


class AbsenceRest:
    """Handlers over the absences of the directory."""

    def __init__(self, tool: XMatters) -> None:
        self._tool = tool
        self._directory = tool.directory
        self._shapes = OnCallShapes(tool.directory, tool.shapes)

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get(f"{API}/temporary-absences", self._list),
            web.post(f"{API}/temporary-absences", self._create),
            web.delete(f"{API}/temporary-absences/{{id}}", self._delete),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        found = [one for one in self._directory.absences.values() if self._fits(one, request)]
        found.sort(key=lambda one: one.start)
        return web.json_response(wire.page(request, [self._shapes.absence(one) for one in found]))

    def _fits(self, absence: Absence, request: web.Request) -> bool:
        after, before = queries.moment(request, "from"), queries.moment(request, "to")
        groups = [self._directory.find_group(name) for name in queries.words(request, "groups")]
        member = self._directory.find_person(request.query["member"]) if "member" in request.query else None
        names = {group.name for group in groups if group is not None}
        mine = {group.name for group in self._directory.groups_of(absence.person)}
        concerned = {absence.group} if absence.group else mine
        return (
            ("member" not in request.query or (member is not None and member.key == absence.person))
            and (not groups or bool(concerned & names))
            and request.query.get("absenceType", absence.kind).upper() == absence.kind
            and (after is None or absence.end > after)
            and (before is None or absence.start < before)
        )

    async def _create(self, request: web.Request) -> web.Response:
        body = await queries.json_object(request)
        try:
            absence = self._understood(body)
        except ValueError as error:
            return wire.error(400, str(error))
        self._directory.add_absence(absence)
        self._tool.changed()
        return web.json_response(self._shapes.absence(absence), status=201)

    def _understood(self, body: dict[str, Any]) -> Absence:
        """Return the absence that a caller describes. Raises ValueError that names what is wrong."""
        person = self._directory.find_person(_name(body.get("member")))
        if person is None:
            raise ValueError("member is missing or unknown")
        times = {name: queries.time_of(str(body.get(name, "")), name) for name in ("start", "end")}
        if times["start"] >= times["end"]:
            raise ValueError("end must be after start")
        kind = str(body.get("absenceType") or "BASIC").upper()
        replacement = self._directory.find_person(_name(body.get("replacement"))) if body.get("replacement") else None
        if kind == "REPLACEMENT" and replacement is None:
            raise ValueError("replacement is required for the absence type REPLACEMENT")
        group = self._directory.find_group(_name(body.get("group"))) if body.get("group") else None
        if body.get("group") and group is None:
            raise ValueError("group is unknown")
        return Absence(
            person=person.key,
            start=times["start"],
            end=times["end"],
            replacement=replacement.key if replacement else None,
            group=group.name if group else None,
            direct=body.get("includeDirectNotifications") is True,
            kind=kind,
        )

    async def _delete(self, request: web.Request) -> web.Response:
        """End an absence: what was there is the answer, and 204 says that there was nothing."""
        absence = self._directory.absences.pop(request.match_info["id"], None)
        if absence is None:
            return web.Response(status=204)
        self._tool.changed()
        return web.json_response(self._shapes.absence(absence))


def _name(value: Any) -> str:
    """Return the name in a reference, which may be an object or the name itself."""
    if isinstance(value, dict):
        return str(value.get("id") or value.get("targetName") or "")
    return str(value or "")
