# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pauses, resumes and aborts what runs under a context of Keptn.

Keptn says yes to everything, also to contexts that it does not know and to sequences that ended (which it would then
call aborted). So the state is looked at before and after.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from .clients.keptn import KeptnClient
from .clients.keptn_values import SequenceState
from .errors import AnswerError, ConflictError, NotFoundError, UnclearOutcomeError

#: What has to be said to Keptn to get there.
COMMANDS = {"paused": "pause", "resumed": "resume", "aborted": "abort"}
#: How long Keptn may need to show the new state (seconds).
SHOWN_WITHIN = 10.0
_LOOK_EVERY = 0.25


@dataclass(frozen=True)
class Controlled:
    """What a context shows before and after."""

    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after


def keep_state(
    client: KeptnClient,
    project: str,
    context: str,
    wanted: str,
    stage: str = "",
    *,
    check_mode: bool = False,
    patience: float = SHOWN_WITHIN,
    pause: Callable[[float], None] = time.sleep,
) -> Controlled:
    """Bring a context, or one stage of it, to C(paused), C(resumed) or C(aborted).

    Raises NotFoundError when there is no such sequence, ConflictError when it ended and should be paused, AnswerError
    when Keptn does not show the new state in time, UnclearOutcomeError when it did not answer either.
    """
    state = _require(client, project, context)
    before = _shown(state, stage)
    if is_so(state, wanted, stage):
        return Controlled(before, before)
    if state.ended:
        raise ConflictError(f"Keptn: the sequence has ended ({state.state}), it cannot be {wanted}", status=409)
    if check_mode:
        return Controlled(before, "started" if wanted == "resumed" else wanted)
    unclear: UnclearOutcomeError | None = None
    try:
        client.control(project, context, COMMANDS[wanted], stage)
    except UnclearOutcomeError as error:
        unclear = error
    for attempt in range(max(1, round(patience / _LOOK_EVERY))):
        if attempt:
            pause(_LOOK_EVERY)
        state = _require(client, project, context)
        if is_so(state, wanted, stage):
            return Controlled(before, _shown(state, stage))
    if unclear is not None:
        raise unclear
    raise AnswerError(f"Keptn took the command and shows {_shown(state, stage)} after {patience:g} s, not {wanted}")


def is_so(state: SequenceState, wanted: str, stage: str) -> bool:
    """Say whether there is nothing to do: what has ended is neither paused nor does it go on."""
    if wanted == "aborted":
        return state.ended
    paused = not state.ended and _shown(state, stage) == "paused"
    return paused if wanted == "paused" else not paused


def _require(client: KeptnClient, project: str, context: str) -> SequenceState:
    state = client.sequence(project, context)
    if state is None:
        raise NotFoundError(f"Keptn: project {project} has no sequence under the context {context}", status=404)
    return state


def _shown(state: SequenceState, stage: str) -> str:
    """Return the state of the stage; of the whole where it is not divided, or shows the whole anyway."""
    if not stage or state.ended:
        return state.state
    found = next((one.state for one in state.stages if one.name == stage), None)
    if found is None:
        raise NotFoundError(f"Keptn: the sequence has not been in the stage {stage}", status=404)
    return found
