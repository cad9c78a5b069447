#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module xmatters_on_call_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmatters_on_call_info
short_description: Read who is on call in xMatters, and in what order people are called
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns, for each group, its shifts with their members, and the order in which people are really called.
  - Groups in groups and devices are resolved to people. Who is away is replaced by who stands in. Who is inactive, or
    away with nobody standing in, is left out, and the delay behind that member with it, as xMatters does it.
  - Nothing is changed.
notes:
  - The user sees what its roles allow. Where absences may not be seen, RV(absences_known) is V(false), and only those
    who are replaced are known to be away.
options:
  groups:
    description: Names or UUIDs of the groups.
    type: list
    elements: str
    required: true
  at:
    description: The moment, with its time zone, for example V(2026-11-22T08:00:00Z). Default is now.
    type: str
  until:
    description: The shifts between O(at) and this moment are returned. The order is that of O(at).
    type: str
  absences:
    description: Whether to look who is away.
    type: bool
    default: true
  emails:
    description: Whether to look up people's e-mail addresses, which takes one more call per person.
    type: bool
    default: false
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.xmatters
seealso:
  - plugin: self_healing.devops.on_call
    plugin_type: lookup
  - module: self_healing.devops.xmatters_group_info
"""

EXAMPLES = r"""
- name: Read who is on call
  self_healing.devops.xmatters_on_call_info:
    xmatters_url: https://company.xmatters.com
    xmatters_user: x-api-key-00000000-0000-4000-8000-000000000001
    xmatters_password: "{{ vault_xmatters_secret }}"
    groups: [Checkout SRE]
  register: duty

- name: Say who is called first
  ansible.builtin.debug:
    msg: "{{ duty.groups[0].escalation | map(attribute='name') | first | default('nobody') }}"

- name: Read the shifts of the next week
  self_healing.devops.xmatters_on_call_info:
    groups: [Checkout SRE, Payments]
    at: 2026-11-22T00:00:00Z
    until: 2026-11-29T00:00:00Z
"""

RETURN = r"""
at:
  description: The moment of the order.
  returned: success
  type: str
absences_known:
  description: Whether it could be read who is away.
  returned: success
  type: bool
groups:
  description: The groups, in the order in which they were asked for.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Target name., type: str}
    id: {description: UUID., type: str}
    type: {description: "V(on_call), V(broadcast) or V(dynamic).", type: str}
    status: {description: "V(active) or V(inactive).", type: str}
    covered: {description: Whether anybody is called., type: bool}
    escalation:
      description: Who is called, in order, each once.
      type: list
      elements: dict
      contains:
        level: {description: "1 for those who are called first, and so on.", type: int}
        after: {description: Minutes after the alert began., type: int}
        key: {description: User id., type: str}
        name: {description: First and last name., type: str}
        device: {description: Name of the device where only that is called., type: str}
        email: {description: Address of the first e-mail device., type: str}
        groups: {description: "The groups on the way, the outermost first.", type: list, elements: str}
        replaces: {description: User id of who should have been called., type: str}
        until: {description: When the shift ends., type: str}
    skipped:
      description: Who is not called although the shift names them.
      type: list
      elements: dict
      contains:
        key: {description: Target name., type: str}
        name: {description: Name., type: str}
        reason: {description: "V(absent), V(inactive), V(nobody on call) or V(contains itself).", type: str}
        groups: {description: The groups on the way., type: list, elements: str}
    shifts:
      description: The shifts, one entry for each time that they take place.
      type: list
      elements: dict
      contains:
        name: {description: Name of the shift., type: str}
        start: {description: When it begins (UTC)., type: str}
        end: {description: When it ends., type: str}
        members:
          description: The members as they are planned, in order.
          type: list
          elements: dict
          contains:
            key: {description: Target name., type: str}
            name: {description: Name., type: str}
            type: {description: "V(person), V(group) or V(device).", type: str}
            status: {description: "V(active) or V(inactive), where it is told.", type: str}
            position: {description: Place in the order., type: int}
            delay: {description: Minutes after the member before., type: int}
            escalation_type: {description: The word of xMatters., type: str}
            replacements:
              description: Who stands in, and when.
              type: list
              elements: dict
              contains:
                key: {description: User id., type: str}
                name: {description: Name., type: str}
                start: {description: From when on., type: str}
                end: {description: Until when., type: str}
    absences:
      description: Which members are away; V(null) when it could not be read.
      type: list
      elements: dict
      contains:
        key: {description: User id., type: str}
        name: {description: Name., type: str}
        type: {description: The word of xMatters., type: str}
        start: {description: From when on., type: str}
        end: {description: Until when., type: str}
        group: {description: The only group in which that counts., type: str}
        replacement: {description: User id of who stands in; V(null) for nobody., type: str}
        replacement_name: {description: Name of who stands in., type: str}
"""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.alert_people import People
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.incident import iso
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, run_module
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_moments import moment_in
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_on_call import told_of
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_roster import read_groups, read_roster
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_settings import (
    XMATTERS_LOGIN,
    XMATTERS_OPTIONS,
    client_of,
)

SPEC = ModuleSpec(
    options={
        **XMATTERS_OPTIONS,
        "groups": {"type": "list", "elements": "str", "required": True},
        "at": {"type": "str"},
        "until": {"type": "str"},
        "absences": {"type": "bool", "default": True},
        "emails": {"type": "bool", "default": False},
    },
    required_one_of=XMATTERS_LOGIN,
)


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return who is on call. Raises SelfHealingError."""
    if not params["groups"]:
        raise ConfigurationError("groups is empty; name at least one group")
    given = moment_in(params["at"], "at") if params["at"] else None
    at = given or datetime.now(timezone.utc)
    until = moment_in(params["until"], "until") if params["until"] else None
    if until is not None and until <= at:
        raise ConfigurationError(f"until is {params['until']}, which is not after {iso(at)}")
    client = client_of(params, transport)
    groups = read_groups(client.directory, params["groups"])
    roster = read_roster(client.directory, groups, at if until else given, until, params["absences"])
    people = People(client, emails=params["emails"])
    return {
        "changed": False,
        "at": iso(at),
        "absences_known": roster.absences is not None,
        "groups": [told_of(roster, group, at, people) for group in groups],
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
