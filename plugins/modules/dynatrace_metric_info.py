#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module dynatrace_metric_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynatrace_metric_info
short_description: Read what Dynatrace measured, as plain figures
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns one number for each figure over a time, and with O(split_at) one for the time before and one for the time
    after it, to compare what a remedy did.
  - Minutes in which nothing was measured count for nothing. A figure without any value is null.
  - Figures that are known by name are converted into the unit that RV(units) tells, whatever unit the metric has.
notes:
  - The token needs the scope C(metrics.read).
options:
  entity:
    description: Id of the entity that O(figures) are about, a C(HOST-…), C(DISK-…) or C(SERVICE-…).
    type: str
  figures:
    description:
      - Figures that are known by name.
      - V(response_time) (milliseconds), V(failure_rate) (percent) and V(request_count) are measured on a service.
      - V(disk_used), V(disk_free) (percent), V(disk_used_bytes), V(disk_free_bytes), V(disk_read_latency) and
        V(disk_write_latency) (milliseconds) are measured on a disk, or on a host, where the worst of its disks counts.
      - V(cpu_usage) and V(memory_usage) (percent) are measured on a host.
    type: list
    elements: str
    default: []
    choices:
      - response_time
      - failure_rate
      - request_count
      - disk_used
      - disk_free
      - disk_used_bytes
      - disk_free_bytes
      - disk_read_latency
      - disk_write_latency
      - cpu_usage
      - memory_usage
  queries:
    description: Figures of your own.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the figure.
        type: str
        required: true
      selector:
        description:
          - Metric selector in the words of the API. It selects one metric; several series of it become one number.
          - Its unit can be changed in the selector, with C(:toUnit(MicroSecond,MilliSecond\)).
        type: str
        required: true
      aggregation:
        description: How the minutes become one number.
        type: str
        choices: [avg, min, max, sum, median, last]
        default: avg
  minutes:
    description: How much time to look at, up to a week.
    type: int
    default: 30
  until:
    description: Where that time ends, default is now.
    type: str
  split_at:
    description: A moment within that time, for instance when the remedy ran.
    type: str
  points:
    description: Whether to return what was measured slot by slot as well, for instance to see how fast a disk fills.
    type: bool
    default: false
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.dynatrace
"""

EXAMPLES = r"""
- name: Compare the service before and after the restart
  self_healing.devops.dynatrace_metric_info:
    dynatrace_url: https://abc12345.live.dynatrace.com
    dynatrace_token: "{{ vault_dynatrace_token }}"
    entity: SERVICE-0123456789ABCDEF
    figures: [response_time, failure_rate]
    split_at: "2026-11-22T08:15:00Z"
  register: measured

- name: Read a metric that is not known by name
  self_healing.devops.dynatrace_metric_info:
    queries:
      - name: queue
        selector: builtin:host.disk.queueLength:filter(eq("dt.entity.host","HOST-0123456789ABCDEF")):splitBy():max
        aggregation: max
"""

RETURN = r"""
figures:
  description: Figure by name over the whole time, null where nothing was measured.
  returned: success
  type: dict
  sample: {response_time: 12.5, failure_rate: null}
before:
  description: The same before O(split_at), empty without it.
  returned: success
  type: dict
  sample: {response_time: 950.0, failure_rate: 12.0}
after:
  description: The same after O(split_at), empty without it. The minute in which that was belongs to none of them.
  returned: success
  type: dict
  sample: {response_time: 12.5, failure_rate: 0.0}
units:
  description: Units of the figures that are known by name.
  returned: success
  type: dict
  sample: {response_time: MilliSecond, failure_rate: Percent}
points:
  description: For each figure pairs of seconds since 1970 and the value, oldest first. Empty without O(points).
  returned: success
  type: dict
  sample: {disk_used_bytes: [[1795420800.0, 9100000000.0], [1795420860.0, 9130000000.0]]}
missing:
  description: Names of the figures without any value.
  returned: success
  type: list
  elements: str
warnings_of_dynatrace:
  description: What Dynatrace says of the selectors, for instance that a dimension does not exist.
  returned: success
  type: list
  elements: str
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_figures import (
    AGGREGATIONS,
    FIGURES,
    Window,
    tell,
)
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    CONNECTION_OPTIONS,
    ModuleSpec,
    from_environment,
    run_module,
    transport_for,
)
from ansible_collections.self_healing.devops.plugins.module_utils.moments import moment_in

#: A week has as many minutes, and an answer may have as many points.
LONGEST = 10_080

SPEC = ModuleSpec(
    options={
        **CONNECTION_OPTIONS,
        "dynatrace_url": from_environment("dynatrace_url", required=True),
        "dynatrace_token": from_environment("dynatrace_token", required=True, no_log=True),
        "entity": {"type": "str"},
        "figures": {"type": "list", "elements": "str", "choices": [*FIGURES], "default": []},
        "queries": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "selector": {"type": "str", "required": True},
                "aggregation": {"type": "str", "choices": [*AGGREGATIONS], "default": "avg"},
            },
        },
        "minutes": {"type": "int", "default": 30},
        "until": {"type": "str"},
        "split_at": {"type": "str"},
        "points": {"type": "bool", "default": False},
    },
)


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return the figures. Raises SelfHealingError."""
    window = window_of(params, datetime.now(timezone.utc))
    client = DynatraceClient(
        params["dynatrace_url"],
        params["dynatrace_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    told = tell(client.metrics, params["entity"], params["figures"], params["queries"], window)
    return {
        "changed": False,
        "figures": told.figures,
        "before": told.before,
        "after": told.after,
        "units": told.units,
        "points": {name: [list(point) for point in points] for name, points in told.points.items()}
        if params["points"]
        else {},
        "missing": [name for name, value in told.figures.items() if value is None],
        "warnings_of_dynatrace": list(dict.fromkeys(told.warnings)),
    }


def window_of(params: Mapping[str, Any], now: datetime) -> Window:
    """Return the time to look at. Raises ConfigurationError."""
    if not 1 <= params["minutes"] <= LONGEST:
        raise ConfigurationError(f"minutes is {params['minutes']}, expected 1 to {LONGEST}")
    until = moment_in(params, "until") or now
    since = until - timedelta(minutes=params["minutes"])
    split = moment_in(params, "split_at")
    if split is not None and not since <= split <= until:
        raise ConfigurationError("split_at is outside the time that is looked at; change until or minutes")
    return Window(since, until, split)


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
