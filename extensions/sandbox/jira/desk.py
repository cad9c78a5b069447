# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see and do in this Jira: the data for the sandbox's page, and a plain page for each issue."""

from __future__ import annotations

from html import escape
from typing import Any

from aiohttp import web

from .catalogue import RESOLUTIONS, WORKFLOW
from .editor import assign
from .rich_text import from_wiki
from .site import Site
from .store import Change, Issue, User
from .wire import stamp

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{key} {summary}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}
pre{{white-space:pre-wrap}}</style>
<h1>{key} {summary}</h1><p><strong>{status}</strong>, priority {priority}</p><pre>{description}</pre>
<h2>Links</h2><ul>{links}</ul><h2>Attachments</h2><ul>{attachments}</ul><h2>Comments</h2>{comments}</html>"""


class Desk:
    """The service desk as people use it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def snapshot(self) -> dict[str, Any]:
        issues = sorted(self._site.store.issues.values(), key=lambda issue: issue.id)
        return {"issues": [self._shown(issue) for issue in issues], "webhooks": list(self._site.webhooks.log)}

    async def comment(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Write a comment as one of the people: C({issue, person, text})."""
        issue, person = self._issue_and_person(asked)
        text = str(asked.get("text", "")).strip()
        if issue is None or person is None or not text:
            missing = "issue" if issue is None else "person" if person is None else "text"
            return {"ok": False, "error": f"{missing}: nothing that Jira knows"}
        comment = self._site.store.comment(issue, person, from_wiki(text, cloud=self._site.cloud))
        self._site.commented(issue, comment)
        return {"ok": True, "id": str(comment.id)}

    async def transition(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Drag an issue to another status as one of the people: C({issue, person, status})."""
        issue, person = self._issue_and_person(asked)
        steps = [step for step in WORKFLOW if issue is not None and step.source == issue.status.id]
        step = next((step for step in steps if step.target.name == asked.get("status")), None)
        if issue is None or person is None or step is None:
            missing = "issue" if issue is None else "person" if person is None else "status"
            return {"ok": False, "error": f"{missing}: nothing that Jira knows or that the workflow allows"}
        before, issue.status = issue.status, step.target
        moved = Change("status", (before.id, before.name), (step.target.id, step.target.name))
        resolved = assign(issue, {"resolution": RESOLUTIONS[0] if step.screen else None})
        known = len(issue.history)
        self._site.store.note(issue, person, [moved, *resolved])
        self._site.updated(issue, person, known)
        return {"ok": True, "status": issue.status.name}

    def _issue_and_person(self, asked: dict[str, Any]) -> tuple[Issue | None, User | None]:
        people = self._site.store.people
        person = next((user for user in people if asked.get("person") in (user.key, user.name)), None)
        return self._site.store.find(str(asked.get("issue", ""))), person

    async def browse(self, request: web.Request) -> web.Response:
        """Answer the address that people open. The sandbox asks nobody to log in."""
        issue = self._site.store.find(request.match_info["issue"])
        if issue is None:
            raise web.HTTPNotFound
        shown = self._shown(issue)
        page = _PAGE.format(
            key=escape(issue.key),
            summary=escape(issue.summary),
            status=escape(issue.status.name),
            priority=escape(issue.priority.name),
            description=escape(shown["description"]),
            links="".join(f"<li>{_anchor(link['url'], link['title'])}</li>" for link in shown["links"]),
            attachments="".join(f"<li>{_anchor(file['url'], file['name'])}</li>" for file in shown["attachments"]),
            comments="".join(
                f"<p>{escape(c['author'])}, {c['at']}</p><pre>{escape(c['text'])}</pre>" for c in shown["comments"]
            ),
        )
        return web.Response(text=page, content_type="text/html")

    def _shown(self, issue: Issue) -> dict[str, Any]:
        comments = [
            {
                "id": str(c.id),
                "at": stamp(c.created),
                "author": c.author.name,
                "text": c.body.plain,
                "properties": dict(c.properties),
            }
            for c in issue.comments
        ]
        attachments = [
            {
                "id": str(file.id),
                "name": file.name,
                "size": len(file.content),
                "mime_type": file.mime_type,
                "url": self._site.signed_url(file),
            }
            for file in issue.attachments
        ]
        history = [
            {"at": stamp(entry.at), "field": change.field, "from": change.source[1], "to": change.target[1]}
            for entry in issue.history
            for change in entry.changes
        ]
        return {
            "key": issue.key,
            "summary": issue.summary,
            "type": issue.type.name,
            "status": issue.status.name,
            "status_category": issue.status.category.key,
            "resolution": issue.resolution.name if issue.resolution else None,
            "priority": issue.priority.name,
            "labels": list(issue.labels),
            "description": issue.description.plain if issue.description else "",
            "created": stamp(issue.created),
            "url": self._site.browse_url(issue),
            "comments": comments,
            "attachments": attachments,
            "history": history,
            "links": [
                {"title": link["object"]["title"], "url": link["object"]["url"]} for link in issue.remote_links.values()
            ],
        }


def _anchor(url: str, text: str) -> str:
    if not url.startswith(("http://", "https://")):
        return escape(text)
    return f'<a rel="noreferrer" href="{escape(url)}">{escape(text)}</a>'
