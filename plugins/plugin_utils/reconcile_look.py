# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at the problems of a Dynatrace environment: what its list says, and what the list does not say."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    JournalError,
    NotFoundError,
    SelfHealingError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_rows import OpenProblem
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import (
    SOURCE,
    problem_id_of,
    translate_record,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import clean
from ansible_collections.self_healing.devops.plugins.plugin_utils.reconcile_plan import (
    Window,
    is_old,
    to_look_up,
    window,
)

LOGGER = logging.getLogger(__name__)

#: Problems that are written in one transaction.
BATCH = 200
#: Problems that are looked up one by one in one look.
MOST_LOOK_UPS = 50


class Client(Protocol):
    """The part of the Dynatrace client that is used."""

    def problem_pages(self, since: datetime, profile: str | None = None) -> Iterator[list[Any]]: ...

    def problem_record(self, pid: str) -> Mapping[str, Any]: ...

    def problem_url(self, pid: str) -> str: ...


#: Makes a client that waits between its attempts with the given function.
Connect = Callable[[Callable[[float], None]], Client]


class StoppedError(Exception):
    """The look was stopped: nothing more is asked or written."""


@dataclass(frozen=True)
class Environment:
    """Whose problems these are, the tag that names services, and the source that is to deliver what is new.

    C(profile) is the alerting profile whose problems are looked for; None looks for all.
    """

    tenant: str
    service_tag: str
    origin: str
    profile: str | None = None


@dataclass
class Memory:
    """What one look leaves to the next: whose turn it is to be looked up, and what was told already."""

    looked_up: str | None = None
    told: set[str] = field(default_factory=set)

    def is_first(self, what: str) -> bool:
        """Whether C(what) was not told yet. What was told very long ago may be told again."""
        if what in self.told:
            return False
        if len(self.told) >= 1000:
            self.told.clear()
        self.told.add(what)
        return True


class Look:
    """One look. Blocking, for a thread; L(stop) may be called from another.

    C(recorded) is called after something new was committed.
    """

    def __init__(
        self,
        journal: Journal,
        environment: Environment,
        memory: Memory,
        recorded: Callable[[], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._journal = journal
        self._environment = environment
        self._memory = memory
        self._recorded = recorded
        self._clock = clock
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let nothing more be asked or written: what is being done now raises StoppedError."""
        self._stopped.set()

    def at(self, connect: Connect, done_at: datetime | None, now: datetime, reach: timedelta) -> str | None:
        """Ask for the problems and record them. Returns what kept single problems from being looked up.

        C(done_at), C(now) and C(reach) are those of L(window). Raises the errors of the client and of the journal.
        """
        self._go_on()
        client = connect(self._pause)
        seen = self._take_list(client, window(done_at, now, reach))
        trouble = self._look_up_others(client, seen)
        self._go_on()
        return trouble

    def _take_list(self, client: Client, wanted: Window) -> set[str]:
        """Record every problem of the list, page by page, and return their ids."""
        seen: set[str] = set()
        known = {one.problem_id for one in self._open_problems()}
        pages = client.problem_pages(wanted.begin, self._environment.profile)
        while True:
            self._go_on()
            # What the page says is not older than this.
            asked = self._clock()
            page = next(pages, None)
            if page is None:
                return seen
            fresh: dict[str, Problem] = {}
            for record in page:
                problem = self._translated(client, record, asked)
                # Pages move while they are read. What is listed twice has to be one reading.
                if problem is not None and problem.problem_id not in seen:
                    fresh.setdefault(problem.problem_id, problem)
            seen.update(fresh)
            self._record([problem for problem in fresh.values() if self._is_ours(problem, known, wanted)])

    def _look_up_others(self, client: Client, seen: set[str]) -> str | None:
        """Look up what is open as far as is known and was not in the list. Returns what kept from it."""
        for one in to_look_up(self._open_problems(), seen, self._memory.looked_up, MOST_LOOK_UPS):
            self._go_on()
            # Whatever comes of it: next time others have their turn first.
            self._memory.looked_up = one.problem_id
            asked = self._clock()
            try:
                problem = self._translated(client, client.problem_record(one.problem_id), asked)
            except NotFoundError:
                self._tell_once(one, "Dynatrace has no such problem, or this token may not see it; it stays open here")
                continue
            except AnswerError as error:
                self._tell_once(one, error.message)
                continue
            except SelfHealingError as error:
                return error.message
            if problem is not None and problem.problem_id == one.problem_id:
                self._record([problem])
        return None

    def _open_problems(self) -> list[OpenProblem]:
        self._go_on()
        return self._journal.open_problems(SOURCE, self._environment.tenant)

    def _translated(self, client: Client, record: Any, as_of: datetime) -> Problem | None:
        """Return the problem of a record, None when it cannot be understood: that must not stop the others."""
        try:
            problem = translate_record(record, self._environment.tenant, self._environment.service_tag, as_of)
        except Exception:
            id_ = problem_id_of(record) or "one without an id"
            if self._memory.is_first(f"odd {id_}"):
                LOGGER.warning("a problem in the list of Dynatrace cannot be understood and is left out: %s", id_)
            return None
        return replace(problem, url=client.problem_url(problem.problem_id))

    def _is_ours(self, problem: Problem, known: set[str], wanted: Window) -> bool:
        """Whether a problem is recorded: not when it began before our time and nobody ever told us of it."""
        if problem.problem_id in known or not is_old(problem.opened_at, wanted):
            return True
        self._go_on()
        try:
            self._journal.read(problem.incident)
        except JournalError:
            return False
        return True

    def _record(self, problems: Sequence[Problem]) -> None:
        for begin in range(0, len(problems), BATCH):
            self._go_on()
            batch = problems[begin : begin + BATCH]
            news = [
                recorded
                for recorded in self._journal.record_problems(batch, self._environment.origin, count=False)
                if recorded.delivery is not None
            ]
            for recorded in news:
                LOGGER.info("incident %s: %s, found by asking Dynatrace", recorded.incident, recorded.change)
            if news:
                self._recorded()

    def _tell_once(self, one: OpenProblem, what: str) -> None:
        if self._memory.is_first(f"{one.problem_id} {what[:40]}"):
            LOGGER.warning("incident %s, problem %s: %s", one.incident, one.problem_id, clean(what, 300))

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise StoppedError

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise StoppedError
