# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module jira_issue from its options to its result: who am I, which issue is it, what is different."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import jira_plan as plan
from .clients.jira import JiraClient
from .clients.jira_values import Issue
from .http import Transport
from .jira_find import Found, find, make
from .jira_keep import IssueKeeper, known_priority, status_after
from .jira_wish import Wanted, wanted


@dataclass(frozen=True)
class _Choice:
    """The issue to keep, with the priority that it can have.

    C(mine): this run may write to it. C(losers) are the duplicates that this run closes.
    """

    issue: Issue
    priority: str | None
    created: bool = False
    mine: bool = True
    losers: tuple[Issue, ...] = ()
    duplicates: tuple[Issue, ...] = ()
    warnings: tuple[str, ...] = ()


def keep_issue(params: Mapping[str, Any], check_mode: bool, transport: Transport) -> dict[str, Any]:
    """Bring the issue to its desired state and return the result of the module C(jira_issue).

    Raises AuthenticationError when the credentials are wrong, before anything else is done; UnclearOutcomeError when
    nobody can tell whether an issue was created; ConfigurationError when the workflow has no way to the status; and all
    other errors of the client.
    """
    wish = wanted(params)
    client = JiraClient.connect(params, transport, memory_property=plan.MEMORY, comment_property=plan.COMMENT_MARK)
    client.whoami()
    found = find(client, wish.marker, params["known_id"])
    priority, warning = known_priority(client, wish, found.issue)
    warnings = [*found.warnings, *([warning] if warning else [])]
    if found.issue is None and check_mode:
        after = plan.wanted_picture(wish, priority, wish.status, None)
        return _result({"changed": True, "diff": {"before": {}, "after": after}, **_nothing()}, warnings)
    choice = _choose(client, wish, priority, found, float(params["consistency_wait"]))
    warnings += choice.warnings
    for loser in choice.losers:
        retiring = IssueKeeper(client, wish, loser, check_mode=check_mode)
        retiring.retire(choice.issue)
        warnings += retiring.warnings
    keeper = IssueKeeper(client, wish, choice.issue, check_mode=check_mode or not choice.mine)
    kept = _keep(keeper, wish, choice.priority, created=choice.created)
    return _result(
        {
            **kept,
            "changed": keeper.changed or choice.created or bool(choice.losers),
            "id": keeper.issue.key,
            "issue_id": str(keeper.issue.id),
            "url": client.browse_url(keeper.issue.key),
            "created": choice.created and choice.mine,
            "duplicates": [issue.key for issue in choice.duplicates],
        },
        [*warnings, *keeper.warnings],
    )


def _choose(client: JiraClient, wish: Wanted, priority: str | None, found: Found, consistency_wait: float) -> _Choice:
    """Return the issue to keep, made if there is none.

    When several runs make one at the same moment each of them closes only its own, and the maker of the oldest keeps
    that one up to date; so nobody writes anything twice. A later run closes whatever is left.
    """
    if found.issue is not None:
        return _Choice(found.issue, priority, losers=found.others, duplicates=found.others)
    made = make(client, wish, priority, consistency_wait)
    again = find(client, wish.marker, made.issue.key)
    issue = again.issue or made.issue
    if made.attempts > 1:
        # The other one may well be ours, too: its creation had an unclear outcome.
        return _Choice(issue, made.priority, created=True, losers=again.others, duplicates=again.others)
    if issue.id == made.issue.id:
        return _Choice(issue, made.priority, created=True, duplicates=again.others, warnings=made.warnings)
    warning = f"{issue.key} was made at the same moment by another run, which keeps it up to date"
    return _Choice(
        issue,
        made.priority,
        created=True,
        mine=False,
        losers=tuple(other for other in again.others if other.id == made.issue.id),
        duplicates=again.others,
        warnings=(*made.warnings, warning),
    )


def _keep(keeper: IssueKeeper, wish: Wanted, priority: str | None, *, created: bool) -> dict[str, Any]:
    """Bring all parts in step. The status goes last: where the workflow has no way, everything else is done."""
    first = keeper.issue
    keeper.keep_fields(priority)
    link = keeper.keep_link()
    before, comments = keeper.keep_comments()
    attachments, fresh = keeper.keep_files()
    keeper.keep_memory(fresh)
    keeper.keep_status(wish.status, wish.resolution)
    status = status_after(first, wish.status) if keeper.check_mode else keeper.issue.status.name
    return {
        "status": keeper.issue.status.name,
        "comments": [{"id": ours, "comment_id": theirs} for ours, theirs in comments.items()],
        "attachments": attachments,
        "diff": {
            "before": {} if created else plan.picture(first, link, before),
            "after": plan.wanted_picture(wish, priority, status, first),
        },
    }


def _nothing() -> dict[str, Any]:
    texts = dict.fromkeys(("id", "issue_id", "url", "status"))
    return {**texts, "created": False, "duplicates": [], "comments": [], "attachments": []}


def _result(result: dict[str, Any], warnings: list[str]) -> dict[str, Any]:
    return {**result, "warnings": warnings} if warnings else result
