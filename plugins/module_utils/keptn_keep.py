# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the answers to one task of Keptn to the state that they should have: one start, and one end.

Keptn counts starts and ends and waits until they are equal, so that one too many is as bad as one too few. What was
sent is found in Keptn's own store by the task that it answers and by its sender, before anything is sent.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .clients.keptn import KeptnClient
from .clients.keptn_values import Event, answer, task_type
from .errors import ApiError, AuthenticationError, ConfigurationError, RateLimitedError, UnclearOutcomeError
from .keptn import STORED_WITHIN, send_once

#: It tells that a task was started when it calls a webhook, and leaves the end to whoever was called.
WEBHOOK_SERVICE = "webhook-service"
#: Longer messages are cut: everything in an end is handed on to each later task (characters).
MESSAGE_LIMIT = 1000
_LOOK_EVERY = 0.25
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")

Pause = Callable[[float], None]


@dataclass(frozen=True)
class Answers:
    """What Keptn has heard about one task. C(started) says that somebody told for us that it began."""

    started: bool
    finished: Event | None
    told: frozenset[str]

    def shown(self) -> dict[str, Any]:
        finished = self.finished
        return {
            "started": self.started or finished is not None,
            "finished": finished is not None,
            "status": finished.status if finished else "",
            "result": finished.result if finished else "",
        }


def keep_answers(
    client: KeptnClient, params: Mapping[str, Any], check_mode: bool, pause: Pause = time.sleep
) -> dict[str, Any]:
    """Send what is missing of the answers, and return what Keptn has heard then. Raises SelfHealingError.

    C(params) are those of the module keptn_task.
    """
    trigger = _trigger(params["task"])
    wanted = _Wanted(trigger, params)
    known = _heard(client, trigger, wanted.source)
    sent: list[str] = []
    if not known.started and known.finished is None and not _told_by_keptn(client, params, trigger, pause, check_mode):
        send_once(client, wanted.event("started"), look_first=False, check_mode=check_mode, pause=pause)
        sent.append("started")
    refused = False
    if params["state"] == "started" and known.finished is None and wanted.progress not in ("", *known.told):
        refused = not _tell(client, wanted.changed(), check_mode)
        sent += [] if refused else ["status.changed"]
    if params["state"] == "finished" and known.finished is None:
        send_once(client, wanted.finished(), look_first=False, check_mode=check_mode, pause=pause)
        sent.append("finished")
    before = known.shown()
    after = {**before, "started": True}
    if "finished" in sent:
        after |= {"finished": True, "status": params["status"], "result": params["result"]}
    return {
        "changed": bool(sent),
        "diff": {"before": before, "after": after},
        "id": trigger.id,
        "context": trigger.context,
        "url": client.sequence_url(trigger.context),
        "sent": sent,
        "progress_refused": refused,
        **after,
    }


class _Wanted:
    """The events that answer a task, as they should be."""

    def __init__(self, trigger: Event, params: Mapping[str, Any]) -> None:
        self._trigger = trigger
        self._task = trigger.parsed_type.name if trigger.parsed_type else ""
        self._params = params
        self._labels = {str(name): str(value) for name, value in params["labels"].items()}
        self.source = str(params["source"])
        self.progress = _short(params["progress"])

    def event(self, kind: str, status: str = "", result: str = "", message: str = "") -> dict[str, Any]:
        return answer(
            self._trigger,
            kind,
            status=status,
            result=result,
            message=message,
            labels=self._labels,
            source=self.source,
        )

    def changed(self) -> dict[str, Any]:
        return self.event("status.changed", status="succeeded", message=self.progress)

    def finished(self) -> dict[str, Any]:
        status, result = self._params["status"], self._params["result"]
        event = self.event("finished", status=status, result=result, message=_short(self._params["text"]))
        # The specification wants an object of the task's name, in the one case with the commit that was released.
        if self._task == "action":
            event["data"]["action"] = {}
        elif self._task == "release":
            event["data"]["release"] = {"gitCommit": self._trigger.git_commit}
        action = {name: value for name, value in (self._params["action"] or {}).items() if value}
        if action:
            event["data"]["action"] = action
        if self._params["action_index"] is not None:
            event["data"]["get-action"] = {"actionIndex": self._params["action_index"]}
        return event


def _trigger(task: Mapping[str, Any]) -> Event:
    """Return the event that handed the task out, as far as an answer needs it. Raises ConfigurationError."""
    for name in ("id", "context", "name", "project", "stage", "service"):
        if not _NAME.fullmatch(task[name]):
            raise ConfigurationError(f"task.{name} holds characters that Keptn does not allow in it")
    if "." in task["name"]:
        raise ConfigurationError("task.name is the name of a task, like action: it has no dots")
    place = {name: task[name] for name in ("project", "stage", "service")}
    return Event(
        id=task["id"],
        type=task_type(task["name"], "triggered"),
        source="",
        context=task["context"],
        git_commit=task.get("git_commit") or "",
        data={**place, "labels": dict(task.get("labels") or {})},
    )


def _heard(client: KeptnClient, trigger: Event, source: str) -> Answers:
    """Return what Keptn has heard from us about a task, and from its webhook-service."""
    found = [
        event
        for event in client.events(context=trigger.context, project=trigger.project)
        if event.triggered_id == trigger.id
    ]
    ours = [event for event in found if event.source == source]
    # What the webhook-service has not ended itself is for us to end.
    hooks = [event for event in found if event.source == WEBHOOK_SERVICE]
    waits = len(_of_kind(hooks, "started")) > len(_of_kind(hooks, "finished"))
    return Answers(
        started=waits or bool(_of_kind(ours, "started")),
        finished=next(iter(_of_kind(ours, "finished")), None),
        told=frozenset(event.message for event in _of_kind(ours, "status.changed")),
    )


def _of_kind(events: Sequence[Event], kind: str) -> list[Event]:
    return [event for event in events if event.parsed_type is not None and event.parsed_type.kind == kind]


def _told_by_keptn(
    client: KeptnClient, params: Mapping[str, Any], trigger: Event, pause: Pause, check_mode: bool
) -> bool:
    """Whether Keptn's webhook-service tells that the task began. It may be on its way to the store.

    An end without a beginning ends nothing. So it is waited for, and where it never comes we tell it ourselves.
    """
    if not params["task"].get("started"):
        return False
    if params["state"] == "started" or check_mode:
        return True
    for _attempt in range(round(STORED_WITHIN / _LOOK_EVERY)):
        pause(_LOOK_EVERY)
        if _heard(client, trigger, params["source"]).started:
            return True
    return False


def _tell(client: KeptnClient, event: Mapping[str, Any], check_mode: bool) -> bool:
    """Tell how it goes. Nothing depends on it: a Keptn that checks events strictly refuses this type."""
    if check_mode:
        return True
    try:
        client.send_event(event)
    except (AuthenticationError, RateLimitedError):
        raise
    except UnclearOutcomeError:
        return True
    except ApiError as error:
        if error.status != 400:
            raise
        return False
    return True


def _short(text: str | None) -> str:
    said = (text or "").strip()
    return said if len(said) <= MESSAGE_LIMIT else f"{said[: MESSAGE_LIMIT - 1]}…"
