# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings API 2.0 for the one schema that matters here: problem notifications."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .notification import Target
from .wire import RefusedError, body_of, now, page, query_of, reply, violation

SCHEMA = "builtin:problem.notifications"
_MASK = "********"


@dataclass
class SettingsObject:
    value: dict[str, Any]
    id: str = field(default_factory=lambda: f"vu9U3hXa3q0A{secrets.token_urlsafe(24)}")
    created: int = field(default_factory=now)
    modified: int = field(default_factory=now)
    version: str = field(default_factory=lambda: secrets.token_urlsafe(12))


class SettingsApi:
    """The handlers below /api/v2/settings, and the webhooks that were configured with them."""

    def __init__(self) -> None:
        self.objects: dict[str, SettingsObject] = {}

    def targets(self) -> Iterator[Target]:
        """Yield where problem notifications have to go."""
        for known in self.objects.values():
            value = known.value
            hook = value.get("webHookNotification")
            if value.get("enabled") and value.get("type") == "WEBHOOK" and hook:
                headers = {
                    header["name"]: header.get("secretValue") or header.get("value") or ""
                    for header in hook.get("headers", ())
                }
                url = hook.get("secretUrl") if hook.get("urlContainsSecret") else hook.get("url")
                yield Target(url, headers, hook["payload"], bool(hook.get("notifyClosedProblems", True)))

    async def list_schemas(self, _request: web.Request) -> web.Response:
        stub = {"schemaId": SCHEMA, "displayName": "Problem notifications", "latestSchemaVersion": "2.2"}
        return reply({"items": [stub], "totalCount": 1})

    async def list_objects(self, request: web.Request) -> web.Response:
        query = query_of(request)
        schemas = query.get("schemaIds", SCHEMA).split(",")
        scopes = query.get("scopes", "environment").split(",")
        found = list(self.objects.values()) if SCHEMA in schemas and "environment" in scopes else []
        chosen, described = page(request, found, size=100, most=500)
        return reply({**described, "items": [_described(known) for known in chosen]})

    async def create(self, request: web.Request) -> web.Response:
        only_validate = request.query.get("validateOnly", "").lower() == "true"
        results: list[dict[str, Any]] = []
        accepted: list[SettingsObject] = []
        for item in await body_of(request, list):
            try:
                accepted.append(SettingsObject(_validated(item)))
                results.append({"code": 200} if only_validate else {"code": 200, "objectId": accepted[-1].id})
            except RefusedError as refused:
                results.append({"code": refused.status, "error": refused.error(), "invalidValue": None})
        codes = {result["code"] for result in results}
        if not only_validate:
            self.objects |= {known.id: known for known in accepted}
        # The answer is always a list, one result per object.
        return reply(results, codes.pop() if len(codes) == 1 else 207)

    async def get(self, request: web.Request) -> web.Response:
        return reply(_described(self._object(request)))

    async def update(self, request: web.Request) -> web.Response:
        known = self._object(request)
        body = await body_of(request)
        if body.get("updateToken") not in (None, known.version):
            raise RefusedError(409, "The updateToken does not match the current version of the object.")
        known.value = _validated({"schemaId": SCHEMA, "scope": "environment", "value": body.get("value")})
        known.modified, known.version = now(), secrets.token_urlsafe(12)
        return reply({"code": 200, "objectId": known.id})

    async def delete(self, request: web.Request) -> web.Response:
        del self.objects[self._object(request).id]
        return web.Response(status=204)

    def _object(self, request: web.Request) -> SettingsObject:
        known = self.objects.get(request.match_info["object"])
        if known is None:
            raise RefusedError(404, "Settings object not found.")
        return known


def _validated(item: Any) -> dict[str, Any]:
    """Return the value of a settings object, refusing what the schema does not allow."""
    if not isinstance(item, dict) or item.get("schemaId") != SCHEMA:
        raise RefusedError(404, "Settings schema not found.")
    if item.get("scope") != "environment":
        raise violation("scope", "must be environment", "PAYLOAD_BODY")
    value = item.get("value")
    if not isinstance(value, dict):
        raise violation("value", "must not be null", "PAYLOAD_BODY")
    for name, kind in (("enabled", bool), ("type", str), ("displayName", str), ("alertingProfile", str)):
        if not isinstance(value.get(name), kind):
            raise violation(f"value/{name}", "must not be null", "PAYLOAD_BODY")
    if value["type"] == "WEBHOOK":
        hook = value.get("webHookNotification")
        if not isinstance(hook, dict) or not isinstance(hook.get("payload"), str):
            raise violation("value/webHookNotification/payload", "must not be null", "PAYLOAD_BODY")
        url = hook.get("secretUrl") if hook.get("urlContainsSecret") else hook.get("url")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise violation("value/webHookNotification/url", "must be an URL", "PAYLOAD_BODY")
    return value


def _described(known: SettingsObject) -> dict[str, Any]:
    value = copy.deepcopy(known.value)
    hook = value.get("webHookNotification") or {}
    for header in hook.get("headers", ()):
        if header.get("secret"):
            header["secretValue"] = _MASK
    if "secretUrl" in hook:
        hook["secretUrl"] = _MASK
    return {
        "objectId": known.id,
        "schemaId": SCHEMA,
        "schemaVersion": "2.2",
        "scope": "environment",
        "created": known.created,
        "modified": known.modified,
        "summary": value["displayName"],
        "updateToken": known.version,
        "value": value,
    }
