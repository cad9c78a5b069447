#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module slack_channel_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: slack_channel_info
short_description: Read the conversation in the Slack channel of an incident
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns the messages of one channel as plain data, oldest first, with the replies in threads and with names instead
    of Slack's ids.
  - Nothing is changed, so that a channel that the app is not in, or that is archived, cannot be read, see RV(readable).
notes:
  - The app needs the scopes C(channels:read), C(channels:history) and C(users:read).
options:
  marker:
    description: What identifies the channel. It is found by C(self-healing:<marker>) in its purpose.
    type: str
  known_id:
    description: Id of the channel, if it is known. It is looked at first.
    type: str
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.slack
seealso:
  - module: self_healing.devops.slack_channel
"""

EXAMPLES = r"""
- name: Read what was said
  self_healing.devops.slack_channel_info:
    slack_token: "{{ vault_slack_token }}"
    marker: i7k3v5q2x4dmz
  register: conversation
"""

RETURN = r"""
exists:
  description: Whether there is such a channel.
  returned: success
  type: bool
  sample: true
id:
  description: Id of the channel.
  returned: success
  type: str
  sample: C0123456789
name:
  description: Name of the channel.
  returned: success
  type: str
  sample: dyna-2611001
url:
  description: Address of the channel.
  returned: success
  type: str
  sample: https://company.slack.com/archives/C0123456789
archived:
  description: Whether the channel is archived.
  returned: success
  type: bool
  sample: false
readable:
  description: Whether the messages could be read. Slack takes apps out of archived channels.
  returned: success
  type: bool
  sample: true
messages:
  description:
    - The messages, oldest first. Replies are in their place by time.
    - The texts come from people. Use them as values only, never in C(set_fact) and never as a template.
  returned: success
  type: list
  elements: dict
  contains:
    at: {description: When it was written (UTC)., type: str, sample: "2026-11-22T08:29:22.000300Z"}
    ts: {description: Slack's time stamp; it identifies the message in its channel., type: str}
    author: {description: Shown name of the author., type: str, sample: Ana Berg}
    type:
      description: V(message), V(bot), V(file), V(join), V(leave), V(topic) or V(system).
      type: str
    text: {description: What was written; links and mentions are spelled out., type: str}
    thread_ts: {description: Time stamp of the message that this one replies to or that has replies., type: str}
    files:
      description: Files that were shared.
      type: list
      elements: dict
      contains:
        name: {description: Name of the file., type: str}
        size: {description: Size in bytes., type: int}
        url: {description: Where it is in Slack., type: str}
    edited: {description: Whether it was edited later., type: bool}
    own: {description: Whether our app wrote or caused it., type: bool}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack import (
    DEFAULT_URL,
    Channel,
    Identity,
    Slack,
)
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ApiError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    CONNECTION_OPTIONS,
    ModuleSpec,
    from_environment,
    run_module,
    transport_for,
)
from ansible_collections.self_healing.devops.plugins.module_utils.slack_find import ChannelFinder
from ansible_collections.self_healing.devops.plugins.module_utils.slack_text import (
    check_marker,
    decode_message,
    people_in,
    ts_key,
)

SPEC = ModuleSpec(
    options={
        **CONNECTION_OPTIONS,
        "slack_url": from_environment("slack_url", default=DEFAULT_URL),
        "slack_token": from_environment("slack_token", no_log=True, required=True),
        "marker": {"type": "str"},
        "known_id": {"type": "str"},
        "private": {"type": "bool", "default": False},
    },
    required_one_of=[("marker", "known_id")],
)


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return the conversation. Raises SelfHealingError."""
    marker = check_marker(params["marker"]) if params["marker"] else None
    client = Slack(
        transport or transport_for(params),
        token=params["slack_token"],
        url=params["slack_url"],
        timeout=params["timeout"],
    )
    identity = client.identity()
    channel = ChannelFinder(client, identity, marker, params["private"]).find(params["known_id"], everywhere=True)
    messages = read_messages(client, identity, channel) if channel else None
    return {
        "changed": False,
        "exists": channel is not None,
        "id": channel.id if channel else None,
        "name": channel.name if channel else None,
        "url": identity.channel_url(channel.id) if channel else None,
        "archived": channel.is_archived if channel else False,
        "readable": messages is not None,
        "messages": messages or [],
    }


def read_messages(client: Slack, identity: Identity, channel: Channel) -> list[dict[str, Any]] | None:
    """Return all messages of a channel, oldest first, or None when we are not in it."""
    found: dict[str, Mapping[str, Any]] = {}
    try:
        for message in client.history(channel.id):
            found[str(message["ts"])] = message
            if message.get("reply_count"):
                found.update({str(reply["ts"]): reply for reply in client.replies(channel.id, str(message["ts"]))})
    except ApiError as error:
        if error.code in ("not_in_channel", "channel_not_found"):
            return None
        raise
    messages = [found[ts] for ts in sorted(found, key=ts_key)]
    people = sorted(set[str]().union(*(people_in(message) for message in messages)))
    names = {user: name for user in people if (name := client.user_name(user))}
    return [decode_message(message, names, identity.user_id) for message in messages]


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
