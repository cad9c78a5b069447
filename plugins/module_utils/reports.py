# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folds reports of a monitoring system into their incident, in whatever order they arrive. Pure.

Reports overtake each other, arrive twice, and arrive late. What counts is when the problem opened and closed as the
monitoring system says; a report that is older than what is known changes nothing. Where a report bears no times, the
order of arrival has to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from .incident import SEVERITIES, Entry, Incident, Problem, Task, TimelineEntry, iso, moment

#: A monitoring system may still call a problem open for a moment after it has told that it closed it.
READING_LAG = timedelta(seconds=30)
#: What matters to a responder when it changes.
_NEWS = ("title", "kind", "severity", "service", "root_cause")


def absorb(incident: Incident | None, problem: Problem) -> tuple[str, list[Entry]]:
    """Fold a report into the incident. Returns what it changed, and the entries.

    The change is C(opened), C(updated), C(resolved), C(reopened) or C(duplicate). A duplicate may leave an entry that
    only keeps a later time.
    """
    if incident is None:
        entries = [Entry("detected", _reported(problem), problem.source, problem.to_data(), key="detected")]
        if problem.status == "resolved":
            entries.append(_resolved(problem, 0))
        return ("opened" if problem.status == "open" else "resolved"), entries
    if problem.status == "resolved":
        return _absorb_closing(incident, problem)
    return _absorb_open(incident, problem)


def hand_out(incident: Incident | None, problem: Problem, task: Task) -> tuple[str, list[Entry]]:
    """Fold a task into the incident that it belongs to. C(problem) is what is known of it if there is none yet.

    A task says that something is to be done, and nothing new about the problem: an incident is left as it is else.
    The change is C(opened), C(task) or C(duplicate).
    """
    if incident is not None and incident.has_key(task.key):
        return "duplicate", []
    change, entries = ("task", []) if incident is not None else absorb(None, problem)
    doing = f"{task.name} '{task.action}'" if task.action else task.name
    where = "/".join(part for part in (task.project, task.stage, task.service) if part)
    return change, [
        *entries,
        Entry("task_triggered", f"{task.source} asks for {doing} in {where}", task.source, task.to_data(), task.key),
    ]


def episode(incident: Incident) -> int:
    """Return how often the problem opened again."""
    return sum(1 for entry in incident.timeline if entry.kind == "reopened")


def _absorb_closing(incident: Incident, problem: Problem) -> tuple[str, list[Entry]]:
    if incident.open:
        return (
            ("duplicate", [])
            if _closed_before(incident, problem)
            else ("resolved", [_resolved(problem, episode(incident))])
        )
    known = moment(incident.problem["resolved_at"])
    if problem.resolved_at is None or (known is not None and problem.resolved_at <= known):
        return "duplicate", []
    return "duplicate", [_confirmed(problem, "closed", {"resolved_at": iso(problem.resolved_at)})]


def _absorb_open(incident: Incident, problem: Problem) -> tuple[str, list[Entry]]:
    if not incident.open:
        return ("reopened", [_reopened(incident, problem)]) if _opened_again(incident, problem) else ("duplicate", [])
    data = problem.to_data()
    changed = {name: data[name] for name in _NEWS if _is_news(incident, name, data[name])}
    later = {"opened_at": data["opened_at"]} if _opened_later(incident, problem) else {}
    if not changed:
        return "duplicate", [_confirmed(problem, "opened", later)] if later else []
    words = ", ".join(_change(incident.problem, name, value) for name, value in sorted(changed.items()))
    text = f"{problem.source} reports a change: {words}"
    return "updated", [Entry("updated", text, problem.source, {**changed, **later})]


def _reported(problem: Problem) -> str:
    return f"{problem.source} reported {problem.display_id} ({problem.kind}, {problem.severity}): {problem.title}"


def _resolved(problem: Problem, number: int) -> Entry:
    data = {"status": "resolved", "resolved_at": iso(problem.resolved_at)}
    return Entry(
        "resolved",
        f"{problem.source} closed the problem {problem.display_id}",
        problem.source,
        data,
        f"resolved:{number}",
    )


def _reopened(incident: Incident, problem: Problem) -> Entry:
    text = f"{problem.source} opened the problem {problem.display_id} again"
    return Entry("reopened", text, problem.source, problem.to_data(), key=f"reopened:{episode(incident) + 1}")


def _confirmed(problem: Problem, word: str, times: Mapping[str, Any]) -> Entry:
    """Keep a later time without telling anybody: nothing that people can see has changed."""
    text = f"{problem.source} reports that the problem {word} later than was known"
    return Entry("confirmed", text, problem.source, times)


def _opened_again(incident: Incident, problem: Problem) -> bool:
    """Tell a problem that opened again from an open report that was overtaken by the closing one."""
    closing = _last(incident, "resolved")
    if problem.as_of is not None:
        return closing is None or problem.as_of > closing.at + READING_LAG
    closed = moment(incident.problem["resolved_at"]) or (closing.at if closing else None)
    if problem.opened_at is not None and closed is not None:
        return problem.opened_at > closed
    return bool(incident.timeline[0].data["status"] == "open")


def _closed_before(incident: Incident, problem: Problem) -> bool:
    """Whether a closing report is about a time before the problem opened as it is known now."""
    again = _last(incident, "reopened")
    if problem.as_of is not None and problem.as_of > _heard_of_opening(incident):
        return False
    if problem.resolved_at is None:
        return False
    opened = moment(incident.problem["opened_at"])
    if again is not None and (opened is None or opened <= _closed_at_before(incident, again)):
        # It opened again under its old times, which we know from asking only.
        opened = again.at
    return opened is not None and problem.resolved_at < opened


def _heard_of_opening(incident: Incident) -> datetime:
    """Return when we last heard that the problem opened."""
    return next(entry.at for entry in reversed(incident.timeline) if "opened_at" in entry.data)


def _closed_at_before(incident: Incident, again: TimelineEntry) -> datetime:
    closing = next(entry for entry in reversed(incident.timeline[: again.n]) if entry.kind == "resolved")
    return moment(closing.data["resolved_at"]) or closing.at


def _opened_later(incident: Incident, problem: Problem) -> bool:
    known = moment(incident.problem["opened_at"])
    return problem.opened_at is not None and known is not None and problem.opened_at > known


def _last(incident: Incident, kind: str) -> TimelineEntry | None:
    return next((entry for entry in reversed(incident.timeline) if entry.kind == kind), None)


def _is_news(incident: Incident, name: str, value: Any) -> bool:
    """Whether a value is new. One that was known before comes from an older report that arrives late."""
    if value is None or (name == "kind" and value == "other"):
        return False
    known = incident.problem[name]
    if name == "severity":
        # It only ever rises while a problem lasts.
        return SEVERITIES.index(value) < SEVERITIES.index(known)
    reports = (entry.data for entry in incident.timeline if entry.kind in ("detected", "updated", "reopened"))
    return value != known and not any(name in data and data[name] == value for data in reports)


def _change(known: Mapping[str, Any], name: str, value: Any) -> str:
    if name in ("kind", "severity"):
        return f"{name} {known[name]} → {value}"
    return f"{name} is now {value['name'] if isinstance(value, Mapping) else value}"
