# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a real ansible-rulebook: what runs may end, nothing new begins, and nothing is lost."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from demo.processes import command_lines, descendants, gone
from support.dynatrace_source import INCIDENT, notification
from support.rulebook import CANARY_RULE, Rulebook, rulebook

RULES = [
    {
        "name": "A problem",
        "condition": "event.problem.incident is defined",
        "action": {
            "run_playbook": {
                "name": "playbooks/slow.yml",
                "extra_vars": {"incident": "{{ event.problem.incident }}", "delivery": "{{ event.meta.uuid }}"},
            }
        },
    },
    CANARY_RULE,
]


def slow(folder: Path) -> list[dict[str, Any]]:
    """A playbook that says that it runs, waits to be let go on, and settles what it was started for."""
    return [
        {
            "name": "Take its time",
            "hosts": "localhost",
            "gather_facts": False,
            "tasks": [
                {"name": "Run", "ansible.builtin.file": {"path": str(folder / "runs"), "state": "touch"}},
                {"name": "Wait", "ansible.builtin.wait_for": {"path": str(folder / "go"), "sleep": 1, "timeout": 300}},
                {
                    "name": "Settle",
                    "self_healing.devops.incident": {
                        "incident": "{{ incident }}",
                        "step": "settle",
                        "delivery": "{{ delivery }}",
                    },
                },
            ],
        }
    ]


def stopping(engine: Rulebook) -> bool:
    health = engine.ask("/healthz")
    return health.status == 503 and bool(health.json["status"] == "stopping")


def start_a_playbook(engine: Rulebook, folder: Path) -> None:
    assert engine.ask("/dynatrace", notification()).status == 200
    engine.until((folder / "runs").exists, "the playbook")


def waits(engine: Rulebook) -> bool:
    return b"wait_for" in command_lines(descendants(engine.program.pid))


def test_a_running_playbook_ends_before_ansible_rulebook_does(tmp_path: Path) -> None:
    with rulebook(tmp_path / "engine", RULES, {"slow.yml": slow(tmp_path)}) as engine:
        start_a_playbook(engine, tmp_path)
        engine.program.send(signal.SIGTERM)
        engine.until(lambda: stopping(engine), "the stop")

        refused = engine.ask("/dynatrace", notification(PID="-2_2V2"))
        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert engine.journal.list_incidents() == [INCIDENT], "what was refused is not in the journal"
        assert engine.journal.due.unsettled() == 1
        engine.program.require_running()

        (tmp_path / "go").touch()
        assert engine.program.wait(30) == 0
        assert engine.journal.due.unsettled() == 0
        assert not engine.listens()
        assert "SIGTERM: stopping" in engine.log


def test_patience_ends_and_what_was_not_settled_is_due_again(tmp_path: Path) -> None:
    with rulebook(tmp_path / "engine", RULES, {"slow.yml": slow(tmp_path)}, stop_patience=1.5) as engine:
        start_a_playbook(engine, tmp_path)
        engine.until(lambda: waits(engine), "the task that waits")
        started = descendants(engine.program.pid)
        engine.program.send(signal.SIGINT)
        assert engine.program.wait(30) == 0
        assert "not everything was settled within 1.5 s" in engine.log
        # From ansible-core 2.19 on the task that is under way is not broken off. It ends, and nothing comes after it.
        (tmp_path / "go").touch()
        assert gone(started, 30), "no playbook is left behind"
        assert engine.journal.due.unsettled() == 1, "the task that settles was never begun"
        assert engine.journal.due.take_back_lost() == 1, "the next start takes it back at once"


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with rulebook(tmp_path / "engine", RULES, {"slow.yml": slow(tmp_path)}) as engine:
        start_a_playbook(engine, tmp_path)
        started = descendants(engine.program.pid)
        engine.program.send(signal.SIGTERM)
        engine.until(lambda: stopping(engine), "the stop")
        engine.program.send(signal.SIGTERM)
        assert engine.program.wait(15) == 0, "long before the patience of 60 s is over"
        assert engine.journal.due.unsettled() == 1
        (tmp_path / "go").touch()
        assert gone(started, 30), "no playbook is left behind"
