#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what somebody chose about an incident."""

from __future__ import annotations

DOCUMENTATION = r"""
module: incident_answer
short_description: Choose a response option of an incident
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Records in the journal that somebody chose a response option, as if it had been chosen on a phone or in a chat.
  - The first valid choice wins on whatever channel it comes. One that does not count is recorded as well, and is no
    failure of the module, see RV(counted).
  - Nothing is carried out. The playbook C(self_healing.devops.answer) does that as well.
options:
  incident:
    description: Identifier of the incident.
    type: str
    required: true
  option:
    description: Short name or label of the option, like V(process_restart) or V(Restart process).
    type: str
    required: true
  responder:
    description:
      - Name of the person who chose.
      - The default is the user who runs the playbook, also where that is done with C(sudo).
    type: str
  comment:
    description: What the person has to say about it.
    type: str
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.journal
seealso:
  - module: self_healing.devops.incident_info
  - module: self_healing.devops.incident
"""

EXAMPLES = r"""
- name: Take the incident over
  self_healing.devops.incident_answer:
    incident: i7k3v5q2x4dmz
    option: take_over
    responder: Ana Berg
    comment: I am on the host already
"""

RETURN = r"""
counted:
  description: Whether the choice counts, now or already before this run.
  returned: success
  type: bool
  sample: true
change:
  description:
    - What became of the choice. V(answered), V(acknowledged) and V(approved) count. V(late), V(refused),
      V(unknown_option) and V(unknown_incident) do not, and V(duplicate) was recorded before.
  returned: success
  type: str
  sample: answered
text:
  description: The same as a sentence.
  returned: success
  type: str
  sample: Ana Berg chose 'Restart process' on playbook
offered:
  description: Short names of the options that could be chosen when the module looked.
  returned: success
  type: list
  elements: str
  sample: [process_restart, acknowledge, take_over, escalate, snooze]
delivery:
  description:
    - Identifier of the work that follows from the choice, when this run has to do it. A running rulebook may have taken
      it up first, and then there is nothing left to do here.
  returned: success
  type: str
  sample: d0123456789abcdef0123456789abcdef
"""

import getpass
import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils import answering, options
from ansible_collections.self_healing.devops.plugins.module_utils.answer_round import choice_key
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Answer, Incident, storable
from ansible_collections.self_healing.devops.plugins.module_utils.journal import ACCEPTED, Journal
from ansible_collections.self_healing.devops.plugins.module_utils.module import (
    JOURNAL_OPTIONS,
    ModuleSpec,
    require_incident,
    run_module,
    this_run,
)

SPEC = ModuleSpec(
    options={
        "incident": {"type": "str", "required": True},
        "option": {"type": "str", "required": True},
        "responder": {"type": "str"},
        "comment": {"type": "str"},
        **JOURNAL_OPTIONS,
    },
    talks_http=False,
    controller_only=True,
)

CHANNEL = "playbook"
#: Characters of a name and of a comment.
LONGEST_NAME = 80
LONGEST_COMMENT = 1000
#: How long this run may take before what follows is handed to a rulebook again.
LEASE = timedelta(minutes=5)
#: Entries of choices that counted.
_COUNTED = frozenset({"answered", "acknowledged", "approved", "stop_asked"})


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    incident = require_incident(params["incident"])
    journal = Journal.open(params["journal"])
    now = journal.read(incident)
    given = _answer(params, now)
    key = storable(f"answer:{given.channel}:{given.key}")
    known = next((entry for entry in now.timeline if entry.key == key), None)
    result = {"offered": [option["name"] for option in options.offered(now)], "delivery": ""}
    if known is not None:
        shown = {"change": "duplicate", "counted": known.kind in _COUNTED, "text": known.text}
        return {**result, "changed": False, **shown}
    if check_mode:
        outcome = answering.answer(now, given)
        return {**result, "changed": True, **_shown(outcome.change, outcome.text)}
    recorded = journal.record_answer(given)
    shown = _shown(recorded.change, recorded.text)
    if recorded.delivery and shown["counted"]:
        # Whoever hands it out first does what follows: this run, or a rulebook that runs.
        mine = journal.due.hand_out_one(recorded.delivery, LEASE, this_run())
        result["delivery"] = mine.id if mine else ""
    return {**result, "changed": True, **shown}


def _answer(params: Mapping[str, Any], incident: Incident) -> Answer:
    """Return the choice. Raises ConfigurationError when nobody makes it."""
    name = " ".join((params["responder"] or _user()).split())
    responder = storable("".join(letter for letter in name if letter.isprintable()))[:LONGEST_NAME]
    if not responder:
        raise ConfigurationError("Who chose? Give a name, like -e responder='Ana Berg'")
    option = incident.option(params["option"])
    choice = str(option["name"]) if option else storable(params["option"])
    return Answer(
        channel=CHANNEL,
        alert_id=incident.id,
        incident_id=incident.id,
        responder=responder,
        choice=choice,
        comment=storable((params["comment"] or "").strip())[:LONGEST_COMMENT] or None,
        at=datetime.now(timezone.utc),
        key=choice_key(incident, responder, choice[:100]),
        person_id=responder,
        asked=options.question(incident),
    )


def _user() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        # Containers may run under a number that has no name.
        return f"user {os.getuid()}"


def _shown(change: str, text: str) -> dict[str, Any]:
    return {"change": change, "counted": change in ACCEPTED, "text": text}


def main() -> None:
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
