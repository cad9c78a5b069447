# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new release goes live and is slow under load; the remedy sends the users back to the one before."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from sandbox.dynatrace.world import entity_id

from .. import release
from ..errors import DemoError
from ..processes import Program
from ..routers import LOOPBACK, router_for, start
from ..visitors import Visitors
from .process_crash import free_port
from .proof import Figures

#: Seconds that a release or the router may take to answer.
PATIENCE = 30.0
USERS = 6
VERSIONS: Mapping[str, str] = {"blue": "2.7.0", "green": "2.7.1"}
#: What one answer of the new release takes while nobody else is served, and from when on it is slow (milliseconds).
IN_TURN_MS = 70
SLOW_MS = 200


class BadRelease:
    """Two releases of the shop behind a router, with users, all in C(folder)."""

    name: ClassVar[str] = "bad_release"
    remedy: ClassVar[str] = "blue_green_rollback"
    host: ClassVar[str] = "shop-router-01"
    tools: ClassVar[tuple[str, ...]] = ()
    rulebook: ClassVar[str] = "self_healing.devops.self_healing"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}/health"
        self.colours = {colour: free_port() for colour in VERSIONS}
        self.router = router_for(folder, self.port, self.colours)
        self.visitors = Visitors(f"{LOOPBACK}:{self.port}", USERS)
        self._folder = folder
        self._programs: list[Program] = []

    def start(self) -> str:
        program = str(Path(release.__file__).absolute())
        for colour, port in self.colours.items():
            slow = ["--in-turn-ms", str(IN_TURN_MS)] if colour == "green" else []
            command = [sys.executable, program, "--port", str(port), "--release", VERSIONS[colour], *slow]
            self._programs.append(start(f"shop-{colour}", command, self._folder))
        for colour, port in self.colours.items():
            self._wait(f"http://{LOOPBACK}:{port}/health", VERSIONS[colour])
        self._programs.append(self.router.start())
        self._wait(self.url, VERSIONS["blue"])
        self.visitors.come()
        return f"shop {VERSIONS['blue']} (blue) answers on {self.url} behind {self.router.name}, to {USERS} users"

    def watch(self) -> str:
        return f"name=shop,url={self.url},host={self.host},slow={SLOW_MS}"

    def host_variables(self) -> Mapping[str, Any]:
        settings = {
            "service": "shop",
            "colours": {
                colour: {
                    "url": f"http://{LOOPBACK}:{port}/health",
                    "servers": [colour if self.router.name == "HAProxy" else f"{LOOPBACK}:{port}"],
                }
                for colour, port in self.colours.items()
            },
            "drain_seconds": 10,
            "probe_url": self.url,
            "probe_requests": 6,
            "max_p95_ms": SLOW_MS,
            "verify_seconds": 20,
            "dynatrace_entity": entity_id("SERVICE", "shop"),
            # Its first minute after the switch is longer than an audience waits.
            "dynatrace_wait_seconds": 0,
            **self.router.variables(),
        }
        return {f"blue_green_rollback_{name}": value for name, value in settings.items()}

    def break_it(self) -> str:
        self.router.switch("green")
        return f"shop {VERSIONS['green']} (green) went live"

    def healed(self) -> str | None:
        self.visitors.leave()
        if self.visitors.failures:
            return f"{len(self.visitors.failures)} requests of users failed, the first: {self.visitors.failures[0]}"
        unserved = [version for version in VERSIONS.values() if not self.visitors.answers[version]]
        if unserved:
            return f"no user ever got {unserved[0]}"
        said = version_of(self.url)
        return (
            None if said == VERSIONS["blue"] else f"{said or 'nobody'} answers the users, expected {VERSIONS['blue']}"
        )

    def proof(self, before: Figures, after: Figures) -> str | None:
        for phase, found, colour, slow in (("before", before, "green", True), ("after", after, "blue", False)):
            if found.get("live") != f"{colour} {VERSIONS[colour]}":
                return f"the evidence {phase} says live={found.get('live')}, expected {colour} {VERSIONS[colour]}"
            if not isinstance(found.get("p95_ms"), (int, float)) or (found["p95_ms"] > SLOW_MS) is not slow:
                return f"the evidence {phase} says p95_ms={found.get('p95_ms')}, with a limit of {SLOW_MS}"
        return None

    def stop(self) -> None:
        self.visitors.leave()
        for program in reversed(self._programs):
            program.stop()

    def _wait(self, url: str, version: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while version_of(url) != version:
            for program in self._programs:
                program.require_running()
            if time.monotonic() > deadline:
                raise DemoError(f"shop {version} does not answer on {url} within {PATIENCE:.0f} s")
            time.sleep(0.05)


def version_of(url: str) -> str | None:
    """Return the version that answers on an address, None where none does."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return str(json.load(answer)["version"])
    except (OSError, urllib.error.URLError, ValueError, LookupError, TypeError):
        return None
