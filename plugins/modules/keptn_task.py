#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module keptn_task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: keptn_task
short_description: Answer one task of Keptn
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Makes sure that a task that Keptn 1.x handed out is answered as it should be, once. It was started, and in the end
    it is finished.
  - Keptn counts, and waits for as many ends as there are beginnings. What was sent is found again by the task that it
    answers and by its sender, and is looked for before anything is sent. When Keptn does not answer, it is looked for
    as well, and never sent again blindly.
  - A task that is finished stays as it is, whatever else is wanted of it.
options:
  task:
    description: The task, as the event that handed it out says.
    type: dict
    required: true
    suboptions:
      id:
        description: Id of the C(.triggered) event.
        type: str
        required: true
      context:
        description: Context of the sequence.
        type: str
        required: true
      name:
        description: Name of the task, for example V(action).
        type: str
        required: true
      project:
        description: Project in Keptn.
        type: str
        required: true
      stage:
        description: Stage of the project.
        type: str
        required: true
      service:
        description: Service of the project.
        type: str
        required: true
      git_commit:
        description: Commit of the configuration, as the event has it in C(gitcommitid).
        type: str
      labels:
        description: Labels of the event. They are kept, because others look for them.
        type: dict
        default: {}
      started:
        description:
          - Whether Keptn itself says that the task was started, as its webhook-service does.
          - Where it turns out before the end that nobody said so, it is said.
        type: bool
        default: false
      kind:
        description: What the task is about. Accepted, but not used.
        type: str
      action:
        description: What is to be done. Accepted, but not used.
        type: str
      action_index:
        description: The rung of a ladder of actions. Accepted, but not used.
        type: int
      source:
        description: Where the task comes from. Accepted, but not used.
        type: str
      tenant:
        description: Which Keptn the task comes from. Accepted, but not used.
        type: str
  state:
    description: V(started) while something is done about the task, V(finished) when nothing more will be.
    type: str
    choices: [started, finished]
    default: started
  status:
    description: Whether what was asked for ran. Needed for O(state=finished); a missing one would read as a success.
    type: str
    choices: [succeeded, errored, unknown]
  result:
    description: What came of it. Needed for O(state=finished).
    type: str
    choices: [pass, warning, fail]
  text:
    description: One sentence for people, the C(message) of the end.
    type: str
  progress:
    description:
      - One sentence for people about how it goes, sent as C(.status.changed), once for each sentence.
      - A Keptn that checks events strictly refuses it, which is not an error.
    type: str
  labels:
    description: Further labels, names and values. Labels of the task cannot be changed.
    type: dict
    default: {}
  action:
    description: The action that is the answer to the task C(get-action).
    type: dict
    suboptions:
      name:
        description: What people call it.
        type: str
      action:
        description: What executors call it.
        type: str
      description:
        description: What it does.
        type: str
  action_index:
    description: The rung after the one that the task C(get-action) asked for.
    type: int
  source:
    description: Name of the sender.
    type: str
    default: self-healing
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.connection
  - self_healing.devops.keptn
seealso:
  - module: self_healing.devops.keptn_event
"""

EXAMPLES = r"""
- name: Say that an action is done
  self_healing.devops.keptn_task:
    keptn_url: https://keptn.example.com/api
    keptn_token: "{{ vault_keptn_token }}"
    task:
      id: 7307e610-9dc5-49fb-b0b9-0bfa93510397
      context: 3b7d75e5-dffa-4e75-9849-f3a39cbd956b
      name: action
      project: shop
      stage: production
      service: carts
    state: finished
    status: succeeded
    result: pass
    text: restarted carts
"""

RETURN = r"""
id:
  description: Id of the event that handed the task out.
  returned: success
  type: str
  sample: 7307e610-9dc5-49fb-b0b9-0bfa93510397
context:
  description: Context of the sequence.
  returned: success
  type: str
  sample: 3b7d75e5-dffa-4e75-9849-f3a39cbd956b
url:
  description: Where people see what runs under the context.
  returned: success
  type: str
  sample: https://keptn.example.com/bridge/trace/3b7d75e5-dffa-4e75-9849-f3a39cbd956b
started:
  description: Whether Keptn knows that the task was started.
  returned: success
  type: bool
  sample: true
finished:
  description: Whether Keptn knows our end of the task.
  returned: success
  type: bool
  sample: true
status:
  description: The C(status) of the end, empty before it.
  returned: success
  type: str
  sample: succeeded
result:
  description: The C(result) of the end, empty before it.
  returned: success
  type: str
  sample: pass
sent:
  description: What this run sent.
  returned: success
  type: list
  elements: str
  sample: [started, finished]
progress_refused:
  description: Whether Keptn did not want to hear how it goes.
  returned: success
  type: bool
  sample: false
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn import KeptnClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import SOURCE
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.keptn_keep import keep_answers
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    CONNECTION_OPTIONS,
    ModuleSpec,
    from_environment,
    run_module,
    transport_for,
)

_WORD = {"type": "str"}
_NEEDED = {"type": "str", "required": True}

SPEC = ModuleSpec(
    options={
        **CONNECTION_OPTIONS,
        "keptn_url": from_environment("keptn_url", required=True),
        "keptn_token": from_environment("keptn_token", required=True, no_log=True),
        "task": {
            "type": "dict",
            "required": True,
            "options": {
                **{name: dict(_NEEDED) for name in ("id", "context", "name", "project", "stage", "service")},
                "git_commit": dict(_WORD),
                "labels": {"type": "dict", "default": {}},
                "started": {"type": "bool", "default": False},
                **{name: dict(_WORD) for name in ("kind", "action", "source", "tenant")},
                "action_index": {"type": "int"},
            },
        },
        "state": {"type": "str", "choices": ["started", "finished"], "default": "started"},
        "status": {"type": "str", "choices": ["succeeded", "errored", "unknown"]},
        "result": {"type": "str", "choices": ["pass", "warning", "fail"]},
        "text": {"type": "str"},
        "progress": {"type": "str"},
        "labels": {"type": "dict", "default": {}},
        "action": {
            "type": "dict",
            "options": {name: dict(_WORD) for name in ("name", "action", "description")},
        },
        "action_index": {"type": "int"},
        "source": {"type": "str", "default": SOURCE},
    },
    required_if=[("state", "finished", ["status", "result"])],
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Bring the answers to the task to their desired state and return it. Raises SelfHealingError."""
    client = KeptnClient(
        params["keptn_url"],
        params["keptn_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    return keep_answers(client, params, check_mode)


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
