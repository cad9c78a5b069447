# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the one issue of a marker, or makes it, in a system that has no idempotency keys and a search that lags.

Reading an issue by its key is always up to date; searching is not (Atlassian: "Search and reconcile"). So an issue
that was made and whose key got lost is found only after a while, and two workers may each make one. The oldest stays;
whoever sees a younger one closes it as a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import jira_plan as plan
from .clients.jira import JiraClient
from .clients.jira_errors import wrong_fields
from .clients.jira_values import Issue
from .errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConfigurationError,
    SelfHealingError,
    UnclearOutcomeError,
    UnreachableError,
)
from .jira_wish import Wanted, label

_LONGEST_PAUSE = 15.0
_CREATIONS = 2


@dataclass(frozen=True)
class Found:
    """C(issue) is the one to keep, None if there is none. C(others) are its duplicates."""

    issue: Issue | None
    others: tuple[Issue, ...] = ()
    warnings: tuple[str, ...] = ()


def find(client: JiraClient, marker: str, known_id: str | None) -> Found:
    """Return the issues of the marker: first the one that is known, then what the search has."""
    warnings: list[str] = []
    known = client.issue(known_id) if known_id else None
    if known_id and known is None:
        warnings.append(f"The issue {known_id} is gone or hidden from this account; another one is looked for")
    elif known is not None and not plan.owns(known, marker):
        warnings.append(f"{known.key} is not the issue of {marker} and is left alone")
        known = None
    original = plan.original_of(known) if known else None
    if original:
        known = client.issue(original)
    issues = {issue.id: issue for issue in (known,) if issue is not None}
    for number in client.search(plan.jql(marker), fresh=list(issues)):
        issue = None if int(number) in issues else client.issue(number)
        # The search may show what was so a while ago: what counts is the issue itself.
        if issue is not None and plan.owns(issue, marker) and label(marker) in issue.labels:
            issues[issue.id] = issue
    if not issues:
        return Found(None, (), tuple(warnings))
    winner = plan.winner(issues.values())
    others = tuple(issue for number, issue in sorted(issues.items()) if number != winner.id)
    return Found(winner, others, tuple(warnings))


@dataclass(frozen=True)
class Made:
    """A new issue.

    C(priority) is the one that Jira let be set, None if it did not. C(attempts) counts the creations that may have been
    executed.
    """

    issue: Issue
    priority: str | None
    warnings: tuple[str, ...]
    attempts: int


def make(client: JiraClient, wish: Wanted, priority: str | None, consistency_wait: float) -> Made:
    """Create the issue once.

    When the outcome of the creation is unclear the search is asked until it must have caught up (C(consistency_wait)
    seconds), and only then the issue is created again. Raises UnclearOutcomeError when that is unclear, too.
    """
    # Who may create but not see issues would never find its own again, and make one with every run.
    if not client.sees_project(wish.project):
        raise ConfigurationError(
            f"Jira has no project {wish.project!r} that this account may see: check the option project (jira_project "
            "in the role) and the permission to browse the project"
        )
    warnings: list[str] = []
    memory = {plan.MEMORY: plan.new_memory(wish)}
    creations = 0
    while True:
        creations += 1
        try:
            number = client.create(plan.new_fields(wish, priority), memory)
            break
        except UnclearOutcomeError as error:
            issue = _look_up(client, wish, error, consistency_wait)
            if issue is not None:
                return Made(issue, priority, tuple(warnings), creations)
            if creations == _CREATIONS:
                raise _still_unclear(wish, error, f"did not come up in {consistency_wait:g} s") from error
        except ApiError as error:
            if priority is None or "priority" not in wrong_fields(error):
                raise
            warnings.append(f"Jira does not let the priority be set ({error.message}); the issue is created without it")
            priority, creations = None, creations - 1
    made = client.issue(number)
    if made is None:
        raise AnswerError(f"the new issue {number} cannot be read: may this account browse the project?", id=number)
    return Made(made, priority, tuple(warnings), creations)


def _look_up(client: JiraClient, wish: Wanted, unclear: UnclearOutcomeError, wait: float) -> Issue | None:
    """Return the issue that an unclear creation made, None when it surely made none."""
    failed: SelfHealingError | None = None
    for pause in [0.0, *pauses(wait)]:
        client.pause(pause)
        try:
            found = find(client, wish.marker, None)
        except AuthenticationError:
            raise
        except (ApiError, UnreachableError) as error:
            failed = error
            continue
        failed = None
        if found.issue is not None:
            return found.issue
    if failed is not None:
        raise _still_unclear(wish, unclear, f"could not be looked for ({failed.message})") from unclear
    return None


def _still_unclear(wish: Wanted, error: UnclearOutcomeError, what: str) -> UnclearOutcomeError:
    return UnclearOutcomeError(
        f"{error.message}; an issue with the label {wish.label} {what}. The next run looks again before it creates one"
    )


def pauses(total: float) -> Iterator[float]:
    """Yield growing pauses (seconds) that add up to C(total)."""
    pause = 0.5
    while total > 0:
        yield min(pause, total)
        total -= pause
        pause = min(2 * pause, _LONGEST_PAUSE)
