# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The start check: what is missing or wrong in the inventory is told by name before anything listens.

The check itself (L(problems)) is pure. Below it are the parts that read: the inventory through C(ansible-inventory),
the settings that each tool needs from its modules and its role, and the command line of ansible-rulebook.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import yaml

from ansible_collections.self_healing.devops.plugins.module_utils import policy
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError

logger = logging.getLogger(__name__)

COLLECTION = "self_healing.devops"
GROUP = "toolchain"
CONTROLLER = "localhost"
#: ansible-inventory may have to ask a cloud for its hosts (seconds).
INVENTORY_SECONDS = 120.0

_NEEDS_PASSWORD = re.compile(r"vault secret|vault password|decrypt", re.IGNORECASE)
_ROOT = Path(__file__).absolute().parents[2]
_MODULES = "ansible_collections.self_healing.devops.plugins.modules"


@dataclass(frozen=True)
class Setting:
    """A setting that a tool cannot do without, and the environment variables that may give it instead.

    C(instead) are other settings, each of which does as well.
    """

    name: str
    environment: tuple[str, ...] = ()
    instead: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class Inventory:
    """Variables by host (not templated, as the inventory gives them), and the hosts of the group toolchain."""

    hosts: Mapping[str, Mapping[str, Any]]
    toolchain: tuple[str, ...]

    def tool(self, role: str) -> Mapping[str, Any] | None:
        """Return the variables of the first tool that this role of the collection looks after, None without any."""
        return next(iter(self.tools(role)), None)

    def tools(self, role: str) -> list[Mapping[str, Any]]:
        """Return the variables of every tool that this role of the collection looks after."""
        known = ((host, self.hosts.get(host, {})) for host in self.toolchain)
        return [
            variables
            for host, variables in known
            if str(variables.get("self_healing_tool", host)).removeprefix(f"{COLLECTION}.") == role
        ]


def problems(inventory: Inventory, environment: Mapping[str, str], tools: Mapping[str, Sequence[Setting]]) -> list[str]:
    """Return what is missing or wrong, one sentence each. Empty means that the inventory is complete.

    C(tools) are the settings that are needed, by the role of the tool. Values that are templates or encrypted are taken
    to be right, because only a play can tell.
    """
    found: list[str] = []
    for host in inventory.toolchain:
        variables = inventory.hosts.get(host, {})
        role = variables.get("self_healing_tool", host)
        if _is_unresolved(role):
            continue
        short = str(role).removeprefix(f"{COLLECTION}.")
        if short in tools:
            found += _missing(host, variables, environment, tools[short])
        elif "." not in short:
            known = ", ".join(sorted(tools))
            found.append(
                f"{GROUP} host {host}: there is no tool role {short!r}; set the host variable self_healing_tool "
                f"to one of {known}, or to a role of your own as namespace.collection.role"
            )
    if CONTROLLER not in inventory.hosts:
        found.append(f"{CONTROLLER} is missing: the playbooks run on it; add it with ansible_connection: local")
    plain = {name: value for name, value in inventory.hosts.get(CONTROLLER, {}).items() if not _holds_unresolved(value)}
    return found + policy.problems(plain)


def _missing(
    host: str, variables: Mapping[str, Any], environment: Mapping[str, str], settings: Sequence[Setting]
) -> list[str]:
    found = []
    for setting in settings:
        if any(_is_given(one, variables, environment) for one in (setting, *setting.instead)):
            continue
        value = variables.get(setting.name)
        mend = " or ".join(
            [f"the host variable {setting.name}", *(f"the environment variable {name}" for name in setting.environment)]
        )
        state = "missing" if value is None else "empty"
        found.append(f"{GROUP} host {host}: {setting.name} is {state}; set {mend}")
    return found


def _is_given(setting: Setting, variables: Mapping[str, Any], environment: Mapping[str, str]) -> bool:
    given = variables.get(setting.name) not in (None, "")
    return given or any(environment.get(name) for name in setting.environment)


def _is_unresolved(value: Any) -> bool:
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    return isinstance(value, Mapping) and "__ansible_vault" in value


def _holds_unresolved(value: Any) -> bool:
    if _is_unresolved(value):
        return True
    if isinstance(value, Mapping):
        return any(_holds_unresolved(item) for item in value.values())
    return isinstance(value, list) and any(_holds_unresolved(item) for item in value)


def parse_inventory(listed: Mapping[str, Any]) -> Inventory:
    """Return the inventory that C(ansible-inventory --list) printed."""
    hosts: dict[str, Mapping[str, Any]] = {}
    # Hosts without variables are named by their groups only.
    for name, group in listed.items():
        if name != "_meta":
            hosts |= {host: {} for host in group.get("hosts", ())}
    hosts |= listed.get("_meta", {}).get("hostvars", {})
    return Inventory(hosts, tuple(dict.fromkeys(_members(listed, GROUP))))


def _members(listed: Mapping[str, Any], group: str) -> list[str]:
    known = listed.get(group) or {}
    children = [host for child in known.get("children", ()) for host in _members(listed, child)]
    return [*known.get("hosts", ()), *children]


def inventory_of(arguments: Sequence[str]) -> str | None:
    """Return the inventory on the command line of ansible-rulebook, None for other programs and without one."""
    program = Path(arguments[0] if arguments else "")
    if "ansible-rulebook" not in program.name and program.parent.name != "ansible_rulebook":
        return None
    for position, argument in enumerate(arguments[1:], start=1):
        name, equals, value = argument.partition("=")
        if argument == "-i" or (re.fullmatch(r"--in[a-z]*", name) and "--inventory".startswith(name)):
            return value if equals else next(iter(arguments[position + 1 :]), None)
        if re.match(r"-i[^-]", argument):
            return argument[2:]
    return None


@cache
def tool_settings() -> Mapping[str, tuple[Setting, ...]]:
    """Return the settings that each tool of this collection needs, by its role.

    A tool is a role that has a module which talks to its service (C(jira) and C(jira_issue)). It needs the options that
    its modules and its role require, as far as their names begin with the name of the role. Of several options of which
    one is required, the first is what is asked for.
    """
    options: dict[str, dict[str, Mapping[str, Any]]] = {}
    choices: dict[str, set[tuple[str, ...]]] = {}
    roles = sorted(path.name for path in (_ROOT / "roles").iterdir() if path.is_dir())
    for path in sorted((_ROOT / "plugins" / "modules").glob("*.py")):
        role = next((role for role in roles if path.stem.startswith(f"{role}_")), None)
        spec = importlib.import_module(f"{_MODULES}.{path.stem}").SPEC if role is not None else None
        if role is not None and spec is not None and spec.talks_http:
            # What one module can do without, another one may need.
            options[role] = {**spec.options, **options.get(role, {}), **_required(spec.options)}
            choices.setdefault(role, set()).update(tuple(group) for group in spec.required_one_of)
    return {role: tuple(_settings(role, known, choices[role])) for role, known in options.items()}


def _required(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {name: option for name, option in options.items() if option.get("required")}


def _settings(role: str, options: Mapping[str, Mapping[str, Any]], choices: Collection[Sequence[str]]) -> list[Setting]:
    def setting(name: str, *instead: str) -> Setting:
        environment = tuple(options.get(name, {}).get("fallback", (None, ()))[1])
        return Setting(name, environment, tuple(setting(other) for other in instead))

    names = {*_required(options), *_required_by_role(role)}
    groups = [[name] for name in names] + [list(group) for group in choices]
    ours = [group for group in groups if all(name.startswith(f"{role}_") for name in group)]
    return [setting(*group) for group in sorted(ours)]


def _required_by_role(role: str) -> set[str]:
    file = _ROOT / "roles" / role / "meta" / "argument_specs.yml"
    if not file.is_file():
        return set()
    main = yaml.safe_load(file.read_text("utf-8"))["argument_specs"].get("main", {})
    return {name for name, option in (main.get("options") or {}).items() if option.get("required")}


#: The check of each inventory, shared by all sources of a process. Tasks belong to the loop that runs them.
_checks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Task[Inventory | None]]] = WeakKeyDictionary()


async def check_inventory(inventory: str | None = None) -> Inventory | None:
    """Return the inventory, None where none can be read.

    Raises ConfigurationError that names everything that is missing or wrong in it.

    C(inventory) is its path; by default that of the ansible-rulebook in whose process this runs. Without one nothing is
    checked. However many sources ask, each inventory is read once.
    """
    path = inventory or inventory_of(sys.argv)
    if not path:
        logger.info("no inventory is known here, so that the settings of the tool chain are not checked")
        return None
    checks = _checks.setdefault(asyncio.get_running_loop(), {})
    if path not in checks:
        checks[path] = asyncio.create_task(_check(path))
    # One source that is cancelled must not take the check from the others.
    return await asyncio.shield(checks[path])


async def _check(path: str) -> Inventory | None:
    listed = await _list_inventory(path)
    if listed is None:
        return None
    inventory = parse_inventory(listed)
    found = problems(inventory, os.environ, tool_settings())
    if found:
        lines = "\n".join(f"  - {problem}" for problem in found)
        raise ConfigurationError(f"the inventory {path} needs attention:\n{lines}", problems=found)
    logger.info("the inventory %s is complete", path)
    return inventory


def _command(path: str) -> list[str]:
    if not Path(path).exists() and "," not in path:
        raise ConfigurationError(f"the inventory {path} does not exist")
    beside = Path(sys.executable).parent
    program = shutil.which("ansible-inventory") or shutil.which("ansible-inventory", path=str(beside))
    if program is None:
        raise ConfigurationError("ansible-inventory is not on the PATH; is ansible-core installed?")
    return [program, "-i", path, "--list"]


async def _list_inventory(path: str) -> Mapping[str, Any] | None:
    """Return what C(ansible-inventory --list) prints, or None when only the password of a vault is missing."""
    process = await asyncio.create_subprocess_exec(
        *_command(path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), INVENTORY_SECONDS)
    except TimeoutError:
        raise ConfigurationError(f"the inventory {path} could not be read in {INVENTORY_SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = errors.decode("utf-8", "replace").strip()
    if process.returncode != 0:
        if _NEEDS_PASSWORD.search(said):
            logger.warning("the inventory %s is not checked, because it needs the password of a vault", path)
            return None
        raise ConfigurationError(f"the inventory {path} cannot be read: {said[-500:]}")
    try:
        listed: Mapping[str, Any] = json.loads(output)
    except ValueError:
        raise ConfigurationError(f"ansible-inventory did not print JSON for {path}") from None
    return listed
