# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all resources of this Jira share: who calls, which issue is meant, and how an answer is written."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Literal

from aiohttp import web

from ..settings import Settings
from .answers import hidden
from .editor import Editor
from .index import Index
from .store import Attachment, Comment, Issue, Store, User
from .webhooks import Webhooks
from .wire import Wire

Deployment = Literal["Cloud", "Server"]


class Site:
    """One Jira site."""

    def __init__(self, settings: Settings, base: Callable[[], str], changed: Callable[[], None]) -> None:
        self.settings = settings
        self.deployment: Deployment = "Cloud"
        self.store = Store(settings)
        self.index = Index()
        self._base = base
        self._changed = changed
        self._signing_key = secrets.token_bytes(32)
        self.webhooks = Webhooks(settings, lambda: Wire(self.store, self.base, "2", cloud=self.cloud), changed)

    @property
    def cloud(self) -> bool:
        return self.deployment == "Cloud"

    @property
    def base(self) -> str:
        return self._base()

    def version(self, request: web.Request) -> str:
        """Return C(2) or C(3)."""
        asked = request.match_info.get("version", "2")
        return asked if asked != "latest" else ("3" if self.cloud else "2")

    def wire(self, request: web.Request) -> Wire:
        return Wire(self.store, self.base, self.version(request), cloud=self.cloud)

    def editor(self, request: web.Request) -> Editor:
        return Editor(self.store, self.version(request), cloud=self.cloud)

    def login(self, header: str | None) -> tuple[User | None, bool]:
        """Return the caller and whether credentials were sent that are wrong."""
        if header is None:
            return None, False
        kind, _blank, value = header.partition(" ")
        if kind.lower() == "basic":
            given = _decoded(value)
            right = f"{self.settings.jira_user}:{self.settings.jira_token}"
        else:
            given, right = value, self.settings.jira_token
        known = kind.lower() in ("basic", "bearer") and hmac.compare_digest(given.encode(), right.encode())
        return (self.store.service, False) if known else (None, True)

    def caller(self, request: web.Request) -> User | None:
        """Return who calls, None when that is nobody."""
        return self.login(request.headers.get("Authorization"))[0]

    def author(self, request: web.Request) -> User:
        """Return the caller of a request that has already proved to see the issue."""
        return self.caller(request) or hidden()

    def issue(self, request: web.Request) -> Issue:
        """Return the issue of the path. Raises RefusedError when it does not exist or the caller may not see it."""
        if self.caller(request) is None:
            hidden()
        return self.store.find(request.match_info["issue"]) or hidden()

    def touched(self, issue: Issue, *, deleted: bool = False) -> None:
        """Let the search and the page know that C(issue) changed."""
        self.index.note(issue, deleted=deleted)
        self._changed()

    def commented(self, issue: Issue, comment: Comment, event: str = "comment_created") -> None:
        """Let search, page and webhook know of a comment."""
        self.touched(issue)
        self.webhooks.comment(event, issue, comment)

    def updated(self, issue: Issue, author: User, known: int) -> None:
        """Let search, page and webhook know what changed since the history of C(issue) had C(known) entries."""
        self.touched(issue)
        for entry in issue.history[known:]:
            self.webhooks.issue("jira:issue_updated", "issue_generic", issue, author, entry)

    def browse_url(self, issue: Issue) -> str:
        return f"{self.base}/browse/{issue.key}"

    def signed_url(self, attachment: Attachment) -> str:
        """Return an address that gives the content to whoever holds it, as the media service of Cloud does."""
        return f"{self.base}/media/{attachment.id}?token={self.signature(str(attachment.id))}"

    def signature(self, reference: str) -> str:
        return hmac.new(self._signing_key, reference.encode(), hashlib.sha256).hexdigest()[:32]


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""
