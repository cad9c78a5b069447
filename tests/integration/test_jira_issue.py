# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module jira_issue against the emulated Jira, over HTTP: what it shows, and what it leaves alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    AuthenticationError,
    ConfigurationError,
)
from ansible_collections.self_healing.devops.plugins.modules import jira_issue
from sandbox.jira import Jira
from support.jira_runs import FILES, LABEL, MARKER, NOTES, PROBLEM, Running, arguments, call, issues, run, writes
from support.one_tool import start_tool


@pytest.fixture
def jira() -> Iterator[Running]:
    with start_tool(Jira) as running:
        yield running


def test_creates_one_issue_with_everything(jira: Running) -> None:
    result = run(jira, comments=NOTES, attachments=FILES, status="In Progress")
    [issue] = issues(jira)
    assert (result["changed"], result["created"], result["duplicates"]) == (True, True, [])
    assert (result["id"], result["issue_id"], result["url"]) == (issue["key"], "10001", issue["url"])
    assert (issue["type"], issue["status"], issue["priority"]) == ("Incident", "In Progress", "Highest")
    assert issue["summary"] == "Process unavailable: shop on shop-01"
    assert issue["description"] == f"shop is not running.\n\nProblem: {PROBLEM}"
    assert issue["labels"] == [LABEL, "self-healing"]
    assert issue["links"] == [{"title": "Problem P-2611001", "url": PROBLEM}]
    texts = [comment["text"] for comment in issue["comments"]]
    assert texts == ["2026-11-22 10:00:00 UTC: Ana Berg was asked", "[~ana] chose {code}rm -rf{code}"]
    assert [comment["id"] for comment in result["comments"]] == [note["id"] for note in NOTES]
    content = FILES[0]["content"].encode()
    [attachment] = result["attachments"]
    assert attachment == {
        "name": FILES[0]["name"],
        "sha256": hashlib.sha256(content).hexdigest(),
        "id": issue["attachments"][0]["id"],
        "read_back": True,
    }
    assert jira.tool.site.store.issues[10001].attachments[0].content == content
    assert issue["attachments"][0]["mime_type"] == "text/markdown"


def test_the_marker_is_part_of_the_creation(jira: Running) -> None:
    run(jira)
    made = jira.tool.site.store.issues[10001]
    assert made.properties["self_healing.incident"]["incident"] == MARKER
    assert writes(jira)[0] == ("POST", "/rest/api/2/issue")
    assert ("PUT", "/rest/api/2/issue/DEMO-1/properties/self_healing.incident") not in writes(jira)


def test_the_second_run_changes_nothing(jira: Running) -> None:
    first = run(jira, comments=NOTES, attachments=FILES, status="In Progress")
    before, done = issues(jira), writes(jira)
    for known in (None, first["id"]):
        second = run(jira, comments=NOTES, attachments=FILES, status="In Progress", known_id=known)
        assert second["changed"] is False
        assert {**second, "diff": None, "created": True, "changed": True} == {**first, "diff": None}
        assert second["diff"]["before"] == second["diff"]["after"]
    assert issues(jira) == before
    assert writes(jira) == done
    assert jira.faults.count("jira", "GET", "/attachment/content/") == 1


def test_only_the_difference_is_written(jira: Running) -> None:
    run(jira, comments=NOTES[:1])
    count = len(writes(jira))
    result = run(jira, summary="shop is back", comments=NOTES, status="Done")
    assert writes(jira)[count:] == [
        ("PUT", "/rest/api/2/issue/DEMO-1"),
        ("POST", "/rest/api/2/issue/DEMO-1/comment"),
        ("POST", "/rest/api/2/issue/DEMO-1/transitions"),
        ("POST", "/rest/api/2/issue/DEMO-1/transitions"),
    ]
    [issue] = issues(jira)
    assert (issue["summary"], issue["status"], issue["resolution"]) == ("shop is back", "Done", "Done")
    assert result["diff"]["before"]["status"] == "To Do"
    assert result["diff"]["after"] == {
        **result["diff"]["before"],
        "summary": "shop is back",
        "status": "Done",
        "comments": [note["id"] for note in NOTES],
    }


def test_what_people_wrote_and_labelled_stays_and_what_they_rewrote_is_set_right(jira: Running) -> None:
    run(jira, comments=NOTES)
    jira.call("comment", issue="DEMO-1", person="ana", text="on it")
    call(
        jira,
        "PUT",
        "issue/DEMO-1",
        json={"fields": {"description": "all fine"}, "update": {"labels": [{"add": "mine"}]}},
    )
    result = run(jira, comments=NOTES)
    [issue] = issues(jira)
    assert result["changed"] is True
    assert "mine" in issue["labels"]
    assert issue["description"].startswith("shop is not running.")
    assert [comment["author"] for comment in issue["comments"]] == ["Self-healing", "Self-healing", "Ana Berg"]
    assert run(jira, comments=NOTES)["changed"] is False


@pytest.mark.parametrize("created", [False, True])
def test_check_mode_writes_nothing_and_predicts(jira: Running, created: bool) -> None:
    if created:
        run(jira)
    before, count = issues(jira), len(writes(jira))
    wanted: dict[str, Any] = {"summary": "other", "comments": NOTES, "attachments": FILES, "status": "Done"}
    predicted = run(jira, check_mode=True, **wanted)
    assert predicted["changed"] is True
    assert predicted["id"] == ("DEMO-1" if created else None)
    assert issues(jira) == before
    assert len(writes(jira)) == count
    real = run(jira, **wanted)
    assert real["diff"]["after"] == predicted["diff"]["after"]
    assert run(jira, check_mode=True, **wanted)["changed"] is False


@pytest.mark.parametrize(
    ("token", "user"), [("wrong", None), (None, "somebody.else@example.com")], ids=["wrong token", "wrong user"]
)
def test_bad_credentials_create_nothing(jira: Running, token: str | None, user: str | None) -> None:
    run(jira)
    secret = token or jira.settings.jira_token
    changes: dict[str, Any] = {"jira_token": secret, "jira_user": user or jira.settings.jira_user}
    with pytest.raises(AuthenticationError, match="jira_user and jira_token") as caught:
        run(jira, **changes, marker="iaaaaaaaaaaaa")
    assert secret not in str(caught.value.to_result())
    assert len(issues(jira)) == 1
    assert jira.faults.requests[-1][2] == "/rest/api/2/myself"


def test_a_project_that_cannot_be_seen_is_told_before_anything_is_created(jira: Running) -> None:
    with pytest.raises(ConfigurationError, match="no project 'OPS'"):
        run(jira, project="OPS")
    assert writes(jira) == []


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        (["Done"], ["In Progress", "Done"]),
        (["In Progress", "Done", "To Do"], ["In Progress", "Done", "In Progress", "To Do"]),
        (["in progress", "indeterminate", "DONE"], ["In Progress", "Done"]),
    ],
)
def test_the_status_is_walked_to(jira: Running, way: list[str], expected: list[str]) -> None:
    for status in way:
        run(jira, status=status)
    [issue] = issues(jira)
    assert [entry["to"] for entry in issue["history"] if entry["field"] == "status"] == expected
    assert issue["resolution"] == ("Done" if expected[-1] == "Done" else None)


def test_a_status_that_does_not_exist_is_told_after_everything_else_is_done(jira: Running) -> None:
    with pytest.raises(ConfigurationError, match="no such status, but: Done, In Progress, To Do") as caught:
        run(jira, comments=NOTES, attachments=FILES, status="Waiting")
    assert caught.value.details["id"] == "DEMO-1"
    [issue] = issues(jira)
    assert (issue["status"], len(issue["comments"]), len(issue["attachments"])) == ("To Do", 2, 1)


def test_an_unknown_priority_is_left_alone_with_a_warning(jira: Running) -> None:
    result = run(jira, priority="Sev1")
    assert result["warnings"] == [
        "Jira has no priority 'Sev1', so it is left alone (there are: Highest, High, Medium, Low, Lowest)"
    ]
    assert issues(jira)[0]["priority"] == "Medium"
    assert run(jira, priority="Sev1")["changed"] is False
    assert run(jira, priority="low")["changed"] is True
    assert issues(jira)[0]["priority"] == "Low"


def test_a_priority_that_is_on_no_screen_is_left_alone(jira: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    from sandbox.jira.catalogue import SCREEN

    monkeypatch.delitem(SCREEN, "priority")
    result = run(jira)
    assert len(result["warnings"]) == 1
    assert "priority" in result["warnings"][0]
    assert len(issues(jira)) == 1
    assert run(jira)["changed"] is False
    again = run(jira, summary="another title")
    assert issues(jira)[0]["summary"] == "another title"
    assert "priority" in again["warnings"][0]


def test_hostile_text_does_nothing_in_jira(jira: Running) -> None:
    hostile = "[~ana] [x|https://evil.example] {color:white}a{color} !https://evil.example/a.png!\n{{ 7*7 }} \\\\ h1. x"
    run(jira, summary=hostile, description=hostile, comments=[{"id": "1", "text": hostile}])
    raw = call(jira, "GET", "issue/DEMO-1", version=3)["fields"]
    kinds = {
        node["type"]
        for document in (raw["description"], raw["comment"]["comments"][0]["body"])
        for node in walk(document)
    }
    assert kinds == {"doc", "paragraph", "text", "hardBreak"}
    assert "marks" not in json.dumps(raw["description"])
    [issue] = issues(jira)
    assert issue["summary"] == hostile.replace("\n", " ")
    assert issue["description"].replace("\u2060", "") == hostile
    assert run(jira, summary=hostile, description=hostile, comments=[{"id": "1", "text": hostile}])["changed"] is False


def walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("content", []):
        yield from walk(child)


def test_long_texts_are_cut_and_stay_as_they_are(jira: Running) -> None:
    long: dict[str, Any] = {
        "summary": "s" * 300,
        "description": "[" * 40_000,
        "comments": [{"id": "1", "text": "c" * 40_000}],
    }
    run(jira, **long)
    assert issues(jira)[0]["summary"].endswith("…")
    assert run(jira, **long)["changed"] is False


def test_an_attachment_is_recognised_when_the_memory_is_lost(jira: Running) -> None:
    run(jira, attachments=FILES)
    call(jira, "DELETE", "issue/DEMO-1/properties/self_healing.incident")
    result = run(jira, attachments=FILES)
    assert result["changed"] is True
    assert len(issues(jira)[0]["attachments"]) == 1
    assert run(jira, attachments=FILES)["changed"] is False


def test_an_attachment_that_was_deleted_comes_back(jira: Running) -> None:
    number = run(jira, attachments=FILES)["attachments"][0]["id"]
    call(jira, "DELETE", f"attachment/{number}")
    again = run(jira, attachments=FILES)
    assert again["attachments"][0]["id"] != number
    assert [file["name"] for file in issues(jira)[0]["attachments"]] == [FILES[0]["name"]]


def test_a_new_version_of_a_file_is_attached_next_to_the_old_one(jira: Running) -> None:
    run(jira, attachments=FILES)
    newer = [*FILES, {**FILES[0], "content": FILES[0]["content"].replace("über", "unter")[:-1]}]
    run(jira, attachments=newer)
    assert len(issues(jira)[0]["attachments"]) == 2
    assert run(jira, attachments=newer)["changed"] is False


def test_an_attachment_that_does_not_read_back_is_no_attachment(jira: Running) -> None:
    jira.faults.add("jira", "status", method="GET", path="/attachment/content/", status=200, body="something else")
    with pytest.raises(AnswerError, match="does not read back as it was sent"):
        run(jira, attachments=FILES)
    result = run(jira, attachments=FILES)
    assert result["attachments"][0]["read_back"] is True
    assert len(issues(jira)[0]["attachments"]) == 1


def test_data_center_is_spoken_as_well(jira: Running) -> None:
    jira.tool.deployment = "Server"
    wanted: dict[str, Any] = {"jira_user": None, "comments": NOTES, "attachments": FILES, "status": "Done"}
    first = run(jira, **wanted)
    assert first["created"] is True
    assert run(jira, **wanted)["changed"] is False
    assert run(jira, **wanted, known_id=first["id"])["changed"] is False
    [issue] = issues(jira)
    assert (issue["status"], len(issue["comments"]), len(issue["attachments"])) == ("Done", 2, 1)
    assert jira.faults.count("jira", "POST", "/rest/api/2/search$") > 0
    assert jira.faults.count("jira", "POST", "/search/jql$") == 0
    with pytest.raises(AuthenticationError):
        run(jira, **{**wanted, "jira_token": "wrong"})


def test_runs_as_an_ordinary_module(jira: Running) -> None:
    given = arguments(jira, comments=NOTES, attachments=FILES, jira_token=None, jira_user=None, jira_url=None)
    python_path = os.pathsep.join(path for path in sys.path if path)
    settings = {"JIRA_URL": jira.url, "JIRA_USER": jira.settings.jira_user, "JIRA_TOKEN": jira.settings.jira_token}

    def main(**changes: str) -> dict[str, Any]:
        environment = {**os.environ, **settings, **changes, "PYTHONPATH": python_path}
        command = [sys.executable, jira_issue.__file__]
        text = json.dumps({"ANSIBLE_MODULE_ARGS": given})
        ended = subprocess.run(
            command, input=text, capture_output=True, text=True, env=environment, timeout=30, check=False
        )
        assert jira.settings.jira_token not in ended.stdout + ended.stderr
        result: dict[str, Any] = json.loads(ended.stdout)
        return {**result, "code": ended.returncode}

    assert (first := main())["changed"] is True
    assert first["attachments"][0]["read_back"] is True
    assert main()["changed"] is False
    failed = main(JIRA_TOKEN="wrong")
    assert (failed["code"], failed["error"]["kind"]) == (1, "authentication")
    assert len(issues(jira)) == 1
