# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an alert of the emulated xMatters is: to whom it went, who answered what, and what was noted.

No input or output and no clock: every change is told when it happens. xMatters calls an alert an event in its API.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..settings import Person
from .company import CALLS, TEXTS, Device

ACTIVE, SUSPENDED, TERMINATED = "ACTIVE", "SUSPENDED", "TERMINATED"
STATUSES = (ACTIVE, SUSPENDED, TERMINATED)
ACTIONS = (
    "RECORD_RESPONSE",
    "STOP_NOTIFYING_USER",
    "STOP_NOTIFYING_TARGET",
    "ESCALATE",
    "ASSIGN_TO_USER",
    "END",
)
#: How the API says from what kind of device an answer came. Only MOBILE was seen.
_SOURCES = {"EMAIL": "EMAIL", **dict.fromkeys(TEXTS, "TEXT_PHONE"), **dict.fromkeys(CALLS, "VOICE")}


class RefusedError(Exception):
    """The alert does not allow this now. The text is for the person who asked for it."""


@dataclass(frozen=True)
class Option:
    """One response option, under the names that the REST API has for its fields."""

    id: str
    number: int
    text: str
    description: str
    prompt: str
    action: str = "STOP_NOTIFYING_TARGET"
    contribution: str = "POSITIVE"
    allow_comments: bool = True
    join_conference: bool = False


@dataclass
class Notification:
    """One message to one device of one person. C(slot) tells apart the open alerts on one device that takes digits."""

    person: Person
    device: Device
    created: datetime
    delivered: datetime | None
    slot: int = 0
    responded: datetime | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def status(self) -> str:
        if self.responded is not None:
            return "RESPONDED"
        return "FAILED" if self.delivered is None else "DELIVERED"

    @property
    def source(self) -> str:
        """How the API says from where an answer to it came."""
        return _SOURCES.get(self.device.kind, "MOBILE")

    def code(self, number: int) -> str:
        """Return what is answered for the option with this number, as a text or on the keys of a phone."""
        return f"{self.slot or ''}{number}"


@dataclass(frozen=True)
class Response:
    """One choice of one person."""

    person: Person
    option: Option
    comment: str | None
    at: datetime
    notification: Notification


@dataclass(frozen=True)
class Annotation:
    """One comment on the alert. C(author) is a target name."""

    author: str
    comment: str
    created: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Audit:
    """One line of the alert's log. C(subject) is what it is about, if not the alert itself."""

    order: int
    type: str
    at: datetime
    subject: Notification | Response | Annotation | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Target:
    """One addressee of the trigger, by target name: a person, a device or a group."""

    name: str
    kind: str


@dataclass(frozen=True)
class Handling:
    """How an alert is to be delivered, under the names that the API has for it.

    C(extra) is what is only kept and shown: C(bypassPhoneIntro), C(conference), C(voicemailOptions) and others.
    """

    priority: str = "MEDIUM"
    expires_in: int = 1440
    device_names: tuple[str, ...] = ()
    all_at_once: bool = False
    unrestricted: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Alert:
    """One alert. C(properties) has the names of the form, without language suffix."""

    number: str
    request_id: str
    created: datetime
    properties: dict[str, Any]
    targets: list[Target]
    options: list[Option]
    handling: Handling = field(default_factory=Handling)
    submitter: str = ""
    status: str = ACTIVE
    terminated: datetime | None = None
    notifications: list[Notification] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: Seconds of the machine's clock, for what takes a while in real time.
    seen_since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._log("EVENT_CREATED", self.created)

    @property
    def subject(self) -> str:
        return str(self.properties.get("subject") or self.properties.get("summary") or f"Alert {self.number}")

    @property
    def priority(self) -> str:
        return self.handling.priority

    @property
    def expires_in(self) -> int:
        return self.handling.expires_in

    @property
    def is_open(self) -> bool:
        return self.status != TERMINATED

    @property
    def expires_at(self) -> datetime:
        return self.created + timedelta(minutes=self.expires_in)

    @property
    def short(self) -> str:
        """The text for a device with little room."""
        return str(self.properties.get("short") or self.subject)

    @property
    def link(self) -> str:
        """The address at which the question can be answered elsewhere, if the form has one."""
        return str(self.properties.get("link") or "")

    @property
    def text(self) -> str:
        return str(self.properties.get("message") or "")

    def notified(self) -> list[Person]:
        """Return everybody who was notified, each once, in the order of the first notification."""
        return list(dict.fromkeys(notification.person for notification in self.notifications))

    def notify(
        self, person: Person, device: Device, at: datetime, delivered: bool = True, slot: int = 0
    ) -> Notification:
        """Send to one device, and note whether it arrived."""
        notification = Notification(person, device, created=at, delivered=at if delivered else None, slot=slot)
        self.notifications.append(notification)
        self._log("NOTIFICATION_DELIVERED" if delivered else "NOTIFICATION_FAILED", at, notification)
        return notification

    def option(self, number: str) -> Option | None:
        return next((option for option in self.options if str(option.number) == number), None)

    def on_device(self, person: Person, device: str | None) -> Notification:
        """Return the newest message to a person, on the device with this name or, without one, in the app if there is.

        Raises RefusedError when there is none.
        """
        mine = [one for one in self.notifications if one.person == person and one.delivered is not None]
        if device is not None:
            mine = [one for one in mine if device.casefold() in (one.device.name.casefold(), one.device.id)]
        if not mine:
            where = f" on {device}" if device else ""
            raise RefusedError(f"{person.name} was not notified of alert {self.number}{where}")
        return next((one for one in reversed(mine) if one.device.kind.endswith("_PUSH")), mine[-1])

    def respond(self, notification: Notification, option: Option, comment: str | None, at: datetime) -> Response:
        """Record a choice. What it changes in the notifying is up to the escalation.

        Raises RefusedError when the alert is over.
        """
        if self.status == TERMINATED:
            raise RefusedError(f"alert {self.number} is terminated: nobody can respond to it any more")
        notification.responded = at
        response = Response(notification.person, option, comment, at, notification)
        self.responses.append(response)
        self._log("RESPONSE_RECEIVED", at, response)
        return response

    def change_status(self, status: str, at: datetime) -> bool:
        """Move to C(status) and tell whether that was a change. Raises RefusedError: a terminated alert stays so."""
        if status == self.status:
            return False
        if self.status == TERMINATED:
            raise RefusedError(f"event {self.number} is terminated and cannot become {status}")
        self.status = status
        self._log({ACTIVE: "EVENT_RESUMED", SUSPENDED: "EVENT_SUSPENDED", TERMINATED: "EVENT_TERMINATED"}[status], at)
        if status == TERMINATED:
            self.terminated = at
        return True

    def annotate(self, author: str, comment: str, at: datetime) -> Annotation:
        annotation = Annotation(author, comment, at)
        self.annotations.append(annotation)
        self._log("EVENT_ANNOTATED", at, annotation)
        return annotation

    def _log(self, kind: str, at: datetime, subject: Notification | Response | Annotation | None = None) -> None:
        self.audits.append(Audit(len(self.audits) + 1, kind, at, subject))
