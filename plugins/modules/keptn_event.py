#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module keptn_event."""

from __future__ import annotations

DOCUMENTATION = r"""
module: keptn_event
short_description: Send one event to Keptn, once
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Sends an event to Keptn 1.x, which starts a sequence, or answers a task of one.
  - Keptn gives each event an id of its own. So an event is found again by its context, its type, its source, the task
    that it answers and its label C(self-healing), and it is looked for before it is sent. When Keptn does not answer,
    it is looked for as well, and never sent again blindly.
  - A success says that Keptn took the event, not that a sequence began. Ask M(self_healing.devops.keptn_sequence_info)
    how it goes.
notes:
  - Keptn cannot refuse an event that is there already. Two runs at the very same moment may both send it, so let one
    at a time work on an incident, as the playbooks of this collection do.
options:
  type:
    description:
      - Type of the event, for example V(sh.keptn.event.action.finished).
      - Either this or O(sequence) is needed.
    type: str
  sequence:
    description:
      - Name of a sequence of the shipyard to start in O(stage), for example V(rollback).
      - Needs O(project), O(stage) and O(service).
    type: str
  project:
    description: Project in Keptn.
    type: str
  stage:
    description: Stage of the project.
    type: str
  service:
    description: Service of the project.
    type: str
  marker:
    description:
      - What the event belongs to, for example the identifier of an incident. It becomes the label C(self-healing).
      - Without O(context), the event gets a context that is made of the marker, the same one every time. So one marker
        starts each sequence of a stage once, and sequences of one marker share a context.
      - Either this or O(context) is needed.
    type: str
  context:
    description:
      - Context that the event is part of. Keptn wants a UUID, and makes one of everything else, of which only the first
        16 bytes count.
    type: str
  triggered_id:
    description:
      - Id of the C(.triggered) event that this one answers.
      - Needed for C(.started), C(.status.changed) and C(.finished).
    type: str
  git_commit:
    description: Commit of the configuration, as the event that is answered has it in C(gitcommitid).
    type: str
  labels:
    description: Labels, names and values. Those of the event that is answered belong here as well.
    type: dict
    default: {}
  data:
    description:
      - Further data, for example C(configurationChange), or what later tasks shall see under the name of the task.
      - Everything in it reaches later tasks and sequences. Keep it small, and free of secrets.
    type: dict
    default: {}
  status:
    description: Whether what was triggered ran. Needed for C(.finished), where a missing one would read as a success.
    type: str
    choices: [succeeded, errored, unknown]
  result:
    description: What came of it. Needed for C(.finished).
    type: str
    choices: [pass, warning, fail]
  text:
    description: One sentence for people, the C(message) of the event.
    type: str
  source:
    description: Name of the sender.
    type: str
    default: self-healing
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.connection
  - self_healing.devops.keptn
seealso:
  - module: self_healing.devops.keptn_sequence_info
  - module: self_healing.devops.keptn_sequence
"""

EXAMPLES = r"""
- name: Roll the release back
  self_healing.devops.keptn_event:
    keptn_url: https://keptn.example.com/api
    keptn_token: "{{ vault_keptn_token }}"
    sequence: rollback
    project: shop
    stage: production
    service: carts
    marker: i7k3v5q2x4dmz
  register: rollback

- name: Say that an action is done
  self_healing.devops.keptn_event:
    type: sh.keptn.event.action.finished
    context: 3b7d75e5-dffa-4e75-9849-f3a39cbd956b
    triggered_id: 7307e610-9dc5-49fb-b0b9-0bfa93510397
    project: shop
    stage: production
    service: carts
    status: succeeded
    result: pass
    text: restarted carts
"""

RETURN = r"""
context:
  description: Context of the event.
  returned: success
  type: str
  sample: 3b7d75e5-dffa-4e75-9849-f3a39cbd956b
id:
  description:
    - Id that Keptn gave the event.
    - Null when it is not stored yet, which takes a moment, and in check mode.
  returned: success
  type: str
  sample: 7307e610-9dc5-49fb-b0b9-0bfa93510397
type:
  description: Type of the event.
  returned: success
  type: str
  sample: sh.keptn.event.production.rollback.triggered
url:
  description: Where people see what runs under the context.
  returned: success
  type: str
  sample: https://keptn.example.com/bridge/trace/3b7d75e5-dffa-4e75-9849-f3a39cbd956b
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn import KeptnClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import SOURCE
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.keptn import send_once
from ansible_collections.self_healing.devops.plugins.module_utils.keptn_wish import wished_event
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
        "keptn_url": from_environment("keptn_url", required=True),
        "keptn_token": from_environment("keptn_token", required=True, no_log=True),
        "type": {"type": "str"},
        "sequence": {"type": "str"},
        "project": {"type": "str"},
        "stage": {"type": "str"},
        "service": {"type": "str"},
        "marker": {"type": "str"},
        "context": {"type": "str"},
        "triggered_id": {"type": "str"},
        "git_commit": {"type": "str"},
        "labels": {"type": "dict", "default": {}},
        "data": {"type": "dict", "default": {}},
        "status": {"type": "str", "choices": ["succeeded", "errored", "unknown"]},
        "result": {"type": "str", "choices": ["pass", "warning", "fail"]},
        "text": {"type": "str"},
        "source": {"type": "str", "default": SOURCE},
    },
    mutually_exclusive=[("type", "sequence")],
    required_one_of=[("type", "sequence"), ("marker", "context")],
    required_by={"sequence": ["project", "stage", "service"]},
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Send the event unless it is there, and return what became of it. Raises SelfHealingError."""
    event = wished_event(params)
    client = KeptnClient(
        params["keptn_url"],
        params["keptn_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    sent = send_once(client, event, check_mode=check_mode)
    shown = {"type": event["type"], "context": sent.context}
    return {
        "changed": not sent.already,
        "diff": {"before": shown if sent.already else {}, "after": shown},
        "context": sent.context,
        "id": sent.id or None,
        "type": event["type"],
        "url": client.sequence_url(sent.context),
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
