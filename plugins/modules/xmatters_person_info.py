#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module xmatters_person_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmatters_person_info
short_description: Read people of xMatters with their devices and groups
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns one person, or all that fit a search, with the devices in the order in which they ring, and the groups.
  - Nothing is changed.
notes:
  - Addresses and telephone numbers are personal data. Read them only where they are needed.
options:
  person:
    description: User id or UUID of one person. Where there is none, the list is empty.
    type: str
  email:
    description: Address of a device of the person.
    type: str
  login:
    description: Name with which the person logs in.
    type: str
  search:
    description: Words that the name or the user id has to have.
    type: str
  group:
    description: Name of a group that the person has to be in.
    type: str
  devices:
    description: Whether to read the devices.
    type: bool
    default: true
  groups:
    description: Whether to read the groups.
    type: bool
    default: false
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.xmatters
seealso:
  - module: self_healing.devops.xmatters_group_info
"""

EXAMPLES = r"""
- name: Find a responder by the address that other tools know
  self_healing.devops.xmatters_person_info:
    xmatters_url: https://company.xmatters.com
    xmatters_user: x-api-key-00000000-0000-4000-8000-000000000001
    xmatters_password: "{{ vault_xmatters_secret }}"
    email: ana@example.com
  register: found
"""

RETURN = r"""
people:
  description: The people.
  returned: success
  type: list
  elements: dict
  contains:
    key: {description: User id., type: str}
    id: {description: UUID., type: str}
    name: {description: First and last name., type: str}
    first_name: {description: First name., type: str}
    last_name: {description: Last name., type: str}
    login: {description: Name with which the person logs in., type: str}
    status: {description: "V(active) or V(inactive).", type: str}
    timezone: {description: Time zone., type: str}
    language: {description: Language., type: str}
    licence: {description: "V(FULL_USER) or V(STAKEHOLDER_USER).", type: str}
    roles: {description: Names of the roles., type: list, elements: str}
    properties: {description: "Further fields, as xMatters tells them.", type: dict}
    email: {description: Address of the first e-mail device that shows one; only with O(devices)., type: str}
    devices:
      description: The devices in the order in which they ring; only with O(devices).
      type: list
      elements: dict
      contains:
        name: {description: Name., type: str}
        key: {description: "Target name, by which alerts are sent to it.", type: str}
        type: {description: "V(EMAIL), V(VOICE), V(TEXT_PHONE), V(ANDROID_PUSH), ...", type: str}
        address: {description: Address or number., type: str}
        status: {description: "V(active) or V(inactive).", type: str}
        priority: {description: From which priority on it rings., type: str}
        delay: {description: Minutes after the device before., type: int}
        tested: {description: Whether it was tested., type: bool}
    groups: {description: Names of the groups; only with O(groups)., type: list, elements: str}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_directory import Directory
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_directory_values import (
    Device,
    User,
    email_of,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, run_module
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_settings import (
    XMATTERS_LOGIN,
    XMATTERS_OPTIONS,
    client_of,
)

SEARCHES = {"email": "emailAddress", "login": "webLogin", "search": "search", "group": "groups"}
SPEC = ModuleSpec(
    options={
        **XMATTERS_OPTIONS,
        "person": {"type": "str"},
        **{name: {"type": "str"} for name in SEARCHES},
        "devices": {"type": "bool", "default": True},
        "groups": {"type": "bool", "default": False},
    },
    required_one_of=[*XMATTERS_LOGIN, ("person", *SEARCHES)],
    mutually_exclusive=[("person", name) for name in SEARCHES],
)


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return the people. Raises SelfHealingError."""
    directory = client_of(params, transport).directory
    return {"changed": False, "people": [_told(directory, user, params) for user in _found(directory, params)]}


def _found(directory: Directory, params: Mapping[str, Any]) -> list[User]:
    if params["person"]:
        one = directory.user(params["person"])
        return [one] if one is not None else []
    return directory.users(embed="roles", **{field: params[name] for name, field in SEARCHES.items() if params[name]})


def _told(directory: Directory, user: User, params: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "key": user.key,
        "id": user.id,
        "name": user.name,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "login": user.login,
        "status": user.status.lower() or None,
        "timezone": user.timezone or None,
        "language": user.language or None,
        "licence": user.licence or None,
        "roles": list(user.roles),
        "properties": dict(user.properties),
    }
    name = user.id or user.key
    if params["devices"]:
        devices = directory.devices(name)
        told["email"] = email_of(devices)
        told["devices"] = [_device(device) for device in devices]
    if params["groups"]:
        told["groups"] = [group.key for group in directory.groups_of(name)]
    return told


def _device(device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "key": device.key,
        "type": device.kind,
        "address": device.address,
        "status": device.status.lower() or None,
        "priority": device.priority or None,
        "delay": device.delay,
        "tested": device.tested,
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
