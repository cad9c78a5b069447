# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the query and the body of a request to the emulated xMatters ask for, and which alerts that fits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from aiohttp import web

from . import wire
from .model import Alert


def fits(alert: Alert, request: web.Request) -> bool:
    """Tell whether the alert passes all filters of the query."""
    query = request.query
    statuses = {word.upper() for word in words(request, "status")}
    after, before = moment(request, "from"), moment(request, "to")
    named = {
        "plan": {wire.PLAN["id"], wire.PLAN["name"]},
        "form": {wire.FORM["id"], wire.FORM["name"]},
        "priority": {alert.priority},
        "submitter": {alert.submitter},
    }
    targets = {target.name for target in alert.targets}
    notified = {person.key for person in alert.notified()}
    return (
        (not statuses or alert.status in statuses)
        and query.get("requestId", alert.request_id) == alert.request_id
        and query.get("incidentId", f"INCIDENT_ID-{alert.number}") == f"INCIDENT_ID-{alert.number}"
        and query.get("eventType", "USER").upper() == "USER"
        and all(_some(words(request, name), names) for name, names in named.items())
        and _some(words(request, "targetedRecipients"), targets)
        and _some(words(request, "resolvedUsers"), notified)
        and (after is None or alert.created >= after)
        and (before is None or alert.created < before)
        and query.get("search", "").casefold() in f"{alert.subject} {alert.text} {alert.number}".casefold()
        and _property_fits(alert, request)
    )


def _property_fits(alert: Alert, request: web.Request) -> bool:
    """Compare one property. The name of a text carries its language, as in C(incident_id#en)."""
    name = request.query.get("propertyName")
    if name is None:
        return True
    have = wire.properties(alert).get(name)
    if have is None:
        return False
    wanted = request.query.get("propertyValue", "").casefold()
    value = str(have).casefold()
    operator = request.query.get("propertyValueOperator", "EQUALS").upper()
    known = {"EQUALS": value == wanted, "CONTAINS": wanted in value, "STARTS_WITH": value.startswith(wanted)}
    if operator not in known:
        raise web.HTTPBadRequest(text=f"propertyValueOperator {operator} is not supported")
    return known[operator]


def _some(wanted: Iterable[str], have: set[str]) -> bool:
    listed = list(wanted)
    return not listed or any(word in have for word in listed)


def words(request: web.Request, name: str) -> list[str]:
    """Return a comma list of the query."""
    return [word for word in request.query.get(name, "").split(",") if word]


def moment(request: web.Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        return time_of(text, name)
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None


def time_of(text: str, name: str) -> datetime:
    """Return the moment that a text states. Raises ValueError when it is none, or has no time zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name} must be an ISO 8601 time") from None
    if at.tzinfo is None:
        raise ValueError(f"{name} must carry a time zone")
    return at


def number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal():
        raise web.HTTPBadRequest(text=f"{name} must be a number")
    return int(text)


async def json_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of the body."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text=f"expected application/json, not {request.content_type}")
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise web.HTTPBadRequest(text="The body is not JSON") from None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="The body must be an object")
    return body


def not_found(name: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=f"Could not find a resource with ID {name}")
