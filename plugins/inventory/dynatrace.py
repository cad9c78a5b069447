# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin C(dynatrace)."""

from __future__ import annotations

DOCUMENTATION = r"""
name: dynatrace
short_description: Hosts that Dynatrace monitors
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Makes hosts of what a Dynatrace environment monitors, each with the ids of its entities in the variable
    C(self_healing_entities). By these ids a problem finds its host, without anybody writing them down.
  - Everything else that Dynatrace knows of a host is in its variable C(dynatrace_host), with C(id), C(name),
    C(detected_name), C(custom_name), C(os), C(state), C(addresses), C(dns_names), C(tags) (value by key), C(tag_list),
    C(process_groups) (names) and C(properties).
  - The name of its file ends in C(dynatrace.yml) or C(dynatrace.yaml).
  - A host whose name is anything but a plain host name is left out with a warning, and so are hosts that share a name,
    and those that are called like a group or like a tool of the tool chain. Put this file behind the one with the
    tools, so that these are known.
  - Nothing that comes from Dynatrace is ever a template.
  - No host may be healed by default. The group C(self_healing_managed) gets the hosts that your own O(groups) put into
    it, and nothing that is named by a tag.
notes:
  - The token needs the scope C(entities.read).
  - Dynatrace lists what it has seen within the last three days.
requirements:
  - requests
options:
  plugin:
    description: Says that the file is for this plugin.
    type: str
    required: true
    choices: [self_healing.devops.dynatrace]
  dynatrace_url:
    description:
      - Address of the Dynatrace environment, for example V(https://abc12345.live.dynatrace.com), or
        V(https://dynatrace.example.com/e/00000000-0000-4000-8000-000000000001) for Dynatrace Managed.
    type: str
    required: true
    env:
      - name: DYNATRACE_URL
  dynatrace_token:
    description: Access token of the environment. It may be a template, for example a lookup.
    type: str
    required: true
    env:
      - name: DYNATRACE_TOKEN
  validate_certs:
    description: Whether the TLS certificate of Dynatrace must be valid.
    type: bool
    default: true
  ca_path:
    description:
      - File with the certificates of the authorities to trust, in PEM format.
      - Default is the bundle that the Python package C(requests) uses.
    type: path
  timeout:
    description: How long to wait for the answer to one call, in seconds.
    type: int
    default: 30
  entity_selector:
    description:
      - Which hosts, in the words of the API, for example V(tag("env:prod"\)) or V(mzName("Shop"\)).
      - C(type("HOST"\)) is put before it.
    type: str
  names:
    description:
      - Where the name of a host in the inventory comes from. The first of these places that has something counts.
      - They are V(custom_name) (given to the OneAgent), V(detected_name), V(name) (as Dynatrace shows it), V(dns_name),
        V(ip_address), V(id) (of the entity), C(tag:<key>) (the value of a tag) and C(property:<name>).
    type: list
    elements: str
    default: [custom_name, detected_name, name]
  addresses:
    description:
      - Where C(ansible_host) comes from, in the words of O(names). The first place that has an address counts.
      - By default it is not set, and Ansible connects to the name. It is never set for a host that another part of the
        inventory knows already.
    type: list
    elements: str
    default: []
  entities:
    description:
      - What besides the host itself is in C(self_healing_entities), the process group instances, the services or the
        disks of the host.
    type: list
    elements: str
    choices: [processes, services, disks]
    default: [processes, services, disks]
  process_groups:
    description: Whether the names of the process groups on a host are read, which takes one more listing.
    type: bool
    default: true
extends_documentation_fragment:
  - constructed
  - inventory_cache
seealso:
  - module: self_healing.devops.dynatrace_entity_info
"""

EXAMPLES = r"""
---
# shop.dynatrace.yml: all hosts, and nothing may be healed
plugin: self_healing.devops.dynatrace
dynatrace_url: https://abc12345.live.dynatrace.com

---
# prod.dynatrace.yml: hosts by the tag that holds their name in Ansible, asked for again after an hour at most
plugin: self_healing.devops.dynatrace
dynatrace_url: https://abc12345.live.dynatrace.com
dynatrace_token: "{{ lookup('ansible.builtin.file', '/etc/self-healing/dynatrace.token') }}"
entity_selector: tag("env:prod")
names: [tag:ansible_host, detected_name]
addresses: [ip_address]
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/self-healing
cache_timeout: 3600
compose:
  process_restart_service: "'shop' if 'shop' in dynatrace_host.process_groups else ''"
groups:
  self_healing_managed: "'shop' in dynatrace_host.process_groups and dynatrace_host.os == 'LINUX'"
keyed_groups:
  - key: dynatrace_host.tags.env
    prefix: env
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.errors import SelfHealingError
from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from ansible_collections.self_healing.devops.plugins.plugin_utils import dynatrace_inventory as hosts_of

FILE_NAMES = ("dynatrace.yml", "dynatrace.yaml")
TOOLS = "toolchain"
#: Groups that a host gets into by a condition of the user's own only.
GUARDED = (TOOLS, "self_healing_managed", "self_healing_target")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "self_healing.devops.dynatrace"

    def verify_file(self, path: str) -> bool:
        """Say whether a file is for this plugin."""
        return bool(super().verify_file(path)) and path.endswith(FILE_NAMES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the monitored hosts to the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        with _told(path):
            names = hosts_of.check_places("names", self.get_option("names"))
            addresses = hosts_of.check_places("addresses", self.get_option("addresses"))
            found = hosts_of.named(self._hosts(path, cache), names, self._taken())
        for reason in sorted(found.left_out):
            self.display.warning(f"{self.NAME}: {reason}")
        for name in sorted(found.hosts):
            self._add(name, found.hosts[name], addresses)

    def _hosts(self, path: str, cache: bool) -> list[dict[str, Any]]:
        """Return the hosts from the cache, or from Dynatrace where it has none or is to be renewed."""
        selector = hosts_of.selector_of(self.get_option("entity_selector"))
        with_groups = self.get_option("process_groups")
        url = self._setting("dynatrace_url")
        if not self.get_option("cache"):
            return self._read(url, selector, with_groups)
        # What was kept for other settings is not what is wanted now.
        self.load_cache_plugin()
        key = self.get_cache_key(f"{path} {url} {selector} {with_groups}")
        if cache:
            try:
                kept: list[dict[str, Any]] = self._cache[key]
            except KeyError:
                pass
            else:
                return kept
        self._cache[key] = self._read(url, selector, with_groups)
        fresh: list[dict[str, Any]] = self._cache[key]
        return fresh

    def _read(self, url: str, selector: str, with_groups: bool) -> list[dict[str, Any]]:
        transport = RequestsTransport(
            validate_certs=self.get_option("validate_certs"), ca_path=self.get_option("ca_path")
        )
        client = DynatraceClient(url, self._setting("dynatrace_token"), transport, timeout=self.get_option("timeout"))
        return hosts_of.read(client, selector, with_groups)

    def _setting(self, name: str) -> str:
        """Return a setting of the file, which is the user's own and may be a template."""
        return str(self.templar.template(self.get_option(name))).strip()

    def _taken(self) -> set[str]:
        """Return the names that mean a group or a tool already."""
        tools = self.inventory.groups.get(TOOLS)
        return {*self.inventory.groups, *(host.name for host in (tools.get_hosts() if tools else ()))}

    def _add(self, name: str, host: Mapping[str, Any], addresses: list[str]) -> None:
        # Where a host that somebody else put into the inventory is reached, and with whose password, is not to change
        # because a monitored one has its name.
        known = self.inventory.get_host(name) is not None
        self.inventory.add_host(name)
        entities = hosts_of.entities_of(host, self.get_option("entities"))
        self.inventory.set_variable(name, "self_healing_entities", entities)
        if not known and (address := hosts_of.address_of(host, addresses)):
            self.inventory.set_variable(name, "ansible_host", address)
        # The only texts in here that are not known to be plain.
        self.inventory.set_variable(name, "dynatrace_host", wrap_var(hosts_of.shown(host)))
        strict = self.get_option("strict")
        own = self.inventory.get_host(name).get_vars()
        self._set_composite_vars(self.get_option("compose"), own, name, strict=strict)
        own = self.inventory.get_host(name).get_vars()
        self._add_host_to_composed_groups(self.get_option("groups"), own, name, strict=strict)
        before = self._guarded(name)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), own, name, strict=strict)
        for group in sorted(self._guarded(name) - before):
            self.inventory.groups[group].remove_host(self.inventory.get_host(name))
            self.display.warning(
                f"{self.NAME}: keyed_groups do not put {name} into the group {group}, which only a condition of "
                "groups may do; give the entry of keyed_groups a prefix"
            )

    def _guarded(self, name: str) -> set[str]:
        """Return the guarded groups that a host is itself a member of."""
        groups = self.inventory.groups
        return {group for group in GUARDED if group in groups and name in {h.name for h in groups[group].hosts}}

    def _compose(self, *arguments: Any, **options: Any) -> Any:
        """Return the value of an expression, which is no template although it may be made of what Dynatrace says."""
        return wrap_var(super()._compose(*arguments, **options))


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Say errors of ours as those of the inventory file."""
    try:
        yield
    except SelfHealingError as error:
        raise AnsibleParserError(f"{path}: {error.message}") from None
