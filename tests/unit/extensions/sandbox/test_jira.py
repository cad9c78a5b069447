# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the emulated Jira that clients hardly reach: its query language, its mark-up, and what people see and do."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from sandbox.jira import Jira
from sandbox.jira.catalogue import DONE, ISSUE_TYPES, PRIORITIES, RESOLUTIONS
from sandbox.jira.jql import JqlError, parse
from sandbox.jira.rich_text import DocumentError, from_document, from_wiki
from sandbox.jira.store import Issue, Store
from sandbox.settings import Settings
from support.jira_runs import Running, call, run
from support.one_tool import start_tool


@pytest.fixture
def jira() -> Iterator[Running]:
    with start_tool(Jira) as running:
        yield running


# -- JQL -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shelf() -> list[Issue]:
    store = Store(Settings())
    first, second, third = (store.create(kind, f"issue {kind.name}", store.service) for kind in ISSUE_TYPES)
    first.labels, second.labels = ["a", "b"], ['with "quotes"', "c"]
    second.priority = PRIORITIES[0]
    third.status, third.resolution = DONE, RESOLUTIONS[0]
    third.description = from_wiki("disk *full*", cloud=True)
    return [first, second, third]


@pytest.mark.parametrize(
    ("jql", "found"),
    [
        ("project = DEMO order by key", [1, 2, 3]),
        ("project = demo ORDER BY created DESC", [3, 2, 1]),
        ("labels = a", [1]),
        ("labels in (a, c) ORDER BY key ASC", [1, 2]),
        ("labels not in (a) order by key", [2, 3]),
        ('labels = "with \\"quotes\\""', [2]),
        ("labels is EMPTY", [3]),
        ("labels is not empty order by key", [1, 2]),
        ("status = Done", [3]),
        ("status != Done order by key", [1, 2]),
        ("statusCategory = 'To Do' order by key", [1, 2]),
        ("resolution = Unresolved order by key", [1, 2]),
        ("type = Bug or type = Task order by key", [2, 3]),
        ("project = DEMO and (labels = a or labels = c) and not priority = Highest", [1]),
        ("key = demo-2", [2]),
        ("id in (10001, 10003) order by key", [1, 3]),
        ("summary ~ incident", [1]),
        ('text ~ "full disk"', [3]),
        ("created >= 2020-01-01 order by priority, key", [1, 3, 2]),
        ("created < '2020-01-01 10:00'", []),
    ],
)
def test_jql_finds(shelf: list[Issue], jql: str, found: list[int]) -> None:
    query = parse(jql, ["DEMO", "10000"])
    assert [issue.number for issue in query.ordered([issue for issue in shelf if query.fits(issue)])] == found


@pytest.mark.parametrize(
    ("jql", "said"),
    [
        ("project = OPS", "The value 'OPS' does not exist for the field 'project'."),
        ("status = Waiting", "The value 'Waiting' does not exist for the field 'status'."),
        ("colour = red", "Field 'colour' does not exist"),
        ("labels ~ a", "The operator '~' is not supported by the 'labels' field."),
        ("labels =", "Expecting more before the end"),
        ("labels = a b", "Expecting either 'OR' or 'AND' but got 'b'"),
        ("(labels = a", r"Expecting '\)'"),
        ("labels is red", "'is' is followed by EMPTY"),
        ("project = DEMO order by labels", "Not able to sort"),
        ('labels = "open', "cannot be read"),
    ],
)
def test_jql_that_means_nothing_is_refused(jql: str, said: str) -> None:
    with pytest.raises(JqlError, match=said):
        parse(jql, ["DEMO"])


# -- mark-up ---------------------------------------------------------------------------------------------------------


def kinds(text: str) -> list[str]:
    """Return what each inline node is: a link counts as C(link)."""
    document = from_wiki(text, cloud=True).document
    nodes: list[dict[str, Any]] = [node for paragraph in document["content"] for node in paragraph["content"]]
    return ["link" if "marks" in node else node["type"] for node in nodes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", ["text"]),
        ("[~ana] hello", ["mention", "text"]),
        ("[~accountid:712020:1]", ["mention"]),
        ("[here|https://x.example] and https://y.example", ["link", "text", "link"]),
        ("{code}x{code}", ["inlineExtension", "text", "inlineExtension"]),
        ("!a.png!", ["mediaInline"]),
        (r"\[~ana\] \{code\} \!a.png!", ["text"]),
        ("a\nb", ["text", "hardBreak", "text"]),
        ("mailto:a@b.example", ["link"]),
    ],
)
def test_wiki_mark_up_is_active_unless_escaped(text: str, expected: list[str]) -> None:
    assert kinds(text) == expected


def test_cloud_gives_wiki_text_back_tidied_and_data_center_as_it_was() -> None:
    text = "a  \r\n\n\n\nb\n"
    assert from_wiki(text, cloud=True).wiki == "a\n\nb"
    assert from_wiki(text, cloud=False).wiki == text


@pytest.mark.parametrize(
    "document",
    [
        "a string",
        {"type": "doc", "version": 2, "content": []},
        {"type": "doc", "version": 1},
        {"type": "doc", "version": 1, "content": [{"type": "text", "text": "x"}]},
        {"type": "doc", "version": 1, "content": [{"type": "codeBlock", "content": [{"type": "hardBreak"}]}]},
        {"type": "doc", "version": 1, "content": [{}]},
    ],
)
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(DocumentError):
        from_document(document)


def test_a_document_is_shown_as_text_to_older_clients() -> None:
    item = {"type": "listItem", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "one"}]}]}
    heading = {"type": "heading", "attrs": {"level": 1}, "content": [{"type": "text", "text": "Big"}]}
    document = {"type": "doc", "version": 1, "content": [heading, {"type": "bulletList", "content": [item, item]}]}
    assert from_document(document).wiki == "Big\n\n- one\n- one"


# -- people ----------------------------------------------------------------------------------------------------------


def test_people_comment_under_their_own_name(jira: Running) -> None:
    run(jira)
    said = jira.call("comment", issue="demo-1", person="bo", text="I take *it*")
    assert said["ok"] is True
    [comment] = jira.snapshot()["issues"][0]["comments"]
    assert (comment["id"], comment["author"], comment["text"]) == (said["id"], "Bo Lind", "I take *it*")
    assert call(jira, "GET", "issue/DEMO-1/comment")["comments"][0]["author"]["emailAddress"] == "bo@example.com"


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"issue": "DEMO-9", "person": "ana", "text": "x"}, "issue"),
        ({"issue": "DEMO-1", "person": "eve", "text": "x"}, "person"),
        ({"issue": "DEMO-1", "person": "ana", "text": " "}, "text"),
        ({}, "issue"),
    ],
)
def test_a_comment_that_makes_no_sense_is_told(jira: Running, asked: dict[str, str], wrong: str) -> None:
    run(jira)
    answer = jira.call("comment", **asked)
    assert answer["ok"] is False
    assert answer["error"].startswith(f"{wrong}:")


def test_the_page_of_an_issue_shows_hostile_text_as_text(jira: Running) -> None:
    evil = "<script>alert(1)</script>"
    run(
        jira,
        summary=evil,
        description=evil,
        comments=[{"id": "1", "text": evil}],
        attachments=[{"name": "a.html", "content": evil}],
    )
    shown = jira.snapshot()["issues"][0]
    page = requests.get(shown["url"], timeout=10)
    assert "<script>" not in page.text
    assert page.text.count("&lt;script&gt;") == 4
    file = requests.get(shown["attachments"][0]["url"], timeout=10)
    assert file.text == evil
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert requests.get(f"{jira.url}/browse/DEMO-9", timeout=10).status_code == 404


def test_the_snapshot_holds_no_secret(jira: Running) -> None:
    run(jira)
    assert jira.settings.jira_token not in str(jira.snapshot())


# -- webhooks --------------------------------------------------------------------------------------------------------


class Receiver:
    """A web server that keeps what is posted, and answers the statuses in C(answers) before it answers 200."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.came: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jira"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def bodies(self, count: int) -> list[dict[str, Any]]:
        """Return what was posted, as soon as it was C(count) times."""
        deadline = time.monotonic() + 10
        while len(self.came) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.came) == count
        return [json.loads(body) for _headers, body in self.came]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver(jira: Running) -> Iterator[Receiver]:
    opened = Receiver()
    jira.settings.jira_webhook = opened.url
    yield opened
    opened.close()


def test_the_signature_is_that_of_the_documentation() -> None:
    """The test vector of Atlassian's page about webhooks."""
    wanted = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    assert hmac.new(b"It's a Secret to Everybody", b"Hello World!", hashlib.sha256).hexdigest() == wanted


def test_comments_and_transitions_are_posted_signed(jira: Running, receiver: Receiver) -> None:
    made = run(jira, marker="i7k3v5q2x4dmz")
    [created] = receiver.bodies(1)
    assert (created["webhookEvent"], created["issue"]["key"]) == ("jira:issue_created", made["id"])
    assert jira.call("comment", issue=made["id"], person="ana", text="Restart process")["ok"]
    said = receiver.bodies(2)[1]
    assert (said["webhookEvent"], said["comment"]["body"]) == ("comment_created", "Restart process")
    assert said["comment"]["author"]["displayName"] == "Ana Berg"
    assert said["issue"]["key"] == made["id"]
    assert jira.call("transition", issue=made["id"], person="bo", status="In Progress")["ok"]
    moved = receiver.bodies(3)[2]
    [item] = moved["changelog"]["items"]
    assert (moved["webhookEvent"], item["field"], item["toString"]) == ("jira:issue_updated", "status", "In Progress")
    assert moved["user"]["accountId"].startswith("712020:")
    for headers, body in receiver.came:
        digest = hmac.new(jira.settings.jira_webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature"] == f"sha256={digest}"
    assert len({headers["x-atlassian-webhook-identifier"] for headers, _body in receiver.came}) == 3


def test_a_webhook_that_failed_is_posted_again_under_the_same_identifier(jira: Running, receiver: Receiver) -> None:
    jira.tool.webhooks.pause = 0.01
    receiver.answers = [503, 429]
    run(jira, marker="i7k3v5q2x4dmz")
    assert len({json.dumps(body) for body in receiver.bodies(3)}) == 1
    assert [headers.get("x-atlassian-webhook-retry") for headers, _body in receiver.came] == [None, "1", "2"]
    assert len({headers["x-atlassian-webhook-identifier"] for headers, _body in receiver.came}) == 1


def test_people_move_issues_along_the_workflow(jira: Running) -> None:
    made = run(jira, marker="i7k3v5q2x4dmz")
    assert not jira.call("transition", issue=made["id"], person="ana", status="Done")["ok"]
    for status in ("In Progress", "Done"):
        assert jira.call("transition", issue=made["id"], person="ana", status=status)["ok"]
    [issue] = jira.snapshot()["issues"]
    assert (issue["status"], issue["resolution"]) == ("Done", "Done")
