# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where event sources find the settings of the tools that they call."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.plugin_utils.tool_settings import (
    Connection,
    connection_from,
    is_plain,
    seconds,
    settings_of,
)

TOOL = {"jira_url": "host", "jira_user": "host", "jira_token": "host"}


def test_argument_comes_before_environment_and_environment_before_host_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JIRA_URL", "environment")
    monkeypatch.setenv("JIRA_USER", "environment")
    assert settings_of(TOOL, jira_url="argument", jira_user="", jira_token=None, jira_project=None) == {
        "jira_url": "argument",
        "jira_user": "environment",
        "jira_token": "host",
        "jira_project": None,
    }


def test_without_a_tool_there_are_no_host_variables() -> None:
    assert settings_of(None, jira_url=None) == {"jira_url": None}


@pytest.mark.parametrize("value", ["", " ", None, 7, "{{ vault_token }}", "{% if x %}", {"__ansible_vault": "x"}])
def test_what_only_a_play_can_resolve_is_not_plain(value: Any) -> None:
    assert not is_plain(value)
    assert is_plain("https://example.com")


@pytest.mark.parametrize(
    "args, connection",
    [
        ({}, Connection(True, None, 10.0)),
        ({"validate_certs": "no", "ca_path": "/etc/ca.pem", "timeout": "2.5"}, Connection(False, "/etc/ca.pem", 2.5)),
        ({"validate_certs": False, "ca_path": ""}, Connection(False, None, 10.0)),
    ],
)
def test_connection_is_as_the_arguments_say(args: dict[str, Any], connection: Connection) -> None:
    assert connection_from(args, "x") == connection


@pytest.mark.parametrize("value", ["soon", None, [], -1, "nan", "inf", 10**400, 1e12, True])
def test_span_that_is_none_is_told(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^source x: span must be a number of seconds"):
        seconds(value, "source x: span")


def test_span_may_be_nothing_and_a_timeout_may_not() -> None:
    assert seconds("0", "span") == 0
    with pytest.raises(ConfigurationError, match="source x: timeout must be more than 0"):
        connection_from({"timeout": 0}, "x")
