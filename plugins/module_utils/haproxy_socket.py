# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runtime socket of HAProxy: one command, one answer; and the state of its servers, read from what it says.

The reading is pure. Only C(ask) talks.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from .errors import AnswerError, ApiError, ConfigurationError, UnreachableError
from .traffic import one_line

#: An answer that is longer is none of a router that this was made for (bytes).
LONGEST_ANSWER = 16 * 1024 * 1024
#: How much of what it says is shown (characters).
SAID_LIMIT = 200
#: What backends and servers may be called. Blanks, semicolons and line breaks would be further commands.
NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")

#: Bits of C(srv_admin_state), as management.txt of HAProxy has them: forced, inherited.
_MAINTENANCE = 0x01 | 0x02
_DRAIN = 0x08 | 0x10
#: C(srv_op_state) of a server that gets traffic: starting, running.
_UP = (1, 2)


@dataclass(frozen=True)
class Server:
    """One server. C(state) is C(ready), C(drain) or C(maint), as people wanted it; C(up) is what HAProxy found.

    C(sessions) are those under way and those that wait for it.
    """

    name: str
    state: str
    up: bool
    backup: bool
    sessions: int
    since_seconds: int
    address: str
    port: int

    def takes_traffic(self) -> bool:
        return self.state == "ready"


def ask(place: str, command: str, timeout: float) -> str:
    """Send one command and return the answer. C(place) is a path, or C(host:port).

    Raises UnreachableError, and AnswerError where the answer never ends.
    """
    try:
        with _connect(place, timeout) as connection:
            connection.sendall(f"{command}\n".encode())
            received = b""
            while part := connection.recv(65536):
                received += part
                if len(received) > LONGEST_ANSWER:
                    raise AnswerError(f"HAProxy: the answer on {place} is longer than {LONGEST_ANSWER} bytes")
    except FileNotFoundError:
        raise UnreachableError(
            f"HAProxy: there is no socket {place}: start HAProxy, or set socket to what its 'stats socket' says"
        ) from None
    except PermissionError:
        raise UnreachableError(
            f"HAProxy: the socket {place} may not be used: become root, or the user and group of its 'stats socket'"
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UnreachableError(f"HAProxy: no answer on {place}: {why}; look whether HAProxy runs") from None
    return received.decode("utf-8", errors="replace")


def _connect(place: str, timeout: float) -> socket.socket:
    host, colon, port = place.rpartition(":")
    if not place.startswith("/") and colon and port.isdigit():
        return socket.create_connection((host.strip("[]"), int(port)), timeout=timeout)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(os.fspath(place))
    except BaseException:
        connection.close()
        raise
    return connection


def order(place: str, command: str, timeout: float) -> None:
    """Send a command that answers nothing when it is obeyed. Raises ApiError with what HAProxy said instead."""
    said = ask(place, command, timeout).strip()
    if not said:
        return
    if "permission denied" in said.lower():
        raise ApiError(
            f"HAProxy refused '{command}': give its socket 'level admin' in the line 'stats socket'", status=403
        )
    raise ApiError(f"HAProxy refused '{command}': {beginning(said)}", status=400)


def read_servers(place: str, backend: str, timeout: float) -> dict[str, Server]:
    """Return the servers of a backend by name. Raises ConfigurationError where there is no such backend."""
    state = ask(place, f"show servers state {backend}", timeout)
    if not state.startswith("1\n"):
        raise ConfigurationError(f"HAProxy knows no backend {backend}: {beginning(state)}; correct backend")
    return servers_in(state, ask(place, "show stat -1 4 -1", timeout), backend)


def servers_in(state: str, statistics: str, backend: str) -> dict[str, Server]:
    """Return what C(show servers state) and C(show stat) say of the servers of a backend. Raises AnswerError."""
    counted = {row["svname"]: row for row in _csv(statistics) if row.get("pxname") == backend}
    found: dict[str, Server] = {}
    for _line, row in rows(state):
        if row.get("be_name") != backend:
            continue
        name = row.get("srv_name", "")
        numbers = counted.get(name, {})
        try:
            found[name] = Server(
                name=name,
                state=state_in(row),
                up=int(row["srv_op_state"]) in _UP,
                backup=_number(numbers.get("bck")) > 0,
                sessions=_number(numbers.get("scur")) + _number(numbers.get("qcur")),
                since_seconds=int(row["srv_time_since_last_change"]),
                address=row["srv_addr"],
                port=int(row["srv_port"]),
            )
        except (KeyError, ValueError) as error:
            raise AnswerError(f"HAProxy: its state of {backend}/{name} cannot be read: {error}") from None
    return found


def state_in(row: Mapping[str, str]) -> str:
    """Return the state that people wanted a server to be in. Raises KeyError and ValueError."""
    admin, weight = int(row["srv_admin_state"]), int(row["srv_uweight"])
    return "maint" if admin & _MAINTENANCE else "drain" if admin & _DRAIN or weight == 0 else "ready"


def states_in(text: str, backend: str) -> dict[str, str]:
    """Return the states of the servers of a backend, by name, as far as the text of a state tells them."""
    found = {}
    for _line, row in rows(text):
        if row.get("be_name") == backend:
            try:
                found[row["srv_name"]] = state_in(row)
            except (KeyError, ValueError):
                continue
    return found


def rows(state: str) -> list[tuple[str, Mapping[str, str]]]:
    """Return the lines of a state, in its answers and in its file, each with its columns by name."""
    lines = state.splitlines()
    head: Sequence[str] = ()
    found: list[tuple[str, Mapping[str, str]]] = []
    for line in lines:
        if line.startswith("# "):
            head = line[2:].split()
        elif head and line.strip():
            found.append((line, dict(zip_longest(head, line.split(), fillvalue=""))))
    return found


def merged_state(before: str, answer: str, backend: str) -> str:
    """Return the text of a state file in which the servers of C(backend) are as C(answer) says, and others as before.

    What it says of other backends stays: their state is not ours to freeze.
    """
    head = next((line for line in answer.splitlines() if line.startswith("# ")), "")
    fresh = [line for line, row in rows(answer) if row.get("be_name") == backend]
    same_columns = any(line == head for line in before.splitlines())
    kept = [line for line, row in rows(before) if row.get("be_name") != backend] if same_columns else []
    return "\n".join(["1", head, *kept, *fresh]) + "\n"


def beginning(text: str) -> str:
    """Return the beginning of what HAProxy said, as one line that can be shown."""
    return one_line(text[: 4 * SAID_LIMIT])[:SAID_LIMIT]


def _csv(text: str) -> list[dict[str, str]]:
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("# ")), None)
    if start is None:
        raise AnswerError(f"HAProxy: its statistics cannot be read: {beginning(text)}")
    head = lines[start][2:].split(",")
    return [dict(zip_longest(head, line.split(","), fillvalue="")) for line in lines[start + 1 :] if line]


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
