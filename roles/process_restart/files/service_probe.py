# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a service answers on its port and on its address."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any, NamedTuple

from service_host import LookError

#: How long one request may take, in seconds.
REQUEST_SECONDS = 5.0
#: How much of an answer is read to look for the expected text, in bytes.
BODY_LIMIT = 1024 * 1024


class Probe(NamedTuple):
    """What a healthy service answers to. Port 0 and an empty address are not tried."""

    address: str = "127.0.0.1"
    port: int = 0
    url: str = ""
    status: int = 200
    text: str = ""
    validate_certs: bool = True


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        return None  # the redirect itself is the answer


def request(asked: Probe) -> dict[str, Any]:
    """Return how the service answers one GET. The time in milliseconds runs until the body is read."""
    if not asked.url.startswith(("http://", "https://")):
        raise LookError("process_restart_probe_url is no http:// or https:// address")
    context = None if asked.validate_certs else ssl._create_unverified_context()
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirect()
    began = time.monotonic()
    try:
        try:
            answer = urllib.request.build_opener(*handlers).open(asked.url, timeout=REQUEST_SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            body = answer.read(BODY_LIMIT)
    except (OSError, ValueError, HTTPException) as error:
        slow = isinstance(error, socket.timeout) or isinstance(getattr(error, "reason", None), socket.timeout)
        return {"wrong": "timeout" if slow else "no_answer"}
    got = answer.getcode()
    wrong = "status" if got != asked.status else "text" if asked.text.encode() not in body else None
    return {"wrong": wrong, "http_status": got, "response_ms": round((time.monotonic() - began) * 1000, 1)}


def connect(asked: Probe) -> dict[str, Any]:
    """Return whether the port accepts a connection, and how long that took in milliseconds."""
    began = time.monotonic()
    try:
        socket.create_connection((asked.address, asked.port), timeout=REQUEST_SECONDS).close()
    except OSError:
        return {"wrong": "port", "port_open": False}
    return {"port_open": True, "response_ms": round((time.monotonic() - began) * 1000, 1)}


def probe(asked: Probe) -> dict[str, Any]:
    """Return how the service answers now on everything that is configured. C(wrong) is None when it does."""
    facts: dict[str, Any] = dict.fromkeys(("wrong", "port_open", "http_status", "response_ms"))
    if asked.port:
        facts.update(connect(asked))
    if asked.url and not facts["wrong"]:
        facts.update(request(asked))
    return facts
