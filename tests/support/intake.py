# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event sources without an engine: reports and answers are taken into the journal, and no rule runs.

python -m support.intake PORT
"""

from __future__ import annotations

import asyncio
import runpy
import sys
from pathlib import Path
from typing import Any

from ansible_collections.self_healing.devops.plugins.plugin_utils import delivery
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle

#: Through the link below the collections, as ansible-rulebook finds them: from there the sources find the collection.
SOURCES = Path(delivery.__file__).absolute().parents[2] / "extensions/eda/plugins/event_source"


class Nobody:
    """A queue that nobody reads."""

    async def put(self, event: dict[str, Any]) -> None:
        """Forget the event."""


async def main(port: int) -> None:
    # Nobody settles what is handed out here.
    lifecycle().patience = 0
    sources = [runpy.run_path(str(SOURCES / f"{name}.py"))["main"] for name in ("dynatrace", "answers")]
    await asyncio.gather(*(source(Nobody(), {"host": "127.0.0.1", "port": port}) for source in sources))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
