# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a Davis problem record, which workflows of the third-generation platform send (C(event()), Grail). Pure.

Its names are flat and have dots (C(event.status)). Nothing beyond its id and its status is relied upon. A value that
may be a scalar or a list (C(dt.davis.impact_level)) is read either way. Entities that are only related
(C(related_entity_ids)) are left out: they are neighbours, and a neighbour must never be taken for the patient.

Source: docs.dynatrace.com, "Semantic dictionary", Davis problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import (
    Details,
    checked_id,
    clean,
    entity_of,
    unique,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_words import STATUSES, TRANSITIONS
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.nothing import NothingToRecordError

PROBLEM = "DAVIS_PROBLEM"
#: Lists of ids, the most telling first. C(dt.entity.<type>) stands beside them.
_AFFECTED = ("affected_entity_ids", "smartscape.affected_entity.ids")
_ENTITIES = "dt.entity."


def is_davis(payload: Mapping[str, Any]) -> bool:
    """Whether this is a record of Grail, of whatever kind."""
    return "event.kind" in payload or "event.id" in payload


def davis_problem(record: Mapping[str, Any]) -> Details:
    """Read a Davis problem record. C(status) is our word already.

    Raises InvalidInputError, and NothingToRecordError for a problem that Davis folded into another one.
    """
    kind = _word(record, "event.kind", 64)
    if kind and kind.upper() != PROBLEM:
        raise InvalidInputError(
            f"event.kind is {kind!r}, expected {PROBLEM}: let the workflow be triggered by problems"
        )
    if not (id_ := _word(record, "event.id", 128)):
        raise InvalidInputError("event.id is missing: send the whole record of the problem")
    if _is_true(record.get("dt.davis.is_duplicate")):
        raise NothingToRecordError(f"{id_[:64]!r} is a duplicate of another problem, says Davis", "duplicate")
    title = _word(record, "event.name", 300)
    tags = tuple(clean(tag, 256) for tag in _texts(record.get("entity_tags")) if tag.strip())
    return Details(
        id=checked_id("event.id", id_),
        display_id=_word(record, "display_id", 64),
        title=title,
        severity=_word(record, "event.category", 64),
        impact=_word(record, "dt.davis.impact_level", 64),
        status=_status(record),
        # A problem that opened again keeps its first begin; what counts is when it began this time.
        start=_milliseconds(record.get("dt.davis.last_reopen_timestamp")) or _milliseconds(record.get("event.start")),
        end=_milliseconds(record.get("event.end")),
        tags=tags,
        root_cause=entity_of(
            next(_texts(record.get("root_cause_entity_id")), None),
            None,
            next(_texts(record.get("root_cause_entity_name")), None),
        ),
        entities=unique(_affected(record)),
        evidence_entities=unique(_places(record)),
        event_types=tuple(clean(text, 64) for text in _texts(record.get("event.type"))),
        texts=(*_texts(record.get("event.name")), *_texts(record.get("event.description"))),
    )


def _status(record: Mapping[str, Any]) -> str:
    said = _word(record, "event.status", 64)
    if said.upper() in STATUSES:
        return STATUSES[said.upper()]
    transition = _word(record, "event.status_transition", 64)
    if not said and transition.upper() in TRANSITIONS:
        return TRANSITIONS[transition.upper()]
    if not said:
        raise InvalidInputError("event.status is missing: send the whole record of the problem")
    raise InvalidInputError(f"event.status is {said!r}, expected ACTIVE or CLOSED")


def _affected(record: Mapping[str, Any]) -> Iterator[Entity]:
    """Yield the affected entities. The list of names is not in the order of the ids, so that only one can be named."""
    ids = list(dict.fromkeys(id_ for name in _AFFECTED for id_ in _texts(record.get(name))))
    names = list(_texts(record.get("affected_entity_names")))
    name = names[0] if len(ids) == len(names) == 1 else None
    for id_ in ids:
        if (entity := entity_of(id_, None, name)) is not None:
            yield entity


def _places(record: Mapping[str, Any]) -> Iterator[Entity]:
    for name, value in record.items():
        if name.startswith(_ENTITIES):
            for id_ in _texts(value):
                if (entity := entity_of(id_, None, None)) is not None:
                    yield entity


def _word(record: Mapping[str, Any], name: str, limit: int) -> str:
    """Return a text of one line. Of a list the first is taken."""
    return clean(next(_texts(record.get(name)), ""), limit)


def _texts(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _milliseconds(value: Any) -> int | None:
    """Return a time like C(2026-11-22T08:00:00.000000000Z) as UTC milliseconds, None for what is none."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        # What is finer than a microsecond is cut.
        moment = datetime.fromisoformat(value.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
