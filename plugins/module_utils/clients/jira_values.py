# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Jira's answers hold that matters to us, and how it is read from its JSON. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Status:
    """C(category) is Jira's fixed key: C(new), C(indeterminate) or C(done). The name is the administrator's."""

    name: str
    category: str


@dataclass(frozen=True)
class Attachment:
    id: str
    name: str
    size: int


@dataclass(frozen=True)
class Issue:
    """C(memory) is the value of our property, empty if it is not there. C(linked) are the keys of all linked issues."""

    id: int
    key: str
    summary: str
    description: str
    status: Status
    priority: str | None
    labels: tuple[str, ...]
    attachments: tuple[Attachment, ...]
    linked: tuple[str, ...]
    memory: Mapping[str, Any]


@dataclass(frozen=True)
class Transition:
    """A step of the workflow. C(fields) are those of its screen: C({name: {required, allowedValues, …}})."""

    id: str
    name: str
    to: Status
    fields: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Account:
    """Somebody who uses Jira. C(id) is the account id on Cloud, the name on Data Center. C(email) may be hidden."""

    id: str
    name: str
    email: str | None = None


@dataclass(frozen=True)
class Comment:
    """C(mark) is the value of our property, None when somebody else wrote the comment."""

    id: str
    body: str
    mark: Mapping[str, Any] | None
    author: Account | None = None
    created: datetime | None = None


@dataclass(frozen=True)
class StatusChange:
    """Somebody moved an issue to the status C(to). C(id) is that of the entry of its change log."""

    id: str
    author: Account | None
    at: datetime | None
    to: str


@dataclass(frozen=True)
class RemoteLink:
    url: str
    title: str


def read_status(raw: Mapping[str, Any]) -> Status:
    """Return the status. A category that Jira itself calls undefined counts as in progress."""
    category = str(raw["statusCategory"]["key"])
    return Status(str(raw["name"]), category if category in ("new", "done") else "indeterminate")


def read_attachment(raw: Mapping[str, Any]) -> Attachment:
    return Attachment(str(raw["id"]), str(raw["filename"]), int(raw["size"]))


def read_issue(raw: Mapping[str, Any], memory_property: str) -> Issue:
    """Return the issue. Fields that are hidden from the account or missing on its screens count as empty."""
    fields = raw["fields"]
    memory = (raw.get("properties") or {}).get(memory_property)
    priority = fields.get("priority")
    return Issue(
        id=int(raw["id"]),
        key=str(raw["key"]),
        summary=str(fields.get("summary") or ""),
        description=str(fields.get("description") or "").replace("\r\n", "\n"),
        status=read_status(fields["status"]),
        priority=str(priority["name"]) if priority else None,
        labels=tuple(str(label) for label in fields.get("labels") or ()),
        attachments=tuple(read_attachment(file) for file in fields.get("attachment") or ()),
        linked=tuple(_linked(link) for link in fields.get("issuelinks") or ()),
        memory=memory if isinstance(memory, dict) else {},
    )


def read_transition(raw: Mapping[str, Any]) -> Transition:
    return Transition(str(raw["id"]), str(raw["name"]), read_status(raw["to"]), raw.get("fields") or {})


def read_comment(raw: Mapping[str, Any], comment_property: str) -> Comment:
    properties = {entry["key"]: entry["value"] for entry in raw.get("properties") or ()}
    mark = properties.get(comment_property)
    return Comment(
        id=str(raw["id"]),
        body=str(raw.get("body") or ""),
        mark=mark if isinstance(mark, dict) else None,
        author=read_account(raw.get("author")),
        created=read_time(raw.get("created")),
    )


def read_account(raw: Any) -> Account | None:
    """Return who somebody is; None for nobody, and for accounts that Jira does not show."""
    if not isinstance(raw, Mapping):
        return None
    key = raw.get("accountId") or raw.get("name") or raw.get("key")
    if not isinstance(key, str) or not key:
        return None
    email = raw.get("emailAddress")
    return Account(key, str(raw.get("displayName") or key), email if isinstance(email, str) and email else None)


def read_time(text: Any) -> datetime | None:
    """Return a time that Jira wrote, like C(2026-11-22T08:00:01.000+0000)."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def read_status_changes(raw: Mapping[str, Any]) -> list[StatusChange]:
    """Return the changes of status in an issue that was read with its change log, oldest first."""
    changes = [
        StatusChange(
            id=str(entry["id"]),
            author=read_account(entry.get("author")),
            at=read_time(entry.get("created")),
            to=str(item.get("toString") or ""),
        )
        for entry in raw["changelog"]["histories"]
        for item in entry["items"]
        if item.get("field") == "status"
    ]
    return sorted(changes, key=lambda change: int(change.id))


def read_remote_link(raw: Mapping[str, Any]) -> RemoteLink:
    return RemoteLink(str(raw["object"]["url"]), str(raw["object"]["title"]))


def _linked(raw: Mapping[str, Any]) -> str:
    return str((raw.get("outwardIssue") or raw["inwardIssue"])["key"])
