# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources about comments and their properties."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .answers import BAD_PAYLOAD, RefusedError, hidden, page_of, read_json, read_object
from .editor import WrongValueError, check_property, read_properties
from .rich_text import RichText
from .site import Site
from .store import Comment, Issue, now

NO_COMMENT = "Can not find a comment for the id: {}."


class Comments:
    """Handlers of C(/issue/{issue}/comment) and C(/comment)."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def create(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        body = await read_object(request)
        text, properties = self._body(request, body), read_properties(body.get("properties"))
        comment = self._site.store.comment(issue, self._site.author(request), text)
        comment.properties.update(properties)
        comment.visibility = body.get("visibility")
        self._site.commented(issue, comment)
        return web.json_response(self._site.wire(request).comment(issue, comment), status=201)

    async def listing(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        start, most = page_of(request, 5000)
        comments = list(issue.comments)
        if request.query.get("orderBy", "").startswith("-"):
            comments.reverse()
        shown = self._shown(request, [(issue, comment) for comment in comments[start : start + most]])
        return web.json_response({"startAt": start, "maxResults": most, "total": len(comments), "comments": shown})

    async def by_ids(self, request: web.Request) -> web.Response:
        """Answer C(POST /comment/list)."""
        if not self._site.cloud:
            raise web.HTTPNotFound
        ids = (await read_object(request)).get("ids")
        if not isinstance(ids, list) or not 0 < len(ids) <= 1000:
            raise RefusedError(400, BAD_PAYLOAD)
        found = [self._site.store.find_comment(str(number)) for number in ids] if self._site.caller(request) else []
        shown = self._shown(request, [pair for pair in found if pair])
        page = {"maxResults": 1048576, "startAt": 0, "total": len(shown), "isLast": True}
        return web.json_response({"self": str(request.url), **page, "values": shown})

    async def read(self, request: web.Request) -> web.Response:
        issue, comment = self._comment(request)
        return web.json_response(self._shown(request, [(issue, comment)])[0])

    async def edit(self, request: web.Request) -> web.Response:
        issue, comment = self._comment(request)
        body = await read_object(request)
        comment.body = self._body(request, body)
        comment.properties.update(read_properties(body.get("properties")))
        comment.updated = now()
        self._site.commented(issue, comment, "comment_updated")
        return web.json_response(self._site.wire(request).comment(issue, comment))

    async def delete(self, request: web.Request) -> web.Response:
        issue, comment = self._comment(request)
        issue.comments.remove(comment)
        self._site.touched(issue)
        return web.Response(status=204)

    async def property_keys(self, request: web.Request) -> web.Response:
        _issue, comment = self._any_comment(request)
        base = f"{self._site.wire(request).api}/comment/{comment.id}/properties"
        return web.json_response({"keys": [{"self": f"{base}/{key}", "key": key} for key in comment.properties]})

    async def property_read(self, request: web.Request) -> web.Response:
        _issue, comment = self._any_comment(request)
        key = request.match_info["key"]
        if key not in comment.properties:
            raise RefusedError(404, f"The property with key '{key}' does not exist.")
        return web.json_response({"key": key, "value": comment.properties[key]})

    async def property_write(self, request: web.Request) -> web.Response:
        issue, comment = self._any_comment(request)
        value = await read_json(request)
        key = check_property(request.match_info["key"], value)
        created = key not in comment.properties
        comment.properties[key] = value
        self._site.touched(issue)
        return web.Response(status=201 if created else 200)

    async def property_delete(self, request: web.Request) -> web.Response:
        issue, comment = self._any_comment(request)
        if comment.properties.pop(request.match_info["key"], None) is None:
            raise RefusedError(404, "The property does not exist.")
        self._site.touched(issue)
        return web.Response(status=204)

    def _body(self, request: web.Request, body: dict[str, Any]) -> RichText:
        if not body.get("body"):
            raise RefusedError(400, comment="Comment body can not be empty!")
        try:
            return self._site.editor(request).rich(body["body"])
        except WrongValueError as error:
            raise RefusedError(400, comment=str(error)) from None

    def _comment(self, request: web.Request) -> tuple[Issue, Comment]:
        issue, reference = self._site.issue(request), request.match_info["comment"]
        found = next((comment for comment in issue.comments if str(comment.id) == reference), None)
        if found is None:
            raise RefusedError(404, NO_COMMENT.format(reference))
        return issue, found

    def _any_comment(self, request: web.Request) -> tuple[Issue, Comment]:
        if self._site.caller(request) is None:
            hidden()
        reference = request.match_info["comment"]
        found = self._site.store.find_comment(reference)
        if found is None:
            raise RefusedError(404, NO_COMMENT.format(reference))
        return found

    def _shown(self, request: web.Request, found: list[tuple[Issue, Comment]]) -> list[dict[str, Any]]:
        wire = self._site.wire(request)
        properties = "properties" in request.query.get("expand", "").split(",")
        return [wire.comment(issue, comment, properties=properties) for issue, comment in found]
