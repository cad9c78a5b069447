#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module dynatrace_problem_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynatrace_problem_info
short_description: Read problems of Dynatrace
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns one problem, or all that a selector fits, on as many pages as there are, as plain data with times in UTC.
notes:
  - The token needs the scope C(problems.read).
options:
  problem_id:
    description:
      - Full id of one problem, as the placeholder C({PID}) of a notification gives it.
      - Where there is no such problem, the list is empty.
    type: str
  display_id:
    description:
      - Number of a problem, as people see it (V(P-2611001)). Dynatrace uses it again, so that there may be several.
    type: str
  status:
    description: Only problems with this status.
    type: str
    choices: [open, closed]
  problem_selector:
    description:
      - Which problems, in the words of the Problems API, for example V(severityLevel("AVAILABILITY"\)). It goes
        together with O(status) and O(display_id).
    type: str
  entity_selector:
    description: Which entities the problems are about, in the words of the API, for example V(entityId("HOST-1"\)).
    type: str
  since:
    description:
      - Problems that were open at any time after this, either a time or an expression of the API like V(now-1d).
      - Default of Dynatrace is two hours ago.
    type: str
  until:
    description: Problems that were open at any time before this, like O(since). Default is now.
    type: str
  details:
    description: What else to read of each problem.
    type: list
    elements: str
    choices: [evidence, comments, impacts]
    default: [evidence]
  limit:
    description: At most this many problems, the newest first.
    type: int
    default: 100
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.dynatrace
seealso:
  - module: self_healing.devops.dynatrace_problem
"""

EXAMPLES = r"""
- name: Look whether the problem is still open
  self_healing.devops.dynatrace_problem_info:
    dynatrace_url: https://abc12345.live.dynatrace.com
    dynatrace_token: "{{ vault_dynatrace_token }}"
    problem_id: -6478017825120311599_1641223491837V2
  register: found

- name: Read what is open on a host
  self_healing.devops.dynatrace_problem_info:
    status: open
    entity_selector: entityId("HOST-0123456789ABCDEF")
    since: now-30d
"""

RETURN = r"""
problems:
  description:
    - The problems, the newest first.
    - Titles, names, tags and comments come from outside. Use them as values only, never as a template.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Full id., type: str, sample: -6478017825120311599_1641223491837V2}
    display_id: {description: "Number, as people see it.", type: str, sample: P-2611001}
    title: {description: Title., type: str, sample: Process unavailable}
    status: {description: V(open) or V(closed)., type: str, sample: open}
    severity: {description: "Severity, in the words of Dynatrace.", type: str, sample: AVAILABILITY}
    impact: {description: "What suffers, in the words of Dynatrace.", type: str, sample: INFRASTRUCTURE}
    started_at: {description: When it began (UTC)., type: str, sample: "2026-11-22T08:00:00.000Z"}
    ended_at: {description: "When it ended (UTC), null while it is open.", type: str}
    root_cause:
      description: The entity that causes it, null where Dynatrace found none.
      type: dict
      sample: {id: HOST-0123456789ABCDEF, type: HOST, name: shop-01}
    affected: {description: "What is affected, each with C(id), C(type) and C(name).", type: list, elements: dict}
    impacted: {description: Entities that suffer., type: list, elements: dict}
    tags: {description: Tags of the affected entities., type: list, elements: str, sample: ["service:shop"]}
    management_zones: {description: Names of management zones., type: list, elements: str}
    alerting_profiles: {description: Names of the alerting profiles that let it pass., type: list, elements: str}
    evidence:
      description: What Dynatrace found, with O(details=evidence).
      type: list
      elements: dict
      contains:
        type: {description: "V(EVENT), V(METRIC) and others.", type: str}
        name: {description: What it is called., type: str}
        event_type: {description: Type of an event., type: str, sample: OSI_LOW_DISK_SPACE}
        metric: {description: Metric that changed., type: str}
        unit: {description: Unit of the values., type: str}
        value_before: {description: Value before the change., type: float}
        value_after: {description: Value after the change., type: float}
        entity: {description: Where it was found., type: dict}
        group: {description: "What that belongs to, a process group or a host.", type: dict}
        root_cause: {description: Whether it belongs to the root cause., type: bool}
        started_at: {description: When it began (UTC)., type: str}
        ended_at: {description: When it ended (UTC)., type: str}
        properties: {description: Properties of the event., type: dict}
    comments:
      description: The ten newest comments, with O(details=comments).
      type: list
      elements: dict
      contains:
        id: {description: Id., type: str}
        at: {description: When it was written (UTC)., type: str}
        author: {description: Who wrote it., type: str}
        context: {description: "Its context, C(self-healing) for ours.", type: str}
        text: {description: What was written., type: str}
    impacts:
      description: How many users and calls suffer, with O(details=impacts).
      type: list
      elements: dict
    url: {description: Where people see it., type: str}
more:
  description: Whether there are more problems than O(limit).
  returned: success
  type: bool
  sample: false
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace_values import criterion
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, NotFoundError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    CONNECTION_OPTIONS,
    ModuleSpec,
    from_environment,
    run_module,
    transport_for,
)
from ansible_collections.self_healing.devops.plugins.module_utils.problem import check_problem_id
from ansible_collections.self_healing.devops.plugins.module_utils.problem_view import view

#: Fields of the API by the name of a detail.
FIELDS = {"evidence": "evidenceDetails", "comments": "recentComments", "impacts": "impactAnalysis"}

SPEC = ModuleSpec(
    options={
        **CONNECTION_OPTIONS,
        "dynatrace_url": from_environment("dynatrace_url", required=True),
        "dynatrace_token": from_environment("dynatrace_token", required=True, no_log=True),
        "problem_id": {"type": "str"},
        "display_id": {"type": "str"},
        "status": {"type": "str", "choices": ["open", "closed"]},
        "problem_selector": {"type": "str"},
        "entity_selector": {"type": "str"},
        "since": {"type": "str"},
        "until": {"type": "str"},
        "details": {"type": "list", "elements": "str", "choices": [*FIELDS], "default": ["evidence"]},
        "limit": {"type": "int", "default": 100},
    },
    mutually_exclusive=[
        ("problem_id", "display_id"),
        ("problem_id", "status"),
        ("problem_id", "problem_selector"),
        ("problem_id", "entity_selector"),
    ],
)


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return the problems. Raises SelfHealingError."""
    client = DynatraceClient(
        params["dynatrace_url"],
        params["dynatrace_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    fields = ",".join(FIELDS[name] for name in dict.fromkeys(params["details"])) or None
    if params["problem_id"]:
        records = _one(client, check_problem_id(params["problem_id"]), fields)
    else:
        if params["limit"] < 1:
            raise ConfigurationError(f"limit is {params['limit']}, expected at least 1")
        # One more than is wanted tells whether there are more.
        records = list(islice(client.problem_records(query_of(params), fields), params["limit"] + 1))
    return {
        "changed": False,
        "problems": [view(record, client.problem_url) for record in records[: params["limit"]]],
        "more": len(records) > params["limit"],
    }


def query_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the API."""
    selectors = [
        criterion("status", [params["status"]]) if params["status"] else None,
        criterion("displayId", [params["display_id"]]) if params["display_id"] else None,
        params["problem_selector"],
    ]
    return {
        "problemSelector": ",".join(selector for selector in selectors if selector) or None,
        "entitySelector": params["entity_selector"],
        "from": params["since"],
        "to": params["until"],
        "sort": "-startTime",
        "pageSize": min(params["limit"] + 1, 500),
    }


def _one(client: DynatraceClient, pid: str, fields: str | None) -> list[Mapping[str, Any]]:
    try:
        return [client.problem_record(pid, fields)]
    except NotFoundError:
        return []


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
