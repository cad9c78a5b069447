# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What xMatters tells, as values: alerts, comments, deliveries and responses, read leniently from its JSON. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..errors import AnswerError

REST = "api/xm/1/"


@dataclass(frozen=True)
class Person:
    """A user. C(key) is the target name (the user id), C(name) first and last name."""

    key: str
    name: str


@dataclass(frozen=True)
class Event:
    """One alert. C(number) is what people see, C(id) the UUID that the API prefers."""

    id: str
    number: str
    status: str
    request_id: str | None
    created: datetime | None
    link: str
    properties: Mapping[str, Any] = field(default_factory=dict)

    def property(self, name: str) -> Any:
        """Return a property of the form. The API adds the language to the names of texts: C(incident_id#en)."""
        for key, value in self.properties.items():
            if key.partition("#")[0] == name:
                return value
        return None


@dataclass(frozen=True)
class Annotation:
    """One comment on an alert. C(author) is a user id."""

    id: str
    author: str
    text: str
    at: datetime | None


@dataclass(frozen=True)
class Delivery:
    """Who was notified, since when, and how far that got (C(DELIVERED), C(RESPONDED), C(FAILED), ...)."""

    person: Person
    status: str
    at: datetime | None


@dataclass(frozen=True)
class Choice:
    """One response of the audit log: C(id) is the line's, C(person) a user id, C(option) the text of the option."""

    id: str
    at: datetime | None
    person: str
    option: str
    comment: str | None


def parse_time(text: Any) -> datetime | None:
    """Return the moment that one of the vendor's three formats tells, in UTC, or None.

    Events write C(2017-06-12T18:55:21.291+0000), people and groups C(...21.291Z), on-call answers C(...21Z).
    """
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at.astimezone(timezone.utc) if at.tzinfo else at.replace(tzinfo=timezone.utc)


def no_comment(text: Any) -> str | None:
    """Return a comment, or None for what means that there is none; in webhooks that is the string C(null)."""
    if not isinstance(text, str) or text.strip().lower() in ("", "null"):
        return None
    return text.strip()


def _mapping(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = item.get(name)
    return value if isinstance(value, Mapping) else {}


def _items(item: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = _mapping(item, name).get("data")
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def to_event(item: Mapping[str, Any]) -> Event:
    if not item.get("id"):
        raise AnswerError("xMatters: an event without id")
    return Event(
        id=str(item["id"]),
        number=str(item.get("eventId") or ""),
        status=str(item.get("status") or "").upper(),
        request_id=item.get("requestId"),
        created=parse_time(item.get("created")),
        link=str(_mapping(item, "links").get("self") or f"/{REST}events/{item['id']}"),
        properties=dict(_mapping(item, "properties")),
    )


def to_annotation(item: Mapping[str, Any]) -> Annotation:
    return Annotation(
        id=str(item.get("id") or ""),
        author=str(_mapping(item, "author").get("targetName") or ""),
        text=str(item.get("comment") or ""),
        at=parse_time(item.get("created")),
    )


def to_person(item: Mapping[str, Any]) -> Person:
    key = str(item.get("targetName") or item.get("id") or "")
    name = f"{item.get('firstName') or ''} {item.get('lastName') or ''}".strip()
    return Person(key=key, name=name or key)


def to_delivery(item: Mapping[str, Any]) -> Delivery:
    times = [parse_time(sent.get("delivered") or sent.get("created")) for sent in _items(item, "notifications")]
    return Delivery(
        person=to_person(_mapping(item, "person")),
        status=str(item.get("deliveryStatus") or ""),
        at=min((at for at in times if at is not None), default=None),
    )


def to_choice(line: Mapping[str, Any]) -> Choice:
    response = _mapping(line, "response")
    # A notification goes to a device, whose target name is "user|device".
    recipient = str(_mapping(_mapping(response, "notification"), "recipient").get("targetName") or "")
    offered = next((option.get("text") for option in _items(response, "options")), None)
    return Choice(
        id=str(line.get("id") or ""),
        at=parse_time(response.get("received") or line.get("at")),
        person=recipient.partition("|")[0],
        option=str(response.get("response") or offered or ""),
        comment=no_comment(response.get("comment")),
    )


def order(line: Mapping[str, Any]) -> int:
    order = line.get("orderId")
    return order if isinstance(order, int) else 0
