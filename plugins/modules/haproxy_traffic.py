#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module haproxy_traffic."""

from __future__ import annotations

DOCUMENTATION = r"""
module: haproxy_traffic
short_description: Send the traffic of a HAProxy backend to one of its colours
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Tells which colour of a backend gets its traffic, and with O(active) sends it to one of them, over the runtime
    socket and without a reload.
  - The servers of that colour are made ready before the others are drained, so that no request finds no server. What is
    under way on the others may end, for O(drain_seconds).
  - The switch is written into the file from which HAProxy reads the state of its servers when it starts, so that a
    reload or a reboot keeps it. Where that is not possible RV(reason) says why, and the switch is made all the same.
  - A server that does not accept connections is not made ready, and where none of the colour does nothing is changed.
notes:
  - It runs on the host of HAProxy, as a user that may use its socket. The socket needs C(level admin).
  - HAProxy reads the state again with C(server-state-file) in its section C(global), and
    C(load-server-state-from-file global) in C(defaults) or in the backend.
options:
  backend:
    description: Name of the backend.
    type: str
    required: true
  colours:
    description: The servers of the backend by colour, as the configuration of HAProxy calls them.
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
  socket:
    description: The runtime socket, a path or C(host:port).
    type: str
    default: /run/haproxy/admin.sock
  state_file:
    description:
      - The file from which HAProxy reads the state of its servers when it starts. Only the servers of this backend are
        written.
      - Without it, a restart of HAProxy undoes the switch.
    type: path
  config_file:
    description: The configuration of HAProxy. With it, RV(persisted) tells whether HAProxy reads O(state_file) at all.
    type: path
  idle_state:
    description:
      - The state of the other servers in the end.
      - With V(maint), users who were bound to them by a cookie are sent to the active colour too. With V(drain) those
        stay, and HAProxy goes on checking the health of the servers.
    type: str
    choices: [maint, drain]
    default: maint
  drain_seconds:
    description: How long what is under way on the other servers may take to end.
    type: int
    default: 30
  timeout:
    description: How long an answer of the socket, a connection to a server, and its coming up may take, in seconds.
    type: int
    default: 10
extends_documentation_fragment:
  - self_healing.devops.attributes
seealso:
  - module: self_healing.devops.nginx_traffic
"""

EXAMPLES = r"""
- name: Look which colour is live
  self_healing.devops.haproxy_traffic:
    backend: shop
    colours: {blue: [blue-1, blue-2], green: [green-1, green-2]}
  register: router

- name: Roll back to blue, and let a restart of HAProxy keep it
  self_healing.devops.haproxy_traffic:
    backend: shop
    colours: {blue: [blue-1, blue-2], green: [green-1, green-2]}
    active: blue
    instead_of: green
    state_file: /var/lib/haproxy/server-state
    config_file: /etc/haproxy/haproxy.cfg
"""

RETURN = r"""
active:
  description: The one colour that gets the traffic, null where none or several do.
  returned: success
  type: str
  sample: blue
live:
  description: All colours that get traffic.
  returned: success
  type: list
  elements: str
  sample: [blue]
since_seconds:
  description: For how long the live servers have been as they are, null where no colour is live.
  returned: success
  type: int
  sample: 660
pending:
  description: Always false. There is no difference between what was written and what runs.
  returned: success
  type: bool
persisted:
  description: Whether a restart of HAProxy keeps what runs, null where that cannot be known.
  returned: success
  type: bool
reason:
  description: Why a restart does not keep it, empty where it does.
  returned: success
  type: str
drained:
  description: Whether everything had ended on the other servers, null where nothing was switched.
  returned: success
  type: bool
left_out:
  description: Servers of the active colour that did not accept connections and were not made ready.
  returned: success
  type: list
  elements: str
colours:
  description: What there is of each colour.
  returned: success
  type: dict
  sample: {blue: {servers: 2, ready: 2, up: 2, sessions: 7}, green: {servers: 2, ready: 0, up: 0, sessions: 0}}
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, UnreachableError
from ansible_collections.self_healing.devops.plugins.module_utils.haproxy_socket import (
    NAME,
    Server,
    ask,
    merged_state,
    order,
    read_servers,
    states_in,
)
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, run_module
from ansible_collections.self_healing.devops.plugins.module_utils.router_host import accepts, replace_file, text_of
from ansible_collections.self_healing.devops.plugins.module_utils.traffic import (
    colours_of,
    live_colours,
    require_known,
    require_some,
    require_unchanged,
)

#: How often the router is looked at while something is waited for (seconds).
PAUSE = 0.1

SPEC = ModuleSpec(
    options={
        "backend": {"type": "str", "required": True},
        "colours": {"type": "dict", "required": True},
        "active": {"type": "str"},
        "instead_of": {"type": "str"},
        "socket": {"type": "str", "default": "/run/haproxy/admin.sock"},
        "state_file": {"type": "path"},
        "config_file": {"type": "path"},
        "idle_state": {"type": "str", "choices": ["maint", "drain"], "default": "maint"},
        "drain_seconds": {"type": "int", "default": 30},
        "timeout": {"type": "int", "default": 10},
    },
    required_by={"instead_of": ["active"]},
    talks_http=False,
)


class Backend:
    """One backend of a HAProxy that runs."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params
        self.name = str(params["backend"])
        self.colours = colours_of(params["colours"])
        require_known("active", params["active"], self.colours)
        require_known("instead_of", params["instead_of"], self.colours)
        for name in (self.name, *(server for servers in self.colours.values() for server in servers)):
            if not NAME.fullmatch(name):
                raise ConfigurationError(f"{name[:40]!r} is no name of a backend or server of HAProxy")
        self.servers: dict[str, Server] = {}
        #: Why the state could not be written.
        self.unwritten = ""
        self.look()

    def look(self) -> None:
        """Read the state of the servers. Raises ConfigurationError where one of them is not there."""
        found = read_servers(self.params["socket"], self.name, self.params["timeout"])
        for colour, names in self.colours.items():
            for name in names:
                if name not in found:
                    raise ConfigurationError(f"colours.{colour}: the backend {self.name} has no server {name}")
        self.servers = found

    def of(self, colour: str) -> list[Server]:
        return [self.servers[name] for name in self.colours[colour]]

    def idle(self, active: str) -> list[Server]:
        return [server for colour in self.colours if colour != active for server in self.of(colour)]

    def live(self) -> list[str]:
        return live_colours(
            {colour: [one.backup for one in self.of(colour) if one.takes_traffic()] for colour in self.colours}
        )

    def set_state(self, server: Server, state: str) -> None:
        order(
            self.params["socket"], f"set server {self.name}/{server.name} state {state}", timeout=self.params["timeout"]
        )

    def settled(self, active: str) -> bool:
        """Whether nothing is left to do for C(active) to be the only colour."""
        return self.live() == [active] and all(not server.takes_traffic() for server in self.idle(active))

    def switch(self, active: str) -> tuple[bool, list[str]]:
        """Send the traffic to a colour, and return whether the others ended in time, and which servers are left out.

        Raises UnreachableError, and everything is as before, where no server of the colour can take traffic.
        """
        left_out = self.make_ready(active)
        for server in self.idle(active):
            if server.takes_traffic():
                self.set_state(server, "drain")
        # Before anything is waited for: from here on the switch is a fact.
        self.look()
        self.persist()
        drained = self.wait_until_idle(active)
        if self.params["idle_state"] == "maint":
            for server in self.idle(active):
                if server.state != "maint":
                    self.set_state(server, "maint")
        self.look()
        self.persist()
        return drained, left_out

    def make_ready(self, active: str) -> list[str]:
        """Make the servers of a colour ready that accept connections, and return the others."""
        seconds = self.params["timeout"]
        willing = [one for one in self.of(active) if accepts(one.address, one.port, seconds)]
        left_out = [one.name for one in self.of(active) if one not in willing]
        require_some(active, left_out, self.colours)
        changed = [one for one in willing if not one.takes_traffic()]
        for server in changed:
            self.set_state(server, "ready")
        deadline = time.monotonic() + seconds
        self.look()
        while not any(one.up and one.takes_traffic() for one in self.of(active)):
            if time.monotonic() > deadline:
                for server in changed:
                    self.set_state(server, server.state)
                raise UnreachableError(
                    f"HAProxy finds no server of {active} up after {seconds} s: they were put back, and nothing was "
                    f"switched. Look at the health checks of the backend {self.name}"
                )
            time.sleep(PAUSE)
            self.look()
        return left_out

    def wait_until_idle(self, active: str) -> bool:
        deadline = time.monotonic() + self.params["drain_seconds"]
        self.look()
        while any(server.sessions for server in self.idle(active)):
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
            self.look()
        return True

    # -- what a restart keeps -----------------------------------------------------------------------------------------

    def persist(self) -> None:
        """Write the state of the servers, where there is a file for it that says otherwise.

        That it cannot be written does not stop a switch: users are better served, and why a restart undoes it is told.
        """
        if self.params["state_file"] is None or self.written():
            return
        answer = ask(self.params["socket"], f"show servers state {self.name}", self.params["timeout"])
        try:
            replace_file(self.params["state_file"], merged_state(text_of(self.params["state_file"]), answer, self.name))
        except ConfigurationError as error:
            self.unwritten = error.message

    def written(self) -> bool:
        """Whether a start that reads the file brings every server of the colours into the state that it is in."""
        kept = states_in(text_of(self.params["state_file"]), self.name)
        return all(kept.get(one.name) == one.state for colour in self.colours for one in self.of(colour))

    def not_persisted_because(self) -> str:
        """Return why a restart does not keep what runs, empty where it does."""
        state_file, config_file = self.params["state_file"], self.params["config_file"]
        if state_file is None:
            return "state_file is not set"
        if not self.written():
            return self.unwritten or f"{state_file} does not say so"
        return lacking(text_of(config_file), config_file, state_file) if config_file is not None else ""


def lacking(text: str, config: str, state_file: str) -> str:
    """Return what a configuration lacks so that HAProxy reads the state file, empty where it lacks nothing."""
    words = [line.split("#")[0].split() for line in text.splitlines()]
    base = next((line[1] for line in words if line[:1] == ["server-state-base"] and len(line) > 1), "/")
    named = [line[1] for line in words if line[:1] == ["server-state-file"] and len(line) > 1]
    if not any(Path(base, name) == Path(state_file) for name in named):
        return f"{config} lacks 'server-state-file {state_file}' in its section global"
    if not any(line[:2] == ["load-server-state-from-file", "global"] for line in words):
        return f"{config} lacks 'load-server-state-from-file global' in defaults or in the backend"
    return ""


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    """Look, and switch where C(active) is given. Raises SelfHealingError."""
    backend = Backend(params)
    before, active = shown(backend), params["active"]
    switches, writes, drained = False, False, None
    left_out: list[str] = []
    if active is not None:
        require_unchanged(backend.live(), active, params["instead_of"])
        switches = not backend.settled(active)
        writes = params["state_file"] is not None and not backend.written()
        if switches and not check_mode:
            drained, left_out = backend.switch(active)
        if writes and not check_mode:
            backend.persist()
    after = {**before, "live": [active]} if switches and check_mode else shown(backend)
    live, reason = backend.live(), backend.not_persisted_because()
    ready = [server for colour in live for server in backend.of(colour) if server.takes_traffic()]
    return {
        "changed": switches or (writes and not backend.unwritten),
        "active": live[0] if len(live) == 1 else None,
        "live": live,
        "since_seconds": max((server.since_seconds for server in ready), default=None),
        "pending": False,
        "persisted": not reason,
        "reason": reason,
        "drained": drained,
        "left_out": left_out,
        "colours": after["colours"],
        "diff": {"before": before, "after": after},
    }


def shown(backend: Backend) -> dict[str, Any]:
    """Return what people read of a backend."""
    colours = {
        colour: {
            "servers": len(names),
            "ready": sum(one.takes_traffic() for one in backend.of(colour)),
            "up": sum(one.up for one in backend.of(colour)),
            "sessions": sum(one.sessions for one in backend.of(colour)),
        }
        for colour, names in backend.colours.items()
    }
    return {"live": backend.live(), "colours": colours}


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
