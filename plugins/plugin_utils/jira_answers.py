# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes answers out of what people write and do in issues: reads the issue that a webhook hints at, and records.

What a webhook says is never recorded. Where Jira cannot be read now the webhook is answered 503, so that Jira sends it
again, and the look for missed answers finds it sooner.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ansible_collections.self_healing.devops.plugins.module_utils import options
from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira import JiraClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira_values import Issue
from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError, SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import INCIDENT_ID, Answer, Incident
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Desk
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.jira import answers_in, to_issue_hint
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import RETRY_AFTER, Inbound, Reply

LOGGER = logging.getLogger(__name__)

ROLE = "jira"


@dataclass(frozen=True)
class Reading:
    """What an issue says. C(ours) tells that the issue belongs to an incident."""

    ours: bool
    answers: tuple[Answer, ...] = ()


def read_answers(client: JiraClient, journal: Journal, issue: str, choices: Mapping[str, str], own: str) -> Reading:
    """Return the answers in an issue to what is asked now. Blocking; raises the client's errors and JournalError."""
    found = client.issue(issue)
    marker = found.memory.get("incident") if found else None
    if found is None or not isinstance(marker, str) or not INCIDENT_ID.fullmatch(marker):
        return Reading(False)
    incident = journal.read(marker)
    if not _shows(client, incident, found):
        return Reading(False)
    comments = client.comments(found.key)
    changes = client.status_changes(found.key) if choices else []
    answers = answers_in(found, incident, options.question(incident), comments, changes, choices, own)
    return Reading(True, tuple(answers))


def _shows(client: JiraClient, incident: Incident, issue: Issue) -> bool:
    """Whether the journal knows the issue as the one that shows the incident: anybody may write a property."""
    known = [tool.id for tool in incident.tools.values() if tool.id and tool.role.rpartition(".")[2] == ROLE]
    if issue.key in known:
        return True
    # It may have been moved to another project. Then its old key leads to it.
    moved = (client.issue(key) for key in known)
    return any(other is not None and other.id == issue.id for other in moved)


class JiraAnswers:
    """Handles the webhook of Jira for one event source.

    C(connect) returns a client: a new one per reading, as sessions are not shared between threads. C(choices) has
    statuses with the option that moving an issue there means.
    """

    def __init__(self, desk: Desk, connect: Callable[[], JiraClient], choices: Mapping[str, str]) -> None:
        self._desk = desk
        self._connect = connect
        self._choices = choices
        self._readers = asyncio.Semaphore(4)
        self._own: str | None = None

    async def handle(self, inbound: Inbound) -> Reply:
        """Answer one webhook: 200 read (or nothing to read), 503 Jira or the journal failed.

        Raises InvalidInputError when the body is no webhook of Jira, and JournalError.
        """
        hint = to_issue_hint(inbound.json)
        if hint is None or (hint.author is not None and hint.author == self._own):
            return Reply(200, {"status": "no answer"})
        try:
            reading = await self._read_and_record(hint.issue)
        except JournalError:
            raise
        except SelfHealingError as error:
            LOGGER.error("issue %s: cannot be read now: %s", hint.issue, error.message)
            return Reply(503, {"error": "the issue cannot be read now"}, {"Retry-After": RETRY_AFTER})
        return Reply(200, {"status": "read" if reading.ours else "no incident", "answers": len(reading.answers)})

    async def look(self, issue: str) -> None:
        """Record all answers in an issue that are not recorded yet. Raises the client's errors and JournalError."""
        await self._read_and_record(issue)

    async def _read_and_record(self, issue: str) -> Reading:
        async with self._readers:
            reading = await asyncio.to_thread(self._read, issue)
            for answer in reading.answers:
                await self._desk.record(answer)
        return reading

    def _read(self, issue: str) -> Reading:
        client = self._connect()
        if self._own is None:
            # Also tells whether the credentials are good: without, issues are hidden and nothing is found.
            self._own = client.whoami()
        return read_answers(client, self._desk.journal, issue, self._choices, self._own)
