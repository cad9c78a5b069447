# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API of Keptn behind its gateway: events, the datastore, tasks that wait, and sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from aiohttp import web

from .controller import Controller
from .events import CloudEvent, Data, now, timestamp
from .wire import (
    EVENT_LIMIT,
    FORBIDDEN,
    RefusedError,
    body_of,
    datastore_page,
    event_from,
    states_page,
    triggered_page,
    validate,
)

VERSION = "1.4.5"


class KeptnApi:
    """What clients of Keptn see. C(publish) puts an event on the bus, C(stored) is the datastore, oldest first."""

    def __init__(self, controller: Controller, publish: Callable[[CloudEvent], None], stored: list[CloudEvent]) -> None:
        self._controller = controller
        self._publish = publish
        self._stored = stored
        #: Whether events are checked (helm value apiService.eventValidation.enabled, off by default).
        self.strict = False

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.post("/api/v1/auth", self._auth),
            web.get("/api/v1/metadata", self._metadata),
            web.post("/api/v1/event", self._post_event),
            web.get("/api/mongodb-datastore/event", self._events),
            web.post("/api/mongodb-datastore/event", self._no_writing),
            web.get("/api/mongodb-datastore/event/type/{type}", self._events_by_type),
            web.get("/api/controlPlane/v1/event/triggered/{type}", self._triggered),
            web.get("/api/controlPlane/v1/sequence/{project}", self._sequences),
            web.post("/api/controlPlane/v1/sequence/{project}/{context}/control", self._control),
        ]

    async def _auth(self, _request: web.Request) -> web.Response:
        return web.Response(status=200)

    async def _metadata(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "automaticprovisioning": False,
                "bridgeversion": f"keptn/bridge2:{VERSION}",
                "keptnlabel": "keptn",
                "keptnversion": VERSION,
                "namespace": "keptn",
                "shipyardversion": "0.2.3",
            }
        )

    async def _post_event(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        event = event_from(body)
        if self.strict:
            if len(await request.read()) > EVENT_LIMIT:
                raise RefusedError(400, f"event exceeds the size limit of {EVENT_LIMIT // 1024}KB")
            validate(event)
        self._publish(event)
        return web.json_response({"keptnContext": event.context})

    async def _events(self, request: web.Request) -> web.Response:
        query = request.query
        if not query.get("keptnContext") and not query.get("project"):
            raise RefusedError(400, "either keptnContext or project must be set")
        found = [event for event in self._newest_first() if _fits(event, query)]
        if query.get("root"):
            roots = {event.context: event for event in found}
            found = list(roots.values())
        return web.json_response(datastore_page(query, [event.shown() for event in found]))

    async def _no_writing(self, _request: web.Request) -> web.Response:
        return web.Response(status=403, text=FORBIDDEN, content_type="text/html")

    async def _events_by_type(self, request: web.Request) -> web.Response:
        query = request.query
        wanted = dict(pair.split(":", 1) for pair in query.get("filter", "").split(" AND ") if pair.count(":") == 1)
        if not wanted.get("data.project") and not wanted.get("shkeptncontext"):
            raise RefusedError(400, "either data.project or shkeptncontext must be set")
        found = [event for event in self._newest_first() if event.type == request.match_info["type"]]
        found = [event for event in found if _passes(event, wanted) and _in_time(event, query)]
        if query.get("excludeInvalidated") == "true":
            gone = {event.triggered_id for event in self._stored if event.kind == "invalidated"}
            found = [event for event in found if not {event.id, event.triggered_id} & gone]
        limit = query.get("limit", "20")
        if not limit.isdecimal():
            raise RefusedError(422, "limit in query must be of type int64", code=601)
        return web.json_response({"events": [event.shown() for event in found[: int(limit)]]})

    async def _triggered(self, request: web.Request) -> web.Response:
        query = request.query
        project = query.get("project")
        if project and project not in self._controller.shipyards:
            raise RefusedError(404, "project not found")
        at = now()
        found = [
            event.shown()
            for event in self._controller.open.values()
            if event.type == request.match_info["type"] and event.at <= at and _fits(event, query)
        ]
        return web.json_response(triggered_page(query, found))

    async def _sequences(self, request: web.Request) -> web.Response:
        query = request.query
        contexts = {one for one in query.get("keptnContext", "").replace(" ", "").split(",") if one}
        found = [
            state.shown()
            for state in reversed(self._controller.states.all)
            if state.project == request.match_info["project"]
            and (not contexts or state.context in contexts)
            and query.get("name") in (None, "", state.name)
            and query.get("state") in (None, "", state.state)
            and _between(state.time, query)
        ]
        return web.json_response(states_page(query, found))

    async def _control(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        if not isinstance(body, dict) or not isinstance(body.get("state"), str) or not body["state"]:
            raise RefusedError(
                400,
                "Invalid request format: Key: 'SequenceControlCommand.State' Error:Field validation for 'State' "
                "failed on the 'required' tag",
            )
        match = request.match_info
        self._controller.control(match["project"], match["context"], body["state"], str(body.get("stage") or ""))
        return web.json_response({})

    def _newest_first(self) -> Iterable[CloudEvent]:
        return sorted(self._stored, key=lambda event: event.at)[::-1]


def _fits(event: CloudEvent, query: Mapping[str, str]) -> bool:
    wanted = {
        "keptnContext": event.context,
        "type": event.type,
        "source": event.source,
        "project": event.project,
        "stage": event.stage,
        "service": event.service,
        "eventID": event.id,
    }
    return all(query.get(name) in (None, "", value) for name, value in wanted.items()) and _in_time(event, query)


def _passes(event: CloudEvent, wanted: Mapping[str, str]) -> bool:
    """Filter by paths into the event; a value may be a list with commas."""
    for path, values in wanted.items():
        found: object = event.shown()
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        if found not in values.split(","):
            return False
    return True


def _in_time(event: CloudEvent, query: Mapping[str, str]) -> bool:
    return _between(timestamp(event.at), query)


def _between(time: str, query: Mapping[str, str]) -> bool:
    """The stores compare times as texts, so that both have to be in UTC and begin alike."""
    after, before = query.get("fromTime"), query.get("beforeTime")
    return (not after or time > after) and (not before or time < before)


def summary(event: CloudEvent) -> Data:
    """Return what the page shows of an event."""
    return {
        "id": event.id,
        "at": timestamp(event.at),
        "type": event.type,
        "source": event.source,
        "context": event.context,
        "status": event.text("status"),
        "result": event.text("result"),
        "message": event.text("message"),
    }
