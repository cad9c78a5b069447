# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Keptn as a tool of the sandbox: its bus, who listens to it, what the page shows and may do."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, ClassVar

from aiohttp import web

from ..faults import Faults, Handler
from ..hub import Hub
from ..settings import Settings
from ..tool import Tool
from . import lifecycle
from .api import KeptnApi, summary
from .controller import Controller, Execution
from .events import CloudEvent, Data, context_for, now, sequence_type, timestamp
from .services import Services
from .shipyard import SHIPYARD, parse_shipyard
from .uniform import Uniform
from .webhooks import ACTION_PAYLOAD, PAYLOAD, Subscription, WebhookService
from .wire import Gate, RefusedError, event_from

PROJECT, STAGE, SERVICE = "shop", "production", "carts"
#: Tasks that are posted to the webhook of the settings.
WEBHOOK_TASKS = ("action", "rollback")
#: Events that the page shows.
SHOWN = 100


class Keptn(Tool):
    """One Keptn 1.4 with one project. Switches are plain attributes of the parts.

    C(api.strict) checks events, C(controller.answer_within) is the time for a first answer (seconds),
    C(services.tasks) are the tasks that are carried out here, C(services.never_finished) those that a second executor
    starts and never finishes, C(webhooks.copies) is how often an event is posted.
    """

    name: ClassVar[str] = "keptn"

    def __init__(self, settings: Settings, hub: Hub, faults: Faults) -> None:
        super().__init__(settings, hub, faults)
        #: Seconds from an event being taken to its being stored and delivered: the bus is not instant.
        self.bus_delay = 0.0
        self.stored: list[CloudEvent] = []
        self.lifecycle_log: list[Data] = []
        self.gate = Gate(settings.keptn_token)
        self.controller = Controller({PROJECT: parse_shipyard(SHIPYARD)}, self.publish, self._later)
        self.services = Services(self.publish)
        self.webhooks = WebhookService(self.publish, self.changed)
        self.api = KeptnApi(self.controller, self.publish, self.stored)
        self.uniform = Uniform()
        if settings.keptn_webhook is not None:
            hook = settings.keptn_webhook
            self.webhooks.subscriptions += [
                Subscription(
                    f"sh.keptn.event.{task}.triggered",
                    hook.url,
                    dict(hook.headers),
                    ACTION_PAYLOAD if task == "action" else PAYLOAD,
                )
                for task in WEBHOOK_TASKS
            ]
        self._bus: asyncio.Queue[CloudEvent] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- what a tool is ----------------------------------------------------------------------------------------------

    async def start(self, port: int = 0) -> None:
        await super().start(port)
        self._run(self._carry())

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await super().stop()

    def routes(self) -> list[web.AbstractRouteDef]:
        return [*self.api.routes(), *self.uniform.routes()]

    def middlewares(self) -> list[Any]:
        return [self._answer]

    def snapshot(self) -> dict[str, Any]:
        return {
            "sequences": [
                {**state.shown(), "tasks": [_task(one) for one in self._executions(state.context)]}
                for state in reversed(self.controller.states.all)
            ],
            "waiting": [summary(event) for event in self.controller.open.values() if event.is_task],
            "events": [summary(event) for event in self.stored[: -SHOWN - 1 : -1]],
            "webhooks": list(self.webhooks.log),
            "lifecycle": list(self.lifecycle_log),
        }

    def actions(self) -> dict[str, Any]:
        return {
            "deliver": self._deliver,
            "rollback": self._rollback,
            "problem": self._problem,
            "resolve": self._resolve,
            "control": self._control,
            "lifecycle": self._lifecycle,
        }

    # -- the bus -----------------------------------------------------------------------------------------------------

    def publish(self, event: CloudEvent) -> None:
        """Put an event on the bus. Everybody gets it later, the datastore first."""
        self._bus.put_nowait(event)

    async def _carry(self) -> None:
        while True:
            event = await self._bus.get()
            if self.bus_delay:
                await asyncio.sleep(self.bus_delay)
            self.stored.append(event)
            for receive in (self.controller.receive, self.services.receive):
                # An event that a service cannot read is its own business: the bus carries on.
                with suppress(LookupError, TypeError, ValueError, AttributeError):
                    receive(event)
            self._run(self.webhooks.receive(event))
            self.changed()

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            work()
            self.changed()

        self._run(wait())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- what a person does ------------------------------------------------------------------------------------------

    async def _deliver(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Deliver a new release: C(service), C(image), and C(result) of its evaluation (pass, warning, fail)."""
        image = str(arguments.get("image") or "registry.example.com/shop/carts:1.2.0")
        return self._begin("delivery", arguments, configurationChange={"values": {"image": image}})

    async def _rollback(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Roll the release of a C(service) back."""
        return self._begin("rollback", arguments)

    def _begin(self, sequence: str, arguments: dict[str, Any], **data: Any) -> dict[str, Any]:
        stage = str(arguments.get("stage") or STAGE)
        context = context_for(str(arguments.get("context") or ""))
        if result := str(arguments.get("result") or ""):
            self.services.evaluations[context] = [result]
        self.publish(
            CloudEvent(
                type=sequence_type(stage, sequence, "triggered"),
                source="https://github.com/keptn/keptn/cli#configuration-change",
                context=context,
                data={"project": PROJECT, "stage": stage, "service": str(arguments.get("service") or SERVICE), **data},
                at=now(),
            )
        )
        return {"ok": True, "context": context}

    async def _problem(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Let Dynatrace report a problem: C(title), maybe C(pid), C(service), C(root_cause) and C(evaluations)."""
        title = arguments.get("title")
        if not isinstance(title, str) or not title.strip():
            return {"ok": False, "error": "title is missing"}
        pid = str(arguments.get("pid") or f"-{uuid.uuid4().int % 10**19}_{int(now().timestamp() * 1000)}V2")
        event = self._notification(pid, "OPEN", title, arguments)
        self.services.evaluations[event.context] = [str(one) for one in arguments.get("evaluations") or []]
        self.publish(event)
        return {"ok": True, "pid": pid, "context": event.context}

    async def _resolve(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Let Dynatrace report that the problem C(pid) is over."""
        if not arguments.get("pid"):
            return {"ok": False, "error": "pid is missing"}
        event = self._notification(str(arguments["pid"]), "RESOLVED", str(arguments.get("title") or ""), arguments)
        self.publish(event)
        return {"ok": True, "context": event.context}

    def _notification(self, pid: str, state: str, title: str, arguments: dict[str, Any]) -> CloudEvent:
        """Return the problem as Dynatrace posts it to Keptn's API, and as that passes it on."""
        data: Data = {
            "State": state,
            "ProblemID": str(arguments.get("display_id") or "P-2611001"),
            "PID": pid,
            "ProblemTitle": title,
            "ProblemURL": f"https://abc12345.live.dynatrace.com/#problems/problemdetails;pid={pid}",
            "ProblemDetails": {"id": pid, "displayName": "P-2611001", "status": state},
            "Tags": f"keptn_service:{arguments.get('service') or SERVICE}, keptn_stage:{STAGE}",
            "ImpactedEntities": [{"type": "SERVICE", "name": SERVICE, "entity": "SERVICE-5D1A0000000000B1"}],
            "ImpactedEntity": f"{title} on Service {SERVICE}",
            "KeptnProject": PROJECT,
        }
        if arguments.get("root_cause"):
            data["rootCause"] = str(arguments["root_cause"])
        return event_from(
            {
                "specversion": "1.0",
                "type": "sh.keptn.events.problem",
                "shkeptncontext": pid,
                "source": "dynatrace",
                "id": pid,
                "time": "",
                "contenttype": "application/json",
                "data": data,
            }
        )

    async def _control(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Pause, resume or abort (C(state)) what runs under a C(context)."""
        context, state = str(arguments.get("context", "")), str(arguments.get("state", ""))
        if self.controller.states.find(PROJECT, context) is None:
            return {"ok": False, "error": "there is no such sequence"}
        self.controller.control(PROJECT, context, state, str(arguments.get("stage") or ""))
        self.changed()
        return {"ok": True}

    async def _lifecycle(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Let Keptn 2 send an event to its endpoint: see C(lifecycle_event)."""
        if self.settings.keptn_lifecycle_endpoint is None:
            return {"ok": False, "error": "Keptn 2 has no endpoint to send to"}
        headers, body = lifecycle.lifecycle_event(arguments)
        said = await lifecycle.send(self.settings.keptn_lifecycle_endpoint, headers, body)
        entry = {"at": timestamp(now()), "id": headers["Ce-Id"], "type": headers["Ce-Type"], **said}
        self.lifecycle_log = [*self.lifecycle_log[-499:], entry]
        self.changed()
        return {"ok": said["error"] is None, **said, "id": headers["Ce-Id"]}

    # -- around every request ----------------------------------------------------------------------------------------

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path.startswith("/api/"):
                self.gate.check(request)
            return await handler(request)
        except RefusedError as refused:
            return refused.response()

    def _executions(self, context: str) -> list[Execution]:
        return [one for one in self.controller.executions if one.origin.context == context]


def _task(execution: Execution) -> Data:
    """Return what the page shows of one run of a sequence."""
    current = execution.current
    return {
        "sequence": execution.sequence.name,
        "stage": execution.origin.stage,
        "state": "paused" if execution.paused and execution.open else execution.state,
        "done": [{"name": task.name, "status": task.status, "result": task.result} for task in execution.previous],
        "current": current.task if current is not None else None,
        "answers": [f"{answer.kind} by {answer.source}" for answer in execution.answers],
    }
