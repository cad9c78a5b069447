# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source of due work: what nobody settled comes again, timers fire, and nothing comes before the check."""

from __future__ import annotations

import asyncio
import contextlib
import json
import runpy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils import delivery
from support.story import PROBLEM

SOURCES = Path(delivery.__file__).absolute().parents[2] / "extensions/eda/plugins/event_source"
MAIN = runpy.run_path(str(SOURCES / "journal.py"))["main"]
INCIDENT = PROBLEM.incident

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def running(**args: Any) -> AsyncIterator[asyncio.Queue[dict[str, Any]]]:
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(MAIN(queue, args))
    try:
        yield queue
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_what_nobody_settled_comes_again_until_it_is_settled(tmp_path: Path) -> None:
    place = str(tmp_path / "journal.db")
    journal = Journal.open(place)
    recorded = journal.record_problem(PROBLEM, "dynatrace")
    assert len(journal.due.hand_out(10, timedelta(0), "dynatrace")) == 1, "its source handed it out"
    async with running(journal=place, interval=0.05, lease=0) as queue:
        events = [await asyncio.wait_for(queue.get(), 10) for _again in range(2)]
    assert {event["meta"]["uuid"] for event in events} == {recorded.delivery}
    assert journal.due.settle(str(recorded.delivery)) is True
    async with running(journal=place, interval=0.05, lease=0) as queue:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(queue.get(), 0.5)


async def test_a_timer_fires(tmp_path: Path) -> None:
    place = str(tmp_path / "journal.db")
    journal = Journal.open(place)
    journal.due.settle(str(journal.record_problem(PROBLEM, "dynatrace").delivery))
    journal.change(INCIDENT, lambda _: [Entry("taken_over", "x", timers={"undelivered": -60})])
    async with running(journal=place, interval=0.05) as queue:
        event = await asyncio.wait_for(queue.get(), 10)
    assert event["timer"] == {"incident": INCIDENT, "name": "undelivered"}


async def test_nothing_comes_before_the_inventory_is_right(tmp_path: Path) -> None:
    place = str(tmp_path / "journal.db")
    Journal.open(place).record_problem(PROBLEM, "dynatrace")
    wrong = tmp_path / "hosts.yml"
    hosts = {"localhost": {}}
    wrong.write_text(json.dumps({"all": {"hosts": hosts, "children": {"toolchain": {"hosts": {"jira": {}}}}}}))
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    with pytest.raises(ConfigurationError, match="toolchain host jira: jira_url is missing"):
        await asyncio.wait_for(MAIN(queue, {"journal": place, "inventory": str(wrong)}), 60)
    assert queue.empty()
