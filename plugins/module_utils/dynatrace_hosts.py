# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out what a monitored entity is called, and on which hosts it runs, under which names and addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .clients.dynatrace_entities import Entities, EntityRecord

#: Relationships that lead from an entity to its host, or to several.
_TO_HOST = (
    "isProcessOf",
    "isDiskOf",
    "isNetworkInterfaceOf",
    "runsOnHost",
    "runsOn",
    "isCgiOfHost",
    "isNodeOfHost",
)
#: Relationships that lead to something that has a host.
_TO_PROCESS = ("runsOnProcessGroupInstance",)
#: Properties that hold a name of a host, the one that people gave first.
_HOST_NAMES = ("oneAgentCustomHostName", "customHostName", "detectedName", "dnsNames")
_ADDRESSES = ("ipAddress", "ipAddresses")
#: A process group may run on many hosts; nobody heals so many at once.
MOST_HOSTS = 50


def described(entities: Entities, records: Sequence[EntityRecord], with_hosts: bool) -> list[dict[str, Any]]:
    """Return the entities as plain data, with their hosts where those are wanted."""
    known = {record.id: record for record in records}
    hosts = {record.id: _hosts_of(entities, record, known) if with_hosts else [] for record in records}
    if with_hosts:
        _read(entities, [id_ for ids in hosts.values() for id_ in ids], known)
    return [
        {
            "id": record.id,
            "type": record.type,
            "name": record.name,
            "detected_name": _first(record, "detectedName"),
            "tags": list(record.tags),
            "properties": dict(record.properties),
            "process_groups": list(record.related.get("isInstanceOf", ())),
            "hosts": [_host(known[id_]) for id_ in hosts[record.id] if id_ in known],
        }
        for record in records
    ]


def _hosts_of(entities: Entities, record: EntityRecord, known: dict[str, EntityRecord]) -> list[str]:
    """Return the ids of the hosts that an entity is or runs on."""
    if record.type == "HOST":
        return [record.id]
    direct = _leading_to_hosts(record)
    if direct:
        return direct
    processes = [id_ for name in _TO_PROCESS for id_ in record.related.get(name, ())][:MOST_HOSTS]
    _read(entities, processes, known)
    found = (id_ for process in processes if process in known for id_ in _leading_to_hosts(known[process]))
    return list(dict.fromkeys(found))[:MOST_HOSTS]


def _leading_to_hosts(record: EntityRecord) -> list[str]:
    found = (id_ for name in _TO_HOST for id_ in record.related.get(name, ()) if id_.startswith("HOST-"))
    return list(dict.fromkeys(found))[:MOST_HOSTS]


def _read(entities: Entities, ids: Iterable[str], known: dict[str, EntityRecord]) -> None:
    """Ask for what is not known yet, all in one call for each type: a selector takes one type only."""
    by_type: dict[str, list[str]] = {}
    for id_ in dict.fromkeys(ids):
        if id_ not in known:
            by_type.setdefault(id_.rpartition("-")[0], []).append(id_)
    for wanted in by_type.values():
        known.update((record.id, record) for record in entities.several(wanted))


def _host(record: EntityRecord) -> dict[str, Any]:
    names = [name for property_ in _HOST_NAMES for name in _texts(record.properties, property_)]
    return {
        "id": record.id,
        "name": record.name,
        "detected_name": _first(record, "detectedName"),
        # Rules of the tenant may have changed the displayed name, so that it comes last.
        "host_names": list(dict.fromkeys(name for name in [*names, record.name] if name)),
        "addresses": list(
            dict.fromkeys(one for property_ in _ADDRESSES for one in _texts(record.properties, property_))
        ),
        "tags": list(record.tags),
        "state": _first(record, "state"),
        "os": _first(record, "osType"),
    }


def _first(record: EntityRecord, property_: str) -> str:
    return next(iter(_texts(record.properties, property_)), "")


def _texts(properties: Mapping[str, Any], name: str) -> list[str]:
    value = properties.get(name)
    values = value if isinstance(value, list) else [value]
    return [one.strip() for one in values if isinstance(one, str) and one.strip()]
