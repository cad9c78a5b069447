# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems API v2: list, read, close, comments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from . import shapes
from .selectors import Term, parse, quoted_values
from .wire import RefusedError, body_of, milliseconds, now, page, query_of, reply, violation
from .world import Comment, Entity, Problem, World

FIELDS = ("evidenceDetails", "impactAnalysis", "recentComments")
SELECTOR = "problemSelector"
CRITERIA = (
    *("affectedEntities", "affectedEntityTypes", "displayId", "entityTags", "impactLevel", "impactedEntities"),
    *("managementZoneIds", "managementZones", "problemFilterIds", "problemFilterNames", "problemId"),
    *("rootCauseEntity", "severityLevel", "status", "text", "underMaintenance"),
)
CLOSE_CONTEXT = "dynatrace-problem-close"
AUTHOR = "self-healing token"


class ProblemsApi:
    """The handlers below /api/v2/problems. C(close) closes a problem and tells the world, C(changed) tells the page."""

    def __init__(self, world: World, close: Callable[[Problem], None], changed: Callable[[], None]) -> None:
        self.world = world
        self._close = close
        self._changed = changed

    async def list_problems(self, request: web.Request) -> web.Response:
        fields = _fields(request)
        query = query_of(request, keep=("fields",))
        begin = milliseconds(query.get("from"), "now-2h", "from")
        end = milliseconds(query.get("to"), "now", "to")
        terms = _terms(query.get("problemSelector", ""))
        entities = entity_terms(query.get("entitySelector", ""))
        found = [
            problem
            for problem in self.world.newest_problems()
            if problem.start <= end
            and (problem.end == -1 or problem.end >= begin)
            and all(_fits(problem, term) for term in terms)
            and fits(problem.entity, entities)
        ]
        chosen, described = page(request, _sorted(found, query.get("sort")), size=50, most=500, keep=("fields",))
        return reply({**described, "problems": [shapes.problem(problem, fields, self.world) for problem in chosen]})

    async def get(self, request: web.Request) -> web.Response:
        return reply(shapes.problem(self._problem(request), _fields(request), self.world))

    async def close(self, request: web.Request) -> web.Response:
        problem = self._problem(request)
        message = _text(await body_of(request), "message", required=True)
        if problem.status == "CLOSED":
            return web.Response(status=204)
        comment = self.world.comment(problem, AUTHOR, message, CLOSE_CONTEXT)
        self._close(problem)
        described = {
            "problemId": problem.pid,
            "comment": shapes.comment(comment),
            "closeTimestamp": now(),
            "closing": True,
        }
        return reply(described)

    async def list_comments(self, request: web.Request) -> web.Response:
        chosen, described = page(request, self._problem(request).comments[::-1], size=10, most=500)
        return reply({**described, "comments": [shapes.comment(comment) for comment in chosen]})

    async def add_comment(self, request: web.Request) -> web.Response:
        problem = self._problem(request)
        body = await body_of(request)
        self.world.comment(problem, AUTHOR, _text(body, "message", required=True), _text(body, "context"))
        self._changed()
        # No body and no id: who wants to know it has to list the comments.
        return web.Response(status=201)

    async def get_comment(self, request: web.Request) -> web.Response:
        return reply(shapes.comment(self._comment(request)[1]))

    async def update_comment(self, request: web.Request) -> web.Response:
        _problem, comment = self._comment(request)
        body = await body_of(request)
        comment.content = _text(body, "message", required=True)
        comment.context = _text(body, "context")
        self._changed()
        return web.Response(status=204)

    async def delete_comment(self, request: web.Request) -> web.Response:
        problem, comment = self._comment(request)
        problem.comments.remove(comment)
        self._changed()
        return web.Response(status=204)

    def _problem(self, request: web.Request) -> Problem:
        pid = request.match_info["problem"]
        if pid not in self.world.problems:
            raise RefusedError(404, f"Problem with id {pid[:64]} does not exist.")
        return self.world.problems[pid]

    def _comment(self, request: web.Request) -> tuple[Problem, Comment]:
        problem = self._problem(request)
        id_ = request.match_info["comment"]
        for comment in problem.comments:
            if comment.id == id_:
                return problem, comment
        raise RefusedError(404, f"Comment with id {id_[:64]} does not exist.")


def _fields(request: web.Request) -> tuple[str, ...]:
    names = [name.strip().lstrip("+") for name in request.query.get("fields", "").split(",") if name.strip()]
    for name in names:
        if name not in FIELDS:
            raise violation("fields", f"'{name[:64]}' is not one of {', '.join(FIELDS)}")
    return tuple(names)


def _text(body: dict[str, Any], name: str, required: bool = False) -> str:
    value = body.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value.strip()):
        raise violation(name, "must not be null", "PAYLOAD_BODY")
    return value


def _sorted(problems: list[Problem], order: str | None) -> list[Problem]:
    """Sort by C(+name) or C(-name), the first name being the most important. Newest first comes without being asked."""
    for part in reversed([part.strip() for part in (order or "").split(",") if part.strip()]):
        name = part.lstrip("+-")
        if name not in ("status", "startTime", "relevance"):
            raise violation("sort", f"'{name[:64]}' cannot be sorted by")
        if name != "relevance":
            # "status" ascending means open problems first.
            problems = sorted(
                problems,
                key=lambda problem: problem.start if name == "startTime" else problem.end != -1,
                reverse=part.startswith("-"),
            )
    return problems


def _terms(text: str) -> list[Term]:
    """Return the criteria of a problem selector, refusing those that could never hold."""
    terms = parse(text, SELECTOR, CRITERIA)
    for term in terms:
        if term.name == "underMaintenance":
            continue
        values = quoted_values(term, SELECTOR)
        if term.name == "status" and (len(values) != 1 or values[0].lower() not in ("open", "closed")):
            raise violation(SELECTOR, 'status takes one of "open" and "closed"')
    return terms


def _fits(problem: Problem, term: Term) -> bool:
    if term.name == "underMaintenance":
        return term.values == ("false",)
    if term.name == "status":
        return problem.status == term.values[0].upper()
    if term.name == "text":
        return any(value.lower() in f"{problem.title} {problem.display_id}".lower() for value in term.values)
    return bool(_own(problem)[term.name] & set(term.values))


def _own(problem: Problem) -> dict[str, set[str]]:
    entity_ids = {problem.entity.id}
    return {
        "problemId": {problem.pid},
        "displayId": {problem.display_id},
        "severityLevel": {problem.severity},
        "impactLevel": {problem.impact},
        "rootCauseEntity": entity_ids,
        "impactedEntities": entity_ids,
        "affectedEntities": entity_ids,
        "affectedEntityTypes": {problem.entity.type},
        "problemFilterIds": {shapes.PROFILE["id"]},
        "problemFilterNames": {shapes.PROFILE["name"]},
        "entityTags": {shapes.tag(*pair)["stringRepresentation"] for pair in problem.tags},
        "managementZones": set(),
        "managementZoneIds": set(),
    }


def entity_terms(text: str) -> list[Term]:
    """Return the criteria of an entity selector."""
    return parse(
        text, "entitySelector", ("entityId", "type", "entityName", "entityName.in", "entityName.equals", "tag")
    )


def fits(entity: Entity, terms: Iterable[Term]) -> bool:
    """Return whether an entity fits all terms of an entity selector."""
    return all(_entity_fits(entity, term) for term in terms)


def _entity_fits(entity: Entity, term: Term) -> bool:
    if term.name == "entityId":
        return entity.id in term.values
    if term.name == "type":
        return entity.type in term.values
    if term.name == "tag":
        own = {shapes.tag(*pair)["stringRepresentation"] for pair in entity.tags} | {key for key, _value in entity.tags}
        return bool(own & set(term.values))
    name = entity.name.lower()
    return any(
        value.lower() == name if term.name == "entityName.equals" else value.lower() in name for value in term.values
    )
