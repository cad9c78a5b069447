# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a Keptn for tasks that wait for an executor, and how what it asked for has ended. Keptn then needs no way in.

Keptn lists a task until it is finished, so that the same is seen again and again: the journal takes it once. Nothing
that Keptn answers, or does not answer, ends this.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import Event, task_type
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    InvalidInputError,
    JournalError,
    SelfHealingError,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.daemon import in_daemon
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import clean
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.reconcile_plan import next_pause

LOGGER = logging.getLogger(__name__)

#: A look that has not ended by then waits for an answer without end (seconds).
LONGEST_LOOK = 120.0
#: Contexts of our problems that are asked about in one look; they take turns.
MOST_CONTEXTS = 20
#: How a sequence went is less urgent than a task that waits: it is asked for in one look of so many.
ENDS_EVERY = 5
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Client(Protocol):
    """The part of the client that is used."""

    def triggered(self, type: str, *, project: str | None = None) -> list[Event]: ...
    def events(self, *, context: str | None = None, limit: int | None = None) -> list[Event]: ...


Connect = Callable[[], Client]
Take = Callable[[Mapping[str, Any], Any], Awaitable[Mapping[str, Any]]]


class Pull:
    """Asks one Keptn every C(interval) seconds, less often while that fails.

    C(connect) makes a client, a new one for each look, as sessions are not shared between threads. C(take) writes an
    event down. C(projects) limits what is asked for; none means all. C(waiting) returns the contexts whose end is of
    interest; it blocks.
    """

    def __init__(
        self,
        connect: Connect,
        take: Take,
        *,
        tasks: Sequence[str],
        projects: Sequence[str] = (),
        waiting: Callable[[], Sequence[str]] = tuple,
        interval: float = 2.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._connect = connect
        self._take = take
        self._types = [task_type(name, "triggered") for name in tasks]
        self._projects: Sequence[str | None] = projects or [None]
        self._waiting = waiting
        self._interval = interval
        self._chance = chance
        self._looks = 0
        self._turn = 0
        #: What was listed by the last look and is taken: the next one lists it too.
        self._taken: frozenset[str] = frozenset()
        self._trouble: str | None = None
        self._looking: asyncio.Future[list[Event]] | None = None

    async def run(self) -> None:
        """Look until this process stops."""
        life = lifecycle()
        failures = 0
        while not life.stopping.is_set():
            try:
                trouble = await self.look()
            except Exception as error:
                # Whatever it was: the next look may find another world.
                trouble = f"{type(error).__name__}: {error}"
            self._tell(trouble)
            failures = failures + 1 if trouble else 0
            await life.sleep(next_pause(self._interval, failures, self._chance()))

    async def look(self) -> str | None:
        """Look once, and return what went wrong."""
        if self._looking is None or self._looking.done():
            self._looking = in_daemon(self._ask, "keptn")
        await asyncio.wait([self._looking], timeout=LONGEST_LOOK)
        if not self._looking.done():
            return f"no end within {LONGEST_LOOK:g} s"
        try:
            events = self._looking.result()
        except SelfHealingError as error:
            return error.message
        taken: set[str] = set()
        for event in events:
            if event.id in self._taken or event.id in taken or await self._is_taken(event):
                taken.add(event.id)
        self._taken = frozenset(taken)
        return None

    async def _is_taken(self, event: Event) -> bool:
        """Take an event; False when it has to be tried again. What cannot be understood is told once and left."""
        try:
            said = await self._take(attributes_of(event), dict(event.data))
        except InvalidInputError as error:
            LOGGER.warning("an event of Keptn (%s) cannot be taken: %s", clean(event.type, 100), error.message)
            return True
        except JournalError as error:
            LOGGER.error("an event of Keptn could not be written down and is asked for again: %s", error.message)
            return False
        LOGGER.debug("an event of Keptn was taken: %s", said)
        return True

    def _ask(self) -> list[Event]:
        """Return the tasks that wait and the newest end of each sequence that we wait for. Blocking."""
        client = self._connect()
        found = [
            event
            for type_ in self._types
            for project in self._projects
            for event in client.triggered(type_, project=project)
        ]
        if self._looks % ENDS_EVERY == 0:
            for context in self._next_contexts(self._waiting()):
                found += ends(client.events(context=context, limit=100))
        self._looks += 1
        return found

    def _next_contexts(self, waiting: Collection[str]) -> list[str]:
        contexts = sorted(one for one in waiting if _UUID.fullmatch(one))
        if len(contexts) <= MOST_CONTEXTS:
            return contexts
        begin = self._turn % len(contexts)
        self._turn += MOST_CONTEXTS
        return [*contexts, *contexts][begin : begin + MOST_CONTEXTS]

    def _tell(self, trouble: str | None) -> None:
        """Tell what is wrong, once for as long as it stays the same, and when it is over."""
        trouble = clean(trouble, 500) if trouble else None
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble:
            LOGGER.error("Keptn cannot be asked for its tasks: %s", trouble)
        else:
            LOGGER.warning("Keptn can be asked for its tasks again")


def ends(events: Sequence[Event]) -> list[Event]:
    """Return the newest end of a sequence among the events of one context (newest first), unless another has begun."""
    for event in events:
        parsed = event.parsed_type
        if parsed is not None and parsed.stage and parsed.kind in ("triggered", "finished"):
            return [event] if parsed.kind == "finished" else []
    return []


def attributes_of(event: Event) -> dict[str, Any]:
    """Return the attributes of an event as a CloudEvent has them."""
    attributes = {
        "type": event.type,
        "id": event.id,
        "source": event.source,
        "shkeptncontext": event.context,
        "time": event.time,
        "gitcommitid": event.git_commit,
    }
    return {name: value for name, value in attributes.items() if value}
