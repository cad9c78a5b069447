# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What xMatters tells of people, groups and shifts, as values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .xmatters_json import items, mapping, text, whole
from .xmatters_values import parse_time

PERSON, GROUP, DEVICE = "PERSON", "GROUP", "DEVICE"
ON_CALL = "ON_CALL"


@dataclass(frozen=True)
class Device:
    """One way to reach a person. C(key) is C(user|name); C(kind) is C(EMAIL), C(VOICE), C(TEXT_PHONE), ..."""

    id: str
    key: str
    name: str
    kind: str
    sequence: int
    address: str
    status: str
    priority: str
    delay: int
    tested: bool


@dataclass(frozen=True)
class User:
    """A person as the directory has it. C(key) is the target name."""

    id: str
    key: str
    name: str
    first_name: str = ""
    last_name: str = ""
    login: str = ""
    status: str = ""
    timezone: str = ""
    language: str = ""
    licence: str = ""
    roles: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """A group. C(kind) is C(ON_CALL), C(BROADCAST) or C(DYNAMIC)."""

    id: str
    key: str
    kind: str
    status: str = ""
    description: str = ""
    timezone: str = ""


@dataclass(frozen=True)
class Target:
    """Somebody or something that can be notified: a person, a group or a device (C(kind)).

    C(owner) is whose device it is. C(group_kind) says what kind of group it is, where that was told.
    """

    id: str
    key: str
    kind: str
    name: str = ""
    status: str = ""
    owner: str = ""
    group_kind: str = ""


@dataclass(frozen=True)
class Replacement:
    """Somebody who stands in for a member during a time."""

    target: Target
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Member:
    """A member of a shift. C(delay) is how long after the member before this one is notified (minutes)."""

    target: Target
    position: int
    delay: int = 0
    escalation: str = ""
    replacements: tuple[Replacement, ...] = ()
    in_rotation: bool | None = None


@dataclass(frozen=True)
class Turn:
    """One occurrence of a shift: who is on call in a group from C(start) to C(end), in the order of escalation."""

    group: Target
    shift: str
    start: datetime | None
    end: datetime | None
    members: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Shift:
    """A shift as it is planned. C(recurrence) and C(rotation) are the vendor's."""

    id: str
    name: str
    description: str = ""
    start: datetime | None = None
    end: datetime | None = None
    timezone: str = ""
    recurrence: Mapping[str, Any] = field(default_factory=dict)
    rotation: Mapping[str, Any] = field(default_factory=dict)
    members: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Absence:
    """Somebody who is away for a time, everywhere or in one group, with or without somebody who stands in."""

    id: str
    kind: str
    member: Target
    start: datetime | None
    end: datetime | None
    group: str | None = None
    replacement: Target | None = None


def to_target(item: Mapping[str, Any]) -> Target:
    """Read a reference. What is a device is seen by its target name where nothing else says so."""
    key = text(item, "targetName") or text(item, "id")
    kind = text(item, "recipientType").upper() or (DEVICE if "|" in key else PERSON)
    full = f"{text(item, 'firstName')} {text(item, 'lastName')}".strip()
    owner = text(mapping(item, "owner"), "targetName") or (key.partition("|")[0] if kind == DEVICE else "")
    return Target(
        id=text(item, "id"),
        key=key,
        kind=kind,
        name=full or text(item, "name") or key,
        status=text(item, "status").upper(),
        owner=owner,
        group_kind=text(item, "groupType").upper(),
    )


def to_device(item: Mapping[str, Any]) -> Device:
    return Device(
        id=text(item, "id"),
        key=text(item, "targetName"),
        name=text(item, "name") or text(item, "targetName").partition("|")[2],
        kind=text(item, "deviceType").upper() or ("EMAIL" if item.get("emailAddress") else ""),
        sequence=whole(item.get("sequence")) or 0,
        address=text(item, "emailAddress") or text(item, "phoneNumber") or text(item, "pin"),
        status=text(item, "status").upper(),
        priority=text(item, "priorityThreshold").upper(),
        delay=whole(item.get("delay")) or 0,
        tested=text(item, "testStatus").upper() == "TESTED",
    )


def email_of(devices: Iterable[Device]) -> str | None:
    """Return the address of the first e-mail device that shows one: what may not be seen is left out of it."""
    return next((device.address for device in devices if device.kind == "EMAIL" and device.address), None)


def to_user(item: Mapping[str, Any]) -> User:
    target = to_target(item)
    return User(
        id=target.id,
        key=target.key,
        name=target.name,
        first_name=text(item, "firstName"),
        last_name=text(item, "lastName"),
        login=text(item, "webLogin"),
        status=target.status,
        timezone=text(item, "timezone"),
        language=text(item, "language"),
        licence=text(item, "licenseType"),
        roles=tuple(text(role, "name") for role in items(item, "roles")),
        properties=dict(mapping(item, "properties")),
    )


def to_group(item: Mapping[str, Any]) -> Group:
    return Group(
        id=text(item, "id"),
        key=text(item, "targetName") or text(item, "id"),
        kind=text(item, "groupType").upper(),
        status=text(item, "status").upper(),
        description=text(item, "description"),
        timezone=text(item, "timezone"),
    )


def to_member(item: Mapping[str, Any], position: int) -> Member:
    """Read a member of a shift (C(recipient)) or of its occurrence (C(member)). C(position) is where it was listed."""
    rotation = item.get("inRotation")
    return Member(
        target=to_target(mapping(item, "member") or mapping(item, "recipient")),
        position=whole(item.get("position")) or position,
        delay=max(0, whole(item.get("delay")) or 0),
        escalation=text(item, "escalationType").upper(),
        replacements=tuple(
            Replacement(to_target(mapping(entry, "replacement")), *_span(entry))
            for entry in items(item, "replacements")
            if mapping(entry, "replacement")
        ),
        in_rotation=rotation if isinstance(rotation, bool) else None,
    )


def to_members(listed: list[Mapping[str, Any]]) -> tuple[Member, ...]:
    """Read members in the order of their positions."""
    members = [to_member(item, position) for position, item in enumerate(listed, start=1)]
    return tuple(sorted(members, key=lambda member: member.position))


def to_turn(item: Mapping[str, Any], members: list[Mapping[str, Any]]) -> Turn:
    shift = mapping(item, "shift")
    return Turn(
        to_target({"recipientType": GROUP, **mapping(item, "group")}),
        text(shift, "name"),
        *_span(item),
        to_members(members),
    )


def to_shift(item: Mapping[str, Any], members: list[Mapping[str, Any]]) -> Shift:
    start, end = _span(item)
    return Shift(
        id=text(item, "id"),
        name=text(item, "name"),
        description=text(item, "description"),
        start=start,
        end=end,
        timezone=text(item, "timezone"),
        recurrence=dict(mapping(item, "recurrence")),
        rotation=dict(mapping(item, "rotation")),
        members=to_members(members),
    )


def to_absence(item: Mapping[str, Any]) -> Absence:
    group = mapping(item, "group")
    start, end = _span(item)
    return Absence(
        id=text(item, "id"),
        kind=text(item, "absenceType").upper(),
        member=to_target(mapping(item, "member")),
        start=start,
        end=end,
        group=text(group, "targetName") or text(group, "id") or None,
        replacement=to_target(mapping(item, "replacement")) if mapping(item, "replacement") else None,
    )


def _span(item: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    return parse_time(item.get("start")), parse_time(item.get("end"))
