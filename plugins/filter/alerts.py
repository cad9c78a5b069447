# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(alerts)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: alerts
short_description: What to remember of the alerts of an incident
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns the details of a pager for M(self_healing.devops.incident_tool), from what
    M(self_healing.devops.xmatters_alert) returned for each call and from what was remembered before.
positional: known
options:
  _input:
    description: Results of M(self_healing.devops.xmatters_alert), one for each call, oldest first.
    type: list
    elements: dict
    required: true
  known:
    description: The details that were remembered before.
    type: dict
seealso:
  - module: self_healing.devops.xmatters_alert
"""

EXAMPLES = r"""
- name: Show what is remembered of the alerts
  ansible.builtin.debug:
    msg: "{{ xmatters_shown.results | self_healing.devops.alerts }}"
"""

RETURN = r"""
_value:
  description: Status of the newest alert, all alerts, and everybody who was notified or who answered.
  type: dict
  sample:
    status: active
    alerts:
      - marker: i7k3v5q2x4dmz
        id: 0f0b7a53-0000-4000-8000-000000000001
        url: https://company.xmatters.com/api/xm/1/events/0f0b7a53-0000-4000-8000-000000000001
        status: active
    responders: [{name: Ana Berg, email: ana@example.com}]
"""


def alerts(results: Sequence[Mapping[str, Any]], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the details of a pager. An alert that was not looked at again is as it was."""
    before = known or {}
    by_marker = {alert["marker"]: dict(alert) for alert in before.get("alerts", ())}
    people = {person["name"]: dict(person) for person in before.get("responders", ())}
    for result in results:
        if result.get("id"):
            marker = result["xmatters_call"]["marker"]
            by_marker[marker] = {name: result[name] for name in ("id", "url", "status")}
            by_marker[marker]["marker"] = marker
        people.update({person["name"]: dict(person) for person in result.get("responders", ())})
    shown = sorted(by_marker.values(), key=lambda alert: _number(alert["marker"]))
    return {
        "status": shown[-1]["status"] if shown else None,
        "alerts": shown,
        "responders": list(people.values()),
    }


def _number(marker: str) -> int:
    """Return the number of a call: the first has none in its marker."""
    return int(marker.partition(".")[2] or 1)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"alerts": alerts}
