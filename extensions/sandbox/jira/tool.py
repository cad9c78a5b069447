# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the parts of Jira together: addresses, who calls, and how refusals leave the house."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from ..faults import Faults
from ..hub import Hub
from ..settings import Settings
from ..tool import Tool
from .answers import RefusedError, problem
from .comments import Comments
from .configuration import Configuration
from .desk import Desk
from .files import Files
from .issues import Issues
from .links import Links
from .site import Deployment, Site
from .webhooks import Webhooks

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Jira(Tool):
    """Jira with one private project, C(settings.jira_project), that only the service account may use over the API."""

    name = "jira"

    def __init__(self, settings: Settings, hub: Hub, faults: Faults) -> None:
        super().__init__(settings, hub, faults)
        self.site = Site(settings, lambda: self.url, self.changed)
        self._desk = Desk(self.site)
        #: Writes to one issue in how many seconds before Jira answers 429, or None.
        self.issue_write_limit: tuple[int, float] | None = None
        self._writes: dict[str, deque[float]] = defaultdict(deque)

    @property
    def index_lag(self) -> float:
        """How long (seconds) a search does not see what was written."""
        return self.site.index.lag

    @index_lag.setter
    def index_lag(self, seconds: float) -> None:
        self.site.index.lag = seconds

    @property
    def deployment(self) -> Deployment:
        """C(Cloud), or C(Server) for the ways of Data Center."""
        return self.site.deployment

    @deployment.setter
    def deployment(self, value: Deployment) -> None:
        self.site.deployment = value

    def snapshot(self) -> dict[str, Any]:
        return self._desk.snapshot()

    def actions(self) -> dict[str, Any]:
        return {"comment": self._desk.comment, "transition": self._desk.transition}

    @property
    def webhooks(self) -> Webhooks:
        return self.site.webhooks

    async def stop(self) -> None:
        await self.site.webhooks.stop()
        await super().stop()

    def middlewares(self) -> list[Any]:
        return [self._envelope, self._authenticate, self._limit]

    def routes(self) -> list[web.AbstractRouteDef]:
        files = Files(self.site)
        table: list[web.AbstractRouteDef] = [
            web.get("/browse/{issue}", self._desk.browse),
            web.get("/media/{attachment}", files.media),
            web.get("/secure/attachment/{attachment}/{name}", files.secure),
        ]
        for method, path, handler in _resources(self.site, files):
            for end in ("", "/"):
                full = "/rest/api/{version:2|3|latest}" + path + end
                table.append(web.get(full, handler) if method == "GET" else web.route(method, full, handler))
        return table

    @web.middleware
    async def _envelope(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except RefusedError as refused:
            return refused.response()
        except web.HTTPUnsupportedMediaType as error:
            detail = f"Content-Type '{error.reason}' is not supported."
            return problem(request, 415, "Unsupported Media Type", detail)
        except web.HTTPMethodNotAllowed:
            detail = f"Request method '{request.method}' is not supported."
            return problem(request, 405, "Method Not Allowed", detail)
        except web.HTTPNotFound:
            return problem(request, 404, "Not Found", f"No endpoint {request.method} {request.path}.")
        except web.HTTPRequestEntityTooLarge:
            return RefusedError(413, "The request is too large.").response()

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        user, wrong = self.site.login(request.headers.get("Authorization"))
        headers = {"X-AREQUESTID": f"{time.monotonic_ns():x}"}
        if wrong:
            headers["X-Seraph-LoginReason"] = "AUTHENTICATED_FAILED"
            if not self.site.cloud:
                body = "Basic Authentication Failure - Reason : AUTHENTICATED_FAILED"
                return web.Response(status=401, text=body, content_type="text/html", headers=headers)
        elif user is not None:
            headers["X-AACCOUNTID" if self.site.cloud else "X-AUSERNAME"] = (
                user.account_id if self.site.cloud else user.key
            )
        if not self.site.cloud and request.path.startswith("/rest/api/3"):
            return problem(request, 404, "Not Found", f"No endpoint {request.method} {request.path}.")
        # The inner call answers every refusal itself, so that these headers are on all answers.
        response = await self._envelope(request, handler)
        response.headers.update(headers)
        return response

    @web.middleware
    async def _limit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.issue_write_limit and request.method != "GET" and "issue" in request.match_info:
            most, seconds = self.issue_write_limit
            writes, now = self._writes[request.match_info["issue"]], time.monotonic()
            while writes and writes[0] <= now - seconds:
                writes.popleft()
            if len(writes) >= most:
                wait = max(1, round(writes[0] + seconds - now))
                headers = {"Retry-After": str(wait), "RateLimit-Reason": "jira-per-issue-on-write"}
                return web.json_response({"errorMessages": ["Rate limit exceeded."]}, status=429, headers=headers)
            writes.append(now)
        return await handler(request)


def _resources(site: Site, files: Files) -> list[tuple[str, str, Any]]:
    """Return every resource of the API: method, path below the version, handler."""
    issues, comments, links, about = Issues(site), Comments(site), Links(site), Configuration(site)
    issue, remote, comment = "/issue/{issue}", "/issue/{issue}/remotelink", "/issue/{issue}/comment/{comment}"
    return [
        ("GET", "/serverInfo", about.server_info),
        ("GET", "/myself", about.myself),
        ("GET", "/user", about.user),
        ("GET", "/user/search", about.users),
        ("GET", "/user/assignable/search", about.users),
        ("GET", "/field", about.fields),
        ("GET", "/issuetype", about.issue_types),
        ("GET", "/priority", about.priorities),
        ("GET", "/priority/search", about.priority_search),
        ("GET", "/resolution", about.resolutions),
        ("GET", "/status", about.statuses),
        ("GET", "/project", about.projects),
        ("GET", "/project/search", about.project_search),
        ("GET", "/project/{project}", about.project),
        ("GET", "/project/{project}/statuses", about.project_statuses),
        ("GET", "/issue/createmeta", about.create_meta),
        ("GET", "/issue/createmeta/{project}/issuetypes", about.create_types),
        ("GET", "/issue/createmeta/{project}/issuetypes/{type}", about.create_fields),
        ("GET", "/search/jql", issues.search_get),
        ("POST", "/search/jql", issues.search_post),
        ("POST", "/search/approximate-count", issues.count),
        ("GET", "/search", issues.search_removed),
        ("POST", "/search", issues.search_removed),
        ("POST", "/issue", issues.create),
        ("GET", issue, issues.read),
        ("PUT", issue, issues.edit),
        ("DELETE", issue, issues.delete),
        ("PUT", f"{issue}/assignee", issues.assign),
        ("GET", f"{issue}/changelog", issues.changelog),
        ("GET", f"{issue}/transitions", issues.transitions),
        ("POST", f"{issue}/transitions", issues.transition),
        ("GET", f"{issue}/properties", issues.property_keys),
        ("GET", f"{issue}/properties/{{key}}", issues.property_read),
        ("PUT", f"{issue}/properties/{{key}}", issues.property_write),
        ("DELETE", f"{issue}/properties/{{key}}", issues.property_delete),
        ("GET", f"{issue}/watchers", issues.watchers),
        ("POST", f"{issue}/watchers", issues.watch),
        ("DELETE", f"{issue}/watchers", issues.unwatch),
        ("GET", f"{issue}/comment", comments.listing),
        ("POST", f"{issue}/comment", comments.create),
        ("GET", comment, comments.read),
        ("PUT", comment, comments.edit),
        ("DELETE", comment, comments.delete),
        ("POST", "/comment/list", comments.by_ids),
        ("GET", "/comment/{comment}/properties", comments.property_keys),
        ("GET", "/comment/{comment}/properties/{key}", comments.property_read),
        ("PUT", "/comment/{comment}/properties/{key}", comments.property_write),
        ("DELETE", "/comment/{comment}/properties/{key}", comments.property_delete),
        ("POST", f"{issue}/attachments", files.upload),
        ("GET", "/attachment/meta", files.settings),
        ("GET", "/attachment/{attachment}", files.read),
        ("DELETE", "/attachment/{attachment}", files.delete),
        ("GET", "/attachment/content/{attachment}", files.content),
        ("POST", remote, links.remote_write),
        ("GET", remote, links.remote_list),
        ("DELETE", remote, links.remote_delete),
        ("GET", f"{remote}/{{link}}", links.remote_read),
        ("PUT", f"{remote}/{{link}}", links.remote_edit),
        ("DELETE", f"{remote}/{{link}}", links.remote_delete),
        ("GET", "/issueLinkType", links.types),
        ("POST", "/issueLink", links.link),
        ("GET", "/issueLink/{link}", links.link_read),
        ("DELETE", "/issueLink/{link}", links.link_delete),
    ]
