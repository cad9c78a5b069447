# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Dynatrace as a tool of the sandbox: routes, watches, notifications, what the page shows and may do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import aiohttp
from aiohttp import web

from ..faults import Faults
from ..hub import Hub
from ..settings import DiskWatch, Settings, Watch
from ..tool import Tool
from .events_api import EventsApi
from .metrics_api import MetricsApi
from .notification import PAYLOAD, TEST_NOTIFICATION, TEST_PID, Notifier, Target, post, render, values_of
from .problems_api import CLOSE_CONTEXT, ProblemsApi
from .settings_api import SettingsApi
from .watching import DiskWatcher, Watcher
from .watching_release import Releases
from .wire import ALL_SCOPES, Handler, RefusedError, authorize
from .world import EVENT_TYPES, Comment, Event, Problem, World

BASE = "/api/v2"
#: Author of what a person does on the page.
USER = "admin@example.com"


class Dynatrace(Tool):
    """One tenant. C(tokens) maps each API token to its scopes; the one of the settings has all that are known."""

    name = "dynatrace"

    def __init__(self, settings: Settings, hub: Hub, faults: Faults) -> None:
        super().__init__(settings, hub, faults)
        self.tokens: dict[str, frozenset[str]] = {settings.dynatrace_token: ALL_SCOPES}
        self.world = World(settings.watches)
        self.notifier = Notifier(self.changed)
        self.settings_api = SettingsApi()
        self.releases = Releases(self.world, lambda problem: self._notify(problem, "OPEN"), self.close_problem)
        self.watchers = [self._watcher(watch) for watch in settings.watches]
        self.disk_watchers = [self._disk_watcher(watch) for watch in settings.disk_watches]
        #: The problem that each watch opened and that lasts, also when a person closed it on the page meanwhile.
        self._caused: dict[str, Problem] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> None:
        await super().start(port)
        self.notifier.start()
        for watcher in self.watchers:
            self._run(watcher.run())
        for looking in self.disk_watchers:
            self._run(looking.run())

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self.notifier.stop()
        await super().stop()

    def routes(self) -> list[web.AbstractRouteDef]:
        problems = ProblemsApi(self.world, self.close_problem, self.changed)
        events = EventsApi(self.world, self._problem_from_event)
        metrics = MetricsApi(self.world)
        settings = self.settings_api
        table: list[tuple[str, str, str, Handler]] = [
            ("GET", "/problems", "problems.read", problems.list_problems),
            ("GET", "/problems/{problem}", "problems.read", problems.get),
            ("POST", "/problems/{problem}/close", "problems.write", problems.close),
            ("GET", "/problems/{problem}/comments", "problems.read", problems.list_comments),
            ("POST", "/problems/{problem}/comments", "problems.write", problems.add_comment),
            ("GET", "/problems/{problem}/comments/{comment}", "problems.read", problems.get_comment),
            ("PUT", "/problems/{problem}/comments/{comment}", "problems.write", problems.update_comment),
            ("DELETE", "/problems/{problem}/comments/{comment}", "problems.write", problems.delete_comment),
            ("POST", "/events/ingest", "events.ingest", events.ingest),
            ("GET", "/events", "events.read", events.list_events),
            ("GET", "/events/{event}", "events.read", events.get),
            ("GET", "/eventTypes", "events.read", events.list_types),
            ("GET", "/eventTypes/{type}", "events.read", events.get_type),
            ("GET", "/entities", "entities.read", events.list_entities),
            ("GET", "/entities/{entity}", "entities.read", events.get_entity),
            ("GET", "/metrics", "metrics.read", metrics.list_metrics),
            ("GET", "/metrics/query", "metrics.read", metrics.query),
            ("GET", "/metrics/{metric}", "metrics.read", metrics.get),
            ("GET", "/settings/schemas", "settings.read", settings.list_schemas),
            ("GET", "/settings/objects", "settings.read", settings.list_objects),
            ("POST", "/settings/objects", "settings.write", settings.create),
            ("GET", "/settings/objects/{object}", "settings.read", settings.get),
            ("PUT", "/settings/objects/{object}", "settings.write", settings.update),
            ("DELETE", "/settings/objects/{object}", "settings.write", settings.delete),
        ]
        return [
            web.route(method, BASE + path, self._endpoint(scope, handler)) for method, path, scope, handler in table
        ]

    def _endpoint(self, scope: str, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            try:
                authorize(request, self.tokens, scope)
                return await handler(request)
            except RefusedError as refused:
                return refused.response()

        return answer

    def middlewares(self) -> list[Any]:
        @web.middleware
        async def envelope(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> Any:
            """Put what no route answers into the vendor's error envelope as well."""
            try:
                return await handler(request)
            except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
                return RefusedError(error.status, f"HTTP {error.status} {error.reason}").response()

        return [envelope]

    def snapshot(self) -> dict[str, Any]:
        return {
            "problems": [self._shown(problem) for problem in self.world.newest_problems()],
            "watches": [
                *(
                    {"service": w.watch.service, "url": w.watch.url, "up": w.up, "probes": w.probes}
                    for w in self.watchers
                ),
                *(
                    {"service": w.watch.name, "url": w.watch.path, "up": w.up, "probes": w.probes}
                    | {"words": ["Free", "Full"], "detail": f"{w.used_percent:.0f} % used"}
                    for w in self.disk_watchers
                ),
            ],
            "notifications": list(self.notifier.log),
        }

    def _shown(self, problem: Problem) -> dict[str, Any]:
        return {
            "pid": problem.pid,
            "display_id": problem.display_id,
            "title": problem.title,
            "status": problem.status,
            "severity": problem.severity,
            "entity": problem.entity.name,
            "entity_id": problem.entity.id,
            "host": problem.host.name if problem.host else None,
            "opened_at": _iso(problem.start),
            "closed_at": None if problem.end == -1 else _iso(problem.end),
            "url": self.problem_url(problem),
            "comments": [_shown_comment(comment) for comment in problem.comments],
        }

    def actions(self) -> dict[str, Any]:
        return {
            "test_notification": self._act_test_notification,
            "close": self._act_close,
            "open": self._act_open,
            "resolve": self._act_resolve,
        }

    def problem_url(self, problem: Problem) -> str:
        return f"{self.url}/#problems/problemdetails;pid={problem.pid}"

    def open_problem(
        self,
        title: str,
        severity: str | None = None,
        event_type: str = "CUSTOM_ALERT",
        entity: str | None = None,
        *,
        name: str | None = None,
    ) -> Problem:
        """Open a problem and notify, as the analysis of the vendor would.

        C(severity) is found by the event type if not given. C(entity) is an entity id (C(HOST-…), C(SERVICE-…)), a new
        one is called C(name); without it the environment is affected.
        """
        severity = severity or EVENT_TYPES.get(event_type, ("", "CUSTOM_ALERT"))[1]
        affected = self.world.entity(entity or "ENVIRONMENT-0000000000000001", name)
        problem = self.world.open_problem(severity, self.world.evidence(event_type, title, affected))
        self._notify(problem, "OPEN")
        return problem

    def close_problem(self, problem: Problem) -> None:
        """Close an open problem and notify."""
        if problem.status == "OPEN":
            self.world.close_problem(problem)
            self._notify(problem, "RESOLVED")

    def reopen_problem(self, problem: Problem) -> None:
        """Open a closed problem again, under its old ids, and notify."""
        if problem.status == "CLOSED":
            self.world.reopen_problem(problem)
            self._notify(problem, "OPEN")

    def targets(self) -> list[Target]:
        """Return where notifications go: the webhook of the settings, and those configured through the API."""
        hook = self.settings.dynatrace_webhook
        own = [Target(hook.url, dict(hook.headers), PAYLOAD)] if hook else []
        return [*own, *self.settings_api.targets()]

    def _notify(self, problem: Problem, state: str) -> None:
        values = values_of(problem, state, self.problem_url(problem), self.world)
        for target in self.targets():
            if state != "RESOLVED" or target.notify_closed:
                self.notifier.enqueue(problem.pid, state, target, render(target.payload, values))
        self.changed()

    def _watcher(self, watch: Watch) -> Watcher:
        make = Watcher if watch.slow_ms is None else self.releases.watcher
        return make(watch, self._service_changed, self.world.samples[self.world.service_of(watch).id].append)

    def _service_changed(self, watch: Watch, up: bool) -> None:
        self._watched(watch.service, up, "Process unavailable", "PGI_UNAVAILABLE", watch.entity)

    def _disk_watcher(self, watch: DiskWatch) -> DiskWatcher:
        self.world.discover_disk(watch)
        return DiskWatcher(watch, self._disk_changed, self._disk_measured)

    def _disk_measured(self, watch: DiskWatch, used: int, available: int) -> None:
        percent = 100 * used / max(used + available, 1)
        for metric, value in (
            ("usedPct", percent),
            ("free", 100 - percent),
            ("used", float(used)),
            ("avail", float(available)),
        ):
            self.world.measure(f"builtin:host.disk.{metric}", (watch.host_entity, watch.entity), value)

    def _disk_changed(self, watch: DiskWatch, free: bool) -> None:
        self._watched(watch.name, free, "Low disk space", "OSI_LOW_DISK_SPACE", watch.entity)

    def _watched(self, name: str, well: bool, title: str, event_type: str, entity: str) -> None:
        """Close the problem that a watch opened, or open it."""
        if not well:
            self._caused[name] = self.open_problem(title, event_type=event_type, entity=entity)
        elif name in self._caused:
            self.close_problem(self._caused.pop(name))
        self.changed()

    def _problem_from_event(self, event: Event, minutes: int) -> None:
        """Open the problem that an ingested event stands for, until the event times out."""
        problem = self.world.open_problem(EVENT_TYPES[event.type][1], event)
        self._notify(problem, "OPEN")

        async def expire() -> None:
            await asyncio.sleep(minutes * 60)
            self.close_problem(problem)

        self._run(expire())

    def _run(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _act_test_notification(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        """Do what the button "Send test notification" does, and return what the receiver said."""
        said: list[dict[str, Any]] = []
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.notifier.timeout)) as session:
            for target in self.targets():
                status, error = await post(session, target, json.dumps(TEST_NOTIFICATION))
                self.notifier.note(TEST_PID, "OPEN", status, error)
                said.append({"status": status, "error": error})
        if not said:
            return {"ok": False, "error": "no problem notification is configured"}
        return {"ok": all(answer["error"] is None for answer in said), "answers": said}

    async def _act_close(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Close a problem by hand, as a user of the vendor's page would."""
        problem = self.world.problems.get(str(arguments.get("pid")))
        if problem is None:
            return {"ok": False, "error": "there is no such problem"}
        if problem.status == "CLOSED":
            return {"ok": False, "error": "the problem is closed already"}
        self.world.comment(problem, USER, str(arguments.get("message") or "Closed by hand"), CLOSE_CONTEXT)
        self.close_problem(problem)
        return {"ok": True}

    async def _act_resolve(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Let the cause of a problem go away, so that the tenant closes it by itself."""
        problem = self.world.problems.get(str(arguments.get("pid")))
        if problem is None or problem.status == "CLOSED":
            return {"ok": False, "error": "there is no such open problem"}
        self.close_problem(problem)
        return {"ok": True}

    async def _act_open(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Let a problem appear: C(title), and optionally C(severity), C(event_type), C(entity) and C(name)."""
        title = arguments.get("title")
        if not isinstance(title, str) or not title.strip():
            return {"ok": False, "error": "title is missing"}
        given = {key: str(arguments[key]) for key in ("severity", "event_type", "entity", "name") if arguments.get(key)}
        problem = self.open_problem(title, **given)
        return {"ok": True, "pid": problem.pid, "display_id": problem.display_id}


def _shown_comment(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "at": _iso(comment.at),
        "author": comment.author,
        "context": comment.context,
        "text": comment.content,
    }


def _iso(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
