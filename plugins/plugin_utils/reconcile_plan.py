# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to ask a monitoring system for, and when. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

#: Each look goes back this far behind the last one: a problem is dated back to its first event, and clocks differ.
OVERLAP = timedelta(minutes=10)
#: A monitoring system that fails is asked at least this often (seconds).
LONGEST_PAUSE = 600.0


@dataclass(frozen=True)
class Window:
    """What to ask for: problems that were open at any time after C(begin).

    Those that began before C(oldest) belong to the time before this system looked after the environment, unless they
    are known already.
    """

    begin: datetime
    oldest: datetime


def window(done_at: datetime | None, now: datetime, reach: timedelta) -> Window:
    """Return what to ask for now. C(done_at) is up to when everything is known, None when nothing ever was.

    C(reach) is how far the very first look goes back. It stays the limit for older problems, so that what the first
    look left out is left out by the second one too.
    """
    if done_at is None:
        return Window(now - reach, now - reach)
    known = min(done_at, now)
    return Window(known - OVERLAP, known - max(reach, OVERLAP))


def is_old(opened_at: datetime | None, wanted: Window) -> bool:
    """Whether a problem began before the window reaches. One without a beginning is taken to be recent."""
    return opened_at is not None and opened_at < wanted.oldest


class Waiting(Protocol):
    """An incident whose problem is still open as far as is known."""

    @property
    def problem_id(self) -> str: ...


W = TypeVar("W", bound=Waiting)


def to_look_up(waiting: Iterable[W], seen: Collection[str], after: str | None, limit: int) -> list[W]:
    """Return what to look up one by one, at most C(limit): what was not C(seen) in the list.

    They take turns: it goes on behind the problem that was looked up last, C(after), and starts again at the end.
    """
    unseen = sorted((one for one in waiting if one.problem_id not in seen), key=lambda one: one.problem_id)
    behind = [one for one in unseen if after is not None and one.problem_id > after]
    before = [one for one in unseen if after is None or one.problem_id <= after]
    return [*behind, *before][:limit]


def next_pause(interval: float, failures: int, chance: float) -> float:
    """Return how long to wait before the next look, in seconds.

    C(failures) is how many looks failed in a row. C(chance) is from 0 to 1, and keeps several that failed together from
    coming back together.
    """
    if failures == 0:
        return interval
    longest = max(interval, LONGEST_PAUSE)
    doubled = min(interval * 2.0 ** min(failures - 1, 20), longest)
    return max(interval, doubled * (1 - 0.25 * chance))
