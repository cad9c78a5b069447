# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources about the site itself: server, people, project, and what an administrator has configured."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .answers import RefusedError, hidden, page_of
from .catalogue import FIELDS, ISSUE_TYPES, PRIORITIES, RESOLUTIONS, SCREEN, STATUSES, Field
from .site import Site
from .store import User, now
from .wire import Wire, stamp

NO_PROJECT = "No project could be found with key '{}'."
ME_REFUSED = "Client must be authenticated to access this resource."


class Configuration:
    """Handlers of everything that an integration reads and never writes."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def server_info(self, request: web.Request) -> web.Response:
        """Answer without credentials, as Jira does."""
        numbers = [1001, 0, 0] if self._site.cloud else [9, 12, 8]
        body = {
            "baseUrl": self._site.base,
            "version": ".".join(map(str, numbers)),
            "versionNumbers": numbers,
            "deploymentType": self._site.deployment,
            "buildNumber": 100273,
            "buildDate": "2026-11-20T00:00:00.000+0000",
            "serverTime": stamp(now()),
            "serverTitle": "Jira",
        }
        return web.json_response(body)

    async def myself(self, request: web.Request) -> web.Response:
        user = self._site.caller(request)
        if user is None:
            realm = self._site.base.replace(":", "%3A").replace("/", "%2F")
            headers = {"WWW-Authenticate": f'OAuth realm="{realm}"', "Content-Type": "text/html;charset=UTF-8"}
            return web.Response(status=401, body=ME_REFUSED.encode(), headers=headers)
        roles = {"groups": {"size": 0, "items": []}, "applicationRoles": {"size": 1, "items": []}}
        person = self._site.wire(request).user(user) or {}
        return web.json_response({**person, "locale": "en_US", **roles})

    async def users(self, request: web.Request) -> web.Response:
        """Answer the search for users. Somebody who may not browse users finds nobody, and gets no error."""
        wanted = (request.query.get("query") or request.query.get("username") or "").casefold()
        account = request.query.get("accountId")
        if not wanted and account is None:
            raise RefusedError(400, "The query parameter 'query' is required.")
        start, most = page_of(request)
        people = self._site.store.users if self._site.caller(request) else []
        found = [user for user in people if _fits(user, wanted) and account in (None, user.account_id)]
        wire = self._site.wire(request)
        return web.json_response([wire.user(user) for user in found[start : start + most]])

    async def user(self, request: web.Request) -> web.Response:
        reference = request.query.get("accountId") or request.query.get("username")
        found = self._site.store.user(reference) if self._site.caller(request) else None
        if found is None:
            raise RefusedError(404, "Specified user does not exist or you do not have required permissions")
        return web.json_response(self._site.wire(request).user(found))

    async def fields(self, request: web.Request) -> web.Response:
        wire = self._site.wire(request)
        return web.json_response([wire.field(field) for field in FIELDS])

    async def issue_types(self, request: web.Request) -> web.Response:
        wire = self._site.wire(request)
        return web.json_response([wire.issue_type(value) for value in ISSUE_TYPES])

    async def priorities(self, request: web.Request) -> web.Response:
        wire = self._site.wire(request)
        return web.json_response([wire.priority(value) for value in PRIORITIES])

    async def priority_search(self, request: web.Request) -> web.Response:
        wire = self._site.wire(request)
        return _page(request, [wire.priority(value) for value in PRIORITIES])

    async def resolutions(self, request: web.Request) -> web.Response:
        wire = self._site.wire(request)
        return web.json_response([wire.named("resolution", value) for value in RESOLUTIONS])

    async def statuses(self, request: web.Request) -> web.Response:
        wire = self._site.wire(request)
        return web.json_response([wire.status(value) for value in STATUSES])

    # The project

    async def projects(self, request: web.Request) -> web.Response:
        shown = [self._project(self._site.wire(request))] if self._site.caller(request) else []
        return web.json_response(shown)

    async def project_search(self, request: web.Request) -> web.Response:
        shown = [self._project(self._site.wire(request))] if self._site.caller(request) else []
        return _page(request, shown)

    async def project(self, request: web.Request) -> web.Response:
        self._known_project(request)
        return web.json_response(self._project(self._site.wire(request)))

    async def project_statuses(self, request: web.Request) -> web.Response:
        self._known_project(request)
        wire = self._site.wire(request)
        statuses = [wire.status(value) for value in STATUSES]
        kinds = [{"id": kind.id, "name": kind.name, "subtask": False} for kind in ISSUE_TYPES]
        own = f"{wire.api}/issuetype"
        return web.json_response([{"self": f"{own}/{kind['id']}", **kind, "statuses": statuses} for kind in kinds])

    async def create_types(self, request: web.Request) -> web.Response:
        self._known_project(request)
        wire = self._site.wire(request)
        return self._create_page(request, "issueTypes", [wire.issue_type(value) for value in ISSUE_TYPES])

    async def create_fields(self, request: web.Request) -> web.Response:
        self._known_project(request)
        if request.match_info["type"] not in {value.id for value in ISSUE_TYPES}:
            raise RefusedError(404, "The issue type does not exist.")
        wire = self._site.wire(request)
        return self._create_page(request, "fields", [_create_field(wire, field) for field in SCREEN.values()])

    async def create_meta(self, request: web.Request) -> web.Response:
        """Answer the older way to ask what a new issue needs, which Data Center no longer has."""
        if not self._site.cloud:
            raise web.HTTPNotFound
        wire, project = self._site.wire(request), self._site.store.project
        keys = [key for value in request.query.getall("projectKeys", []) for key in value.split(",")]
        shown = []
        if self._site.caller(request) and (not keys or project.key in keys):
            types = [wire.issue_type(value) for value in ISSUE_TYPES]
            if "projects.issuetypes.fields" in request.query.get("expand", ""):
                fields = {field.id: _create_field(wire, field) for field in SCREEN.values()}
                bare = {
                    name: {key: v for key, v in field.items() if key != "fieldId"} for name, field in fields.items()
                }
                types = [{**kind, "expand": "fields", "fields": bare} for kind in types]
            own = f"{wire.api}/project/{project.id}"
            known = {"self": own, "id": project.id, "key": project.key, "name": project.name}
            shown = [{"expand": "issuetypes", **known, "issuetypes": types}]
        return web.json_response({"expand": "projects", "projects": shown})

    def _create_page(self, request: web.Request, name: str, values: list[dict[str, Any]]) -> web.Response:
        """Return a page of what a new issue may have. Data Center calls its content C(values)."""
        start, most = page_of(request)
        page: dict[str, Any] = {"startAt": start, "maxResults": most, "total": len(values)}
        if not self._site.cloud:
            name, page["isLast"] = "values", start + most >= len(values)
        return web.json_response({**page, name: values[start : start + most]})

    def _known_project(self, request: web.Request) -> None:
        if self._site.caller(request) is None:
            hidden()
        project, reference = self._site.store.project, request.match_info["project"]
        if reference.upper() != project.key and reference != project.id:
            raise RefusedError(404, NO_PROJECT.format(reference))

    def _project(self, wire: Wire) -> dict[str, Any]:
        lead = wire.user(self._site.store.service)
        return {**wire.project(), "lead": lead, "issueTypes": [wire.issue_type(value) for value in ISSUE_TYPES]}


def _fits(user: User, wanted: str) -> bool:
    return any(wanted in text.casefold() for text in (user.name, user.email, user.key))


def _page(request: web.Request, values: list[dict[str, Any]]) -> web.Response:
    start, most = page_of(request)
    page = {"self": str(request.url), "startAt": start, "maxResults": most, "total": len(values)}
    last = start + most >= len(values)
    return web.json_response({**page, "isLast": last, "values": values[start : start + most]})


def _create_field(wire: Wire, field: Field) -> dict[str, Any]:
    body: dict[str, Any] = {
        "fieldId": field.id,
        "key": field.id,
        "name": field.name,
        "required": field.required,
        "hasDefaultValue": field.id in ("priority", "reporter"),
        "schema": field.schema(),
        "operations": field.operations(),
    }
    if field.id == "priority":
        body["allowedValues"] = [wire.priority(value) for value in PRIORITIES]
    if field.id == "issuetype":
        body["allowedValues"] = [wire.issue_type(value) for value in ISSUE_TYPES]
    return body
