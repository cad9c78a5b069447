#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads incidents from the journal."""

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_info
short_description: Read incidents from the journal
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns one incident with its timeline, or lists incidents.
options:
  incident:
    description:
      - Identifier of the incident.
      - Without it RV(incidents) lists identifiers, newest first.
    type: str
  states:
    description: List only incidents in these states. Without it all are listed.
    type: list
    elements: str
    choices: [detected, observed, held, asked, healing, verifying, stable, closed, escalated]
    default: []
  behind:
    description: List only incidents that some tool does not show completely.
    type: bool
    default: false
  overview:
    description: Whether to return RV(overview) and RV(table) as well, which takes longer than the identifiers alone.
    type: bool
    default: false
    version_added: 0.2.0
  limit:
    description: List at most this many incidents.
    type: int
    default: 200
  content:
    description: Whether to return the contents of the attachments as well.
    type: bool
    default: false
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.journal
seealso:
  - module: self_healing.devops.incident
"""

EXAMPLES = r"""
- name: Read one incident
  self_healing.devops.incident_info:
    incident: i7k3v5q2x4dmz
  register: incident_read

- name: List what waits for an answer
  self_healing.devops.incident_info:
    states: [asked]
  register: incident_list
"""

RETURN = r"""
incident:
  description:
    - The incident, folded from its timeline.
    - Titles, texts and names come from outside. Use them as values only, never in C(set_fact) and never as a template.
  returned: when O(incident) is given
  type: dict
  sample:
    id: i7k3v5q2x4dmz
    state: asked
    kind: process_crash
    severity: critical
    target: shop-01

behind:
  description: Tools that do not show the newest entry yet, or whose last update failed.
  returned: when O(incident) is given
  type: list
  elements: str
  sample: [jira]
incidents:
  description: Identifiers of the incidents, newest first.
  returned: when O(incident) is not given
  type: list
  elements: str
  sample: [i7k3v5q2x4dmz]
overview:
  description:
    - What tells each of the incidents from the others.
    - Display identifiers, services and titles come from outside. Use them as values only.
  returned: when O(overview) is V(true)
  type: list
  elements: dict
  sample:
    - id: i7k3v5q2x4dmz
      opened: "2026-11-22T10:00:00.000Z"
      state: asked
      kind: process_crash
      severity: critical
      status: open
      service: shop
      target: shop-01
      display_id: P-2611001
      title: Process unavailable
table:
  description: The same as the lines of a table for people.
  returned: when O(overview) is V(true)
  type: list
  elements: str
  sample: ["i7k3v5q2x4dmz  2026-11-22T10:00:00.000Z  asked"]
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.incident import STATES
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    JOURNAL_OPTIONS,
    ModuleSpec,
    require_incident,
    run_module,
)
from ansible_collections.self_healing.devops.plugins.module_utils.overview import summary, table
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import behind

SPEC = ModuleSpec(
    options={
        "incident": {"type": "str"},
        "states": {"type": "list", "elements": "str", "choices": list(STATES), "default": []},
        "behind": {"type": "bool", "default": False},
        "overview": {"type": "bool", "default": False},
        "limit": {"type": "int", "default": 200},
        "content": {"type": "bool", "default": False},
        **JOURNAL_OPTIONS,
    },
    mutually_exclusive=[("incident", "behind"), ("incident", "overview")],
    talks_http=False,
    controller_only=True,
)


def run(params: Mapping[str, Any], _check_mode: bool, _transport: object) -> dict[str, Any]:
    journal = Journal.open(params["journal"])
    if params["incident"] is not None:
        found = journal.read(require_incident(params["incident"]), content=params["content"])
        return {"changed": False, "incident": found.to_dict(), "behind": behind(found)}
    incidents = journal.list_incidents(params["states"], params["limit"])
    if params["behind"]:
        incidents = [incident for incident in incidents if behind(journal.read(incident))]
    result = {"changed": False, "incidents": incidents}
    if params["overview"]:
        summaries = [summary(journal.read(incident)) for incident in incidents]
        result.update(overview=summaries, table=table(summaries))
    return result


def main() -> None:
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
