# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes in which the REST API of the emulated xMatters shows people, devices, groups, shifts and absences."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timezone
from typing import Any

from ..settings import Person
from . import duty
from .company import Absence, Device, Group, Member, Shift, Timeframe, stable_id
from .directory import Directory
from .duty import Span

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

    # -- who is on call ----------------------------------------------------------------------------------------------

    def occurrence(
        self, group: Group, shift: Shift, span: Span, at: datetime, most: int, embed: Collection[str]
    ) -> Wire:
        """Return one occurrence of a shift with its first C(most) members, as they are at C(at)."""
        link = f"{API}/groups/{group.id}/shifts/{shift.id}/occurrences/{milliseconds_time(span[0])}/members"
        members = [
            {
                "position": position,
                "delay": member.delay,
                "escalationType": member.escalation_type,
                "member": self._occurrence_member(member.name, embed),
                "replacements": whole(self._replacements(group, member, span)),
            }
            for position, member in enumerate(duty.order(shift, at), start=1)
        ]
        links = {"self": f"{link}?offset=0&limit={most}"}
        if most < len(members):
            links["next"] = f"{link}?offset={most}&limit={most}"
        listed = {**whole(members[:most]), "total": len(members), "links": links}
        shape: Wire = {
            "group": self.group_reference(group),
            "start": seconds_time(span[0]),
            "end": seconds_time(span[1]),
            "members": listed,
        }
        return {**shape, "shift": self.shift_reference(group, shift)} if "shift" in embed else shape

    def _occurrence_member(self, name: str, embed: Collection[str]) -> Wire:
        person, device = self._directory.find_person(name), self._directory.find_device(name)
        if person is not None:
            return {**self.reference(name), "status": self.person(person)["status"]}
        if device is not None and "members.owner" in embed:
            return {**self.device(device), "owner": self.reference(device.owner)}
        return self.recipient(name)

    def _replacements(self, group: Group, member: Member, span: Span) -> list[Wire]:
        """Return who stands in during the occurrence. Without a replacement there is an entry without one."""
        owner = member.name.partition("|")[0]
        found = []
        for absence in self._directory.absences.values():
            if absence.person != owner or absence.group not in (None, group.name):
                continue
            if absence.start < span[1] and absence.end > span[0]:
                times = {"start": seconds_time(absence.start), "end": seconds_time(absence.end)}
                who = {"replacement": self.reference(absence.replacement)} if absence.replacement else {}
                found.append({**times, **who})
        return found

    def summary(self, group: Group, at: datetime, most: int) -> list[Wire]:
        """Return one flat row for each recipient of the shifts that are on."""
        return [
            self._summary_row(group, shift, member, level, at)
            for shift, _span in duty.on_duty(group, at)
            for level, member in enumerate(duty.order(shift, at)[:most], start=1)
        ]

    def _summary_row(self, group: Group, shift: Shift, member: Member, level: int, at: datetime) -> Wire:
        row: Wire = {
            "group": self.group_reference(group),
            "shift": self.shift_reference(group, shift),
            "recipient": self.recipient(member.name),
            "delay": member.delay,
            "escalationLevel": str(level),
        }
        person = self._directory.find_person(member.name.partition("|")[0])
        absence = self._directory.absence(person, group, at) if person else None
        if person is not None and absence is not None:
            row["absence"] = self.reference(person.key)
            stand_in = self._directory.stand_in(person, group, at)[0]
            if stand_in is not None:
                row["recipient"] = self.reference(stand_in.key)
        return row

    def absence(self, absence: Absence) -> Wire:
        group = self._directory.find_group(absence.group) if absence.group else None
        return {
            "id": absence.id,
            "absenceType": absence.kind,
            "member": self.reference(absence.person),
            "start": milliseconds_time(absence.start),
            "end": milliseconds_time(absence.end),
            "includeDirectNotifications": absence.direct,
            **({"group": self.group_reference(group)} if group else {}),
            **({"replacement": self.reference(absence.replacement)} if absence.replacement else {}),
        }


def _timeframe(frame: Timeframe) -> Wire:
    return {
        "name": frame.name,
        "startTime": frame.start,
        "timezone": "UTC",
        "durationInMinutes": frame.minutes,
        "days": list(frame.days),
        "excludeHolidays": False,
    }
