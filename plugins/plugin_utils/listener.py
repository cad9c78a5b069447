# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP listener per host and port of the process, shared by all event sources that ask for that address.

Each source has a path of its own on it. The listener authenticates, limits, reads and parses; the source's handler sees
only requests that passed, and says what to answer. When the last source leaves, the port is closed.

Two paths more tell how this process is: C(/healthz), whether all its parts work, and C(/metrics), the figures.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    ConfigurationError,
    InvalidInputError,
    JournalError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.journal_engine import utc_now
from ansible_collections.self_healing.devops.plugins.module_utils.strict_json import parse_json
from ansible_collections.self_healing.devops.plugins.plugin_utils.checkup import checkup
from ansible_collections.self_healing.devops.plugins.plugin_utils.doors import Door, Doors, doors_for
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import INSTALL, metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.throttle import Throttle, sender
from ansible_collections.self_healing.devops.plugins.plugin_utils.tls import Tls, tls_from
from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import vitals

try:
    from aiohttp import web
except ImportError:
    # ansible-rulebook brings it. Where it does not run, this file can still be read.
    web = None  # type: ignore[assignment]

__all__ = ["Address", "Doors", "Inbound", "Reply", "address_from", "doors_for", "protect_metrics", "serve"]

logger = logging.getLogger(__name__)

HEALTH_PATH = "/healthz"
METRICS_PATH = "/metrics"
METRICS_TOKEN = "SELF_HEALING_METRICS_TOKEN"
#: A connection that has not sent a whole request head by then, or is idle between two requests, is closed (seconds).
HEAD_SECONDS = 15.0
#: A request body must be there completely by then (seconds).
BODY_SECONDS = 15.0
#: Requests that are being handled when their source leaves may take this long to end (seconds).
DRAIN_SECONDS = 5.0
#: The sources of a process begin to listen one after the other. For so long a path that nobody listens on may be one on
#: which somebody is about to (seconds).
STARTING_SECONDS = 10.0
#: What a sender is asked to wait when the journal cannot take a message (seconds).
RETRY_AFTER = "5"
#: What a sender is asked to wait while this process is about to end and to start again (seconds).
RETRY_AFTER_RESTART = "15"
#: So many wrong secrets in a row are compared from one address, and so many more with time (per second).
GUESSES, GUESSES_PER_SECOND = 20, 0.2
#: What a sender is asked to wait after that (seconds).
RETRY_AFTER_GUESSES = "5"
DEFAULT_MAX_BODY = 2**20


@dataclass(frozen=True)
class Inbound:
    """One admitted request: its body as sent and parsed, its headers (case-insensitive), the sender's address.

    C(json) is None on paths whose bodies are not parsed. Of a parameter that C(query) has twice the first counts.
    C(name) is what follows the path and a slash, where everything directly below a path is served.
    """

    body: bytes = field(repr=False)
    json: Any = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    peer: str | None
    method: str = "POST"
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    name: str = field(default="", repr=False)


@dataclass(frozen=True)
class Reply:
    """What to answer: status, JSON body and further headers.

    C(text) is sent as it is instead of the JSON body; C(headers) should have its C(Content-Type) then.
    """

    status: int = 200
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


Handler = Callable[[Inbound], Awaitable[Reply]]


@dataclass(frozen=True)
class Address:
    """Where a source listens. C(max_body) is bytes."""

    host: str
    port: int
    path: str
    max_body: int = DEFAULT_MAX_BODY
    tls: Tls | None = None


def address_from(args: Mapping[str, Any], source: str, path: str, port: int | None = None) -> Address:
    """Return where the event source C(source) listens, from its arguments.

    They are C(host), C(port), C(path), C(max_body), and those of L(tls_from).
    C(path) and C(port) are the source's defaults. Raises ConfigurationError that names the source and the argument.
    """
    host = args.get("host", "127.0.0.1")
    if not isinstance(host, str) or not host:
        raise ConfigurationError(f"source {source}: host must be an address or a host name")
    return Address(
        host=host,
        port=_whole_number(args.get("port", port), f"source {source}: port", 0, 65535),
        path=path_from(args.get("path", path), f"source {source}: path"),
        max_body=_whole_number(args.get("max_body", DEFAULT_MAX_BODY), f"source {source}: max_body", 1024, 2**30),
        tls=tls_from(args, source),
    )


def path_from(value: Any, name: str) -> str:
    """Return a path that a source may have for itself. Raises ConfigurationError that begins with C(name)."""
    if not _is_plain_path(value) or value in (HEALTH_PATH, METRICS_PATH):
        raise ConfigurationError(
            f"{name} must be a plain path that starts with /, but not {HEALTH_PATH} or {METRICS_PATH}"
        )
    return str(value)


def protect_metrics(token: Any = None, environment: Mapping[str, str] | None = None) -> None:
    """Let C(/metrics) on all ports of this event loop ask for a bearer token; a list while it is being changed.

    Without a token the one of the environment is taken. If there is none either, the figures are shown on loopback
    addresses only. Raises ConfigurationError.
    """
    if token is None:
        token = (os.environ if environment is None else environment).get(METRICS_TOKEN) or None
    _ports().metrics_doors = Doors(token=token, names="metrics")


@asynccontextmanager
async def serve(
    host: str,
    port: int,
    path: str,
    handler: Handler,
    doors: Door,
    max_body: int = DEFAULT_MAX_BODY,
    source: str | None = None,
    *,
    methods: Sequence[str] = ("POST",),
    raw: bool = False,
    below: bool = False,
    tls: Tls | None = None,
) -> AsyncIterator[str]:
    """Hand the requests C(POST http://host:port/path) to C(handler) as long as the block runs; yield that URL.

    C(port) 0 takes a free one. C(max_body) is bytes. C(source) is what the source is called in the figures. C(methods)
    are taken, and with C(raw) bodies are not parsed as JSON. With C(below) not the path itself is served, but what is
    directly below it. With C(tls) the port speaks TLS; all who share it have to say the same. The handler may raise
    InvalidInputError (answered 400 with its message) and JournalError (answered 503, so that the sender tries again).

    Raises ConfigurationError when the path is taken, when the port cannot be opened, and when nothing protects a path
    that other machines can reach.
    """
    if web is None:
        raise ConfigurationError(
            "the Python package aiohttp is missing in ansible-rulebook's Python: pip install aiohttp"
        )
    known_by_certificate = tls is not None and tls.cafile is not None
    if not doors.closed and not known_by_certificate and not _is_loopback(host):
        raise ConfigurationError(
            f"{path} would listen on {host} without any authentication: give {doors.names}_user and "
            f"{doors.names}_password, or {doors.names}_token, or cafile, or listen on 127.0.0.1"
        )
    route = _Route(path, handler, doors, max_body, source or path, tuple(methods), raw, below)
    ports = _ports()
    if ports.metrics_doors is None:
        protect_metrics()
    async with ports.lock:
        listener = ports.open.get((host, port)) or await _Listener.start(host, port, tls)
        if listener.tls != tls:
            raise ConfigurationError(
                f"{path}: another source listens on {listener.base} with other certificates; "
                "give all sources of a port the same certfile, keyfile and cafile"
            )
        ports.open[host, listener.port] = listener
        listener.add(route)
    try:
        yield f"{listener.base}{path}"
    finally:
        try:
            await route.drain()
        finally:
            async with ports.lock:
                listener.routes.pop(path, None)
                if not listener.routes:
                    ports.open.pop((host, listener.port), None)
                    await listener.stop()


@dataclass
class _Route:
    path: str
    handler: Handler
    doors: Door
    max_body: int
    source: str
    methods: tuple[str, ...] = ("POST",)
    raw: bool = False
    below: bool = False
    leaving: bool = False
    active: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    _strangers: Throttle = field(default_factory=lambda: Throttle(GUESSES, GUESSES_PER_SECOND))

    async def drain(self) -> None:
        """Refuse new requests and wait for those that are being handled."""
        self.leaving = True
        if self.active:
            self.idle.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.idle.wait(), DRAIN_SECONDS)

    async def answer(self, request: web.BaseRequest) -> Reply:
        """Return the reply to a request, whatever happens."""
        self.active += 1
        try:
            reply = await self._reply(request)
        finally:
            self.active -= 1
            if not self.active:
                self.idle.set()
        if reply.status >= 400:
            metrics().refused(self.source, reply.status)
        return reply

    async def _reply(self, request: web.BaseRequest) -> Reply:
        try:
            return await self._answer(request)
        except InvalidInputError as error:
            return _error(400, error.message)
        except JournalError as error:
            vitals().journal_failed()
            logger.error("%s: nothing was recorded, the sender is asked to repeat: %s", self.path, error.message)
            return _error(503, "nothing was recorded, please send it again", {"Retry-After": RETRY_AFTER})
        except Exception as error:
            # A bug in one handler must not end the other sources. The text of the exception may quote what was sent.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("%s: %s while handling a request\n%s", self.path, type(error).__name__, frames)
            return _error(500, "an error of ours; see the log of the listener")

    async def _answer(self, request: web.BaseRequest) -> Reply:
        if request.method not in self.methods:
            allowed = ", ".join(self.methods)
            return _error(405, f"this path takes {allowed} only", {"Allow": allowed})
        if self._ends():
            return _ENDING
        if self.doors.closed and not self._strangers.left(self._key(request), _clock()):
            return self._too_often(request)
        if not self.doors.admit(request.headers):
            return self._refused(request)
        if not self.doors.closed and "Origin" in request.headers:
            # Without a secret only programs of this machine may post, not pages that a browser on it has open.
            return _error(403, "requests from web pages are not taken")
        body = await self._read(request)
        if isinstance(body, Reply):
            return body
        if self._ends():
            # While the body arrived: nobody may be left who would write it down.
            return _ENDING
        if not self.doors.admit_body(request.headers, body):
            return self._refused(request)
        parsed = None if self.raw else parse_json(body)
        name = request.path.removeprefix(f"{self.path}/") if self.below else ""
        return await self.handler(
            Inbound(body, parsed, request.headers, request.remote, request.method, request.query, name)
        )

    def _key(self, request: web.BaseRequest) -> str:
        return sender(request.remote, request.headers)

    def _too_often(self, request: web.BaseRequest) -> Reply:
        # Before anything is compared: who guesses learns nothing more, right or wrong.
        logger.warning("%s: %s has shown too many wrong secrets", self.path, request.remote)
        return _error(429, "too many attempts with a wrong secret", {"Retry-After": RETRY_AFTER_GUESSES})

    def _refused(self, request: web.BaseRequest) -> Reply:
        self._strangers.allows(self._key(request), _clock())
        logger.warning("%s: refused a request from %s: wrong or missing secret", self.path, request.remote)
        return _error(401, "not authorized", {"WWW-Authenticate": 'Basic realm="self-healing", Bearer'})

    def _ends(self) -> bool:
        return self.leaving or lifecycle().stopping.is_set()

    async def _read(self, request: web.BaseRequest) -> bytes | Reply:
        too_large = _error(413, f"the body is larger than {self.max_body} bytes", {"Connection": "close"})
        if (request.content_length or 0) > self.max_body:
            return too_large
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > self.max_body:
                        return too_large
        except TimeoutError:
            return _error(408, f"the body did not arrive in {BODY_SECONDS:g} s", {"Connection": "close"})
        except (web.RequestPayloadError, ConnectionError):
            return _error(400, "the body is broken", {"Connection": "close"})
        return bytes(body)


#: Descriptors of the open ports of this process.
_open_ports: set[int] = set()


def _close_ports() -> None:
    """Close the ports in a fork of this process: nobody would listen there, and the next to come could not."""
    for descriptor in _open_ports:
        with suppress(OSError):
            os.close(descriptor)
    _open_ports.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_ports)


class _Listener:
    """One open port and the paths on it."""

    def __init__(self, host: str, tls: Tls | None = None) -> None:
        self.host = host
        self.tls = tls
        self.port = 0
        self.routes: dict[str, _Route] = {}
        self._descriptors: set[int] = set()
        self._started_at = 0.0
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._dispatch)
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=2.0, keepalive_timeout=HEAD_SECONDS, lingering_time=1.0
        )

    @property
    def base(self) -> str:
        scheme = "https" if self.tls else "http"
        return f"{scheme}://[{self.host}]:{self.port}" if ":" in self.host else f"{scheme}://{self.host}:{self.port}"

    @classmethod
    async def start(cls, host: str, port: int, tls: Tls | None = None) -> _Listener:
        listener = cls(host, tls)
        await listener._runner.setup()
        try:
            context = tls.context() if tls else None
            await web.TCPSite(listener._runner, host, port, ssl_context=context).start()
        except OSError as error:
            await listener.stop()
            reason = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
            raise ConfigurationError(f"cannot listen on host {host}, port {port}: {reason or error}") from None
        listener.port = listener._runner.addresses[0][1]
        listener._started_at = asyncio.get_running_loop().time()
        # aiohttp shows the addresses of its sockets only.
        sites: Any = listener._runner.sites
        listener._descriptors = {opened.fileno() for site in sites for opened in site._server.sockets}
        _open_ports.update(listener._descriptors)
        return listener

    async def stop(self) -> None:
        _open_ports.difference_update(self._descriptors)
        await self._runner.cleanup()

    def add(self, route: _Route) -> None:
        if route.path in self.routes:
            raise ConfigurationError(
                f"two sources want to listen on {self.base}{route.path}: give each a path of its own (argument path)"
            )
        self.routes[route.path] = route

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        route = self._route(request.path)
        if route is not None:
            return _response(await route.answer(request))
        hidden = request.path == METRICS_PATH and not self._shows_metrics(request)
        if hidden or request.path not in (HEALTH_PATH, METRICS_PATH):
            # A sender that is told 404 does not come again.
            starting = asyncio.get_running_loop().time() < self._started_at + STARTING_SECONDS
            return _response(_STARTING if starting else _error(404, "no source listens on this path"))
        if request.method not in ("GET", "HEAD"):
            return _response(_error(405, "this path takes GET only", {"Allow": "GET, HEAD"}))
        return _response(await self._health()) if request.path == HEALTH_PATH else await _metrics()

    def _route(self, path: str) -> _Route | None:
        route = self.routes.get(path)
        if route is None or route.below:
            route = self.routes.get(path.rpartition("/")[0])
            return route if route is not None and route.below else None
        return route

    def _shows_metrics(self, request: web.Request) -> bool:
        """Whether the figures are for this sender. Others are not even told that there are any."""
        doors = _ports().metrics_doors
        if doors is None or not doors.closed:
            return _is_loopback(self.host)
        return doors.admit(request.headers)

    async def _health(self) -> Reply:
        paths = sorted(self.routes)
        if lifecycle().stopping.is_set():
            said = "this process is stopping: it takes nothing new and lets its playbooks come to their end"
            return Reply(503, {"status": "stopping", "silent": [said], "paths": paths})
        health = await checkup().health()
        if health.ok:
            return Reply(200, {"status": "ok", "paths": paths})
        return Reply(503, {"status": "silent", "silent": health.silent, "paths": paths})


def _clock() -> float:
    return asyncio.get_running_loop().time()


def _response(reply: Reply) -> web.Response:
    headers = dict(reply.headers)
    if reply.text is None:
        response = web.json_response(reply.body, status=reply.status, headers=headers)
    else:
        response = web.Response(body=reply.text.encode(), status=reply.status, headers=headers)
    if reply.headers.get("Connection") == "close":
        response.force_close()
    return response


async def _metrics() -> web.Response:
    readings = await checkup().readings()
    page = metrics().page(readings, await checkup().health(), utc_now())
    if page is None:
        return _response(_error(501, INSTALL))
    return web.Response(body=page.body, headers={"Content-Type": page.content_type})


@dataclass
class _Ports:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    open: dict[tuple[str, int], _Listener] = field(default_factory=dict)
    metrics_doors: Doors | None = None


#: One registry per event loop: sockets and locks belong to the loop that made them.
_ports_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _Ports] = WeakKeyDictionary()


def _ports() -> _Ports:
    return _ports_of_loop.setdefault(asyncio.get_running_loop(), _Ports())


def _error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, {"error": text}, headers or {})


_STARTING = _error(
    503, "no source listens on this path yet, please send it again", {"Retry-After": RETRY_AFTER, "Connection": "close"}
)
_ENDING = _error(
    503,
    "this source is shutting down, please send it again",
    {"Retry-After": RETRY_AFTER_RESTART, "Connection": "close"},
)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_plain_path(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/") and not set(value) & set("?#% ")


def _whole_number(value: Any, name: str, least: int, most: int) -> int:
    """Return a number that may come as text, because ansible-rulebook renders arguments."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if value is None:
        raise ConfigurationError(f"{name} is missing")
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigurationError(f"{name} must be a whole number from {least} to {most}")
    return value
