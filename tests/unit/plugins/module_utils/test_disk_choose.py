# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files go first: the chosen cut frees what is needed, hardly more, and takes the oldest and largest."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.disk_choose import Tally, Weigher, choose
from ansible_collections.self_healing.devops.plugins.module_utils.disk_usage import Goal, Need, Usage, need

#: Files as (blocks, age).
FILES = st.lists(st.tuples(st.integers(0, 100_000), st.integers(1, 10_000_000)), max_size=60)
RULES = st.lists(FILES, min_size=1, max_size=4)


def sweep(rules: list[list[tuple[int, int]]], wanted: Need) -> list[list[tuple[int, int]]]:
    """Return which files go, as two passes over the same files decide."""
    weigher = Weigher.for_need(wanted)
    tallies = []
    for files in rules:
        tally = Tally()
        for blocks, age in files:
            tally.add(weigher.rank(blocks, age), blocks * 512)
        tallies.append(tally)
    cuts = choose(tallies, wanted)
    return [
        [file for file in files if cut.takes(weigher.rank(*file), file[0] * 512)]
        for files, cut in zip(rules, cuts, strict=True)
    ]


@given(RULES, st.integers(1, 10**9), st.integers(0, 50))
def test_what_is_needed_goes_or_all_there_is(rules: list[list[tuple[int, int]]], size: int, inodes: int) -> None:
    gone = [file for files in sweep(rules, Need(size, inodes)) for file in files]
    everything = [file for files in rules for file in files]
    enough = sum(blocks for blocks, _age in gone) * 512 >= size and len(gone) >= inodes
    assert enough or len(gone) == len(everything)


@given(FILES, st.integers(1, 10**9))
def test_hardly_more_than_needed_goes(files: list[tuple[int, int]], size: int) -> None:
    """Without the last file of the lowest rank that goes it would not have been enough."""
    wanted = Need(size, 0)
    (gone,) = sweep([files], wanted)
    rank = Weigher.for_need(wanted).rank
    if gone:
        lowest = [file for file in gone if rank(*file) == min(rank(*one) for one in gone)]
        without = sum(blocks for blocks, _age in gone) * 512 - max(blocks for blocks, _age in lowest) * 512
        assert without < size


@given(FILES, st.integers(1, 10**8))
def test_no_older_and_larger_file_stays(files: list[tuple[int, int]], size: int) -> None:
    (gone,) = sweep([files], Need(size, 0))
    left = list(files)
    for file in gone:
        left.remove(file)
    for blocks, age in left:
        for less, younger in gone:
            assert not (blocks > 2 * less and age > 2 * younger)


@given(FILES, st.integers(1, 40))
def test_of_inodes_the_oldest_go(files: list[tuple[int, int]], inodes: int) -> None:
    (gone,) = sweep([files], Need(0, inodes))
    assert len(gone) == min(inodes, len(files))
    left = list(files)
    for file in gone:
        left.remove(file)
    for _blocks, age in left:
        assert all(age <= 1.25 * older + 1 for _size, older in gone)


def test_a_later_rule_is_used_when_the_earlier_one_is_used_up() -> None:
    old, young = (8, 900_000), (8000, 10_000_000)
    assert sweep([[old] * 3, [young]], Need(2 * 8 * 512, 0)) == [[old] * 2, []]
    assert sweep([[old] * 3, [young]], Need(4 * 8 * 512, 0)) == [[old] * 3, [young]]


def test_where_both_are_short_many_small_files_count_too() -> None:
    """One large file would do for the space, but only small ones give inodes back."""
    large, small = (2000, 1000), [(1, 1000)] * 100
    (gone,) = sweep([[large, *small]], Need(2000 * 512, 50))
    assert large in gone
    assert len(gone) == 50


@given(
    st.integers(0, 10**13),
    st.integers(0, 10**13),
    st.floats(0, 100),
    st.integers(0, 10**13),
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.floats(0, 100),
)
def test_the_goal_is_reached_once_what_is_needed_is_free(
    used: int, available: int, percent: float, least: int, inodes: int, free: int, of_inodes: float
) -> None:
    usage = Usage(used, available, max(inodes, free), free)
    wanted = need(usage, Goal(percent, least, of_inodes))
    size, nodes = math.ceil(wanted.bytes), math.ceil(wanted.inodes)
    then = Usage(used - size, available + size, usage.inodes, usage.inodes_free + nodes)
    assert need(then, Goal(percent, least, of_inodes)).met


def test_without_a_goal_everything_is_needed() -> None:
    assert need(Usage(1, 1, 1, 1), Goal()) == Need(math.inf, math.inf)
    assert Goal().everything


def test_inodes_are_no_matter_where_there_is_no_fixed_number_of_them() -> None:
    usage = Usage(50, 50, 0, 0)
    assert need(usage, Goal(inodes_used_percent=1)).met
    assert usage.inodes_used_percent is None
