#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves an incident one step on."""

from __future__ import annotations

DOCUMENTATION = r"""
module: incident
short_description: Move an incident one step on
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Records one step of an incident in the journal. A step that was made already is not made again.
  - The playbooks of this collection call it. In a playbook of your own, use it to add a note.
options:
  incident:
    description: Identifier of the incident.
    type: str
    required: true
  step:
    description:
      - What happens to the incident.
      - V(decide) asks the policy how far automation may go, and claims the incident when that is to act. With O(timer)
        it says first that this timer came due.
      - V(claim) takes the right to heal. Only one playbook gets it, see RV(granted).
      - V(fix_started), V(fixed), V(fix_failed), V(verified), V(unverified) and V(undone) tell how a remedy fares.
      - V(finish) gives a claimed incident back once its host was seen to, and escalates what was left half done.
      - V(timer) says that the timer O(timer) came due.
      - V(close) closes a stable incident.
      - V(note) adds O(text) for people to see.
      - V(settle) settles the delivery O(delivery), and sees to it that tools which are behind are tried again.
    type: str
    required: true
    choices:
      - decide
      - claim
      - fix_started
      - fixed
      - fix_failed
      - verified
      - unverified
      - undone
      - finish
      - timer
      - close
      - note
      - settle
  policy:
    description:
      - How far automation may go. The variables C(self_healing_*) by name.
    type: dict
    default: {}
  remedies:
    description: Short names of the remedies for this incident, in order of preference.
    type: list
    elements: str
    default: []
  remedies_by_kind:
    description: Short names of the remedies for each kind of problem. Used when O(remedies) is empty.
    type: dict
    default: {}
  fleet:
    description:
      - The hosts that may be healed, as P(self_healing.devops.fleet#filter) returns them.
      - The impacted entities are looked up in them by exact comparison only. The order is the identifier of the entity,
        then the name of the host as the monitoring system detected it, then the address. The first kind of look-up that
        finds anything ends the search.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Name of the host in the inventory.
        type: str
        required: true
      entities:
        description: Identifiers of its entities in monitoring systems.
        type: list
        elements: str
        default: []
      name:
        description: Its name in monitoring systems, where that is another one.
        type: str
      address:
        description: Its address.
        type: str
  other_hosts:
    description:
      - Names of the hosts that may not be healed. They are compared by name, so that the decision can say that a host
        exists and is not managed.
    type: list
    elements: str
    default: []
  changed:
    description: Whether the remedy changed anything, for V(fixed); whether it was taken back, for V(undone).
    type: bool
    default: true
  reason:
    description: Why it failed, for V(fix_failed), V(unverified), V(undone) and V(finish).
    type: str
    default: ""
  task:
    description: Name of the task at which it failed or was stopped, for V(fix_failed) and V(unverified).
    type: str
    default: ""
  timer:
    description: Name of the timer that came due, for V(timer) and V(decide).
    type: str
  text:
    description: The note.
    type: str
  worker:
    description:
      - Who claims the incident. The default names the playbook run by its machine and process.
    type: str
  delivery:
    description:
      - Identifier of the delivery that this playbook run works on, as the rulebook gives it.
      - V(decide), V(claim) and V(timer) take it up. One that another run has taken up already is left to that run, see
        RV(in_other_hands).
      - V(settle) settles it. Without it nothing is settled.
    type: str
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.journal
seealso:
  - module: self_healing.devops.incident_info
"""

EXAMPLES = r"""
- name: Tell everybody what was seen on the way
  self_healing.devops.incident:
    incident: i7k3v5q2x4dmz
    step: note
    text: The disk of the second node is slow as well

- name: Take the right to heal
  self_healing.devops.incident:
    incident: i7k3v5q2x4dmz
    step: claim
  register: incident_claimed
"""

RETURN = r"""
incident:
  description:
    - The incident, folded from its timeline.
    - Titles, texts and names come from outside. Use them as values only, never in C(set_fact) and never as a template.
  returned: success
  type: dict
  sample:
    id: i7k3v5q2x4dmz
    state: asked
    kind: process_crash
    severity: critical
    target: shop-01

behind:
  description: Tools that do not show the newest entry yet, or whose last update failed.
  returned: success
  type: list
  elements: str
  sample: [jira]
in_other_hands:
  description:
    - Whether another run heals the incident right now, or has taken up the delivery, and will carry out what follows.
  returned: success
  type: bool
  sample: false
granted:
  description:
    - Whether the step was allowed. A claim that comes too late is no failure.
    - After V(decide) it tells whether the incident is claimed.
  returned: success
  type: bool
  sample: true
refused:
  description: Why the step was not allowed.
  returned: when RV(granted) is false
  type: dict
  sample:
    reason: busy
    text: incident i7k3v5q2x4dmz is being healed by worker until 10:15
settled:
  description: Whether the delivery was open and this run has settled it.
  returned: success
  type: bool
  sample: true
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils import candidates, escalation, steps, timers
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry, Incident
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    JOURNAL_OPTIONS,
    ModuleSpec,
    file_exists,
    require_incident,
    run_module,
    this_run,
)
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import behind, told

STEPS = (
    "decide",
    "claim",
    "fix_started",
    "fixed",
    "fix_failed",
    "verified",
    "unverified",
    "undone",
    "finish",
    "timer",
    "close",
    "note",
    "settle",
)
#: Steps that only the run makes which has the incident.
OWNERS_STEPS = frozenset({"fix_started", "fixed", "fix_failed", "verified", "unverified", "undone"})
#: Steps that a playbook run begins with.
FIRST_STEPS = frozenset({"decide", "claim", "timer"})
HOST = {
    "host": {"type": "str", "required": True},
    "entities": {"type": "list", "elements": "str", "default": []},
    "name": {"type": "str"},
    "address": {"type": "str"},
}
SPEC = ModuleSpec(
    options={
        "incident": {"type": "str", "required": True},
        "step": {"type": "str", "choices": list(STEPS), "required": True},
        "policy": {"type": "dict", "default": {}},
        "remedies": {"type": "list", "elements": "str", "default": []},
        "remedies_by_kind": {"type": "dict", "default": {}},
        "fleet": {"type": "list", "elements": "dict", "options": HOST, "default": []},
        "other_hosts": {"type": "list", "elements": "str", "default": []},
        "changed": {"type": "bool", "default": True},
        "reason": {"type": "str", "default": ""},
        "task": {"type": "str", "default": ""},
        "timer": {"type": "str"},
        "text": {"type": "str"},
        "worker": {"type": "str"},
        "delivery": {"type": "str"},
        **JOURNAL_OPTIONS,
    },
    required_if=[("step", "timer", ("timer",)), ("step", "note", ("text",))],
    talks_http=False,
    controller_only=True,
)
REASON_LENGTH = 500
#: When to look again whether another run has given the host back.
WAIT_FOR_HOST = timedelta(seconds=15)
#: How far back it is counted how a remedy fared.
TRACK_RECORD = timedelta(days=90)
DELIVERY = re.compile(r"d[0-9a-f]{32}")


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    incident, delivery, worker = (
        require_incident(params["incident"]),
        params["delivery"],
        params["worker"] or this_run(),
    )
    journal = Journal.open(params["journal"])
    before = journal.read(incident)
    after, changed, refused, settled = before, False, None, False
    if delivery and not DELIVERY.fullmatch(delivery):
        raise ConfigurationError(
            "delivery is no identifier of a delivery; leave it out when you run a playbook by hand"
        )
    begins = bool(delivery) and params["step"] in FIRST_STEPS and not check_mode
    taken = begins and not journal.due.begin(delivery, worker)
    if taken:
        text = f"delivery {delivery} is settled, or another run works on it"
        refused = {"reason": "busy", "text": text}
    elif params["step"] == "settle":
        if delivery and not check_mode and steps.answer_waits(after, worker):
            journal.due.postpone(delivery, worker, WAIT_FOR_HOST)
        elif delivery:
            settled = journal.due.settle(delivery, worker, dry_run=check_mode)
        if not check_mode:
            _try_again_later(journal, after)
    else:
        for name in _steps(params):
            try:
                after, moved = journal.change(
                    incident, _step(name, params, before, journal, worker), dry_run=check_mode
                )
            except steps.StepRefusedError as error:
                refused = {"reason": error.reason, "text": error.message}
                continue
            changed = changed or moved
    elsewhere = taken or steps.in_other_hands(after, worker, datetime.now(timezone.utc))
    result = {
        "changed": changed or settled,
        "incident": after.to_dict(),
        "behind": behind(after),
        "in_other_hands": elsewhere,
        "granted": refused is None,
        "settled": settled,
        "diff": {"before": _story(before), "after": _story(after)},
    }
    return {**result, "refused": refused} if refused else result


def _steps(params: Mapping[str, Any]) -> list[str]:
    """Return the steps that are made, in their order."""
    # Whoever begins or ends with an incident stops it where somebody asked for that and no run is there to do so.
    if params["step"] in ("claim", "finish"):
        return ["halt", "claim"] if params["step"] == "claim" else ["finish", "halt"]
    if params["step"] != "decide":
        return [params["step"]]
    # A decision to act is followed by the claim at once: no other run comes between.
    return [*(["timer"] if params["timer"] else []), "halt", "decide", "claim"]


def _try_again_later(journal: Journal, incident: Incident) -> None:
    """Have the tools that could not be brought up to date tried again."""
    pause = timers.catch_up_after(incident, datetime.now(timezone.utc))
    if pause is not None:
        journal.due.set_timer(incident.id, "catch_up", timedelta(seconds=pause))


def _story(incident: Incident) -> str:
    return "".join(f"{entry.n} {entry.text}\n" for entry in told(incident))


def _step(name: str, params: Mapping[str, Any], before: Incident, journal: Journal, worker: str) -> Any:
    """Return the function that makes the step C(name) on an incident. C(before) is as it was when this run began."""
    policy = policies.from_variables(params["policy"])
    reason = " ".join(params["reason"].split())[:REASON_LENGTH] or "no reason was given"
    task = " ".join(params["task"].split())[:REASON_LENGTH]
    now = datetime.now(timezone.utc)
    if name == "decide":
        return _decide(params, before, journal, policy, now)
    by_name = {
        "claim": lambda i: steps.claim(i, worker, now, policy.claim_lease),
        "fix_started": steps.fix_started,
        "fixed": lambda i: steps.fixed(i, params["changed"], policy.verify_timeout),
        "fix_failed": lambda i: steps.fix_failed(i, reason, task),
        "verified": steps.verified,
        "unverified": lambda i: steps.unverified(i, reason, task),
        "undone": lambda i: steps.undone(i, params["changed"], reason),
        "halt": lambda i: steps.halt(i, now),
        "finish": lambda i: steps.finish(i, reason, worker),
        "timer": lambda i: timers.due(i, params["timer"], policy.reconsider_after, now),
        "close": steps.close,
        "note": lambda _: [Entry("noted", params["text"])],
    }
    if name not in OWNERS_STEPS:
        return by_name[name]

    def step(incident: Incident) -> list[Entry]:
        steps.require_owner(incident, worker)
        return by_name[name](incident)

    return step


def _decide(
    params: Mapping[str, Any], before: Incident, journal: Journal, policy: policies.Policy, now: datetime
) -> Any:
    fleet = [candidates.ManagedHost(**host) for host in params["fleet"]]
    # All that is read besides the incident is read first: while it is changed, every other writer waits.
    hosts = [candidate.host for candidate in candidates.find(before, fleet, params["other_hosts"])]
    around = policies.Surroundings(
        attempts=journal.attempts_since(now - timedelta(hours=1)),
        unhealthy_hosts=journal.unhealthy_hosts(besides=params["incident"]),
        managed_hosts=len(fleet),
        stopped=policy.stop_file is not None and file_exists(policy.stop_file),
        record=journal.track_record(hosts, before.problem["service"], now - TRACK_RECORD),
    )

    def step(incident: Incident) -> list[Entry]:
        found = candidates.find(incident, fleet, params["other_hosts"])
        remedies = _remedies(params, incident.problem["kind"], policy)
        unanswered = escalation.runs_unanswered(incident)
        decision = policies.decide(policy, incident, remedies, found, around, now, unanswered)
        return steps.decide(incident, decision.to_data(), policy.timers(decision))

    return step


def _remedies(params: Mapping[str, Any], kind: str, policy: policies.Policy) -> list[str]:
    """Return the remedies for a problem of this kind. Raises ConfigurationError when one is not known."""
    remedies = params["remedies"]
    if not remedies:
        remedies = params["remedies_by_kind"].get(kind) or []
        if not isinstance(remedies, list):
            raise ConfigurationError(f"remedies_by_kind: {kind} has no list of names; write it like [process_restart]")
    unknown = [str(name) for name in remedies if name not in policy.catalog]
    if unknown:
        known = ", ".join(sorted(policy.catalog))
        raise ConfigurationError(
            f"remedies: {unknown[0]} is not known (known: {known}); add it to self_healing_catalog"
        )
    return list(remedies)


def main() -> None:
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
