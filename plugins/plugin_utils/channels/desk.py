# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the channels of the source C(answers) have in common: where they hand answers in, and what each of them brings.

A channel is a file in this directory with a function C(prepare(args, inventory)). It reads and checks the channel's
settings before anything is opened, and returns None where the channel is not configured, else a function that makes
the channel once the journal is open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Answer
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal, Recorded
from ansible_collections.self_healing.devops.plugins.plugin_utils.doors import Door
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import DEFAULT_MAX_BODY, Handler
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import metrics

LOGGER = logging.getLogger(__name__)


class Desk:
    """Where every channel hands in what people chose. C(recorded) is called after something new was committed."""

    def __init__(self, journal: Journal, recorded: Callable[[], None]) -> None:
        self.journal = journal
        self._recorded = recorded

    async def record(self, answer: Answer) -> Recorded:
        """Commit an answer and return what became of it. Raises JournalError when nothing was written.

        Cancelling the caller does not undo or hide the commit.
        """
        with metrics().commit():
            recorded = await asyncio.to_thread(self.journal.record_answer, answer)
        metrics().arrived("answers", recorded.change)
        if recorded.change != "duplicate":
            LOGGER.info("answer on %s to incident %s: %s", answer.channel, recorded.incident, recorded.change)
            self._recorded()
        return recorded


@dataclass(frozen=True)
class ServedPath:
    """A path that the source serves for a channel on its host and port.

    C(door) decides who may come in. With C(raw) the body is not parsed, and C(json) of the request is None. With
    C(below) it is not the path that is served, but everything directly below it.
    """

    path: str
    handler: Handler
    door: Door
    methods: tuple[str, ...] = ("POST",)
    raw: bool = False
    below: bool = False
    max_body: int = DEFAULT_MAX_BODY


@dataclass(frozen=True)
class Channel:
    """What a channel brings to the source.

    C(runs) work in the background; each returns soon after C(lifecycle().stopping) is set and not before, and survives
    whatever the tool answers. C(stop) is awaited at the end, before the journal is closed.
    """

    name: str
    paths: tuple[ServedPath, ...] = ()
    runs: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
    stop: Callable[[], Awaitable[None]] | None = None


#: Makes the channel, when its settings were found right.
Open = Callable[[Desk], Channel]
