# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(report_link)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.signed_links import REPORT_LIFETIME, report_of
from ansible_collections.self_healing.devops.plugins.plugin_utils.link_maker import address_of

DOCUMENTATION = r"""
name: report_link
short_description: Address at which people read how an incident goes
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns the address of a page that shows an incident as it is when the page is opened - what happened, what was
    found before and after the remedy, and where else it is shown. The page is served by the event source C(answers).
  - The address is signed and can be read by whoever has it. Nothing can be chosen on the page, unlike that of
    P(self_healing.devops.answer_link#filter).
  - It is the same each time it is made, until the problem is opened again.
  - The result is empty when links are not set up, which is when there are neither secrets nor an address.
options:
  _input:
    description: An incident, as M(self_healing.devops.incident_info) returns it.
    type: dict
    required: true
  lifetime:
    description: How long the page can be read after the problem was reported, in seconds.
    type: int
    default: 604800
extends_documentation_fragment:
  - self_healing.devops.links
seealso:
  - module: self_healing.devops.incident_info
  - plugin: self_healing.devops.answer_link
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Say where to read on
  ansible.builtin.debug:
    msg: "{{ self_healing_incident | self_healing.devops.report_link }}"
"""

RETURN = r"""
_value:
  description: The address, or an empty text.
  type: str
  sample: https://eda.example.com/answer/WyJpN2szdjVxMng0ZG16IiwxNzk1NDIwODAwXQ.kX0g7Jc5l2vQ3mE8yT1uZb4nR6pWdA9sHfCiLoKxVtY
"""


def report_link(
    incident: Mapping[str, Any],
    secrets: Any = None,
    url: Any = None,
    lifetime: int = int(REPORT_LIFETIME.total_seconds()),
) -> str:
    """Return the address of the report of an incident, empty when links are not set up."""
    return address_of(report_of(incident, timedelta(seconds=int(lifetime))), secrets, url)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"report_link": report_link}
