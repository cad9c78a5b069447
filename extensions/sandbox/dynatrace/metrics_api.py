# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics API v2 for what the watches measure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from aiohttp import web

from .problems_api import entity_terms, fits
from .selectors import MetricTerm, parse_metrics
from .wire import RefusedError, milliseconds, page, query_of, reply, violation
from .world import Entity, Sample, World

Values = Sequence[float]

_MINUTE = 60_000
_UNITS = {"s": 1000, "m": _MINUTE, "h": 60 * _MINUTE, "d": 24 * 60 * _MINUTE}
#: Smallest and default number of points of a series, as the vendor has them.
_DEFAULT_POINTS, _MOST_POINTS = 120, 10_080
_FACTORS = {"NanoSecond": 1e-9, "MicroSecond": 1e-6, "MilliSecond": 1e-3, "Second": 1.0}
_AGGREGATIONS: dict[str, Callable[[Values], float]] = {
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
    "sum": sum,
    "count": len,
    "median": median,
}


@dataclass(frozen=True)
class Metric:
    """A metric of a service. C(measure) returns the value of one probe, None when the probe says nothing about it."""

    key: str
    name: str
    unit: str
    aggregation: str
    measure: Callable[[Sample], float | None]


METRICS = {
    metric.key: metric
    for metric in (
        Metric(
            "builtin:service.response.time", "Response time", "MicroSecond", "avg", lambda probe: probe.microseconds
        ),
        Metric(
            "builtin:service.errors.total.rate",
            "Failure rate (any errors)",
            "Percent",
            "avg",
            lambda p: 100.0 * (not p.up),
        ),
        Metric("builtin:service.requestCount.total", "Request count", "Count", "sum", lambda _probe: 1.0),
    )
}
DIMENSION = "dt.entity.service"


class MetricsApi:
    """The handlers below /api/v2/metrics."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def list_metrics(self, request: web.Request) -> web.Response:
        chosen, described = page(request, list(METRICS.values()), size=100, most=500)
        return reply({**described, "metrics": [_descriptor(metric) for metric in chosen], "warnings": []})

    async def get(self, request: web.Request) -> web.Response:
        metric = METRICS.get(request.match_info["metric"])
        if metric is None:
            raise RefusedError(404, f"Metric {request.match_info['metric'][:128]} not found")
        return reply(_descriptor(metric))

    async def query(self, request: web.Request) -> web.Response:
        query = query_of(request)
        begin = milliseconds(query.get("from"), "now-2h", "from")
        end = milliseconds(query.get("to"), "now", "to")
        if begin >= end:
            raise violation("from", "must be before to")
        entities = entity_terms(query.get("entitySelector", ""))
        resolution, step = _resolution(query.get("resolution"), end - begin)
        services = [self.world.entities[id_] for id_ in self.world.samples if fits(self.world.entities[id_], entities)]
        series = [
            self._series(term, services, begin, end, step) for term in parse_metrics(query.get("metricSelector", ""))
        ]
        warnings = [warning for found in series for warning in found.get("warnings", ())]
        count = sum(len(found["data"]) for found in series)
        body = {"totalCount": count, "nextPageKey": None, "resolution": resolution, "warnings": warnings}
        return reply({**body, "result": series})

    def _series(self, term: MetricTerm, services: list[Entity], begin: int, end: int, step: int) -> dict[str, Any]:
        metric = METRICS.get(term.key)
        result: dict[str, Any] = {
            "metricId": term.text,
            "dataPointCountRatio": 0.0,
            "dimensionCountRatio": 0.0,
            "data": [],
        }
        if metric is None:
            raise violation("metricSelector", f"The metric key {term.key[:128]} is unknown")
        aggregate, factor, split = _AGGREGATIONS[metric.aggregation], 1.0, True
        for name, arguments in term.transformations:
            if name in _AGGREGATIONS:
                aggregate = _AGGREGATIONS[name]
            elif name == "splitBy":
                split = bool(arguments.strip())
            elif name == "toUnit":
                factor *= _conversion(arguments)
            elif name == "filter":
                key, value = _equality(arguments)
                if key != DIMENSION:
                    warning = f"The dimension key `{key}` has been referenced, but the metric has no such key."
                    return {**result, "warnings": [warning]}
                services = [service for service in services if service.id == value]
            elif name not in ("names", "auto", "value", "merge", "fold", "sort", "limit"):
                raise violation("metricSelector", f"The transformation {name} is unknown")
        groups = [[service] for service in services] if split else [services] if services else []
        for group in groups:
            samples = [sample for service in group for sample in self.world.samples[service.id]]
            points = _points(metric, samples, begin, end, step, aggregate)
            ids = [group[0].id] if split else []
            result["data"].append(
                {
                    "dimensions": ids,
                    "dimensionMap": {DIMENSION: ids[0]} if ids else {},
                    "timestamps": [at for at, _value in points],
                    "values": [None if value is None else value * factor for _at, value in points],
                }
            )
        return result


def _points(
    metric: Metric, samples: list[Sample], begin: int, end: int, step: int, aggregate: Callable[[Values], float]
) -> list[tuple[int, float | None]]:
    """Return C((end of the slot, value or None)) for each slot of the time frame."""
    slots: list[list[float]] = [[] for _start in range(begin, end, step)]
    for sample in samples:
        value = metric.measure(sample)
        if value is not None and begin <= sample.at < end:
            slots[(sample.at - begin) // step].append(value)
    return [
        (min(begin + (number + 1) * step, end), aggregate(values) if values else None)
        for number, values in enumerate(slots)
    ]


def _resolution(text: str | None, span: int) -> tuple[str, int]:
    """Return the resolution's name and its step in milliseconds. Nothing is finer than a minute."""
    text = text or str(_DEFAULT_POINTS)
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if text == "Inf":
        return "Inf", span
    if text.isdigit() and 1 <= int(text) <= _MOST_POINTS:
        step = max(-(-span // int(text)), _MINUTE)
        step = -(-step // _MINUTE) * _MINUTE
    elif match:
        step = max(int(match.group(1)) * _UNITS[match.group(2)], _MINUTE)
    else:
        raise violation("resolution", f"'{text[:32]}' is not a resolution")
    if span // step > _MOST_POINTS:
        raise violation("resolution", "too many data points")
    return f"{step // _MINUTE}m", step


def _conversion(arguments: str) -> float:
    units = [unit.strip() for unit in arguments.split(",")]
    if len(units) != 2 or any(unit not in _FACTORS for unit in units):
        raise violation("metricSelector", f"toUnit({arguments[:64]}) cannot be converted")
    return _FACTORS[units[0]] / _FACTORS[units[1]]


def _equality(arguments: str) -> tuple[str, str]:
    match = re.fullmatch(r'\s*eq\(\s*"?([^",]+)"?\s*,\s*"?([^")]+)"?\s*\)\s*', arguments)
    if not match:
        raise violation("metricSelector", f"the filter {arguments[:64]} is not understood, expected eq(key,value)")
    return match.group(1), match.group(2)


def _descriptor(metric: Metric) -> dict[str, Any]:
    return {
        "metricId": metric.key,
        "displayName": metric.name,
        "description": metric.name,
        "unit": metric.unit,
        "entityType": ["SERVICE"],
        "aggregationTypes": ["auto", "avg", "max", "min"],
        "defaultAggregation": {"type": metric.aggregation},
        "dimensionDefinitions": [
            {"key": DIMENSION, "name": "Service", "displayName": "Service", "index": 0, "type": "ENTITY"}
        ],
        "transformations": ["filter", "names", "splitBy"],
    }
