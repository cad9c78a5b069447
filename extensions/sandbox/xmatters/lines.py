# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the notifying of an alert stands: lines of members to be notified, and the devices of each person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..settings import Person
from .clock import Timer
from .company import Device, Group
from .model import Target

WAITING, NOTIFIED, SKIPPED = "waiting", "notified", "skipped"


@dataclass
class Step:
    """One member of a line.

    C(delay) is seconds after the step before. C(person) is who was notified, which may be a replacement, and C(why)
    the reason for that or for being skipped.
    """

    name: str
    delay: float
    state: str = WAITING
    at: datetime | None = None
    why: str = ""
    person: str | None = None

    def settle(self, state: str, at: datetime, why: str = "", person: str | None = None) -> None:
        self.state, self.at, self.why, self.person = state, at, why, person


class _Waiting:
    """Something that goes on by a timer, is held while its alert is suspended, and can be stopped."""

    def __init__(self) -> None:
        self.timer: Timer | None = None
        self.held = False
        self.over = False
        self.stopped = False

    def wait_for(self, timer: Timer | None) -> None:
        """Put C(timer) in the place of the one before."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = timer

    def stop(self) -> None:
        self.wait_for(None)
        self.held, self.over, self.stopped = False, True, True


class Line(_Waiting):
    """The members who are notified one after the other for a target; a nested group is a line of its own."""

    def __init__(
        self, target: Target, group: Group | None, steps: list[Step], parent: Line | None = None, repeat: int = 0
    ) -> None:
        super().__init__()
        self.target = target
        self.group = group
        self.steps = steps
        self.parent = parent
        self.rounds = 0
        self._repeat = repeat
        self._next = 0

    def take(self) -> Step | None:
        """Return the next member, from the first one again where the shift repeats its escalation."""
        step = self.following()
        if step is None:
            return None
        if self._next == len(self.steps):
            self.rounds, self._next = self.rounds + 1, 0
            for other in self.steps:
                other.state = WAITING
        self._next += 1
        return step

    def following(self) -> Step | None:
        if self._next < len(self.steps):
            return self.steps[self._next]
        if self.rounds >= self._repeat or all(step.state == SKIPPED for step in self.steps):
            return None
        return self.steps[0]

    def pause(self) -> float:
        """Return the seconds before the following member. Before a repetition that is the longest of the line."""
        following = self.following()
        if following is None:
            return 0.0
        return following.delay if self._next < len(self.steps) else max(step.delay for step in self.steps)

    def reached(self, person: str) -> bool:
        return any(step.person == person for step in self.steps)

    def names(self) -> list[str]:
        """Return the names of the groups around a member, from the inside out."""
        found: list[str] = []
        line: Line | None = self
        while line is not None:
            if line.group is not None:
                found.append(line.group.name)
            line = line.parent
        return found


class Page(_Waiting):
    """The notifying of one person: C(devices) that are still to ring, and the targets through which it came.

    C(open) tells whether the person may answer.
    """

    def __init__(self, person: Person, devices: list[Device], targets: set[Target]) -> None:
        super().__init__()
        self.person = person
        self.devices = devices
        self.targets = targets
        self.open = True
        self.answered = False

    def stop(self, open_again: bool = False) -> None:
        """Ring no more. Whoever only had a response recorded may answer again."""
        super().stop()
        self.devices.clear()
        self.open = open_again
