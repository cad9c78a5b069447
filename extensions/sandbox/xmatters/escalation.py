# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an alert of the emulated xMatters travels: member after member of a group, device after device of a person.

A delay pauses a line, and it goes on only if that is still needed. A member who is inactive, or away without a
replacement, is skipped together with the delay after it. Source: help.xmatters.com, groups, escalations and rotations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..settings import Person
from . import duty
from .clock import Clock, Timer
from .company import Device, Group, Member
from .directory import Directory
from .lines import NOTIFIED, SKIPPED, Line, Page, Step
from .model import ACTIVE, TERMINATED, Alert, Notification, Option, Target

MINUTE = 60.0
Told = Callable[[Alert, Notification], None]


class Escalation:
    """Drives one alert until somebody stops it. C(told) hears of every notification."""

    def __init__(self, alert: Alert, directory: Directory, clock: Clock, told: Told) -> None:
        self.alert = alert
        self.lines: list[Line] = []
        self.pages: dict[str, Page] = {}
        #: Minutes between two members in the place of the shift's own.
        self.member_delay: float | None = None
        #: Target names of devices that nothing can be delivered to.
        self.broken_devices: set[str] = set()
        #: Returns the slot for an alert on a device that is answered by digits.
        self.slot: Callable[[Device], int] = lambda _device: 0
        self._directory = directory
        self._clock = clock
        self._told = told

    # -- what moves it -----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        for target in self.alert.targets:
            group = self._directory.find_group(target.name) if target.kind == "GROUP" else None
            if group is not None:
                self._begin_group(target, group, None)
            else:
                self._go(self._line(Line(target, None, [Step(target.name, 0)])))

    def answered(self, notification: Notification, option: Option) -> None:
        """Apply the action of the option that was chosen."""
        key, action = notification.person.key, option.action
        page = self.pages[key]
        page.answered = True
        if action == "ASSIGN_TO_USER":
            self._stop(self.lines, (other for other in self.pages.values() if other is not page))
            return
        page.stop(open_again=action == "RECORD_RESPONSE")
        through = [line for line in self.lines if line.reached(key)]
        if action == "STOP_NOTIFYING_TARGET":
            roots = {line.target for line in through}
            pages = (other for other in self.pages.values() if other.targets <= roots)
            self._stop((line for line in self.lines if line.target in roots), pages)
        elif action == "ESCALATE":
            for line in through:
                self._escalate(line)
        elif action == "END":
            self.stop()
            self.alert.change_status(TERMINATED, self._clock.now())

    def stop(self) -> None:
        """Notify nobody any more."""
        self._stop(self.lines, self.pages.values())

    def resume(self) -> None:
        """Do what came due while the alert was suspended."""
        for line in self.lines:
            if line.held:
                line.held = False
                self._go(line)
        for page in self.pages.values():
            if page.held:
                page.held = False
                self._ring(page)

    def may_answer(self, person: str) -> bool:
        page = self.pages.get(person)
        return self.alert.status == ACTIVE and page is not None and page.open

    # -- members -----------------------------------------------------------------------------------------------------

    def _begin_group(self, target: Target, group: Group, parent: Line | None) -> bool:
        """Start with everybody who is on call in the group; return whether there is anybody."""
        at = self._clock.now()
        shifts = [shift for shift, _span in duty.on_duty(group, at)]
        # Shifts that overlap are separate lines; a group that has none by its kind is one.
        chains = [(duty.order(shift, at), shift.repeat) for shift in shifts]
        if not shifts and group.kind != "ON_CALL":
            chains = [(group.members, 0)]
        for shift in shifts:
            if shift.rotation is not None:
                shift.rotation.alerts += 1
        made = []
        for members, repeat in chains if group.active else []:
            steps = [Step(member.name, self._pause(member, place, group)) for place, member in enumerate(members)]
            if steps:
                made.append(self._line(Line(target, group, steps, parent, repeat)))
        for line in made:
            self._go(line)
        return bool(made)

    def _pause(self, member: Member, place: int, group: Group) -> float:
        """Return the seconds before a member is notified."""
        if self.alert.handling.all_at_once or group.kind != "ON_CALL":
            return 0.0
        if self.member_delay is not None:
            return self.member_delay if place else 0.0
        return member.delay * MINUTE

    def _line(self, line: Line) -> Line:
        self.lines.append(line)
        return line

    def _go(self, line: Line) -> None:
        """Notify the next member, and those after it for whom nothing has to be waited for."""
        line.wait_for(None)
        while not line.over:
            if self.alert.status != ACTIVE:
                line.held = True
                return
            step = line.take()
            if step is None:
                line.over = True
                return
            self._notify_member(line, step)
            pause = line.pause()
            if line.following() is None:
                line.over = True
            elif step.state == NOTIFIED and pause > 0:
                line.wait_for(self._later(pause, lambda: self._go(line)))
                return

    def _escalate(self, line: Line) -> None:
        """Go to the next member now; where a nested group has none left, to that of the group around it."""
        while line.over and line.parent is not None:
            line = line.parent
        self._go(line)

    def _notify_member(self, line: Line, step: Step) -> None:
        group = self._directory.find_group(step.name)
        if group is not None and step.name not in line.names():
            started = self._begin_group(line.target, group, line)
            step.settle(NOTIFIED if started else SKIPPED, self._clock.now(), "" if started else "nobody is on call")
            return
        device = self._directory.find_device(step.name)
        owner = self._directory.find_person(device.owner if device else step.name)
        if owner is None:
            step.settle(SKIPPED, self._clock.now(), "the group is already in this escalation" if group else "unknown")
            return
        person, why = self._directory.stand_in(owner, line.group, self._clock.now())
        if person is not None and person != owner:
            device = None
        known = self.pages.get(person.key) if person else None
        if person is None:
            step.settle(SKIPPED, self._clock.now(), why)
        elif known is not None and (known.answered or line.rounds == 0):
            known.targets.add(line.target)
            why = "answered already" if known.answered else "notified already"
            step.settle(SKIPPED, self._clock.now(), why, person.key)
        elif not self._call(person, device, line.target):
            step.settle(SKIPPED, self._clock.now(), "no device takes it")
        else:
            step.settle(NOTIFIED, self._clock.now(), why, person.key)

    # -- devices -----------------------------------------------------------------------------------------------------

    def _call(self, person: Person, device: Device | None, target: Target) -> bool:
        """Start to notify somebody on one or on all of their devices; return whether there is any that rings."""
        handling, at = self.alert.handling, self._clock.now()
        wanted = {name.casefold() for name in handling.device_names}
        devices = [
            one
            for one in ([device] if device else self._directory.devices_of(person))
            if (not wanted or device or one.name.casefold() in wanted)
            and duty.rings(one, handling.priority, at, restricted=not handling.unrestricted)
        ]
        if not devices:
            return False
        known = self.pages.get(person.key)
        if known is not None:
            known.stop()
        page = Page(person, devices, {target} | (known.targets if known else set()))
        self.pages[person.key] = page
        self._ring(page)
        return True

    def _ring(self, page: Page) -> None:
        page.wait_for(None)
        while page.devices:
            if self.alert.status != ACTIVE:
                page.held = True
                return
            device = page.devices.pop(0)
            delivered = device.target_name not in self.broken_devices
            at = self._clock.now()
            self._told(self.alert, self.alert.notify(page.person, device, at, delivered, self.slot(device)))
            if delivered and device.delay > 0 and page.devices and not self.alert.handling.all_at_once:
                page.wait_for(self._later(device.delay * MINUTE, lambda: self._ring(page)))
                return

    # -- stops -------------------------------------------------------------------------------------------------------

    @staticmethod
    def _stop(lines: Iterable[Line], pages: Iterable[Page]) -> None:
        for line in lines:
            line.stop()
        for page in pages:
            page.stop()

    def _later(self, seconds: float, work: Callable[[], None]) -> Timer:
        return self._clock.later(seconds, work)
