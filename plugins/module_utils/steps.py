# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may happen to an incident, one function per step. Pure: an incident goes in, new entries come out.

A step that was made already gives no entries. A step that must not be made raises L(StepRefusedError).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from . import escalation, run_identity
from .answering import halted
from .errors import SelfHealingError
from .incident import Entry, Incident, TimelineEntry, iso, moment
from .options import unreleased
from .reports import episode
from .run_identity import StateOf

#: States in which nothing was done to a host yet, so that a problem that ends by itself needs no verification.
UNTOUCHED = frozenset({"detected", "observed", "held", "asked"})


class StepRefusedError(SelfHealingError):
    """The step does not fit the incident as it is now. C(reason) is one of the hold reasons, or C(state)."""

    kind = "step_refused"

    def __init__(self, message: str, reason: str = "state") -> None:
        super().__init__(message, reason=reason)
        self.reason = reason


def decide(incident: Incident, decision: Mapping[str, Any], timers: Mapping[str, float]) -> list[Entry]:
    """Record a decision of the policy, once per look at the problem. C(timers) say when to look again."""
    if incident.state not in ("detected", "observed", "held"):
        return []
    previous = incident.decision
    if previous is not None and all(
        previous[name] == decision[name] for name in ("verdict", "reason", "target", "remedy")
    ):
        return []
    return [Entry("decided", decision["text"], data=decision, timers=timers)]


def claim(
    incident: Incident, worker: str, now: datetime, lease: timedelta, state_of: StateOf = run_identity.state_of
) -> list[Entry]:
    """Take the right to heal: compare-and-set on the state of the incident.

    A claim whose run was lost is taken over, and so is one whose run cannot be looked for from here once its lease is
    over. The fix is then not simply made again: the run begins with its diagnosis.

    Raises StepRefusedError when nobody asked for a remedy, when the problem is over, or while another run holds it.
    """
    held = unreleased(incident)
    if held is not None and held.data["worker"] != worker and _holds(held, now, state_of):
        raise StepRefusedError(
            f"incident {incident.id} is being healed by {run_identity.short(held.data['worker'])} "
            f"until {held.data['until']}",
            "busy",
        )
    if incident.stop is not None:
        raise StepRefusedError(f"incident {incident.id}: {incident.stop['by']} has stopped it", "stopped")
    remedy = _wanted_remedy(incident)
    if remedy is None:
        raise StepRefusedError(f"incident {incident.id} is {incident.state}: no remedy was chosen for it")
    if incident.target is None:
        raise StepRefusedError(f"incident {incident.id} has no host to heal", "unmanaged")
    since_claim = _since(incident, "claimed")
    # A claim from before the newest answer belongs to an earlier attempt.
    same_attempt = incident.claim is not None and not any(entry.kind == "answered" for entry in since_claim)
    if same_attempt and (held is None or any(entry.kind in _ENDS_ATTEMPT for entry in since_claim)):
        raise StepRefusedError(f"incident {incident.id}: {remedy['name']} ran already in this attempt", "recent")
    if not incident.open and not same_attempt:
        raise StepRefusedError(f"the problem of incident {incident.id} is closed: nothing to heal", "stale")
    data = {
        "worker": worker,
        "until": iso(now + lease),
        "remedy": remedy["name"],
        "role": remedy["role"],
        "target": incident.target,
        "resumed": same_attempt,
    }
    again = " again, after its worker was lost" if same_attempt else ""
    text = f"Healing starts{again}: {remedy['label']} on {incident.target}"
    return [Entry("claimed", text, data=data, timers={"claim_over": lease.total_seconds()})]


#: What ends an attempt. After it a lost run has nothing left to do on the host.
_ENDS_ATTEMPT = frozenset({"verified", "unverified", "fix_failed", "escalated"})


def answer_waits(incident: Incident, worker: str) -> bool:
    """Whether a remedy was chosen that waits for another run to give the host back."""
    held = unreleased(incident)
    if held is None or held.data["worker"] == worker:
        return False
    answered = any(entry.kind == "answered" for entry in _since(incident, "claimed"))
    return answered and _wanted_remedy(incident) is not None


def _holds(claimed: TimelineEntry, now: datetime, state_of: StateOf) -> bool:
    """Whether the run behind a claim still has it: it lives, or nobody can tell and its lease is not over."""
    state = state_of(claimed.data["worker"])
    until = moment(claimed.data["until"])
    return state == run_identity.ALIVE or (state == run_identity.UNKNOWN and until is not None and until > now)


def _owned_by(incident: Incident, worker: str | None) -> bool:
    """Whether the claim is this worker's. Without a worker nobody asks."""
    return worker is None or (incident.claim is not None and incident.claim["worker"] == worker)


def _wanted_remedy(incident: Incident) -> Mapping[str, Any] | None:
    """Return the option that was chosen by a responder, or by the policy, if it is a remedy."""
    if incident.state not in ("asked", "held", "healing", "verifying", "escalated"):
        return None
    if incident.answer is not None:
        name = incident.answer["option"]
    elif incident.decision is not None and incident.decision["verdict"] == "act":
        name = incident.decision["remedy"]
    else:
        return None
    return next((option for option in incident.options if option["name"] == name and option.get("role")), None)


def _since(incident: Incident, kind: str) -> list[Any]:
    position = max((entry.n for entry in incident.timeline if entry.kind == kind), default=0)
    return [entry for entry in incident.timeline if entry.n > position]


def evidence(incident: Incident, phase: str, healthy: bool, figures: Mapping[str, Any], text: str) -> list[Entry]:
    """Record what was found on the target before or after a fix."""
    data = {"phase": phase, "healthy": healthy, "figures": dict(figures), "text": text, "host": incident.target}
    state = "healthy" if healthy else "not healthy"
    found = ", ".join(f"{name} {_figure(value)}" for name, value in figures.items() if value is not None)
    kind = "diagnosed" if phase == "before" else "evidence_after"
    word = "Found" if phase == "before" else "Then"
    key = f"{kind}:{incident.attempt}:{incident.claim['until'] if incident.claim else ''}"
    previous = incident.evidence.get(phase)
    if phase == "after" and previous is not None and previous["figures"] != data["figures"]:
        key += f":{incident.version}"
    summary = f"{word} {incident.target or 'the target'} {state}" + (f": {found}" if found else "")
    return [Entry(kind, summary, data=data, key=key)]


def _figure(value: Any) -> str:
    return "–" if value is None else str(value)


def require_owner(incident: Incident, worker: str | None) -> None:
    """Raise StepRefusedError where another run has the incident: what a run that lost it found counts no more."""
    if incident.claim is not None and not _owned_by(incident, worker):
        other = run_identity.short(incident.claim["worker"])
        raise StepRefusedError(f"incident {incident.id} was taken over by {other}: hands off", "busy")


def fix_started(incident: Incident) -> list[Entry]:
    """Note the intent before the effect. Raises StepRefusedError when nothing was diagnosed, or nobody heals."""
    if incident.state != "healing" or incident.claim is None:
        raise StepRefusedError(f"incident {incident.id} is {incident.state}: it is not being healed")
    if incident.stop is not None:
        raise StepRefusedError(f"{incident.stop['by']} has stopped it", "stopped")
    found = incident.evidence.get("before")
    if found is None:
        raise StepRefusedError(f"incident {incident.id}: {incident.claim['role']} recorded no diagnosis before its fix")
    claim_ = incident.claim
    text = f"{claim_['remedy']} starts on {claim_['target']}"
    return [Entry("fix_started", text, data={"remedy": claim_["remedy"]}, key=f"fix_started:{incident.attempt}")]


def fixed(incident: Incident, changed: bool, verify_timeout: timedelta) -> list[Entry]:
    """Note that the remedy ran to its end, and when both oracles must have agreed that it helped."""
    remedy, target = _claimed(incident)
    claims = sum(1 for entry in incident.timeline if entry.kind == "claimed")
    text = f"{remedy} ran on {target}" if changed else f"{remedy} found nothing left to do on {target}"
    data = {"remedy": remedy, "changed": changed}
    timers = {"verify_deadline": verify_timeout.total_seconds()}
    return [Entry("fixed", text, data=data, key=f"fixed:{claims}", timers=timers)]


def fix_failed(incident: Incident, reason: str, task: str = "") -> list[Entry]:
    """Note that the remedy failed: a person is needed now. C(task) names the task at which it did.

    Where somebody had asked it to stop, that is why, and it is told how far it came.
    """
    remedy, target = _claimed(incident)
    if incident.stop is not None:
        return halted(incident, _how_far(incident, task))
    attempt = incident.attempt
    return [
        Entry("fix_failed", f"{remedy} failed on {target}: {reason}", key=f"fix_failed:{attempt}"),
        escalation.escalated(incident, "Escalated: the remedy failed", "fix_failed", f"escalated:{attempt}"),
    ]


def _how_far(incident: Incident, task: str = "") -> str:
    """Return how far a heal came before it was stopped."""
    remedy = incident.claim["remedy"] if incident.claim else "the remedy"
    kinds = {entry.kind for entry in _since(incident, "claimed")}
    if "fixed" in kinds:
        done = "had been carried out, and was not verified"
    elif "fix_started" in kinds:
        done = "had begun"
    else:
        done = "had not begun"
    return f"{remedy} on {incident.target} {done}" + (f"; it was stopped before the task '{task}'" if task else "")


def halt(incident: Incident, now: datetime, state_of: StateOf = run_identity.state_of) -> list[Entry]:
    """Stop in the place of a run that cannot: none has the incident, or the one that had it was lost."""
    held = unreleased(incident)
    if incident.stop is None or (held is not None and _holds(held, now, state_of)):
        return []
    entries = halted(incident, _how_far(incident))
    return [*entries, _released(incident, held)] if held is not None else entries


def verified(incident: Incident) -> list[Entry]:
    """Note that our own probe finds the target healthy after the fix."""
    before, after = incident.evidence.get("before"), incident.evidence.get("after")
    text = f"Verified on {incident.target}: {before_after(before, after)}"
    return [Entry("verified", text, data={}, key=f"verified:{incident.attempt}")]


def unverified(incident: Incident, reason: str, task: str = "") -> list[Entry]:
    """Note that the target is not healthy after the fix: a person is needed now."""
    if incident.stop is not None:
        return halted(incident, _how_far(incident, task))
    attempt = incident.attempt
    return [
        Entry("unverified", f"Not healthy after the fix: {reason}", key=f"unverified:{attempt}"),
        escalation.escalated(incident, "Escalated: the remedy did not help", "ineffective", f"escalated:{attempt}"),
    ]


def undone(incident: Incident, succeeded: bool, reason: str) -> list[Entry]:
    """Note that the fix was taken back."""
    text = "The fix was taken back" if succeeded else f"The fix could not be taken back: {reason}"
    return [Entry("undone", text, data={"succeeded": succeeded}, key=f"undone:{incident.attempt}")]


def finish(incident: Incident, reason: str, worker: str | None = None) -> list[Entry]:
    """Give the incident back after its host was seen to. What was left half done needs a person."""
    if incident.claim is None or not _owned_by(incident, worker):
        return []
    released = _released(incident, unreleased(incident))
    if incident.state == "healing":
        return [*fix_failed(incident, reason), released]
    if incident.stop is not None and incident.state == "verifying":
        how_far = f"too late for that, {incident.claim['remedy']} had run to its end on {incident.target}"
        return [*halted(incident, how_far), released]
    return [released]


def _released(incident: Incident, held: TimelineEntry | None) -> Entry:
    claimed = held.data if held is not None else incident.claim or {}
    text = f"{run_identity.short(claimed['worker'])} is done with {incident.target}"
    return Entry("released", text, key=f"released:{claimed['until']}")


def in_other_hands(incident: Incident, worker: str, now: datetime, state_of: StateOf = run_identity.state_of) -> bool:
    """Whether another run heals the incident right now and will see to what follows from it.

    A run that ends gives the incident back before it looks how the incident stands: whatever is reported until then is
    its own to carry out, and whatever is reported later belongs to the next run.
    """
    held = unreleased(incident)
    if held is None or incident.state not in ("healing", "verifying", "stable"):
        return False
    return held.data["worker"] != worker and _holds(held, now, state_of)


#: Figures that fit into one line.
MOST_FIGURES = 6


def _claimed(incident: Incident) -> tuple[str, str]:
    if incident.claim is None:
        raise StepRefusedError(f"incident {incident.id} is {incident.state}: it is not being healed")
    return incident.claim["remedy"], incident.claim["target"]


def before_after(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """Return the first of the figures as C(up 0 → 1, response_ms – → 3). All of them are in the evidence."""
    first, last = (before or {}).get("figures", {}), (after or {}).get("figures", {})
    told = [name for name in {**first, **last} if last.get(name) is not None and last[name] != first.get(name)]
    names = told[:MOST_FIGURES] or list(last)[:1]
    return ", ".join(f"{name} {_figure(first.get(name))} → {_figure(last.get(name))}" for name in names) or "no figures"


def close(incident: Incident) -> list[Entry]:
    """Close a stable incident."""
    if incident.state == "closed":
        return []
    if incident.state != "stable":
        raise StepRefusedError(f"incident {incident.id} is {incident.state}: only a stable incident can be closed")
    return [Entry("closed", f"Closed: {_duration(incident)}", key=f"closed:{episode(incident)}")]


def _duration(incident: Incident) -> str:
    start, end = incident.times["detected"], incident.times["stable"]
    if start is None or end is None:
        return "done"
    return f"stable {(end - start).total_seconds():.1f} s after detection"


def consequences(incident: Incident) -> list[Entry]:
    """Return what follows from the timeline alone, without anybody doing anything.

    Stable needs both oracles after a fix: our own probe and the monitoring system. Where nothing was touched, or a
    person took over, the monitoring system's word is enough.
    """
    if incident.open or incident.state in ("stable", "closed", "healing"):
        return []
    if incident.state == "verifying" and not any(entry.kind == "verified" for entry in _since(incident, "fixed")):
        return []
    if incident.state in UNTOUCHED:
        text = "Stable: the problem ended by itself"
    elif incident.state == "escalated":
        text = "Stable: the monitoring system closed the problem"
    else:
        text = "Stable: our probe and the monitoring system agree"
    return [Entry("stable", text, key=f"stable:{episode(incident)}")]
