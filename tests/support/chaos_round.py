# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One round of chaos: services are broken, processes are killed at their moments, and the heals are followed."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import behind
from demo.errors import DemoError

from .chaos_chain import ChaosChain, Shop
from .chaos_checks import LOST, Finding, judge, judge_service, unexplained
from .chaos_points import BROKEN, Kill, Round

#: Seconds between two looks.
LOOK_EVERY = 0.02
#: Seconds in which nothing happens any more: what has not come by then is lost. Longer than the longest pause between
#: two tries of a tool, and of a delivery that was lost many times.
PATIENCE = 100.0
#: The option that the responder chooses.
REMEDY, LABEL = "process_restart", "Restart process"


@dataclass
class Heal:
    """One service that was broken, and what is still to be killed while it is healed."""

    shop: Shop
    kills: list[Kill]
    broken_at: float = 0.0
    incident: Incident | None = None
    pressed: bool = False
    #: When each moment was seen.
    seen: dict[str, float] = field(default_factory=dict)

    def take(self, incident: Incident, now: float) -> None:
        self.incident = incident
        for entry in incident.timeline:
            moment = f"shown:{entry.data['tool']}" if entry.kind == "shown" else entry.kind
            self.seen.setdefault(moment, now)

    def due(self, now: float) -> Kill | None:
        """Return the next kill when its moment has come."""
        if not self.kills:
            return None
        kill = self.kills[0]
        since = self.broken_at if kill.moment == BROKEN else self.seen.get(kill.moment)
        return kill if since is not None and now >= since + kill.pause else None

    @property
    def over(self) -> bool:
        return self.incident is not None and self.incident.state == "closed" and not behind(self.incident)


@dataclass
class Outcome:
    """What a round did and what came out. C(done) are sentences about what was killed and cut, in order."""

    done: list[str] = field(default_factory=list)
    kills: int = 0
    missed: list[Kill] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)
    #: What was running when something was found wrong.
    running: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Chaos:
    """Runs rounds on one chain, which stays up from the first to the last."""

    def __init__(self, chain: ChaosChain, seed: int) -> None:
        self._chain = chain
        self._chance = random.Random(seed)
        self._known: set[str] = set()
        self._revision = -1

    def run(self, planned: Round) -> Outcome:
        """Break the services, do what is planned, wait for the end of every heal, and judge it."""
        began = time.monotonic()
        outcome = Outcome()
        faults = [
            (
                cut,
                self._chain.emulated.faults.add(cut.write.tool, cut.kind, method=cut.write.method, path=cut.write.path),
            )
            for cut in planned.cuts
        ]
        heals = [Heal(shop, list(kills)) for shop, kills in zip(self._chain.shops, planned.kills, strict=False)]
        for heal in heals:
            heal.shop.break_it()
            heal.broken_at = time.monotonic()
            self._follow(heals, outcome, until=heal.broken_at + self._chance.uniform(0, 0.5))
        why = self._follow(heals, outcome)
        for cut, fault in faults:
            if fault.times == 0:
                outcome.done.append(str(cut))
                outcome.kills += 1
        self._chain.emulated.faults.clear()
        outcome.missed = [kill for heal in heals for kill in heal.kills]
        outcome.findings = self._judge(heals, why)
        outcome.running = self._chain.running() if outcome.findings else []
        outcome.incidents = [heal.incident.id for heal in heals if heal.incident is not None]
        self._known.update(outcome.incidents)
        outcome.seconds = time.monotonic() - began
        return outcome

    def _follow(self, heals: list[Heal], outcome: Outcome, until: float | None = None) -> str | None:
        """Follow the heals to their end, or until a time. Returns why that end will not come."""
        last_news = time.monotonic()
        while until is None or time.monotonic() < until:
            self._chain.revive()
            if self._look(heals) or self._press(heals) or self._kill(heals, outcome):
                last_news = time.monotonic()
                continue
            if until is None and all(heal.over for heal in heals) and self._is_quiet():
                return None
            if time.monotonic() - last_news > PATIENCE:
                return f"nothing happened for {PATIENCE:.0f} s"
            time.sleep(LOOK_EVERY)
        return None

    def _look(self, heals: list[Heal]) -> bool:
        """Read what is new in the journal, and tell whether there was anything."""
        revision = self._chain.journal.revision()
        fresh = revision != self._revision
        # What tools show is no entry of the timeline: at the end it has to be looked at again and again.
        if not fresh and not all(heal.incident and heal.incident.state == "closed" for heal in heals):
            return False
        self._revision = revision
        now = time.monotonic()
        for name in self._chain.journal.list_incidents(limit=10):
            if name in self._known:
                continue
            incident = self._chain.journal.read(name)
            entities = {entity["id"] for entity in incident.problem["entities"]}
            for heal in heals:
                if heal.shop.entity in entities:
                    heal.take(incident, now)
        return fresh

    def _press(self, heals: list[Heal]) -> bool:
        """Answer as the person on call does, once per alert."""
        for heal in heals:
            incident = heal.incident
            if incident is None or heal.pressed or incident.state != "asked" or "alerted" not in heal.seen:
                continue
            alerts = self._chain.emulated.snapshot("xmatters")["alerts"]
            alert = next((one for one in alerts if one["properties"].get("incident_id") == incident.id), None)
            if alert is None or not alert["recipients"]:
                continue
            number = next(option["number"] for option in alert["options"] if option["label"] == LABEL)
            person = alert["recipients"][0]["key"]
            said = self._chain.emulated.call("xmatters", "respond", alert=alert["id"], person=person, option=number)
            if not said["ok"]:
                raise DemoError(f"xMatters refused the answer: {said['error']}")
            heal.pressed = True
            return True
        return False

    def _kill(self, heals: list[Heal], outcome: Outcome) -> bool:
        for heal in heals:
            kill = heal.due(time.monotonic())
            killed = self._chain.kill(kill.victim) if kill else None
            if kill is None or killed is None:
                continue
            heal.kills.pop(0)
            outcome.kills += 1
            where = f"{heal.shop.watched} {heal.incident.id if heal.incident else ''}".strip()
            newest = heal.incident.timeline[-1].kind if heal.incident else "nothing"
            after = time.monotonic() - heal.broken_at
            outcome.done.append(f"{kill} of {where}: {killed} after {after:.2f} s, newest entry {newest}")
            return True
        return False

    def _is_quiet(self) -> bool:
        return self._chain.due() == 0 and not self._chain.playbooks() and self._chain.listens()

    def _judge(self, heals: list[Heal], why: str | None) -> list[Finding]:
        found = []
        # What came due since everything was quiet is the business of the next round.
        state = self._chain.state(unsettled=0 if why is None else self._chain.due())
        for heal in heals:
            name = heal.incident.id if heal.incident else None
            if heal.incident is None:
                found.append(Finding(LOST, None, f"the problem of {heal.shop.watched} has no incident"))
            else:
                found += judge(state, self._chain.journal.read(heal.incident.id).to_dict(), REMEDY)
            if why is not None and not heal.over:
                found.append(Finding(LOST, name, why))
            found += judge_service(name, heal.shop.broken())
        return found + unexplained(state, [incident.to_dict() for incident in self._chain.incidents()])
