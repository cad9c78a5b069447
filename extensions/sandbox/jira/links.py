# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources about links: to other systems (remote links) and to other issues."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .answers import BAD_PAYLOAD, RefusedError, hidden, read_object
from .catalogue import KEY_LIMIT, LINK_TYPES
from .site import Site
from .store import Change, Issue, IssueLink


class Links:
    """Handlers of C(/issue/{issue}/remotelink), C(/issueLink) and C(/issueLinkType)."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def remote_write(self, request: web.Request) -> web.Response:
        """Create a remote link, or replace the one of this issue that has the same global id."""
        issue = self._site.issue(request)
        link = _remote_link(await read_object(request))
        number = _with_global_id(issue, link["globalId"])
        status = 200 if number is not None else 201
        number = number if number is not None else self._site.store.next_id()
        issue.remote_links[number] = link
        change = Change("RemoteIssueLink", (None, None), (str(number), str(link["object"]["title"])))
        self._site.store.note(issue, self._site.author(request), [change])
        self._site.touched(issue)
        own = f"{self._site.wire(request).api}/issue/{issue.key}/remotelink/{number}"
        return web.json_response({"id": number, "self": own}, status=status)

    async def remote_list(self, request: web.Request) -> web.Response:
        """Return all remote links, or the one with a global id as an object."""
        issue = self._site.issue(request)
        wire = self._site.wire(request)
        wanted = request.query.get("globalId")
        if wanted is None:
            return web.json_response([wire.remote_link(issue, number) for number in issue.remote_links])
        number = _with_global_id(issue, wanted)
        if number is None:
            raise RefusedError(404, f"The remote link with global id '{wanted}' does not exist.")
        return web.json_response(wire.remote_link(issue, number))

    async def remote_read(self, request: web.Request) -> web.Response:
        issue, number = self._remote(request)
        return web.json_response(self._site.wire(request).remote_link(issue, number))

    async def remote_edit(self, request: web.Request) -> web.Response:
        issue, number = self._remote(request)
        issue.remote_links[number] = _remote_link(await read_object(request))
        self._site.touched(issue)
        return web.Response(status=204)

    async def remote_delete(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        if "link" in request.match_info:
            number: int | None = self._remote(request)[1]
        else:
            number = _with_global_id(issue, request.query.get("globalId"))
        if number is None:
            raise RefusedError(404, "The remote link does not exist.")
        del issue.remote_links[number]
        self._site.touched(issue)
        return web.Response(status=204)

    def _remote(self, request: web.Request) -> tuple[Issue, int]:
        issue, reference = self._site.issue(request), request.match_info["link"]
        if not reference.isdigit() or int(reference) not in issue.remote_links:
            raise RefusedError(404, f"The remote link with id '{reference}' does not exist.")
        return issue, int(reference)

    async def types(self, request: web.Request) -> web.Response:
        wire = self._site.wire(request)
        return web.json_response({"issueLinkTypes": [wire.link_type(kind) for kind in LINK_TYPES]})

    async def link(self, request: web.Request) -> web.Response:
        """Create C(inwardIssue) C(outward name) C(outwardIssue): "DEMO-2 duplicates DEMO-1"."""
        body = await read_object(request)
        author = self._site.caller(request)
        if author is None:
            raise RefusedError(401, "You must be authenticated to link issues.")
        named = body.get("type")
        reference = named if isinstance(named, dict) else {}
        kind = next((k for k in LINK_TYPES if reference.get("name") == k.name or reference.get("id") == k.id), None)
        if kind is None:
            raise RefusedError(404, f"No issue link type with name '{reference.get('name')}' found.")
        source, target = self._end(body, "inwardIssue"), self._end(body, "outwardIssue")
        link = IssueLink(self._site.store.next_id(), kind.name, source.id, target.id)
        twins = (other for other in self._site.store.links.values() if other.type == link.type)
        if not any((twin.source, twin.target) == (source.id, target.id) for twin in twins):
            self._site.store.links[link.id] = link
        for issue, words, other in ((source, kind.outward, target), (target, kind.inward, source)):
            change = Change("Link", (None, None), (other.key, f"This issue {words} {other.key}"))
            self._site.store.note(issue, author, [change])
            self._site.touched(issue)
        return web.Response(status=201)

    async def link_read(self, request: web.Request) -> web.Response:
        link = self._link(request)
        return web.json_response(self._site.wire(request).issue_link(link, None))

    async def link_delete(self, request: web.Request) -> web.Response:
        link = self._link(request)
        del self._site.store.links[link.id]
        for number in (link.source, link.target):
            self._site.touched(self._site.store.issues[number])
        return web.Response(status=204)

    def _link(self, request: web.Request) -> IssueLink:
        reference = request.match_info["link"]
        found = self._site.store.links.get(int(reference)) if reference.isdigit() else None
        if found is None or self._site.caller(request) is None:
            raise RefusedError(404, f"No issue link with id '{reference}' exists.")
        return found

    def _end(self, body: dict[str, Any], name: str) -> Issue:
        reference = body.get(name)
        if not isinstance(reference, dict):
            raise RefusedError(400, BAD_PAYLOAD)
        return self._site.store.find(str(reference.get("key") or reference.get("id"))) or hidden()


def _remote_link(body: dict[str, Any]) -> dict[str, Any]:
    """Return a remote link with all its members; those that were not sent become null."""
    target = body.get("object")
    if not isinstance(target, dict):
        raise RefusedError(400, object="'object' is required.")
    wrong = {name: f"'{name}' is required." for name in ("url", "title") if not target.get(name)}
    if wrong:
        raise RefusedError(400, **wrong)
    if len(str(body.get("globalId") or "")) > KEY_LIMIT:
        raise RefusedError(400, globalId=f"'globalId' is longer than {KEY_LIMIT} characters.")
    return {name: body.get(name) for name in ("globalId", "application", "relationship", "object")}


def _with_global_id(issue: Issue, wanted: str | None) -> int | None:
    if wanted is None:
        return None
    return next((number for number, link in issue.remote_links.items() if link["globalId"] == wanted), None)
