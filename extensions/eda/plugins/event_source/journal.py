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
from ansible_collections.self_healing.devops.plugins.plugin_utils.canaries import interval_from, send_canaries
from ansible_collections.self_healing.devops.plugins.plugin_utils.checkup import checkup
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import Deliveries, window_from
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle, patience_from
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import protect_metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import check_inventory

DOCUMENTATION = r"""
short_description: Due work of the journal
description:
  - Delivers timers of incidents (nobody answered, the fix was not confirmed) when they come due.
  - Delivers reports and answers again that no playbook settled, after a crash for instance, with growing pauses.
  - Sends a canary through the rules every minute, so that C(/healthz) of the listener can tell whether they still fire.
    The rulebook needs the rule for C(event.canary.id) that the collection's own has.
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
  canary_interval:
    description:
      - How often to send a canary, in seconds. V(0) sends none.
      - When none came back for three intervals, and at least 30 seconds, and no playbook did anything in this time
        either, C(/healthz) answers 503 and names the engine.
    type: float
    default: 60
  stop_patience:
    description:
      - How long playbooks may take to end after ansible-rulebook was told to stop, in seconds. Those that run longer
        are ended with it, and what they did not settle is delivered again by the next start.
      - If not set, the environment variable E(SELF_HEALING_STOP_PATIENCE) is used, and if that is not set either, it
        is 60.
    type: float
  metrics_token:
    description:
      - Token that C(/metrics) of the listener asks for as C(Authorization: Bearer); a list while it is being changed.
      - If not set, the environment variable E(SELF_HEALING_METRICS_TOKEN) is used. Without a token the figures are
        shown where the listener has a loopback address, and nowhere else.
    type: raw
  window:
    description:
      - How many deliveries this process has at a time that no playbook has settled. What is more waits in the journal.
      - Give all sources of a rulebook the same.
    type: int
    default: 10
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
    life = lifecycle()
    life.patience = patience_from(args.get("stop_patience"))
    protect_metrics(args.get("metrics_token"))
    window = window_from(args, "journal")
    canary_interval = interval_from(args.get("canary_interval"))
    await check_inventory(args.get("inventory"))
    journal = await asyncio.to_thread(Journal.open, args.get("journal"))
    lease = timedelta(seconds=int(args.get("lease", 300)))
    interval = float(args.get("interval", 1.0))
    loops = [Deliveries(journal, queue, window=window, lease=lease, interval=interval).run()]
    if canary_interval:
        loops.append(send_canaries(journal, queue, canary_interval))
    try:
        with checkup().includes(str(args.get("journal")), journal):
            await life.run("journal", *loops, journal=journal)
    finally:
        await asyncio.to_thread(journal.close)
