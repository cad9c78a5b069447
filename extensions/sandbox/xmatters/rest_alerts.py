# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alerts of the emulated xMatters' REST API (C(events) in its words): one handler per call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiohttp import web

from . import queries, wire
from .company import stable_id
from .credentials import TOKEN_PATH, TRIGGER_PREFIX
from .directory import INTEGRATION_USER
from .model import STATUSES, TERMINATED, Alert, RefusedError
from .shapes import API, Wire
from .suppression import Suppression
from .trigger import PAYLOAD_LIMIT

if TYPE_CHECKING:
    from .tool import XMatters


class AlertRest:
    """Handlers over the alerts that C(tool) keeps."""

    def __init__(self, tool: XMatters) -> None:
        self._tool = tool
        self._shapes = tool.shapes

    def routes(self) -> list[web.AbstractRouteDef]:
        one = f"{API}/events/{{event}}"
        return [
            web.post(TOKEN_PATH, self._tool.credentials.token),
            web.post(TRIGGER_PREFIX + "{function}/triggers", self._trigger),
            web.get(f"{API}/events", self._events),
            web.post(f"{API}/events", self._change_status),
            web.get(one, self._event),
            web.get(f"{one}/annotations", self._annotations),
            web.post(f"{one}/annotations", self._annotate),
            web.get(f"{one}/annotations/{{annotation}}", self._annotation),
            web.get(f"{one}/user-deliveries", self._deliveries),
            web.get(f"{API}/audits", self._audits),
            web.get(f"{API}/event-suppressions", self._suppressions),
        ]

    async def _trigger(self, request: web.Request) -> web.Response:
        if request.match_info["function"] != self._tool.function:
            return wire.error(404, "Could not find an integration with that ID")
        body = await request.read()
        if len(body) > PAYLOAD_LIMIT:
            return wire.error(413, f"The payload is larger than {PAYLOAD_LIMIT} bytes")
        return web.json_response({"requestId": self._tool.trigger(body, request.query)}, status=202)

    async def _events(self, request: web.Request) -> web.Response:
        alerts = sorted(self._tool.alerts.values(), key=lambda alert: (alert.created, alert.number), reverse=True)
        if request.query.get("sortOrder", "DESCENDING").upper() == "ASCENDING":
            alerts.reverse()
        embed = [
            word for word in queries.words(request, "embed") if word != "properties" or not self._tool.hidden_properties
        ]
        hidden = "status" not in request.query and not self._tool.lists_terminated
        alerts = [alert for alert in alerts if not (hidden and alert.status == TERMINATED)]
        found = [alert for alert in alerts if queries.fits(alert, request)]
        return web.json_response(wire.page(request, [wire.event(alert, self._shapes, embed) for alert in found]))

    async def _event(self, request: web.Request) -> web.Response:
        alert = self._alert(request.match_info["event"])
        targeted = request.query.get("targeted", "").lower() == "true"
        return web.json_response(wire.event(alert, self._shapes, queries.words(request, "embed"), targeted))

    async def _change_status(self, request: web.Request) -> web.Response:
        body = await queries.json_object(request)
        unknown = set(body) - {"id", "status"}
        if unknown and self._tool.unknown_fields == "refused":
            return wire.error(400, f"Unrecognized field: {min(unknown)}")
        status = body.get("status")
        if status not in STATUSES:
            return wire.error(400, f"status must be one of {', '.join(STATUSES)}")
        alert = self._alert(str(body.get("id", "")))
        try:
            self._tool.change_status(alert, status)
        except RefusedError as refusal:
            return wire.error(self._tool.terminated_status, str(refusal))
        return web.json_response(wire.event(alert, self._shapes))

    async def _annotations(self, request: web.Request) -> web.Response:
        alert = self._alert(request.match_info["event"])
        items = [wire.annotation(alert, value, self._shapes) for value in alert.annotations]
        return web.json_response(wire.page(request, items))

    async def _annotation(self, request: web.Request) -> web.Response:
        alert = self._alert(request.match_info["event"])
        for value in alert.annotations:
            if value.id == request.match_info["annotation"]:
                return web.json_response(wire.annotation(alert, value, self._shapes))
        raise queries.not_found(request.match_info["annotation"])

    async def _annotate(self, request: web.Request) -> web.Response:
        alert = self._alert(request.match_info["event"])
        comment = (await queries.json_object(request)).get("comment")
        if not isinstance(comment, str) or not comment.strip():
            return wire.error(400, "comment is required")
        annotation = self._tool.annotate(alert, INTEGRATION_USER, comment)
        return web.json_response(wire.annotation(alert, annotation, self._shapes), status=201)

    async def _deliveries(self, request: web.Request) -> web.Response:
        alert = self._alert(request.match_info["event"])
        if "at" not in request.query:
            return wire.error(400, "The parameter at is required")
        if time.monotonic() - alert.seen_since < self._tool.deliveries_delay:
            raise queries.not_found(request.match_info["event"])
        return web.json_response(wire.page(request, wire.deliveries(alert, self._shapes)))

    async def _audits(self, request: web.Request) -> web.Response:
        if not request.query.get("eventId"):
            return wire.error(400, "The parameter eventId is required")
        alert = self._alert(request.query["eventId"])
        types = {word.upper() for word in queries.words(request, "auditType")}
        lines = [audit for audit in alert.audits if not types or audit.type in types]
        if request.query.get("sortOrder", "ASCENDING").upper() == "DESCENDING":
            lines.reverse()
        items = [wire.audit(alert, line, self._shapes) for line in lines]
        return web.json_response(wire.page(request, items))

    async def _suppressions(self, request: web.Request) -> web.Response:
        """Answer what was dropped: by the id of what was not sent, or of the alert that it was too similar to."""
        name = request.query.get("event")
        if not name:
            return wire.error(400, "The parameter event is required")
        dropped = [one for one in self._tool.suppressions if name in (one.id, one.number)]
        if not dropped:
            match = self._alert(name)
            dropped = [one for one in self._tool.suppressions if one.match is match]
        return web.json_response(wire.page(request, [_suppression(one) for one in dropped]))

    def _alert(self, name: str) -> Alert:
        """Return the alert with this UUID or number."""
        alert = self._tool.find_alert(name)
        if alert is None:
            raise queries.not_found(name)
        return alert


def _suppression(value: Suppression) -> Wire:
    return {
        "event": {"id": value.id, "eventId": value.number, "links": {"self": f"{API}/events/{value.id}"}},
        "match": wire.reference(value.match),
        "at": wire.event_time(value.at),
        "filters": [{"id": stable_id("flood filter"), "name": "Flood control"}],
        "links": {"self": f"{API}/event-suppressions?event={value.id}"},
    }
