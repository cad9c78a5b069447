# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who of a group is called when: delays, absences, people who stand in, groups in groups, devices."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_directory_values import (
    Absence,
    Member,
    Replacement,
    Target,
    Turn,
    to_target,
)
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_escalation import (
    Escalation,
    Roster,
    escalation,
)
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_on_call import called

AT = datetime(2026, 11, 22, 8, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def person(key: str, status: str = "ACTIVE") -> Target:
    return Target(key.upper(), key, "PERSON", key.capitalize(), status)


def group(key: str, kind: str = "ON_CALL", status: str = "ACTIVE") -> Target:
    return Target(key.upper(), key, "GROUP", key, status, group_kind=kind)


def member(target: Target, delay: int = 0, **more: Any) -> Member:
    return Member(target, 1, delay, **more)


def turn(name: str, *members: Member, start: datetime = AT - HOUR, end: datetime = AT + HOUR) -> Turn:
    return Turn(group(name), "shift", start, end, members)


def absence(
    key: str, replacement: Target | None = None, where: str | None = None, end: datetime = AT + HOUR
) -> Absence:
    return Absence("a", "BASIC", person(key), AT - HOUR, end, where, replacement)


def order(found: Escalation) -> list[tuple[str, int]]:
    return [(step.target.key, step.after) for step in found.steps]


THREE = (member(person("ana")), member(person("bo"), 5), member(person("cy"), 10))


def call(turns: dict[str, list[Turn]], *absences: Absence, members: Any = None) -> Escalation:
    return escalation(Roster(turns, members or {}, absences), group("sre"), AT)


def test_members_are_called_after_their_delays() -> None:
    found = call({"sre": [turn("sre", *THREE)]})
    assert order(found) == [("ana", 0), ("bo", 5), ("cy", 15)]
    assert (found.covered, found.skipped) == (True, ())
    assert {step.until for step in found.steps} == {AT + HOUR}


def test_who_is_away_is_left_out_with_the_delay_behind() -> None:
    found = call({"sre": [turn("sre", *THREE)]}, absence("bo"))
    assert order(found) == [("ana", 0), ("cy", 5)]
    assert [(one.target.key, one.reason) for one in found.skipped] == [("bo", "absent")]


def test_who_is_inactive_is_left_out_too() -> None:
    members = (member(person("ana", "INACTIVE")), *THREE[1:])
    assert order(call({"sre": [turn("sre", *members)]})) == [("bo", 0), ("cy", 10)]


@pytest.mark.parametrize(
    "away",
    [
        absence("bo", end=AT),  # over by now
        absence("bo", where="another group"),
        absence("dee"),
    ],
)
def test_absences_of_other_times_groups_and_people_do_not_count(away: Absence) -> None:
    assert order(call({"sre": [turn("sre", *THREE)]}, away)) == [("ana", 0), ("bo", 5), ("cy", 15)]


def test_an_absence_in_this_group_counts_whatever_the_case_of_its_name() -> None:
    assert order(call({"sre": [turn("sre", *THREE)]}, absence("bo", where="SRE"))) == [("ana", 0), ("cy", 5)]


def test_who_stands_in_is_called_in_the_place() -> None:
    found = call({"sre": [turn("sre", *THREE)]}, absence("bo", person("dee")))
    assert order(found) == [("ana", 0), ("dee", 5), ("cy", 15)]
    assert [step.replaces.key for step in found.steps if step.replaces] == ["bo"]


def test_a_replacement_in_the_shift_needs_no_absence() -> None:
    now = Replacement(person("dee"), AT - HOUR, AT + HOUR)
    later = Replacement(person("eve"), AT + HOUR, None)
    members = (member(person("ana"), replacements=(later, now)), THREE[1])
    assert order(call({"sre": [turn("sre", *members)]})) == [("dee", 0), ("bo", 5)]


def test_an_inactive_replacement_is_nobody() -> None:
    found = call({"sre": [turn("sre", *THREE)]}, absence("ana", person("dee", "INACTIVE")))
    assert order(found) == [("bo", 0), ("cy", 10)]


def test_a_gap_covers_nobody() -> None:
    for turns in ({"sre": []}, {}):
        found = call(turns)
        assert (found.steps, found.covered) == ((), False)


def test_of_the_turns_of_a_time_those_of_the_moment_count() -> None:
    later = turn("sre", *THREE, start=AT + HOUR, end=AT + 2 * HOUR)
    assert escalation(Roster({"sre": [later]}, of_a_time=True), group("sre"), AT).covered is False
    # For one moment xMatters has chosen the turns by its own clock, which may be ahead of ours.
    assert escalation(Roster({"sre": [later]}), group("sre"), AT).covered is True


def test_shifts_at_the_same_time_run_side_by_side() -> None:
    night = turn("sre", member(person("dee")), member(person("eve"), 3))
    assert order(call({"sre": [turn("sre", *THREE), night]})) == [
        ("ana", 0),
        ("dee", 0),
        ("eve", 3),
        ("bo", 5),
        ("cy", 15),
    ]


def test_groups_in_groups_are_gone_through() -> None:
    inner = [turn("db", member(person("dee")), member(person("eve"), 2))]
    outer = [turn("sre", member(person("ana")), member(group("db"), 10), member(person("cy"), 5))]
    found = call({"sre": outer, "db": inner})
    assert order(found) == [("ana", 0), ("dee", 10), ("eve", 12), ("cy", 15)]
    assert [step.through for step in found.steps][1] == ("sre", "db")


def test_a_group_without_shifts_calls_everybody_at_once() -> None:
    outer = [turn("sre", member(person("ana")), member(group("all", "BROADCAST"), 7))]
    found = call({"sre": outer}, members={"all": [person("bo"), person("cy")]})
    assert order(found) == [("ana", 0), ("bo", 7), ("cy", 7)]


def test_a_group_that_contains_itself_ends() -> None:
    outer = [turn("sre", member(group("db")), member(person("ana"), 5))]
    inner = [turn("db", member(group("sre")))]
    found = call({"sre": outer, "db": inner})
    assert order(found) == [("ana", 0)]
    assert [one.reason for one in found.skipped] == ["contains itself"]


def test_a_group_with_nobody_on_call_is_named() -> None:
    found = call({"sre": [turn("sre", member(group("db")), member(person("ana"), 5))]})
    assert order(found) == [("ana", 0)]
    assert [(one.target.key, one.reason) for one in found.skipped] == [("db", "nobody on call")]


def test_everybody_is_called_once_and_at_the_earliest_time() -> None:
    inner = [turn("db", member(person("ana")))]
    outer = [turn("sre", member(person("bo")), member(group("db"), 10), member(person("ANA"), -0))]
    assert order(call({"sre": outer, "db": inner})) == [("bo", 0), ("ana", 10)]


def test_a_device_is_called_for_its_owner() -> None:
    phone = to_target({"id": "d1", "targetName": "bo|Mobile Phone", "owner": {"targetName": "bo"}})
    assert (phone.kind, phone.owner) == ("DEVICE", "bo")
    members = (member(person("ana")), member(phone, 5))
    assert order(call({"sre": [turn("sre", *members)]})) == [("ana", 0), ("bo|Mobile Phone", 5)]
    away = call({"sre": [turn("sre", *members)]}, absence("bo"))
    assert order(away) == [("ana", 0)]


def test_unknown_absences_leave_everybody_in() -> None:
    roster = Roster({"sre": [turn("sre", *THREE)]}, {}, None)
    assert order(escalation(roster, group("sre"), AT)) == [("ana", 0), ("bo", 5), ("cy", 15)]


def test_an_inactive_group_calls_nobody() -> None:
    roster = Roster({"sre": [turn("sre", *THREE)]})
    found = escalation(roster, group("sre", status="INACTIVE"), AT)
    assert (found.steps, found.covered) == ((), False)


def test_nobody_behind_the_first_level_is_looked_up_when_only_that_is_wanted() -> None:
    class Asked:
        def __init__(self) -> None:
            self.keys: list[str] = []

        def email(self, key: str) -> str:
            self.keys.append(key)
            return f"{key}@example.com"

    people: Any = Asked()
    found = call({"sre": [turn("sre", member(person("ana")), member(person("ben"), 5))]})
    everybody = called(found, people)
    assert people.keys == ["ana", "ben"]
    people.keys.clear()
    assert called(found, people, first=True) == [step for step in everybody if step["level"] == 1]
    assert people.keys == ["ana"]
    assert called(Escalation((), (), False), people, first=True) == []
