# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator has configured in this Jira: types, workflow, priorities, resolutions, fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Longest summary, long text and property value that Jira takes (characters), and longest label and property key.
SUMMARY_LIMIT = 255
TEXT_LIMIT = 32_767
PROPERTY_LIMIT = 32_768
KEY_LIMIT = 255
#: Largest attachment (bytes) and most files in one call.
ATTACHMENT_LIMIT = 10 * 1024 * 1024
FILES_PER_CALL = 60


@dataclass(frozen=True)
class Named:
    """Something of the configuration that has an id and a name: a type, a priority, a resolution."""

    id: str
    name: str
    description: str = ""


@dataclass(frozen=True)
class Category:
    """One of Jira's fixed status categories."""

    id: int
    key: str
    name: str
    color: str


@dataclass(frozen=True)
class Status:
    id: str
    name: str
    category: Category


@dataclass(frozen=True)
class Transition:
    """A step of the workflow. With C(screen) it shows the field resolution, which must then be filled in."""

    id: str
    name: str
    source: str
    target: Status
    screen: bool = False


NEW = Category(2, "new", "To Do", "blue-gray")
INDETERMINATE = Category(4, "indeterminate", "In Progress", "yellow")
DONE_CATEGORY = Category(3, "done", "Done", "green")
CATEGORIES = (NEW, INDETERMINATE, DONE_CATEGORY)

TO_DO = Status("10000", "To Do", NEW)
IN_PROGRESS = Status("3", "In Progress", INDETERMINATE)
DONE = Status("10001", "Done", DONE_CATEGORY)
STATUSES = (TO_DO, IN_PROGRESS, DONE)

WORKFLOW = (
    Transition("11", "Start work", TO_DO.id, IN_PROGRESS),
    Transition("21", "Stop work", IN_PROGRESS.id, TO_DO),
    Transition("31", "Resolve", IN_PROGRESS.id, DONE, screen=True),
    Transition("41", "Reopen", DONE.id, IN_PROGRESS),
)

ISSUE_TYPES = (
    Named("10004", "Incident", "Something does not work as it should."),
    Named("10005", "Bug", "A problem in the software."),
    Named("10006", "Task", "A piece of work."),
)
PRIORITIES = (Named("1", "Highest"), Named("2", "High"), Named("3", "Medium"), Named("4", "Low"), Named("5", "Lowest"))
DEFAULT_PRIORITY = PRIORITIES[2]
RESOLUTIONS = (
    Named("10000", "Done", "Work has been completed on this issue."),
    Named("10001", "Won't Do", "This issue won't be actioned."),
    Named("10002", "Duplicate", "The problem is a duplicate of an existing issue."),
    Named("10003", "Cannot Reproduce", "The problem could not be seen again."),
)


@dataclass(frozen=True)
class LinkType:
    id: str
    name: str
    inward: str
    outward: str


LINK_TYPES = (
    LinkType("10000", "Blocks", "is blocked by", "blocks"),
    LinkType("10002", "Duplicate", "is duplicated by", "duplicates"),
    LinkType("10003", "Relates", "relates to", "relates to"),
)


@dataclass(frozen=True)
class Field:
    """A field of an issue. C(on_screen): it can be set when an issue is created or edited."""

    id: str
    name: str
    type: str
    on_screen: bool = False
    required: bool = False
    items: str | None = None
    clauses: tuple[str, ...] = ()

    def schema(self) -> dict[str, Any]:
        schema = {"type": self.type, "system": self.id}
        return {**schema, "items": self.items} if self.items else schema

    def operations(self) -> list[str]:
        return ["add", "set", "remove"] if self.type == "array" else ["set"]


FIELDS = (
    Field("project", "Project", "project", on_screen=True, required=True, clauses=("project",)),
    Field("issuetype", "Issue Type", "issuetype", on_screen=True, required=True, clauses=("issuetype", "type")),
    Field("summary", "Summary", "string", on_screen=True, required=True, clauses=("summary",)),
    Field("description", "Description", "string", on_screen=True, clauses=("description",)),
    Field("environment", "Environment", "string", on_screen=True, clauses=("environment",)),
    Field("priority", "Priority", "priority", on_screen=True, clauses=("priority",)),
    Field("labels", "Labels", "array", on_screen=True, items="string", clauses=("labels",)),
    Field("assignee", "Assignee", "user", on_screen=True, clauses=("assignee",)),
    Field("reporter", "Reporter", "user", on_screen=True, clauses=("reporter",)),
    Field("creator", "Creator", "user", clauses=("creator",)),
    Field("status", "Status", "status", clauses=("status",)),
    Field("statusCategory", "Status Category", "statusCategory", clauses=("statusCategory",)),
    Field("resolution", "Resolution", "resolution", clauses=("resolution",)),
    Field("resolutiondate", "Resolved", "datetime", clauses=("resolutiondate", "resolved")),
    Field("created", "Created", "datetime", clauses=("created", "createdDate")),
    Field("updated", "Updated", "datetime", clauses=("updated", "updatedDate")),
    Field("issuelinks", "Linked Issues", "array", items="issuelinks"),
    Field("attachment", "Attachment", "array", items="attachment", clauses=("attachments",)),
    Field("comment", "Comment", "comments-page", clauses=("comment",)),
)
SCREEN = {field.id: field for field in FIELDS if field.on_screen}


def find(values: tuple[Named, ...], reference: Any) -> Named | None:
    """Return the value that C({"id": …}) or C({"name": …}) names, or None."""
    if not isinstance(reference, dict):
        return None
    wanted_id, wanted_name = reference.get("id"), reference.get("name")
    for value in values:
        if wanted_id is not None and str(wanted_id) == value.id:
            return value
        if wanted_id is None and isinstance(wanted_name, str) and wanted_name.casefold() == value.name.casefold():
            return value
    return None
