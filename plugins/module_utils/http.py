# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to talk HTTP, shared by all clients.

A L(Transport) moves bytes and knows whether a request was executed. An L(Api) is one vendor's base address with its
credentials: it encodes, repeats what may be repeated, and turns statuses into the errors of C(errors.py).

What may be repeated: a read after any failure; a write only when the other side said that it did not execute it (429)
or was never reached. A write without a usable answer raises L(UnclearOutcomeError): the caller has to look first.
"""

from __future__ import annotations

import json as json_module
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode, urljoin, urlsplit

from ansible.module_utils.basic import missing_required_lib

from .errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    RateLimitedError,
    SelfHealingError,
    UnclearOutcomeError,
    UnreachableError,
)

try:
    import requests
    import urllib3
except ImportError:
    requests = None  # type: ignore[assignment]

#: The body is read in parts of at most so many bytes.
PART = 64 * 1024
#: How many times as long as one wait a whole answer may take.
WHOLE_ANSWER = 4
#: Larger answers are refused: no vendor call that we make has a reason to send more (bytes).
ANSWER_LIMIT = 32 * 1024 * 1024
#: A server that asks for a longer pause than this is treated as unavailable now (seconds).
LONGEST_PAUSE = 60.0
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_TRANSIENT = frozenset({500, 502, 503, 504})


@dataclass(frozen=True)
class Request:
    """One HTTP request, fully encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Response:
    """One HTTP answer. C(headers) has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        """Return the parsed body.

        Raises AnswerError when the body is not JSON (a proxy's error page, for instance).
        """
        try:
            return json_module.loads(self.body)
        except ValueError as error:
            raise AnswerError(f"the answer is not JSON: {self.text[:200]!r}", status=self.status) from error

    def json_or_none(self) -> Any:
        """Return the parsed body, or None when it is not JSON."""
        try:
            return json_module.loads(self.body)
        except ValueError:
            return None


class Transport(Protocol):
    """Moves one request. Tests and other carriers implement this one method.

    Raises UnreachableError when nothing was executed and UnclearOutcomeError when that cannot be known.
    """

    def send(self, request: Request, timeout: float) -> Response: ...


class RequestsTransport:
    """Transport over one C(requests) session: verified TLS, no redirects, no netrc, bounded answers."""

    def __init__(self, *, validate_certs: bool = True, ca_path: str | None = None) -> None:
        if requests is None:
            raise ConfigurationError(missing_required_lib("requests"))
        self._session = requests.Session()
        # Given with every request: what the environment says (REQUESTS_CA_BUNDLE) counts more than the session's own.
        self._verify = (ca_path or True) if validate_certs else False
        # An explicit no-op: without it requests replaces our Authorization header by what ~/.netrc says.
        self._session.auth = _leave_unchanged

    def send(self, request: Request, timeout: float) -> Response:
        try:
            with self._session.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.body,
                timeout=timeout,
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = _read_limited(_parts(answer), timeout * WHOLE_ANSWER)
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(status=answer.status_code, headers=headers, body=body)
        except requests.exceptions.SSLError as error:
            raise UnreachableError(f"TLS with {_origin(request.url)} failed: {_root_cause(error)}") from error
        except requests.exceptions.ConnectTimeout as error:
            raise UnreachableError(f"{_origin(request.url)} did not accept a connection in {timeout:g} s") from error
        except requests.exceptions.ConnectionError as error:
            if _never_connected(error):
                raise UnreachableError(f"{_origin(request.url)} cannot be reached: {_root_cause(error)}") from error
            raise UnclearOutcomeError(f"{_origin(request.url)} closed the connection without an answer") from error
        except requests.exceptions.Timeout as error:
            raise UnclearOutcomeError(f"{_origin(request.url)} did not answer in {timeout:g} s") from error
        except requests.exceptions.RequestException as error:
            raise UnclearOutcomeError(
                f"the exchange with {_origin(request.url)} broke: {_root_cause(error)}"
            ) from error
        except OSError as error:
            # A file with certificates that is not there, from the options or the environment.
            raise ConfigurationError(f"TLS with {_origin(request.url)} cannot be checked: {error}") from None


@dataclass
class Api:
    """One vendor's API: base address, credentials and the rules of repetition.

    C(name) is how messages call the vendor. C(base_url) may carry a path. C(secrets) are removed from every message.
    C(explain) turns an error answer into the vendor's own words: C((message, code)).
    C(pause) and C(attempts) exist for tests and for callers with a budget.
    """

    name: str
    base_url: str
    transport: Transport
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Collection[str] = ()
    timeout: float = 30.0
    attempts: int = 4
    pause: Callable[[float], None] = time.sleep
    explain: Callable[[Response], tuple[str, str | None]] | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(
                f"{self.name}: {self.base_url!r} is no address, expected https://host[:port][/path]"
            )
        if parts.username or parts.password:
            raise ConfigurationError(
                f"{self.name}: credentials do not belong into the address; use the options for them"
            )
        if not self.base_url.endswith("/"):
            self.base_url += "/"

    def url(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """Return the absolute address of C(path) (relative to the base) with the given query, None values left out."""
        address = path if path.startswith(("http://", "https://")) else urljoin(self.base_url, path.lstrip("/"))
        if _origin(address) != _origin(self.base_url):
            raise AnswerError(f"{self.name} points to another server ({_origin(address)}); not followed")
        pairs = {name: _query_value(value) for name, value in (query or {}).items() if value is not None}
        encoded = urlencode(pairs, errors="replace")
        return f"{address}{'&' if '?' in address else '?'}{encoded}" if pairs else address

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200,),
        safe: bool | None = None,
    ) -> Response:
        """Make one call and return its answer.

        C(json), C(form) and C(body) exclude each other. C(expect) are the statuses that count as success; all others
        raise the fitting ApiError. C(safe) tells that repeating the call does no harm (default: by method), for reads
        that a vendor puts behind POST.

        Raises UnreachableError, UnclearOutcomeError (writes only), AnswerError, or an ApiError by status.
        """
        safe = method.upper() in READ_METHODS if safe is None else safe
        request = self._encode(method, self.url(path, query), json, form, body, headers)
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= self.attempts
            try:
                response = self.transport.send(request, self.timeout)
            except UnreachableError as error:
                if last:
                    raise self._clean(error) from None
                self.pause(_backoff(attempt))
                continue
            except UnclearOutcomeError as error:
                if last or not safe:
                    raise (self._clean(error) if not safe else self._unreachable(error)) from None
                self.pause(_backoff(attempt))
                continue
            if response.status in expect:
                return response
            wait = self._pause_before_repeat(response, attempt, safe)
            if wait is None or last:
                raise self._error(request, response, safe)
            self.pause(wait)

    def pages(
        self, first: str, following: Callable[[Any], str | None], limit: int = 1000, **call: Any
    ) -> Iterator[Any]:
        """Yield the parsed pages of a listing. C(following) returns the next address, on the same origin."""
        path: str | None = first
        for _page in range(limit):
            if path is None:
                return
            page = self.call("GET", path, **call).json()
            yield page
            path, call = following(page), {}

    def _encode(
        self,
        method: str,
        url: str,
        json: Any,
        form: Mapping[str, Any] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
    ) -> Request:
        sent = {"Accept": "application/json", **self.headers, **(headers or {})}
        if json is not None:
            body = json_module.dumps(json, ensure_ascii=False, allow_nan=False).encode("utf-8", errors="replace")
            sent.setdefault("Content-Type", "application/json; charset=utf-8")
        elif form is not None:
            pairs = {name: _query_value(value) for name, value in form.items() if value is not None}
            body = urlencode(pairs, errors="replace").encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        for name, value in sent.items():
            if "\n" in value or "\r" in value:
                raise ConfigurationError(f"{self.name}: the header {name} holds a line break")
        return Request(method=method.upper(), url=url, headers=sent, body=body)

    def _pause_before_repeat(self, response: Response, attempt: int, safe: bool) -> float | None:
        if response.status != 429 and not (safe and response.status in _TRANSIENT):
            return None
        asked = _retry_after(response)
        if asked is not None and asked > LONGEST_PAUSE:
            return None
        return asked if asked is not None else _backoff(attempt)

    def _error(self, request: Request, response: Response, safe: bool) -> SelfHealingError:
        said, code = self.explain(response) if self.explain else (response.text[:300], None)
        what = f"{self.name}: {request.method} {urlsplit(request.url).path} was answered {response.status}"
        message = self.redact(f"{what}: {said}" if said else what)
        if not safe and response.status >= 500:
            return UnclearOutcomeError(f"{message} (it may have been executed all the same)", status=response.status)
        kinds: Mapping[int, type[ApiError]] = {
            401: AuthenticationError,
            403: AuthenticationError,
            404: NotFoundError,
            409: ConflictError,
            429: RateLimitedError,
        }
        return kinds.get(response.status, ApiError)(message, status=response.status, code=code)

    def redact(self, text: str) -> str:
        """Return C(text) without the secrets of this API."""
        for secret in self.secrets:
            if secret:
                text = text.replace(secret, "********")
        return text

    def _clean(self, error: SelfHealingError) -> SelfHealingError:
        return type(error)(self.redact(f"{self.name}: {error.message}"), **error.details)

    def _unreachable(self, error: SelfHealingError) -> UnreachableError:
        return UnreachableError(self.redact(f"{self.name}: {error.message}"), **error.details)


def multipart(parts: Sequence[tuple[str, str, str, bytes]], boundary: str) -> tuple[bytes, str]:
    """Encode C((field, filename, content type, content)) parts and return the body with its Content-Type.

    Written by hand because vendors (Jira: contracts/service-desks.md section 1.9) refuse base64 parts. The boundary
    is the caller's, so that the same input gives the same bytes.
    """
    chunks: list[bytes] = []
    for name, filename, content_type, content in parts:
        quoted = "".join(c for c in filename if c not in '"\r\n\\')
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{quoted}"\r\n'
        chunks += [head.encode("utf-8"), f"Content-Type: {content_type}\r\n\r\n".encode(), content, b"\r\n"]
    chunks.append(f"--{boundary}--\r\n".encode())
    return b"".join(chunks), f"multipart/form-data; boundary={boundary}"


def _leave_unchanged(request: Any) -> Any:
    return request


def _parts(answer: Any) -> Iterator[bytes]:
    """Yield the body as it comes in.

    C(iter_content) returns nothing before a part is full, so that a server which drips would never let us look at the
    clock. Versions of urllib3 before 2 have nothing else.
    """
    if not hasattr(answer.raw, "read1"):
        yield from answer.iter_content(PART)
        return
    try:
        while part := answer.raw.read1(PART, decode_content=True):
            yield part
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.exceptions.ConnectionError(error) from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error


def _read_limited(chunks: Iterator[bytes], seconds: float) -> bytes:
    """Return the whole body. A server that sends it drop by drop, or without end, does not keep us for ever."""
    body, until = bytearray(), time.monotonic() + seconds
    for chunk in chunks:
        body += chunk
        if time.monotonic() > until:
            raise UnclearOutcomeError(f"the answer did not end within {seconds:g} s; not read further")
        if len(body) > ANSWER_LIMIT:
            raise AnswerError(f"the answer is larger than {ANSWER_LIMIT // 2**20} MiB; not read further")
    return bytes(body)


def _never_connected(error: Exception) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if type(seen).__name__ in ("NewConnectionError", "NameResolutionError", "ConnectionRefusedError"):
            return True
        inner = seen.args[0] if seen.args and isinstance(seen.args[0], BaseException) else None
        seen = getattr(seen, "reason", None) or inner
        if not isinstance(seen, BaseException):
            return False
    return False


def _root_cause(error: BaseException) -> str:
    """Return the innermost reason without the address, which may carry a secret in its query."""
    seen: BaseException = error
    for _depth in range(8):
        inner = getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((argument for argument in seen.args if isinstance(argument, BaseException)), None)
        if inner is None:
            break
        seen = inner
    text = str(seen).rsplit(": ", 1)[-1]
    return text[:200] or type(seen).__name__


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _query_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json_module.dumps(value, ensure_ascii=False)
    return str(value)


def _retry_after(response: Response) -> float | None:
    """Return the seconds that the server asks for. The HTTP-date form is not used by any vendor that we speak to."""
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def _backoff(attempt: int) -> float:
    return min(0.5 * 2.0 ** (attempt - 1), 8.0)
