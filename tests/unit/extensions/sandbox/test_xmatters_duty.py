# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shifts, rotations and restrictions of the emulated xMatters, without a server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.settings import ANA, BO, CLEO, Settings
from sandbox.xmatters import duty
from sandbox.xmatters.clock import Clock
from sandbox.xmatters.company import Absence, Device, Group, Member, Rotation, Shift, Timeframe
from sandbox.xmatters.company_data import devices_from, group_from
from sandbox.xmatters.directory import Directory

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def days() -> Shift:
    """Return a shift from 9 to 17 on workdays in Berlin."""
    return Shift(
        "Days",
        [],
        start=datetime(2026, 10, 19, 9, tzinfo=BERLIN),
        end=datetime(2026, 10, 19, 17, tzinfo=BERLIN),
        timezone="Europe/Berlin",
        frequency="WEEKLY",
        days=("MO", "TU", "WE", "TH", "FR"),
    )


@pytest.mark.parametrize(
    ("at", "on"),
    [
        ("2026-10-23 06:59", False),
        ("2026-10-23 07:00", True),  # summer time: nine o'clock
        ("2026-10-23 15:00", False),
        ("2026-10-24 10:00", False),  # a Saturday
        ("2026-10-26 07:30", False),  # winter time since the night before
        ("2026-10-26 08:00", True),
        ("2026-10-12 10:00", False),  # before it all began
    ],
)
def test_a_shift_keeps_its_hours_when_the_clocks_change(at: str, on: bool) -> None:
    assert (duty.occurrence(days(), utc(at)) is not None) is on


def test_occurrences_of_a_week() -> None:
    starts = [start for start, _end in duty.occurrences(days(), utc("2026-10-19 00:00"), utc("2026-10-26 00:00"))]
    assert [start.strftime("%a %H") for start in starts] == ["Mon 09", "Tue 09", "Wed 09", "Thu 09", "Fri 09"]


def test_a_night_shift_is_on_after_midnight_and_a_single_one_once() -> None:
    night = Shift("Night", [], start=utc("2026-11-02 22:00"), end=utc("2026-11-03 06:00"))
    span = duty.occurrence(night, utc("2026-11-10 05:59"))
    assert span is not None
    assert span[0] == utc("2026-11-09 22:00")
    once = Shift("Cover", [], start=utc("2026-11-02 22:00"), end=utc("2026-11-04 06:00"), frequency="")
    assert [duty.occurrence(once, utc(f"2026-11-0{day} 23:00")) is not None for day in (1, 2, 3, 4)] == [
        False,
        True,
        True,
        False,
    ]


def test_every_other_week() -> None:
    shift = days()
    shift.every = 2
    assert duty.occurrence(shift, utc("2026-10-21 10:00")) is not None
    assert duty.occurrence(shift, utc("2026-10-28 10:00")) is None
    assert duty.occurrence(shift, utc("2026-11-04 10:00")) is not None


def turning(rotation: Rotation) -> Shift:
    members = [Member("a", 0, True), Member("fixed", 5), Member("b", 10, True), Member("c", 15, True)]
    return Shift("Turns", members, start=utc("2026-11-02 00:00"), end=utc("2026-11-03 00:00"), rotation=rotation)


@pytest.mark.parametrize(
    ("direction", "weeks", "expected"),
    [
        ("FIRST_TO_LAST", 0, ["a", "fixed", "b", "c"]),
        ("FIRST_TO_LAST", 1, ["b", "fixed", "c", "a"]),
        ("FIRST_TO_LAST", 3, ["a", "fixed", "b", "c"]),
        ("LAST_TO_FIRST", 1, ["c", "fixed", "a", "b"]),
    ],
)
def test_members_take_turns_and_the_delays_stay_in_their_places(
    direction: str, weeks: int, expected: list[str]
) -> None:
    since = utc("2026-11-02 09:00")
    shift = turning(Rotation("TIME", 1, "WEEKS", direction, since))
    order = duty.order(shift, since + timedelta(weeks=weeks, minutes=1))
    assert [member.name for member in order] == expected
    assert [member.delay for member in order] == [0, 5, 10, 15]


def test_turns_by_finished_shifts_and_by_alerts() -> None:
    by_shift = turning(Rotation("SHIFTS", 1, since=utc("2026-11-02 00:00")))
    assert duty.order(by_shift, utc("2026-11-02 23:59"))[0].name == "a"
    assert duty.order(by_shift, utc("2026-11-03 00:01"))[0].name == "b"
    by_alert = turning(Rotation("ALERTS", 2, alerts=3))
    assert duty.order(by_alert, utc("2026-11-02 00:00"))[0].name == "b"


@pytest.mark.parametrize(
    ("priority", "at", "restricted", "expected"),
    [
        ("HIGH", "2026-11-02 12:00", True, True),
        ("MEDIUM", "2026-11-02 12:00", True, False),  # below its threshold
        ("HIGH", "2026-11-02 20:00", True, False),  # outside of its hours
        ("HIGH", "2026-11-03 01:00", True, True),  # the night that began on Monday
        ("LOW", "2026-11-02 20:00", False, True),  # the alert overrides restrictions
    ],
)
def test_a_device_rings_for_some_alerts_only(priority: str, at: str, restricted: bool, expected: bool) -> None:
    frames = (Timeframe("day", "08:00", 600), Timeframe("night", "23:00", 180, ("MO",)))
    device = Device("ana", "Work Phone", "VOICE", threshold="HIGH", timeframes=frames)
    assert duty.rings(device, priority, utc(at), restricted) is expected
    assert duty.rings(Device("ana", "Old", "VOICE", active=False), "HIGH", utc(at), restricted=False) is False


@pytest.fixture
def directory() -> Directory:
    return Directory(Settings(people=(ANA, BO, CLEO)), Clock())


def away(directory: Directory, person: str, **more: Any) -> None:
    directory.add_absence(Absence(person, utc("2026-11-02 00:00"), utc("2026-11-03 00:00"), **more))


def test_who_stands_in_for_whom(directory: Directory) -> None:
    at, group = utc("2026-11-02 12:00"), directory.groups["Checkout SRE"]
    assert directory.stand_in(ANA, group, at) == (ANA, "")
    away(directory, "ana", replacement="bo")
    assert directory.stand_in(ANA, group, at)[0] == BO
    away(directory, "bo", replacement="cleo", group="Checkout SRE")
    assert directory.stand_in(ANA, group, at) == (CLEO, "away until 2026-11-03 00:00 UTC")
    assert directory.stand_in(ANA, None, at) == (ANA, ""), "alerts to the person alone do not follow the absence"
    assert directory.stand_in(BO, Group("Other"), at) == (BO, ""), "an absence may be for one group"
    away(directory, "cleo", replacement="ana")
    assert directory.stand_in(ANA, group, at)[0] is None, "a circle ends with nobody"
    assert directory.stand_in(ANA, group, utc("2026-11-03 00:00")) == (ANA, "")


def test_an_inactive_stand_in_and_a_direct_absence(directory: Directory) -> None:
    at = utc("2026-11-02 12:00")
    away(directory, "ana", replacement="bo", direct=True)
    assert directory.stand_in(ANA, None, at)[0] == BO
    directory.inactive.add("bo")
    assert directory.stand_in(ANA, None, at)[0] is None


def test_the_first_on_call_is_found_through_nested_groups(directory: Directory) -> None:
    at = utc("2026-11-02 12:00")
    directory.add_group(Group("Empty", [Shift("None", [])]))
    directory.add_group(Group("Inner", [Shift("All", [Member("Outer"), Member("bo|Mobile")])]))
    outer = Group("Outer", [Shift("All", [Member("Empty"), Member("Inner"), Member("cleo")])])
    directory.add_group(outer)
    assert directory.first_on_call(outer, at) == [BO]
    directory.inactive.add("bo")
    assert directory.first_on_call(outer, at) == [CLEO]


def test_what_is_wrong_in_a_group_is_named(directory: Directory) -> None:
    for data, named in (
        ({}, "name is missing"),
        ({"name": "x", "members": ["nobody"]}, "member 'nobody'"),
        ({"name": "x", "kind": "CLUB"}, "kind must be one of ON_CALL"),
        ({"name": "x", "shifts": [{"name": "s", "timezone": "Mars/Base"}]}, "timezone 'Mars/Base'"),
        ({"name": "x", "shifts": [{"name": "s", "frequency": "HOURLY"}]}, "frequency must be"),
        ({"name": "x", "shifts": [{"name": "s", "members": [{"name": "ana", "delay": -1}]}]}, "delay must be"),
    ):
        with pytest.raises(ValueError, match=named):
            group_from(data, directory)
    with pytest.raises(ValueError, match="kind must be one of EMAIL"):
        devices_from({"devices": [{"name": "x", "kind": "PIGEON"}]}, ANA)
    with pytest.raises(ValueError, match="must be a time like"):
        devices_from({"devices": [{"name": "x", "timeframes": [{"start": "8 o'clock"}]}]}, ANA)
