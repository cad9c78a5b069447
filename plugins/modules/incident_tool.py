#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers where a tool shows an incident."""

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_tool
short_description: Remember where and how far a tool shows an incident
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Notes in the journal that a tool of the tool chain was brought up to date, or that this failed.
  - Tool roles call it after they have updated their tool. Other tools link to what is noted here.
options:
  incident:
    description: Identifier of the incident.
    type: str
    required: true
  step:
    description:
      - V(take) waits until no other run brings the tool up to date with this incident, and returns the incident as it
        is then. The right ends with V(show), or after some minutes when the run was lost.
      - V(show) notes that the tool was brought up to date, or with O(error) that this failed.
    type: str
    choices: [take, show]
    default: show
  tool:
    description: Name of the tool, which is its host in the inventory.
    type: str
    required: true
  role:
    description: Role that looks after the tool.
    type: str
    required: true
  id:
    description: Identifier of what shows the incident in the tool, like the key of an issue.
    type: str
  url:
    description: Address of what shows the incident in the tool.
    type: str
  version:
    description: Number of entries of the timeline that the tool shows now.
    type: int
    default: 0
  error:
    description: Why the tool could not be brought up to date. What was noted before is kept.
    type: str
  details:
    description:
      - Further plain values.
      - A list RV(ignore:responders) with RV(ignore:name) and RV(ignore:email) adds people to the incident.
    type: dict
    default: {}
  wait_for:
    description:
      - Names of tools that V(take) waits for when people are about to be called, so that the call can link to them.
      - It waits until each shows the incident or has failed, and O(patience) at most.
    type: list
    elements: str
    default: []
  patience:
    description: How long V(take) waits for O(wait_for), in seconds.
    type: int
    default: 3
  pager:
    description: Whether the tool alerts people. The first time it is noted marks the moment of the alert.
    type: bool
    default: false
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.journal
seealso:
  - module: self_healing.devops.incident
"""

EXAMPLES = r"""
- name: Note in the journal what the tool shows
  self_healing.devops.incident_tool:
    incident: "{{ self_healing_incident.id }}"
    version: "{{ self_healing_incident.version }}"
    tool: "{{ inventory_hostname }}"
    role: jira
    id: "{{ jira_shown.id }}"
    url: "{{ jira_shown.url }}"
"""

RETURN = r"""
incident:
  description:
    - The incident with the contents of its attachments, as M(self_healing.devops.incident_info) returns it.
  returned: when O(step) is V(take)
  type: dict
  sample:
    id: i7k3v9q2x1dmz
    state: asked
tool:
  description: What is remembered of the tool now.
  returned: when O(step) is V(show)
  type: dict
  sample:
    tool: jira
    role: jira
    id: OPS-12
    state: shown
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.calls import calls_of
from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry, Incident, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    JOURNAL_OPTIONS,
    ModuleSpec,
    run_module,
    this_run,
)
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import told

SPEC = ModuleSpec(
    options={
        "incident": {"type": "str", "required": True},
        "tool": {"type": "str", "required": True},
        "step": {"type": "str", "choices": ["take", "show"], "default": "show"},
        "role": {"type": "str", "required": True},
        "id": {"type": "str"},
        "url": {"type": "str"},
        "version": {"type": "int", "default": 0},
        "error": {"type": "str"},
        "details": {"type": "dict", "default": {}},
        "wait_for": {"type": "list", "elements": "str", "default": []},
        "patience": {"type": "int", "default": 3},
        "pager": {"type": "bool", "default": False},
        **JOURNAL_OPTIONS,
    },
    talks_http=False,
    controller_only=True,
)


#: How long a run may have a tool for itself, and how long another run waits for it.
LEASE = timedelta(minutes=3)
PATIENCE = 200.0
LOOK_EVERY = 0.1


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    journal = Journal.open(params["journal"])
    if params["step"] == "take":
        if not check_mode:
            wait_for_links(journal, params["incident"], params["tool"], params["wait_for"], params["patience"])
            take(journal, params["incident"], params["tool"])
        return {"changed": False, "incident": journal.read(params["incident"], content=True).to_dict()}
    incident = journal.read(params["incident"])
    known = incident.tools.get(params["tool"])
    state, entry = (failed if params["error"] else shown)(params, incident, known)
    changed = journal.tools.show(params["incident"], state, entry, dry_run=check_mode)
    if not check_mode:
        journal.tools.release(params["incident"], params["tool"], this_run())
    before = asdict(known) if known else {}
    return {"changed": changed, "tool": asdict(state), "diff": {"before": before, "after": asdict(state)}}


def wait_for_links(journal: Journal, incident: str, tool: str, others: Sequence[str], patience: float) -> None:
    """Wait until the other tools show the incident, if people are about to be called: a call cannot change later."""
    deadline = time.monotonic() + patience
    while others and time.monotonic() < deadline:
        now = journal.read(incident)
        if not _is_to_call(now, tool) or all(_settled(now.tools.get(other)) for other in others):
            return
        time.sleep(LOOK_EVERY)


def _is_to_call(incident: Incident, tool: str) -> bool:
    known = incident.tools.get(tool)
    made = {alert["marker"] for alert in known.details.get("alerts", ())} if known else set()
    return any(call.send and call.marker not in made for call in calls_of(incident))


def _settled(other: ToolState | None) -> bool:
    return other is not None and bool(other.id or other.state == "failed")


def take(journal: Journal, incident: str, tool: str) -> None:
    """Wait for the right to bring the tool up to date. Raises JournalError when another run does not give it back."""
    deadline = time.monotonic() + PATIENCE
    while (other := journal.tools.lease(incident, tool, this_run(), LEASE)) is not None:
        if time.monotonic() > deadline:
            raise JournalError(
                f"{run_identity.short(other)} has been bringing {tool} up to date with {incident} for {PATIENCE:.0f} s"
            )
        time.sleep(LOOK_EVERY)


def shown(params: Mapping[str, Any], incident: Incident, known: ToolState | None) -> tuple[ToolState, Entry | None]:
    """Return what to remember of a tool that was brought up to date.

    What counts is the newest entry that tools show: bookkeeping of the journal puts no tool behind.
    """
    tool, identifier = params["tool"], params["id"]
    version = max((entry.n for entry in told(incident) if entry.n <= params["version"]), default=0)
    state = ToolState(
        tool=tool,
        role=params["role"],
        id=identifier,
        url=params["url"],
        version=max(version, known.version if known else 0),
        details=params["details"],
    )
    if not identifier:
        return state, None
    kind = "alerted" if params["pager"] else "shown"
    word = "alerted the responders with" if params["pager"] else "shows"
    data = {"tool": tool, "id": identifier, "url": params["url"]}
    return state, Entry(kind, f"{tool} {word} {identifier}", data=data, key=f"{kind}:{tool}:{identifier}")


def failed(params: Mapping[str, Any], incident: Incident, known: ToolState | None) -> tuple[ToolState, Entry | None]:
    """Return what to remember of a tool that could not be brought up to date: all that was known, and why."""
    before = known or ToolState(tool=params["tool"], role=params["role"])
    state = replace(before, state="failed", error=params["error"][:1000])
    if known is not None and known.state == "failed":
        return state, None
    text = f"{params['tool']} could not be brought up to date: {params['error'][:300]}"
    return state, Entry(
        "tool_failed", text, data={"tool": params["tool"]}, key=f"tool_failed:{params['tool']}:{incident.version}"
    )


def main() -> None:
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
