# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Dynatrace is asked for, and when: the decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.plugin_utils.reconcile_plan import (
    LONGEST_PAUSE,
    Window,
    is_old,
    next_pause,
    to_look_up,
    window,
)

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=timezone.utc)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_first_look_goes_back_as_far_as_is_wanted() -> None:
    assert window(None, NOW, 2 * HOUR) == Window(NOW - 2 * HOUR, NOW - 2 * HOUR)


def test_later_looks_overlap_with_the_one_before_however_long_ago_that_was() -> None:
    assert window(NOW - MINUTE, NOW, 2 * HOUR).begin == NOW - 11 * MINUTE
    assert window(NOW - 100 * HOUR, NOW, 2 * HOUR).begin == NOW - 100 * HOUR - 10 * MINUTE


def test_what_the_first_look_left_out_is_left_out_by_the_second() -> None:
    first = window(None, NOW, 2 * HOUR)
    assert window(NOW, NOW + MINUTE, 2 * HOUR).oldest == first.oldest


def test_problem_that_is_dated_back_is_not_old() -> None:
    wanted = window(NOW - MINUTE, NOW, 2 * HOUR)
    assert not is_old(NOW - HOUR, wanted)
    assert is_old(NOW - 3 * HOUR, wanted)
    assert not is_old(None, wanted)
    assert not is_old(NOW - 9 * MINUTE, window(NOW - MINUTE, NOW, timedelta(0)))


def test_clock_that_was_set_back_leaves_no_gap() -> None:
    assert window(NOW + HOUR, NOW, 2 * HOUR).begin == NOW - 10 * MINUTE


@dataclass(frozen=True)
class One:
    problem_id: str


def ids(*names: str) -> list[One]:
    return [One(name) for name in names]


def test_only_what_was_not_in_the_list_is_looked_up() -> None:
    assert to_look_up(ids("c", "a", "b"), {"b"}, None, 9) == ids("a", "c")


def test_look_ups_take_turns() -> None:
    waiting = ids("a", "b", "c", "d")
    assert to_look_up(waiting, set(), "b", 3) == ids("c", "d", "a")
    assert to_look_up(waiting, set(), "d", 3) == ids("a", "b", "c")
    assert to_look_up(waiting, set(), "bb", 3) == ids("c", "d", "a"), "the one that was looked up last may be gone"


@given(st.sets(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=30), st.integers(1, 7))
def test_everyone_has_a_turn_after_so_many_looks_as_it_takes(names: set[str], limit: int) -> None:
    waiting, seen, after = [One(name) for name in names], set[str](), None
    for _look in range(-(-len(names) // limit)):
        chosen = to_look_up(waiting, (), after, limit)
        assert len(chosen) <= limit
        seen |= {one.problem_id for one in chosen}
        after = chosen[-1].problem_id
    assert seen == names


def test_pause_is_the_interval_while_all_is_well() -> None:
    assert next_pause(30, 0, 0.9) == 30


@pytest.mark.parametrize(
    ("failures", "pause"), [(1, 30), (2, 60), (3, 120), (4, 240), (5, 480), (6, 600), (10**9, 600)]
)
def test_pause_doubles_up_to_ten_minutes(failures: int, pause: float) -> None:
    assert next_pause(30, failures, 0) == pause


def test_pauses_of_several_that_failed_together_differ() -> None:
    assert [next_pause(30, 3, chance) for chance in (0, 0.4, 1)] == [120, 108, 90]
    assert [next_pause(30, 99, chance) for chance in (0, 1)] == [LONGEST_PAUSE, 450]


def test_failure_never_makes_the_pause_shorter() -> None:
    assert next_pause(30, 1, 1) == 30
    assert next_pause(3600, 9, 1) == 3600
