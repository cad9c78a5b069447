# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong, and when: chosen at random from a seed, or swept over all moments of a heal. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

#: What is killed: the rulebook, the playbooks that run (their workers end what they are at), both of them at once, or
#: everything with the workers, as when the machine crashes. What a worker has started on a host lives on in any case.
VICTIMS = ("rulebook", "playbook", "both", "everything")
#: The moments of a heal in their order: what the timeline says, with the tool where several say it.
MOMENTS = (
    "detected",
    "decided",
    "shown:dynatrace",
    "shown:jira",
    "shown:slack",
    "alerted",
    "answered",
    "claimed",
    "diagnosed",
    "fix_started",
    "fixed",
    "verified",
    "stable",
    "attached",
    "closed",
)
#: The moment of the fault itself, which no timeline shows. Only with a pause.
BROKEN = "broken"
#: Up to so many seconds after a moment something is killed at random.
LONGEST_PAUSE = 1.5
#: Kills in one heal. A delivery that is lost again and again is made with growing pauses, and given up in the end.
KILLS_PER_HEAL = 2


@dataclass(frozen=True)
class Kill:
    """Processes are killed C(pause) seconds after the timeline shows a moment."""

    victim: str
    moment: str
    pause: float = 0.0

    def __str__(self) -> str:
        return f"{self.victim} at {self.moment}" + (f" + {self.pause:.2f} s" if self.pause else "")


@dataclass(frozen=True)
class Write:
    """A write of a tool: requests with this method whose path matches the regular expression."""

    tool: str
    name: str
    method: str
    path: str


@dataclass(frozen=True)
class Cut:
    """The answer to a write is lost after the tool has committed it: cut off, or in its place an error."""

    write: Write
    kind: str

    def __str__(self) -> str:
        how = "cut off" if self.kind == "drop_after" else "an error"
        return f"answer to {self.write.tool} {self.write.name} {how}"


@dataclass(frozen=True)
class Round:
    """One heal of each service at the same time. C(kills) has the kills of each service, in order."""

    kills: tuple[tuple[Kill, ...], ...]
    cuts: tuple[Cut, ...] = ()


WRITES = (
    Write("dynatrace", "comment", "POST", r"/comments$"),
    Write("jira", "create", "POST", r"/rest/api/3/issue$"),
    Write("jira", "edit", "PUT", r"/issue/[^/]+$"),
    Write("jira", "comment", "POST", r"/comment$"),
    Write("jira", "link", "POST", r"/remotelink$"),
    Write("jira", "attachment", "POST", r"/attachments$"),
    Write("jira", "property", "PUT", r"/properties/"),
    Write("jira", "transition", "POST", r"/transitions$"),
    Write("slack", "create", "POST", r"/conversations\.create$"),
    Write("slack", "purpose", "POST", r"/conversations\.setPurpose$"),
    Write("slack", "topic", "POST", r"/conversations\.setTopic$"),
    Write("slack", "message", "POST", r"/chat\.postMessage$"),
    Write("slack", "header", "POST", r"/chat\.update$"),
    Write("slack", "pin", "POST", r"/pins\.add$"),
    Write("slack", "bookmark", "POST", r"/bookmarks\.add$"),
    Write("slack", "invitation", "POST", r"/conversations\.invite$"),
    Write("slack", "archiving", "POST", r"/conversations\.archive$"),
    Write("xmatters", "alert", "POST", r"/triggers$"),
    Write("xmatters", "comment", "POST", r"/annotations$"),
    Write("xmatters", "status", "POST", r"/api/xm/1/events$"),
)
KINDS_OF_CUT = ("drop_after", "status_after")


def swept(services: int, share: int = 1) -> list[Round]:
    """Return rounds in which every victim is killed at every moment; with a C(share) only every so manieth victim.

    Each heal gets kills at moments that are far apart, so that the work that is lost is not always the same.
    """
    half = (len(MOMENTS) + 1) // 2
    heals: list[tuple[Kill, ...]] = []
    for turn in range(0, len(VICTIMS), share):
        for number, moment in enumerate(MOMENTS[:half]):
            kills = [Kill(VICTIMS[(number + turn) % len(VICTIMS)], moment)]
            if number + half < len(MOMENTS):
                kills.append(Kill(VICTIMS[(number + turn + 2) % len(VICTIMS)], MOMENTS[number + half]))
            heals.append(tuple(kills))
    cuts = [Cut(write, KINDS_OF_CUT[number % 2]) for number, write in enumerate(WRITES)]
    rounds = [tuple(heals[start : start + services]) for start in range(0, len(heals), services)]
    each = -(-len(cuts) // len(rounds))
    # Writes of the same tool go to different rounds: a tool that fails twice may be left for half a minute.
    return [Round(kills, tuple(cuts[number :: len(rounds)][:each])) for number, kills in enumerate(rounds)]


def at_random(seed: int, services: int, moments: Sequence[str] = (BROKEN, *MOMENTS)) -> Iterator[Round]:
    """Yield rounds without end, always the same ones for a seed."""
    chance = random.Random(seed)
    while True:
        kills = tuple(_some_kills(chance, moments) for _service in range(services))
        cuts = tuple(
            Cut(write, chance.choice(KINDS_OF_CUT)) for write in chance.sample(WRITES, chance.choice((0, 0, 1, 2)))
        )
        yield Round(kills, cuts)


def _some_kills(chance: random.Random, moments: Sequence[str]) -> tuple[Kill, ...]:
    chosen = sorted(chance.sample(range(len(moments)), chance.randint(1, KILLS_PER_HEAL)))
    return tuple(
        Kill(chance.choice(VICTIMS), moments[number], round(chance.choice((0.0, chance.uniform(0, LONGEST_PAUSE))), 3))
        for number in chosen
    )
