# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs real playbooks with the real ansible-playbook and tells what every task did on every host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CALLBACKS = Path(__file__).absolute().parent / "callback"
#: A host variable file for the machine itself, with the Python that runs the tests.
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


@dataclass(frozen=True)
class TaskResult:
    """What one task did on one host. C(outcome) is ok, failed, ignored, skipped or unreachable."""

    host: str
    task: str
    outcome: str
    changed: bool
    result: Mapping[str, Any]


@dataclass(frozen=True)
class PlaybookRun:
    """One run of ansible-playbook. C(output) is what a person would have seen."""

    returncode: int
    output: str
    tasks: Sequence[TaskResult] = field(repr=False)

    def of(self, host: str, task: str = "") -> list[TaskResult]:
        """Return what happened on C(host), in order; with C(task) only in tasks of that name."""
        return [done for done in self.tasks if done.host == host and (not task or done.task == task)]

    def changed(self, host: str) -> list[str]:
        """Return the names of the tasks that changed C(host)."""
        return [done.task for done in self.of(host) if done.changed]

    def failure(self, host: str) -> str | None:
        """Return the message of the last failure on C(host), or None when nothing failed."""
        messages = [str(done.result.get("msg")) for done in self.of(host) if done.outcome in ("failed", "unreachable")]
        return messages[-1] if messages else None

    def fact(self, host: str, name: str) -> Any:
        """Return the last value that C(set_fact) gave to C(name) on C(host)."""
        facts = [done.result["ansible_facts"] for done in self.of(host) if "ansible_facts" in done.result]
        return next(fact[name] for fact in reversed(facts) if name in fact)


def include(name: str, role: str, tasks_from: str = "main") -> dict[str, Any]:
    """Return a task called C(name) that runs the task file of a role."""
    return {"name": name, "ansible.builtin.include_role": {"name": role, "tasks_from": tasks_from}}


def heal_play(role: str, rescue: Sequence[Mapping[str, Any]] | None = None, hosts: str = "all") -> dict[str, Any]:
    """Return a play that heals with a remedy, and takes back what was in vain: with C(rescue), or by its C(undo)."""
    undo = [include("Undo", role, "undo")]
    return {
        "name": "Heal, and take back what was in vain",
        "hosts": hosts,
        "gather_facts": False,
        "strategy": "free",
        "tasks": [
            {"name": "Heal", "block": [include("Heal", role)], "rescue": undo if rescue is None else rescue},
        ],
    }


def run_playbook(
    plays: Sequence[Mapping[str, Any]],
    hosts: Mapping[str, Mapping[str, Any]],
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    timeout: float = 180,
) -> PlaybookRun:
    """Run C(plays) on C(hosts) (host variables by name of the host) with the collection of this checkout."""
    with tempfile.TemporaryDirectory(prefix="playbook-") as folder:
        playbook, inventory, record = (Path(folder) / name for name in ("plays.yml", "hosts.yml", "record.jsonl"))
        # JSON is YAML.
        playbook.write_text(json.dumps(plays))
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        record.touch()
        done = subprocess.run(
            ["ansible-playbook", "-i", str(inventory), *arguments, str(playbook)],
            env={
                **os.environ,
                "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
                "ANSIBLE_CALLBACKS_ENABLED": "record",
                "ANSIBLE_FORKS": "10",
                "ANSIBLE_NOCOLOR": "1",
                "RECORD_FILE": str(record),
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        lines = [json.loads(line) for line in record.read_text().splitlines()]
    own = ("host", "task", "outcome", "changed")
    tasks = [
        TaskResult(**{name: line[name] for name in own}, result={k: v for k, v in line.items() if k not in own})
        for line in lines
    ]
    return PlaybookRun(done.returncode, done.stdout, tasks)
