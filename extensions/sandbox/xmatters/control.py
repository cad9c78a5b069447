# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with the emulated xMatters besides its API: what people do on their phones, and what time does.

These are the actions of the sandbox's control interface (C(POST /api/tools/xmatters/<action>)); the vendor has none of
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..settings import Person
from . import messages, queries, snapshot, wire
from .company import CALLS, TEXTS
from .company_data import absence_from, devices_from, group_from
from .model import STATUSES, TERMINATED, Alert, Notification, Option, RefusedError
from .switches import checked

if TYPE_CHECKING:
    from .tool import XMatters

Arguments = Mapping[str, Any]
Result = dict[str, Any]


class Control:
    """The actions over C(tool)."""

    def __init__(self, tool: XMatters) -> None:
        self._tool = tool

    def actions(self) -> dict[str, Any]:
        return {
            "respond": self.respond,
            "reply": self.reply,
            "messages": self.messages,
            "status": self.status,
            "clock": self.clock,
            "absence": self.absence,
            "return": self.come_back,
            "person": self.person,
            "devices": self.devices,
            "group": self.group,
            "switch": self.switch,
            "webhooks": self.webhooks,
            "expire_tokens": self.expire_tokens,
        }

    # -- what people do ----------------------------------------------------------------------------------------------

    async def respond(self, arguments: Arguments) -> Result:
        """Press an option: C({alert, person, option, comment?, device?}). Without a device that is in the app."""
        alert = self._tool.find_alert(str(arguments.get("alert", "")))
        person = self._tool.directory.find_person(str(arguments.get("person", "")))
        if alert is None or person is None:
            return _refused("there is no such alert" if alert is None else "there is no such person")
        option = alert.option(str(arguments.get("option", "")))
        if option is None:
            return _refused(f"the alert has no option {str(arguments.get('option', ''))[:20]}")
        device = str(arguments["device"]) if arguments.get("device") else None
        try:
            notification = alert.on_device(person, device)
        except RefusedError as refusal:
            return _refused(str(refusal))
        return self._answer(alert, notification, option, str(arguments.get("comment") or ""))

    async def reply(self, arguments: Arguments) -> Result:
        """Write back to a text message, or press digits in a call: C({person, text, device?}).

        The text starts with the number of an option; what follows is the comment. The newest open alert on the device
        that offered this number is answered.
        """
        person = self._person(arguments)
        code, _space, comment = str(arguments.get("text", "")).strip().partition(" ")
        device = str(arguments.get("device") or "")
        for alert, notification in self._sent(person):
            fits = (
                device.casefold() == notification.device.name.casefold()
                if device
                else notification.device.kind in TEXTS
            )
            if not fits or notification.device.kind not in (*TEXTS, *CALLS) or alert.status == TERMINATED:
                continue
            option = next((one for one in alert.options if notification.code(one.number) == code), None)
            if option is not None:
                return self._answer(alert, notification, option, comment)
        return _refused(f"no open alert on {device or 'the phone'} of {person.name} has an option {code[:20]!r}")

    async def messages(self, arguments: Arguments) -> Result:
        """Return what somebody's devices show, newest first: C({person, alert?, device?})."""
        person, device = self._person(arguments), str(arguments.get("device") or "")
        wanted = str(arguments.get("alert") or "")
        found = [
            messages.shown(alert, notification)
            for alert, notification in self._sent(person)
            if wanted in ("", alert.id, alert.number) and device.casefold() in ("", notification.device.name.casefold())
        ]
        return {"ok": True, "messages": found}

    async def status(self, arguments: Arguments) -> Result:
        """Let a person suspend, resume or end an alert in xMatters: C({alert, status, person?})."""
        alert = self._tool.find_alert(str(arguments.get("alert", "")))
        if alert is None:
            return _refused("there is no such alert")
        if arguments.get("status") not in STATUSES:
            raise ValueError(f"status must be one of {', '.join(STATUSES)}")
        by = self._person(arguments).key if "person" in arguments else alert.submitter
        try:
            self._tool.change_status(alert, arguments["status"], by)
        except RefusedError as refusal:
            return _refused(str(refusal))
        return {"ok": True, "status": alert.status}

    def _answer(self, alert: Alert, notification: Notification, option: Option, comment: str) -> Result:
        try:
            response = self._tool.respond(notification, alert, option, comment.strip() or None)
        except RefusedError as refusal:
            return _refused(str(refusal))
        device = notification.device.name
        return {"ok": True, "alert": alert.id, "response": response.option.text, "device": device}

    def _sent(self, person: Person) -> list[tuple[Alert, Notification]]:
        """Return the messages that somebody got, newest first."""
        sent = [
            (alert, notification)
            for alert in self._tool.alerts.values()
            for notification in alert.notifications
            if notification.person == person and notification.delivered is not None
        ]
        sent.sort(key=lambda one: one[1].created)
        return sent[::-1]

    # -- what time does ----------------------------------------------------------------------------------------------

    async def clock(self, arguments: Arguments) -> Result:
        """Move the clock: C({advance: seconds}), C({to: time}), C({stop: true}) or C({go: true}); nothing tells it.

        Everything that comes due on the way happens, each at its own time, and webhooks are delivered before the next.
        """
        clock = self._tool.clock
        fired = 0
        if arguments.get("stop") is True:
            clock.stop()
        if "to" in arguments or "advance" in arguments:
            fired = await self._tool.move_clock(self._target(arguments))
        if arguments.get("go") is True:
            clock.go()
        self._tool.changed()
        return {"ok": True, "fired": fired, **snapshot.clock(clock)}

    @staticmethod
    def _target(arguments: Arguments) -> float | datetime:
        if "to" in arguments:
            return queries.time_of(str(arguments["to"]), "to")
        seconds = arguments["advance"]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise ValueError("advance must be a number of seconds")
        return float(seconds)

    # -- the company -------------------------------------------------------------------------------------------------

    async def absence(self, arguments: Arguments) -> Result:
        """Let somebody be away: C({person, minutes | start and end, replacement?, group?, direct?})."""
        absence = absence_from(arguments, self._tool.directory, self._tool.clock.now())
        self._tool.directory.add_absence(absence)
        self._tool.changed()
        return {"ok": True, "id": absence.id, "until": wire.event_time(absence.end)}

    async def come_back(self, arguments: Arguments) -> Result:
        """End all absences of somebody: C({person})."""
        person = self._person(arguments)
        absences = self._tool.directory.absences
        ended = [key for key, absence in absences.items() if absence.person == person.key]
        for key in ended:
            del absences[key]
        self._tool.changed()
        return {"ok": True, "ended": len(ended)}

    async def person(self, arguments: Arguments) -> Result:
        """Make somebody active or not: C({person, active})."""
        person = self._person(arguments)
        if not isinstance(arguments.get("active"), bool):
            raise ValueError("active must be true or false")
        inactive = self._tool.directory.inactive
        (inactive.discard if arguments["active"] else inactive.add)(person.key)
        self._tool.changed()
        return {"ok": True}

    async def devices(self, arguments: Arguments) -> Result:
        """Give somebody other devices: C({person, devices: [{name, kind, address?, delay?, threshold?, ...}]})."""
        person = self._person(arguments)
        self._tool.directory.set_devices(person.key, devices_from(arguments, person))
        self._tool.changed()
        return {"ok": True}

    async def group(self, arguments: Arguments) -> Result:
        """Add or replace a group: C({name, kind?, members?, shifts?, active?, ...})."""
        group = group_from(arguments, self._tool.directory)
        self._tool.directory.add_group(group)
        self._tool.changed()
        return {"ok": True, "id": group.id}

    # -- the machinery -----------------------------------------------------------------------------------------------

    async def switch(self, arguments: Arguments) -> Result:
        """Set switches by their names."""
        for name, value in checked(arguments).items():
            setattr(self._tool, name, value)
        self._tool.changed()
        return {"ok": True}

    async def webhooks(self, arguments: Arguments) -> Result:
        """Send the webhooks that were kept back: C({release: in_order | newest_first})."""
        if arguments.get("release") not in ("in_order", "newest_first"):
            raise ValueError("release must be in_order or newest_first")
        released = self._tool.outbox.release(arguments["release"] == "newest_first")
        await self._tool.outbox.settle()
        return {"ok": True, "released": released}

    async def expire_tokens(self, arguments: Arguments) -> Result:
        """Let all access tokens run out, and C({refresh_too: true}) those with which new ones are got."""
        self._tool.credentials.expire_tokens(refresh_too=arguments.get("refresh_too") is True)
        return {"ok": True}

    def _person(self, arguments: Arguments) -> Person:
        person = self._tool.directory.find_person(str(arguments.get("person", "")))
        if person is None:
            raise ValueError(f"person {str(arguments.get('person', ''))[:50]!r} is unknown")
        return person


def _refused(reason: str) -> Result:
    return {"ok": False, "error": reason}
