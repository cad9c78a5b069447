# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translates the problem notification of Dynatrace into a L(Problem). Pure.

A notification is whatever JSON object the tenant's payload template makes of the placeholders, so that names are
compared without case, blanks and underscores (C(ProblemURL), C(Problem URL), C(problemURL)), and everything but the
state and the problem's id may be missing. The details may be the object of the Problems API v1 or v2.

Source of the placeholders: docs.dynatrace.com, settings schema builtin:problem.notifications.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import SERVICE_NAME, Entity, Problem
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
_ENTITY_ID = re.compile(r"([A-Z][A-Z0-9_]{0,63})-[A-Za-z0-9_-]{1,64}")
_UNREPLACED = re.compile(r"\{[A-Za-z][A-Za-z0-9]*(?:\[[^\]]*\])?\}")
_URL = re.compile(r"https?://[^\s\"'<>\\^`{|}\x00-\x1f\x7f]{1,2000}", re.IGNORECASE)
#: Control characters, half characters, and those that turn the direction of reading.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_MOST_ENTITIES = 50
_MOST_TAGS = 100
#: The last moment that a datetime can hold (milliseconds).
_LAST_MOMENT = 253_402_300_799_000


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
    status = _status(fields, details)
    severity = (fields.text("ProblemSeverity", 64) or details.severity).upper()
    title = title or details.title
    tags = tuple(details.tags or _split_tags(fields.text("Tags", 20_000)))[:_MOST_TAGS]
    entities = _unique([*details.entities, *fields.impacted_entities(), *details.evidence_entities])
    places = [*([details.root_cause] if details.root_cause else []), *entities]
    return Problem(
        source=SOURCE,
        tenant=tenant,
        problem_id=_problem_id(pid, details.id, test),
        display_id=fields.text("ProblemID", 64) or details.display_id,
        status=status,
        title=title or fields.text("ImpactedEntity", 300) or "Problem without a title",
        kind=kind_of(
            severity=severity,
            event_types=details.event_types,
            metrics=details.metrics,
            entity_types=[entity.type for entity in places],
            title=title,
        ),
        severity=SEVERITIES.get(severity, "medium"),
        service=_service(tags, service_tag, places),
        url=fields.url("ProblemURL"),
        entities=entities,
        root_cause=details.root_cause,
        tags=tags,
        opened_at=_moment(details.start),
        resolved_at=_moment(details.end) if status == "resolved" else None,
        test=test,
    )


@dataclass(frozen=True)
class _Details:
    """What the problem's details say, whichever version of the API they come from. Empty where they do not."""

    id: str = ""
    display_id: str = ""
    title: str = ""
    severity: str = ""
    status: str = ""
    start: Any = None
    end: Any = None
    tags: tuple[str, ...] = ()
    root_cause: Entity | None = None
    entities: tuple[Entity, ...] = ()
    #: Entities and words of the evidence that belongs to the root cause (of all evidence where none is marked).
    evidence_entities: tuple[Entity, ...] = ()
    event_types: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()


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
            for item in _objects(value)
            if (entity := _entity(item.get("entity"), item.get("type"), item.get("name"))) is not None
        ]

    def details(self) -> _Details:
        """Return the details of version 2 where they are, else those of version 1."""
        second = self._object("ProblemDetailsJSONv2")
        first = self._object("ProblemDetailsJSON") or self._object("ProblemDetails")
        # Some templates carry version 2 under the old name.
        if not second and "problemId" in first:
            first, second = {}, first
        return _version_2(second) if second else _version_1(first)

    def _object(self, name: str) -> Mapping[str, Any]:
        value = self.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise InvalidInputError(f"{name} must be an object: write {{{name}}} without quotes")
        return value


def _version_2(details: Mapping[str, Any]) -> _Details:
    evidence = _that_matters(_objects(_mapping(details.get("evidenceDetails")).get("details")), "rootCauseRelevant")
    found: list[Entity | None] = []
    for item in evidence:
        properties = {
            entry.get("key"): entry.get("value")
            for entry in _objects(_mapping(item.get("data")).get("properties"))
            if isinstance(entry.get("key"), str)
        }
        found += [_stub(item.get("entity")), _stub(item.get("groupingEntity"))]
        found.append(_entity(properties.get("dt.entity.host"), "HOST", properties.get("host.name")))
    named = [*_objects(details.get("affectedEntities")), *_objects(details.get("impactedEntities"))]
    return _Details(
        id=_word(details.get("problemId"), 128),
        display_id=_word(details.get("displayId"), 64),
        title=_word(details.get("title"), 300),
        severity=_word(details.get("severityLevel"), 64),
        status=_word(details.get("status"), 64),
        start=details.get("startTime"),
        end=details.get("endTime"),
        tags=tuple(_tags(details.get("entityTags"))),
        root_cause=_stub(details.get("rootCauseEntity")),
        entities=_known(_stub(item) for item in named),
        evidence_entities=_known(found),
        event_types=tuple(_word(item.get("eventType"), 64) for item in evidence),
        metrics=tuple(_word(item.get("metricId"), 256) for item in evidence),
    )


def _version_1(details: Mapping[str, Any]) -> _Details:
    events = _that_matters(_objects(details.get("rankedEvents")), "isRootCause")
    impacts = _objects(details.get("rankedImpacts"))
    causes = [event for event in events if event.get("isRootCause") is True]
    resources = (_entity(event.get("resourceId"), None, event.get("resourceName")) for event in events)
    return _Details(
        # The test notification writes ID.
        id=_word(details.get("id") or details.get("ID"), 128),
        # The "display name" of version 1 is the display number; there is no title.
        display_id=_word(details.get("displayName"), 64),
        severity=_word(details.get("severityLevel"), 64),
        status=_word(details.get("status"), 64),
        start=details.get("startTime"),
        end=details.get("endTime"),
        tags=tuple(_tags(details.get("tagsOfAffectedEntities"))),
        root_cause=_ranked(causes[0]) if causes else None,
        entities=_known(_ranked(item) for item in [*impacts, *events]),
        evidence_entities=_known(resources),
        event_types=tuple(_word(event.get("eventType"), 64) for event in events or impacts),
    )


def clean(text: str, limit: int) -> str:
    """Return text of one line: invisible characters become blanks, blanks are joined, a long end is cut off."""
    visible = "".join(
        " " if unicodedata.category(character) in _INVISIBLE else character for character in text[: 4 * limit]
    )
    joined = " ".join(visible.split())
    return joined if len(joined) <= limit else joined[: limit - 1].rstrip() + "…"


def _problem_id(pid: str, detailed: str, test: bool) -> str:
    """Return the full problem id. A short one is completed from the details."""
    chosen = pid or detailed
    if not test and pid and detailed and pid != detailed:
        if not detailed.startswith(f"{pid}_"):
            raise InvalidInputError(f"PID is {pid}, but the problem details are about {detailed}")
        chosen = detailed
    if not chosen:
        raise InvalidInputError('PID is missing: the payload needs "PID": "{PID}"')
    if not _PID.fullmatch(chosen):
        raise InvalidInputError("PID holds characters that no problem id has")
    return chosen


def _status(fields: _Fields, details: _Details) -> str:
    state = fields.text("State", 64) or details.status
    if not state:
        raise InvalidInputError('State is missing: the payload needs "State": "{State}"')
    if state.upper() not in STATUSES:
        raise InvalidInputError(f"State is {state!r}, expected OPEN or RESOLVED")
    return STATUSES[state.upper()]


def _service(tags: Iterable[str], key: str, entities: Iterable[Entity]) -> str | None:
    """Return the one service that the tags name, else the name of the first SERVICE, if it is a plain name."""
    prefix = re.compile(rf"(?:\[[^\]]*\])?{re.escape(key)}:(.*)", re.IGNORECASE)
    named = {match.group(1).strip() for tag in tags if (match := prefix.fullmatch(tag))}
    candidates = [*named] if len(named) == 1 else [entity.name for entity in entities if entity.type == "SERVICE"]
    return candidates[0] if candidates and SERVICE_NAME.fullmatch(candidates[0]) else None


def _split_tags(text: str) -> list[str]:
    return [tag.strip() for tag in text.split(",") if tag.strip()]


def _tags(value: Any) -> Iterator[str]:
    """Yield tags as C(key:value), C(key) or C([CONTEXT]key:value)."""
    for tag in _objects(value):
        text = _word(tag.get("stringRepresentation"), 256)
        key, given, context = (_word(tag.get(name), 256) for name in ("key", "value", "context"))
        if not text and key:
            known = "" if context in ("", "CONTEXTLESS") else f"[{context}]"
            text = f"{known}{key}:{given}" if given else f"{known}{key}"
        if text:
            yield text


def _that_matters(items: list[Mapping[str, Any]], mark: str) -> list[Mapping[str, Any]]:
    """Return the items that are marked as belonging to the root cause, or all when none is."""
    return [item for item in items if item.get(mark) is True] or items


def _stub(value: Any) -> Entity | None:
    """Return the entity of a stub C({"entityId": {"id": …, "type": …}, "name": …})."""
    stub = _mapping(value)
    id_ = _mapping(stub.get("entityId"))
    return _entity(id_.get("id"), id_.get("type"), stub.get("name"))


def _ranked(item: Mapping[str, Any]) -> Entity | None:
    return _entity(item.get("entityId"), None, item.get("entityName"))


def _entity(id_: Any, type_: Any, name: Any) -> Entity | None:
    match = _ENTITY_ID.fullmatch(id_) if isinstance(id_, str) else None
    if match is None:
        return None
    return Entity(match.group(), _word(type_, 64) or match.group(1), _word(name, 256))


def _known(entities: Iterable[Entity | None]) -> tuple[Entity, ...]:
    return _unique(entity for entity in entities if entity is not None)


def _unique(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Return the entities, each once; one with a name is preferred to the same without."""
    found: dict[str, Entity] = {}
    for entity in entities:
        if entity.id not in found or not found[entity.id].name:
            found[entity.id] = entity
    return tuple(found.values())[:_MOST_ENTITIES]


def _word(value: Any, limit: int) -> str:
    return clean(value, limit) if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _moment(milliseconds: Any) -> datetime | None:
    """Return the moment, None for -1 ("not ended") and for what is no time."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or not 0 < milliseconds <= _LAST_MOMENT:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def _plain_name(name: str) -> str:
    return name.replace(" ", "").replace("_", "").lower()
