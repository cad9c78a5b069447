# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keptn 1.x on the wire: events, tasks that wait, sequences. One method per call, no decisions.

Source: keptn/keptn, C(api/swagger.yaml), C(mongodb-datastore/swagger.yaml) and the shipyard controller.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ..errors import AnswerError, ConfigurationError, InvalidInputError
from ..http import Api, Response, Transport
from .keptn_values import Event, SequenceState, to_event, to_sequence

#: Items per page: the most that the datastore gives.
PAGE_SIZE = 100
#: A list that has more pages than this does not come to an end.
MOST_PAGES = 200
#: Bytes that an event may have where Keptn checks events (MAX_EVENT_SIZE_KB).
EVENT_LIMIT = 64 * 1024
CONTROLS = ("pause", "resume", "abort")
_EVENTS = "mongodb-datastore/event"
_CONTROL_PLANE = "controlPlane/v1"


class KeptnClient:
    """Calls one Keptn. All methods raise the errors of C(Api.call).

    C(url) is the address of Keptn or of its API (C(https://keptn.example.com/api)). C(token) is the API token; one
    that begins with C(Bearer ) goes into the Authorization header, as a gateway with OAuth wants it.
    C(pause) waits between two attempts, for callers that may have to stop meanwhile.
    """

    def __init__(
        self,
        url: str,
        token: str,
        transport: Transport,
        *,
        timeout: float = 30.0,
        attempts: int = 4,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        root = url.strip().rstrip("/").removesuffix("/v1").removesuffix("/api")
        secret = token.removeprefix("Bearer ").strip()
        if not secret:
            raise ConfigurationError("keptn_token is empty: give the API token of Keptn")
        bearer = token.startswith("Bearer ")
        #: Address of Keptn's page for people.
        self.web_url = f"{root}/bridge"
        self._api = Api(
            name="Keptn",
            base_url=f"{root}/api",
            transport=transport,
            headers={"Authorization": f"Bearer {secret}"} if bearer else {"x-token": secret},
            secrets=[secret],
            timeout=timeout,
            attempts=attempts,
            pause=pause,
            explain=explain,
        )

    def sequence_url(self, context: str) -> str:
        """Return where people see what runs under a context."""
        return f"{self.web_url}/trace/{quote(context, safe='')}"

    # -- events ------------------------------------------------------------------------------------------------------

    def send_event(self, event: Mapping[str, Any]) -> str:
        """Publish an event and return its context. Keptn gives it an id of its own, and does not tell it.

        A success says that the event is on its way, not that a sequence took it. Raises UnclearOutcomeError when it
        may have been published, InvalidInputError when it is too large.
        """
        body = json.dumps(event, ensure_ascii=False, allow_nan=False).encode("utf-8", errors="replace")
        if len(body) > EVENT_LIMIT:
            raise InvalidInputError(f"the event is {len(body)} bytes, Keptn takes {EVENT_LIMIT}: shorten its data")
        headers = {"Content-Type": "application/cloudevents+json"}
        context = _object(self._api.call("POST", "v1/event", body=body, headers=headers)).get("keptnContext")
        if not isinstance(context, str) or not context:
            raise AnswerError("Keptn took the event and gave no keptnContext")
        return context

    def events(
        self,
        *,
        context: str | None = None,
        project: str | None = None,
        type: str | None = None,
        stage: str | None = None,
        service: str | None = None,
        source: str | None = None,
        event_id: str | None = None,
        from_time: str | None = None,
        before_time: str | None = None,
        limit: int | None = None,
    ) -> list[Event]:
        """Return stored events, newest first. C(context) or C(project) has to be given. An event gets there a moment
        after it was sent.
        """
        if not context and not project:
            raise ConfigurationError("Keptn lists events of a context or of a project only: give one of them")
        query = {
            "keptnContext": context,
            "project": project,
            "type": type,
            "stage": stage,
            "service": service,
            "source": source,
            "eventID": event_id,
            "fromTime": from_time,
            "beforeTime": before_time,
        }
        found: list[Event] = []
        for page in self._pages(_EVENTS, "events", query):
            found += [to_event(item) for item in page]
            if limit is not None and len(found) >= limit:
                return found[:limit]
        return found

    def triggered(
        self,
        type: str,
        *,
        project: str | None = None,
        stage: str | None = None,
        service: str | None = None,
        event_id: str | None = None,
    ) -> list[Event]:
        """Return the C(.triggered) events of this type that are not finished, so also those that we work on.

        Raises NotFoundError for an unknown project.
        """
        query = {"project": project, "stage": stage, "service": service, "eventID": event_id}
        path = f"{_CONTROL_PLANE}/event/triggered/{_segment(type)}"
        return [to_event(item) for page in self._pages(path, "events", query) for item in page]

    # -- sequences ---------------------------------------------------------------------------------------------------

    def sequences(
        self,
        project: str,
        *,
        contexts: Sequence[str] = (),
        name: str | None = None,
        state: str | None = None,
        from_time: str | None = None,
        before_time: str | None = None,
    ) -> list[SequenceState]:
        """Return the states of a project's sequences, newest first. An unknown project has none."""
        query = {
            "keptnContext": ",".join(contexts) or None,
            "name": name,
            "state": state,
            "fromTime": from_time,
            "beforeTime": before_time,
        }
        path = f"{_CONTROL_PLANE}/sequence/{_segment(project)}"
        return [to_sequence(item) for page in self._pages(path, "states", query) for item in page]

    def sequence(self, project: str, context: str) -> SequenceState | None:
        """Return the state of what runs, or ran, under one context, or None."""
        found = self.sequences(project, contexts=[context])
        return next((state for state in found if state.context == context), None)

    def control(self, project: str, context: str, command: str, stage: str = "") -> None:
        """Ask for C(pause), C(resume) or C(abort). Keptn says yes to every context, known or not: look afterwards."""
        if command not in CONTROLS:
            raise ConfigurationError(f"Keptn knows {', '.join(CONTROLS)}, not {command[:40]}")
        path = f"{_CONTROL_PLANE}/sequence/{_segment(project)}/{_segment(context)}/control"
        self._api.call("POST", path, json={"state": command, "stage": stage})

    # -- integrations ------------------------------------------------------------------------------------------------

    def register(self, integration: Mapping[str, Any]) -> str:
        """Make an integration known and return its id. One that is known keeps the subscriptions that it has."""
        path = f"{_CONTROL_PLANE}/uniform/registration"
        found = _object(self._api.call("POST", path, json=integration, expect=(200, 201), safe=True)).get("id")
        if not isinstance(found, str) or not found:
            raise AnswerError("Keptn registered the integration and gave no id")
        return found

    def ping(self, integration_id: str) -> Mapping[str, Any]:
        """Say that an integration lives, and return it with its subscriptions. Raises NotFoundError."""
        path = f"{_CONTROL_PLANE}/uniform/registration/{_segment(integration_id)}/ping"
        return _object(self._api.call("PUT", path, safe=True))

    def unregister(self, integration_id: str) -> None:
        """Forget an integration."""
        path = f"{_CONTROL_PLANE}/uniform/registration/{_segment(integration_id)}"
        self._api.call("DELETE", path, expect=(200, 404), safe=True)

    def metadata(self) -> Mapping[str, Any]:
        """Return what Keptn says of itself, like C(keptnversion). Good to check address and token."""
        return _object(self._api.call("GET", "v1/metadata"))

    # -- pages -------------------------------------------------------------------------------------------------------

    def _pages(self, path: str, name: str, query: Mapping[str, Any]) -> Iterator[list[Any]]:
        """Yield the lists of all pages. The next page is asked for by number, so on the same server."""
        key = 0
        for _page in range(MOST_PAGES):
            page = _object(
                self._api.call("GET", path, query={**query, "pageSize": PAGE_SIZE, "nextPageKey": key or None})
            )
            listed = page.get(name)
            if listed is None and not page.get("totalCount"):
                listed = []
            if not isinstance(listed, list):
                raise AnswerError(f"Keptn: the answer has no list of {name}")
            yield listed
            following = _page_key(page.get("nextPageKey"))
            if following == 0:
                return
            if following <= key:
                raise AnswerError(f"Keptn: the list of {name} goes in a circle")
            key = following
        raise AnswerError(f"Keptn: the list of {name} has more than {MOST_PAGES} pages")


def explain(response: Response) -> tuple[str, str | None]:
    """Return what Keptn says about an error, and its code. The gateway before it answers HTML."""
    envelope = response.json_or_none()
    if not isinstance(envelope, Mapping):
        return ("" if response.text.lstrip().startswith("<") else response.text[:300]), None
    code = envelope.get("code")
    said = [str(envelope[name]) for name in ("message", "fields") if envelope.get(name)]
    return ": ".join(said)[:500] or "no reason given", None if code is None else str(code)


def _object(response: Response) -> Mapping[str, Any]:
    found = response.json()
    if not isinstance(found, Mapping):
        raise AnswerError("Keptn: the answer is no object")
    return found


def _page_key(value: Any) -> int:
    """Return the number of the next item; 0 when there is none. Some answers have a number, some a text."""
    if value is None or value == "":
        return 0
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, str))
        or not str(value).isdecimal()
        or len(str(value)) > 9
    ):
        raise AnswerError("Keptn: the key of the next page is none")
    return int(value)


def _segment(name: str) -> str:
    if not name or name in (".", ".."):
        raise ConfigurationError("Keptn: a name is missing")
    return quote(name, safe="")
