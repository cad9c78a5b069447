# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Integrations that make themselves known, and what they subscribed to."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from .events import Data, now, timestamp
from .wire import RefusedError, body_of

BASE = "/api/controlPlane/v1/uniform/registration"


class Uniform:
    """The registry of integrations."""

    def __init__(self) -> None:
        self.integrations: dict[str, Data] = {}

    def routes(self) -> list[web.AbstractRouteDef]:
        one, subscriptions = BASE + "/{id}", BASE + "/{id}/subscription"
        return [
            web.post(BASE, self._register),
            web.get(BASE, self._list),
            web.delete(one, self._delete),
            web.put(one + "/ping", self._ping),
            web.get(subscriptions, self._subscriptions),
            web.post(subscriptions, self._subscribe),
            web.get(subscriptions + "/{subscription}", self._subscription),
            web.put(subscriptions + "/{subscription}", self._change),
            web.delete(subscriptions + "/{subscription}", self._unsubscribe),
        ]

    async def _register(self, request: web.Request) -> web.Response:
        body = await body_of(request)
        metadata = _mapping(body, "metadata")
        namespace = _mapping(metadata, "kubernetesmetadata").get("namespace")
        named = [_mapping({"": body}, "").get("name"), namespace, metadata.get("hostname")]
        if not all(isinstance(part, str) and part for part in named):
            raise RefusedError(400, "incomplete integration ID. At least 'name','namespace' and 'hostname' must be set")
        given = [_checked(one) for one in body.get("subscriptions") or []]
        name = "-".join(str(part) for part in named)
        known = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
        if known in self.integrations:
            # What it subscribes to now is not looked at: the subscriptions of an integration are changed one by one.
            self.integrations[known]["metadata"]["lastseen"] = timestamp(now())
            return web.json_response({"id": known}, status=200)
        self.integrations[known] = {
            "id": known,
            "name": body["name"],
            "metadata": {**metadata, "lastseen": timestamp(now())},
            "subscriptions": [{**one, "id": str(uuid.uuid4())} for one in given],
        }
        return web.json_response({"id": known}, status=201)

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        found = [
            one
            for one in self.integrations.values()
            if query.get("id") in (None, one["id"]) and query.get("name") in (None, one["name"])
        ]
        return web.json_response(found)

    async def _delete(self, request: web.Request) -> web.Response:
        self.integrations.pop(request.match_info["id"], None)
        return web.json_response({})

    async def _ping(self, request: web.Request) -> web.Response:
        found = self._find(request)
        found["metadata"]["lastseen"] = timestamp(now())
        return web.json_response(found)

    async def _subscriptions(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request)["subscriptions"])

    async def _subscribe(self, request: web.Request) -> web.Response:
        fresh = {**_checked(await body_of(request)), "id": str(uuid.uuid4())}
        self._find(request)["subscriptions"].append(fresh)
        return web.json_response({"id": fresh["id"]}, status=201)

    async def _subscription(self, request: web.Request) -> web.Response:
        return web.json_response(self._find_subscription(request))

    async def _change(self, request: web.Request) -> web.Response:
        changed = _checked(await body_of(request))
        self._find_subscription(request).update(changed)
        return web.json_response({"id": request.match_info["subscription"]}, status=201)

    async def _unsubscribe(self, request: web.Request) -> web.Response:
        self._find(request)["subscriptions"].remove(self._find_subscription(request))
        return web.json_response({})

    def _find(self, request: web.Request) -> Data:
        found = self.integrations.get(request.match_info["id"])
        if found is None:
            raise RefusedError(404, "integration not found")
        return found

    def _find_subscription(self, request: web.Request) -> Data:
        for one in self._find(request)["subscriptions"]:
            if one["id"] == request.match_info["subscription"]:
                found: Data = one
                return found
        raise RefusedError(404, "subscription not found")


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _checked(given: Any) -> Data:
    """Return a subscription. Raises RefusedError."""
    if not isinstance(given, dict) or not isinstance(given.get("event"), str):
        raise RefusedError(400, "Invalid request format: the event of the subscription is missing")
    chosen = _mapping(given, "filter")
    if chosen.get("services") and not chosen.get("stages"):
        raise RefusedError(400, "at least one stage must be specified when a service is set")
    return {
        "event": given["event"],
        "filter": {name: chosen.get(name) or [] for name in ("projects", "stages", "services")},
    }
