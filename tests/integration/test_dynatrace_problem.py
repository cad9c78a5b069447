# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module dynatrace_problem against the emulated Dynatrace, over HTTP, and the role that calls it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils import problem as keeping
from ansible_collections.self_healing.devops.plugins.module_utils.clients import dynatrace as wire
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    UnclearOutcomeError,
    UnreachableError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Api, RequestsTransport
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry, Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.modules import dynatrace_problem
from sandbox.dynatrace import Dynatrace
from sandbox.dynatrace.notification import PAYLOAD
from support.one_tool import OneTool, start_tool
from support.tree import ROOT

Running = OneTool[Dynatrace]
COMMENTS = [
    {"id": "i7k3v5q2x4dmz-3", "text": "Asked Ana Berg", "at": "2026-11-22T10:00:00Z", "kind": "asked"},
    {
        "id": "i7k3v5q2x4dmz-5",
        "text": "Restarted {{ shop }} <b>& \u201cquoted\u201d\nin 3 s",
        "at": None,
        "kind": "fixed",
    },
]
IDS = ["i7k3v5q2x4dmz-3", "i7k3v5q2x4dmz-5"]


@pytest.fixture
def dynatrace() -> Iterator[Running]:
    with start_tool(Dynatrace) as running:
        yield running


@pytest.fixture
def pid(dynatrace: Running) -> str:
    """The id of an open problem."""
    return opened(dynatrace)


def opened(dynatrace: Running) -> str:
    entity = "PROCESS_GROUP_INSTANCE-5D1A000000000001"
    problem = dynatrace.call("open", title="Process unavailable", event_type="PGI_UNAVAILABLE", entity=entity)
    return str(problem["pid"])


def arguments(dynatrace: Running, pid: str, **changes: Any) -> dict[str, Any]:
    return {
        "dynatrace_url": dynatrace.url,
        "dynatrace_token": dynatrace.settings.dynatrace_token,
        "problem_id": pid,
        **changes,
    }


def run(dynatrace: Running, pid: str, check_mode: bool = False, **changes: Any) -> dict[str, Any]:
    checked = ArgumentSpecValidator(dynatrace_problem.SPEC.options).validate(arguments(dynatrace, pid, **changes))
    assert not checked.error_messages
    return dynatrace_problem.run(checked.validated_parameters, check_mode, RequestsTransport())


def shown(dynatrace: Running, pid: str) -> dict[str, Any]:
    return next(problem for problem in dynatrace.snapshot()["problems"] if problem["pid"] == pid)


def texts(dynatrace: Running, pid: str) -> list[str]:
    return [comment["text"] for comment in shown(dynatrace, pid)["comments"]]


def posts(dynatrace: Running) -> int:
    return dynatrace.faults.count("dynatrace", "POST", "/comments$")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Take the time out of the repetitions and return what would have been waited."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)

    def quick(**options: Any) -> Api:
        return Api(**{**options, "pause": waited.append})

    monkeypatch.setattr(wire, "Api", quick)
    return waited


def test_adds_the_comments_in_order(dynatrace: Running, pid: str) -> None:
    result = run(dynatrace, pid, comments=COMMENTS)
    known = shown(dynatrace, pid)
    assert result == {
        "changed": True,
        "id": pid,
        "display_id": known["display_id"],
        "title": "Process unavailable",
        "status": "open",
        "url": known["url"],
        "comments_added": IDS,
        "diff": {
            "before": {"status": "open", "comments": []},
            "after": {"status": "open", "comments": IDS},
        },
    }
    assert texts(dynatrace, pid) == [
        "Asked Ana Berg [i7k3v5q2x4dmz-3]",
        "Restarted {{ shop }} <b>& \u201cquoted\u201d\nin 3 s [i7k3v5q2x4dmz-5]",
    ]
    assert {comment["context"] for comment in known["comments"]} == {"self-healing"}


def test_second_run_changes_nothing(dynatrace: Running, pid: str) -> None:
    run(dynatrace, pid, comments=COMMENTS)
    second = run(dynatrace, pid, comments=COMMENTS)
    assert second["changed"] is False
    assert second["comments_added"] == []
    assert second["diff"]["before"] == second["diff"]["after"] == {"status": "open", "comments": IDS}
    assert posts(dynatrace) == 2


def test_only_what_is_missing_is_added(dynatrace: Running, pid: str) -> None:
    run(dynatrace, pid, comments=COMMENTS[:1])
    assert run(dynatrace, pid, comments=COMMENTS)["comments_added"] == IDS[1:]
    assert len(texts(dynatrace, pid)) == 2


def test_same_id_twice_is_one_comment(dynatrace: Running, pid: str) -> None:
    assert run(dynatrace, pid, comments=COMMENTS + COMMENTS)["comments_added"] == IDS


def test_own_comments_are_found_behind_many_others_on_all_pages(
    dynatrace: Running, pid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "PAGE_SIZE", 10)
    run(dynatrace, pid, comments=COMMENTS)
    many = [{"id": f"other-{number}", "text": "noise"} for number in range(25)]
    run(dynatrace, pid, comments=many)
    before = dynatrace.faults.count("dynatrace", "GET", "/comments$")
    result = run(dynatrace, pid, comments=[*COMMENTS, *many])
    assert result["changed"] is False
    assert dynatrace.faults.count("dynatrace", "GET", "/comments$") - before == 3
    assert len(texts(dynatrace, pid)) == 27


def test_comment_of_somebody_else_is_not_taken_for_ours(dynatrace: Running, pid: str) -> None:
    async def write() -> None:
        problem = dynatrace.tool.world.problems[pid]
        dynatrace.tool.world.comment(problem, "bo@example.com", "as in [i7k3v5q2x4dmz-3]", "")

    dynatrace.run(write())
    assert run(dynatrace, pid, comments=COMMENTS[:1])["comments_added"] == IDS[:1]
    assert len(texts(dynatrace, pid)) == 2


def test_long_comment_is_cut_and_found_again(dynatrace: Running, pid: str) -> None:
    long = [{"id": "i7k3v5q2x4dmz-9", "text": "x" * 10_000}]
    run(dynatrace, pid, comments=long)
    assert run(dynatrace, pid, comments=long)["changed"] is False
    [text] = texts(dynatrace, pid)
    assert len(text) == 4000
    assert text.endswith("x… [i7k3v5q2x4dmz-9]")


def test_problem_stays_open_unless_it_is_to_be_closed(dynatrace: Running, pid: str) -> None:
    run(dynatrace, pid, comments=COMMENTS)
    assert shown(dynatrace, pid)["status"] == "OPEN"
    closed = run(dynatrace, pid, comments=COMMENTS, closed=True, close_message="Rolled back")
    assert (closed["changed"], closed["status"], closed["comments_added"]) == (True, "closed", [])
    known = shown(dynatrace, pid)
    assert known["status"] == "CLOSED"
    assert (known["comments"][-1]["text"], known["comments"][-1]["context"]) == (
        "Rolled back",
        "dynatrace-problem-close",
    )
    again = run(dynatrace, pid, comments=COMMENTS, closed=True, close_message="Rolled back")
    assert again["changed"] is False
    assert len(texts(dynatrace, pid)) == 3


def test_comments_are_added_to_a_closed_problem_and_it_is_not_opened(dynatrace: Running, pid: str) -> None:
    dynatrace.call("resolve", pid=pid)
    result = run(dynatrace, pid, comments=COMMENTS)
    assert (result["status"], result["comments_added"]) == ("closed", IDS)
    assert shown(dynatrace, pid)["status"] == "CLOSED"


def test_check_mode_predicts_and_writes_nothing(dynatrace: Running, pid: str) -> None:
    predicted = run(dynatrace, pid, check_mode=True, comments=COMMENTS, closed=True)
    assert texts(dynatrace, pid) == []
    assert shown(dynatrace, pid)["status"] == "OPEN"
    assert predicted == run(dynatrace, pid, comments=COMMENTS, closed=True)
    assert run(dynatrace, pid, check_mode=True, comments=COMMENTS, closed=True)["changed"] is False


def test_lost_answer_leaves_one_comment(dynatrace: Running, pid: str) -> None:
    dynatrace.faults.add("dynatrace", "drop_after", method="POST", path="/comments$")
    assert run(dynatrace, pid, comments=COMMENTS)["comments_added"] == IDS
    assert len(texts(dynatrace, pid)) == 2
    assert posts(dynatrace) == 2


def test_error_after_the_write_leaves_one_comment(dynatrace: Running, pid: str) -> None:
    dynatrace.faults.add("dynatrace", "status_after", method="POST", path="/comments$", status=504)
    assert run(dynatrace, pid, comments=COMMENTS)["changed"] is True
    assert len(texts(dynatrace, pid)) == 2


def test_write_that_was_lost_is_told_and_made_by_the_next_run(dynatrace: Running, pid: str) -> None:
    dynatrace.faults.add("dynatrace", "drop", method="POST", path="/comments$")
    with pytest.raises(UnclearOutcomeError):
        run(dynatrace, pid, comments=COMMENTS)
    assert posts(dynatrace) == 1, "an unclear write is looked for, never repeated"
    assert run(dynatrace, pid, comments=COMMENTS)["comments_added"] == IDS
    assert len(texts(dynatrace, pid)) == 2


def test_lost_answer_of_the_close_is_looked_up(dynatrace: Running, pid: str) -> None:
    dynatrace.faults.add("dynatrace", "drop_after", method="POST", path="/close$")
    assert run(dynatrace, pid, closed=True)["status"] == "closed"
    assert len(texts(dynatrace, pid)) == 1


def test_two_runs_at_the_same_moment_leave_one_comment_each(dynatrace: Running, pid: str) -> None:
    results: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda: results.append(run(dynatrace, pid, comments=COMMENTS))) for _run in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == 2
    assert sorted(texts(dynatrace, pid)) == sorted(keeping.marked(comment) for comment in COMMENTS)


def test_doubles_of_another_run_are_removed(dynatrace: Running, pid: str) -> None:
    """Both runs saw nothing and wrote: the first comment stays."""

    async def other_run() -> None:
        problem = dynatrace.tool.world.problems[pid]
        written = dynatrace.tool.world.comment(problem, "other", keeping.marked(COMMENTS[0]), "self-healing")
        # Ours must not be of the same millisecond, in which the ids would decide.
        written.at -= 1

    real = keeping.missing

    def late(*arguments: Any) -> Any:
        found = real(*arguments)
        dynatrace.run(other_run())
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keeping, "missing", late)
        run(dynatrace, pid, comments=COMMENTS)
    assert [comment["author"] for comment in shown(dynatrace, pid)["comments"]] == ["other", "self-healing token"]


def test_busy_service_is_asked_again_after_the_pause_it_wants(
    dynatrace: Running, pid: str, no_pauses: list[float]
) -> None:
    dynatrace.faults.add(
        "dynatrace", "status", method="POST", path="/comments$", status=429, headers={"Retry-After": "3"}
    )
    dynatrace.faults.add("dynatrace", "status", method="GET", path="/comments$", status=429)
    assert run(dynatrace, pid, comments=COMMENTS)["comments_added"] == IDS
    assert len(texts(dynatrace, pid)) == 2
    assert no_pauses == [0.5, 3.0]


def test_read_is_repeated_after_an_error(dynatrace: Running, pid: str, no_pauses: list[float]) -> None:
    dynatrace.faults.add("dynatrace", "status", method="GET", path="/problems/", status=503, times=2)
    assert run(dynatrace, pid)["changed"] is False
    assert len(no_pauses) == 2


def test_wrong_token_is_told_without_the_token(dynatrace: Running, pid: str) -> None:
    with pytest.raises(AuthenticationError) as caught:
        run(dynatrace, pid, dynatrace_token="dt0c01.WRONG.s3cret")
    assert "401: Token Authentication failed" in caught.value.message
    assert "s3cret" not in json.dumps(caught.value.to_result())


def test_missing_scope_is_named(dynatrace: Running, pid: str) -> None:
    dynatrace.tool.tokens["dt0c01.READ"] = frozenset({"problems.read"})
    with pytest.raises(AuthenticationError, match=r"missing required scope. Use one of: problems.write"):
        run(dynatrace, pid, dynatrace_token="dt0c01.READ", comments=COMMENTS)
    assert run(dynatrace, pid, dynatrace_token="dt0c01.READ")["changed"] is False


def test_unknown_problem_is_told(dynatrace: Running) -> None:
    with pytest.raises(NotFoundError, match="Problem with id -1_1V2 does not exist"):
        run(dynatrace, "-1_1V2", comments=COMMENTS)


@pytest.mark.parametrize(
    "problem_id, message",
    [
        ("P-2611001", "the number that people see; give the full id"),
        ("../events", "holds characters that no problem id has"),
        ("", "holds characters"),
    ],
)
def test_wrong_problem_id_is_told_before_anything_is_asked(dynatrace: Running, problem_id: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run(dynatrace, problem_id)
    assert dynatrace.faults.requests == []


@pytest.mark.parametrize("identifier", ["", "a b", "[x]", "x" * 101])
def test_identifier_that_could_not_be_found_again_is_refused(dynatrace: Running, pid: str, identifier: str) -> None:
    with pytest.raises(ConfigurationError, match="an id must be a word"):
        run(dynatrace, pid, comments=[{"id": identifier, "text": "x"}])
    assert texts(dynatrace, pid) == []


def test_violated_constraint_is_in_the_message(dynatrace: Running, pid: str) -> None:
    with pytest.raises(ApiError, match=r"400: Constraints violated.; message: must not be null"):
        run(dynatrace, pid, closed=True, close_message=" ")


def test_page_of_a_proxy_is_no_answer(dynatrace: Running, pid: str) -> None:
    dynatrace.faults.add("dynatrace", "status", method="GET", path="/problems/", status=403, body="<h1>Proxy</h1>")
    with pytest.raises(AuthenticationError, match="answered 403: <h1>Proxy</h1>"):
        run(dynatrace, pid)


def test_service_that_is_down_is_told(no_pauses: list[float]) -> None:
    with start_tool(Dynatrace) as gone:
        pid = opened(gone)
    with pytest.raises(UnreachableError, match="Dynatrace: "):
        run(gone, pid)


@pytest.mark.parametrize(
    "url, api, web",
    [
        ("https://abc.live.dynatrace.com", "https://abc.live.dynatrace.com/api/v2/", "https://abc.live.dynatrace.com"),
        ("https://abc.live.dynatrace.com/", "https://abc.live.dynatrace.com/api/v2/", "https://abc.live.dynatrace.com"),
        (
            "https://abc.live.dynatrace.com/api/v2",
            "https://abc.live.dynatrace.com/api/v2/",
            "https://abc.live.dynatrace.com",
        ),
        (
            "https://dt.example.com:9999/e/1-2",
            "https://dt.example.com:9999/e/1-2/api/v2/",
            "https://dt.example.com:9999/e/1-2",
        ),
        (
            "https://abc.apps.dynatrace.com/platform/classic/environment-api/v2",
            "https://abc.apps.dynatrace.com/platform/classic/environment-api/v2/",
            "https://abc.apps.dynatrace.com",
        ),
    ],
)
def test_every_spelling_of_the_address_is_understood(url: str, api: str, web: str) -> None:
    client = wire.DynatraceClient(url, "t", RequestsTransport())
    assert client._api.base_url == api
    assert client.problem_url("-1_2V2") == f"{web}/#problems/problemdetails;pid=-1_2V2"
    scheme = "Bearer" if "/platform/" in api else "Api-Token"
    assert client._api.headers == {"Authorization": f"{scheme} t"}


def environment(dynatrace: Running) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / ".venv" / "collections"),
        "DYNATRACE_URL": dynatrace.url,
        "DYNATRACE_TOKEN": dynatrace.settings.dynatrace_token,
    }


def test_runs_as_a_module_of_its_own(dynatrace: Running, pid: str) -> None:
    given = {"ANSIBLE_MODULE_ARGS": {"problem_id": pid, "comments": COMMENTS}}
    name = "ansible_collections.self_healing.devops.plugins.modules.dynatrace_problem"
    ended = subprocess.run(
        [sys.executable, "-m", name],
        input=json.dumps(given),
        env=environment(dynatrace),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    result = json.loads(ended.stdout)
    assert ended.returncode == 0, result
    assert (result["changed"], result["comments_added"]) == (True, IDS)
    assert dynatrace.settings.dynatrace_token not in ended.stdout + ended.stderr


PLAY = """
- hosts: toolchain
  gather_facts: false
  tasks:
    - name: Read the incident
      self_healing.devops.incident_info:
        incident: "{{ id }}"
      register: read

    - name: Bring the tool up to date
      ansible.builtin.include_role:
        name: self_healing.devops.dynatrace
      vars:
        self_healing_incident: "{{ read.incident }}"
"""


def play(dynatrace: Running, folder: Path, incident: str, *options: str) -> str:
    """Run the role for an incident of the journal in C(folder) and return what was printed."""
    (folder / "play.yml").write_text(PLAY)
    (folder / "hosts.yml").write_text("toolchain: {hosts: {dynatrace: {ansible_connection: local}}}\n")
    ended = subprocess.run(
        ["ansible-playbook", "-i", "hosts.yml", "-e", f"id={incident}", *options, "play.yml"],
        cwd=folder,
        env={**environment(dynatrace), "SELF_HEALING_JOURNAL": str(folder / "journal.db")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    printed = ended.stdout + ended.stderr
    assert ended.returncode == 0, printed
    assert dynatrace.settings.dynatrace_token not in printed
    return printed


def outcome(printed: str) -> str:
    """Return what became of the role's own task: C(ok), C(changed) or C(skipping)."""
    found = re.search(r"^TASK \[.*Keep the Dynatrace problem .*\n(\w+): \[dynatrace\]", printed, re.MULTILINE)
    assert found, printed
    return found.group(1)


def test_role_shows_the_notes_and_remembers_it(dynatrace: Running, pid: str, tmp_path: Path) -> None:
    journal = Journal.open(str(tmp_path / "journal.db"))
    attack = "{{ lookup('pipe', 'touch " + str(tmp_path / "proof") + "') }}"
    incident = journal.record_problem(Problem("dynatrace", "default", pid, "P-2611001", "open", attack)).incident
    journal.change(incident, lambda _known: [Entry("noted", attack)])
    assert outcome(play(dynatrace, tmp_path, incident, "--check")) == "changed"
    assert texts(dynatrace, pid) == []
    assert outcome(play(dynatrace, tmp_path, incident)) == "changed"
    assert outcome(play(dynatrace, tmp_path, incident)) == "ok"
    tool = journal.read(incident).tools["dynatrace"]
    known = shown(dynatrace, pid)
    assert (tool.role, tool.id, tool.url, tool.state) == ("dynatrace", known["display_id"], known["url"], "shown")
    assert texts(dynatrace, pid) == [f"{attack} [{incident}-2]"]
    assert known["status"] == "OPEN"
    assert not (tmp_path / "proof").exists()


def test_role_leaves_incidents_of_others_alone(dynatrace: Running, pid: str, tmp_path: Path) -> None:
    journal = Journal.open(str(tmp_path / "journal.db"))
    other = journal.record_problem(Problem("keptn", "default", pid, "P-1", "open", "x")).incident
    assert outcome(play(dynatrace, tmp_path, other)) == "skipping"
    assert dynatrace.faults.requests == []
    assert journal.read(other).tools == {}


def test_readme_of_the_role_has_the_payload_that_the_sandbox_sends() -> None:
    assert f"\n```text\n{PAYLOAD}\n```\n" in (ROOT / "roles/dynatrace/README.md").read_text("utf-8")
