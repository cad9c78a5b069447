# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One issue, one comment, one attachment: whatever gets lost, and whoever does the same at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import jira_find, jira_keep
from ansible_collections.self_healing.devops.plugins.module_utils.errors import UnclearOutcomeError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, RequestsTransport, Response
from sandbox.jira import Jira
from support.jira_runs import FILES, LABEL, MARKER, NOTES, Running, call, issues, run, writes
from support.one_tool import start_tool

CREATE = "/issue$"


@pytest.fixture
def jira(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(jira_keep, "LOOK_PAUSES", (0.01, 0.02))
    with start_tool(Jira) as running:
        yield running


def fault(jira: Running, kind: str, path: str, method: str = "POST", **options: Any) -> None:
    jira.faults.add("jira", kind, method=method, path=path, **options)


def open_issues(jira: Running) -> list[str]:
    return [issue["key"] for issue in issues(jira) if issue["status_category"] != "done"]


def test_a_lost_answer_to_the_creation_makes_no_second_issue(jira: Running) -> None:
    jira.tool.index_lag = 0.7
    fault(jira, "drop_after", CREATE)
    result = run(jira, comments=NOTES)
    assert (result["id"], result["created"]) == ("DEMO-1", True)
    assert len(issues(jira)) == 1
    assert jira.faults.count("jira", "POST", CREATE) == 1
    assert jira.faults.count("jira", "POST", "/search/jql$") >= 3


@pytest.mark.parametrize("kind", ["status", "status_after", "drop"])
def test_a_server_error_makes_exactly_one_issue(jira: Running, kind: str) -> None:
    fault(jira, kind, CREATE, status=503)
    result = run(jira, consistency_wait=0)
    assert [issue["key"] for issue in issues(jira)] == [result["id"]]
    assert result["created"] is True
    assert run(jira, consistency_wait=0)["changed"] is False


def test_the_creation_is_repeated_only_after_the_search_had_its_time(jira: Running) -> None:
    fault(jira, "status", CREATE, status=502)
    started = time.monotonic()
    run(jira, consistency_wait=1)
    assert time.monotonic() - started >= 1
    posts = [path.rpartition("/")[2] for _tool, method, path in jira.faults.requests if method == "POST"]
    assert posts[:6] == ["jql", "issue", "jql", "jql", "jql", "issue"]
    assert len(issues(jira)) == 1


def test_a_creation_that_stays_unclear_is_told_and_left_to_the_next_run(jira: Running) -> None:
    fault(jira, "status", CREATE, status=503, times=2)
    with pytest.raises(UnclearOutcomeError, match=f"{LABEL} did not come up in 0 s. The next run looks again"):
        run(jira, consistency_wait=0)
    assert issues(jira) == []
    assert run(jira)["created"] is True


def test_nothing_is_created_again_while_nobody_can_look(jira: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jira_find, "pauses", lambda total: iter([0.01]))
    fault(jira, "drop_after", CREATE)
    run_search = "/search/jql$"
    # The search works before the creation, and never again.
    waiting = jira.faults.add("jira", "status", method="POST", path=run_search, status=400, times=0)

    class Watching(RequestsTransport):
        def send(self, request: Request, timeout: float) -> Response:
            if request.method == "POST" and request.url.endswith("/issue"):
                waiting.times = 100
            return super().send(request, timeout)

    with pytest.raises(UnclearOutcomeError, match="could not be looked for"):
        run(jira, transport=Watching())
    assert jira.faults.count("jira", "POST", CREATE) == 1
    waiting.times = 0
    assert run(jira)["id"] == "DEMO-1"
    assert len(issues(jira)) == 1


def test_too_many_requests_means_wait_and_repeat(jira: Running) -> None:
    fault(jira, "status", CREATE, status=429, headers={"Retry-After": "0.2", "RateLimit-Reason": "jira-burst-based"})
    started = time.monotonic()
    result = run(jira)
    assert time.monotonic() - started >= 0.2
    assert (result["id"], len(issues(jira))) == ("DEMO-1", 1)
    assert jira.faults.count("jira", "POST", CREATE) == 2


def test_many_writes_to_one_issue_respect_its_limit(jira: Running) -> None:
    jira.tool.issue_write_limit = (4, 0.5)
    notes = [{"id": str(number), "text": f"note {number}"} for number in range(6)]
    run(jira, comments=notes)
    assert [comment["text"] for comment in issues(jira)[0]["comments"]] == [note["text"] for note in notes]


@pytest.mark.parametrize("kind", ["drop_after", "status_after", "status"])
@pytest.mark.parametrize("path", ["/comment$", "/attachments$", "/transitions$", "/remotelink$"])
def test_every_other_write_happens_once_as_well(jira: Running, kind: str, path: str) -> None:
    wanted: dict[str, Any] = {"comments": NOTES, "attachments": FILES, "status": "Done"}
    fault(jira, kind, path, status=500)
    result = run(jira, **wanted)
    [issue] = issues(jira)
    assert [comment["text"] for comment in issue["comments"]] == [
        "2026-11-22 10:00:00 UTC: Ana Berg was asked",
        "[~ana] chose {code}rm -rf{code}",
    ]
    assert [file["id"] for file in issue["attachments"]] == [result["attachments"][0]["id"]]
    assert (issue["status"], len(issue["links"])) == ("Done", 1)
    assert run(jira, **wanted)["changed"] is False


def test_an_edit_that_collides_with_another_is_repeated(jira: Running) -> None:
    run(jira)
    fault(jira, "status", "/issue/DEMO-1$", "PUT", status=409)
    assert run(jira, summary="new")["changed"] is True
    assert issues(jira)[0]["summary"] == "new"


def test_a_step_that_somebody_else_took_at_the_same_moment_is_fine(jira: Running) -> None:
    run(jira)
    fault(jira, "status_after", "/transitions$", status=409)
    assert run(jira, status="Done")["status"] == "Done"
    steps = [entry["to"] for entry in issues(jira)[0]["history"] if entry["field"] == "status"]
    assert steps == ["In Progress", "Done"]


class Together(RequestsTransport):
    """Lets all runs find nothing before the first of them creates."""

    def __init__(self, barrier: threading.Barrier) -> None:
        super().__init__()
        self._barrier = barrier

    def send(self, request: Request, timeout: float) -> Response:
        if request.method == "POST" and request.url.endswith("/issue"):
            self._barrier.wait(20)
        return super().send(request, timeout)


def test_two_runs_at_the_same_moment_end_with_one_issue(jira: Running) -> None:
    wanted: dict[str, Any] = {"comments": NOTES, "attachments": FILES, "status": "In Progress"}
    barrier = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(run, jira, transport=Together(barrier), **wanted) for _run in range(2)]
        results = [future.result(30) for future in runs]
    # Whoever searched first may not have seen the other; the next run sees both and closes what is left.
    last = run(jira, **wanted)
    assert last["id"] == "DEMO-1"
    assert "DEMO-1" in {result["id"] for result in results}
    winner, loser = issues(jira)
    assert open_issues(jira) == ["DEMO-1"]
    assert (loser["status"], loser["resolution"]) == ("Done", "Duplicate")
    assert LABEL not in loser["labels"]
    assert [comment["text"] for comment in loser["comments"]].count(
        "DEMO-1 shows the same incident. This issue is closed as its duplicate."
    ) == 1
    assert (len(winner["comments"]), len(winner["attachments"]), winner["status"]) == (2, 1, "In Progress")
    assert run(jira, **wanted)["changed"] is False


def seed(jira: Running, summary: str) -> str:
    """Make an issue of the marker, as another controller would."""
    fields = {"project": {"key": "DEMO"}, "issuetype": {"name": "Incident"}, "summary": summary, "labels": [LABEL]}
    body = {"fields": fields, "properties": [{"key": "self_healing.incident", "value": {"incident": MARKER}}]}
    return str(call(jira, "POST", "issue", json=body)["key"])


def test_duplicates_of_another_controller_are_closed(jira: Running) -> None:
    keys = [seed(jira, f"copy {number}") for number in range(3)]
    result = run(jira, known_id=keys[1])
    assert (result["id"], result["duplicates"], result["created"]) == (keys[0], keys[1:], False)
    assert open_issues(jira) == keys[:1]
    for key in keys[1:]:
        fields = call(jira, "GET", f"issue/{key}")["fields"]
        assert fields["resolution"]["name"] == "Duplicate"
        [link] = fields["issuelinks"]
        assert (link["type"]["outward"], link["outwardIssue"]["key"]) == ("duplicates", keys[0])
    again = run(jira, known_id=keys[1])
    assert (again["changed"], again["id"], again["duplicates"]) == (False, keys[0], [])


def test_check_mode_only_tells_the_duplicates(jira: Running) -> None:
    keys = [seed(jira, f"copy {number}") for number in range(2)]
    count = len(writes(jira))
    result = run(jira, check_mode=True)
    assert (result["changed"], result["duplicates"]) == (True, keys[1:])
    assert len(writes(jira)) == count


def test_the_known_issue_is_found_without_its_label_and_gets_it_back(jira: Running) -> None:
    run(jira)
    call(jira, "PUT", "issue/DEMO-1", json={"update": {"labels": [{"remove": LABEL}]}})
    result = run(jira, known_id="DEMO-1")
    assert (result["id"], result["changed"]) == ("DEMO-1", True)
    assert LABEL in issues(jira)[0]["labels"]


def test_the_known_issue_is_found_although_the_search_does_not_know_it_yet(jira: Running) -> None:
    jira.tool.index_lag = 600
    first = run(jira)
    second = run(jira, known_id=first["id"])
    assert (second["id"], second["changed"], len(issues(jira))) == ("DEMO-1", False, 1)


def test_a_deleted_issue_is_made_again_and_told(jira: Running) -> None:
    run(jira)
    call(jira, "DELETE", "issue/DEMO-1")
    result = run(jira, known_id="DEMO-1")
    assert (result["id"], result["created"]) == ("DEMO-2", True)
    assert "DEMO-1 is gone or hidden" in result["warnings"][0]


def test_an_issue_of_somebody_else_is_not_touched(jira: Running) -> None:
    run(jira, marker="iaaaaaaaaaaaa")
    before = issues(jira)
    result = run(jira, known_id="DEMO-1")
    assert result["id"] == "DEMO-2"
    assert result["warnings"] == [f"DEMO-1 is not the issue of {MARKER} and is left alone"]
    assert issues(jira)[:1] == before
