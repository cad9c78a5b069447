# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module, role, event source and rulebook has in common."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_rulebook
import jsonschema
import pytest
import yaml

from support.arguments import keys_read
from support.tree import MODULES, ROLES, ROOT, RULEBOOKS, SOURCES, documentation, plugin, role_file, source

ROLE_IDS = pytest.mark.parametrize("role", ROLES)
MODULE_IDS = pytest.mark.parametrize("module", MODULES)
SOURCE_IDS = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)

#: Options that hold a secret by their name, whatever a module says of them.
SECRET = re.compile(r"_(token|password|secret|key|form_url)$")
#: Arguments that only an event source has, although they begin with the name of a tool.
OF_A_SOURCE = re.compile(r"_(path|answers|app_token|signing_secret)$")


# -- modules ----------------------------------------------------------------------------------------------------------


def test_action_group_lists_every_module() -> None:
    group = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]["all"]
    missing, unknown = sorted(set(MODULES) - set(group)), sorted(set(group) - set(MODULES))
    assert group == MODULES, f"meta/runtime.yml: action_groups.all: add {missing}, remove {unknown}, keep it sorted"


@MODULE_IDS
def test_module_can_run_in_place(module: str) -> None:
    action = ROOT / "plugins/action" / f"{module}.py"
    assert action.is_file(), f"plugins/action/{module}.py is missing: copy it from another module's action"
    loaded = plugin("action", module).ActionModule
    assert issubclass(loaded, plugin("plugin_utils", "in_process").InProcessAction)
    assert loaded.module is plugin("modules", module), f"plugins/action/{module}.py runs another module"


def test_every_action_has_its_module() -> None:
    actions = sorted(path.stem for path in (ROOT / "plugins/action").glob("*.py"))
    without = sorted(set(actions) - set(MODULES))
    assert not without, f"plugins/action has these without a module of that name: {', '.join(without)}"


@MODULE_IDS
def test_module_uses_the_fragments_of_what_it_does(module: str) -> None:
    loaded = plugin("modules", module)
    said = yaml.safe_load(loaded.DOCUMENTATION).get("extends_documentation_fragment", [])
    wanted = {"self_healing.devops.attributes"}
    if loaded.SPEC.talks_http:
        wanted.add("self_healing.devops.connection")
    if "journal" in loaded.SPEC.options:
        wanted.add("self_healing.devops.journal")
    missing = {name for name in wanted if not any(name == used or used.startswith(f"{name}.") for used in said)}
    assert not missing, f"{module}: extends_documentation_fragment lacks {', '.join(sorted(missing))}"


@MODULE_IDS
def test_module_documents_exactly_its_options(module: str) -> None:
    loaded = plugin("modules", module)
    documented = set(documentation(loaded)["options"])
    assert documented == set(loaded.SPEC.options), f"{module}: the options in the documentation and in SPEC differ"


# -- settings ---------------------------------------------------------------------------------------------------------


def settings() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield module, option name and specification of each option that can come from the environment."""
    for module in MODULES:
        for name, option in plugin("modules", module).SPEC.options.items():
            if "fallback" in option:
                yield module, name, option


#: Names of all settings, like C(jira_token).
SETTINGS = {name: option for _module, name, option in settings()}
#: Their first words that are roles as well, like C(jira).
TOOLS = sorted({name.split("_")[0] for name in SETTINGS} & set(ROLES))


def test_settings_have_the_name_of_their_environment_variable() -> None:
    for module, name, option in settings():
        wanted = "SELF_HEALING_JOURNAL" if name == "journal" else name.upper()
        assert option["fallback"][1] == [wanted], f"{module}: {name} has to fall back to {wanted} and nothing else"
        described = str(documentation(plugin("modules", module))["options"][name]["description"])
        assert f"E({wanted})" in described, f"{module}: the description of {name} has to name E({wanted})"


@MODULE_IDS
def test_secrets_are_kept_out_of_logs(module: str) -> None:
    for name, option in plugin("modules", module).SPEC.options.items():
        if SECRET.search(name):
            assert option.get("no_log") is True, f"{module}: {name} is a secret and needs no_log=True"


@pytest.mark.parametrize("tool", TOOLS)
def test_role_has_the_settings_under_the_same_names(tool: str) -> None:
    options = role_options(tool)
    for name, setting in SETTINGS.items():
        if name.startswith(f"{tool}_"):
            assert name in options, f"roles/{tool}: meta/argument_specs.yml lacks the setting {name}"
            secret = bool(setting.get("no_log"))
            assert bool(options[name].get("no_log")) == secret, f"roles/{tool}: {name}: no_log has to be {secret}"


@SOURCE_IDS
def test_source_has_the_settings_under_the_same_names(path: Path) -> None:
    for name, option in yaml.safe_load(source(path)["DOCUMENTATION"])["options"].items():
        if "_webhook_" in name:
            wanted = f"E({name.upper()})"
            assert wanted in str(option["description"]), f"{path.stem}: the description of {name} has to name {wanted}"
        elif name.split("_")[0] in TOOLS and not OF_A_SOURCE.search(name):
            assert name in SETTINGS, f"{path.stem}: {name} is no setting of a module; there are {', '.join(SETTINGS)}"


# -- roles ------------------------------------------------------------------------------------------------------------


def role_options(role: str) -> dict[str, Any]:
    """Return the options of all entry points of a role."""
    points = role_file(role, "meta", "argument_specs.yml").get("argument_specs", {})
    return {name: option for point in points.values() for name, option in (point.get("options") or {}).items()}


@ROLE_IDS
def test_role_describes_its_entry_points(role: str) -> None:
    points = role_file(role, "meta", "argument_specs.yml").get("argument_specs", {})
    assert points, f"roles/{role}/meta/argument_specs.yml has to describe the role's entry points"
    for name, point in points.items():
        for key in ("short_description", "description"):
            assert point.get(key), f"roles/{role}: the entry point {name} needs a {key}"
        for option, said in (point.get("options") or {}).items():
            assert said.get("description"), f"roles/{role}: the option {option} needs a description"


@ROLE_IDS
def test_role_specifies_exactly_the_variables_that_have_defaults(role: str) -> None:
    options, defaults = role_options(role), role_file(role, "defaults", "main.yml")
    optional = {name for name, option in options.items() if not option.get("required")}
    required = set(options) - optional
    place = f"roles/{role}"
    assert not set(defaults) - set(options), (
        f"{place}: not in argument_specs.yml: {sorted(set(defaults) - set(options))}"
    )
    assert not optional - set(defaults), f"{place}: optional, not in defaults: {sorted(optional - set(defaults))}"
    assert not required & set(defaults), f"{place}: required and has a default: {sorted(required & set(defaults))}"


@ROLE_IDS
def test_role_documents_the_defaults_that_it_has(role: str) -> None:
    defaults = role_file(role, "defaults", "main.yml")
    for name, option in role_options(role).items():
        if "default" in option:
            assert option["default"] == defaults.get(name), f"roles/{role}: two different defaults of {name}"


@ROLE_IDS
def test_role_has_a_readme_that_names_every_variable(role: str) -> None:
    readme = ROOT / "roles" / role / "README.md"
    assert readme.is_file(), f"roles/{role}/README.md is missing"
    text = readme.read_text("utf-8")
    unnamed = [name for name in role_options(role) if f"`{name}`" not in text]
    assert not unnamed, f"roles/{role}/README.md does not explain {', '.join(unnamed)}"


# -- event sources and rulebooks --------------------------------------------------------------------------------------


@SOURCE_IDS
def test_source_documents_exactly_the_arguments_it_reads(path: Path) -> None:
    names = source(path)
    documented = set(yaml.safe_load(names["DOCUMENTATION"])["options"])
    read = keys_read(names["main"], "args")
    assert read == documented, f"{path.stem}: documented {sorted(documented - read)}, read {sorted(read - documented)}"


@SOURCE_IDS
def test_source_is_documented(path: Path) -> None:
    names = source(path)
    said = yaml.safe_load(names["DOCUMENTATION"])
    assert said["short_description"]
    assert said["description"]
    for name, option in said["options"].items():
        assert option.get("description"), f"{path.stem}: {name} needs a description"
        assert option.get("type"), f"{path.stem}: {name} needs a type"
    examples = yaml.safe_load(names["EXAMPLES"])
    used = {key for ruleset in examples for entry in ruleset["sources"] for key in entry}
    assert f"self_healing.devops.{path.stem}" in used, f"{path.stem}: EXAMPLES do not use it by its full name"


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_rulebook_follows_the_schema(path: Path) -> None:
    schema = json.loads((Path(ansible_rulebook.__file__).parent / "schema/ruleset_schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    errors = [
        f"{error.json_path}: {error.message}" for error in validator.iter_errors(yaml.safe_load(path.read_text()))
    ]
    assert not errors, f"{path.name} is no rulebook: " + "; ".join(errors)


def test_there_are_rulebooks_where_ansible_rulebook_looks() -> None:
    assert RULEBOOKS
    assert (ROOT / "rulebooks").is_symlink()
    assert sorted((ROOT / "rulebooks").glob("*.yml")), "the link rulebooks at the top leads nowhere"
