# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynatrace on the wire: environment API v2, problems and their comments. One method per call, no decisions.

Source: docs.dynatrace.com, "Problems API v2". Scopes of the token: C(problems.read), C(problems.write).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import AnswerError
from ..http import Api, Response, Transport

#: Comments per page; the vendor allows 500 and gives 10 by default.
PAGE_SIZE = 500
#: Problems per page; the vendor allows 500 and gives 50 by default.
PROBLEMS_PER_PAGE = 500
#: A listing of problems that has more pages than this does not come to an end.
MOST_PAGES = 200
#: Longer keys of a page would not fit into an address (characters).
_LONGEST_KEY = 4096
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

    def problem(self, pid: str) -> ProblemRecord:
        """Return a problem by its full id. Raises NotFoundError."""
        found = _object(self._api.call("GET", _path(pid)))
        return ProblemRecord(
            id=_text(found, "problemId"),
            display_id=_text(found, "displayId"),
            title=_text(found, "title"),
            status="open" if _text(found, "status").upper() == "OPEN" else "closed",
        )

    def problem_record(self, pid: str) -> Mapping[str, Any]:
        """Return a problem with its evidence as the API has it. Raises NotFoundError."""
        return _object(self._api.call("GET", _path(pid), query={"fields": _FIELDS}))

    def problem_pages(self, since: datetime, profile: str | None = None) -> Iterator[list[Any]]:
        """Yield the problems that were open at any time after C(since), page by page, as the API has them.

        C(profile) is the name of an alerting profile: with it, only problems that the profile lets pass.
        The items are whatever the list holds. Each page is asked for when it is wanted, not before. Raises AnswerError
        when a page has no list, and when the pages do not come to an end.
        """
        query: dict[str, Any] = {"from": int(since.timestamp() * 1000), "pageSize": PROBLEMS_PER_PAGE}
        if profile:
            query["problemSelector"] = f"problemFilterNames({_quoted(profile)})"
        seen: set[str] = set()
        for _page in range(MOST_PAGES):
            page = _object(self._api.call("GET", "problems", query={"fields": _FIELDS, **query}))
            listed = page.get("problems")
            if not isinstance(listed, list):
                raise AnswerError("Dynatrace: the list of problems has no problems")
            yield listed
            key = _next_page_key(page)
            if key is None:
                return
            if key in seen:
                raise AnswerError("Dynatrace: the list of problems goes in a circle")
            seen.add(key)
            # Only the fields may stand beside the key of the next page, and they have to.
            query = {"nextPageKey": key}
        raise AnswerError(f"Dynatrace: the list of problems has more than {MOST_PAGES} pages")

    def comments(self, pid: str) -> list[Comment]:
        """Return all comments of a problem, oldest first."""
        path = f"{_path(pid)}/comments"

        def following(page: Any) -> str | None:
            key = page.get("nextPageKey") if isinstance(page, dict) else None
            # Nothing else may stand beside the key of the next page.
            return f"{path}?{urlencode({'nextPageKey': key})}" if key else None

        found: list[Comment] = []
        for page in self._api.pages(path, following, query={"pageSize": PAGE_SIZE}):
            listed = page.get("comments") if isinstance(page, dict) else None
            if not isinstance(listed, list):
                raise AnswerError("Dynatrace: the list of comments has no comments")
            found += [_comment(item) for item in listed if isinstance(item, dict)]
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


def explain(response: Response) -> tuple[str, str | None]:
    """Return what Dynatrace says about an error: its message with every violated constraint, and its code."""
    envelope = response.json_or_none()
    error = envelope.get("error") if isinstance(envelope, dict) else None
    if not isinstance(error, dict):
        return response.text[:300], None
    violations = error.get("constraintViolations")
    details = [
        f"{item.get('path')}: {item.get('message')}"
        for item in (violations if isinstance(violations, list) else [])
        if isinstance(item, dict)
    ]
    message = str(error.get("message") or "no reason given")
    code = error.get("code")
    return "; ".join([message, *details])[:500], None if code is None else str(code)


def _path(pid: str) -> str:
    return f"problems/{quote(pid, safe='')}"


def _object(response: Response) -> Mapping[str, Any]:
    found = response.json()
    if not isinstance(found, dict):
        raise AnswerError("Dynatrace: the answer is no object")
    return found


def _quoted(text: str) -> str:
    """Return text as a value of a selector, where a tilde escapes."""
    return '"' + text.replace("~", "~~").replace('"', '~"') + '"'


def _next_page_key(page: Mapping[str, Any]) -> str | None:
    key = page.get("nextPageKey")
    if key is None or key == "":
        return None
    if not isinstance(key, str) or not key.isascii() or len(key) > _LONGEST_KEY:
        raise AnswerError("Dynatrace: the key of the next page is none")
    return key


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
