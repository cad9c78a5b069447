# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration bad_release: one whole night, and each router that it may have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo import routers
from demo.scenarios.bad_release import VERSIONS, BadRelease, version_of
from support.routers import wait_until
from support.tree import ROOT

KINDS = {"haproxy": routers.HAProxy, "nginx": routers.Nginx, "small_router": routers.SmallRouter}


def test_a_slow_release_is_rolled_back_and_no_user_sees_a_failure(tmp_path: Path) -> None:
    """The demo itself checks every leg, the figures before and after, and that no request of its users failed."""
    command = [sys.executable, "-m", "demo", "--scenario", "bad_release", "--answer", "auto"]
    done = subprocess.run(
        [*command, "--folder", str(tmp_path / ".demo")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "extensions"), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    result = json.loads((tmp_path / ".demo/result.json").read_text())
    assert (result["scenario"], result["healed"], result["failures"]) == ("bad_release", True, [])
    assert "live green 2.7.1 → blue 2.7.0" in done.stdout, "the figures before and after are told in one sentence"
    assert "Ana Berg chose 'Roll back release'" in done.stdout
    # Dynatrace was told of the rollback, and the event did not become a problem of its own.
    state = json.loads((tmp_path / ".demo/state.json").read_text())
    [problem] = state["tools"]["dynatrace"]["problems"]
    assert (problem["status"], problem["title"]) == ("CLOSED", "Response time degradation")


@pytest.mark.parametrize("kind", KINDS)
def test_each_router_switches_its_users_without_a_failure(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind != "small_router" and routers.find(kind) is None:
        pytest.skip(f"{kind} is not installed")
    monkeypatch.setattr(routers, "find", lambda program: _only(kind, program))
    scenario = BadRelease(tmp_path)
    assert isinstance(scenario.router, KINDS[kind])
    try:
        assert f"(blue) answers on {scenario.url} behind {scenario.router.name}" in scenario.start()
        answers = scenario.visitors.answers
        wait_until(lambda: answers[VERSIONS["blue"]] > 5, "users of blue")
        scenario.break_it()
        wait_until(lambda: answers[VERSIONS["green"]] > 5, "users of green")
        scenario.router.switch("blue")
        wait_until(lambda: version_of(scenario.url) == VERSIONS["blue"], "blue")
        assert scenario.healed() is None
    finally:
        scenario.stop()


FIND = routers.find


def _only(kind: str, program: str) -> str | None:
    return FIND(program) if program == kind else None
