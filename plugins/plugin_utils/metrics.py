# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of this process as Prometheus reads them: counted here, or read from the journal when they are asked for.

Labels hold names of sources, of tools and of parts, and words of fixed sets; never a text or an id of an event. Without
the package prometheus_client nothing is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ansible_collections.self_healing.devops.plugins.plugin_utils.checkup import Readings
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import Health

try:
    import prometheus_client as prometheus
    from prometheus_client.core import GaugeMetricFamily

    AVAILABLE = True
except ImportError:
    # Not needed to heal.
    AVAILABLE = False

if TYPE_CHECKING:
    from prometheus_client import Metric

INSTALL = "the Python package prometheus_client is missing in ansible-rulebook's Python: pip install prometheus_client"

#: What may become of a message. Anything else is counted as C(other).
RESULTS = frozenset(
    {
        "opened",
        "updated",
        "resolved",
        "reopened",
        "duplicate",
        "echo",
        "task",
        "test",
        "answered",
        "acknowledged",
        "approved",
        "refused",
        "late",
        "unknown_option",
    }
)
KINDS = frozenset({"problem", "answer", "timer"})
OTHER = "other"
#: A commit takes milliseconds on a local disk; what takes longer than some seconds makes senders give up.
COMMIT_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counts what happens in this process. To be called from any thread."""

    def __init__(self) -> None:
        self._registry: Any = None
        if not AVAILABLE:
            return
        self._registry = prometheus.CollectorRegistry()
        prometheus.ProcessCollector(registry=self._registry)
        self._arrivals = self._counter(
            "arrivals", "Messages that were taken, by what became of them", "source", "result"
        )
        self._refusals = self._counter("refusals", "Messages that were refused, by HTTP status", "source", "status")
        self._handed_out = self._counter(
            "deliveries", "Deliveries that were handed to the rules, and whether they had been before", "kind", "again"
        )
        self._given_up = self._counter("deliveries_given_up", "Deliveries that no playbook settled in all attempts")
        self._commit_seconds = prometheus.Histogram(
            "self_healing_commit_seconds",
            "Time that the journal took to commit what had arrived",
            buckets=COMMIT_BUCKETS,
            registry=self._registry,
        )
        self._round_trip = prometheus.Gauge(
            "self_healing_canary_round_trip_seconds",
            "Time that the newest canary took through the rules and a playbook back to the journal",
            registry=self._registry,
        )
        self._channel_open = prometheus.Gauge(
            "self_healing_channel_open",
            "Whether answers can arrive through what is kept open to a channel, 1 or 0",
            ["channel"],
            registry=self._registry,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Any:
        return prometheus.Counter(f"self_healing_{name}", text, labels, registry=self._registry)

    def arrived(self, source: str, result: str) -> None:
        """A message was committed, and C(result) became of it."""
        if self._registry is not None:
            self._arrivals.labels(source, _one_of(result, RESULTS)).inc()

    def refused(self, source: str, status: int) -> None:
        """A message was answered with an error."""
        if self._registry is not None:
            self._refusals.labels(source, str(status)).inc()

    def handed_out(self, kind: str, again: bool) -> None:
        """A delivery is on its way to the rules; C(again): not for the first time."""
        if self._registry is not None:
            self._handed_out.labels(_one_of(kind, KINDS), "yes" if again else "no").inc()

    def gave_up(self, number: int) -> None:
        """So many deliveries will not be handed out again."""
        if self._registry is not None:
            self._given_up.inc(number)

    def channel_open(self, channel: str, is_open: bool) -> None:
        """What is kept open to a channel, so that answers arrive, is open or not."""
        if self._registry is not None:
            self._channel_open.labels(channel).set(int(is_open))

    def canary_came_back(self, seconds: float) -> None:
        if self._registry is not None:
            self._round_trip.set(seconds)

    @contextmanager
    def commit(self) -> Iterator[None]:
        """Measure how long the journal takes. What fails is not counted."""
        started = perf_counter()
        yield
        if self._registry is not None:
            self._commit_seconds.observe(perf_counter() - started)

    def page(self, readings: Readings | None, health: Health, now: datetime) -> Page | None:
        """Return all figures, those of the journal as far as it could be read; None without prometheus_client."""
        if self._registry is None:
            return None
        shown = _Shown([self._registry.collect, lambda: _figures(readings, health, now)])
        return Page(prometheus.generate_latest(shown), prometheus.CONTENT_TYPE_LATEST)


@dataclass(frozen=True)
class Page:
    """What Prometheus is answered."""

    body: bytes
    content_type: str


@dataclass(frozen=True)
class _Shown:
    """Several collectors, looking like a registry."""

    parts: Collection[Callable[[], Any]]

    def collect(self) -> Iterator[Metric]:
        for part in self.parts:
            yield from part()


def _figures(readings: Readings | None, health: Health, now: datetime) -> Iterator[Metric]:
    parts = _gauge("part_ok", "Whether a part of this process works, 1 or 0", "part")
    for name, sentence in health.parts.items():
        parts.add_metric([name], 0 if sentence else 1)
    yield parts
    if readings is None:
        return
    yield _gauge("due_waiting", "Due work that was not handed out yet", value=readings.waiting)
    yield _gauge("due_unsettled", "Deliveries that were handed out and are not settled", value=readings.unsettled)
    age = (now - readings.oldest_due).total_seconds() if readings.oldest_due else 0.0
    yield _gauge("due_oldest_seconds", "Age of the oldest due work that is not settled", value=max(0.0, age))
    behind = _gauge("tool_behind", "Incidents that a tool does not show completely", "tool")
    for tool, number in readings.behind.items():
        behind.add_metric([tool], number)
    yield behind


def _gauge(name: str, text: str, *labels: str, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"self_healing_{name}", text, value=value, labels=labels or None)


def _one_of(word: str, words: Collection[str]) -> str:
    return word if word in words else OTHER


@cache
def metrics() -> Metrics:
    """Return what this process counts in."""
    return Metrics()
