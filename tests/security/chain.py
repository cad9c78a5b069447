# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole tool chain with every door open, the playbooks of one ansible-core, and a way out that somebody watches."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import requests
import yaml

from ansible_collections.self_healing.devops.plugins.filter.answer_link import answer_link
from demo.layout import Layout
from demo.processes import Program, tail
from demo.scenarios.process_crash import ProcessCrash
from sandbox.slack.interactivity import sign
from security.cores import core
from security.outside import Outside, thorough
from support.chain import TestChain

PLAYBOOK = 240.0


class Everything(ProcessCrash):
    """The crash of a process, with Keptn among the tools."""

    tools: ClassVar[tuple[str, ...]] = ("keptn",)


class OpenChain(TestChain):
    """A chain that takes what anybody posts, and whose monitoring system tells nothing by itself."""

    def __init__(self, layout: Layout, watch: Outside) -> None:
        super().__init__(layout, by_hand=True, scenario=Everything)
        self._watch = watch
        self.events_file = layout.logs / "events.jsonl"
        #: Secrets of this run that the demonstration does not have.
        self.own_secrets = {"SLACK_SIGNING_SECRET": secrets.token_hex(20)}
        #: All that the playbooks printed.
        self.printed = ""

    # -- programs -----------------------------------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), **self.own_secrets, **self._watch.environment()}

    def _sandbox_command(self) -> list[str]:
        command = super()._sandbox_command()
        at = command.index("--dynatrace-webhook")
        return [*command[:at], *command[at + 2 :], "--slack-interactivity", f"{self._listener}/slack"]

    def _start_rulebook(self) -> None:
        program = [sys.executable, "-m", "security.intake", str(self._port), str(self.events_file)]
        self._start("rulebook", program)
        self._wait("rulebook", self._listens)

    def playbook(self, name: str, incident: str = "", **variables: str) -> str:
        """Run a playbook of the collection with the ansible-core that is tried, and with -vvv."""
        tried = core()
        log = self.layout.logs / f"playbook-{time.monotonic_ns()}.log"
        given = {**({"incident": incident} if incident else {}), **variables}
        extra = [part for key, value in given.items() for part in ("-e", f"{key}={value}")]
        command = [tried.program("ansible-playbook"), name, "-i", str(self.layout.inventory), *extra]
        talkative = "3" if thorough() or name.endswith("heal") else "0"
        environment = {**self._environment(), **tried.environment(), "ANSIBLE_VERBOSITY": talkative}
        running = Program("ansible-playbook", command, environment, self.layout.root, log)
        try:
            status = running.wait(PLAYBOOK)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{name} did not end:\n{tail(log)}") from None
        finally:
            running.stop()
        output = log.read_text("utf-8", errors="replace")
        self.printed += output
        assert status == 0, f"{name} ended with status {status}:\n{output[-4000:]}"
        return output

    def tell(self, incidents: Sequence[str]) -> str:
        """Have every tool told about several incidents in one run, as C(converge) does for those behind."""
        role = {"name": "self_healing.devops.incident", "tasks_from": "tool"}
        task = {
            "name": "Tell the tool about each incident",
            "ansible.builtin.include_role": role,
            "vars": {"incident_id": "{{ incident_chosen }}"},
            "loop": list(incidents),
            "loop_control": {"loop_var": "incident_chosen"},
        }
        play = {"name": "Tell", "hosts": "toolchain", "gather_facts": False, "strategy": "free", "tasks": [task]}
        file = self.layout.root / "tell.yml"
        file.write_text(yaml.safe_dump([play]))
        return self.playbook(str(file))

    # -- doors --------------------------------------------------------------------------------------------------------

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> int:
        """Post to a path of the sources as whoever has its secret, and return the status."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if path == "/slack":
            data = data if isinstance(body, bytes) else urlencode({"payload": json.dumps(body)}).encode()
        given = {"Content-Type": "application/json", **self._signed(path, data), **(headers or {})}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(f"{self._listener}{path}", data=data, headers=given, timeout=60).status_code

    def _signed(self, path: str, body: bytes) -> dict[str, str]:
        known = self.credentials.environment()
        if path == "/slack":
            at = str(int(time.time()))
            signature = sign(self.own_secrets["SLACK_SIGNING_SECRET"], at, body)
            form = "application/x-www-form-urlencoded"
            return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature, "Content-Type": form}
        if path == "/jira":
            digest = hmac.new(known["JIRA_WEBHOOK_SECRET"].encode(), body, hashlib.sha256).hexdigest()
            return {"X-Hub-Signature": f"sha256={digest}"}
        return {"Authorization": f"Bearer {known[f'{path[1:].upper()}_WEBHOOK_TOKEN']}"}

    def link(self, incident: str, to: str) -> str:
        """Return the signed link by which a group called C(to) answers."""
        record = self.journal.read(incident).to_dict()
        key = [self.credentials.link_secret]
        return answer_link(record, to, personal=False, secrets=key, url=f"{self._listener}/answer")

    # -- what is there ------------------------------------------------------------------------------------------------

    def events(self) -> list[dict[str, Any]]:
        """Return what rules would have seen, each with what is wrong with it."""
        return [json.loads(line) for line in self.events_file.read_text("utf-8").splitlines()]

    def leaks(self) -> list[str]:
        """Return where a secret of this run lies open: files that are left, and what was printed."""
        found = [f"{name} in {path}" for path, name in self.credentials.leaks(self.layout.root)]
        for path in [path for path in self.layout.root.rglob("*") if path.is_file() and not path.is_symlink()]:
            data = path.read_bytes()
            found += [f"{name} in {path}" for name, secret in self.own_secrets.items() if secret.encode() in data]
        return found + [f"{name} in the list of processes" for name in sorted(self.seen_in_processes)]

    def jira(self, path: str) -> requests.Response:
        known = self.credentials.environment()
        with requests.Session() as session:
            session.trust_env = False
            url = path if path.startswith("http") else f"{self.addresses['jira']}{path}"
            return session.get(url, auth=(known["JIRA_USER"], known["JIRA_TOKEN"]), timeout=30)


@contextmanager
def open_chain(folder: Path, watch: Outside) -> Iterator[OpenChain]:
    layout = Layout(folder)
    with layout.taken():
        layout.prepare()
        with OpenChain(layout, watch) as chain:
            chain.start()
            yield chain
