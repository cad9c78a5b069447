# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes sure that Dynatrace has an event, once for each entity that it is about.

An event has two properties of ours: a key, by which it is found again, and the mark of the incident, by which a problem
that Dynatrace opens because of it is known as an echo.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from .clients.dynatrace import DynatraceClient
from .clients.dynatrace_events import STORED, EventRecord, EventReport
from .clients.dynatrace_values import criterion, milliseconds_of, moment_of
from .errors import ApiError, ConfigurationError, UnclearOutcomeError
from .incident import mark
from .moments import moment_in

KEY = "self_healing.key"
INCIDENT = "self_healing.incident"
REMEDY = "self_healing.remedy"
SOURCE = "dt.event.source"
DESCRIPTION = "dt.event.description"
DEPLOYMENT = "CUSTOM_DEPLOYMENT"
#: Property of the API by the name of an option of the deployment.
DEPLOYMENT_PROPERTIES: Mapping[str, str] = {
    "name": "dt.event.deployment.name",
    "version": "dt.event.deployment.version",
    "project": "dt.event.deployment.project",
    "stage": "dt.event.deployment.release_stage",
    "product": "dt.event.deployment.release_product",
    "build_version": "dt.event.deployment.release_build_version",
    "ci_link": "dt.event.deployment.ci_back_link",
    "remediation_link": "dt.event.deployment.remediation_action_link",
    "remedy": REMEDY,
}
#: What the vendor takes.
MOST_PROPERTIES = 100
LONGEST_NAME = 100
LONGEST_VALUE = 4096


@dataclass(frozen=True)
class Scope:
    """Who an event is about: certain entities of one type, or whatever a selector fits, or the environment."""

    entities: tuple[str, ...] = ()
    given: str | None = None

    @property
    def selector(self) -> str | None:
        return criterion("entityId", self.entities) if self.entities else self.given

    def lacking(self, present: Iterable[EventRecord]) -> Scope | None:
        """Return those that an event is still to be sent to, None when all have it."""
        there = {record.entity for record in present}
        if not self.entities:
            return None if there else self
        left = tuple(entity for entity in self.entities if entity not in there)
        return Scope(left) if left else None

    def body(self) -> dict[str, str]:
        """Return the part of the API's body. Without any the environment is meant."""
        return {"entitySelector": self.selector} if self.selector else {}

    def names(self) -> list[str]:
        return [*self.entities] or [self.given or "environment"]


def keep_event(client: DynatraceClient, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Send the event to those that lack it, and return what there is then."""
    event = event_of(params)
    key = event["properties"][KEY]
    present: list[EventRecord] = []
    sent: list[EventReport] = []
    added: list[str] = []
    for scope in scopes(params):
        there = _present(client, params, key, scope)
        lacking = scope.lacking(there)
        if lacking is not None and not check_mode:
            sent += _send(client, params, {**event, **lacking.body()}, lacking)
        present += there
        added += lacking.names() if lacking is not None else []
    before = [record.entity for record in present]
    return {
        "changed": bool(added),
        "diff": {"before": {"events": before}, "after": {"events": [*before, *added]}},
        "key": key,
        "sent": [{"correlation_id": report.correlation_id, "status": report.status} for report in sent],
        "present": [_shown(record) for record in present],
    }


def scopes(params: Mapping[str, Any]) -> list[Scope]:
    """Return who an event is about. A selector of ids takes entities of one type only. Raises ConfigurationError."""
    if params["entities"] and params["entity_selector"]:
        raise ConfigurationError("entities and entity_selector were both given, expected one of them")
    by_type: dict[str, list[str]] = {}
    for entity in dict.fromkeys(params["entities"]):
        by_type.setdefault(entity.rpartition("-")[0], []).append(entity)
    return [Scope(tuple(ids)) for ids in by_type.values()] or [Scope(given=params["entity_selector"] or None)]


def event_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of the API without its entities. Raises ConfigurationError that names the option."""
    event: dict[str, Any] = {
        "eventType": params["event_type"],
        "title": params["title"],
        "properties": properties_of(params),
    }
    for name, option in (("startTime", "started_at"), ("endTime", "ended_at")):
        if (at := moment_in(params, option)) is not None:
            event[name] = milliseconds_of(at)
    if params["event_timeout"] is not None:
        event["timeout"] = params["event_timeout"]
    return event


def properties_of(params: Mapping[str, Any]) -> dict[str, str]:
    """Return all properties of the event as text. Raises ConfigurationError."""
    deployment = {name: value for name, value in (params["deployment"] or {}).items() if value is not None}
    if deployment and params["event_type"] != DEPLOYMENT:
        raise ConfigurationError(f"deployment goes with event_type {DEPLOYMENT} only, found {params['event_type']}")
    given = {
        **(params["properties"] or {}),
        **{DEPLOYMENT_PROPERTIES[name]: value for name, value in deployment.items()},
        SOURCE: params["source"],
        DESCRIPTION: params["description"],
        INCIDENT: mark(params["incident"]) if params["incident"] else None,
    }
    properties = {name: _as_text(name, value) for name, value in given.items() if value is not None}
    properties[KEY] = params["key"] or _key_of(params, properties)
    if len(properties) > MOST_PROPERTIES:
        raise ConfigurationError(f"properties: an event has at most {MOST_PROPERTIES}, found {len(properties)}")
    return properties


def _key_of(params: Mapping[str, Any], properties: Mapping[str, str]) -> str:
    """Return a key of what makes an event this one. Its description may say what differs between two runs."""
    told = sorted((name, value) for name, value in properties.items() if name not in (DESCRIPTION, SOURCE))
    said = [params["event_type"], params["title"], params["entity_selector"], params["started_at"], told]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _as_text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    elif isinstance(value, (int, float)):
        value = str(value)
    if not isinstance(value, str):
        raise ConfigurationError(f"properties: {name} must be text, a number or true or false")
    if not 0 < len(name) <= LONGEST_NAME:
        raise ConfigurationError(f"properties: a name has 1 to {LONGEST_NAME} characters, found {name[:40]!r}")
    if name == DESCRIPTION and len(value) > LONGEST_VALUE:
        return f"{value[: LONGEST_VALUE - 1]}…"
    if len(value) > LONGEST_VALUE:
        raise ConfigurationError(f"properties: {name} has {len(value)} characters, expected at most {LONGEST_VALUE}")
    return value


def _present(client: DynatraceClient, params: Mapping[str, Any], key: str, scope: Scope) -> list[EventRecord]:
    now = datetime.now(timezone.utc)
    started = moment_in(params, "started_at") or now
    since = min(now, started) - timedelta(minutes=params["seen_within"])
    until = started + timedelta(minutes=1) if started > now else None
    known = client.events.listing([params["event_type"]], since, until, scope.selector)
    return [record for record in known if record.properties.get(KEY) == key]


def _send(
    client: DynatraceClient, params: Mapping[str, Any], event: Mapping[str, Any], scope: Scope
) -> list[EventReport]:
    try:
        reports = client.events.ingest(event)
    except UnclearOutcomeError:
        there = _present(client, params, event["properties"][KEY], scope)
        if scope.lacking(there) is not None:
            raise
        return [EventReport(record.correlation_id, STORED) for record in there]
    refused = Counter(report.status or "no status" for report in reports if report.status != STORED)
    if refused or not reports:
        stored = f"{len(reports) - refused.total()} of {len(reports)} entities"
        reasons = ", ".join(f"{status} ({number})" for status, number in sorted(refused.items())) or "no entity fits"
        code = next(iter(sorted(refused)), None)
        raise ApiError(f"Dynatrace: the event was stored for {stored}: {reasons}", status=201, code=code)
    return reports


def _shown(record: EventRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "entity": record.entity,
        "title": record.title,
        "started_at": moment_of(record.start),
        "ended_at": moment_of(record.end),
    }
