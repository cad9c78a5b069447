# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(answer_link)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.signed_links import LIFETIME, link_of
from ansible_collections.self_healing.devops.plugins.plugin_utils.link_maker import address_of

DOCUMENTATION = r"""
name: answer_link
short_description: Address at which a responder can answer
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns the address of a page that shows an incident and its response options, for an e-mail, a text message or a
    chat. The page is served by the event source C(answers).
  - The address is signed. It belongs to the question that the incident asks now, and to the person or group that it is
    sent to. It is the same each time it is made, and means nothing any more once somebody has decided, the question
    is asked again, or its time is over.
  - Opening the address never does anything, so that mail gateways and chats may look at it.
  - The result is empty when the incident asks nothing, and when links are not set up, which is when there are neither
    secrets nor an address.
positional: to
options:
  _input:
    description: An incident, as M(self_healing.devops.incident_info) returns it.
    type: dict
    required: true
  to:
    description: Name of the person or group that the link is sent to.
    type: str
    required: true
  personal:
    description:
      - Whether O(to) is one person. Whoever has the link is then taken for that person.
      - Otherwise the page asks for a name, and offers no option that destroys something or needs several people.
    type: bool
    default: false
  lifetime:
    description: How long the link works after the question was asked, in seconds.
    type: int
    default: 86400
extends_documentation_fragment:
  - self_healing.devops.links
seealso:
  - module: self_healing.devops.incident_info
  - plugin: self_healing.devops.report_link
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Send the link by e-mail
  community.general.mail:
    to: ana@example.com
    subject: "{{ self_healing_incident.title }}"
    body: "{{ self_healing_incident | self_healing.devops.answer_link('Ana Berg', personal=true) }}"
"""

RETURN = r"""
_value:
  description: The address, or an empty text.
  type: str
  sample: https://eda.example.com/answer/WyJpN2szdjVxMng0ZG16Iiw0LCJBbmEiLDEsMTc5NTQyMDgwMF0.kX0g7Jc5l2vQ3mE8yT1uZb4nR6pWdA9sHfCiLoKxVtY
"""


def answer_link(
    incident: Mapping[str, Any],
    to: str,
    personal: bool = False,
    secrets: Any = None,
    url: Any = None,
    lifetime: int = int(LIFETIME.total_seconds()),
) -> str:
    """Return the address for one person or group, empty when nothing is asked or links are not set up."""
    link = link_of(incident, to, personal=bool(personal), lifetime=timedelta(seconds=int(lifetime)))
    return address_of(link, secrets, url)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"answer_link": answer_link}
