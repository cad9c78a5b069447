# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends canaries through the rules: small events whose rule runs a playbook that reports them back to the journal."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import Queue, lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import vitals

logger = logging.getLogger(__name__)

#: Pause between two canaries (seconds).
INTERVAL = 60.0
#: Pause between two looks whether a canary is back (seconds).
LOOK_EVERY = 1.0
#: Canaries that may be out at a time before the oldest is watched no more.
MOST_WATCHED = 10


def interval_from(value: Any) -> float:
    """Return the pause between canaries from an argument (seconds), 0 for none. Raises ConfigurationError."""
    try:
        interval = INTERVAL if value is None else float(value)
    except (TypeError, ValueError):
        interval = -1.0
    if not (interval == 0 or 1 <= interval <= 3600):
        raise ConfigurationError("source journal: canary_interval must be 0 (none) or from 1 to 3600 seconds")
    return interval


async def send_canaries(journal: Journal, queue: Queue, interval: float) -> None:
    """Send a canary every C(interval) seconds until this process stops, and measure how long they take."""
    life = lifecycle()
    vitals().interval = timedelta(seconds=interval)
    clock = asyncio.get_running_loop().time
    next_at = clock() + interval
    out: list[datetime] = []
    while not life.stopping.is_set():
        pause = next_at - clock()
        await life.sleep(min(pause, LOOK_EVERY) if out else pause)
        try:
            if clock() >= next_at and not life.stopping.is_set():
                next_at = clock() + interval
                out = [*out, await _send(journal, queue)][-MOST_WATCHED:]
            if out:
                out = await _still_out(journal, out)
        except JournalError as error:
            vitals().journal_failed()
            logger.error("no canary can be sent: %s", error.message)


async def _send(journal: Journal, queue: Queue) -> datetime:
    canary = await asyncio.to_thread(journal.canaries.send, run_identity.hold())
    # The journal counts whole milliseconds; a finer moment could be later than the canary's own way back.
    sent = utc_now()
    sent -= timedelta(microseconds=sent.microsecond % 1000)
    vitals().journal_worked()
    await lifecycle().put(queue, {"canary": {"id": canary}, "meta": {"uuid": canary}})
    return sent


async def _still_out(journal: Journal, out: list[datetime]) -> list[datetime]:
    """Return which of the canaries are not back; C(out) is when they were sent.

    This is for the figures only: whether the engine is silent is decided by what the journal says.
    """
    worker = run_identity.hold()
    oldest = await asyncio.to_thread(journal.canaries.outstanding, worker)
    seen = await asyncio.to_thread(journal.canaries.signs_of_life, worker)
    left = [sent for sent in out if oldest is not None and sent >= oldest]
    if len(left) < len(out) and seen is not None:
        metrics().canary_came_back((seen - out[-len(left) - 1]).total_seconds())
    return left
