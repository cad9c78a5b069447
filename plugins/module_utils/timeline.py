# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folds a timeline into the incident that it tells of. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from .incident import Attachment, Incident, TimelineEntry, ToolState

#: The moments that are measured, by the kind of entry that marks each.
MARKS = {
    "detected": "detected",
    "decided": "decided",
    "alerted": "alerted",
    "answered": "answered",
    "fix_started": "fixing",
    "fixed": "fixed",
    "verified": "verified",
    "resolved": "resolved",
    "stable": "stable",
    "closed": "closed",
}
#: The state that each kind of entry leads to; kinds that are not named leave the state as it is.
STATE_AFTER = {
    "detected": "detected",
    "reopened": "detected",
    "asked_again": "detected",
    "unanswered": "detected",
    "claimed": "healing",
    "fixed": "verifying",
    "stable": "stable",
    "closed": "closed",
    "escalated": "escalated",
    "stopped": "escalated",
    "taken_over": "escalated",
}
#: Entries that tell what the monitoring system reports.
REPORTS = frozenset({"detected", "updated", "confirmed", "resolved", "reopened"})
STATE_BY_VERDICT = {"act": "healing", "ask": "asked", "observe": "observed", "hold": "held"}
#: Entries that every tool shows to people as a comment. The others are bookkeeping.
TOLD = frozenset(
    {
        "updated",
        "resolved",
        "reopened",
        "task_triggered",
        "decided",
        "acknowledged",
        "answer_refused",
        "answered",
        "answered_late",
        "approved",
        "called",
        "diagnosed",
        "fix_started",
        "fixed",
        "fix_failed",
        "verified",
        "unverified",
        "undone",
        "snoozed",
        "stop_asked",
        "stopped",
        "taken_over",
        "unanswered",
        "escalated",
        "stable",
        "closed",
        "noted",
    }
)


def fold(
    incident: str,
    entries: Iterable[TimelineEntry],
    tools: Mapping[str, ToolState] | None = None,
    attachments: Iterable[Attachment] = (),
) -> Incident:
    """Return the incident that the entries (in order of C(n), the first being C(detected)) tell of."""
    timeline = tuple(entries)
    problem: dict[str, Any] = {}
    times: dict[str, datetime | None] = dict.fromkeys(MARKS.values())
    facts: dict[str, Any] = {"state": "detected", "evidence": {"before": None, "after": None}, "attempt": 0}
    facts["tasks"] = ()
    for entry in timeline:
        mark = MARKS.get(entry.kind)
        if mark is not None and times[mark] is None:
            times[mark] = entry.at
        if entry.kind in REPORTS:
            problem = {**problem, **entry.data}
        _fold_entry(entry, facts)
    return Incident(
        id=incident,
        version=timeline[-1].n if timeline else 0,
        problem=problem,
        times=times,
        timeline=timeline,
        tools=dict(tools or {}),
        attachments=tuple(attachments),
        **facts,
    )


def _fold_entry(entry: TimelineEntry, facts: dict[str, Any]) -> None:
    data = entry.data
    facts["state"] = STATE_AFTER.get(entry.kind, facts["state"])
    if entry.kind == "decided":
        facts.update(state=STATE_BY_VERDICT[data["verdict"]], decision=dict(data), target=data.get("target"))
    elif entry.kind in ("reopened", "asked_again", "unanswered"):
        facts.update(decision=None, answer=None, claim=None, stop=None, evidence={"before": None, "after": None})
    elif entry.kind == "answered":
        facts["answer"] = dict(data)
    elif entry.kind in ("snoozed", "called"):
        # Nothing was chosen by that: whoever is asked next may choose.
        facts["answer"] = None
    elif entry.kind in ("stop_asked", "stopped"):
        facts["stop"] = dict(data) if entry.kind == "stop_asked" else None
    elif entry.kind == "claimed":
        facts.update(claim=dict(data), stop=None, attempt=facts["attempt"] + (0 if data.get("resumed") else 1))
    elif entry.kind == "diagnosed":
        facts["evidence"] = {**facts["evidence"], "before": dict(data)}
    elif entry.kind == "task_triggered":
        facts["tasks"] = (*facts["tasks"], dict(data))
    elif entry.kind == "evidence_after":
        facts["evidence"] = {**facts["evidence"], "after": dict(data)}


def told(incident: Incident) -> list[TimelineEntry]:
    """Return the entries that every tool shows as comments, oldest first."""
    return [entry for entry in incident.timeline if entry.kind in TOLD]


def behind(incident: Incident) -> list[str]:
    """Return the tools that do not show the newest told entry yet, or whose last update failed."""
    newest = max((entry.n for entry in told(incident)), default=0)
    return sorted(name for name, tool in incident.tools.items() if tool.state == "failed" or tool.version < newest)
