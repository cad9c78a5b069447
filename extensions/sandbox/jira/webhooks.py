# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Posts what happens in this Jira, signed, as a webhook does that an administrator has set up.

The bodies have the shapes of version 2 of the API, whatever version was used to change something. A post that failed in
a way that may pass is repeated, under the same identifier.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import aiohttp

from ..settings import Settings
from .store import Comment, History, Issue, User
from .wire import Wire

#: How long a receiver may take (seconds).
TIMEOUT = 10.0
_REPEATED = frozenset({408, 409, 425, 429, *range(500, 600)})
#: Posts that are remembered.
_KEPT = 500


class Webhooks:
    """One webhook for all events. C(settings.jira_webhook) is where it posts; None: nowhere.

    C(copies) is how often one event is posted (at least once is promised), C(retries) how often a failed post is
    repeated, C(pause) the seconds between (minutes in reality).
    """

    def __init__(self, settings: Settings, wire: Callable[[], Wire], changed: Callable[[], None]) -> None:
        self._settings = settings
        self._wire = wire
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()
        self.copies = 1
        self.retries = 4
        self.pause = 0.2
        #: One entry per post, oldest first.
        self.log: list[dict[str, Any]] = []

    def comment(self, event: str, issue: Issue, comment: Comment) -> None:
        """Tell of a comment: C(comment_created), C(comment_updated) or C(comment_deleted)."""
        wire = self._wire()
        shown = wire.issue(issue, ("summary", "issuetype", "project", "assignee", "priority", "status"))
        self._tell({"webhookEvent": event, "comment": wire.comment(issue, comment), "issue": shown})

    def issue(self, event: str, kind: str, issue: Issue, user: User, history: History | None = None) -> None:
        """Tell of an issue: C(jira:issue_created), C(jira:issue_updated) or C(jira:issue_deleted)."""
        wire = self._wire()
        body: dict[str, Any] = {"webhookEvent": event, "issue_event_type_name": kind}
        body |= {"user": wire.user(user), "issue": wire.issue(issue, ("*all", "-comment"))}
        if history is not None:
            shown = wire.history(history)
            body["changelog"] = {"id": shown["id"], "items": shown["items"]}
        self._tell(body)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _tell(self, event: dict[str, Any]) -> None:
        url = self._settings.jira_webhook
        if url is None:
            return
        body = json.dumps({"timestamp": int(time.time() * 1000), **event}).encode()
        identifier = str(uuid.uuid4())
        for _copy in range(self.copies):
            task = asyncio.get_running_loop().create_task(self._post(url, event["webhookEvent"], body, identifier))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _post(self, url: str, event: str, body: bytes, identifier: str) -> None:
        for attempt in range(self.retries + 1):
            status = await self._post_once(url, event, body, self._headers(body, identifier, attempt))
            if status is not None and status not in _REPEATED:
                return
            await asyncio.sleep(self.pause)

    def _headers(self, body: bytes, identifier: str, attempt: int) -> dict[str, str]:
        digest = hmac.new(self._settings.jira_webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json; charset=UTF-8",
            "User-Agent": "Atlassian Webhook HTTP Client",
            "X-Atlassian-Webhook-Identifier": identifier,
            "X-Atlassian-Webhook-Flow": "Primary",
            "X-Hub-Signature": f"sha256={digest}",
        }
        return {**headers, "X-Atlassian-Webhook-Retry": str(attempt)} if attempt else headers

    async def _post_once(self, url: str, event: str, body: bytes, headers: dict[str, str]) -> int | None:
        status, error = None, None
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as trouble:
            error = f"{type(trouble).__name__}: {trouble}"[:200]
        self.log = [*self.log[1 - _KEPT :], {"event": event, "status": status, "error": error}]
        self._changed()
        return status
