#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports a canary back to the journal."""

from __future__ import annotations

DOCUMENTATION = r"""
module: journal_canary
short_description: Report a canary back to the journal
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - The event source C(journal) sends a canary through the rules every minute. When it is reported back, rules
    fire and that playbooks start.
  - Used by the playbook C(self_healing.devops.canary) only. Check mode says C(changed) without looking.
options:
  canary:
    description: Identifier of the canary, from C(event.canary.id).
    type: str
    required: true
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.journal
seealso:
  - module: self_healing.devops.incident_info
"""

EXAMPLES = r"""
- name: Report the canary back
  self_healing.devops.journal_canary:
    canary: "{{ canary }}"
"""

RETURN = r"""
canary:
  description: Identifier of the canary.
  returned: always
  type: str
  sample: c0123456789abcdef0123456789abcdef
"""

import re
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.module import JOURNAL_OPTIONS, ModuleSpec, run_module

CANARY = re.compile(r"c[0-9a-f]{32}")

SPEC = ModuleSpec(
    options={"canary": {"type": "str", "required": True}, **JOURNAL_OPTIONS},
    talks_http=False,
    controller_only=True,
)


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    canary = params["canary"]
    if not CANARY.fullmatch(canary):
        raise InvalidInputError("canary must be the letter c and 32 hexadecimal digits, as event.canary.id is")
    journal = Journal.open(params["journal"])
    return {"changed": check_mode or journal.canaries.back(canary), "canary": canary}


def main() -> None:
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
