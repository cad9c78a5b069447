# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks addresses a bounded number of times, and says how often and how fast they answered.

What an answer says is data of somebody else: of it only a version is kept, and only where it is a plain word.
"""

from __future__ import annotations

import json
import queue
import re
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from .errors import ConfigurationError

#: How much of an answer is read (bytes), and what a version may look like. Everything else is no version.
BODY_LIMIT = 64 * 1024
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True)
class Question:
    """What is asked and how. C(seconds) is for one answer, C(deadline) for all of them (C(time.monotonic))."""

    status: int
    seconds: float
    deadline: float
    version_field: str = ""
    version_header: str = ""
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True)
class Limits:
    """What a healthy target may have at most. 0 milliseconds are no limit."""

    error_percent: float
    p95_ms: float


@dataclass(frozen=True)
class Answer:
    """One answer. C(status) is None where there was none in time; C(ms) is how long it took, from the connection on."""

    status: int | None
    ms: float
    version: str | None = None


@dataclass
class Asked:
    """All answers of one target. C(due) counts the requests that were begun: one that never ends has failed."""

    answers: list[Answer] = field(default_factory=list)
    due: int = 0


def ask_all(targets: Mapping[str, str], requests: int, parallel: int, question: Question) -> dict[str, Asked]:
    """Ask every target so many times, in turns, so that all are measured in the same moments."""
    for name, url in targets.items():
        require_url(name, url)
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for _round in range(requests):
        for name in targets:
            waiting.put(name)
    asked = {name: Asked() for name in targets}

    def work() -> None:
        while time.monotonic() < question.deadline:
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            asked[name].due += 1
            asked[name].answers.append(ask(targets[name], question))

    # Daemons: one that hangs is left behind, and its request has failed.
    threads = [threading.Thread(target=work, daemon=True) for _number in range(parallel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, question.deadline + question.seconds - time.monotonic()))
    return asked


def require_url(name: str, url: str) -> None:
    """Raise ConfigurationError where C(url) is no address of HTTP."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or re.search(r"[\x00-\x20\x7f]", url):
        raise ConfigurationError(f"targets.{name} is no address, expected one like http://10.0.0.7:8080/health")


def ask(url: str, question: Question) -> Answer:
    """Ask once, over a connection of its own. Redirects are not followed, and no proxy is used."""
    parts = urlsplit(url)
    began = time.monotonic()
    host = parts.hostname or ""
    connection: HTTPConnection = (
        HTTPSConnection(host, parts.port, timeout=question.seconds, context=question.tls)
        if parts.scheme == "https"
        else HTTPConnection(host, parts.port, timeout=question.seconds)
    )
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request("GET", path, headers={"Connection": "close", "User-Agent": "self-healing"})
        answer = connection.getresponse()
        body = b""
        while len(body) < BODY_LIMIT and (part := answer.read1(BODY_LIMIT)):
            body += part
            if time.monotonic() - began > question.seconds:
                return Answer(None, _since(began))
        taken = _since(began)
        if taken > question.seconds * 1000:
            return Answer(None, taken)
        return Answer(answer.status, taken, version_of(answer.getheader(question.version_header), body, question))
    except (OSError, HTTPException, ValueError):
        return Answer(None, _since(began))
    finally:
        connection.close()


def version_of(header: str | None, body: bytes, question: Question) -> str | None:
    """Return the version that an answer names, None where it names none or no plain word."""
    said: Any = header if question.version_header else None
    if said is None and question.version_field:
        try:
            said = json.loads(body)
            for key in question.version_field.split("."):
                said = said.get(key) if isinstance(said, dict) else None
        except (ValueError, RecursionError):
            return None
    if isinstance(said, (int, float)) and not isinstance(said, bool):
        said = str(said)
    return said if isinstance(said, str) and VERSION.fullmatch(said) else None


def judged(asked: Asked, question: Question, limits: Limits) -> dict[str, Any]:
    """Return the figures of one target, whether it is healthy, and what is wrong with it in one word."""
    answers = list(asked.answers)
    good = sorted(answer.ms for answer in answers if answer.status == question.status)
    failures = asked.due - len(good)
    other = next((one.status for one in answers if one.status not in (None, question.status)), None)
    percent = round(100.0 * failures / asked.due, 1) if asked.due else 100.0
    p95 = percentile(good, 95)
    wrong = None
    if not good:
        wrong = "no_answer" if other is None else "status"
    elif percent > limits.error_percent:
        wrong = "errors"
    elif p95 is not None and limits.p95_ms and p95 > limits.p95_ms:
        wrong = "slow"
    return {
        "healthy": wrong is None,
        "wrong": wrong,
        "requests": asked.due,
        "failures": failures,
        "error_percent": percent,
        "p50_ms": percentile(good, 50),
        "p95_ms": p95,
        "http_status": other if other is not None else question.status if good else None,
        "version": next((one.version for one in reversed(answers) if one.version), None),
    }


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return the smallest value that so many percent of the values do not exceed, None of none."""
    return round(ordered[ceil(len(ordered) * percent / 100) - 1], 1) if ordered else None


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000
