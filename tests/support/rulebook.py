# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-rulebook with the event sources of the collection, and rules and playbooks of a test."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from demo.credentials import Credentials
from demo.environment import environment_for
from demo.java import find_java, packaged_java
from demo.layout import Layout
from demo.processes import Program, tail
from demo.scenarios.process_crash import free_port

#: Seconds that a state may take to come.
PATIENCE = 60.0
#: The rule of the collection's own rulebook.
CANARY_RULE = {
    "name": "A canary",
    "condition": "event.canary.id is defined",
    "action": {
        "run_playbook": {"name": "self_healing.devops.canary", "extra_vars": {"canary": "{{ event.canary.id }}"}}
    },
}
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


@dataclass(frozen=True)
class Answer:
    """What the listener answered. C(body) is text."""

    status: int
    body: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Rulebook:
    """An ansible-rulebook that runs and listens."""

    layout: Layout
    program: Program
    port: int

    @property
    def journal(self) -> Journal:
        return Journal.open(str(self.layout.journal))

    @property
    def log(self) -> str:
        return self.program.log.read_text("utf-8", errors="replace")

    def ask(self, path: str, body: Any = None) -> Answer:
        """Get a path of the listener, or post to it. Raises OSError when nothing listens."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", data, timeout=20) as answer:
                return Answer(answer.status, answer.read().decode(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), dict(error.headers))

    def until(self, condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
        """Return what the condition returns as soon as it is true. Fails when that does not come, or the end does."""
        deadline = time.monotonic() + patience
        while True:
            self.program.require_running()
            found = condition()
            if found:
                return found
            assert time.monotonic() < deadline, f"{what} did not come within {patience:g} s:\n{tail(self.program.log)}"
            time.sleep(0.05)

    def listens(self) -> bool:
        try:
            self.ask("/healthz")
        except OSError:
            return False
        return True


@contextmanager
def rulebook(
    folder: Path,
    rules: Sequence[Mapping[str, Any]],
    playbooks: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    *,
    strategy: str = "parallel",
    foreign: Sequence[Mapping[str, Any]] = (),
    **journal: Any,
) -> Iterator[Rulebook]:
    """Run an ansible-rulebook as long as the block does.

    C(playbooks) are plays by the name of their file in the folder C(playbooks). C(strategy) is how actions are run,
    C(parallel) or C(sequential). C(foreign) are sources besides those of the collection, C(journal) arguments of the
    source journal.
    """
    layout = Layout(folder)
    with layout.taken():
        layout.prepare()
        port = free_port()
        listener = {"host": "127.0.0.1", "port": port}
        sources: list[Mapping[str, Any]] = [
            *foreign,
            {"self_healing.devops.dynatrace": {**listener, "reconcile_interval": 0}},
            {"self_healing.devops.answers": listener},
            {"self_healing.devops.journal": {"canary_interval": 0, **journal}},
        ]
        ruleset = {"name": "Test", "hosts": "all", "execution_strategy": strategy, "sources": sources, "rules": rules}
        (layout.root / "rulebook.yml").write_text(yaml.safe_dump([ruleset]))
        (layout.inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"localhost": LOCAL}}}))
        (layout.root / "ansible.cfg").write_text("[defaults]\n")
        # ansible-rulebook copies the folder that a playbook is in.
        own = layout.root / "playbooks"
        own.mkdir()
        for name, plays in (playbooks or {}).items():
            (own / name).write_text(yaml.safe_dump(plays))
        java = find_java(os.environ, packaged_java())
        # Nothing but the sources themselves: no tool, no account and no secret.
        accounts = {*Credentials().environment(), "SELF_HEALING_ANSWER_URL"}
        environment = environment_for(layout, Credentials(), java, {}, "http://127.0.0.1:1", os.environ)
        environment = {name: value for name, value in environment.items() if name not in accounts}
        program = str(Path(sys.executable).with_name("ansible-rulebook"))
        command = [program, "--rulebook", str(layout.root / "rulebook.yml"), "-i", str(layout.inventory)]
        running = Program("ansible-rulebook", command, environment, layout.root, layout.logs / "rulebook.log")
        try:
            started = Rulebook(layout, running, port)
            started.until(started.listens, "the listener")
            yield started
        finally:
            running.stop()
