# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who works in the emulated company: people with their devices, one group, one shift, and who is on call in it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from ..settings import Person, Settings

API = "/api/xm/1"
#: Whom the API shows as the author of what callers with the integration's credentials do.
INTEGRATION_USER = "self-healing"
#: Minutes between two members of the shift, as the API states them.
MEMBER_DELAY = 5
_NAMESPACE = uuid.UUID("6d1b2c60-2f0b-5c55-9a3e-5d1a00000000")

Wire = dict[str, Any]


def stable_id(what: str) -> str:
    """Return the UUID of a named thing; the same in every run."""
    return str(uuid.uuid5(_NAMESPACE, what))


def seconds_time(at: datetime) -> str:
    """Return a time as on-call answers write it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def whole(data: list[Wire]) -> Wire:
    """Return an embedded listing that is complete."""
    return {"count": len(data), "total": len(data), "data": data}


class Directory:
    """People, devices, the group and its shift, in the shapes of the REST API."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.shift_id = stable_id("shift")
        self.devices: dict[str, Wire] = {}
        for person in settings.people:
            for sequence, (name, kind, address) in enumerate(
                (("Work Email", "EMAIL", {"emailAddress": person.email}), ("Mobile", "ANDROID_PUSH", {})), start=1
            ):
                device = self._device(person, name, kind, sequence, address)
                self.devices[device["id"]] = device

    # -- people ------------------------------------------------------------------------------------------------------

    def find_person(self, name: str) -> Person | None:
        """Return the person with this target name, e-mail address or UUID."""
        wanted = name.casefold()
        for person in self.settings.people:
            if wanted in (person.key.casefold(), person.email.casefold(), stable_id(f"person:{person.key}")):
                return person
        return None

    def members(self) -> list[Person]:
        """Return the group's members in the order in which they are notified: the person on call comes first."""
        on_call = self.settings.person(self.settings.on_call)
        return [on_call, *(person for person in self.settings.people if person != on_call)]

    def device_names(self) -> dict[str, list[str]]:
        """Return the names of everybody's devices by target name."""
        return {
            person.key: [device["name"] for device in self.devices_of(person)] or ["Web"]
            for person in self.settings.people
        }

    def devices_of(self, person: Person) -> list[Wire]:
        return [device for device in self.devices.values() if device["owner"]["targetName"] == person.key]

    def reference(self, name: str) -> Wire:
        """Return the short form of a person by target name; the integration's own user is not in the list."""
        person = self.find_person(name)
        first, _space, last = person.name.partition(" ") if person else (name, "", "")
        key = person.key if person else name
        identity = stable_id(f"person:{key}")
        return {
            "id": identity,
            "targetName": key,
            "firstName": first,
            "lastName": last,
            "recipientType": "PERSON",
            "links": {"self": f"{API}/people/{identity}"},
        }

    def person(self, person: Person) -> Wire:
        return {
            **self.reference(person.key),
            "webLogin": person.key,
            "language": "en",
            "timezone": "UTC",
            "status": "ACTIVE",
            "licenseType": "FULL_USER",
            "externallyOwned": False,
            "whenCreated": "2026-01-05T09:00:00.000Z",
            "whenUpdated": "2026-01-05T09:00:00.000Z",
        }

    def _device(self, person: Person, name: str, kind: str, sequence: int, address: Wire) -> Wire:
        identity = stable_id(f"device:{person.key}|{name}")
        return {
            "id": identity,
            "targetName": f"{person.key}|{name}",
            "recipientType": "DEVICE",
            "name": name,
            "deviceType": kind,
            "owner": self.reference(person.key),
            "sequence": sequence,
            "delay": 0,
            "priorityThreshold": "LOW",
            "defaultDevice": True,
            "status": "ACTIVE",
            "testStatus": "TESTED",
            "externallyOwned": False,
            "links": {"self": f"{API}/devices/{identity}"},
            **address,
        }

    # -- the group ---------------------------------------------------------------------------------------------------

    def is_group(self, name: str) -> bool:
        return name.casefold() in (self.settings.group.casefold(), stable_id("group"))

    def group_reference(self) -> Wire:
        return {
            "id": stable_id("group"),
            "targetName": self.settings.group,
            "recipientType": "GROUP",
            "groupType": "ON_CALL",
            "links": {"self": f"{API}/groups/{stable_id('group')}"},
        }

    def group(self) -> Wire:
        return {
            **self.group_reference(),
            "status": "ACTIVE",
            "description": "Answers for the checkout services",
            "allowDuplicates": True,
            "observedByAll": True,
            "useDefaultDevices": True,
            "externallyOwned": False,
            "timezone": "UTC",
            "created": "2026-01-05T09:00:00.000Z",
        }

    def group_members(self) -> list[Wire]:
        shifts = whole([{**self.shift_reference(), "group": self.group_reference()}])
        return [
            {"group": self.group_reference(), "member": self.reference(person.key), "shifts": shifts}
            for person in self.settings.people
        ]

    def shift_reference(self) -> Wire:
        return {
            "id": self.shift_id,
            "name": "Around the clock",
            "links": {"self": f"{API}/groups/{stable_id('group')}/shifts/{self.shift_id}"},
        }

    def shift(self) -> Wire:
        return {
            **self.shift_reference(),
            "group": self.group_reference(),
            "description": "Everybody, the person on call first",
            "start": "2026-01-05T00:00:00.000Z",
            "end": "2026-01-06T00:00:00.000Z",
            "timezone": "UTC",
            "recurrence": {"frequency": "DAILY", "repeatEvery": 1, "end": {"endBy": "NEVER"}},
        }

    def shift_members(self) -> list[Wire]:
        return [
            {
                "recipient": self.reference(person.key),
                "shift": {"id": self.shift_id, "links": self.shift_reference()["links"]},
                "position": position,
                "delay": self._delay(position),
                "escalationType": "NONE",
                "inRotation": False,
            }
            for position, person in enumerate(self.members(), start=1)
        ]

    def on_call(self, at: datetime, members_per_shift: int, with_shift: bool) -> Wire:
        """Return the occurrence of the shift that covers C(at); it runs from midnight to midnight UTC."""
        start = at.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        members = [
            {
                "position": position,
                "delay": self._delay(position),
                "escalationType": "NONE",
                "member": {**self.reference(person.key), "status": "ACTIVE"},
                "replacements": whole([]),
            }
            for position, person in enumerate(self.members(), start=1)
        ]
        occurrence: Wire = {
            "group": self.group_reference(),
            "start": seconds_time(start),
            "end": seconds_time(start + timedelta(days=1)),
            "members": whole(members[:members_per_shift]),
        }
        return {**occurrence, "shift": self.shift_reference()} if with_shift else occurrence

    def on_call_summary(self) -> Iterable[Wire]:
        for position, person in enumerate(self.members(), start=1):
            yield {
                "group": self.group_reference(),
                "shift": self.shift_reference(),
                "recipient": self.reference(person.key),
                "delay": self._delay(position),
                "escalationLevel": str(position),
            }

    @staticmethod
    def _delay(position: int) -> int:
        return 0 if position == 1 else MEMBER_DELAY
