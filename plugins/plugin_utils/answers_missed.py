# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds answers that no webhook told: asks about the alerts that wait for one, at start, and again and again.

A response is posted once, and nobody may be there to hear it: the network, a restart, a process that was killed between
the post and its commit. A person who has pressed the button does not press it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta

from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle

LOGGER = logging.getLogger(__name__)

#: States in which an answer still counts.
WAITING = ("asked", "held", "escalated", "healing", "verifying")
#: Incidents that are asked about in one look, those first that were not asked about for the longest time.
MOST_AT_ONCE = 20
#: Incidents that are considered at all: the newest ones.
MOST_CONSIDERED = 1000


def alerts_of(incident: Incident, role: str) -> list[str]:
    """Return the ids of the alerts by which the tools of a role ask about an incident."""
    tools = (tool for _name, tool in sorted(incident.tools.items()))
    return [alert for tool in tools if tool.role.rpartition(".")[2] == role for alert in _alerts(tool)]


def _alerts(tool: ToolState) -> list[str]:
    """Return the ids of the alerts of one tool: of every call where it remembers them."""
    known = [str(alert["id"]) for alert in tool.details.get("alerts", ()) if alert.get("status") != "terminated"]
    return known or ([tool.id] if tool.id else [])


def next_ones(waiting: Iterable[str], looked_at: Mapping[str, int], most: int = MOST_AT_ONCE) -> list[str]:
    """Return the incidents to ask about now. C(looked_at) has the number of the look that each was last part of."""
    return sorted(waiting, key=lambda incident: looked_at.get(incident, 0))[:most]


class MissedAnswers:
    """Looks for the answers to the alerts of one role.

    C(look) records all answers to an alert. C(place) tells several instances of a tool apart: of all workers that share
    a journal one asks each of them. C(interval) is the pause between two looks in seconds.
    """

    def __init__(
        self,
        journal: Journal,
        look: Callable[[str], Awaitable[object]],
        *,
        role: str,
        place: str,
        worker: str,
        interval: float,
    ) -> None:
        self._journal = journal
        self._look = look
        self._role = role
        self._duty = f"answers:{role}:{place}"[:255]
        self._worker = worker
        self._interval = interval
        self._span = timedelta(seconds=2 * interval + 60)
        self._looks = 0
        self._looked_at: dict[str, int] = {}
        self._trouble: str | None = None

    async def run(self) -> None:
        """Look until this process stops. Nothing that the tool answers, or does not answer, ends it."""
        life = lifecycle()
        while not life.stopping.is_set():
            try:
                self._tell(await self.look())
            except SelfHealingError as error:
                self._tell(error.message)
            await life.sleep(self._interval)

    async def look(self) -> str | None:
        """Ask about some of the alerts that wait, and return what kept from it. Raises JournalError."""
        began = utc_now()
        if await asyncio.to_thread(self._journal.duties.take, self._duty, self._worker, self._span) is None:
            return None
        trouble = None
        for incident in await asyncio.to_thread(self._choose):
            if lifecycle().stopping.is_set():
                return None
            for alert in alerts_of(incident, self._role):
                try:
                    await self._look(alert)
                except SelfHealingError as error:
                    # The next alert may be one that can be read.
                    trouble = error.message
        await asyncio.to_thread(self._journal.duties.done, self._duty, self._worker, began)
        return trouble

    def _choose(self) -> list[Incident]:
        waiting = self._journal.list_incidents(WAITING, MOST_CONSIDERED)
        self._looks += 1
        chosen = next_ones(waiting, self._looked_at)
        looked_at = {**self._looked_at, **dict.fromkeys(chosen, self._looks)}
        self._looked_at = {incident: looked_at[incident] for incident in waiting if incident in looked_at}
        return [self._journal.read(incident) for incident in chosen]

    def _tell(self, trouble: str | None) -> None:
        """Tell what is wrong, once for as long as it stays the same, and when it is over."""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble:
            LOGGER.error("missed answers cannot be looked for: %s; trying again every %g s", trouble, self._interval)
        else:
            LOGGER.info("missed answers can be looked for again")
