# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources about issues: create, read, edit, search, transitions, properties, watchers."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from aiohttp import web

from .answers import BAD_PAYLOAD, NOT_ON_SCREEN, RefusedError, hidden, page_of, read_json, read_object
from .catalogue import SCREEN, WORKFLOW, Transition
from .editor import Wanted, assign, check_property
from .jql import JqlError, Query, parse
from .site import Site
from .store import Change, Issue, now

#: Members of a search that Cloud knows. All others are refused.
SEARCH_MEMBERS = frozenset(
    {
        "jql",
        "fields",
        "fieldsByKeys",
        "properties",
        "maxResults",
        "nextPageToken",
        "expand",
        "reconcileIssues",
        "failFast",
    }
)
REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "
    "A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."


class Issues:
    """Handlers of C(/issue) and C(/search)."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def create(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        author = self._site.caller(request)
        if author is None:
            raise RefusedError(401, "You do not have permission to create issues in this project.")
        wanted = self._site.editor(request).read(body)
        values = wanted.values
        issue = self._site.store.create(values.pop("issuetype"), values.pop("summary"), author)
        assign(issue, values)
        issue.properties.update(wanted.properties)
        self._site.touched(issue)
        self._site.webhooks.issue("jira:issue_created", "issue_created", issue, author)
        own = f"{self._site.wire(request).api}/issue/{issue.id}"
        return web.json_response({"id": str(issue.id), "key": issue.key, "self": own}, status=201)

    async def read(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        fields = _listed(request, "fields") or ["*all"]
        shown = self._site.wire(request).issue(
            issue, fields, _listed(request, "properties"), _listed(request, "expand")
        )
        return web.json_response(shown)

    async def edit(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        wanted = self._site.editor(request).read(await read_object(request), issue=issue)
        if "project" in wanted.values:
            raise RefusedError(400, project=NOT_ON_SCREEN.format("project"))
        self._apply(request, issue, wanted)
        if request.query.get("returnIssue") == "true":
            return web.json_response(self._site.wire(request).issue(issue))
        return web.Response(status=204)

    def _apply(self, request: web.Request, issue: Issue, wanted: Wanted, *more: Change) -> None:
        author, known = self._site.author(request), len(issue.history)
        issue.properties.update(wanted.properties)
        self._site.store.note(issue, author, [*more, *assign(issue, wanted.values)])
        for text in wanted.comments:
            self._site.commented(issue, self._site.store.comment(issue, author, text))
        self._site.updated(issue, author, known)

    async def delete(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        self._site.store.delete(issue)
        self._site.touched(issue, deleted=True)
        return web.Response(status=204)

    async def assign(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        person = await read_object(request)
        automatic = person.get("accountId") == "-1" or all(value is None for value in person.values())
        wanted = self._site.editor(request).read({"fields": {"assignee": None if automatic else person}}, issue=issue)
        self._apply(request, issue, wanted)
        return web.Response(status=204)

    async def changelog(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        start, most = page_of(request, 100)
        chosen, total = issue.history[start : start + most], len(issue.history)
        page = {"startAt": start, "maxResults": most, "total": total, "isLast": start + most >= total}
        wire = self._site.wire(request)
        own = f"{wire.api}/issue/{issue.id}/changelog"
        return web.json_response({"self": own, **page, "values": [wire.history(entry) for entry in chosen]})

    # Search

    async def search_get(self, request: web.Request) -> web.Response:
        asked: dict[str, Any] = {name: request.query[name] for name in request.query}
        for name in ("fields", "properties", "reconcileIssues"):
            if name in asked:
                asked[name] = _listed(request, name)
        try:
            if "maxResults" in asked:
                asked["maxResults"] = int(asked["maxResults"])
            asked["reconcileIssues"] = [int(number) for number in asked.get("reconcileIssues", [])]
        except ValueError:
            raise RefusedError(400, BAD_PAYLOAD) from None
        return self._search(request, asked)

    async def search_post(self, request: web.Request) -> web.Response:
        return self._search(request, await read_object(request))

    def _search(self, request: web.Request, asked: dict[str, Any]) -> web.Response:
        if not self._site.cloud:
            raise web.HTTPNotFound
        if set(asked) - SEARCH_MEMBERS or not _search_shape(asked):
            raise RefusedError(400, BAD_PAYLOAD)
        fresh = asked.get("reconcileIssues") or []
        if len(fresh) > 50:
            raise RefusedError(400, "The max number of issues to reconcile is 50.")
        most = asked.get("maxResults") or 50
        if not 1 <= most <= 5000:
            raise RefusedError(400, "maxResults must be between 1 and 5000.")
        query = self._query(asked.get("jql") or "")
        found = self._site.index.search(query, set(fresh)) if self._site.caller(request) else []
        start = _offset(asked.get("nextPageToken"))
        wire = self._site.wire(request)
        fields, properties = asked.get("fields"), asked.get("properties") or []
        expand = (asked.get("expand") or "").split(",")
        page = found[start : start + most]
        if fields or properties:
            issues = [wire.issue(issue, fields or [], properties, expand) for issue in page]
        else:
            issues = [{"id": str(issue.id)} for issue in page]
        last = start + most >= len(found)
        body: dict[str, Any] = {"issues": issues, "isLast": last}
        if not last:
            body["nextPageToken"] = base64.urlsafe_b64encode(f"page:{start + most}".encode()).decode()
        return web.json_response(body)

    async def search_removed(self, request: web.Request) -> web.Response:
        """Answer the old search: gone on Cloud, in use on Data Center."""
        if self._site.cloud:
            raise RefusedError(410, REMOVED)
        post = request.method == "POST"
        asked: dict[str, Any] = await read_object(request) if post else dict(request.query)
        fields = (asked.get("fields") if post else _listed(request, "fields")) or ["*navigable"]
        start, most = int(asked.get("startAt", 0)), int(asked.get("maxResults", 50))
        found = self._site.index.search(self._query(asked.get("jql") or "", bounded=False))
        wire = self._site.wire(request)
        issues = [wire.issue(issue, fields) for issue in found[start : start + most]]
        return web.json_response({"startAt": start, "maxResults": most, "total": len(found), "issues": issues})

    async def count(self, request: web.Request) -> web.Response:
        query = self._query((await read_object(request)).get("jql") or "")
        found = self._site.index.search(query) if self._site.caller(request) else []
        return web.json_response({"count": len(found)})

    def _query(self, jql: str, *, bounded: bool = True) -> Query:
        project = self._site.store.project
        try:
            query = parse(jql, (project.key, project.id, project.name))
        except JqlError as error:
            raise RefusedError(400, str(error)) from None
        if query.test is None and bounded:
            raise RefusedError(400, UNBOUNDED)
        return query

    # Transitions

    async def transitions(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        wire = self._site.wire(request)
        fields = "transitions.fields" in _listed(request, "expand")
        only = request.query.get("transitionId")
        steps = [wire.transition(step, fields=fields) for step in _steps(issue) if only in (None, step.id)]
        return web.json_response({"expand": "transitions", "transitions": steps})

    async def transition(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        body = await read_object(request)
        chosen = body.get("transition")
        if not isinstance(chosen, dict) or chosen.get("id") is None:
            raise RefusedError(400, "Missing 'transition' identifier")
        step = next((step for step in _steps(issue) if step.id == str(chosen["id"])), None)
        if step is None:
            raise RefusedError(400, f"Transition id '{chosen['id']}' is not valid for this issue.")
        screen = {**{name: SCREEN[name] for name in ("assignee",)}, "resolution": True} if step.screen else {}
        wanted = self._site.editor(request).read(body, screen=screen, issue=issue)
        if step.screen and wanted.values.get("resolution") is None:
            raise RefusedError(400, resolution="Resolution is required.")
        before, issue.status = issue.status, step.target
        done = step.target.category.key == "done"
        issue.resolved = now() if done else None
        if not done:
            wanted.values["resolution"] = None
        moved = Change("status", (before.id, before.name), (step.target.id, step.target.name))
        self._apply(request, issue, wanted, moved)
        return web.Response(status=204)

    # Properties

    async def property_keys(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        base = f"{self._site.wire(request).api}/issue/{issue.id}/properties"
        return web.json_response({"keys": [{"self": f"{base}/{key}", "key": key} for key in issue.properties]})

    async def property_read(self, request: web.Request) -> web.Response:
        issue, key = self._site.issue(request), request.match_info["key"]
        if key not in issue.properties:
            raise RefusedError(404, f"The property with key '{key}' does not exist.")
        return web.json_response({"key": key, "value": issue.properties[key]})

    async def property_write(self, request: web.Request) -> web.Response:
        issue, value = self._site.issue(request), await read_json(request)
        key = check_property(request.match_info["key"], value)
        created = key not in issue.properties
        issue.properties[key] = value
        self._site.touched(issue)
        return web.Response(status=201 if created else 200)

    async def property_delete(self, request: web.Request) -> web.Response:
        issue, key = self._site.issue(request), request.match_info["key"]
        if issue.properties.pop(key, None) is None:
            raise RefusedError(404, f"The property with key '{key}' does not exist.")
        self._site.touched(issue)
        return web.Response(status=204)

    # Watchers

    async def watchers(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        wire = self._site.wire(request)
        watching = self._site.author(request) in issue.watchers
        people = [wire.user(user) for user in issue.watchers]
        own = f"{wire.api}/issue/{issue.key}/watchers"
        return web.json_response({"self": own, "isWatching": watching, "watchCount": len(people), "watchers": people})

    async def watch(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        named = await read_json(request) if await request.read() else None
        user = self._site.author(request) if named is None else self._site.store.user(str(named))
        if user is None:
            hidden()
        if user not in issue.watchers:
            issue.watchers.append(user)
        self._site.touched(issue)
        return web.Response(status=204)

    async def unwatch(self, request: web.Request) -> web.Response:
        issue = self._site.issue(request)
        user = self._site.store.user(request.query.get("accountId") or request.query.get("username"))
        if user not in issue.watchers:
            hidden()
        issue.watchers.remove(user)
        self._site.touched(issue)
        return web.Response(status=204)


def _steps(issue: Issue) -> list[Transition]:
    return [step for step in WORKFLOW if step.source == issue.status.id]


def _listed(request: web.Request, name: str) -> list[str]:
    """Return a parameter that may be repeated, separated by commas, or both."""
    return [part for value in request.query.getall(name, []) for part in value.split(",") if part]


def _search_shape(asked: dict[str, Any]) -> bool:
    kinds: dict[str, type] = {"jql": str, "fields": list, "properties": list, "expand": str, "nextPageToken": str}
    kinds |= {"maxResults": int, "reconcileIssues": list}
    return all(asked.get(name) is None or isinstance(asked[name], kind) for name, kind in kinds.items())


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token).decode()
        return int(text.removeprefix("page:"))
    except (binascii.Error, ValueError):
        raise RefusedError(400, "The provided next page token is invalid or expired.") from None
