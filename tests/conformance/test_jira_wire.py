# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Jira on the wire: refusals that a client must survive, and answers that follow Atlassian's OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import requests

from sandbox.jira import Jira
from support.jira_runs import FIELDS, Running, ask, long_text, run
from support.one_tool import start_tool
from support.tree import ROOT

SPEC = ROOT.parent / "shared" / "specs" / "jira-cloud-v3.pruned.json"


@pytest.fixture
def jira() -> Iterator[Running]:
    with start_tool(Jira) as running:
        yield running


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
        ("3", "issue", {"fields": {**FIELDS, "description": long_text("3", "")}}, 400, {"description"}),
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
    ("post", "/issue", "", {"fields": {**FIELDS, "description": long_text("3", "words")}}),
    ("get", ISSUE, "?properties=*all&expand=changelog,names", None),
    ("get", f"{ISSUE}/changelog", "", None),
    ("get", "/search/jql", "?jql=project%3DDEMO&fields=*all&maxResults=1", None),
    ("post", "/search/jql", "", {"jql": "project = DEMO"}),
    ("post", "/search/approximate-count", "", {"jql": "project = DEMO"}),
    ("get", f"{ISSUE}/transitions", "?expand=transitions.fields", None),
    ("get", f"{ISSUE}/comment", "", None),
    ("post", f"{ISSUE}/comment", "?expand=properties", {"body": long_text("3", "words")}),
    ("get", f"{ISSUE}/comment/{{id}}", "?expand=properties", None),
    ("put", f"{ISSUE}/comment/{{id}}", "", {"body": long_text("3", "more")}),
    ("post", "/comment/list", "?expand=properties", {"ids": "comment"}),
    ("get", "/comment/{commentId}/properties", "", None),
    ("get", "/comment/{commentId}/properties/{propertyKey}", "", None),
    ("get", "/attachment/meta", "", None),
    ("get", "/attachment/{id}", "", None),
    ("get", f"{ISSUE}/properties", "", None),
    ("get", f"{ISSUE}/properties/{{propertyKey}}", "", None),
    ("get", f"{ISSUE}/remotelink", "?globalId=self-healing:i7k3v5q2x4dmz", None),
    ("post", f"{ISSUE}/remotelink", "", {"object": {"url": "https://x.example", "title": "x"}}),
    ("get", f"{ISSUE}/watchers", "", None),
    ("get", "/issueLinkType", "", None),
]


@pytest.fixture(scope="module")
def busy() -> Iterator[tuple[Running, dict[str, str]]]:
    """A Jira with one issue that has everything, and the values of the parameters that lead to it."""
    with start_tool(Jira) as running:
        note, file = {"id": "1", "text": "asked"}, {"name": "t.md", "content": "x"}
        for marker in ("i7k3v5q2x4dmz", "iaaaaaaaaaaaa"):
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
