# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the module jira_issue, read as the module reads them, for tests without a Jira."""

from __future__ import annotations

from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.jira_wish import Wanted, wanted

MARKER = "i7k3v5q2x4dmz"
OPTIONS: dict[str, Any] = {
    "marker": MARKER,
    "project": "OPS",
    "issue_type": "Incident",
    "summary": "shop is\ndown",
    "description": "The process is gone",
    "trusted_links": [],
    "priority": "High",
    "labels": ["self-healing"],
    "link": {"url": "https://monitor.example/1", "title": "Problem 1"},
    "status": "In Progress",
    "resolution": "Done",
    "comments": [{"id": "a-1", "text": "asked", "at": "2026-11-22T10:00:00.000Z", "kind": "decided"}],
    "attachments": [{"name": "t.md", "media_type": "text/markdown", "sha256": None, "content": "héllo"}],
}


def wish(**changes: Any) -> Wanted:
    return wanted({**OPTIONS, **changes})
