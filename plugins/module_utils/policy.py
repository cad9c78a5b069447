# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides how far automation goes. Pure: C(decide) returns its verdict together with every check that led to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from . import policy_asking
from .asking import Asking
from .errors import ConfigurationError
from .escalation import minutes
from .incident import HOST_NAME, SEVERITIES, Incident
from .options import ACKNOWLEDGE, ESCALATE, SNOOZE, STOP, TAKE_OVER

LEVELS = ("observe", "ask", "act")
HOLD_REASONS = (
    "busy",
    "recent",
    "duplicate",
    "failing",
    "ineffective",
    "unmanaged",
    "ambiguous",
    "frozen",
    "budget",
    "too_sick",
    "blind",
    "stopped",
    "stale",
)
#: Reasons that end automation's own judgement but not a person's: the verdict becomes C(ask).
PERSON_MAY_DECIDE = frozenset({"failing", "budget", "too_sick", "recent", "ineffective"})

#: Remedies of this collection. A team's own are added with C(self_healing_catalog).
CATALOG: Mapping[str, Mapping[str, Any]] = {
    "process_restart": {
        "role": "self_healing.devops.process_restart",
        "label": "Restart process",
        "text": "restarts the service on {host} and checks that it stays up",
    },
    "disk_cleanup": {
        "role": "self_healing.devops.disk_cleanup",
        "label": "Clean disk",
        "text": "removes what the host's rules allow until there is room again on {host}",
        "destructive": True,
    },
    "blue_green_rollback": {
        "role": "self_healing.devops.blue_green_rollback",
        "label": "Roll back release",
        "text": "rolls the release on {host} back and checks that it answers",
        "destructive": True,
    },
}
#: What a remedy of the catalog may say: besides its role, what people read, and who may choose it.
REMEDY_KEYS = ("role", "label", "text", "destructive", "approvals", "people")


@dataclass(frozen=True)
class Freeze:
    """A time in which nothing is healed by itself. Both ends are aware datetimes."""

    begin: datetime
    end: datetime
    reason: str


@dataclass(frozen=True)
class Policy:
    """How far automation may go. C(from_variables) reads it from the variables C(self_healing_*)."""

    ceiling: str = "ask"
    autonomy: Mapping[str, Any] = field(default_factory=dict)
    catalog: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: dict(CATALOG))
    attempts_per_hour: int = 2
    unhealthy_percent: int = 40
    freezes: tuple[Freeze, ...] = ()
    asking: Mapping[str, Asking] = field(default_factory=dict)
    verify_timeout: timedelta = timedelta(minutes=10)
    reconsider_after: timedelta = timedelta(minutes=5)
    claim_lease: timedelta = timedelta(minutes=15)
    stop_file: str | None = None

    def asking_at(self, severity: str) -> Asking:
        """Return how people are asked about a problem of this severity."""
        return self.asking.get(severity) or self.asking.get("default") or Asking()

    def timers(self, decision: Decision) -> dict[str, float]:
        """Return when to look again after a decision: name of the timer to seconds."""
        verdict = decision.verdict
        if verdict == "ask":
            return {"no_answer": decision.asking.step(0).wait}
        if verdict in ("hold", "observe"):
            return {"reconsider": self.reconsider_after.total_seconds()}
        return {}

    def level(self, remedy: str, severity: str) -> str:
        """Return how far C(remedy) may go on its own at this severity, below the ceiling."""
        chosen = self.autonomy.get(remedy, self.ceiling)
        if isinstance(chosen, Mapping):
            chosen = chosen.get(severity, chosen.get("default", self.ceiling))
        return str(min(chosen, self.ceiling, key=LEVELS.index))


@dataclass(frozen=True)
class Candidate:
    """A host of the inventory that fits the impacted entity. C(by) says how it was found."""

    host: str
    managed: bool
    by: str


@dataclass(frozen=True)
class Attempt:
    """One earlier attempt to heal a host. C(outcome) is C(verified), C(failed), C(ineffective) or C(running)."""

    incident: str
    host: str
    remedy: str
    at: datetime
    outcome: str


@dataclass(frozen=True)
class Record:
    """How often a remedy was tried on a host or for a service before, and how often it worked."""

    tried: int = 0
    worked: int = 0


@dataclass(frozen=True)
class Surroundings:
    """What else is going on: earlier attempts, hosts with open incidents, the size of the fleet, the stop file.

    C(record) is how remedies fared before, by their short names.
    """

    attempts: tuple[Attempt, ...] = ()
    unhealthy_hosts: frozenset[str] = frozenset()
    managed_hosts: int = 0
    stopped: bool = False
    record: Mapping[str, Record] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One question that the decision asked. C(reason) is the hold reason that a failed check leads to."""

    name: str
    passed: bool
    text: str
    reason: str | None = None


@dataclass(frozen=True)
class Decision:
    """The verdict (C(act), C(ask), C(observe) or C(hold)) with everything that led to it."""

    verdict: str
    reason: str | None
    remedy: str | None
    target: str | None
    options: tuple[Mapping[str, Any], ...]
    checks: tuple[Check, ...]
    text: str
    asking: Asking = field(default_factory=Asking)

    def to_data(self) -> dict[str, Any]:
        data = asdict(self)
        return {
            **data,
            "options": [dict(option) for option in self.options],
            "checks": [asdict(c) for c in self.checks],
            "asking": self.asking.to_data(),
        }


def decide(
    policy: Policy,
    incident: Incident,
    remedies: Sequence[str],
    candidates: Sequence[Candidate],
    surroundings: Surroundings,
    now: datetime,
    unanswered: str | None = None,
) -> Decision:
    """Return the decision for an incident.

    C(remedies) are short names in order of preference, as the rulebook gives them. C(candidates) are the hosts that fit
    the impacted entity. C(unanswered) is the remedy that the policy lets run because nobody answered; all checks count
    for it as they do for others.
    """
    unknown = [name for name in remedies if name not in policy.catalog]
    if unknown:
        known = ", ".join(sorted(policy.catalog))
        raise ConfigurationError(f"remedy {unknown[0]} is not known (known: {known}); add it to self_healing_catalog")
    target, found = _target(candidates)
    remedy = unanswered if unanswered in remedies else remedies[0] if remedies else None
    severity = str(incident.problem["severity"])
    checks = [
        _check(
            "monitored", incident.problem["kind"] != "monitoring_gap", "blind", "the monitoring itself sees nothing"
        ),
        _check("still open", incident.open, "stale", "the problem is closed already"),
        found,
        _check("not stopped", not surroundings.stopped, "stopped", f"the stop file {policy.stop_file} exists"),
        _not_frozen(policy, now),
        *(_about_target(policy, incident, remedy, target, surroundings, now) if target else ()),
    ]
    failed = next((check for check in checks if not check.passed), None)
    level = policy.level(remedy, severity) if remedy else min("ask", policy.ceiling, key=LEVELS.index)
    may = f"{remedy or 'no remedy'} at severity {severity} may {level}"
    if unanswered is not None and remedy == unanswered and level == "ask":
        level, may = "act", f"{remedy} may act, because nobody answered"
    checks.append(Check("autonomy", True, may))
    verdict, reason = _verdict(level, failed)
    asking = policy.asking_at(severity)
    record = surroundings.record
    offered = (
        []
        if verdict == "hold" or target is None
        else [_option(policy, name, target, record.get(name, Record())) for name in remedies]
    )
    options = (*offered, *talk(asking))
    text = _text(verdict, reason, failed, remedy, target, options, policy)
    return Decision(verdict, reason, remedy, target, options, tuple(checks), text, asking)


def talk(asking: Asking) -> tuple[Mapping[str, Any], ...]:
    """Return what a responder may choose besides the remedies."""
    spoken = (
        (ACKNOWLEDGE, "I am looking", f"nobody else is called for {minutes(asking.acknowledge)}"),
        (TAKE_OVER, "Take over", "automation keeps its hands off"),
        (ESCALATE, "Escalate", "calls the next responder"),
        (SNOOZE, "Snooze", f"asks again in {minutes(asking.snooze)}"),
        (STOP, "Stop", "what runs ends before its next task"),
    )
    return tuple({"name": name, "label": label, "text": text, "role": None} for name, label, text in spoken)


def _target(candidates: Sequence[Candidate]) -> tuple[str | None, Check]:
    """Choose the one managed host that fits; none, several or a strange name mean hands off."""
    managed = sorted({candidate.host for candidate in candidates if candidate.managed})
    if len(managed) > 1:
        return None, Check("one host", False, f"{len(managed)} hosts fit: {', '.join(managed[:5])}", "ambiguous")
    if not managed:
        others = sorted({candidate.host for candidate in candidates})
        why = f"{others[0]} is not in the group self_healing_managed" if others else "no managed host fits the entity"
        return None, Check("managed host", False, why, "unmanaged")
    if not HOST_NAME.fullmatch(managed[0]):
        return None, Check("managed host", False, "the host's name could mean a pattern of hosts", "ambiguous")
    by = next(candidate.by for candidate in candidates if candidate.host == managed[0])
    return managed[0], Check("managed host", True, f"{managed[0]}, found by its {by}")


def _about_target(
    policy: Policy, incident: Incident, remedy: str | None, target: str, around: Surroundings, now: datetime
) -> list[Check]:
    earlier = [attempt for attempt in around.attempts if attempt.host == target and attempt.incident != incident.id]
    running = [attempt for attempt in earlier if attempt.outcome == "running"]
    last_hour = [
        attempt for attempt in around.attempts if attempt.host == target and now - attempt.at < timedelta(hours=1)
    ]
    same = [attempt for attempt in last_hour if attempt.remedy == remedy]
    worst = next((attempt for attempt in reversed(same) if attempt.outcome in ("failed", "ineffective")), None)
    sick = around.unhealthy_hosts | {target}
    share = round(100 * len(sick) / around.managed_hosts) if around.managed_hosts else 0
    too_sick = len(sick) > 1 and share > policy.unhealthy_percent
    return [
        _check("nobody at work", not running, "busy", f"another incident is being healed on {target}"),
        Check(
            "attempts left",
            len(last_hour) < policy.attempts_per_hour,
            f"{len(last_hour)} of {policy.attempts_per_hour} attempts this hour",
            "budget",
        ),
        _check(
            "remedy works",
            worst is None,
            "failing" if worst is not None and worst.outcome == "failed" else "ineffective",
            f"{remedy} did not help on {target} within the hour",
        ),
        Check("few unhealthy", not too_sick, f"{len(sick)} of {around.managed_hosts} hosts unhealthy", "too_sick"),
    ]


def _check(name: str, passed: bool, reason: str, failure: str) -> Check:
    return Check(name, passed, "yes" if passed else failure, None if passed else reason)


def _not_frozen(policy: Policy, now: datetime) -> Check:
    freeze = next((freeze for freeze in policy.freezes if freeze.begin <= now < freeze.end), None)
    return _check("not frozen", freeze is None, "frozen", f"frozen until {freeze.end.isoformat() if freeze else ''}")


def _verdict(level: str, failed: Check | None) -> tuple[str, str | None]:
    if level == "observe":
        return "observe", None
    if failed is None:
        return level, None
    if failed.reason in PERSON_MAY_DECIDE:
        return "ask", failed.reason
    return "hold", failed.reason


def _option(policy: Policy, name: str, target: str, record: Record) -> Mapping[str, Any]:
    remedy = policy.catalog[name]
    text = str(remedy.get("text", "runs on {host}")).replace("{host}", target)
    return {
        "name": name,
        "label": remedy["label"],
        "text": text,
        "role": remedy["role"],
        "destructive": bool(remedy.get("destructive", False)),
        "approvals": int(remedy.get("approvals", 1)),
        "people": list(remedy.get("people", ())),
        "record": asdict(record),
    }


def _text(
    verdict: str,
    reason: str | None,
    failed: Check | None,
    remedy: str | None,
    target: str | None,
    options: Sequence[Mapping[str, Any]],
    policy: Policy,
) -> str:
    because = f" ({reason}: {failed.text})" if failed is not None and reason else ""
    if verdict == "act":
        return f"Acting: {policy.catalog[remedy]['label'] if remedy else ''} on {target}"
    if verdict == "observe":
        return "Observing only: the policy's ceiling is observe"
    if verdict == "hold":
        return f"Hands off{because}"
    asked = (str(option["label"]) for option in options if option["name"] != STOP)
    return f"Asking{because}: {', '.join(asked)}"


def from_variables(variables: Mapping[str, Any]) -> Policy:
    """Return the policy that the variables C(self_healing_*) describe.

    Raises ConfigurationError that names the first wrong variable and how to mend it.
    """
    found = problems(variables)
    if found:
        raise ConfigurationError(found[0])
    limits = variables.get("self_healing_limits") or {}
    timeouts = variables.get("self_healing_timeouts") or {}
    default = Policy()
    return Policy(
        ceiling=variables.get("self_healing_ceiling") or default.ceiling,
        autonomy=variables.get("self_healing_autonomy") or {},
        catalog=_catalog(variables.get("self_healing_catalog") or {}),
        asking=policy_asking.from_variables(variables),
        attempts_per_hour=int(limits.get("attempts_per_hour", default.attempts_per_hour)),
        unhealthy_percent=int(limits.get("unhealthy_percent", default.unhealthy_percent)),
        freezes=tuple(_freeze(item) for item in variables.get("self_healing_freezes") or ()),
        verify_timeout=_seconds(timeouts, "verify", default.verify_timeout),
        reconsider_after=_seconds(timeouts, "reconsider", default.reconsider_after),
        claim_lease=_seconds(timeouts, "claim", default.claim_lease),
        stop_file=variables.get("self_healing_stop_file") or None,
    )


def problems(variables: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the variables C(self_healing_*), one sentence each. Empty means that they are fine."""
    found: list[str] = []
    ceiling = variables.get("self_healing_ceiling", "ask")
    if ceiling not in LEVELS:
        found.append(f"self_healing_ceiling is {ceiling!r}, expected one of {', '.join(LEVELS)}")
    catalog = variables.get("self_healing_catalog") or {}
    if not isinstance(catalog, Mapping):
        found.append("self_healing_catalog must map the short name of a remedy to its role and label")
        catalog = {}
    for name, remedy in catalog.items():
        found += _remedy_problems(name, remedy)
    found += policy_asking.problems(variables, {*CATALOG, *catalog})
    found += _autonomy_problems(variables.get("self_healing_autonomy") or {}, {*CATALOG, *catalog})
    found += _number_problems("self_healing_limits", variables, {"attempts_per_hour": 0, "unhealthy_percent": 0})
    times = {"answer": 1, "acknowledge": 1, "snooze": 1, "verify": 1, "reconsider": 1, "claim": 1}
    found += _number_problems("self_healing_timeouts", variables, times)
    for number, item in enumerate(variables.get("self_healing_freezes") or (), start=1):
        try:
            _freeze(item)
        except (KeyError, TypeError, ValueError) as error:
            example = "{begin: 2026-12-24T00:00:00Z, end: 2026-12-27T00:00:00Z, reason: holidays}"
            found.append(f"self_healing_freezes, item {number}: {error}; expected {example}")
    return found


def _catalog(given: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return our remedies with what the policy says of them, and the team's own."""
    return {**CATALOG, **{name: {**CATALOG.get(name, {}), **remedy} for name, remedy in given.items()}}


def _remedy_problems(name: str, remedy: Any) -> list[str]:
    if not isinstance(remedy, Mapping):
        return [f"self_healing_catalog: the remedy {name} must be a mapping with role and label"]
    whole = {**CATALOG.get(name, {}), **remedy}
    found = [f"self_healing_catalog: the remedy {name} has no {key}" for key in ("role", "label") if not whole.get(key)]
    for key, value in remedy.items():
        if key not in REMEDY_KEYS:
            found.append(f"self_healing_catalog: {name}.{key} is not known, expected {', '.join(REMEDY_KEYS)}")
        elif key == "approvals" and (isinstance(value, bool) or value not in (1, 2, 3, "1", "2", "3")):
            found.append(f"self_healing_catalog: {name}.approvals is {value!r}, expected 1, 2 or 3 different people")
        elif key == "people" and not policy_asking.are_names(value):
            found.append(f"self_healing_catalog: {name}.people must be a list of names or e-mail addresses")
    return found


def _autonomy_problems(autonomy: Any, known: set[str]) -> list[str]:
    if not isinstance(autonomy, Mapping):
        return ["self_healing_autonomy must map the short name of a remedy to observe, ask or act"]
    found = []
    for remedy, level in autonomy.items():
        if remedy not in known:
            found.append(
                f"self_healing_autonomy: the remedy {remedy} is not known; known are {', '.join(sorted(known))}"
            )
        by_severity = level if isinstance(level, Mapping) else {"default": level}
        for severity, value in by_severity.items():
            if severity not in (*SEVERITIES, "default"):
                expected = ", ".join((*SEVERITIES, "default"))
                found.append(f"self_healing_autonomy.{remedy}: {severity!r} is no severity, expected {expected}")
            if value not in LEVELS:
                found.append(f"self_healing_autonomy.{remedy}: {value!r}, expected one of {', '.join(LEVELS)}")
    return found


def _number_problems(variable: str, variables: Mapping[str, Any], least: Mapping[str, int]) -> list[str]:
    values = variables.get(variable) or {}
    if not isinstance(values, Mapping):
        return [f"{variable} must be a mapping with {', '.join(least)}"]
    found = []
    for name, value in values.items():
        if name not in least:
            found.append(f"{variable}.{name} is not known, expected {', '.join(least)}")
        elif isinstance(value, bool) or not str(value).isdigit() or int(value) < least[name]:
            found.append(f"{variable}.{name} is {value!r}, expected a whole number of at least {least[name]}")
    return found


def _seconds(values: Mapping[str, Any], name: str, default: timedelta) -> timedelta:
    return timedelta(seconds=int(values[name])) if name in values else default


def _freeze(item: Mapping[str, Any]) -> Freeze:
    begin, end = (_aware(item[name]) for name in ("begin", "end"))
    if end <= begin:
        raise ValueError("its end is not after its begin")
    return Freeze(begin, end, str(item.get("reason", "")))


def _aware(value: Any) -> datetime:
    parsed = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)
