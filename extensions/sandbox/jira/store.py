# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this Jira remembers, and nothing about HTTP."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ..settings import Settings
from .catalogue import DEFAULT_PRIORITY, TO_DO, Named, Status
from .rich_text import RichText

_NAMESPACE = uuid.UUID("5e1f4ea1-0000-4000-8000-000000000001")


def now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class User:
    """An account. C(key) is how the sandbox calls the person; the service account's is C(self-healing)."""

    key: str
    name: str
    email: str

    @property
    def account_id(self) -> str:
        return f"712020:{uuid.uuid5(_NAMESPACE, self.key)}"


@dataclass
class Comment:
    id: int
    author: User
    body: RichText
    created: datetime
    updated: datetime
    properties: dict[str, Any] = field(default_factory=dict)
    visibility: dict[str, Any] | None = None


@dataclass(frozen=True)
class Attachment:
    id: int
    author: User
    name: str
    mime_type: str
    content: bytes
    created: datetime


@dataclass(frozen=True)
class Change:
    """One changed field. C(source) and C(target) are C((id, text)); an id may be None."""

    field: str
    source: tuple[str | None, str | None]
    target: tuple[str | None, str | None]


@dataclass(frozen=True)
class History:
    id: int
    author: User
    at: datetime
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class IssueLink:
    """C(source) C(type.outward) C(target), by issue ids."""

    id: int
    type: str
    source: int
    target: int


@dataclass
class Issue:
    id: int
    key: str
    type: Named
    summary: str
    creator: User
    created: datetime
    updated: datetime
    description: RichText | None = None
    environment: RichText | None = None
    priority: Named = DEFAULT_PRIORITY
    labels: list[str] = field(default_factory=list)
    status: Status = TO_DO
    resolution: Named | None = None
    resolved: datetime | None = None
    assignee: User | None = None
    reporter: User | None = None
    comments: list[Comment] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    remote_links: dict[int, dict[str, Any]] = field(default_factory=dict)
    watchers: list[User] = field(default_factory=list)
    history: list[History] = field(default_factory=list)

    @property
    def number(self) -> int:
        return int(self.key.rsplit("-", 1)[1])


@dataclass(frozen=True)
class Project:
    id: str
    key: str
    name: str


class Store:
    """All issues of the one project, and the people who work on them. Strongly consistent."""

    def __init__(self, settings: Settings) -> None:
        self.project = Project("10000", settings.jira_project, "Demo services")
        self.service = User("self-healing", "Self-healing", settings.jira_user)
        self.people = [User(person.key, person.name, person.email) for person in settings.people]
        self.issues: dict[int, Issue] = {}
        self.links: dict[int, IssueLink] = {}
        self._issue_ids = itertools.count(10001)
        self._numbers = itertools.count(1)
        self._ids = itertools.count(10100)

    @property
    def users(self) -> list[User]:
        return [self.service, *self.people]

    def next_id(self) -> int:
        """Return a fresh id for anything that is no issue."""
        return next(self._ids)

    def find(self, reference: str) -> Issue | None:
        """Return the issue with this id or key (whatever its case)."""
        if reference.isdigit():
            return self.issues.get(int(reference))
        return next((issue for issue in self.issues.values() if issue.key == reference.upper()), None)

    def user(self, reference: str | None) -> User | None:
        """Return the account with this account id or, as Data Center calls people, this name."""
        return next((user for user in self.users if reference in (user.account_id, user.key)), None)

    def create(self, type_: Named, summary: str, creator: User) -> Issue:
        at = now()
        key = f"{self.project.key}-{next(self._numbers)}"
        issue = Issue(next(self._issue_ids), key, type_, summary, creator, at, at, reporter=creator)
        self.issues[issue.id] = issue
        return issue

    def delete(self, issue: Issue) -> None:
        del self.issues[issue.id]
        for link in [link for link in self.links.values() if issue.id in (link.source, link.target)]:
            del self.links[link.id]

    def note(self, issue: Issue, author: User, changes: Iterable[Change]) -> None:
        """Write the history of C(issue) and its time of change."""
        issue.updated = now()
        done = tuple(changes)
        if done:
            issue.history.append(History(self.next_id(), author, issue.updated, done))

    def comment(self, issue: Issue, author: User, body: RichText) -> Comment:
        at = now()
        comment = Comment(self.next_id(), author, body, at, at)
        issue.comments.append(comment)
        self.note(issue, author, ())
        return comment

    def find_comment(self, reference: str) -> tuple[Issue, Comment] | None:
        for issue in self.issues.values():
            for comment in issue.comments:
                if str(comment.id) == reference:
                    return issue, comment
        return None

    def attach(self, issue: Issue, author: User, name: str, mime_type: str, content: bytes) -> Attachment:
        attachment = Attachment(self.next_id(), author, name, mime_type, content, now())
        issue.attachments.append(attachment)
        self.note(issue, author, [Change("Attachment", (None, None), (str(attachment.id), name))])
        return attachment

    def find_attachment(self, reference: str) -> tuple[Issue, Attachment] | None:
        for issue in self.issues.values():
            for attachment in issue.attachments:
                if str(attachment.id) == reference:
                    return issue, attachment
        return None

    def links_of(self, issue: Issue) -> list[IssueLink]:
        return [link for link in self.links.values() if issue.id in (link.source, link.target)]
