# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files go first, decided from tallies: no list of files is ever kept. Pure.

A first pass counts, for each rule, bytes and files by rank. From these counts follows up to which rank files have to
go, and a second pass takes them. Both need the same memory for ten files and for ten million.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from .disk_usage import Need

#: Ranks for each doubling of size times age: neighbours differ by less than a fifth.
_STEPS = 4


@dataclass(frozen=True)
class Weigher:
    """Ranks files: the higher, the sooner a file goes. The oldest and largest go first.

    What a file is worth is what it takes, times how long nobody has touched it. It takes blocks where space is short,
    one inode where inodes are, and where both are short each counts for its share of what is needed.
    """

    per_block: int
    per_file: int

    @classmethod
    def for_need(cls, wanted: Need) -> Weigher:
        if wanted.bytes > 0 and 0 < wanted.inodes < math.inf:
            return cls(math.ceil(wanted.inodes), max(1, math.ceil(wanted.bytes / 512)))
        return cls(1, 0) if wanted.bytes > 0 else cls(0, 1)

    def rank(self, blocks: int, age: int) -> int:
        """Return the rank of a file with so many blocks of 512 bytes that was not touched for C(age) seconds."""
        worth = (blocks * self.per_block + self.per_file) * max(age, 1) * _STEPS
        length = worth.bit_length()
        return length * _STEPS + (worth >> (length - 3) & 3) if length > 2 else 0


@dataclass
class Tally:
    """Bytes and files of one rule by rank."""

    ranks: dict[int, list[int]] = field(default_factory=dict)

    def add(self, rank: int, size: int) -> None:
        place = self.ranks.get(rank)
        if place is None:
            place = self.ranks[rank] = [0, 0]
        place[0] += size
        place[1] += 1

    @property
    def bytes(self) -> int:
        return sum(size for size, _files in self.ranks.values())

    @property
    def files(self) -> int:
        return sum(files for _size, files in self.ranks.values())


@dataclass
class Cut:
    """What goes of one rule: all ranks above C(rank), and of C(rank) itself until C(bytes) and C(inodes) are had."""

    rank: float
    bytes: float = 0
    inodes: float = 0

    def takes(self, rank: int, size: int) -> bool:
        """Whether a file goes. Asked once for each file, as it counts what it has had of its own rank."""
        if rank != self.rank:
            return rank > self.rank
        if self.bytes <= 0 and self.inodes <= 0:
            return False
        self.bytes -= size
        self.inodes -= 1
        return True


#: All files of a rule go, or none.
def everything() -> Cut:
    return Cut(-math.inf)


def nothing() -> Cut:
    return Cut(math.inf)


def choose(tallies: Sequence[Tally], wanted: Need) -> list[Cut]:
    """Return what goes of each rule. Rules are used up in their order, and of a rule the highest ranks first."""
    size, inodes = wanted.bytes, wanted.inodes
    cuts: list[Cut] = []
    for tally in tallies:
        if size <= 0 and inodes <= 0:
            cuts.append(nothing())
            continue
        cut = everything()
        for rank in sorted(tally.ranks, reverse=True):
            there, files = tally.ranks[rank]
            if there >= size and files >= inodes:
                cut = Cut(rank, size, inodes)
                size = inodes = 0
                break
            size -= there
            inodes -= files
        cuts.append(cut)
    return cuts
