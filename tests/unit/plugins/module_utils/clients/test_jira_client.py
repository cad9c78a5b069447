# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Jira client against answers that are hard to get: other products, broken bodies, other servers."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira import JiraClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira_errors import explain
from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira_values import Attachment
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    UnclearOutcomeError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, Response

SITE = "https://jira.example/tracker"
TOKEN = "s3cret-t0ken"
MARK = "self_healing.comment"
CLOUD = {"deploymentType": "Cloud"}
SERVER = {"deploymentType": "Server"}
FAILED = {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}


class Script:
    """A transport that answers from a list and remembers what it was sent."""

    def __init__(self, *answers: tuple[int, Any] | tuple[int, Any, Mapping[str, str]]) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []

    def send(self, request: Request, timeout: float) -> Response:
        self.sent.append(request)
        status, body, *headers = self.answers.pop(0)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(status, headers[0] if headers else {}, raw)

    def paths(self) -> list[str]:
        return [f"{request.method} {request.url.removeprefix(SITE)}" for request in self.sent]


def client(*answers: Any, user: str | None = "me@example.com", **options: Any) -> tuple[JiraClient, Script]:
    script = Script(*answers)
    params = {"jira_url": SITE, "jira_user": user, "jira_token": TOKEN, "timeout": 5, **options}
    return JiraClient.connect(params, script, memory_property="m", comment_property=MARK), script


def raw_issue(**more: Any) -> dict[str, Any]:
    status = {"name": "Open", "statusCategory": {"key": "new"}}
    return {"id": "7", "key": "OPS-7", "fields": {"summary": "s", "status": status}, **more}


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ("me@example.com", "Basic " + base64.b64encode(f"me@example.com:{TOKEN}".encode()).decode()),
        (None, f"Bearer {TOKEN}"),
        ("", f"Bearer {TOKEN}"),
    ],
)
def test_the_user_decides_how_the_token_is_sent(user: str | None, header: str) -> None:
    jira, script = client((200, {"accountId": "1"}), user=user)
    assert jira.whoami() == "1"
    assert script.sent[0].headers["Authorization"] == header
    assert script.sent[0].url == f"{SITE}/rest/api/2/myself"


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_credentials_are_told_with_the_mend_and_without_the_secret(status: int) -> None:
    page = f"<html>{TOKEN}</html>".encode()
    jira, _script = client((status, page, {"content-type": "text/html"}))
    with pytest.raises(AuthenticationError, match="jira_user and jira_token") as caught:
        jira.whoami()
    assert TOKEN not in str(caught.value.to_result())


def test_a_captcha_is_told() -> None:
    headers = {"x-authentication-denied-reason": "CAPTCHA_CHALLENGE; login-url=https://jira.example/login"}
    jira, _script = client((403, {}, headers))
    with pytest.raises(AuthenticationError, match="log in with a browser once"):
        jira.whoami()


def test_a_login_page_is_no_account() -> None:
    jira, _script = client((200, b"<html>please log in</html>"))
    with pytest.raises(AnswerError, match="not JSON"):
        jira.whoami()
    jira, _script = client((200, []))
    with pytest.raises(AnswerError, match="is jira_url the address of Jira"):
        jira.whoami()


def test_people_open_issues_on_the_site_and_not_on_the_gateway() -> None:
    assert client()[0].browse_url("OPS-1") == f"{SITE}/browse/OPS-1"
    gateway = "https://api.atlassian.com/ex/jira/11223344-a1b2"
    jira, _script = client((200, {**CLOUD, "baseUrl": "https://company.atlassian.net"}), jira_url=gateway)
    assert jira.browse_url("OPS-1") == "https://company.atlassian.net/browse/OPS-1"


def test_an_empty_search_of_nobody_is_no_result() -> None:
    jira, _script = client((200, CLOUD), (200, {"issues": [], "isLast": True}, FAILED))
    with pytest.raises(AuthenticationError, match="no longer accepts"):
        jira.search("labels = x")


def test_an_issue_hidden_from_nobody_is_not_missing() -> None:
    missing = {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}
    jira, _script = client((404, missing, FAILED), (404, missing))
    with pytest.raises(AuthenticationError):
        jira.issue("OPS-1")
    assert jira.issue("OPS-1") is None


@pytest.mark.parametrize(("product", "path"), [(CLOUD, "search/jql"), (SERVER, "search")])
def test_each_product_has_its_search(product: dict[str, str], path: str) -> None:
    jira, script = client((200, product), (200, {"issues": [{"id": "7"}]}))
    assert jira.search("labels = x", fresh=[9]) == ["7"]
    assert script.paths()[1] == f"POST /rest/api/2/{path}"
    body = json.loads(script.sent[1].body or b"")
    assert body.get("reconcileIssues") == ([9] if product is CLOUD else None)
    assert "startAt" not in body


def test_a_property_that_is_not_shown_with_the_issue_is_read() -> None:
    jira, script = client((200, raw_issue()), (200, {"key": "m", "value": {"incident": "i1"}}))
    issue = jira.issue("OPS-7")
    assert issue is not None
    assert issue.memory == {"incident": "i1"}
    assert script.paths()[1] == "GET /rest/api/2/issue/OPS-7/properties/m"


def test_fields_that_are_missing_count_as_empty() -> None:
    jira, _script = client((200, raw_issue(properties={"m": "odd"})))
    issue = jira.issue("OPS-7")
    assert issue is not None
    assert (issue.description, issue.priority, issue.labels, issue.memory) == ("", None, (), {})


@pytest.mark.parametrize(("status", "body"), [(201, b"<html>"), (201, {}), (200, []), (201, b"")])
def test_a_creation_whose_answer_cannot_be_read_is_unclear(status: int, body: Any) -> None:
    jira, _script = client((status, body))
    with pytest.raises(UnclearOutcomeError):
        jira.create({"summary": "x"}, {})


@pytest.mark.parametrize(("status", "body"), [(500, b"<html>"), (503, {}), (504, b"")])
def test_a_server_error_after_a_write_is_unclear_and_never_repeated(status: int, body: Any) -> None:
    jira, script = client((status, body))
    with pytest.raises(UnclearOutcomeError):
        jira.comment("OPS-1", "text", {"id": "1"})
    assert len(script.sent) == 1


def test_marks_of_comments_are_read_separately_where_cloud_does_not_list_them() -> None:
    listed = {"startAt": 0, "total": 2, "comments": [{"id": "1", "body": "a"}, {"id": "2", "body": "b"}]}
    values = [{"id": "2", "properties": [{"key": MARK, "value": {"id": "x"}}]}, {"id": "1", "properties": []}]
    jira, script = client((200, listed), (200, CLOUD), (200, {"values": values}))
    assert [(comment.id, comment.mark) for comment in jira.comments("OPS-1")] == [("1", None), ("2", {"id": "x"})]
    assert script.paths()[2] == "POST /rest/api/2/comment/list?expand=properties"
    assert json.loads(script.sent[2].body or b"") == {"ids": [1, 2]}


def test_marks_of_comments_are_read_one_by_one_where_data_center_does_not_list_them() -> None:
    listed = {"startAt": 0, "total": 2, "comments": [{"id": "1"}, {"id": "2"}]}
    mark = {"key": MARK, "value": {"id": "x"}}
    jira, script = client((200, listed), (200, SERVER), (404, {}), (200, mark))
    assert [comment.mark for comment in jira.comments("OPS-1")] == [None, {"id": "x"}]
    assert script.paths()[3] == f"GET /rest/api/2/comment/2/properties/{MARK}"


def test_all_pages_of_comments_are_read() -> None:
    pages = [{"total": 3, "comments": [{"id": str(n), "properties": []} for n in numbers]} for numbers in ([1, 2], [3])]
    jira, script = client(*((200, page) for page in pages))
    assert [comment.id for comment in jira.comments("OPS-1")] == ["1", "2", "3"]
    assert "startAt=2" in script.sent[1].url


FILE = Attachment("5", "a b.txt", 3)


def test_content_is_asked_for_without_a_redirect_on_cloud() -> None:
    jira, script = client((200, CLOUD), (200, b"abc"))
    assert jira.download(FILE) == b"abc"
    assert script.paths()[1] == "GET /rest/api/2/attachment/content/5?redirect=false"


def test_content_has_its_own_place_on_data_center() -> None:
    jira, script = client((200, SERVER), (200, b"abc"))
    assert jira.download(FILE) == b"abc"
    assert script.paths()[1] == "GET /secure/attachment/5/a%20b.txt"


def test_a_redirect_is_followed_on_the_same_server_only() -> None:
    here, there = {"location": "https://jira.example/media/5"}, {"location": "https://elsewhere.example/media/5"}
    jira, _script = client((200, CLOUD), (303, b"", here), (200, b"abc"))
    assert jira.download(FILE) == b"abc"
    jira, script = client((200, CLOUD), (303, b"", there))
    with pytest.raises(AnswerError, match="another server"):
        jira.download(FILE)
    assert len(script.sent) == 2


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        ({"errorMessages": ["No."], "errors": {"b": "bad", "a": "odd"}}, {}, ("No.; b: bad; a: odd", "a,b")),
        ({"errorMessages": ["No."]}, {}, ("No.", None)),
        ({"title": "Not Found", "status": 404, "detail": "No endpoint."}, {}, ("No endpoint.", None)),
        ({"message": "broken", "status-code": 500, "stack-trace": ""}, {}, ("broken", None)),
        ({"errorMessage": "sd", "i18nErrorMessage": {}}, {}, ("sd", None)),
        (b"<html><body>down</body></html>", {"content-type": "text/html;charset=UTF-8"}, ("", None)),
        (b"XSRF check failed", {"content-type": "text/plain"}, ("XSRF check failed", None)),
        ({"errorMessages": "odd", "errors": []}, {}, ("", None)),
        ({}, FAILED, ("", "credentials")),
    ],
)
def test_every_shape_of_error_is_understood(body: Any, headers: dict[str, str], said: tuple[str, str | None]) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert explain(Response(400, headers, raw)) == said


def test_a_refusal_names_the_fields_and_no_secret() -> None:
    jira, _script = client((400, {"errorMessages": [], "errors": {"priority": f"not {TOKEN}"}}))
    with pytest.raises(ApiError) as caught:
        jira.create({"summary": "x"}, {})
    assert caught.value.code == "priority"
    assert TOKEN not in caught.value.message
