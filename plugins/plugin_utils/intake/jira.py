# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translates what Jira posts when an issue was commented or moved, and reads answers out of issues. Pure.

A webhook is only a hint which issue to read: what counts is what the issue itself says over the REST API.
Sources: Atlassian's page "Webhooks" of the Jira Cloud platform, and "Managing webhooks" of Jira Data Center.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira_values import (
    Account,
    Comment,
    Issue,
    StatusChange,
    read_account,
)
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Answer, Incident, storable
from ansible_collections.self_healing.devops.plugins.module_utils.jira_text import WORD_JOINER

CHANNEL = "jira"
_KEY = re.compile(r"[A-Z][A-Z0-9_]{0,99}-[0-9]{1,18}")
_ID = re.compile(r"[0-9]{1,18}")
_EVENT = re.compile(r"[a-z_:]{1,64}")
_ESCAPED = re.compile(r"\\([^A-Za-z0-9\s])")
#: Events that may bring an answer. What is edited counts as it reads then.
_COMMENTS = frozenset({"comment_created", "comment_updated"})
_UPDATED = "jira:issue_updated"
#: Longer first lines are no answers, longer comments are cut (characters).
LONGEST_CHOICE, LONGEST_COMMENT = 200, 1000


@dataclass(frozen=True)
class IssueHint:
    """Somebody seems to have commented or moved an issue. C(author) is that account's id, as far as it is told."""

    issue: str
    author: str | None


def to_issue_hint(body: Any) -> IssueHint | None:
    """Return the hint in the parsed body of a webhook, None when it brings no answer for sure.

    Raises InvalidInputError that names the field which is missing or wrong.
    """
    if not isinstance(body, Mapping):
        raise InvalidInputError("the body must be a JSON object")
    event = body.get("webhookEvent")
    if not isinstance(event, str) or not _EVENT.fullmatch(event):
        raise InvalidInputError("webhookEvent is missing or no name of an event")
    if event in _COMMENTS:
        return IssueHint(_issue(body), _author(body, "comment", "author"))
    if event == _UPDATED and _moved(body):
        return IssueHint(_issue(body), _author(body, "user"))
    return None


def _issue(body: Mapping[str, Any]) -> str:
    issue = body.get("issue")
    if not isinstance(issue, Mapping):
        raise InvalidInputError("issue is missing or no object")
    key = issue.get("key")
    if isinstance(key, str) and _KEY.fullmatch(key):
        return key
    number = issue.get("id")
    if key is None and isinstance(number, (str, int)) and not isinstance(number, bool) and _ID.fullmatch(str(number)):
        return str(number)
    raise InvalidInputError("issue.key must be the key of an issue, like OPS-12")


def _author(body: Mapping[str, Any], *path: str) -> str | None:
    found: Any = body
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    account = read_account(found)
    return account.id if account else None


def _moved(body: Mapping[str, Any]) -> bool:
    changelog = body.get("changelog")
    items = changelog.get("items") if isinstance(changelog, Mapping) else None
    return isinstance(items, list) and any(
        isinstance(item, Mapping) and item.get("field") == "status" for item in items
    )


# -- answers in an issue ----------------------------------------------------------------------------------------------


def answers_in(
    issue: Issue,
    incident: Incident,
    asked: int | None,
    comments: Sequence[Comment],
    changes: Sequence[StatusChange],
    choices: Mapping[str, str],
    own: str,
) -> list[Answer]:
    """Return what people answered in an issue since people were asked, oldest first.

    C(asked) is the number of the entry that asks, C(choices) has statuses with the option that moving the issue there
    means, C(own) is the account that we use: what it writes and moves is no answer.
    """
    at = next((entry.at for entry in incident.timeline if entry.n == asked), None)
    if at is None:
        return []
    wanted = {status.casefold(): option for status, option in choices.items()}
    found = []
    for comment in _since(comments, f"{incident.id}-{asked}", at):
        choice = choice_in(comment.body, incident) if comment.mark is None else None
        if choice is not None:
            found.append(_Said(comment.author, *choice, comment.created, f"comment-{comment.id}"))
    for change in changes:
        option = wanted.get(change.to.casefold())
        if option is not None and incident.option(option) is not None and change.at is not None and change.at > at:
            found.append(_Said(change.author, option, None, change.at, f"change-{change.id}"))
    found.sort(key=lambda said: (said.at or at, said.key))
    return [
        Answer(
            channel=CHANNEL,
            alert_id=issue.key,
            incident_id=incident.id,
            responder=storable(said.author.name)[:200],
            choice=said.option,
            comment=said.comment,
            at=said.at,
            # An issue that is moved has another key, but the same id.
            key=f"{issue.id}:{said.key}",
            person_id=storable(said.author.id),
            email=storable(said.author.email) if said.author.email else None,
            asked=asked,
        )
        for said in found
        if said.author is not None and said.author.id != own
    ]


@dataclass(frozen=True)
class _Said:
    author: Account | None
    option: str
    comment: str | None
    at: datetime | None
    key: str


def choice_in(body: str, incident: Incident) -> tuple[str, str | None] | None:
    """Return the option that a comment chooses with its first line, and the rest of it; None when it only talks."""
    first, _break, rest = body.replace("\r\n", "\n").strip().partition("\n")
    # Cloud puts a backslash before what could be mark-up, and a label that was copied from our own texts may hold what
    # keeps it from being some.
    wanted = _ESCAPED.sub(r"\1", first.replace(WORD_JOINER, "").strip().removeprefix("/").strip())
    option = incident.option(wanted) if 0 < len(wanted) <= LONGEST_CHOICE else None
    if option is None:
        return None
    return str(option["name"]), storable(rest.strip())[:LONGEST_COMMENT] or None


def _since(comments: Sequence[Comment], ours: str, at: datetime) -> list[Comment]:
    """Return the comments that were written after people were asked.

    Our own comment that tells of it is a mark that no clock can move; where it is not there yet the times decide.
    """
    position = next((n for n, comment in enumerate(comments) if comment.mark and comment.mark.get("id") == ours), None)
    return [
        comment
        for n, comment in enumerate(comments)
        if (position is not None and n > position) or (comment.created is not None and comment.created > at)
    ]
