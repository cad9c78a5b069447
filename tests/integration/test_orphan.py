# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A playbook whose ansible-runner was killed comes to an end, and does not stay with all that it holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from demo.processes import Started, command_lines, with_environment

RUNNER = (
    "import ansible_runner, sys; ansible_runner.run(private_data_dir=sys.argv[1], playbook='orphan.yml', quiet=True)"
)
#: Its workers write a line for each item, while the main process only waits for them.
PLAYBOOK = [
    {
        "name": "Be left alone",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [
            {"name": "Use an action of ours", "self_healing.devops.incident_info": {"states": ["asked"]}},
            {
                "name": "Take some time",
                "ansible.builtin.shell": "echo {{ item }} >> {{ playbook_dir }}/items; sleep 0.5",
                "loop": "{{ range(200) | list }}",
            },
        ],
    }
]
PATIENCE = 60.0


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[Started]:
    """The main process of a playbook whose runner was killed while a worker was at its loop."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "orphan.yml").write_text(yaml.safe_dump(PLAYBOOK, sort_keys=False))
    journal = str(tmp_path / "journal.db")
    environment = {**os.environ, "SELF_HEALING_JOURNAL": journal}
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, str(tmp_path)], env=environment, start_new_session=True)
    deadline = time.monotonic() + PATIENCE
    try:
        while not (project / "items").exists():
            assert runner.poll() is None, "ansible-runner ended by itself"
            assert time.monotonic() < deadline, "the loop did not begin"
            time.sleep(0.02)
        found = [one for one in with_environment(f"SELF_HEALING_JOURNAL={journal}") if one.pid != runner.pid]
        main = min((one for one in found if b"ansible-playbook" in command_lines([one])), key=lambda one: one.pid)
        runner.kill()
        runner.wait()
        yield main
    finally:
        runner.kill()
        runner.wait()
        for one in with_environment(f"SELF_HEALING_JOURNAL={journal}"):
            one.send(signal.SIGKILL)


def test_a_playbook_ends_when_its_runner_was_killed(orphan: Started) -> None:
    deadline = time.monotonic() + PATIENCE / 4
    while orphan.runs():
        assert time.monotonic() < deadline, "it stays for ever"
        time.sleep(0.02)
