# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problem notifications: payload templates, their placeholders, and the posting with its repetitions."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import aiohttp

from . import shapes
from .wire import now
from .world import Problem, World

#: The payload that the collection asks tenants to configure (roles/dynatrace/README.md has the same text).
PAYLOAD = """{
  "State": "{State}",
  "PID": "{PID}",
  "ProblemID": "{ProblemID}",
  "ProblemTitle": "{ProblemTitle}",
  "ProblemImpact": "{ProblemImpact}",
  "ProblemSeverity": "{ProblemSeverity}",
  "ProblemURL": "{ProblemURL}",
  "ImpactedEntity": "{ImpactedEntity}",
  "NamesOfImpactedEntities": "{NamesOfImpactedEntities}",
  "ImpactedEntities": {ImpactedEntities},
  "Tags": "{Tags}",
  "ProblemDetailsJSONv2": {ProblemDetailsJSONv2}
}"""

TEST_PID = "99999"
#: What the button "Send test notification" posts, whatever the payload template is.
TEST_NOTIFICATION: Mapping[str, Any] = {
    "ImpactedEntities": [
        {"type": "HOST", "name": "MyHost1", "entity": "HOST-XXXXXXXXXXXXX"},
        {"type": "SERVICE", "name": "MyService1", "entity": "SERVICE-XXXXXXXXXXXXX"},
    ],
    "ImpactedEntity": "MyHost1, MyService1",
    "PID": TEST_PID,
    "ProblemDetailsHTML": "<h1>Dynatrace problem notification test run details</h1>",
    "ProblemDetailsJSON": {"ID": TEST_PID},
    "ProblemID": "999",
    "ProblemImpact": "INFRASTRUCTURE",
    "ProblemTitle": "Dynatrace problem notification test run",
    "Problem URL": "https://example.com",
    "State": "OPEN",
    "Tags": "testtag1, testtag2",
}
#: These stand for a JSON value and are written without quotes in a template; all others stand for text.
_JSON_PLACEHOLDERS = frozenset({"ImpactedEntities", "ProblemDetailsJSON", "ProblemDetailsJSONv2"})
_PLACEHOLDER = re.compile(r"\{(Tags\[[^\]{}\"]+\]|[A-Za-z][A-Za-z0-9]*)\}")


def values_of(problem: Problem, state: str, url: str, world: World) -> dict[str, Any]:
    """Return the value of every placeholder. C(state) is OPEN or RESOLVED, C(url) the address of the problem."""
    names = problem.entity.name
    where = f" on {problem.host.name}" if problem.host and problem.host is not problem.entity else ""
    text = f"{state} Problem {problem.display_id}: {problem.title}\n{names}{where}"
    values: dict[str, Any] = {
        "State": state,
        "PID": problem.pid,
        "ProblemID": problem.display_id,
        "ProblemTitle": problem.title,
        "ProblemImpact": "SERVICE" if problem.impact == "SERVICES" else problem.impact,
        "ProblemSeverity": problem.severity,
        "ProblemURL": url,
        "Tags": ", ".join(shapes.tag(*pair)["stringRepresentation"] for pair in problem.tags),
        "ImpactedEntity": f"{problem.title} on {problem.entity.type.replace('_', ' ').title()} {names}",
        "ImpactedEntityNames": names,
        "NamesOfImpactedEntities": names,
        "ImpactedEntities": [{"type": problem.entity.type, "name": names, "entity": problem.entity.id}],
        "ProblemDetailsText": text,
        "ProblemDetailsMarkdown": text.replace("\n", "  \n"),
        "ProblemDetailsHTML": f"<h1>{html.escape(problem.title)}</h1><p>{html.escape(names + where)}</p>",
        "ProblemDetailsJSON": shapes.problem_v1(problem),
        "ProblemDetailsJSONv2": shapes.problem(problem, ("evidenceDetails", "impactAnalysis"), world),
    }
    for key, value in problem.tags:
        values[f"Tags[{key}]"] = value or ""
    return values


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return the template with its placeholders replaced. Unknown ones stay as they are written, as the vendor's do."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            return match.group()
        written = json.dumps(values[name], ensure_ascii=False)
        return written if name in _JSON_PLACEHOLDERS else written[1:-1]

    return _PLACEHOLDER.sub(replace, template)


@dataclass
class Target:
    """Where a notification goes, with what."""

    url: str
    headers: Mapping[str, str]
    payload: str = PAYLOAD
    notify_closed: bool = True


@dataclass
class Notifier:
    """Posts notifications one after the other, so that a problem is never resolved before it was opened.

    C(attempts) and C(pause) say how often a post that failed is tried (no answer, 429 or 5xx) and how long it waits
    between (seconds). C(attempts) of 1 switches the repetition off.
    """

    changed: Callable[[], None]
    attempts: int = 6
    pause: float = 1.0
    timeout: float = 10.0
    #: One entry per attempt, oldest first, as the page shows it.
    log: list[dict[str, Any]] = field(default_factory=list)
    _waiting: asyncio.Queue[tuple[str, str, Target, str]] = field(default_factory=asyncio.Queue)
    _worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._worker = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker

    def enqueue(self, pid: str, state: str, target: Target, body: str) -> None:
        self._waiting.put_nowait((pid, state, target, body))

    async def _work(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout)) as session:
            while True:
                pid, state, target, body = await self._waiting.get()
                for attempt in range(1, self.attempts + 1):
                    status, error = await post(session, target, body)
                    self.note(pid, state, status, error)
                    if status is not None and status != 429 and status < 500:
                        break
                    if attempt < self.attempts:
                        await asyncio.sleep(self.pause)

    def note(self, pid: str, state: str, status: int | None, error: str | None) -> None:
        at = datetime.fromtimestamp(now() / 1000, timezone.utc).isoformat(timespec="milliseconds")
        entry = {"at": at, "pid": pid, "state": state, "status": status, "error": error}
        self.log = [*self.log[-499:], entry]
        self.changed()


async def post(session: aiohttp.ClientSession, target: Target, body: str) -> tuple[int | None, str | None]:
    """Post once. Return the status, or None and what went wrong; a refusal comes with the receiver's words."""
    headers = {"Content-Type": "application/json; charset=utf-8", **target.headers}
    try:
        async with session.post(target.url, data=body.encode(), headers=headers) as answer:
            said = (await answer.text())[:200]
            return answer.status, None if answer.status < 300 else said
    except TimeoutError:
        return None, "no answer in time"
    except (aiohttp.ClientError, OSError) as error:
        return None, f"{type(error).__name__}: {error}"[:200]
