# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated xMatters: keeps the alerts, lets time pass in them, and posts what people answer."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar

import aiohttp
from aiohttp import web

from ..faults import Faults, Handler
from ..hub import Hub
from ..settings import Settings
from ..tool import Tool
from . import wire
from .credentials import TOKEN_PATH, TRIGGER_PREFIX, Credentials
from .directory import INTEGRATION_USER, Directory, stable_id
from .model import Alert, Annotation, RefusedError, Response, Target
from .rest_alerts import AlertRest
from .rest_directory import DirectoryRest
from .trigger import Triggered, understand

#: How long the receiver of a response webhook may take (seconds).
WEBHOOK_TIMEOUT = 10.0


class XMatters(Tool):
    """Emulates what we and the third-party clients use of xMatters. The switches are plain attributes."""

    name: ClassVar[str] = "xmatters"

    def __init__(self, settings: Settings, hub: Hub, faults: Faults) -> None:
        super().__init__(settings, hub, faults)
        #: Seconds between the acceptance of a trigger and its event.
        self.event_delay = 0.05
        #: Seconds for which user-deliveries of a new event are answered 404.
        self.deliveries_delay = 0.0
        #: Seconds after which the next member of a group is notified when nobody answered.
        self.member_delay = 300.0
        #: Flood control: triggers are accepted and make no event.
        self.flood_control = False
        #: Whether listings hold terminated events without being asked for them by status (no document says).
        self.lists_terminated = True
        #: How often one response is posted, and how often a failed post is repeated (none is documented).
        self.webhook_copies = 1
        self.webhook_retries = 0
        #: C(integration), C(agent) or C(flow): see wire.response_webhook.
        self.webhook_style = "integration"
        self.directory = Directory(settings)
        self.credentials = Credentials(settings)
        self.function = stable_id("function")
        self.alerts: dict[str, Alert] = {}
        self.webhooks: list[dict[str, Any]] = []
        self._next_number = 7001002
        self._tasks: set[asyncio.Task[None]] = set()

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
        return [*AlertRest(self).routes(), *DirectoryRest(self.directory).routes()]

    def middlewares(self) -> list[Any]:
        return [self._envelope, self._authenticate]

    def actions(self) -> dict[str, Any]:
        return {"respond": self._respond}

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await super().stop()

    def snapshot(self) -> dict[str, Any]:
        people = [
            {"key": person.key, "name": person.name, "on_call": person.key == self.settings.on_call}
            for person in self.settings.people
        ]
        newest_first = sorted(self.alerts.values(), key=lambda alert: alert.number, reverse=True)
        return {"people": people, "alerts": [_shown(alert) for alert in newest_first], "webhooks": list(self.webhooks)}

    # -- what happens in it ------------------------------------------------------------------------------------------

    def trigger(self, body: bytes, query: Mapping[str, str]) -> str:
        """Accept a trigger and return its request id. The event follows after C(event_delay)."""
        request_id = str(uuid.uuid4())
        if not self.flood_control:
            self._later(self.event_delay, lambda: self._begin(understand(body, query, self.directory), request_id))
        return request_id

    def find_alert(self, name: str) -> Alert | None:
        """Return the alert with this UUID or number."""
        by_number = (alert for alert in self.alerts.values() if alert.number == name)
        return self.alerts.get(name) or next(by_number, None)

    def annotate(self, alert: Alert, author: str, comment: str) -> Annotation:
        annotation = alert.annotate(author, comment, _now())
        self.changed()
        return annotation

    def change_status(self, alert: Alert, status: str) -> None:
        """Change the status. Raises RefusedError when that is not possible any more."""
        if alert.change_status(status, _now()):
            self.changed()

    def _begin(self, asked: Triggered, request_id: str) -> None:
        if not asked.targets:
            return
        alert = Alert(
            number=str(self._next_number),
            request_id=request_id,
            created=_now(),
            properties=asked.properties,
            targets=asked.targets,
            options=asked.options,
            priority=asked.priority,
            expires_in=asked.expires_in,
            submitter=INTEGRATION_USER,
        )
        self._next_number += 1
        self.alerts[alert.id] = alert
        for target in alert.targets:
            self._notify_next(alert, target)
        self._later(alert.expires_in * 60.0, lambda: self._expire(alert))
        self.changed()

    def _notify_next(self, alert: Alert, target: Target) -> None:
        """Notify the next member now, and the one after that when nobody stops it in time."""
        if alert.notify_next(target, self.directory.device_names(), _now()) is not None:
            self.changed()
        left = len(target.waiting)

        def nobody_stopped_it() -> None:
            if len(target.waiting) == left:
                self._notify_next(alert, target)

        if left:
            self._later(self.member_delay, nobody_stopped_it)

    def _expire(self, alert: Alert) -> None:
        with contextlib.suppress(RefusedError):
            self.change_status(alert, "TERMINATED")

    async def _respond(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a person does on the phone: C({alert, person, option, comment?})."""
        alert = self.find_alert(str(arguments.get("alert", "")))
        person = self.directory.find_person(str(arguments.get("person", "")))
        if alert is None or person is None:
            return {"ok": False, "error": "there is no such alert" if alert is None else "there is no such person"}
        number = str(arguments.get("option", ""))
        option = next((option for option in alert.options if str(option.number) == number), None)
        if option is None:
            return {"ok": False, "error": f"the alert has no option {number[:20]}"}
        try:
            due = alert.respond(person, option, str(arguments.get("comment") or "") or None, _now())
        except RefusedError as refusal:
            return {"ok": False, "error": str(refusal)}
        for target in due:
            self._notify_next(alert, target)
        self.changed()
        for _copy in range(self.webhook_copies):
            self._start(self._post(alert, alert.responses[-1]))
        return {"ok": True, "alert": alert.id, "response": option.text}

    async def _post(self, alert: Alert, response: Response) -> None:
        """Post one response to where the form's outbound integration points."""
        webhook = self.settings.xmatters_webhook
        if webhook is None:
            return
        body = wire.response_webhook(alert, response, self.webhook_style)
        timeout = aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for _attempt in range(self.webhook_retries + 1):
                status, problem = None, None
                try:
                    async with session.post(webhook.url, json=body, headers=dict(webhook.headers)) as answer:
                        status = answer.status
                except (aiohttp.ClientError, TimeoutError) as error:
                    problem = f"{type(error).__name__}: {error}"[:200]
                self.webhooks.append(
                    {"at": wire.event_time(_now()), "alert": alert.id, "status": status, "error": problem}
                )
                self.changed()
                if status is not None and status < 300:
                    return
                await asyncio.sleep(0.2)

    # -- time and tasks ----------------------------------------------------------------------------------------------

    def _later(self, seconds: float, work: Callable[[], object]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            work()

        self._start(wait())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

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


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _shown(alert: Alert) -> dict[str, Any]:
    """Return what the page shows of an alert."""
    first: dict[str, str] = {}
    for notification in alert.notifications:
        first.setdefault(notification.person.key, wire.event_time(notification.delivered))
    return {
        "id": alert.id,
        "number": alert.number,
        "status": alert.status,
        "priority": alert.priority,
        "subject": alert.subject,
        "text": alert.text,
        "properties": dict(alert.properties),
        "created": wire.event_time(alert.created),
        "recipients": [
            {"key": person.key, "name": person.name, "notified_at": first[person.key]} for person in alert.notified()
        ],
        "options": [
            {"number": option.number, "label": option.text, "description": option.description, "action": option.action}
            for option in alert.options
        ],
        "responses": [
            {
                "at": wire.event_time(response.at),
                "who": response.person.name,
                "option": response.option.text,
                "comment": response.comment,
            }
            for response in alert.responses
        ],
        "annotations": [
            {"at": wire.event_time(note.created), "author": note.author, "text": note.comment}
            for note in alert.annotations
        ],
    }
