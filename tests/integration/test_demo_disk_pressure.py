# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration of a disk that fills up: once through the whole tool chain, and its parts without it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.modules import disk_reclaim
from demo import small_disk
from demo.scenarios import SCENARIOS
from demo.scenarios.disk_pressure import DiskPressure
from support.tree import ROOT

#: Seconds; generous, as other tests may run at the same time.
PATIENCE = 300


def test_a_full_disk_is_freed_through_the_whole_tool_chain(tmp_path: Path) -> None:
    folder = tmp_path / ".demo"
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--scenario", "disk_pressure", "--answer", "auto", "--folder", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "extensions"), "PYTHONUNBUFFERED": "1"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"✔ answered .* Ana Berg chose 'Clean disk'", done.stdout)
    assert re.search(r"✔ verified .* used_percent 9\d\.\d → \d\d\.\d", done.stdout)
    assert done.stdout.splitlines()[-1].startswith("healed disk_pressure incident=i")
    result = json.loads((folder / "result.json").read_text())
    assert {name: tool["state"] for name, tool in result["tools"].items()} == {
        "dynatrace": "CLOSED",
        "jira": "Done",
        "slack": "archived",
        "xmatters": "TERMINATED",
    }
    (incident,) = json.loads((folder / "state.json").read_text())["incidents"]
    assert (incident["target"], incident["kind"]) == ("db-01", "disk_pressure")
    before, after = (incident["evidence"][phase] for phase in ("before", "after"))
    assert before["figures"]["predicted_mib"] > 0
    assert after["figures"]["freed_mib"] > 0
    # The plan is there before anything is removed, with what is left alone.
    assert re.search(
        r"^old exports: .* MiB in \d+ files, oldest \d+ d; left alone: 1 in use", before["text"], re.MULTILINE
    )
    quarantine = list((folder / "service" / "quarantine").glob(f"{incident['id']}/**/*.csv"))
    assert quarantine, "what went can be brought back"
    assert not os.path.ismount(folder / "service" / "disk")


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The scenario in a folder with a budget, as it is without root."""
    monkeypatch.setattr(small_disk, "own_namespace", lambda: False)
    made = SCENARIOS["disk_pressure"](tmp_path)
    yield made
    made.stop()


def test_a_folder_with_a_budget_takes_the_place_of_a_disk(scenario: DiskPressure, tmp_path: Path) -> None:
    variables = scenario.host_variables()
    assert "folder with a budget of 64 MiB" in scenario.start()
    assert scenario.disk.path == tmp_path / small_disk.BUDGET_NAME == Path(variables["disk_cleanup_path"])
    assert scenario.watch().endswith(f",host=db-01,quota={64 << 20}")
    assert scenario.healed() == "the import never ran"
    assert "has filled /data" in scenario.break_it()
    assert scenario.disk.used_percent() > 95
    options = {
        "path": variables["disk_cleanup_path"],
        "quota": variables["disk_cleanup_quota"],
        "used_percent": variables["disk_cleanup_target_percent"],
        "rules": variables["disk_cleanup_rules"],
        "quarantine": variables["disk_cleanup_quarantine"],
    }
    checked = ArgumentSpecValidator(disk_reclaim.SPEC.options, **disk_reclaim.SPEC.constraints()).validate(options)
    freed = disk_reclaim.run(checked.validated_parameters, False, None)
    assert freed["reached"], freed
    assert scenario.healed() is None
    (scenario.disk.path / "etl" / "reference.csv").unlink()
    assert scenario.healed() == "reference.csv is gone: it was in use, or not old enough"


@pytest.mark.parametrize(
    ("before", "after", "wrong"),
    [
        ({"used_percent": 99}, {"used_percent": 60, "freed_mib": 3.5}, None),
        ({"used_percent": 50}, {"used_percent": 60, "freed_mib": 3.5}, "expected more than 95"),
        ({}, {"used_percent": 60, "freed_mib": 3.5}, "expected more than 95"),
        ({"used_percent": 99}, {"used_percent": 97, "freed_mib": 3.5}, "expected less than 90"),
        ({"used_percent": 99}, {"used_percent": 60}, "None MiB were freed"),
    ],
)
def test_the_figures_have_to_show_that_it_helped(
    scenario: DiskPressure, before: dict[str, float], after: dict[str, float], wrong: str | None
) -> None:
    said = scenario.proof(before, after)
    assert said == wrong if wrong is None else wrong in str(said)
