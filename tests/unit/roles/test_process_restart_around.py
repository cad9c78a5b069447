# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence that process_restart finds around a service, with real processes, files and ports."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.shop import free_port

FILES = Path(__file__).absolute().parents[3] / "roles" / "process_restart" / "files"
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(FILES))
    evidence = importlib.import_module("service_around")

#: Holds a deleted file of one MiB open, listens on a port, and has a child that holds the same file.
SERVICE = """\
import os, socket, subprocess, sys
file = open("gone.log", "wb")
file.write(b"x" * 1024 * 1024)
file.flush()
os.unlink("gone.log")
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[file.fileno()])
print("up", flush=True)
input()
child.kill()
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Pid and port of a service that runs in the folder of the test."""
    port = free_port()
    command = [sys.executable, "-c", SERVICE, str(port)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        yield process.pid, port
        process.communicate(b"\n")


def around(**asked: Any) -> Any:
    return evidence.around(evidence.Around(**asked))


def log(*command: str, lines: int = 100) -> list[str]:
    found: list[str] = around(log=list(command), log_lines=lines).log
    return found


def test_a_running_service_is_measured_with_what_comes_from_it(service: tuple[int, int], tmp_path: Path) -> None:
    pid, port = service
    found = around(pid=pid, port=port)
    figures = found.figures
    assert 5 < figures["memory_mib"] < 200
    assert figures["threads"] >= 2
    assert figures["open_files"] > 6
    assert (figures["ports"], figures["deleted_files"], figures["deleted_mib"]) == (str(port), 1, 1.0)
    assert found.report[0].startswith("2 processes, ")
    assert any(f"{tmp_path}/gone.log 1024 KiB"[-50:] in line for line in found.report), found.report


def test_who_else_has_the_port_is_told(service: tuple[int, int]) -> None:
    pid, port = service
    assert f"port {port} is held by process {pid} (" in around(port=port).report[0]


def test_a_core_dump_of_the_process_that_ended_is_found(tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    for name in (f"core.{ended.pid}", f"core.{ended.pid}0", "core.txt"):
        (tmp_path / name).write_bytes(b"x" * 2048)
    found = around(pid=ended.pid, show=["echo", f"WorkingDirectory=-{tmp_path}"])
    assert found.figures["core_files"] == 1
    assert found.report[0].endswith(f"/core.{ended.pid} 2 KiB")
    assert found.figures["memory_mib"] is None


def test_what_needs_the_service_is_named() -> None:
    shown = "WorkingDirectory=\nRequiredBy=web.service api.service\nWantedBy=multi-user.target\nTriggeredBy="
    assert around(show=["printf", "%s", shown]).report == ["needed by api.service, web.service"]


@pytest.mark.parametrize("command", [["/no/such/program"], ["false"]])
def test_what_cannot_be_found_is_left_out(command: list[str]) -> None:
    found = around(pid=2**22 + 1, port=1, show=command)
    assert found.report == []
    assert {name: value for name, value in found.figures.items() if value is not None} == {"core_files": 0}


def test_names_from_outside_stay_short_and_on_one_line() -> None:
    found = around(show=["printf", "%s", "NeededBy=" + " ".join(f"{'x' * 200}{n}\x1b[31m" for n in range(20))])
    assert len(found.report) == 1
    assert len(found.report[0]) < 600
    assert "\x1b" not in found.report[0]
    assert found.report[0].endswith("and 12 more")


def test_the_log_is_bounded_and_inert(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"old\n" * 100_000 + b"\xff\xfe {{ 6 * 7 }}\x1b]0;owned\x07\x85\r\nx" + b"y" * 5000 + b"\n")
    lines = log("cat", str(file), lines=3)
    assert lines[0] == "old"
    assert lines[1] == "�� {{ 6 * 7 }}�]0;owned���"
    assert lines[2] == "x" + "y" * 999
    assert sum(len(line) + 1 for line in log("cat", str(file), lines=10**6)) <= evidence.LOG_BYTES


def test_a_log_that_cannot_be_read_is_no_error() -> None:
    assert log("/no/such/program")[0].startswith("no log: ")
    assert "No such file" in log("cat", "/no/such/log")[0]
