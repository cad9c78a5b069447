# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the playbook C(respond) that may act at once, with any remedy and host, and how the incident ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.playbook import LOCAL, PlaybookRun, run_playbook
from support.story import PROBLEM

#: The host that the problem is about.
HOST = {**LOCAL, "self_healing_entities": ["PROCESS_GROUP_INSTANCE-1"]}


class Healed:
    """What one run did on the host C(shop-01), and the incident as it is in the journal afterwards.

    C(role) is the remedy: the name of a role in the folder C(roles), or of one in a collection. C(host) are the
    variables of the host, C(tools) the tools by name with their variables.
    """

    def __init__(
        self,
        folder: Path,
        role: str,
        roles: Path | None = None,
        host: Mapping[str, Any] | None = None,
        tools: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        place = str(folder / "journal.db")
        Journal.open(place).record_problem(PROBLEM)
        policy = {
            "incident": PROBLEM.incident,
            "self_healing_ceiling": "act",
            "self_healing_remedies": ["mend"],
            "self_healing_catalog": {"mend": {"role": role, "label": "Mend", "text": "mends {host}"}},
            "self_healing_limits": {"unhealthy_percent": 100},
        }
        plays: list[Mapping[str, Any]] = [
            {
                "name": "Manage the host",
                "hosts": "localhost",
                "gather_facts": False,
                "tasks": [
                    {
                        "name": "Manage it",
                        "ansible.builtin.add_host": {"name": name, "groups": [group]},
                        "changed_when": False,
                    }
                    for name, group in [
                        ("shop-01", "self_healing_managed"),
                        *((name, "toolchain") for name in tools or {}),
                    ]
                ],
            },
            {"name": "Respond", "import_playbook": "self_healing.devops.respond"},
        ]
        environment = {"ANSIBLE_ROLES_PATH": str(roles or folder / "roles"), "SELF_HEALING_JOURNAL": place}
        self.run: PlaybookRun = run_playbook(
            plays, {"shop-01": dict(host or HOST), **(tools or {})}, "-e", json.dumps(policy), environment=environment
        )
        self.incident: Incident = Journal.open(place).read(PROBLEM.incident)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.incident.timeline[1:]]

    def said(self, kind: str) -> str:
        """Return the text of the newest entry of a kind."""
        return next(entry.text for entry in reversed(self.incident.timeline) if entry.kind == kind)
