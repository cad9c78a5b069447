# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Dynatrace sees a new release and that it is slow, and what it tells of it is a bad release to us."""

from __future__ import annotations

import argparse

import pytest

from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate_record
from sandbox.__main__ import watch as read_watch
from sandbox.dynatrace import Dynatrace, shapes
from sandbox.settings import Settings, Watch
from support.one_tool import start_tool
from support.routers import Colour, wait_until


def test_a_slow_release_is_a_problem_with_its_deployment_until_it_is_fast_again() -> None:
    with Colour("2.7.0").serving() as shop:
        watch = Watch("shop", shop.url, "shop-01", interval=0.02, slow_ms=60)
        with start_tool(Dynatrace, Settings(watches=(watch,))) as dynatrace:
            world = dynatrace.tool.world
            wait_until(lambda: len(world.samples[world.service_of(watch).id]) > 10, "the first probes")
            assert world.problems == {}
            assert world.events == {}, "the first version is no deployment"

            shop.version, shop.seconds = "2.7.1", 0.1
            wait_until(lambda: bool(world.problems), "the problem")
            [problem] = world.newest_problems()
            assert [event.type for event in problem.events] == ["SERVICE_SLOWDOWN", "CUSTOM_DEPLOYMENT"]
            assert problem.events[1].title == "shop 2.7.1"
            told = translate_record(shapes.problem(problem, ("evidenceDetails",), world))
            assert (told.kind, told.severity, told.service) == ("bad_release", "high", "shop")
            assert "shop-01" in [entity.name for entity in told.entities]

            shop.version, shop.seconds = "2.7.0", 0.0
            wait_until(lambda: problem.status == "CLOSED", "the end of the problem")
            assert [event.title for event in world.events.values() if event.type == "CUSTOM_DEPLOYMENT"] == [
                "shop 2.7.1",
                "shop 2.7.0",
            ]


def test_what_is_slow_without_a_deployment_is_a_slow_service() -> None:
    with Colour("2.7.0").serving() as shop:
        watch = Watch("shop", shop.url, "shop-01", interval=0.02, slow_ms=60)
        with start_tool(Dynatrace, Settings(watches=(watch,))) as dynatrace:
            world = dynatrace.tool.world
            shop.seconds = 0.1
            wait_until(lambda: bool(world.problems), "the problem")
            [problem] = world.newest_problems()
            told = translate_record(shapes.problem(problem, ("evidenceDetails",), world))
            assert told.kind == "slow_service"


def test_how_slow_is_too_slow_is_said_in_milliseconds() -> None:
    assert read_watch("name=shop,url=http://h/,host=a,slow=200").slow_ms == 200  # type: ignore[union-attr]
    assert read_watch("name=shop,url=http://h/,host=a").slow_ms is None  # type: ignore[union-attr]
    with pytest.raises(argparse.ArgumentTypeError, match="slow is no number of milliseconds"):
        read_watch("name=shop,url=http://h/,host=a,slow=very")
