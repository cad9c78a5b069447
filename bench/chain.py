# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole tool chain with one rule more: a bare playbook, run by the same ansible-rulebook as ours."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar

import yaml

from demo.chain import Chain
from demo.errors import DemoError
from demo.inventory import TOOLS
from demo.java import find_java, packaged_java
from demo.layout import COLLECTION, Layout
from demo.processes import command_lines, descendants, tail
from demo.sandbox_client import State
from demo.scenarios.process_crash import ProcessCrash, free_port
from sandbox.settings import Watch

T = TypeVar("T")
#: Seconds that anything may take, and between two looks.
PATIENCE = 90.0
LOOK_EVERY = 0.25
OURS = COLLECTION / "extensions" / "eda" / "rulebooks" / "self_healing.yml"
#: Dynatrace takes a lost process for critical: that is healed at once. The same with less severity is asked about.
POLICY: Mapping[str, Any] = {
    "self_healing_ceiling": "act",
    "self_healing_autonomy": {"process_restart": {"critical": "act", "default": "ask"}},
    "self_healing_limits": {"attempts_per_hour": 10_000},
}
ASKED_ABOUT = {
    "title": "Process unavailable",
    "event_type": "PGI_UNAVAILABLE",
    "severity": "ERROR",
    "entity": Watch.entity,
}
#: One task that says when it ran.
BARE_PLAYBOOK = [
    {
        "name": "Bare",
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Say when this is",
                "ansible.builtin.debug": {"msg": "bare {{ bare_run }} at {{ now().timestamp() }}"},
            }
        ],
    }
]


def with_bare_run(rulebook: list[dict[str, Any]], port: int, playbook: Path) -> list[dict[str, Any]]:
    """Return the rulebook with a webhook on C(port) whose events run C(playbook)."""
    (ruleset,) = rulebook
    source = {"name": "Bare runs", "eda.builtin.webhook": {"host": "127.0.0.1", "port": port}}
    run = {"name": str(playbook), "copy_files": False, "extra_vars": {"bare_run": "{{ event.payload.bare }}"}}
    rule = {"name": "A bare run", "condition": "event.payload.bare is defined", "action": {"run_playbook": run}}
    return [{**ruleset, "sources": [*ruleset["sources"], source], "rules": [*ruleset["rules"], rule]}]


class BenchChain(Chain):
    """A chain in which some problems are asked about, others are healed at once, and bare runs can be had.

    Each measurement has a problem of its own, and ends when nothing runs any more. The results are seconds.
    """

    def __init__(self, layout: Layout) -> None:
        self._shop = ProcessCrash(layout.service)
        super().__init__(layout, self._shop, find_java(os.environ, packaged_java()), 0)
        self._bare_port = free_port()
        self._bare_runs = 0

    def bare(self) -> float:
        """Measure from the POST to the one task of a bare playbook."""
        self._bare_runs += 1
        expression = re.compile(rf"bare {self._bare_runs} at ([0-9.]+)")
        began = time.time()
        connection = HTTPConnection("127.0.0.1", self._bare_port, timeout=PATIENCE)
        connection.request("POST", "/bare", f'{{"bare": {self._bare_runs}}}', {"Content-Type": "application/json"})
        connection.getresponse().read()
        connection.close()
        said = self._until(lambda: expression.search(self.rulebook_log()), "the task of the bare playbook")
        self._rest()
        return float(said[1]) - began

    def ask(self) -> float:
        """Measure from the notification of a problem that is asked about to the moment when every tool shows it."""
        pid = str(self.sandbox.act("dynatrace", "open", **ASKED_ABOUT)["pid"])
        told = self._until(lambda: told_at(self._incident(pid)), "the question in every tool")
        self.sandbox.act("dynatrace", "resolve", pid=pid)
        self._end(pid)
        return told - self._notified(pid)

    def act(self) -> float:
        """Measure from the notification that the shop is gone to the moment when it answers again."""
        known = self._problems()
        self._shop.break_it()
        fresh = self._until(lambda: set(self._problems()) - set(known), "the notification")
        pid = fresh.pop()
        self._end(pid)
        # The shop writes this file when it answers.
        return self._shop.pid_file.stat().st_mtime - self._notified(pid)

    def _end(self, pid: str) -> None:
        self._until(lambda: (self._incident(pid) or {}).get("state") == "closed", "the end of the incident")
        self._rest()

    def _rest(self) -> None:
        """Return when no playbook runs and none is due, so that nothing disturbs what is measured next."""
        self._until(lambda: self.sandbox.state()["journal"]["unsettled"] == 0 and not self._at_work(), "rest")

    @staticmethod
    def _at_work() -> bool:
        return b"ansible-playbook" in command_lines(descendants(os.getpid()))

    def _problems(self) -> dict[str, State]:
        return {problem["pid"]: problem for problem in self.sandbox.state()["tools"]["dynatrace"]["problems"]}

    def _notified(self, pid: str) -> float:
        """Return when the problem was opened: Dynatrace posts in the same moment."""
        return seconds(self._problems()[pid]["opened_at"])

    def _incident(self, pid: str) -> State | None:
        return next((one for one in self.sandbox.state()["incidents"] if one["problem"]["id"] == pid), None)

    def _until(self, look: Callable[[], T | None], what: str) -> T:
        """Return what C(look) finds as soon as that is true. Raises DemoError."""
        deadline = time.monotonic() + PATIENCE
        while not (found := look()):
            self.require_alive()
            if time.monotonic() > deadline:
                log = self.layout.logs / "rulebook.log"
                raise DemoError(f"{what} did not come within {PATIENCE:.0f} s; last words of {log}:\n{tail(log, 40)}")
            time.sleep(LOOK_EVERY)
        return found

    def _start_rulebook(self) -> None:
        variables = self.layout.inventory / "group_vars" / "all" / "self_healing.yml"
        variables.write_text(yaml.safe_dump(dict(POLICY)), "utf-8")
        playbook, rulebook = self.layout.root / "bare.yml", self.layout.root / "bench.yml"
        playbook.write_text(yaml.safe_dump(BARE_PLAYBOOK, sort_keys=False), "utf-8")
        ours = with_bare_run(yaml.safe_load(OURS.read_text("utf-8")), self._bare_port, playbook)
        rulebook.write_text(yaml.safe_dump(ours, sort_keys=False), "utf-8")
        command = [
            *(str(Path(sys.executable).with_name("ansible-rulebook")), "--rulebook", str(rulebook)),
            *("-i", str(self.layout.inventory)),
            *("--vars", str(self.layout.variables)),
        ]
        self._start("rulebook", command)
        self._wait("rulebook", self._listens)


def told_at(incident: State | None) -> float | None:
    """Return when the last tool showed the incident for the first time, None while one does not show it."""
    first: dict[str, float] = {}
    for entry in incident["timeline"] if incident else ():
        if entry["kind"] in ("shown", "alerted"):
            first.setdefault(entry["data"]["tool"], seconds(entry["at"]))
    return max(first.values()) if set(first) >= set(TOOLS) else None


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
