# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the modules and the client of Keptn against the emulated one, and waits for what it does."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import requests
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn import KeptnClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import Event, answer
from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from sandbox.keptn import PROJECT, SERVICE, STAGE, Keptn
from support.one_tool import OneTool

Running = OneTool[Keptn]
PLACE = {"project": PROJECT, "stage": STAGE, "service": SERVICE}
MARKER = "i7k3v5q2x4dmz"
ACTION = "sh.keptn.event.action.triggered"


def client_of(keptn: Running, **options: Any) -> KeptnClient:
    token = options.pop("token", keptn.settings.keptn_token)
    return KeptnClient(keptn.url, token, RequestsTransport(), **{"timeout": 10.0, "attempts": 1, **options})


def run(module: ModuleType, keptn: Running, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    """Run a module once and return its result."""
    settings = {"keptn_url": f"{keptn.url}/api", "keptn_token": keptn.settings.keptn_token, "timeout": 10}
    checked = ArgumentSpecValidator(module.SPEC.options, **module.SPEC.constraints()).validate({**settings, **given})
    assert not checked.error_messages, checked.error_messages
    result: dict[str, Any] = module.run(checked.validated_parameters, check_mode, RequestsTransport())
    return result


def ask(keptn: Running, method: str, path: str, token: str | None = None, **options: Any) -> requests.Response:
    """Ask the emulated API as anybody would."""
    headers = {"x-token": keptn.settings.keptn_token if token is None else token, **options.pop("headers", {})}
    return requests.request(method, f"{keptn.url}/api/{path}", headers=headers, timeout=10, **options)


def until(keptn: Running, condition: Callable[[], Any], timeout: float = 20.0) -> Any:
    """Return what C(condition), asked on the loop of the tool, says as soon as it is true."""
    found: list[Any] = []

    def holds() -> bool:
        found.append(condition())
        return bool(found[-1])

    keptn.run(keptn.tool.hub.until(holds, timeout), timeout + 5)
    return found[-1]


def waiting(keptn: Running, type_: str = ACTION, context: str | None = None) -> Event:
    """Return the task of this type that waits, as soon as one does."""
    keptn_events = keptn.tool.controller.open
    until(keptn, lambda: [e for e in keptn_events.values() if e.type == type_ and context in (None, e.context)])
    return next(event for event in client_of(keptn).triggered(type_) if context in (None, event.context))


def stored(keptn: Running, type_: str, count: int = 1) -> list[Event]:
    """Return the stored events of a type, oldest first, as soon as there are so many."""
    until(keptn, lambda: sum(event.type == type_ for event in keptn.tool.stored) >= count)
    return client_of(keptn).events(project=PROJECT, type=type_)[::-1]


def sent(keptn: Running, trigger: Event, *kinds: str, **said: Any) -> None:
    """Answer a task with events of these kinds."""
    for kind in kinds:
        outcome = {"status": "succeeded", "result": "pass", **said} if kind == "finished" else {}
        client_of(keptn).send_event(answer(trigger, kind, **outcome))


def state_of(keptn: Running, context: str, *wanted: str) -> str:
    """Return the state of a context as soon as it is one of these."""

    def found() -> str | None:
        state = keptn.tool.controller.states.find(PROJECT, context)
        return state.state if state is not None and state.state in wanted else None

    reached: str = until(keptn, found)
    return reached
