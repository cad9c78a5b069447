#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps one Jira issue in step with an incident."""

from __future__ import annotations

DOCUMENTATION = r"""
module: jira_issue
short_description: Keep one Jira issue in step with an incident
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Makes sure that there is exactly one open issue for a marker, and that it looks as it should.
  - The issue is found by the label C(self-healing-<marker>) and recognised by its property C(self_healing.incident).
    Both are part of the call that creates it, so that no crash leaves an issue without them.
  - Comments and attachments are made once each, whatever happens in between. What other people write, attach and label
    stays. Attachments are read back and compared.
  - Summary, description and comments are plain text. Everything in them that Jira would read as mark-up, a mention, a
    link or a macro is shown as it is and does nothing.
  - Works with Jira Cloud and Jira Data Center.
options:
  marker:
    description:
      - What identifies the issue, usually the id of the incident.
      - 1 to 120 letters, digits, full stops, underscores and hyphens.
    type: str
    required: true
  known_id:
    description:
      - Key of the issue, if it is known from an earlier run. It is read first, because only that is always up to date.
      - An issue that does not carry the marker is not touched.
    type: str
  project:
    description: Key of the project in which a new issue is created. An issue that was moved stays where it is.
    type: str
    required: true
  issue_type:
    description: Name of the type of a new issue. Jira Service Management calls it V([System] Incident), for example.
    type: str
    default: Incident
  summary:
    description: Title of the issue. Line breaks become blanks, and what is longer than 255 characters is cut.
    type: str
    required: true
  description:
    description: Text of the issue. What is longer than 32767 characters is cut.
    type: str
    default: ""
  trusted_links:
    description:
      - Addresses that may be clicked where they stand in O(description) and O(comments).
      - All others are shown and cannot be clicked.
    type: list
    elements: str
    default: []
  priority:
    description:
      - Name of the priority.
      - It is left alone, with a warning, when Jira has none of that name or does not let it be set.
    type: str
  labels:
    description: Labels that the issue must have. Others stay.
    type: list
    elements: str
    default: []
  link:
    description: Link from the issue to the problem.
    type: dict
    suboptions:
      url:
        description: Address, C(http) or C(https).
        type: str
        required: true
      title:
        description: Text of the link.
        type: str
        required: true
  status:
    description:
      - Name of a status, or one of Jira's categories V(To Do), V(In Progress) and V(Done), which every workflow has.
      - Any status of a category will do; so a card that somebody has moved within it stays.
      - The way there is looked for step by step, at most five, with O(resolution) where a step asks for it.
      - Default is to leave the status alone.
    type: str
  resolution:
    description:
      - Name of the resolution for steps that ask for one.
      - When the step does not offer it, the first that it offers is taken.
    type: str
    default: Done
  comments:
    description: Comments that the issue must have, oldest first. Others stay.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: What identifies the comment among those of the marker.
        type: str
        required: true
      text:
        description: What it says.
        type: str
        required: true
      at:
        description: When it happened, in ISO 8601. Shown in front of the text.
        type: str
      kind:
        description: What kind of entry it is. Kept in the property of the comment.
        type: str
  attachments:
    description: Files that the issue must have. Others stay.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the file.
        type: str
        required: true
      media_type:
        description: Its type.
        type: str
        default: text/plain
      sha256:
        description: Checksum of the content in UTF-8, in hexadecimal. If given it must fit.
        type: str
      content:
        description: The text in the file.
        type: str
        required: true
  consistency_wait:
    description:
      - How long to look for an issue whose creation had an unclear outcome before it is created again, in seconds.
      - Jira Cloud's search lags behind; Atlassian speaks of seconds to minutes.
    type: int
    default: 120
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.connection
  - self_healing.devops.jira
notes:
  - Jira has no idempotency keys. A crash between creation and the end of the task, together with a search that lags
    longer than the time to the next run, can make a second issue. The next run that sees both closes the younger one as
    a duplicate.
  - The account needs the permissions to browse the project, to create, edit, link and transition issues, to comment and
    to attach files. The field Labels must be on the screens of the project.
"""

EXAMPLES = r"""
- name: Show the incident as an issue
  self_healing.devops.jira_issue:
    jira_url: https://company.atlassian.net
    jira_user: self-healing@example.com
    jira_token: "{{ vault_jira_token }}"
    marker: i7k3v5q2x4dmz
    project: OPS
    summary: "Process unavailable: shop on shop-01"
    description: |
      The process shop on shop-01 is not running any more.
      https://abc12345.live.dynatrace.com/#problems
    trusted_links: ["https://abc12345.live.dynatrace.com/#problems"]
    priority: Highest
    link: {url: "https://abc12345.live.dynatrace.com/#problems", title: Problem P-2611001}
    status: In Progress
  register: issue

- name: Say how it ended, attach the transcript and close the issue
  self_healing.devops.jira_issue:
    jira_url: https://company.atlassian.net
    jira_user: self-healing@example.com
    jira_token: "{{ vault_jira_token }}"
    marker: i7k3v5q2x4dmz
    known_id: "{{ issue.id }}"
    project: OPS
    summary: "Process unavailable: shop on shop-01"
    comments:
      - {id: i7k3v5q2x4dmz-9, text: "Restarted; answering again after 4 s"}
    attachments:
      - {name: transcript.md, media_type: text/markdown, content: "{{ transcript }}"}
    status: Done
"""

RETURN = r"""
id:
  description: Key of the issue, V(null) when check mode would create it.
  returned: success
  type: str
  sample: OPS-812
issue_id:
  description: Jira's number of the issue, which stays the same when it is moved.
  returned: success
  type: str
url:
  description: Where people open the issue.
  returned: success
  type: str
status:
  description: Name of the status that the issue has now.
  returned: success
  type: str
created:
  description: Whether this run created the issue.
  returned: success
  type: bool
duplicates:
  description: Keys of younger issues of the same marker.
  returned: success
  type: list
  elements: str
comments:
  description: The wanted comments that the issue has.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Your identifier., type: str}
    comment_id: {description: Jira's number of the comment., type: str}
attachments:
  description: The wanted attachments that the issue has.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Your name of the file., type: str}
    sha256: {description: Checksum of the content., type: str}
    id: {description: Jira's number of the attachment., type: str}
    read_back: {description: Whether the content was read back from Jira and compared. Always V(true)., type: bool}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.jira import keep_issue
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    CONNECTION_OPTIONS,
    ModuleSpec,
    from_environment,
    run_module,
    transport_for,
)

SPEC = ModuleSpec(
    options={
        **CONNECTION_OPTIONS,
        "jira_url": from_environment("jira_url", required=True),
        "jira_user": from_environment("jira_user"),
        "jira_token": from_environment("jira_token", required=True, no_log=True),
        "marker": {"type": "str", "required": True},
        "known_id": {"type": "str"},
        "project": {"type": "str", "required": True},
        "issue_type": {"type": "str", "default": "Incident"},
        "summary": {"type": "str", "required": True},
        "description": {"type": "str", "default": ""},
        "trusted_links": {"type": "list", "elements": "str", "default": []},
        "priority": {"type": "str"},
        "labels": {"type": "list", "elements": "str", "default": []},
        "link": {
            "type": "dict",
            "options": {"url": {"type": "str", "required": True}, "title": {"type": "str", "required": True}},
        },
        "status": {"type": "str"},
        "resolution": {"type": "str", "default": "Done"},
        "comments": {
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
        "attachments": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "media_type": {"type": "str", "default": "text/plain"},
                "sha256": {"type": "str"},
                "content": {"type": "str", "required": True},
            },
        },
        "consistency_wait": {"type": "int", "default": 120},
    },
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Bring the issue to its desired state and return what it is then. Raises SelfHealingError."""
    return keep_issue(params, check_mode, transport or transport_for(params))


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
