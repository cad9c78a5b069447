#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module dynatrace_problem."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynatrace_problem
short_description: Keep one Dynatrace problem in step with an incident
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Makes sure that a problem has the comments it should have, each once, and closes it if that is wanted.
  - Comments are recognised by their context C(self-healing) and by their identifier, which is written at their end in
    square brackets. They are looked for on all pages before one is written.
  - A problem is never opened again.
notes:
  - The token needs the scopes C(problems.read) and C(problems.write).
options:
  problem_id:
    description:
      - Full id of the problem, as the placeholder C({PID}) of a notification gives it.
      - The number that people see (C(P-2611001)) is refused, because Dynatrace uses it again.
    type: str
    required: true
  comments:
    description: Comments that the problem should show, oldest first. Those it shows are recognised by their identifier.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Identifier of the comment.
        type: str
        required: true
      text:
        description: The comment. At most 4000 characters of it are shown.
        type: str
        required: true
      at:
        description: When it happened. Accepted, but not used.
        type: str
      kind:
        description: What kind of entry it is. Accepted, but not used.
        type: str
  closed:
    description:
      - Whether the problem is closed in the end.
      - Dynatrace closes a problem by itself when its cause is gone, and mutes what was closed by hand. Comment and let
        it close unless there is a reason not to.
    type: bool
    default: false
  close_message:
    description: The comment to close the problem with.
    type: str
    default: Closed by self-healing
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.connection
  - self_healing.devops.dynatrace
"""

EXAMPLES = r"""
- name: Say on the problem what was done
  self_healing.devops.dynatrace_problem:
    dynatrace_url: https://abc12345.live.dynatrace.com
    dynatrace_token: "{{ vault_dynatrace_token }}"
    problem_id: -6478017825120311599_1641223491837V2
    comments:
      - id: i7k3v5q2x4dmz-3
        text: Asked Ana Berg what to do
      - id: i7k3v5q2x4dmz-5
        text: Restarted shop on shop-01

- name: Close the problem of a check that cannot recover by itself
  self_healing.devops.dynatrace_problem:
    problem_id: -6478017825120311599_1641223491837V2
    closed: true
    close_message: The release was rolled back
"""

RETURN = r"""
id:
  description: Full id of the problem.
  returned: success
  type: str
  sample: -6478017825120311599_1641223491837V2
display_id:
  description: Number of the problem, as people see it.
  returned: success
  type: str
  sample: P-2611001
title:
  description: Title of the problem.
  returned: success
  type: str
  sample: Process unavailable
status:
  description: V(open) or V(closed).
  returned: success
  type: str
  sample: open
url:
  description: Where the problem is.
  returned: success
  type: str
  sample: https://abc12345.live.dynatrace.com/#problems/problemdetails;pid=-6478017825120311599_1641223491837V2
comments_added:
  description: Identifiers of the comments that this run added.
  returned: success
  type: list
  elements: str
  sample: [i7k3v5q2x4dmz-5]
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    CONNECTION_OPTIONS,
    ModuleSpec,
    from_environment,
    run_module,
    transport_for,
)
from ansible_collections.self_healing.devops.plugins.module_utils.problem import keep_problem

SPEC = ModuleSpec(
    options={
        **CONNECTION_OPTIONS,
        "dynatrace_url": from_environment("dynatrace_url", required=True),
        "dynatrace_token": from_environment("dynatrace_token", required=True, no_log=True),
        "problem_id": {"type": "str", "required": True},
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
        "closed": {"type": "bool", "default": False},
        "close_message": {"type": "str", "default": "Closed by self-healing"},
    },
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Bring the problem to its desired state and return what it shows then. Raises SelfHealingError."""
    client = DynatraceClient(
        params["dynatrace_url"],
        params["dynatrace_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    return keep_problem(client, params, check_mode)


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
