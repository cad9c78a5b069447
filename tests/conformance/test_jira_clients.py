# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Jira speaks as the real one: the third-party client jira and Atlassian's OpenAPI agree with it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from sandbox.jira import Jira
from support.jira_runs import LABEL, Running, run
from support.one_tool import start_tool
from support.tree import ROOT

jira_client = pytest.importorskip("jira", reason="the package jira is not installed")

SPEC = ROOT.parent / "shared" / "specs" / "jira-cloud-v3.pruned.json"
VERSIONS = pytest.mark.parametrize("version", ["2", "3", "latest"])
FIELDS = {
    "project": {"key": "DEMO"},
    "issuetype": {"name": "Incident"},
    "summary": "shop is down",
    "labels": ["a", LABEL],
}


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


def text(version: str, words: str) -> Any:
    """Return a long text as the version wants it."""
    if version == "2":
        return words
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


# -- the client jira ------------------------------------------------------------------------------------------------


@VERSIONS
def test_client_creates_reads_and_edits(jira: Running, version: str) -> None:
    client = connect(jira, version)
    words = text(version, "It does not answer")
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
    made = client.add_comment(issue, text(version, "first"), is_internal=True)
    client.add_comment(issue, text(version, "second"))
    made.update(body=text(version, "edited"))
    comments = client.comments(issue, expand="properties")
    assert [comment.raw["body"] for comment in comments] == [text(version, "edited"), text(version, "second")]
    assert comments[0].properties[0].key == "sd.public.comment"
    assert client.comment(issue, made.id).author.displayName == "Self-healing"
    made.delete()
    assert [comment.raw["body"] for comment in client.comments(issue, order_by="-created")] == [text(version, "second")]


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
    assert client.issue_property(issue.key, "self_healing.incident").value.incident == "i7k3v9q2x1dmz"
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


# -- refusals that a client must survive -----------------------------------------------------------------------------


def ask(jira: Running, method: str, path: str, **options: Any) -> requests.Response:
    credentials = (jira.settings.jira_user, jira.settings.jira_token)
    return requests.request(method, f"{jira.url}/rest/api/{path}", auth=credentials, timeout=10, **options)


@pytest.mark.parametrize(
    ("version", "path", "body", "status", "named"),
    [
        ("2", "issue", {"fields": {}}, 400, {"project", "issuetype", "summary"}),
        ("2", "issue", {"fields": {**FIELDS, "labels": ["a b"]}}, 400, {"labels"}),
        ("2", "issue", {"fields": {**FIELDS, "summary": "a\nb"}}, 400, {"summary"}),
        ("2", "issue", {"fields": {**FIELDS, "summary": "x" * 256}}, 400, {"summary"}),
        ("2", "issue", {"fields": {**FIELDS, "description": "x" * 32_768}}, 400, {"description"}),
        ("2", "issue", {"fields": {**FIELDS, "priority": {"name": "Sev1"}}}, 400, {"priority"}),
        ("2", "issue", {"fields": {**FIELDS, "customfield_1": 1}}, 400, {"customfield_1"}),
        ("2", "issue", {"fields": {**FIELDS, "resolution": {"name": "Done"}}}, 400, {"resolution"}),
        ("2", "issue", {"fields": FIELDS, "update": {"labels": [{"add": "b"}]}}, 400, {"labels"}),
        ("2", "issue", {"fields": {**FIELDS, "description": {"type": "doc"}}}, 400, {"description"}),
        ("3", "issue", {"fields": {**FIELDS, "description": "a string"}}, 400, {"description"}),
        ("3", "issue", {"fields": {**FIELDS, "description": text("3", "")}}, 400, {"description"}),
        ("2", "search/jql", {"jql": "project = DEMO", "startAt": 0}, 400, set()),
        ("2", "search/jql", {"jql": "project = DEMO", "fields": "summary"}, 400, set()),
        ("2", "search/jql", {"jql": "order by created"}, 400, set()),
        ("2", "search/jql", {"jql": "project = NOPE"}, 400, set()),
        ("2", "search/jql", {"jql": "labels ="}, 400, set()),
        ("2", "search/jql", {"jql": "nofield = 1"}, 400, set()),
        ("2", "search/jql", {"jql": "project = DEMO", "maxResults": 5001}, 400, set()),
        ("2", "search/jql", {"jql": "project = DEMO", "nextPageToken": "?"}, 400, set()),
        ("2", "search/jql", {"jql": "project = DEMO", "reconcileIssues": list(range(51))}, 400, set()),
        ("2", "issue/DEMO-1/transitions", {"transition": {"id": "99"}}, 400, set()),
        ("2", "issue/DEMO-1/transitions", {}, 400, set()),
        (
            "2",
            "issue/DEMO-1/transitions",
            {"transition": {"id": "11"}, "fields": {"resolution": {"name": "Done"}}},
            400,
            {"resolution"},
        ),
        ("2", "issue/DEMO-1/comment", {"body": ""}, 400, {"comment"}),
        ("2", "issue/DEMO-1/remotelink", {"object": {"url": "https://x.example"}}, 400, {"title"}),
        ("2", "issue/DEMO-9/comment", {"body": "x"}, 404, set()),
    ],
)
def test_refusals_have_jiras_envelope(
    jira: Running, version: str, path: str, body: Any, status: int, named: set[str]
) -> None:
    assert ask(jira, "POST", "2/issue", json={"fields": FIELDS}).status_code == 201
    answer = ask(jira, "POST", f"{version}/{path}", json=body)
    assert answer.status_code == status
    assert set(answer.json()["errors"]) == named
    assert named or answer.json()["errorMessages"]
    assert len(jira.snapshot()["issues"]) == 1


def test_what_stands_before_every_resource(jira: Running) -> None:
    assert ask(jira, "POST", "2/issue/", json={"fields": FIELDS}).status_code == 201
    for method, path, options, status in (
        ("GET", "2/nothing", {}, 404),
        ("POST", "2/myself", {}, 405),
        ("POST", "2/search/jql", {"data": "{}"}, 415),
    ):
        answer = ask(jira, method, path, **options)
        assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (
            status,
            "application/problem+json",
        )
        assert set(answer.json()) == {"type", "title", "status", "detail", "instance"}
    broken = ask(jira, "POST", "2/search/jql", data="{", headers={"Content-Type": "application/json"})
    assert broken.json()["errorMessages"] == ["There was an error parsing JSON. Check that your request body is valid."]
    file = {"file": ("a.txt", b"x")}
    assert (forged := ask(jira, "POST", "2/issue/DEMO-1/attachments", files=file)).status_code == 403
    assert forged.text == "XSRF check failed"
    assert ask(jira, "PUT", "2/issue/DEMO-1/properties/big", json="x" * 32_768).status_code == 400
    nobody = requests.get(f"{jira.url}/rest/api/2/myself", timeout=10)
    assert (nobody.status_code, nobody.headers["Content-Type"]) == (401, "text/html;charset=UTF-8")
    assert ask(jira, "GET", "2/search/jql?jql=project%3DDEMO").json()["issues"] == [{"id": "10001"}]


def test_content_leaves_by_a_signed_address_only(jira: Running) -> None:
    ask(jira, "POST", "2/issue", json={"fields": FIELDS})
    file = {"file": ("a.txt", b"words")}
    [made] = ask(
        jira, "POST", "2/issue/DEMO-1/attachments", files=file, headers={"X-Atlassian-Token": "no-check"}
    ).json()
    path = f"2/attachment/content/{made['id']}"
    sent = ask(jira, "GET", path, allow_redirects=False)
    assert sent.status_code == 303
    assert requests.get(sent.headers["Location"], timeout=10).content == b"words"
    assert requests.get(sent.headers["Location"][:-1], timeout=10).status_code == 403
    assert requests.get(f"{jira.url}/rest/api/{path}", timeout=10).status_code == 404
    assert ask(jira, "GET", f"{path}?redirect=false").content == b"words"


# -- Atlassian's OpenAPI ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    if not SPEC.is_file():
        pytest.skip(f"{SPEC.name} is not there")
    loaded: dict[str, Any] = nullable(json.loads(SPEC.read_text("utf-8")))
    return loaded


def nullable(node: Any) -> Any:
    """Return a schema of OpenAPI 3.0 with its "nullable" as JSON Schema says it."""
    if isinstance(node, list):
        return [nullable(child) for child in node]
    if not isinstance(node, dict):
        return node
    read = {key: nullable(child) for key, child in node.items()}
    return {"anyOf": [read, {"type": "null"}]} if read.get("nullable") is True else read


def check(spec: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    """Fail where the value does not follow the schema, and say where in one line."""
    errors = jsonschema.Draft7Validator({**schema, "components": spec["components"]}).iter_errors(known(value))
    wrong = jsonschema.exceptions.best_match(errors)
    if wrong is not None:
        pytest.fail(f"{wrong.json_path}: {wrong.message[:300]}", pytrace=False)


def known(value: Any) -> Any:
    """Return the value without members that are null: Jira writes them, and its specification leaves them out."""
    if isinstance(value, list):
        return [known(child) for child in value]
    if not isinstance(value, dict):
        return value
    return {key: known(child) for key, child in value.items() if child is not None}


def named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


ISSUE = "/issue/{issueIdOrKey}"
CALLS: list[tuple[str, str, str, Any]] = [
    ("get", "/serverInfo", "", None),
    ("get", "/myself", "", None),
    ("get", "/user/search", "?query=example.com", None),
    ("get", "/user/assignable/search", "?query=ana&project=DEMO", None),
    ("get", "/field", "", None),
    ("get", "/issuetype", "", None),
    ("get", "/priority", "", None),
    ("get", "/priority/search", "", None),
    ("get", "/resolution", "", None),
    ("get", "/status", "", None),
    ("get", "/project/search", "", None),
    ("get", "/project/{projectIdOrKey}", "", None),
    ("get", "/project/{projectIdOrKey}/statuses", "", None),
    ("get", "/issue/createmeta", "?projectKeys=DEMO&expand=projects.issuetypes.fields", None),
    ("get", "/issue/createmeta/{projectIdOrKey}/issuetypes", "", None),
    ("get", "/issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}", "", None),
    ("post", "/issue", "", {"fields": {**FIELDS, "description": text("3", "words")}}),
    ("get", ISSUE, "?properties=*all&expand=changelog,names", None),
    ("get", f"{ISSUE}/changelog", "", None),
    ("get", "/search/jql", "?jql=project%3DDEMO&fields=*all&maxResults=1", None),
    ("post", "/search/jql", "", {"jql": "project = DEMO"}),
    ("post", "/search/approximate-count", "", {"jql": "project = DEMO"}),
    ("get", f"{ISSUE}/transitions", "?expand=transitions.fields", None),
    ("get", f"{ISSUE}/comment", "", None),
    ("post", f"{ISSUE}/comment", "?expand=properties", {"body": text("3", "words")}),
    ("get", f"{ISSUE}/comment/{{id}}", "?expand=properties", None),
    ("put", f"{ISSUE}/comment/{{id}}", "", {"body": text("3", "more")}),
    ("post", "/comment/list", "?expand=properties", {"ids": "comment"}),
    ("get", "/comment/{commentId}/properties", "", None),
    ("get", "/comment/{commentId}/properties/{propertyKey}", "", None),
    ("get", "/attachment/meta", "", None),
    ("get", "/attachment/{id}", "", None),
    ("get", f"{ISSUE}/properties", "", None),
    ("get", f"{ISSUE}/properties/{{propertyKey}}", "", None),
    ("get", f"{ISSUE}/remotelink", "?globalId=self-healing:i7k3v9q2x1dmz", None),
    ("post", f"{ISSUE}/remotelink", "", {"object": {"url": "https://x.example", "title": "x"}}),
    ("get", f"{ISSUE}/watchers", "", None),
    ("get", "/issueLinkType", "", None),
]


@pytest.fixture(scope="module")
def busy() -> Iterator[tuple[Running, dict[str, str]]]:
    """A Jira with one issue that has everything, and the values of the parameters that lead to it."""
    with start_tool(Jira) as running:
        note, file = {"id": "1", "text": "asked"}, {"name": "t.md", "content": "x"}
        for marker in ("i7k3v9q2x1dmz", "iaaaaaaaaaaaa"):
            result = run(running, marker=marker, comments=[note], attachments=[file], status="Done")
        link = {"type": {"name": "Duplicate"}, "inwardIssue": {"key": "DEMO-2"}, "outwardIssue": {"key": "DEMO-1"}}
        assert ask(running, "POST", "3/issueLink", json=link).status_code == 201
        first = ask(running, "GET", "3/issue/DEMO-1").json()["fields"]
        values = {
            "issueIdOrKey": "DEMO-1",
            "projectIdOrKey": "DEMO",
            "issueTypeId": "10004",
            "commentId": first["comment"]["comments"][0]["id"],
            "attachment": first["attachment"][0]["id"],
            "propertyKey": "self_healing.incident",
        }
        assert result["id"] == "DEMO-2"
        yield running, values


@pytest.mark.parametrize(("method", "path", "query", "body"), CALLS, ids=lambda value: str(value)[:60])
def test_answers_follow_the_openapi(
    busy: tuple[Running, dict[str, str]], spec: dict[str, Any], method: str, path: str, query: str, body: Any
) -> None:
    jira, values = busy
    values = {**values, "id": values["attachment"] if path.startswith("/attachment") else values["commentId"]}
    if path.startswith("/comment/"):
        values["propertyKey"] = "self_healing.comment"
    if body == {"ids": "comment"}:
        body = {"ids": [int(values["commentId"])]}
    answer = ask(jira, method.upper(), f"3{path.format(**values)}{query}", json=body)
    responses = spec["paths"][f"/rest/api/3{path}"][method]["responses"]
    assert str(answer.status_code) in responses, answer.text
    assert answer.ok
    check(spec, responses[str(answer.status_code)]["content"]["application/json"]["schema"], answer.json())


def test_parts_of_an_issue_follow_the_openapi(busy: tuple[Running, dict[str, str]], spec: dict[str, Any]) -> None:
    fields = ask(busy[0], "GET", "3/issue/DEMO-1").json()["fields"]
    for name, schema in (
        ("status", named("StatusDetails")),
        ("priority", named("Priority")),
        ("resolution", named("Resolution")),
        ("issuetype", named("IssueTypeDetails")),
        ("project", named("ProjectDetails")),
        ("reporter", named("UserDetails")),
        ("comment", named("PageOfComments")),
        ("attachment", {"type": "array", "items": named("Attachment")}),
    ):
        assert fields[name], name
        check(spec, schema, fields[name])


def test_refusals_follow_the_openapi(busy: tuple[Running, dict[str, str]], spec: dict[str, Any]) -> None:
    check(spec, named("ErrorCollection"), ask(busy[0], "POST", "3/issue", json={"fields": {}}).json())
    check(spec, named("ErrorCollection"), ask(busy[0], "GET", "3/issue/NOPE-1").json())


def test_the_check_against_the_openapi_can_fail(spec: dict[str, Any]) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"\$\.id"):
        check(spec, named("IssueBean"), {"id": 1})
    with pytest.raises(pytest.fail.Exception, match="colour"):
        check(spec, named("CreatedIssue"), {"id": "1", "colour": "red"})
