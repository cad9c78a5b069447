# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source keptn in a test: loaded as ansible-rulebook loads it, fed over HTTP or with a Keptn to ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp

from demo.scenarios.process_crash import free_port
from support.tree import INSTALLED, source

SOURCE = INSTALLED / "extensions/eda/plugins/event_source/keptn.py"
CONTEXT = "a3e5f16d-8888-4720-82c7-6995062905c1"
PLACE = {"project": "shop", "stage": "production", "service": "carts"}

T = TypeVar("T")


def event(type_: str, id_: str = "c4d3a334-6cb9-4e8c-a372-7e0b45942f53", **data: Any) -> dict[str, Any]:
    """Return an event of Keptn in structured form."""
    return {
        "specversion": "1.0",
        "id": id_,
        "type": f"sh.keptn.{type_}",
        "source": "shipyard-controller",
        "time": "2026-11-22T10:00:00.123456789Z",
        "contenttype": "application/json",
        "shkeptncontext": CONTEXT,
        "data": {**PLACE, **data},
    }


def binary(event: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return body and headers of the same event in binary form."""
    headers = {f"Ce-{name}": value for name, value in event.items() if name not in ("data", "contenttype")}
    return event["data"], {**headers, "Content-Type": "application/json"}


@asynccontextmanager
async def running(queue: Any, **args: Any) -> AsyncIterator[str]:
    """Run the source and yield its URL as soon as it listens; at once where it does not."""
    args = {"port": free_port(), **args}
    task = asyncio.create_task(source(SOURCE)["main"](queue, args))
    base = f"http://127.0.0.1:{args['port']}"
    try:
        while args.get("listen", True):
            if task.done():
                task.result()
            try:
                async with aiohttp.ClientSession() as session, session.get(f"{base}/healthz") as answer:
                    if "/keptn" in (await answer.json())["paths"]:
                        break
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.01)
        yield f"{base}/keptn"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(look: Callable[[], T], seconds: float = 20.0) -> T:
    """Return what C(look) finds as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := await asyncio.to_thread(look)):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
    return found
