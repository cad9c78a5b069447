# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents at a glance, one line each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .incident import Incident, iso

#: Columns of the table, as a person reads them from left to right.
COLUMNS = ("id", "opened", "state", "kind", "severity", "service", "display_id", "title")
#: What comes from outside is cut at this length (characters).
WIDEST = 60


def summary(incident: Incident) -> dict[str, Any]:
    """Return what tells an incident from others, as plain fields. Display id, service and title come from outside."""
    problem = incident.problem
    return {
        "id": incident.id,
        "opened": iso(incident.times["detected"]),
        "state": incident.state,
        "kind": problem["kind"],
        "severity": problem["severity"],
        "status": problem["status"],
        "service": problem["service"],
        "target": incident.target,
        "display_id": problem["display_id"],
        "title": problem["title"],
    }


def table(summaries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a table with a heading. Nothing in them is obeyed by a terminal."""
    heading = [name.replace("_", " ") for name in COLUMNS]
    cells = [heading, *([_cell(row[name]) for name in COLUMNS] for row in summaries)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cell(value: Any) -> str:
    text = " ".join(str(value).split()) if value else "–"
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= WIDEST else f"{plain[: WIDEST - 1]}…"
