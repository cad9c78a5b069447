#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module xmatters_alert."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmatters_alert
short_description: Keep one xMatters alert in step with an incident
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Makes sure that there is exactly one alert for a marker, with the comments and the status that it should have.
  - The alert is found by a property of its form (O(marker_property)) among the alerts of any status. Nobody is alerted
    twice for the same marker, also not after the alert was terminated.
  - Recipients, texts and response options of an alert that was sent cannot be changed; they matter for a new one only.
  - Comments are written before the alert is terminated, each once.
options:
  marker:
    description: Value of the property that identifies the alert, usually the id of the incident.
    type: str
    required: true
  marker_property:
    description:
      - Name of the text property of the form that holds the marker.
      - The form must have it; see the README of the role P(self_healing.devops.xmatters#role).
    type: str
    default: incident_id
  marker_language:
    description: Language of the form's texts. xMatters adds it to the names of text properties.
    type: str
    default: en
  known_id:
    description:
      - UUID or number of the alert, if it is known from an earlier run. It is looked at first.
      - An alert with another marker is not touched.
    type: str
  xmatters_form_url:
    description:
      - Address of the HTTP trigger of the form that sends the alert.
      - An address with C(?apiKey=) (URL authentication) is used without user and password.
      - If not set, the environment variable E(XMATTERS_FORM_URL) is used.
    type: str
    required: true
  status:
    description:
      - V(active) sends the alert if there is none. One that was suspended or terminated by somebody is left so.
      - V(terminated) ends the alert. Nothing is sent when there is none.
    type: str
    choices: [active, terminated]
    default: active
  create:
    description: Whether to send an alert when there is none. With V(false) only an existing one is kept up to date.
    type: bool
    default: true
  recipients:
    description:
      - Groups, people and devices (C(user|device)) to notify. Default are the recipients of the form.
      - Each is a name, or a dictionary with C(name) and C(type) (C(group), C(person) or C(device)).
    type: list
    elements: raw
    default: []
  priority:
    description: Priority of the alert; devices may be set to ring from a certain one on. Default is the form's.
    type: str
    choices: [low, medium, high]
  subject:
    description: One line. Filled into the form's property C(subject).
    type: str
  text:
    description: The whole text. Filled into the form's property C(message).
    type: str
  properties:
    description: Further properties of the form, by name. Those with the value C(null) are left out.
    type: dict
  response_options:
    description:
      - What a responder may choose, in order. Each is a dictionary; keys that are not named here are ignored.
      - C(label) is what is shown and chosen, and what the answer carries; it is required.
      - C(text) describes what the option will do. C(prompt) is read out on the phone; default is the label.
      - C(name) is the short name of the option. V(escalate) notifies the next person, V(snooze) counts as neutral, all
        others stop the notifying and count as positive.
      - C(action) and C(contribution) override that, in the words of xMatters (C(STOP_NOTIFYING_TARGET), C(POSITIVE)).
    type: list
    elements: dict
    default: []
  response_options_in_trigger:
    description: Whether to send O(response_options) with the alert. With V(false) the form's own options are offered.
    type: bool
    default: true
  expiration:
    description: After how many minutes xMatters ends the alert by itself. Default is the form's.
    type: int
  comments:
    description: Comments that the alert should show, oldest first. Those it shows are recognised by their identifier.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Identifier of the comment. It is written at its end, in square brackets.
        type: str
        required: true
      text:
        description: The comment.
        type: str
        required: true
      at:
        description: When it happened. Accepted, but not used.
        type: str
      kind:
        description: What kind of entry it is. Accepted, but not used.
        type: str
  consistency_wait:
    description: How long to wait until an accepted alert can be seen, in seconds.
    type: int
    default: 30
  alert_url:
    description:
      - Address of an alert in your xMatters web interface, with C(<id>) and C(<number>) in the places of both.
      - Default is its address in the REST API.
    type: str
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.connection
  - self_healing.devops.xmatters
"""

EXAMPLES = r"""
- name: Ask the person on call
  self_healing.devops.xmatters_alert:
    xmatters_url: https://company.xmatters.com
    xmatters_user: x-api-key-00000000-0000-4000-8000-000000000001
    xmatters_password: "{{ vault_xmatters_secret }}"
    xmatters_form_url: "{{ vault_xmatters_form_url }}"
    marker: i7k3v5q2x4dmz
    recipients:
      - name: Checkout SRE
        type: group
    priority: high
    subject: "shop is down on shop-01"
    text: The process is not running any more.
    response_options:
      - {name: process_restart, label: Restart process, text: Restarts shop on shop-01}
      - {name: take_over, label: Take over}

- name: Say how it ended and close the alert
  self_healing.devops.xmatters_alert:
    marker: i7k3v5q2x4dmz
    comments:
      - {id: i7k3v5q2x4dmz-9, text: "Restarted; answering again after 4 s"}
    status: terminated
"""

RETURN = r"""
id:
  description: UUID of the alert, V(null) when there is none.
  returned: success
  type: str
number:
  description: Number of the alert, as people see it.
  returned: success
  type: str
url:
  description: Where the alert is.
  returned: success
  type: str
status:
  description: V(active), V(suspended) or V(terminated); V(null) when there is no alert.
  returned: success
  type: str
requested:
  description: Whether this run sent the alert.
  returned: success
  type: bool
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
responses:
  description: Who chose what, in order.
  returned: success
  type: list
  elements: dict
  contains:
    at: {description: When., type: str}
    who: {description: First and last name., type: str}
    key: {description: User id., type: str}
    option: {description: Label of the option., type: str}
    comment: {description: What the responder added., type: str}
responders:
  description: Everybody who was notified or who answered, once.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: First and last name., type: str}
    email: {description: Address of the first e-mail device; V(null) when it cannot be seen., type: str}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.alert import keep_alert
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters import XMattersClient
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
        "xmatters_url": from_environment("xmatters_url", required=True),
        "xmatters_user": from_environment("xmatters_user", required=True),
        "xmatters_password": from_environment("xmatters_password", required=True, no_log=True),
        "xmatters_client_id": from_environment("xmatters_client_id"),
        "xmatters_form_url": from_environment("xmatters_form_url", required=True, no_log=True),
        "marker": {"type": "str", "required": True},
        "marker_property": {"type": "str", "default": "incident_id"},
        "marker_language": {"type": "str", "default": "en"},
        "known_id": {"type": "str"},
        "status": {"type": "str", "choices": ["active", "terminated"], "default": "active"},
        "create": {"type": "bool", "default": True},
        "recipients": {"type": "list", "elements": "raw", "default": []},
        "priority": {"type": "str", "choices": ["low", "medium", "high"]},
        "subject": {"type": "str"},
        "text": {"type": "str"},
        "properties": {"type": "dict"},
        "response_options": {"type": "list", "elements": "dict", "default": []},
        "response_options_in_trigger": {"type": "bool", "default": True},
        "expiration": {"type": "int"},
        "comments": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "id": {"type": "str", "required": True},
                "text": {"type": "str", "required": True},
                "at": {"type": "str"},
                "kind": {"type": "str"},
            },
        },
        "consistency_wait": {"type": "int", "default": 30},
        "alert_url": {"type": "str"},
    },
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Bring the alert to its desired state and return what it is then. Raises SelfHealingError."""
    client = XMattersClient(
        params["xmatters_url"],
        transport or transport_for(params),
        user=params["xmatters_user"],
        password=params["xmatters_password"],
        client_id=params["xmatters_client_id"],
        form_url=params["xmatters_form_url"],
        timeout=params["timeout"],
    )
    return keep_alert(client, params, check_mode)


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
