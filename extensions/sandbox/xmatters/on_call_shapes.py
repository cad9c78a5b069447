# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes in which the REST API of the emulated xMatters shows who is on call and who is away."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from . import duty
from .company import Absence, Group, Member, Shift
from .directory import Directory
from .duty import Span
from .shapes import API, Shapes, Wire, milliseconds_time, seconds_time, whole


class OnCallShapes:
    """Occurrences of shifts, summaries and absences, on the wire."""

    def __init__(self, directory: Directory, shapes: Shapes) -> None:
        self._directory = directory
        self._shapes = shapes

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
            "group": self._shapes.group_reference(group),
            "start": seconds_time(span[0]),
            "end": seconds_time(span[1]),
            "members": listed,
        }
        return {**shape, "shift": self._shapes.shift_reference(group, shift)} if "shift" in embed else shape

    def _occurrence_member(self, name: str, embed: Collection[str]) -> Wire:
        person, device = self._directory.find_person(name), self._directory.find_device(name)
        if person is not None:
            return {**self._shapes.reference(name), "status": self._shapes.person(person)["status"]}
        if device is not None and "members.owner" in embed:
            return {**self._shapes.device(device), "owner": self._shapes.reference(device.owner)}
        return self._shapes.recipient(name)

    def _replacements(self, group: Group, member: Member, span: Span) -> list[Wire]:
        """Return who stands in during the occurrence. Without a replacement there is an entry without one."""
        owner = member.name.partition("|")[0]
        found = []
        for absence in self._directory.absences.values():
            if absence.person != owner or absence.group not in (None, group.name):
                continue
            if absence.start < span[1] and absence.end > span[0]:
                times = {"start": seconds_time(absence.start), "end": seconds_time(absence.end)}
                who = {"replacement": self._shapes.reference(absence.replacement)} if absence.replacement else {}
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
            "group": self._shapes.group_reference(group),
            "shift": self._shapes.shift_reference(group, shift),
            "recipient": self._shapes.recipient(member.name),
            "delay": member.delay,
            "escalationLevel": str(level),
        }
        person = self._directory.find_person(member.name.partition("|")[0])
        absence = self._directory.absence(person, group, at) if person else None
        if person is not None and absence is not None:
            row["absence"] = self._shapes.reference(person.key)
            stand_in = self._directory.stand_in(person, group, at)[0]
            if stand_in is not None:
                row["recipient"] = self._shapes.reference(stand_in.key)
        return row

    def absence(self, absence: Absence) -> Wire:
        group = self._directory.find_group(absence.group) if absence.group else None
        return {
            "id": absence.id,
            "absenceType": absence.kind,
            "member": self._shapes.reference(absence.person),
            "start": milliseconds_time(absence.start),
            "end": milliseconds_time(absence.end),
            "includeDirectNotifications": absence.direct,
            **({"group": self._shapes.group_reference(group)} if group else {}),
            **({"replacement": self._shapes.reference(absence.replacement)} if absence.replacement else {}),
        }
