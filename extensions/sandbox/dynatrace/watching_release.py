# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches how fast a real service answers, and which release of it does.

A new version is a deployment. A service that answers too slowly is a problem, whose evidence has the deployment before
it, as the analysis of the vendor finds what changed on an entity shortly before.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from statistics import median

from ..settings import Watch
from .watching import Watcher
from .wire import now
from .world import Event, Problem, Sample, World

#: How many answers are judged together, and how many such judgements in a row change anything.
JUDGED = 6
#: A deployment is what changed before a problem for so long (milliseconds).
RECENT = 30 * 60 * 1000


class ReleaseWatcher(Watcher):
    """A watcher that also calls C(slowed(watch, slow)) and C(released(watch, version)) when that changes."""

    def __init__(
        self,
        watch: Watch,
        changed: Callable[[Watch, bool], None],
        record: Callable[[Sample], None],
        slowed: Callable[[Watch, bool], None],
        released: Callable[[Watch, str], object],
    ) -> None:
        super().__init__(watch, changed, record)
        self.slow = False
        self.version: str | None = None
        self._slowed = slowed
        self._released = released
        self._taken: deque[float] = deque(maxlen=JUDGED)
        self._others = 0

    def heard(self, body: bytes, milliseconds: float) -> None:
        version = version_in(body)
        if version is not None and version != self.version:
            if self.version is not None:
                self._released(self.watch, version)
            self.version = version
        self._taken.append(milliseconds)
        if self.watch.slow_ms is None or len(self._taken) < JUDGED:
            return
        slow = median(self._taken) > self.watch.slow_ms
        self._others = 0 if slow == self.slow else self._others + 1
        if self._others >= self.watch.changes_after:
            self.slow, self._others = slow, 0
            self._slowed(self.watch, slow)


class Releases:
    """What becomes of deployments and of slowness. C(opened) and C(closed) tell of the problems."""

    def __init__(self, world: World, opened: Callable[[Problem], None], closed: Callable[[Problem], None]) -> None:
        self.world = world
        self._opened = opened
        self._closed = closed
        self._problems: dict[str, Problem] = {}

    def watcher(
        self, watch: Watch, changed: Callable[[Watch, bool], None], record: Callable[[Sample], None]
    ) -> ReleaseWatcher:
        return ReleaseWatcher(watch, changed, record, self.slowed, self.released)

    def released(self, watch: Watch, version: str) -> Event:
        """Note a deployment, as the vendor's agent does that reads the version of a process."""
        properties = {
            "dt.event.deployment.name": watch.service,
            "dt.event.deployment.version": version,
            "dt.event.deployment.release_stage": "production",
        }
        at, service = now(), self.world.service_of(watch)
        return self.world.record_event("CUSTOM_DEPLOYMENT", f"{watch.service} {version}", service, at, at, properties)

    def slowed(self, watch: Watch, slow: bool) -> None:
        """Open a problem, with the last deployment as what changed before it, or close it."""
        if not slow:
            problem = self._problems.pop(watch.service, None)
            if problem is not None:
                self._closed(problem)
            return
        service = self.world.service_of(watch)
        problem = self.world.open_problem(
            "PERFORMANCE", self.world.evidence("SERVICE_SLOWDOWN", "Response time degradation", service)
        )
        deployments = [
            event
            for event in self.world.events.values()
            if event.type == "CUSTOM_DEPLOYMENT" and event.entity is service and problem.start - event.start < RECENT
        ]
        problem.events += deployments[-1:]
        self._problems[watch.service] = problem
        self._opened(problem)


def version_in(body: bytes) -> str | None:
    """Return the version that an answer names, None where it names none."""
    try:
        said = json.loads(body)
    except ValueError:
        return None
    version = said.get("version") if isinstance(said, dict) else None
    return version if isinstance(version, str) and 0 < len(version) <= 64 else None
