# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A delivery whose playbook ended before its first step is noticed; one that is about to be taken up is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils.unbegun import Children, Unbegun

ONE = {"d1": 1}
NOBODY, BUSY = False, True


def after(looks: list[tuple[float, dict[str, int], bool, int]]) -> frozenset[str]:
    """Return what the last look finds lost. A look is its time, what is not begun, and the children: any, and ended."""
    watch, found = Unbegun(quiet=5.0), frozenset()
    for now, not_begun, present, ended in looks:
        found = watch.lost(not_begun, Children(present, ended), now)
    return found


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([(0, {}, NOBODY, 1), (1, ONE, BUSY, 1), (2, ONE, NOBODY, 2), (7, ONE, NOBODY, 2)], id="was seen"),
        pytest.param([(0, {}, NOBODY, 1), (1, ONE, NOBODY, 2), (6, ONE, NOBODY, 2)], id="came and went unseen"),
    ],
)
def test_what_a_playbook_left_that_ended_is_lost_after_a_quiet_time(looks: list[tuple]) -> None:
    assert after(looks) == {"d1"}
    assert after(looks[:-1]) == frozenset()


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param([(0, {}, NOBODY, 1), (1, ONE, NOBODY, 1), (900, ONE, NOBODY, 1)], id="the engine started nothing"),
        pytest.param([(0, {}, NOBODY, 1), (1, ONE, BUSY, 1), (900, ONE, BUSY, 2)], id="a playbook runs"),
        pytest.param(
            [(0, {}, NOBODY, 1), (1, ONE, NOBODY, 2), (6, ONE, NOBODY, 3), (8, ONE, NOBODY, 3)],
            id="another playbook came and went meanwhile",
        ),
        pytest.param([(0, {}, BUSY, 1), (1, ONE, BUSY, 2), (6, {}, NOBODY, 3), (9, {}, NOBODY, 3)], id="was taken up"),
        pytest.param(
            [(0, ONE, BUSY, 1), (1, ONE, NOBODY, 2), (7, {"d1": 2}, NOBODY, 2), (20, {"d1": 2}, NOBODY, 2)],
            id="was made again and nothing started since",
        ),
        pytest.param([(0, ONE, NOBODY, 7)], id="nothing is known of the time before"),
    ],
)
def test_what_may_still_be_taken_up_is_left_alone(looks: list[tuple]) -> None:
    assert after(looks) == frozenset()


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="this system does not tell about children")
def test_children_of_a_process_are_counted() -> None:
    """In a process of its own: this one may have any number of children."""
    program = """
import subprocess, sys
from ansible_collections.self_healing.devops.plugins.plugin_utils.unbegun import children
none = children()
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
running = children()
child.communicate(b"\\n")
ended = children()
assert (none.present, running.present, ended.present) == (False, True, False), (none, running, ended)
assert none.ended == running.ended < ended.ended, (none, running, ended)
assert child.returncode == 0
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_what_no_run_has_taken_up_is_made_due_again(place: str) -> None:
    journal = Journal.open(place)
    mine, run = run_identity.hold(), "another-run"
    problems = [Problem("dynatrace", "default", f"{number}V2", f"P-{number}", "open", "down") for number in range(3)]
    journal.record_problems(problems, "dynatrace")
    begun, lost, waiting = (one.id for one in journal.due.hand_out(3, timedelta(minutes=5), mine))
    assert journal.due.begin(begun, run)
    assert journal.due.not_begun(mine) == {lost: 1, waiting: 1}
    assert journal.due.not_begun("somebody else") == {}
    assert journal.due.take_back_lost({begun, lost}) == 1
    assert journal.due.not_begun(mine) == {waiting: 1}
    assert journal.due.unsettled(mine) == 2
    journal.close()
