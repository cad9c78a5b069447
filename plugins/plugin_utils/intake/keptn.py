# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translates CloudEvents of Keptn into what they mean: a L(Problem), and a L(Task) that waits for an answer. Pure.

Four kinds of events matter, everything else is understood and left alone:

- C(sh.keptn.events.problem), the begin of a sequence C(remediation) and the good end of any sequence tell of a problem,
- C(sh.keptn.event.<task>.triggered) asks an executor for something, about a problem that is known or not,
- the events of Keptn v2 (C(keptn_lifecycle.py)) tell how a release gets on.

A problem that Dynatrace reported is Dynatrace's, whoever tells of it: it is known by its id (C(PID), or the address of
the problem in a label), or by the context that Keptn makes of this id. Every other problem is Keptn's own, and its
context is its id. Names are looked up without case, as services of Keptn write them differently.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import (
    MARKER_LABEL,
    EventType,
    keptn_context,
    look,
    parse_type,
)
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import (
    SERVICE_NAME,
    Entity,
    Problem,
    Task,
    marks_in,
)
from ansible_collections.self_healing.devops.plugins.module_utils.shapes import LARGEST, shown
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate as dynatrace_problem
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_words import SEVERITIES, kind_of
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.keptn_lifecycle import is_lifecycle, release
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.keptn_words import (
    ACTIONS,
    COMMIT,
    DYNATRACE_PID,
    EVENT_ID,
    PROBLEM_TYPES,
    REMEDIATION,
    SOURCE,
    TASKS,
    URL_LABEL,
    began,
    few_labels,
    labels_of,
    mapping_at,
    moment_at,
    name_at,
    pid_of_url,
    plain_action,
    text_at,
    url_at,
)

__all__ = ["SOURCE", "Installation", "Meaning", "translate"]

_ENDED = frozenset({"RESOLVED", "CLOSED"})
_CONTEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}|-[A-Za-z0-9_.:-]{1,127}")
#: The incident in the label of what the module keptn_event sent.
_OWN = re.compile(r"(?<![A-Za-z0-9])i[a-z2-7]{12}(?![A-Za-z0-9])")
#: What a notification of Dynatrace may hold, by the type that it has there.
_TEXTS = (
    "PID",
    "ProblemID",
    "ProblemTitle",
    "ProblemURL",
    "ProblemSeverity",
    "ProblemImpact",
    "ImpactedEntity",
    "Tags",
)
_DETAILS = ("ProblemDetails", "ProblemDetailsJSON", "ProblemDetailsJSONv2")


@dataclass(frozen=True)
class Installation:
    """One Keptn. C(tenant) is its name, C(dynatrace_tenant) that of the Dynatrace whose problems it remedies.

    C(tasks) are the tasks that are taken. C(actions) tells the kind of a problem by the name of an action, as
    L(plain_action) has it; other actions belong to other executors, unless C(all_actions) is set.
    """

    tenant: str = "default"
    dynatrace_tenant: str = "default"
    service_tag: str = "service"
    tasks: tuple[str, ...] = TASKS
    actions: Mapping[str, str] = field(default_factory=lambda: dict(ACTIONS))
    all_actions: bool = False


@dataclass(frozen=True)
class Meaning:
    """What an event means. C(ignored) says why nothing is to be done about it; then there is no problem.

    C(only_known): it is the end of a problem that is of no interest unless it is known.
    """

    problem: Problem | None = None
    task: Task | None = None
    only_known: bool = False
    ignored: str = ""


def translate(
    attributes: Mapping[str, Any],
    data: Any,
    keptn: Installation,
    pids: Collection[str] = (),
    *,
    started: bool = False,
) -> Meaning:
    """Return what an event means. C(attributes) and C(data) are those of the CloudEvent, in whichever mode it came.

    C(pids) are the problems of Dynatrace that are open: an event that does not name one of them may belong to one all
    the same. C(started) tells that Keptn says for us that a task was started, as its webhook-service does.
    Raises InvalidInputError that names the field.
    """
    type_ = attributes.get("type")
    if not isinstance(type_, str) or not type_:
        raise InvalidInputError("type is missing: the body has to be a CloudEvent (structured or binary mode)")
    parsed = parse_type(type_)
    if is_lifecycle(type_, attributes.get("source")):
        problem, only_known = release(attributes, _object(data), keptn.tenant)
        return Meaning(problem, only_known=only_known) if problem else Meaning(ignored="no end of a release")
    if type_ in PROBLEM_TYPES:
        return _about(attributes, _object(data), keptn, pids, state=None)
    if parsed is not None and parsed.stage:
        return _sequence(parsed, attributes, _object(data), keptn, pids)
    if parsed is None or parsed.stage or parsed.kind != "triggered" or parsed.name not in keptn.tasks:
        return Meaning(ignored="nothing that is taken from this Keptn")
    return _task(parsed.name, attributes, _object(data), keptn, pids, started)


def _sequence(
    parsed: EventType,
    attributes: Mapping[str, Any],
    data: Mapping[str, Any],
    keptn: Installation,
    pids: Collection[str],
) -> Meaning:
    """Return the meaning of a sequence that begins or ends: what asked for a remedy went well, or did not."""
    if parsed.name == REMEDIATION and parsed.kind == "triggered":
        return _about(attributes, data, keptn, pids, state="OPEN")
    well = text_at(data, "status", 32) == "succeeded" and text_at(data, "result", 32) in ("pass", "warning")
    # What creates projects and services has such names too, and no stage.
    if parsed.kind != "finished" or not well or text_at(data, "stage", 128) != parsed.stage:
        return Meaning(ignored="no end of a problem")
    return _about(attributes, data, keptn, pids, state="CLOSED")


def _about(
    attributes: Mapping[str, Any],
    data: Mapping[str, Any],
    keptn: Installation,
    pids: Collection[str],
    state: str | None,
) -> Meaning:
    """Return the meaning of an event that tells of a problem; C(state) is what its type says of it."""
    told = {**data, **mapping_at(data, "problem")}
    said = (state or text_at(told, "State", 64)).upper()
    if said not in ("OPEN", *_ENDED):
        raise InvalidInputError(f"data.State is {shown(look(told, 'State'))}, expected OPEN or RESOLVED")
    context = _context(attributes)
    pid = _pid(told, labels_of(data))
    if pid is None and _pid_of(context, pids) is not None:
        return Meaning(ignored="Dynatrace itself tells of this problem")
    if pid is not None:
        if state == "CLOSED":
            return Meaning(ignored="Dynatrace itself tells when this problem ends")
        problem = _of_dynatrace(told, data, pid, said, keptn)
    else:
        problem = _of_keptn(told, data, context, said, attributes, keptn)
    marked = replace(problem, marks=_marks(problem.marks, data))
    return Meaning(marked, only_known=problem.source == SOURCE and problem.status == "resolved")


def _task(
    name: str,
    attributes: Mapping[str, Any],
    data: Mapping[str, Any],
    keptn: Installation,
    pids: Collection[str],
    started: bool,
) -> Meaning:
    if name == "release" and text_at(data, "result", 32) in ("", "pass", "warning"):
        return Meaning(ignored="a release that goes well needs no healing")
    action = mapping_at(data, "action") if name == "action" else {}
    told = {**data, **mapping_at(data, "problem")}
    kind = _kind(name, action, text_at(told, "problemTitle", 300), keptn)
    if kind is None:
        return Meaning(ignored="an action of another executor")
    id_ = attributes.get("id")
    if not isinstance(id_, str) or not EVENT_ID.fullmatch(id_):
        raise InvalidInputError(f"id is {shown(id_)}, expected the id of the event: the answer has to name it")
    context = _context(attributes)
    pid = _pid(told, labels_of(data)) or _pid_of(context, pids)
    commit = attributes.get("gitcommitid")
    task = Task(
        source=SOURCE,
        tenant=keptn.tenant,
        id=id_,
        context=context,
        name=name,
        project=name_at(data, "project"),
        stage=name_at(data, "stage"),
        service=name_at(data, "service"),
        kind=kind,
        action=text_at(action, "action", 200) or text_at(action, "name", 200),
        action_index=_index(data, name),
        git_commit=commit if isinstance(commit, str) and COMMIT.fullmatch(commit) else "",
        labels=few_labels(data),
        started=started,
    )
    if pid is not None:
        problem = _of_dynatrace(told, data, pid, "OPEN", keptn)
    else:
        problem = _of_keptn(told, data, context, "OPEN", attributes, keptn)
    if problem.test:
        return Meaning(ignored="a test notification of Dynatrace")
    if problem.kind == "other" or name != "action":
        problem = replace(problem, kind=kind if kind != "other" else problem.kind)
    return Meaning(replace(problem, marks=_marks(problem.marks, data)), task)


def _kind(name: str, action: Mapping[str, Any], title: str, keptn: Installation) -> str | None:
    """Return the kind of the problem that a task is about, None where the task is another executor's."""
    if name in ("rollback", "release"):
        return "bad_release"
    if name == "action":
        for word in ("action", "name"):
            if (known := plain_action(text_at(action, word, 200))) in keptn.actions:
                return keptn.actions[known]
        if not keptn.all_actions:
            return None
    return _kind_of_title(title)


def _kind_of_title(title: str) -> str:
    return kind_of(severity="", impact="", event_types=(), metrics=(), entity_types=(), title=title)


def _of_dynatrace(
    told: Mapping[str, Any], data: Mapping[str, Any], pid: str, state: str, keptn: Installation
) -> Problem:
    """Return the problem as Dynatrace's own notification would have told it, as far as it is handed on."""
    payload: dict[str, Any] = {name: text_at(told, name, 20_000) for name in _TEXTS}
    payload |= {"State": state, "PID": pid}
    entities = look(told, "ImpactedEntities")
    if isinstance(entities, list):
        payload["ImpactedEntities"] = entities
    for name in _DETAILS:
        details = mapping_at(told, name)
        known = details.get("problemId", details.get("id", details.get("ID", pid)))
        if known == pid:
            payload[name] = details
    problem = dynatrace_problem(payload, keptn.dynatrace_tenant, keptn.service_tag)
    return replace(
        problem,
        service=problem.service or _service(data),
        entities=(*problem.entities, *_entities(data)),
        opened_at=problem.opened_at or began(pid),
    )


def _of_keptn(
    told: Mapping[str, Any],
    data: Mapping[str, Any],
    context: str,
    state: str,
    attributes: Mapping[str, Any],
    keptn: Installation,
) -> Problem:
    at = moment_at(attributes)
    ended = state in _ENDED
    title = text_at(told, "problemTitle", 300) or text_at(told, "rootCause", 300)
    return Problem(
        source=SOURCE,
        tenant=keptn.tenant,
        problem_id=context,
        display_id=text_at(told, "ProblemID", 64) or f"keptn {context[:8]}",
        status="resolved" if ended else "open",
        title=title or "Keptn asks for a remedy",
        kind=_kind_of_title(title),
        severity=SEVERITIES.get(text_at(told, "ProblemSeverity", 64).upper(), "medium"),
        service=_service(data),
        url=url_at(told, "ProblemURL") or url_at(mapping_at(data, "labels"), URL_LABEL),
        entities=_entities(data),
        tags=tuple(f"{name}: {value}" for name, value in few_labels(data).items()),
        opened_at=None if ended else at,
        resolved_at=at if ended else None,
    )


def _object(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise InvalidInputError(f"data is {shown(data)}, expected an object with project, stage and service")
    return data


def _context(attributes: Mapping[str, Any]) -> str:
    """Return the context as Keptn has it: what is no UUID is made one of."""
    given = attributes.get("shkeptncontext")
    if not isinstance(given, str) or not _CONTEXT.fullmatch(given):
        raise InvalidInputError(f"shkeptncontext is {shown(given)}, expected the context of the sequence (a UUID)")
    return keptn_context(given)


def _pid(told: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
    """Return the id of the problem of Dynatrace that an event names, None where it names none."""
    urls = [text_at(told, "ProblemURL", 2048), labels.get(URL_LABEL, "")]
    linked = next((pid for url in urls if (pid := pid_of_url(url)) is not None), None)
    pid = text_at(told, "PID", 128)
    # Other monitoring systems have ids too.
    if pid and (DYNATRACE_PID.fullmatch(pid) or pid == linked or pid == "99999"):
        return pid
    return linked


def _pid_of(context: str, pids: Collection[str]) -> str | None:
    """Return the one open problem of Dynatrace whose id makes this context: only 16 characters of it count."""
    found = [pid for pid in pids if keptn_context(pid) == context]
    return found[0] if len(found) == 1 else None


def _index(data: Mapping[str, Any], name: str) -> int:
    """Return the rung of the ladder of actions. Keptn puts it below the task's name, its specification beside it."""
    for place in (mapping_at(data, name), data):
        index = look(place, "actionIndex")
        if isinstance(index, int) and not isinstance(index, bool) and 0 <= index <= LARGEST:
            return index
    return 0


def _service(data: Mapping[str, Any]) -> str | None:
    name = text_at(data, "service", 64)
    return name if SERVICE_NAME.fullmatch(name) else None


def _entities(data: Mapping[str, Any]) -> tuple[Entity, ...]:
    """Return the service as Keptn names it, so that a host of the inventory can say that it runs there."""
    place = [text_at(data, name, 128) for name in ("project", "stage", "service")]
    return (Entity(f"keptn:{'/'.join(place)}", "KEPTN_SERVICE", place[2]),) if all(place) else ()


def _marks(known: tuple[str, ...], data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the incidents whose marks are in the labels: what we triggered ourselves is no news."""
    labels = labels_of(data)
    found = [incident for value in labels.values() for incident in marks_in(value)]
    found += [match.group() for match in [_OWN.search(labels.get(MARKER_LABEL, ""))] if match]
    return tuple(dict.fromkeys((*known, *found)))
