# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole tool chain around several services, with processes that can be killed and a rulebook that comes back."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from demo.chain import Chain
from demo.java import find_java, packaged_java
from demo.layout import Layout
from demo.processes import Program, Started, children, command_lines, gone, with_environment
from demo.sandbox_client import State
from demo.scenarios.process_crash import ProcessCrash
from sandbox.server import SandboxThread
from sandbox.settings import Settings, Watch, Webhook
from sandbox.xmatters import XMatters

from .chaos_checks import Break

#: Many heals of the same host within an hour, and all hosts down at once, are what is wanted here.
LIMITS: Mapping[str, Any] = {"self_healing_limits": {"attempts_per_hour": 10_000, "unhealthy_percent": 100}}
#: What tells a playbook and its workers from other processes.
PLAYBOOK = b"ansible-playbook"
#: Seconds that a killed process may take to be gone.
GONE = 10.0


class Shop(ProcessCrash):
    """One of several shops, each on a host of its own."""

    watched: ClassVar[str] = "shop-a"
    entity: ClassVar[str] = "PROCESS_GROUP_INSTANCE-C4A0500000000001"
    host_entity: ClassVar[str] = "HOST-C4A05000000000A1"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self._killed = 0
        self._log_before = 0

    def host_variables(self) -> Mapping[str, Any]:
        own = {"process_restart_service": self.watched, "self_healing_entities": [self.entity]}
        return {**super().host_variables(), **own}

    def to_watch(self) -> Watch:
        return Watch(self.watched, self.url, self.host, self.entity, self.host_entity)

    def break_it(self) -> str:
        self._killed = int(self.pid_file.read_text("ascii"))
        self._log_before = self.log_file.stat().st_size
        return super().break_it()

    def broken(self) -> Break:
        """Return what became of the service since it was broken."""
        with self.log_file.open("rb") as log:
            log.seek(self._log_before)
            later = log.read().decode(errors="replace")
        return Break(self.watched, self._killed, later, self.healed())

    def healed(self) -> str | None:
        self._first = self._killed
        return super().healed()


class OtherShop(Shop):
    """The second shop."""

    host: ClassVar[str] = "shop-02"
    watched: ClassVar[str] = "shop-b"
    entity: ClassVar[str] = "PROCESS_GROUP_INSTANCE-C4A0500000000002"
    host_entity: ClassVar[str] = "HOST-C4A05000000000A2"


class ChaosChain(Chain):
    """A chain whose sandbox runs in this process, so that its faults and its memory are at hand."""

    def __init__(self, layout: Layout) -> None:
        self.shops = (Shop(layout.service / "a"), OtherShop(layout.service / "b"))
        super().__init__(layout, self.shops[0], find_java(os.environ, packaged_java()), 0)
        self.emulated: SandboxThread
        self._rulebook: Program | None = None
        self._mains: set[Started] = set()
        # Ended last: whatever lives on without its parents.
        self._cleanup.callback(self._end_orphans)
        for shop in self.shops:
            self._cleanup.callback(shop.stop)

    @cached_property
    def journal(self) -> Journal:
        journal = Journal.open(str(self.layout.journal))
        self._cleanup.callback(journal.close)
        return journal

    # -- what is killed ------------------------------------------------------------------------------------------

    def kill(self, victim: str) -> str | None:
        """Kill one of L(chaos_points.VICTIMS), and tell who it was. None when not all of that runs now."""
        rulebook = self._rulebook if victim != "playbook" else None
        if rulebook is not None:
            if not self.listens():
                return None
            # What it starts in this very moment would never be found.
            rulebook.send(signal.SIGSTOP)
        playbooks = self.playbooks()
        if victim != "rulebook" and not playbooks:
            if rulebook is not None:
                rulebook.send(signal.SIGCONT)
            return None
        if rulebook is not None:
            rulebook.kill()
        if victim == "everything":
            playbooks = [one for one in self._all() if PLAYBOOK in command_lines([one])]
        victims = [] if victim == "rulebook" else playbooks
        for one in victims:
            one.send(signal.SIGKILL)
        gone(victims, GONE, 0.002)
        pids = " ".join(str(one.pid) for one in victims)
        return " and ".join(filter(None, ["the rulebook" if rulebook else "", f"playbook {pids}" if pids else ""]))

    def playbooks(self) -> list[Started]:
        """Return the main processes of the playbooks that run, also of those whose rulebook is gone.

        They are known as children of the rulebook: their workers look the same once they are orphans.
        """
        self._mains = {one for one in self._mains if one.runs()}
        if self._rulebook is not None:
            self._mains.update(one for one in children(self._rulebook.pid) if PLAYBOOK in command_lines([one]))
        return sorted(self._mains, key=lambda one: one.pid)

    def revive(self) -> None:
        """Start the rulebook again if it was killed. Does not wait for it."""
        if self._rulebook is None or not self._rulebook.runs():
            self._programs = [program for program in self._programs if program is not self._rulebook]
            self._rulebook = self._start("rulebook", self._rulebook_command())

    def listens(self) -> bool:
        return self._rulebook is not None and self._rulebook.runs() and self._listens()

    def _all(self) -> list[Started]:
        """Return every process of this run but this one, whoever is its parent by now."""
        found = with_environment(f"SELF_HEALING_JOURNAL={self.layout.journal}")
        return [one for one in found if one.pid != os.getpid()]

    def _end_orphans(self) -> None:
        deadline = time.monotonic() + GONE
        while (left := self._all()) and time.monotonic() < deadline:
            for one in left:
                one.send(signal.SIGKILL)
            time.sleep(0.02)

    # -- what is looked at ---------------------------------------------------------------------------------------

    def incidents(self) -> list[Incident]:
        """Return all incidents, oldest first."""
        return [self.journal.read(incident) for incident in reversed(self.journal.list_incidents(limit=10_000))]

    def state(self, unsettled: int) -> State:
        """Return what the tools show, in the form that the checks of the demo expect."""
        tools = {name: self.emulated.snapshot(name) for name in self.emulated.sandbox.tools}
        return {"tools": tools, "incidents": [], "journal": {"unsettled": unsettled}}

    def due(self) -> int:
        """Return how many deliveries are to be made now, or are not settled."""
        figures = self.journal.due.figures()
        return figures.unsettled + figures.waiting

    def running(self) -> list[str]:
        """Return what runs now, for whoever wants to know why something does not go on."""
        return [
            f"{one.pid} {command_lines([one]).replace(bytes(1), b' ').decode(errors='replace')[:160]}"
            for one in self._all()
        ]

    # -- how it starts -------------------------------------------------------------------------------------------

    def _start_sandbox(self) -> None:
        for other in self.shops[1:]:
            other.start()
        hosts = self.layout.inventory / "hosts.yml"
        inventory = yaml.safe_load(hosts.read_text("utf-8"))
        managed = inventory["all"]["children"]["self_healing_managed"]["hosts"]
        managed.update({shop.host: dict(shop.host_variables()) for shop in self.shops})
        hosts.write_text(yaml.safe_dump(inventory, sort_keys=False), "utf-8")
        policy = self.layout.inventory / "group_vars" / "all" / "self_healing.yml"
        policy.write_text(yaml.safe_dump({**yaml.safe_load(policy.read_text("utf-8")), **LIMITS}), "utf-8")
        # A request that breaks off because its sender was killed is no error of the sandbox.
        server_log = logging.getLogger("aiohttp.server")
        self._cleanup.callback(server_log.setLevel, server_log.level)
        server_log.setLevel(logging.CRITICAL)
        self.emulated = SandboxThread(self._settings())
        self._cleanup.callback(self.emulated.stop)
        xmatters = self.emulated.sandbox.tools[XMatters.name]
        assert isinstance(xmatters, XMatters)
        self.addresses = {**self.emulated.sandbox.addresses(), "xmatters_form": xmatters.form_url}

    def _settings(self) -> Settings:
        secrets = self.credentials
        listener = f"http://127.0.0.1:{self._port}"

        def webhook(tool: str, token: str) -> Webhook:
            return Webhook(f"{listener}/{tool}", {"Authorization": f"Bearer {token}"})

        return Settings(
            dynatrace_token=secrets.dynatrace_token,
            xmatters_user=secrets.environment()["XMATTERS_USER"],
            xmatters_password=secrets.xmatters_password,
            jira_user=secrets.environment()["JIRA_USER"],
            jira_token=secrets.jira_token,
            slack_token=secrets.slack_token,
            slack_app_token=secrets.slack_app_token,
            dynatrace_webhook=webhook("dynatrace", secrets.dynatrace_webhook_token),
            xmatters_webhook=webhook("xmatters", secrets.xmatters_webhook_token),
            watches=tuple(shop.to_watch() for shop in self.shops),
        )

    def _start_rulebook(self) -> None:
        self.revive()
        self._wait("rulebook", self._listens)
