# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source: problems that Dynatrace notifies."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).absolute().parents[7]))

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import Deliveries
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import (
    Inbound,
    Reply,
    address_from,
    doors_for,
    serve,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import check_inventory

DOCUMENTATION = r"""
short_description: Problems from Dynatrace
description:
  - Listens for the problem notifications of one or more Dynatrace environments (integration C(Custom webhook), or
    C(xMatters) with the same payload). The README of the role P(self_healing.devops.dynatrace#role) has the payload.
  - Each report is written to the journal before the notification is answered, so that nothing is lost when this
    process ends. The answer is 200 with the id of the incident, or 503 when the journal cannot be written.
  - Rules see C(problem) with C(incident), C(kind), C(status), C(severity), C(source) and C(service), once per news.
    Notifications that say nothing new are counted and go no further.
  - The test notification of Dynatrace is answered and goes nowhere.
  - Before it listens, the inventory is checked for what the tools of the tool chain need.
options:
  host:
    description: Address to listen on. Anything but a loopback address needs a secret for the webhook.
    type: str
    default: 127.0.0.1
  port:
    description: Port to listen on. Sources of this collection may share one.
    type: int
    default: 5000
  path:
    description: Path of the webhook.
    type: str
    default: /dynatrace
  max_body:
    description: Larger bodies are refused, in bytes.
    type: int
    default: 1048576
  dynatrace_webhook_user:
    description:
      - User name that the notification has to bring (HTTP Basic).
      - If not set, the environment variable E(DYNATRACE_WEBHOOK_USER) is used.
    type: str
  dynatrace_webhook_password:
    description:
      - Password that goes with O(dynatrace_webhook_user); a list while it is being changed.
      - If not set, the environment variable E(DYNATRACE_WEBHOOK_PASSWORD) is used.
    type: raw
  dynatrace_webhook_token:
    description:
      - Token that the notification has to bring as C(Authorization: Bearer); a list while it is being changed.
      - If not set, the environment variable E(DYNATRACE_WEBHOOK_TOKEN) is used.
    type: raw
  dynatrace_webhook_header:
    description:
      - Name of a header that holds O(dynatrace_webhook_token) instead, without the word C(Bearer).
      - If not set, the environment variable E(DYNATRACE_WEBHOOK_HEADER) is used.
    type: str
  journal:
    description:
      - Where the journal is, either the path of an SQLite file or the URL of a database.
      - If not set, the environment variable E(SELF_HEALING_JOURNAL) is used, and if that is not set either,
        C(~/.local/state/self_healing/journal.db).
    type: str
  tenant:
    description: Name of the Dynatrace environment. Give each its own when several notify the same journal.
    type: str
    default: default
  service_tag:
    description: Key of the tag that names the service which a problem is about.
    type: str
    default: service
  inventory:
    description:
      - Inventory to check before listening.
      - By default the one that ansible-rulebook was started with.
    type: str
"""

EXAMPLES = r"""
- name: Heal what Dynatrace reports
  hosts: all
  sources:
    - self_healing.devops.dynatrace:
        host: 0.0.0.0
        port: 5000
        dynatrace_webhook_user: dynatrace
        dynatrace_webhook_password: "{{ dynatrace_webhook_password }}"
    - self_healing.devops.journal:
  rules: []
"""

logger = logging.getLogger(__name__)


async def main(queue: Any, args: dict[str, Any]) -> None:
    """Take problems until ansible-rulebook ends. Raises ConfigurationError when something is missing or wrong."""
    address = address_from(args, "dynatrace", "/dynatrace", 5000)
    doors = doors_for(
        "dynatrace",
        user=args.get("dynatrace_webhook_user"),
        password=args.get("dynatrace_webhook_password"),
        token=args.get("dynatrace_webhook_token"),
        header=args.get("dynatrace_webhook_header"),
    )
    tenant = str(args.get("tenant") or "default")
    service_tag = str(args.get("service_tag") or "service")
    await check_inventory(args.get("inventory"))
    journal = await asyncio.to_thread(Journal.open, args.get("journal"))
    deliveries = Deliveries(journal, queue, origin="dynatrace")

    async def take(inbound: Inbound) -> Reply:
        problem = translate(inbound.json, tenant, service_tag)
        if problem.test:
            logger.info("the test notification of Dynatrace arrived from %s", inbound.peer)
            return Reply(200, {"test": True})
        recorded = await asyncio.to_thread(journal.record_problem, problem, "dynatrace")
        deliveries.wake()
        return Reply(200, {"incident": recorded.incident, "change": recorded.change})

    try:
        async with serve(address.host, address.port, address.path, take, doors, address.max_body) as url:
            logger.info("listening for problem notifications on %s", url)
            await deliveries.run()
    finally:
        await asyncio.to_thread(journal.close)
