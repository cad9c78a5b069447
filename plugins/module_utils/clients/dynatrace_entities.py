# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynatrace on the wire: monitored entities.

Source: docs.dynatrace.com, "Monitored entities API". Scope of the token: C(entities.read).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..http import Api
from .dynatrace_values import criterion, listing, mapping, object_of, objects, tags, text

#: Entities per page; the vendor allows 500 and gives 50 by default.
PAGE_SIZE = 500
#: Without these an entity is no more than its name.
FIELDS = "+properties,+tags,+fromRelationships,+lastSeenTms"


@dataclass(frozen=True)
class EntityRecord:
    """A monitored entity. C(related) are the ids that it points to, by the name of the relationship."""

    id: str
    type: str
    name: str
    properties: Mapping[str, Any]
    tags: tuple[str, ...]
    related: Mapping[str, tuple[str, ...]]
    last_seen: int | None = None


class Entities:
    """The entities of one environment. All methods raise the errors of C(Api.call)."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, id_: str) -> EntityRecord:
        """Return an entity. Raises NotFoundError."""
        return _entity(object_of(self._api.call("GET", f"entities/{quote(id_, safe='')}", query={"fields": FIELDS})))

    def listing(self, selector: str, since: str | None = None) -> Iterator[EntityRecord]:
        """Yield the entities that a selector fits, as they are wanted. C(since) is a time as the API writes it."""
        query = {"entitySelector": selector, "from": since, "fields": FIELDS, "pageSize": PAGE_SIZE}
        for page in listing(self._api, "entities", "entities", query):
            yield from (_entity(item) for item in objects(page))

    def several(self, ids: Sequence[str]) -> list[EntityRecord]:
        """Return the entities with these ids, those that there are."""
        return list(self.listing(criterion("entityId", ids))) if ids else []


def _entity(item: Mapping[str, Any]) -> EntityRecord:
    seen, id_ = item.get("lastSeenTms"), text(item.get("entityId"))
    return EntityRecord(
        id=id_,
        # Not every environment says it beside the id.
        type=text(item.get("type")) or id_.rpartition("-")[0],
        name=text(item.get("displayName")),
        properties=mapping(item.get("properties")),
        tags=tuple(tags(item.get("tags"))),
        related={
            name: tuple(end for one in objects(ends) if (end := text(one.get("id"))))
            for name, ends in mapping(item.get("fromRelationships")).items()
        },
        last_seen=seen if isinstance(seen, int) else None,
    )
