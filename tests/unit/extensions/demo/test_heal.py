# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A heal is followed step by step: what is said, when the option is pressed, and which leg is named when it stops."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from demo.errors import LegError
from demo.heal import STEPS, Heal
from demo.progress import Progress

FAULT = datetime(2026, 11, 22, 2, 14, 9, tzinfo=timezone.utc)
OPTIONS = [{"name": "process_restart", "label": "Restart process"}, {"name": "take_over", "label": "Take over"}]


def at(seconds: float) -> str:
    return (FAULT + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def incident(state: str, version: int, **times: float) -> dict[str, Any]:
    return {
        "id": "i7k3v5q2x4dmz",
        "state": state,
        "version": version,
        "title": "Process unavailable",
        "target": "shop-01",
        "problem": {"display_id": "P-1"},
        "decision": {"verdict": "ask", "remedy": "process_restart", "options": OPTIONS, "text": "Hands off (frozen)"},
        "answer": {"responder": "Ana Berg", "label": "Restart process", "channel": "xmatters"},
        "times": {**dict.fromkeys(STEPS), **{step: at(seconds) for step, seconds in times.items()}},
        "timeline": [
            {"text": "Verified on shop-01: up 0 → 1", "kind": "verified"},
            {"text": "Escalated: the remedy failed", "kind": "escalated"},
        ],
    }


def state(*incidents: dict[str, Any], alert: dict[str, Any] | None = None, unsettled: int = 1) -> dict[str, Any]:
    people = [{"key": "ana", "name": "Ana Berg", "on_call": True}]
    alerts = [alert] if alert else []
    return {
        "incidents": list(incidents),
        "journal": {"unsettled": unsettled},
        "tools": {"xmatters": {"people": people, "alerts": alerts}},
    }


def alert(**more: Any) -> dict[str, Any]:
    options = [{"number": 1, "label": "Take over"}, {"number": 2, "label": "Restart process"}]
    who = [{"key": "ana", "name": "Ana Berg"}]
    return {"id": "a1", "status": "ACTIVE", "responses": [], "options": options, "recipients": who, **more}


class FakeSandbox:
    url = "http://127.0.0.1:1"

    def __init__(self) -> None:
        self.pressed: list[dict[str, Any]] = []

    def act(self, tool: str, action: str, **arguments: Any) -> dict[str, Any]:
        self.pressed.append({"tool": tool, "action": action, **arguments})
        return {"ok": True}


class FakeScenario:
    name = remedy = "process_restart"


class Clock:
    """Says one second more at every look, which is what a state takes here."""

    def __init__(self, step: float = 1.0) -> None:
        self.now, self.step = FAULT.timestamp(), step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def follow(
    states: Iterator[Any] | list[Any], answer: str = "auto", clock: Clock | None = None
) -> tuple[Heal, Any, str]:
    sandbox, output = FakeSandbox(), io.StringIO()
    heal = Heal(FakeScenario(), sandbox, Progress(output), answer)
    heal._broken_at = FAULT.timestamp()
    try:
        heal.follow(iter(states), clock or Clock())
    finally:
        heal.output = output.getvalue()  # type: ignore[attr-defined]
    return heal, sandbox, output.getvalue()


def whole_story() -> list[dict[str, Any]]:
    asked = incident("asked", 4, detected=0.4, alerted=1.6)
    healing = incident("healing", 7, detected=0.4, alerted=1.6, answered=9.2)
    verifying = incident("verifying", 9, detected=0.4, alerted=1.6, answered=9.2, fixed=11.0)
    all_times = {"detected": 0.4, "alerted": 1.6, "answered": 9.2, "fixed": 11.0, "verified": 14.1}
    done = incident("closed", 14, **all_times, closed=15.3)
    answered = alert(responses=[{"who": "Ana Berg"}])
    return [
        state(unsettled=0),
        state(incident("detected", 1, detected=0.4)),
        *[state(asked, alert=alert()) for _number in range(4)],
        state(healing, alert=answered),
        state(verifying, alert=answered),
        state(incident("stable", 12, **all_times), alert=answered),
        state(done, alert=answered, unsettled=2),
        state(done, alert=answered, unsettled=0),
    ]


def test_every_step_is_said_once_with_its_time_and_the_option_is_pressed_once() -> None:
    heal, sandbox, output = follow(whole_story())
    assert heal.seconds == {
        "detected": 0.4,
        "alerted": 1.6,
        "answered": 9.2,
        "fixed": 11.0,
        "verified": 14.1,
        "closed": 15.3,
    }
    assert sandbox.pressed == [{"tool": "xmatters", "action": "respond", "alert": "a1", "person": "ana", "option": 2}]
    lines = output.splitlines()
    assert [line.split()[1] for line in lines] == list(STEPS)
    assert lines[1] == "  ✔ alerted      1.6 s   Ana Berg: Restart process · Take over"
    assert lines[2] == "  ✔ answered     9.2 s   Ana Berg chose 'Restart process' (xmatters)"
    assert lines[4] == "  ✔ verified    14.1 s   Verified on shop-01: up 0 → 1"


def test_a_person_is_told_where_to_press_and_nothing_is_pressed() -> None:
    _heal, sandbox, output = follow(whole_story(), "person")
    assert sandbox.pressed == []
    assert output.count("… waiting for you: open http://127.0.0.1:1 and press 'Restart process'") == 1


def test_a_person_may_take_as_long_as_they_like() -> None:
    story = whole_story()
    patient = [*story[:5], *[copy.deepcopy(story[5]) for _number in range(500)], *story[6:]]
    heal, _sandbox, _output = follow(patient, "person", Clock(5.0))
    assert "closed" in heal.seconds


@pytest.mark.parametrize(
    ("states", "leg", "why"),
    [
        ([state()] * 200, "detected", "nothing happened for 90 s"),
        ([state(incident("detected", 1, detected=1))] * 200, "alerted", "nothing happened for 90 s"),
        (whole_story()[:10] + whole_story()[9:10] * 200, "closed", "nothing happened for 90 s"),
        ([state(incident("escalated", 9, detected=1, alerted=2, answered=3))], "fixed", "the remedy failed"),
        ([state(incident("held", 2, detected=1))], "decided", r"hands off: Hands off \(frozen\)"),
        (
            [state(incident("asked", 4, detected=1, alerted=2), alert=alert(options=[]))] * 9,
            "alerted",
            "does not offer 'Restart",
        ),
        (
            [state(incident("asked", 4, detected=1, alerted=2), alert=alert(recipients=[]))] * 9,
            "alerted",
            "reached nobody",
        ),
    ],
)
def test_the_leg_at_fault_is_named(states: list[Any], leg: str, why: str) -> None:
    with pytest.raises(LegError, match=why) as caught:
        follow(states)
    assert caught.value.leg == leg


def test_text_from_events_cannot_move_the_cursor() -> None:
    progress = Progress(io.StringIO())
    progress.step("detected", 0.4, "P-1 \x1b[2J\rhealed\u202e\u009b2J")
    assert progress.lines == [r"  ✔ detected     0.4 s   P-1 \x1b[2J\rhealed\u202e\x9b2J"]
