# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How xMatters is reached: who we are to it, how it pages its listings, and how it says that something is wrong."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ..errors import AnswerError, ApiError, AuthenticationError, ConfigurationError, NotFoundError
from ..http import Api, Response, Transport
from .xmatters_json import REST

PAGE_SIZE = 100
#: A listing that has more pages than this does not come to an end.
MOST_PAGES = 1000
#: A token that ends within this is not used any more (seconds).
LEEWAY = 30.0


class Connection:
    """Calls one instance as one user.

    C(user) and C(password), or an API key and its secret, are sent as HTTP Basic. With C(client_id) they buy OAuth 2
    tokens instead; so does C(refresh_token), which needs neither of them. A token is renewed shortly before it ends,
    and once when xMatters does not take it any more. All methods raise the errors of C(Api.call).
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
        timeout: float = 30.0,
        attempts: int = 4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_credentials(user, password, client_id, refresh_token)
        self._login = (user, password) if user and password else None
        self._client_id = client_id or None
        self._refresh = refresh_token or None
        self._token: str | None = None
        self._token_ends = 0.0
        self._clock = clock
        basic = b64encode(f"{user}:{password}".encode()).decode() if self._login else ""
        self.api = Api(
            name="xMatters",
            base_url=url.strip().removesuffix("/").removesuffix("/api/xm/1"),
            transport=transport,
            headers={} if client_id else {"Authorization": f"Basic {basic}"},
            secrets=[secret for secret in (password, basic, refresh_token) if secret],
            timeout=timeout,
            attempts=attempts,
            explain=self._explain,
        )

    def call(self, method: str, path: str, **call: Any) -> Response:
        """Make one call as the user."""
        if self._client_id is None:
            return self.api.call(method, path, **call)
        if self._token is None or self._clock() >= self._token_ends:
            self._buy_token()
        try:
            return self.api.call(method, path, headers=self._bearer(), **call)
        except AuthenticationError as error:
            # 401 in either shape; 403 says that the token is good and the permission is not there.
            if error.status != 401:
                raise
        # The token was not taken, so nothing was executed: once more with a new one.
        self._buy_token()
        return self.api.call(method, path, headers=self._bearer(), **call)

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Return the object at a path of the REST API."""
        return as_object(self.call("GET", REST + path, query=query))

    def find(self, path: str, query: Mapping[str, Any] | None = None) -> Mapping[str, Any] | None:
        """Return the object at a path of the REST API, or None when there is none."""
        try:
            return self.get(path, query)
        except NotFoundError:
            return None

    def listing(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield the items of a listing, page by page, as long as xMatters names a next one."""
        answer = self.call("GET", REST + path, query={**(query or {}), "limit": PAGE_SIZE}).json()
        # The summary of who is on call comes as a bare list.
        page = {"data": answer} if isinstance(answer, list) else answer
        yield from self.rest_of(page, path.partition("/")[0])

    def rest_of(self, page: Any, *below: str) -> Iterator[Mapping[str, Any]]:
        """Yield the items of a page that is here already, and of the pages behind it.

        C(below) are the first words of the paths that these may have.
        """
        seen: set[str] = set()
        for _page in range(MOST_PAGES):
            if not isinstance(page, Mapping):
                raise AnswerError(f"xMatters: the listing of {below[0]} is no JSON object")
            items = page.get("data", [])
            if not isinstance(items, Sequence) or isinstance(items, str):
                raise AnswerError(f"xMatters: the listing of {below[0]} has no list of items")
            yield from (item for item in items if isinstance(item, Mapping))
            following = self._next(page, below)
            if following is None:
                return
            if following in seen:
                raise AnswerError(f"xMatters: the listing of {below[0]} leads back to a page that was read already")
            seen.add(following)
            page = self.call("GET", following).json()
        raise AnswerError(f"xMatters: the listing of {below[0]} does not come to an end")

    def _next(self, page: Mapping[str, Any], below: Sequence[str]) -> str | None:
        links = page.get("links")
        link = links.get("next") if isinstance(links, Mapping) else None
        if not link:
            return None
        # The base address may be a proxy with a path of its own; links of the vendor begin at its own root.
        path = str(link).removeprefix(self.api.base_url.rstrip("/"))
        parts = unquote(urlsplit(path).path).replace("\\", "/").split("/")
        expected = any(path.startswith(f"/{REST}{word}") for word in below)
        if not expected or "." in parts or ".." in parts or parts[4:5] not in [[word] for word in below]:
            raise AnswerError("xMatters: the link to the next page leads out of the listing; not followed")
        return path

    # -- tokens ------------------------------------------------------------------------------------------------------

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _buy_token(self) -> None:
        """Get a token by the refresh token if there is one that works, else by user and password."""
        grants: list[dict[str, str]] = []
        if self._refresh:
            grants.append({"grant_type": "refresh_token", "refresh_token": self._refresh})
        if self._login:
            grants.append({"grant_type": "password", "username": self._login[0], "password": self._login[1]})
        for number, grant in enumerate(grants, start=1):
            try:
                form = {**grant, "client_id": self._client_id}
                answer = as_object(self.api.call("POST", f"{REST}oauth2/token", form=form, safe=True))
            except ApiError:
                if number == len(grants):
                    raise
                continue
            self._keep_token(answer)
            return

    def _keep_token(self, answer: Mapping[str, Any]) -> None:
        token, refresh, lasts = answer.get("access_token"), answer.get("refresh_token"), answer.get("expires_in")
        if not isinstance(token, str) or not token:
            raise AnswerError("xMatters: the answer to the request for a token holds none")
        self._token = token
        if isinstance(refresh, str) and refresh:
            self._refresh = refresh
        self.api.secrets = [*self.api.secrets, token, self._refresh or ""]
        seconds = float(lasts) if isinstance(lasts, (int, float)) and lasts > 0 else LEEWAY * 2
        self._token_ends = self._clock() + seconds - min(LEEWAY, seconds / 2)

    def _explain(self, response: Response) -> tuple[str, str | None]:
        """Return the vendor's words for an error, which come in two shapes, and what to do."""
        body = response.json_or_none()
        body = body if isinstance(body, Mapping) else {}
        code = body.get("error") or body.get("subcode")
        said = str(body.get("message") or body.get("error_description") or response.text[:300] or "no reason given")
        if code in ("invalid_grant", "invalid_client"):
            said += "; check xmatters_client_id and xmatters_refresh_token, or xmatters_user and xmatters_password"
        elif response.status == 401:
            said += "; check xmatters_user and xmatters_password (of an API key: the key and its secret)"
        elif response.status == 403:
            said += "; the user needs the role REST Web Service User and, to send alerts, sender permission on the form"
        elif response.status == 429:
            said += "; xMatters limits the requests per minute by the price plan"
        return said, str(code) if code else None


def as_object(response: Response) -> Mapping[str, Any]:
    body = response.json()
    if not isinstance(body, Mapping):
        raise AnswerError("xMatters: the answer is no JSON object", status=response.status)
    return body


def segment(name: str) -> str:
    """Return a name as one segment of a path."""
    return quote(name, safe="")


def _check_credentials(
    user: str | None, password: str | None, client_id: str | None, refresh_token: str | None
) -> None:
    if refresh_token and not client_id:
        raise ConfigurationError("xmatters_client_id is missing: xmatters_refresh_token goes with the client it is of")
    if refresh_token:
        return
    for name, value in (("xmatters_user", user), ("xmatters_password", password)):
        if not value:
            raise ConfigurationError(
                f"{name} is missing: give user and password, an API key and its secret, "
                "or xmatters_client_id and xmatters_refresh_token"
            )
