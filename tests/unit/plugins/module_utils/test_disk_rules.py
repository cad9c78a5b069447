# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules, sizes, names and the list of what is never touched."""

from __future__ import annotations

import fnmatch
import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.disk_deny import PROTECTED, TOO_BROAD, Protection
from ansible_collections.self_healing.devops.plugins.module_utils.disk_mount import find
from ansible_collections.self_healing.devops.plugins.module_utils.disk_rules import KINDS, rules_of
from ansible_collections.self_healing.devops.plugins.module_utils.disk_text import bytes_of, seconds_of, shown, size
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError

NAMES = st.binary(min_size=1, max_size=40).map(lambda raw: os.fsdecode(raw.replace(b"/", b"_").replace(b"\0", b"_")))
RULE = {"name": "old", "paths": ["/data/tmp"], "patterns": ["*.tmp"], "older_than": "7d"}


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("4096", 4096), ("1.5G", 3 << 29), ("200 MiB", 200 << 20), ("3kB", 3072), ("2T", 2 << 40)],
)
def test_sizes(text: str, number: int) -> None:
    assert bytes_of(text, "x") == number


@pytest.mark.parametrize(
    ("text", "number"), [("90", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("1w", 604800)]
)
def test_ages(text: str, number: int) -> None:
    assert seconds_of(text, "x") == number


@pytest.mark.parametrize("text", ["", "-1", "G", "1 day", "1.2.3", "1e9", "٣"])
def test_what_is_no_size_is_told_with_the_field(text: str) -> None:
    with pytest.raises(ConfigurationError, match="larger_than"):
        bytes_of(text or " ", "larger_than")


def test_sizes_for_people() -> None:
    assert [size(number) for number in (12, 2048, 39 << 30, 5 << 50)] == ["12 B", "2.0 KiB", "39.0 GiB", "5120.0 TiB"]


@given(NAMES, NAMES)
def test_names_fit_on_one_line_and_never_look_alike(one: str, other: str) -> None:
    text = shown(one)
    assert text.isprintable()
    assert json.loads(json.dumps(text)) == text
    text.encode("utf-8")
    assert (shown(other) == text) == (one == other)


@given(
    NAMES, st.lists(st.sampled_from(["*", "*.gz", "*.tmp", "core", "core.*", "a?", "[ab]*"]), min_size=1, max_size=3)
)
def test_a_name_fits_as_fnmatch_says(name: str, patterns: list[str]) -> None:
    (rule,) = rules_of([{**RULE, "patterns": patterns}])
    matches = rule.matcher()
    expected = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    assert (True if matches is None else bool(matches(name))) == expected


def test_what_is_excluded_does_not_fit() -> None:
    (rule,) = rules_of([{**RULE, "patterns": ["*"], "exclude": ["keep*", "*.md"]}])
    matches = rule.matcher()
    assert matches is not None
    assert [bool(matches(name)) for name in ("a", "keep", "keep\nit", "read.md", "x\n.tmp")] == [
        *(True, False, False, False, True)
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": " "}, "rule 1 has no name"),
        ({"paths": []}, "rule old: paths is missing"),
        ({"patterns": []}, "rule old: patterns is missing"),
        ({"older_than": None}, "rule old: older_than is missing"),
        ({"older_than": "soon"}, "rule old: older_than is 'soon'"),
        ({"larger_than": "big"}, "rule old: larger_than is 'big'"),
        ({"kind": "everything"}, "rule old: kind is 'everything'"),
        ({"kind": "journal"}, "rule old: a rule of kind journal has no paths"),
        ({"clock": "moon"}, "rule old: clock is 'moon'"),
    ],
)
def test_a_wrong_rule_is_told_by_name(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        rules_of([{**RULE, **change}])


def test_names_of_rules_are_their_own_and_a_rule_can_be_switched_off() -> None:
    with pytest.raises(ConfigurationError, match="two rules are called old"):
        rules_of([RULE, RULE])
    assert rules_of([{**RULE, "enabled": False}]) == []
    assert rules_of([]) == [], "no rules mean nothing, never everything"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "files"])
def test_every_other_kind_knows_what_it_means(kind: str) -> None:
    (rule,) = rules_of([{"name": "x", "kind": kind}])
    assert rule.older_than > 0
    assert bool(rule.paths) == rule.of_files


PROTECTION = Protection.of_host(["/srv/books"])


@pytest.mark.parametrize(
    "path",
    [
        *PROTECTED,
        *TOO_BROAD,
        *("/etc/ssl", "/usr/local/lib", "/var/lib/postgresql/15/main/base", "/srv/books", "/srv/books/2026"),
        *("tmp", "", ".", "/tmp/../etc", "/var/tmp/", "//tmp", "/tmp/./x"),
    ],
)
def test_what_is_protected_or_no_plain_path_is_no_root(path: str) -> None:
    with pytest.raises(ConfigurationError, match="paths: "):
        PROTECTION.require_allowed(path)


@pytest.mark.parametrize("path", ["/tmp", "/var/tmp", "/var/log", "/srv/bookshop", "/var/lib/app/cache", "/home/x/tmp"])
def test_other_folders_may_be_roots(path: str) -> None:
    PROTECTION.require_allowed(path)


MOUNTINFO = """\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:33 / /var rw - btrfs /dev/vdb rw,subvol=/
31 30 254:16 / /var/a\\040b rw - ext4 /dev/vdc ro
32 21 0:40 / /variable rw - tmpfs tmpfs rw
nonsense
"""


def test_the_mount_of_a_path_is_the_longest_that_fits() -> None:
    def point(path: str) -> tuple[str, bool] | None:
        mount = find(MOUNTINFO, path)
        return (mount.point, mount.read_only) if mount else None

    assert point("/var/a b/c") == ("/var/a b", True)
    assert point("/var/ab") == ("/var", False)
    assert point("/variable") == ("/variable", False)
    assert point("/home") == ("/", False)
    assert find("", "/") is None
