# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the module jira_issue become the desired state of an issue."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, InvalidInputError
from support.jira_wishes import MARKER, OPTIONS, wish


def test_the_options_become_the_desired_state() -> None:
    wanted = wish()
    assert wanted.summary == "shop is down"
    assert wanted.labels == (f"self-healing-{MARKER}", "self-healing")
    assert wanted.global_id == f"self-healing:{MARKER}"
    [note] = wanted.notes
    assert note.text == "2026-11-22 10:00:00 UTC: asked"
    assert note.mark == {"id": "a-1", "kind": "decided"}
    [file] = wanted.files
    assert (file.content, file.sha256) == ("héllo".encode(), hashlib.sha256("héllo".encode()).hexdigest())


def test_what_is_given_twice_is_wanted_once() -> None:
    wanted = wish(comments=OPTIONS["comments"] * 2, attachments=OPTIONS["attachments"] * 2)
    assert (len(wanted.notes), len(wanted.files)) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"marker": "a b"}, "marker"),
        ({"marker": 'x" OR project = OPS'}, "marker"),
        ({"marker": ""}, "marker"),
        ({"labels": ["two words"]}, "labels"),
        ({"labels": [""]}, "labels"),
        ({"link": {"url": "javascript:alert(1)", "title": "x"}}, r"link\.url"),
        ({"link": {"url": "https://a b", "title": "x"}}, r"link\.url"),
        ({"attachments": [{**OPTIONS["attachments"][0], "sha256": "0" * 64}]}, r"attachments\[0\]\.sha256"),
    ],
)
def test_wrong_options_are_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises((ConfigurationError, InvalidInputError), match=f"^{field}"):
        wish(**changes)


@pytest.mark.parametrize(
    ("name", "uploaded"),
    [
        ("dyna-1-transcript.md", "dyna-1-transcript.md"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a"b\r\nX: y\u202e.txt', "a_b_X_ y.txt"),
        ("..", "attachment"),
        ("x" * 300 + ".txt", "x" * 196 + ".txt"),
        ("x." + "y" * 300, "x." + "y" * 178 + "." + "y" * 19),
    ],
)
def test_file_names_are_made_fit_for_an_upload(name: str, uploaded: str) -> None:
    [file] = wish(attachments=[{**OPTIONS["attachments"][0], "name": name}]).files
    assert (file.name, file.upload_name) == (name, uploaded)
