# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes reports to the journal, all that have arrived meanwhile in one transaction.

Each sender is answered after the commit that holds its report. What arrives while a commit is under way waits for the
next one, so that a storm costs about as many commits as the disk can make, and a single report waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Recorded

#: Reports in one transaction.
MOST_TOGETHER = 500
#: Reports that may wait for their commit. Senders of more are asked to repeat.
MOST_WAITING = 5000
#: A sender is asked to repeat when its report was not committed by then (seconds). If it was committed all the same,
#: the repetition is a duplicate.
PATIENCE = 10.0

Commit = Callable[[Sequence[Problem]], list[Recorded]]
Waiting = tuple[Problem, "asyncio.Future[Recorded]"]


class GroupCommit:
    """Takes reports from many senders at once. C(commit) blocks, and records all it is given or raises.

    Nothing is recorded unless L(run) runs.
    """

    def __init__(self, commit: Commit, *, patience: float = PATIENCE) -> None:
        self._commit = commit
        self._patience = patience
        self._waiting: deque[Waiting] = deque()
        self._arrived = asyncio.Event()

    async def record(self, problem: Problem) -> Recorded:
        """Return what became of a report once it is committed. Raises JournalError when it is not, or not in time."""
        if len(self._waiting) >= MOST_WAITING:
            raise JournalError(f"{MOST_WAITING} reports wait for the journal already")
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._waiting.append((problem, future))
        self._arrived.set()
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(future)
        except TimeoutError:
            # Whoever asks again gets an answer of its own; nobody waits for this one any more.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise JournalError(f"the journal did not take the report in {self._patience:g} s") from None

    async def run(self) -> None:
        """Commit what arrives, until cancelled. Whoever waits then is told that nothing was recorded."""
        group: list[Waiting] = []
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    group = [self._waiting.popleft() for _number in range(min(len(self._waiting), MOST_TOGETHER))]
                    await self._record(group)
        finally:
            for _problem, future in [*group, *self._waiting]:
                if not future.done():
                    future.set_exception(JournalError("the source ended before the journal had the report"))

    async def _record(self, group: list[Waiting]) -> None:
        try:
            recorded = await asyncio.to_thread(self._commit, [problem for problem, _future in group])
        except JournalError as error:
            for _problem, future in group:
                _fail(future, error)
        except Exception as error:
            # One report that cannot be written must not take the others with it.
            if len(group) == 1:
                _fail(group[0][1], error)
                return
            for one in group:
                await self._record([one])
        else:
            for (_problem, future), result in zip(group, recorded, strict=True):
                if not future.done():
                    future.set_result(result)


def _fail(future: asyncio.Future[Recorded], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
