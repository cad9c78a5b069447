# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Jira issue should look like, and the difference to what it looks like. Pure functions, no I/O.

Our marks on an issue: the label C(self-healing-<marker>), by which it is found, and the property
C(self_healing.incident), by which it is recognised and in which we remember what Jira would not tell otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .clients.jira_values import Attachment, Issue, RemoteLink
from .jira_wish import File, Wanted, label

MEMORY = "self_healing.incident"
COMMENT_MARK = "self_healing.comment"
MEMORY_VERSION = 1


def jql(marker: str) -> str:
    """Return the search for all issues of a marker. Not by project: an issue may have been moved."""
    return f'labels = "{label(marker)}" ORDER BY created ASC'


def owns(issue: Issue, marker: str) -> bool:
    """Whether the issue is the marker's: by our property, or by the label where somebody removed the property."""
    if issue.memory:
        return issue.memory.get("incident") == marker
    return label(marker) in issue.labels


def original_of(issue: Issue) -> str | None:
    """Return the key of the issue that this one was found to be a duplicate of."""
    original = issue.memory.get("duplicate_of")
    return str(original) if original else None


def winner(issues: Collection[Issue]) -> Issue:
    """Return the issue that stays: the oldest, so that all who look agree without talking to each other."""
    return min(issues, key=lambda issue: issue.id)


# Fields


def new_fields(wish: Wanted, priority: str | None) -> dict[str, Any]:
    """Return the fields of the call that creates the issue."""
    fields: dict[str, Any] = {
        "project": {"key": wish.project},
        "issuetype": {"name": wish.issue_type},
        "summary": wish.summary,
        "description": wish.description,
        "labels": list(wish.labels),
    }
    return {**fields, "priority": {"name": priority}} if priority else fields


def new_memory(wish: Wanted) -> dict[str, Any]:
    """Return our property for the call that creates the issue."""
    digest = _digest(wish.description)
    return {
        "v": MEMORY_VERSION,
        "incident": wish.marker,
        "description": {"sent": digest, "shown": digest},
        "attachments": [],
    }


def description_due(wish: Wanted, issue: Issue) -> bool:
    """Whether the description must be written.

    Cloud keeps texts in a form of its own and may show ours a little different. What it showed right after our writing
    is remembered, so that this is no reason to write again; what somebody else wrote is.
    """
    if issue.description == wish.description:
        return False
    known = issue.memory.get("description")
    return known != {"sent": _digest(wish.description), "shown": _digest(issue.description)}


def edit(wish: Wanted, issue: Issue, priority: str | None) -> dict[str, Any]:
    """Return the body of the call that brings the fields in step, empty if they are. Labels of others stay."""
    fields: dict[str, Any] = {}
    if issue.summary != wish.summary:
        fields["summary"] = wish.summary
    if description_due(wish, issue):
        fields["description"] = wish.description
    if priority and issue.priority != priority:
        fields["priority"] = {"name": priority}
    missing = [{"add": name} for name in wish.labels if name not in issue.labels]
    body: dict[str, Any] = {"fields": fields} if fields else {}
    return {**body, "update": {"labels": missing}} if missing else body


def without_field(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the body of an edit without one field."""
    fields = {key: value for key, value in body.get("fields", {}).items() if key != name}
    rest = {key: value for key, value in body.items() if key != "fields"}
    return {**rest, "fields": fields} if fields else rest


# Attachments


@dataclass(frozen=True)
class Place:
    """Where a file is. C(known): it was read back before, and still is there as it was."""

    file: File
    attachment: Attachment | None
    known: bool


def places(files: Iterable[File], issue: Issue) -> list[Place]:
    """Return where each file is: remembered, perhaps there (same name and size, to be read back), or nowhere."""
    present = {attachment.id: attachment for attachment in issue.attachments}
    known: dict[File, Attachment] = {}
    others: list[File] = []
    for file in files:
        numbers = (str(entry.get("id")) for entry in _remembered(issue) if _is_of(entry, file))
        attachment = next((present[number] for number in numbers if number in present), None)
        if attachment is not None and attachment.size == len(file.content):
            known[file] = present.pop(attachment.id)
        else:
            others.append(file)
    found = [Place(file, attachment, known=True) for file, attachment in known.items()]
    for file in others:
        attachment = next((a for a in present.values() if alike(file, a)), None)
        if attachment is not None:
            del present[attachment.id]
        found.append(Place(file, attachment, known=False))
    return found


def alike(file: File, attachment: Attachment) -> bool:
    """Whether the attachment may be the file. Only its content can tell for sure."""
    return attachment.name == file.upload_name and attachment.size == len(file.content)


def memory(wish: Wanted, issue: Issue, attached: Mapping[str, File]) -> dict[str, Any]:
    """Return our property as it should be. C(attached) are the files that were read back now, by attachment id."""
    present = {attachment.id for attachment in issue.attachments} | set(attached)
    kept = [entry for entry in _remembered(issue) if entry.get("id") in present and entry.get("id") not in attached]
    added = [{"name": file.name, "sha256": file.sha256, "id": number} for number, file in attached.items()]
    return {
        **issue.memory,
        "v": MEMORY_VERSION,
        "incident": wish.marker,
        "description": {"sent": _digest(wish.description), "shown": _digest(issue.description)},
        "attachments": [*kept, *added],
    }


def _is_of(entry: Mapping[str, Any], file: File) -> bool:
    return (entry.get("name"), entry.get("sha256")) == (file.name, file.sha256)


def _remembered(issue: Issue) -> list[Mapping[str, Any]]:
    entries = issue.memory.get("attachments")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


# Results


def picture(issue: Issue, link: RemoteLink | None, comments: Iterable[str]) -> dict[str, Any]:
    """Return what the issue looks like, for diff mode. C(comments) are our ids of the wanted comments that it has."""
    return {
        "summary": issue.summary,
        "description": issue.description,
        "status": issue.status.name,
        "priority": issue.priority,
        "labels": sorted(issue.labels),
        "link": _shown_link(link),
        "comments": list(comments),
        "attachments": sorted(attachment.name for attachment in issue.attachments),
    }


def wanted_picture(wish: Wanted, priority: str | None, status: str | None, issue: Issue | None) -> dict[str, Any]:
    """Return what the issue (None: a new one) will look like, for diff mode."""
    labels = set(wish.labels) | set(issue.labels if issue else ())
    files = {file.upload_name for file in wish.files} | {a.name for a in (issue.attachments if issue else ())}
    return {
        "summary": wish.summary,
        "description": wish.description if issue is None or description_due(wish, issue) else issue.description,
        "status": status,
        "priority": priority or (issue.priority if issue else None),
        "labels": sorted(labels),
        "link": _shown_link(wish.link),
        "comments": [note.id for note in wish.notes],
        "attachments": sorted(files),
    }


def _shown_link(link: RemoteLink | None) -> str | None:
    return f"{link.title} <{link.url}>" if link else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()
