# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(candidates)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

MANAGED_GROUP = "self_healing_managed"

DOCUMENTATION = r"""
name: candidates
short_description: Hosts of the inventory that fit what a problem impacts
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Looks the impacted entities of an incident up in the inventory, by exact comparison only.
  - The order is the identifier of the entity (host variable C(self_healing_entities)), then the name of the host as the
    monitoring system detected it, then the address. The first kind of look-up that finds anything ends the search.
  - Only hosts in the group C(self_healing_managed) are compared by variables. Other hosts are compared by name, so that
    a decision can say that a host exists and is not managed.
options:
  _input:
    description: An incident, as M(self_healing.devops.incident_info) returns it.
    type: dict
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
  groups:
    description: The variable C(groups).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show which hosts fit
  ansible.builtin.debug:
    msg: "{{ self_healing_incident | self_healing.devops.candidates(hostvars, groups) }}"
"""

RETURN = r"""
_value:
  description: The hosts, with whether each is managed and how it was found.
  type: list
  elements: dict
  sample:
    - host: web-03
      managed: true
      by: entity id
"""


def candidates(
    incident: Mapping[str, Any], hostvars: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Iterable[str]]
) -> list[dict[str, Any]]:
    """Return the hosts that fit the entities of an incident, the root cause before what merely suffers."""
    managed = list(groups.get(MANAGED_GROUP, ()))
    cause = [incident["root_cause"]] if incident["root_cause"] else []
    for entities in (cause, incident["entities"]):
        identifiers = {entity["id"] for entity in entities}
        names = {_name(entity["name"]) for entity in entities} - {""}
        for by, wanted, known in (
            ("entity id", identifiers, lambda host: _listed(hostvars[host].get("self_healing_entities"))),
            ("name", names, lambda host: [_name(host), _name(hostvars[host].get("self_healing_name"))]),
            ("address", names, lambda host: [_name(hostvars[host].get("ansible_host"))]),
        ):
            found = [host for host in managed if not wanted.isdisjoint(known(host))]
            if found:
                return [{"host": str(host), "managed": True, "by": by} for host in found]
        strangers = [host for host in groups.get("all", ()) if host not in managed and _name(host) in names]
        if strangers:
            return [{"host": str(host), "managed": False, "by": "name"} for host in strangers]
    return []


def _name(name: Any) -> str:
    return str(name or "").strip().casefold()


def _listed(value: Any) -> list[str]:
    if not value:
        return []
    return [str(item) for item in value] if not isinstance(value, str) else [value]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"candidates": candidates}
