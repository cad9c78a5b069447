# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The webhook service: posts what a subscription says for each event that fits it, as curl would."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from .events import CloudEvent, Data, now, task_type, timestamp

SOURCE = "webhook-service"
#: What curl calls itself in the image of the service.
USER_AGENT = "curl/7.88.1"
#: How long a receiver may take (seconds).
TIMEOUT = 10.0
CONTENT_TYPE = "application/cloudevents+json"
#: The payload that the collection asks people to configure, for tasks that say what to do.
ACTION_PAYLOAD = (
    '{"specversion":"1.0","id":"{{.id}}","type":"{{.type}}","source":"{{.source}}",'
    '"shkeptncontext":"{{.shkeptncontext}}","gitcommitid":"{{.gitcommitid}}",'
    '"data":{"project":"{{.data.project}}","stage":"{{.data.stage}}","service":"{{.data.service}}",'
    '"action":{"action":"{{.data.action.action}}"}}}'
)
#: The same for all other events.
PAYLOAD = ACTION_PAYLOAD.replace(',"action":{"action":"{{.data.action.action}}"}', "")
_FIELD = re.compile(r"\{\{\s*((?:\.[A-Za-z_][A-Za-z0-9_]*)+)\s*\}\}")


@dataclass
class Subscription:
    """One webhook of webhook.yaml, with the subscription that it belongs to. Empty filters fit everything."""

    event: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    payload: str = PAYLOAD
    projects: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    method: str = "POST"
    send_started: bool = True
    send_finished: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def fits(self, event: CloudEvent) -> bool:
        pattern = re.escape(self.event).replace(r"\*", "[^.]+").replace(">", ".+")
        filters = ((self.projects, event.project), (self.stages, event.stage), (self.services, event.service))
        return re.fullmatch(pattern, event.type) is not None and all(not some or one in some for some, one in filters)


class TemplateError(Exception):
    """The payload asks for something inside of what is not there."""


def render(template: str, event: Mapping[str, Any]) -> str:
    """Return a payload with its fields filled in as Go does it: as they are, without any quoting."""

    def value(match: re.Match[str]) -> str:
        found: Any = event
        names = match.group(1)[1:].split(".")
        for depth, name in enumerate(names):
            if not isinstance(found, Mapping):
                raise TemplateError(
                    f"nil data; no entry for key {name!r}" if found is None else f"can't evaluate {name}"
                )
            found = found.get(name)
            if found is None and depth < len(names) - 1:
                raise TemplateError(f"nil pointer evaluating interface {{}}.{names[depth + 1]}")
        if found is None:
            return "<no value>"
        if isinstance(found, bool):
            return "true" if found else "false"
        return found if isinstance(found, str) else json.dumps(found)

    return _FIELD.sub(value, template)


class WebhookService:
    """Posts webhooks and answers for them. C(publish) puts answers on the bus."""

    def __init__(self, publish: Callable[[CloudEvent], None], changed: Callable[[], None]) -> None:
        self._publish = publish
        self._changed = changed
        self.subscriptions: list[Subscription] = []
        #: How often one event is posted: the bus delivers at least once.
        self.copies = 1
        #: One entry per post, oldest first.
        self.log: list[Data] = []

    async def receive(self, event: CloudEvent) -> None:
        """Take an event from the bus and post it to all whom it may concern."""
        for subscription in self.subscriptions:
            if subscription.fits(event):
                await self._execute(subscription, event)

    async def _execute(self, subscription: Subscription, event: CloudEvent) -> None:
        answers = event.is_task and event.kind == "triggered"
        if answers and subscription.send_started:
            self._answer(event, "started", {})
        said, failure = "", None
        try:
            body = render(subscription.payload, event.shown())
            for _copy in range(self.copies):
                said = await self._post(subscription, event, body)
        except (TemplateError, OSError, aiohttp.ClientError, TimeoutError) as error:
            failure = f"could not execute request '{subscription.url}': {error}"[:300]
        if not answers:
            return
        if failure is not None:
            self._answer(event, "finished", {"status": "errored", "result": "fail", "message": failure})
        elif subscription.send_finished:
            outcome = {"status": "succeeded", "result": "pass", event.task: {"responses": [said]}}
            self._answer(event, "finished", outcome)

    async def _post(self, subscription: Subscription, event: CloudEvent, body: str) -> str:
        """Post once and return the answer. Raises OSError for everything that curl --fail-with-body refuses."""
        headers = {"User-Agent": USER_AGENT, "Content-Type": CONTENT_TYPE, **subscription.headers}
        entry: Data = {"at": timestamp(now()), "type": event.type, "id": event.id, "status": None, "error": None}
        self.log = [*self.log[-499:], entry]
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
                session.request(subscription.method, subscription.url, data=body.encode(), headers=headers) as answer,
            ):
                said = (await answer.text())[:2000]
                entry["status"] = answer.status
                if answer.status >= 400:
                    raise OSError(f"curl: (22) The requested URL returned error: {answer.status}")
                return said
        except (OSError, aiohttp.ClientError, TimeoutError) as error:
            entry["error"] = f"{type(error).__name__}: {error}"[:200]
            raise
        finally:
            self._changed()

    def _answer(self, event: CloudEvent, kind: str, outcome: Data) -> None:
        data: Data = {
            name: event.data[name] for name in ("project", "stage", "service", "labels") if name in event.data
        }
        self._publish(
            CloudEvent(
                type=task_type(event.task, kind),
                source=SOURCE,
                context=event.context,
                data={**data, **outcome},
                at=now(),
                triggered_id=event.id,
                commit=event.commit,
            )
        )
