# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event source: problems and tasks of Keptn."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).absolute().parents[7]))

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal, Recorded
from ansible_collections.self_healing.devops.plugins.plugin_utils.cloud_events import read_event, require_library
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import Deliveries, window_from
from ansible_collections.self_healing.devops.plugins.plugin_utils.group_commit import GroupCommit
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.keptn import SOURCE
from ansible_collections.self_healing.devops.plugins.plugin_utils.keptn_intake import KeptnIntake
from ansible_collections.self_healing.devops.plugins.plugin_utils.keptn_pull import Pull
from ansible_collections.self_healing.devops.plugins.plugin_utils.keptn_settings import (
    connect_from,
    flag,
    installation_from,
    words_from,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import (
    Inbound,
    Reply,
    address_from,
    doors_for,
    serve,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.metrics import metrics
from ansible_collections.self_healing.devops.plugins.plugin_utils.together import together
from ansible_collections.self_healing.devops.plugins.plugin_utils.tool_settings import seconds
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import Inventory, check_inventory

DOCUMENTATION = r"""
short_description: Problems and tasks from Keptn
description:
  - Takes CloudEvents in structured and in binary mode from the webhook-service of Keptn 1 and from Keptn 2, and asks
    Keptn 1 itself for tasks that wait for an executor, so that Keptn needs no way in. Both may run together; each event
    is taken once. The README of the role P(self_healing.devops.keptn#role) has the webhook.
  - A problem, the begin of a remediation, and a release of Keptn 2 that failed open an incident. A task
    (C(sh.keptn.event.action.triggered) and so on) belongs to the incident of its problem, and is answered by the role
    P(self_healing.devops.keptn#role).
  - What is about a problem of Dynatrace belongs to the same incident as the notification of Dynatrace.
  - Each event is written to the journal before it is answered, with 200 and the id of the incident, or with 503 when
    the journal cannot be written. Events that mean nothing here are answered with 200 and the reason.
  - Rules see C(problem) with C(incident), C(kind), C(status), C(severity), C(source) and C(service).
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
    default: /keptn
  listen:
    description: Whether events are taken on O(path). Without it, Keptn is only asked.
    type: bool
    default: true
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
  keptn_webhook_user:
    description:
      - User name that the webhook has to bring (HTTP Basic).
      - If not set, the environment variable E(KEPTN_WEBHOOK_USER) is used.
    type: str
  keptn_webhook_password:
    description:
      - Password that goes with O(keptn_webhook_user); a list while it is being changed.
      - If not set, the environment variable E(KEPTN_WEBHOOK_PASSWORD) is used.
    type: raw
  keptn_webhook_token:
    description:
      - Token that the webhook has to bring as C(Authorization: Bearer); a list while it is being changed.
      - If not set, the environment variable E(KEPTN_WEBHOOK_TOKEN) is used.
    type: raw
  keptn_webhook_header:
    description:
      - Name of a header that holds O(keptn_webhook_token) instead, without the word C(Bearer).
      - If not set, the environment variable E(KEPTN_WEBHOOK_HEADER) is used.
    type: str
  webhook_started:
    description:
      - Whether Keptn itself tells that a task was started when it calls the webhook, as C(sendStarted) of its
        webhook-service says. Then the role does not tell it again, because Keptn counts.
    type: bool
    default: true
  journal:
    description:
      - Where the journal is, either the path of an SQLite file or the URL of a database.
      - If not set, the environment variable E(SELF_HEALING_JOURNAL) is used, and if that is not set either,
        C(~/.local/state/self_healing/journal.db).
    type: str
  tenant:
    description: Name of this Keptn. Give each its own when several use the same journal.
    type: str
    default: default
  tenant_of_dynatrace:
    description: Name (O(tenant)) of the Dynatrace environment whose problems this Keptn remedies, as its source has it.
    type: str
    default: default
  service_tag:
    description: Key of the tag that names the service which a problem of Dynatrace is about.
    type: str
    default: service
  tasks:
    description:
      - Tasks that are taken. A task C(release) is taken only when what comes before it failed.
      - C(get-action) belongs in it only where Keptn's remediation-service is not installed, which answers it too.
    type: list
    elements: str
    default: [action, rollback, release]
  actions:
    description:
      - Kind of the problem by the name of the action, for actions besides the usual names of a restart of a process, of
        a clean-up of a disk and of a rollback. Case, blanks, C(-) and C(_) do not matter.
      - Other actions belong to other executors and are left alone.
    type: dict
    default: {}
  all_actions:
    description: Whether actions of any name are taken. Then no other executor may answer actions.
    type: bool
    default: false
  keptn_url:
    description:
      - Address of Keptn, to ask it for tasks.
      - If not set, the environment variable E(KEPTN_URL) is used, and then the host variable of the tool in the
        inventory that takes the incidents of this O(tenant). The same goes for the token. Without both of them Keptn
        is not asked.
    type: str
  keptn_token:
    description:
      - API token of Keptn.
      - If not set, the environment variable E(KEPTN_TOKEN) is used.
    type: str
  poll_interval:
    description: How often Keptn is asked, in seconds. 0 means never.
    type: float
    default: 2
  projects:
    description: Projects whose tasks are asked for. Without any, those of all projects are.
    type: list
    elements: str
    default: []
  validate_certs:
    description: Whether the TLS certificate of Keptn must be valid.
    type: bool
    default: true
  ca_path:
    description: File with the certificates of the authorities to trust, in PEM format.
    type: str
  timeout:
    description: How long to wait for an answer of Keptn, in seconds.
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
- name: Heal what Keptn asks for
  hosts: all
  sources:
    - self_healing.devops.keptn:
        host: 0.0.0.0
        port: 5000
        keptn_webhook_token: "{{ keptn_webhook_token }}"
        actions:
          restart-carts: process_crash
    - self_healing.devops.journal:
  rules: []

- name: Heal what Keptn asks for, without a way in for Keptn
  hosts: all
  sources:
    - self_healing.devops.keptn:
        listen: false
        keptn_url: https://keptn.example.com
        keptn_token: "{{ keptn_token }}"
    - self_healing.devops.journal:
  rules: []
"""

logger = logging.getLogger(__name__)


async def main(queue: Any, args: dict[str, Any]) -> None:
    """Take events until ansible-rulebook ends. Raises ConfigurationError when something is missing or wrong."""
    life = lifecycle()
    listens = flag(args.get("listen", True), "listen")
    if listens:
        require_library()
    address = address_from(args, "keptn", "/keptn", 5000)
    window = window_from(args, "keptn")
    doors = doors_for(
        "keptn",
        user=args.get("keptn_webhook_user"),
        password=args.get("keptn_webhook_password"),
        token=args.get("keptn_webhook_token"),
        header=args.get("keptn_webhook_header"),
    )
    keptn = installation_from(args)
    started = flag(args.get("webhook_started", True), "webhook_started")
    inventory = await check_inventory(args.get("inventory"))
    pull = _pull(args, inventory, listens)
    journal = await asyncio.to_thread(Journal.open, args.get("journal"))
    deliveries = Deliveries(journal, queue, origin="keptn", window=window)

    def commit(problems: Sequence[Problem]) -> list[Recorded]:
        with metrics().commit():
            return journal.record_problems(problems, "keptn")

    commits = GroupCommit(commit)
    intake = KeptnIntake(journal, keptn, commits.record, deliveries.wake)
    parts = [deliveries.run, commits.run]
    if pull is not None:
        parts.append(pull(journal, intake).run)

    async def take(inbound: Inbound) -> Reply:
        attributes, data = read_event(inbound.json, inbound.headers)
        return Reply(200, await intake.take(attributes, data, started=started))

    try:
        async with AsyncExitStack() as stack:
            if listens:
                url = await stack.enter_async_context(
                    serve(
                        address.host,
                        address.port,
                        address.path,
                        take,
                        doors,
                        address.max_body,
                        source="keptn",
                        tls=address.tls,
                    )
                )
                logger.info("listening for events of Keptn on %s", url)
            await life.run("keptn", together(*parts), journal=journal)
    finally:
        await asyncio.to_thread(journal.close)


def _pull(
    args: Mapping[str, Any], inventory: Inventory | None, listens: bool
) -> Callable[[Journal, KeptnIntake], Pull] | None:
    """Return what asks Keptn for its tasks, None where that is not wanted or not possible."""
    interval = seconds(args.get("poll_interval", 2), "source keptn: poll_interval")
    connect = connect_from(args, inventory, required=not listens) if interval or not listens else None
    if connect is None:
        return None
    keptn = installation_from(args)
    projects = words_from(args.get("projects"), "projects", ())

    def make(journal: Journal, intake: KeptnIntake) -> Pull:
        def waiting() -> list[str]:
            return [one.problem_id for one in journal.open_problems(SOURCE, keptn.tenant)]

        return Pull(
            connect, intake.take, tasks=keptn.tasks, projects=projects, waiting=waiting, interval=interval or 2.0
        )

    return make
