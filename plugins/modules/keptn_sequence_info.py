#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module keptn_sequence_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: keptn_sequence_info
short_description: Read how a sequence of Keptn goes, and wait for its end
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns the state of what runs under a context of Keptn 1.x, and how it ended.
  - The state V(finished) says nothing about success. RV(succeeded) goes by the status of the end and not by its result,
    because some services repeat the result of the run that they roll back. RV(result) tells what came of it.
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
  sequence:
    description:
      - Name of one sequence to judge, together with O(stage).
      - Without it, the last sequence of the context that ended is judged, when nothing follows any more.
    type: str
  stage:
    description: Stage of O(sequence).
    type: str
  wait:
    description: How long to wait for the end, in seconds. RV(ended) says whether it came.
    type: int
    default: 0
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.keptn
seealso:
  - module: self_healing.devops.keptn_event
"""

EXAMPLES = r"""
- name: Wait until the rollback is through
  self_healing.devops.keptn_sequence_info:
    keptn_url: https://keptn.example.com/api
    keptn_token: "{{ vault_keptn_token }}"
    project: shop
    stage: production
    sequence: rollback
    marker: i7k3v5q2x4dmz
    wait: 600
  register: rollback
  failed_when: not rollback.succeeded
"""

RETURN = r"""
exists:
  description: Whether Keptn knows a sequence under this context. It needs a moment after the event was sent.
  returned: success
  type: bool
  sample: true
context:
  description: Context of the sequence.
  returned: success
  type: str
  sample: 3b7d75e5-dffa-4e75-9849-f3a39cbd956b
name:
  description: Name of the sequence that the context began with.
  returned: success
  type: str
  sample: rollback
state:
  description:
    - State of the context, V(triggered), V(started), V(waiting), V(waitingForApproval), V(paused), V(finished),
      V(aborted) or V(timedOut).
  returned: success
  type: str
  sample: finished
ended:
  description: Whether it has ended.
  returned: success
  type: bool
  sample: true
succeeded:
  description: Whether it has ended with the status V(succeeded).
  returned: success
  type: bool
  sample: true
status:
  description: Status of the end, V(succeeded), V(errored), V(aborted) or V(unknown).
  returned: success
  type: str
  sample: succeeded
result:
  description: Result of the end, V(pass), V(warning) or V(fail).
  returned: success
  type: str
  sample: pass
message:
  description:
    - What the last task said.
    - The text comes from other systems. Use it as a value only, never in C(set_fact) and never as a template.
  returned: success
  type: str
  sample: Finished rollback
stages:
  description: The stages that it came to.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name of the stage., type: str, sample: production}
    state: {description: State of the stage., type: str, sample: succeeded}
    image: {description: Image that was deployed., type: str, sample: "carts:1.2.0"}
    latest_event: {description: Type of the newest event., type: str}
    failed_event: {description: Type of the newest event that tells of a failure., type: str}
    evaluation: {description: Result of the newest evaluation., type: str, sample: pass}
    score: {description: Score of the newest evaluation., type: float, sample: 100}
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
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import StageState
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.keptn import wait_for_end
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
        "sequence": {"type": "str"},
        "stage": {"type": "str"},
        "wait": {"type": "int", "default": 0},
    },
    mutually_exclusive=[("context", "marker")],
    required_one_of=[("context", "marker")],
    required_together=[("sequence", "stage")],
)


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return how the sequence goes, or went. Raises SelfHealingError."""
    context = context_for(params)
    client = KeptnClient(
        params["keptn_url"],
        params["keptn_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    found = wait_for_end(
        client,
        params["project"],
        context,
        stage=params["stage"] or "",
        sequence=params["sequence"] or "",
        seconds=params["wait"],
    )
    state = found.state
    return {
        "changed": False,
        "exists": state is not None,
        "context": context,
        "name": state.name if state else None,
        "state": state.state if state else None,
        "ended": found.ended,
        "succeeded": found.succeeded,
        "status": found.status or None,
        "result": found.result or None,
        "message": found.message,
        "stages": [_shown(stage) for stage in state.stages] if state else [],
        "url": client.sequence_url(context),
    }


def _shown(stage: StageState) -> dict[str, Any]:
    return {
        "name": stage.name,
        "state": stage.state,
        "image": stage.image or None,
        "latest_event": stage.latest.type if stage.latest else None,
        "failed_event": stage.failed.type if stage.failed else None,
        "evaluation": stage.evaluation_result or None,
        "score": stage.evaluation_score,
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
