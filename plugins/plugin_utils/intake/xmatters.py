# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translates what xMatters posts when somebody answered. Pure: no input or output.

xMatters signs nothing, so that the body is only a hint where to look: the answer itself is read from its audit log.

Three spellings are understood: the form's outbound integration (C(eventIdentifier), C(response), C(recipient), ...),
the same through an Integration Agent (C(eventidentifier), C(additionalTokens)), and the body that the documentation of
the role C(xmatters) recommends for a step of a flow (C(event_uuid), C(event_id), C(response), C(responder), ...).
Sources: help.xmatters.com/ondemand "Outbound updates", and the scripts that xMatters generates for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_values import no_comment, parse_time
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"[0-9]{1,18}")
#: Longer names of people and options are not believed, longer comments are cut (characters).
_LONGEST = 1000


@dataclass(frozen=True)
class ResponseHint:
    """Somebody seems to have answered. C(responder) is a user id, C(option) the text of the option.

    At least one of C(event_uuid) and C(event_number) is set. C(received_at) is None where the body has no time with a
    zone; the outbound integration never has.
    """

    event_uuid: str | None
    event_number: str | None
    incident_id: str | None
    responder: str
    option: str
    comment: str | None
    received_at: datetime | None

    @property
    def event(self) -> str:
        """Return what to ask the API for."""
        return self.event_uuid or self.event_number or ""


def to_response_hint(body: Any, marker_property: str = "incident_id") -> ResponseHint:
    """Return the hint in the parsed body of a webhook.

    Raises InvalidInputError that names the field which is missing or wrong. Webhooks for deliveries and changes of
    status are refused, because they have no response.
    """
    if not isinstance(body, Mapping):
        raise InvalidInputError("the body must be a JSON object")
    number = _event_number(body)
    uuid = _event_uuid(body)
    if number is None and uuid is None:
        raise InvalidInputError("eventIdentifier (or event_uuid, event_id) is missing: the alert that was answered")
    properties = _properties(body)
    marker = properties.get(marker_property)
    return ResponseHint(
        event_uuid=uuid,
        event_number=number,
        incident_id=marker if isinstance(marker, str) else None,
        responder=_text(body, "recipient", "responder"),
        option=_text(body, "response"),
        comment=(no_comment(_first(body, "annotation", "comment")) or "")[:_LONGEST] or None,
        received_at=_time_with_zone(_first(body, "date", "received")),
    )


def _first(body: Mapping[str, Any], *names: str) -> Any:
    return next((body[name] for name in names if body.get(name) is not None), None)


def _text(body: Mapping[str, Any], *names: str) -> str:
    value = _first(body, *names)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError(
            f"{' or '.join(names)} is missing or no text; only the webhook for responses belongs on this path"
        )
    if len(value) > _LONGEST:
        raise InvalidInputError(f"{names[0]} is longer than {_LONGEST} characters")
    return value.strip()


def _event_number(body: Mapping[str, Any]) -> str | None:
    value = _first(body, "eventIdentifier", "eventidentifier", "event_id")
    if value is None:
        return None
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    if not _NUMBER.fullmatch(text):
        raise InvalidInputError("eventIdentifier must be the number of the alert")
    return text


def _event_uuid(body: Mapping[str, Any]) -> str | None:
    value = body.get("event_uuid")
    if value is None:
        return None
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise InvalidInputError("event_uuid must be the UUID of the alert")
    return value.lower()


def _properties(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form's properties: one object, or a list of objects with one key each, or both."""
    merged: dict[str, Any] = {}
    for name in ("eventProperties", "properties", "additionalTokens"):
        value = body.get(name)
        if value is None:
            continue
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if not isinstance(part, Mapping):
                raise InvalidInputError(f"{name} must be an object or a list of objects")
            merged.update({str(key).partition("#")[0]: entry for key, entry in part.items()})
    return merged


def _time_with_zone(text: Any) -> datetime | None:
    """Return a time that states its zone; the outbound integration's own format does not."""
    return (
        parse_time(text) if isinstance(text, str) and re.search(r"(Z|[+-][0-9]{2}:?[0-9]{2})$", text.strip()) else None
    )
