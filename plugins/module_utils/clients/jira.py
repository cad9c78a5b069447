# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jira's platform REST API, version 2, on Cloud and on Data Center: one method per call, no decisions.

Sources: Atlassian's OpenAPI of the Jira Cloud platform REST API and the Data Center REST API reference. Version 2
exists on both and takes long texts as strings.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from ..errors import AnswerError, AuthenticationError, NotFoundError, UnclearOutcomeError
from ..http import Api, Response, Transport, multipart
from .jira_errors import CREDENTIALS, explain
from .jira_values import (
    Attachment,
    Comment,
    Issue,
    RemoteLink,
    Status,
    StatusChange,
    Transition,
    read_attachment,
    read_comment,
    read_issue,
    read_remote_link,
    read_status,
    read_status_changes,
    read_transition,
)

T = TypeVar("T")

API = "rest/api/2"
FIELDS = "project,issuetype,summary,description,status,priority,labels,attachment,issuelinks"
_IDS_PER_CALL = 1000


class JiraClient:
    """One Jira site, seen by one account.

    C(memory_property) and C(comment_property) are the entity properties that are read along with issues and comments.
    All methods raise the errors of http.Api.call(); AnswerError also when an answer has not the expected shape.
    """

    def __init__(self, api: Api, *, memory_property: str, comment_property: str) -> None:
        self._api = api
        self._memory_property = memory_property
        self._comment_property = comment_property
        self._server: Mapping[str, Any] | None = None

    @classmethod
    def connect(cls, params: Mapping[str, Any], transport: Transport, **properties: str) -> JiraClient:
        """Return a client for the module options C(jira_url), C(jira_user), C(jira_token) and C(timeout).

        C(attempts) may be there as well, for callers with a budget.
        """
        user, token = params.get("jira_user"), params["jira_token"]
        basic = base64.b64encode(f"{user}:{token}".encode()).decode()
        api = Api(
            name="Jira",
            base_url=params["jira_url"],
            transport=transport,
            headers={"Authorization": f"Basic {basic}" if user else f"Bearer {token}"},
            secrets=(token, basic),
            timeout=float(params["timeout"]),
            attempts=int(params.get("attempts") or 4),
            explain=explain,
        )
        return cls(api, **properties)

    @property
    def pause(self) -> Callable[[float], None]:
        """The way to wait: C(pause(seconds))."""
        return self._api.pause

    @property
    def cloud(self) -> bool:
        """Whether this is Jira Cloud. Asked once."""
        return self._server_info().get("deploymentType") == "Cloud"

    def _server_info(self) -> Mapping[str, Any]:
        if self._server is None:
            answer = self._get("serverInfo").json()
            self._server = answer if isinstance(answer, dict) else {}
        return self._server

    def whoami(self) -> str:
        """Return the account's id (Cloud) or name (Data Center).

        Jira Cloud treats wrong credentials as nobody's: issues are hidden and searches find nothing. Only this call
        tells, so it comes before any other. Raises AuthenticationError.
        """
        try:
            answer = self._get("myself").json()
        except AuthenticationError as error:
            raise AuthenticationError(
                "Jira does not accept the credentials: check jira_user and jira_token, and whether the token has "
                f"expired ({error.message})",
                status=error.status,
                code=CREDENTIALS,
            ) from None
        return self._read(answer, lambda person: str(person.get("accountId") or person["name"]))

    def browse_url(self, key: str) -> str:
        """Return the address under which people open an issue."""
        base = self._api.base_url
        if "/ex/jira/" in base:
            # The gateway for scoped tokens has no pages for people.
            base = str(self._server_info().get("baseUrl") or base).rstrip("/") + "/"
        return f"{base}browse/{quote(key)}"

    # Issues

    def issue(self, reference: str) -> Issue | None:
        """Return the issue with this key or id, None if there is none that this account may see. Always up to date."""
        query = {"fields": FIELDS, "properties": self._memory_property}
        raw = self._or_none(lambda: self._get(f"issue/{quote(reference)}", query).json())
        if raw is None:
            return None
        if isinstance(raw, dict) and "properties" not in raw:
            raw = {**raw, "properties": {self._memory_property: self.property(reference)}}
        return self._read(raw, lambda found: read_issue(found, self._memory_property))

    def search(self, jql: str, fresh: Sequence[int] = ()) -> list[str]:
        """Return the ids of the issues that fit, at most 50. The index lags, except for the ids in C(fresh)."""
        if self.cloud:
            body = {"jql": jql, "fields": ["labels"], "maxResults": 50, "reconcileIssues": list(fresh)[:50]}
            answer = self._call("POST", "search/jql", json=body, safe=True)
        else:
            answer = self._call("POST", "search", json={"jql": jql, "fields": ["labels"], "maxResults": 50}, safe=True)
        # An expired token turns the caller into nobody, who finds nothing.
        if answer.headers.get("x-seraph-loginreason", "").startswith("AUTHENTICATED_FAILED"):
            raise AuthenticationError(
                "Jira no longer accepts the credentials: check jira_token", status=401, code=CREDENTIALS
            )
        return self._read(answer.json(), lambda page: [str(issue["id"]) for issue in page["issues"]])

    def create(self, fields: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
        """Create an issue and return its id. UnclearOutcomeError means that it may exist all the same."""
        listed = [{"key": key, "value": value} for key, value in properties.items()]
        answer = self._call("POST", "issue", json={"fields": fields, "properties": listed}, expect=(201, 200))
        return self._written(answer, lambda made: str(made["id"]))

    def edit(self, key: str, body: Mapping[str, Any]) -> None:
        """Change fields. Repeating does no harm: C(body) holds only C(fields) and labels to add or remove."""
        self._call("PUT", f"issue/{quote(key)}", json=body, expect=(204, 200), safe=True)

    def transitions(self, key: str) -> list[Transition]:
        """Return the steps that the workflow offers now, with the fields of their screens."""
        answer = self._get(f"issue/{quote(key)}/transitions", {"expand": "transitions.fields"})
        return self._read(answer.json(), lambda page: [read_transition(step) for step in page["transitions"]])

    def transition(self, key: str, step: str, fields: Mapping[str, Any]) -> None:
        body: dict[str, Any] = {"transition": {"id": step}}
        if fields:
            body["fields"] = fields
        self._call("POST", f"issue/{quote(key)}/transitions", json=body, expect=(204, 200))

    def property(self, key: str) -> Any:
        """Return the value of the memory property, None if it is not set."""
        path = f"issue/{quote(key)}/properties/{quote(self._memory_property)}"
        return self._or_none(lambda: self._read(self._get(path).json(), lambda found: found["value"]))

    def set_property(self, key: str, value: Any) -> None:
        path = f"issue/{quote(key)}/properties/{quote(self._memory_property)}"
        self._call("PUT", path, json=value, expect=(200, 201), safe=True)

    def priorities(self) -> list[str]:
        """Return the names of the priorities of this site."""
        return self._read(self._get("priority").json(), lambda found: [str(value["name"]) for value in found])

    def sees_project(self, key: str) -> bool:
        """Whether there is a project with this key that the account may see."""
        return self._or_none(lambda: self._get(f"project/{quote(key)}")) is not None

    def statuses(self, project: str) -> list[Status]:
        """Return the statuses that issues of a project can have, whatever their type is."""
        answer = self._get(f"project/{quote(project)}/statuses").json()
        return self._read(answer, lambda types: [read_status(status) for kind in types for status in kind["statuses"]])

    # Links

    def remote_link(self, key: str, global_id: str) -> RemoteLink | None:
        path = f"issue/{quote(key)}/remotelink"
        raw = self._or_none(lambda: self._get(path, {"globalId": global_id}).json())
        return None if not raw else self._read(raw, read_remote_link)

    def set_remote_link(self, key: str, link: RemoteLink, global_id: str) -> None:
        """Create the link, or replace the one with the same global id."""
        body = {
            "globalId": global_id,
            "application": {"type": "self_healing.devops", "name": "Self-healing DevOps"},
            "relationship": "caused by",
            "object": {"url": link.url, "title": link.title},
        }
        self._call("POST", f"issue/{quote(key)}/remotelink", json=body, expect=(200, 201), safe=True)

    def link_duplicate(self, duplicate: str, original: str) -> None:
        """Link two issues (keys): C(duplicate) duplicates C(original)."""
        body = {"type": {"name": "Duplicate"}, "inwardIssue": {"key": duplicate}, "outwardIssue": {"key": original}}
        self._call("POST", "issueLink", json=body, expect=(201, 200))

    # Comments

    def comments(self, key: str) -> list[Comment]:
        """Return all comments of an issue with our property, oldest first."""
        raw: list[Any] = []
        while True:
            query = {"startAt": len(raw), "maxResults": 100, "expand": "properties"}
            page = self._get(f"issue/{quote(key)}/comment", query).json()
            found = self._read(page, lambda answer: list(answer["comments"]))
            raw += found
            if not found or len(raw) >= self._read(page, lambda answer: int(answer["total"])):
                break
        return self._read(
            self._with_properties(raw), lambda all_: [read_comment(c, self._comment_property) for c in all_]
        )

    def comment(self, key: str, text: str, mark: Mapping[str, Any]) -> str:
        """Write a comment with our property and return its id. It may exist after an UnclearOutcomeError."""
        body = {"body": text, "properties": [{"key": self._comment_property, "value": mark}]}
        answer = self._call("POST", f"issue/{quote(key)}/comment", json=body, expect=(201, 200))
        return self._written(answer, lambda made: str(made["id"]))

    def _with_properties(self, raw: list[Any]) -> list[Any]:
        """Return the comments with their properties, read one by one where the listing did not show them."""
        bare = [comment for comment in raw if isinstance(comment, dict) and "properties" not in comment]
        if not bare:
            return raw
        shown: dict[str, Any] = {}
        if self.cloud:
            ids = [int(comment["id"]) for comment in bare]
            for chunk in (ids[start : start + _IDS_PER_CALL] for start in range(0, len(ids), _IDS_PER_CALL)):
                answer = self._call(
                    "POST", "comment/list", query={"expand": "properties"}, json={"ids": chunk}, safe=True
                )
                values = self._read(answer.json(), lambda page: list(page["values"]))
                shown |= {str(comment["id"]): comment.get("properties", []) for comment in values}
        else:
            for comment in bare:
                path = f"comment/{comment['id']}/properties/{quote(self._comment_property)}"
                found = self._or_none(lambda path=path: self._get(path).json())  # type: ignore[misc]
                shown[str(comment["id"])] = [found] if found else []
        return [{"properties": shown.get(str(comment["id"]), []), **comment} for comment in raw]

    def status_changes(self, key: str) -> list[StatusChange]:
        """Return the newest changes of an issue's status, oldest first. Jira tells of the last 40 changes or more."""
        raw = self._get(f"issue/{quote(key)}", {"fields": "status", "expand": "changelog"}).json()
        return self._read(raw, read_status_changes)

    # Attachments

    def attach(self, key: str, name: str, media_type: str, content: bytes) -> Attachment:
        """Upload a file. It may be there after an UnclearOutcomeError."""
        boundary = f"self-healing-{hashlib.sha256(content).hexdigest()[:32]}"
        body, content_type = multipart([("file", name, media_type, content)], boundary)
        headers = {"Content-Type": content_type, "X-Atlassian-Token": "no-check"}
        answer = self._call("POST", f"issue/{quote(key)}/attachments", body=body, headers=headers)
        return self._written(answer, lambda made: read_attachment(made[0]))

    def download(self, attachment: Attachment) -> bytes:
        """Return the content of an attachment."""
        if self.cloud:
            path, query = f"{API}/attachment/content/{attachment.id}", {"redirect": "false"}
        else:
            path, query = f"secure/attachment/{attachment.id}/{quote(attachment.name)}", {}
        accept = {"Accept": "*/*"}
        answer = self._api.call("GET", path, query=query, headers=accept, expect=(200, 302, 303, 307))
        if answer.status == 200:
            return answer.body
        # Followed only on the same server: Api refuses to send our credentials to another.
        return self._api.call("GET", answer.headers.get("location", ""), headers=accept).body

    # The wire

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Response:
        return self._call("GET", path, query=query)

    def _call(self, method: str, path: str, **call: Any) -> Response:
        try:
            return self._api.call(method, f"{API}/{path}", **call)
        except NotFoundError as error:
            if error.code == CREDENTIALS:
                raise AuthenticationError(error.message, status=error.status, code=error.code) from None
            raise

    @staticmethod
    def _or_none(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except NotFoundError:
            return None

    @staticmethod
    def _read(answer: Any, read: Callable[[Any], T]) -> T:
        try:
            return read(answer)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise AnswerError(
                f"Jira answered in an unexpected shape ({error!r}); is jira_url the address of Jira?"
            ) from error

    def _written(self, answer: Response, read: Callable[[Any], T]) -> T:
        """Read the answer to a write. One that cannot be read does not tell that nothing was written."""
        try:
            return self._read(answer.json(), read)
        except AnswerError as error:
            raise UnclearOutcomeError(
                f"Jira accepted the request and its answer is unclear: {error.message}"
            ) from error
