# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynatrace on the wire: environment API v2, problems and their comments. One method per call, no decisions.

The other resources are parts of the client, in files of their own: C(events), C(metrics), C(entities),
C(hosts), C(settings).

Source: docs.dynatrace.com, "Problems API v2". Scopes of the token: C(problems.read), C(problems.write).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ..errors import AnswerError
from ..http import Api, Transport
from .dynatrace_entities import Entities
from .dynatrace_events import Events
from .dynatrace_hosts import Hosts
from .dynatrace_metrics import Metrics
from .dynatrace_settings import SettingsObjects
from .dynatrace_values import criterion, explain, listing, milliseconds_of, object_of, objects

#: Comments per page; the vendor allows 500 and gives 10 by default.
PAGE_SIZE = 500
#: Problems per page; the vendor allows 500 and gives 50 by default.
PROBLEMS_PER_PAGE = 500
#: A listing of problems that has more pages than this does not come to an end.
MOST_PAGES = 200
#: What a problem is read with: without its evidence nobody can tell what kind of problem it is.
_FIELDS = "evidenceDetails"
#: Addresses of the third-generation platform carry the same API behind this path, and want bearer tokens.
_PLATFORM = "/platform/classic/environment-api"


@dataclass(frozen=True)
class ProblemRecord:
    """A problem as Dynatrace shows it. C(status) is C(open) or C(closed)."""

    id: str
    display_id: str
    title: str
    status: str


@dataclass(frozen=True)
class Comment:
    """A comment on a problem. C(created) is milliseconds since 1970 in UTC."""

    id: str
    text: str
    context: str
    created: int


class DynatraceClient:
    """Calls one Dynatrace environment. All methods raise the errors of C(Api.call).

    C(url) is the address of the environment (C(https://abc12345.live.dynatrace.com), or with C(/e/<id>) for Managed).
    C(pause) waits between two attempts, for callers that may have to stop meanwhile.
    """

    def __init__(
        self,
        url: str,
        token: str,
        transport: Transport,
        *,
        timeout: float = 30.0,
        attempts: int = 4,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        root = url.strip().rstrip("/").removesuffix("/api/v2").removesuffix("/v2")
        platform = root.endswith(_PLATFORM)
        #: Address of the environment for people.
        self.web_url = root.removesuffix(_PLATFORM)
        self._api = Api(
            name="Dynatrace",
            base_url=f"{root}/v2" if platform else f"{root}/api/v2",
            transport=transport,
            headers={"Authorization": f"{'Bearer' if platform else 'Api-Token'} {token}"},
            secrets=[token],
            timeout=timeout,
            attempts=attempts,
            pause=pause,
            explain=explain,
        )
        self.events = Events(self._api)
        self.metrics = Metrics(self._api)
        self.entities = Entities(self._api)
        self.settings = SettingsObjects(self._api)
        self.hosts = Hosts(self._api)

    def problem(self, pid: str) -> ProblemRecord:
        """Return a problem by its full id. Raises NotFoundError."""
        found = object_of(self._api.call("GET", _path(pid)))
        return ProblemRecord(
            id=_text(found, "problemId"),
            display_id=_text(found, "displayId"),
            title=_text(found, "title"),
            status="open" if _text(found, "status").upper() == "OPEN" else "closed",
        )

    def problem_record(self, pid: str, fields: str | None = _FIELDS) -> Mapping[str, Any]:
        """Return a problem with its evidence as the API has it. Raises NotFoundError."""
        return object_of(self._api.call("GET", _path(pid), query={"fields": fields}))

    def problem_pages(self, since: datetime, profile: str | None = None) -> Iterator[list[Any]]:
        """Yield the problems that were open at any time after C(since), page by page, as the API has them.

        C(profile) is the name of an alerting profile: with it, only problems that the profile lets pass.
        The items are whatever the list holds. Each page is asked for when it is wanted, not before. Raises AnswerError
        when a page has no list, and when the pages do not come to an end.
        """
        query: dict[str, Any] = {"from": milliseconds_of(since), "pageSize": PROBLEMS_PER_PAGE}
        if profile:
            query["problemSelector"] = criterion("problemFilterNames", [profile])
        return listing(self._api, "problems", "problems", query, {"fields": _FIELDS}, MOST_PAGES)

    def problem_records(self, query: Mapping[str, Any], fields: str | None) -> Iterator[Mapping[str, Any]]:
        """Yield the problems that C(query) asks for (parameters of the API), as they are wanted.

        C(fields) are those that a problem does not have unless asked for.
        """
        asked = {"pageSize": PROBLEMS_PER_PAGE, **query}
        for page in listing(self._api, "problems", "problems", asked, {"fields": fields}, MOST_PAGES):
            yield from objects(page)

    def comments(self, pid: str) -> list[Comment]:
        """Return all comments of a problem, oldest first."""
        pages = listing(self._api, f"{_path(pid)}/comments", "comments", {"pageSize": PAGE_SIZE})
        found = [_comment(item) for page in pages for item in objects(page)]
        return sorted(found, key=lambda comment: (comment.created, comment.id))

    def add_comment(self, pid: str, text: str, context: str) -> None:
        """Write a comment. The answer is empty, so that its id can only be found by listing."""
        self._api.call(
            "POST", f"{_path(pid)}/comments", json={"message": text, "context": context}, expect=(200, 201, 204)
        )

    def delete_comment(self, pid: str, comment: str) -> None:
        """Delete a comment. One that is gone already is no error."""
        self._api.call("DELETE", f"{_path(pid)}/comments/{quote(comment, safe='')}", expect=(200, 204, 404))

    def close(self, pid: str, message: str) -> bool:
        """Close a problem with a comment. Return False when it was closed already."""
        return self._api.call("POST", f"{_path(pid)}/close", json={"message": message}, expect=(200, 204)).status == 200

    def problem_url(self, pid: str) -> str:
        """Return where people see the problem."""
        return f"{self.web_url}/#problems/problemdetails;pid={quote(pid, safe='')}"


def _path(pid: str) -> str:
    return f"problems/{quote(pid, safe='')}"


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise AnswerError(f"Dynatrace: the problem has no {name}")
    return value


def _comment(item: Mapping[str, Any]) -> Comment:
    created = item.get("createdAtTimestamp")
    return Comment(
        id=str(item.get("id") or ""),
        text=str(item.get("content") or ""),
        context=str(item.get("context") or ""),
        created=created if isinstance(created, int) else 0,
    )
