# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated xMatters: keeps the alerts, lets time pass in them, and takes what people answer."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from aiohttp import web

from ..faults import Faults, Handler
from ..hub import Hub
from ..settings import Settings
from ..tool import Tool
from . import snapshot, wire
from .clock import Clock
from .company import CALLS, TEXTS, Device, stable_id
from .control import Control
from .credentials import TOKEN_PATH, TRIGGER_PREFIX, Credentials
from .directory import INTEGRATION_USER, Directory
from .escalation import Escalation
from .gate import Gate
from .model import ACTIVE, TERMINATED, Alert, Annotation, Notification, Option, RefusedError, Response
from .outbox import Outbox
from .rest_absences import AbsenceRest
from .rest_alerts import AlertRest
from .rest_directory import DirectoryRest
from .rest_forms import FormRest
from .rest_groups import GroupRest
from .shapes import Shapes
from .suppression import Suppression
from .switches import Switches
from .trigger import Triggered, understand
from .workflow import Integration, Workflow

#: So many alerts are shown with every message and step; nobody looks that closely at older ones.
DETAILED = 40


class XMatters(Switches, Tool):
    """Emulates what we and the third-party clients use of xMatters. The switches are plain attributes."""

    name: ClassVar[str] = "xmatters"

    def __init__(self, settings: Settings, hub: Hub, faults: Faults) -> None:
        Tool.__init__(self, settings, hub, faults)
        Switches.__init__(self)
        self.clock = Clock()
        self.directory = Directory(settings, self.clock)
        self.shapes = Shapes(self.directory)
        self.credentials = Credentials(settings, self, self.clock.timestamp)
        self.outbox = Outbox(settings, self, self.clock, self.changed)
        self.function = stable_id("function")
        self.workflow = self._set_up()
        self.alerts: dict[str, Alert] = {}
        self.suppressions: list[Suppression] = []
        self._escalations: dict[str, Escalation] = {}
        #: The open alerts on each device that is answered by digits, by what tells them apart.
        self._slots: dict[str, dict[int, Alert]] = {}
        self._accepted: set[asyncio.Task[None]] = set()
        self._next_number = 7001002

    def _set_up(self) -> Workflow:
        """Return the workflow as somebody set it up who forgot nothing."""
        integrations = [Integration(self.function, "Alerts", "INBOUND")]
        if self.settings.xmatters_webhook is not None:
            address = self.settings.xmatters_webhook.url
            hook = Integration(stable_id("webhook"), "Responses", "OUTBOUND_WEBHOOK", "RESPONSE", address=address)
            integrations.append(hook)
        return Workflow(
            recipients=[self.shapes.group_reference(group) for group in self.directory.groups.values()][:1],
            senders=[self.shapes.reference(INTEGRATION_USER)],
            integrations=integrations,
        )

    # -- what a tool is ----------------------------------------------------------------------------------------------

    @property
    def form_url(self) -> str:
        """Where alerts are triggered, with the same credentials as the REST API."""
        return f"{self.url}{TRIGGER_PREFIX}{self.function}/triggers"

    @property
    def form_url_with_key(self) -> str:
        """The same with URL authentication: whoever has this address may trigger."""
        return f"{self.form_url}?apiKey={self.credentials.url_key}"

    def routes(self) -> list[web.AbstractRouteDef]:
        parts = (AlertRest(self), AbsenceRest(self), GroupRest(self), FormRest(self), DirectoryRest(self))
        return [route for part in parts for route in part.routes()]

    def middlewares(self) -> list[Any]:
        return [self._envelope, self._authenticate, Gate(self).middleware]

    def actions(self) -> dict[str, Any]:
        return Control(self).actions()

    async def stop(self) -> None:
        self.clock.close()
        for task in list(self._accepted):
            task.cancel()
        await asyncio.gather(*self._accepted, return_exceptions=True)
        await self.outbox.stop()
        await super().stop()

    def snapshot(self) -> dict[str, Any]:
        newest_first = sorted(self._escalations.values(), key=lambda one: one.alert.number, reverse=True)
        return {
            "people": snapshot.people(self.directory),
            "groups": snapshot.groups(self.directory),
            "alerts": [snapshot.alert(one, self.directory, n < DETAILED) for n, one in enumerate(newest_first)],
            "webhooks": list(self.outbox.log),
            "clock": snapshot.clock(self.clock),
        }

    # -- what happens in it ------------------------------------------------------------------------------------------

    def trigger(self, body: bytes, query: Mapping[str, str]) -> str:
        """Accept a trigger and return its request id. The event follows after C(event_delay)."""
        request_id = str(uuid.uuid4())
        if self.flood_control:
            self._suppress()
        else:
            self._soon(lambda: self._begin(understand(body, query, self.directory), request_id))
        return request_id

    def find_alert(self, name: str) -> Alert | None:
        """Return the alert with this UUID or number."""
        by_number = (alert for alert in self.alerts.values() if alert.number == name)
        return self.alerts.get(name) or next(by_number, None)

    def escalation(self, alert: Alert) -> Escalation:
        return self._escalations[alert.id]

    def annotate(self, alert: Alert, author: str, comment: str) -> Annotation:
        annotation = alert.annotate(author, comment, self.clock.now())
        self.changed()
        return annotation

    def change_status(self, alert: Alert, status: str, by: str = INTEGRATION_USER) -> None:
        """Change the status. Raises RefusedError when that is not possible any more."""
        if not alert.change_status(status, self.clock.now()):
            return
        if status == TERMINATED:
            self.escalation(alert).stop()
        self._status_changed(alert, by)
        if status == ACTIVE:
            self.escalation(alert).resume()
        self.changed()

    def respond(self, notification: Notification, alert: Alert, option: Option, comment: str | None) -> Response:
        """Take an answer to a message. Raises RefusedError when it comes too late."""
        escalation = self.escalation(alert)
        if alert.status != TERMINATED and not self.late_answers and not escalation.may_answer(notification.person.key):
            raise RefusedError(f"{notification.person.name} is not asked any more about alert {alert.number}")
        response = alert.respond(notification, option, comment, self.clock.now())
        self.outbox.put("response", alert, wire.response_webhook(alert, response, self.webhook_style))
        escalation.answered(notification, option)
        if alert.status == TERMINATED:
            self._status_changed(alert, notification.person.key)
        self.changed()
        return response

    async def move_clock(self, to: float | datetime) -> int:
        """Move the clock on, by seconds or to a moment, and return how much came due on the way.

        Raises ValueError when the moment is past.
        """
        await self.settle()
        if isinstance(to, datetime):
            fired = await self.clock.move_to(to, self.settle)
        else:
            fired = await self.clock.advance(to, self.settle)
        self.changed()
        return fired

    async def settle(self) -> None:
        """Wait until accepted triggers have become events and all webhooks are delivered."""
        await asyncio.gather(*self._accepted, return_exceptions=True)
        await self.outbox.settle()

    def _begin(self, asked: Triggered, request_id: str) -> None:
        if not asked.targets:
            return
        alert = Alert(
            number=self._number(),
            request_id=request_id,
            created=self.clock.now(),
            properties=asked.properties,
            targets=asked.targets,
            options=asked.options,
            handling=asked.handling,
            submitter=INTEGRATION_USER,
        )
        self.alerts[alert.id] = alert
        escalation = Escalation(alert, self.directory, self.clock, self._told)
        escalation.member_delay = self.member_delay
        escalation.broken_devices = set(self.broken_devices)
        escalation.slot = lambda device: self._slot(alert, device)
        self._escalations[alert.id] = escalation
        self._status_changed(alert, INTEGRATION_USER)
        escalation.begin()
        self.clock.at(alert.expires_at, lambda: self._expire(alert))
        self.changed()

    def _expire(self, alert: Alert) -> None:
        with contextlib.suppress(RefusedError):
            self.change_status(alert, TERMINATED)

    def _suppress(self) -> None:
        """Flood control drops what is like an alert that is still open, and notes to which it was too similar."""
        match = next((one for one in reversed(self.alerts.values()) if one.is_open), None)
        if match is not None:
            self.suppressions.append(Suppression(self._number(), match, self.clock.now()))

    def _told(self, alert: Alert, notification: Notification) -> None:
        self.outbox.put("delivery", alert, wire.delivery_webhook(alert, notification))
        self.changed()

    def _status_changed(self, alert: Alert, by: str) -> None:
        self.outbox.put("status", alert, wire.status_webhook(alert, by, self.clock.now()))

    def _number(self) -> str:
        self._next_number += 1
        return str(self._next_number - 1)

    def _slot(self, alert: Alert, device: Device) -> int:
        """Return what tells this alert from others on a device that is answered by digits: 0 where there are none."""
        if device.kind not in (*TEXTS, *CALLS):
            return 0
        taken = self._slots.setdefault(device.id, {})
        slot = next(n for n in range(len(taken) + 1) if n not in taken or taken[n] is alert or not taken[n].is_open)
        taken[slot] = alert
        return slot

    def _soon(self, work: Callable[[], object]) -> None:
        """Do something after C(event_delay), in real time."""

        async def wait() -> None:
            await asyncio.sleep(self.event_delay)
            work()

        task = asyncio.get_running_loop().create_task(wait())
        self._accepted.add(task)
        task.add_done_callback(self._accepted.discard)

    # -- around every request ----------------------------------------------------------------------------------------

    @web.middleware
    async def _envelope(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as refused:
            return wire.error(refused.status, refused.text or refused.reason)

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != TOKEN_PATH:
            refusal = self.credentials.refusal(request)
            if refusal is not None:
                return refusal
        return await handler(request)
