# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an xMatters alert should look like, and what it lacks. Pure: the calls are made by the module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .clients.xmatters_values import Annotation, Event

#: Longer comments are cut (characters); what is left out is in the journal and in the ticket.
COMMENT_LIMIT = 2000
_MARKER = re.compile(r"\[([^\[\]\s]+)\]\s*$")


def choose(events: Iterable[Event], marker_property: str, marker: str) -> Event | None:
    """Return the alert that carries the marker: an open one before one that is over, then the newest.

    The search of the vendor may be broader than equality, so that the property itself is compared where it was told.
    """
    ours = [event for event in events if carries(event, marker_property, marker)]
    created = {event.id: event.created.timestamp() if event.created else 0.0 for event in ours}
    return max(ours, key=lambda event: (not terminated(event), created[event.id]), default=None)


def carries(event: Event, marker_property: str, marker: str) -> bool:
    """Return whether the alert has the marker, as far as its properties were told."""
    return not event.properties or str(event.property(marker_property)) == marker


def may_be(event: Event, marker_property: str, marker: str) -> bool:
    """Return whether an alert that is known to be ours may be it: one without any marker may, another one's may not.

    Forms and flows without the property make such alerts. They are never found again, so that they have to be known.
    """
    value = event.property(marker_property)
    return value is None or str(value) == marker


def terminated(event: Event) -> bool:
    """Return whether the alert is over for good; C(TERMINATED_EXTERNAL) has been seen as well."""
    return event.status.startswith("TERMINATED")


def status_of(event: Event) -> str:
    """Return the status as results tell it."""
    return "terminated" if terminated(event) else event.status.lower()


def link_of(event: Event, url: str) -> str:
    """Return where the alert is on the instance at C(url)."""
    return url.strip().rstrip("/").removesuffix("/api/xm/1") + event.link


def wanted_status(event: Event, wanted: str, resume: bool) -> str | None:
    """Return the status that the alert has to be given, in the vendor's words, or None when it stays as it is.

    What is over stays so. What somebody suspended is resumed on request only.
    """
    if terminated(event):
        return None
    if wanted == "active" and not (resume and event.status == "SUSPENDED"):
        return None
    return wanted.upper() if event.status != wanted.upper() else None


def marked(comment: Mapping[str, Any]) -> str:
    """Return the text of a comment with its identifier, by which it is found again."""
    suffix = f" [{comment['id']}]"
    text = str(comment["text"]).strip()
    room = COMMENT_LIMIT - len(suffix)
    return (text if len(text) <= room else f"{text[: room - 1]}…") + suffix


def markers(annotations: Iterable[Annotation]) -> set[str]:
    """Return the identifiers of our comments among all annotations."""
    return {found.group(1) for note in annotations if (found := _MARKER.search(note.text))}


def missing(comments: Sequence[Mapping[str, Any]], present: Iterable[str]) -> list[Mapping[str, Any]]:
    """Return the comments that the alert does not show yet, each identifier once, in their order."""
    seen = set(present)
    lacking = []
    for comment in comments:
        if comment["id"] not in seen:
            seen.add(comment["id"])
            lacking.append(comment)
    return lacking
