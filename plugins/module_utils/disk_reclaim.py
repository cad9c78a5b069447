# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Frees space by rules until a goal is reached: counts, chooses, takes, and looks what really came of it."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .disk_choose import Cut, Tally, Weigher, choose, everything
from .disk_deny import Protection
from .disk_open import InUse
from .disk_programs import Gain, clean, gain
from .disk_remove import Taker
from .disk_rules import Rule
from .disk_text import shown
from .disk_usage import Goal, Need, Usage, need
from .disk_walk import Found, Root, Skipped, Walk

#: The file system is asked whether the goal is reached after so many files or bytes.
_ASK_FILES, _ASK_BYTES = 4096, 256 << 20
#: Rounds of choosing and taking. A second one is needed where files share blocks with others, and free less than they
#: take.
_ROUNDS = 4
#: How long a file system that frees in the background is waited for (seconds), and which share has to be free by then.
_SETTLE, _ENOUGH = 3.0, 0.9


@dataclass
class Part:
    """What one rule found, chose and took."""

    rule: Rule
    roots: list[Root] = field(default_factory=list)
    gain: Gain | None = None
    note: str = ""
    found: Tally = field(default_factory=Tally)
    chosen_bytes: int = 0
    chosen_files: int = 0
    gone_bytes: int = 0
    gone_files: int = 0
    oldest: int = 0
    skipped: Skipped = field(default_factory=Skipped)

    def to_data(self) -> dict[str, Any]:
        return {
            "name": self.rule.name,
            "kind": self.rule.kind,
            "found": {"files": self.found.files, "bytes": self.found.bytes},
            "chosen": {"files": self.chosen_files, "bytes": self.chosen_bytes},
            "gone": {"files": self.gone_files, "bytes": self.gone_bytes},
            "oldest_hours": round(self.oldest / 3600, 1),
            "skipped": [
                {"why": why, "files": files, "bytes": self.skipped.bytes[why]}
                for why, files in sorted(self.skipped.files.items())
            ],
            "note": self.note,
        }


class Largest:
    """The largest files of many, in bounded memory, largest first."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._heap: list[tuple[int, int, dict[str, Any]]] = []
        self._seen = 0
        #: What is not larger than this is not listed.
        self.least: float = -1 if count > 0 else math.inf

    def add(self, found: Found, rule: str) -> None:
        self._seen += 1
        size = found.bytes
        told = {
            "path": shown(found.path) + ("/" if found.is_folder else ""),
            "bytes": size,
            "age_hours": round(found.age / 3600, 1),
            "rule": rule,
        }
        # The number keeps dictionaries from being compared, and the first of equals.
        item = (size, -self._seen, told)
        if len(self._heap) < self._count:
            heapq.heappush(self._heap, item)
        else:
            heapq.heapreplace(self._heap, item)
        if len(self._heap) == self._count:
            self.least = self._heap[0][0]

    def to_data(self) -> list[dict[str, Any]]:
        return [told for _size, _number, told in sorted(self._heap, key=lambda item: item[:2], reverse=True)]


@dataclass
class Reclaim:
    """One clean-up of one file system. C(taker) is None in check mode; C(usage) reads how full it is."""

    rules: Sequence[Rule]
    goal: Goal
    device: int
    protection: Protection
    in_use: InUse
    usage: Callable[[], Usage]
    taker: Taker | None
    largest: Largest
    #: Whether C(usage) is cheap enough to be asked in between.
    ask_often: bool = True
    now: float = field(default_factory=time.time)
    parts: list[Part] = field(default_factory=list)

    def run(self) -> tuple[Usage, Usage]:
        """Free what is needed and return the usage before and after. Raises ConfigurationError."""
        before = self.usage()
        wanted = need(before, self.goal)
        try:
            self.parts = [self._part(rule) for rule in self.rules]
            if not wanted.met:
                self._rounds(wanted)
        finally:
            for root in (root for part in self.parts for root in part.roots):
                root.close()
        if (
            self.taker is None
            or not self.taker.frees
            or not any(part.gone_files or part.gone_bytes for part in self.parts)
        ):
            return before, self.usage()
        return before, self._settled(before)

    def _part(self, rule: Rule) -> Part:
        part = Part(rule)
        if not rule.of_files:
            return part
        absent, elsewhere = [], []
        for path in rule.paths:
            root = Root.open(path, self.protection)
            if root is None:
                absent.append(path)
            elif root.status.st_dev != self.device:
                elsewhere.append(path)
                root.close()
            else:
                part.roots.append(root)
        notes = [f"{', '.join(absent)} does not exist"] if absent else []
        notes += [f"{', '.join(elsewhere)} is on another file system"] if elsewhere else []
        part.note = "; ".join(notes)
        return part

    def _rounds(self, wanted: Need) -> None:
        frees = self.taker is not None and self.taker.frees
        for number in range(_ROUNDS):
            for part in self.parts:
                part.found, part.skipped = Tally(), Skipped()
            if wanted.bytes == math.inf:
                cuts = [everything() for _part in self.parts]
            else:
                weigher = Weigher.for_need(wanted)
                for part in self.parts:
                    self._count(part, weigher)
                cuts = choose([part.found for part in self.parts], wanted)
            taken = self._take(cuts, wanted)
            if not frees or not taken or wanted.bytes == math.inf or number == _ROUNDS - 1:
                return
            wanted = need(self.usage(), self.goal)
            if wanted.met:
                return

    def _count(self, part: Part, weigher: Weigher) -> None:
        """Fill the tally of a rule."""
        if not part.rule.of_files:
            self._ask(part)
            return
        add, rank = part.found.add, weigher.rank
        for found in self._walk(part):
            # Whether a folder can go depends on whether all in it goes, which is not known yet.
            if found.is_folder:
                continue
            part.oldest = max(part.oldest, found.age)
            blocks = found.status.st_blocks
            add(rank(blocks, found.age), blocks * 512)

    def _ask(self, part: Part) -> None:
        part.gain = gain(part.rule, self.device, self.now)
        part.note = part.gain.note
        if part.gain.bytes:
            part.found.ranks[0] = [part.gain.bytes, part.gain.files]

    def _take(self, cuts: Sequence[Cut], wanted: Need) -> bool:
        """Take what the cuts say and return whether anything went. Stops early when the goal is reached."""
        went = False
        weigher = None if wanted.bytes == math.inf else Weigher.for_need(wanted)
        done = _Progress(self)
        for number, part in enumerate(self.parts):
            cut = cuts[number]
            if cut.rank == math.inf:
                continue
            if not part.rule.of_files:
                went = self._clean(part, counted=weigher is not None) or went
                continue
            went = self._sweep(part, cut, weigher, done) or went
            if done.reached:
                break
        return went

    def _sweep(self, part: Part, cut: Cut, weigher: Weigher | None, done: _Progress) -> bool:
        """Take what the cut says of one rule. Runs a million times, so that it keeps what it counts to itself."""
        # A second walk says the same about what it leaves alone.
        part.skipped = Skipped()
        take = self.taker.take if self.taker is not None else None
        largest, name = self.largest, part.rule.name
        files = size = stayed = stayed_size = oldest = 0
        try:
            for found in self._walk(part):
                status = found.status
                here = status.st_blocks * 512
                if found.age > oldest:
                    oldest = found.age
                stays = (
                    weigher is not None
                    and not found.is_folder
                    and not cut.takes(weigher.rank(status.st_blocks, found.age), here)
                )
                if stays:
                    found.level.kept = True
                    continue
                files += 1
                size += here
                why = take(found) if take is not None else None
                if why is not None:
                    found.level.kept = True
                    part.skipped.add(why, here)
                    stayed += 1
                    stayed_size += here
                    continue
                if here > largest.least:
                    largest.add(found, name)
                if weigher is not None and done.after(here):
                    break
        finally:
            part.oldest = max(part.oldest, oldest)
            part.chosen_files += files
            part.chosen_bytes += size
            if weigher is None:
                part.found.ranks[0] = [size, files]
            if take is not None:
                part.gone_files += files - stayed
                part.gone_bytes += size - stayed_size
        return files > stayed

    def _clean(self, part: Part, *, counted: bool) -> bool:
        if not counted:
            self._ask(part)
        if part.gain is None or not part.gain.commands:
            return False
        part.chosen_bytes, part.chosen_files = part.gain.bytes, part.gain.files
        if self.taker is None:
            return True
        before = self.usage()
        part.note = clean(part.gain.commands)
        part.gone_bytes = max(0, _freed(before, self.usage()))
        part.gone_files = 0 if part.note else part.gain.files
        return not part.note

    def _walk(self, part: Part) -> Iterator[Found]:
        """Yield what a rule means and no earlier rule does."""
        walks: list[Iterable[Found]] = []
        for root in part.roots:
            earlier = self._overlapping(part, root)
            walk: Iterable[Found] = Walk(root, part.rule, self.protection, self.in_use, part.skipped, self.now)
            walks.append(_unclaimed(walk, earlier, self.now) if earlier else walk)
        return itertools.chain.from_iterable(walks)

    def _overlapping(self, part: Part, root: Root) -> list[tuple[str, Rule]]:
        """Return the roots that were walked before and have files in common with this one."""
        found: list[tuple[str, Rule]] = []
        for other in self.parts:
            for one in other.roots:
                if other is part and one is root:
                    return found
                if f"{one.path}/".startswith(f"{root.path}/") or f"{root.path}/".startswith(f"{one.path}/"):
                    found.append((one.path, other.rule))
        return found

    def _settled(self, before: Usage) -> Usage:
        """Return the usage once the file system has freed what was taken, or does not free any more."""
        expected = sum(part.gone_bytes for part in self.parts if part.rule.of_files) * _ENOUGH
        deadline = time.monotonic() + _SETTLE
        after = self.usage()
        while _freed(before, after) < expected and time.monotonic() < deadline:
            time.sleep(0.1)
            last, after = after, self.usage()
            if last.used == after.used and time.monotonic() > deadline - _SETTLE / 2:
                break
        return after


class _Progress:
    """Asks the file system now and then whether the goal is reached already: others free space as well."""

    def __init__(self, reclaim: Reclaim) -> None:
        self._reclaim = reclaim
        self._asks = reclaim.ask_often and reclaim.taker is not None and reclaim.taker.frees
        self._files, self._bytes = 0, 0
        self.reached = False

    def after(self, size: int) -> bool:
        """Return whether it is reached, after one more file of so many bytes."""
        self._files += 1
        self._bytes += size
        if self._asks and (self._files >= _ASK_FILES or self._bytes >= _ASK_BYTES):
            self._files, self._bytes = 0, 0
            self.reached = need(self._reclaim.usage(), self._reclaim.goal).met
        return self.reached


def _freed(before: Usage, after: Usage) -> int:
    return before.used - after.used


def _unclaimed(walk: Iterable[Found], earlier: Sequence[tuple[str, Rule]], now: float) -> Iterator[Found]:
    for found in walk:
        if not _claimed(found, earlier, now):
            yield found


def _claimed(found: Found, earlier: Sequence[tuple[str, Rule]], now: float) -> bool:
    """Whether an earlier rule means the file as well, which then has it."""
    if found.is_folder:
        return False
    status = found.status
    for path, rule in earlier:
        matches = rule.matcher()
        if not f"{found.level.path}/".startswith(f"{path}/") or not (matches is None or matches(found.name)):
            continue
        used = max(status.st_mtime, status.st_atime, status.st_ctime)
        age = int(now - (used if rule.clock == "used" else status.st_mtime))
        if age >= rule.older_than and status.st_size >= rule.larger_than:
            return True
    return False
