# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an alert of the emulated xMatters is and how it moves: who is notified, who answered, what that changes.

No input or output and no clock: every change is told when it happens. xMatters calls an alert an event in its API.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..settings import Person

ACTIVE, SUSPENDED, TERMINATED = "ACTIVE", "SUSPENDED", "TERMINATED"
STATUSES = (ACTIVE, SUSPENDED, TERMINATED)
PRIORITIES = ("LOW", "MEDIUM", "HIGH")
ACTIONS = (
    "RECORD_RESPONSE",
    "STOP_NOTIFYING_USER",
    "STOP_NOTIFYING_TARGET",
    "ESCALATE",
    "ASSIGN_TO_USER",
    "END",
)


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


@dataclass
class Notification:
    """One message to one device of one person."""

    person: Person
    device: str
    created: datetime
    delivered: datetime
    responded: datetime | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


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


@dataclass
class Target:
    """One addressee of the trigger: a person, a device or a group whose members are notified one after the other."""

    name: str
    kind: str
    waiting: list[Person]
    reached: list[Person] = field(default_factory=list)


@dataclass
class Alert:
    """One alert. C(properties) has the names of the form, without language suffix."""

    number: str
    request_id: str
    created: datetime
    properties: dict[str, Any]
    targets: list[Target]
    options: list[Option]
    priority: str = "MEDIUM"
    expires_in: int = 1440
    submitter: str = ""
    status: str = ACTIVE
    terminated: datetime | None = None
    notifications: list[Notification] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        self._log("EVENT_CREATED", self.created)

    @property
    def subject(self) -> str:
        return str(self.properties.get("subject") or self.properties.get("summary") or f"Alert {self.number}")

    @property
    def text(self) -> str:
        return str(self.properties.get("message") or "")

    def notified(self) -> list[Person]:
        """Return everybody who was notified, each once, in the order of the first notification."""
        return list(dict.fromkeys(notification.person for notification in self.notifications))

    def notify_next(self, target: Target, devices: dict[str, list[str]], at: datetime) -> Person | None:
        """Notify the next person of C(target) on all devices; return that person, or None when nobody is left."""
        while self.status == ACTIVE and target.waiting:
            person = target.waiting.pop(0)
            if person in self.notified():
                continue
            target.reached.append(person)
            for device in devices[person.key]:
                notification = Notification(person, device, created=at, delivered=at)
                self.notifications.append(notification)
                self._log("NOTIFICATION_DELIVERED", at, notification)
            return person
        return None

    def respond(self, person: Person, option: Option, comment: str | None, at: datetime) -> list[Target]:
        """Record a choice and apply the option's action. Return the targets whose next person is due now.

        Raises RefusedError when the alert is over or the person was never notified.
        """
        if self.status == TERMINATED:
            raise RefusedError(f"alert {self.number} is terminated: nobody can respond to it any more")
        mine = [notification for notification in self.notifications if notification.person == person]
        if not mine:
            raise RefusedError(f"{person.name} was not notified of alert {self.number}")
        mine[-1].responded = at
        response = Response(person, option, comment, at, mine[-1])
        self.responses.append(response)
        self._log("RESPONSE_RECEIVED", at, response)
        through = [target for target in self.targets if person in target.reached]
        if option.action == "STOP_NOTIFYING_TARGET":
            for target in through:
                target.waiting.clear()
        elif option.action == "ASSIGN_TO_USER":
            for target in self.targets:
                target.waiting.clear()
        elif option.action == "END":
            self.change_status(TERMINATED, at)
        return through if option.action == "ESCALATE" else []

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
            for target in self.targets:
                target.waiting.clear()
        return True

    def annotate(self, author: str, comment: str, at: datetime) -> Annotation:
        annotation = Annotation(author, comment, at)
        self.annotations.append(annotation)
        self._log("EVENT_ANNOTATED", at, annotation)
        return annotation

    def _log(self, kind: str, at: datetime, subject: Notification | Response | Annotation | None = None) -> None:
        self.audits.append(Audit(len(self.audits) + 1, kind, at, subject))
