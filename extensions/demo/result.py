# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what came out, for programs: C(result.json)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .check import Failure
from .heal import STEPS, newest
from .sandbox_client import State


def result(
    scenario: str,
    incident: str | None,
    seconds: Mapping[str, float],
    state: State | None,
    failures: Sequence[Failure],
) -> dict[str, Any]:
    """Return the result: figures in seconds since the fault, and each tool's final state and address."""
    return {
        "scenario": scenario,
        "healed": not failures,
        "incident": incident,
        "seconds": {step: seconds.get(step) for step in STEPS},
        "tools": final_states(state) if state is not None else {},
        "failures": [{"leg": failure.leg, "why": failure.why} for failure in failures],
    }


def final_states(state: State) -> dict[str, dict[str, Any]]:
    """Return what each tool shows of the newest incident: its id, its state in the tool's own words, its address."""
    incident = newest(state)
    tools = state["tools"]
    own_words = {
        "dynatrace": [problem["status"] for problem in tools["dynatrace"]["problems"]],
        "jira": [issue["status"] for issue in tools["jira"]["issues"]],
        "slack": ["archived" if channel["archived"] else "open" for channel in tools["slack"]["channels"]],
        "xmatters": [alert["status"] for alert in tools["xmatters"]["alerts"]],
    }
    shown = incident["tools"] if incident else {}
    return {
        name: {
            "id": shown.get(name, {}).get("id"),
            "state": words[0] if len(words) == 1 else words,
            "url": shown.get(name, {}).get("url"),
        }
        for name, words in own_words.items()
    }


def endings(state: State) -> str:
    """Return the final states in a few words, for a person."""
    words = [f"{name} {tool['id']} {str(tool['state']).lower()}" for name, tool in final_states(state).items()]
    files = [attachment["name"] for issue in state["tools"]["jira"]["issues"] for attachment in issue["attachments"]]
    return " · ".join([*words, f"{', '.join(files)} attached"])


def summary(scenario: str, incident: str | None, seconds: Mapping[str, float]) -> str:
    """Return the last line of a heal."""
    figures = " ".join(f"{step}={seconds[step]:.1f}s" for step in STEPS)
    return f"healed {scenario} incident={incident} {figures}"


def write(path: Path, data: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", "utf-8")
