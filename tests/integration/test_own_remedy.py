# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A remedy of one's own, healed with by the playbooks: in which order its files run, and when they must not."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import remedy_runs

EVIDENCE = "self_healing.devops.incident_evidence"
ID = "{{ self_healing_incident.id }}"
DIAGNOSED = {"name": "Look", EVIDENCE: {"incident": ID, "phase": "before", "healthy": False}}
VERIFIED = {"name": "Prove", EVIDENCE: {"incident": ID, "phase": "after", "healthy": True}}
FAIL = {"name": "Fail", "ansible.builtin.fail": {"msg": "no way"}}
#: As if another run had taken the incident over and failed with it.
TAKEN = {"name": "Lose it", "self_healing.devops.incident": {"incident": ID, "step": "fix_failed", "reason": "else"}}


def said(name: str) -> dict[str, Any]:
    return {"name": name, "ansible.builtin.debug": {"msg": ID}}


FILES: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "diagnose": [DIAGNOSED],
    "fix": [said("Mend")],
    "verify": [VERIFIED],
    "undo": [said("Go back")],
}
#: What the tasks of the remedy are called.
OWN = ("Look", "Mend", "Prove", "Go back")


def stopping(folder: Path) -> list[Mapping[str, Any]]:
    """Return the task at which somebody presses Stop somewhere else."""
    press = (
        "from support.story import PROBLEM, answer\n"
        "from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal\n"
        f"journal = Journal.open({str(folder / 'journal.db')!r})\n"
        "assert journal.record_answer(answer('Stop')).change == 'answered'\n"
    )
    task = {"name": "Somebody presses Stop", "ansible.builtin.command": {"argv": [sys.executable, "-c", press]}}
    return [{**task, "environment": {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}}]


class Healed(remedy_runs.Healed):
    """One run with a remedy whose files are made of these tasks."""

    def __init__(self, folder: Path, specs: Mapping[str, Any] | None, **files: Sequence[Mapping[str, Any]]) -> None:
        role = folder / "roles" / "mend"
        (role / "tasks").mkdir(parents=True)
        (role / "meta").mkdir()
        for name, tasks in {**FILES, **files}.items():
            (role / "tasks" / f"{name}.yml").write_text(yaml.safe_dump(list(tasks)))
        (role / "meta" / "argument_specs.yml").write_text(yaml.safe_dump({"argument_specs": specs or {}}))
        super().__init__(folder, "mend")

    def did(self) -> list[str]:
        return [done.task for done in self.run.of("shop-01") if done.task in OWN]


def test_a_remedy_is_diagnosed_fixed_and_verified_in_this_order(tmp_path: Path) -> None:
    healed = Healed(tmp_path, None)
    assert healed.did() == ["Look", "Mend", "Prove"], healed.run.output
    assert healed.run.returncode == 0
    assert healed.kinds() == [
        *("decided", "claimed", "diagnosed", "fix_started", "fixed", "evidence_after", "verified", "released"),
    ]


def test_what_is_healthy_at_the_diagnosis_is_not_touched(tmp_path: Path) -> None:
    healthy = {"name": "Look", EVIDENCE: {"incident": ID, "phase": "before", "healthy": True}}
    healed = Healed(tmp_path, None, diagnose=[healthy])
    assert healed.did() == ["Look", "Prove"], healed.run.output


def test_a_fix_that_did_not_help_is_taken_back_and_fails_the_run(tmp_path: Path) -> None:
    healed = Healed(tmp_path, None, verify=[FAIL])
    assert healed.did() == ["Look", "Mend", "Go back"], healed.run.output
    assert healed.kinds()[-5:] == ["fixed", "unverified", "escalated", "undone", "released"]
    assert healed.run.returncode != 0
    assert "Not healthy after the fix: no way" in healed.run.output


def test_nothing_is_fixed_that_another_run_has_taken_over(tmp_path: Path) -> None:
    healed = Healed(tmp_path, None, diagnose=[DIAGNOSED, TAKEN])
    assert healed.did() == ["Look"], healed.run.output
    assert "fix_started" not in healed.kinds()
    assert healed.run.returncode != 0


def test_a_heal_that_is_stopped_ends_before_its_next_task(tmp_path: Path) -> None:
    healed = Healed(tmp_path, None, fix=[said("Mend"), *stopping(tmp_path), said("Mend more")])
    assert healed.did() == ["Look", "Mend"], healed.run.output
    assert "Mend more" not in [done.task for done in healed.run.of("shop-01") if done.outcome == "ok"]
    assert healed.kinds()[-3:] == ["stop_asked", "stopped", "released"]
    told = healed.incident.timeline[-2].text
    assert told == "Stopped, as Ana Berg chose: mend on shop-01 had begun; it was stopped before the task 'Mend more'"
    assert healed.run.returncode != 0


def test_a_fix_whose_verification_is_stopped_stays(tmp_path: Path) -> None:
    healed = Healed(tmp_path, None, verify=[*stopping(tmp_path), VERIFIED])
    assert healed.did() == ["Look", "Mend", "Prove"], healed.run.output
    assert [done.outcome for done in healed.run.of("shop-01", "Prove")] == ["failed"]
    assert healed.kinds()[-3:] == ["stop_asked", "stopped", "released"]


@pytest.mark.parametrize("tasks", [[FAIL], []])
def test_no_fix_without_a_diagnosis(tmp_path: Path, tasks: list[Mapping[str, Any]]) -> None:
    healed = Healed(tmp_path, None, diagnose=tasks)
    assert "Mend" not in healed.did(), healed.run.output
    assert healed.incident.state == "escalated"


def test_wrong_settings_are_told_before_anything_is_touched(tmp_path: Path) -> None:
    wanted = {"mend_size": {"type": "int", "required": True, "description": "How much."}}
    healed = Healed(tmp_path, {"diagnose": {"short_description": "Look", "options": wanted}})
    assert healed.did() == [], healed.run.output
    assert "mend_size" in next(entry.text for entry in healed.incident.timeline if entry.kind == "fix_failed")
