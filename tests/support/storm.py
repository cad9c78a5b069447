# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Storms: very many notifications of one problem, and very many problems at once.

python -m support.storm [--reports N] [--problems N]

The first part is told to a whole chain with a real engine: one incident, alert, ticket and channel come of it, and four
times as many reports need no more memory. The second part is told to the event sources with an engine of the test's own
behind them, which says when it has done something: every problem becomes an incident and is delivered, never more than
a window of them at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import WINDOW
from demo.errors import DemoError
from support.chain import TestChain, chain_in
from support.dynatrace_source import notification, running

#: Connections that a storm comes in on.
CONNECTIONS = 32
#: Memory that a longer run may need more: what the allocators keep (share, and bytes).
MORE_MEMORY = 1.1
SLACK = 24 * 2**20
#: Seconds after which nothing more is expected.
PATIENCE = 120.0


class StormError(Exception):
    """What the storm has broken, in one sentence."""


@dataclass(frozen=True)
class Answers:
    """How a storm was answered. C(statuses) counts the statuses, C(seconds) is how long it took."""

    statuses: dict[int, int]
    seconds: float

    def require_taken(self, number: int) -> None:
        if self.statuses != {200: number}:
            raise StormError(f"of {number} reports not all were taken: {self.statuses}")

    def __str__(self) -> str:
        number = sum(self.statuses.values())
        return f"{number} reports in {self.seconds:.1f} s ({number / self.seconds:.0f} a second)"


async def blow(url: str, bodies: Sequence[bytes], token: str | None = None) -> Answers:
    """Post all bodies over some kept connections as fast as they are answered."""
    waiting = list(reversed(bodies))
    statuses: dict[int, int] = {}
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}

    async def post(session: aiohttp.ClientSession) -> None:
        while waiting:
            async with session.post(url, data=waiting.pop(), headers=headers) as answer:
                await answer.read()
                statuses[answer.status] = statuses.get(answer.status, 0) + 1

    began = time.monotonic()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session:
        await asyncio.gather(*(post(session) for _connection in range(CONNECTIONS)))
    return Answers(statuses, time.monotonic() - began)


# -- one problem, told again and again -------------------------------------------------------------------------------


def one_problem(chain: TestChain, reports: int) -> list[str]:
    """Tell a whole chain of one problem so many times, then three times as many again. Returns what there is to say.

    Raises StormError when more than one of anything came of it, or when memory grew.
    """
    opened = chain.sandbox.act(
        "dynatrace", "open", title="Process unavailable", event_type="PGI_UNAVAILABLE", entity="HOST-5D1A0000000000A1"
    )
    body = json.dumps(notification(PID=opened["pid"], ProblemID=opened["display_id"])).encode()
    first, after_first = _storm(chain, body, reports)
    chain.until(lambda incident: incident.state == "asked", "the question")
    second, after_second = _storm(chain, body, 3 * reports)
    _require_one_of_everything(chain, opened["pid"], 4 * reports)
    if after_second > MORE_MEMORY * after_first + SLACK:
        raise StormError(f"memory grew from {_mib(after_first)} to {_mib(after_second)} with four times the reports")
    return [
        f"one problem: {first}, then {second}: 1 incident, 1 alert, 1 ticket, 1 channel",
        f"memory of ansible-rulebook: {_mib(after_first)} after the first storm, {_mib(after_second)} after the second",
    ]


def _storm(chain: TestChain, body: bytes, number: int) -> tuple[Answers, int]:
    answers = asyncio.run(blow(chain.webhook, [body] * number, chain.credentials.dynatrace_webhook_token))
    answers.require_taken(number)
    return answers, _memory(chain.engine_pid)


def _require_one_of_everything(chain: TestChain, pid: str, reports: int) -> None:
    journal = chain.journal
    incidents = journal.list_incidents()
    if len(incidents) != 1:
        raise StormError(f"{len(incidents)} incidents came of one problem")
    # The first of ours may say more than the sandbox's own, and is news then.
    counted = journal.duplicates(incidents[0])
    if counted < reports - 1:
        raise StormError(f"of {reports} reports that said nothing new only {counted} were counted")
    deadline = time.monotonic() + PATIENCE
    while (found := _shown(chain)) != _ONE_EACH:
        if any(number > 1 for number in found.values()) or time.monotonic() > deadline:
            raise StormError(f"one problem is shown so often: {found}")
        time.sleep(0.1)


_ONE_EACH = {"alerts": 1, "tickets": 1, "channels": 1}


def _shown(chain: TestChain) -> dict[str, int]:
    tools = chain.sandbox.state()["tools"]
    channels = [channel for channel in tools["slack"]["channels"] if channel["name"].startswith("dyna-")]
    return {
        "alerts": len(tools["xmatters"]["alerts"]),
        "tickets": len(tools["jira"]["issues"]),
        "channels": len(channels),
    }


def _memory(pid: int) -> int:
    """Return the memory that a process has now (bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise StormError(f"the process {pid} has ended")


def _mib(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


# -- many problems at once -------------------------------------------------------------------------------------------


async def many_problems(folder: Path, number: int) -> list[str]:
    """Tell the event source of so many problems at once. Returns what there is to say. Raises StormError."""
    location = str(folder / "journal.db")
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    bodies = [json.dumps(notification(PID=f"{one}_1790000000000V2")).encode() for one in range(number)]
    async with running(queue, journal=location) as url:
        answers = await blow(url, bodies)
        answers.require_taken(number)
        journal = await asyncio.to_thread(Journal.open, location)
        try:
            incidents = len(await asyncio.to_thread(journal.list_incidents, (), 2 * number))
            if incidents != number:
                raise StormError(f"{number} problems became {incidents} incidents")
            most = await _carry_out(queue, journal, number)
        finally:
            await asyncio.to_thread(journal.close)
    return [f"many problems: {answers}: {number} incidents, all delivered, at most {most} at a time (window {WINDOW})"]


async def _carry_out(queue: asyncio.Queue[dict[str, Any]], journal: Journal, number: int) -> int:
    """Be the engine: take what comes, and settle it once nothing more comes. Returns how much there was at a time."""
    seen: set[str] = set()
    held: list[str] = []
    most = 0
    while len(seen) < number or held:
        # At first nothing is settled for two looks of the sources: they must not hand out more meanwhile.
        patience = 2.5 if not most else 0.05
        try:
            held.append((await asyncio.wait_for(queue.get(), patience))["meta"]["uuid"])
        except TimeoutError:
            most = max(most, len(held))
            for delivery in held:
                await asyncio.to_thread(journal.due.settle, delivery)
            held.clear()
            continue
        if len(held) > WINDOW:
            raise StormError(f"{len(held)} deliveries were handed out at a time, more than the window of {WINDOW}")
        if held[-1] in seen:
            raise StormError(f"the delivery {held[-1]} was made twice")
        seen.add(held[-1])
    return most


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="support.storm", description="Tell of one problem and of many, all at once.")
    parser.add_argument("--reports", type=int, default=10_000, help="notifications of one problem in the first storm")
    parser.add_argument("--problems", type=int, default=500, help="problems at once")
    chosen = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="storm-") as folder:
            with chain_in(Path(folder) / "chain") as chain:
                print(*one_problem(chain, chosen.reports), sep="\n", flush=True)
            print(*asyncio.run(many_problems(Path(folder), chosen.problems)), sep="\n")
    except (StormError, DemoError) as error:
        print(f"The storm has broken something: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
