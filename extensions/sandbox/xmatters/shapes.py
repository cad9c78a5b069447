# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes in which the REST API of the emulated xMatters shows people, devices, groups and shifts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone
from typing import Any

from ..settings import Person
from . import duty
from .company import Device, Group, Member, Shift, Timeframe, stable_id
from .directory import Directory

API = "/api/xm/1"
#: When everything in the directory was made.
MADE = "2026-01-05T09:00:00.000Z"
Wire = dict[str, Any]


def seconds_time(at: datetime) -> str:
    """Return a time as on-call answers write it."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds_time(at: datetime) -> str:
    """Return a time as shifts and absences write it."""
    return at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def whole(data: list[Wire]) -> Wire:
    """Return an embedded listing that is complete."""
    return {"count": len(data), "total": len(data), "data": data}


class Shapes:
    """What is in a directory, on the wire."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    # -- recipients --------------------------------------------------------------------------------------------------

    def reference(self, name: str) -> Wire:
        """Return the short form of a person by target name; the integration's own user is not in the list."""
        person = self._directory.find_person(name)
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

    def group_reference(self, group: Group) -> Wire:
        return {
            "id": group.id,
            "targetName": group.name,
            "recipientType": "GROUP",
            "groupType": group.kind,
            "links": {"self": f"{API}/groups/{group.id}"},
        }

    def device_reference(self, name: str) -> Wire:
        identity = stable_id(f"device:{name}")
        return {
            "id": identity,
            "targetName": name,
            "recipientType": "DEVICE",
            "links": {"self": f"{API}/devices/{identity}"},
        }

    def recipient(self, name: str) -> Wire:
        """Return the short form of whatever has this target name."""
        group = self._directory.find_group(name)
        if group is not None:
            return self.group_reference(group)
        return self.device_reference(name) if "|" in name else self.reference(name)

    # -- people and devices ------------------------------------------------------------------------------------------

    def person(self, person: Person, embed: Collection[str] = ()) -> Wire:
        shape = {
            **self.reference(person.key),
            "webLogin": person.key,
            "language": "en",
            "timezone": "UTC",
            "status": "INACTIVE" if person.key in self._directory.inactive else "ACTIVE",
            "licenseType": "FULL_USER",
            "externallyOwned": False,
            "whenCreated": MADE,
            "whenUpdated": MADE,
        }
        if "roles" in embed:
            shape["roles"] = whole([{"id": stable_id("role:Standard User"), "name": "Standard User"}])
        if "devices" in embed:
            shape["devices"] = whole(self.devices_of(person))
        return shape

    def devices_of(self, person: Person, embed: Collection[str] = ()) -> list[Wire]:
        return [self.device(device, embed) for device in self._directory.devices_of(person)]

    def device(self, device: Device, embed: Collection[str] = ()) -> Wire:
        owned = [one for one in self._directory.devices.values() if one.owner == device.owner]
        shape = {
            **self.device_reference(device.target_name),
            "name": device.name,
            "deviceType": device.kind,
            "owner": self.reference(device.owner),
            "sequence": owned.index(device) + 1,
            "delay": device.delay,
            "priorityThreshold": device.threshold,
            "defaultDevice": True,
            "status": "ACTIVE" if device.active else "INACTIVE",
            "testStatus": "TESTED",
            "externallyOwned": False,
        }
        if device.address:
            shape["emailAddress" if device.kind == "EMAIL" else "phoneNumber"] = device.address
        if "timeframes" in embed:
            shape["timeframes"] = whole([_timeframe(frame) for frame in device.timeframes])
        return shape

    # -- groups ------------------------------------------------------------------------------------------------------

    def group(self, group: Group) -> Wire:
        return {
            **self.group_reference(group),
            "status": "ACTIVE" if group.active else "INACTIVE",
            "description": group.description,
            "allowDuplicates": False,
            "observedByAll": True,
            "useDefaultDevices": True,
            "externallyOwned": False,
            "timezone": "UTC",
            "created": MADE,
        }

    def members(self, group: Group) -> list[Wire]:
        return [self.membership(group, member) for member in group.everybody()]

    def membership(self, group: Group, member: Member) -> Wire:
        shifts = [shift for shift in group.shifts if any(one.name == member.name for one in shift.members)]
        return {
            "group": self.group_reference(group),
            "member": self.recipient(member.name),
            "shifts": whole(
                [{**self.shift_reference(group, one), "group": self.group_reference(group)} for one in shifts]
            ),
        }

    def shift_reference(self, group: Group, shift: Shift) -> Wire:
        return {
            "id": shift.id,
            "name": shift.name,
            "links": {"self": f"{API}/groups/{group.id}/shifts/{shift.id}"},
        }

    def shift(self, group: Group, shift: Shift, embed: Collection[str] = ()) -> Wire:
        shape: Wire = {
            **self.shift_reference(group, shift),
            "group": self.group_reference(group),
            "description": shift.description,
            "start": milliseconds_time(shift.start),
            "end": milliseconds_time(shift.end),
            "timezone": shift.timezone,
            "siteHolidays": False,
            "repeatEscalation": shift.repeat > 0,
            "notifyEndOfEscalation": False,
        }
        if shift.frequency:
            shape["recurrence"] = {"frequency": shift.frequency, "repeatEvery": shift.every, "end": {"endBy": "NEVER"}}
            if shift.frequency == "WEEKLY":
                shape["recurrence"]["onDays"] = list(shift.days)
        if shift.rotation is not None:
            shape["rotation"] = {
                "type": shift.rotation.kind,
                "direction": shift.rotation.direction,
                "interval": shift.rotation.interval,
                "intervalUnit": shift.rotation.unit,
            }
        if "members" in embed:
            shape["members"] = whole(self.shift_members(group, shift))
        return shape

    def shift_members(self, group: Group, shift: Shift) -> list[Wire]:
        at = self._directory.clock.now()
        on_duty = duty.occurrence(shift, at) is not None
        return [
            {
                "recipient": self.recipient(member.name),
                "shift": {"id": shift.id, "links": self.shift_reference(group, shift)["links"]},
                "position": position,
                "delay": member.delay,
                "escalationType": member.escalation_type,
                "inRotation": member.in_rotation,
                "onDuty": on_duty,
            }
            for position, member in enumerate(duty.order(shift, at), start=1)
        ]


def _timeframe(frame: Timeframe) -> Wire:
    return {
        "name": frame.name,
        "startTime": frame.start,
        "timezone": "UTC",
        "durationInMinutes": frame.minutes,
        "days": list(frame.days),
        "excludeHolidays": False,
    }
