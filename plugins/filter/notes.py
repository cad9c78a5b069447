# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(notes)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.timeline import TOLD

DOCUMENTATION = r"""
name: notes
short_description: Entries of an incident that every tool shows as comments
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns the entries of the timeline that people should see, oldest first.
  - The identifier of each note never changes, so that a tool can tell which notes it shows already.
options:
  _input:
    description: An incident, as M(self_healing.devops.incident_info) returns it.
    type: dict
    required: true
  since:
    description: Number of an entry. Only what came after it is returned.
    type: int
    default: 0
seealso:
  - module: self_healing.devops.incident_info
"""

EXAMPLES = r"""
- name: Show what happened
  ansible.builtin.debug:
    msg: "{{ self_healing_incident | self_healing.devops.notes }}"
"""

RETURN = r"""
_value:
  description: The notes, each with its identifier, time, kind and text.
  type: list
  elements: dict
  sample:
    - id: i7k3v5q2x4dmz-3
      at: "2026-11-22T10:00:00.000Z"
      kind: answered
      text: Ana Berg chose 'Restart process' on xmatters
"""


def notes(incident: Mapping[str, Any], since: int = 0) -> list[dict[str, Any]]:
    """Return the told entries of an incident as notes with stable identifiers."""
    return [
        {"id": f"{incident['id']}-{entry['n']}", "at": entry["at"], "kind": entry["kind"], "text": entry["text"]}
        for entry in incident["timeline"]
        if entry["kind"] in TOLD and entry["n"] > int(since)
    ]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"notes": notes}
