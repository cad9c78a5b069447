# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(slack_buttons)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.slack_buttons import buttons_for

DOCUMENTATION = r"""
name: slack_buttons
short_description: Buttons for what responders may choose now
version_added: 0.2.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns one button for each response option of an incident that may be chosen now, and none after the decision.
  - A button carries the id of the incident, the number of the question and the short name of the option, nothing else.
  - Before an option that is destructive Slack asks the person again.
options:
  _input:
    description: An incident, as M(self_healing.devops.incident_info) returns it.
    type: dict
    required: true
  confirm:
    description:
      - What is asked before destructive options, one line for each. A line begins with the short name of its option and
        a colon.
      - For options without a line it is their label and text.
    type: str
    default: ""
seealso:
  - module: self_healing.devops.slack_channel
"""

EXAMPLES = r"""
- name: Ask in the channel
  self_healing.devops.slack_channel:
    marker: "{{ self_healing_incident.id }}"
    name: dyna-2611001
    header:
      text: What should be done?
      buttons: "{{ self_healing_incident | self_healing.devops.slack_buttons('process_restart: Restart the shop?') }}"
"""

RETURN = r"""
_value:
  description: The buttons, as O(self_healing.devops.slack_channel#module:header.buttons) takes them.
  type: list
  elements: dict
  sample:
    - id: self_healing:process_restart
      value: 1:i7k3v5q2x4dmz:4:process_restart
      text: Restart process
      style: danger
      confirm: Restart process on shop-01?
"""


def slack_buttons(incident: Mapping[str, Any], confirm: str = "") -> list[dict[str, Any]]:
    """Return the buttons of an incident. C(confirm) has one line per destructive option."""
    lines = (line.partition(":") for line in str(confirm).splitlines())
    return buttons_for(incident, {name.strip(): text.strip() for name, _colon, text in lines if text.strip()})


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"slack_buttons": slack_buttons}
