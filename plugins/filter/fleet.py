# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(fleet)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

MANAGED_GROUP = "self_healing_managed"

DOCUMENTATION = r"""
name: fleet
short_description: Hosts that may be healed, with what monitoring systems may call them
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Gathers from the inventory what M(self_healing.devops.incident) compares with the entities that a problem impacts.
  - These are the hosts of the group C(self_healing_managed). The variable C(self_healing_entities) of a host lists the
    identifiers of its entities, C(self_healing_name) is its name in the monitoring system where that is another one.
positional: hostvars
options:
  _input:
    description: The variable C(groups).
    type: dict
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
seealso:
  - module: self_healing.devops.incident
"""

EXAMPLES = r"""
- name: Show which hosts may be healed
  ansible.builtin.debug:
    msg: "{{ groups | self_healing.devops.fleet(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The hosts in the order of the inventory.
  type: list
  elements: dict
  sample:
    - host: web-03
      entities: [PROCESS_GROUP_INSTANCE-0A1B2C3D4E5F6071]
      name: web-03.example.com
      address: 10.0.0.3
"""


def fleet(groups: Mapping[str, Iterable[str]], hostvars: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the managed hosts, each with its entities, its other name and its address."""
    return [_host(host, hostvars[host]) for host in groups.get(MANAGED_GROUP, ())]


def _host(host: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "host": str(host),
        "entities": _listed(variables.get("self_healing_entities")),
        "name": str(variables.get("self_healing_name") or ""),
        "address": str(variables.get("ansible_host") or ""),
    }


def _listed(value: Any) -> list[str]:
    if not value:
        return []
    return [str(item) for item in value] if not isinstance(value, str) else [value]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet": fleet}
