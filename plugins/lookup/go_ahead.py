# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup C(go_ahead): whether nobody has asked a heal to stop."""

from __future__ import annotations

DOCUMENTATION = r"""
name: go_ahead
short_description: Whether a heal may go on
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns true as long as nobody has asked the heal of an incident to stop, and fails as soon as somebody has.
  - The playbooks of this collection make it a condition of every task of a remedy, so that a heal that was stopped ends
    before its next task, whatever the remedy is.
  - In a remedy of your own that has one long task, ask again between its parts.
options:
  _terms:
    description: Identifier of the incident.
    type: list
    elements: str
    required: true
  journal:
    description:
      - Where the journal is.
      - If not set, the environment variable E(SELF_HEALING_JOURNAL) is used.
    type: str
    env:
      - name: SELF_HEALING_JOURNAL
seealso:
  - module: self_healing.devops.incident
"""

EXAMPLES = r"""
- name: Take the second node out only if nobody has stopped it
  ansible.builtin.command: /usr/local/bin/take-out node-2
  when: lookup('self_healing.devops.go_ahead', incident)
"""

RETURN = r"""
_raw:
  description: V(true) for each incident.
  type: list
  elements: bool
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.module import require_incident


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[bool]:
        self.set_options(var_options=variables, direct=options)
        try:
            journal = Journal.open(self.get_option("journal"))
            incidents = [journal.read(require_incident(str(term))) for term in terms]
        except SelfHealingError as error:
            raise AnsibleError(error.message) from None
        for incident in incidents:
            if incident.stop is not None:
                raise AnsibleError(f"{incident.stop['by']} has stopped the heal of {incident.id}")
        return [True for _incident in incidents]
