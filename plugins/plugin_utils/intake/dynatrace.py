# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translates what Dynatrace says of a problem into a L(Problem): its notification, or a record of its API. Pure.

A notification is whatever JSON object the tenant's payload template makes of the placeholders, so that names are
compared without case, blanks and underscores (C(ProblemURL), C(Problem URL), C(problemURL)), and everything but the
state and the problem's id may be missing. The details may be the object of the Problems API v1 or v2.

Source of the placeholders: docs.dynatrace.com, settings schema builtin:problem.notifications.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import (
    SERVICE_NAME,
    Entity,
    Problem,
    marks_in,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import (
    Details,
    clean,
    entity_of,
    moment_of,
    objects,
    unique,
    version_1,
    version_2,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_words import (
    SEVERITIES,
    STATUSES,
    kind_of,
)

SOURCE = "dynatrace"
#: What the button "Send test notification" sends. There is no such problem.
TEST_PID = "99999"
TEST_TITLE = "Dynatrace problem notification test run"

_PID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_UNREPLACED = re.compile(r"\{[A-Za-z][A-Za-z0-9]*(?:\[[^\]]*\])?\}")
_URL = re.compile(r"https?://[^\s\"'<>\\^`{|}\x00-\x1f\x7f]{1,2000}", re.IGNORECASE)
_MOST_TAGS = 100
#: Marks of our own writing are looked for in this much of a text (characters).
_MARKED_TEXT = 4096


def translate(payload: Any, tenant: str = "default", service_tag: str = "service") -> Problem:
    """Return the problem that a notification reports.

    C(tenant) tells several Dynatrace environments apart. C(service_tag) is the key of the tag that names the service.
    Raises InvalidInputError that names the field.
    """
    if not isinstance(payload, dict):
        raise InvalidInputError("a problem notification must be a JSON object")
    fields = _Fields(payload)
    title = fields.text("ProblemTitle", 300)
    pid = fields.text("PID", 128)
    details = fields.details()
    test = (pid or details.id) == TEST_PID or title == TEST_TITLE
    told = replace(
        details,
        id=_problem_id(pid, details.id, test),
        display_id=fields.text("ProblemID", 64) or details.display_id,
        status=_status(fields.text("State", 64) or details.status),
        severity=fields.text("ProblemSeverity", 64) or details.severity,
        title=title or details.title,
        subject=fields.text("ImpactedEntity", 300),
        tags=details.tags or tuple(_split_tags(fields.text("Tags", 20_000))),
        entities=(*details.entities, *fields.impacted_entities()),
        texts=(fields.get("ProblemTitle"), *details.texts),
    )
    return _problem(told, tenant, service_tag, url=fields.url("ProblemURL"), test=test)


def translate_record(
    record: Any, tenant: str = "default", service_tag: str = "service", as_of: datetime | None = None
) -> Problem:
    """Return the problem that an object of the Problems API v2 describes.

    C(as_of) is when the API was asked; the other arguments are those of L(translate), and so is what is raised.
    """
    if not isinstance(record, dict):
        raise InvalidInputError("a problem of the Problems API must be a JSON object")
    details = version_2(record)
    if not details.id:
        raise InvalidInputError("problemId is missing")
    if details.status.upper() not in STATUSES:
        raise InvalidInputError(f"status is {details.status!r}, expected OPEN or CLOSED")
    told = replace(details, id=_checked_id("problemId", details.id), status=STATUSES[details.status.upper()])
    test = told.id == TEST_PID or told.title == TEST_TITLE
    return _problem(told, tenant, service_tag, test=test, as_of=as_of)


def problem_id_of(record: Any) -> str | None:
    """Return the id of a record that may be no problem, None where nothing in it can be one."""
    id_ = record.get("problemId") if isinstance(record, dict) else None
    return id_ if isinstance(id_, str) and _PID.fullmatch(id_) else None


def _problem(
    told: Details,
    tenant: str,
    service_tag: str,
    *,
    test: bool,
    url: str | None = None,
    as_of: datetime | None = None,
) -> Problem:
    """Return the problem that was told, in our words. Its id and its status are ours already."""
    severity = told.severity.upper()
    tags = told.tags[:_MOST_TAGS]
    entities = unique([*told.entities, *told.evidence_entities])
    places = [*([told.root_cause] if told.root_cause else []), *entities]
    return Problem(
        source=SOURCE,
        tenant=tenant,
        problem_id=told.id,
        display_id=told.display_id,
        status=told.status,
        title=told.title or told.subject or "Problem without a title",
        kind=kind_of(
            severity=severity,
            event_types=told.event_types,
            metrics=told.metrics,
            entity_types=[entity.type for entity in places],
            title=told.title,
        ),
        severity=SEVERITIES.get(severity, "medium"),
        service=_service(tags, service_tag, places),
        url=url,
        entities=entities,
        root_cause=told.root_cause,
        tags=tags,
        opened_at=moment_of(told.start),
        resolved_at=moment_of(told.end) if told.status == "resolved" else None,
        test=test,
        marks=_marks([*told.texts, *told.tags]),
        as_of=as_of,
    )


class _Fields:
    """The top-level fields of a notification, found by their name without case, blanks and underscores."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self._values: dict[str, Any] = {}
        for name, value in payload.items():
            plain = _plain_name(name)
            if plain in self._values and self._values[plain] != value:
                raise InvalidInputError(f"{clean(name, 64)} is given twice, with different values")
            self._values[plain] = value

    def get(self, name: str) -> Any:
        """Return the value of a field, None when it is missing or holds a placeholder that was not replaced."""
        value = self._values.get(_plain_name(name))
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


def _problem_id(pid: str, detailed: str, test: bool) -> str:
    """Return the full problem id. A short one is completed from the details."""
    chosen = pid or detailed
    if not test and pid and detailed and pid != detailed:
        if not detailed.startswith(f"{pid}_"):
            raise InvalidInputError(f"PID is {pid}, but the problem details are about {detailed}")
        chosen = detailed
    if not chosen:
        raise InvalidInputError('PID is missing: the payload needs "PID": "{PID}"')
    return _checked_id("PID", chosen)


def _checked_id(name: str, id_: str) -> str:
    if not _PID.fullmatch(id_):
        raise InvalidInputError(f"{name} holds characters that no problem id has")
    return id_


def _status(state: str) -> str:
    if not state:
        raise InvalidInputError('State is missing: the payload needs "State": "{State}"')
    if state.upper() not in STATUSES:
        raise InvalidInputError(f"State is {state!r}, expected OPEN or RESOLVED")
    return STATUSES[state.upper()]


def _marks(texts: Iterable[Any]) -> tuple[str, ...]:
    """Return the incidents that our own writing names in texts, each once."""
    known = (text[:_MARKED_TEXT] for text in texts if isinstance(text, str))
    return tuple(dict.fromkeys(incident for text in known for incident in marks_in(text)))


def _service(tags: Iterable[str], key: str, entities: Iterable[Entity]) -> str | None:
    """Return the one service that the tags name, else the name of the first SERVICE, if it is a plain name."""
    prefix = re.compile(rf"(?:\[[^\]]*\])?{re.escape(key)}:(.*)", re.IGNORECASE)
    named = {match.group(1).strip() for tag in tags if (match := prefix.fullmatch(tag))}
    candidates = [*named] if len(named) == 1 else [entity.name for entity in entities if entity.type == "SERVICE"]
    return candidates[0] if candidates and SERVICE_NAME.fullmatch(candidates[0]) else None


def _split_tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def _plain_name(name: str) -> str:
    return name.replace(" ", "").replace("_", "").lower()
