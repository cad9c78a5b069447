# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words of Dynatrace mean which kind and severity of ours. The only place that knows them.

Dynatrace names the same condition in two families of event types (alerting profiles and Events API v2 on one side,
Problems API v1 and recorded evidence on the other), so that each kind has a set of aliases. Generic types that any
metric event can have (C(CUSTOM_ALERT), C(RESOURCE_CONTENTION_EVENT), …) are missing on purpose: severity and entity
say more.

Sources: docs.dynatrace.com, settings schema builtin:alerting.profile, and "Event types" of the environment API.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

#: Event types by kind, the most fundamental kind first: a host that is gone explains the process that is gone.
EVENT_TYPES_BY_KIND: Mapping[str, frozenset[str]] = {
    "host_down": frozenset(
        {
            "ESXI_VM_DISCONNECTED",
            "HOST_CONNECTION_FAILED",
            "HOST_CONNECTION_LOST",
            "HOST_NO_CONNECTION",
            "HOST_OF_SERVICE_UNAVAILABLE",
            "HOST_TIMEOUT",
            "OSI_UNEXPECTEDLY_UNAVAILABLE",
        }
    ),
    "disk_pressure": frozenset(
        {
            "ESXI_HOST_DATASTORE_LOW_DISK_SPACE",
            "HOST_DATASTORE_LOW_DISK_SPACE",
            "HOST_DISK_LOW_INODES",
            "LOW_DISK_SPACE",
            "OSI_DISK_LOW_INODES",
            "OSI_DOCKER_DEVICEMAPPER_LOW_DATA_SPACE",
            "OSI_DOCKER_DEVICEMAPPER_LOW_METADATA_SPACE",
            "OSI_LOW_DISK_SPACE",
            "PGI_RMQ_LOW_DISK_SPACE",
        }
    ),
    "bad_release": frozenset(
        {
            "CUSTOM_DEPLOYMENT",
            "DEPLOYMENT_CHANGED_CHANGE",
            "DEPLOYMENT_CHANGED_NEW",
        }
    ),
    "process_crash": frozenset(
        {
            "PGI_CRASHED_INFO",
            "PGI_OF_SERVICE_UNAVAILABLE",
            "PGI_UNAVAILABLE",
            "PG_LOW_INSTANCE_COUNT",
            "PROCESS_CRASHED",
            "PROCESS_CUSTOM_AVAILABILITY",
            "PROCESS_GROUP_LOW_INSTANCE_COUNT",
            "PROCESS_UNAVAILABLE",
        }
    ),
    "errors": frozenset(
        {
            "APPLICATION_ERROR_RATE_INCREASED",
            "AWS_LAMBDA_HIGH_ERROR_RATE",
            "CUSTOM_APPLICATION_ERROR_RATE_INCREASED",
            "DATABASE_CONNECTION_FAILURE",
            "FAILURE_RATE_INCREASED",
            "JAVASCRIPT_ERROR_RATE_INCREASED",
            "LAMBDA_FUNCTION_HIGH_ERROR_RATE",
            "MOBILE_APPLICATION_ERROR_RATE_INCREASED",
            "SERVICE_ERROR_RATE_INCREASED",
        }
    ),
    "slow_service": frozenset(
        {
            "APPLICATION_SLOWDOWN",
            "CUSTOM_APPLICATION_SLOWDOWN",
            "MOBILE_APPLICATION_SLOWDOWN",
            "SERVICE_RESPONSE_TIME_DEGRADED",
            "SERVICE_SLOWDOWN",
            "USER_ACTION_DURATION_DEGRADATION",
        }
    ),
    "monitoring_gap": frozenset({"MONITORING_UNAVAILABLE"}),
    # Known conditions that are none of the above, although their severity and entity would suggest it.
    "other": frozenset(
        {
            "CPU_SATURATED",
            "HIGH_DROPPED_PACKETS_RATE",
            "HIGH_GC_ACTIVITY",
            "HIGH_NETWORK_ERROR_RATE",
            "HIGH_NETWORK_UTILIZATION",
            "HOST_GRACEFULLY_SHUTDOWN",
            "HOST_LOG_AVAILABILITY",
            "HOST_LOG_ERROR",
            "HOST_LOG_PERFORMANCE",
            "HOST_MAINTENANCE",
            "HOST_SHUTDOWN",
            "HTTP_CHECK_GLOBAL_OUTAGE",
            "HTTP_CHECK_LOCAL_OUTAGE",
            "INSUFFICIENT_DISK_QUEUE_DEPTH",
            "LOG_AVAILABILITY",
            "LOG_ERROR",
            "LOG_PERFORMANCE",
            "MEMORY_RESOURCES_EXHAUSTED",
            "MEMORY_SATURATED",
            "OSI_GRACEFULLY_SHUTDOWN",
            "OSI_HIGH_CPU",
            "OSI_HIGH_MEMORY",
            "OSI_NIC_DROPPED_PACKETS_HIGH",
            "OSI_NIC_ERRORS_HIGH",
            "OSI_NIC_UTILIZATION_HIGH",
            "OSI_SLOW_DISK",
            "OVERLOADED_STORAGE",
            "PROCESS_HIGH_GC_ACTIVITY",
            "PROCESS_LOG_AVAILABILITY",
            "PROCESS_LOG_ERROR",
            "PROCESS_LOG_PERFORMANCE",
            "PROCESS_MEMORY_RESOURCE_EXHAUSTED",
            "PROCESS_THREADS_RESOURCE_EXHAUSTED",
            "SERVICE_UNEXPECTED_HIGH_LOAD",
            "SERVICE_UNEXPECTED_LOW_LOAD",
            "SLOW_DISK",
            "SYNTHETIC_GLOBAL_OUTAGE",
            "SYNTHETIC_LOCAL_OUTAGE",
            "THREADS_RESOURCES_EXHAUSTED",
            "UNEXPECTED_HIGH_LOAD",
            "UNEXPECTED_LOW_LOAD",
            "WEB_CHECK_GLOBAL_OUTAGE",
            "WEB_CHECK_LOCAL_OUTAGE",
        }
    ),
}

#: What the other vocabularies call a severity or an impact, in the words of the Problems API v1 and of notifications.
SEVERITY_ALIASES: Mapping[str, str] = {"SLOWDOWN": "PERFORMANCE"}
IMPACT_ALIASES: Mapping[str, str] = {"SERVICES": "SERVICE", "APPLICATIONS": "APPLICATION"}

#: Severity of ours by severity of Dynatrace.
SEVERITIES: Mapping[str, str] = {
    "AVAILABILITY": "critical",
    "ERROR": "high",
    "PERFORMANCE": "high",
    "RESOURCE_CONTENTION": "medium",
    "CUSTOM_ALERT": "medium",
    "MONITORING_UNAVAILABLE": "medium",
    "INFO": "low",
}

#: Status of ours by state of a notification, status of the Problems API, and status of Grail.
STATUSES: Mapping[str, str] = {
    "OPEN": "open",
    "ACTIVE": "open",
    "MERGED": "open",
    "RESOLVED": "resolved",
    "CLOSED": "resolved",
}

#: Status of ours by the last transition of a record of Grail, where its status is missing.
TRANSITIONS: Mapping[str, str] = {
    "CREATED": "open",
    "UPDATED": "open",
    "REFRESHED": "open",
    "REOPENED": "open",
    "RESOLVED": "resolved",
    "CLOSED": "resolved",
}

#: What the button "Send test notification" sends. There is no such problem.
TEST_PID = "99999"
TEST_TITLE = "Dynatrace problem notification test run"

#: Kind by severity and type of the entity, where no event type decided.
KINDS_BY_ENTITY: Mapping[tuple[str, str], str] = {
    ("AVAILABILITY", "PROCESS_GROUP_INSTANCE"): "process_crash",
    ("AVAILABILITY", "PROCESS_GROUP"): "process_crash",
    ("AVAILABILITY", "HOST"): "host_down",
    ("ERROR", "SERVICE"): "errors",
    ("ERROR", "APPLICATION"): "errors",
    ("ERROR", "MOBILE_APPLICATION"): "errors",
    ("PERFORMANCE", "SERVICE"): "slow_service",
    ("PERFORMANCE", "APPLICATION"): "slow_service",
    ("PERFORMANCE", "MOBILE_APPLICATION"): "slow_service",
    ("RESOURCE_CONTENTION", "DISK"): "disk_pressure",
}

#: Kind by severity and impact, where no entity is known either.
KINDS_BY_IMPACT: Mapping[tuple[str, str], str] = {
    ("ERROR", "SERVICE"): "errors",
    ("ERROR", "APPLICATION"): "errors",
    ("PERFORMANCE", "SERVICE"): "slow_service",
    ("PERFORMANCE", "APPLICATION"): "slow_service",
}

#: Metric events on disks have generic types; what they measure tells (builtin:host.disk.usedPct, dt.host.disk.avail).
_DISK_SPACE_METRIC = re.compile(r"(?:builtin:|dt\.)host\.disk\.(?:used|free|avail|inodes)", re.IGNORECASE)

#: Titles, for notifications that say nothing else. Titles can be renamed, so they come last.
_TITLES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"\bmonitoring (?:is )?not available\b", "monitoring_gap"),
        (r"\bhost or monitoring unavailable\b", "host_down"),
        (r"\bno process found for rule\b", "process_crash"),
        (r"\bprocess (?:unavailable|crashed)\b", "process_crash"),
        (r"\blow disk space\b|\blow (?:number of )?(?:free )?inodes\b|\binodes? number low\b", "disk_pressure"),
        (r"\bresponse time degradation\b", "slow_service"),
        (r"\bfailure rate increase\b", "errors"),
    )
)


def is_test(id_: str, title: str) -> bool:
    """Whether a problem is the one that the button "Send test notification" makes up."""
    return id_ == TEST_PID or title == TEST_TITLE


def severity_word(said: str) -> str:
    """Return a severity as the Problems API calls it, whichever vocabulary it was said in."""
    return SEVERITY_ALIASES.get(said.upper(), said.upper())


def impact_word(said: str) -> str:
    """Return an impact as notifications call it, whichever vocabulary it was said in."""
    return IMPACT_ALIASES.get(said.upper(), said.upper())


def kind_of(
    *,
    severity: str,
    impact: str,
    event_types: Iterable[str],
    metrics: Iterable[str],
    entity_types: Iterable[str],
    title: str,
) -> str:
    """Return the kind of a problem.

    C(severity) and C(impact) are Dynatrace's, from L(severity_word) and L(impact_word). C(event_types) and C(metrics)
    are those of the evidence that matters, C(entity_types) the types of the root cause and of the impacted entities,
    the most telling first.
    """
    if severity == "MONITORING_UNAVAILABLE":
        return "monitoring_gap"
    types = {event_type.upper() for event_type in event_types}
    for kind, aliases in EVENT_TYPES_BY_KIND.items():
        if types & aliases:
            return kind
    if any(_DISK_SPACE_METRIC.match(metric) for metric in metrics):
        return "disk_pressure"
    known = list(entity_types)
    for entity_type in known:
        if (severity, entity_type) in KINDS_BY_ENTITY:
            return KINDS_BY_ENTITY[severity, entity_type]
    if not known and (severity, impact) in KINDS_BY_IMPACT:
        return KINDS_BY_IMPACT[severity, impact]
    return next((kind for pattern, kind in _TITLES if pattern.search(title)), "other")
