# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows problems of the Problems API v2 as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .clients.dynatrace_values import mapping, moment_of, objects, stub, tags, text


def view(record: Mapping[str, Any], url_of: Callable[[str], str]) -> dict[str, Any]:
    """Return a problem. What it was not asked for with, or does not have, is empty."""
    id_ = text(record.get("problemId"))
    root = stub(record.get("rootCauseEntity"))
    return {
        "id": id_,
        "display_id": text(record.get("displayId")),
        "title": text(record.get("title")),
        "status": "open" if text(record.get("status")).upper() == "OPEN" else "closed",
        "severity": text(record.get("severityLevel")),
        "impact": text(record.get("impactLevel")),
        "started_at": moment_of(record.get("startTime")),
        "ended_at": moment_of(record.get("endTime")),
        "root_cause": root if root["id"] else None,
        "affected": [stub(one) for one in objects(record.get("affectedEntities"))],
        "impacted": [stub(one) for one in objects(record.get("impactedEntities"))],
        "tags": tags(record.get("entityTags")),
        "management_zones": [text(zone.get("name")) for zone in objects(record.get("managementZones"))],
        "alerting_profiles": [text(profile.get("name")) for profile in objects(record.get("problemFilters"))],
        "evidence": [_evidence(one) for one in objects(mapping(record.get("evidenceDetails")).get("details"))],
        "comments": [_comment(one) for one in objects(mapping(record.get("recentComments")).get("comments"))],
        "impacts": [_impact(one) for one in objects(mapping(record.get("impactAnalysis")).get("impacts"))],
        "url": url_of(id_),
    }


def _evidence(found: Mapping[str, Any]) -> dict[str, Any]:
    group = stub(found.get("groupingEntity"))
    data = mapping(found.get("data"))
    return {
        "type": text(found.get("evidenceType")),
        "name": text(found.get("displayName")),
        "event_type": text(found.get("eventType")),
        "metric": text(found.get("metricId")),
        "unit": text(found.get("unit")),
        "value_before": _number(found.get("valueBeforeChangePoint")),
        "value_after": _number(found.get("valueAfterChangePoint")),
        "entity": stub(found.get("entity")),
        "group": group if group["id"] else None,
        "root_cause": found.get("rootCauseRelevant") is True,
        "started_at": moment_of(found.get("startTime")),
        "ended_at": moment_of(found.get("endTime")),
        "properties": {text(one.get("key")): text(one.get("value")) for one in objects(data.get("properties"))},
    }


def _comment(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": text(found.get("id")),
        "at": moment_of(found.get("createdAtTimestamp")),
        "author": text(found.get("authorName")),
        "context": text(found.get("context")),
        "text": text(found.get("content")),
    }


def _impact(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": text(found.get("impactType")),
        "entity": stub(found.get("impactedEntity")),
        "affected_users": _number(found.get("estimatedAffectedUsers")),
        "affected_calls": _number(found.get("numberOfPotentiallyAffectedServiceCalls")),
    }


def _number(value: Any) -> float | int | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
