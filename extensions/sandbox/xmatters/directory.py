# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who works in the emulated company: people with their devices, groups with their shifts, and who is away."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..settings import Person, Settings
from . import duty
from .clock import Clock
from .company import Absence, Device, Group, Member, Shift, stable_id

#: Whom the API shows as the author of what callers with the integration's credentials do.
INTEGRATION_USER = "self-healing"
#: Minutes between two members of the first group's shift.
MEMBER_DELAY = 5
#: Minutes that a person has before the phone is called.
CALL_DELAY = 2


def usual_devices(person: Person, number: int) -> list[Device]:
    """Return what everybody has at first: mail, app and text at once, and a call when it is urgent and goes on."""
    phone = f"+4930555{number:04d}"
    return [
        Device(person.key, "Work Email", "EMAIL", person.email),
        Device(person.key, "Mobile", "ANDROID_PUSH"),
        Device(person.key, "SMS Phone", "TEXT_PHONE", phone, delay=CALL_DELAY),
        Device(person.key, "Work Phone", "VOICE", phone, threshold="HIGH"),
    ]


class Directory:
    """People, devices, groups and absences, and how they are found by the names that callers use."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.devices: dict[str, Device] = {}
        self.groups: dict[str, Group] = {}
        self.absences: dict[str, Absence] = {}
        #: Target names of people who are not active: they are never notified.
        self.inactive: set[str] = set()
        for number, person in enumerate(settings.people, start=1):
            self.set_devices(person.key, usual_devices(person, number))
        on_call = settings.person(settings.on_call)
        ordered = [on_call, *(person for person in settings.people if person != on_call)]
        members = [Member(person.key, MEMBER_DELAY if place else 0) for place, person in enumerate(ordered)]
        first = Shift(
            "Around the clock", members, description="Everybody, the person on call first", id=stable_id("shift")
        )
        self.add_group(Group(settings.group, [first], description="Answers for the checkout services"))

    # -- changes -----------------------------------------------------------------------------------------------------

    def set_devices(self, person: str, devices: Iterable[Device]) -> None:
        """Give a person these devices, in this order, and no others."""
        self.devices = {key: device for key, device in self.devices.items() if device.owner != person}
        self.devices.update({device.id: device for device in devices})

    def add_group(self, group: Group) -> None:
        """Add a group, or put it in the place of the one with its name."""
        self.groups[group.name] = group

    def add_absence(self, absence: Absence) -> None:
        self.absences[absence.id] = absence

    # -- who is there ------------------------------------------------------------------------------------------------

    @property
    def people(self) -> tuple[Person, ...]:
        return self.settings.people

    @property
    def shift_id(self) -> str:
        """UUID of the first shift of the first group."""
        return next(iter(self.groups.values())).shifts[0].id

    def find_person(self, name: str) -> Person | None:
        """Return the person with this target name, e-mail address or UUID."""
        wanted = name.casefold()
        for person in self.people:
            if wanted in (person.key.casefold(), person.email.casefold(), stable_id(f"person:{person.key}")):
                return person
        return None

    def find_group(self, name: str) -> Group | None:
        """Return the group with this name or UUID."""
        wanted = name.casefold()
        return next((one for one in self.groups.values() if wanted in (one.name.casefold(), one.id)), None)

    def find_device(self, name: str) -> Device | None:
        """Return the device with this target name (C(person|device)) or UUID."""
        wanted = name.casefold()
        found = (one for one in self.devices.values() if wanted in (one.target_name.casefold(), one.id))
        return next(found, None)

    def devices_of(self, person: Person) -> list[Device]:
        return [device for device in self.devices.values() if device.owner == person.key]

    def groups_of(self, name: str) -> list[Group]:
        """Return the groups in which this target name is a member."""
        return [one for one in self.groups.values() if any(member.name == name for member in one.everybody())]

    # -- who is notified ---------------------------------------------------------------------------------------------

    def absence(self, person: Person, group: Group | None, at: datetime) -> Absence | None:
        """Return the absence that matters when this person is notified in a group, or alone (None)."""
        for absence in self.absences.values():
            if absence.person != person.key or not absence.covers(at):
                continue
            if absence.direct if group is None else absence.group in (None, group.name):
                return absence
        return None

    def stand_in(self, person: Person, group: Group | None, at: datetime) -> tuple[Person | None, str]:
        """Return who is notified in the place of C(person), and why it is somebody else or nobody (else empty)."""
        asked: list[Person] = []
        why = ""
        while person not in asked:
            asked.append(person)
            if person.key in self.inactive:
                return None, why or "not active"
            absence = self.absence(person, group, at)
            if absence is None:
                return person, why
            replacement = self.find_person(absence.replacement) if absence.replacement else None
            why = why or f"away until {absence.end:%Y-%m-%d %H:%M} UTC"
            if replacement is None:
                return None, why
            person = replacement
        return None, why

    def first_on_call(self, group: Group, at: datetime, within: tuple[str, ...] = ()) -> list[Person]:
        """Return who is on call first: the first member who can be notified; in a nested group, its first."""
        if not group.active or group.name in within:
            return []
        for shift, _span in duty.on_duty(group, at):
            for member in duty.order(shift, at):
                nested = self.find_group(member.name)
                if nested is not None:
                    found = self.first_on_call(nested, at, (*within, group.name))
                else:
                    owner = self.find_person(member.name.partition("|")[0])
                    person = self.stand_in(owner, group, at)[0] if owner else None
                    found = [person] if person else []
                if found:
                    return found
        return []

    def on_call_now(self) -> set[str]:
        """Return the target names of those who are on call first in any group."""
        at = self.clock.now()
        return {person.key for group in self.groups.values() for person in self.first_on_call(group, at)}
