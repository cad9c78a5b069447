# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the event sources of one process come to an end together, in good order.

Left to itself, ansible-rulebook ends with status 143 within half a second of SIGTERM and leaves its playbooks behind:
the Java virtual machine takes the signal, because it installed its handler after Python. It does so before any event
source is called, so that a handler which a source installs is the last one and stays.

On the first SIGTERM or SIGINT webhooks are answered 503, nothing is handed out any more, and what was handed out may be
settled by its playbooks for as long as the patience lasts. Then the sources return, and ansible-rulebook ends with
status 0. When the patience is over, and on a second signal, the playbooks that still run are ended with it; what they
did not settle is handed out again by the next start. From ansible-core 2.19 on the workers of a playbook have sessions
of their own, so that the task that is under way ends by itself.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, NoReturn, Protocol
from weakref import WeakKeyDictionary

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import vitals

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
#: How long playbooks may take to settle what was handed out (seconds).
PATIENCE = 60.0
PATIENCE_VARIABLE = "SELF_HEALING_STOP_PATIENCE"
#: ansible-rulebook has at least this long to end after the sources have (seconds).
LAST_WORDS = 10.0
#: The loops of a source have this long to end by themselves (seconds).
LOOP_ENDS = 5.0
#: Pause between two looks at what is not settled (seconds).
LOOK_EVERY = 0.25

#: Which source the present task belongs to.
_source: ContextVar[str] = ContextVar("source", default="a source")


class Queue(Protocol):
    """The part of ansible-rulebook's queue that is used."""

    async def put(self, event: dict[str, Any]) -> Any: ...


def patience_from(value: Any, environment: Mapping[str, str] | None = None) -> float:
    """Return the patience from an argument, else from the environment (seconds). Raises ConfigurationError."""
    if value is None:
        value = (os.environ if environment is None else environment).get(PATIENCE_VARIABLE) or PATIENCE
    try:
        patience = float(value)
    except (TypeError, ValueError):
        patience = math.nan
    if not 0 <= patience < math.inf:
        raise ConfigurationError(f"stop_patience ({PATIENCE_VARIABLE}) must be a number of seconds, 0 or more")
    return patience


def interrupt() -> NoReturn:
    """End the event loop, as ansible-rulebook's own handler of signals does: it cancels everything and returns 0."""
    # Whoever loses patience with that can end the process for good.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt


class Lifecycle:
    """The common end of all sources on one event loop.

    C(stopping) is set as soon as the end has begun: loops return then, and webhooks are refused. C(patience) is in
    seconds. C(interrupt) is what ends everything at once.
    """

    def __init__(self, patience: float = PATIENCE, interrupt: Callable[[], object] = interrupt) -> None:
        self.stopping = asyncio.Event()
        self.patience = patience
        self._interrupt = interrupt
        self._deadline = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        #: Sources whose loops have not ended, and journals to be asked for what is not settled.
        self._working = 0
        self._journals: list[Journal] = []
        self._draining: asyncio.Task[None] | None = None

    def take_signals(self) -> None:
        """Let SIGTERM and SIGINT begin the end."""
        for number in SIGNALS:
            # Where this is not the main thread, or not Unix, there are no signals to be taken.
            with suppress(ValueError, RuntimeError, NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: signal.Signals) -> None:
        if self.stopping.is_set():
            logger.warning("%s again: ending at once, with the playbooks that still run", number.name)
            self._interrupt()
        else:
            self.stop(number.name)

    def stop(self, reason: str) -> None:
        """Begin the end. Returns at once."""
        if self.stopping.is_set():
            return
        logger.warning("%s: stopping. Running playbooks have %g s; a second signal ends at once", reason, self.patience)
        self.stopping.set()
        self._deadline = asyncio.get_running_loop().time() + self.patience
        self._ring_at(
            self._deadline,
            f"not everything was settled within {self.patience:g} s: ending, with the playbooks that still run. What "
            "they did not settle comes again after the next start",
        )

    def _ring_at(self, moment: float, words: str) -> None:
        """Lose patience at a moment of the loop's clock."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(moment, self._lose_patience, words)

    def _lose_patience(self, words: str) -> None:
        logger.warning("%s", words)
        self._interrupt()

    async def run(self, name: str, *loops: Coroutine[Any, Any, Any], journal: Journal | None = None) -> None:
        """Do the work of the source C(name) until the common end, and return when everything was settled.

        C(loops) return soon after C(stopping) is set. C(journal) is asked for what is not settled. When a loop fails,
        or returns before, the end begins for all sources, because ansible-rulebook ends with any of them. Raises what
        a loop raised.
        """
        if journal is not None:
            self._journals.append(journal)
        try:
            with vitals().source(name):
                self._working += 1
                try:
                    await self._work(name, loops)
                finally:
                    self._working -= 1
                await self._drained()
        finally:
            if journal is not None:
                self._journals.remove(journal)

    async def _work(self, name: str, loops: Sequence[Coroutine[Any, Any, Any]]) -> None:
        before = _source.set(name)
        tasks = [asyncio.create_task(loop, name=f"source {name}") for loop in loops]
        _source.reset(before)
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
            self.stop(f"the source {name} ended by itself")
            await asyncio.wait(tasks, timeout=LOOP_ENDS)
        finally:
            stopping.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _drained(self) -> None:
        """Return when what this process handed out is settled. Whatever never is, patience ends."""
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        await asyncio.shield(self._draining)

    async def _drain(self) -> None:
        # The playbooks that settle are other processes, so that there is nothing but to look.
        while self._working or await self._unsettled():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY)
        # Now ansible-rulebook ends by itself, unless its engine is dead and does not read its queue any more.
        latest = max(self._deadline, asyncio.get_running_loop().time() + LAST_WORDS)
        self._ring_at(latest, "everything is settled, but ansible-rulebook does not end: ending it")

    async def _unsettled(self) -> int:
        """Return how much the playbooks have left to settle. The sources may all have opened the same journal."""
        worker = run_identity.hold()
        left = 0
        for journal in list(self._journals):
            try:
                left = max(left, await asyncio.to_thread(journal.due.unsettled, worker))
            except JournalError as error:
                logger.error("what is not settled cannot be read: %s", error.message)
                left = max(left, 1)
        return left

    async def put(self, queue: Queue, event: dict[str, Any]) -> bool:
        """Put an event on a queue of ansible-rulebook, which makes us wait while it is busy.

        Returns False when the end has begun and the event is not on the queue.
        """
        if self.stopping.is_set():
            return False
        putting = asyncio.ensure_future(queue.put(event))
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            with vitals().putting(_source.get()):
                await asyncio.wait({putting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not putting.done():
                putting.cancel()
                await asyncio.wait({putting})
        if putting.cancelled():
            return False
        putting.result()
        return True

    async def sleep(self, seconds: float, woken: asyncio.Event | None = None) -> None:
        """Return after a time, when C(woken) is set, or when the end has begun, whatever is first."""
        waiting = [asyncio.create_task(event.wait()) for event in (self.stopping, woken) if event is not None]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Lifecycle] = WeakKeyDictionary()


def lifecycle() -> Lifecycle:
    """Return what the sources on the running event loop share. The first call takes the signals over."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        run_identity.disown_forks()
        _of_loop[loop] = Lifecycle(patience_from(None))
        _of_loop[loop].take_signals()
    return _of_loop[loop]
