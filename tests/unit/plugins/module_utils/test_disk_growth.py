# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a disk is full: the slope is the true one although samples are odd."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.disk_growth import (
    MOST,
    Sample,
    hours_to_full,
    slope,
    thinned,
)
from ansible_collections.self_healing.devops.plugins.module_utils.disk_latency import Counters, figures, parse
from ansible_collections.self_healing.devops.plugins.module_utils.disk_samples import KEPT, keep, read
from ansible_collections.self_healing.devops.plugins.module_utils.disk_samples import parse as parse_samples

RATES = st.floats(-1e6, 1e6)
TIMES = st.lists(st.integers(0, 10**6), min_size=8, max_size=60, unique=True)


def line(rate: float, times: list[int]) -> list[Sample]:
    return [Sample(1.7e9 + time, 1e12 + rate * time) for time in times]


@given(RATES, TIMES)
def test_a_straight_line_has_its_own_slope(rate: float, times: list[int]) -> None:
    assert slope(line(rate, times)) == pytest.approx(rate, rel=1e-3, abs=1e-1)


@given(RATES, TIMES, st.data())
def test_a_quarter_of_nonsense_changes_little(rate: float, times: list[int], data: st.DataObject) -> None:
    """Theil-Sen stands 29 % of odd samples: the slope stays one between two true samples."""
    times = sorted(times)
    samples = line(rate, times)
    for place in data.draw(st.sets(st.integers(0, len(times) - 1), max_size=len(times) // 4)):
        samples[place] = Sample(samples[place].at, data.draw(st.floats(0, 1e15)))
    assert slope(samples) == pytest.approx(rate, rel=1e-3, abs=1e-1)


@given(RATES, TIMES, st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(rate: float, times: list[int], random: object) -> None:
    samples = line(rate, times)
    shuffled = list(samples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert slope(shuffled) == slope(samples)


@given(st.floats(1, 1e6), st.floats(1, 1e12))
def test_what_does_not_grow_is_never_full(rate: float, available: float) -> None:
    assert hours_to_full(available, -rate) is None
    assert hours_to_full(available, 0) is None
    assert hours_to_full(available, None) is None
    assert hours_to_full(0, -rate) == 0
    assert hours_to_full(available, rate) == pytest.approx(available / rate / 3600)


def test_one_sample_and_one_moment_have_no_slope() -> None:
    assert slope([]) is None
    assert slope([Sample(1, 2)]) is None
    assert slope([Sample(1, 2), Sample(1, 3)]) is None


@given(st.integers(MOST, 5 * MOST))
def test_many_samples_are_thinned_out_evenly(count: int) -> None:
    chosen = thinned([Sample(number, number) for number in range(count)])
    assert len(chosen) == MOST
    assert (chosen[0].at, chosen[-1].at) == (0, count - 1)
    gaps = [later.at - earlier.at for earlier, later in pairwise(chosen)]
    assert max(gaps) - min(gaps) <= 1


@given(st.text(max_size=200))
def test_a_damaged_file_of_samples_counts_for_nothing(text: str) -> None:
    assert all(isinstance(sample, Sample) for sample in parse_samples(text))


def test_samples_are_kept_and_the_oldest_are_forgotten(tmp_path: object) -> None:
    place = f"{tmp_path}/new/samples"
    assert keep(place, [Sample(number, number * 2) for number in range(KEPT + 5)]) == ""
    kept = read(place)
    assert len(kept) == KEPT
    assert kept[0] == Sample(5, 10)
    assert "cannot be written" in keep("/proc/no/samples", [])
    assert read("/proc/no/samples") == []


DISKSTATS = """\
   7       0 loop0 11 0 28 1 0 0 0 0 0 12 1 0 0 0 0 0 0
 254       0 vda 1000 5 8000 500 200 7 1600 2400 0 900 2900 0 0 0 0 0 0
broken
"""


def test_latency_and_throughput_are_differences() -> None:
    before = parse(DISKSTATS, (254, 0))
    assert before == Counters(1000, 8000, 500, 200, 1600, 2400, 900)
    after = Counters(1010, 8020, 525, 200, 1600, 2400, 1900)
    assert figures(before, after, 2.0) == {
        "read_latency_ms": 2.5,
        "write_latency_ms": None,
        "read_bytes_per_second": 5120,
        "write_bytes_per_second": 0,
        "busy_percent": 50.0,
    }
    assert parse(DISKSTATS, (0, 33)) is None
    assert set(figures(None, after, 2.0).values()) == {None}
