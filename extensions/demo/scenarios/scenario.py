# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scenario has to offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from .proof import Figures


class Scenario(Protocol):
    """Something real that works, breaks, and is healed by a remedy."""

    #: Name on the command line and kind of the problem.
    name: ClassVar[str]
    #: Short name of the remedy that the responder is expected to choose.
    remedy: ClassVar[str]
    #: Inventory name of the host that it runs on.
    host: ClassVar[str]
    #: Tools that take part besides those of every scenario.
    tools: ClassVar[tuple[str, ...]]
    #: The rulebook that hears of it.
    rulebook: ClassVar[str]

    def start(self) -> str:
        """Bring it up and say in a few words what runs. Raises DemoError."""

    def watch(self) -> str:
        """Return the sandbox's argument C(--watch) for it."""

    def host_variables(self) -> Mapping[str, Any]:
        """Return the inventory variables that the remedy needs on its host."""

    def break_it(self) -> str:
        """Break it and say in a few words what was done. Raises DemoError."""

    def healed(self) -> str | None:
        """Return None when it really works again, else what is still wrong."""

    def proof(self, before: Figures, after: Figures) -> str | None:
        """Return what is wrong with the figures before and after the fix, None when they show that it helped."""

    def stop(self) -> None:
        """End what is still running of it."""
