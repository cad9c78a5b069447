# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source: what responders answered - on xMatters, confirmed by its audit log."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).absolute().parents[7]))

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels import xmatters
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Desk, ServedPath
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import Deliveries, window_from
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import Address, address_from, serve
from ansible_collections.self_healing.devops.plugins.plugin_utils.together import together
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import check_inventory

DOCUMENTATION = r"""
short_description: Answers of responders
description:
  - Listens for the webhook that xMatters posts when somebody chose a response option.
  - The webhook is only a hint. The answer is read from the alert's audit log with the REST API, and what is not there
    is not recorded.
  - Confirmed answers are written to the journal before the webhook is answered. Rules then see
    C(answer) with C(incident), C(option) and C(channel), each answer once.
  - Before it listens, the inventory is checked for what the tools of the tool chain need.
  - While xMatters cannot be asked, webhooks are answered 503 and followed up in the background for some minutes.
  - At start and every O(reconcile_interval) seconds xMatters is asked about the alerts that wait for an answer, so that
    an answer whose webhook nobody heard is found. Of several sources with the same journal one asks for all.
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
    default: /xmatters
  max_body:
    description: Larger bodies are refused, in bytes.
    type: int
    default: 1048576
  xmatters_webhook_user:
    description:
      - User name that the webhook has to bring (HTTP Basic).
      - If not set, the environment variable E(XMATTERS_WEBHOOK_USER) is used.
    type: str
  xmatters_webhook_password:
    description:
      - Password that goes with O(xmatters_webhook_user); a list while it is being changed.
      - If not set, the environment variable E(XMATTERS_WEBHOOK_PASSWORD) is used.
    type: raw
  xmatters_webhook_token:
    description:
      - Bearer token that the webhook has to bring; a list while it is being changed.
      - If not set, the environment variable E(XMATTERS_WEBHOOK_TOKEN) is used.
    type: raw
  xmatters_webhook_header:
    description:
      - Name of a header that holds O(xmatters_webhook_token) instead, without the word C(Bearer).
      - If not set, the environment variable E(XMATTERS_WEBHOOK_HEADER) is used.
    type: str
  journal:
    description:
      - Where the journal is, either the path of an SQLite file or the URL of a database.
      - If not set, the environment variable E(SELF_HEALING_JOURNAL) is used, and if that is not set either,
        C(~/.local/state/self_healing/journal.db).
    type: str
  xmatters_url:
    description:
      - Address of the xMatters instance.
      - If not set, the environment variable E(XMATTERS_URL) is used, and then the host variable of the tool in the
        inventory. The same goes for user and password. Where there is none of all that, and no xMatters in the
        inventory, no answers are taken from it.
    type: str
  xmatters_user:
    description:
      - Name of a user with the role C(REST Web Service User), or an API key.
      - If not set, the environment variable E(XMATTERS_USER) is used.
    type: str
  xmatters_password:
    description:
      - Password of the user, or the secret of the API key.
      - If not set, the environment variable E(XMATTERS_PASSWORD) is used.
    type: str
  xmatters_client_id:
    description:
      - OAuth client id; user and password are exchanged for a token then.
      - If not set, the environment variable E(XMATTERS_CLIENT_ID) is used.
    type: str
  marker_property:
    description: Property of the form that holds the id of the incident.
    type: str
    default: incident_id
  reconcile_interval:
    description: How often xMatters is asked about alerts that wait for an answer, in seconds. 0 means never.
    type: float
    default: 30
  validate_certs:
    description: Whether the TLS certificate of xMatters must be valid.
    type: bool
    default: true
  ca_path:
    description: File with the certificates of the authorities to trust, in PEM format.
    type: str
  timeout:
    description: How long to wait for an answer of xMatters, in seconds.
    type: int
    default: 10
  window:
    description:
      - How many deliveries this process has at a time that no playbook has settled. What is more waits in the journal.
      - Give all sources of a rulebook the same.
    type: int
    default: 10
  inventory:
    description:
      - Inventory to check before listening.
      - By default the one that ansible-rulebook was started with.
    type: str
"""

EXAMPLES = r"""
- name: Heal what responders choose
  hosts: all
  sources:
    - self_healing.devops.answers:
        host: 0.0.0.0
        port: 5000
        xmatters_webhook_token: "{{ xmatters_webhook_token }}"
        xmatters_url: https://company.xmatters.com
        xmatters_user: "{{ xmatters_user }}"
        xmatters_password: "{{ xmatters_password }}"
  rules: []
"""


LOGGER = logging.getLogger(__name__)


async def main(queue: Any, args: dict[str, Any]) -> None:
    """Take answers until ansible-rulebook ends. Raises ConfigurationError when an argument is missing or wrong."""
    life = lifecycle()
    address = address_from(args, "answers", "/xmatters", 5000)
    window = window_from(args, "answers")
    inventory = await check_inventory(args.get("inventory"))
    # Each road on which responders answer reads its own settings and is off where it has none.
    prepared = (xmatters.prepare(args, inventory),)
    if not any(prepared):
        LOGGER.warning("no channel is configured on which responders could answer")
        # To return would end the whole ansible-rulebook.
        return await life.run("answers", life.stopping.wait())
    journal = await asyncio.to_thread(Journal.open, args.get("journal"))
    deliveries = Deliveries(journal, queue, origin="answers", window=window)
    desk = Desk(journal, deliveries.wake)
    channels = [opens(desk) for opens in prepared if opens is not None]
    try:
        async with AsyncExitStack() as listening:
            for path in (path for channel in channels for path in channel.paths):
                url = await listening.enter_async_context(_serve(address, path))
                LOGGER.info("listening for answers on %s", url)
            runs = [run for channel in channels for run in channel.runs]
            await life.run("answers", together(deliveries.run, *runs), journal=journal)
    finally:
        for channel in channels:
            if channel.stop is not None:
                await channel.stop()
        await asyncio.to_thread(journal.close)


def _serve(address: Address, path: ServedPath) -> AbstractAsyncContextManager[str]:
    return serve(
        address.host,
        address.port,
        path.path,
        path.handler,
        path.door,
        path.max_body,
        source="answers",
        methods=path.methods,
        raw=path.raw,
        below=path.below,
    )
