# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured about a fix, and the comment that holds the figures."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.filter.dynatrace_figures import dynatrace_figures
from ansible_collections.self_healing.devops.plugins.filter.dynatrace_measurements import dynatrace_measurements
from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_evidence import (
    figures_comment,
    measurements,
)

NOW = datetime(2026, 11, 22, 10, 10, tzinfo=timezone.utc)
PROCESS, HOST, SERVICE, DISK = (f"{type_}-1" for type_ in ("PROCESS_GROUP_INSTANCE", "HOST", "SERVICE", "DISK"))


def incident(**changes: Any) -> dict[str, Any]:
    return {
        "id": "i7k3v5q2x4dmz",
        "attempt": 2,
        "claim": {"remedy": "process_restart", "target": "shop-01"},
        "problem": {"opened_at": "2026-11-22T10:00:00.000Z"},
        "times": {"detected": "2026-11-22T10:01:00.000Z"},
        "root_cause": None,
        "entities": [{"id": PROCESS, "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}],
        "evidence": {"before": {"figures": {"up": 0}}, "after": {"figures": {"up": 1}}},
        "timeline": [
            {"kind": "fix_started", "at": "2026-11-22T09:00:00.000Z"},
            {"kind": "fix_started", "at": "2026-11-22T10:04:00.000Z"},
            {"kind": "verified", "at": "2026-11-22T10:05:00.000Z"},
        ],
        **changes,
    }


def test_each_figure_is_measured_on_the_first_entity_of_its_kind() -> None:
    names = ["cpu_usage", "response_time", "disk_free", "failure_rate"]
    found = measurements(incident(), names, [SERVICE, HOST, "SERVICE-2"], NOW)
    split = "2026-11-22T10:04:00.000Z"
    assert found == [
        {"entity": HOST, "figures": ["cpu_usage", "disk_free"], "minutes": 11, "split_at": split},
        {"entity": SERVICE, "figures": ["response_time", "failure_rate"], "minutes": 11, "split_at": split},
    ]


def test_what_the_problem_names_comes_first() -> None:
    disk = {"id": DISK, "type": "DISK", "name": "/var"}
    named = incident(root_cause=disk, entities=[{"id": "HOST-9", "type": "HOST", "name": "x"}])
    found = measurements(named, ["disk_free", "cpu_usage"], [HOST], NOW)
    assert [(one["entity"], one["figures"]) for one in found] == [(DISK, ["disk_free"]), ("HOST-9", ["cpu_usage"])]


def test_a_figure_without_an_entity_is_left_out() -> None:
    assert measurements(incident(), ["response_time", "no_such_figure"], [HOST], NOW) == []
    assert measurements(incident(), [], [HOST], NOW) == []


@pytest.mark.parametrize(
    "changes, minutes",
    [
        ({"problem": {"opened_at": None}}, 10),
        ({"problem": {"opened_at": "2026-11-22T10:09:30.000Z"}}, 7),
        ({"problem": {"opened_at": "2026-10-01T00:00:00.000Z"}}, 7 * 24 * 60),
    ],
)
def test_the_time_is_from_the_start_of_the_problem_to_now(changes: dict[str, Any], minutes: int) -> None:
    [found] = measurements(incident(**changes), ["cpu_usage"], [HOST], NOW)
    assert found["minutes"] == minutes


def test_a_fix_that_nobody_can_measure_any_more_is_not_measured() -> None:
    assert measurements(incident(timeline=[]), ["cpu_usage"], [HOST], NOW) == []
    assert measurements(incident(), ["cpu_usage"], [HOST], NOW + timedelta(days=8)) == []
    assert measurements(incident(), ["cpu_usage"], [HOST], NOW - timedelta(hours=1)) == []
    unknown = incident(problem={"opened_at": None}, times={"detected": None})
    assert measurements(unknown, ["cpu_usage"], [HOST], NOW) == []


def test_the_filter_measures_up_to_now() -> None:
    at = (datetime.now(timezone.utc) - timedelta(minutes=4)).isoformat()
    recent = incident(problem={"opened_at": at}, timeline=[{"kind": "fix_started", "at": at}])
    [found] = dynatrace_measurements(recent, ["cpu_usage"], HOST)
    assert (found["entity"], found["minutes"]) == (HOST, 6)


def test_the_comment_has_a_name_of_its_own_for_each_attempt() -> None:
    assert dynatrace_figures(incident()) == {
        "id": "i7k3v5q2x4dmz-figures-2",
        "text": "Before and after process_restart on shop-01:\n- up: 0 → 1",
    }


def test_figures_are_written_for_people() -> None:
    measured = [
        {"before": {}, "after": {}, "units": {}, "skipped": True},
        {
            "before": {"a": 1234.5678, "b": 123456.78, "c": None, "d": 0.00001, "e": None},
            "after": {"a": 2.0, "b": True, "c": None, "d": None, "e": 7},
            "units": {"a": "MilliSecond", "b": "Percent", "c": "Count", "e": "Furlong"},
        },
    ]
    text = figures_comment(incident(evidence={"before": None, "after": {"figures": {}}}), measured)["text"]
    assert text.splitlines() == [
        "Before and after process_restart on shop-01:",
        "- the remedy measured nothing",
        "Measured by Dynatrace:",
        "- a: 1235 → 2 ms",
        "- b: 123457 → True %",
        "- d: 1e-05 → –",
        "- e: – → 7 Furlong",
        "- no values (yet): c",
    ]
