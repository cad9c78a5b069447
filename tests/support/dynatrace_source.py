# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source dynatrace in a test: loaded as ansible-rulebook loads it, fed over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from ansible_collections.self_healing.devops.plugins.module_utils.incident import incident_id
from demo.scenarios.process_crash import free_port
from support.tree import INSTALLED, source

PID = "-6478017825120311599_1790000000000V2"
INCIDENT = incident_id("dynatrace", "default", PID)
SOURCE = INSTALLED / "extensions/eda/plugins/event_source/dynatrace.py"

Queue = asyncio.Queue[dict[str, Any]]


def notification(**changes: Any) -> dict[str, Any]:
    process = {"type": "PROCESS_GROUP_INSTANCE", "name": "shop", "entity": "PROCESS_GROUP_INSTANCE-5D1A000000000001"}
    fields = {
        "State": "OPEN",
        "PID": PID,
        "ProblemID": "P-2611001",
        "ProblemTitle": "Process unavailable {{ lookup('pipe', 'id') }}",
        "ProblemSeverity": "AVAILABILITY",
        "ProblemURL": "https://abc.live.dynatrace.com/",
        "ImpactedEntities": [process],
        "Tags": "service:shop",
    }
    return {**fields, **changes}


@asynccontextmanager
async def running(queue: Any, **args: Any) -> AsyncIterator[str]:
    """Run the source and yield its URL as soon as it listens."""
    args = {"port": free_port(), **args}
    task = asyncio.create_task(source(SOURCE)["main"](queue, args))
    base = f"http://127.0.0.1:{args['port']}"
    path = args.get("path", "/dynatrace")
    try:
        while True:
            if task.done():
                task.result()
            try:
                async with aiohttp.ClientSession() as session, session.get(f"{base}/healthz") as answer:
                    if path in (await answer.json())["paths"]:
                        break
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.01)
        yield f"{base}{path}"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def post(
    url: str, body: Any, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    async with aiohttp.ClientSession() as session:
        async with session.post(
            url, data=body if isinstance(body, bytes) else json.dumps(body), headers=headers
        ) as answer:
            return answer.status, await answer.json(), answer.headers
