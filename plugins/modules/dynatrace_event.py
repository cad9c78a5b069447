#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module dynatrace_event."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynatrace_event
short_description: Keep an event in Dynatrace
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Makes sure that Dynatrace has an event, for instance a deployment, a change of the configuration or the run of a
    remedy, once for each entity that it is about.
  - An event is known by its O(key), which is one of its properties. It is looked for before one is sent, so that a
    second run sends nothing, and a run that was interrupted sends what is missing.
  - An event that was accepted and not stored is an error that says why. Dynatrace answers both with the same status.
  - An event cannot be changed or taken back.
notes:
  - The token needs the scopes C(events.ingest) and C(events.read).
  - Dynatrace lists an event a moment after it took it. Two runs that send the same event within this moment may both
    send it; an event tells and changes nothing, so that this does no harm.
options:
  event_type:
    description:
      - What happened. Those that end in C(_EVENT), and V(CUSTOM_ALERT), open a problem.
    type: str
    required: true
    choices:
      - AVAILABILITY_EVENT
      - CUSTOM_ALERT
      - CUSTOM_ANNOTATION
      - CUSTOM_CONFIGURATION
      - CUSTOM_DEPLOYMENT
      - CUSTOM_INFO
      - ERROR_EVENT
      - MARKED_FOR_TERMINATION
      - PERFORMANCE_EVENT
      - RESOURCE_CONTENTION_EVENT
      - WARNING
  title:
    description: Title of the event.
    type: str
    required: true
  description:
    description: What people read about it. At most 4096 characters are kept.
    type: str
  entities:
    description: Ids of the entities that the event is about, for example V(HOST-0123456789ABCDEF).
    type: list
    elements: str
    default: []
  entity_selector:
    description:
      - Which entities the event is about, in the words of the API. They must have been active in the last day.
      - Without it and O(entities) the event is about the whole environment. Only one of the two can be given.
    type: str
  incident:
    description:
      - Identifier of the incident that is the reason for the event. A problem that Dynatrace opens because of this
        event alone is known as an echo, and heals nothing.
    type: str
  key:
    description:
      - What identifies the event. Default is made of everything it says, besides its O(description) and O(source).
    type: str
  seen_within:
    description: How far back an event with the same O(key) is looked for, in minutes before O(started_at).
    type: int
    default: 1440
  started_at:
    description: When it happened, default is now.
    type: str
  ended_at:
    description: When it ended.
    type: str
  event_timeout:
    description: How long an event without an end lasts, in minutes. Dynatrace takes 15 by default, and 360 at most.
    type: int
  source:
    description: Who tells.
    type: str
    default: self-healing
  properties:
    description: More properties of the event. Their values are text, numbers or true and false.
    type: dict
  deployment:
    description: What was deployed, with O(event_type=CUSTOM_DEPLOYMENT). A deployment carries its own remedy.
    type: dict
    suboptions:
      name:
        description: Name of the deployment.
        type: str
      version:
        description: Version that was deployed.
        type: str
      project:
        description: Project that it belongs to.
        type: str
      stage:
        description: Stage, for example V(production).
        type: str
      product:
        description: Product that is released.
        type: str
      build_version:
        description: Version of the build.
        type: str
      ci_link:
        description: Where the pipeline is.
        type: str
      remediation_link:
        description: Where the deployment can be taken back, for people and for other tools.
        type: str
      remedy:
        description:
          - Short name of the remedy that takes the deployment back, for example V(blue_green_rollback). It is the
            property C(self_healing.remedy) of the event.
        type: str
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.connection
  - self_healing.devops.dynatrace
"""

EXAMPLES = r"""
- name: Tell of a release that knows how to be taken back
  self_healing.devops.dynatrace_event:
    dynatrace_url: https://abc12345.live.dynatrace.com
    dynatrace_token: "{{ vault_dynatrace_token }}"
    event_type: CUSTOM_DEPLOYMENT
    title: Release 2.1.0 of the shop
    entities: [PROCESS_GROUP_INSTANCE-0123456789ABCDEF]
    deployment:
      name: shop
      version: 2.1.0
      stage: production
      remedy: blue_green_rollback
      remediation_link: https://controller.example.com/#/templates/job_template/7

- name: Tell that a remedy ran
  self_healing.devops.dynatrace_event:
    event_type: CUSTOM_CONFIGURATION
    title: Restarted shop
    entities: [HOST-0123456789ABCDEF]
    incident: i7k3v5q2x4dmz
    key: i7k3v5q2x4dmz-5
"""

RETURN = r"""
key:
  description: What identifies the event.
  returned: success
  type: str
  sample: i7k3v5q2x4dmz-5
present:
  description: The events with this key that were there already.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Id of the event., type: str, sample: "4578933396576863909_1631255744265"}
    entity: {description: Entity that it is about., type: str, sample: HOST-0123456789ABCDEF}
    title: {description: Title., type: str}
    started_at: {description: When it happened (UTC)., type: str}
    ended_at: {description: "When it ended (UTC), null while it lasts.", type: str}
sent:
  description: What became of the events that this run sent, one for each entity.
  returned: success
  type: list
  elements: dict
  contains:
    correlation_id: {description: What Dynatrace calls it., type: str, sample: 1ffdfaec762febda}
    status: {description: V(OK)., type: str, sample: OK}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_event import (
    DEPLOYMENT_PROPERTIES,
    keep_event,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    CONNECTION_OPTIONS,
    ModuleSpec,
    from_environment,
    require_incident,
    run_module,
    transport_for,
)

EVENT_TYPES = [
    "AVAILABILITY_EVENT",
    "CUSTOM_ALERT",
    "CUSTOM_ANNOTATION",
    "CUSTOM_CONFIGURATION",
    "CUSTOM_DEPLOYMENT",
    "CUSTOM_INFO",
    "ERROR_EVENT",
    "MARKED_FOR_TERMINATION",
    "PERFORMANCE_EVENT",
    "RESOURCE_CONTENTION_EVENT",
    "WARNING",
]

SPEC = ModuleSpec(
    options={
        **CONNECTION_OPTIONS,
        "dynatrace_url": from_environment("dynatrace_url", required=True),
        "dynatrace_token": from_environment("dynatrace_token", required=True, no_log=True),
        "event_type": {"type": "str", "required": True, "choices": EVENT_TYPES},
        "title": {"type": "str", "required": True},
        "description": {"type": "str"},
        "entities": {"type": "list", "elements": "str", "default": []},
        "entity_selector": {"type": "str"},
        "incident": {"type": "str"},
        "key": {"type": "str", "no_log": False},
        "seen_within": {"type": "int", "default": 1440},
        "started_at": {"type": "str"},
        "ended_at": {"type": "str"},
        "event_timeout": {"type": "int"},
        "source": {"type": "str", "default": "self-healing"},
        "properties": {"type": "dict"},
        "deployment": {
            "type": "dict",
            "options": {name: {"type": "str"} for name in DEPLOYMENT_PROPERTIES},
        },
    },
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Make sure that the event is there. Raises SelfHealingError."""
    if params["incident"]:
        require_incident(params["incident"])
    client = DynatraceClient(
        params["dynatrace_url"],
        params["dynatrace_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    return keep_event(client, params, check_mode)


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
