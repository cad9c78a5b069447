# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The molecule scenarios: each breaks something on real systemd hosts, heals it over ssh and looks at it from outside.

All of them run at once, on the same hosts. C(molecule test -s process_restart) runs a single one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from support.systemd_host import missing
from support.tree import ROOT

SCENARIOS = sorted(path.parent.name for path in (ROOT / "extensions/molecule").glob("*/molecule.yml"))
#: Programs that a scenario needs on its hosts, which have those of this machine.
NEEDS = {"blue_green_rollback": ("haproxy", "nginx")}
#: What a scenario has to have done. The hosts are made and removed by the scenario "default".
ACTIONS = ("prepare", "converge", "idempotence", "verify", "cleanup")


def lacking(scenario: str) -> list[str]:
    """Return the programs that a scenario needs and that are not here."""
    return [program for program in NEEDS.get(scenario, ()) if shutil.which(program) is None]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What molecule printed about all scenarios."""
    if reason := missing():
        pytest.skip(reason)
    excluded = [f"--exclude={scenario}" for scenario in SCENARIOS if lacking(scenario)]
    done = subprocess.run(
        ["molecule", "test", "--all", "--workers", "2", "--continue-on-failure", *excluded],
        cwd=ROOT,
        env={
            **os.environ,
            "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path_factory.mktemp("molecule")),
            "MOLECULE_HOSTS_OWNER": str(os.getpid()),
            "NO_COLOR": "1",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
    )
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


def ended(told: str, scenario: str, action: str) -> str | None:
    """Return how an action of a scenario ended, in molecule's own words."""
    details = told.partition("\nDETAILS")[2]
    found = re.search(rf"^{scenario} (?:>|➜) {action}: (.*)$", details, re.MULTILINE)
    return found[1] if found else None


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"default"}))
def test_scenario_heals(told: str, scenario: str) -> None:
    if lacking(scenario):
        pytest.skip(f"{', '.join(lacking(scenario))} not installed")
    ends = {action: ended(told, scenario, action) for action in ACTIONS}
    assert ends == dict.fromkeys(ACTIONS, "Executed: Successful"), told


@pytest.mark.parametrize("action", ["create", "destroy"])
def test_hosts_come_and_go(told: str, action: str) -> None:
    assert ended(told, "default", action) == "Executed: Successful", told
