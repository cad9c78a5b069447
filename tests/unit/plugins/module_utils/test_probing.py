# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of answers: figures, a judgement, and a version that is a plain word or none."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.probing import (
    Answer,
    Asked,
    Limits,
    Question,
    ask_all,
    judged,
    percentile,
    require_url,
    version_of,
)

QUESTION = Question(status=200, seconds=1, deadline=0, version_field="release.version", version_header="X-Release")


def asked(*answers: tuple[int | None, float], due: int | None = None) -> Asked:
    return Asked([Answer(status, ms) for status, ms in answers], len(answers) if due is None else due)


@pytest.mark.parametrize(
    ("given", "wrong", "percent", "p95", "status"),
    [
        (asked((200, 10), (200, 20)), None, 0, 20, 200),
        (asked((200, 10), (200, 900)), "slow", 0, 900, 200),
        (asked((200, 10), (503, 1)), "errors", 50, 10, 503),
        (asked((503, 1), (None, 1)), "status", 100, None, 503),
        (asked((None, 1)), "no_answer", 100, None, None),
        (asked((200, 10), due=2), "errors", 50, 10, 200),
        (asked(due=0), "no_answer", 100, None, None),
    ],
)
def test_the_judgement(given: Asked, wrong: str | None, percent: float, p95: float | None, status: int | None) -> None:
    found = judged(given, QUESTION, Limits(error_percent=10, p95_ms=500))
    assert (found["wrong"], found["healthy"]) == (wrong, wrong is None)
    assert (found["error_percent"], found["p95_ms"], found["http_status"]) == (percent, p95, status)


def test_percentiles() -> None:
    assert percentile([], 95) is None
    assert [percentile([float(n) for n in range(1, 21)], percent) for percent in (50, 95, 100)] == [10, 19, 20]


@pytest.mark.parametrize(
    ("header", "body", "version"),
    [
        (None, {"release": {"version": "2.7.1-rc.1+b5"}}, "2.7.1-rc.1+b5"),
        ("2.8", {"release": {"version": "2.7.1"}}, "2.8"),
        (None, {"release": {"version": 27}}, "27"),
        (None, {"release": {"version": "{{ lookup('pipe', 'id') }}"}}, None),
        (None, {"release": {"version": "v" * 65}}, None),
        (None, {"release": {"version": "1.0\nforged: line"}}, None),
        (None, {"release": {"version": True}}, None),
        (None, {"release": "2.7.1"}, None),
        ("$(reboot)", {}, None),
    ],
)
def test_a_version_is_a_plain_word(header: str | None, body: Any, version: str | None) -> None:
    assert version_of(header, json.dumps(body).encode(), QUESTION) == version


def test_what_is_no_json_has_no_version() -> None:
    assert version_of(None, b"\xff{", QUESTION) is None
    assert version_of(None, b"[" * 60_000, QUESTION) is None


@pytest.mark.parametrize(
    "url", ["", "ftp://h/", "http://", "file:///etc/passwd", "http://h:99999/", "http://h/a b", "http://h/\r\nX: y"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"targets\.blue is no address"):
        require_url("blue", url)


def test_who_answers_a_byte_at_a_time_has_failed_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            connection, _peer = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                try:
                    while True:
                        connection.sendall(b"x")
                        time.sleep(0.05)
                except OSError:
                    pass

        threading.Thread(target=drip, daemon=True).start()
        began = time.monotonic()
        question = Question(status=200, seconds=0.3, deadline=began + 0.2)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        found = judged(ask_all({"slow": url}, 1, 1, question)["slow"], question, Limits(0, 0))
    assert (found["wrong"], found["requests"], found["failures"]) == ("no_answer", 1, 1)
    assert time.monotonic() - began < 2
