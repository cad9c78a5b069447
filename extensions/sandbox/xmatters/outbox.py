# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Posts what happens in the emulated xMatters to where the form's outbound integrations point."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp

from ..settings import Settings
from . import wire
from .clock import Clock
from .model import Alert
from .switches import Switches

#: How long the receiver of a webhook may take (seconds).
TIMEOUT = 10.0


@dataclass(frozen=True)
class Post:
    """One webhook: what kind it is, the alert that it is about, and its body."""

    kind: str
    alert: Alert
    body: dict[str, Any]


class Outbox:
    """The webhooks of one tenant, and the log of what became of them."""

    def __init__(self, settings: Settings, switches: Switches, clock: Clock, changed: Callable[[], None]) -> None:
        self.log: list[dict[str, Any]] = []
        self.held: list[Post] = []
        self._settings = settings
        self._switches = switches
        self._clock = clock
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, kind: str, alert: Alert, body: dict[str, Any]) -> None:
        """Send a webhook, if the form has an integration of this kind."""
        if self._settings.xmatters_webhook is None or kind not in self._switches.webhook_kinds:
            return
        post = Post(kind, alert, body)
        if self._switches.webhook_held:
            self.held.append(post)
        else:
            self._send([post])

    def release(self, newest_first: bool = False) -> int:
        """Send what was kept back, one after the other, and return how many these were."""
        posts, self.held = self.held, []
        self._send(posts[::-1] if newest_first else posts)
        return len(posts)

    async def settle(self) -> None:
        """Wait until everything that was sent has been answered."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.settle()

    def _send(self, posts: list[Post]) -> None:
        for _copy in range(self._switches.webhook_copies):
            self._start(self._post_all(posts))

    async def _post_all(self, posts: list[Post]) -> None:
        for post in posts:
            await self._post(post)

    async def _post(self, post: Post) -> None:
        webhook = self._settings.xmatters_webhook
        if webhook is None:
            return
        url = webhook.url
        if post.kind != "response":
            # The body does not say what it is about, so that each integration has an address of its own.
            url += f"{'&' if '?' in url else '?'}type={post.kind}"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session:
            for _attempt in range(self._switches.webhook_retries + 1):
                status, problem = None, None
                try:
                    async with session.post(url, json=post.body, headers=dict(webhook.headers)) as answer:
                        status = answer.status
                except (aiohttp.ClientError, TimeoutError) as error:
                    problem = f"{type(error).__name__}: {error}"[:200]
                at = wire.event_time(self._clock.now())
                self.log.append(
                    {"at": at, "alert": post.alert.id, "kind": post.kind, "status": status, "error": problem}
                )
                self._changed()
                if status is not None and status < 300:
                    return
                await asyncio.sleep(0.2)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
