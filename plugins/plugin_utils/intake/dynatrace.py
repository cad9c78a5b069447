# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translates what Dynatrace says of a problem into a L(Problem), in whichever of its forms it says it. Pure.

Five forms, which are told apart by what they hold:

- the classic problem notification, whatever the payload template made of it (C(dynatrace_notification.py)),
- the same inside a CloudEvent C(sh.keptn.events.problem), as it is sent to Keptn,
- a Davis problem record, which workflows send (C(dynatrace_davis.py)),
- an object of the Problems API v2 (C(dynatrace_details.py)),
- any of them below C(eventData), as the workflow action "Send event to Event-Driven Ansible" has it.

What their words mean is in C(dynatrace_words.py).
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
from ansible_collections.self_healing.devops.plugins.module_utils.shapes import shown
from ansible_collections.self_healing.devops.plugins.module_utils.strict_json import parse_json
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_davis import davis_problem, is_davis
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import (
    PROBLEM_ID,
    Details,
    checked_id,
    moment_of,
    unique,
    version_2,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_notification import (
    notified_problem,
    plain_name,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_words import (
    SEVERITIES,
    STATUSES,
    impact_word,
    is_test,
    kind_of,
    severity_word,
)

SOURCE = "dynatrace"
#: Types of the CloudEvents that carry a notification. The second is the name that Keptn had for it at first.
CLOUD_EVENTS = ("sh.keptn.events.problem", "sh.keptn.event.problem.open")

_MOST_TAGS = 100
#: Marks of our own writing are looked for in this much of a text (characters).
_MARKED_TEXT = 4096
#: Envelopes around envelopes are opened this often.
_MOST_ENVELOPES = 4


def translate(payload: Any, tenant: str = "default", service_tag: str = "service") -> Problem:
    """Return the problem that a payload reports, in whichever form.

    C(tenant) tells several Dynatrace environments apart. C(service_tag) is the key of the tag that names the service.
    Raises InvalidInputError that names the field, and NothingToRecordError for what was understood and is no problem
    of its own.
    """
    fields = _opened(payload)
    if is_davis(fields):
        told = davis_problem(fields)
    elif _is_record(fields):
        told = _recorded(fields)
    else:
        told = notified_problem(fields)
    return _problem(told, tenant, service_tag)


def translate_record(
    record: Any, tenant: str = "default", service_tag: str = "service", as_of: datetime | None = None
) -> Problem:
    """Return the problem that an object of the Problems API v2 describes.

    C(as_of) is when the API was asked; the other arguments are those of L(translate), and so is what is raised.
    """
    if not isinstance(record, dict):
        raise InvalidInputError("a problem of the Problems API must be a JSON object")
    return _problem(_recorded(record), tenant, service_tag, as_of)


def problem_id_of(record: Any) -> str | None:
    """Return the id of a record that may be no problem, None where nothing in it can be one."""
    id_ = record.get("problemId") if isinstance(record, dict) else None
    return id_ if isinstance(id_, str) and PROBLEM_ID.fullmatch(id_) else None


def _opened(payload: Any) -> Mapping[str, Any]:
    """Return what is inside the envelopes. Below C(eventData) it may be the text of JSON."""
    for _envelope in range(_MOST_ENVELOPES):
        if not isinstance(payload, dict):
            break
        if "eventData" in payload:
            payload = payload["eventData"]
            if isinstance(payload, str):
                payload = parse_json(payload.encode("utf-8", errors="replace"), "eventData")
        elif isinstance(payload.get("data"), dict) and "type" in payload and "source" in payload:
            if payload["type"] not in CLOUD_EVENTS:
                raise InvalidInputError(f"type is {shown(payload['type'])}, expected {CLOUD_EVENTS[0]}")
            payload = payload["data"]
        else:
            return payload
    raise InvalidInputError("a problem notification must be a JSON object")


def _is_record(fields: Mapping[str, Any]) -> bool:
    """Whether this is an object of the API. A notification may have a C(problemId) too: the number that people see."""
    if "problemId" not in fields or "status" not in fields:
        return False
    return not {"state", "pid"} & {plain_name(name) for name in fields}


def _recorded(record: Mapping[str, Any]) -> Details:
    details = version_2(record)
    if not details.id:
        raise InvalidInputError("problemId is missing")
    if details.status.upper() not in STATUSES:
        raise InvalidInputError(f"status is {details.status!r}, expected OPEN or CLOSED")
    return replace(details, id=checked_id("problemId", details.id), status=STATUSES[details.status.upper()])


def _problem(told: Details, tenant: str, service_tag: str, as_of: datetime | None = None) -> Problem:
    """Return the problem that was told, in our words. Its status is ours already."""
    severity = severity_word(told.severity)
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
            impact=impact_word(told.impact),
            event_types=told.event_types,
            metrics=told.metrics,
            entity_types=[entity.type for entity in places],
            title=told.title,
        ),
        severity=SEVERITIES.get(severity, "medium"),
        service=_service(tags, service_tag, places, told.service),
        url=told.url,
        entities=entities,
        root_cause=told.root_cause,
        tags=tags,
        opened_at=moment_of(told.start),
        resolved_at=moment_of(told.end) if told.status == "resolved" else None,
        test=is_test(told.id, told.title),
        marks=_marks([*told.texts, *told.tags]),
        as_of=as_of,
    )


def _marks(texts: Iterable[Any]) -> tuple[str, ...]:
    """Return the incidents that our own writing names in texts, each once."""
    known = (text[:_MARKED_TEXT] for text in texts if isinstance(text, str))
    return tuple(dict.fromkeys(incident for text in known for incident in marks_in(text)))


def _service(tags: Iterable[str], key: str, entities: Iterable[Entity], named_beside: str) -> str | None:
    """Return the one service that the tags name, else what names it beside them, else the first SERVICE.

    None where that is no plain name.
    """
    prefix = re.compile(rf"(?:\[[^\]]*\])?{re.escape(key)}:(.*)", re.IGNORECASE)
    named = {match.group(1).strip() for tag in tags if (match := prefix.fullmatch(tag))}
    if len(named) == 1:
        candidates = [*named]
    else:
        candidates = [named_beside] if named_beside else [one.name for one in entities if one.type == "SERVICE"]
    return candidates[0] if candidates and SERVICE_NAME.fullmatch(candidates[0]) else None
