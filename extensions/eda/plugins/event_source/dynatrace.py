# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source: problems that Dynatrace notifies."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).absolute().parents[7]))

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal, Recorded
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import Deliveries, window_from, worker
from ansible_collections.self_healing.devops.plugins.plugin_utils.group_commit import GroupCommit
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.nothing import NothingToRecordError
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import (
    Inbound,
    Reply,
    address_from,
    doors_for,
    serve,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.reconcile import Reconciliation
from ansible_collections.self_healing.devops.plugins.plugin_utils.reconcile_look import Connect
from ansible_collections.self_healing.devops.plugins.plugin_utils.together import together
from ansible_collections.self_healing.devops.plugins.plugin_utils.tool_settings import (
    connection_from,
    is_plain,
    seconds,
    settings_of,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import Inventory, check_inventory

DOCUMENTATION = r"""
short_description: Problems from Dynatrace
description:
  - Listens for the problem notifications of one or more Dynatrace environments. The README of the role
    P(self_healing.devops.dynatrace#role) has the payload.
  - It understands problem notifications (integrations C(Custom webhook) and C(xMatters), and the payload for Keptn),
    and what workflows send with the action C(Send event to Event-Driven Ansible), which is the record of a Davis
    problem below C(eventData). That action sends to the path C(/event).
  - Each report is written to the journal before the notification is answered, so that nothing is lost when this
    process ends. The answer is 200 with the id of the incident, or 503 when the journal cannot be written.
  - Rules see C(problem) with C(incident), C(kind), C(status), C(severity), C(source) and C(service), once per news.
    Notifications that say nothing new are counted and go no further.
  - The test notification of Dynatrace is answered and goes nowhere.
  - At start and every O(reconcile_interval) seconds Dynatrace is asked for its problems, so that a problem that opened,
    closed or opened again without a notification is found. Of several sources with the same journal one asks for all.
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
  certfile:
    description:
      - File with the certificate of this listener and its chain (PEM). Without it the listener speaks plain HTTP.
      - It is read again when it changes. Sources that share a port have to name the same files.
    type: path
  keyfile:
    description: File with the key of O(certfile), without a passphrase (PEM).
    type: path
  cafile:
    description:
      - File with the authorities whose certificates senders have to bring (PEM, mutual TLS).
      - It counts as authentication.
    type: path
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
  dynatrace_url:
    description:
      - Address of the Dynatrace environment, to ask it for its problems.
      - If not set, the environment variable E(DYNATRACE_URL) is used, and then the host variable of the tool in the
        inventory that takes the incidents of this O(tenant). The same goes for the token. Without both of them missed
        notifications are not found.
    type: str
  dynatrace_token:
    description:
      - Access token with the scope C(problems.read).
      - If not set, the environment variable E(DYNATRACE_TOKEN) is used.
    type: str
  reconcile_interval:
    description: How often Dynatrace is asked for its problems, in seconds. 0 means never.
    type: float
    default: 30
  reconcile_since:
    description:
      - How far the very first look into the problems goes back, in seconds. Older problems that nobody reported are
        left alone. Every later look goes back to the one before it.
    type: float
    default: 7200
  reconcile_profile:
    description:
      - Name of the alerting profile that the problem notification uses, so that only its problems are looked for.
      - Without it, all problems of the environment are, also those that the alerting profile keeps quiet about.
    type: str
  validate_certs:
    description: Whether the TLS certificate of Dynatrace must be valid.
    type: bool
    default: true
  ca_path:
    description: File with the certificates of the authorities to trust, in PEM format.
    type: str
  timeout:
    description: How long to wait for an answer of Dynatrace, in seconds.
    type: float
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
- name: Heal what Dynatrace reports
  hosts: all
  sources:
    - self_healing.devops.dynatrace:
        host: 0.0.0.0
        port: 5000
        dynatrace_webhook_user: dynatrace
        dynatrace_webhook_password: "{{ dynatrace_webhook_password }}"
        dynatrace_url: https://abc12345.live.dynatrace.com
        dynatrace_token: "{{ dynatrace_token }}"
    - self_healing.devops.journal:
  rules: []
"""

logger = logging.getLogger(__name__)


async def main(queue: Any, args: dict[str, Any]) -> None:
    """Take problems until ansible-rulebook ends. Raises ConfigurationError when something is missing or wrong."""
    life = lifecycle()
    address = address_from(args, "dynatrace", "/dynatrace", 5000)
    window = window_from(args, "dynatrace")
    doors = doors_for(
        "dynatrace",
        user=args.get("dynatrace_webhook_user"),
        password=args.get("dynatrace_webhook_password"),
        token=args.get("dynatrace_webhook_token"),
        header=args.get("dynatrace_webhook_header"),
    )
    tenant = str(args.get("tenant") or "default")
    service_tag = str(args.get("service_tag") or "service")
    inventory = await check_inventory(args.get("inventory"))
    reconciliation = _reconciliation(args, inventory, tenant, service_tag)
    journal = await asyncio.to_thread(Journal.open, args.get("journal"))
    deliveries = Deliveries(journal, queue, origin="dynatrace", window=window)

    def commit(problems: Sequence[Problem]) -> list[Recorded]:
        with metrics().commit():
            return journal.record_problems(problems, "dynatrace")

    commits = GroupCommit(commit)
    parts = [deliveries.run, commits.run]
    if reconciliation is not None:
        parts.append(reconciliation(journal, deliveries.wake).run)

    async def take(inbound: Inbound) -> Reply:
        try:
            problem = translate(inbound.json, tenant, service_tag)
        except NothingToRecordError as nothing:
            logger.info("nothing to record: %s", nothing.message)
            metrics().arrived("dynatrace", "duplicate")
            return Reply(200, {"ignored": nothing.reason})
        if problem.test:
            logger.info("the test notification of Dynatrace arrived from %s", inbound.peer)
            metrics().arrived("dynatrace", "test")
            return Reply(200, {"test": True})
        recorded = await commits.record(problem)
        metrics().arrived("dynatrace", recorded.change)
        if recorded.delivery is not None:
            deliveries.wake()
        return Reply(200, {"incident": recorded.incident, "change": recorded.change})

    try:
        async with serve(
            address.host, address.port, address.path, take, doors, address.max_body, source="dynatrace", tls=address.tls
        ) as url:
            logger.info("listening for problem notifications on %s", url)
            await life.run("dynatrace", together(*parts), journal=journal)
    finally:
        await asyncio.to_thread(journal.close)


def _reconciliation(
    args: Mapping[str, Any], inventory: Inventory | None, tenant: str, service_tag: str
) -> Callable[[Journal, Callable[[], None]], Reconciliation] | None:
    """Return what looks for problems that no notification told, None where that is not wanted or not possible."""
    interval = seconds(args.get("reconcile_interval", 30), "source dynatrace: reconcile_interval")
    since = seconds(args.get("reconcile_since", 7200), "source dynatrace: reconcile_since")
    profile = args.get("reconcile_profile")
    connect = _client_factory(args, inventory, tenant) if interval else None
    if connect is None:
        return None

    def make(journal: Journal, recorded: Callable[[], None]) -> Reconciliation:
        return Reconciliation(
            journal,
            connect,
            recorded,
            tenant=tenant,
            service_tag=service_tag,
            origin="dynatrace",
            worker=worker(),
            profile=str(profile) if profile else None,
            interval=interval,
            since=timedelta(seconds=since),
        )

    return make


def _client_factory(args: Mapping[str, Any], inventory: Inventory | None, tenant: str) -> Connect | None:
    """Return what makes a client of Dynatrace, None where it cannot be asked, which is told.

    Raises ConfigurationError when a setting is wrong.
    """
    url = args.get("dynatrace_url")
    token = args.get("dynatrace_token")
    settings = settings_of(_tool(inventory, tenant), dynatrace_url=url, dynatrace_token=token)
    connection = connection_from(args, "dynatrace")
    missing = [name for name, value in settings.items() if not is_plain(value)]
    if missing:
        logger.warning(
            "missed notifications of Dynatrace (%s) will not be found: %s must be given as argument, as environment "
            "variable, or as a plain host variable of the tool in the inventory",
            tenant,
            " and ".join(missing),
        )
        return None

    def connect(pause: Callable[[float], None]) -> DynatraceClient:
        # Few attempts: the next look is never far away.
        return DynatraceClient(
            settings["dynatrace_url"],
            settings["dynatrace_token"],
            connection.transport(),
            timeout=connection.timeout,
            attempts=2,
            pause=pause,
        )

    connect(time.sleep)
    return connect


def _tool(inventory: Inventory | None, tenant: str) -> Mapping[str, Any] | None:
    """Return the variables of the tool that takes the incidents of this environment, None where none or several do."""
    tools = inventory.tools("dynatrace") if inventory else []
    named = [tool for tool in tools if tool.get("dynatrace_tenant") == tenant]
    fitting = named or [tool for tool in tools if not tool.get("dynatrace_tenant")]
    return fitting[0] if len(fitting) == 1 else None
