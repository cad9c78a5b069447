# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the whole sandbox, on the running event loop or in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from .dynatrace import Dynatrace
from .faults import Faults
from .hub import Hub
from .jira import Jira
from .keptn import Keptn
from .page_server import PageServer
from .settings import Settings
from .slack import Slack
from .tool import Tool
from .xmatters import XMatters

T = TypeVar("T")


class Sandbox:
    """The emulated tool chain. Create and use it on one event loop."""

    def __init__(self, settings: Settings, journal: str | None = None) -> None:
        self.settings = settings
        self.hub = Hub()
        self.faults = Faults()
        kinds: tuple[type[Tool], ...] = (Dynatrace, XMatters, Jira, Slack, Keptn)
        self.tools: dict[str, Tool] = {kind.name: kind(settings, self.hub, self.faults) for kind in kinds}
        self.page = PageServer(self.tools, self.hub, self.faults, journal)

    async def start(self, page_port: int = 0) -> None:
        for tool in self.tools.values():
            await tool.start()
        await self.page.start(page_port)

    async def stop(self) -> None:
        await self.page.stop()
        for tool in self.tools.values():
            await tool.stop()

    def addresses(self) -> dict[str, str]:
        """Return the base address of every tool and of the page."""
        return {"page": self.page.url, **{name: tool.url for name, tool in self.tools.items()}}


class SandboxThread:
    """A sandbox on an event loop of its own thread, for tests and for programs that are not asynchronous."""

    def __init__(self, settings: Settings | None = None, journal: str | None = None, page_port: int = 0) -> None:
        self.settings = settings or Settings()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self._thread.start()
        self.sandbox = self.run(self._start(journal, page_port))

    async def _start(self, journal: str | None, page_port: int) -> Sandbox:
        sandbox = Sandbox(self.settings, journal)
        await sandbox.start(page_port)
        return sandbox

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 60.0) -> T:
        """Run a coroutine on the sandbox's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def call(self, tool: str, action: str, **arguments: Any) -> dict[str, Any]:
        """Do what a person does on the page: action C(action) of C(tool)."""
        return self.run(self.sandbox.tools[tool].actions()[action](arguments))

    def snapshot(self, tool: str) -> dict[str, Any]:
        """Return what the page would show of C(tool) now."""

        async def take() -> dict[str, Any]:
            return self.sandbox.tools[tool].snapshot()

        return self.run(take())

    def url(self, tool: str) -> str:
        return self.sandbox.addresses()[tool]

    @property
    def faults(self) -> Faults:
        return self.sandbox.faults

    def stop(self) -> None:
        self.run(self.sandbox.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
