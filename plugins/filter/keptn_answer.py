# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(keptn_answer)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.keptn_outcome import answer_of

DOCUMENTATION = r"""
name: keptn_answer
short_description: What an incident answers to a task of Keptn
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns what a task that Keptn handed out is to be answered, as the incident stands.
  - Every way that an incident can end leads to an end of the task, because a sequence of Keptn waits for ever else.
positional: id
options:
  _input:
    description: An incident, as M(self_healing.devops.incident_info) returns it.
    type: dict
    required: true
  id:
    description: Identifier of one of the tasks of the incident.
    type: str
    required: true
seealso:
  - module: self_healing.devops.keptn_task
"""

EXAMPLES = r"""
- name: Show what the first task is answered
  ansible.builtin.debug:
    msg: "{{ self_healing_incident | self_healing.devops.keptn_answer(self_healing_incident.tasks[0].id) }}"
"""

RETURN = r"""
_value:
  description:
    - C(state), C(status), C(result), C(message), C(progress), C(action) and C(action_index), as
      M(self_healing.devops.keptn_task) takes them.
  type: dict
  sample:
    state: finished
    status: succeeded
    result: pass
    message: "self-healing incident i7k3v5q2x4dmz: the host was healed, and the problem is over"
    progress: ""
    action: {}
    action_index: null
"""


def keptn_answer(incident: Mapping[str, Any], id: str) -> dict[str, Any]:
    """Return the answer to the task with this id."""
    task = next(task for task in incident["tasks"] if task["id"] == id)
    return answer_of(incident, task).to_data()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"keptn_answer": keptn_answer}
