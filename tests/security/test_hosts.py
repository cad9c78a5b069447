# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts may be touched: those of one group, found by exact comparison, and nothing that means more than one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.self_healing.devops.plugins.filter.fleet import MANAGED_GROUP, fleet
from ansible_collections.self_healing.devops.plugins.module_utils import candidates, policy
from ansible_collections.self_healing.devops.plugins.module_utils.candidates import ManagedHost
from ansible_collections.self_healing.devops.plugins.module_utils.incident import HOST_NAME, Entity
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate
from security.attacks import HOST_PATTERNS
from security.cores import core
from security.outside import Outside, outside
from support.dynatrace_forms import FORMS
from support.playbook import run_playbook
from support.story import NOW, PROBLEM, Story
from support.tree import ROOT

FLEET = [
    ManagedHost("web-01", ["HOST-0000000000000001"], address="10.0.0.1"),
    ManagedHost("web-02", ["HOST-0000000000000002"], name="Web Two"),
]
OTHERS = ["db-01", "localhost", "jira"]
#: A host variable that says what was touched, where it was.
TOUCHED = "touched"


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("outside")) as watching:
        yield watching


def decided(names: list[str], fleet: Sequence[ManagedHost] = tuple(FLEET)) -> tuple[str | None, str, str | None]:
    """Return target, verdict and reason of the decision about a problem with entities of these names."""
    entities = tuple(Entity(f"HOST-{0xF000 + n:016X}", "HOST", name) for n, name in enumerate(names))
    incident = Story(replace(PROBLEM, entities=entities, root_cause=None)).incident
    found = candidates.find(incident, fleet, OTHERS)
    around = policy.Surroundings(managed_hosts=len(fleet))
    decision = policy.decide(policy.Policy(ceiling="act"), incident, ["process_restart"], found, around, NOW)
    data = decision.to_data()
    return data["target"], data["verdict"], data["reason"]


def test_no_trick_in_the_name_of_an_entity_finds_a_host(watch: Outside) -> None:
    for pattern in [*HOST_PATTERNS, *(attack.text for attack in watch.attacks)]:
        target, verdict, reason = decided([pattern])
        if pattern in ("WEB-01 ",):
            # Case and blanks around make no other name.
            assert target == "web-01", pattern
        else:
            assert (target, verdict) == (None, "hold"), f"{pattern!r} chose {target!r}"
            assert reason in ("unmanaged", "ambiguous"), pattern
    assert watch.look(len(HOST_PATTERNS)).clean


def test_empty_unknown_and_ambiguous_names_hold_and_an_exact_one_does_not() -> None:
    assert decided([]) == (None, "hold", "unmanaged")
    assert decided([""])[:2] == (None, "hold")
    assert decided(["web-03"])[:2] == (None, "hold")
    assert decided(["web-01", "web-02"]) == (None, "hold", "ambiguous")
    assert decided(["db-01"]) == (None, "hold", "unmanaged")
    assert decided(["web-01"])[:2] == ("web-01", "act")


def test_a_host_of_the_inventory_whose_name_is_a_pattern_is_not_healed(watch: Outside) -> None:
    """Somebody may have named a host so, or have a monitoring system name it: it is held, not tried."""
    for pattern in [*HOST_PATTERNS, *(attack.text for attack in watch.attacks)]:
        name = pattern.strip()
        means_one = HOST_NAME.fullmatch(pattern) is not None
        target, verdict, _reason = decided([pattern], [ManagedHost(pattern)])
        if means_one:
            assert re.fullmatch(r"[A-Za-z0-9_.-]+", pattern), pattern
            assert pattern not in ("all", "ungrouped")
            assert target == pattern
        else:
            assert (target, verdict) == (None, "hold"), f"a host called {name!r} was chosen"
    assert watch.look(len(HOST_PATTERNS)).clean


def test_no_payload_chooses_a_host_by_a_field_of_its_own(watch: Outside) -> None:
    """C(hosts), C(limit) and what else Ansible calls hosts mean nothing in a payload."""
    wished = ("hosts", "meta", "limit", "ansible_limit", "target", "ansible_host", "inventory_hostname")
    for pattern in HOST_PATTERNS:
        for name in wished:
            told = translate({**FORMS["recommended payload"], name: {"hosts": pattern} if name == "meta" else pattern})
            assert told == translate(FORMS["recommended payload"]), (name, pattern)
    assert watch.look(len(HOST_PATTERNS) * len(wished)).clean


def test_playbooks_name_their_hosts_themselves() -> None:
    """No pattern of a play is made of anything, and no task goes to a host that something of an event names."""
    patterns = set()
    for path in (ROOT / "playbooks").glob("*.yml"):
        patterns |= {play["hosts"] for play in yaml.safe_load(path.read_text("utf-8")) if "hosts" in play}
    named = {name for pattern in patterns for name in pattern.split(":")}
    assert named == {"localhost", "toolchain", "self_healing_target"}
    added = []
    for path in [*(ROOT / "playbooks").glob("*.yml"), *(ROOT / "roles").rglob("tasks/**/*.yml")]:
        text = path.read_text("utf-8")
        for line in text.splitlines():
            if re.search(r"\bdelegate_to:", line):
                assert re.search(r"delegate_to: (localhost|\"\{\{ blue_green_rollback_router \}\}\")$", line), (
                    path,
                    line,
                )
        added += [
            str(path.relative_to(ROOT)) for _found in re.findall(r"\b(?:add_host|group_by|ansible_limit)\b", text)
        ]
    assert added == ["roles/incident/tasks/choose_host.yml"]


def test_rules_hand_on_ids_and_names_that_fit_a_pattern() -> None:
    """What a rule gives to a playbook is a template there, so that it may be nothing that anybody wrote."""
    safe = {f"{kind}.incident" for kind in ("problem", "answer", "timer")} | {"timer.name", "meta.uuid", "canary.id"}
    for path in (ROOT / "extensions/eda/rulebooks").glob("*.yml"):
        text = path.read_text("utf-8")
        assert not re.search(r"insert_hosts_to_meta|run_module|limit:", text), path
        given = {word for found in re.findall(r"\{\{(.*?)\}\}", text) for word in re.findall(r"event\.([\w.]+)", found)}
        assert given <= safe, (path, given - safe)


def test_the_playbooks_touch_only_the_managed_host_that_was_claimed(tmp_path: Path, watch: Outside) -> None:
    """What a tampered journal would name is not reached either: C(choose_host) compares with the group once more.

    Each host of the first play stands for one incident whose claim names another target.
    """
    claims = [one for one in HOST_PATTERNS if "{" not in one] + ["web-03", "db-01", "localhost", "web-01"]
    hosts: dict[str, Any] = {
        f"claim-{n:03}": {"incident_claimed": {"granted": True, "incident": {"claim": {"target": target}}}}
        for n, target in enumerate(claims)
    }
    fleet_hosts = {name: {} for name in ("web-01", "web-02", "db-01")}
    choose = {"name": "self_healing.devops.incident", "tasks_from": "choose_host"}
    touch = {"name": "Touch it", "ansible.builtin.set_fact": {TOUCHED: "{{ inventory_hostname }}"}}
    plays = [
        {
            "name": "Manage some hosts",
            "hosts": "web-01:web-02",
            "gather_facts": False,
            "tasks": [{"name": "Manage them", "ansible.builtin.group_by": {"key": MANAGED_GROUP}}],
        },
        {
            "name": "Choose what the claims name",
            "hosts": "claim-*",
            "gather_facts": False,
            "serial": 1,
            "tasks": [{"name": "Choose the host", "ansible.builtin.import_role": choose}],
        },
        {"name": "Heal", "hosts": "self_healing_target:toolchain", "gather_facts": False, "tasks": [touch]},
    ]
    local = {"ansible_connection": "local", "ansible_python_interpreter": str(core().python)}
    everybody = {name: {**local, **given} for name, given in {**hosts, **fleet_hosts}.items()}
    run = run_playbook(plays, everybody, environment={**core().environment(), **watch.environment()})
    touched = sorted({one.host for one in run.tasks if one.task == "Touch it"})
    assert touched == ["web-01"], run.output[-3000:]
    # add_host ran for the one claim that is right, and for no other.
    chosen = [
        one.host for one in run.tasks if one.task.endswith("Choose the host to heal") and one.outcome != "skipped"
    ]
    assert {hosts[name]["incident_claimed"]["incident"]["claim"]["target"] for name in chosen} == {"web-01"}
    found = watch.look(len(claims), tmp_path, seen=run.output)
    assert found.clean, found.told


def test_a_problem_about_all_hosts_touches_none(tmp_path: Path, watch: Outside) -> None:
    """The whole playbook, with a policy that lets it act, hosts that would tell, and entities that name all of them."""
    names = ["all", "*", "web-*", "{{ groups['all'] | join(',') }}", "web-01,web-02", "self_healing_managed"]
    entities = tuple(Entity(f"HOST-{0xF000 + n:016X}", "HOST", name) for n, name in enumerate(names))
    place = str(tmp_path / "journal.db")
    journal = Journal.open(place)
    journal.record_problem(
        replace(PROBLEM, entities=entities, root_cause=Entity("HOST-000000000000F000", "HOST", "all"))
    )
    traces = tmp_path / "traces"
    traces.mkdir()
    role = tmp_path / "roles" / "mend" / "tasks"
    role.mkdir(parents=True)
    for name in ("diagnose", "fix", "verify", "undo"):
        task = {
            "name": "Tell",
            "ansible.builtin.file": {"path": f"{traces}/{{{{ inventory_hostname }}}}", "state": "touch"},
        }
        (role / f"{name}.yml").write_text(yaml.safe_dump([task]))
    given = {
        "incident": PROBLEM.incident,
        "self_healing_ceiling": "act",
        "self_healing_remedies": ["mend"],
        "self_healing_catalog": {"mend": {"role": "mend", "label": "Mend", "text": "mends {host}"}},
    }
    manage = {"name": "Manage them", "ansible.builtin.group_by": {"key": MANAGED_GROUP}}
    plays = [
        {"name": "Manage hosts", "hosts": "web-01:web-02:db-01", "gather_facts": False, "tasks": [manage]},
        {"name": "Respond", "import_playbook": "self_healing.devops.respond"},
    ]
    local = {"ansible_connection": "local", "ansible_python_interpreter": str(core().python)}
    environment = {"ANSIBLE_ROLES_PATH": str(tmp_path / "roles"), "SELF_HEALING_JOURNAL": place}
    run = run_playbook(
        plays,
        dict.fromkeys(("localhost", "web-01", "web-02", "db-01"), local),
        *("-e", json.dumps(given)),
        environment={**core().environment(), **watch.environment(), **environment},
    )
    assert run.returncode == 0, run.output[-3000:]
    incident = journal.read(PROBLEM.incident)
    assert (incident.state, incident.target) == ("held", None)
    assert [path.name for path in traces.iterdir()] == []
    found = watch.look(len(names), tmp_path, seen=run.output)
    assert found.clean, found.told


def test_the_fleet_is_the_group_and_nothing_else() -> None:
    """Without the group there is nobody to heal, whatever other groups there are."""
    hostvars = {name: {"self_healing_entities": ["HOST-1"]} for name in ("web-01", "all")}
    assert fleet({"all": ["web-01", "all"], "ungrouped": ["web-01"]}, hostvars) == []
    assert [one["host"] for one in fleet({MANAGED_GROUP: ["web-01"]}, hostvars)] == ["web-01"]
