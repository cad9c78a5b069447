# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup C(on_call): who is on call in groups of xMatters."""

from __future__ import annotations

DOCUMENTATION = r"""
name: on_call
short_description: Who is on call in xMatters
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Returns the people who are on call in groups of xMatters, in the order in which they are called, each once.
  - Groups in groups and devices are resolved to people. Who is away is replaced by who stands in, or left out.
  - Use C(query) for a list. C(lookup) returns one text with commas, or for O(what=everything) a list or the only entry.
  - Names of groups are data. They are never templates, and neither is what is returned.
options:
  _terms:
    description: Names or UUIDs of groups.
    type: list
    elements: str
    required: true
  what:
    description:
      - V(key) returns user ids, which can be recipients of M(self_healing.devops.xmatters_alert), V(name) first and
        last names, V(email) addresses (those who have none that can be seen are left out).
      - V(everything) returns dictionaries.
    type: str
    choices: [key, name, email, everything]
    default: key
  first:
    description: Only those who are called first.
    type: bool
    default: false
  at:
    description: The moment, with its time zone, for example V(2026-11-22T08:00:00Z). Default is now.
    type: str
  absences:
    description: Whether to look who is away. Who is replaced is known without.
    type: bool
    default: true
  xmatters_url:
    description: Address of the xMatters instance, for example V(https://company.xmatters.com).
    type: str
    required: true
    env:
      - name: XMATTERS_URL
    vars:
      - name: xmatters_url
  xmatters_user:
    description: Name of a user with the role C(REST Web Service User), or an API key.
    type: str
    env:
      - name: XMATTERS_USER
    vars:
      - name: xmatters_user
  xmatters_password:
    description: Password of the user, or the secret of the API key.
    type: str
    env:
      - name: XMATTERS_PASSWORD
    vars:
      - name: xmatters_password
  xmatters_client_id:
    description: OAuth client id of the instance; user and password are exchanged for a token then.
    type: str
    env:
      - name: XMATTERS_CLIENT_ID
    vars:
      - name: xmatters_client_id
  xmatters_refresh_token:
    description: Refresh token of the OAuth client, instead of user and password.
    type: str
    env:
      - name: XMATTERS_REFRESH_TOKEN
    vars:
      - name: xmatters_refresh_token
  validate_certs:
    description: Whether the TLS certificate of xMatters must be valid.
    type: bool
    default: true
    vars:
      - name: xmatters_validate_certs
  ca_path:
    description: File with the certificates of the authorities to trust, in PEM format.
    type: path
    vars:
      - name: xmatters_ca_path
  timeout:
    description: How long to wait for the answer to one call, in seconds.
    type: int
    default: 30
    vars:
      - name: xmatters_timeout
requirements:
  - requests
seealso:
  - module: self_healing.devops.xmatters_on_call_info
"""

EXAMPLES = r"""
- name: Say who is on call
  ansible.builtin.debug:
    msg: "On call: {{ query('self_healing.devops.on_call', 'Checkout SRE', 'Payments', what='name') | join(', ') }}"

- name: Alert those who would be called first on Sunday
  self_healing.devops.xmatters_alert:
    marker: maintenance-2026-11-29
    recipients: "{{ query('self_healing.devops.on_call', 'Checkout SRE', first=true, at='2026-11-29T08:00:00Z') }}"
    subject: Maintenance begins
"""

RETURN = r"""
_raw:
  description: User ids, names, addresses, or dictionaries.
  type: list
  elements: raw
  contains:
    group: {description: The group that was asked for., type: str}
    level: {description: "1 for those who are called first, and so on.", type: int}
    after: {description: Minutes after an alert to the group began., type: int}
    key: {description: User id., type: str}
    name: {description: First and last name., type: str}
    email: {description: Address of the first e-mail device., type: str}
    device: {description: Name of the device where only that is called., type: str}
    groups: {description: "The groups on the way, the outermost first.", type: list, elements: str}
    replaces: {description: User id of who should have been called., type: str}
    until: {description: When the shift ends., type: str}
"""

from datetime import datetime, timezone
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase

from ansible_collections.self_healing.devops.plugins.module_utils.alert_people import People
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_escalation import escalation
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_moments import moment_in
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_on_call import called
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_roster import (
    read_groups,
    read_roster,
    target_of,
)
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_settings import client_of


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[Any]:
        self.set_options(var_options=variables, direct=options)
        try:
            return self._look([str(term) for term in terms])
        except SelfHealingError as error:
            raise AnsibleError(f"on_call: {error.message}") from None

    def _look(self, names: list[str]) -> list[Any]:
        if not names:
            raise ConfigurationError("name at least one group")
        params = {**self.get_options(), **self._settings()}
        given = moment_in(params["at"], "at") if params["at"] else None
        at = given or datetime.now(timezone.utc)
        client = client_of(params, None)
        groups = read_groups(client.directory, names)
        roster = read_roster(client.directory, groups, given, absences=params["absences"])
        people = People(client, emails=params["what"] in ("email", "everything"))
        steps = [
            {"group": group.key, **step}
            for group in groups
            for step in called(escalation(roster, target_of(group), at), people, params["first"])
        ]
        once: dict[str, dict[str, Any]] = {}
        for step in sorted(steps, key=lambda one: int(one["after"])):
            once.setdefault(step["key"], step)
        if params["what"] == "everything":
            return list(once.values())
        return [step[params["what"]] for step in once.values() if step[params["what"]]]

    def _settings(self) -> dict[str, Any]:
        """Return the settings of the connection. As variables of a host they may be templates of the inventory's."""
        names = ("url", "user", "password", "client_id", "refresh_token")
        return {f"xmatters_{name}": self._templar.template(self.get_option(f"xmatters_{name}")) for name in names}
