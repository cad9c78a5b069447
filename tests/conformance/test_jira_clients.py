# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Jira speaks as the real one: the third-party client jira agrees with it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.jira import Jira
from support.jira_runs import FIELDS, LABEL, Running, long_text, run
from support.one_tool import start_tool

jira_client = pytest.importorskip("jira", reason="the package jira is not installed")

VERSIONS = pytest.mark.parametrize("version", ["2", "3", "latest"])


@pytest.fixture
def jira() -> Iterator[Running]:
    with start_tool(Jira) as running:
        yield running


def connect(jira: Running, version: str = "2", token: str | None = None) -> Any:
    return jira_client.JIRA(
        server=jira.url,
        options={"rest_api_version": version, "check_update": False},
        basic_auth=(jira.settings.jira_user, token or jira.settings.jira_token),
        max_retries=0,
    )


@VERSIONS
def test_client_creates_reads_and_edits(jira: Running, version: str) -> None:
    client = connect(jira, version)
    words = long_text(version, "It does not answer")
    made = client.create_issue(fields={**FIELDS, "description": words, "priority": {"name": "High"}})
    assert (made.key, made.id) == ("DEMO-1", "10001")
    read = client.issue("DEMO-1", fields="summary,description,status,priority,labels,reporter", expand="changelog")
    assert read.fields.summary == "shop is down"
    assert read.raw["fields"]["description"] == words
    assert (read.fields.status.name, read.fields.status.statusCategory.key) == ("To Do", "new")
    assert (read.fields.priority.name, read.fields.labels) == ("High", ["a", LABEL])
    assert read.fields.reporter.accountId == client.myself()["accountId"]
    read.update(summary="shop is up", labels=[{"add": "b"}, {"remove": "a"}])
    assert (read.fields.summary, sorted(read.fields.labels)) == ("shop is up", ["b", LABEL])
    changed = client.issue("DEMO-1", expand="changelog").changelog.histories[0]
    assert {item.field for item in changed.items} == {"summary", "labels"}


def test_client_creates_by_names_of_project_and_type(jira: Running) -> None:
    client = connect(jira)
    made = client.create_issue(project="DEMO", issuetype="Bug", summary="x")
    assert (made.fields.issuetype.name, made.fields.project.key) == ("Bug", "DEMO")
    [project] = client.createmeta("DEMO", expand="projects.issuetypes.fields")["projects"]
    assert [kind["name"] for kind in project["issuetypes"]] == ["Incident", "Bug", "Task"]
    fields = project["issuetypes"][0]["fields"]
    assert {name for name, field in fields.items() if field["required"]} == {"project", "issuetype", "summary"}


@VERSIONS
def test_client_searches(jira: Running, version: str) -> None:
    client = connect(jira, version)
    made = [client.create_issue(fields=FIELDS) for _number in range(3)]
    found = client.search_issues(f'project = DEMO AND labels = "{LABEL}" ORDER BY created ASC')
    assert [issue.key for issue in found] == [issue.key for issue in made]
    page = client.enhanced_search_issues("labels = a", maxResults=2, fields="summary", use_post=True)
    rest = client.enhanced_search_issues("labels = a", maxResults=2, fields="summary", nextPageToken=page.nextPageToken)
    assert {issue.key for issue in [*page, *rest]} == {"DEMO-1", "DEMO-2", "DEMO-3"}
    assert client.approximate_issue_count("labels = a") == 3
    assert client.search_issues("labels = nobody-has-this") == []


def test_client_sees_the_lag_of_the_search_and_reconciles_it(jira: Running) -> None:
    jira.tool.index_lag = 600
    client = connect(jira)
    made = client.create_issue(fields=FIELDS)
    assert client.search_issues(f"labels = {LABEL}") == []
    assert [i.key for i in client.enhanced_search_issues(f"labels = {LABEL}", reconcileIssues=[int(made.id)])] == [
        "DEMO-1"
    ]
    assert client.issue("DEMO-1").key == "DEMO-1"


def test_client_walks_the_workflow(jira: Running) -> None:
    client = connect(jira)
    issue = client.create_issue(fields=FIELDS)
    assert client.find_transitionid_by_name(issue, "Start work") == "11"
    client.transition_issue(issue, "Start work", comment="taking it")
    [resolve] = [step for step in client.transitions(issue, expand="transitions.fields") if step["name"] == "Resolve"]
    assert resolve["fields"]["resolution"]["required"] is True
    with pytest.raises(jira_client.JIRAError) as caught:
        client.transition_issue(issue, resolve["id"])
    assert "resolution" in caught.value.response.json()["errors"]
    client.transition_issue(issue, resolve["id"], fields={"resolution": {"name": "Done"}})
    done = client.issue(issue.key)
    assert (done.fields.status.name, done.fields.resolution.name) == ("Done", "Done")
    assert done.fields.resolutiondate is not None
    assert [comment.body for comment in done.fields.comment.comments] == ["taking it"]


@VERSIONS
def test_client_comments(jira: Running, version: str) -> None:
    client = connect(jira, version)
    issue = client.create_issue(fields=FIELDS)
    made = client.add_comment(issue, long_text(version, "first"), is_internal=True)
    client.add_comment(issue, long_text(version, "second"))
    made.update(body=long_text(version, "edited"))
    comments = client.comments(issue, expand="properties")
    assert [comment.raw["body"] for comment in comments] == [long_text(version, "edited"), long_text(version, "second")]
    assert comments[0].properties[0].key == "sd.public.comment"
    assert client.comment(issue, made.id).author.displayName == "Self-healing"
    made.delete()
    assert [comment.raw["body"] for comment in client.comments(issue, order_by="-created")] == [
        long_text(version, "second")
    ]


def test_client_attaches_and_reads_back(jira: Running, tmp_path: Path) -> None:
    client = connect(jira)
    issue = client.create_issue(fields=FIELDS)
    content = bytes(range(256)) * 40
    made = client.add_attachment(issue, io.BytesIO(content), filename="core dump.bin")
    file = tmp_path / "transcript.md"
    file.write_text("# Transcript\n")
    client.add_attachment(issue, str(file))
    assert (made.filename, made.size) == ("core dump.bin", len(content))
    # The client follows the redirect to the signed address by itself.
    assert client.attachment(made.id).get() == content
    attached = client.issue(issue.key).fields.attachment
    assert [(a.filename, a.mimeType) for a in attached][1] == ("transcript.md", "text/markdown")
    assert client.attachment_meta()["enabled"] is True
    client.delete_attachment(made.id)
    assert len(client.issue(issue.key).fields.attachment) == 1


def test_client_keeps_properties(jira: Running) -> None:
    client = connect(jira)
    issue = client.create_issue(fields=FIELDS)
    assert client.add_issue_property(issue, "self_healing.incident", {"v": 1}).status_code == 201
    assert client.add_issue_property(issue, "self_healing.incident", {"v": 2}).status_code == 200
    assert client.issue_property(issue, "self_healing.incident").value.v == 2
    assert [entry.key for entry in client.issue_properties(issue)] == ["self_healing.incident"]


@pytest.mark.filterwarnings("ignore:Unable to gather applicationlinks")
def test_client_links(jira: Running) -> None:
    client = connect(jira)
    first, second = client.create_issue(fields=FIELDS), client.create_issue(fields=FIELDS)
    target = {"url": "https://monitor.example/1", "title": "Problem 1"}
    made = client.add_remote_link(first.key, target, globalId="self-healing:1", relationship="caused by")
    again = client.add_remote_link(first.key, {**target, "title": "Problem 1a"}, globalId="self-healing:1")
    assert again.id == made.id
    [link] = client.remote_links(first)
    assert (link.globalId, link.object.title, hasattr(link, "relationship")) == ("self-healing:1", "Problem 1a", False)
    assert client.remote_link(first, made.id).object.url == target["url"]
    client.create_issue_link("Duplicate", second.key, first.key)
    [seen] = client.issue(second.key).fields.issuelinks
    assert (seen.type.outward, seen.outwardIssue.key) == ("duplicates", first.key)
    client.delete_issue_link(seen.id)
    assert client.issue(first.key).fields.issuelinks == []
    assert {kind.name for kind in client.issue_link_types()} == {"Blocks", "Duplicate", "Relates"}


def test_client_knows_people_and_configuration(jira: Running) -> None:
    client = connect(jira)
    assert client.server_info()["deploymentType"] == "Cloud"
    [ana] = client.search_users(query="ana@example.com")
    issue = client.create_issue(fields=FIELDS)
    client.assign_issue(issue, ana.emailAddress)
    client.add_watcher(issue, ana.emailAddress)
    assert client.issue(issue.key).fields.assignee.displayName == "Ana Berg"
    assert [person.displayName for person in client.watchers(issue).watchers] == ["Ana Berg"]
    assert [value.name for value in client.priorities()] == ["Highest", "High", "Medium", "Low", "Lowest"]
    assert "Duplicate" in [value.name for value in client.resolutions()]
    assert [value.name for value in client.statuses()] == ["To Do", "In Progress", "Done"]
    assert [project.key for project in client.projects()] == ["DEMO"]
    assert {kind.name for kind in client.issue_types_for_project("DEMO")} == {"Incident", "Bug", "Task"}


def test_client_reads_what_our_module_made(jira: Running) -> None:
    run(jira, comments=[{"id": "1", "text": "asked"}], attachments=[{"name": "t.md", "content": "x"}], status="Done")
    client = connect(jira)
    [issue] = client.search_issues(f"labels = {LABEL}")
    assert client.issue_property(issue.key, "self_healing.incident").value.incident == "i7k3v5q2x4dmz"
    [comment] = client.comments(issue, expand="properties")
    assert comment.properties[0].value.id == "1"
    assert [link.object.title for link in client.remote_links(issue.key)] == ["Problem P-2611001"]
    assert issue.fields.resolution.name == "Done"


def test_client_with_a_bad_token_is_nobody(jira: Running) -> None:
    connect(jira).create_issue(fields=FIELDS)
    nobody = connect(jira, token="wrong")
    assert nobody.search_issues("project = DEMO") == []
    for refused, status in (
        (lambda: nobody.issue("DEMO-1"), 404),
        (nobody.myself, 401),
        (lambda: nobody.create_issue(fields=FIELDS), 401),
    ):
        with pytest.raises(jira_client.JIRAError) as caught:
            refused()
        assert caught.value.status_code == status
    assert caught.value.response.headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"


def test_client_finds_the_old_search_removed_on_cloud_and_at_work_on_data_center(jira: Running) -> None:
    connect(jira).create_issue(fields=FIELDS)
    with pytest.raises(jira_client.JIRAError) as caught:
        connect(jira)._get_json("search", params={"jql": "project = DEMO"})
    assert caught.value.status_code == 410
    jira.tool.deployment = "Server"
    client = jira_client.JIRA(
        jira.url, token_auth=jira.settings.jira_token, options={"check_update": False}, max_retries=0
    )
    found = client.search_issues("project = DEMO", fields="summary,reporter")
    assert (found.total, found[0].fields.reporter.name) == (1, "self-healing")
    types = client.project_issue_types("DEMO")
    assert [kind.name for kind in types] == ["Incident", "Bug", "Task"]
    assert "labels" in {field.fieldId for field in client.project_issue_fields("DEMO", types[0].id)}
