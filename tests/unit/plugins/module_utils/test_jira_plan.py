# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Jira issue should look like and what is different: pure decisions."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils import jira_plan as plan
from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira_values import Attachment, Issue, Status
from support.jira_wishes import MARKER, OPTIONS, wish


def issue(**changes: Any) -> Issue:
    """Return the issue that shows C(wish()) completely, changed as told."""
    wanted = wish()
    [file] = wanted.files
    memory = plan.new_memory(wanted)
    memory["attachments"] = [{"name": file.name, "sha256": file.sha256, "id": "7"}]
    there = Issue(
        id=10001,
        key="OPS-1",
        summary=wanted.summary,
        description=wanted.description,
        status=Status("To Do", "new"),
        priority="High",
        labels=wanted.labels,
        attachments=(Attachment("7", file.upload_name, len(file.content)),),
        linked=(),
        memory=memory,
    )
    return replace(there, **changes)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_an_issue_is_recognised_by_its_property_before_its_label() -> None:
    assert plan.owns(issue(labels=()), MARKER)
    assert plan.owns(issue(memory={}), MARKER)
    assert not plan.owns(issue(memory={}, labels=()), MARKER)
    assert not plan.owns(issue(memory={"incident": "another"}), MARKER)


def test_the_oldest_issue_wins_whatever_the_order() -> None:
    old, young = issue(), issue(id=10010, key="OPS-10")
    assert plan.winner([young, old]) is old
    assert plan.winner([old, young]) is old


def test_an_issue_that_shows_everything_needs_no_edit() -> None:
    assert plan.edit(wish(), issue(), "High") == {}
    assert plan.memory(wish(), issue(), {}) == issue().memory


def test_an_edit_holds_only_the_differences_and_keeps_the_labels_of_others() -> None:
    there = issue(summary="old", labels=("mine",))
    assert plan.edit(wish(), there, "High") == {
        "fields": {"summary": "shop is down"},
        "update": {"labels": [{"add": f"self-healing-{MARKER}"}, {"add": "self-healing"}]},
    }
    assert plan.edit(wish(), issue(), "Low") == {"fields": {"priority": {"name": "Low"}}}
    assert plan.edit(wish(), issue(priority=None), None) == {}


def test_one_field_can_be_taken_out_of_an_edit() -> None:
    body = {"fields": {"priority": 1, "summary": 2}, "update": {"labels": []}}
    assert plan.without_field(body, "priority") == {"fields": {"summary": 2}, "update": {"labels": []}}
    assert plan.without_field({"fields": {"priority": 1}}, "priority") == {}


def test_a_description_that_jira_shows_differently_is_not_written_again() -> None:
    shown = "The process  is gone"
    memory = {**issue().memory, "description": {"sent": sha(wish().description), "shown": sha(shown)}}
    assert not plan.description_due(wish(), issue(description=shown, memory=memory))
    assert plan.description_due(wish(), issue(description="rewritten by a person", memory=memory))
    assert plan.description_due(wish(description="new"), issue(description=shown, memory=memory))
    assert plan.description_due(wish(), issue(description=shown, memory={"description": "broken"}))


def test_files_are_remembered_by_name_and_checksum_and_found_by_id() -> None:
    [place] = plan.places(wish().files, issue())
    assert (place.known, place.attachment) == (True, issue().attachments[0])


def test_a_remembered_file_that_is_gone_or_was_replaced_is_not_there() -> None:
    [gone] = plan.places(wish().files, issue(attachments=()))
    assert (gone.known, gone.attachment) == (False, None)
    [shorter] = plan.places(wish().files, issue(attachments=(Attachment("7", "t.md", 3),)))
    assert (shorter.known, shorter.attachment) == (False, None)


def test_a_file_that_is_not_remembered_may_be_there_all_the_same() -> None:
    memory = {**issue().memory, "attachments": []}
    [place] = plan.places(wish().files, issue(memory=memory))
    assert (place.known, place.attachment) == (False, issue().attachments[0])


def test_a_new_version_does_not_take_the_place_of_the_old_one() -> None:
    newer = {**OPTIONS["attachments"][0], "content": "hállo"}
    places = plan.places(wish(attachments=[newer, OPTIONS["attachments"][0]]).files, issue())
    assert {(place.file.content.decode(), place.known) for place in places} == {("héllo", True), ("hállo", False)}
    assert next(place for place in places if not place.known).attachment is None


def test_the_memory_forgets_files_that_are_gone_and_keeps_what_others_put_there() -> None:
    [file] = wish().files
    memory = plan.memory(wish(), issue(attachments=(), memory={**issue().memory, "other": 1}), {"9": file})
    assert memory["attachments"] == [{"name": "t.md", "sha256": file.sha256, "id": "9"}]
    assert memory["other"] == 1


def test_pictures_of_before_and_after_are_equal_when_nothing_is_to_do() -> None:
    there, wanted = issue(), wish()
    before = plan.picture(there, wanted.link, ["a-1"])
    assert plan.wanted_picture(wanted, "High", "To Do", there) == before
    assert plan.wanted_picture(wanted, "High", None, None)["labels"] == before["labels"]
