# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the arguments of the tasks of the tool roles, as the templar of one ansible-core does. Runs in its Python.

python rendering.py COLLECTIONS CHECKOUT < records > arguments

C(records) is JSON: a list of C({"role", "incident", "loop": {name: value}, "variables"}). C(arguments) is a list of
what the role's first task would be called with, or C({"failed": reason}). The incident is what a module returned: text
that nobody vouches for. Roles, their defaults and variables are read as Ansible reads its own files.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.release import __version__
from ansible.template import Templar
from ansible.utils.unsafe_proxy import wrap_var

PARAMETERS = inspect.signature(DataLoader.load_from_file).parameters


def load(loader: DataLoader, path: Path) -> Any:
    if not path.is_file():
        return {}
    # What a role's own files hold is vouched for. Before 2.19 nothing had to be said.
    trusted = {"trusted_as_template": True} if "trusted_as_template" in PARAMETERS else {}
    return loader.load_from_file(str(path), **trusted) or {}


def render(loader: DataLoader, checkout: Path, record: dict[str, Any]) -> Any:
    role = checkout / "roles" / record["role"]
    tasks = load(loader, role / "tasks" / "main.yml")
    task = next(task for task in tasks if any(name.startswith("self_healing.devops.") for name in task))
    arguments = next(value for name, value in task.items() if name.startswith("self_healing.devops."))
    host = record["role"]
    # From 2.19 on nothing but what is marked is a template; before, everything but what is marked.
    incident = wrap_var(record["incident"])
    variables: dict[str, Any] = {
        **load(loader, role / "defaults" / "main.yml"),
        **load(loader, role / "vars" / "main.yml"),
        **record["variables"],
        "inventory_hostname": host,
        "groups": {"toolchain": [host], "all": [host]},
        "hostvars": {host: {}},
        "role_path": str(role),
        "ansible_search_path": [str(role), str(role / "tasks")],
        "omit": "__omit__",
        "self_healing_incident": incident,
    }
    variables |= {name: wrap_var(value) for name, value in record["loop"].items()}
    templar = Templar(loader=loader, variables=variables)
    rendered = templar.template(arguments)
    return json.loads(json.dumps({name: value for name, value in rendered.items() if value != "__omit__"}, default=str))


def main() -> None:
    collections, checkout = sys.argv[1], Path(sys.argv[2])
    init_plugin_loader([collections])
    loader = DataLoader()
    loader.set_basedir(str(checkout))
    results = []
    for record in json.load(sys.stdin):
        try:
            results.append(render(loader, checkout, record))
        except Exception as error:
            results.append({"failed": f"{type(error).__name__}: {error}"})
    json.dump({"core": __version__, "results": results}, sys.stdout)


if __name__ == "__main__":
    main()
