# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics API v2 for what the watches measure on services, and for what was measured on hosts and disks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from aiohttp import web

from .problems_api import entity_terms, fits
from .selectors import MetricTerm, Term, parse_metrics
from .wire import RefusedError, milliseconds, page, query_of, reply, violation
from .world import Sample, World

Values = Sequence[float]
Readings = Sequence[tuple[int, float]]

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


DIMENSION = "dt.entity.service"
_HOST = ("dt.entity.host",)
_DISK = ("dt.entity.host", "dt.entity.disk")


@dataclass(frozen=True)
class Metric:
    """A metric. C(measure) returns the value of one probe of a service, None when the probe says nothing about it.

    What is not measured by probes is taken from the readings of the world.
    """

    key: str
    name: str
    unit: str
    aggregation: str
    measure: Callable[[Sample], float | None] | None = None
    dimensions: tuple[str, ...] = (DIMENSION,)


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
        Metric("builtin:host.cpu.usage", "CPU usage %", "Percent", "avg", dimensions=_HOST),
        Metric("builtin:host.mem.usage", "Memory used %", "Percent", "avg", dimensions=_HOST),
        Metric("builtin:host.disk.usedPct", "Disk used %", "Percent", "avg", dimensions=_DISK),
        Metric("builtin:host.disk.free", "Disk available %", "Percent", "avg", dimensions=_DISK),
        Metric("builtin:host.disk.used", "Disk used", "Byte", "avg", dimensions=_DISK),
        Metric("builtin:host.disk.avail", "Disk available", "Byte", "avg", dimensions=_DISK),
        Metric("builtin:host.disk.readTime", "Disk read time", "MicroSecond", "avg", dimensions=_DISK),
        Metric("builtin:host.disk.writeTime", "Disk write time", "MicroSecond", "avg", dimensions=_DISK),
    )
}


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
        series = [
            self._series(term, entities, begin, end, step) for term in parse_metrics(query.get("metricSelector", ""))
        ]
        warnings = [warning for found in series for warning in found.get("warnings", ())]
        count = sum(len(found["data"]) for found in series)
        body = {"totalCount": count, "nextPageKey": None, "resolution": resolution, "warnings": warnings}
        return reply({**body, "result": series})

    def _series(self, term: MetricTerm, entities: Sequence[Term], begin: int, end: int, step: int) -> dict[str, Any]:
        metric = METRICS.get(term.key)
        result: dict[str, Any] = {
            "metricId": term.text,
            "dataPointCountRatio": 0.0,
            "dimensionCountRatio": 0.0,
            "data": [],
        }
        if metric is None:
            raise violation("metricSelector", f"The metric key {term.key[:128]} is unknown")
        aggregate, factor, kept = _AGGREGATIONS[metric.aggregation], 1.0, list(metric.dimensions)
        measured = [(place, points) for place, points in self._measured(metric) if self._fits(place, entities)]
        for name, arguments in term.transformations:
            if name in _AGGREGATIONS:
                aggregate = _AGGREGATIONS[name]
            elif name == "splitBy":
                named = [argument.strip().strip('"') for argument in arguments.split(",")]
                kept = [dimension for dimension in kept if dimension in named]
            elif name == "toUnit":
                factor *= _conversion(arguments)
            elif name == "filter":
                key, value = _equality(arguments)
                if key not in metric.dimensions:
                    warning = f"The dimension key `{key}` has been referenced, but the metric has no such key."
                    return {**result, "warnings": [warning]}
                measured = [(place, points) for place, points in measured if place[key] == value]
            elif name not in ("names", "auto", "value", "merge", "fold", "sort", "limit"):
                raise violation("metricSelector", f"The transformation {name} is unknown")
        groups: dict[tuple[str, ...], list[tuple[int, float]]] = {}
        for place, points in measured:
            groups.setdefault(tuple(place[dimension] for dimension in kept), []).extend(points)
        for ids, readings in groups.items():
            slots = _points(readings, begin, end, step, aggregate)
            result["data"].append(
                {
                    "dimensions": list(ids),
                    "dimensionMap": dict(zip(kept, ids, strict=True)),
                    "timestamps": [at for at, _value in slots],
                    "values": [None if value is None else value * factor for _at, value in slots],
                }
            )
        return result

    def _measured(self, metric: Metric) -> Iterator[tuple[dict[str, str], Readings]]:
        """Yield where the metric was measured, by dimension, and what."""
        if metric.measure is None:
            for place, readings in self.world.readings.get(metric.key, {}).items():
                yield dict(zip(metric.dimensions, place, strict=True)), list(readings)
            return
        for service, samples in self.world.samples.items():
            told = [(sample.at, metric.measure(sample)) for sample in samples]
            yield {DIMENSION: service}, [(at, value) for at, value in told if value is not None]

    def _fits(self, place: Mapping[str, str], entities: Sequence[Term]) -> bool:
        """Whether one of the entities of a series is among those that were asked for."""
        known = (self.world.entities.get(id_) for id_ in place.values())
        return not entities or any(entity is not None and fits(entity, entities) for entity in known)


def _points(
    readings: Readings, begin: int, end: int, step: int, aggregate: Callable[[Values], float]
) -> list[tuple[int, float | None]]:
    """Return C((end of the slot, value or None)) for each slot of the time frame."""
    slots: list[list[float]] = [[] for _start in range(begin, end, step)]
    for at, value in readings:
        if begin <= at < end:
            slots[(at - begin) // step].append(value)
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
        "entityType": [metric.dimensions[0].removeprefix("dt.entity.").upper()],
        "aggregationTypes": ["auto", "avg", "max", "min"],
        "defaultAggregation": {"type": metric.aggregation},
        "dimensionDefinitions": [
            {"key": key, "name": name, "displayName": name, "index": index, "type": "ENTITY"}
            for index, key in enumerate(metric.dimensions)
            for name in [key.removeprefix("dt.entity.").capitalize()]
        ],
        "transformations": ["filter", "names", "splitBy"],
    }
