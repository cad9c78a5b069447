# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynatrace on the wire: the monitored hosts with what runs on them.

Source: docs.dynatrace.com, "Monitored entities API". Scope of the token: C(entities.read).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..http import Api
from .dynatrace_values import listing, mapping, objects, text

#: Entities per page; the vendor allows 500 and gives 50 by default.
PAGE_SIZE = 500
#: What runs on a host or belongs to it, by the relationship that points to the host.
RELATIONS = {"processes": "isProcessOf", "services": "runsOnHost", "disks": "isDiskOf"}
HOST_FIELDS = ",".join(["+properties", "+tags", *(f"+toRelationships.{name}" for name in RELATIONS.values())])
GROUP_FIELDS = "+fromRelationships.runsOn"


@dataclass(frozen=True)
class Tag:
    """A tag. C(value) is empty where it has none, C(context) where people or rules of the environment set it."""

    key: str
    value: str
    context: str


@dataclass(frozen=True)
class HostRecord:
    """A monitored host. C(related) are the ids of what runs on it or belongs to it, by the names in L(RELATIONS)."""

    id: str
    name: str
    properties: Mapping[str, Any]
    tags: tuple[Tag, ...]
    related: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class GroupRecord:
    """A process group, and the ids of the hosts on which it runs."""

    id: str
    name: str
    hosts: tuple[str, ...]


class Hosts:
    """The hosts of one environment. All methods raise the errors of C(Api.call)."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def listing(self, selector: str) -> Iterator[HostRecord]:
        """Yield the hosts that an entity selector fits, as they are wanted. Entities of other types are left out."""
        for item in self._entities(selector, HOST_FIELDS):
            if text(item.get("type")) == "HOST":
                yield _host(item)

    def process_groups(self) -> Iterator[GroupRecord]:
        """Yield all process groups, as they are wanted."""
        for item in self._entities('type("PROCESS_GROUP")', GROUP_FIELDS):
            hosts = _ends(item, "fromRelationships", "runsOn")
            yield GroupRecord(text(item.get("entityId")), text(item.get("displayName")), hosts)

    def _entities(self, selector: str, fields: str) -> Iterator[Mapping[str, Any]]:
        query = {"entitySelector": selector, "fields": fields, "pageSize": PAGE_SIZE}
        for page in listing(self._api, "entities", "entities", query):
            yield from objects(page)


def _host(item: Mapping[str, Any]) -> HostRecord:
    return HostRecord(
        id=text(item.get("entityId")),
        name=text(item.get("displayName")),
        properties=mapping(item.get("properties")),
        tags=tuple(_tag(tag) for tag in objects(item.get("tags")) if text(tag.get("key"))),
        related={name: _ends(item, "toRelationships", relation) for name, relation in RELATIONS.items()},
    )


def _tag(tag: Mapping[str, Any]) -> Tag:
    context = text(tag.get("context"))
    return Tag(text(tag.get("key")), text(tag.get("value")), "" if context == "CONTEXTLESS" else context)


def _ends(item: Mapping[str, Any], side: str, name: str) -> tuple[str, ...]:
    ends = objects(mapping(item.get(side)).get(name))
    return tuple(dict.fromkeys(id_ for end in ends if (id_ := text(end.get("id")))))
