# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the figures before and after a fix have to show. Pure: figures in, what is wrong with them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Figures = Mapping[str, Any]
#: Says what is wrong with the figures before and after a fix; None when they show that it helped.
Proof = Callable[[Figures, Figures], str | None]


def up_again(before: Figures, after: Figures) -> str | None:
    """Require that the service was down and is up."""
    for phase, found, up in (("before", before, 0), ("after", after, 1)):
        if found.get("up") != up:
            return f"the evidence {phase} says up={found.get('up')}, expected {up}"
    return None
