# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""xMatters on the wire: its REST API C(/api/xm/1) and the trigger of a form. One method per call, no decisions.

xMatters calls an alert an I(event) in its API. Facts without another source are from help.xmatters.com/xmapi.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from ..errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    NotFoundError,
)
from ..http import Api, Response, Transport
from .xmatters_values import (
    REST,
    Annotation,
    Choice,
    Delivery,
    Event,
    Person,
    order,
    to_annotation,
    to_choice,
    to_delivery,
    to_event,
    to_person,
)

#: Bytes that a trigger may have (apprise, plugin xmatters).
TRIGGER_LIMIT = 200_000
PAGE_SIZE = 100
#: user-deliveries wants a moment and tells what was known then; the vendor's own flow steps pass one that never comes.
END_OF_TIME = "2099-01-01T00:00:00.000Z"


class XMattersClient:
    """Calls one xMatters instance.

    With C(client_id), user and password buy OAuth 2 tokens; otherwise they, or an API key and its secret, are sent as
    HTTP Basic. C(form_url) is the address of the form's trigger; a key in its query (URL authentication) replaces both.
    All methods raise the errors of C(Api.call).
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        *,
        user: str,
        password: str,
        client_id: str | None = None,
        form_url: str | None = None,
        timeout: float = 30.0,
        attempts: int = 4,
    ) -> None:
        self._user = user
        self._password = password
        self._client_id = client_id
        self._token: str | None = None
        self._refresh: str | None = None
        basic = b64encode(f"{user}:{password}".encode()).decode()
        self._api = Api(
            name="xMatters",
            base_url=url.strip().removesuffix("/").removesuffix("/api/xm/1"),
            transport=transport,
            headers={} if client_id else {"Authorization": f"Basic {basic}"},
            secrets=[password, basic],
            timeout=timeout,
            attempts=attempts,
            explain=_explain,
        )
        self._form_url = form_url.strip() if form_url else None
        if self._form_url:
            self._check_form_url(self._form_url)

    # -- alerts ------------------------------------------------------------------------------------------------------

    def trigger(self, body: Mapping[str, Any]) -> str | None:
        """Ask the form for an alert and return the request id. The alert itself appears later, or never.

        Raises UnclearOutcomeError when the trigger may have been executed, InvalidInputError when C(body) is too large.
        """
        if self._form_url is None:
            raise ConfigurationError("xmatters_form_url is missing: the address of the form's HTTP trigger")
        size = len(json.dumps(body, ensure_ascii=False).encode("utf-8", errors="replace"))
        if size > TRIGGER_LIMIT:
            raise InvalidInputError(
                f"the alert is {size} bytes, xMatters takes {TRIGGER_LIMIT}: shorten text or properties"
            )
        answer = self._send(self._form_url, body).json_or_none()
        request_id = answer.get("requestId") if isinstance(answer, Mapping) else None
        return request_id if isinstance(request_id, str) and request_id else None

    def events(self, **query: str) -> list[Event]:
        """Return the alerts that pass the filters of C(GET /events), with their properties."""
        return [to_event(item) for item in self._list("events", {"embed": "properties", **query})]

    def event(self, name: str) -> Event | None:
        """Return the alert with this UUID or number, or None."""
        try:
            found = self._get(f"events/{_segment(name)}", {"embed": "properties"})
        except NotFoundError:
            return None
        return to_event(found)

    def set_status(self, event_id: str, status: str) -> Event:
        """Make an alert C(TERMINATED), C(SUSPENDED) or C(ACTIVE)."""
        return to_event(_json(self._call("POST", f"{REST}events", json={"id": event_id, "status": status})))

    def annotations(self, event_id: str) -> list[Annotation]:
        return [to_annotation(item) for item in self._list(f"events/{_segment(event_id)}/annotations")]

    def annotate(self, event_id: str, text: str) -> Annotation:
        path = f"{REST}events/{_segment(event_id)}/annotations"
        return to_annotation(_json(self._call("POST", path, json={"comment": text}, expect=(200, 201))))

    def deliveries(self, event_id: str) -> list[Delivery]:
        """Return who was notified. Just after an alert began there may be nothing to read yet."""
        try:
            rows = self._list(f"events/{_segment(event_id)}/user-deliveries", {"at": END_OF_TIME})
            return [to_delivery(item) for item in rows]
        except NotFoundError:
            return []

    def choices(self, event_id: str) -> list[Choice]:
        """Return all responses to an alert from its audit log, in the order in which they came."""
        query = {"eventId": event_id, "auditType": "RESPONSE_RECEIVED", "sortOrder": "ASCENDING"}
        lines = [
            line for line in self._list("audits", query) if line.get("type", "RESPONSE_RECEIVED") == "RESPONSE_RECEIVED"
        ]
        return [to_choice(line) for line in sorted(lines, key=order)]

    # -- people ------------------------------------------------------------------------------------------------------

    def person(self, key: str) -> Person | None:
        """Return a user by user id, or None when there is none or it may not be seen."""
        try:
            return to_person(self._get(f"people/{_segment(key)}"))
        except (NotFoundError, AuthenticationError):
            return None

    def email(self, key: str) -> str | None:
        """Return the address of a user's first e-mail device, or None when there is none or it may not be seen."""
        try:
            devices = list(self._list(f"people/{_segment(key)}/devices"))
        except (NotFoundError, AuthenticationError):
            return None
        addresses = [
            (device.get("sequence") or 0, str(device["emailAddress"]))
            for device in devices
            if device.get("emailAddress")
        ]
        return min(addresses)[1] if addresses else None

    # -- carrying it -------------------------------------------------------------------------------------------------

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        return _json(self._call("GET", REST + path, query=query))

    def _list(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield the items of a listing, page by page, as long as the vendor names a next one."""
        following: str | None = REST + path
        call: dict[str, Any] = {"query": {**(query or {}), "limit": PAGE_SIZE}}
        for _page in range(1000):
            if following is None:
                return
            page = _json(self._call("GET", following, **call))
            items = page.get("data", [])
            if not isinstance(items, Sequence):
                raise AnswerError(f"xMatters: the listing {path} has no list of items")
            yield from (item for item in items if isinstance(item, Mapping))
            following, call = self._next(page), {}

    def _next(self, page: Mapping[str, Any]) -> str | None:
        links = page.get("links")
        link = links.get("next") if isinstance(links, Mapping) else None
        if not link:
            return None
        # The base address may be a proxy with a path of its own; links of the vendor begin at its own root.
        path = str(link).removeprefix(self._api.base_url.rstrip("/"))
        if not path.startswith(f"/{REST}") or ".." in path:
            raise AnswerError("xMatters: the link to the next page leads out of the REST API; not followed")
        return path

    def _call(self, method: str, path: str, **call: Any) -> Response:
        if self._client_id is None:
            return self._api.call(method, path, **call)
        if self._token is None:
            self._buy_token()
        try:
            return self._api.call(method, path, headers={"Authorization": f"Bearer {self._token}"}, **call)
        except AuthenticationError as error:
            if error.code != "invalid_token":
                raise
        # The token ran out, so nothing was executed: once more with a new one.
        self._buy_token()
        return self._api.call(method, path, headers={"Authorization": f"Bearer {self._token}"}, **call)

    def _buy_token(self) -> None:
        """Get a token by the refresh token if there is one that works, else by user and password."""
        grants = [{"grant_type": "password", "username": self._user, "password": self._password}]
        if self._refresh:
            grants.insert(0, {"grant_type": "refresh_token", "refresh_token": self._refresh})
        for number, grant in enumerate(grants, start=1):
            try:
                form = {**grant, "client_id": self._client_id}
                answer = _json(self._api.call("POST", f"{REST}oauth2/token", form=form, safe=True))
            except ApiError:
                if number == len(grants):
                    raise
                continue
            self._token, self._refresh = str(answer.get("access_token", "")), answer.get("refresh_token")
            self._api.secrets = [*self._api.secrets, self._token, *([self._refresh] if self._refresh else [])]
            return

    def _check_form_url(self, form_url: str) -> None:
        """Hide what is secret in the trigger's address, and see that credentials go to no other server."""
        parts = urlsplit(form_url)
        if parts.scheme not in ("http", "https"):
            raise ConfigurationError("xmatters_form_url is no address, expected https://company.xmatters.com/api/...")
        functions = [part for part in parts.path.split("/") if len(part) >= 16]
        keys = [key for values in parse_qs(parts.query).values() for key in values]
        self._api.secrets = [form_url, *keys, *functions, *self._api.secrets]
        try:
            self._api.url(form_url)
        except AnswerError:
            raise ConfigurationError(
                "xmatters_form_url and xmatters_url are on different servers; credentials are not sent to a third party"
            ) from None

    def _send(self, form_url: str, body: Mapping[str, Any]) -> Response:
        expect = range(200, 300)
        try:
            if "apiKey" in parse_qs(urlsplit(form_url).query):
                without = {name: value for name, value in self._api.headers.items() if name != "Authorization"}
                bare = Api(**{**vars(self._api), "headers": without})
                return bare.call("POST", form_url, json=body, expect=expect)
            return self._call("POST", form_url, json=body, expect=expect)
        except NotFoundError as error:
            message = f"{error.message}; copy xmatters_form_url again from the HTTP trigger of the form"
            raise NotFoundError(message, status=error.status, code=error.code) from None


def _explain(response: Response) -> tuple[str, str | None]:
    """Return the vendor's words for an error, which come in two shapes, and what to do."""
    body = response.json_or_none()
    body = body if isinstance(body, Mapping) else {}
    code = body.get("error") or body.get("subcode")
    said = str(body.get("message") or body.get("error_description") or response.text[:300] or "no reason given")
    if response.status == 401:
        said += "; check xmatters_user and xmatters_password (of an API key: the key and its secret)"
    elif response.status == 403:
        said += "; the user needs the role REST Web Service User and, to send alerts, sender permission on the form"
    return said, str(code) if code else None


def _json(response: Response) -> Mapping[str, Any]:
    body = response.json()
    if not isinstance(body, Mapping):
        raise AnswerError("xMatters: the answer is no JSON object", status=response.status)
    return body


def _segment(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")
