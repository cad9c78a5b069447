# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers on Slack: buttons that are pressed, told through a socket, by signed HTTP, or both."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack import DEFAULT_URL, Slack
from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request
from ansible_collections.self_healing.devops.plugins.module_utils.slack_text import TEXT_LIMIT, literal
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Channel, Desk, Open, ServedPath
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.slack import Press, may_answer_at, payload_of
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import Inbound, Reply, path_from
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_answers import SlackAnswers, Whisper
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_directory import Directory
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_signature import SlackSignature
from ansible_collections.self_healing.devops.plugins.plugin_utils.slack_socket import SocketMode, tls_for
from ansible_collections.self_healing.devops.plugins.plugin_utils.tool_settings import (
    Connection,
    connection_from,
    is_plain,
    missing_setting,
    settings_of,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import Inventory

LOGGER = logging.getLogger(__name__)

#: Slack's payloads hold the whole message, which may have 50 blocks.
MOST_BYTES = 2**20


def prepare(args: Mapping[str, Any], inventory: Inventory | None) -> Open | None:
    """Return what opens the channel; None when neither road from Slack is configured. Raises ConfigurationError."""
    path = path_from(args.get("slack_path", "/slack"), "source answers: slack_path")
    settings = settings_of(
        inventory.tool("slack") if inventory else None,
        slack_url=args.get("slack_url"),
        slack_token=args.get("slack_token"),
        slack_app_token=args.get("slack_app_token"),
        slack_signing_secret=args.get("slack_signing_secret"),
    )
    if not settings["slack_app_token"] and not settings["slack_signing_secret"]:
        LOGGER.info("neither slack_app_token nor slack_signing_secret is configured: no answers are taken from Slack")
        return None
    for name in ("slack_token", *(["slack_app_token"] if settings["slack_app_token"] else [])):
        if not is_plain(settings[name]):
            raise missing_setting("answers", name)
    connection, url = connection_from(args, "answers"), str(settings["slack_url"] or DEFAULT_URL)
    connect = _client_factory(connection, url, settings["slack_token"])
    door = SlackSignature(settings["slack_signing_secret"]) if settings["slack_signing_secret"] else None
    open_socket = None
    if settings["slack_app_token"]:
        connect_app = _client_factory(connection, url, settings["slack_app_token"])
        open_socket = _socket_opener(connect_app)

    def opened(desk: Desk) -> Channel:
        answers = SlackAnswers(desk, Directory(connect), _whisper(connection, url))
        paths: tuple[ServedPath, ...] = ()
        runs: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = ()
        if door is not None:
            paths = (ServedPath(path, _handler(answers), door, raw=True, max_body=MOST_BYTES),)
        if open_socket is not None:
            tls = tls_for(connection.validate_certs, connection.ca_path)
            socket = SocketMode(open_socket, answers.take, tls=tls, insecure=url.startswith("http://"))
            runs = (socket.run,)
        return Channel("slack", paths=paths, runs=runs, stop=answers.stop)

    return opened


def _client_factory(connection: Connection, url: str, token: str) -> Callable[[], Slack]:
    """Return what makes a client of the settings, which are checked by making one now."""

    def connect() -> Slack:
        # Few attempts: the person waits meanwhile, and what fails is followed up.
        return Slack(connection.transport(), token=token, url=url, timeout=connection.timeout, attempts=2)

    connect()
    return connect


def _socket_opener(connect: Callable[[], Slack]) -> Callable[[], str]:
    return lambda: connect().open_socket()


def _handler(answers: SlackAnswers) -> Callable[[Inbound], Any]:
    async def handle(inbound: Inbound) -> Reply:
        """Answer one request of Slack: 200 and nothing else when the press is committed or not for us."""
        if await answers.take(payload_of(inbound.body)):
            return Reply(200, text="")
        return Reply(503, {"error": "the answer is not recorded yet"})

    return handle


def _whisper(connection: Connection, url: str) -> Whisper:
    """Return what shows a text to the person who pressed a button, and to nobody else."""

    def send(press: Press, text: str) -> None:
        if press.response_url is None or not may_answer_at(press.response_url, url):
            LOGGER.warning("incident %s: a response_url is not one of Slack: not called", press.choice.incident)
            return
        said = {"response_type": "ephemeral", "replace_original": False, "text": literal(text, TEXT_LIMIT)}
        headers = {"Content-Type": "application/json; charset=utf-8"}
        request = Request("POST", press.response_url, headers, json.dumps(said).encode())
        answer = connection.transport().send(request, connection.timeout)
        if answer.status != 200:
            LOGGER.warning(
                "incident %s: Slack did not take what it should show: %d", press.choice.incident, answer.status
            )

    async def whisper(press: Press, text: str) -> None:
        try:
            await asyncio.to_thread(send, press, text)
        except SelfHealingError as error:
            LOGGER.warning("incident %s: the presser could not be told: %s", press.choice.incident, error.message)

    return whisper
