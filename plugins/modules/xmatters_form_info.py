#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module xmatters_form_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: xmatters_form_info
short_description: Read a form of xMatters, and say what it lacks
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns a form with its workflow, properties, layout, response options, recipients, senders and integrations.
  - With O(wanted) it compares them, one by one, with what the collection sends and expects back. It tells what is
    missing and where that is mended in the web interface of xMatters, and what the API does not tell.
  - Nothing is changed, neither here nor there.
notes:
  - The user has to see the workflow, which usually takes the right to edit it. What may not be seen is told as unsure.
options:
  workflow:
    description: Name or UUID of the workflow. Default is the one that O(wanted) names.
    type: str
  form:
    description: Name or UUID of the form. Default is the one that O(wanted) names.
    type: str
  wanted:
    description:
      - What the form should be, as in C(files/workflow.json) of the role P(self_healing.devops.xmatters#role).
      - Without it nothing is compared.
    type: dict
  xmatters_form_url:
    description:
      - Address of the HTTP trigger that sends the form. It is not called, but looked for among the integrations.
      - If not set, the environment variable E(XMATTERS_FORM_URL) is used.
    type: str
  recipients:
    description: The recipients that alerts name, as in M(self_healing.devops.xmatters_alert). They have to exist.
    type: list
    elements: raw
    default: []
  response_options_in_trigger:
    description: Whether alerts bring their own response options.
    type: bool
    default: true
  webhook_url:
    description: Address under which xMatters reaches the event source, for example V(https://eda.example.com/xmatters).
    type: str
extends_documentation_fragment:
  - self_healing.devops.attributes.info_module
  - self_healing.devops.connection
  - self_healing.devops.xmatters
seealso:
  - module: self_healing.devops.xmatters_alert
"""

EXAMPLES = r"""
- name: Read a form
  self_healing.devops.xmatters_form_info:
    xmatters_url: https://company.xmatters.com
    xmatters_user: ada
    xmatters_password: "{{ vault_xmatters_password }}"
    workflow: Self-healing DevOps
    form: Incident response
"""

RETURN = r"""
exists:
  description: Whether there is such a form.
  returned: success
  type: bool
ready:
  description: Whether nothing is missing; V(null) without O(wanted).
  returned: success
  type: bool
findings:
  description: What is missing, or cannot be told, in the order in which it is best mended.
  returned: success
  type: list
  elements: dict
  contains:
    level: {description: "V(missing) or V(unsure).", type: str}
    part:
      description: "V(workflow), V(form), V(property), V(option), V(recipients), V(sender), V(trigger) or V(webhook)."
      type: str
    name: {description: Which one., type: str}
    text: {description: What is wrong with it., type: str}
    mend: {description: What to do about it., type: str}
workflow:
  description: The workflow, with C(id), C(name) and C(enabled).
  returned: success
  type: dict
form:
  description: The form, with C(id), C(name), C(api), C(mobile) and C(web), which say where it can be sent from.
  returned: success
  type: dict
properties:
  description: "The properties of the workflow; V(null) when they may not be seen."
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str}
    type: {description: Type in the words of xMatters., type: str}
    longest: {description: How many characters it takes., type: int}
    placed: {description: Whether it is in the layout of the form; V(null) when that cannot be told., type: bool}
    required: {description: Whether the form requires it; V(null) when that cannot be told., type: bool}
    in_callbacks: {description: Whether webhooks tell it; V(null) when that cannot be told., type: bool}
response_options:
  description: "The form's response options; V(null) when they may not be seen."
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: UUID., type: str}
    number: {description: Number., type: int}
    text: {description: Text., type: str}
    action: {description: What choosing it does., type: str}
    contribution: {description: How it counts., type: str}
recipients:
  description: "Names of the form's recipients; V(null) when they may not be seen."
  returned: success
  type: list
  elements: str
senders:
  description: "Names of people and roles that may send the form; V(null) when they may not be seen."
  returned: success
  type: list
  elements: str
integrations:
  description: "The integrations of the workflow; V(null) when they may not be seen."
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str}
    type: {description: Type in the words of xMatters., type: str}
    triggered_by: {description: What triggers an outbound one., type: str}
    deployed: {description: Whether it is switched on., type: bool}
    form: {description: Name of its form., type: str}
    address: {description: "Where an outbound one posts to, without what may be secret.", type: str}
"""

import re
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, from_environment, run_module
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_form_check import (
    MISSING,
    Wanted,
    check,
    understand,
)
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_form_read import Found, read_form
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_settings import (
    XMATTERS_LOGIN,
    XMATTERS_OPTIONS,
    client_of,
)

SPEC = ModuleSpec(
    options={
        **XMATTERS_OPTIONS,
        "xmatters_form_url": from_environment("xmatters_form_url", no_log=True),
        "workflow": {"type": "str"},
        "form": {"type": "str"},
        "wanted": {"type": "dict"},
        "recipients": {"type": "list", "elements": "raw", "default": []},
        "response_options_in_trigger": {"type": "bool", "default": True},
        "webhook_url": {"type": "str"},
    },
    required_one_of=XMATTERS_LOGIN,
)
_FUNCTION = re.compile(r"/functions/([^/]+)/triggers$")


def run(params: Mapping[str, Any], _check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Return the form and what it lacks. Raises SelfHealingError."""
    described = understand(params["wanted"]) if params["wanted"] is not None else None
    workflow = params["workflow"] or (described[0] if described else None)
    form = params["form"] or (described[1] if described else None)
    if not workflow or not form:
        raise ConfigurationError("workflow and form are missing: name both, or give wanted")
    client = client_of({**params, "xmatters_form_url": None}, transport)
    found = read_form(client, workflow, form, params["xmatters_user"], params["recipients"])
    findings = []
    if described is not None:
        wanted = Wanted(
            workflow=workflow,
            form=form,
            properties=described[2],
            options=described[3],
            options_sent=params["response_options_in_trigger"],
            recipients_sent=bool(params["recipients"]),
            webhook_url=params["webhook_url"],
            function=_function(params["xmatters_form_url"]),
            user=params["xmatters_user"],
        )
        findings = check(found, wanted)
    return {
        "changed": False,
        "exists": found.form is not None,
        "ready": all(one.level != MISSING for one in findings) if described is not None else None,
        "findings": [one.to_data() for one in findings],
        **_told(found),
    }


def _function(form_url: str | None) -> str | None:
    """Return which function the trigger's address names."""
    found = _FUNCTION.search((form_url or "").partition("?")[0])
    return found.group(1) if found else None


def _told(found: Found) -> dict[str, Any]:
    workflow, form = found.workflow, found.form
    return {
        "workflow": {"id": workflow.id, "name": workflow.name, "enabled": workflow.enabled} if workflow else {},
        "form": {"id": form.id, "name": form.name, "api": form.api, "mobile": form.mobile, "web": form.web}
        if form
        else {},
        "properties": _properties(found),
        "response_options": None
        if found.options is None
        else [
            {
                "id": one.id,
                "number": one.number,
                "text": one.text,
                "action": one.action,
                "contribution": one.contribution,
            }
            for one in found.options
        ],
        "recipients": None if found.recipients is None else [one.key for one in found.recipients],
        "senders": None if found.senders is None else [one.key for one in found.senders],
        "integrations": None
        if found.integrations is None
        else [
            {
                "name": one.name,
                "type": one.kind,
                "triggered_by": one.triggered_by or None,
                "deployed": one.deployed,
                "form": one.form or None,
                "address": one.address,
            }
            for one in found.integrations
        ],
    }


def _properties(found: Found) -> list[dict[str, Any]] | None:
    if found.properties is None:
        return None
    placed = {one.name: one for one in found.layout or ()}
    return [
        {
            "name": one.name,
            "type": one.kind,
            "longest": one.longest,
            "placed": None if found.layout is None else one.name in placed,
            "required": placed[one.name].required if one.name in placed else None,
            "in_callbacks": placed[one.name].told if one.name in placed else None,
        }
        for one in found.properties
    ]


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
