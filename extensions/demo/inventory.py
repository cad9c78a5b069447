# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the inventory of a demonstration, a small example too: the tool chain, the host to heal, the policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sandbox.settings import Settings

from .layout import Layout
from .scenarios import Scenario

#: The service desk, the pager, the chat and the monitoring of the sandbox, in the order in which they are shown.
TOOLS = ("dynatrace", "jira", "slack", "xmatters")
ANSIBLE_CONFIGURATION = """\
# Ansible's defaults, but for one: it looks for results 200 instead of 1000 times a second, as its documentation
# recommends for automation, because the processor has other work meanwhile.
[defaults]
internal_poll_interval = 0.005
"""


def inventory(scenario: Scenario) -> dict[str, Any]:
    """Return the hosts: every tool is one, and so is what is healed."""
    company = Settings()
    tools: dict[str, dict[str, Any]] = {
        "dynatrace": {},
        "jira": {"jira_project": company.jira_project},
        "slack": {"slack_members": [person.email for person in company.people]},
        "xmatters": {"xmatters_recipients": [company.group]},
        "keptn": {},
    }
    return {
        "all": {
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "hosts": {"localhost": {}},
            "children": {
                "toolchain": {"hosts": {name: tools[name] for name in (*TOOLS, *scenario.tools)}},
                "self_healing_managed": {"hosts": {scenario.host: dict(scenario.host_variables())}},
            },
        }
    }


def policy() -> dict[str, Any]:
    """Return how far automation may go: it asks."""
    return {"self_healing_ceiling": "ask"}


def write_configuration(layout: Layout, scenario: Scenario, port: int) -> None:
    """Write the inventory, the policy, the rulebook's variables and Ansible's (empty) configuration."""
    variables = layout.inventory / "group_vars" / "all"
    variables.mkdir(parents=True)
    _write(layout.inventory / "hosts.yml", "Every tool is a host, and so is what is healed.", inventory(scenario))
    _write(variables / "self_healing.yml", "How far automation may go.", policy())
    listener = {"self_healing_host": "127.0.0.1", "self_healing_port": port}
    _write(layout.variables, "Where the rulebook listens for webhooks.", listener)
    (layout.root / "ansible.cfg").write_text(ANSIBLE_CONFIGURATION, "utf-8")


def _write(path: Path, about: str, data: dict[str, Any]) -> None:
    text = yaml.safe_dump(data, sort_keys=False, default_flow_style=False, width=120)
    path.write_text(f"---\n# {about}\n{text}", "utf-8")
