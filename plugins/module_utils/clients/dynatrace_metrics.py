# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynatrace on the wire: Metrics API v2.

Source: docs.dynatrace.com, "Metrics API v2". Scope of the token: C(metrics.read).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ..errors import AnswerError
from ..http import Api
from .dynatrace_values import milliseconds_of, object_of, objects, text


@dataclass(frozen=True)
class Point:
    """A measurement. C(at) is the end of its slot (milliseconds since 1970 in UTC)."""

    at: int
    value: float


@dataclass(frozen=True)
class Measured:
    """What a query measured: the points of all its series in their order in time, and what Dynatrace warns of."""

    points: tuple[Point, ...]
    warnings: tuple[str, ...]


class Metrics:
    """The metrics of one environment. All methods raise the errors of C(Api.call)."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def query(self, selector: str, since: datetime, until: datetime, resolution: str = "1m") -> Measured:
        """Return what one metric selector measured. Slots without a value are left out."""
        query = {
            "metricSelector": selector,
            "from": milliseconds_of(since),
            "to": milliseconds_of(until),
            "resolution": resolution,
        }
        answer = object_of(self._api.call("GET", "metrics/query", query=query))
        results = answer.get("result")
        if not isinstance(results, list):
            raise AnswerError("Dynatrace: the answer to the metrics query has no result")
        points = [
            point for result in objects(results) for series in objects(result.get("data")) for point in _points(series)
        ]
        warned = [answer.get("warnings"), *(result.get("warnings") for result in objects(results))]
        warnings = [said for list_ in warned if isinstance(list_, list) for said in list_ if isinstance(said, str)]
        return Measured(tuple(sorted(points, key=lambda point: point.at)), tuple(dict.fromkeys(warnings)))

    def unit(self, key: str) -> str:
        """Return the unit of a metric, as Dynatrace calls it (C(MicroSecond)). Raises NotFoundError."""
        return text(object_of(self._api.call("GET", f"metrics/{quote(key, safe=':')}")).get("unit"))


def _points(series: Mapping[str, Any]) -> Iterator[Point]:
    timestamps, values = series.get("timestamps"), series.get("values")
    if not isinstance(timestamps, list) or not isinstance(values, list):
        return
    for at, value in zip(timestamps, values, strict=False):
        if _is_number(at) and _is_number(value):
            yield Point(int(at), float(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
