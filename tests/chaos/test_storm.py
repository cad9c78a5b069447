# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A storm as C(make storm) makes it, smaller."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from support import storm
from support.chain import chain_in
from support.dynatrace_source import notification, running
from support.storm import StormError, blow, many_problems, one_problem


def test_very_many_reports_of_one_problem_are_one_incident_everywhere(tmp_path: Path) -> None:
    with chain_in(tmp_path / "chain") as chain:
        said = one_problem(chain, 1000)
    assert "1 incident, 1 alert, 1 ticket, 1 channel" in said[0]


async def test_very_many_problems_at_once_are_all_delivered_within_the_window(tmp_path: Path) -> None:
    (said,) = await many_problems(tmp_path, 45)
    assert "45 incidents, all delivered, at most 10 at a time" in said


async def test_a_storm_notices_what_it_has_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storm, "WINDOW", 5)
    with pytest.raises(StormError, match="6 deliveries were handed out at a time, more than the window of 5"):
        await many_problems(tmp_path, 20)
    async with running(asyncio.Queue(), journal=str(tmp_path / "other.db")) as url:
        answers = await blow(url, [json.dumps(notification()).encode(), b"{"])
    with pytest.raises(StormError, match="not all were taken"):
        answers.require_taken(2)
