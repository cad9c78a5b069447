# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event filter: reports that a foreign event source brings become incidents."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).absolute().parents[7]))

from ansible_collections.self_healing.devops.plugins.plugin_utils.foreign import take

DOCUMENTATION = r"""
short_description: Incidents from foreign event sources
description:
  - Takes the reports of a monitoring system out of the events of any event source, for instance C(eda.builtin.webhook),
    C(eda.builtin.pg_listener), Kafka, or the event streams of an automation platform. Every form that the source
    P(self_healing.devops.dynatrace#event_source) understands is understood.
  - Each report is written to the journal before a rule sees it, so that nothing is lost once it was taken.
  - Rules see what they see of the sources of this collection, C(problem) and C(meta.uuid), and nothing of the event
    itself, in particular no headers and no hosts. Reports that say nothing new, tests, and echoes of what this
    collection wrote are dropped. What waits because the O(window) is full is handed out by the source
    P(self_healing.devops.journal#event_source), which the rulebook needs besides.
  - Where nothing could be taken, one line is logged, and rules see C(refused) with C(source) and C(reason), which is
    C(not_understood), C(journal_failed), C(misconfigured) or C(failed). A rule may tell somebody. The transport takes
    the event for delivered, so that it does not come again; what Dynatrace knows of a problem is found by the source
    P(self_healing.devops.dynatrace#event_source) all the same, which asks for it.
  - No event makes this filter raise an error, because that would end ansible-rulebook.
  - It writes to the journal while the engine waits, some milliseconds for each event.
  - Arguments of filters are no templates; ansible-rulebook hands them over as they are written.
options:
  source:
    description: Who reports.
    type: str
    choices: [dynatrace]
    default: dynatrace
  payload:
    description:
      - Where the report is in the event, as names with dots between them. An empty text means the event itself.
      - It may be an object, or the text of JSON. C(eda.builtin.webhook) and event streams have it at V(payload), Kafka
        at V(body).
    type: str
    default: payload
  journal:
    description:
      - Where the journal is, either the path of an SQLite file or the URL of a database.
      - If not set, the environment variable E(SELF_HEALING_JOURNAL) is used, and if that is not set either,
        C(~/.local/state/self_healing/journal.db).
    type: str
  tenant:
    description: Name of the Dynatrace environment. Give each its own when several report to the same journal.
    type: str
    default: default
  service_tag:
    description: Key of the tag that names the service which a problem is about.
    type: str
    default: service
  window:
    description:
      - How many deliveries this process has at a time that no playbook has settled. What is more waits in the journal.
      - Give it and all sources of a rulebook the same.
    type: int
    default: 10
"""

EXAMPLES = r"""
- name: Heal what comes through an event stream
  hosts: all
  sources:
    - name: The event stream
      eda.builtin.webhook:
        host: 127.0.0.1
        port: 5000
      filters:
        - self_healing.devops.incident:
            payload: payload
    - self_healing.devops.journal:
  rules: []
"""


def main(event: Any, /, **arguments: Any) -> dict[str, Any] | list[dict[str, Any]]:
    """Return the event that rules may see instead of C(event), or an empty list for none. Never raises."""
    return take(event, arguments)
