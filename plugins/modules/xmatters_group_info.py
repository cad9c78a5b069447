#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module xmatters_group_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmatters_group_info
short_description: Read groups of xMatters with their members and shifts
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns one group, or all that fit a search, with members, supervisors and shifts as they are planned.
  - Who is called now is told by M(self_healing.devops.xmatters_on_call_info).
  - Nothing is changed.
options:
  group:
    description: Name or UUID of one group. Where there is none, the list is empty.
    type: str
  search:
    description: Words that the name or the description has to have.
    type: str
  member:
    description: User id of somebody who has to be in the group.
    type: str
  type:
    description: Only groups of this type.
    type: str
    choices: [on_call, broadcast, dynamic]
  status:
    description: Only groups of this status.
    type: str
    choices: [active, inactive]
  members:
    description: Whether to read the members.
    type: bool
    default: true
  supervisors:
    description: Whether to read the supervisors.
    type: bool
    default: false
  shifts:
    description: Whether to read the shifts.
    type: bool
    default: false
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.xmatters
seealso:
  - module: self_healing.devops.xmatters_on_call_info
"""

EXAMPLES = r"""
- name: Read a group with its shifts
  self_healing.devops.xmatters_group_info:
    xmatters_url: https://company.xmatters.com
    xmatters_user: x-api-key-00000000-0000-4000-8000-000000000001
    xmatters_password: "{{ vault_xmatters_secret }}"
    group: Checkout SRE
    shifts: true
  register: found
"""

RETURN = r"""
groups:
  description: The groups.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Target name., type: str}
    id: {description: UUID., type: str}
    type: {description: "V(on_call), V(broadcast) or V(dynamic).", type: str}
    status: {description: "V(active) or V(inactive).", type: str}
    description: {description: What it is for., type: str}
    timezone: {description: Its time zone., type: str}
    members:
      description: Its members; only with O(members).
      type: list
      elements: dict
      contains:
        key: {description: Target name., type: str}
        name: {description: Name., type: str}
        type: {description: "V(person), V(group) or V(device).", type: str}
        status: {description: "V(active) or V(inactive), where it is told.", type: str}
    supervisors:
      description: Who looks after it; only with O(supervisors).
      type: list
      elements: dict
      contains:
        key: {description: User id., type: str}
        name: {description: Name., type: str}
        type: {description: "V(person).", type: str}
        status: {description: "V(active) or V(inactive), where it is told.", type: str}
    shifts:
      description: Its shifts; only with O(shifts).
      type: list
      elements: dict
      contains:
        name: {description: Name., type: str}
        id: {description: UUID., type: str}
        description: {description: What it is for., type: str}
        start: {description: When it begins for the first time (UTC)., type: str}
        end: {description: When it ends for the first time., type: str}
        timezone: {description: Its time zone., type: str}
        recurrence: {description: "How it repeats, as xMatters tells it.", type: dict}
        rotation: {description: "How its members rotate, as xMatters tells it.", type: dict}
        members:
          description: "Its members in order, as in M(self_healing.devops.xmatters_on_call_info)."
          type: list
          elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_directory import Directory
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_directory_values import Group, Shift
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.incident import iso
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, run_module
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_on_call import member_of, target_in
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_settings import (
    XMATTERS_LOGIN,
    XMATTERS_OPTIONS,
    client_of,
)

SPEC = ModuleSpec(
    options={
        **XMATTERS_OPTIONS,
        "group": {"type": "str"},
        "search": {"type": "str"},
        "member": {"type": "str"},
        "type": {"type": "str", "choices": ["on_call", "broadcast", "dynamic"]},
        "status": {"type": "str", "choices": ["active", "inactive"]},
        "members": {"type": "bool", "default": True},
        "supervisors": {"type": "bool", "default": False},
        "shifts": {"type": "bool", "default": False},
    },
    mutually_exclusive=[("group", name) for name in ("search", "member", "type", "status")],
    required_one_of=XMATTERS_LOGIN,
)


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return the groups. Raises SelfHealingError."""
    directory = client_of(params, transport).directory
    return {"changed": False, "groups": [_told(directory, group, params) for group in _found(directory, params)]}


def _found(directory: Directory, params: Mapping[str, Any]) -> list[Group]:
    if params["group"]:
        one = directory.group(params["group"])
        return [one] if one is not None else []
    asked = {
        "search": params["search"],
        "members": params["member"],
        "groupType": (params["type"] or "").upper(),
        "status": (params["status"] or "").upper(),
    }
    return directory.groups(**{name: value for name, value in asked.items() if value})


def _told(directory: Directory, group: Group, params: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": group.key,
        "id": group.id,
        "type": group.kind.lower() or None,
        "status": group.status.lower() or None,
        "description": group.description,
        "timezone": group.timezone or None,
    }
    name = group.id or group.key
    if params["members"]:
        told["members"] = [target_in(member) for member in directory.members(name)]
    if params["supervisors"]:
        told["supervisors"] = [target_in(person) for person in directory.supervisors(name)]
    if params["shifts"]:
        told["shifts"] = [_shift(shift) for shift in directory.shifts(name)]
    return told


def _shift(shift: Shift) -> dict[str, Any]:
    return {
        "name": shift.name,
        "id": shift.id,
        "description": shift.description,
        "start": iso(shift.start),
        "end": iso(shift.end),
        "timezone": shift.timezone or None,
        "recurrence": dict(shift.recurrence),
        "rotation": dict(shift.rotation),
        "members": [member_of(member) for member in shift.members],
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
