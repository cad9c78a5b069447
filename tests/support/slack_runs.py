# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the Slack modules against an emulated Slack, as tasks would."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec
from ansible_collections.self_healing.devops.plugins.modules import slack_channel, slack_channel_info
from sandbox.slack import Slack
from support.one_tool import OneTool

Running = OneTool[Slack]
MARKER = "i7k3v5q2x4dmz"
#: Everything that the module can be asked for, besides the archive.
FULL: dict[str, Any] = {
    "marker": MARKER,
    "name": "dyna-2611001",
    "topic": "ASKED · shop is down",
    "members": ["ana@example.com", "bo@example.com"],
    "bookmarks": [
        {"title": "Problem P-2611001", "link": "https://dynatrace.example/p?id=1&x=2"},
        {"title": "jira DEMO-1", "link": "https://jira.example/browse/DEMO-1"},
    ],
    "header": {"text": "? *ASKED* shop is down", "links": [{"title": "DEMO-1", "link": "https://jira.example/DEMO-1"}]},
    "messages": [{"id": f"{MARKER}-{n}", "text": f"note {n}", "at": "2026-11-22T10:00:00Z"} for n in (2, 3)],
}


def keep(slack: Running, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """Run slack_channel with these options."""
    return slack_channel.run(_checked(slack, slack_channel.SPEC, options), check_mode, RequestsTransport())


def read(slack: Running, **options: Any) -> dict[str, Any]:
    """Run slack_channel_info with these options."""
    return slack_channel_info.run(_checked(slack, slack_channel_info.SPEC, options), False, RequestsTransport())


def _checked(slack: Running, spec: ModuleSpec, options: dict[str, Any]) -> dict[str, Any]:
    settings = {"slack_url": f"{slack.url}/api/", "slack_token": slack.settings.slack_token, "timeout": 10}
    checked = ArgumentSpecValidator(spec.options, **spec.constraints()).validate({**settings, **options})
    assert not checked.error_messages
    parameters: dict[str, Any] = checked.validated_parameters
    return parameters


def channels(slack: Running) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = slack.snapshot()["channels"]
    return shown


def spoken(channel: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a channel without those that Slack writes itself."""
    return [message for message in channel["messages"] if message["type"] == "message"]


def writes(slack: Running) -> list[str]:
    """Return the methods that were called, in order, without those that only read."""
    reads = ("auth.test", ".info", ".list", ".history", ".replies", ".members", "users.")
    called = [path.removeprefix("/api/") for _tool, _method, path in slack.faults.requests]
    return [method for method in called if not any(word in f"{method}" for word in reads)]
