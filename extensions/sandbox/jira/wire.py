# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON shapes of Jira's answers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from .catalogue import FIELDS, LINK_TYPES, RESOLUTIONS, Category, Field, LinkType, Named, Status, Transition
from .rich_text import RichText
from .store import Attachment, Comment, History, Issue, IssueLink, Store, User


def stamp(at: datetime) -> str:
    """Return a time as Jira writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


class Wire:
    """Writes what the store holds for one version of the API on one address."""

    def __init__(self, store: Store, base: str, version: str, *, cloud: bool) -> None:
        self.store = store
        self.base = base
        self.version = version
        self.cloud = cloud
        self.api = f"{base}/rest/api/{version}"

    def rich(self, text: RichText | None) -> Any:
        if text is None:
            return None
        return text.document if self.version == "3" else text.wiki

    def user(self, user: User | None) -> dict[str, Any] | None:
        if user is None:
            return None
        person: dict[str, Any] = {
            "displayName": user.name,
            "emailAddress": user.email,
            "active": True,
            "timeZone": "UTC",
        }
        if self.cloud:
            own = f"{self.api}/user?accountId={quote(user.account_id)}"
            return {"self": own, "accountId": user.account_id, "accountType": "atlassian", **person}
        return {"self": f"{self.api}/user?username={user.key}", "name": user.key, "key": user.key, **person}

    def named(self, kind: str, value: Named | None) -> dict[str, Any] | None:
        if value is None:
            return None
        return {
            "self": f"{self.api}/{kind}/{value.id}",
            "id": value.id,
            "name": value.name,
            "description": value.description,
        }

    def priority(self, value: Named) -> dict[str, Any]:
        icon = f"{self.base}/images/icons/priorities/{value.name.lower()}.svg"
        return {"self": f"{self.api}/priority/{value.id}", "id": value.id, "name": value.name, "iconUrl": icon}

    def issue_type(self, value: Named) -> dict[str, Any]:
        icon = f"{self.base}/images/icons/issuetypes/{value.name.lower()}.svg"
        return {**(self.named("issuetype", value) or {}), "iconUrl": icon, "subtask": False, "hierarchyLevel": 0}

    def category(self, value: Category) -> dict[str, Any]:
        own = f"{self.api}/statuscategory/{value.id}"
        return {"self": own, "id": value.id, "key": value.key, "colorName": value.color, "name": value.name}

    def status(self, value: Status) -> dict[str, Any]:
        return {
            "self": f"{self.api}/status/{value.id}",
            "description": "",
            "iconUrl": f"{self.base}/images/icons/statuses/generic.png",
            "name": value.name,
            "id": value.id,
            "statusCategory": self.category(value.category),
        }

    def project(self) -> dict[str, Any]:
        project = self.store.project
        own = f"{self.api}/project/{project.id}"
        return {"self": own, "id": project.id, "key": project.key, "name": project.name, "projectTypeKey": "software"}

    def comment(self, issue: Issue, comment: Comment, *, properties: bool = False) -> dict[str, Any]:
        body: dict[str, Any] = {
            "self": f"{self.api}/issue/{issue.id}/comment/{comment.id}",
            "id": str(comment.id),
            "author": self.user(comment.author),
            "body": self.rich(comment.body),
            "updateAuthor": self.user(comment.author),
            "created": stamp(comment.created),
            "updated": stamp(comment.updated),
            "jsdPublic": True,
        }
        if comment.visibility:
            body["visibility"] = comment.visibility
        if properties:
            body["properties"] = [{"key": key, "value": value} for key, value in comment.properties.items()]
        return body

    def attachment(self, attachment: Attachment) -> dict[str, Any]:
        if self.cloud:
            content = f"{self.api}/attachment/content/{attachment.id}"
        else:
            content = f"{self.base}/secure/attachment/{attachment.id}/{quote(attachment.name)}"
        return {
            "self": f"{self.api}/attachment/{attachment.id}",
            "id": str(attachment.id),
            "filename": attachment.name,
            "author": self.user(attachment.author),
            "created": stamp(attachment.created),
            "size": len(attachment.content),
            "mimeType": attachment.mime_type,
            "content": content,
        }

    def history(self, entry: History) -> dict[str, Any]:
        items = [
            {
                "field": change.field,
                "fieldtype": "jira",
                "fieldId": change.field,
                "from": change.source[0],
                "fromString": change.source[1],
                "to": change.target[0],
                "toString": change.target[1],
            }
            for change in entry.changes
        ]
        return {"id": str(entry.id), "author": self.user(entry.author), "created": stamp(entry.at), "items": items}

    def link_type(self, value: LinkType) -> dict[str, Any]:
        own = f"{self.api}/issueLinkType/{value.id}"
        return {"id": value.id, "name": value.name, "inward": value.inward, "outward": value.outward, "self": own}

    def issue_link(self, link: IssueLink, seen_from: Issue | None) -> dict[str, Any]:
        """Return a link as the issue C(seen_from) shows it, or both its ends."""
        kind = next(kind for kind in LINK_TYPES if kind.name == link.type)
        body: dict[str, Any] = {
            "id": str(link.id),
            "self": f"{self.api}/issueLink/{link.id}",
            "type": self.link_type(kind),
        }
        if seen_from is None or seen_from.id == link.source:
            body["outwardIssue"] = self._linked(link.target)
        if seen_from is None or seen_from.id == link.target:
            body["inwardIssue"] = self._linked(link.source)
        return body

    def _linked(self, number: int) -> dict[str, Any]:
        issue = self.store.issues[number]
        fields = {
            "summary": issue.summary,
            "status": self.status(issue.status),
            "priority": self.priority(issue.priority),
            "issuetype": self.issue_type(issue.type),
        }
        return {"id": str(issue.id), "key": issue.key, "self": f"{self.api}/issue/{issue.id}", "fields": fields}

    def remote_link(self, issue: Issue, number: int) -> dict[str, Any]:
        own = f"{self.api}/issue/{issue.key}/remotelink/{number}"
        return {"id": number, "self": own, **{k: v for k, v in issue.remote_links[number].items() if v is not None}}

    def transition(self, step: Transition, *, fields: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": step.id,
            "name": step.name,
            "to": self.status(step.target),
            "hasScreen": step.screen,
            "isGlobal": False,
            "isInitial": False,
            "isAvailable": True,
            "isConditional": False,
            "looped": False,
        }
        if fields:
            body["fields"] = self._screen(step)
        return body

    def _screen(self, step: Transition) -> dict[str, Any]:
        if not step.screen:
            return {}
        return {
            "resolution": {
                "required": True,
                "schema": {"type": "resolution", "system": "resolution"},
                "name": "Resolution",
                "key": "resolution",
                "hasDefaultValue": False,
                "operations": ["set"],
                "allowedValues": [self.named("resolution", value) for value in RESOLUTIONS],
            }
        }

    def field(self, field: Field) -> dict[str, Any]:
        return {
            "id": field.id,
            "key": field.id,
            "name": field.name,
            "custom": False,
            "orderable": field.on_screen,
            "navigable": True,
            "searchable": bool(field.clauses),
            "clauseNames": list(field.clauses),
            "schema": field.schema(),
        }

    def issue(
        self,
        issue: Issue,
        fields: Sequence[str] = ("*all",),
        properties: Sequence[str] = (),
        expand: Collection[str] = (),
    ) -> dict[str, Any]:
        """Return an issue with the chosen fields and properties (C(*all) and C(-name) as in Jira)."""
        body: dict[str, Any] = {
            "expand": "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations",
            "id": str(issue.id),
            "self": f"{self.api}/issue/{issue.id}",
            "key": issue.key,
            "fields": {name: read for name, read in self._fields(issue).items() if _chosen(name, fields)},
        }
        if properties:
            wanted = issue.properties if "*all" in properties else properties
            body["properties"] = {key: issue.properties[key] for key in wanted if key in issue.properties}
        if "changelog" in expand:
            histories = [self.history(entry) for entry in reversed(issue.history)]
            page = {"startAt": 0, "maxResults": len(histories), "total": len(histories)}
            body["changelog"] = {**page, "histories": histories}
        if "names" in expand:
            body["names"] = {field.id: field.name for field in FIELDS if field.id in body["fields"]}
        return body

    def _fields(self, issue: Issue) -> dict[str, Any]:
        comments = [self.comment(issue, comment) for comment in issue.comments]
        watching = {
            "self": f"{self.api}/issue/{issue.key}/watchers",
            "watchCount": len(issue.watchers),
            "isWatching": False,
        }
        return {
            "project": self.project(),
            "issuetype": self.issue_type(issue.type),
            "summary": issue.summary,
            "description": self.rich(issue.description),
            "environment": self.rich(issue.environment),
            "priority": self.priority(issue.priority),
            "labels": list(issue.labels),
            "status": self.status(issue.status),
            "statusCategory": self.category(issue.status.category),
            "resolution": self.named("resolution", issue.resolution),
            "resolutiondate": stamp(issue.resolved) if issue.resolved else None,
            "assignee": self.user(issue.assignee),
            "reporter": self.user(issue.reporter),
            "creator": self.user(issue.creator),
            "created": stamp(issue.created),
            "updated": stamp(issue.updated),
            "watches": watching,
            "issuelinks": [self.issue_link(link, issue) for link in self.store.links_of(issue)],
            "attachment": [self.attachment(attachment) for attachment in issue.attachments],
            "comment": {
                "comments": comments,
                "self": f"{self.api}/issue/{issue.id}/comment",
                "maxResults": len(comments),
                "total": len(comments),
                "startAt": 0,
            },
        }


#: Fields that a list of issues does not show unless asked for.
_NOT_NAVIGABLE = frozenset({"comment", "attachment", "issuelinks"})


def _chosen(name: str, fields: Sequence[str]) -> bool:
    if f"-{name}" in fields:
        return False
    if name in fields or "*all" in fields:
        return True
    return "*navigable" in fields and name not in _NOT_NAVIGABLE
