#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports, imports and prunes the journal."""

from __future__ import annotations

DOCUMENTATION = r"""
module: journal
short_description: Export, import and prune the journal
version_added: 0.2.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Copies incidents from the journal to a file, from such a file into a journal, and removes old ones for good.
  - Export and import are also the way from an SQLite file to a PostgreSQL database.
  - Event sources and playbooks may go on meanwhile.
options:
  action:
    description:
      - What to do.
      - V(export) writes incidents with all that belongs to them to O(path), the oldest first, one line of JSON each.
      - V(import) reads such a file. Nothing is written unless all of it is fit. An incident that the journal knows
        already is kept, and extended when the file tells more of it. One that goes on differently in both is an error.
      - V(prune) removes incidents that were closed longer ago than O(older_than), with all that belongs to them.
    type: str
    required: true
    choices: [export, import, prune]
  path:
    description:
      - The file, on the controller.
      - V(export) makes it readable by its owner only. It holds names, comments and evidence.
      - V(import) trusts what it says. Import only what was exported by yourself and kept where nobody else writes.
      - Required for V(export) and V(import).
    type: path
  older_than:
    description:
      - Days since an incident was closed for the last time.
      - Required for V(prune). With V(export) only incidents that were closed longer ago are exported.
    type: int
  states:
    description: With V(export), only incidents in these states. Without it all are exported.
    type: list
    elements: str
    choices: [detected, observed, held, asked, healing, verifying, stable, closed, escalated]
    default: []
  force:
    description: Whether V(export) may overwrite a file that is no archive of a journal. A database never is.
    type: bool
    default: false
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.journal
seealso:
  - module: self_healing.devops.incident_info
"""

EXAMPLES = r"""
- name: Keep a copy of the journal
  self_healing.devops.journal:
    action: export
    path: /var/backups/self_healing/journal.jsonl

- name: Move it to PostgreSQL
  self_healing.devops.journal:
    action: import
    path: /var/backups/self_healing/journal.jsonl
    journal: postgresql+psycopg://self_healing@db/self_healing

- name: Remove what was closed more than a year ago
  self_healing.devops.journal:
    action: prune
    older_than: 365
"""

RETURN = r"""
count:
  description: How many incidents were exported, are in the file, or were removed.
  returned: success
  type: int
  sample: 12
path:
  description: Absolute path of the file.
  returned: when O(action) is V(export) or V(import)
  type: str
  sample: /var/backups/self_healing/journal.jsonl
created:
  description: How many incidents are new in the journal.
  returned: when O(action) is V(import)
  type: int
  sample: 10
extended:
  description: How many incidents of the journal have new entries.
  returned: when O(action) is V(import)
  type: int
  sample: 1
kept:
  description: How many incidents were known already.
  returned: when O(action) is V(import)
  type: int
  sample: 1
incidents:
  description: Identifiers of the incidents that were removed.
  returned: when O(action) is V(prune)
  type: list
  elements: str
  sample: [i7k3v5q2x4dmz]
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils import archive_file
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import STATES
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now
from ansible_collections.self_healing.devops.plugins.module_utils.module import JOURNAL_OPTIONS, ModuleSpec, run_module

SPEC = ModuleSpec(
    options={
        "action": {"type": "str", "choices": ["export", "import", "prune"], "required": True},
        "path": {"type": "path"},
        "older_than": {"type": "int"},
        "states": {"type": "list", "elements": "str", "choices": list(STATES), "default": []},
        "force": {"type": "bool", "default": False},
        **JOURNAL_OPTIONS,
    },
    required_if=[
        ("action", "export", ("path",)),
        ("action", "import", ("path",)),
        ("action", "prune", ("older_than",)),
    ],
    talks_http=False,
    controller_only=True,
)
#: Which options an action knows. The others would be thought to have an effect.
KNOWN = {"export": ("path", "older_than", "states", "force"), "import": ("path",), "prune": ("older_than",)}
MOST_DAYS = 36500


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    action = params["action"]
    for name in ("path", "older_than", "states", "force"):
        if name not in KNOWN[action] and params[name]:
            raise ConfigurationError(f"{name} has no meaning for the action {action}: leave it out")
    before = _closed_before(params["older_than"])
    if action == "prune":
        if before is None:
            raise ConfigurationError("older_than is missing: after how many days may a closed incident go?")
        return _prune(Journal.open(params["journal"]), before, check_mode)
    path = Path(params["path"]).absolute()
    if action == "export":
        return _export(params, path, before, check_mode)
    return _import(Journal.open(params["journal"]), path, check_mode)


def _closed_before(days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 1 <= days <= MOST_DAYS:
        raise ConfigurationError(f"older_than is {days}, expected a number of days from 1 to {MOST_DAYS}")
    return utc_now() - timedelta(days=days)


def _export(params: Mapping[str, Any], path: Path, before: datetime | None, check_mode: bool) -> dict[str, Any]:
    lines = Journal.open(params["journal"]).archive.export(params["states"], before)
    changed, count = archive_file.write(path, lines, force=params["force"], dry_run=check_mode)
    return {
        "changed": changed,
        "path": str(path),
        "count": count,
        "diff": {"before": "", "after": f"{count} incidents in {path}\n" if changed else ""},
    }


def _import(journal: Journal, path: Path, check_mode: bool) -> dict[str, Any]:
    with archive_file.reading(path) as file:
        imported = journal.archive.take_in(file, dry_run=check_mode)
    numbers = asdict(imported)
    changed = imported.created + imported.extended > 0
    return {
        "changed": changed,
        "path": str(path),
        "count": sum(numbers.values()),
        **numbers,
        "diff": {
            "before": "",
            "after": f"{imported.created} created, {imported.extended} extended\n" if changed else "",
        },
    }


def _prune(journal: Journal, before: datetime, check_mode: bool) -> dict[str, Any]:
    incidents = journal.archive.prune(before, dry_run=check_mode)
    return {
        "changed": bool(incidents),
        "count": len(incidents),
        "incidents": incidents,
        "diff": {"before": "".join(f"{incident}\n" for incident in incidents), "after": ""},
    }


def main() -> None:
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
