# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are ended with everything that they started, whatever session that is in, and nobody else is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from demo.errors import DemoError
from demo.processes import Program, Started, command_lines, descendants

#: Starts a child in a session of its own, as ansible-runner does, and ignores or obeys SIGTERM.
PARENT = """
import signal, subprocess, sys, time
if "stubborn" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "the-child"], start_new_session=True)
print("started", child.pid, flush=True)
time.sleep(600)
"""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def start(tmp_path: Path, *arguments: str) -> Program:
    command = [sys.executable, "-c", PARENT, *arguments]
    program = Program("parent", command, os.environ, tmp_path, tmp_path / "log")
    until(lambda: "started" in (tmp_path / "log").read_text())
    return program


@pytest.mark.parametrize("arguments", [(), ("stubborn",)])
def test_a_program_is_ended_with_its_children(
    tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.processes.PATIENCE", 0.5)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        program = start(tmp_path, *arguments)
        child = int((tmp_path / "log").read_text().split()[1])
        mine = descendants(os.getpid())
        assert child in {process.pid for process in mine}
        assert b"the-child" in command_lines(mine)
        program.stop()
        assert child not in {process.pid for process in descendants(os.getpid()) if process.runs()}
        assert bystander.poll() is None
        bystander.kill()


def test_a_number_that_another_process_has_now_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        stale = Started(other.pid, "1")
        assert not stale.runs()
        stale.send(9)
        assert other.poll() is None
        other.kill()


def test_the_last_words_of_an_ended_program_are_said(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('jira_url is missing')"]
    program = Program("rulebook", command, os.environ, tmp_path, tmp_path / "log")
    assert program.wait(20) == 1
    with pytest.raises(DemoError, match=r"rulebook ended with status 1; .*\n    jira_url is missing"):
        program.require_running()
