# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynatrace on the wire: settings objects.

Source: docs.dynatrace.com, "Settings API". Scopes of the token: C(settings.read), C(settings.write).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from ..errors import AnswerError, ApiError
from ..http import Api, Response
from .dynatrace_values import listing, mapping, object_of, objects, text

#: Objects per page; the vendor allows 500 and gives 100 by default.
PAGE_SIZE = 500
#: Without the token nobody would notice that somebody else changes an object at the same moment.
FIELDS = "objectId,value,updateToken"
ENVIRONMENT = "environment"


@dataclass(frozen=True)
class SettingsObject:
    """An object of a schema. Secrets in C(value) are masked. C(update_token) names its version."""

    id: str
    value: Mapping[str, Any]
    update_token: str | None = None


class SettingsObjects:
    """The settings of one environment. All methods raise the errors of C(Api.call).

    With C(validate_only) an object is checked by Dynatrace and not kept.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def guarding(self, secrets: Sequence[str]) -> SettingsObjects:
        """Return the same, with messages that hold none of these secrets either."""
        return SettingsObjects(replace(self._api, secrets=[*self._api.secrets, *secrets]))

    def listing(self, schema: str, scope: str = ENVIRONMENT) -> list[SettingsObject]:
        """Return all objects of a schema."""
        query = {"schemaIds": schema, "scopes": scope, "fields": FIELDS, "pageSize": PAGE_SIZE}
        pages = listing(self._api, "settings/objects", "items", query)
        return [_object(item) for page in pages for item in objects(page)]

    def create(
        self, schema: str, value: Mapping[str, Any], *, scope: str = ENVIRONMENT, validate_only: bool = False
    ) -> str:
        """Make an object and return its id, empty when it was only checked."""
        body = [{"schemaId": schema, "scope": scope, "value": value}]
        return self._write("POST", "settings/objects", body, validate_only)

    def update(self, known: SettingsObject, value: Mapping[str, Any], *, validate_only: bool = False) -> None:
        """Give an object another value. Raises ConflictError when somebody else changed it since it was read."""
        body = {"value": value, **({"updateToken": known.update_token} if known.update_token else {})}
        self._write("PUT", _path(known.id), body, validate_only)

    def delete(self, known: SettingsObject) -> None:
        """Delete an object. One that is gone already is no error."""
        query = {"updateToken": known.update_token}
        self._api.call("DELETE", _path(known.id), query=query, expect=(200, 204, 404))

    def _write(self, method: str, path: str, body: Any, validate_only: bool) -> str:
        response = self._api.call(
            method,
            path,
            query={"validateOnly": True if validate_only else None},
            json=body,
            expect=(200, 201, 204, 207),
            safe=validate_only or None,
        )
        return "" if response.status == 204 else self._outcome(response)

    def _outcome(self, response: Response) -> str:
        """Return the id of the object that was written. Raises ApiError with the reason of everything refused.

        The answer is a list with one result per object, and its status may be that of success although one was refused.
        """
        answer = response.json()
        results = objects(answer) if isinstance(answer, list) else [object_of(response)]
        refused = [reason for result in results if (reason := refusal(result))]
        if refused:
            said = self._api.redact("; ".join(refused)[:1000])
            code = next((result.get("code") for result in results if refusal(result)), None)
            raise ApiError(
                f"Dynatrace: the settings object was refused: {said}", status=response.status, code=str(code)
            )
        if not results:
            raise AnswerError("Dynatrace: the answer does not say what became of the settings object")
        return text(results[0].get("objectId"))


def refusal(result: Mapping[str, Any]) -> str:
    """Return why the object of one result was refused, empty when it was not. The refused value is never repeated."""
    code = result.get("code")
    error = mapping(result.get("error"))
    if not error and (code is None or (isinstance(code, int) and code < 300)):
        return ""
    violations = [
        f"{text(item.get('path')) or 'the object'}: {text(item.get('message')) or 'refused'}"
        for item in objects(error.get("constraintViolations"))
    ]
    return "; ".join([text(error.get("message")) or f"code {code}", *violations])


def _path(id_: str) -> str:
    return f"settings/objects/{quote(id_, safe='')}"


def _object(item: Mapping[str, Any]) -> SettingsObject:
    id_ = text(item.get("objectId"))
    if not id_:
        raise AnswerError("Dynatrace: a settings object has no objectId")
    return SettingsObject(id_, mapping(item.get("value")), text(item.get("updateToken")) or None)
