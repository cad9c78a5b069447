# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keptn in the whole chain: its sequence waits for us, one heal answers it, and it is never left hanging."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from demo.scenarios.process_crash import ProcessCrash
from support.chain import TestChain, chain_in

PATIENCE = 60.0


class WatchedByKeptn(ProcessCrash):
    """The crash of a process that Dynatrace reports to us, and to Keptn, which asks us to remedy it."""

    tools: ClassVar[tuple[str, ...]] = ("keptn",)
    rulebook: ClassVar[str] = "self_healing.devops.self_healing_keptn"


def keptn(chain: TestChain) -> dict[str, Any]:
    shown: dict[str, Any] = chain.sandbox.state()["tools"]["keptn"]
    return shown


def answers(chain: TestChain) -> list[str]:
    """Return the answers to tasks, oldest first, each by its task and kind."""
    found = [event["type"] for event in keptn(chain)["events"] if event["source"] == "self-healing"]
    return [one.removeprefix("sh.keptn.event.") for one in reversed(found) if ".status." not in one]


def until(chain: TestChain, condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        chain.require_alive()
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE:.0f} s"
        time.sleep(0.1)
    return found


def test_one_heal_answers_dynatrace_and_keptn(tmp_path: Path) -> None:
    with chain_in(tmp_path / "keptn", scenario=WatchedByKeptn) as chain:
        chain.scenario.break_it()
        incident = chain.until(lambda one: one.state == "asked", "the question")
        pid = incident.problem["problem_id"]
        chain.sandbox.act("keptn", "problem", title="Process unavailable", pid=pid, root_cause="Process unavailable")
        until(chain, lambda: "action.started" in answers(chain), "the start of the task")
        assert chain.journal.list_incidents() == [incident.id], "Keptn's task joined the incident of Dynatrace"

        until(chain, chain.alerts, "the alert")
        chain.press("Restart process")
        until(chain, lambda: "action.finished" in answers(chain), "the end of the task")
        closed = chain.until(lambda one: one.state == "closed", "the end of the incident")
        until(chain, lambda: chain.journal.due.unsettled() == 0, "the end of all playbooks")
        assert answers(chain) == ["action.started", "action.finished"]
        assert [task["name"] for task in closed.tasks] == ["action"]
        assert "keptn" in closed.tools
        assert chain.scenario.healed() is None
