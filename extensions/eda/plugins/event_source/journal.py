# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source: work of the journal that is due - timers, and what was delivered and never settled."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).absolute().parents[7]))

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import Deliveries
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import check_inventory

DOCUMENTATION = r"""
short_description: Due work of the journal
description:
  - Delivers timers of incidents (nobody answered, the fix was not confirmed) when they come due.
  - Delivers reports and answers again that no playbook settled, after a crash for instance, with growing pauses.
  - Use it once in every rulebook that uses the other event sources of this collection.
options:
  journal:
    description:
      - Where the journal is, either the path of an SQLite file or the URL of a database.
      - If not set, the environment variable E(SELF_HEALING_JOURNAL) is used, and if that is not set either,
        C(~/.local/state/self_healing/journal.db).
    type: str
  interval:
    description: How often to look for due work, in seconds.
    type: float
    default: 1.0
  lease:
    description: After how many seconds a delivery that no playbook settled is made again. Doubles with every attempt.
    type: int
    default: 300
  inventory:
    description:
      - Inventory to check before anything is delivered.
      - By default the one that ansible-rulebook was started with.
    type: str
"""

EXAMPLES = r"""
- name: Heal what is reported
  hosts: all
  sources:
    - self_healing.devops.journal:
  rules: []
"""


async def main(queue: Any, args: dict[str, Any]) -> None:
    """Deliver due work until ansible-rulebook ends. Raises ConfigurationError when something is missing or wrong."""
    await check_inventory(args.get("inventory"))
    journal = await asyncio.to_thread(Journal.open, args.get("journal"))
    lease = timedelta(seconds=int(args.get("lease", 300)))
    deliveries = Deliveries(journal, queue, lease=lease, interval=float(args.get("interval", 1.0)))
    await deliveries.run()
