# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a company of the emulated xMatters is made of: devices, groups with shifts, absences. Values only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache

PRIORITIES = ("LOW", "MEDIUM", "HIGH")
DEVICE_KINDS = (
    "EMAIL",
    "VOICE",
    "TEXT_PHONE",
    "TEXT_PAGER",
    "APPLE_PUSH",
    "ANDROID_PUSH",
    "FAX",
    "VOICE_IVR",
    "GENERIC",
)
#: Devices on which an option is chosen by its number.
TEXTS, CALLS = ("TEXT_PHONE", "TEXT_PAGER"), ("VOICE", "VOICE_IVR")
GROUP_KINDS = ("ON_CALL", "BROADCAST", "DYNAMIC")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
#: Every shift that is not told when it began began here.
LONG_AGO = datetime(2026, 1, 5, tzinfo=timezone.utc)
_NAMESPACE = uuid.UUID("6d1b2c60-2f0b-5c55-9a3e-5d1a00000000")


@lru_cache(maxsize=4096)
def stable_id(what: str) -> str:
    """Return the UUID of a named thing; the same in every run."""
    return str(uuid.uuid5(_NAMESPACE, what))


@dataclass(frozen=True)
class Timeframe:
    """When a device may ring: C(days) of the week from C(start) (HH:MM, UTC) on for some minutes."""

    name: str
    start: str
    minutes: int
    days: tuple[str, ...] = WEEKDAYS


@dataclass(frozen=True)
class Device:
    """One device of a person.

    C(delay) is minutes to wait for a response before the next device of the same person, C(threshold) the lowest
    priority at which it rings. Without timeframes it rings at any time.
    """

    owner: str
    name: str
    kind: str
    address: str = ""
    delay: int = 0
    threshold: str = "LOW"
    timeframes: tuple[Timeframe, ...] = ()
    active: bool = True

    @property
    def target_name(self) -> str:
        return f"{self.owner}|{self.name}"

    @property
    def id(self) -> str:
        return stable_id(f"device:{self.target_name}")


@dataclass(frozen=True)
class Member:
    """One place in a shift or group: a person, a device (C(person|device)) or another group.

    C(delay) is minutes after the member before, if that one was notified.
    """

    name: str
    delay: int = 0
    in_rotation: bool = False
    escalation_type: str = "NONE"


@dataclass
class Rotation:
    """How the members of a shift take turns.

    C(kind) is C(TIME) (every C(interval) C(unit)), C(SHIFTS) (after so many finished shifts) or C(ALERTS) (after so
    many alerts). The vendor's words for these are not known; its rules are.
    """

    kind: str = "TIME"
    interval: int = 1
    unit: str = "WEEKS"
    direction: str = "FIRST_TO_LAST"
    since: datetime = LONG_AGO
    alerts: int = 0


@dataclass
class Shift:
    """A time in which members of a group are on call. C(frequency) is empty for a shift that happens once.

    C(repeat) is how often the escalation starts again after the last member.
    """

    name: str
    members: list[Member]
    start: datetime = LONG_AGO
    end: datetime = LONG_AGO + timedelta(days=1)
    timezone: str = "UTC"
    frequency: str = "DAILY"
    every: int = 1
    days: tuple[str, ...] = ()
    rotation: Rotation | None = None
    repeat: int = 0
    description: str = ""
    id: str = ""


@dataclass
class Group:
    """A group. Only one on call has shifts; the others notify all C(members) at once."""

    name: str
    shifts: list[Shift] = field(default_factory=list)
    kind: str = "ON_CALL"
    members: list[Member] = field(default_factory=list)
    supervisors: tuple[str, ...] = ()
    description: str = ""
    active: bool = True

    def __post_init__(self) -> None:
        for shift in self.shifts:
            shift.id = shift.id or stable_id(f"shift:{self.name}|{shift.name}")

    @property
    def id(self) -> str:
        return stable_id(f"group:{self.name}")

    def everybody(self) -> list[Member]:
        """Return every member once, in the order of the shifts."""
        members = [member for shift in self.shifts for member in shift.members] or self.members
        return list({member.name: member for member in members}.values())


@dataclass(frozen=True)
class Absence:
    """Somebody is away for a time, in one group or in all.

    Without a replacement the member is skipped. C(direct) tells whether alerts to the person alone follow it too.
    """

    person: str
    start: datetime
    end: datetime
    replacement: str | None = None
    group: str | None = None
    direct: bool = False
    kind: str = "BASIC"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def covers(self, at: datetime) -> bool:
        return self.start <= at < self.end
