# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the arguments of the event source keptn. Arguments may come as text, because ansible-rulebook renders them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn import KeptnClient
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import KINDS
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.keptn import Installation
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.keptn_words import (
    ACTIONS,
    NAME,
    TASKS,
    plain_action,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.keptn_pull import Connect
from ansible_collections.self_healing.devops.plugins.plugin_utils.tool_settings import (
    connection_from,
    is_plain,
    settings_of,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.toolchain import Inventory

LOGGER = logging.getLogger(__name__)


def installation_from(args: Mapping[str, Any]) -> Installation:
    """Return the Keptn that the arguments describe. Raises ConfigurationError that names the argument."""
    return Installation(
        tenant=str(args.get("tenant") or "default"),
        dynatrace_tenant=str(args.get("tenant_of_dynatrace") or "default"),
        service_tag=str(args.get("service_tag") or "service"),
        tasks=words_from(args.get("tasks"), "tasks", TASKS),
        actions={**ACTIONS, **_actions(args.get("actions"))},
        all_actions=flag(args.get("all_actions", False), "all_actions"),
    )


def flag(value: Any, name: str) -> bool:
    """Return a yes or no. Raises ConfigurationError."""
    said = str(value).strip().lower()
    if said in ("true", "yes", "on", "1"):
        return True
    if said in ("false", "no", "off", "0"):
        return False
    raise ConfigurationError(f"source keptn: {name} must be true or false")


def words_from(value: Any, name: str, default: Sequence[str]) -> tuple[str, ...]:
    """Return a list of names. Raises ConfigurationError."""
    if value is None:
        return tuple(default)
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)):
        raise ConfigurationError(f"source keptn: {name} must be a list of names")
    plain = tuple(str(word).strip() for word in words if str(word).strip())
    if not all(NAME.fullmatch(word) for word in plain):
        raise ConfigurationError(f"source keptn: {name} must be a list of names of letters, digits and '-'")
    return plain


def connect_from(args: Mapping[str, Any], inventory: Inventory | None, *, required: bool) -> Connect | None:
    """Return what makes a client of Keptn, None where it cannot be asked, which is told.

    Raises ConfigurationError when a setting is wrong, and with C(required) when one is missing.
    """
    tool = _tool(inventory, str(args.get("tenant") or "default"))
    settings = settings_of(tool, keptn_url=args.get("keptn_url"), keptn_token=args.get("keptn_token"))
    connection = connection_from(args, "keptn")
    missing = " and ".join(name for name, value in settings.items() if not is_plain(value))
    if missing and required:
        raise ConfigurationError(f"source keptn: {missing} must be given where Keptn is only asked (listen: false)")
    if missing:
        LOGGER.info("Keptn is not asked for its tasks: %s is not given, and not plain in the inventory", missing)
        return None

    def connect() -> KeptnClient:
        # Few attempts: the next look is never far away.
        url, token = settings["keptn_url"], settings["keptn_token"]
        return KeptnClient(url, token, connection.transport(), timeout=connection.timeout, attempts=2)

    connect()
    return connect


def _actions(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError("source keptn: actions must map the name of an action to the kind of its problem")
    for name, kind in value.items():
        if kind not in KINDS:
            raise ConfigurationError(f"source keptn: actions: {name} has no kind, expected one of {', '.join(KINDS)}")
    return {plain_action(str(name)): kind for name, kind in value.items()}


def _tool(inventory: Inventory | None, tenant: str) -> Mapping[str, Any] | None:
    """Return the variables of the tool that takes the incidents of this Keptn, None where none or several do."""
    tools = inventory.tools("keptn") if inventory else []
    named = [tool for tool in tools if tool.get("keptn_tenant") == tenant]
    fitting = named or [tool for tool in tools if not tool.get("keptn_tenant")]
    return fitting[0] if len(fitting) == 1 else None
