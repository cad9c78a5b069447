#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module nginx_traffic."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_traffic
short_description: Send the traffic of an nginx upstream to one of its colours
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Tells which colour of an upstream gets its traffic, and with O(active) sends it to one of them.
  - All servers of all colours stay in the upstream; those that get nothing are marked C(down). Nothing else in the
    file is touched.
  - The configuration is tested before nginx reads it again. When the test fails, or nginx does not take the new one,
    the file is as it was before, and the module fails.
  - After the reload the old workers end what is under way, for O(drain_seconds). As the file is the configuration
    itself, a reboot keeps the switch.
  - A server that does not accept connections is not given any traffic, and where none of the colour does nothing is
    changed.
notes:
  - It runs on the host of nginx, as a user that may write the file and reload nginx. It needs Linux.
  - When nginx reloads it closes idle connections of clients. A client that sends a request over one at this very moment
    has to send it again, as clients of HTTP do; before 1.27.4 with C(keepalive_min_timeout), nginx has no remedy.
options:
  file:
    description: The file that has the upstream, which is best the only thing in it.
    type: path
    required: true
  upstream:
    description: Name of the upstream.
    type: str
    required: true
  colours:
    description: The servers of the upstream by colour, as its lines C(server) call them, like C(10.0.0.7:8080).
    type: dict
    required: true
  active:
    description: The colour that shall get the traffic. Without it, nothing is changed.
    type: str
  instead_of:
    description:
      - The colour that gets the traffic now. Where another one does, nothing is changed and the module fails, unless
        it is O(active) already.
    type: str
  test_command:
    description: The program that tests the configuration, and its arguments. No shell is involved.
    type: list
    elements: str
    default: [nginx, -t]
  reload_command:
    description: The program that makes nginx read its configuration again, and its arguments.
    type: list
    elements: str
    default: [nginx, -s, reload]
  pid_file:
    description: The file with the process number of nginx.
    type: path
    default: /run/nginx.pid
  drain_seconds:
    description: How long what is under way on the other servers may take to end.
    type: int
    default: 30
  timeout:
    description: How long a reload, and a connection to a server, may take, in seconds.
    type: int
    default: 10
extends_documentation_fragment:
  - self_healing.devops.attributes
seealso:
  - module: self_healing.devops.haproxy_traffic
"""

EXAMPLES = r"""
- name: Look which colour is live
  self_healing.devops.nginx_traffic:
    file: /etc/nginx/conf.d/shop-upstream.conf
    upstream: shop
    colours: {blue: ["10.0.0.7:8080"], green: ["10.0.0.8:8080"]}
  register: router

- name: Roll back to blue
  self_healing.devops.nginx_traffic:
    file: /etc/nginx/conf.d/shop-upstream.conf
    upstream: shop
    colours: {blue: ["10.0.0.7:8080"], green: ["10.0.0.8:8080"]}
    active: blue
    instead_of: green
"""

RETURN = r"""
active:
  description: The one colour that gets the traffic, null where none or several do.
  returned: success
  type: str
  sample: blue
live:
  description: All colours that get traffic, by the file.
  returned: success
  type: list
  elements: str
  sample: [blue]
since_seconds:
  description: How long ago the file was written.
  returned: success
  type: int
  sample: 660
pending:
  description: Whether the file was written after nginx has read it, so that something else may run.
  returned: success
  type: bool
persisted:
  description: Whether a restart of nginx keeps what runs.
  returned: success
  type: bool
reason:
  description: Why a restart does not keep it, empty where it does.
  returned: success
  type: str
drained:
  description: Whether the old workers had ended, null where nothing was switched.
  returned: success
  type: bool
left_out:
  description: Servers of the active colour that did not accept connections and stay C(down).
  returned: success
  type: list
  elements: str
colours:
  description: What there is of each colour.
  returned: success
  type: dict
  sample: {blue: {servers: 2, ready: 2}, green: {servers: 2, ready: 0}}
"""

import os
import time
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    ConfigurationError,
    SelfHealingError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, run_module
from ansible_collections.self_healing.devops.plugins.module_utils.nginx_process import Worker, master_of, workers_of
from ansible_collections.self_healing.devops.plugins.module_utils.nginx_upstream import Entry, entries, with_down
from ansible_collections.self_healing.devops.plugins.module_utils.router_host import (
    accepts,
    replace_file,
    run_program,
    text_of,
)
from ansible_collections.self_healing.devops.plugins.module_utils.traffic import (
    colours_of,
    live_colours,
    require_known,
    require_some,
    require_unchanged,
)

#: How often the workers are looked at while they are waited for (seconds).
PAUSE = 0.05
#: How exact the start of a process is known (seconds). A test of the configuration takes as long at least.
CLOCK = 0.05

SPEC = ModuleSpec(
    options={
        "file": {"type": "path", "required": True},
        "upstream": {"type": "str", "required": True},
        "colours": {"type": "dict", "required": True},
        "active": {"type": "str"},
        "instead_of": {"type": "str"},
        "test_command": {"type": "list", "elements": "str", "default": ["nginx", "-t"]},
        "reload_command": {"type": "list", "elements": "str", "default": ["nginx", "-s", "reload"]},
        "pid_file": {"type": "path", "default": "/run/nginx.pid"},
        "drain_seconds": {"type": "int", "default": 30},
        "timeout": {"type": "int", "default": 10},
    },
    required_by={"instead_of": ["active"]},
    talks_http=False,
)


class Upstream:
    """One upstream in a file, and the nginx that has read it."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params
        self.file = str(params["file"])
        self.colours = colours_of(params["colours"])
        require_known("active", params["active"], self.colours)
        require_known("instead_of", params["instead_of"], self.colours)
        self.master = master_of(params["pid_file"])
        self.look()

    def look(self) -> None:
        """Read the file. Raises ConfigurationError where it lacks a server."""
        self.text = text_of(self.file)
        if not self.text:
            raise ConfigurationError(
                f"file: {self.file or 'it'} does not exist or is empty; name the file of the upstream"
            )
        try:
            found = entries(self.text, self.params["upstream"])
        except ConfigurationError as error:
            raise ConfigurationError(f"{self.file} cannot be used: {error.message}") from None
        self.entries = {entry.address: entry for entry in found}
        for colour, servers in self.colours.items():
            for server in servers:
                if server not in self.entries:
                    raise ConfigurationError(
                        f"colours.{colour}: {self.file} has no line 'server {server[:80]}' in its upstream"
                    )
        self.written_at = os.stat(self.file).st_mtime

    def of(self, colour: str) -> list[Entry]:
        return [self.entries[server] for server in self.colours[colour]]

    def live(self) -> list[str]:
        return live_colours(
            {colour: [one.backup for one in self.of(colour) if not one.down] for colour in self.colours}
        )

    def pending(self) -> bool:
        """Whether no worker started after the file was written: then nginx still works with what was there before."""
        return not any(worker.started + CLOCK > self.written_at for worker in workers_of(self.master))

    def settled(self, active: str) -> bool:
        """Whether C(active) is the only colour, for nginx too."""
        others = [entry for colour in self.colours if colour != active for entry in self.of(colour)]
        return self.live() == [active] and all(entry.down for entry in others) and not self.pending()

    def wanted(self, active: str) -> tuple[str, list[str]]:
        """Return the text in which C(active) gets the traffic, and its servers that are left out of it.

        Raises UnreachableError where none of them accepts connections.
        """
        left_out = [server for server in self.colours[active] if not self._accepts(server)]
        require_some(active, left_out, self.colours)
        everybody = [server for servers in self.colours.values() for server in servers]
        down = [server for server in everybody if server not in self.colours[active] or server in left_out]
        return with_down(self.text, self.params["upstream"], down, everybody), left_out

    def switch(self, text: str) -> bool:
        """Write the file, have nginx read it, and return whether the old workers ended in time.

        Raises SelfHealingError, and the file is as it was, where nginx does not take it.
        """
        before, old = self.text, workers_of(self.master)
        replace_file(self.file, text)
        try:
            self._command("test_command", "the test of the configuration failed")
            self._command("reload_command", "nginx could not be told to reload")
            self._wait_for_new(old)
        except SelfHealingError:
            replace_file(self.file, before)
            # It was read already, or not at all: what the workers do must not be older than the file says.
            os.utime(self.file, (self.written_at, self.written_at))
            raise
        return self._wait_for_end(old)

    def _accepts(self, server: str) -> bool:
        host, colon, port = server.rpartition(":")
        address, number = (host, int(port)) if colon and port.isdigit() else (server, 80)
        return accepts(address.strip("[]"), number, self.params["timeout"])

    def _command(self, option: str, failure: str) -> None:
        if not self.params[option]:
            raise ConfigurationError(f"{option} is empty, expected a program and its arguments")
        ended = run_program(self.params[option])
        if ended.status != 0:
            raise SelfHealingError(f"{failure}, and {self.file} is as it was before: {ended.said}")

    def _wait_for_new(self, old: list[Worker]) -> None:
        deadline = time.monotonic() + self.params["timeout"]
        known = {(worker.pid, worker.ticks) for worker in old}
        while not any((worker.pid, worker.ticks) not in known for worker in workers_of(self.master)):
            if time.monotonic() > deadline:
                raise SelfHealingError(
                    f"nginx started no new workers within {self.params['timeout']} s, and {self.file} is as it was "
                    "before: its error log says why"
                )
            time.sleep(PAUSE)

    def _wait_for_end(self, old: list[Worker]) -> bool:
        deadline = time.monotonic() + self.params["drain_seconds"]
        ending = {(worker.pid, worker.ticks) for worker in old}
        while any((worker.pid, worker.ticks) in ending for worker in workers_of(self.master)):
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
        return True


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    """Look, and switch where C(active) is given. Raises SelfHealingError."""
    upstream = Upstream(params)
    before, active = upstream.text, params["active"]
    changed, drained, after = False, None, before
    left_out: list[str] = []
    if active is not None:
        require_unchanged(upstream.live(), active, params["instead_of"])
        changed = not upstream.settled(active)
        if changed:
            after, left_out = upstream.wanted(active)
            if not check_mode:
                drained = upstream.switch(after)
                upstream.look()
    live, pending = upstream.live(), upstream.pending()
    return {
        "changed": changed,
        "active": live[0] if len(live) == 1 else None,
        "live": live,
        "since_seconds": max(0, int(time.time() - upstream.written_at)),
        "pending": pending,
        "persisted": not pending,
        "reason": "nginx was not reloaded since its configuration was written" if pending else "",
        "drained": drained,
        "left_out": left_out,
        "colours": {
            colour: {"servers": len(servers), "ready": sum(not entry.down for entry in upstream.of(colour))}
            for colour, servers in upstream.colours.items()
        },
        "diff": {
            "before": before,
            "after": after,
            "before_header": upstream.file,
            "after_header": upstream.file,
        },
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
