# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People, groups, who is on call, and the form, in the emulated xMatters' REST API: one handler per call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timezone

from aiohttp import web

from ..settings import Person
from . import queries, wire
from .directory import API, Directory, Wire, stable_id
from .trigger import FORM_OPTIONS

Handler = Callable[[web.Request], Awaitable[web.Response]]


class DirectoryRest:
    """Handlers over the directory."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def routes(self) -> list[web.AbstractRouteDef]:
        person, device = f"{API}/people/{{person}}", f"{API}/devices/{{device}}"
        group = f"{API}/groups/{{group}}"
        plan, form = f"{API}/plans/{wire.PLAN['id']}", f"{API}/forms/{wire.FORM['id']}"
        nested_form = f"{plan}/forms/{wire.FORM['id']}"
        return [
            web.get(f"{API}/people", self._people),
            web.get(person, self._person),
            web.get(f"{person}/devices", self._person_devices),
            web.get(f"{person}/group-memberships", self._memberships),
            web.get(f"{API}/devices", self._devices),
            web.get(device, self._device),
            web.delete(device, self._delete_device),
            web.get(f"{API}/groups", self._groups),
            web.get(group, self._group),
            web.get(f"{group}/members", self._members),
            web.get(f"{group}/shifts", self._shifts),
            web.get(f"{group}/shifts/{{shift}}", self._shift),
            web.get(f"{group}/shifts/{{shift}}/members", self._shift_members),
            web.get(f"{API}/on-call", self._on_call),
            web.get(f"{API}/on-call-summary", self._on_call_summary),
            web.get(f"{API}/plans", self._listing(lambda: [_plan()])),
            web.get(plan, self._one(_plan)),
            web.get(f"{plan}/forms", self._listing(lambda: [_form(nested_form)])),
            web.get(nested_form, self._one(lambda: _form(nested_form))),
            web.get(f"{nested_form}/response-options", self._listing(_form_options)),
            web.get(f"{API}/forms", self._listing(lambda: [_form(form)])),
            web.get(form, self._one(lambda: _form(form))),
            web.get(f"{form}/response-options", self._listing(_form_options)),
            web.delete(f"{API}/{{kind:people|groups|plans}}/{{id}}", self._delete),
        ]

    async def _people(self, request: web.Request) -> web.Response:
        people = self._directory.settings.people
        for name, value in request.query.items():
            people = tuple(person for person in people if _person_fits(person, name, value.casefold()))
        return web.json_response(wire.page(request, [self._directory.person(person) for person in people]))

    async def _person(self, request: web.Request) -> web.Response:
        person = self._directory.find_person(request.match_info["person"])
        if person is None:
            raise queries.not_found(request.match_info["person"])
        return web.json_response(self._directory.person(person))

    async def _person_devices(self, request: web.Request) -> web.Response:
        person = self._directory.find_person(request.match_info["person"])
        if person is None:
            raise queries.not_found(request.match_info["person"])
        return web.json_response(wire.page(request, self._directory.devices_of(person)))

    async def _memberships(self, request: web.Request) -> web.Response:
        person = self._directory.find_person(request.match_info["person"])
        if person is None:
            raise queries.not_found(request.match_info["person"])
        mine = [row for row in self._directory.group_members() if row["member"]["targetName"] == person.key]
        return web.json_response(wire.page(request, mine))

    async def _devices(self, request: web.Request) -> web.Response:
        return web.json_response(wire.page(request, list(self._directory.devices.values())))

    async def _device(self, request: web.Request) -> web.Response:
        device = self._directory.devices.get(request.match_info["device"])
        if device is None:
            raise queries.not_found(request.match_info["device"])
        return web.json_response(device)

    async def _delete_device(self, request: web.Request) -> web.Response:
        device = self._directory.devices.pop(request.match_info["device"], None)
        return web.json_response(device) if device else web.Response(status=204)

    async def _delete(self, request: web.Request) -> web.Response:
        """Answer a DELETE: the vendor says 204 when the thing does not exist. What exists here is not given away."""
        kind, name = request.match_info["kind"], request.match_info["id"]
        exists = (
            (kind == "people" and self._directory.find_person(name) is not None)
            or (kind == "groups" and self._directory.is_group(name))
            or (kind == "plans" and name == wire.PLAN["id"])
        )
        return wire.error(403, "The sandbox keeps its people and groups") if exists else web.Response(status=204)

    async def _groups(self, request: web.Request) -> web.Response:
        wanted = request.query.get("search", "").casefold()
        groups = [self._directory.group()] if wanted in self._directory.settings.group.casefold() else []
        return web.json_response(wire.page(request, groups))

    async def _group(self, request: web.Request) -> web.Response:
        self._known_group(request)
        return web.json_response(self._directory.group())

    async def _members(self, request: web.Request) -> web.Response:
        self._known_group(request)
        return web.json_response(wire.page(request, self._directory.group_members()))

    async def _shifts(self, request: web.Request) -> web.Response:
        self._known_group(request)
        return web.json_response(wire.page(request, [self._directory.shift()]))

    async def _shift(self, request: web.Request) -> web.Response:
        self._known_group(request)
        return web.json_response(self._directory.shift())

    async def _shift_members(self, request: web.Request) -> web.Response:
        self._known_group(request)
        return web.json_response(wire.page(request, self._directory.shift_members()))

    def _known_group(self, request: web.Request) -> None:
        if not self._directory.is_group(request.match_info["group"]):
            raise queries.not_found(request.match_info["group"])
        shift = request.match_info.get("shift")
        if shift is not None and shift != self._directory.shift_id:
            raise queries.not_found(shift)

    async def _on_call(self, request: web.Request) -> web.Response:
        groups = queries.words(request, "groups")
        if not groups:
            return wire.error(400, "The parameter groups is required")
        at = queries.moment(request, "at") or queries.moment(request, "from") or datetime.now(timezone.utc)
        members = queries.number(request, "membersPerShift", 3)
        with_shift = "shift" in queries.words(request, "embed")
        found = [group for group in groups if self._directory.is_group(group)]
        return web.json_response(
            wire.page(request, [self._directory.on_call(at, members, with_shift) for _group in found[:1]])
        )

    async def _on_call_summary(self, request: web.Request) -> web.Response:
        groups = queries.words(request, "groups")
        if not groups:
            return wire.error(400, "The parameter groups is required")
        known = any(self._directory.is_group(group) for group in groups)
        return web.json_response(list(self._directory.on_call_summary()) if known else [])

    # -- plan and form -----------------------------------------------------------------------------------------------

    @staticmethod
    def _one(make: Callable[[], Wire]) -> Handler:
        async def answer(_request: web.Request) -> web.Response:
            return web.json_response(make())

        return answer

    @staticmethod
    def _listing(make: Callable[[], list[Wire]]) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            return web.json_response(wire.page(request, make()))

        return answer


def _person_fits(person: Person, name: str, value: str) -> bool:
    """Apply one filter of the query in lower case; filters that are not emulated let everybody pass."""
    if name in ("targetName", "webLogin"):
        return person.key.casefold() == value
    if name == "emailAddress":
        return person.email.casefold() == value
    return name != "search" or value in f"{person.key} {person.name}".casefold()


def _plan() -> Wire:
    return {
        **wire.PLAN,
        "planType": "PLAN",
        "description": "Asks the person on call which remedy may run",
        "enabled": True,
        "editable": True,
        "accessibleByAll": True,
        "floodControl": False,
        "created": "2026-01-05T09:00:00.000Z",
        "links": {"self": f"{API}/plans/{wire.PLAN['id']}"},
    }


def _form(path: str) -> Wire:
    return {
        **wire.FORM,
        "formId": stable_id("form number"),
        "description": "One alert of an incident",
        "mobileEnabled": True,
        "uiEnabled": True,
        "apiEnabled": True,
        "plan": wire.PLAN,
        "links": {"self": path},
    }


def _form_options() -> list[Wire]:
    return [wire.option(option) for option in FORM_OPTIONS]
