# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts one emulated tool in a thread, for tests that need no other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from sandbox.faults import Faults
from sandbox.hub import Hub
from sandbox.settings import Settings
from sandbox.tool import Tool

T = TypeVar("T")
AnyTool = TypeVar("AnyTool", bound=Tool)


class OneTool(Generic[AnyTool]):
    """One emulated tool that listens on loopback, on an event loop of its own thread."""

    def __init__(self, kind: type[AnyTool], settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.faults = Faults()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=kind.name, daemon=True)
        self._thread.start()
        self.tool: AnyTool = self.run(self._start(kind))

    async def _start(self, kind: type[AnyTool]) -> AnyTool:
        tool = kind(self.settings, Hub(), self.faults)
        await tool.start()
        return tool

    @property
    def url(self) -> str:
        return self.tool.url

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 30.0) -> T:
        """Run a coroutine on the tool's loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def call(self, action: str, **arguments: Any) -> dict[str, Any]:
        """Do what a person does in the tool's own interface."""
        result: dict[str, Any] = self.run(self.tool.actions()[action](arguments))
        return result

    def snapshot(self) -> dict[str, Any]:
        async def take() -> dict[str, Any]:
            return self.tool.snapshot()

        return self.run(take())

    def stop(self) -> None:
        self.run(self.tool.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def start_tool(kind: type[AnyTool], settings: Settings | None = None) -> Iterator[OneTool[AnyTool]]:
    """Start one emulated tool and stop it at the end of the block."""
    running = OneTool(kind, settings)
    try:
        yield running
    finally:
        running.stop()
