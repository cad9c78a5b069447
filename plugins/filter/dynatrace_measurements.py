# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(dynatrace_measurements)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_evidence import measurements

DOCUMENTATION = r"""
name: dynatrace_measurements
short_description: What Dynatrace is asked to measure about a fix
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns for each entity the figures that are measured on it, with the time from the start of the problem until now
    and the moment at which the fix began, as M(self_healing.devops.dynatrace_metric_info) takes them.
  - A figure goes to the first entity of its kind among those that the problem names and O(entities). Without one it is
    left out.
positional: figures, entities
options:
  _input:
    description: An incident, as M(self_healing.devops.incident_info) returns it.
    type: dict
    required: true
  figures:
    description: Names of figures.
    type: list
    elements: str
    required: true
  entities:
    description: Ids of the entities that belong to the host.
    type: list
    elements: str
    default: []
seealso:
  - module: self_healing.devops.dynatrace_metric_info
"""

EXAMPLES = r"""
- name: Show what would be measured
  ansible.builtin.debug:
    msg: "{{ incident | self_healing.devops.dynatrace_measurements(['cpu_usage'], self_healing_entities) }}"
"""

RETURN = r"""
_value:
  description: What to measure, by entity.
  type: list
  elements: dict
  sample:
    - entity: HOST-0123456789ABCDEF
      figures: [cpu_usage]
      minutes: 12
      split_at: "2026-11-22T10:00:00.000Z"
"""


def dynatrace_measurements(
    incident: Mapping[str, Any], figures: Sequence[str], entities: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Return what is to be measured up to now."""
    listed = [entities] if isinstance(entities, str) else [str(entity) for entity in entities]
    return measurements(incident, list(figures), listed, datetime.now(timezone.utc))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dynatrace_measurements": dynatrace_measurements}
