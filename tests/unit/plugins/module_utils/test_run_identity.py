# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import run_identity

#: A run as ansible-playbook is one: a main process that takes the name, and a forked worker that works on.
RUN = f"""
import os, sys
from {run_identity.__name__} import hold
print(hold(), flush=True)
worker = os.fork()
if worker:
    print(worker, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run() -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", RUN], env=environment, stdin=pipe, stdout=pipe, text=True)
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(30)


def lines(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Return the name of the run and the process number of its worker."""
    assert process.stdout is not None
    return process.stdout.readline().strip(), int(process.stdout.readline())


def test_a_run_is_alive_until_its_last_worker_ended(run: subprocess.Popen[str]) -> None:
    name, worker = lines(run)
    assert run_identity.state_of(name) == run_identity.ALIVE
    os.kill(run.pid, signal.SIGKILL)
    run.wait(30)
    assert run_identity.state_of(name) == run_identity.ALIVE, "its worker may still do something to a host"
    os.kill(worker, signal.SIGKILL)
    # The orphan is reaped by somebody else, a moment later.
    while run_identity.state_of(name) != run_identity.LOST:
        os.sched_yield()


def test_a_fork_that_this_process_disowned_does_not_count_as_it() -> None:
    """What ansible-rulebook forks to start a playbook may outlive it without ever becoming one."""
    program = f"""
import os, sys
from {run_identity.__name__} import disown_forks, held, hold
disown_forks()
disown_forks()
name = hold()
worker = os.fork()
if worker == 0:
    assert held() is None and hold() != name
    print(name, os.getpid(), flush=True)
sys.stdin.read()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdin=pipe, stdout=pipe, text=True)
    try:
        assert process.stdout is not None
        name, fork = process.stdout.readline().split()
        assert run_identity.state_of(name) == run_identity.ALIVE
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        assert run_identity.state_of(name) == run_identity.LOST
        os.kill(int(fork), signal.SIGKILL)
    finally:
        process.kill()
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def test_a_look_does_not_take_the_name_away(run: subprocess.Popen[str]) -> None:
    name, _worker = lines(run)
    assert [run_identity.state_of(name) for _again in range(3)] == [run_identity.ALIVE] * 3


def test_this_process_has_one_name() -> None:
    assert run_identity.hold() == run_identity.hold() == run_identity.held()
    assert run_identity.state_of(run_identity.hold()) == run_identity.ALIVE


@pytest.mark.parametrize(
    ("part", "value", "state"),
    [
        ("token", "0" * 16, run_identity.LOST),
        ("network", "elsewhere", run_identity.UNKNOWN),
        ("machine", "elsewhere", run_identity.LOST),
    ],
)
def test_what_cannot_be_seen_from_here_is_unknown(part: str, value: str, state: str) -> None:
    parts = dict(
        zip(("host", "pid", "machine", "boot", "network", "token"), run_identity.hold().split(":"), strict=True)
    )
    parts["token"] = "1" * 16
    assert run_identity.state_of(":".join({**parts, part: value}.values())) == state


@pytest.mark.parametrize(("machine", "state"), [("same", run_identity.LOST), ("", run_identity.UNKNOWN)])
def test_nothing_lives_of_before_a_restart_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, machine: str, state: str
) -> None:
    host, pid, _machine, _boot, network, token = run_identity.hold().split(":")
    monkeypatch.setattr(run_identity, "_machine", lambda: machine)
    assert run_identity.state_of(":".join((host, pid, machine, "earlier", network, token))) == state
    assert run_identity.state_of(":".join((host, pid, "other", "earlier", network, token))) == run_identity.UNKNOWN


@pytest.mark.parametrize("name", ["", "host:1", "a:b:c:d:e:f:g", "here:1"])
def test_other_names_are_unknown(name: str) -> None:
    assert run_identity.state_of(name) == run_identity.UNKNOWN


def test_people_read_host_and_process() -> None:
    assert run_identity.short(run_identity.hold()).endswith(f":{os.getpid()}")
