# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of an issue through a workflow that only its administrator knows. Pure functions, no I/O.

A target is the name of a status, or one of Jira's three categories by key (C(new), C(indeterminate), C(done)) or by its
English name (C(To Do), C(In Progress), C(Done)), which exist under these keys in every workflow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .clients.jira_values import Status, Transition

#: Most steps from one status to another; more mean that the workflow leads nowhere.
MOST_STEPS = 5
_RANKS = {"new": 0, "indeterminate": 1, "done": 2}
_CATEGORIES = {"to do": "new", "in progress": "indeterminate", **{key: key for key in _RANKS}}
# Among several statuses of the category "done" these say that the work was finished, not given up.
_GOOD_ENDS = ("done", "resolved", "closed", "completed", "fixed")


def category_of(target: str) -> str | None:
    """Return the key of the category that the target names, None when it names a status."""
    return _CATEGORIES.get(target.casefold())


def reached(status: Status, target: str) -> bool:
    """Whether the status is the target. A status of the target's category will do: somebody may have moved the card."""
    return status.name.casefold() == target.casefold() or status.category == category_of(target)


def next_step(
    steps: Iterable[Transition], current: Status, target: str, category: str, seen: Collection[str]
) -> Transition | None:
    """Return the transition to take from C(current), None when no step leads nearer.

    C(category) is the target's. C(seen) are the names of the statuses where the issue has been on this way. No step
    goes farther away, and none closes an issue that should stay open: there is often no way back.
    """
    rank = _RANKS[category]

    def order(step: Transition) -> tuple[int, int] | None:
        if step.to.name.casefold() == target.casefold():
            return 0, 0
        if step.to.category == "done":
            return _end_order(step.to, target, category)
        away = _away(step.to, rank)
        return (2, away) if away <= _away(current, rank) else None

    fresh = (step for step in steps if step.to.name != current.name and step.to.name not in seen)
    ordered = [(place, step) for step in fresh if (place := order(step)) is not None]
    return min(ordered, key=lambda pair: pair[0])[1] if ordered else None


def resolution_for(step: Transition, preferred: str) -> dict[str, Any]:
    """Return the fields to send with a transition: the resolution, if its screen has that field."""
    field = step.fields.get("resolution")
    if field is None:
        return {}
    allowed = [value for value in field.get("allowedValues") or [] if isinstance(value, dict) and value.get("name")]
    chosen = next((value for value in allowed if value["name"].casefold() == preferred.casefold()), None)
    chosen = chosen or next(iter(allowed), {"name": preferred})
    return {"resolution": {"name": chosen["name"]}}


def missing_fields(step: Transition, sent: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields that the screen of a transition requires and that we do not fill in."""
    return sorted(
        str(field.get("name") or name)
        for name, field in step.fields.items()
        if field.get("required") and not field.get("hasDefaultValue") and name not in sent
    )


def _end_order(status: Status, target: str, category: str) -> tuple[int, int] | None:
    """Return the place of a step to a closed status: finished comes first, given up only if nothing else is left."""
    if category != "done":
        return None
    good = status.name.casefold() in _GOOD_ENDS
    if category_of(target) is None:
        # Another closed status may be on the way to the one that is wanted, as Resolved is to Closed.
        return (3, _goodness(status)) if good else None
    return (1, _goodness(status)) if good else (4, 0)


def _away(status: Status, rank: int) -> int:
    return abs(_RANKS.get(status.category, 1) - rank)


def _goodness(status: Status) -> int:
    name = status.name.casefold()
    return _GOOD_ENDS.index(name) if name in _GOOD_ENDS else len(_GOOD_ENDS)
