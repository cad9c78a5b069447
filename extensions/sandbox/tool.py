# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the emulated tools have in common: an application of their own on a loopback port of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from aiohttp import web

from .faults import Faults
from .hub import Hub
from .settings import Settings

LOOPBACK = "127.0.0.1"


class Tool(ABC):
    """One emulated vendor."""

    #: Name in addresses of the control API, on the page and in faults.
    name: ClassVar[str]

    def __init__(self, settings: Settings, hub: Hub, faults: Faults) -> None:
        self.settings = settings
        self.hub = hub
        self.faults = faults
        #: Base address (scheme, host, port), known once the tool listens.
        self.url = ""
        self._runner: web.AppRunner | None = None

    @abstractmethod
    def routes(self) -> list[web.AbstractRouteDef]:
        """Return the vendor's API, and nothing else."""

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """Return what the page shows of this tool, as plain JSON data without secrets."""

    def actions(self) -> dict[str, Any]:
        """Return what a person can do in this tool on the page: name to C(async (dict) -> dict)."""
        return {}

    def changed(self) -> None:
        """Tell the page that this tool looks different now."""
        self.hub.changed(self.name)

    async def start(self, port: int = 0) -> None:
        """Listen on C(port) of the loopback address; 0 takes a free one."""
        application = web.Application(
            middlewares=[self.faults.middleware(self.name), *self.middlewares()], client_max_size=16 * 1024 * 1024
        )
        application.add_routes(self.routes())
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, port)
        await site.start()
        bound = self._runner.addresses[0][1]
        self.url = f"http://{LOOPBACK}:{bound}"

    async def stop(self) -> None:
        """Close the port and end what runs in the background."""
        if self._runner is not None:
            await self._runner.cleanup()

    def middlewares(self) -> list[Any]:
        """Return further middlewares of this tool (authentication, error envelopes)."""
        return []
