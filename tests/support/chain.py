# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole tool chain around a service that is really killed: with an engine or without, whole or in part."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from demo.chain import Chain
from demo.heal import Heal
from demo.java import find_java, packaged_java
from demo.layout import Layout
from demo.progress import Progress
from demo.scenarios.process_crash import ProcessCrash

TESTS = Path(__file__).absolute().parents[1]
PATIENCE = 60.0


@dataclass(frozen=True)
class InstalledLayout(Layout):
    """A layout that uses a collection which was installed somewhere else."""

    installed: Path

    @property
    def collections(self) -> Path:
        return self.installed


class TestChain(Chain):
    """A chain that can run without an engine, without some tools, or with other variables of the policy.

    C(edit) may change the inventory (plain data) before anything is started, C(policy) are further variables of the
    policy, and C(sandbox) further options of the sandbox.
    """

    __test__ = False

    def __init__(
        self,
        layout: Layout,
        *,
        by_hand: bool = False,
        edit: Callable[[dict[str, Any]], None] | None = None,
        scenario: type[ProcessCrash] = ProcessCrash,
        policy: Mapping[str, Any] | None = None,
        sandbox: Sequence[str] = (),
    ) -> None:
        super().__init__(layout, scenario(layout.service), find_java(os.environ, packaged_java()), 0)
        self._by_hand = by_hand
        self._edit = edit
        self._policy = dict(policy or {})
        self._sandbox_options = list(sandbox)
        self.output = ""

    @property
    def journal(self) -> Journal:
        return Journal.open(str(self.layout.journal))

    def _start_rulebook(self) -> None:
        if self._edit is not None:
            hosts = self.layout.inventory / "hosts.yml"
            inventory = yaml.safe_load(hosts.read_text())
            self._edit(inventory)
            hosts.write_text(yaml.safe_dump(inventory))
        if self._policy:
            variables = self.layout.inventory / "group_vars" / "all" / "self_healing.yml"
            variables.write_text(yaml.safe_dump({**yaml.safe_load(variables.read_text()), **self._policy}))
        if self._by_hand:
            self._start("rulebook", [sys.executable, "-m", "support.intake", str(self._port)])
            self._wait("rulebook", self._listens)
        else:
            super()._start_rulebook()

    def _environment(self) -> dict[str, str]:
        environment = super()._environment()
        return {**environment, "PYTHONPATH": f"{environment['PYTHONPATH']}{os.pathsep}{TESTS}"}

    def _sandbox_command(self) -> list[str]:
        return [*super()._sandbox_command(), *self._sandbox_options]

    @property
    def webhook(self) -> str:
        """Where the monitoring system posts its notifications."""
        return f"http://127.0.0.1:{self._port}/dynatrace"

    @property
    def engine_pid(self) -> int:
        """The process of ansible-rulebook."""
        return next(program.pid for program in self._programs if program.name == "rulebook")

    def heal(self) -> str:
        """Kill the service, let the responder press the option, and return the incident once it is closed."""
        heal = Heal(self.scenario, self.sandbox, Progress(), "auto")
        heal.run(self.require_alive)
        assert heal.incident is not None
        return heal.incident

    def until(self, condition: Callable[[Incident], bool], what: str) -> Incident:
        """Return the newest incident as soon as the condition holds for it."""
        deadline = time.monotonic() + PATIENCE
        journal = self.journal
        while time.monotonic() < deadline:
            self.require_alive()
            ids = journal.list_incidents()
            incident = journal.read(ids[0]) if ids else None
            if incident is not None and condition(incident):
                return incident
            time.sleep(0.05)
        raise AssertionError(f"{what} did not come within {PATIENCE:.0f} s")

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts that responders have seen, newest first."""
        found: list[dict[str, Any]] = self.sandbox.state()["tools"]["xmatters"]["alerts"]
        return found

    def press(self, label: str) -> None:
        """Choose an option of the newest alert as the person who was alerted first."""
        alert = self.alerts()[0]
        number = next(option["number"] for option in alert["options"] if option["label"] == label)
        person = alert["recipients"][0]["key"]
        self.sandbox.act("xmatters", "respond", alert=alert["id"], person=person, option=number)


@contextmanager
def chain_in(folder: Path, installed: Path | None = None, **options: Any) -> Iterator[TestChain]:
    """Start a chain that keeps its files in C(folder), and stop it at the end of the block."""
    layout = InstalledLayout(folder, installed) if installed else Layout(folder)
    with layout.taken():
        layout.prepare()
        with TestChain(layout, **options) as chain:
            chain.start()
            yield chain
