# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jira's search: a view of the store that may lag behind it, as the real one does, questioned in JQL."""

from __future__ import annotations

import copy
import time
from collections.abc import Collection
from dataclasses import dataclass

from .jql import Query
from .store import Issue

#: Views that were replaced longer ago than this can never be asked for again (seconds).
LONGEST_LAG = 600.0


@dataclass(frozen=True)
class _View:
    at: float
    #: None: the issue was deleted.
    issue: Issue | None


class Index:
    """Remembers how every issue looked when. C(lag) (seconds) may be changed at any time."""

    def __init__(self) -> None:
        self.lag = 0.0
        self._views: dict[int, list[_View]] = {}

    def note(self, issue: Issue, *, deleted: bool = False) -> None:
        """Take in the present state of C(issue); searches see it once the lag has passed."""
        views = self._views.setdefault(issue.id, [])
        views.append(_View(time.monotonic(), None if deleted else copy.deepcopy(issue)))
        oldest = time.monotonic() - LONGEST_LAG
        while len(views) > 1 and views[1].at < oldest:
            del views[0]

    def search(self, query: Query, fresh: Collection[int] = ()) -> list[Issue]:
        """Return the issues that the query fits, in its order.

        C(fresh) are ids for which the lag does not count (C(reconcileIssues)).
        """
        seen_until = time.monotonic() - self.lag
        found = []
        for number, views in self._views.items():
            view = next((v for v in reversed(views) if number in fresh or v.at <= seen_until), None)
            if view is not None and view.issue is not None and query.fits(view.issue):
                found.append(view.issue)
        return query.ordered(found)
