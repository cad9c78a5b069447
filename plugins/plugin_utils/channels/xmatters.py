# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers on xMatters: its webhook, confirmed by the audit log, and a look for those that no webhook told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters import XMattersClient
from ansible_collections.self_healing.devops.plugins.plugin_utils.answers import AnswerIntake
from ansible_collections.self_healing.devops.plugins.plugin_utils.answers_missed import MissedAnswers
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Channel, Desk, Open, ServedPath
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import worker
from ansible_collections.self_healing.devops.plugins.plugin_utils.doors import doors_for
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import address_from
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
    """Return what opens the channel; None when xMatters is nowhere configured. Raises ConfigurationError."""
    address = address_from(args, "answers", "/xmatters", 5000)
    doors = doors_for(
        "xmatters",
        user=args.get("xmatters_webhook_user"),
        password=args.get("xmatters_webhook_password"),
        token=args.get("xmatters_webhook_token"),
        header=args.get("xmatters_webhook_header"),
    )
    settings = _settings(
        inventory.tool("xmatters") if inventory else None,
        xmatters_url=args.get("xmatters_url"),
        xmatters_user=args.get("xmatters_user"),
        xmatters_password=args.get("xmatters_password"),
        xmatters_client_id=args.get("xmatters_client_id"),
        xmatters_refresh_token=args.get("xmatters_refresh_token"),
    )
    if settings is None:
        LOGGER.warning("xMatters is neither in the tool chain nor configured here: no answers are taken from it")
        return None
    connect = _client_factory(args, settings)
    interval = seconds(args.get("reconcile_interval", 30), "source answers: reconcile_interval")

    def opened(desk: Desk) -> Channel:
        intake = AnswerIntake(desk, connect, str(args.get("marker_property") or "incident_id"))
        missed = MissedAnswers(
            desk.journal,
            intake.look,
            role="xmatters",
            place=str(settings["xmatters_url"]),
            worker=worker(),
            interval=interval,
        )
        return Channel(
            "xmatters",
            paths=(ServedPath(address.path, intake.handle, doors, max_body=address.max_body),),
            runs=(missed.run,) if interval else (),
            stop=intake.stop,
        )

    return opened


def _settings(tool: Mapping[str, Any] | None, **given: Any) -> dict[str, Any] | None:
    """Return the settings of xMatters: from the arguments, the environment, or the tool's host in the inventory.

    None when there are none at all and the inventory has no xMatters. Raises ConfigurationError that names what is
    missing.
    """
    found = settings_of(tool, **given)
    if tool is None and not any(found.values()):
        return None
    login = () if is_plain(found["xmatters_refresh_token"]) else ("xmatters_user", "xmatters_password")
    for name in ("xmatters_url", *login):
        if not is_plain(found[name]):
            raise missing_setting("answers", name)
    return found


def _client_factory(args: Mapping[str, Any], settings: Mapping[str, Any]) -> Callable[[], XMattersClient]:
    """Return what makes a client of the settings, which are checked by making one now."""
    connection = connection_from(args, "answers")

    def connect() -> XMattersClient:
        # Few attempts: the sender of the webhook waits meanwhile, and what fails is followed up.
        return XMattersClient(
            settings["xmatters_url"],
            connection.transport(),
            user=settings["xmatters_user"],
            password=settings["xmatters_password"],
            client_id=settings["xmatters_client_id"],
            refresh_token=settings["xmatters_refresh_token"],
            timeout=connection.timeout,
            attempts=2,
        )

    connect()
    return connect
