# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired state of a Jira issue, read from the options of the module. Pure functions, no I/O."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any

from . import jira_text
from .clients.jira_values import RemoteLink
from .errors import ConfigurationError, InvalidInputError

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
