# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the story of a healed problem ends in Dynatrace: what is measured, and the comment with all figures. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .dynatrace_figures import FIGURES
from .incident import moment

#: What Dynatrace keeps by the minute is gone after this time.
LONGEST = timedelta(days=7)
#: How units are written.
_UNITS = {"Percent": "%", "MilliSecond": "ms", "Count": "", "Byte": "B"}


def measurements(
    incident: Mapping[str, Any], names: Sequence[str], entities: Iterable[str], now: datetime
) -> list[dict[str, Any]]:
    """Return what is to be measured: C(entity), C(figures), C(minutes) up to now and C(split_at), one for each entity.

    C(names) are figures, C(entities) are ids of what belongs to the host. What the problem itself names comes first.
    Figures for which there is no entity of their kind are left out.
    """
    begin = moment(incident["problem"]["opened_at"]) or moment(incident["times"]["detected"])
    split = _newest(incident, "fix_started")
    if begin is None or split is None:
        return []
    at = moment(split["at"])
    if at is None or now - at > LONGEST or at > now:
        return []
    span = min(now - min(begin, at), LONGEST)
    minutes = min(math.ceil(span / timedelta(minutes=1)) + 1, LONGEST // timedelta(minutes=1))
    found: dict[str, list[str]] = {}
    for name in names:
        entity = _entity_for(name, [*_impacted(incident), *entities])
        if entity is not None:
            found.setdefault(entity, []).append(name)
    return [
        {"entity": entity, "figures": figures, "minutes": minutes, "split_at": split["at"]}
        for entity, figures in found.items()
    ]


def figures_comment(incident: Mapping[str, Any], measured: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the comment with the figures before and after, with an identifier of its own.

    C(measured) are results of the module dynatrace_metric_info.
    """
    claim = incident["claim"]
    lines = [f"Before and after {claim['remedy']} on {claim['target']}:"]
    evidence = {phase: (incident["evidence"].get(phase) or {}).get("figures") or {} for phase in ("before", "after")}
    lines += _lines(evidence["before"], evidence["after"], {}) or ["- the remedy measured nothing"]
    lacking: list[str] = []
    seen: list[str] = []
    for result in measured:
        before, after = result.get("before") or {}, result.get("after") or {}
        seen += _lines(before, after, result.get("units") or {})
        lacking += [name for name in {**before, **after} if before.get(name) is None and after.get(name) is None]
    if seen or lacking:
        lines += ["Measured by Dynatrace:", *seen]
    if lacking:
        lines.append(f"- no values (yet): {', '.join(lacking)}")
    return {"id": f"{incident['id']}-figures-{incident['attempt']}", "text": "\n".join(lines)}


def _lines(before: Mapping[str, Any], after: Mapping[str, Any], units: Mapping[str, str]) -> list[str]:
    """Return one line for each figure that has a value on one side."""
    return [
        f"- {name}: {_figure(before.get(name))} → {_figure(after.get(name))} {_unit(units.get(name, ''))}".rstrip()
        for name in {**before, **after}
        if before.get(name) is not None or after.get(name) is not None
    ]


def _unit(unit: str) -> str:
    return _UNITS.get(unit, unit)


def _figure(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    return str(value)


def _entity_for(name: str, entities: Iterable[str]) -> str | None:
    types = FIGURES[name].types if name in FIGURES else ()
    return next((entity for entity in entities if entity.rpartition("-")[0] in types), None)


def _impacted(incident: Mapping[str, Any]) -> list[str]:
    """Return the ids of what the problem names, its root cause first."""
    return [entity["id"] for entity in [incident["root_cause"], *incident["entities"]] if entity]


def _newest(incident: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    return next((entry for entry in reversed(incident["timeline"]) if entry["kind"] == kind), None)
