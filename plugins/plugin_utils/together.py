# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the parts of an event source side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


async def together(*parts: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run all parts until one of them ends, then end the others: half a source would look like a whole one.

    What a part raises is raised here as it is.
    """
    tasks = [asyncio.ensure_future(part()) for part in parts]
    try:
        ended, _running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
