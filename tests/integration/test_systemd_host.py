# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd hosts that other tests use: each is a machine of its own, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support import molecule_hosts
from support import systemd_host as support
from support.host_remains import HostError, sweep, traces
from support.systemd_host import Hosts, SystemdHost

#: A test run of its own that starts a host and then waits to be killed.
RUN = """\
from support.systemd_host import Hosts
with Hosts() as hosts, hosts.start() as host:
    print(hosts.run_id, host.run("systemctl", "is-system-running"), flush=True)
    input()
"""


def test_two_hosts_are_two_machines(systemd_hosts: Hosts, systemd_host: SystemdHost) -> None:
    with systemd_hosts.start() as other:
        assert other.run("systemctl", "is-system-running") == "running"
        assert other.run("uname", "-n") == other.name != systemd_host.run("uname", "-n")
        other.write("/etc/systemd/system/only-there.service", "[Service]\nExecStart=/usr/bin/sleep 1000\n")
        other.run("systemctl", "start", "only-there.service")
        other.run("systemctl", "kill", "--signal=KILL", "only-there.service")
        assert systemd_host.show("only-there.service", "LoadState") == {"LoadState": "not-found"}
        name = other.name
        assert traces(name)
    assert traces(name) == []
    # Other tests break units on the shared host, so that it may call itself degraded.
    assert systemd_host.run("systemctl", "is-system-running", check=False) in ("running", "degraded")


def test_a_host_that_does_not_come_up_is_told_and_removed(
    systemd_hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(support, "BOOT", "echo no kernel today; exit 3")
    with pytest.raises(HostError, match=r"did not come up \(status 3\):\nno kernel today") as told:
        systemd_hosts.start().__enter__()
    assert traces(str(told.value).split()[0]) == []


def test_a_test_that_fails_leaves_nothing(systemd_hosts: Hosts) -> None:
    name = ""

    def fail() -> None:
        nonlocal name
        with systemd_hosts.start() as host:
            name = host.name
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert name
    assert traces(name) == []


def test_what_a_killed_run_leaves_is_removed_by_the_next_one(systemd_hosts: Hosts) -> None:
    command = [sys.executable, "-c", RUN]
    environment = {**os.environ, "PYTHONPATH": str(Path(support.__file__).parents[1])}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        run_id, state = process.stdout.readline().split()
        assert state == "running"
        sweep()
        assert traces(f"br-{run_id}"), "a run that lives is left alone"
        process.send_signal(signal.SIGKILL)
        process.wait()
    sweep()
    assert traces(run_id) == []


def test_hosts_of_molecule_are_kept_until_they_are_stopped_or_their_owner_ends(
    systemd_hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(support.__file__).parents[1]))
    with subprocess.Popen(["sleep", "600"]) as tests:
        monkeypatch.setenv("MOLECULE_HOSTS_OWNER", str(tests.pid))
        assert molecule_hosts.up(tmp_path, {"target-01": {}}) == "Started target-01."
        assert molecule_hosts.up(tmp_path, {"target-01": {}}) == "The hosts run already."
        known = json.loads((tmp_path / molecule_hosts.CONNECTION).read_text())["all"]["hosts"]["target-01"]
        run_id = Path(known["ansible_control_path"]).parents[1].name
        assert traces(run_id)
        tests.kill()
    deadline = time.monotonic() + 30
    while molecule_hosts.keeper(tmp_path):
        assert time.monotonic() < deadline, "the hosts outlive the tests that they were started for"
        time.sleep(0.1)
    assert traces(run_id) == []
    assert molecule_hosts.down(tmp_path) == "No hosts run."
