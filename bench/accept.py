# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accepted events per second: our source, which commits before it answers, against a webhook that keeps nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from demo.errors import DemoError
from demo.layout import Layout

from .engine import Contestant, Engine, dynatrace, webhook
from .figures import Figures, ratio, table

ROOT = Path(__file__).absolute().parents[1]
GOAL = 1.0
NOTE = """\
Both have one rule that matches and does nothing. Nobody settles our deliveries: when a window of them is handed out,
the rest waits in the journal, while the rule of the webhook runs for every event before the next one is taken.
Every accepted problem was found in the journal after the engine had ended."""


@dataclass(frozen=True)
class Size:
    """How much is measured. Each run ends after so many events or seconds, whichever comes first."""

    rounds: int = 3
    events: int = 6000
    seconds: float = 4.0
    connections: int = 32


@dataclass(frozen=True)
class Run:
    """One run of the client against one engine. C(accepted) are events that were answered 200."""

    accepted: int
    per_second: float
    p99_ms: float


class Race:
    """Engines that are measured in turns, each by a client in a process of its own."""

    def __init__(self, layout: Layout, size: Size) -> None:
        self._layout = layout
        self._size = size
        self._runs = 0

    def start(self, stack: ExitStack, name: str, contestant: Contestant) -> Engine:
        engine = Engine(self._layout, name, contestant)
        stack.callback(engine.stop)
        return engine

    def run(self, engine: Engine, *, same: bool) -> Run:
        """Let the client post. Raises DemoError when anything but an acceptance comes back."""
        self._runs += 1
        said = self._client(engine, same)
        engine.require_running()
        accepted = said["statuses"].get("200", 0)
        if said["broken"] or len(said["statuses"]) != 1 or not accepted:
            raise DemoError(f"{engine.contestant.source} did not accept everything: {said}")
        return Run(accepted, accepted / said["seconds"], said["p99_ms"])

    def _client(self, engine: Engine, same: bool) -> dict[str, Any]:
        size = self._size
        command = [
            *(sys.executable, "-m", "bench.load", "--port", str(engine.port), "--path", engine.contestant.path),
            *("--run", str(self._runs), "--events", str(size.events), "--seconds", str(size.seconds)),
            *("--connections", str(size.connections), *(["--same"] if same else [])),
        ]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'extensions'}"}
        environment["BENCH_TOKEN"] = engine.contestant.token or ""
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise DemoError(f"the client failed:\n{done.stderr}")
        result: dict[str, Any] = json.loads(done.stdout)
        return result


def compare(layout: Layout, size: Size, *, closed: bool) -> list[list[str]]:
    """Measure both sources in turns and return the rows of the table. Raises DemoError."""
    door = "bearer token" if closed else "no authentication"
    race = Race(layout, size)
    with ExitStack() as stack:
        names = ("webhook", "dynatrace")
        theirs = race.start(stack, f"{names[0]}-{closed}", webhook(closed=closed))
        ours = race.start(stack, f"{names[1]}-{closed}", dynatrace(layout.root, closed=closed))
        incidents = 0
        for engine in (theirs, ours):
            engine.wait()
            # Java and Python compile and import what they need in the first thousands.
            warm = race.run(engine, same=False)
            incidents += warm.accepted if engine is ours else 0
        rows = []
        for same in (False, True):
            runs: dict[str, list[Run]] = {name: [] for name in names}
            for _round in range(size.rounds):
                for name, engine in zip(names, (theirs, ours), strict=True):
                    runs[name].append(race.run(engine, same=same))
            incidents += size.rounds if same else sum(run.accepted for run in runs["dynatrace"])
            rows.append(row(f"{door}, {'one problem' if same else 'distinct problems'}", runs))
    require_kept(ours.contestant, incidents)
    return rows


def row(what: str, runs: dict[str, list[Run]]) -> list[str]:
    theirs, ours = (Figures(tuple(run.per_second for run in measured)) for measured in runs.values())
    waits = [Figures(tuple(run.p99_ms for run in measured)).show(0) for measured in runs.values()]
    return [what, theirs.show(0), ours.show(0), f"{ratio(ours, theirs):.2f}", *waits]


def require_kept(contestant: Contestant, incidents: int) -> None:
    """Raise DemoError unless every accepted problem is in the journal, now that the engine has ended."""
    journal = Journal.open(str(contestant.journal))
    try:
        kept = len(journal.list_incidents((), 2 * incidents + 1))
    finally:
        journal.close()
    if kept != incidents:
        raise DemoError(f"{incidents} problems were accepted, and {kept} are in the journal")


def main(layout: Layout, size: Size) -> None:
    head = ["events per second, median (lowest-highest)", "webhook", "dynatrace", "ratio", "p99 ms", "p99 ms"]
    rows = [head]
    for closed in (False, True):
        rows += compare(layout, size, closed=closed)
    print(
        f"accept: eda.builtin.webhook (in memory) against self_healing.devops.dynatrace (committed, then answered), "
        f"{size.rounds} runs each in turns, {size.connections} connections, "
        f"up to {size.events} events or {size.seconds:g} s a run\n\n{table(rows)}\n\n"
        f"The goal is a ratio of {GOAL:.1f} or more.\n{NOTE}\n"
    )
