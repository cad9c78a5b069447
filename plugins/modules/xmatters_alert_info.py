#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module xmatters_alert_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmatters_alert_info
short_description: Read an xMatters alert, who was notified of it, and who answered what
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns one alert with its recipients, its response options, who was notified on which device, who answered what and
    when, its comments and its whole log.
  - Answers are read from the audit log of xMatters, so that they are what xMatters itself has.
  - Nothing is changed.
notes:
  - Texts of an alert come from people and from events. Use them as values only, never as a template.
options:
  alert:
    description: UUID or number of the alert. xMatters itself advises the UUID.
    type: str
  marker:
    description: Value of the property that identifies the alert, usually the id of the incident.
    type: str
  request_id:
    description: Id of the request that the alert was made of.
    type: str
  marker_property:
    description: Name of the text property of the form that holds O(marker).
    type: str
    default: incident_id
  marker_language:
    description: Language of the form's texts. xMatters adds it to the names of text properties.
    type: str
    default: en
  emails:
    description: Whether to look up people's e-mail addresses, which takes one more call per person.
    type: bool
    default: true
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.xmatters
seealso:
  - module: self_healing.devops.xmatters_alert
"""

EXAMPLES = r"""
- name: Read who answered
  self_healing.devops.xmatters_alert_info:
    xmatters_url: https://company.xmatters.com
    xmatters_user: x-api-key-00000000-0000-4000-8000-000000000001
    xmatters_password: "{{ vault_xmatters_secret }}"
    marker: i7k3v5q2x4dmz
  register: alert

- name: Show it
  ansible.builtin.debug:
    msg: "{{ alert.responses | map(attribute='who') }}"
"""

RETURN = r"""
exists:
  description: Whether there is such an alert.
  returned: success
  type: bool
alert:
  description: The alert; empty when there is none.
  returned: success
  type: dict
  contains:
    id: {description: UUID., type: str}
    number: {description: "Number, as people see it.", type: str}
    name: {description: What xMatters calls it., type: str}
    status: {description: "V(active), V(suspended) or V(terminated).", type: str}
    priority: {description: "V(low), V(medium) or V(high).", type: str}
    created: {description: When it was made (UTC)., type: str}
    terminated: {description: When it ended., type: str}
    expiration: {description: After how many minutes xMatters ends it by itself., type: int}
    request_id: {description: Id of the request that it was made of., type: str}
    workflow: {description: Name of the workflow., type: str}
    form: {description: Name of the form., type: str}
    form_id: {description: UUID of the form., type: str}
    submitter: {description: User id of who sent it., type: str}
    properties: {description: The properties of the form by their names., type: dict}
    escalation_override: {description: Whether delays are ignored., type: bool}
    override_device_restrictions: {description: Whether devices ring outside of their time frames., type: bool}
    conference: {description: "The conference, as xMatters tells it.", type: dict}
    url: {description: Address in the REST API., type: str}
recipients:
  description: To whom it was sent, and who was reached through that.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Target name., type: str}
    type: {description: "V(group), V(person) or V(device).", type: str}
    targeted: {description: Whether it was sent to this target itself., type: bool}
response_options:
  description: What could be chosen.
  returned: success
  type: list
  elements: dict
  contains:
    number: {description: Number., type: int}
    label: {description: Text., type: str}
    description: {description: What it does., type: str}
    action: {description: What choosing it does in xMatters., type: str}
    contribution: {description: How it counts., type: str}
notified:
  description: Who was notified.
  returned: success
  type: list
  elements: dict
  contains:
    key: {description: User id., type: str}
    name: {description: First and last name., type: str}
    email: {description: Address of the first e-mail device; V(null) when it cannot be seen., type: str}
    at: {description: When the first notification was delivered., type: str}
    status: {description: How far that got in the words of xMatters., type: str}
    devices:
      description: The devices that were notified.
      type: list
      elements: dict
      contains:
        name: {description: Name of the device., type: str}
        status: {description: How far that got in the words of xMatters., type: str}
        at: {description: When it was delivered., type: str}
        responded: {description: When it was answered on this device., type: str}
responses:
  description: Who chose what, in order.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Id of the line in the audit log., type: str}
    at: {description: When., type: str}
    who: {description: First and last name., type: str}
    key: {description: User id., type: str}
    email: {description: Address of the first e-mail device; V(null) when it cannot be seen., type: str}
    option: {description: Label of the option., type: str}
    number: {description: Number of the option., type: int}
    comment: {description: What the responder added., type: str}
    device: {description: On which device., type: str}
    source: {description: How it came in the words of xMatters., type: str}
comments:
  description: The comments on the alert, oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    at: {description: When., type: str}
    key: {description: User id of the author., type: str}
    text: {description: The comment., type: str}
log:
  description: Everything that happened to the alert, in order.
  returned: success
  type: list
  elements: dict
  contains:
    at: {description: When., type: str}
    type: {description: "What, in the words of xMatters, for example V(NOTIFICATION_DELIVERED).", type: str}
    key: {description: User id of whom it is about., type: str}
    device: {description: On which device., type: str}
    text: {description: The response or the comment., type: str}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.alert import alert_of_request, find_alert
from ansible_collections.self_healing.devops.plugins.module_utils.alert_story import nothing, story
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters import DETAILS, XMattersClient
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, run_module
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_settings import (
    MARKER_OPTIONS,
    XMATTERS_LOGIN,
    XMATTERS_OPTIONS,
    client_of,
)

SPEC = ModuleSpec(
    options={
        **XMATTERS_OPTIONS,
        **MARKER_OPTIONS,
        "alert": {"type": "str"},
        "marker": {"type": "str"},
        "request_id": {"type": "str"},
        "emails": {"type": "bool", "default": True},
    },
    required_one_of=[*XMATTERS_LOGIN, ("alert", "marker", "request_id")],
    mutually_exclusive=[("alert", "marker", "request_id")],
)


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return what xMatters tells of the alert. Raises SelfHealingError."""
    client = client_of(params, transport)
    name = params["alert"] or _name(client, params)
    alert = client.event(name, DETAILS) if name else None
    told = nothing() if alert is None else story(client, alert, params["xmatters_url"], params["emails"])
    return {"changed": False, "exists": alert is not None, **told}


def _name(client: XMattersClient, params: Mapping[str, Any]) -> str | None:
    if params["request_id"]:
        found = alert_of_request(client, params["request_id"])
    else:
        found = find_alert(client, {**params, "known_id": None})
    return found.id if found is not None else None


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
