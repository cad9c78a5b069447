# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of monitored hosts in an inventory: names, addresses, ids."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.plugin_utils.dynatrace_inventory import (
    PLACES,
    address_of,
    check_places,
    entities_of,
    named,
    selector_of,
    shown,
    value_at,
)


def host(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"HOST-{number:016X}",
        "name": f"web-{number:02}",
        "detected_name": "",
        "custom_name": "",
        "os": "LINUX",
        "state": "RUNNING",
        "addresses": [],
        "dns_names": [],
        "tags": {},
        "tag_list": [],
        "process_groups": [],
        "properties": {},
        "related": {},
        **changes,
    }


@pytest.mark.parametrize(
    "given, wanted",
    [
        (None, 'type("HOST")'),
        ("  ", 'type("HOST")'),
        ('tag("a")', 'type("HOST"),tag("a")'),
        ('type("HOST"),tag("a")', 'type("HOST"),tag("a")'),
        ("type(HOST)", "type(HOST)"),
        ('entityId("HOST-1")', 'entityId("HOST-1")'),
    ],
)
def test_hosts_are_selected(given: str | None, wanted: str) -> None:
    assert selector_of(given) == wanted


@pytest.mark.parametrize("place", ["", "hostname", "tag", "tag:", "property:", "tags:x"])
def test_a_place_that_there_is_not_is_told(place: str) -> None:
    with pytest.raises(ConfigurationError, match=r"names: .* is no place, expected custom_name"):
        check_places("names", [place])


def test_every_place_is_looked_at() -> None:
    known = host(
        detected_name="d",
        custom_name="c",
        dns_names=["n.example.com", "m"],
        addresses=["10.0.0.1"],
        tags={"ansible_host": " t ", "empty": ""},
        properties={"zone": "z", "list": ["l"], "number": 3},
    )
    places = check_places("names", [*PLACES, "tag:ansible_host", "tag:empty", "tag:none"])
    found = {place: value_at(known, place) for place in places}
    assert found == {
        "custom_name": "c",
        "detected_name": "d",
        "dns_name": "n.example.com",
        "id": known["id"],
        "ip_address": "10.0.0.1",
        "name": "web-01",
        "tag:ansible_host": "t",
        "tag:empty": "",
        "tag:none": "",
    }
    assert [value_at(known, f"property:{name}") for name in ("zone", "list", "number", "none")] == ["z", "l", "", ""]


def test_the_first_place_that_has_a_name_counts() -> None:
    found = named([host(1, custom_name="shop-01"), host(2)], ["custom_name", "name"])
    assert (list(found.hosts), found.left_out) == (["shop-01", "web-02"], [])


@pytest.mark.parametrize(
    "name",
    [
        "web:all",
        "web*",
        "!web",
        "&web",
        "~web.*",
        "web[0:9]",
        "a,b",
        "web 01",
        "-oProxyCommand=id",
        "../web",
        "{{ 7 * 7 }}",
        "wéb",
        "web\n",
        "web\x1b[2J",
        "x" * 254,
    ],
)
def test_a_name_that_could_mean_anything_else_is_none(name: str) -> None:
    found = named([host(1, custom_name=name)], ["custom_name", "name"])
    # "web\n" is the plain name once the blanks around it are gone.
    if name.strip() == "web":
        assert list(found.hosts) == ["web"]
        return
    assert found.hosts == {}
    [reason] = found.left_out
    assert "is no plain host name" in reason
    assert reason.isprintable()


@pytest.mark.parametrize("name", ["all", "ALL", "ungrouped", "localhost", "LocalHost", "127.0.0.1", "0.0.0.0"])
def test_a_name_that_means_something_to_ansible_is_none(name: str) -> None:
    found = named([host(custom_name=name)], ["custom_name"])
    assert found.hosts == {}
    assert "means something else to Ansible" in found.left_out[0]


def test_names_of_groups_and_tools_are_taken() -> None:
    found = named([host(custom_name="jira")], ["custom_name"], taken={"jira"})
    assert found.hosts == {}
    assert "is a group or a tool" in found.left_out[0]


def test_a_name_that_two_hosts_have_names_none() -> None:
    found = named([host(1, name="twin"), host(2, name="twin"), host(3)], ["name"])
    assert list(found.hosts) == ["web-03"]
    assert found.left_out == ["HOST-0000000000000001, HOST-0000000000000002 are left out: all of them are called twin"]


def test_a_host_without_a_name_is_told() -> None:
    assert "no name in any of the places" in named([host(name="")], ["name"]).left_out[0]


@pytest.mark.parametrize(
    "addresses, wanted",
    [
        (["10.0.0.1"], "10.0.0.1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["127.0.0.1"], "web-01"),
        (["::1"], "web-01"),
        (["::"], "web-01"),
        (["-oProxyCommand=id"], "web-01"),
        (["10.0.0.1 -oProxyCommand=id"], "web-01"),
        ([], "web-01"),
    ],
)
def test_an_address_is_one_to_connect_to(addresses: list[str], wanted: str) -> None:
    assert address_of(host(addresses=addresses), ["ip_address", "name"]) == wanted


def test_no_place_is_no_address() -> None:
    assert address_of(host(), []) == ""
    assert address_of(host(custom_name="localhost"), ["custom_name"]) == ""


def test_the_ids_are_those_that_were_asked_for_and_nothing_else() -> None:
    related = {
        "processes": ["PROCESS_GROUP_INSTANCE-1", "PROCESS_GROUP_INSTANCE-1", "{{ x }}", "HOST-1\n"],
        "services": ["SERVICE-2"],
        "disks": ["DISK-3"],
    }
    known = host(related=related)
    own = known["id"]
    assert entities_of(known, []) == [own]
    assert entities_of(known, ["processes", "disks"]) == [own, "PROCESS_GROUP_INSTANCE-1", "DISK-3"]
    assert "related" not in shown(known)
