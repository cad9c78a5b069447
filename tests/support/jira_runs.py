# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the module jira_issue against the emulated Jira, and looks into it."""

from __future__ import annotations

from typing import Any

import requests
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.modules import jira_issue
from sandbox.jira import Jira

from .one_tool import OneTool

Running = OneTool[Jira]

MARKER = "i7k3v5q2x4dmz"
LABEL = f"self-healing-{MARKER}"
PROBLEM = "https://monitor.example/#problems/problemdetails;pid=-64780_1696V2"
NOTES = [
    {"id": f"{MARKER}-3", "text": "Ana Berg was asked", "at": "2026-11-22T10:00:00.000Z", "kind": "decided"},
    {"id": f"{MARKER}-5", "text": "[~ana] chose {code}rm -rf{code}"},
]
FILES = [
    {"name": "dyna-2611001-transcript.md", "media_type": "text/markdown", "content": "# Transcript\nüber {{ 7*7 }}\n"}
]
#: What an issue of others needs.
FIELDS = {
    "project": {"key": "DEMO"},
    "issuetype": {"name": "Incident"},
    "summary": "shop is down",
    "labels": ["a", LABEL],
}
#: Posts that change nothing.
READS = ("/search/jql", "/search", "/comment/list")


def arguments(jira: Running, **changes: Any) -> dict[str, Any]:
    """Return module arguments for one incident, with C(changes); None takes an argument away."""
    given = {
        "jira_url": jira.url,
        "jira_user": jira.settings.jira_user,
        "jira_token": jira.settings.jira_token,
        "marker": MARKER,
        "project": "DEMO",
        "summary": "Process unavailable: shop on shop-01",
        "description": f"shop is not running.\n\nProblem: {PROBLEM}",
        "trusted_links": [PROBLEM],
        "priority": "Highest",
        "labels": ["self-healing"],
        "link": {"url": PROBLEM, "title": "Problem P-2611001"},
        "status": "To Do",
        "consistency_wait": 30,
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def run(jira: Running, check_mode: bool = False, transport: Transport | None = None, **changes: Any) -> dict[str, Any]:
    """Run the module in this process."""
    checked = ArgumentSpecValidator(jira_issue.SPEC.options).validate(arguments(jira, **changes))
    assert not checked.error_messages, checked.error_messages
    return jira_issue.run(checked.validated_parameters, check_mode, transport)


def issues(jira: Running) -> list[dict[str, Any]]:
    """Return the issues as people see them."""
    shown: list[dict[str, Any]] = jira.snapshot()["issues"]
    return shown


def writes(jira: Running) -> list[tuple[str, str]]:
    """Return all requests that may have changed something."""
    return [
        (method, path) for _tool, method, path in jira.faults.requests if method != "GET" and not path.endswith(READS)
    ]


def ask(jira: Running, method: str, path: str, **options: Any) -> requests.Response:
    """Call the API as the service account and return the answer, whatever it is. C(path) begins with the version."""
    credentials = (jira.settings.jira_user, jira.settings.jira_token)
    return requests.request(method, f"{jira.url}/rest/api/{path}", auth=credentials, timeout=10, **options)


def call(jira: Running, method: str, path: str, version: int = 2, **options: Any) -> Any:
    """Do something else over the API and return the parsed answer."""
    answer = ask(jira, method, f"{version}/{path}", **options)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def long_text(version: str, words: str) -> Any:
    """Return a long text as the version wants it."""
    if version == "2":
        return words
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}
