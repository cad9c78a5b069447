# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows a journal that other processes write, so that the page can show each incident's timeline as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

#: Seconds between two looks at the journal's files.
LOOK_EVERY = 0.2
#: Seconds after which the journal is read even though its files look unchanged: a file's time is only so fine, and a
#: journal behind a database URL has no files to look at.
READ_EVERY = 2.0
#: The page is for people: it shows this many incidents, the newest ones.
INCIDENTS_SHOWN = 20

NO_COLLECTION = (
    "The collection's own code cannot be imported, so no incident is shown: "
    "add the directory that contains ansible_collections to PYTHONPATH."
)


class Incident(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


class DueWork(Protocol):
    def unsettled(self) -> int: ...


class Journal(Protocol):
    """The part of the collection's journal that is needed here."""

    @property
    def due(self) -> DueWork: ...

    def list_incidents(self, *, limit: int) -> list[str]: ...

    def read(self, incident: str) -> Incident: ...


class JournalFeed:
    """Keeps C(incidents) as the journal has them, newest first, and calls C(on_change) when they differ.

    C(location) is the journal's path or database URL; None means that there is nothing to follow. C(unsettled) is the
    number of deliveries that playbooks still work on. C(problem) is a sentence about why incidents cannot be shown.
    """

    def __init__(self, location: str | None, on_change: Callable[[], None]) -> None:
        self.incidents: list[dict[str, Any]] = []
        self.unsettled = 0
        self.problem: str | None = None
        self._location = location
        self._on_change = on_change
        self._journal: Journal | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._location is not None:
            self._task = asyncio.get_running_loop().create_task(self._follow())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _follow(self) -> None:
        seen: object = None
        read_at = float("-inf")
        clock = asyncio.get_running_loop().time
        while True:
            signature = self._signature()
            if signature is not None and (signature != seen or clock() - read_at >= READ_EVERY):
                # The signature was taken before the read: what is written meanwhile differs from it at the next look.
                seen, read_at = signature, clock()
                await self._refresh()
            await asyncio.sleep(LOOK_EVERY)

    async def _refresh(self) -> None:
        before = (self.incidents, self.unsettled, self.problem)
        try:
            self.incidents, self.unsettled = await asyncio.to_thread(self._read)
            self.problem = None
        except ImportError:
            self.problem = NO_COLLECTION
        except Exception as error:  # whatever it is, the page goes on, says it, and tries again
            self.problem = f"The journal cannot be read: {error}"
        if (self.incidents, self.unsettled, self.problem) != before:
            self._on_change()

    def _signature(self) -> object:
        """Return a value that differs when the journal may have been written, or None while there is no journal."""
        assert self._location is not None
        if "://" in self._location:
            return "database"
        found = []
        for path in (Path(self._location), Path(self._location + "-wal")):
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        return tuple(found) or None

    def _read(self) -> tuple[list[dict[str, Any]], int]:
        if self._journal is None:
            # Only here, so that the sandbox runs without the collection when no journal is to be shown.
            from ansible_collections.self_healing.devops.plugins.module_utils import journal as collection

            self._journal = collection.Journal.open(self._location)
        journal = self._journal
        incidents = [journal.read(incident).to_dict() for incident in journal.list_incidents(limit=INCIDENTS_SHOWN)]
        return incidents, journal.due.unsettled()
