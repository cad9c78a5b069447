# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""xMatters on the wire: its REST API C(/api/xm/1) and the trigger of a form. One method per call, no decisions.

xMatters calls an alert an I(event) in its API. Facts without another source are from help.xmatters.com/xmapi.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..errors import AnswerError, AuthenticationError, ConfigurationError, InvalidInputError, NotFoundError
from ..http import Api, Response, Transport
from .xmatters_connection import Connection, as_object, segment
from .xmatters_directory import Directory
from .xmatters_directory_values import email_of
from .xmatters_forms import Forms
from .xmatters_json import REST
from .xmatters_values import (
    Annotation,
    Choice,
    Delivery,
    Event,
    LogLine,
    Person,
    order,
    to_annotation,
    to_choice,
    to_delivery,
    to_event,
    to_log_line,
    to_person,
)

#: Bytes that a trigger may have (apprise, plugin xmatters).
TRIGGER_LIMIT = 200_000
#: user-deliveries wants a moment and tells what was known then; the vendor's own flow steps pass one that never comes.
END_OF_TIME = "2099-01-01T00:00:00.000Z"
#: What is told of an alert beyond the short form.
DETAILS = "properties,recipients,responseOptions"


class XMattersClient:
    """Calls one xMatters instance.

    With C(client_id), user and password buy OAuth 2 tokens; otherwise they, or an API key and its secret, are sent as
    HTTP Basic. C(refresh_token) buys tokens without them. C(form_url) is the address of the form's trigger; a key in
    its query (URL authentication) replaces all of these. All methods raise the errors of C(Api.call).
    """

    def __init__(
        self,
        url: str,
        transport: Transport,
        *,
        user: str | None = None,
        password: str | None = None,
        client_id: str | None = None,
        refresh_token: str | None = None,
        form_url: str | None = None,
        timeout: float = 30.0,
        attempts: int = 4,
    ) -> None:
        self._connection = Connection(
            url,
            transport,
            user=user,
            password=password,
            client_id=client_id,
            refresh_token=refresh_token,
            timeout=timeout,
            attempts=attempts,
        )
        self._api = self._connection.api
        self._form_url = form_url.strip() if form_url else None
        if self._form_url:
            self._check_form_url(self._form_url)

    @cached_property
    def directory(self) -> Directory:
        """People, groups, shifts, and who is on call."""
        return Directory(self._connection)

    @cached_property
    def forms(self) -> Forms:
        """Workflows and their forms."""
        return Forms(self._connection)

    # -- alerts ------------------------------------------------------------------------------------------------------

    def trigger(self, body: Mapping[str, Any], query: Mapping[str, str] | None = None) -> str | None:
        """Ask the form for an alert and return the request id. The alert itself appears later, or never.

        C(query) is added to the address, for flows that read it. Raises UnclearOutcomeError when the trigger may have
        been executed, InvalidInputError when C(body) is too large.
        """
        if self._form_url is None:
            raise ConfigurationError("xmatters_form_url is missing: the address of the form's HTTP trigger")
        size = len(json.dumps(body, ensure_ascii=False).encode("utf-8", errors="replace"))
        if size > TRIGGER_LIMIT:
            raise InvalidInputError(
                f"the alert is {size} bytes, xMatters takes {TRIGGER_LIMIT}: shorten text or properties"
            )
        answer = self._send(self._form_url, body, query).json_or_none()
        request_id = answer.get("requestId") if isinstance(answer, Mapping) else None
        return request_id if isinstance(request_id, str) and request_id else None

    def events(self, **query: str) -> list[Event]:
        """Return the alerts that pass the filters of C(GET /events), with their properties."""
        return [to_event(item) for item in self._connection.listing("events", {"embed": "properties", **query})]

    def event(self, name: str, embed: str = "properties") -> Event | None:
        """Return the alert with this UUID or number, or None."""
        found = self._connection.find(f"events/{segment(name)}", {"embed": embed})
        return to_event(found) if found is not None else None

    def set_status(self, event_id: str, status: str) -> Event:
        """Make an alert C(TERMINATED), C(SUSPENDED) or C(ACTIVE)."""
        body = {"id": event_id, "status": status}
        return to_event(as_object(self._connection.call("POST", f"{REST}events", json=body)))

    def annotations(self, event_id: str) -> list[Annotation]:
        return [to_annotation(item) for item in self._connection.listing(f"events/{segment(event_id)}/annotations")]

    def annotate(self, event_id: str, text: str) -> Annotation:
        path = f"{REST}events/{segment(event_id)}/annotations"
        return to_annotation(as_object(self._connection.call("POST", path, json={"comment": text}, expect=(200, 201))))

    def deliveries(self, event_id: str) -> list[Delivery]:
        """Return who was notified. Just after an alert began there may be nothing to read yet."""
        try:
            rows = self._connection.listing(f"events/{segment(event_id)}/user-deliveries", {"at": END_OF_TIME})
            return [to_delivery(item) for item in rows]
        except NotFoundError:
            return []

    def choices(self, event_id: str) -> list[Choice]:
        """Return all responses to an alert from its audit log, in the order in which they came."""
        lines = self._audits(event_id, "RESPONSE_RECEIVED")
        return [to_choice(line) for line in lines if line.get("type", "RESPONSE_RECEIVED") == "RESPONSE_RECEIVED"]

    def log(self, event_id: str) -> list[LogLine]:
        """Return the whole audit log of an alert, in order."""
        return [to_log_line(line) for line in self._audits(event_id, None)]

    def _audits(self, event_id: str, kind: str | None) -> list[Mapping[str, Any]]:
        query = {"eventId": event_id, "auditType": kind, "sortOrder": "ASCENDING"}
        lines: dict[Any, Mapping[str, Any]] = {}
        for line in self._connection.listing("audits", query):
            # A line that came in while the pages were read is on two of them.
            lines.setdefault(line.get("id") or len(lines), line)
        return sorted(lines.values(), key=order)

    # -- people ------------------------------------------------------------------------------------------------------

    def person(self, key: str) -> Person | None:
        """Return a user by user id, or None when there is none or it may not be seen."""
        try:
            return to_person(self._connection.get(f"people/{segment(key)}"))
        except (NotFoundError, AuthenticationError):
            return None

    def email(self, key: str) -> str | None:
        """Return the address of a user's first e-mail device, or None when there is none or it may not be seen."""
        try:
            devices = self.directory.devices(key)
        except (NotFoundError, AuthenticationError):
            return None
        return email_of(devices)

    # -- the trigger -------------------------------------------------------------------------------------------------

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

    def _send(self, form_url: str, body: Mapping[str, Any], query: Mapping[str, str] | None) -> Response:
        expect = range(200, 300)
        try:
            if "apiKey" in parse_qs(urlsplit(form_url).query):
                without = {name: value for name, value in self._api.headers.items() if name != "Authorization"}
                bare = Api(**{**vars(self._api), "headers": without})
                return bare.call("POST", form_url, query=query, json=body, expect=expect)
            return self._connection.call("POST", form_url, query=query, json=body, expect=expect)
        except (NotFoundError, AuthenticationError) as error:
            # Other than everywhere else, the address may be wrong, and its key may be all that is checked.
            if error.status == 403:
                raise
            message = f"{error.message}; copy xmatters_form_url again from the HTTP trigger of the form"
            raise type(error)(message, status=error.status, code=error.code) from None
