# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares calls to xMatters and their answers with the derived OpenAPI description of its REST API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jsonschema
import pytest
import yaml

from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, RequestsTransport, Response

from .tree import ROOT

SPECIFICATION = ROOT.parent / "shared/specs/xmatters-rest-subset.derived.openapi.yaml"
#: Documented operations that the derived file leaves out (help.xmatters.com/xmapi), with their queries.
BEYOND = {
    "/api/xm/1/plans": {"planType", "enabled", "search"},
    "/api/xm/1/plans/{planId}/forms": {"embed", "enabledFor"},
    "/api/xm/1/plans/{planId}/property-definitions": set[str](),
    "/api/xm/1/plans/{planId}/integrations": {"integrationType", "deployed", "embed"},
    "/api/xm/1/forms/{formId}": {"recipients", "embed"},
    "/api/xm/1/forms/{formId}/sections": {"embed"},
    "/api/xm/1/forms/{formId}/sender-permissions": {"recipients", "embed"},
    "/api/xm/1/groups/{groupId}/supervisors": set[str](),
}

Passed = tuple[Request, Response]


class Recorder:
    """A transport that keeps what passed."""

    def __init__(self) -> None:
        self.passed: list[Passed] = []
        self._carrier = RequestsTransport()

    def send(self, request: Request, timeout: float) -> Response:
        response = self._carrier.send(request, timeout)
        self.passed.append((request, response))
        return response


def missing() -> str | None:
    """Say why nothing can be compared."""
    return None if SPECIFICATION.is_file() else f"the derived OpenAPI is not there: {SPECIFICATION.name}"


@cache
def specification() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(SPECIFICATION.read_text("utf-8"))
    return loaded


@contextmanager
def every_call_compared() -> Iterator[list[Passed]]:
    """Compare every call of every client in this block, and fail at its end. Without the file nothing is compared."""
    passed: list[Passed] = []
    usual = RequestsTransport.send

    def send(self: RequestsTransport, request: Request, timeout: float) -> Response:
        response = usual(self, request, timeout)
        passed.append((request, response))
        return response

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RequestsTransport, "send", send)
            yield passed
    finally:
        found = [] if missing() else departures(passed)
    if found:
        raise AssertionError("\n".join(found))


def departures(passed: Iterable[Passed]) -> list[str]:
    """Return where calls depart from the specification, each once."""
    return list(dict.fromkeys(problem for one in passed for problem in problems(*one)))


def problems(request: Request, response: Response) -> Iterator[str]:
    """Yield where a call departs from the specification."""
    paths, parts = specification()["paths"], urlsplit(request.url)
    call, asked = f"{request.method} {parts.path}", parse_qs(parts.query)
    template = next((path for path in paths if _fits(path, parts.path)), None)
    if template is None or request.method.lower() not in paths[template]:
        yield from _beyond(call, request.method, parts.path, asked)
        return
    operation = paths[template][request.method.lower()]
    known = {
        parameter["name"]: parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"
    }
    # Listings of the vendor all take offset and limit; the derived file does not repeat them everywhere.
    yield from (f"{call}: unknown parameter {name}" for name in asked if name not in {*known, "offset", "limit"})
    yield from (f"{call}: lacks {name}" for name, said in known.items() if said.get("required") and name not in asked)
    if "requestBody" in operation:
        yield from _differences(operation["requestBody"], _body(request), f"{call}: body")
    answers = operation["responses"]
    expected = str(response.status) if str(response.status) in answers else "default"
    if expected == "default" and response.status < 400:
        yield f"{call}: answered {response.status}, expected {', '.join(answers)}"
    answer = response.json_or_none()
    # What stands before the API may refuse in words of its own, and an unusable token has another shape.
    if response.status < 400 or (isinstance(answer, dict) and "error" not in answer):
        yield from _differences(answers[expected], answer, f"{call}: answer")


def _beyond(call: str, method: str, path: str, asked: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with a call that the derived file does not have."""
    template = next((one for one in BEYOND if _fits(one, path)), None)
    if template is None or method != "GET":
        yield f"{call}: no such operation"
        return
    known = {*BEYOND[template], "offset", "limit"}
    yield from (f"{call}: unknown parameter {name}" for name in asked if name not in known)


def _fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path) is not None


def _body(request: Request) -> Any:
    text = (request.body or b"").decode()
    return json.loads(text) if "json" in request.headers["Content-Type"] else dict(parse_qsl(text))


def _differences(part: dict[str, Any], value: Any, where: str) -> Iterator[str]:
    for content in part.get("content", {}).values():
        schema = {**content["schema"], "components": specification()["components"]}
        for error in jsonschema.Draft202012Validator(schema).iter_errors(value):
            yield f"{where}: {error.json_path}: {error.message}"
