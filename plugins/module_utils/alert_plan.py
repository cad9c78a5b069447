# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an xMatters alert should look like, and what it lacks. Pure: the calls are made by the module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .clients.xmatters_values import Annotation, Event
from .errors import ConfigurationError

#: Longer comments are cut (characters); what is left out is in the journal and in the ticket.
COMMENT_LIMIT = 2000
ACTIONS = (
    "RECORD_RESPONSE",
    "STOP_NOTIFYING_USER",
    "STOP_NOTIFYING_TARGET",
    "ESCALATE",
    "ASSIGN_TO_USER",
    "END",
)
CONTRIBUTIONS = ("POSITIVE", "NEGATIVE", "NEUTRAL", "NONE")
#: Action and contribution of the options that are no remedies. A remedy stops the notifying and counts as engaged; it
#: never ends the alert, so that the result can still be shown on it.
_TALK = {
    "escalate": ("ESCALATE", "NEGATIVE"),
    "snooze": ("STOP_NOTIFYING_TARGET", "NEUTRAL"),
}
_REMEDY = ("STOP_NOTIFYING_TARGET", "POSITIVE")
_MARKER = re.compile(r"\[([^\[\]\s]+)\]\s*$")


def choose(events: Iterable[Event], marker_property: str, marker: str) -> Event | None:
    """Return the alert that carries the marker: an open one before a terminated one, then the newest.

    The search of the vendor may be broader than equality, so that the property itself is compared where it was told.
    """
    ours = [event for event in events if carries(event, marker_property, marker)]
    created = {event.id: event.created.timestamp() if event.created else 0.0 for event in ours}
    return max(ours, key=lambda event: (not terminated(event), created[event.id]), default=None)


def carries(event: Event, marker_property: str, marker: str) -> bool:
    """Return whether the alert has the marker, as far as its properties were told."""
    return not event.properties or str(event.property(marker_property)) == marker


def terminated(event: Event) -> bool:
    """Return whether the alert is over for good; C(TERMINATED_EXTERNAL) has been seen as well."""
    return event.status.startswith("TERMINATED")


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


def trigger_body(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent to the form's trigger (contract: I(Trigger an event) of the REST API)."""
    texts = {"subject": params["subject"], "message": params["text"]}
    properties = {**(params["properties"] or {}), **texts, params["marker_property"]: params["marker"]}
    body: dict[str, Any] = {"properties": {name: value for name, value in properties.items() if value is not None}}
    if params["recipients"]:
        body["recipients"] = [_recipient(entry) for entry in params["recipients"]]
    if params["priority"]:
        body["priority"] = params["priority"].upper()
    if params["expiration"]:
        body["expirationInMinutes"] = params["expiration"]
    if params["response_options"] and params["response_options_in_trigger"]:
        body["responseOptions"] = response_options(params["response_options"])
    return body


def response_options(options: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return response options in the vendor's fields, numbered from 1.

    Raises ConfigurationError when a label is missing, is used twice, or an action is not one of the vendor's.
    """
    result: list[dict[str, Any]] = []
    for position, option in enumerate(options, start=1):
        where = f"response_options: option {position}"
        label = str(option.get("label") or "").strip()
        if not label:
            raise ConfigurationError(f"{where} has no label; the label is what the responder chooses")
        action, contribution = _TALK.get(str(option.get("name")), _REMEDY)
        action = str(option.get("action") or action).upper()
        contribution = str(option.get("contribution") or contribution).upper()
        if action not in ACTIONS:
            raise ConfigurationError(f"{where}: action {action!r} is not one of {', '.join(ACTIONS)}")
        if contribution not in CONTRIBUTIONS:
            raise ConfigurationError(f"{where}: contribution {contribution!r} is not one of {', '.join(CONTRIBUTIONS)}")
        result.append(
            {
                "number": position,
                "text": label,
                "description": str(option.get("text") or label),
                "prompt": str(option.get("prompt") or label),
                "action": action,
                "contribution": contribution,
                "allowComments": True,
            }
        )
    labels = [option["text"].casefold() for option in result]
    if len(set(labels)) != len(labels):
        raise ConfigurationError(
            "response_options: two options have the same label, so that answers would be ambiguous"
        )
    return result


def _recipient(entry: Any) -> dict[str, str]:
    """Return a recipient pointer; the type is only a hint that saves the vendor a look-up."""
    if isinstance(entry, str) and entry.strip():
        name, kind = entry.strip(), "device" if "|" in entry else None
    elif isinstance(entry, Mapping) and entry.get("name"):
        name, kind = str(entry["name"]), entry.get("type")
    else:
        raise ConfigurationError("recipients: each must be a name, or have a name and a type (group, person or device)")
    if kind is None:
        return {"id": name}
    if kind not in ("group", "person", "device"):
        raise ConfigurationError(f"recipients: the type of {name!r} must be group, person or device, not {kind!r}")
    return {"id": name, "recipientType": kind.upper()}
