# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of an issue through workflows of all kinds."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import jira_workflow as workflow
from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira_values import Status, Transition

TO_DO = Status("To Do", "new")
OPEN = Status("Open", "new")
IN_PROGRESS = Status("In Progress", "indeterminate")
REVIEW = Status("In Review", "indeterminate")
DONE = Status("Done", "done")
CANCELLED = Status("Cancelled", "done")
RESOLVED = Status("Resolved", "done")

CATEGORIES = {"Closed": "done", "Cancelled": "done", "Resolved": "done", "In Review": "indeterminate"}

#: Status name to the statuses that its steps lead to.
Workflow = dict[str, list[Status]]
SIMPLE: Workflow = {"To Do": [IN_PROGRESS], "In Progress": [TO_DO, DONE], "Done": [IN_PROGRESS]}
WITH_REVIEW: Workflow = {
    "Open": [CANCELLED, IN_PROGRESS],
    "In Progress": [CANCELLED, OPEN, REVIEW],
    "In Review": [CANCELLED, IN_PROGRESS, RESOLVED],
    "Resolved": [Status("Closed", "done"), IN_PROGRESS],
}


def step(to: Status, **fields: Any) -> Transition:
    return Transition("1", f"to {to.name}", to, fields)


def walk(steps: Workflow, start: Status, target: str) -> list[str]:
    """Return the statuses on the way, as the module would go it."""
    current = start
    seen: list[str] = []
    category = workflow.category_of(target) or CATEGORIES[target]
    while not workflow.reached(current, target) and len(seen) < workflow.MOST_STEPS:
        found = workflow.next_step([step(to) for to in steps.get(current.name, [])], current, target, category, seen)
        if found is None:
            return [*seen, current.name, "stuck"]
        seen.append(current.name)
        current = found.to
    return [*seen, current.name]


@pytest.mark.parametrize(
    ("status", "target", "there"),
    [
        (TO_DO, "To Do", True),
        (OPEN, "to do", True),
        (OPEN, "new", True),
        (REVIEW, "In Progress", True),
        (REVIEW, "In Review", True),
        (IN_PROGRESS, "In Review", False),
        (CANCELLED, "Done", True),
        (CANCELLED, "Resolved", False),
        (Status("À faire", "new"), "To Do", True),
        (TO_DO, "done", False),
    ],
)
def test_a_status_is_reached_by_name_or_category(status: Status, target: str, there: bool) -> None:
    assert workflow.reached(status, target) is there


@pytest.mark.parametrize(
    ("steps", "start", "target", "way"),
    [
        (SIMPLE, TO_DO, "Done", ["To Do", "In Progress", "Done"]),
        (SIMPLE, DONE, "To Do", ["Done", "In Progress", "To Do"]),
        (SIMPLE, IN_PROGRESS, "To Do", ["In Progress", "To Do"]),
        (WITH_REVIEW, OPEN, "Resolved", ["Open", "In Progress", "In Review", "Resolved"]),
        (WITH_REVIEW, REVIEW, "Done", ["In Review", "Resolved"]),
        (WITH_REVIEW, OPEN, "In Progress", ["Open", "In Progress"]),
        (WITH_REVIEW, OPEN, "Done", ["Open", "In Progress", "In Review", "Resolved"]),
        (WITH_REVIEW, OPEN, "Closed", ["Open", "In Progress", "In Review", "Resolved", "Closed"]),
        (WITH_REVIEW, OPEN, "Cancelled", ["Open", "Cancelled"]),
        ({"Open": [CANCELLED]}, OPEN, "Done", ["Open", "Cancelled"]),
        ({"Open": [CANCELLED]}, OPEN, "Closed", ["Open", "stuck"]),
        ({"Open": [CANCELLED]}, OPEN, "In Review", ["Open", "stuck"]),
        ({"To Do": [DONE]}, TO_DO, "In Progress", ["To Do", "stuck"]),
        ({"In Progress": [TO_DO]}, IN_PROGRESS, "Done", ["In Progress", "stuck"]),
        ({}, TO_DO, "Done", ["To Do", "stuck"]),
    ],
)
def test_the_way_is_found_step_by_step(steps: Workflow, start: Status, target: str, way: list[str]) -> None:
    assert walk(steps, start, target) == way


RESOLUTION = {"required": True, "allowedValues": [{"name": "Fixed"}, {"name": "Duplicate"}]}


@pytest.mark.parametrize(
    ("fields", "preferred", "sent"),
    [
        ({}, "Done", {}),
        ({"assignee": {"required": False}}, "Done", {}),
        ({"resolution": RESOLUTION}, "duplicate", {"resolution": {"name": "Duplicate"}}),
        ({"resolution": RESOLUTION}, "Done", {"resolution": {"name": "Fixed"}}),
        ({"resolution": {"required": True}}, "Done", {"resolution": {"name": "Done"}}),
    ],
)
def test_the_resolution_is_sent_only_where_the_screen_has_it(
    fields: dict[str, Any], preferred: str, sent: dict[str, Any]
) -> None:
    assert workflow.resolution_for(step(DONE, **fields), preferred) == sent


def test_fields_that_we_cannot_fill_in_are_named() -> None:
    screen = {
        "resolution": RESOLUTION,
        "customfield_1": {"required": True, "name": "Root cause"},
        "customfield_2": {"required": True, "hasDefaultValue": True, "name": "Team"},
    }
    closing = step(DONE, **screen)
    assert workflow.missing_fields(closing, workflow.resolution_for(closing, "Done")) == ["Root cause"]
