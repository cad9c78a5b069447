# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON forms of what the emulator knows: Problems API v2 and v1, comments, events, entities."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from .wire import now
from .world import Comment, Entity, Event, Problem, World

PROFILE = {"id": "c21f969b-5d1a-0000-0000-000000000001", "name": "Default"}
RECENT_COMMENTS = 10


def stub(entity: Entity) -> dict[str, Any]:
    return {"entityId": {"id": entity.id, "type": entity.type}, "name": entity.name}


def tag(key: str, value: str | None) -> dict[str, Any]:
    text = key if value is None else f"{key}:{value}"
    described = {"context": "CONTEXTLESS", "key": key, "stringRepresentation": text}
    return described if value is None else {**described, "value": value}


def tags(pairs: Iterable[tuple[str, str | None]]) -> list[dict[str, Any]]:
    return [tag(key, value) for key, value in pairs]


def comment(written: Comment) -> dict[str, Any]:
    return {
        "id": written.id,
        "createdAtTimestamp": written.at,
        "content": written.content,
        "authorName": written.author,
        "context": written.context,
    }


def event(happened: Event) -> dict[str, Any]:
    return {
        "eventId": happened.id,
        "startTime": happened.start,
        "endTime": happened.end,
        "eventType": happened.type,
        "title": happened.title,
        "entityId": stub(happened.entity),
        # A list on reading, although it is a map on writing.
        "properties": [{"key": key, "value": value} for key, value in happened.properties.items()],
        "status": "OPEN" if happened.end == -1 or happened.end > now() else "CLOSED",
        "correlationId": happened.correlation_id,
        "entityTags": tags(happened.entity.tags),
        "managementZones": [],
        "underMaintenance": False,
        "suppressAlert": False,
        "suppressProblem": False,
        "frequentEvent": False,
    }


def evidence(happened: Event, grouping: Entity | None) -> dict[str, Any]:
    described = {
        "evidenceType": "EVENT",
        "displayName": happened.title,
        "entity": stub(happened.entity),
        "rootCauseRelevant": True,
        "eventId": happened.id,
        "eventType": happened.type,
        "startTime": happened.start,
        "endTime": happened.end,
        "data": event(happened),
    }
    return described if grouping is None else {**described, "groupingEntity": stub(grouping)}


def problem(record: Problem, fields: Collection[str], world: World) -> dict[str, Any]:
    """Return the Problems API v2 object. C(fields) are the additional ones that were asked for."""
    described: dict[str, Any] = {
        "problemId": record.pid,
        "displayId": record.display_id,
        "title": record.title,
        "impactLevel": record.impact,
        "severityLevel": record.severity,
        "status": record.status,
        "affectedEntities": [stub(record.entity)],
        "impactedEntities": [stub(record.entity)],
        "rootCauseEntity": stub(record.entity),
        "managementZones": [],
        "entityTags": tags(record.tags),
        "problemFilters": [PROFILE],
        "startTime": record.start,
        "endTime": record.end,
    }
    if "evidenceDetails" in fields:
        details = [evidence(happened, _grouping(record, world)) for happened in record.events]
        described["evidenceDetails"] = {"totalCount": len(details), "details": details}
    if "impactAnalysis" in fields:
        described["impactAnalysis"] = {"impacts": _impacts(record)}
    if "recentComments" in fields:
        recent = [comment(written) for written in record.comments[::-1][:RECENT_COMMENTS]]
        described["recentComments"] = {
            "totalCount": len(record.comments),
            "pageSize": RECENT_COMMENTS,
            "nextPageKey": None,
            "comments": recent,
        }
    return described


def _grouping(record: Problem, world: World) -> Entity | None:
    """Return what an evidence's entity is grouped under: a process's group, anything else's host."""
    for id_ in record.entity.related.get("isInstanceOf", ()):
        return world.entities.get(id_)
    return record.host


def _impacts(record: Problem) -> list[dict[str, Any]]:
    if record.entity.type != "SERVICE":
        return []
    impact = {"impactType": "SERVICE", "impactedEntity": stub(record.entity), "estimatedAffectedUsers": 0}
    return [{**impact, "numberOfPotentiallyAffectedServiceCalls": 0}]


def problem_v1(record: Problem) -> dict[str, Any]:
    """Return the Problems API v1 object, which the placeholder C({ProblemDetailsJSON}) still carries."""
    impact = {"SERVICES": "SERVICE"}.get(record.impact, record.impact)
    place = {
        "entityId": record.entity.id,
        "entityName": record.entity.name,
        "severityLevel": record.severity,
        "impactLevel": impact,
    }
    counts = {"INFRASTRUCTURE": 0, "SERVICE": 0, "APPLICATION": 0, "ENVIRONMENT": 0}
    closed = record.end != -1
    return {
        "id": record.pid,
        "displayName": record.display_id,
        "startTime": record.start,
        "endTime": record.end,
        "impactLevel": impact,
        "severityLevel": record.severity,
        "status": record.status,
        "commentCount": len(record.comments),
        "tagsOfAffectedEntities": [
            {key: value for key, value in tag(*pair).items() if key != "stringRepresentation"} for pair in record.tags
        ],
        "rankedEvents": [
            {
                **place,
                "startTime": happened.start,
                "endTime": happened.end,
                "eventType": happened.type,
                "status": record.status,
                "severities": [],
                "isRootCause": True,
                "correlationId": happened.correlation_id,
            }
            for happened in record.events
        ],
        "rankedImpacts": [{**place, "eventType": record.events[0].type}],
        "affectedCounts": {**counts, impact: 0 if closed else 1},
        "recoveredCounts": {**counts, impact: 1 if closed else 0},
        "hasRootCause": True,
    }


def entity(known: Entity, fields: Collection[str], world: World) -> dict[str, Any]:
    """Return the entity with the C(fields) that were asked for (a relationship by its full path, or all of a side)."""
    described: dict[str, Any] = {"entityId": known.id, "type": known.type, "displayName": known.name}
    if "firstSeenTms" in fields:
        described["firstSeenTms"] = known.first_seen
    if "lastSeenTms" in fields:
        described["lastSeenTms"] = now()
    if "tags" in fields:
        described["tags"] = tags(known.tags)
    if "managementZones" in fields:
        described["managementZones"] = []
    if "properties" in fields or any(field.startswith("properties.") for field in fields):
        described["properties"] = {
            name: value
            for name, value in known.properties.items()
            if "properties" in fields or f"properties.{name}" in fields
        }
    for side, related in (("fromRelationships", known.related), ("toRelationships", _pointing_to(known, world))):
        if side in fields or any(field.startswith(f"{side}.") for field in fields):
            described[side] = {
                name: [{"id": id_, "type": id_.rsplit("-", 1)[0]} for id_ in ids]
                for name, ids in related.items()
                if side in fields or f"{side}.{name}" in fields
            }
    return described


def _pointing_to(known: Entity, world: World) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for other in world.entities.values():
        for name, ids in other.related.items():
            if known.id in ids:
                found.setdefault(name, []).append(other.id)
    return found
