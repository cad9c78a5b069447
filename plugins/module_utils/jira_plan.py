# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Jira issue should look like, and the difference to what it looks like. Pure functions, no I/O.

Our marks on an issue: the label C(self-healing-<marker>), by which it is found, and the property
C(self_healing.incident), by which it is recognised and in which we remember what Jira would not tell otherwise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any

from . import jira_text
from .clients.jira_values import Attachment, Issue, RemoteLink
from .errors import ConfigurationError, InvalidInputError

MEMORY = "self_healing.incident"
COMMENT_MARK = "self_healing.comment"
MEMORY_VERSION = 1

_MARKER = re.compile(r"[A-Za-z0-9._-]{1,120}")
_ADDRESS = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)
_FILE_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f]+')
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE_NAME_LIMIT = 200


@dataclass(frozen=True)
class File:
    """A file to attach. C(name) is ours, C(upload_name) the one that Jira gets."""

    name: str
    upload_name: str
    media_type: str
    content: bytes
    sha256: str


@dataclass(frozen=True)
class Note:
    """A comment to write. C(text) is wiki text; C(mark) goes into the comment's property."""

    id: str
    text: str
    mark: Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """The desired state of an issue. None and empty mean "as it is"."""

    marker: str
    project: str
    issue_type: str
    summary: str
    description: str
    priority: str | None
    labels: tuple[str, ...]
    link: RemoteLink | None
    status: str | None
    resolution: str
    notes: tuple[Note, ...]
    files: tuple[File, ...]

    @property
    def label(self) -> str:
        return label(self.marker)

    @property
    def global_id(self) -> str:
        """The id of our remote link, unique on the issue."""
        return f"self-healing:{self.marker}"


def label(marker: str) -> str:
    return f"self-healing-{marker}"


def jql(marker: str) -> str:
    """Return the search for all issues of a marker. Not by project: an issue may have been moved."""
    return f'labels = "{label(marker)}" ORDER BY created ASC'


def wanted(params: Mapping[str, Any]) -> Wanted:
    """Return the desired state that the module options describe. Raises ConfigurationError and InvalidInputError."""
    marker = params["marker"]
    if not _MARKER.fullmatch(marker):
        raise InvalidInputError("marker: 1 to 120 of the characters A-Z a-z 0-9 . _ - are allowed", value=marker[:120])
    for name in params["labels"]:
        if not name or len(name) > 255 or any(character.isspace() for character in name):
            raise ConfigurationError(
                f"labels: {name[:80]!r} is no label; Jira allows no blanks and 1 to 255 characters"
            )
    addresses = params["trusted_links"]
    return Wanted(
        marker=marker,
        project=params["project"],
        issue_type=params["issue_type"],
        summary=jira_text.summary(params["summary"]),
        description=jira_text.long_text(params["description"], addresses),
        priority=params["priority"] or None,
        labels=tuple(dict.fromkeys([label(marker), *params["labels"]])),
        link=_link(params["link"]) if params["link"] else None,
        status=params["status"] or None,
        resolution=params["resolution"],
        notes=tuple({comment["id"]: _note(comment, addresses) for comment in params["comments"]}.values()),
        files=tuple(dict.fromkeys(_file(number, file) for number, file in enumerate(params["attachments"]))),
    )


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


# Options


def _link(link: Mapping[str, Any]) -> RemoteLink:
    if not _ADDRESS.fullmatch(link["url"]) or len(link["url"]) > 2000:
        raise InvalidInputError("link.url: expected an address such as https://host/path", value=link["url"][:200])
    return RemoteLink(link["url"], jira_text.summary(link["title"]))


def _note(comment: Mapping[str, Any], addresses: Sequence[str]) -> Note:
    stamp = f"{_clock(comment['at'])}: " if comment.get("at") else ""
    mark = {name: comment[name] for name in ("id", "kind") if comment.get(name)}
    return Note(comment["id"], jira_text.long_text(f"{stamp}{comment['text']}", addresses), mark)


def _file_name(name: str) -> str:
    """Return a name that no system takes for a path. A long one keeps its beginning and its ending."""
    clean = _FILE_NAME.sub("_", jira_text.visible(name)).strip(". ") or "attachment"
    if len(clean) <= _FILE_NAME_LIMIT:
        return clean
    ending = PurePosixPath(clean).suffix[:20]
    return clean[: _FILE_NAME_LIMIT - len(ending)] + ending


def _clock(at: str) -> str:
    """Return a time as people read it, C(2026-11-22 02:14:09 UTC); what is no time stays as it is."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return at
    return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def _file(number: int, file: Mapping[str, Any]) -> File:
    content = file["content"].encode("utf-8", errors="replace")
    digest = hashlib.sha256(content).hexdigest()
    given = (file.get("sha256") or digest).lower()
    if not _SHA256.fullmatch(given) or given != digest:
        raise InvalidInputError(
            f"attachments[{number}].sha256: the content has the checksum {digest}, not the one that is given",
            name=file["name"],
        )
    upload_name = _file_name(file["name"])
    return File(file["name"], upload_name, file["media_type"], content, digest)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()
