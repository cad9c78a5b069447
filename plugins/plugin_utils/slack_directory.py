# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is who in the workspace, asked once in a while: who presses a button, and who we are ourselves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack import Slack
from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack_values import User

Answered = TypeVar("Answered")

#: How long what Slack said of a person is believed (seconds), and of how many people it is kept.
BELIEVED = 300.0
MOST_PEOPLE = 1000


@dataclass(frozen=True)
class Ourselves:
    """The workspace that our token belongs to, and the app, None where Slack does not tell."""

    team: str
    app: str | None


class Directory:
    """Asks Slack about people. C(connect) returns a client: a new one per question, as sessions belong to a thread."""

    def __init__(self, connect: Callable[[], Slack], clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._people: dict[str, tuple[float, asyncio.Task[User | None]]] = {}
        self._ourselves: asyncio.Task[Ourselves] | None = None

    async def user(self, user: str) -> User | None:
        """Return a person, None when Slack does not know or tell. Raises the client's errors."""
        until, asking = self._people.pop(user, (0.0, None))
        if asking is None or until <= self._clock() or _failed(asking):
            asking = _start(lambda: self._connect().user(user))
            until = self._clock() + BELIEVED
        # At the end of the dictionary are those who were asked for last.
        self._people[user] = (until, asking)
        while len(self._people) > MOST_PEOPLE:
            del self._people[next(iter(self._people))]
        return await asyncio.shield(asking)

    async def ourselves(self) -> Ourselves:
        """Return who we are. It is asked once. Raises the client's errors."""
        if self._ourselves is None or _failed(self._ourselves):
            self._ourselves = _start(self._ask)
        return await asyncio.shield(self._ourselves)

    def _ask(self) -> Ourselves:
        client = self._connect()
        identity = client.identity()
        return Ourselves(identity.team_id, client.app_id(identity.bot_id) if identity.bot_id else None)


def _start(question: Callable[[], Answered]) -> asyncio.Task[Answered]:
    """Ask once for all who want to know at the same time. Who stops waiting does not take the answer from others."""
    return asyncio.ensure_future(asyncio.to_thread(question))


def _failed(asking: asyncio.Task[Any]) -> bool:
    return asking.done() and (asking.cancelled() or asking.exception() is not None)
