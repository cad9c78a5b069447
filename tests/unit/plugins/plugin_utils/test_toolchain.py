# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start check: what it finds, in which words, and what it takes to be right."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.plugin_utils import toolchain
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import (
    Inventory,
    Setting,
    check_inventory,
    inventory_of,
    parse_inventory,
    problems,
    tool_settings,
)

TOOLS = {
    "jira": (Setting("jira_project"), Setting("jira_token", ("JIRA_TOKEN",)), Setting("jira_url", ("JIRA_URL",))),
    "slack": (Setting("slack_token", ("SLACK_TOKEN",)),),
}
JIRA = {"jira_project": "OPS", "jira_token": "t", "jira_url": "https://jira.example.com"}


def found(
    toolchain_hosts: dict[str, dict[str, Any]],
    environment: dict[str, str] | None = None,
    localhost: dict[str, Any] | None = None,
) -> list[str]:
    hosts = {**toolchain_hosts, "localhost": localhost or {}}
    return problems(Inventory(hosts, tuple(toolchain_hosts)), environment or {}, TOOLS)


def missing(setting: str) -> str:
    """Return what is said about a setting of the host jira that has an environment variable."""
    mend = f"set the host variable {setting} or the environment variable {setting.upper()}"
    return f"toolchain host jira: {setting} is missing; {mend}"


def test_complete_inventory_has_no_problem() -> None:
    assert found({"jira": JIRA, "slack": {"slack_token": "t"}}) == []


def test_empty_toolchain_has_no_problem() -> None:
    assert found({}) == []


def test_missing_setting_is_named_with_host_and_mend() -> None:
    assert found({"jira": {"jira_project": "OPS", "jira_token": "t"}}) == [
        "toolchain host jira: jira_url is missing; set the host variable jira_url or the environment variable JIRA_URL"
    ]


def test_setting_without_environment_variable_names_none() -> None:
    assert found({"jira": {**JIRA, "jira_project": None}}) == [
        "toolchain host jira: jira_project is missing; set the host variable jira_project"
    ]


def test_everything_is_told_at_once() -> None:
    assert len(found({"jira": {}, "slack": {}})) == 4


def test_empty_setting_is_not_taken_for_one() -> None:
    assert found({"slack": {"slack_token": ""}})[0].startswith("toolchain host slack: slack_token is empty; set")


def test_environment_counts_when_it_is_not_empty() -> None:
    assert found({"slack": {}}, {"SLACK_TOKEN": "t"}) == []
    assert len(found({"slack": {}}, {"SLACK_TOKEN": ""})) == 1


@pytest.mark.parametrize(
    "value", ["{{ vault_token }}", "{% if x %}y{% endif %}", {"__ansible_vault": "$ANSIBLE_VAULT;1.1"}]
)
def test_template_and_encrypted_value_count_as_set(value: Any) -> None:
    assert found({"slack": {"slack_token": value}}) == []


def test_one_setting_may_do_instead_of_another() -> None:
    tools = {"pager": (Setting("pager_password", ("PAGER_PASSWORD",), (Setting("pager_token", ("PAGER_TOKEN",)),)),)}

    def said(variables: dict[str, Any], environment: dict[str, str]) -> list[str]:
        return problems(Inventory({"pager": variables, "localhost": {}}, ("pager",)), environment, tools)

    assert said({"pager_token": "t"}, {}) == said({}, {"PAGER_TOKEN": "t"}) == said({"pager_password": "p"}, {}) == []
    assert [text.split(";")[0] for text in said({}, {})] == ["toolchain host pager: pager_password is missing"]


def test_xmatters_wants_a_password_or_a_refresh_token() -> None:
    settings = {setting.name: [one.name for one in setting.instead] for setting in tool_settings()["xmatters"]}
    assert settings == {
        "xmatters_form_url": [],
        "xmatters_password": ["xmatters_refresh_token"],
        "xmatters_url": [],
        "xmatters_user": ["xmatters_refresh_token"],
    }


def test_role_of_a_tool_may_have_another_name_than_its_host() -> None:
    assert found({"desk": {"self_healing_tool": "jira", **JIRA}}) == []
    assert found({"desk": {"self_healing_tool": "self_healing.devops.jira"}})[0].startswith(
        "toolchain host desk: jira_project is missing"
    )


def test_unknown_role_is_told_with_those_that_exist() -> None:
    [said] = found({"pager": {}})
    assert said.startswith(
        "toolchain host pager: there is no tool role 'pager'; set the host variable self_healing_tool"
    )
    assert said.endswith("to one of jira, slack, or to a role of your own as namespace.collection.role")


@pytest.mark.parametrize("role", ["acme.ops.pager", "{{ tool }}"])
def test_role_of_another_collection_is_not_judged(role: str) -> None:
    assert found({"pager": {"self_healing_tool": role}}) == []


def test_missing_localhost_is_told_because_the_playbooks_run_on_it() -> None:
    assert problems(Inventory({}, ()), {}, TOOLS) == [
        "localhost is missing: the playbooks run on it; add it with ansible_connection: local"
    ]


def test_policy_is_checked_too() -> None:
    said = found({}, localhost={"self_healing_ceiling": "everything"})
    assert said == ["self_healing_ceiling is 'everything', expected one of observe, ask, act"]


@pytest.mark.parametrize("value", ["{{ ceiling }}", {"__ansible_vault": "x"}])
def test_policy_that_only_a_play_can_know_is_not_judged(value: Any) -> None:
    assert found({}, localhost={"self_healing_ceiling": value}) == []
    assert found({}, localhost={"self_healing_freezes": [{"begin": value}]}) == []


def test_tools_of_one_role_are_found_in_their_order() -> None:
    hosts = {"shop": {"self_healing_tool": "self_healing.devops.jira"}, "jira": {"jira_url": "x"}, "slack": {}}
    inventory = Inventory(hosts, ("slack", "shop", "jira"))
    assert inventory.tools("jira") == [hosts["shop"], hosts["jira"]]
    assert inventory.tool("jira") == hosts["shop"]
    assert (inventory.tools("xmatters"), inventory.tool("xmatters")) == ([], None)


def test_members_of_child_groups_belong_to_the_toolchain() -> None:
    listed = {
        "_meta": {"hostvars": {"jira": {"jira_url": "x"}}},
        "all": {"children": ["ungrouped", "toolchain"]},
        "toolchain": {"children": ["desks", "chats"], "hosts": ["dynatrace"]},
        "desks": {"hosts": ["jira"]},
        "chats": {"hosts": ["slack", "jira"]},
        "ungrouped": {"hosts": ["localhost"]},
    }
    inventory = parse_inventory(listed)
    assert inventory.toolchain == ("dynatrace", "jira", "slack")
    assert inventory.hosts == {"dynatrace": {}, "jira": {"jira_url": "x"}, "slack": {}, "localhost": {}}


@pytest.mark.parametrize(
    "arguments, inventory",
    [
        (["/venv/bin/ansible-rulebook", "-r", "x", "-i", "inventory"], "inventory"),
        (["ansible-rulebook", "--inventory", "inventory"], "inventory"),
        (["ansible-rulebook", "--inventory=inventory"], "inventory"),
        (["ansible-rulebook", "--inv", "inventory"], "inventory"),
        (["ansible-rulebook", "-iinventory"], "inventory"),
        (["/x/ansible_rulebook/__main__.py", "-i", "inventory"], "inventory"),
        (["ansible-rulebook", "--id", "7"], None),
        (["ansible-rulebook", "-i"], None),
        (["ansible-rulebook"], None),
        (["pytest", "-i", "inventory"], None),
        ([], None),
    ],
)
def test_inventory_is_found_on_the_command_line(arguments: list[str], inventory: str | None) -> None:
    assert inventory_of(arguments) == inventory


def test_settings_of_the_collections_own_tools_are_known() -> None:
    settings = tool_settings()["dynatrace"]
    assert Setting("dynatrace_url", ("DYNATRACE_URL",)) in settings
    assert Setting("dynatrace_token", ("DYNATRACE_TOKEN",)) in settings
    assert "incident" not in tool_settings()
    assert "process_restart" not in tool_settings()


async def test_check_reads_the_real_inventory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "tool_settings", lambda: TOOLS)
    (tmp_path / "hosts.yml").write_text(
        "all: {hosts: {localhost: {}}, children: {toolchain: {hosts: {jira: {jira_project: OPS}, slack: {}}}}}\n"
    )
    folder = tmp_path / "group_vars" / "all"
    folder.mkdir(parents=True)
    (folder / "policy.yml").write_text("self_healing_ceiling: everything\n")
    monkeypatch.setenv("SLACK_TOKEN", "t")
    with pytest.raises(ConfigurationError) as caught:
        await check_inventory(str(tmp_path))
    assert caught.value.details["problems"] == [
        missing("jira_token"),
        missing("jira_url"),
        "self_healing_ceiling is 'everything', expected one of observe, ask, act",
    ]
    assert "  - toolchain host jira: jira_url is missing;" in caught.value.message


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for ansible-inventory that counts its runs. It prints what the test writes to C(output)."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "ansible-inventory"
    script.write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/runs\ncat {tmp_path}/errors >&2\ncat {tmp_path}/output\n. {tmp_path}/end\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    (tmp_path / "output").write_text('{"_meta": {"hostvars": {"localhost": {}}}}')
    (tmp_path / "errors").write_text("")
    (tmp_path / "end").write_text("exit 0")
    (tmp_path / "hosts").write_text("")
    return tmp_path


async def test_sources_of_one_process_share_the_check(program: Path) -> None:
    path = str(program / "hosts")
    await asyncio.gather(*(check_inventory(path) for _source in range(3)))
    await check_inventory(path)
    assert (program / "runs").read_text() == f"-i {path} --list\n"


async def test_source_that_is_cancelled_leaves_the_check_to_the_others(program: Path) -> None:
    (program / "end").write_text("sleep 0.3")
    path = str(program / "hosts")
    first, second = (asyncio.create_task(check_inventory(path)) for _source in range(2))
    await asyncio.sleep(0.05)
    first.cancel()
    await second
    assert first.cancelled()


async def test_inventory_that_cannot_be_read_is_told(program: Path) -> None:
    (program / "errors").write_text("ERROR! hosts:3: expected a comma")
    (program / "end").write_text("exit 1")
    with pytest.raises(ConfigurationError, match=r"cannot be read: ERROR! hosts:3: expected a comma"):
        await check_inventory(str(program / "hosts"))


async def test_vault_without_its_password_only_skips_the_check(program: Path, caplog: pytest.LogCaptureFixture) -> None:
    (program / "errors").write_text("ERROR! Attempting to decrypt but no vault secrets found")
    (program / "end").write_text("exit 4")
    await check_inventory(str(program / "hosts"))
    assert "needs the password of a vault" in caplog.text


async def test_inventory_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere does not exist"):
        await check_inventory(str(tmp_path / "nowhere"))


async def test_without_an_inventory_nothing_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["pytest", "-i", "inventory"])
    await check_inventory(None)


async def test_inventory_of_the_running_rulebook_is_checked(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["ansible-rulebook", "-i", str(program / "hosts")])
    await check_inventory(None)
    assert (program / "runs").exists()
