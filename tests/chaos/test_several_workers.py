# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real ansible-rulebooks on one PostgreSQL journal: they share the work, and one carries on what the other had."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from demo.layout import Layout
from demo.processes import Program, Started, command_lines, descendants
from demo.scenarios.process_crash import free_port
from support.chain import TestChain
from support.postgres import Server

PROBLEMS = 5
#: Deliveries that each engine has at a time.
WINDOW = 2
#: Seconds that anything here may take. Fresh work is left to the engine that heard of it for ten of them.
PATIENCE = 150.0


class Workers(TestChain):
    """A chain with two engines. Only the first one is told by the monitoring system."""

    def __init__(self, layout: Layout, location: str) -> None:
        super().__init__(layout)
        self.location = location
        self.engines: dict[str, Program] = {}

    @property
    def journal(self) -> Journal:
        return Journal.open(self.location)

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "SELF_HEALING_JOURNAL": self.location}

    def _variables(self) -> dict[str, Any]:
        return {**yaml.safe_load(self.layout.variables.read_text()), "self_healing_window": WINDOW}

    def _start_rulebook(self) -> None:
        self.layout.variables.write_text(yaml.safe_dump(self._variables()))
        super()._start_rulebook()
        self.engines["first"] = next(program for program in self._programs if program.name == "rulebook")
        self.start_second()

    def start_second(self) -> None:
        port = free_port()
        variables = self.layout.root / "second.yml"
        variables.write_text(yaml.safe_dump({**self._variables(), "self_healing_port": port}))
        command = self._rulebook_command()
        command[command.index("--vars") + 1] = str(variables)
        first, self._port = self._port, port
        try:
            self.engines["second"] = self._start("second", command)
            self._wait("second", self._listens)
        finally:
            self._port = first

    def playbooks(self, engine: str) -> list[Started]:
        """Return the playbooks that an engine has running."""
        found = descendants(self.engines[engine].pid)
        return [one for one in found if b"ansible-playbook" in command_lines([one])]

    def kill(self, engine: str) -> None:
        """Kill an engine with everything that it runs, as the crash of a machine would."""
        running = descendants(self.engines[engine].pid)
        self._programs.remove(self.engines[engine])
        self.engines[engine].kill()
        for process in running:
            process.send(signal.SIGKILL)

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            self.require_alive()
            assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE:.0f} s"
            time.sleep(0.05)
        return found


@pytest.fixture
def workers(tmp_path: Path, postgres: Server) -> Iterator[Workers]:
    layout = Layout(tmp_path / "workers")
    with layout.taken():
        layout.prepare()
        with Workers(layout, postgres.database()) as chain:
            chain.start()
            yield chain


def test_two_workers_share_the_work_and_carry_on_what_a_lost_one_had(workers: Workers) -> None:
    journal = workers.journal
    for number in range(PROBLEMS):
        title = f"Something is wrong on host {number}"
        workers.sandbox.act("dynatrace", "open", title=title, entity=f"HOST-00000000000000{number:02}")
    workers.wait_for(lambda: len(journal.list_incidents()) == PROBLEMS, "every incident")
    workers.wait_for(lambda: workers.playbooks("first") and workers.playbooks("second"), "work for both engines")
    workers.kill("second")
    workers.wait_for(lambda: is_settled(journal), "the end of all work")
    assert shown(workers) == {"incidents": PROBLEMS, "tickets": PROBLEMS, "channels": PROBLEMS}
    for incident in journal.list_incidents():
        kinds = Counter(entry.kind for entry in journal.read(incident).timeline)
        assert (kinds["decided"], kinds["tool_failed"], kinds["escalated"]) == (1, 0, 0)

    workers.start_second()
    workers.scenario.break_it()
    workers.until(lambda one: one.state == "asked" and bool(workers.alerts()), "the alert")
    workers.press("Restart process")
    claimed = workers.until(lambda one: one.claim is not None, "the claim")
    assert claimed.claim is not None
    engine = workers.wait_for(lambda: engine_of(workers, claimed.claim["worker"]), "the engine of the run")
    workers.kill(engine)
    healed = workers.wait_for(lambda: next(iter(closed(journal, claimed.id)), None), "the end of the heal")
    kinds = Counter(entry.kind for entry in healed.timeline)
    assert (kinds["claimed"], kinds["fix_started"], kinds["verified"]) == (2, 1, 1)
    assert [entry.data["resumed"] for entry in healed.timeline if entry.kind == "claimed"] == [False, True]
    assert workers.scenario.healed() is None
    starts = re.findall(r"^shop \S+ listens", (workers.layout.service / "shop.log").read_text(), re.MULTILINE)
    assert len(starts) == 2, "once in the beginning, and once for the one decision"


def is_settled(journal: Journal) -> bool:
    figures = journal.due.figures()
    return (figures.waiting, figures.unsettled) == (0, 0)


def shown(workers: Workers) -> dict[str, int]:
    tools = workers.sandbox.state()["tools"]
    channels = [channel["name"] for channel in tools["slack"]["channels"] if channel["name"].startswith("dyna-")]
    headers = [
        message for channel in tools["slack"]["channels"] for message in channel["messages"] if message["is_header"]
    ]
    assert len(headers) == len(set(channels))
    return {
        "incidents": len(workers.journal.list_incidents()),
        "tickets": len(tools["jira"]["issues"]),
        "channels": len(channels),
    }


def engine_of(workers: Workers, worker: str) -> str | None:
    """Return the engine that runs the playbook with this name."""
    pid = int(worker.split(":")[1])
    names = (name for name, engine in workers.engines.items() if any(one.pid == pid for one in descendants(engine.pid)))
    return next(names, None)


def closed(journal: Journal, incident: str) -> list[Any]:
    found = journal.read(incident)
    return [found] if found.state == "closed" and is_settled(journal) else []
