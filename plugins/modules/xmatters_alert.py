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
  - Recipients, texts, response options and how it is delivered cannot be changed once an alert was sent; they matter
    for a new one only.
  - Comments are written before the alert is terminated, each once.
  - The alert is sent by a form without a script, or by a flow, see O(body_form).
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
      - An alert with another marker is not touched. One without any is taken, as forms that lack the property make it;
        a warning says so.
    type: str
  xmatters_form_url:
    description:
      - Address of the HTTP trigger of the form that sends the alert.
      - An address with C(?apiKey=) (URL authentication) is used without user and password. They are needed all the
        same, to find the alert and to read it.
      - If not set, the environment variable E(XMATTERS_FORM_URL) is used.
    type: str
    required: true
  status:
    description:
      - V(active) sends the alert if there is none. One that was suspended or terminated by somebody is left so.
      - V(suspended) pauses the alert, V(terminated) ends it for good. Nothing is sent when there is none.
    type: str
    choices: [active, suspended, terminated]
    default: active
  resume:
    description: Whether O(status=active) resumes an alert that is suspended.
    type: bool
    default: false
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
  response_options_form:
    description:
      - How the options stand in the trigger, which no document of xMatters says.
      - With V(full) they are whole objects. With V(object) and V(uuid) they are options of the form, as C({"id":...})
        or as plain text. The UUID is their key C(id), or is that of the form's option with the same text (O(form_id)).
    type: str
    choices: [full, object, uuid]
    default: full
  form_id:
    description: UUID of the form, in which O(response_options_form=object) and V(uuid) look for the options.
    type: str
  expiration:
    description: After how many minutes xMatters ends the alert by itself. Default is the form's.
    type: int
  target_devices:
    description:
      - Names of the devices to notify, as your xMatters calls them, for example V(Mobile Phone) or V(SMS Phone).
        Default are the form's.
    type: list
    elements: str
    default: []
  target_all_devices:
    description: Whether all devices are notified, whatever the form says. Default is the form's.
    type: bool
  escalation_override:
    description: Whether delays are ignored, so that everybody in a group is notified at once. Default is the form's.
    type: bool
  override_device_restrictions:
    description: Whether devices ring outside of their time frames as well. Default is the form's.
    type: bool
  bypass_phone_intro:
    description: Whether a call begins with the message, without the greeting. Default is the form's.
    type: bool
  phone_password_required:
    description: Whether a call asks for the phone password first. Default is the form's.
    type: bool
  voicemail:
    description: What happens when a mailbox answers. Default is the form's.
    type: dict
    suboptions:
      retry:
        description: How often it is tried again.
        type: int
      every:
        description: Minutes between two tries.
        type: int
      leave:
        description: What is left on the mailbox, in the words of xMatters, for example V(callbackonly).
        type: str
  conference:
    description: The conference that responders can join.
    type: dict
    suboptions:
      type:
        description: V(external) is a bridge of yours, V(bridge) one that xMatters hosts.
        type: str
        choices: [external, bridge]
        default: external
      bridge_id:
        description: UUID of the bridge.
        type: str
        required: true
      bridge_number:
        description: Number of the conference. Give it only where the bridge's own number is not fixed.
        type: str
  body_form:
    description:
      - What the trigger takes. V(form) is a form without a script, which makes an alert of the body by itself.
      - V(flow) is an HTTP trigger of a flow, whose script reads the body. It gets the same fields in one flat object,
        the properties among them, the recipients as one text with commas (in the query as well), and C(summary).
    type: str
    choices: [form, flow]
    default: form
  body:
    description:
      - A body of your own for the trigger, instead of what is made of the other options.
      - O(marker_property) is put into its C(properties), or into the body where it has none. The flow must put it on
        the alert, which is not found again without.
    type: dict
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

- name: Call the whole group at once, on phones only, with a conference to join
  self_healing.devops.xmatters_alert:
    marker: i7k3v5q2x4dmz.2
    recipients: [Checkout SRE]
    priority: high
    target_devices: [Mobile Phone, Work Phone]
    escalation_override: true
    conference:
      type: external
      bridge_id: 00000000-0000-4000-8000-0000000000cb
    subject: "Nobody answered yet: shop is down on shop-01"

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
priority:
  description: V(low), V(medium) or V(high); V(null) when there is no alert.
  returned: success
  type: str
request_id:
  description: Id of the request that the alert was made of.
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
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, from_environment, run_module
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
        "xmatters_form_url": from_environment("xmatters_form_url", required=True, no_log=True),
        "marker": {"type": "str", "required": True},
        "known_id": {"type": "str"},
        "status": {"type": "str", "choices": ["active", "suspended", "terminated"], "default": "active"},
        "resume": {"type": "bool", "default": False},
        "create": {"type": "bool", "default": True},
        "recipients": {"type": "list", "elements": "raw", "default": []},
        "priority": {"type": "str", "choices": ["low", "medium", "high"]},
        "subject": {"type": "str"},
        "text": {"type": "str"},
        "properties": {"type": "dict"},
        "response_options": {"type": "list", "elements": "dict", "default": []},
        "response_options_in_trigger": {"type": "bool", "default": True},
        "response_options_form": {"type": "str", "choices": ["full", "object", "uuid"], "default": "full"},
        "form_id": {"type": "str"},
        "expiration": {"type": "int"},
        "target_devices": {"type": "list", "elements": "str", "default": []},
        "target_all_devices": {"type": "bool"},
        "escalation_override": {"type": "bool"},
        "override_device_restrictions": {"type": "bool"},
        "bypass_phone_intro": {"type": "bool"},
        "phone_password_required": {"type": "bool", "no_log": False},
        "voicemail": {
            "type": "dict",
            "options": {"retry": {"type": "int"}, "every": {"type": "int"}, "leave": {"type": "str"}},
        },
        "conference": {
            "type": "dict",
            "options": {
                "type": {"type": "str", "choices": ["external", "bridge"], "default": "external"},
                "bridge_id": {"type": "str", "required": True},
                "bridge_number": {"type": "str"},
            },
        },
        "body_form": {"type": "str", "choices": ["form", "flow"], "default": "form"},
        "body": {"type": "dict"},
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
    required_one_of=XMATTERS_LOGIN,
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Bring the alert to its desired state and return what it is then. Raises SelfHealingError."""
    return keep_alert(client_of(params, transport), params, check_mode)


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
