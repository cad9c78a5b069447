# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lines of an archive of the journal have to look like. Pure.

An archive is data from outside. Whatever the code reads of an incident without asking is required here, and what
becomes part of an event, of a host pattern or of the name of a role is restricted to names.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from .errors import InvalidInputError
from .incident import HOST_NAME, INCIDENT_ID, KINDS, PROBLEM_STATUSES, SERVICE_NAME, SEVERITIES, STATES, incident_id
from .shapes import Shape, amount, both, flag, instant, items, number, one_of, optional, plain, record, shown, text
from .timeline import MARKS, STATE_AFTER, STATE_BY_VERDICT, TOLD

#: The longest text (characters), other than the content of an attachment, which only the length of its line limits.
LONGEST_TEXT = 1 << 20
#: How deep the plain data of an entry or of a tool may be nested.
DEEPEST = 32

#: Entries that no tool shows and that change no state.
BOOKKEEPING = frozenset(
    {"alerted", "attached", "confirmed", "evidence_after", "reconsidered", "released", "shown", "tool_failed"}
)
ENTRY_KINDS = frozenset(MARKS) | frozenset(STATE_AFTER) | TOLD | BOOKKEEPING
TIMERS = ("catch_up", "claim_over", "no_answer", "reconsider", "snooze_over", "undelivered", "verify_deadline")
REPORT_CHANGES = ("opened", "reopened", "resolved", "task", "updated")

#: Nothing that a template, a shell or a host pattern could mean.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TASK_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")
_COMMIT = re.compile(r"[0-9A-Za-z]*")
_OPTION = re.compile(r"\w[\w .-]*")
_DELIVERY = re.compile(r"d[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
#: A database refuses it, and L(journal_write.storable) takes it out.
_NO_ZERO = re.compile(r"[^\x00]*")

_any_text = text(LONGEST_TEXT, _NO_ZERO)
_name = text(255, _NO_ZERO, least=1)
#: Texts inside of plain data may hold anything.
_free = text(LONGEST_TEXT)
_option = text(64, _OPTION, least=1)
_host = text(253, HOST_NAME)
_role = text(255, _WORD)
_times = {"opened_at": optional(instant), "resolved_at": optional(instant)}
_entity = record({"id": _free, "type": _free, "name": _free}, more=True)
_problem = {
    "source": text(64, _WORD),
    "tenant": _free,
    "problem_id": _free,
    "display_id": _free,
    "status": one_of(PROBLEM_STATUSES),
    "title": _free,
    "kind": one_of(KINDS),
    "severity": one_of(SEVERITIES),
    "service": optional(text(64, SERVICE_NAME)),
    "url": optional(_free),
    "entities": items(_entity),
    "root_cause": optional(_entity),
    "tags": items(_free),
    **_times,
}
_person = record({"name": _free, "email": optional(_free)}, more=True, fewer=True)
_asking = record(
    {
        "steps": items(
            record(
                {
                    "recipients": items(_free),
                    "wait": amount,
                    "priority": optional(_free),
                    "devices": items(_free),
                    "override": flag,
                }
            )
        ),
        "exhausted": _option,
        "acknowledge": amount,
        "snooze": amount,
        "responders": items(
            record(
                {
                    "name": _free,
                    "email": optional(_free),
                    "ids": plain(1),
                    "services": items(_free),
                    "options": items(_free),
                }
            )
        ),
    }
)
_choice = {"label": _free, "responder": _free, "channel": _free}
_found = record({"figures": plain(DEEPEST), "healthy": flag, "text": _free}, more=True)
#: What is read of the data of an entry, by its kind. All may hold more.
_DATA: dict[str, Shape] = {
    "detected": record(_problem, more=True),
    "reopened": record(_problem, more=True),
    "updated": record(_problem, more=True, fewer=True),
    "confirmed": record(_times, more=True, fewer=True),
    "resolved": record({"status": one_of(["resolved"]), "resolved_at": optional(instant)}, more=True),
    "decided": both(
        record(
            {
                "verdict": one_of(STATE_BY_VERDICT),
                "reason": optional(_free),
                "remedy": optional(_option),
                "target": optional(_host),
                "options": items(
                    both(
                        record({"name": _option, "label": _free, "role": optional(_role)}, more=True),
                        record({"approvals": number(1, 9), "people": items(_free)}, more=True, fewer=True),
                    )
                ),
            },
            more=True,
        ),
        record({"asking": _asking}, more=True, fewer=True),
    ),
    "answered": record({"option": _option, **_choice}, more=True),
    "answered_late": record({"option": optional(_option), **_choice}, more=True),
    "approved": record({"option": _option, "person": _free}, more=True),
    "stop_asked": record({"option": _option, "by": _free, **_choice}, more=True),
    "called": record({"why": one_of(["next", "reminded"]), "level": number()}, more=True),
    "unanswered": record({"remedy": _option}, more=True),
    "claimed": record(
        {"worker": _free, "until": instant, "remedy": _option, "role": _role, "target": _host, "resumed": flag},
        more=True,
    ),
    "diagnosed": _found,
    "evidence_after": _found,
    "task_triggered": record(
        {
            **dict.fromkeys(("source", "tenant"), _free),
            **dict.fromkeys(("id", "context", "name", "project", "stage", "service"), text(128, _TASK_WORD)),
            "kind": one_of(KINDS),
            "action": _free,
            "action_index": number(),
            "git_commit": text(64, _COMMIT),
            "labels": plain(1),
            "started": flag,
        },
        more=True,
    ),
    "tool_failed": record({"tool": _free}, more=True),
}
_data = plain(DEEPEST)

_entry = record(
    {
        "n": number(1),
        "at": instant,
        "actor": _any_text,
        "kind": one_of(ENTRY_KINDS),
        "text": _any_text,
        "data": _data,
        "key": optional(_any_text),
    }
)
_tool = record(
    {
        "tool": _name,
        "role": _role,
        "id": optional(_any_text),
        "url": optional(_any_text),
        "state": one_of(["shown", "failed"]),
        "error": optional(_any_text),
        "version": number(),
        "details": both(plain(DEEPEST), record({"responders": items(_person)}, more=True, fewer=True)),
        "updated_at": instant,
    }
)
_attachment = record(
    {
        "name": text(255, _WORD),
        "media_type": text(64, _NO_ZERO),
        "sha256": text(64, _DIGEST),
        "content": text(1 << 62, _NO_ZERO),
        "at": instant,
    }
)
_DUE_NAMES = {"problem": one_of(REPORT_CHANGES), "answer": _option, "timer": one_of(TIMERS)}
_due = record(
    {
        "id": text(33, _DELIVERY),
        "kind": one_of(_DUE_NAMES),
        "name": _name,
        "channel": optional(text(32, _WORD)),
        "origin": text(32, _WORD),
        "due_at": instant,
        "attempts": number(),
    }
)
_incident = record(
    {
        "incident": text(13, INCIDENT_ID),
        # For those who read an archive. Down to the target the timeline tells it again, and that alone counts.
        "state": one_of(STATES),
        "kind": one_of(KINDS),
        "severity": one_of(SEVERITIES),
        "status": one_of(PROBLEM_STATUSES),
        "source": text(64, _WORD),
        "service": optional(text(64, SERVICE_NAME)),
        "target": optional(_host),
        "opened_at": instant,
        "updated_at": instant,
        "duplicates": number(),
        "timeline": items(_entry),
        "tools": items(_tool),
        "attachments": items(_attachment),
        "due": items(_due),
    }
)
header = record(
    {
        "format": one_of(["self_healing.devops/journal"]),
        "version": number(1),
        "schema": number(1),
        "exported_at": instant,
    }
)


def incident(value: Any) -> None:
    """Raise InvalidInputError unless C(value) is an incident with all that belongs to it."""
    _incident(value, "")
    _check_timeline(value["incident"], value["timeline"])
    _once([tool["tool"] for tool in value["tools"]], "tools", "tool")
    _once([kept["name"] for kept in value["attachments"]], "attachments", "name")
    _once([item["id"] for item in value["due"]], "due", "id")
    for position, kept in enumerate(value["attachments"]):
        if hashlib.sha256(kept["content"].encode()).hexdigest() != kept["sha256"]:
            raise InvalidInputError(f"attachments[{position}].sha256 is not the checksum of its content")
    for position, item in enumerate(value["due"]):
        _DUE_NAMES[item["kind"]](item["name"], f"due[{position}].name")


def _check_timeline(identifier: str, timeline: list[dict[str, Any]]) -> None:
    if not timeline or timeline[0]["kind"] != "detected":
        raise InvalidInputError("timeline[0].kind has to be 'detected': every incident begins with it")
    for position, line in enumerate(timeline):
        if line["n"] != position + 1:
            raise InvalidInputError(f"timeline[{position}].n is {line['n']}, expected {position + 1}")
        _DATA.get(line["kind"], _data)(line["data"], f"timeline[{position}].data")
        if line["kind"] == "reopened" and not any(earlier["kind"] == "resolved" for earlier in timeline[:position]):
            raise InvalidInputError(f"timeline[{position}].kind is 'reopened' before anything was 'resolved'")
    _once([line["key"] for line in timeline if line["key"] is not None], "timeline", "key")
    first = timeline[0]["data"]
    if incident_id(first["source"], first["tenant"], first["problem_id"]) != identifier:
        raise InvalidInputError("incident is not the identifier of the problem that timeline[0].data tells of")


def _once(names: list[str], where: str, field: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInputError(f"{where}: the {field} {shown(name)} is there twice")
        seen.add(name)
