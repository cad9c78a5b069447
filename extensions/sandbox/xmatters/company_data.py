# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes groups, devices and absences of the plain data that comes through the control interface."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..settings import Person
from .company import (
    DEVICE_KINDS,
    GROUP_KINDS,
    LONG_AGO,
    PRIORITIES,
    WEEKDAYS,
    Absence,
    Device,
    Group,
    Member,
    Rotation,
    Shift,
    Timeframe,
)
from .directory import Directory
from .queries import time_of

Data = Mapping[str, Any]


def absence_from(data: Data, directory: Directory, now: datetime) -> Absence:
    """Return an absence. Without C(start) it begins now. Raises ValueError that names what is wrong."""
    person = _person(data, "person", directory)
    start = time_of(str(data["start"]), "start") if "start" in data else now
    end = time_of(str(data["end"]), "end") if "end" in data else start + timedelta(minutes=_number(data, "minutes", 60))
    replacement = _person(data, "replacement", directory).key if data.get("replacement") else None
    group = directory.find_group(str(data["group"])) if data.get("group") else None
    if data.get("group") and group is None:
        raise ValueError(f"group {str(data['group'])[:50]!r} is unknown")
    if end <= start:
        raise ValueError("an absence must end after its start")
    return Absence(
        person=person.key,
        start=start,
        end=end,
        replacement=replacement,
        group=group.name if group else None,
        direct=data.get("direct") is True,
        kind="REPLACEMENT" if replacement else "BASIC",
    )


def devices_from(data: Data, person: Person) -> list[Device]:
    """Return the devices of a person, in order. Raises ValueError that names what is wrong."""
    return [
        Device(
            owner=person.key,
            name=_text(one, "name"),
            kind=_choice(one, "kind", DEVICE_KINDS, "ANDROID_PUSH"),
            address=str(one.get("address") or ""),
            delay=_number(one, "delay", 0),
            threshold=_choice(one, "threshold", PRIORITIES, "LOW"),
            timeframes=tuple(_timeframe(frame) for frame in _listed(one, "timeframes")),
            active=one.get("active") is not False,
        )
        for one in _listed(data, "devices")
    ]


def group_from(data: Data, directory: Directory) -> Group:
    """Return a group. Raises ValueError that names what is wrong."""
    kind = _choice(data, "kind", GROUP_KINDS, "ON_CALL")
    members = _members(data, directory)
    shifts = [_shift(one, directory) for one in _listed(data, "shifts")]
    if kind == "ON_CALL" and members and not shifts:
        shifts, members = [Shift("Around the clock", members, repeat=_number(data, "repeat", 0))], []
    return Group(
        name=_text(data, "name"),
        shifts=shifts,
        kind=kind,
        members=members,
        supervisors=tuple(str(name) for name in data.get("supervisors") or ()),
        description=str(data.get("description") or ""),
        active=data.get("active") is not False,
    )


def _shift(data: Data, directory: Directory) -> Shift:
    start = time_of(str(data["start"]), "start") if "start" in data else LONG_AGO
    zone = str(data.get("timezone") or "UTC")
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise ValueError(f"timezone {zone[:50]!r} is unknown") from None
    rotation = data.get("rotation")
    return Shift(
        name=_text(data, "name"),
        members=_members(data, directory),
        start=start,
        end=time_of(str(data["end"]), "end") if "end" in data else start + timedelta(days=1),
        timezone=zone,
        frequency=_choice(data, "frequency", ("", "DAILY", "WEEKLY"), "DAILY"),
        every=max(1, _number(data, "every", 1)),
        days=tuple(_choice({"day": day}, "day", WEEKDAYS, "MO") for day in data.get("days") or ()),
        rotation=_rotation(rotation, start) if isinstance(rotation, Mapping) else None,
        repeat=_number(data, "repeat", 0),
        description=str(data.get("description") or ""),
    )


def _rotation(data: Data, start: datetime) -> Rotation:
    return Rotation(
        kind=_choice(data, "kind", ("TIME", "SHIFTS", "ALERTS"), "TIME"),
        interval=max(1, _number(data, "interval", 1)),
        unit=_choice(data, "unit", ("HOURS", "DAYS", "WEEKS"), "WEEKS"),
        direction=_choice(data, "direction", ("FIRST_TO_LAST", "LAST_TO_FIRST"), "FIRST_TO_LAST"),
        since=time_of(str(data["since"]), "since") if "since" in data else start,
    )


def _members(data: Data, directory: Directory) -> list[Member]:
    """Return members: names, or objects with C(name), C(delay) in minutes and C(in_rotation)."""
    members = []
    for one in data.get("members") or ():
        entry: Data = one if isinstance(one, Mapping) else {"name": one}
        name = _text(entry, "name")
        known = directory.find_group(name) or directory.find_device(name) or directory.find_person(name)
        if known is None:
            raise ValueError(f"member {name[:50]!r} is no person, device or group")
        target = (
            known.key if isinstance(known, Person) else known.name if isinstance(known, Group) else known.target_name
        )
        members.append(Member(target, _number(entry, "delay", 0), entry.get("in_rotation") is True))
    return members


def _timeframe(data: Data) -> Timeframe:
    days = tuple(_choice({"day": day}, "day", WEEKDAYS, "MO") for day in data.get("days") or WEEKDAYS)
    start = _text(data, "start")
    hour, colon, minute = start.partition(":")
    if not (colon and hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60):
        raise ValueError("start of a timeframe must be a time like 08:00")
    return Timeframe(str(data.get("name") or start), start, _number(data, "minutes", 60), days)


def _person(data: Data, field: str, directory: Directory) -> Person:
    person = directory.find_person(str(data.get(field, "")))
    if person is None:
        raise ValueError(f"{field} {str(data.get(field, ''))[:50]!r} is unknown")
    return person


def _listed(data: Data, field: str) -> list[Data]:
    value = data.get(field) or []
    if not isinstance(value, list) or not all(isinstance(one, Mapping) for one in value):
        raise ValueError(f"{field} must be a list of objects")
    return value


def _text(data: Data, field: str) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field} is missing")
    return value


def _number(data: Data, field: str, usual: int) -> int:
    value = data.get(field, usual)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{field} must be a whole number")
    return value


def _choice(data: Data, field: str, known: tuple[str, ...], usual: str) -> str:
    value = data.get(field, usual)
    if value not in known:
        raise ValueError(f"{field} must be one of {', '.join(known)}")
    return str(value)
