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
from .xmatters_json import REST, items, mapping, text, whole


@dataclass(frozen=True)
class Person:
    """A user. C(key) is the target name (the user id), C(name) first and last name, C(id) the UUID."""

    key: str
    name: str
    id: str = ""


@dataclass(frozen=True)
class Option:
    """A response option as an alert or a form offers it. C(contribution) and C(action) are the vendor's words."""

    id: str
    number: int | None
    text: str
    action: str
    contribution: str
    description: str = ""
    prompt: str = ""
    comments: bool = True


@dataclass(frozen=True)
class Recipient:
    """Somebody or something that an alert was sent to. C(kind) is C(PERSON), C(GROUP) or C(DEVICE)."""

    key: str
    kind: str
    targeted: bool = False
    status: str = ""


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
    name: str = ""
    priority: str = ""
    terminated: datetime | None = None
    expiration: int | None = None
    workflow: str = ""
    form: str = ""
    form_id: str = ""
    submitter: str = ""
    recipients: tuple[Recipient, ...] = ()
    options: tuple[Option, ...] = ()
    conference: Mapping[str, Any] = field(default_factory=dict)
    escalation_override: bool = False
    override_device_restrictions: bool = False

    def property(self, name: str) -> Any:
        """Return a property of the form. The API adds the language to the names of texts: C(incident_id#en)."""
        for key, value in self.properties.items():
            if key.partition("#")[0] == name:
                return value
        return None

    def plain_properties(self) -> dict[str, Any]:
        """Return the properties by their names on the form."""
        return {key.partition("#")[0]: value for key, value in self.properties.items()}


@dataclass(frozen=True)
class Annotation:
    """One comment on an alert. C(author) is a user id."""

    id: str
    author: str
    text: str
    at: datetime | None


@dataclass(frozen=True)
class Sent:
    """One message to one device. C(device) is its name without the owner's."""

    device: str
    status: str
    at: datetime | None
    responded: datetime | None = None


@dataclass(frozen=True)
class Delivery:
    """Who was notified, since when, and how far that got (C(DELIVERED), C(RESPONDED), C(FAILED), ...)."""

    person: Person
    status: str
    at: datetime | None
    sent: tuple[Sent, ...] = ()


@dataclass(frozen=True)
class Choice:
    """One response of the audit log: C(id) is the line's, C(person) a user id, C(option) the text of the option.

    C(source) says where it was given in the vendor's words (C(MOBILE), ...), C(device) on which device.
    """

    id: str
    at: datetime | None
    person: str
    option: str
    comment: str | None
    device: str | None = None
    source: str | None = None
    number: int | None = None


@dataclass(frozen=True)
class LogLine:
    """One line of an alert's audit log. C(person) is a user id; C(text) is the response or the comment."""

    id: str
    type: str
    at: datetime | None
    person: str | None = None
    device: str | None = None
    text: str | None = None


def parse_time(text: Any) -> datetime | None:
    """Return the moment that one of the vendor's three formats tells, in UTC, or None.

    Events write C(2017-06-12T18:55:21.291+0000), people and groups C(...21.291Z), on-call answers C(...21Z).
    """
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text.strip())
        return at.astimezone(timezone.utc) if at.tzinfo else at.replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        # No time, or one that is before or after all time in UTC.
        return None


def no_comment(text: Any) -> str | None:
    """Return a comment, or None for what means that there is none; in webhooks that is the string C(null)."""
    if not isinstance(text, str) or text.strip().lower() in ("", "null"):
        return None
    return text.strip()


def to_event(item: Mapping[str, Any]) -> Event:
    if not item.get("id"):
        raise AnswerError("xMatters: an event without id")
    form = mapping(item, "form")
    return Event(
        id=str(item["id"]),
        number=text(item, "eventId"),
        status=text(item, "status").upper(),
        request_id=text(item, "requestId") or None,
        created=parse_time(item.get("created")),
        link=text(mapping(item, "links"), "self") or f"/{REST}events/{item['id']}",
        properties=dict(mapping(item, "properties")),
        name=text(item, "name"),
        priority=text(item, "priority").upper(),
        terminated=parse_time(item.get("terminated")),
        expiration=whole(item.get("expirationInMinutes")),
        workflow=text(mapping(item, "plan"), "name"),
        form=text(form, "name"),
        form_id=text(form, "id"),
        submitter=text(mapping(item, "submitter"), "targetName"),
        recipients=tuple(to_recipient(entry) for entry in items(item, "recipients")),
        options=tuple(to_option(entry) for entry in items(item, "responseOptions")),
        conference=dict(mapping(item, "conference")),
        escalation_override=item.get("escalationOverride") is True,
        override_device_restrictions=item.get("overrideDeviceRestrictions") is True,
    )


def to_option(item: Mapping[str, Any]) -> Option:
    return Option(
        id=text(item, "id"),
        number=whole(item.get("number")),
        text=text(item, "text"),
        action=text(item, "action").upper(),
        contribution=text(item, "contribution").upper(),
        description=text(item, "description"),
        prompt=text(item, "prompt"),
        comments=item.get("allowComments") is not False,
    )


def to_recipient(item: Mapping[str, Any]) -> Recipient:
    return Recipient(
        key=text(item, "targetName") or text(item, "id"),
        kind=text(item, "recipientType").upper(),
        targeted=item.get("targeted") is True,
        status=text(item, "status").upper(),
    )


def to_annotation(item: Mapping[str, Any]) -> Annotation:
    return Annotation(
        id=text(item, "id"),
        author=text(mapping(item, "author"), "targetName"),
        text=text(item, "comment"),
        at=parse_time(item.get("created")),
    )


def to_person(item: Mapping[str, Any]) -> Person:
    key = text(item, "targetName") or text(item, "id")
    name = f"{text(item, 'firstName')} {text(item, 'lastName')}".strip()
    return Person(key=key, name=name or key, id=text(item, "id"))


def to_delivery(item: Mapping[str, Any]) -> Delivery:
    sent = tuple(_to_sent(entry) for entry in items(item, "notifications"))
    return Delivery(
        person=to_person(mapping(item, "person")),
        status=text(item, "deliveryStatus"),
        at=min((one.at for one in sent if one.at is not None), default=None),
        sent=sent,
    )


def _to_sent(item: Mapping[str, Any]) -> Sent:
    return Sent(
        device=_device(item) or "",
        status=text(item, "deliveryStatus"),
        at=parse_time(item.get("delivered") or item.get("created")),
        responded=parse_time(item.get("responded")),
    )


def _device(notification: Mapping[str, Any]) -> str | None:
    """Return the name of the device that a notification went to; its target name is C(user|device)."""
    recipient = mapping(notification, "recipient")
    return text(recipient, "targetName").partition("|")[2] or text(recipient, "name") or None


def _owner(notification: Mapping[str, Any]) -> str:
    return text(mapping(notification, "recipient"), "targetName").partition("|")[0]


def to_choice(line: Mapping[str, Any]) -> Choice:
    response = mapping(line, "response")
    notification = mapping(response, "notification")
    offered = next(iter(items(response, "options")), {})
    return Choice(
        id=text(line, "id"),
        at=parse_time(response.get("received") or line.get("at")),
        person=_owner(notification),
        option=text(response, "response") or text(offered, "text"),
        comment=no_comment(response.get("comment")),
        device=_device(notification),
        source=text(response, "source") or None,
        number=whole(offered.get("number")),
    )


def to_log_line(line: Mapping[str, Any]) -> LogLine:
    response, annotation = mapping(line, "response"), mapping(line, "annotation")
    notification = mapping(response, "notification") or mapping(line, "notification")
    author = text(mapping(annotation, "author"), "targetName")
    said = to_choice(line).option if response else text(annotation, "comment")
    return LogLine(
        id=text(line, "id"),
        type=text(line, "type").upper(),
        at=parse_time(line.get("at") or response.get("received")),
        person=_owner(notification) or author or None,
        device=_device(notification),
        text=said or None,
    )


def order(line: Mapping[str, Any]) -> int:
    return whole(line.get("orderId")) or 0
