# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host that a problem impacts is looked up, never guessed."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils import candidates
from ansible_collections.self_healing.devops.plugins.module_utils.candidates import ManagedHost
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity
from support.story import PROBLEM, Story

FLEET = [
    ManagedHost("shop-01", ["PROCESS_GROUP_INSTANCE-1"], address="10.0.0.1"),
    ManagedHost("shop-02", name="SHOP-TWO.example.com"),
]
OTHERS = ["db-01"]


def find(*entities: Entity, root_cause: Entity | None = None) -> list[tuple[str, bool, str]]:
    incident = Story(replace(PROBLEM, entities=entities, root_cause=root_cause)).incident
    return [(found.host, found.managed, found.by) for found in candidates.find(incident, FLEET, OTHERS)]


def test_a_host_is_found_by_entity_id_then_name_then_address() -> None:
    assert find(Entity("PROCESS_GROUP_INSTANCE-1", "X", "shop-02")) == [("shop-01", True, "entity id")]
    assert find(Entity("HOST-9", "HOST", "Shop-Two.example.com")) == [("shop-02", True, "name")]
    assert find(Entity("HOST-9", "HOST", "10.0.0.1")) == [("shop-01", True, "address")]


def test_the_root_cause_goes_before_what_suffers() -> None:
    cause = Entity("HOST-2", "HOST", "shop-02")
    assert find(Entity("PROCESS_GROUP_INSTANCE-1", "X", ""), root_cause=cause) == [("shop-02", True, "name")]


def test_a_host_that_is_not_managed_is_named_as_such() -> None:
    assert find(Entity("HOST-3", "HOST", "db-01")) == [("db-01", False, "name")]


def test_patterns_and_blanks_find_nothing() -> None:
    for name in (
        "all",
        "*",
        "shop*",
        "~shop.*",
        "shop-01:shop-02",
        "!db-01",
        "",
        " ",
        "shop-01,shop-02",
        "@/etc/hosts",
    ):
        assert find(Entity("HOST-9", "HOST", name)) == []


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_an_entity_is_called_only_hosts_of_the_inventory_are_found(identifier: str, name: str) -> None:
    known = {*OTHERS, *(one.host for one in FLEET)}
    assert {host for host, _managed, _by in find(Entity(identifier, "HOST", name))} <= known
