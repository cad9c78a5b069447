# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A journal on a disk that is really full: senders keep what they have, nothing is half written, and it recovers."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.dynatrace_source import notification, post, running

pytestmark = pytest.mark.asyncio


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for a journal and not much more."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Take all room that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 512, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


async def test_a_full_disk_costs_nobody_a_report(small_disk: Path) -> None:
    location = str(small_disk / "journal.db")
    reports = [notification(PID=f"{number}_1790000000000V2", ProblemTitle="x" * 250) for number in range(200)]
    answers: dict[str, int] = {}
    async with running(asyncio.Queue(), journal=location) as url:

        async def send(report: dict[str, object]) -> None:
            status, _body, headers = await post(url, report)
            answers[str(report["PID"])] = status
            assert status == 200 or (status, headers["Retry-After"]) == (503, "5")

        await send(reports[0])
        filler = fill(small_disk)
        for report in reports[1:]:
            await send(report)
        assert set(answers.values()) == {200, 503}
        kept = {pid for pid, status in answers.items() if status == 200}
        assert recorded(location) == kept, "what was answered 200 is there, and nothing else, not even in part"

        filler.unlink()
        for report in reports[:100]:
            if answers[str(report["PID"])] == 503:
                await send(report)
        assert {answers[str(report["PID"])] for report in reports[:100]} == {200}, "it recovers by itself"
    with closing(sqlite3.connect(location)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def recorded(location: str) -> set[str]:
    journal = Journal.open(location)
    try:
        incidents = [journal.read(incident) for incident in journal.list_incidents(limit=1000)]
    finally:
        journal.close()
    assert all(incident.version == 1 for incident in incidents)
    return {str(incident.problem["problem_id"]) for incident in incidents}
