#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what was found on a host before or after a fix."""

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_evidence
short_description: Keep what was found on a host before or after a fix
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Adds figures and texts to the timeline of an incident. Remedies call it when they diagnose and when they verify.
  - The figures before and after a fix are what every tool shows at the end.
options:
  incident:
    description: Identifier of the incident.
    type: str
    required: true
  phase:
    description: Whether this was found before or after the fix.
    type: str
    choices: [before, after]
    required: true
  healthy:
    description: Whether the target was healthy.
    type: bool
    required: true
  figures:
    description:
      - Figures by name, with the unit in the name, like C(response_ms). Use a null value for what cannot be measured.
      - At most 30 figures are kept, each a number, a truth value, a short text or null.
    type: dict
    default: {}
  text:
    description: Free text, like the last lines of a log. Only the last 4000 characters are kept.
    type: str
    default: ""
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.journal
seealso:
  - module: self_healing.devops.incident
"""

EXAMPLES = r"""
- name: Keep what was found
  self_healing.devops.incident_evidence:
    incident: "{{ self_healing_incident.id }}"
    phase: before
    healthy: false
    figures:
      up: 0
      response_ms: null
"""

RETURN = r"""
incident:
  description:
    - The incident, folded from its timeline.
    - Titles, texts and names come from outside. Use them as values only, never in C(set_fact) and never as a template.
  returned: success
  type: dict
  sample:
    id: i7k3v5q2x4dmz
    state: asked
    kind: process_crash
    severity: critical
    target: shop-01
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.module import JOURNAL_OPTIONS, ModuleSpec, run_module

SPEC = ModuleSpec(
    options={
        "incident": {"type": "str", "required": True},
        "phase": {"type": "str", "choices": ["before", "after"], "required": True},
        "healthy": {"type": "bool", "required": True},
        "figures": {"type": "dict", "default": {}},
        "text": {"type": "str", "default": ""},
        **JOURNAL_OPTIONS,
    },
    talks_http=False,
    controller_only=True,
)
FIGURES_LIMIT = 30
FIGURE_LENGTH = 80
TEXT_LENGTH = 4000


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    figures = _figures(params["figures"])
    found = (params["phase"], params["healthy"], figures, params["text"][-TEXT_LENGTH:])
    journal = Journal.open(params["journal"])
    incident, changed = journal.change(params["incident"], lambda i: steps.evidence(i, *found), dry_run=check_mode)
    return {
        "changed": changed,
        "incident": incident.to_dict(),
        "diff": {"before": "", "after": repr(figures) if changed else ""},
    }


def _figures(given: Mapping[str, Any]) -> dict[str, Any]:
    if len(given) > FIGURES_LIMIT:
        raise ConfigurationError(f"figures: {len(given)} are too many, at most {FIGURES_LIMIT} are kept")
    figures: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, (dict, list)):
            raise ConfigurationError(
                f"figures.{name} is no single figure: give a number, a truth value, a short text or null"
            )
        figures[str(name)[:FIGURE_LENGTH]] = _figure(value)
    return figures


def _figure(value: Any) -> Any:
    """Return numbers as numbers, however Ansible's templating has passed them."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)[:FIGURE_LENGTH]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return None if text in ("", "None", "null") else text


def main() -> None:
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
