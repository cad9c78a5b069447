# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(dynatrace_figures)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_evidence import figures_comment

DOCUMENTATION = r"""
name: dynatrace_figures
short_description: Comment with the figures before and after a fix
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns one comment that holds what the remedy found before and after it, and what Dynatrace measured.
  - Its identifier is that of the incident and the attempt, so that a problem shows it once.
positional: measured
options:
  _input:
    description: An incident with a verified fix, as M(self_healing.devops.incident_info) returns it.
    type: dict
    required: true
  measured:
    description: Results of M(self_healing.devops.dynatrace_metric_info).
    type: list
    elements: dict
    default: []
seealso:
  - module: self_healing.devops.dynatrace_problem
"""

EXAMPLES = r"""
- name: Show the comment
  ansible.builtin.debug:
    msg: "{{ self_healing_incident | self_healing.devops.dynatrace_figures(measured.results) }}"
"""

RETURN = r"""
_value:
  description: The comment with its identifier.
  type: dict
  sample:
    id: i7k3v5q2x4dmz-figures-1
    text: "Before and after process_restart on shop-01:\n- up: 0 → 1"
"""


def dynatrace_figures(incident: Mapping[str, Any], measured: Iterable[Mapping[str, Any]] = ()) -> dict[str, str]:
    """Return the comment with the figures before and after."""
    return figures_comment(incident, measured)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dynatrace_figures": dynatrace_figures}
