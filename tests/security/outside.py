# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks from outside whether an attack did anything: files that must never be, connections that nobody may make.

What is counted is written down as well where C(SELF_HEALING_TEST_TALLY) names a file, one line of JSON for each count,
so that C(make security) prints what was really looked at.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from security.attacks import PRODUCT, VAULT_PASSWORD, Attack, attacks

TALLY = "SELF_HEALING_TEST_TALLY"
#: Set: everything is tried everywhere. Else each place gets a share, so that each attack meets each payload.
THOROUGH = "SELF_HEALING_TEST_THOROUGH"
SHARES = 4
#: Nothing else in this network is called so; 127.0.0.1 is where the tools are.
ADDRESS = "127.0.0.66"
CANARY = "CANARY-OF-AN-ATTACK"

T = TypeVar("T")


@dataclass
class Found:
    """What was looked at, and what was found that must not be."""

    cases: int = 0
    evaluated: int = 0
    contacted: int = 0
    leaked: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.evaluated or self.contacted or self.leaked)


def thorough() -> bool:
    return bool(os.environ.get(THOROUGH))


def share(everything: Sequence[T], number: int) -> Sequence[T]:
    """Return what is tried at the place with this number."""
    return everything if thorough() else everything[number % SHARES :: SHARES]


class Listener:
    """Takes every connection on an address of its own, remembers its first bytes and hangs up."""

    def __init__(self, address: str = ADDRESS) -> None:
        self._socket = socket.create_server((address, 0))
        self.url = f"http://{address}:{self._socket.getsockname()[1]}"
        self._heard: list[str] = []
        self._thread = threading.Thread(target=self._listen, name="foreign host", daemon=True)
        self._thread.start()

    def heard(self) -> list[str]:
        """Return what was heard so far. A connection of our own ends what is still under way before."""
        host, port = self._socket.getsockname()
        known = len(self._heard)
        with socket.create_connection((host, port), timeout=10) as probe:
            probe.sendall(b"probe\n")
            probe.recv(1)
        heard = [line for line in self._heard if line != "probe"]
        assert len(self._heard) > known, "the listener does not listen"
        return heard

    def close(self) -> None:
        # What waits for a connection is woken by this, not by closing alone.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def _listen(self) -> None:
        while True:
            try:
                connection, _peer = self._socket.accept()
            except OSError:
                return  # closed
            with connection:
                connection.settimeout(5)
                try:
                    first = connection.recv(200)
                except OSError:
                    first = b""
                self._heard.append(first.decode("latin-1").split("\n", 1)[0].strip())


class Outside:
    """The traces that an attack would leave, for one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.listener = Listener()
        self.attacks: Sequence[Attack] = attacks(str(self.folder / CANARY), self.listener.url)
        self._password = self.folder / "vault-password"
        self._password.write_text(VAULT_PASSWORD)

    def environment(self) -> dict[str, str]:
        """Return the environment in which every call of another host comes to us, and every ciphertext could be read.

        Loopback is called directly: the tools are there.
        """
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY")
        proxies = {name: self.listener.url for upper in names for name in (upper, upper.lower())}
        around = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        return {**proxies, **around, "ANSIBLE_VAULT_PASSWORD_FILE": str(self._password)}

    def look(self, cases: int, *folders: Path, seen: Any = "", secrets: Iterable[str] = ()) -> Found:
        """Return what was found. C(seen) is what tools and people saw, C(folders) are searched for canaries too.

        C(secrets) are those that leaked, as the caller found them.
        """
        canaries = [str(path) for folder in (self.folder, *folders) for path in folder.rglob(f"{CANARY}*")]
        text = seen if isinstance(seen, str) else json.dumps(seen, ensure_ascii=False, default=str)
        products = [text[max(0, at - 60) : at + 60] for at in _places(text, PRODUCT)]
        called, leaked = self.listener.heard(), list(secrets)
        told = [f"file: {path}" for path in canaries] + [f"evaluated: {around!r}" for around in products]
        told += [f"called: {line!r}" for line in called] + [f"leaked: {name}" for name in leaked]
        found = Found(cases, len(canaries) + len(products), len(called), len(leaked), told)
        _write_down(found)
        return found

    def close(self) -> None:
        self.listener.close()


@contextmanager
def outside(folder: Path) -> Iterator[Outside]:
    watching = Outside(folder)
    try:
        yield watching
    finally:
        watching.close()


def _places(text: str, wanted: str) -> Iterator[int]:
    at = text.find(wanted)
    while at >= 0:
        yield at
        at = text.find(wanted, at + 1)


def _write_down(found: Found) -> None:
    if name := os.environ.get(TALLY):
        counts = {key: value for key, value in asdict(found).items() if key != "told"}
        with Path(name).open("a", encoding="utf-8") as tally:
            tally.write(json.dumps(counts) + "\n")
