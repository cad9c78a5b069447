# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(transcript)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

DOCUMENTATION = r"""
name: transcript
short_description: Whole story of an incident as one Markdown text
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Renders the timeline of an incident and the conversation of its channel as one text.
  - The same input always gives the same text, so that it can be compared by its checksum.
options:
  _input:
    description: An incident, as M(self_healing.devops.incident_info) returns it.
    type: dict
    required: true
  messages:
    description: The conversation, oldest first, each message with RV(ignore:at), RV(ignore:author) and RV(ignore:text).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Write the story into a file
  ansible.builtin.copy:
    content: "{{ self_healing_incident | self_healing.devops.transcript(slack_conversation.messages) }}"
    dest: /tmp/transcript.md
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The story.
  type: str
"""


def transcript(incident: Mapping[str, Any], messages: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the story of an incident: what it was, its timeline, and what was said."""
    problem = incident["problem"]
    head = [
        f"# {_line(problem['display_id'] or incident['id'])}: {_line(incident['title'])}",
        "",
        f"- incident: {incident['id']}",
        f"- kind: {incident['kind']}, severity: {incident['severity']}",
        f"- service: {incident['service'] or '–'}, host: {incident['target'] or '–'}",
        f"- problem: {_line(problem['url'] or '–')}",
    ]
    # The closing entries come after the transcript: leaving them out keeps it the same however often it is made.
    told = [entry for entry in incident["timeline"] if entry["kind"] not in AFTER_THE_STORY]
    timeline = [f"- {_clock(entry['at'])} {_line(entry['actor'])}: {_line(entry['text'])}" for entry in told]
    said = [f"- {_clock(message['at'])} {_line(message['author'])}: {_line(message['text'])}" for message in messages]
    parts = [*head, "", "## Timeline", "", *timeline]
    if said:
        parts += ["", "## Conversation", "", *said]
    return "\n".join(parts) + "\n"


#: Bookkeeping that happens while or after the transcript is made.
AFTER_THE_STORY = frozenset({"attached", "closed", "shown", "alerted", "tool_failed", "released"})


def _line(text: str) -> str:
    return " ".join(str(text).split())


def _clock(at: str) -> str:
    return str(at).replace("T", " ").replace("Z", " UTC")


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"transcript": transcript}
