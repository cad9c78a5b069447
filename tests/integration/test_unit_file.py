# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit file of docs/ on a real systemd host: a stop lets the playbook end that runs, and nothing is lost."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.java import find_java, packaged_java
from support.dynatrace_source import notification
from support.rulebook import LOCAL
from support.systemd_host import SystemdHost
from support.tree import ROOT

UNIT = "self-healing.service"
PLACE = "/srv/self-healing"
BIN = ROOT / ".venv" / "bin"
PATIENCE = 60.0
RULES = [
    {
        "name": "Heal what is reported",
        "hosts": "all",
        "execution_strategy": "parallel",
        "sources": [
            {"self_healing.devops.dynatrace": {"port": 5000, "reconcile_interval": 0}},
            {"self_healing.devops.journal": {"canary_interval": 0}},
        ],
        "rules": [
            {
                "name": "A problem",
                "condition": "event.problem.incident is defined",
                "action": {
                    "run_playbook": {
                        "name": f"{PLACE}/playbooks/slow.yml",
                        "copy_files": False,
                        "extra_vars": {"incident": "{{ event.problem.incident }}", "delivery": "{{ event.meta.uuid }}"},
                    }
                },
            }
        ],
    }
]
SLOW = [
    {
        "name": "Take its time",
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [
            {"name": "Run", "ansible.builtin.copy": {"dest": f"{PLACE}/runs", "content": ""}},
            {"name": "Wait", "ansible.builtin.wait_for": {"path": f"{PLACE}/go", "sleep": 1, "timeout": 300}},
            {
                "name": "Settle",
                "self_healing.devops.incident": {
                    "incident": "{{ incident }}",
                    "step": "settle",
                    "delivery": "{{ delivery }}",
                },
            },
        ],
    }
]
#: Asks the listener on the host: a path and, to post it, a body.
ASK = """\
import sys, urllib.error, urllib.request
data = sys.stdin.read().encode() or None
try:
    answer = urllib.request.urlopen("http://127.0.0.1:5000" + sys.argv[1], data, timeout=20)
except urllib.error.HTTPError as error:
    answer = error
except OSError:
    sys.exit("nothing listens")
print(answer.getcode(), answer.read().decode())
"""
LOOK = """\
import sys
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
journal = Journal.open(sys.argv[1])
print(len(journal.list_incidents()), journal.due.unsettled())
"""


@pytest.fixture
def host(systemd_host: SystemdHost) -> Iterator[SystemdHost]:
    """The shared host with the unit of docs/ on it, started."""
    collections = ROOT / ".venv" / "collections"
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "PYTHONPATH": collections,
        "JAVA_HOME": find_java(os.environ, packaged_java()),
        "SELF_HEALING_JOURNAL": f"{PLACE}/journal.db",
        "LC_ALL": "C.UTF-8",
    }
    files = {
        f"/etc/systemd/system/{UNIT}": as_it_is_here((ROOT / "docs" / UNIT).read_text("utf-8")),
        "/etc/self-healing.env": "".join(f"{name}={value}\n" for name, value in environment.items()),
        f"{PLACE}/rulebook.yml": yaml.safe_dump(RULES),
        f"{PLACE}/inventory/hosts.yml": yaml.safe_dump({"all": {"hosts": {"localhost": LOCAL}}}),
        f"{PLACE}/playbooks/slow.yml": yaml.safe_dump(SLOW),
        f"{PLACE}/ask.py": ASK,
        f"{PLACE}/look.py": LOOK,
    }
    for path, text in files.items():
        systemd_host.write(path, text)
    systemd_host.run("systemctl", "daemon-reload")
    systemd_host.run("systemctl", "start", UNIT)
    yield systemd_host
    systemd_host.run("systemctl", "kill", "--signal=KILL", UNIT, check=False)
    systemd_host.run("systemctl", "stop", UNIT, check=False)
    systemd_host.run("rm", "-r", PLACE, f"/etc/systemd/system/{UNIT}")
    systemd_host.run("systemctl", "reset-failed", UNIT, check=False)


def as_it_is_here(unit: str) -> str:
    """Return the unit with the places of this checkout, and nothing else changed."""
    replaced = {
        r"^User=.*\n": "",
        r"^WorkingDirectory=.*$": f"WorkingDirectory={PLACE}",
        r"/opt/self-healing/venv/bin": str(BIN),
        r"--rulebook \S+ -i \S+": f"--rulebook {PLACE}/rulebook.yml -i {PLACE}/inventory",
        # The checkout may be below /tmp.
        r"^PrivateTmp=yes$": f"PrivateTmp=yes\nBindReadOnlyPaths={ROOT}",
    }
    for pattern, text in replaced.items():
        unit, number = re.subn(pattern, text, unit, flags=re.MULTILINE)
        assert number, f"the unit has no {pattern}"
    return unit


def test_systemd_stops_it_after_its_playbook_has_ended(host: SystemdHost) -> None:
    until(host, lambda: ask(host, "/healthz")[0] == 200, "the listener")
    assert ask(host, "/dynatrace", notification())[0] == 200
    until(host, lambda: host.run("ls", PLACE).split().count("runs") == 1, "the playbook")

    host.run("systemctl", "stop", "--no-block", UNIT)
    until(host, lambda: '"stopping"' in ask(host, "/healthz")[1], "the stop")
    assert ask(host, "/dynatrace", notification(PID="-2_2V2"))[0] == 503
    assert look(host) == "1 1"
    host.write(f"{PLACE}/go", "")
    until(host, lambda: host.show(UNIT, "ActiveState")["ActiveState"] == "inactive", "the end")
    log = host.run("journalctl", "--no-pager", "-u", UNIT)
    assert f"{UNIT}: Deactivated successfully" in log
    # systemd tells of an end with any other status than 0, also of one that the unit allows.
    assert "Main process exited" not in log
    assert "Killing process" not in log, "nothing was left to be killed"
    assert look(host) == "1 0", "what the playbook was started for is settled"


def ask(host: SystemdHost, path: str, body: Any = None) -> tuple[int, str]:
    said = host.run("/usr/bin/python3", f"{PLACE}/ask.py", path, stdin=json.dumps(body) if body else "", check=False)
    status, _blank, text = said.partition(" ")
    return int(status or 0), text


def look(host: SystemdHost) -> str:
    """Return how many incidents there are, and how many deliveries are not settled."""
    collections = Path(ROOT / ".venv" / "collections")
    return host.run("env", f"PYTHONPATH={collections}", str(BIN / "python"), f"{PLACE}/look.py", f"{PLACE}/journal.db")


def until(host: SystemdHost, condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        log = host.run("journalctl", "--no-pager", "-n", "30", "-u", UNIT, check=False)
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE:.0f} s:\n{log}"
        time.sleep(0.1)
