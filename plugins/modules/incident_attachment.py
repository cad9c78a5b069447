#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a text with an incident."""

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_attachment
short_description: Keep a text with an incident
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Keeps the transcript of a channel, a log or another text with an incident. Service desks attach it to their ticket.
  - A text with the same name is replaced.
options:
  incident:
    description: Identifier of the incident.
    type: str
    required: true
  name:
    description: Name of the file that the text becomes when it is attached somewhere.
    type: str
    required: true
  media_type:
    description: Media type of the text.
    type: str
    default: text/plain
  content:
    description: The text.
    type: str
    required: true
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.journal
seealso:
  - module: self_healing.devops.incident
"""

EXAMPLES = r"""
- name: Keep the story with the incident
  self_healing.devops.incident_attachment:
    incident: "{{ self_healing_incident.id }}"
    name: transcript.md
    media_type: text/markdown
    content: "{{ self_healing_incident | self_healing.devops.transcript }}"
"""

RETURN = r"""
sha256:
  description: Checksum of the text as UTF-8.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.module import JOURNAL_OPTIONS, ModuleSpec, run_module

SPEC = ModuleSpec(
    options={
        "incident": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "media_type": {"type": "str", "default": "text/plain"},
        "content": {"type": "str", "required": True},
        **JOURNAL_OPTIONS,
    },
    talks_http=False,
    controller_only=True,
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    name = params["name"]
    if not NAME.fullmatch(name):
        raise ConfigurationError(
            f"name {name[:200]!r} is no plain file name: use letters, digits, dots, dashes, underscores"
        )
    journal = Journal.open(params["journal"])
    changed = journal.tools.attach(
        params["incident"], name, params["media_type"], params["content"], dry_run=check_mode
    )
    digest = hashlib.sha256(params["content"].encode()).hexdigest()
    return {
        "changed": changed,
        "sha256": digest,
        "diff": {"before": "", "after": f"{name} {digest}" if changed else ""},
    }


def main() -> None:
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
