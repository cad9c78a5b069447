# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notices deliveries whose playbook ended before its first step: it was killed while it started, or Ansible refused it.

Such a playbook leaves no name in the journal, and the engine that started it lives, so that nothing there tells that
the delivery is lost. But ansible-rulebook starts playbooks as children of its own process: when one of them has ended
since a delivery was handed out, and now there has been none for some seconds, nobody is left to take it up.

Where the playbooks run elsewhere (job templates of AWX) there are no children, and leases alone decide. What is taken
back too early does no harm: the first playbook that takes a delivery up has it.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass

#: Seconds without a child after which nobody is about to start one any more.
QUIET = 5.0


@dataclass(frozen=True)
class Children:
    """The children of this process: whether there are any, and a number that grows with each that ended."""

    present: bool
    ended: int


def children() -> Children:
    """Look at the children of this process."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Children(_present(), usage.ru_minflt + usage.ru_majflt)


def _present() -> bool:
    if not hasattr(os, "waitid"):
        return True
    try:
        # Only looks: whoever started a child still hears of its end.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


class Unbegun:
    """Remembers deliveries that no playbook has taken up, and tells which of them none will. Pure."""

    def __init__(self, quiet: float = QUIET) -> None:
        self._quiet = quiet
        #: Delivery and attempt to the number of ended children at the look before it was seen first.
        self._ended_before: dict[tuple[str, int], int] = {}
        self._last: Children | None = None
        self._quiet_since: float | None = None

    def lost(self, not_begun: Mapping[str, int], seen: Children, now: float) -> frozenset[str]:
        """Return the deliveries that nobody will take up. C(not_begun) are ids and attempts, C(now) is in seconds."""
        before = self._last.ended if self._last else seen.ended
        if seen.present:
            self._quiet_since = None
        elif self._quiet_since is None or seen.ended != before:
            # A child that came and went between two looks was there all the same.
            self._quiet_since = now
        self._last = seen
        self._ended_before = {one: self._ended_before.get(one, before) for one in not_begun.items()}
        if self._quiet_since is None or now - self._quiet_since < self._quiet:
            return frozenset()
        return frozenset(delivery for (delivery, _attempt), ended in self._ended_before.items() if ended != seen.ended)
