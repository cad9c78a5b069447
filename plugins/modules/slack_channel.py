#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module slack_channel."""

from __future__ import annotations

DOCUMENTATION = r"""
module: slack_channel
short_description: Keep one Slack channel in step with an incident
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Makes sure that there is exactly one channel for a marker, and that topic, members, bookmarks and our own messages
    in it are as they should be. What people write, pin and bookmark is left alone.
  - The channel is found by C(self-healing:<marker>) in its purpose. Parallel runs, lost answers and runs that were
    killed half-way converge to one channel, one header and one message per note.
  - Texts are shown letter by letter. Nothing in them mentions anybody or becomes a link, and what is too long for Slack
    is cut and ends with an ellipsis.
  - An archived channel cannot be changed or brought back by an app. When the channel of the marker was archived and
    O(archived) is V(false), a new one with C(-2) at the end of its name continues it.
notes:
  - The app needs the scopes C(channels:manage), C(channels:read), C(channels:history), C(channels:join), C(chat:write),
    C(pins:read), C(pins:write), C(bookmarks:read), C(bookmarks:write), C(users:read) and C(users:read.email).
options:
  marker:
    description: What identifies the channel, usually the id of the incident.
    type: str
    required: true
  name:
    description:
      - Name of the channel. What Slack does not allow in a name becomes a dash.
      - When another channel has the name, C(-2) to C(-9) is added. The name of an existing channel is not changed.
    type: str
    required: true
  known_id:
    description: Id of the channel, if it is known from an earlier run. It is looked at first.
    type: str
  topic:
    description: The topic, at most 250 characters. It is left alone if not set.
    type: str
  members:
    description:
      - E-mail addresses and Slack user ids of the people to invite.
      - Who cannot be invited is returned in RV(missing). Nobody is ever removed from the channel.
    type: list
    elements: str
    default: []
  bookmarks:
    description: Links at the head of the channel. They are recognised by their title, then by their address.
    type: list
    elements: dict
    default: []
    suboptions:
      title:
        description: What is shown.
        type: str
        required: true
      link:
        description: An http or https address.
        type: str
        required: true
  header:
    description: The pinned message that always shows the present state. It is edited in place when its content changes.
    type: dict
    suboptions:
      text:
        description:
          - The text, at most 4000 characters. C(*bold*), C(_italic_) and C(`code`) are understood, links and mentions
            are not.
        type: str
        required: true
      links:
        description: Links that are shown in a line below the text.
        type: list
        elements: dict
        default: []
        suboptions:
          title:
            description: What is shown.
            type: str
            required: true
          link:
            description: An http or https address.
            type: str
            required: true
      blocks:
        description:
          - Block Kit blocks to show instead of the text, which then is what notifications show.
          - Texts in them may hold links and dates in Slack's mark-up. Mentions in them are shown as text.
        type: list
        elements: dict
        default: []
      buttons:
        description:
          - Buttons below the text. Who presses one is told to the app, see the event source C(answers).
          - The filter P(self_healing.devops.slack_buttons#filter) makes them of an incident.
        type: list
        elements: dict
        default: []
        version_added: 0.2.0
        suboptions:
          id:
            description: Identifier of the button, unique within the message.
            type: str
            required: true
          value:
            description: What the button carries, at most 2000 characters. Everybody in the channel can read it.
            type: str
            required: true
          text:
            description: What is on the button, at most 75 characters.
            type: str
            required: true
          style:
            description: Whether the button looks dangerous.
            type: str
            choices: [danger]
          confirm:
            description: What Slack asks before the press counts, at most 300 characters. Nothing is asked if not set.
            type: str
  messages:
    description: Messages that should be in the channel, oldest first. Those that are there are recognised by their id.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Identifier of the message.
        type: str
        required: true
      text:
        description: The text, at most 4000 characters.
        type: str
        required: true
      at:
        description: When it happened. Accepted, but not used.
        type: str
      kind:
        description: What kind of entry it is. Accepted, but not used.
        type: str
  archived:
    description:
      - Whether the channel is archived in the end, after everything else was brought up to date.
      - Export the conversation before, see M(self_healing.devops.slack_channel_info). Afterwards no app can read it.
    type: bool
    default: false
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.connection
  - self_healing.devops.slack
seealso:
  - module: self_healing.devops.slack_channel_info
"""

EXAMPLES = r"""
- name: Gather the responders in one channel
  self_healing.devops.slack_channel:
    slack_token: "{{ vault_slack_token }}"
    marker: i7k3v5q2x4dmz
    name: dyna-2611001
    topic: shop is down on shop-01
    members: [ana@example.com]
    bookmarks:
      - title: Problem P-2611001
        link: https://abc12345.live.dynatrace.com/#problems/problemdetails;pid=1
    header:
      text: "*ASKED* shop is down on shop-01"
      links:
        - title: OPS-12
          link: https://company.atlassian.net/browse/OPS-12
    messages:
      - id: i7k3v5q2x4dmz-3
        text: Asked Ana what to do

- name: Close the channel
  self_healing.devops.slack_channel:
    slack_token: "{{ vault_slack_token }}"
    marker: i7k3v5q2x4dmz
    name: dyna-2611001
    archived: true
"""

RETURN = r"""
id:
  description: Id of the channel, V(null) in check mode when it would be created.
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
members:
  description: Ids of everybody in the channel but the app itself. Empty when the channel was archived before.
  returned: success
  type: list
  elements: str
  sample: [U0123456789]
missing:
  description: Which O(members) are not in the channel because Slack does not know them or does not let them in.
  returned: success
  type: list
  elements: str
  sample: [nobody@example.com]
missing_reasons:
  description: Why they are missing, in Slack's words.
  returned: success
  type: dict
  sample: {nobody@example.com: users_not_found}
header_ts:
  description: Time stamp of the header message, V(null) when there is none or it cannot be read.
  returned: success
  type: str
  sample: "1795336162.000300"
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack import DEFAULT_URL, Channel, Slack
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    CONNECTION_OPTIONS,
    ModuleSpec,
    from_environment,
    run_module,
    transport_for,
)
from ansible_collections.self_healing.devops.plugins.module_utils.slack_buttons import ID_LIMIT, VALUE_LIMIT
from ansible_collections.self_healing.devops.plugins.module_utils.slack_find import ChannelCreator, ChannelFinder
from ansible_collections.self_healing.devops.plugins.module_utils.slack_keep import Changes, ChannelKeeper, Membership
from ansible_collections.self_healing.devops.plugins.module_utils.slack_messages import (
    OwnMessage,
    header_message,
    note_message,
)
from ansible_collections.self_healing.devops.plugins.module_utils.slack_text import (
    TITLE_LIMIT,
    address,
    channel_name,
    check_marker,
    clean,
    cut,
)
from ansible_collections.self_healing.devops.plugins.module_utils.web_address import is_web_address

LINK = {"title": {"type": "str", "required": True}, "link": {"type": "str", "required": True}}
BUTTON = {
    "id": {"type": "str", "required": True},
    "value": {"type": "str", "required": True},
    "text": {"type": "str", "required": True},
    "style": {"type": "str", "choices": ["danger"]},
    "confirm": {"type": "str"},
}
SPEC = ModuleSpec(
    options={
        **CONNECTION_OPTIONS,
        "slack_url": from_environment("slack_url", default=DEFAULT_URL),
        "slack_token": from_environment("slack_token", no_log=True, required=True),
        "marker": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "known_id": {"type": "str"},
        "private": {"type": "bool", "default": False},
        "topic": {"type": "str"},
        "members": {"type": "list", "elements": "str", "default": []},
        "bookmarks": {"type": "list", "elements": "dict", "default": [], "options": LINK},
        "header": {
            "type": "dict",
            "options": {
                "text": {"type": "str", "required": True},
                "links": {"type": "list", "elements": "dict", "default": [], "options": LINK},
                "blocks": {"type": "list", "elements": "dict", "default": []},
                "buttons": {"type": "list", "elements": "dict", "default": [], "options": BUTTON},
            },
        },
        "messages": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "id": {"type": "str", "required": True},
                "text": {"type": "str", "required": True},
                "at": {"type": "str"},
                "kind": {"type": "str"},
            },
        },
        "archived": {"type": "bool", "default": False},
    },
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Bring the channel to its desired state and return what it is then. Raises SelfHealingError."""
    marker, name, archived = check_marker(params["marker"]), channel_name(params["name"]), params["archived"]
    messages, bookmarks = own_messages(params), link_pairs(params["bookmarks"], "bookmarks")
    client = Slack(
        transport or transport_for(params),
        token=params["slack_token"],
        url=params["slack_url"],
        timeout=params["timeout"],
    )
    identity, changes = client.identity(), Changes()
    finder = ChannelFinder(client, identity, marker, params["private"])
    channel = finder.find(params["known_id"], everywhere=check_mode or archived)
    if channel is not None and channel.is_archived:
        if archived:
            return _result(channel, identity.channel_url(channel.id), changes, archived=True)
        channel = None
    if channel is None and not check_mode:
        found = ChannelCreator(client, identity, marker, params["private"]).create(name, archived)
        channel = found.channel
        if channel is None or channel.is_archived:
            url = identity.channel_url(channel.id) if channel else None
            return _result(channel, url, changes, archived=True, id=params["known_id"], name=name)
        if found.created:
            changes.note("name", "", channel.name)
    elif channel is None:
        changes.note("name", "", name)
    keeper = ChannelKeeper(client, identity, channel, marker, changes, check_mode)
    keeper.joined()
    keeper.purpose()
    if params["topic"] is not None:
        keeper.topic(params["topic"])
    header_ts = keeper.messages(messages) if messages else None
    if params["header"]:
        keeper.pinned(header_ts)
    members = keeper.members(params["members"])
    if bookmarks:
        keeper.bookmarks(bookmarks)
    if archived:
        keeper.archived()
    url = identity.channel_url(channel.id) if channel else None
    return _result(channel, url, changes, archived, members, header_ts, name=name)


def own_messages(params: Mapping[str, Any]) -> list[OwnMessage]:
    """Return the header and the notes as they should be in the channel."""
    header = params["header"]
    messages = [note_message(_identifier(item, n), item["text"]) for n, item in enumerate(params["messages"])]
    unique = list({message.name: message for message in reversed(messages)}.values())[::-1]
    if not header:
        return unique
    links, buttons = link_pairs(header["links"], "header.links"), header.get("buttons") or []
    return [header_message(header["text"], links, header["blocks"], checked_buttons(buttons)), *unique]


def checked_buttons(buttons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return buttons that Slack takes. Raises ConfigurationError for the others."""
    for number, button in enumerate(buttons):
        if not 1 <= len(button["value"]) <= VALUE_LIMIT:
            raise ConfigurationError(f"header.buttons[{number}].value: expected 1 to {VALUE_LIMIT} characters")
        if not 1 <= len(button["id"]) <= ID_LIMIT:
            raise ConfigurationError(f"header.buttons[{number}].id: expected 1 to {ID_LIMIT} characters")
    if len({button["id"] for button in buttons}) != len(buttons):
        raise ConfigurationError("header.buttons: two of them have the same id")
    return buttons


def _identifier(item: Mapping[str, Any], number: int) -> str:
    identifier = clean(item["id"]).strip()
    if not 1 <= len(identifier) <= 200:
        raise ConfigurationError(f"messages[{number}].id: expected 1 to 200 characters")
    return identifier


def link_pairs(links: list[dict[str, str]], option: str) -> list[tuple[str, str]]:
    """Return links as C((title, address)) pairs. Raises ConfigurationError for what is no web address."""
    for number, item in enumerate(links):
        if not is_web_address(item["link"]):
            raise ConfigurationError(f"{option}[{number}].link: expected an address with http:// or https://")
    return [(cut(clean(item["title"]).strip() or item["link"], TITLE_LIMIT), address(item["link"])) for item in links]


def _result(
    channel: Channel | None,
    url: str | None,
    changes: Changes,
    archived: bool,
    members: Membership | None = None,
    header_ts: str | None = None,
    **unseen: Any,
) -> dict[str, Any]:
    """Return the result of the module. C(unseen) is what is said of a channel that cannot be seen (yet)."""
    return {
        "changed": bool(changes),
        "id": channel.id if channel else unseen.get("id"),
        "name": channel.name if channel else unseen.get("name"),
        "url": url,
        "archived": archived,
        "members": list(members.present) if members else [],
        "missing": list(members.missing) if members else [],
        "missing_reasons": dict(members.missing) if members else {},
        "header_ts": header_ts,
        "diff": changes.to_diff(),
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
