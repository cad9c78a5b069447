# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes an event for Keptn of what a task asks for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .clients.keptn_values import (
    MARKER_LABEL,
    EventType,
    context_of,
    draft,
    keptn_context,
    parse_type,
    sequence_type,
)
from .errors import ConfigurationError

_TYPE = re.compile(r"sh\.keptn\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
#: Names become parts of a type, which dots divide.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_ANSWERS = ("started", "status.changed", "finished")


def wished_event(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event that the options of C(keptn_event) describe.

    Raises ConfigurationError, which names the option, when Keptn would take the event for something else.
    """
    type_ = params["type"] or _sequence_type(params["stage"], params["sequence"])
    if not _TYPE.fullmatch(type_):
        raise ConfigurationError(f"type is {type_[:80]!r}, expected one like sh.keptn.event.action.finished")
    parsed = parse_type(type_)
    if parsed is not None:
        _check_kind(parsed, params)
    said = {name: params[name] for name in ("project", "stage", "service", "status", "result")}
    said["message"] = params["text"]
    labels = {str(name): str(value) for name, value in params["labels"].items()}
    if params["marker"]:
        labels[MARKER_LABEL] = params["marker"]
    data = {**params["data"], **{name: value for name, value in said.items() if value is not None}}
    if labels:
        data["labels"] = labels
    return draft(
        type_,
        context_for(params),
        data,
        source=params["source"],
        triggered_id=params["triggered_id"] or "",
        git_commit=params["git_commit"] or "",
    )


def context_for(params: Mapping[str, Any]) -> str:
    """Return the context that C(context) names, or the one that belongs to C(marker)."""
    if params["context"]:
        return keptn_context(params["context"])
    if not params["marker"]:
        raise ConfigurationError("context and marker are empty: one of them has to say what is meant")
    return context_of(params["marker"])


def _sequence_type(stage: str, sequence: str) -> str:
    for option, name in (("stage", stage), ("sequence", sequence)):
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{option} is {name[:80]!r}, expected a name without dots and blanks")
    return sequence_type(stage, sequence, "triggered")


def _check_kind(parsed: EventType, params: Mapping[str, Any]) -> None:
    if parsed.stage and parsed.kind == "triggered" and params["stage"] not in (None, parsed.stage):
        raise ConfigurationError(f"stage is {params['stage'][:80]!r}, but the type starts a sequence in {parsed.stage}")
    if parsed.stage or parsed.kind not in _ANSWERS:
        return
    needed = ["context", "triggered_id", "project", "stage", "service"]
    if parsed.kind == "finished":
        needed += ["status", "result"]
    missing = [name for name in needed if not params[name]]
    if missing:
        raise ConfigurationError(f"a .{parsed.kind} event answers a task and needs {', '.join(missing)}")
