# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin dynatrace against the emulated Dynatrace, over HTTP, in a real ansible-inventory and a playbook.

One inventory holds all hosts, good and evil, because starting Ansible takes longer than all that it does.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients import dynatrace_hosts
from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ApiError, AuthenticationError
from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from ansible_collections.self_healing.devops.plugins.plugin_utils import dynatrace_inventory
from sandbox.dynatrace import Dynatrace
from sandbox.dynatrace.world import Entity
from support.one_tool import OneTool, start_tool
from support.playbook import PlaybookRun, run_playbook

Running = OneTool[Dynatrace]
WEB, PROCESS, SERVICE, DISK = (
    f"{type_}-00000000000000A1" for type_ in ("HOST", "PROCESS_GROUP_INSTANCE", "SERVICE", "DISK")
)
TOOLS = """
all:
  children:
    toolchain:
      hosts:
        jira: {ansible_connection: local}
  hosts:
    known: {ansible_host: 192.0.2.9}
    localhost: {ansible_connection: local}
"""
CONFIGURATION = """
plugin: self_healing.devops.dynatrace
dynatrace_url: URL
dynatrace_token: "{{ lookup('ansible.builtin.env', 'TOKEN_OF_THE_TEST') }}"
entity_selector: tag("env:prod")
names: [tag:ansible_host, detected_name]
addresses: [ip_address]
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: CACHE
compose:
  owner: dynatrace_host.tags.owner | default('nobody')
groups:
  self_healing_managed: "'checkout' in dynatrace_host.process_groups"
keyed_groups:
  - key: dynatrace_host.tags.env
    prefix: env
  - key: dynatrace_host.tags.group
    prefix: ""
leading_separator: false
"""


def add(tenant: Running, number: int, name: str, *tags: tuple[str, str], address: str = "") -> Entity:
    """Let Dynatrace monitor another host."""
    properties: dict[str, object] = {"detectedName": name, "osType": "LINUX", "ipAddress": [address] if address else []}
    return tenant.tool.world.add(
        Entity(f"HOST-{number:016X}", f"shown as {name}", [("env", "prod"), *tags], properties)
    )


def populate(tenant: Running, proof: Path) -> str:
    """Fill the environment and return the text that would make the file C(proof) were it a template."""
    attack = "{{ lookup('ansible.builtin.pipe', 'touch " + str(proof) + "') }}"
    world = tenant.tool.world
    add(tenant, 0xA1, "web-01", ("owner", attack), address="10.0.0.1")
    world.add(Entity("PROCESS_GROUP-00000000000000A1", "checkout", related={"runsOn": [WEB]}))
    world.add(Entity("PROCESS_GROUP-00000000000000A2", attack, related={"runsOn": [WEB, "HOST-00000000000000FF"]}))
    world.add(Entity(PROCESS, "checkout", related={"isProcessOf": [WEB]}))
    world.add(Entity(SERVICE, "checkout", related={"runsOnHost": [WEB]}))
    world.add(Entity(DISK, "/var", related={"isDiskOf": [WEB]}))
    add(tenant, 2, "web-02; rm -rf /")
    add(tenant, 3, "twin")
    add(tenant, 4, "twin")
    add(tenant, 5, "localhost")
    add(tenant, 6, "jira")
    add(tenant, 7, "known", address="10.66.66.66")
    add(tenant, 8, attack)
    add(tenant, 9, "web-09", ("group", "self_healing_managed"), ("owner", "ops"))
    add(tenant, 10, "web-10", ("group", "toolchain"), ("ansible_host", "shop-10"))
    world.add(Entity("HOST-00000000000000FF", "web-99", properties={"detectedName": "web-99"}))
    return attack


def plain(value: Any) -> Any:
    """Return a value of ansible-inventory, which marks the texts that are never templates."""
    if isinstance(value, dict):
        return value.get("__ansible_unsafe") or {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@dataclass
class Listed:
    """What there was after ansible-inventory and after the playbook that followed."""

    listing: dict[str, Any]
    warnings: str
    played: PlaybookRun
    attack: str
    proof: Path
    requests: tuple[int, int]

    def variables(self, host: str) -> dict[str, Any]:
        found: dict[str, Any] = plain(self.listing["_meta"]["hostvars"][host])
        return found

    def group(self, name: str) -> list[str]:
        return list(self.listing.get(name, {}).get("hosts", []))


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listed]:
    folder = tmp_path_factory.mktemp("inventory")
    proof = folder / "proof"
    inventory = folder / "hosts"
    inventory.mkdir()
    with start_tool(Dynatrace) as tenant:
        attack = populate(tenant, proof)
        (inventory / "01-tools.yml").write_text(TOOLS)
        configuration = CONFIGURATION.replace("URL", tenant.url).replace("CACHE", str(folder / "cache"))
        (inventory / "02-prod.dynatrace.yml").write_text(configuration)
        environment = {"TOKEN_OF_THE_TEST": tenant.settings.dynatrace_token}
        done = subprocess.run(
            ["ansible-inventory", "-i", str(inventory), "--list"],
            env={**os.environ, **environment, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1", "COLUMNS": "500"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        asked = len(tenant.faults.requests)
        show = {
            "ansible.builtin.debug": {
                "msg": "{{ hostvars['web-01'].dynatrace_host.tags.owner }} {{ hostvars['web-01'].owner }}"
            }
        }
        fleet = {"ansible.builtin.debug": {"msg": "{{ groups | self_healing.devops.fleet(hostvars) }}"}}
        played = run_playbook(
            [
                {
                    "hosts": "localhost",
                    "gather_facts": False,
                    "tasks": [{"name": "Show", **show}, {"name": "Fleet", **fleet}],
                }
            ],
            {},
            "-i",
            str(inventory),
            environment=environment,
        )
        assert played.returncode == 0, played.output
        counted = (asked, len(tenant.faults.requests))
        yield Listed(json.loads(done.stdout), done.stderr, played, attack, proof, counted)


def test_plain_names_become_hosts_and_no_others(listed: Listed) -> None:
    assert set(listed.listing["_meta"]["hostvars"]) == {"web-01", "known", "web-09", "shop-10", "jira", "localhost"}


def test_who_is_left_out_is_told(listed: Listed) -> None:
    warnings = " ".join(listed.warnings.split())
    for number, reason in (
        (2, "'web-02; rm -rf /' is no plain host name"),
        (5, "'localhost' means something else to Ansible"),
        (6, "'jira' is a group or a tool of this inventory"),
        (8, "is no plain host name"),
    ):
        assert f"HOST-{number:016X} is left out: " in warnings
        assert reason in warnings
    assert "HOST-0000000000000003, HOST-0000000000000004 are left out: all of them are called twin" in warnings


def test_a_host_has_the_ids_by_which_its_problems_find_it(listed: Listed) -> None:
    assert listed.variables("web-01")["self_healing_entities"] == [WEB, PROCESS, SERVICE, DISK]
    [fleet] = listed.played.of("localhost", "Fleet")
    [managed] = fleet.result["msg"]
    assert (managed["host"], managed["entities"], managed["address"]) == (
        "web-01",
        [WEB, PROCESS, SERVICE, DISK],
        "10.0.0.1",
    )


def test_what_dynatrace_knows_is_a_variable(listed: Listed) -> None:
    known = listed.variables("web-01")["dynatrace_host"]
    assert (known["id"], known["name"], known["detected_name"], known["os"]) == (
        WEB,
        "shown as web-01",
        "web-01",
        "LINUX",
    )
    assert known["tags"]["env"] == "prod"
    assert "env:prod" in known["tag_list"]
    assert known["process_groups"] == ["checkout", listed.attack] or known["process_groups"] == [
        listed.attack,
        "checkout",
    ]


def test_nothing_of_dynatrace_is_a_template(listed: Listed) -> None:
    [shown] = listed.played.of("localhost", "Show")
    assert shown.result["msg"] == f"{listed.attack} {listed.attack}"
    assert listed.variables("web-01")["owner"] == listed.attack
    assert listed.variables("web-09")["owner"] == "ops"
    assert not listed.proof.exists()


def test_only_conditions_of_the_user_say_what_may_be_healed(listed: Listed) -> None:
    assert listed.group("self_healing_managed") == ["web-01"]
    assert listed.group("toolchain") == ["jira"]
    warnings = " ".join(listed.warnings.split())
    assert "keyed_groups do not put web-09 into the group self_healing_managed" in warnings
    assert "keyed_groups do not put shop-10 into the group toolchain" in warnings


def test_groups_are_made_of_tags(listed: Listed) -> None:
    assert sorted(listed.group("env_prod")) == ["known", "shop-10", "web-01", "web-09"]


def test_an_address_is_taken_unless_somebody_else_knows_the_host(listed: Listed) -> None:
    assert listed.variables("web-01")["ansible_host"] == "10.0.0.1"
    assert listed.variables("known")["ansible_host"] == "192.0.2.9"
    assert listed.variables("known")["self_healing_entities"] == [f"HOST-{7:016X}"]
    assert "ansible_host" not in listed.variables("shop-10")


def test_the_cache_spares_dynatrace(listed: Listed) -> None:
    first, then = listed.requests
    assert first > 0
    assert then == first


# -- what is read ---------------------------------------------------------------------------------------------------


@pytest.fixture
def tenant() -> Iterator[Running]:
    with start_tool(Dynatrace) as running:
        yield running


def client(tenant: Running, token: str | None = None) -> DynatraceClient:
    return DynatraceClient(tenant.url, token or tenant.settings.dynatrace_token, RequestsTransport(), attempts=1)


def read(tenant: Running, selector: str | None = None, with_groups: bool = True) -> list[dict[str, Any]]:
    return dynatrace_inventory.read(client(tenant), dynatrace_inventory.selector_of(selector), with_groups)


def test_all_pages_are_read(tenant: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynatrace_hosts, "PAGE_SIZE", 2)
    for number in range(1, 6):
        host = add(tenant, number, f"web-{number:02}")
        tenant.tool.world.add(Entity(f"PROCESS_GROUP-{number:016X}", "shop", related={"runsOn": [host.id]}))
    found = read(tenant)
    assert [host["detected_name"] for host in found] == [f"web-{number:02}" for number in range(1, 6)]
    assert {tuple(host["process_groups"]) for host in found} == {("shop",)}
    assert tenant.faults.count("dynatrace", "GET", "/entities$") == 6


def test_names_of_process_groups_are_not_read_in_vain(tenant: Running) -> None:
    assert read(tenant) == []
    add(tenant, 1, "web-01")
    assert read(tenant, with_groups=False)[0]["process_groups"] == []
    assert tenant.faults.count("dynatrace", "GET", "/entities$") == 2


def test_entities_of_other_types_are_no_hosts(tenant: Running) -> None:
    add(tenant, 1, "web-01")
    tenant.tool.world.add(Entity("SERVICE-0000000000000001", "shop"))
    assert [host["id"] for host in read(tenant, 'entityId("HOST-0000000000000001","SERVICE-0000000000000001")')] == [
        "HOST-0000000000000001"
    ]


def test_an_answer_with_odd_things_in_it_is_read_all_the_same(tenant: Running) -> None:
    odd = {
        "entities": [
            7,
            {"entityId": "HOST-1", "type": "HOST"},
            {"entityId": "HOST-2", "type": "HOST", "tags": [{"key": 3}, {"key": "k", "context": "AWS"}, None]},
            {"entityId": "HOST-\x1b[2J", "type": "HOST", "displayName": "evil"},
            {"entityId": "HOST-3", "type": "HOST", "properties": {"ipAddress": "10.0.0.3", "detectedName": ["d", 4]}},
        ]
    }
    tenant.faults.add("dynatrace", "status", path="/entities$", status=200, body=json.dumps(odd))
    first, second, third = read(tenant, with_groups=False)
    assert (first["name"], first["tags"], first["related"]) == ("", {}, {"processes": [], "services": [], "disks": []})
    assert (second["tags"], second["tag_list"]) == ({"[AWS]k": ""}, ["[AWS]k"])
    assert (third["addresses"], third["detected_name"]) == (["10.0.0.3"], "d")


def test_a_wrong_selector_and_a_missing_scope_are_told(tenant: Running) -> None:
    with pytest.raises(ApiError, match="entitySelector"):
        read(tenant, "nonsense")
    tenant.tool.tokens["dt0c01.NONE"] = frozenset({"problems.read"})
    with pytest.raises(AuthenticationError, match=r"Use one of: entities.read"):
        dynatrace_inventory.read(client(tenant, "dt0c01.NONE"), 'type("HOST")', True)
