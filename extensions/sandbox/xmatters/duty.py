# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is on call when: occurrences of shifts, rotation, and whether a device may ring. Pure.

Sources: help.xmatters.com on shifts, rotations and escalations. What these leave open is said where it is decided.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from .company import PRIORITIES, WEEKDAYS, Device, Group, Member, Rotation, Shift

Span = tuple[datetime, datetime]
_UNITS = {"HOURS": timedelta(hours=1), "DAYS": timedelta(days=1), "WEEKS": timedelta(weeks=1)}


def occurrences(shift: Shift, after: datetime, before: datetime) -> Iterator[Span]:
    """Yield start and end of every occurrence that overlaps the time from C(after) to C(before)."""
    zone = ZoneInfo(shift.timezone)
    first, last = shift.start.astimezone(zone), shift.end.astimezone(zone)
    # Wall time: a shift from 9 to 17 is that on both sides of a change of the clocks.
    length = last.replace(tzinfo=None) - first.replace(tzinfo=None)
    day = max(first.date(), after.astimezone(zone).date() - timedelta(days=length.days + 1))
    while day <= before.astimezone(zone).date():
        if _happens(shift, first.date(), day):
            begin = datetime.combine(day, first.time())
            span = begin.replace(tzinfo=zone), (begin + length).replace(tzinfo=zone)
            if span[0] < before and span[1] > after:
                yield span
        if not shift.frequency:
            return
        day += timedelta(days=1)


def _happens(shift: Shift, first: date, day: date) -> bool:
    """Tell whether the shift starts on this day, which is never before the first."""
    if shift.frequency == "DAILY":
        return (day - first).days % shift.every == 0
    if shift.frequency == "WEEKLY":
        monday = first - timedelta(days=first.weekday())
        days = shift.days or (WEEKDAYS[first.weekday()],)
        return WEEKDAYS[day.weekday()] in days and (day - monday).days // 7 % shift.every == 0
    return day == first


def occurrence(shift: Shift, at: datetime) -> Span | None:
    """Return start and end of the occurrence that covers C(at); None while the shift is not on."""
    return next(occurrences(shift, at, at + timedelta(microseconds=1)), None)


def order(shift: Shift, at: datetime) -> list[Member]:
    """Return the members in the order of their turn at C(at). The delays stay with the places, as in the vendor's."""
    turning = [member for member in shift.members if member.in_rotation]
    if shift.rotation is None or len(turning) < 2:
        return list(shift.members)
    turns = _turns(shift, shift.rotation, at) % len(turning)
    if shift.rotation.direction == "LAST_TO_FIRST":
        turns = -turns
    turned = iter(turning[turns:] + turning[:turns])
    placed = [next(turned) if member.in_rotation else member for member in shift.members]
    return [
        Member(member.name, place.delay, member.in_rotation, member.escalation_type)
        for member, place in zip(placed, shift.members, strict=True)
    ]


def _turns(shift: Shift, rotation: Rotation, at: datetime) -> int:
    if at <= rotation.since and rotation.kind != "ALERTS":
        return 0
    if rotation.kind == "ALERTS":
        done = rotation.alerts
    elif rotation.kind == "SHIFTS":
        done = sum(1 for _start, end in occurrences(shift, rotation.since, at) if end <= at)
    else:
        done = (at - rotation.since) // _UNITS[rotation.unit]
    return done // rotation.interval


def on_duty(group: Group, at: datetime) -> Iterator[tuple[Shift, Span]]:
    """Yield the shifts that are on at C(at), with start and end."""
    for shift in group.shifts:
        span = occurrence(shift, at)
        if span is not None:
            yield shift, span


def rings(device: Device, priority: str, at: datetime, restricted: bool = True) -> bool:
    """Tell whether a device is notified: by its threshold and timeframes, unless the alert overrides restrictions."""
    if not device.active:
        return False
    if not restricted:
        return True
    if PRIORITIES.index(priority) < PRIORITIES.index(device.threshold):
        return False
    frames = device.timeframes
    return not frames or any(_within(frame.start, frame.minutes, frame.days, at) for frame in frames)


def _within(start: str, minutes: int, days: tuple[str, ...], at: datetime) -> bool:
    hour, _colon, minute = start.partition(":")
    for back in (0, 1):
        begin = (at - timedelta(days=back)).replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        if WEEKDAYS[begin.weekday()] in days and begin <= at < begin + timedelta(minutes=minutes):
            return True
    return False
