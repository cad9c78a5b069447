# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may call the emulated xMatters: Basic (a user or an API key), OAuth 2 tokens, and the key in a trigger's URL."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import BasicAuth, hdrs, web

from ..settings import Settings
from .switches import Switches
from .wire import error

TOKEN_PATH = "/api/xm/1/oauth2/token"
TRIGGER_PREFIX = "/api/integration/1/functions/"


class Credentials:
    """The credentials that are valid now. Set C(token_seconds) before a token is asked for."""

    def __init__(self, settings: Settings, switches: Switches, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._switches = switches
        self._clock = clock
        self._access: dict[str, float] = {}
        self._refresh: set[str] = set()
        self.token_seconds = 900
        #: The key of URL authentication, C(?apiKey=) on the trigger's address.
        self.url_key = str(uuid.uuid4())

    def expire_tokens(self, refresh_too: bool = False) -> None:
        """Let all access tokens run out now."""
        self._access.clear()
        if refresh_too:
            self._refresh.clear()

    def refusal(self, request: web.Request) -> web.Response | None:
        """Return the answer to a caller who may not pass, or None."""
        if request.path.startswith(TRIGGER_PREFIX) and "apiKey" in request.query:
            if hmac.compare_digest(request.query["apiKey"].encode(), self.url_key.encode()):
                return None
            return error(401, "Invalid Credentials")
        scheme, _space, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() == "bearer":
            return None if self._access.get(value, 0.0) > self._clock() else _invalid_token()
        try:
            given = BasicAuth.decode(request.headers.get(hdrs.AUTHORIZATION, ""), encoding="utf-8")
        except ValueError:
            return error(401, "Invalid Credentials")
        return None if self._knows(given.login, given.password) else error(401, "Invalid Credentials")

    async def token(self, request: web.Request) -> web.Response:
        """Answer the token endpoint."""
        form = await request.post()
        grant, client = form.get("grant_type"), form.get("client_id")
        if not client:
            return _oauth_error("invalid_client", "client_id is missing")
        if grant == "password" and self._knows(str(form.get("username", "")), str(form.get("password", ""))):
            return web.json_response(self._issue())
        if grant == "refresh_token" and form.get("refresh_token") in self._refresh:
            if self._switches.rotates_refresh_tokens:
                self._refresh.discard(str(form["refresh_token"]))
            return web.json_response(self._issue())
        return _oauth_error("invalid_grant", "the credentials or the refresh token are not valid")

    def _knows(self, user: str, password: str) -> bool:
        expected = (self._settings.xmatters_user, self._settings.xmatters_password)
        return all(hmac.compare_digest(a.encode(), b.encode()) for a, b in zip((user, password), expected, strict=True))

    def _issue(self) -> dict[str, Any]:
        access, refresh = uuid.uuid4().hex, str(uuid.uuid4())
        self._access[access] = self._clock() + self.token_seconds
        self._refresh.add(refresh)
        return {
            "access_token": access,
            "token_type": "bearer",
            "refresh_token": refresh,
            "expires_in": self.token_seconds,
            "jti": str(uuid.uuid4()),
        }


def _invalid_token() -> web.Response:
    """Return the other shape of a 401: a bearer token that is unknown or has run out."""
    body = {"error": "invalid_token", "error_description": "Access token expired"}
    return web.json_response(body, status=401, headers={hdrs.WWW_AUTHENTICATE: 'Bearer error="invalid_token"'})


def _oauth_error(code: str, description: str) -> web.Response:
    return web.json_response({"error": code, "error_description": description}, status=400)
