# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking Keptn for tasks: what is asked, what is taken, and what goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import Event
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    InvalidInputError,
    JournalError,
    UnreachableError,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.keptn_pull import (
    ENDS_EVERY,
    MOST_CONTEXTS,
    Pull,
    ends,
)

TRIGGERED = "sh.keptn.event.action.triggered"


def event(id_: str, type_: str = TRIGGERED) -> Event:
    return Event(id=id_, type=type_, source="shipyard-controller", context="c", data={"project": "shop"})


class Keptn:
    """A Keptn that lists what it is told to. C(asked) is what it was asked for."""

    def __init__(self, *waiting: Event) -> None:
        self.waiting = list(waiting)
        self.asked: list[str] = []
        self.down = False

    def triggered(self, type: str, *, project: str | None = None) -> list[Event]:
        self.asked.append(f"{type} {project}")
        if self.down:
            raise UnreachableError("Keptn cannot be reached")
        return [one for one in self.waiting if one.type == type]

    def events(self, *, context: str | None = None, limit: int | None = None) -> list[Event]:
        self.asked.append(str(context))
        return [event(f"e-{context}", "sh.keptn.event.production.remediation.finished")]


class Taken:
    """What was taken, in order. C(fails) are errors to raise, by id, once each."""

    def __init__(self, **fails: Exception) -> None:
        self.ids: list[str] = []
        self.fails = fails

    async def __call__(self, attributes: Mapping[str, Any], data: Any) -> Mapping[str, Any]:
        if attributes["id"] in self.fails:
            raise self.fails.pop(attributes["id"])
        self.ids.append(attributes["id"])
        return {}


async def test_what_is_listed_again_and_again_is_taken_once() -> None:
    keptn, taken = Keptn(event("a"), event("b")), Taken()
    pull = Pull(lambda: keptn, taken, tasks=["action", "rollback"], projects=["shop", "pay"])
    for _look in range(3):
        assert await pull.look() is None
    assert taken.ids == ["a", "b"]
    assert set(keptn.asked) == {
        f"sh.keptn.event.{t}.triggered {p}" for t in ("action", "rollback") for p in ("shop", "pay")
    }


async def test_what_cannot_be_written_is_tried_again_and_what_cannot_be_understood_is_not() -> None:
    keptn = Keptn(event("a"), event("b"), event("c"))
    taken = Taken(a=InvalidInputError("data.stage is missing"), b=JournalError("the disk is full"))
    pull = Pull(lambda: keptn, taken, tasks=["action"])
    for _look in range(3):
        assert await pull.look() is None
    assert taken.ids == ["c", "b"]


async def test_a_keptn_that_is_down_is_named_and_nothing_is_forgotten() -> None:
    keptn, taken = Keptn(event("a")), Taken()
    pull = Pull(lambda: keptn, taken, tasks=["action"])
    assert await pull.look() is None
    keptn.down = True
    assert await pull.look() == "Keptn cannot be reached"
    keptn.down = False
    assert await pull.look() is None
    assert taken.ids == ["a"]


async def test_all_that_waits_for_an_end_is_asked_about_in_turn() -> None:
    contexts = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(2 * MOST_CONTEXTS)]
    keptn, taken = Keptn(), Taken()
    pull = Pull(lambda: keptn, taken, tasks=[], waiting=lambda: [*contexts, "shop/shop-1.2@1.2"])
    for _look in range(2 * ENDS_EVERY):
        assert await pull.look() is None
    assert sorted(keptn.asked) == contexts
    assert sorted(taken.ids) == [f"e-{context}" for context in contexts]


def test_only_the_newest_end_counts_and_not_while_another_sequence_runs() -> None:
    end, begin = "sh.keptn.event.production.remediation.finished", "sh.keptn.event.production.remediation.triggered"
    done = "sh.keptn.event.action.finished"
    assert [one.id for one in ends([event("3", done), event("2", end), event("1", begin)])] == ["2"]
    assert ends([event("3", begin), event("2", end), event("1", begin)]) == []
    assert ends([]) == []
