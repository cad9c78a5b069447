# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifications that are posted: those of the emulated Dynatrace for crashed processes, as many as wanted."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.dynatrace.notification import PAYLOAD, render, values_of
from sandbox.dynatrace.world import World
from sandbox.settings import Watch


def notification() -> tuple[str, str]:
    """Return the body of one notification and the problem id in it."""
    watch = Watch(service="shop", url="http://127.0.0.1:1/", host="shop-01")
    world = World([watch])
    event = world.evidence("PGI_UNAVAILABLE", "Process unavailable", world.entity(watch.entity))
    problem = world.open_problem("AVAILABILITY", event)
    url = f"https://abc12345.live.dynatrace.com/#problems/problemdetails;pid={problem.pid}"
    return render(PAYLOAD, values_of(problem, "OPEN", url, world)), problem.pid


def bodies(run: int, count: int, *, distinct: bool) -> Iterator[bytes]:
    """Yield the bodies of one run. Problems are C(distinct) within the run and from those of every other run."""
    body, pid = notification()
    for number in range(count):
        yield body.replace(pid, f"-{run:05d}{number if distinct else 0:09d}_1790000000000V2").encode()
