# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One full disk of the service shop, in every form in which Dynatrace tells of a problem."""

from __future__ import annotations

import json
from typing import Any

from support.tree import ROOT

SPECS = ROOT.parent / "shared" / "specs"
PID = "1234567890123456789_1790000000000V2"
HOST = "HOST-1111111111111111"
DISK = "DISK-2222222222222222"
_OPENED = 1790000000000
_STUB = {"entityId": {"id": HOST, "type": "HOST"}, "name": "web01"}
_IMPACTED = [{"type": "HOST", "name": "web01", "entity": HOST}]
_URL = f"https://abc12345.live.dynatrace.com/#problems/problemdetails;pid={PID}"
_TAGS = "ansible_host:web01.example.com, service:shop"

#: An object of the Problems API v2, which C({ProblemDetailsJSONv2}) holds too.
VERSION_2: dict[str, Any] = {
    "problemId": PID,
    "displayId": "P-2611001",
    "title": "Low disk space",
    "impactLevel": "INFRASTRUCTURE",
    "severityLevel": "RESOURCE_CONTENTION",
    "status": "OPEN",
    "affectedEntities": [_STUB],
    "impactedEntities": [_STUB],
    "rootCauseEntity": _STUB,
    "managementZones": [{"id": "1111", "name": "shop"}],
    "entityTags": [
        {"context": "CONTEXTLESS", "key": key, "value": value, "stringRepresentation": f"{key}:{value}"}
        for key, value in (("ansible_host", "web01.example.com"), ("service", "shop"))
    ],
    "problemFilters": [{"id": "c21f969b-0000-0000-0000-000000000000", "name": "Default"}],
    "startTime": _OPENED,
    "endTime": -1,
    "evidenceDetails": {
        "totalCount": 1,
        "details": [
            {
                "evidenceType": "EVENT",
                "displayName": "Low disk space",
                "entity": {"entityId": {"id": DISK, "type": "DISK"}, "name": "/var"},
                "groupingEntity": _STUB,
                "rootCauseRelevant": True,
                "eventId": "987_1790000000000",
                "eventType": "OSI_LOW_DISK_SPACE",
                "startTime": _OPENED,
                "endTime": -1,
            }
        ],
    },
}
_RANKED = {
    "entityId": HOST,
    "entityName": "web01",
    "severityLevel": "RESOURCE_CONTENTION",
    "impactLevel": "INFRASTRUCTURE",
    "eventType": "LOW_DISK_SPACE",
}
#: An object of the Problems API v1, which C({ProblemDetailsJSON}) holds. It has no title.
VERSION_1: dict[str, Any] = {
    "id": PID,
    "displayName": "P-2611001",
    "startTime": _OPENED,
    "endTime": -1,
    "impactLevel": "INFRASTRUCTURE",
    "severityLevel": "RESOURCE_CONTENTION",
    "status": "OPEN",
    "commentCount": 0,
    "tagsOfAffectedEntities": [
        {"context": "CONTEXTLESS", "key": "ansible_host", "value": "web01.example.com"},
        {"context": "CONTEXTLESS", "key": "service", "value": "shop"},
    ],
    "rankedEvents": [
        {
            **_RANKED,
            "startTime": _OPENED,
            "endTime": -1,
            "resourceId": DISK,
            "resourceName": "/var",
            "status": "OPEN",
            "severities": [{"context": "disk", "value": 3.0, "unit": "Percent (%)"}],
            "isRootCause": True,
            "correlationId": "aa55",
        }
    ],
    "rankedImpacts": [_RANKED],
    "hasRootCause": True,
}
#: A Davis problem record.
DAVIS: dict[str, Any] = {
    "event.id": PID,
    "display_id": "P-2611001",
    "event.kind": "DAVIS_PROBLEM",
    "event.name": "Low disk space",
    "event.category": "RESOURCE_CONTENTION",
    "event.status": "ACTIVE",
    "event.status_transition": "CREATED",
    "event.start": "2026-11-22T08:00:00.000000000Z",
    "affected_entity_ids": [HOST],
    "affected_entity_types": ["dt.entity.host"],
    "entity_tags": ["ansible_host:web01.example.com", "service:shop"],
    "dt.davis.is_duplicate": False,
    "maintenance.is_under_maintenance": False,
}
_RECOMMENDED = {
    "State": "OPEN",
    "PID": PID,
    "ProblemID": "P-2611001",
    "ProblemTitle": "Low disk space",
    "ProblemImpact": "INFRASTRUCTURE",
    "ProblemSeverity": "RESOURCE_CONTENTION",
    "ProblemURL": _URL,
    "ImpactedEntity": "Low disk space on web01",
    "NamesOfImpactedEntities": "web01",
    "ImpactedEntities": _IMPACTED,
    "Tags": _TAGS,
    "ProblemDetailsJSONv2": VERSION_2,
}
_DEFAULT = {
    "ImpactedEntities": _IMPACTED,
    "ImpactedEntity": "Low disk space on web01",
    "PID": PID,
    "ProblemDetailsHTML": "<h1>Low disk space</h1>",
    "ProblemDetailsJSON": VERSION_1,
    "ProblemID": "P-2611001",
    "ProblemImpact": "INFRASTRUCTURE",
    "ProblemTitle": "Low disk space",
    "Problem URL": _URL,
    "State": "OPEN",
    "Tags": _TAGS,
}
_XMATTERS = {
    "impactedEntities": _IMPACTED,
    "impactedEntity": "Low disk space on web01",
    "pid": PID,
    "problemDetailsJSON": VERSION_1,
    "problemDetailsText": "Low disk space",
    "problemId": "P-2611001",
    "problemImpact": "INFRASTRUCTURE",
    "problemSeverity": "RESOURCE_CONTENTION",
    "problemTitle": "Low disk space",
    "problemURL": _URL,
    "state": "OPEN",
    "tags": _TAGS,
}
_KEPTN = {
    "specversion": "1.0",
    "type": "sh.keptn.events.problem",
    "shkeptncontext": PID,
    "source": "dynatrace",
    "id": PID,
    "time": "",
    "contenttype": "application/json",
    "data": {
        "State": "OPEN",
        "ProblemID": "P-2611001",
        "PID": PID,
        "ProblemTitle": "Low disk space",
        "ProblemURL": _URL,
        "ProblemDetails": {**VERSION_1, "tagsOfAffectedEntities": VERSION_1["tagsOfAffectedEntities"][:1]},
        "Tags": "ansible_host:web01.example.com",
        "ImpactedEntities": _IMPACTED,
        "ImpactedEntity": "Low disk space on web01",
        "KeptnProject": "sockshop",
        "KeptnStage": "production",
        "KeptnService": "shop",
    },
}

FORMS: dict[str, Any] = {
    "recommended payload": _RECOMMENDED,
    "recommended payload without details": {**_RECOMMENDED, "ProblemDetailsJSONv2": "{ProblemDetailsJSONv2}"},
    "default payload with version 1": _DEFAULT,
    "default payload with version 2 under the old name": {**_DEFAULT, "ProblemDetailsJSON": VERSION_2},
    "xMatters": _XMATTERS,
    "Keptn": _KEPTN,
    "Keptn of 2019": {**_KEPTN, "specversion": "0.2", "type": "sh.keptn.event.problem.open"},
    "Problems API v2": VERSION_2,
    "workflow": {"eventData": DAVIS},
    "workflow with its data as text": {"eventData": json.dumps(DAVIS)},
    "workflow that asked the Problems API": {"eventData": VERSION_2},
    "workflow that sends a notification": {"eventData": _RECOMMENDED},
    "Davis problem record": DAVIS,
}
_TEST = {
    "ImpactedEntities": [{"type": "HOST", "name": "MyHost1", "entity": "HOST-XXXXXXXXXXXXX"}],
    "ImpactedEntity": "MyHost1, MyService1",
    "PID": "99999",
    "ProblemDetailsHTML": "<h1>Dynatrace problem notification test run details</h1>",
    "ProblemDetailsJSON": {"ID": "99999"},
    "ProblemID": "999",
    "ProblemImpact": "INFRASTRUCTURE",
    "ProblemTitle": "Dynatrace problem notification test run",
    "Problem URL": "https://example.com",
    "State": "OPEN",
    "Tags": "testtag1, testtag2",
}
TEST_FORMS: dict[str, Any] = {
    "default payload": _TEST,
    "xMatters": {"pid": "99999", "state": "OPEN", "problemTitle": "Dynatrace problem notification test run"},
    "Keptn": {**_KEPTN, "data": {**_TEST, "ProblemDetails": {"id": "99999"}}},
    "workflow": {"eventData": {**DAVIS, "event.name": "Dynatrace problem notification test run"}},
}


def davis(**changes: Any) -> dict[str, Any]:
    """Return the Davis record with some fields changed; a field set to None is left out."""
    return {name: value for name, value in {**DAVIS, **changes}.items() if value is not None}
