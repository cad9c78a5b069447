# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-rulebook is watched from within: what is well, and what only looks as if it were."""

from __future__ import annotations

import re
import signal
from functools import partial
from pathlib import Path

from demo.processes import descendants
from support.dynatrace_source import notification
from support.routers import wait_until
from support.rulebook import CANARY_RULE, rulebook

#: The canary's rule with a playbook that hangs. As one action runs at a time, all others wait for it.
HANGS = {**CANARY_RULE, "action": {"run_playbook": {"name": "playbooks/hang.yml"}}}


def test_canaries_come_back_and_the_figures_are_shown(tmp_path: Path) -> None:
    with rulebook(tmp_path / "engine", [CANARY_RULE], canary_interval=1, stop_patience=0) as engine:
        assert engine.ask("/dynatrace", notification()).status == 200
        assert engine.ask("/dynatrace", notification()).status == 200
        assert engine.ask("/dynatrace", {"State": "OPEN"}).status == 400

        def round_trip() -> float:
            found = re.search(
                r"^self_healing_canary_round_trip_seconds (\S+)$", engine.ask("/metrics").body, re.MULTILINE
            )
            return float(found[1]) if found else 0.0

        assert 0 < engine.until(round_trip, "the canary") < 60
        health = engine.ask("/healthz")
        assert (health.status, health.json["status"]) == (200, "ok")
        figures = engine.ask("/metrics")
        assert figures.status == 200

        def shows(line: str) -> bool:
            return line in engine.ask("/metrics").body.splitlines()

        for line in (
            'self_healing_arrivals_total{result="opened",source="dynatrace"} 1.0',
            'self_healing_arrivals_total{result="duplicate",source="dynatrace"} 1.0',
            'self_healing_refusals_total{source="dynatrace",status="400"} 1.0',
            'self_healing_deliveries_total{again="no",kind="problem"} 1.0',
            "self_healing_due_unsettled 1.0",
            'self_healing_part_ok{part="engine"} 1.0',
        ):
            # What the journal says is read now and then, not for each look.
            engine.until(partial(shows, line), line)


def test_an_engine_that_hangs_behind_an_open_port_is_found_and_then_its_full_queue(tmp_path: Path) -> None:
    end = tmp_path / "end"
    wait = {"name": "Wait", "ansible.builtin.wait_for": {"path": str(end), "timeout": 600}}
    hang = [{"name": "Hang", "hosts": "localhost", "gather_facts": False, "tasks": [wait]}]
    options = {"strategy": "sequential", "canary_interval": 1, "stop_patience": 0}
    with rulebook(tmp_path / "engine", [HANGS], {"hang.yml": hang}, **options) as engine:
        assert engine.ask("/healthz").status == 200

        def silent(part: str) -> bool:
            answer = engine.ask("/healthz")
            assert (answer.status == 503) == (answer.json["status"] == "silent")
            return any(sentence.startswith(f"{part}: ") for sentence in answer.json.get("silent", []))

        engine.until(lambda: silent("engine"), "the silence of the engine", patience=120)
        engine.until(lambda: silent("queue"), "the full queue", patience=120)
        figures = engine.ask("/metrics").body.splitlines()
        for part, works in (("engine", 0), ("queue", 0), ("journal", 1), ("source dynatrace", 1)):
            assert f'self_healing_part_ok{{part="{part}"}} {works}.0' in figures
        assert engine.ask("/dynatrace", notification()).status == 200, "what arrives is safe in the journal"
        left = descendants(engine.program.pid)
        engine.program.send(signal.SIGTERM)
        assert engine.program.wait(30) == 0
        # The worker of a playbook outlives the engine: it ends as soon as there is what it waits for.
        end.touch()
        wait_until(lambda: not any(process.runs() for process in left), "the end of the playbook")
