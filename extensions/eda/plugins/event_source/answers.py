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
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels import jira, links, slack, xmatters
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Desk, ServedPath
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import Deliveries, window_from
from ansible_collections.self_healing.devops.plugins.plugin_utils.lifecycle import lifecycle
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import Address, address_from, serve
from ansible_collections.self_healing.devops.plugins.plugin_utils.together import together
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import check_inventory

DOCUMENTATION = r"""
short_description: Answers of responders
description:
  - Listens for what responders choose on every channel that is configured. On xMatters it is the webhook for
    responses, in Slack a button, in Jira a comment or a transition, and a signed link leads to a page of its own.
  - A webhook is only a hint. The answer is read from the alert's audit log or from the issue with the REST API, and
    what is not there is not recorded. What Slack tells is signed, or comes through a socket that was opened from here.
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
  xmatters_refresh_token:
    description:
      - Refresh token of the OAuth client O(xmatters_client_id), instead of user and password.
      - If not set, the environment variable E(XMATTERS_REFRESH_TOKEN) is used.
    type: str
  slack_app_token:
    description:
      - App-level token (C(xapp-…)) with the scope C(connections:write). With it buttons that are pressed arrive
        through a socket that is opened from here (Socket Mode), so that Slack needs to reach nobody.
      - Of several sources with sockets Slack tells one. Two installations need two apps.
      - If not set, the environment variable E(SLACK_APP_TOKEN) is used, and then the host variable of the tool in the
        inventory. The same goes for all settings of Slack. Without this and O(slack_signing_secret) no answers are
        taken from Slack.
    type: str
  slack_signing_secret:
    description:
      - Signing secret of the app. With it buttons that are pressed in Slack are taken on O(slack_path); a list while it
        is being changed.
      - If not set, the environment variable E(SLACK_SIGNING_SECRET) is used.
    type: raw
  slack_path:
    description: Path that Slack posts to; the app's request URL for interactivity has to end in it.
    type: str
    default: /slack
  slack_token:
    description:
      - Bot token (C(xoxb-…)), to learn who pressed a button. The app needs C(users:read) and C(users:read.email).
      - If not set, the environment variable E(SLACK_TOKEN) is used.
    type: str
  slack_url:
    description:
      - Address of the Web API, with a slash at the end.
      - If not set, the environment variable E(SLACK_URL) is used, and if that is not set either,
        C(https://slack.com/api/).
    type: str
  marker_property:
    description: Property of the form that holds the id of the incident.
    type: str
    default: incident_id
  reconcile_interval:
    description: How often the tools are asked about what waits for an answer there, in seconds. 0 means never.
    type: float
    default: 30
  jira_url:
    description:
      - Address of Jira. With it and O(jira_token), issues that show an incident are read for answers. An answer is a
        comment whose first line is the label or the short name of an option, with or without a slash before it. What
        the account itself writes is none.
      - If not set, the environment variable E(JIRA_URL) is used, and then the host variable of the tool in the
        inventory. The same goes for user and token. A host variable from a vault cannot be read here.
    type: str
  jira_user:
    description:
      - The account's e-mail address on Jira Cloud. Not set for a personal access token of Data Center.
      - If not set, the environment variable E(JIRA_USER) is used.
    type: str
  jira_token:
    description:
      - API token of the account, or its personal access token.
      - If not set, the environment variable E(JIRA_TOKEN) is used.
    type: str
  jira_answers:
    description:
      - Statuses that mean an answer, each with the short name of an option. Whoever moves the issue there has chosen
        this option.
    type: dict
    default: {}
  jira_path:
    description:
      - Path of Jira's webhook for C(comment_created), C(comment_updated) and C(jira:issue_updated). It is served where
        one of the secrets below is set, and is only a hint that an issue should be read.
    type: str
    default: /jira
  jira_webhook_secret:
    description:
      - Secret with which Jira signs its webhook (C(X-Hub-Signature)); a list while it is being changed.
      - If not set, the environment variable E(JIRA_WEBHOOK_SECRET) is used.
    type: raw
  jira_webhook_user:
    description:
      - User name that the webhook has to bring (HTTP Basic), where it is not signed.
      - If not set, the environment variable E(JIRA_WEBHOOK_USER) is used.
    type: str
  jira_webhook_password:
    description:
      - Password that goes with O(jira_webhook_user); a list while it is being changed.
      - If not set, the environment variable E(JIRA_WEBHOOK_PASSWORD) is used.
    type: raw
  jira_webhook_token:
    description:
      - Bearer token that the webhook has to bring, where it is not signed; a list while it is being changed.
      - If not set, the environment variable E(JIRA_WEBHOOK_TOKEN) is used.
    type: raw
  jira_webhook_header:
    description:
      - Name of a header that holds O(jira_webhook_token) instead, without the word C(Bearer).
      - If not set, the environment variable E(JIRA_WEBHOOK_HEADER) is used.
    type: str
  self_healing_link_secrets:
    description:
      - Secrets of at least 43 characters with which the links of P(self_healing.devops.answer_link#filter) are signed,
        as a list or as a text with blanks or commas between them. The first one signs, and links that any of them has
        signed are good.
      - If not set, the environment variable E(SELF_HEALING_LINK_SECRETS) is used. Without it no links are taken.
    type: raw
  self_healing_answer_url:
    description:
      - Where phones reach O(answer_path), like C(https://eda.example.com/answer). It must be HTTPS except on this
        machine.
      - If not set, the environment variable E(SELF_HEALING_ANSWER_URL) is used.
    type: str
  answer_path:
    description: Path below which the pages of signed links are served.
    type: str
    default: /answer
  validate_certs:
    description: Whether the TLS certificates of the tools must be valid.
    type: bool
    default: true
  ca_path:
    description: File with the certificates of the authorities to trust, in PEM format.
    type: str
  timeout:
    description: How long to wait for an answer of a tool, in seconds.
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
    prepared = (
        xmatters.prepare(args, inventory),
        slack.prepare(args, inventory),
        jira.prepare(args, inventory),
        links.prepare(args),
    )
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
        tls=address.tls,
    )
