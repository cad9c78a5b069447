#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module keptn_sequence."""

from __future__ import annotations

DOCUMENTATION = r"""
module: keptn_sequence
short_description: Pause, resume or abort a sequence of Keptn
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Brings what runs under a context of Keptn 1.x to a state.
  - Keptn says yes to every such command, also for contexts that it does not know. So the state is looked at before and
    afterwards, and a sequence that has ended is left as it is.
  - A sequence is started with M(self_healing.devops.keptn_event).
options:
  project:
    description: Project in Keptn.
    type: str
    required: true
  context:
    description: Context of the sequence.
    type: str
  marker:
    description: What M(self_healing.devops.keptn_event) started the sequence with, instead of O(context).
    type: str
  stage:
    description: Only this stage of it.
    type: str
  state:
    description:
      - V(paused) triggers no further task. The one that runs is carried on.
      - V(resumed) goes on with what is paused. One that has ended, or is not paused, is left as it is.
      - V(aborted) ends it. Tasks that run are not told, and what they answer is not looked at.
    type: str
    choices: [paused, resumed, aborted]
    required: true
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.connection
  - self_healing.devops.keptn
seealso:
  - module: self_healing.devops.keptn_sequence_info
"""

EXAMPLES = r"""
- name: Stop the delivery that made it worse
  self_healing.devops.keptn_sequence:
    keptn_url: https://keptn.example.com/api
    keptn_token: "{{ vault_keptn_token }}"
    project: shop
    context: 3b7d75e5-dffa-4e75-9849-f3a39cbd956b
    state: aborted
"""

RETURN = r"""
context:
  description: Context of the sequence.
  returned: success
  type: str
  sample: 3b7d75e5-dffa-4e75-9849-f3a39cbd956b
state:
  description: State that it, or its stage, is in now.
  returned: success
  type: str
  sample: aborted
url:
  description: Where people see it.
  returned: success
  type: str
  sample: https://keptn.example.com/bridge/trace/3b7d75e5-dffa-4e75-9849-f3a39cbd956b
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn import KeptnClient
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.keptn_control import COMMANDS, keep_state
from ansible_collections.self_healing.devops.plugins.module_utils.keptn_wish import context_for
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
        "project": {"type": "str", "required": True},
        "context": {"type": "str"},
        "marker": {"type": "str"},
        "stage": {"type": "str"},
        "state": {"type": "str", "choices": list(COMMANDS), "required": True},
    },
    mutually_exclusive=[("context", "marker")],
    required_one_of=[("context", "marker")],
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Bring the sequence to the state and return what it shows then. Raises SelfHealingError."""
    context = context_for(params)
    client = KeptnClient(
        params["keptn_url"],
        params["keptn_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    done = keep_state(client, params["project"], context, params["state"], params["stage"] or "", check_mode=check_mode)
    return {
        "changed": done.changed,
        "diff": {"before": {"state": done.before}, "after": {"state": done.after}},
        "context": context,
        "state": done.after,
        "url": client.sequence_url(context),
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
