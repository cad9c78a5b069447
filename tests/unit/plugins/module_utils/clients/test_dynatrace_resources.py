# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events, metrics and entities of Dynatrace: odd answers are read or named, and figures are what they should be."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace_metrics import Measured, Point
from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace_values import explain, quoted
from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_figures import (
    FIGURES,
    Told,
    Window,
    in_unit,
    selector_of,
)
from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_hosts import described
from ansible_collections.self_healing.devops.plugins.module_utils.errors import AnswerError, SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, Response
from ansible_collections.self_healing.devops.plugins.module_utils.problem_view import view

NOW = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)
MINUTE = 60_000
NAMES = (
    *(
        "eventIngestResults",
        "correlationId",
        "status",
        "events",
        "eventId",
        "startTime",
        "endTime",
        "properties",
        "key",
    ),
    *("result", "data", "timestamps", "values", "warnings", "unit", "entities", "entityId", "id", "type", "tags"),
    *("fromRelationships", "isProcessOf", "lastSeenTms", "problems", "problemId", "evidenceDetails", "details"),
    *("rootCauseEntity", "recentComments", "comments", "impactAnalysis", "impacts", "nextPageKey", "runsOn"),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["HOST-1", "OK", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


class Answers:
    """Answers every request with the same body."""

    def __init__(self, body: Any) -> None:
        self._body = json.dumps(body).encode()

    def send(self, _request: Request, _timeout: float) -> Response:
        return Response(200, {}, self._body)


def client(body: Any) -> DynatraceClient:
    return DynatraceClient("https://abc.live.dynatrace.com", "dt0c01.X.Y", Answers(body), attempts=1)


CALLS: dict[str, Callable[[DynatraceClient], Any]] = {
    "ingest": lambda dynatrace: dynatrace.events.ingest({}),
    "events": lambda dynatrace: list(dynatrace.events.listing(["CUSTOM_INFO"], NOW)),
    "metric": lambda dynatrace: dynatrace.metrics.query("x", NOW, NOW),
    "unit": lambda dynatrace: dynatrace.metrics.unit("x"),
    "entity": lambda dynatrace: described(dynatrace.entities, [dynatrace.entities.get("HOST-1")], True),
    "entities": lambda dynatrace: described(dynatrace.entities, list(dynatrace.entities.listing("x")), True),
    "problem": lambda dynatrace: view(dynatrace.problem_record("x"), dynatrace.problem_url),
    "problems": lambda dynatrace: [
        view(record, dynatrace.problem_url) for record in dynatrace.problem_records({}, None)
    ],
}


@given(call=st.sampled_from([*CALLS]), body=ANY_JSON | st.dictionaries(st.sampled_from(NAMES), ANY_JSON, max_size=6))
def test_odd_answer_is_read_or_named(call: str, body: Any) -> None:
    try:
        CALLS[call](client(body))
    except SelfHealingError as error:
        assert error.message.startswith("Dynatrace: ")  # noqa: PT017 - any other exception must reach the reader


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("body", [[], None, "text"])
def test_what_is_no_object_is_no_answer(call: str, body: Any) -> None:
    with pytest.raises(AnswerError):
        CALLS[call](client(body))


def test_refusal_of_the_settings_api_is_told_in_its_words() -> None:
    body = [{"code": 201}, {"code": 400, "error": {"code": 400, "message": "Constraints violated."}}]
    assert explain(Response(400, {}, json.dumps(body).encode())) == ("Constraints violated.", "400")
    assert explain(Response(502, {}, b"<html>")) == ("<html>", None)


def test_values_of_selectors_cannot_leave_their_quotes() -> None:
    assert quoted('a","b~') == '"a~",~"b~~"'


# -- figures ----------------------------------------------------------------------------------------------------------


def at(minute: float) -> int:
    return int((NOW + timedelta(minutes=minute)).timestamp() * 1000)


def points(*measured: tuple[float, float]) -> tuple[Point, ...]:
    return tuple(Point(at(minute), value) for minute, value in measured)


def test_slot_of_the_split_belongs_to_neither_side() -> None:
    told = Told({}, {}, {}, {}, [])
    window = Window(NOW - timedelta(minutes=9), NOW + timedelta(minutes=9), NOW + timedelta(seconds=30))
    told.add("x", points((-1, 1), (0, 3), (1, 100), (2, 5), (3, 7)), window, "avg")
    assert (told.before, told.after) == ({"x": 2.0}, {"x": 6.0})
    assert told.figures == {"x": 116 / 5}
    exact = Window(window.since, window.until, NOW)
    told.add("y", points((0, 3), (1, 100)), exact, "max")
    assert (told.before["y"], told.after["y"]) == (3, 100), "a slot ends where the next begins"
    told.add("z", (), exact, "last")
    assert (told.figures["z"], told.before["z"], told.after["z"]) == (None, None, None)


@pytest.mark.parametrize(
    ("unit", "wanted", "value"),
    [
        ("MicroSecond", "MilliSecond", 1.5),
        ("MilliSecond", "MilliSecond", 1500.0),
        ("Second", "MilliSecond", 1_500_000.0),
        ("KibiByte", "Byte", 1_536_000.0),
        ("Ratio", "Percent", 150_000.0),
    ],
)
def test_units_are_converted(unit: str, wanted: str, value: float) -> None:
    [point] = in_unit(Measured(points((0, 1500.0)), ()), unit, wanted, "m")
    assert point == Point(at(0), pytest.approx(value))


@pytest.mark.parametrize("unit", ["Byte", "Fortnight", ""])
def test_unit_that_cannot_be_converted_is_named(unit: str) -> None:
    with pytest.raises(AnswerError, match=r"m is in .*, which cannot be converted to MilliSecond"):
        in_unit(Measured(points((0, 1.0)), ()), unit, "MilliSecond", "m")
    assert in_unit(Measured((), ()), unit, "MilliSecond", "m") == [], "where nothing was measured nothing is wrong"


def test_selector_takes_the_entity_as_a_value() -> None:
    assert selector_of("disk_free", 'DISK-1"):x("') == (
        'builtin:host.disk.free:filter(eq("dt.entity.disk","DISK-1~"):x(~"")):splitBy():min'
    )
    assert {figure.unit for figure in FIGURES.values()} == {"MilliSecond", "Percent", "Count", "Byte"}
