# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talks to the sandbox as its page does: the state as it changes, and what a person presses."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from .errors import DemoError

State = dict[str, Any]
#: Seconds after which a state is looked at again although nothing changed: time passes, and programs may end.
LOOK_AGAIN = 0.5
#: Seconds that the reader of a stream may take to notice that the stream was closed.
LONGEST_CLOSE = 5.0


class SandboxClient:
    """One sandbox, by the address of its page."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._where = urlsplit(url).netloc

    def state(self) -> State:
        return self._call("GET", "/api/state")

    def act(self, tool: str, action: str, **arguments: Any) -> dict[str, Any]:
        """Do what a person does in a tool. Raises DemoError when that is refused."""
        result = self._call("POST", f"/api/tools/{tool}/{action}", arguments)
        if result.get("ok") is False:
            raise DemoError(f"{tool} refused to {action}: {result.get('error')}")
        return result

    def misbehave(self, tool: str, kind: str, **options: Any) -> None:
        """Let a tool misbehave. C(kind) and C(options) are those of a fault of the sandbox."""
        self._call("POST", "/api/faults", {"tool": tool, "kind": kind, **options})

    def behave(self) -> None:
        """Take all faults back."""
        self._call("POST", "/api/faults", {"clear": True})

    def states(self, alive: Callable[[], None]) -> Iterator[State]:
        """Yield the state whenever it changes, and now and then when it does not. C(alive) may raise to end it."""
        try:
            stream = _Stream(self._where)
        except (OSError, HTTPException) as error:
            raise DemoError(f"the sandbox does not send its states: {error}") from error
        try:
            while True:
                alive()
                yield stream.newest(LOOK_AGAIN)
        finally:
            stream.close()

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        connection = HTTPConnection(self._where, timeout=30)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
            answer = connection.getresponse()
            result: dict[str, Any] = json.loads(answer.read())
        except (OSError, HTTPException, ValueError) as error:
            raise DemoError(f"the sandbox did not answer {method} {path}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 300:
            raise DemoError(f"the sandbox answered {answer.status} to {method} {path}: {result.get('error')}")
        return result


class _Stream:
    """Keeps the newest state of the event stream, read by a thread of its own."""

    def __init__(self, where: str) -> None:
        self._connection = HTTPConnection(where, timeout=60)
        self._connection.request("GET", "/api/events")
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        self._changed = threading.Condition()
        self._state: State | None = None
        self._news = False
        self._ended = False
        self._reader = threading.Thread(target=self._read, name="states", daemon=True)
        self._reader.start()

    def newest(self, patience: float) -> State:
        """Return the next state, or after C(patience) seconds the last one again. Raises DemoError at the end."""
        deadline = time.monotonic() + 30
        with self._changed:
            self._changed.wait_for(lambda: self._news or self._ended, patience)
            while self._state is None and not self._ended and time.monotonic() < deadline:
                self._changed.wait(patience)
            if self._state is None or (self._ended and not self._news):
                raise DemoError("the sandbox's stream of states broke off")
            self._news = False
            return self._state

    def close(self) -> None:
        # The reader holds the answer while it waits for the next line, so that only the socket can wake it.
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other side was faster
        self._reader.join(LONGEST_CLOSE)
        self._connection.close()

    def _read(self) -> None:
        try:
            for line in self._answer:
                if line.startswith(b"data: "):
                    state = json.loads(line[6:])
                    with self._changed:
                        self._state, self._news = state, True
                        self._changed.notify_all()
        except (OSError, HTTPException, ValueError, AttributeError):
            pass  # closed, here or there
        with self._changed:
            self._ended = True
            self._changed.notify_all()
