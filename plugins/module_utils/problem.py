# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings the comments and the status of a Dynatrace problem to what they should be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .clients.dynatrace import Comment, DynatraceClient, ProblemRecord
from .errors import ConfigurationError, UnclearOutcomeError

#: Context of our comments, by which they are told from those of others.
CONTEXT = "self-healing"
#: Longer comments are cut (characters); what is left out is in the journal and in the ticket.
COMMENT_LIMIT = 4000

_PID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_DISPLAY_ID = re.compile(r"P-[0-9]+")
_MARKER = re.compile(r"\[([^\[\]\s]+)\]\s*$")


def keep_problem(client: DynatraceClient, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Add the comments that are missing, close the problem if that is wanted, and return what it shows then."""
    pid = check_problem_id(params["problem_id"])
    problem = client.problem(pid)
    wanted = params["comments"]
    present = markers(client.comments(pid)) if wanted else {}
    lacking = missing(wanted, present)
    closing = bool(params["closed"]) and problem.status == "open"
    if not check_mode:
        for comment in lacking:
            _add(client, pid, comment)
        if lacking:
            _remove_doubles(client, pid, {comment["id"] for comment in lacking})
        if closing:
            _close(client, pid, params["close_message"])
    before = {"status": problem.status, "comments": list(present)}
    after = {
        "status": "closed" if closing else problem.status,
        "comments": [*present, *(comment["id"] for comment in lacking)],
    }
    return {
        "changed": before != after,
        "diff": {"before": before, "after": after},
        "comments_added": [comment["id"] for comment in lacking],
        **_described(client, problem),
        "status": after["status"],
    }


def check_problem_id(pid: str) -> str:
    """Return the problem's id. Raises ConfigurationError for the number that people see, which is used again."""
    if _DISPLAY_ID.fullmatch(pid):
        raise ConfigurationError(
            f"problem_id is {pid}, the number that people see; "
            "give the full id, like -6478017825120311599_1641223491837V2"
        )
    if not _PID.fullmatch(pid):
        raise ConfigurationError("problem_id holds characters that no problem id has")
    return pid


def marked(comment: Mapping[str, Any]) -> str:
    """Return the text of a comment with its identifier, by which it is found again."""
    suffix = f" [{comment['id']}]"
    text = str(comment["text"]).strip()
    room = COMMENT_LIMIT - len(suffix)
    return (text if len(text) <= room else f"{text[: room - 1]}…") + suffix


def markers(comments: Iterable[Comment]) -> dict[str, list[Comment]]:
    """Return our comments by their identifier, oldest first."""
    found: dict[str, list[Comment]] = {}
    for comment in comments:
        match = _MARKER.search(comment.text) if comment.context == CONTEXT else None
        if match:
            found.setdefault(match.group(1), []).append(comment)
    return found


def missing(comments: Sequence[Mapping[str, Any]], present: Iterable[str]) -> list[Mapping[str, Any]]:
    """Return the comments that the problem does not show yet, each identifier once, in their order."""
    seen = set(present)
    lacking = []
    for comment in comments:
        if not re.fullmatch(r"[^\[\]\s]{1,100}", comment["id"]):
            raise ConfigurationError("comments: an id must be a word of at most 100 characters without brackets")
        if comment["id"] not in seen:
            seen.add(comment["id"])
            lacking.append(comment)
    return lacking


def _add(client: DynatraceClient, pid: str, comment: Mapping[str, Any]) -> None:
    try:
        client.add_comment(pid, marked(comment), CONTEXT)
    except UnclearOutcomeError:
        if comment["id"] not in markers(client.comments(pid)):
            raise


def _remove_doubles(client: DynatraceClient, pid: str, ids: Iterable[str]) -> None:
    """Delete what another run wrote at the same moment; both runs keep the same oldest comment."""
    found = markers(client.comments(pid))
    for id_ in ids:
        for double in found.get(id_, [])[1:]:
            client.delete_comment(pid, double.id)


def _close(client: DynatraceClient, pid: str, message: str) -> None:
    try:
        client.close(pid, message)
    except UnclearOutcomeError:
        if client.problem(pid).status == "open":
            raise


def _described(client: DynatraceClient, problem: ProblemRecord) -> dict[str, Any]:
    return {
        "id": problem.id,
        "display_id": problem.display_id,
        "title": problem.title,
        "url": client.problem_url(problem.id),
    }
