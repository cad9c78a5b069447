#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module dynatrace_notification."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dynatrace_notification
short_description: Have Dynatrace tell the event source of its problems
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Makes sure that an environment has one problem notification of the type C(Custom webhook) that calls the event
    source C(self_healing.devops.dynatrace), with the payload that it understands best, the secret that it expects, and
    a call when a problem is closed.
  - The notification is found by its name. What it has besides is taken out when it differs, so that it is exactly as
    described here. Properties that only a newer version of Dynatrace knows are left as they are.
  - Dynatrace checks each new value before it is kept, also in check mode.
  - Secrets cannot be read back. The header C(X-Secret-Version) holds a short value that is derived from the secret, by
    which a new secret is noticed.
notes:
  - The token needs the scopes C(settings.read) and C(settings.write).
options:
  name:
    description: Name of the notification.
    type: str
    default: self-healing
  state:
    description: Whether there is such a notification.
    type: str
    choices: [present, absent]
    default: present
  enabled:
    description: Whether it is switched on.
    type: bool
    default: true
  webhook_url:
    description:
      - Address under which Dynatrace reaches the event source, for example V(https://eda.example.com/dynatrace).
      - Required with O(state=present).
    type: str
  dynatrace_webhook_token:
    description:
      - The token that the event source expects in the header C(Authorization), after the word C(Bearer).
      - If not set, the environment variable E(DYNATRACE_WEBHOOK_TOKEN) is used.
    type: str
  dynatrace_webhook_header:
    description:
      - Name of a header that holds O(dynatrace_webhook_token) instead, without the word C(Bearer).
      - If not set, the environment variable E(DYNATRACE_WEBHOOK_HEADER) is used.
    type: str
  dynatrace_webhook_user:
    description:
      - User name that the event source expects (HTTP Basic), where there is no O(dynatrace_webhook_token).
      - If not set, the environment variable E(DYNATRACE_WEBHOOK_USER) is used.
    type: str
  dynatrace_webhook_password:
    description:
      - Password that goes with O(dynatrace_webhook_user).
      - If not set, the environment variable E(DYNATRACE_WEBHOOK_PASSWORD) is used.
    type: str
  secret_written:
    description:
      - When the secret is written again. V(changed) does so when its C(X-Secret-Version) differs.
      - V(always) is for the case that somebody may have changed the secret in Dynatrace itself; it always reports a
        change.
    type: str
    choices: [changed, always]
    default: changed
  headers:
    description: More headers of the call, by their name. They are no secrets.
    type: dict
    default: {}
  alerting_profile:
    description: Name or object id of the alerting profile, which says what problems are told of, and how soon.
    type: str
    default: Default
  notify_merges:
    description: Whether it is called too when an event is merged into a problem that was told of already.
    type: bool
    default: false
  accept_any_certificate:
    description: Whether Dynatrace calls O(webhook_url) although its certificate is not valid.
    type: bool
    default: false
  payload:
    description: The body of the call with the placeholders of Dynatrace. Default is what the event source knows best.
    type: str
extends_documentation_fragment:
  - self_healing.devops.attributes
  - self_healing.devops.connection
  - self_healing.devops.dynatrace
"""

EXAMPLES = r"""
- name: Have Dynatrace tell of its problems
  self_healing.devops.dynatrace_notification:
    dynatrace_url: https://abc12345.live.dynatrace.com
    dynatrace_token: "{{ vault_dynatrace_token }}"
    webhook_url: https://eda.example.com/dynatrace
    dynatrace_webhook_token: "{{ vault_dynatrace_webhook_token }}"

- name: Tell of what one alerting profile lets pass
  self_healing.devops.dynatrace_notification:
    name: self-healing shop
    webhook_url: https://eda.example.com/dynatrace
    alerting_profile: Shop

- name: Take the notification away
  self_healing.devops.dynatrace_notification:
    state: absent
"""

RETURN = r"""
id:
  description: Object id of the notification, empty where there is none.
  returned: success
  type: str
  sample: vu9U3hXa3q0AAAABAB5idWlsdGluOnByb2JsZW0ubm90aWZpY2F0aW9ucw
name:
  description: Name of the notification.
  returned: success
  type: str
  sample: self-healing
alerting_profile:
  description: Object id of its alerting profile.
  returned: success
  type: str
  sample: vu9U3hXa3q0AAAABABhidWlsdGluOmFsZXJ0aW5nLnByb2ZpbGU
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_notification import keep_notification
from ansible_collections.self_healing.devops.plugins.module_utils.http import Transport
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
        "dynatrace_url": from_environment("dynatrace_url", required=True),
        "dynatrace_token": from_environment("dynatrace_token", required=True, no_log=True),
        "name": {"type": "str", "default": "self-healing"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "enabled": {"type": "bool", "default": True},
        "webhook_url": {"type": "str"},
        "dynatrace_webhook_token": from_environment("dynatrace_webhook_token", no_log=True),
        "dynatrace_webhook_header": from_environment("dynatrace_webhook_header"),
        "dynatrace_webhook_user": from_environment("dynatrace_webhook_user"),
        "dynatrace_webhook_password": from_environment("dynatrace_webhook_password", no_log=True),
        "secret_written": {"type": "str", "choices": ["changed", "always"], "default": "changed", "no_log": False},
        "headers": {"type": "dict", "default": {}},
        "alerting_profile": {"type": "str", "default": "Default"},
        "notify_merges": {"type": "bool", "default": False},
        "accept_any_certificate": {"type": "bool", "default": False},
        "payload": {"type": "str"},
    },
    required_if=[("state", "present", ["webhook_url"])],
)


def run(params: Mapping[str, Any], check_mode: bool, transport: Transport | None) -> dict[str, Any]:
    """Bring the notification to its desired state and return what there is then. Raises SelfHealingError."""
    client = DynatraceClient(
        params["dynatrace_url"],
        params["dynatrace_token"],
        transport or transport_for(params),
        timeout=params["timeout"],
    )
    return keep_notification(client, params, check_mode)


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
