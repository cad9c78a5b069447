# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Knows how the parts of this process are: the sources, their queues, the journal, the engine behind the queues.

L(Vitals) notes what happens. Whether a part has fallen silent is decided by C(health()), which is pure. An open port
says nothing of the engine: a rule set that died takes events on and does nothing. So canaries are sent through it, and
what counts is that playbooks come out at the other end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now

#: The engine has at least this long to bring a canary back: several playbooks may be starting on a small machine.
LEAST_LIMIT = timedelta(seconds=30)
#: The engine has this many intervals of canaries, or LEAST_LIMIT if that is longer.
INTERVALS = 3
#: How long a queue may be full while no playbook begins or ends, where no canaries are sent.
FULL_QUEUE = timedelta(minutes=3)
#: What is known of the journal's failure says nothing any more after this time: nobody tried since.
FAILURE_LASTS = timedelta(minutes=5)
#: The journal has this long to answer a question that takes milliseconds.
ANSWER_LIMIT = timedelta(seconds=10)


@dataclass(frozen=True)
class Observations:
    """What is known at one moment. All times are UTC.

    C(sources): when each source ended, None while it runs. C(puts): since when each source waits for its queue.
    C(unwritable), C(unreadable): when the journal was last found so, if nothing proved the contrary since.
    C(unanswered): since when the journal owes an answer. C(interval): pause between canaries, None without canaries.
    C(canary): when the oldest canary that is not back was sent. C(life): newest moment at which a playbook began or
    settled something, or a canary came back.
    """

    sources: Mapping[str, datetime | None] = field(default_factory=dict)
    puts: Mapping[str, datetime] = field(default_factory=dict)
    unwritable: datetime | None = None
    unreadable: datetime | None = None
    unanswered: datetime | None = None
    interval: timedelta | None = None
    canary: datetime | None = None
    life: datetime | None = None


@dataclass(frozen=True)
class Health:
    """How each part is: None when it is well, else a sentence that says what is silent and what to do."""

    parts: Mapping[str, str | None]

    @property
    def ok(self) -> bool:
        return not self.silent

    @property
    def silent(self) -> list[str]:
        return [sentence for sentence in self.parts.values() if sentence]


def health(observations: Observations, now: datetime) -> Health:
    """Decide which parts have fallen silent. The sentences hold no names but those of sources, and no secrets."""
    ended = {
        f"source {name}": f"source {name}: it ended {_ago(at, now)} ago, and ansible-rulebook ends with it. "
        "Its log says why; restart it."
        if at is not None
        else None
        for name, at in observations.sources.items()
    }
    return Health(
        {
            "journal": _journal(observations, now),
            "queue": _queue(observations, now),
            "engine": _engine(observations, now),
            **ended,
        }
    )


def _journal(seen: Observations, now: datetime) -> str | None:
    if seen.unwritable is not None and now - seen.unwritable < FAILURE_LASTS:
        return (
            f"journal: it could not be written {_ago(seen.unwritable, now)} ago. What arrives is answered 503, so that "
            "its sender keeps it. The log says why; look at the disk, its free space, or the database."
        )
    if seen.unreadable is not None and now - seen.unreadable < FAILURE_LASTS:
        return (
            f"journal: it could not be read {_ago(seen.unreadable, now)} ago. The log says why; look at the disk or "
            "the database."
        )
    if seen.unanswered is not None and now - seen.unanswered > ANSWER_LIMIT:
        return (
            f"journal: it has not answered for {_ago(seen.unanswered, now)}. Look at the disk or the database, and for "
            "a program that keeps it locked."
        )
    return None


def _queue(seen: Observations, now: datetime) -> str | None:
    waiting = {
        name: since
        for name, since in seen.puts.items()
        if now - max(filter(None, (since, seen.life))) > (_limit(seen.interval) if seen.interval else FULL_QUEUE)
    }
    if not waiting:
        return None
    names = ", ".join(sorted(waiting))
    return (
        f"queue: ansible-rulebook has taken no event of {names} for {_ago(min(waiting.values()), now)}, and no "
        "playbook has begun or ended meanwhile. Look for playbooks that hang, then restart ansible-rulebook: what is "
        "due is in the journal and comes again."
    )


def _engine(seen: Observations, now: datetime) -> str | None:
    if seen.interval is None or seen.canary is None:
        return None
    # A single canary may get lost. As long as younger ones come back, or playbooks do their work, the engine lives.
    silent_since = max(filter(None, (seen.canary, seen.life)))
    if now - silent_since <= _limit(seen.interval):
        return None
    return (
        f"engine: a canary that was sent {_ago(seen.canary, now)} ago is not back, and no playbook has begun or ended "
        f"for {_ago(silent_since, now)}: the rules no longer fire. See that the rulebook has the rule for "
        "event.canary.id, look for errors in the log of ansible-rulebook, and restart it: what is due is in the "
        "journal and comes again."
    )


def _limit(interval: timedelta) -> timedelta:
    return max(INTERVALS * interval, LEAST_LIMIT)


def _ago(then: datetime, now: datetime) -> str:
    seconds = max(0, round((now - then).total_seconds()))
    return f"{seconds} s" if seconds < 600 else f"{seconds // 60} min"


class Vitals:
    """Notes of what happens in this process. To be used on the thread of its event loop."""

    def __init__(self) -> None:
        #: Pause between canaries, None where none are sent.
        self.interval: timedelta | None = None
        self._sources: dict[str, datetime | None] = {}
        self._puts: dict[object, tuple[str, datetime]] = {}
        self._unwritable: datetime | None = None
        self._unreadable: datetime | None = None
        self._unanswered: datetime | None = None

    @contextmanager
    def source(self, name: str) -> Iterator[None]:
        """A source is there as long as the block runs. Nobody misses one that was cancelled."""
        number, unique = 1, name
        while unique in self._sources and self._sources[unique] is None:
            number += 1
            unique = f"{name} {number}"
        self._sources[unique] = None
        try:
            yield
        except asyncio.CancelledError:
            del self._sources[unique]
            raise
        except BaseException:
            self._sources[unique] = utc_now()
            raise
        self._sources[unique] = utc_now()

    @contextmanager
    def putting(self, name: str) -> Iterator[None]:
        """A source waits for its queue as long as the block runs."""
        key = object()
        self._puts[key] = (name, utc_now())
        try:
            yield
        finally:
            del self._puts[key]

    def journal_failed(self) -> None:
        """The journal could not be written."""
        self._unwritable = utc_now()

    def journal_worked(self) -> None:
        """Something was written to the journal."""
        self._unwritable = None

    def journal_asked(self) -> None:
        """The journal owes an answer from now on."""
        self._unanswered = self._unanswered or utc_now()

    def journal_answered(self, *, readable: bool) -> None:
        """It answered, be it with an error."""
        self._unanswered = None
        self._unreadable = None if readable else utc_now()

    def observe(self, canary: datetime | None = None, life: datetime | None = None) -> Observations:
        """Return what is known now, with what the journal says of canaries and of signs of life."""
        puts: dict[str, datetime] = {}
        for name, since in self._puts.values():
            puts[name] = min(since, puts.get(name, since))
        return Observations(
            sources=dict(self._sources),
            puts=puts,
            unwritable=self._unwritable,
            unreadable=self._unreadable,
            unanswered=self._unanswered,
            interval=self.interval,
            canary=canary,
            life=life,
        )


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Vitals] = WeakKeyDictionary()


def vitals() -> Vitals:
    """Return what all sources on the running event loop note their doings in."""
    return _of_loop.setdefault(asyncio.get_running_loop(), Vitals())
