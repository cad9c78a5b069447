# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures: counted right, readable by Prometheus, and without anything that an event says."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ansible_collections.self_healing.devops.plugins.plugin_utils import metrics as subject
from ansible_collections.self_healing.devops.plugins.plugin_utils.checkup import Readings
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import Metrics, metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import Health

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)
WELL = Health({"journal": None, "engine": None})
READINGS = Readings(
    waiting=3,
    unsettled=2,
    oldest_due=NOW - timedelta(seconds=90),
    behind={"jira": 4, "slack": 0},
    canary=None,
    life=None,
)


def shown(counted: Metrics, readings: Readings | None = None, health: Health = WELL) -> dict[tuple, float]:
    """Return every figure of ours by its name and the values of its labels."""
    page = counted.page(readings, health, NOW)
    assert page.content_type.startswith("text/plain; version=")
    return {
        (sample.name.removeprefix("self_healing_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.body.decode())
        for sample in family.samples
        if sample.name.startswith("self_healing_")
    }


def test_what_happens_is_counted() -> None:
    counted = Metrics()
    for result in ("opened", "duplicate", "duplicate"):
        counted.arrived("dynatrace", result)
    counted.refused("dynatrace", 401)
    counted.handed_out("problem", False)
    counted.handed_out("problem", True)
    counted.handed_out("timer", False)
    counted.gave_up(2)
    counted.canary_came_back(1.5)
    counted.arrived("answers", "refused")
    counted.channel_open("slack", True)
    counted.channel_open("slack", False)
    with counted.commit():
        pass
    with pytest.raises(ZeroDivisionError), counted.commit():
        _failure = 1 / 0
    found = shown(counted)
    assert found["arrivals_total", "opened", "dynatrace"] == 1
    assert found["arrivals_total", "duplicate", "dynatrace"] == 2
    assert found["refusals_total", "dynatrace", "401"] == 1
    assert found["deliveries_total", "no", "problem"] == 1
    assert found["deliveries_total", "yes", "problem"] == 1
    assert found["deliveries_total", "no", "timer"] == 1
    assert found["deliveries_given_up_total",] == 2
    assert found["canary_round_trip_seconds",] == 1.5
    assert found["arrivals_total", "refused", "answers"] == 1
    assert found["channel_open", "slack"] == 0
    assert found["commit_seconds_count",] == 1, "what fails is no commit"


def test_what_the_journal_says_is_shown() -> None:
    found = shown(Metrics(), READINGS)
    assert found["due_waiting",] == 3
    assert found["due_unsettled",] == 2
    assert found["due_oldest_seconds",] == 90
    assert found["tool_behind", "jira"] == 4
    assert found["tool_behind", "slack"] == 0


def test_nothing_due_is_no_age() -> None:
    idle = Readings(waiting=0, unsettled=0, oldest_due=None, behind={}, canary=None, life=None)
    assert shown(Metrics(), idle)["due_oldest_seconds",] == 0


def test_a_journal_that_cannot_be_read_leaves_the_other_figures() -> None:
    counted = Metrics()
    counted.arrived("answers", "late")
    found = shown(counted, None, Health({"journal": "journal: it could not be read", "engine": None}))
    assert found["part_ok", "journal"] == 0
    assert found["part_ok", "engine"] == 1
    assert found["arrivals_total", "late", "answers"] == 1
    assert ("due_waiting",) not in found


def test_no_text_of_an_event_becomes_a_label() -> None:
    counted = Metrics()
    counted.arrived("dynatrace", "i7k3v5q2x4dmz")
    counted.handed_out("{{ lookup('pipe', 'id') }}", False)
    counted.page(READINGS, Health({"engine": "engine: a sentence with i7k3v5q2x4dmz"}), NOW)
    found = shown(counted, READINGS, Health({"engine": "engine: a sentence with i7k3v5q2x4dmz"}))
    assert found["arrivals_total", "other", "dynatrace"] == 1
    assert found["deliveries_total", "no", "other"] == 1
    assert not any("i7k3" in str(key) or "lookup" in str(key) for key in found)


def test_registries_are_apart() -> None:
    first, second = Metrics(), Metrics()
    first.gave_up(1)
    assert shown(second)["deliveries_given_up_total",] == 0


def test_without_the_package_nothing_is_counted_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "AVAILABLE", False)
    counted = Metrics()
    counted.arrived("dynatrace", "opened")
    counted.refused("dynatrace", 400)
    counted.handed_out("problem", False)
    counted.gave_up(1)
    counted.canary_came_back(1)
    counted.channel_open("slack", True)
    with counted.commit():
        pass
    assert counted.page(READINGS, WELL, NOW) is None


def test_a_process_has_one_of_them() -> None:
    assert metrics() is metrics()
