# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that the emulated xMatters puts on the wire: events, audits, deliveries, pages, errors and webhooks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from .company import stable_id
from .model import Alert, Annotation, Audit, Notification, Option, Response
from .shapes import API, Shapes, Wire, whole

#: Items per page when the caller does not say, and at most.
PAGE_SIZE = 100
PLAN: Wire = {"id": stable_id("plan"), "name": "Self-healing DevOps"}
FORM: Wire = {"id": stable_id("form"), "name": "Incident response"}


def error(status: int, message: str) -> web.Response:
    """Return the error envelope of the REST API."""
    return web.json_response({"code": status, "reason": HTTPStatus(status).phrase, "message": message}, status=status)


def event_time(at: datetime) -> str:
    """Return a time as events write it: C(2017-06-12T18:55:21.291+0000)."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def page(request: web.Request, items: list[Wire]) -> Wire:
    """Return the page of C(items) that the query asks for, with relative links as the vendor has them.

    Raises HTTPBadRequest when offset or limit is no number.
    """
    try:
        offset = max(0, int(request.query.get("offset", "0")))
        limit = min(PAGE_SIZE, max(1, int(request.query.get("limit", str(PAGE_SIZE)))))
    except ValueError:
        raise web.HTTPBadRequest(text="offset and limit must be numbers") from None
    shown = items[offset : offset + limit]

    def link(start: int) -> str:
        return f"{request.path}?{urlencode({**request.query, 'offset': start, 'limit': limit})}"

    links = {"self": link(offset)}
    if offset + limit < len(items):
        links["next"] = link(offset + limit)
    if offset > 0:
        links["previous"] = link(max(0, offset - limit))
    return {"count": len(shown), "total": len(items), "data": shown, "links": links}


def option(value: Option) -> Wire:
    return {
        "id": value.id,
        "number": value.number,
        "text": value.text,
        "description": value.description,
        "prompt": value.prompt,
        "action": value.action,
        "contribution": value.contribution,
        "joinConference": value.join_conference,
        "allowComments": value.allow_comments,
        "redirectUrl": None,
        "order": value.number - 1,
    }


def reference(alert: Alert) -> Wire:
    return {"id": alert.id, "eventId": alert.number, "links": {"self": f"{API}/events/{alert.id}"}}


def property_key(name: str, value: Any) -> str:
    """Return the name of a property in the REST API: texts carry the language, numbers and booleans do not."""
    return f"{name}#en" if isinstance(value, str) else name


def properties(alert: Alert) -> Wire:
    return {property_key(name, value): value for name, value in alert.properties.items()}


def event(alert: Alert, shapes: Shapes, embed: Collection[str] = (), targeted: bool = False) -> Wire:
    """Return an event. C(embed) may name properties, recipients, responseOptions and messages."""
    body = {
        **reference(alert),
        "name": alert.subject,
        "eventType": "USER",
        "status": alert.status,
        "priority": alert.priority,
        "created": event_time(alert.created),
        "expirationInMinutes": alert.expires_in,
        "incident": f"INCIDENT_ID-{alert.number}",
        "requestId": alert.request_id,
        "plan": PLAN,
        "form": FORM,
        "submitter": shapes.reference(alert.submitter),
        "floodControl": False,
        "bypassPhoneIntro": False,
        "escalationOverride": alert.handling.all_at_once,
        "overrideDeviceRestrictions": alert.handling.unrestricted,
        "requirePhonePassword": False,
        "responseCountsEnabled": False,
        **alert.handling.extra,
    }
    if alert.terminated:
        body["terminated"] = event_time(alert.terminated)
    if "properties" in embed:
        body["properties"] = properties(alert)
    if "recipients" in embed:
        body["recipients"] = whole(_recipients(alert, shapes, targeted))
    if "responseOptions" in embed:
        body["responseOptions"] = whole([option(value) for value in alert.options])
    if "messages" in embed:
        message = {"id": stable_id(f"message:{alert.id}"), "messageType": "EMAIL"}
        body["messages"] = whole([{**message, "subject": alert.subject, "body": alert.text}])
    return body


def _recipients(alert: Alert, shapes: Shapes, targeted: bool) -> list[Wire]:
    targets = [{**shapes.recipient(target.name), "targeted": True} for target in alert.targets]
    if targeted:
        return targets
    direct = {target["targetName"] for target in targets}
    reached = [shapes.reference(person.key) for person in alert.notified() if person.key not in direct]
    return [*targets, *({**shape, "targeted": False} for shape in reached)]


def annotation(alert: Alert, value: Annotation, shapes: Shapes) -> Wire:
    return {
        "id": value.id,
        "event": reference(alert),
        "author": shapes.reference(value.author),
        "comment": value.comment,
        "created": event_time(value.created),
    }


def notification(alert: Alert, value: Notification) -> Wire:
    device = value.device
    return {
        "id": value.id,
        "category": "DEVICE",
        "recipient": {"id": device.id, "targetName": device.target_name, "recipientType": "DEVICE"},
        "deliveryStatus": value.status,
        "created": event_time(value.created),
        "event": reference(alert),
    }


def audit(alert: Alert, value: Audit, shapes: Shapes) -> Wire:
    body: Wire = {"id": value.id, "type": value.type, "orderId": value.order, "at": event_time(value.at)}
    subject = value.subject
    if isinstance(subject, Response):
        body["response"] = {
            **({"comment": subject.comment} if subject.comment else {}),
            "notification": notification(alert, subject.notification),
            "options": whole([option(subject.option)]),
            "source": subject.notification.source,
            "received": event_time(subject.at),
            "response": subject.option.text,
        }
    elif isinstance(subject, Annotation):
        body["annotation"] = {
            "event": reference(alert),
            "author": shapes.reference(subject.author),
            "comment": subject.comment,
        }
    elif subject is not None:
        body["notification"] = notification(alert, subject)
    else:
        body["event"] = reference(alert)
    return body


def deliveries(alert: Alert, shapes: Shapes) -> list[Wire]:
    """Return one row per notified person."""
    return [_delivery(alert, person.key, shapes) for person in alert.notified()]


def _delivery(alert: Alert, key: str, shapes: Shapes) -> Wire:
    sent: list[Wire] = []
    for value in alert.notifications:
        if value.person.key == key:
            times = {"delivered": value.delivered, "responded": value.responded}
            told = {name: event_time(at) for name, at in times.items() if at is not None}
            sent.append({**notification(alert, value), **told, "responses": whole([])})
    body: Wire = {
        "event": reference(alert),
        "person": shapes.reference(key),
        "deliveryStatus": "DELIVERED" if any(row["deliveryStatus"] == "DELIVERED" for row in sent) else "FAILED",
        "notifications": whole(sent),
        "links": {"self": f"{API}/events/{alert.id}/user-deliveries"},
    }
    answers = [response for response in alert.responses if response.person.key == key]
    if answers:
        last = answers[-1]
        body["deliveryStatus"] = "RESPONDED"
        body["response"] = {
            "text": last.option.text,
            "notification": last.notification.id,
            "received": event_time(last.at),
        }
    return body


def response_webhook(alert: Alert, response: Response, style: str) -> Wire:
    """Return what is posted when somebody answered.

    C(style) is C(integration) (the form's outbound integration), C(agent) (the same through an Integration Agent) or
    C(flow) (the body that our documentation recommends for a step of a flow).
    """
    if style == "flow":
        return {
            "schema": "shdevops.xmatters.response/1",
            "event_uuid": alert.id,
            "event_id": alert.number,
            "event_status": alert.status,
            "response": response.option.text,
            "responder": response.person.key,
            "comment": response.comment or "",
            "properties": dict(alert.properties),
        }
    body: Wire = {
        "date": _webhook_time(response.at),
        "recipient": response.person.key,
        "device": response.notification.device.name,
        "response": response.option.text,
        # The string, not the JSON value: so says every script that xMatters generates.
        "annotation": response.comment or "null",
        "eventProperties": _named(alert),
    }
    if style == "agent":
        merged: Mapping[str, Any] = alert.properties
        return {
            "xmatters_callback_type": "response",
            "eventidentifier": alert.number,
            "additionalTokens": dict(merged),
            **body,
        }
    return {"eventIdentifier": alert.number, **body}


def status_webhook(alert: Alert, username: str, at: datetime) -> Wire:
    """Return what is posted when the status changed. The name of the field for who did it is not known for sure."""
    return {
        "eventIdentifier": alert.number,
        "date": _webhook_time(at),
        "status": alert.status.lower(),
        "username": username,
        "eventProperties": _named(alert),
    }


def delivery_webhook(alert: Alert, value: Notification) -> Wire:
    """Return what is posted when a device was notified, or could not be."""
    delivered = value.delivered is not None
    return {
        "eventIdentifier": alert.number,
        "date": _webhook_time(value.created),
        "recipient": value.person.key,
        "device": value.device.name,
        "deviceId": str(int(value.device.id[:6], 16)),
        "deliveryStatus": "Delivered" if delivered else "Failed",
        "message": "Delivered successfully" if delivered else "The device could not be reached",
        "eventType": "delivery",
        "eventProperties": _named(alert),
    }


def _named(alert: Alert) -> list[Wire]:
    """Return the properties as outbound integrations do: one object for each, and names without a language."""
    return [{name: value} for name, value in alert.properties.items()]


def _webhook_time(at: datetime) -> str:
    return at.strftime("%y-%m-%d %H:%M:%S")
