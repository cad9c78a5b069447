# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes the events of one Keptn into the journal, on whichever road they come: each is taken once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem, Task
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal, Recorded
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.keptn import (
    SOURCE,
    Installation,
    Meaning,
    translate,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import metrics

Record = Callable[[Problem], Awaitable[Recorded]]


class KeptnIntake:
    """Writes down what events mean. C(record) takes a problem, C(wake) is called when something became due."""

    def __init__(self, journal: Journal, keptn: Installation, record: Record, wake: Callable[[], None]) -> None:
        self._journal = journal
        self._keptn = keptn
        self._record = record
        self._wake = wake

    async def take(self, attributes: Mapping[str, Any], data: Any, *, started: bool = False) -> dict[str, Any]:
        """Take an event and return what became of it, for the sender.

        C(started) tells that Keptn says for us that a task was started. Raises InvalidInputError and JournalError.
        """
        meaning = translate(attributes, data, self._keptn, started=started)
        if meaning.problem is not None and meaning.problem.source == SOURCE and "shkeptncontext" in attributes:
            # It may be about a problem of Dynatrace that it does not name.
            pids = await asyncio.to_thread(self._open, "dynatrace", self._keptn.dynatrace_tenant)
            meaning = translate(attributes, data, self._keptn, pids, started=started)
        if meaning.problem is None or await self._is_news_of_nothing(meaning):
            metrics().arrived(SOURCE, "ignored")
            return {"ignored": meaning.ignored or "the end of a problem that nobody knows"}
        recorded = await self._recorded(meaning.problem, meaning.task)
        metrics().arrived(SOURCE, recorded.change)
        if recorded.delivery is not None:
            self._wake()
        return {"incident": recorded.incident, "change": recorded.change}

    async def _recorded(self, problem: Problem, task: Task | None) -> Recorded:
        if task is None:
            return await self._record(problem)

        def commit() -> Recorded:
            with metrics().commit():
                return self._journal.record_task(problem, task, SOURCE)

        return await asyncio.to_thread(commit)

    async def _is_news_of_nothing(self, meaning: Meaning) -> bool:
        if not meaning.only_known or meaning.problem is None:
            return False
        known = await asyncio.to_thread(self._open, meaning.problem.source, meaning.problem.tenant)
        return meaning.problem.problem_id not in known

    def _open(self, source: str, tenant: str) -> list[str]:
        """Return the ids of the problems that are open."""
        return [one.problem_id for one in self._journal.open_problems(source, tenant)]
