# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People and their devices in the emulated xMatters' REST API: one handler per call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from ..settings import Person
from . import queries, wire
from .shapes import API

if TYPE_CHECKING:
    from .tool import XMatters


class DirectoryRest:
    """Handlers over the people and devices of the directory."""

    def __init__(self, tool: XMatters) -> None:
        self._directory = tool.directory
        self._shapes = tool.shapes

    def routes(self) -> list[web.AbstractRouteDef]:
        person, device = f"{API}/people/{{person}}", f"{API}/devices/{{device}}"
        return [
            web.get(f"{API}/people", self._people),
            web.get(person, self._person),
            web.get(f"{person}/devices", self._person_devices),
            web.get(f"{person}/group-memberships", self._memberships),
            web.get(f"{API}/devices", self._devices),
            web.get(device, self._device),
            web.delete(device, self._delete_device),
            web.delete(f"{API}/{{kind:people|groups|plans}}/{{id}}", self._delete),
        ]

    async def _people(self, request: web.Request) -> web.Response:
        people = [person for person in self._directory.people if self._fits(person, request)]
        embed = queries.words(request, "embed")
        return web.json_response(wire.page(request, [self._shapes.person(person, embed) for person in people]))

    def _fits(self, person: Person, request: web.Request) -> bool:
        """Apply the filters of the query; those that are not emulated let everybody pass."""
        query = {name: value.casefold() for name, value in request.query.items()}
        first, _space, last = person.name.casefold().partition(" ")
        phones = {device.address for device in self._directory.devices_of(person) if device.kind != "EMAIL"}
        exact = {
            "targetName": person.key.casefold(),
            "webLogin": person.key.casefold(),
            "emailAddress": person.email.casefold(),
            "firstName": first,
            "lastName": last,
            "status": "inactive" if person.key in self._directory.inactive else "active",
        }
        groups = [self._directory.find_group(name) for name in queries.words(request, "groups")]
        mine = self._directory.groups_of(person.key)
        return (
            all(query.get(name, value) == value for name, value in exact.items())
            and query.get("search", "") in f"{person.key} {person.name} {person.email}".casefold()
            and (not groups or any(group in mine for group in groups))
            and ("phoneNumber" not in query or request.query["phoneNumber"] in phones)
        )

    async def _person(self, request: web.Request) -> web.Response:
        return web.json_response(self._shapes.person(self._known(request), queries.words(request, "embed")))

    async def _person_devices(self, request: web.Request) -> web.Response:
        devices = self._shapes.devices_of(self._known(request), queries.words(request, "embed"))
        return web.json_response(wire.page(request, devices))

    async def _memberships(self, request: web.Request) -> web.Response:
        person = self._known(request)
        rows = [
            self._shapes.membership(group, member)
            for group in self._directory.groups_of(person.key)
            for member in group.everybody()
            if member.name == person.key
        ]
        return web.json_response(wire.page(request, rows))

    def _known(self, request: web.Request) -> Person:
        person = self._directory.find_person(request.match_info["person"])
        if person is None:
            raise queries.not_found(request.match_info["person"])
        return person

    async def _devices(self, request: web.Request) -> web.Response:
        embed = queries.words(request, "embed")
        kinds = {word.upper() for word in queries.words(request, "deviceType")}
        devices = [one for one in self._directory.devices.values() if not kinds or one.kind in kinds]
        return web.json_response(wire.page(request, [self._shapes.device(device, embed) for device in devices]))

    async def _device(self, request: web.Request) -> web.Response:
        device = self._directory.find_device(request.match_info["device"])
        if device is None:
            raise queries.not_found(request.match_info["device"])
        return web.json_response(self._shapes.device(device, queries.words(request, "embed")))

    async def _delete_device(self, request: web.Request) -> web.Response:
        device = self._directory.find_device(request.match_info["device"])
        if device is None:
            return web.Response(status=204)
        shape = self._shapes.device(device)
        del self._directory.devices[device.id]
        return web.json_response(shape)

    async def _delete(self, request: web.Request) -> web.Response:
        """Answer a DELETE: the vendor says 204 when the thing does not exist. What exists here is not given away."""
        kind, name = request.match_info["kind"], request.match_info["id"]
        exists = (
            (kind == "people" and self._directory.find_person(name) is not None)
            or (kind == "groups" and self._directory.find_group(name) is not None)
            or (kind == "plans" and name == wire.PLAN["id"])
        )
        return wire.error(403, "The sandbox keeps its people and groups") if exists else web.Response(status=204)
