# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page's server over HTTP: files, state, stream, actions, faults, and whom it refuses."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.page_story import ALERT, asked, incident, quiet
from support.page_tools import PageThread, XMattersStandIn, start_page

ACTION = f"/api/tools/{XMattersStandIn.name}/respond"
ANSWER = {"alert": ALERT, "person": "ana", "option": 1}


@pytest.fixture
def page() -> Iterator[PageThread]:
    with start_page() as running:
        running.show([incident()], **asked())
        yield running


def post(page: PageThread, path: str, body: Any = None, **headers: str) -> requests.Response:
    sent = {"Content-Type": "application/json", **headers}
    return requests.post(page.page.url + path, data=json.dumps(body or {}), headers=sent, timeout=10)


class Stream:
    """Reads the states of C(/api/events) one by one."""

    def __init__(self, url: str) -> None:
        self.response = requests.get(f"{url}/api/events", stream=True, timeout=10)
        self._lines = self.response.iter_lines()

    def next(self) -> dict[str, Any]:
        for line in self._lines:
            if line.startswith(b"data: "):
                state: dict[str, Any] = json.loads(line[6:])
                return state
        raise AssertionError("the stream ended")

    def until(self, condition: Any) -> dict[str, Any]:
        state = self.next()
        while not condition(state):
            state = self.next()
        return state


def test_files_are_served_with_a_strict_policy(page: PageThread) -> None:
    for path, kind in (("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")):
        answer = requests.get(page.page.url + path, timeout=10)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(kind)
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/page_server.py", "/..%2fpage_server.py", "/../page_server.py", "/page%2fpage.js", "/x"]
)
def test_nothing_else_is_served(page: PageThread, path: str) -> None:
    with requests.Session() as session:
        request = requests.Request("GET", page.page.url).prepare()
        request.url = page.page.url + path  # as it is, without the client tidying it up
        assert session.send(request, timeout=10).status_code == 404


def test_the_state_has_every_tool_the_incidents_and_the_addresses(page: PageThread) -> None:
    state = requests.get(f"{page.page.url}/api/state", timeout=10).json()
    assert set(state["tools"]) == {"dynatrace", "xmatters", "jira", "slack"}
    assert state["tools"]["jira"]["issues"][0]["key"] == "DEMO-1"
    assert [one["id"] for one in state["incidents"]] == [incident()["id"]]
    assert state["addresses"]["page"] == page.page.url
    assert state["addresses"]["jira"] == page.tools["jira"].url
    assert state["journal"] == {"followed": False, "unsettled": 0, "problem": None}


def test_an_action_reaches_the_tool_and_the_stream(page: PageThread) -> None:
    stream = Stream(page.page.url)
    assert stream.next()["tools"]["xmatters"]["alerts"][0]["responses"] == []
    assert post(page, ACTION, ANSWER).json() == {"ok": True}
    state = stream.until(lambda state: state["tools"]["xmatters"]["alerts"][0]["responses"])
    assert state["tools"]["xmatters"]["alerts"][0]["responses"][0]["who"] == "Ana Berg"
    assert state["revision"] == page.page.hub.revision


def test_a_burst_of_changes_ends_in_the_last_state(page: PageThread) -> None:
    stream = Stream(page.page.url)
    for number in range(50):
        states = quiet()
        states["dynatrace"]["watches"][0]["probes"] = number
        page.show(**states)
    seen = []
    while not seen or seen[-1] != 49:
        seen.append(stream.next()["tools"]["dynatrace"]["watches"][0]["probes"])
    assert seen == sorted(seen)


def test_text_that_looks_like_the_stream_s_own_lines_stays_text(page: PageThread) -> None:
    text = "one\n\nevent: state\ndata: {}\r\rdata: two\u2028three"
    states = asked()
    states["jira"]["issues"][0]["summary"] = text
    page.show(**states)
    state = Stream(page.page.url).next()
    assert state["tools"]["jira"]["issues"][0]["summary"] == text


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/api/tools/xmatters/explode", {}, 404, "no such tool or action"),
        ("/api/tools/nobody/respond", {}, 404, "no such tool or action"),
        (ACTION, {"alert": "unknown", "person": "ana", "option": 1}, 400, "'unknown' is missing or unknown"),
        (ACTION, {"alert": ALERT}, 400, "'person' is missing or unknown"),
        (ACTION, ["a", "list"], 400, "must be a JSON object"),
    ],
)
def test_a_wrong_action_says_what_is_wrong(page: PageThread, path: str, body: Any, status: int, reason: str) -> None:
    answer = post(page, path, body)
    assert answer.status_code == status
    assert reason in answer.json()["error"]
    assert page.tools["xmatters"].state["alerts"][0]["responses"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://127.0.0.1:1", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:80"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
    ids=str,
)
def test_other_web_pages_cannot_press(page: PageThread, headers: dict[str, str], status: int) -> None:
    for path, body in ((ACTION, ANSWER), ("/api/faults", {"tool": "jira", "kind": "drop"})):
        answer = post(page, path, body, **headers)
        assert answer.status_code == status
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert page.tools["xmatters"].done == []
    assert page.faults.waiting == []


def test_a_foreign_name_for_this_machine_cannot_read(page: PageThread) -> None:
    for path in ("/api/state", "/api/events", "/"):
        answer = requests.get(page.page.url + path, headers={"Host": "rebound.example"}, timeout=10)
        assert answer.status_code == 403


def test_the_page_itself_and_programs_may_press(page: PageThread) -> None:
    port = page.page.url.rpartition(":")[2]
    own = {"Origin": page.page.url, "Sec-Fetch-Site": "same-origin"}
    assert post(page, ACTION, ANSWER, **own).json() == {"ok": True}
    forwarded = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}
    assert post(page, ACTION, ANSWER, **forwarded).json() == {"ok": False, "error": "Somebody else was faster"}


def test_faults_are_switched_on_and_off(page: PageThread) -> None:
    fault = {"tool": "jira", "kind": "status", "method": "POST", "path": "/issue$", "status": 429, "times": 2}
    waiting = post(page, "/api/faults", fault).json()["waiting"]
    assert [{**one, **fault} for one in waiting] == waiting
    assert page.faults.waiting[0].status == 429
    assert post(page, "/api/faults", {"clear": True}).json() == {"waiting": []}
    assert page.faults.waiting == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "drop"}, "tool must be one of"),
        ({"tool": "jira", "kind": "explode"}, "kind must be one of"),
        ({"tool": "jira", "kind": "drop", "colour": "red"}, "colour is not a property"),
        ({"tool": "jira", "kind": "drop", "times": "3"}, "times has the wrong type"),
        ({"tool": "jira", "kind": "drop", "times": True}, "times has the wrong type"),
        ({"tool": "jira", "kind": "status", "status": 42}, "status must be an HTTP status"),
        ({"tool": "jira", "kind": "drop", "path": "("}, "path is not a regular expression"),
    ],
)
def test_a_wrong_fault_says_what_is_wrong(page: PageThread, fault: dict[str, Any], reason: str) -> None:
    answer = post(page, "/api/faults", fault)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert page.faults.waiting == []


def crash(number: int, status: Any = "open") -> Problem:
    return Problem(
        source="dynatrace",
        tenant="demo",
        problem_id=f"-{number}V2",
        display_id=f"P-{number}",
        status=status,
        title=f"Process unavailable {number}",
        kind="process_crash",
        severity="critical",
        service="shop",
        url=None,
        entities=(),
        root_cause=None,
        tags=(),
        opened_at=None,
        resolved_at=None,
    )


def test_incidents_come_from_the_journal_as_others_write_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with start_page(str(path)) as page:
        page.show(**quiet())
        stream = Stream(page.page.url)
        assert stream.next()["incidents"] == []
        assert not path.exists(), "looking must not make a journal"
        journal = Journal.open(str(path))
        first = journal.record_problem(crash(1)).incident
        state = stream.until(lambda state: state["incidents"])
        assert [one["id"] for one in state["incidents"]] == [first]
        assert state["incidents"][0]["title"] == "Process unavailable 1"
        second = journal.record_problem(crash(2)).incident
        state = stream.until(lambda state: len(state["incidents"]) == 2)
        assert {one["id"] for one in state["incidents"]} == {first, second}
        journal.record_problem(crash(1, "resolved"))
        stream.until(lambda state: "resolved" in [one["problem"]["status"] for one in state["incidents"]])
        journal.close()


def test_a_journal_that_cannot_be_read_is_said_and_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database" * 100)
    with start_page(str(path)) as page:
        page.show(**quiet())
        stream = Stream(page.page.url)
        state = stream.until(lambda state: state["journal"]["problem"])
        assert state["journal"]["problem"].startswith("The journal cannot be read:")
        path.unlink()
        journal = Journal.open(str(path))
        journal.record_problem(crash(1))
        state = stream.until(lambda state: state["incidents"])
        assert state["journal"]["problem"] is None
        journal.close()
        assert sqlite3.connect(path).execute("select count(*) from incidents").fetchone() == (1,)
