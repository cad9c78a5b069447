# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source C(answers) inside a test, and journals with incidents that wait for an answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import aiohttp

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry, Incident, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.story import MANAGED, NOW, PROBLEM, REMEDIES
from support.tree import INSTALLED, source

MAIN = source(INSTALLED / "extensions/eda/plugins/event_source/answers.py")["main"]

Queue = asyncio.Queue[dict[str, Any]]


def ask(incident: Incident) -> list[Entry]:
    """Return the entries by which people are asked about an incident, for C(Journal.change)."""
    around = policies.Surroundings(managed_hosts=1)
    decision = policies.decide(policies.Policy(), incident, REMEDIES, [MANAGED], around, NOW)
    return steps.decide(incident, decision.to_data(), {})


def asking_journal(place: str, called: Sequence[Mapping[str, Any]] = ()) -> Journal:
    """Return a journal with the incident of C(PROBLEM), about which the people C(called) (name and email) are asked."""
    journal = Journal.open(place)
    journal.record_problem(PROBLEM, "dynatrace")
    journal.change(PROBLEM.incident, ask)
    if called:
        pager = ToolState("pager", "xmatters", "a-1", details={"responders": [dict(person) for person in called]})
        journal.tools.show(PROBLEM.incident, pager, None)
    return journal


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that happens on another thread's event loop."""
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def listening(port: int, task: asyncio.Task[None]) -> None:
    """Wait until the source listens. Raises what it ended with."""
    async with asyncio.timeout(10), aiohttp.ClientSession() as session:
        while not task.done():
            with contextlib.suppress(aiohttp.ClientConnectionError):
                async with session.get(f"http://127.0.0.1:{port}/healthz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.02)
    await task


@contextlib.asynccontextmanager
async def answering(
    given: Mapping[str, Any], *, listens: bool = True
) -> AsyncIterator[tuple[Queue, asyncio.Task[None]]]:
    """Run the source with these arguments, and wait until it listens if it is to."""
    queue: Queue = asyncio.Queue()
    task = asyncio.create_task(MAIN(queue, dict(given)))
    try:
        if listens:
            await listening(given["port"], task)
        yield queue, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
