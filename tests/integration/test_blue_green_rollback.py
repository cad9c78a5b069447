# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The remedy blue_green_rollback, run by ansible-playbook: an emulated Keptn rolls back, and a small service answers.

One playbook does it all, because starting one takes longer than all that it does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.keptn import Installation, translate
from sandbox.keptn import Keptn
from support.one_tool import OneTool, start_tool
from support.playbook import LOCAL, PlaybookRun, run_playbook

ROLE = "self_healing.devops.blue_green_rollback"
INCIDENT = {"self_healing_incident": {"id": "i7k3v5q2x4dmz", "attempt": 1}}


class Release:
    """The release in production. It is bad until Keptn has rolled it back."""

    def __init__(self, keptn: OneTool[Keptn]) -> None:
        self._keptn = keptn
        self.asked: list[int] = []

    def status(self) -> int:
        stored = [event.type for event in list(self._keptn.tool.stored)]
        self.asked.append(200 if "sh.keptn.event.rollback.finished" in stored else 503)
        return self.asked[-1]


@contextmanager
def serving(release: Release) -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(release.status())
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/health"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@dataclass
class Night:
    """What there was after the playbook."""

    run: PlaybookRun
    release: Release
    events: list[Any]

    def of(self, type_: str) -> list[Any]:
        return [event for event in self.events if event.type == f"sh.keptn.event.{type_}"]


def include(tasks_from: str = "main", **variables: Any) -> dict[str, Any]:
    role = {"name": ROLE, "tasks_from": tasks_from}
    return {"name": "The remedy", "ansible.builtin.include_role": role, "vars": variables}


def refused(task: dict[str, Any], name: str) -> dict[str, Any]:
    said = {"name": name, "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}
    return {"name": "It fails", "block": [task], "rescue": [said]}


def waiting(keptn: OneTool[Keptn]) -> dict[str, Any]:
    """Return an incident for which a sequence of Keptn waits."""
    context = keptn.call("problem", title="Response time degradation", service="orders")["context"]
    task = {"project": "shop", "stage": "production", "service": "orders", "context": context}
    return {"self_healing_incident": {"id": "i222222222222", "attempt": 1, "tasks": [task]}}


@pytest.fixture(scope="module")
def night() -> Iterator[Night]:
    with start_tool(Keptn) as keptn:
        keptn.tool.services.tasks.add("rollback")
        release = Release(keptn)
        with serving(release) as probe:
            story = [
                # A run that was lost is carried on: the same attempt rolls back once.
                include(),
                include("fix", **INCIDENT),
                include("fix", **INCIDENT),
                # Now it is healthy, and is left alone.
                include(),
                refused(include("undo", **INCIDENT), "No way forward"),
                include("undo", blue_green_rollback_forward_sequence="delivery", **INCIDENT),
                refused(include("fix", blue_green_rollback_sequence="unknown"), "No such sequence"),
                refused(include("fix", blue_green_rollback_service="orders", **waiting(keptn)), "Keptn waits"),
            ]
            settings = {
                "project": "shop",
                "stage": "production",
                "service": "carts",
                "probe_url": probe,
                "keptn_url": keptn.url,
                "timeout_seconds": 20,
                "probe_count": 2,
            }
            host = {f"blue_green_rollback_{name}": value for name, value in settings.items()}
            done = run_playbook(
                [{"hosts": "carts-01", "gather_facts": False, "tasks": story}],
                {"carts-01": {**LOCAL, **host}, "localhost": LOCAL},
                environment={"KEPTN_TOKEN": keptn.settings.keptn_token},
            )
            assert done.returncode == 0, done.output
            yield Night(done, release, list(keptn.tool.stored))


def test_a_bad_release_is_rolled_back_and_a_good_one_is_left_alone(night: Night) -> None:
    # One by hand and one for the attempt, of which the second run found the sequence of the first.
    assert len(night.of("production.rollback.triggered")) == 2
    started = [done.changed for done in night.run.of("carts-01", "Start the sequence")]
    assert started == [True, True, False, True, True]
    # The first run asked before and twice after the rollback, the last one found it healthy, and proved it.
    assert night.release.asked == [503, 200, 200, 200, 200, 200]


def test_the_attempt_is_known_by_a_label_that_makes_its_tasks_no_news(night: Night) -> None:
    [ours] = [e for e in night.of("rollback.triggered") if e.data["labels"]["self-healing"] == "i7k3v5q2x4dmz-1"]
    attributes = {"type": ours.type, "id": ours.id, "source": ours.source, "shkeptncontext": ours.context}
    meaning = translate(attributes, ours.data, Installation())
    assert meaning.problem is not None
    assert meaning.problem.marks == ("i7k3v5q2x4dmz",)


def test_undo_rolls_forward_or_says_why_not(night: Night) -> None:
    [said] = night.run.of("carts-01", "No way forward")
    assert said.result["msg"].startswith(
        "the rollback of carts in shop/production stays: set blue_green_rollback_forward"
    )
    [forward] = night.of("production.delivery.triggered")
    assert forward.data["labels"]["self-healing"] == "i7k3v5q2x4dmz-1-undo"


def test_a_sequence_that_keptn_does_not_know_is_a_failure(night: Night) -> None:
    [said] = night.run.of("carts-01", "No such sequence")
    assert "Keptn's sequence unknown for carts in shop/production ended with the status errored" in said.result["msg"]


def test_a_sequence_that_waits_for_this_run_is_not_waited_for(night: Night) -> None:
    [said] = night.run.of("carts-01", "Keptn waits")
    assert said.result["msg"].startswith("Keptn's own sequence for orders in shop/production waits for this run")
    assert [e for e in night.of("production.rollback.triggered") if e.data["service"] == "orders"] == []
