#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module dynatrace_entity_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynatrace_entity_info
short_description: Read what Dynatrace knows of an entity, and which hosts it runs on
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns monitored entities, each with the hosts that it is or runs on, under all the names and addresses that
    Dynatrace knows, so that the host of an inventory can be found.
  - Processes, process groups, disks, network interfaces, containers, nodes of Kubernetes and services have hosts.
    Applications and synthetic monitors have none.
notes:
  - The token needs the scope C(entities.read).
  - Names come from outside. Compare them with the names of the inventory, and never use one as a host pattern.
options:
  entity_id:
    description: Id of one entity, for example V(HOST-0123456789ABCDEF). Where there is none, the list is empty.
    type: str
  entity_selector:
    description: Which entities, in the words of the API, for example V(type("HOST"\),tag("service:shop"\)).
    type: str
  since:
    description:
      - Entities that were seen after this, an expression of the API like V(now-1d). Default of Dynatrace is three days
        ago. It goes with O(entity_selector).
    type: str
  hosts:
    description: Whether to look for the hosts.
    type: bool
    default: true
  limit:
    description: At most this many entities.
    type: int
    default: 100
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.dynatrace
"""

EXAMPLES = r"""
- name: Find the host of a process
  self_healing.devops.dynatrace_entity_info:
    dynatrace_url: https://abc12345.live.dynatrace.com
    dynatrace_token: "{{ vault_dynatrace_token }}"
    entity_id: PROCESS_GROUP_INSTANCE-0123456789ABCDEF
  register: found

- name: Read all hosts of the shop
  self_healing.devops.dynatrace_entity_info:
    entity_selector: type("HOST"),tag("service:shop")
"""

RETURN = r"""
entities:
  description: The entities.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Id., type: str, sample: PROCESS_GROUP_INSTANCE-0123456789ABCDEF}
    type: {description: Type., type: str, sample: PROCESS_GROUP_INSTANCE}
    name: {description: "Displayed name, which rules of the environment may have changed.", type: str, sample: shop}
    detected_name: {description: "Name that was detected, empty where none was.", type: str, sample: shop}
    tags: {description: Tags., type: list, elements: str, sample: ["service:shop"]}
    properties: {description: "All properties, as Dynatrace has them.", type: dict}
    process_groups: {description: Ids of the process groups of a process., type: list, elements: str}
    hosts:
      description: The hosts that it is or runs on.
      type: list
      elements: dict
      contains:
        id: {description: Id., type: str, sample: HOST-0123456789ABCDEF}
        name: {description: Displayed name., type: str, sample: shop-01}
        detected_name: {description: Name that was detected., type: str, sample: shop-01.example.com}
        host_names:
          description: "All names: the one that people gave, the detected one, those of DNS, the displayed one."
          type: list
          elements: str
        addresses: {description: IP addresses., type: list, elements: str, sample: [192.0.2.10]}
        tags: {description: Tags., type: list, elements: str}
        state: {description: "State, for example V(RUNNING).", type: str}
        os: {description: "Operating system, for example V(LINUX).", type: str}
more:
  description: Whether there are more entities than O(limit).
  returned: success
  type: bool
  sample: false
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace_entities import EntityRecord
from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_hosts import described
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, NotFoundError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    CONNECTION_OPTIONS,
    ModuleSpec,
    from_environment,
    run_module,
    transport_for,
)

SPEC = ModuleSpec(
    options={
        **CONNECTION_OPTIONS,
        "dynatrace_url": from_environment("dynatrace_url", required=True),
        "dynatrace_token": from_environment("dynatrace_token", required=True, no_log=True),
        "entity_id": {"type": "str"},
        "entity_selector": {"type": "str"},
        "since": {"type": "str"},
        "hosts": {"type": "bool", "default": True},
        "limit": {"type": "int", "default": 100},
    },
    mutually_exclusive=[("entity_id", "entity_selector"), ("entity_id", "since")],
    required_one_of=[("entity_id", "entity_selector")],
)


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return the entities. Raises SelfHealingError."""
    if params["limit"] < 1:
        raise ConfigurationError(f"limit is {params['limit']}, expected at least 1")
    client = DynatraceClient(
        params["dynatrace_url"],
        params["dynatrace_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    records = _records(client, params)
    shown = records[: params["limit"]]
    return {
        "changed": False,
        "entities": described(client.entities, shown, params["hosts"]),
        "more": len(records) > len(shown),
    }


def _records(client: DynatraceClient, params: Mapping[str, Any]) -> list[EntityRecord]:
    if not params["entity_id"]:
        # One more than is wanted tells whether there are more.
        found = client.entities.listing(params["entity_selector"], params["since"])
        return list(islice(found, params["limit"] + 1))
    try:
        return [client.entities.get(params["entity_id"])]
    except NotFoundError:
        return []


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
