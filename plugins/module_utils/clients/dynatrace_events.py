# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynatrace on the wire: Events API v2.

Source: docs.dynatrace.com, "Events API v2". Scopes of the token: C(events.ingest), C(events.read).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import AnswerError
from ..http import Api
from .dynatrace_values import criterion, listing, mapping, milliseconds_of, object_of, objects, text

#: Events per page; the vendor allows 1000 and gives 100 by default.
PAGE_SIZE = 1000
#: What an event that is sent says of itself when it was stored.
STORED = "OK"


@dataclass(frozen=True)
class EventReport:
    """What became of an event for one entity: C(status) is C(OK), or says why it was not stored."""

    correlation_id: str
    status: str


@dataclass(frozen=True)
class EventRecord:
    """An event that Dynatrace has. C(start) is milliseconds since 1970 in UTC, C(end) is None while it lasts."""

    id: str
    type: str
    title: str
    entity: str
    start: int | None
    end: int | None
    properties: Mapping[str, str]
    correlation_id: str = ""


class Events:
    """The events of one environment. All methods raise the errors of C(Api.call)."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def ingest(self, event: Mapping[str, Any]) -> list[EventReport]:
        """Send an event (the body of the API), and return what became of it for each entity that it is about.

        That it was answered with 201 says nothing: what was not stored says so in its report.
        """
        answer = object_of(self._api.call("POST", "events/ingest", json=event, expect=(200, 201)))
        reports = answer.get("eventIngestResults")
        if not isinstance(reports, list):
            raise AnswerError("Dynatrace: the answer does not say what became of the event")
        return [EventReport(text(item.get("correlationId")), text(item.get("status"))) for item in objects(reports)]

    def listing(
        self, types: Sequence[str], since: datetime, until: datetime | None = None, entities: str | None = None
    ) -> Iterator[EventRecord]:
        """Yield the events of some types that lasted at any time after C(since), as they are wanted.

        C(entities) is an entity selector.
        """
        query = {
            "from": milliseconds_of(since),
            "to": milliseconds_of(until) if until else None,
            "eventSelector": criterion("eventType", types),
            "entitySelector": entities,
            "pageSize": PAGE_SIZE,
        }
        for page in listing(self._api, "events", "events", query):
            yield from (_event(item) for item in objects(page))


def _event(item: Mapping[str, Any]) -> EventRecord:
    start, end = item.get("startTime"), item.get("endTime")
    return EventRecord(
        id=text(item.get("eventId")),
        type=text(item.get("eventType")),
        title=text(item.get("title")),
        entity=text(mapping(mapping(item.get("entityId")).get("entityId")).get("id")),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) and end != -1 else None,
        # They are written as a map, and read as a list.
        properties={text(entry.get("key")): text(entry.get("value")) for entry in objects(item.get("properties"))},
        correlation_id=text(item.get("correlationId")),
    )
