# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the monitored hosts of Dynatrace become in an inventory: plain data, names, addresses and entity ids.

Whoever may name a host or set a tag in Dynatrace is not to decide more than that, so that a name which could mean
anything but one host is no name, and a name that two hosts have names none of them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace_hosts import HostRecord, Tag
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import HOST_NAME

HOST_TYPE = 'type("HOST")'
#: Where the name of a host or its address may come from, besides C(tag:…) and C(property:…).
PLACES = ("custom_name", "detected_name", "dns_name", "id", "ip_address", "name")
#: Names that mean something else to Ansible, or the machine that it runs on.
RESERVED = frozenset({"all", "ungrouped", "localhost", "omit"})

_ENTITY = re.compile(r"[A-Z][A-Z0-9_]{0,63}-[0-9A-Za-z]{1,64}")
_CUSTOM_NAMES = ("oneAgentCustomHostName", "customHostName")


@dataclass
class Named:
    """The hosts that got a name, and one sentence for each that did not."""

    hosts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def read(client: DynatraceClient, selector: str, with_groups: bool) -> list[dict[str, Any]]:
    """Return the monitored hosts as plain data that a cache can keep. Raises SelfHealingError."""
    hosts = [_plain(record) for record in client.hosts.listing(selector) if _ENTITY.fullmatch(record.id)]
    if with_groups and hosts:
        by_id = {host["id"]: host for host in hosts}
        for group in client.hosts.process_groups():
            for id_ in group.hosts:
                if id_ in by_id and group.name and group.name not in by_id[id_]["process_groups"]:
                    by_id[id_]["process_groups"].append(group.name)
        for host in hosts:
            host["process_groups"].sort()
    return hosts


def selector_of(given: str | None) -> str:
    """Return the entity selector for hosts. C(given) may leave their type out."""
    criteria = (given or "").strip()
    if not criteria:
        return HOST_TYPE
    return criteria if re.match(r"(type|entityId)\s*\(", criteria) else f"{HOST_TYPE},{criteria}"


def check_places(option: str, places: Iterable[str]) -> list[str]:
    """Return the places. Raises ConfigurationError for one that there is not."""
    found = [str(place) for place in places]
    for place in found:
        kind, _colon, rest = place.partition(":")
        if place not in PLACES and not (kind in ("tag", "property") and rest):
            raise ConfigurationError(
                f"{option}: {place[:60]!r} is no place, expected {', '.join(PLACES)}, tag:<key> or property:<name>"
            )
    return found


def named(hosts: Iterable[Mapping[str, Any]], places: Sequence[str], taken: Collection[str] = ()) -> Named:
    """Give each host the name that is found in the first of the places that has one.

    C(taken) are names that no monitored host may have. A host whose first name cannot be used gets no other instead:
    a name further down could be that of another host.
    """
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    found = Named()
    for host in hosts:
        name = next((text for place in places if (text := value_at(host, place))), "")
        reason = _unusable(name, taken)
        if reason:
            found.left_out.append(f"{host['id']} is left out: {reason}")
        else:
            by_name.setdefault(name, []).append(host)
    for name, several in by_name.items():
        if len(several) == 1:
            found.hosts[name] = several[0]
        else:
            ids = ", ".join(sorted(host["id"] for host in several))
            found.left_out.append(f"{ids} are left out: all of them are called {name}")
    return found


def _unusable(name: str, taken: Collection[str]) -> str:
    if not name:
        return "it has no name in any of the places of the option names"
    if name.lower() in RESERVED or _is_own_machine(name):
        return f"{name[:80]!r} means something else to Ansible"
    if not HOST_NAME.fullmatch(name):
        return f"{name[:80]!r} is no plain host name"
    if name in taken:
        return f"{name!r} is a group or a tool of this inventory"
    return ""


def address_of(host: Mapping[str, Any], places: Sequence[str]) -> str:
    """Return the address to connect to from the first of the places that has a usable one, empty without any."""
    for place in places:
        text = value_at(host, place)
        if text and _is_address(text) and not _is_own_machine(text):
            return text
    return ""


def _is_address(text: str) -> bool:
    return HOST_NAME.fullmatch(text) is not None or _ip(text) is not None


def _is_own_machine(text: str) -> bool:
    address = _ip(text)
    if address is not None:
        return address.is_loopback or address.is_unspecified
    return text.lower().rstrip(".") in ("localhost", "localhost.localdomain", "ip6-localhost")


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def entities_of(host: Mapping[str, Any], kinds: Iterable[str]) -> list[str]:
    """Return the ids by which a problem finds the host: its own, then those of what is on it."""
    ids = [host["id"], *(id_ for kind in kinds for id_ in host["related"].get(kind, ()))]
    return [id_ for id_ in dict.fromkeys(ids) if _ENTITY.fullmatch(id_)]


def value_at(host: Mapping[str, Any], place: str) -> str:
    """Return the text at one place of a host, empty where there is none."""
    kind, colon, rest = place.partition(":")
    if colon:
        found = host["tags"].get(rest) if kind == "tag" else _first(host["properties"].get(rest))
    elif place in ("dns_name", "ip_address"):
        found = _first(host["dns_names" if place == "dns_name" else "addresses"])
    else:
        found = host[place]
    return found.strip() if isinstance(found, str) else ""


def shown(host: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the host variable C(dynatrace_host) holds."""
    return {name: value for name, value in host.items() if name != "related"}


def _plain(record: HostRecord) -> dict[str, Any]:
    properties = record.properties
    tags: dict[str, str] = {}
    for tag in record.tags:
        tags.setdefault(_key(tag), tag.value)
    return {
        "id": record.id,
        "name": record.name,
        "detected_name": _first(properties.get("detectedName")),
        "custom_name": next((name for key in _CUSTOM_NAMES if (name := _first(properties.get(key)))), ""),
        "os": _first(properties.get("osType")),
        "state": _first(properties.get("state")),
        "addresses": _texts(properties.get("ipAddress")),
        "dns_names": _texts(properties.get("dnsNames")),
        "tags": tags,
        "tag_list": [f"{_key(tag)}{':' if tag.value else ''}{tag.value}" for tag in record.tags],
        "process_groups": [],
        "properties": dict(properties),
        "related": {kind: list(ids) for kind, ids in record.related.items()},
    }


def _key(tag: Tag) -> str:
    return f"[{tag.context}]{tag.key}" if tag.context else tag.key


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str) and one]


def _first(value: Any) -> str:
    return next(iter(_texts(value)), "")
