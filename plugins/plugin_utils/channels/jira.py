# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers in Jira: comments and transitions, told by its webhook or found by a look into the issues that wait."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira import JiraClient
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.jira_plan import COMMENT_MARK, MEMORY
from ansible_collections.self_healing.devops.plugins.plugin_utils.answers_missed import MissedAnswers
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Channel, Desk, Open, ServedPath
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import worker
from ansible_collections.self_healing.devops.plugins.plugin_utils.doors import doors_for
from ansible_collections.self_healing.devops.plugins.plugin_utils.hub_signature import HubSignature
from ansible_collections.self_healing.devops.plugins.plugin_utils.jira_answers import ROLE, JiraAnswers
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import path_from
from ansible_collections.self_healing.devops.plugins.plugin_utils.tool_settings import (
    connection_from,
    is_plain,
    missing_setting,
    seconds,
    settings_of,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import Inventory

LOGGER = logging.getLogger(__name__)


def prepare(args: Mapping[str, Any], inventory: Inventory | None) -> Open | None:
    """Return what opens the channel; None when Jira is nowhere configured. Raises ConfigurationError."""
    path = path_from(args.get("jira_path", "/jira"), "source answers: jira_path")
    doors = doors_for(
        "jira",
        user=args.get("jira_webhook_user"),
        password=args.get("jira_webhook_password"),
        token=args.get("jira_webhook_token"),
        header=args.get("jira_webhook_header"),
    )
    secret = args.get("jira_webhook_secret")
    door = HubSignature(os.environ.get("JIRA_WEBHOOK_SECRET") or None if secret is None else secret, doors)
    choices = _choices(args.get("jira_answers"))
    interval = seconds(args.get("reconcile_interval", 30), "source answers: reconcile_interval")
    settings = _settings(
        inventory.tool("jira") if inventory else None,
        asked=door.closed,
        jira_url=args.get("jira_url"),
        jira_user=args.get("jira_user"),
        jira_token=args.get("jira_token"),
    )
    if settings is None:
        return None
    connect = _client_factory(args, settings)

    def opened(desk: Desk) -> Channel:
        answers = JiraAnswers(desk, connect, choices)
        missed = MissedAnswers(
            desk.journal,
            answers.look,
            role=ROLE,
            place=str(settings["jira_url"]),
            worker=worker(),
            interval=interval,
        )
        # Without a secret nobody can tell whether Jira sent it: then issues are looked into, and nothing is served.
        served = (ServedPath(path, answers.handle, door),) if door.closed else ()
        return Channel("jira", paths=served, runs=(missed.run,) if interval else ())

    return opened


def _settings(tool: Mapping[str, Any] | None, *, asked: bool, **given: Any) -> dict[str, Any] | None:
    """Return the settings of Jira: from the arguments, the environment, or the tool's host in the inventory.

    None where they are not complete, which is an error when answers are C(asked) for from there: event sources cannot
    read a vault.
    """
    found = settings_of(tool, **given)
    missing = next((name for name in ("jira_url", "jira_token") if not is_plain(found[name])), None)
    if missing is None and not (found["jira_user"] and not is_plain(found["jira_user"])):
        return found
    if asked:
        raise missing_setting("answers", missing or "jira_user")
    if tool is not None or any(found.values()):
        LOGGER.warning("%s is nowhere to be read from here: no answers are taken from Jira", missing or "jira_user")
    return None


def _choices(given: Any) -> dict[str, str]:
    if given in (None, ""):
        return {}
    if not isinstance(given, Mapping) or not all(
        isinstance(part, str) and part.strip() for pair in given.items() for part in pair
    ):
        raise ConfigurationError(
            "source answers: jira_answers must have names of statuses with short names of options, "
            "like {In Progress: take_over}"
        )
    return {status.strip(): option.strip() for status, option in given.items()}


def _client_factory(args: Mapping[str, Any], settings: Mapping[str, Any]) -> Callable[[], JiraClient]:
    """Return what makes a client of the settings, which are checked by making one now."""
    connection = connection_from(args, "answers")

    def connect() -> JiraClient:
        # Few attempts: Jira waits meanwhile, sends again what failed, and is looked into anyway.
        return JiraClient.connect(
            {**settings, "timeout": connection.timeout, "attempts": 2},
            connection.transport(),
            memory_property=MEMORY,
            comment_property=COMMENT_MARK,
        )

    connect()
    return connect
