# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small stand-ins for the emulated tools: they show the snapshot that a test gives them and do what the page asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from aiohttp import web

from sandbox.faults import Faults
from sandbox.hub import Hub
from sandbox.page_server import PageServer
from sandbox.settings import Settings
from sandbox.tool import Tool
from support.page_story import at

T = TypeVar("T")


class StandIn(Tool):
    """A tool whose whole state is the snapshot that the test gives it."""

    def __init__(self, settings: Settings, hub: Hub, faults: Faults) -> None:
        super().__init__(settings, hub, faults)
        self.state: dict[str, Any] = {}
        #: The arguments of every action that was called.
        self.done: list[dict[str, Any]] = []

    def routes(self) -> list[web.AbstractRouteDef]:
        return []

    def snapshot(self) -> dict[str, Any]:
        return self.state


class DynatraceStandIn(StandIn):
    name = "dynatrace"


class JiraStandIn(StandIn):
    name = "jira"

    def actions(self) -> dict[str, Any]:
        return {"comment": self._comment}

    async def _comment(self, arguments: dict[str, Any]) -> dict[str, Any]:
        issue = next(issue for issue in self.state["issues"] if issue["key"] == arguments["issue"])
        issue["comments"].append(
            {"id": str(len(issue["comments"]) + 1), "at": at(60), "author": "Ana Berg", "text": arguments["text"]}
        )
        self.changed()
        return {"ok": True}


class SlackStandIn(StandIn):
    name = "slack"


class XMattersStandIn(StandIn):
    name = "xmatters"

    def actions(self) -> dict[str, Any]:
        return {"respond": self._respond}

    async def _respond(self, arguments: dict[str, Any]) -> dict[str, Any]:
        self.done.append(arguments)
        alerts = {alert["id"]: alert for alert in self.state["alerts"]}
        alert = alerts[arguments["alert"]]
        names = {person["key"]: person["name"] for person in self.state["people"]}
        labels = {option["number"]: option["label"] for option in alert["options"]}
        if alert["responses"]:
            return {"ok": False, "error": "Somebody else was faster"}
        response = {"at": at(9), "who": names[arguments["person"]], "option": labels[arguments["option"]]}
        alert["responses"].append({**response, "comment": arguments.get("comment")})
        self.changed()
        return {"ok": True}


class PageThread:
    """A page server over stand-ins, on an event loop of its own thread."""

    def __init__(self, journal: str | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="page", daemon=True)
        self._thread.start()
        self.faults = Faults()
        self.tools: dict[str, StandIn] = {}
        self.page = self.run(self._start(journal))

    async def _start(self, journal: str | None) -> PageServer:
        hub = Hub()
        for kind in (DynatraceStandIn, XMattersStandIn, JiraStandIn, SlackStandIn):
            self.tools[kind.name] = kind(Settings(), hub, self.faults)
            await self.tools[kind.name].start()
        page = PageServer(dict(self.tools), hub, self.faults, journal)
        await page.start(0)
        return page

    def run(self, work: Coroutine[Any, Any, T], timeout: float = 30.0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def show(self, incidents: list[dict[str, Any]] | None = None, **states: dict[str, Any]) -> None:
        """Give tools a new state (and the page new incidents) and tell the page."""

        async def change() -> None:
            for name, state in states.items():
                self.tools[name].state = state
            if incidents is not None:
                self.page.feed.incidents = incidents
            self.page.hub.changed("test")

        self.run(change())

    def stop(self) -> None:
        async def end() -> None:
            await self.page.stop()
            for tool in self.tools.values():
                await tool.stop()

        self.run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def start_page(journal: str | None = None) -> Iterator[PageThread]:
    """Start a page over stand-ins and stop it at the end of the block."""
    running = PageThread(journal)
    try:
        yield running
    finally:
        running.stop()
