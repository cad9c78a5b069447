# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends an event to Keptn once, waits for a sequence, and says how it ended.

Keptn gives each event an id of its own and does not tell it, and an event is stored a moment after it was taken. So an
event is found again by its context, type, source, the task that it answers and our label.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .clients.keptn import KeptnClient
from .clients.keptn_values import Event, SequenceState, same, sequence_type
from .errors import SelfHealingError, UnclearOutcomeError

#: How long an event may need from being taken to being stored (seconds).
STORED_WITHIN = 10.0
#: How long we look for the id of an event that Keptn took (seconds): nothing depends on it.
ID_WITHIN = 2.0
_LOOK_EVERY = 0.25

Pause = Callable[[float], None]


@dataclass(frozen=True)
class Sent:
    """What became of an event. C(id) is empty when it is not stored yet. C(already) says that it was there before."""

    context: str
    id: str
    already: bool


@dataclass(frozen=True)
class Outcome:
    """How a sequence stands. C(status) and C(result) are those of its end, empty before it.

    C(succeeded) goes by the status: some services repeat the result of the run that they roll back.
    """

    state: SequenceState | None
    ended: bool
    status: str
    result: str
    message: str

    @property
    def succeeded(self) -> bool:
        return self.ended and self.status == "succeeded"


def find_sent(client: KeptnClient, event: Mapping[str, Any]) -> Event | None:
    """Return the stored event that C(event) became, or None. Its context has to be a UUID."""
    found = client.events(
        context=str(event["shkeptncontext"]),
        project=event["data"].get("project") or None,
        type=str(event["type"]),
    )
    return next((one for one in found if same(event, one)), None)


def send_once(
    client: KeptnClient,
    event: Mapping[str, Any],
    *,
    look_first: bool = True,
    check_mode: bool = False,
    patience: float = STORED_WITHIN,
    id_patience: float = ID_WITHIN,
    pause: Pause = time.sleep,
) -> Sent:
    """Send an event unless it is there. Call it again after an error: it looks before it sends.

    C(look_first) may be False when the context was made up for this event a moment ago. C(id_patience) of 0 leaves the
    id out, where it does not matter.
    Raises UnclearOutcomeError when nobody answered, and the event did not appear within C(patience) seconds.
    """
    context = str(event["shkeptncontext"])
    if look_first and (known := find_sent(client, event)) is not None:
        return Sent(context=context, id=known.id, already=True)
    if check_mode:
        return Sent(context=context, id="", already=False)
    try:
        context = client.send_event(event)
    except UnclearOutcomeError as unclear:
        appeared = _wait_for(client, event, patience, pause)
        if appeared is None:
            raise unclear from None
        return Sent(context=context, id=appeared.id, already=False)
    stored = _wait_for(client, event, id_patience, pause)
    return Sent(context=context, id=stored.id if stored else "", already=False)


def outcome(client: KeptnClient, project: str, context: str, stage: str = "", sequence: str = "") -> Outcome:
    """Say how everything under a context stands, or one sequence in one stage of it."""
    state = client.sequence(project, context)
    if stage and sequence:
        return _one(client, state, project, context, sequence_type(stage, sequence, ""))
    if state is None or not state.ended:
        return Outcome(state=state, ended=False, status="", result="", message="")
    finished = [event for event in client.events(context=context, project=project) if _ends_a_sequence(event)]
    return _ended(state, finished)


def wait_for_end(
    client: KeptnClient,
    project: str,
    context: str,
    *,
    stage: str = "",
    sequence: str = "",
    seconds: float,
    every: float = 2.0,
    clock: Callable[[], float] = time.monotonic,
    pause: Pause = time.sleep,
) -> Outcome:
    """Return how a sequence ended, or how it stands when C(seconds) are over."""
    deadline = clock() + seconds
    while True:
        found = outcome(client, project, context, stage, sequence)
        left = deadline - clock()
        if found.ended or left <= 0:
            return found
        pause(min(every, left))


def _wait_for(client: KeptnClient, event: Mapping[str, Any], patience: float, pause: Pause) -> Event | None:
    """Return the stored event. None when it did not appear, or when nobody can look: what was sent stays sent."""
    for attempt in range(round(patience / _LOOK_EVERY)):
        if attempt:
            pause(_LOOK_EVERY)
        try:
            found = find_sent(client, event)
        except SelfHealingError:
            return None
        if found is not None:
            return found
    return None


def _one(client: KeptnClient, state: SequenceState | None, project: str, context: str, prefix: str) -> Outcome:
    """Judge the newest run of one sequence: a remediation runs again and again under one context."""
    triggered = client.events(context=context, project=project, type=f"{prefix}triggered", limit=1)
    finished = client.events(context=context, project=project, type=f"{prefix}finished")
    if triggered:
        finished = [event for event in finished if event.triggered_id in ("", triggered[0].id)]
    if not finished and not (state is not None and state.state in ("aborted", "timedOut")):
        return Outcome(state=state, ended=False, status="", result="", message="")
    return _ended(state, finished)


def _ended(state: SequenceState | None, finished: Sequence[Event]) -> Outcome:
    """Return the end that the newest event tells. Without one, a sequence that ended did not succeed for sure."""
    if finished:
        last = finished[0]
        return Outcome(state=state, ended=True, status=last.status, result=last.result, message=last.message)
    status = "aborted" if state is not None and state.state == "aborted" else "unknown"
    return Outcome(state=state, ended=True, status=status, result="fail", message="")


def _ends_a_sequence(event: Event) -> bool:
    parsed = event.parsed_type
    return parsed is not None and parsed.kind == "finished" and bool(parsed.stage)
