# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events API v2 and the monitored entities: ingest, list, read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from aiohttp import web

from . import shapes
from .problems_api import entity_terms, fits
from .selectors import parse, quoted_values
from .wire import RefusedError, body_of, milliseconds, now, page, query_of, reply, violation
from .world import EVENT_TYPES, Entity, Event, World

#: Event types that may be ingested.
INGESTABLE = (
    "AVAILABILITY_EVENT",
    "CUSTOM_ALERT",
    "CUSTOM_ANNOTATION",
    "CUSTOM_CONFIGURATION",
    "CUSTOM_DEPLOYMENT",
    "CUSTOM_INFO",
    "ERROR_EVENT",
    "MARKED_FOR_TERMINATION",
    "PERFORMANCE_EVENT",
    "RESOURCE_CONTENTION_EVENT",
    "WARNING",
)
#: Those of them that open a problem.
PROBLEM_OPENING = (
    "AVAILABILITY_EVENT",
    "CUSTOM_ALERT",
    "ERROR_EVENT",
    "PERFORMANCE_EVENT",
    "RESOURCE_CONTENTION_EVENT",
)
CRITERIA = ("eventType", "eventId", "status", "correlationId")
_MINUTE = 60_000


class EventsApi:
    """The handlers of /events, /eventTypes and /entities.

    C(opened(event, minutes)) is called for an ingested event that opens a problem which lasts so many minutes.
    """

    def __init__(self, world: World, opened: Callable[[Event, int], None]) -> None:
        self.world = world
        self._opened = opened

    async def ingest(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        type_, title, properties = _checked(body)
        began = now()
        start = _moment(body, "startTime", began)
        informs = type_ not in PROBLEM_OPENING
        minutes = min(int(body.get("timeout") or 15), 360)
        end = _moment(body, "endTime", start if informs else -1)
        late = (30 * 24 * 60 if informs else 6 * 60) * _MINUTE
        early = (7 * 24 * 60 if informs else 5) * _MINUTE
        valid = began - late <= start <= began + early and (end == -1 or end >= start)
        results = []
        for entity in self._selected(body.get("entitySelector")):
            if not valid:
                results.append({"status": "INVALID_TIMESTAMPS"})
                continue
            event = self.world.record_event(type_, title, entity, start, end, properties)
            results.append({"correlationId": event.correlation_id, "status": "OK"})
            if not informs and end == -1:
                self._opened(event, minutes)
        return reply({"reportCount": len(results), "eventIngestResults": results}, 201)

    def _selected(self, selector: Any) -> list[Entity]:
        if selector is None:
            return [entity for entity in self.world.entities.values() if entity.type == "ENVIRONMENT"]
        if not isinstance(selector, str):
            raise violation("entitySelector", "must be a string", "PAYLOAD_BODY")
        terms = entity_terms(selector)
        found = [entity for entity in self.world.entities.values() if fits(entity, terms)]
        if not found:
            raise violation("entitySelector", "The entity selector does not match any entity.", "PAYLOAD_BODY")
        return found

    async def list_events(self, request: web.Request) -> web.Response:
        query = query_of(request)
        begin = milliseconds(query.get("from"), "now-2h", "from")
        end = milliseconds(query.get("to"), "now", "to")
        terms = parse(
            query.get("eventSelector", ""), "eventSelector", ("eventType", "eventId", "status", "correlationId")
        )
        for term in terms:
            quoted_values(term, "eventSelector")
        entities = entity_terms(query.get("entitySelector", ""))
        found = [
            event
            for event in reversed(self.world.events.values())
            if event.start <= end
            and (event.end == -1 or event.end >= begin)
            and all(_own(event)[term.name] in term.values for term in terms)
            and fits(event.entity, entities)
        ]
        chosen, described = page(request, found, size=100, most=1000)
        return reply({**described, "events": [shapes.event(event) for event in chosen], "warnings": []})

    async def get(self, request: web.Request) -> web.Response:
        event = self.world.events.get(request.match_info["event"])
        if event is None:
            raise RefusedError(404, "The requested event does not exist.")
        return reply(shapes.event(event))

    async def list_types(self, request: web.Request) -> web.Response:
        chosen, described = page(request, list(EVENT_TYPES), size=100, most=500)
        return reply({**described, "eventTypeInfos": [_type(name) for name in chosen]})

    async def get_type(self, request: web.Request) -> web.Response:
        name = request.match_info["type"]
        if name not in EVENT_TYPES:
            raise RefusedError(404, f"Event type {name[:64]} does not exist.")
        return reply(_type(name))

    async def list_entities(self, request: web.Request) -> web.Response:
        query = query_of(request)
        selector = query.get("entitySelector", "")
        terms = entity_terms(selector)
        if not {"type", "entityId"} & {term.name for term in terms}:
            raise violation("entitySelector", "must have one of the criteria type and entityId")
        fields = _entity_fields(query.get("fields"))
        found = [entity for entity in self.world.entities.values() if fits(entity, terms)]
        chosen, described = page(request, found, size=50, most=500)
        return reply({**described, "entities": [shapes.entity(entity, fields, self.world) for entity in chosen]})

    async def get_entity(self, request: web.Request) -> web.Response:
        entity = self.world.entities.get(request.match_info["entity"])
        if entity is None:
            raise RefusedError(404, f"Entity {request.match_info['entity'][:64]} not found.")
        return reply(shapes.entity(entity, _entity_fields(request.query.get("fields")), self.world))


def _entity_fields(text: str | None) -> list[str]:
    # A plus sign that the caller did not encode arrives as a blank.
    return [name.strip(" +") for name in (text or "").split(",") if name.strip(" +")]


def _checked(body: dict[str, Any]) -> tuple[str, str, dict[str, str]]:
    type_, title = body.get("eventType"), body.get("title")
    if type_ not in INGESTABLE:
        raise violation("eventType", f"must be one of {', '.join(INGESTABLE)}", "PAYLOAD_BODY")
    if not isinstance(title, str) or not title:
        raise violation("title", "must not be null", "PAYLOAD_BODY")
    properties = body.get("properties") or {}
    if not isinstance(properties, dict) or len(properties) > 100:
        raise violation("properties", "must be a map of at most 100 entries", "PAYLOAD_BODY")
    for key, value in properties.items():
        if len(key) > 100 or not isinstance(value, str) or len(value) > 4096:
            raise violation("properties", f"the entry {key[:100]} is too long or not a string", "PAYLOAD_BODY")
        if key.startswith("dt.") and not key.startswith(("dt.event.", "dt.entity.")):
            raise violation("properties", f"the key {key} is reserved", "PAYLOAD_BODY")
    return type_, title, properties


def _moment(body: dict[str, Any], name: str, default: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise violation(name, "must be a number of milliseconds", "PAYLOAD_BODY")
    return int(value)


def _own(event: Event) -> dict[str, str]:
    return {
        "eventType": event.type,
        "eventId": event.id,
        "status": shapes.event(event)["status"],
        "correlationId": event.correlation_id,
    }


def _type(name: str) -> dict[str, str]:
    display_name, severity = EVENT_TYPES[name]
    return {"type": name, "displayName": display_name, "severityLevel": severity}
