# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an answer out of a pressed button: who it was, into the journal, and back what became of it.

Slack tells of a press once and waits for 3 seconds. What cannot be committed by then is not acknowledged, so that the
person sees that something is wrong, and it is tried again in the background: the press is not lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Desk
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.slack import Press, to_answer, to_press
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_directory import Directory

LOGGER = logging.getLogger(__name__)

#: How long a press may take before it is not acknowledged in time (seconds). Slack waits for 3.
PATIENCE = 2.5
#: Pauses before what could not be recorded is tried again (seconds). A response_url lives for 30 minutes.
PAUSES = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0)
#: Presses that are worked on at the same time; what is more is refused.
MOST_AT_ONCE = 100
STOP_SECONDS = 2.0

NOT_YET = "This is not recorded yet, because something does not work at the moment. It is tried again for some minutes."
GIVEN_UP = "This could not be recorded. Please press the button again, or answer elsewhere."
NOT_OURS = "This button belongs to another workspace or another app, so that nothing was recorded."

#: Shows a text to the person who pressed.
Whisper = Callable[[Press, str], Coroutine[Any, Any, None]]


class SlackAnswers:
    """Takes payloads of both roads, HTTP and socket."""

    def __init__(
        self,
        desk: Desk,
        directory: Directory,
        whisper: Whisper,
        *,
        patience: float = PATIENCE,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._desk = desk
        self._directory = directory
        self._whisper = whisper
        self._patience = patience
        self._pauses = tuple(pauses)
        self._working: set[asyncio.Task[Any]] = set()

    async def take(self, payload: Any) -> bool:
        """Return whether the payload may be acknowledged: it is committed, or nothing for us.

        Raises InvalidInputError when it cannot be understood.
        """
        press = to_press(payload)
        if press is None:
            return True
        if len(self._working) >= MOST_AT_ONCE:
            LOGGER.error("a press in %s on slack is refused: %d others are worked on", press.channel, MOST_AT_ONCE)
            return False
        first = self._start(self._attempt(press))
        await asyncio.wait({first}, timeout=self._patience)
        if first.done() and first.result():
            return True
        self._start(self._follow(press, first))
        return False

    async def stop(self) -> None:
        """End what is worked on in the background, after a moment for what is about to end by itself."""
        if self._working:
            await asyncio.wait(set(self._working), timeout=STOP_SECONDS)
        for task in list(self._working):
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def _attempt(self, press: Press) -> bool:
        """Record a press, and return whether that is settled, one way or the other."""
        incident = press.choice.incident
        try:
            ours = await self._directory.ourselves()
            if press.team != ours.team or ours.app not in (None, press.app):
                LOGGER.warning("a press for incident %s is not of our workspace and app: refused", incident)
                self._start(self._whisper(press, NOT_OURS))
                return True
            answer = to_answer(press, await self._directory.user(press.user))
            recorded = await self._desk.record(answer)
        except SelfHealingError as error:
            LOGGER.error("answer on slack to incident %s: cannot be recorded now: %s", incident, error.message)
            return False
        self._start(self._whisper(press, recorded.text or f"Recorded: {recorded.change}"))
        return True

    async def _follow(self, press: Press, first: asyncio.Task[bool]) -> None:
        if await first:
            return
        await self._whisper(press, NOT_YET)
        for pause in self._pauses:
            await asyncio.sleep(pause)
            if await self._attempt(press):
                return
        LOGGER.error("answer on slack to incident %s: given up", press.choice.incident)
        await self._whisper(press, GIVEN_UP)

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._working.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its text may quote what was sent.
            LOGGER.error("an error of ours while a press on slack was handled: %s", type(error).__name__)
