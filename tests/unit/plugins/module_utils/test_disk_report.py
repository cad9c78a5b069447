# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about a disk fits the figures and is short."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.disk_report import held, plan, reasons, span, state

USAGE = {"used_percent": 91.04, "available": 900 << 20, "inodes_used_percent": 8.4}
HELD: dict[str, Any] = {
    "largest": [
        {"path": "/a", "bytes": 2 << 30, "pid": 881, "process": "java"},
        {"path": "/b", "bytes": 4096, "pid": 882, "process": "sh"},
    ],
    "unseen": 0,
}
RULE: dict[str, Any] = {
    "name": "exports",
    "chosen": {"files": 1204, "bytes": 31 << 30},
    "gone": {"files": 1200, "bytes": 30 << 30},
    "oldest_hours": 216.0,
    "skipped": [{"why": "in use", "files": 4, "bytes": 2 << 30}, {"why": "protected", "files": 1, "bytes": 0}],
    "note": "",
}


def test_the_state_says_when_it_is_full_only_where_it_grows() -> None:
    growing = {"bytes_per_hour": 19 << 28}
    assert state(USAGE, growing, 4.8) == (
        "91.0 % used, 900.0 MiB available, 8.4 % of the inodes used, full in about 4.8 h (+4.8 GiB/h)"
    )
    assert "full" not in state(USAGE, growing, None)
    assert "full" not in state(USAGE, {"bytes_per_hour": 0}, 0.0), "it is full already, and does not grow"
    assert "inodes" not in state({**USAGE, "inodes_used_percent": None}, None, None)


def test_only_what_is_worth_a_restart_is_told() -> None:
    assert held(HELD) == [
        "2.0 GiB of a deleted file are held by java (pid 881), which has to be restarted to give them back"
    ]
    assert held({"largest": [], "unseen": 7}) == ["open files could not be seen: those of 7 processes"]


def test_the_plan_is_what_was_chosen_and_the_outcome_what_is_gone() -> None:
    files = [{"path": f"/x/{number}", "bytes": 1 << 20, "age_hours": 50.0} for number in range(7)]
    result = {"rules": [RULE], "files": files, "files_not_listed": 1197, "held": HELD}
    lines = plan(result, done=False).splitlines()
    assert lines[0] == ("exports: 31.0 GiB in 1204 files, oldest 9 d; left alone: 4 in use (2.0 GiB), 1 protected")
    assert lines[1] == "1.0 MiB, 50.0 h old: /x/0"
    assert lines[6] == "and 1199 further files"
    assert len(lines) == 8
    assert plan(result, done=True).startswith("exports: 30.0 GiB in 1200 files")


def test_why_nothing_goes() -> None:
    nothing = {**RULE, "name": "logs", "skipped": [], "note": ""}
    assert reasons([RULE, nothing]) == "exports: 4 in use (2.0 GiB), 1 protected; logs: nothing old enough is there"
    assert reasons([{**nothing, "note": "/x does not exist"}]) == "logs: /x does not exist"
    assert reasons([]) == "there is no rule"


@pytest.mark.parametrize(("hours", "text"), [(0.5, "30 min"), (4.83, "4.8 h"), (71, "71.0 h"), (216, "9 d")])
def test_times_for_people(hours: float, text: str) -> None:
    assert span(hours) == text
