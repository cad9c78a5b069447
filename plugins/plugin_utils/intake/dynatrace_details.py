# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the objects in which Dynatrace describes a problem: those of the Problems API v1 and v2. Pure.

Nothing in them is relied upon: what is missing, or is of another type than it should be, is left out.

Sources: docs.dynatrace.com, "Problems API v2", and the placeholder ProblemDetailsJSON of problem notifications.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity, marks_in

#: What the id of a problem may hold.
PROBLEM_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_ENTITY_ID = re.compile(r"([A-Z][A-Z0-9_]{0,63})-[A-Za-z0-9_-]{1,64}")
#: Control characters, half characters, and those that turn the direction of reading.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_MOST_ENTITIES = 50
#: The last moment that a datetime can hold (milliseconds).
_LAST_MOMENT = 253_402_300_799_000


@dataclass(frozen=True)
class Details:
    """What is said of a problem, whichever version of the API it comes from. Empty where nothing is."""

    id: str = ""
    display_id: str = ""
    title: str = ""
    severity: str = ""
    impact: str = ""
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
    #: What may stand for a title.
    subject: str = ""
    #: Where our own writing may be found again: titles, and the evidence that matters if all of it is ours.
    texts: tuple[Any, ...] = ()
    url: str | None = None
    #: The service, where it is named outside the tags.
    service: str = ""


def version_2(details: Mapping[str, Any]) -> Details:
    """Read an object of the Problems API v2."""
    evidence = _that_matters(objects(_mapping(details.get("evidenceDetails")).get("details")), "rootCauseRelevant")
    found: list[Entity | None] = []
    written: list[list[Any]] = []
    for item in evidence:
        properties = {
            entry.get("key"): entry.get("value")
            for entry in objects(_mapping(item.get("data")).get("properties"))
            if isinstance(entry.get("key"), str)
        }
        written.append([*properties.keys(), *properties.values()])
        found += [_stub(item.get("entity")), _stub(item.get("groupingEntity"))]
        found.append(entity_of(properties.get("dt.entity.host"), "HOST", properties.get("host.name")))
    named = [*objects(details.get("affectedEntities")), *objects(details.get("impactedEntities"))]
    return Details(
        id=_word(details.get("problemId"), 128),
        display_id=_word(details.get("displayId"), 64),
        title=_word(details.get("title"), 300),
        severity=_word(details.get("severityLevel"), 64),
        impact=_word(details.get("impactLevel"), 64),
        status=_word(details.get("status"), 64),
        start=details.get("startTime"),
        end=details.get("endTime"),
        tags=tuple(_tags(details.get("entityTags"))),
        root_cause=_stub(details.get("rootCauseEntity")),
        entities=_known(_stub(item) for item in named),
        evidence_entities=_known(found),
        event_types=_not_ours([_word(item.get("eventType"), 64) for item in evidence], written),
        metrics=tuple(_word(item.get("metricId"), 256) for item in evidence),
        texts=(details.get("title"), *_all_ours(written)),
    )


def version_1(details: Mapping[str, Any]) -> Details:
    """Read an object of the Problems API v1."""
    events = _that_matters(objects(details.get("rankedEvents")), "isRootCause")
    impacts = objects(details.get("rankedImpacts"))
    causes = [event for event in events if event.get("isRootCause") is True]
    resources = (entity_of(event.get("resourceId"), None, event.get("resourceName")) for event in events)
    properties = [_mapping(event.get("customProperties")) for event in events]
    written = [[text for pair in found.items() for text in pair] for found in properties]
    return Details(
        # The test notification writes ID.
        id=_word(details.get("id") or details.get("ID"), 128),
        # The "display name" of version 1 is the display number; there is no title.
        display_id=_word(details.get("displayName"), 64),
        severity=_word(details.get("severityLevel"), 64),
        impact=_word(details.get("impactLevel"), 64),
        status=_word(details.get("status"), 64),
        start=details.get("startTime"),
        end=details.get("endTime"),
        tags=tuple(_tags(details.get("tagsOfAffectedEntities"))),
        root_cause=_ranked(causes[0]) if causes else None,
        entities=_known(_ranked(item) for item in [*impacts, *events]),
        evidence_entities=_known(resources),
        event_types=_not_ours([_word(event.get("eventType"), 64) for event in events or impacts], written),
        texts=tuple(_all_ours(written)),
    )


def clean(text: str, limit: int) -> str:
    """Return text of one line: invisible characters become blanks, blanks are joined, a long end is cut off."""
    if len(text) <= limit and text.isprintable() and "  " not in text and text == text.strip():
        # Almost every text; looking at each character takes half of the time of a translation.
        return text
    visible = "".join(
        " " if unicodedata.category(character) in _INVISIBLE else character for character in text[: 4 * limit]
    )
    joined = " ".join(visible.split())
    return joined if len(joined) <= limit else joined[: limit - 1].rstrip() + "…"


def checked_id(name: str, id_: str) -> str:
    """Return the id of a problem. Raises InvalidInputError that calls it C(name)."""
    if not PROBLEM_ID.fullmatch(id_):
        raise InvalidInputError(f"{name} holds characters that no problem id has")
    return id_


def entity_of(id_: Any, type_: Any, name: Any) -> Entity | None:
    """Return the entity, None where the id is none. The type can be read from the id."""
    match = _ENTITY_ID.fullmatch(id_) if isinstance(id_, str) else None
    if match is None:
        return None
    return Entity(match.group(), _word(type_, 64) or match.group(1), _word(name, 256))


def unique(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Return the entities, each once; one with a name is preferred to the same without."""
    found: dict[str, Entity] = {}
    for entity in entities:
        if entity.id not in found or not found[entity.id].name:
            found[entity.id] = entity
    return tuple(found.values())[:_MOST_ENTITIES]


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list, nothing for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment_of(milliseconds: Any) -> datetime | None:
    """Return the moment, None for -1 ("not ended") and for what is no time."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or not 0 < milliseconds <= _LAST_MOMENT:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)


def _not_ours(types: list[str], written: list[list[Any]]) -> tuple[str, ...]:
    """Return the types of the events that are not of our own writing, all where there are no others.

    A release that we rolled back to is a deployment too. What goes wrong after it is no bad release because of that.
    """
    ours = [any(isinstance(text, str) and marks_in(text) for text in event) for event in written]
    others = [type_ for type_, own in zip(types, ours, strict=False) if not own]
    return tuple(others or types)


def _all_ours(events: list[list[Any]]) -> list[Any]:
    """Return the texts of several events, nothing when one of them is not of our own writing.

    A deployment that we announced may be found to be the cause of a failure, which is news all the same.
    """
    ours = all(any(isinstance(text, str) and marks_in(text) for text in event) for event in events)
    return [text for event in events for text in event] if ours else []


def _tags(value: Any) -> Iterator[str]:
    """Yield tags as C(key:value), C(key) or C([CONTEXT]key:value)."""
    for tag in objects(value):
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
    return entity_of(id_.get("id"), id_.get("type"), stub.get("name"))


def _ranked(item: Mapping[str, Any]) -> Entity | None:
    return entity_of(item.get("entityId"), None, item.get("entityName"))


def _known(entities: Iterable[Entity | None]) -> tuple[Entity, ...]:
    return unique(entity for entity in entities if entity is not None)


def _word(value: Any, limit: int) -> str:
    return clean(value, limit) if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
