# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings API 2.0 for the schemas that matter here: problem notifications, and alerting profiles to name in them."""

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
PROFILES = "builtin:alerting.profile"
#: Every environment has this profile.
DEFAULT_PROFILE = "Default"
_NAMES = {SCHEMA: "Problem notifications", PROFILES: "Problem alerting profiles"}
#: How the API shows a secret. Sent back, it means that the secret stays as it is.
_MASK = "********"
_TYPES = (
    "EMAIL",
    "SLACK",
    "JIRA",
    "ANSIBLETOWER",
    "OPS_GENIE",
    "PAGER_DUTY",
    "VICTOROPS",
    "WEBHOOK",
    "XMATTERS",
    "TRELLO",
    "SERVICE_NOW",
)


@dataclass
class SettingsObject:
    value: dict[str, Any]
    schema: str = SCHEMA
    id: str = field(default_factory=lambda: f"vu9U3hXa3q0A{secrets.token_urlsafe(24)}")
    created: int = field(default_factory=now)
    modified: int = field(default_factory=now)
    version: str = field(default_factory=lambda: secrets.token_urlsafe(12))


class SettingsApi:
    """The handlers below /api/v2/settings, and the webhooks that were configured with them."""

    def __init__(self) -> None:
        self.objects: dict[str, SettingsObject] = {}
        self.add_profile(DEFAULT_PROFILE)

    def add_profile(self, name: str) -> SettingsObject:
        """Make an alerting profile that lets everything pass."""
        value: dict[str, Any] = {"name": name, "managementZone": None, "severityRules": [], "eventFilters": []}
        profile = SettingsObject(value, PROFILES)
        self.objects[profile.id] = profile
        return profile

    def notifications(self) -> list[SettingsObject]:
        """Return the problem notifications with their secrets, oldest first."""
        return [known for known in self.objects.values() if known.schema == SCHEMA]

    def targets(self) -> Iterator[Target]:
        """Yield where problem notifications have to go."""
        for known in self.notifications():
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
        stubs = [{"schemaId": id_, "displayName": name, "latestSchemaVersion": "2.2"} for id_, name in _NAMES.items()]
        return reply({"items": stubs, "totalCount": len(stubs)})

    async def list_objects(self, request: web.Request) -> web.Response:
        query = query_of(request)
        if not {"schemaIds", "scopes"} & set(query):
            raise violation("schemaIds", "schemaIds or scopes must be set")
        schemas = query["schemaIds"].split(",") if "schemaIds" in query else list(_NAMES)
        if not set(schemas) <= set(_NAMES):
            raise RefusedError(404, "Settings schema not found.")
        scopes = query.get("scopes", "environment").split(",")
        found = [known for known in self.objects.values() if known.schema in schemas and "environment" in scopes]
        chosen, described = page(request, found, size=100, most=500)
        fields = [name for name in query.get("fields", "").split(",") if name]
        items = [
            {name: value for name, value in _described(known).items() if not fields or name in fields}
            for known in chosen
        ]
        return reply({**described, "items": items})

    async def create(self, request: web.Request) -> web.Response:
        only_validate = _only_validate(request)
        results: list[dict[str, Any]] = []
        accepted: list[SettingsObject] = []
        for item in await body_of(request, list):
            try:
                accepted.append(SettingsObject(_validated(item, {})))
                results.append({"code": 200} if only_validate else {"code": 200, "objectId": accepted[-1].id})
            except RefusedError as refused:
                results.append({"code": refused.status, "error": refused.error(), "invalidValue": _invalid(item)})
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
        value = _validated({"schemaId": known.schema, "scope": "environment", "value": body.get("value")}, known.value)
        if _only_validate(request):
            return reply({"code": 200})
        known.value = value
        known.modified, known.version = now(), secrets.token_urlsafe(12)
        return reply({"code": 200, "objectId": known.id})

    async def delete(self, request: web.Request) -> web.Response:
        known = self._object(request)
        if request.query.get("updateToken") not in (None, known.version):
            raise RefusedError(409, "The updateToken does not match the current version of the object.")
        del self.objects[known.id]
        return web.Response(status=204)

    def _object(self, request: web.Request) -> SettingsObject:
        known = self.objects.get(request.match_info["object"])
        if known is None:
            raise RefusedError(404, "Settings object not found.")
        return known


def _only_validate(request: web.Request) -> bool:
    return request.query.get("validateOnly", "").lower() == "true"


def _invalid(item: Any) -> Any:
    """Return the value that was refused: the answer repeats it as it was sent, secrets included."""
    return item.get("value") if isinstance(item, dict) else None


def _validated(item: Any, known: dict[str, Any]) -> dict[str, Any]:
    """Return the value of a notification, refusing what the schema does not allow.

    Where it holds a masked secret, that of the C(known) value stays.
    """
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
    if value["type"] not in _TYPES:
        raise violation("value/type", f"must be one of {', '.join(_TYPES)}", "PAYLOAD_BODY")
    if not value["displayName"].strip():
        raise violation("value/displayName", "must not be blank", "PAYLOAD_BODY")
    if value["type"] == "WEBHOOK":
        hook = value.get("webHookNotification")
        if not isinstance(hook, dict) or not isinstance(hook.get("payload"), str):
            raise violation("value/webHookNotification/payload", "must not be null", "PAYLOAD_BODY")
        _keep_headers(hook.get("headers") or [], (known.get("webHookNotification") or {}).get("headers") or [])
        url = hook.get("secretUrl") if hook.get("urlContainsSecret") else hook.get("url")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise violation("value/webHookNotification/url", "must be an URL", "PAYLOAD_BODY")
    return value


def _keep_headers(headers: list[dict[str, Any]], known: list[dict[str, Any]]) -> None:
    """Refuse headers without a value and names that come twice, and put kept secrets where they are masked."""
    secrets_ = {header["name"]: header.get("secretValue") for header in known if header.get("secret")}
    for number, header in enumerate(headers):
        value = "secretValue" if header.get("secret") else "value"
        if not isinstance(header.get("name"), str) or not isinstance(header.get(value), str):
            path = f"value/webHookNotification/headers/{number}/{value}"
            raise violation(path, "must not be null", "PAYLOAD_BODY")
        if header[value] == _MASK and header.get("secret"):
            if header["name"] not in secrets_:
                raise violation(f"value/webHookNotification/headers/{number}", "has no secret yet", "PAYLOAD_BODY")
            header["secretValue"] = secrets_[header["name"]]
    if len({header["name"] for header in headers}) < len(headers):
        raise violation("value/webHookNotification/headers", "must be unique by name", "PAYLOAD_BODY")


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
        "schemaId": known.schema,
        "schemaVersion": "2.2",
        "scope": "environment",
        "created": known.created,
        "modified": known.modified,
        "summary": value.get("displayName") or value.get("name"),
        "updateToken": known.version,
        "value": value,
    }
