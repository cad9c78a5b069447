# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When something is killed depends on nothing but the seed, and a sweep leaves no moment out."""

from __future__ import annotations

import re
from itertools import islice

from aiohttp import web

from sandbox.dynatrace import Dynatrace
from sandbox.faults import Faults
from sandbox.hub import Hub
from sandbox.jira import Jira
from sandbox.settings import Settings
from sandbox.slack import Slack
from sandbox.tool import Tool
from sandbox.xmatters import XMatters
from support.chaos_points import BROKEN, KILLS_PER_HEAL, LONGEST_PAUSE, MOMENTS, VICTIMS, WRITES, Kill, at_random, swept

ORDER = (BROKEN, *MOMENTS)
TOOLS: dict[str, type[Tool]] = {kind.name: kind for kind in (Dynatrace, Jira, Slack, XMatters)}


def test_a_seed_chooses_the_same_rounds_every_time() -> None:
    first = list(islice(at_random(7, 2), 50))
    assert first == list(islice(at_random(7, 2), 50))
    assert first != list(islice(at_random(8, 2), 50))


def test_a_sweep_kills_every_victim_at_every_moment_once() -> None:
    kills = [kill for round_ in swept(2) for heal in round_.kills for kill in heal]
    assert sorted(map(str, kills)) == sorted(str(Kill(victim, moment)) for victim in VICTIMS for moment in MOMENTS)


def test_a_part_of_a_sweep_has_every_moment_and_every_victim_about_equally_often() -> None:
    kills = [kill for round_ in swept(2, share=len(VICTIMS)) for heal in round_.kills for kill in heal]
    assert sorted(kill.moment for kill in kills) == sorted(MOMENTS)
    often = [sum(kill.victim == victim for kill in kills) for victim in VICTIMS]
    assert max(often) - min(often) <= 1


def test_every_write_is_cut_in_a_sweep_however_short() -> None:
    for share in (1, 2, 3):
        cut = [one.write for round_ in swept(2, share) for one in round_.cuts]
        assert sorted(map(str, cut)) == sorted(map(str, WRITES))


def test_the_kills_of_a_heal_are_few_and_in_order() -> None:
    for round_ in [*swept(2), *islice(at_random(1, 3), 200)]:
        for heal in round_.kills:
            assert 1 <= len(heal) <= KILLS_PER_HEAL
            moments = [ORDER.index(kill.moment) for kill in heal]
            assert moments == sorted(set(moments))
            assert all(0 <= kill.pause <= LONGEST_PAUSE for kill in heal)


def test_at_random_every_moment_victim_and_write_has_its_turn() -> None:
    rounds = list(islice(at_random(1, 2), 300))
    kills = [kill for round_ in rounds for heal in round_.kills for kill in heal]
    assert {(kill.victim, kill.moment) for kill in kills} == {
        (victim, moment) for victim in VICTIMS for moment in ORDER
    }
    assert {cut.write for round_ in rounds for cut in round_.cuts} == set(WRITES)


async def test_every_write_is_one_that_its_tool_knows() -> None:
    """A write that no request ever matches would never be cut."""
    for write in WRITES:
        tool = TOOLS[write.tool](Settings(), Hub(), Faults())
        method = write.path.rpartition("/")[2].replace("\\", "").rstrip("$")
        paths = [
            route.path.replace("{version:2|3|latest}", "3").replace("{method}", method)
            for route in tool.routes()
            if isinstance(route, web.RouteDef) and route.method == write.method
        ]
        assert any(re.search(write.path, path) for path in paths), write
