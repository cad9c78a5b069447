# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a classic problem notification of Dynatrace. Pure.

A notification is whatever JSON object the tenant's payload template makes of the placeholders, so that names are
compared without case, blanks and underscores (C(ProblemURL), C(Problem URL), C(problemURL)), and everything but the
state and the problem's id may be missing. The details may be the object of the Problems API v1 or v2.

Source of the placeholders: docs.dynatrace.com, settings schema builtin:problem.notifications.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import (
    Details,
    checked_id,
    clean,
    entity_of,
    objects,
    version_1,
    version_2,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_words import STATUSES, is_test

_UNREPLACED = re.compile(r"\{[A-Za-z][A-Za-z0-9]*(?:\[[^\]]*\])?\}")
_URL = re.compile(r"https?://[^\s\"'<>\\^`{|}\x00-\x1f\x7f]{1,2000}", re.IGNORECASE)


def notified_problem(payload: Mapping[str, Any]) -> Details:
    """Read a notification. C(status) is our word already.

    Raises InvalidInputError that names the field.
    """
    fields = _Fields(payload)
    title = fields.text("ProblemTitle", 300)
    pid = fields.text("PID", 128)
    details = fields.details()
    return replace(
        details,
        id=_problem_id(pid, details.id, is_test(pid or details.id, title)),
        display_id=fields.text("ProblemID", 64) or details.display_id,
        status=_status(fields.text("State", 64) or details.status),
        severity=fields.text("ProblemSeverity", 64) or details.severity,
        impact=fields.text("ProblemImpact", 64) or details.impact,
        title=title or details.title,
        subject=fields.text("ImpactedEntity", 300),
        tags=details.tags or tuple(_split_tags(fields.text("Tags", 20_000))),
        entities=(*details.entities, *fields.impacted_entities()),
        texts=(fields.get("ProblemTitle"), *details.texts),
        url=fields.url("ProblemURL"),
        # Only the payload for Keptn has it.
        service=fields.text("KeptnService", 64),
    )


class _Fields:
    """The top-level fields of a notification, found by their name without case, blanks and underscores."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        for name, value in payload.items():
            plain = plain_name(name)
            if plain in self._values and self._values[plain] != value:
                raise InvalidInputError(f"{clean(name, 64)} is given twice, with different values")
            self._values[plain] = value

    def get(self, name: str) -> Any:
        """Return the value of a field, None when it is missing or holds a placeholder that was not replaced."""
        value = self._values.get(plain_name(name))
        if isinstance(value, str) and (not value.strip() or _UNREPLACED.fullmatch(value.strip())):
            return None
        return value

    def text(self, name: str, limit: int) -> str:
        value = self.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 10**64 else None
        if value is None:
            return ""
        if not isinstance(value, str):
            raise InvalidInputError(f"{name} must be text")
        return clean(value, limit)

    def url(self, name: str) -> str | None:
        text = self.text(name, 2048)
        return text if _URL.fullmatch(text) else None

    def impacted_entities(self) -> list[Entity]:
        value = self.get("ImpactedEntities")
        if value is None:
            return []
        if not isinstance(value, list):
            raise InvalidInputError("ImpactedEntities must be a list: write {ImpactedEntities} without quotes")
        return [
            entity
            for item in objects(value)
            if (entity := entity_of(item.get("entity"), item.get("type"), item.get("name"))) is not None
        ]

    def details(self) -> Details:
        """Return the details of version 2 where they are, else those of version 1."""
        second = self._object("ProblemDetailsJSONv2")
        first = self._object("ProblemDetailsJSON") or self._object("ProblemDetails")
        # Some templates carry version 2 under the old name.
        if not second and "problemId" in first:
            first, second = {}, first
        return version_2(second) if second else version_1(first)

    def _object(self, name: str) -> Mapping[str, Any]:
        value = self.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise InvalidInputError(f"{name} must be an object: write {{{name}}} without quotes")
        return value


def plain_name(name: str) -> str:
    return name.replace(" ", "").replace("_", "").lower()


def _problem_id(pid: str, detailed: str, test: bool) -> str:
    """Return the full problem id. A short one is completed from the details."""
    if not test and pid and detailed and pid != detailed:
        if not detailed.startswith(f"{pid}_"):
            raise InvalidInputError(f"PID is {pid}, but the problem details are about {detailed}")
        return checked_id("PID", detailed)
    if not (pid or detailed):
        raise InvalidInputError('PID is missing: the payload needs "PID": "{PID}"')
    return checked_id("PID", pid or detailed)


def _status(state: str) -> str:
    if not state:
        raise InvalidInputError('State is missing: the payload needs "State": "{State}"')
    if state.upper() not in STATUSES:
        raise InvalidInputError(f"State is {state!r}, expected OPEN or RESOLVED")
    return STATUSES[state.upper()]


def _split_tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]
