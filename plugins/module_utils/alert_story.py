# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that xMatters tells of one alert, as plain data."""

from __future__ import annotations

from typing import Any

from .alert_people import People, notified, responses
from .alert_plan import link_of, status_of
from .clients.xmatters import XMattersClient
from .clients.xmatters_values import Event
from .incident import iso


def story(client: XMattersClient, alert: Event, url: str, emails: bool) -> dict[str, Any]:
    """Read an alert to the end. C(alert) was read with its details."""
    deliveries = client.deliveries(alert.id)
    people = People(client, deliveries, emails)
    return {
        "alert": described(alert, url),
        "recipients": [
            {"name": one.key, "type": one.kind.lower() or None, "targeted": one.targeted} for one in alert.recipients
        ],
        "response_options": [
            {
                "number": option.number,
                "label": option.text,
                "description": option.description,
                "action": option.action,
                "contribution": option.contribution,
            }
            for option in alert.options
        ],
        "notified": notified(deliveries, people),
        "responses": responses(client.choices(alert.id), people),
        "comments": [
            {"at": iso(note.at), "key": note.author, "text": note.text} for note in client.annotations(alert.id)
        ],
        "log": [
            {"at": iso(line.at), "type": line.type, "key": line.person, "device": line.device, "text": line.text}
            for line in client.log(alert.id)
        ],
    }


def nothing() -> dict[str, Any]:
    """Return what is told of an alert that does not exist."""
    lists = ("recipients", "response_options", "notified", "responses", "comments", "log")
    return {"alert": {}, **{name: [] for name in lists}}


def described(alert: Event, url: str) -> dict[str, Any]:
    return {
        "id": alert.id,
        "number": alert.number,
        "name": alert.name,
        "status": status_of(alert),
        "priority": alert.priority.lower() or None,
        "created": iso(alert.created),
        "terminated": iso(alert.terminated),
        "expiration": alert.expiration,
        "request_id": alert.request_id,
        "workflow": alert.workflow,
        "form": alert.form,
        "form_id": alert.form_id,
        "submitter": alert.submitter,
        "properties": alert.plain_properties(),
        "escalation_override": alert.escalation_override,
        "override_device_restrictions": alert.override_device_restrictions,
        "conference": dict(alert.conference),
        "url": link_of(alert, url),
    }
