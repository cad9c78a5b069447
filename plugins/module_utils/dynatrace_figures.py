# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain figures from what Dynatrace measures: one number for each name, in a known unit. Pure besides the calls.

A slot in which nothing was measured is no zero. Without any value a figure is None, which the caller has to expect: a
service that nobody calls has no response time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Any

from .clients.dynatrace_metrics import Measured, Metrics, Point
from .clients.dynatrace_values import milliseconds_of, quoted
from .errors import AnswerError, ConfigurationError

#: Length of a slot; Dynatrace has nothing finer.
SLOT = timedelta(minutes=1)

AGGREGATIONS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "avg": fmean,
    "min": min,
    "max": max,
    "sum": sum,
    "median": median,
    "last": lambda values: values[-1],
}
#: Units that can be converted into each other, as factors of a common one.
_UNITS: tuple[Mapping[str, float], ...] = (
    {"NanoSecond": 1.0, "MicroSecond": 1e3, "MilliSecond": 1e6, "Second": 1e9, "Minute": 60e9, "Hour": 3600e9},
    {
        "Byte": 1.0,
        "KiloByte": 1e3,
        "MegaByte": 1e6,
        "GigaByte": 1e9,
        "KibiByte": 2.0**10,
        "MebiByte": 2.0**20,
        "GibiByte": 2.0**30,
    },
    {"Percent": 1.0, "Ratio": 100.0},
    {"Count": 1.0},
)


@dataclass(frozen=True)
class Figure:
    """A figure that we know: its metric, what it can be measured on, its unit, and how slots become one number."""

    metric: str
    types: tuple[str, ...]
    unit: str
    aggregation: str


_HOST_OR_DISK = ("HOST", "DISK")
FIGURES: Mapping[str, Figure] = {
    "response_time": Figure("builtin:service.response.time", ("SERVICE",), "MilliSecond", "avg"),
    "failure_rate": Figure("builtin:service.errors.total.rate", ("SERVICE",), "Percent", "avg"),
    "request_count": Figure("builtin:service.requestCount.total", ("SERVICE",), "Count", "sum"),
    "disk_used": Figure("builtin:host.disk.usedPct", _HOST_OR_DISK, "Percent", "max"),
    "disk_free": Figure("builtin:host.disk.free", _HOST_OR_DISK, "Percent", "min"),
    "disk_used_bytes": Figure("builtin:host.disk.used", _HOST_OR_DISK, "Byte", "max"),
    "disk_free_bytes": Figure("builtin:host.disk.avail", _HOST_OR_DISK, "Byte", "min"),
    "disk_read_latency": Figure("builtin:host.disk.readTime", _HOST_OR_DISK, "MilliSecond", "max"),
    "disk_write_latency": Figure("builtin:host.disk.writeTime", _HOST_OR_DISK, "MilliSecond", "max"),
    "cpu_usage": Figure("builtin:host.cpu.usage", ("HOST",), "Percent", "avg"),
    "memory_usage": Figure("builtin:host.mem.usage", ("HOST",), "Percent", "avg"),
}


@dataclass(frozen=True)
class Window:
    """The time that is looked at. With C(split) the figures before and after it are told apart."""

    since: datetime
    until: datetime
    split: datetime | None = None


@dataclass
class Told:
    """Figures by name: over the whole window, before the split and after it. C(units) are those that are known."""

    figures: dict[str, float | None]
    before: dict[str, float | None]
    after: dict[str, float | None]
    units: dict[str, str]
    warnings: list[str]
    #: What was measured, slot by slot: seconds since 1970 and the value.
    points: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, name: str, points: Sequence[Point], window: Window, aggregation: str) -> None:
        self.figures[name] = aggregate(points, aggregation)
        self.points[name] = [(point.at / 1000, point.value) for point in points]
        if window.split is not None:
            split, slot = milliseconds_of(window.split), SLOT // timedelta(milliseconds=1)
            self.before[name] = aggregate([point for point in points if point.at <= split], aggregation)
            # What ends in the slot of the split itself was measured in both.
            self.after[name] = aggregate([point for point in points if point.at - slot >= split], aggregation)


def tell(
    metrics: Metrics, entity: str | None, names: Iterable[str], queries: Iterable[Mapping[str, Any]], window: Window
) -> Told:
    """Measure the figures C(names) of an entity, and what C(queries) of the caller's own select."""
    told = Told({}, {}, {}, {}, [])
    for name in dict.fromkeys(names):
        figure = FIGURES[name]
        measured = metrics.query(selector_of(name, entity), window.since, window.until)
        points = in_unit(measured, metrics.unit(figure.metric), figure.unit, figure.metric)
        told.add(name, points, window, figure.aggregation)
        told.units[name] = figure.unit
        told.warnings += measured.warnings
    for query in queries:
        if query["name"] in told.figures:
            raise ConfigurationError(f"queries: the name {query['name']} is given twice")
        measured = metrics.query(query["selector"], window.since, window.until)
        told.add(query["name"], measured.points, window, query["aggregation"])
        told.warnings += measured.warnings
    return told


def selector_of(name: str, entity: str | None) -> str:
    """Return the metric selector of a figure that we know. Raises ConfigurationError."""
    figure = FIGURES[name]
    type_ = (entity or "").rpartition("-")[0]
    if type_ not in figure.types:
        wanted = " or ".join(f"{type_}-…" for type_ in figure.types)
        raise ConfigurationError(f"{name} is measured on {wanted}; entity is {entity!r}")
    # Within a slot the series of several disks become one, the same way in which the slots do.
    place = f'eq("dt.entity.{type_.lower()}",{quoted(entity or "")})'
    return f"{figure.metric}:filter({place}):splitBy():{figure.aggregation}"


def in_unit(measured: Measured, unit: str, wanted: str, metric: str) -> list[Point]:
    """Return the points in the unit that is wanted. Raises AnswerError where that is not possible."""
    if unit == wanted or not measured.points:
        return list(measured.points)
    for family in _UNITS:
        if unit in family and wanted in family:
            factor = family[unit] / family[wanted]
            return [Point(point.at, point.value * factor) for point in measured.points]
    raise AnswerError(f"Dynatrace: {metric} is in {unit or 'no unit'}, which cannot be converted to {wanted}")


def aggregate(points: Sequence[Point], aggregation: str) -> float | None:
    """Return one number for points in their order in time, None for none."""
    return AGGREGATIONS[aggregation]([point.value for point in points]) if points else None
