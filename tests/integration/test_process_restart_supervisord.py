# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""process_restart with the manager C(supervisord): a real supervisord on this machine, with programs that really crash.

Every case is a host of its own in one inventory, so that one run of ansible-playbook shows them all.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.playbook import LOCAL, PlaybookRun, heal_play, run_playbook
from support.shop import SHOP, free_port

ROLE = "self_healing.devops.process_restart"
HEAL = heal_play(ROLE)
CONFIGURATION = """\
[unix_http_server]
file=%(here)s/socket
[supervisord]
nodaemon=true
logfile=%(here)s/log
pidfile=%(here)s/pid
childlogdir=%(here)s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/socket
[group:web]
programs=killed,store
"""
PROGRAM = """\
[program:{name}]
command={python} {shop} --port {port}
redirect_stderr=true
autorestart=false
startsecs=1
startretries=3
stopsignal=KILL
{more}
"""
NAMES = ("healthy", "killed", "store", "stopped", "never", "looping", "sick")


class Supervisor:
    """A supervisord of this test, and what it says about its programs."""

    def __init__(self, folder: Path) -> None:
        self.configuration = folder / "supervisord.conf"
        self.ports = {name: free_port() for name in NAMES}
        more = {"never": "autostart=false", "looping": f"command={sys.executable} -c 'raise SystemExit(3)'"}
        values = {"python": sys.executable, "shop": SHOP}
        programs = [
            PROGRAM.format(name=name, port=port, more=more.get(name, ""), **values) for name, port in self.ports.items()
        ]
        # The last of two settings counts.
        self.configuration.write_text(CONFIGURATION + "".join(programs).replace("%", "%%").replace("%%(", "%("))

    def control(self, *words: str) -> str:
        command = ["supervisorctl", "-c", str(self.configuration), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout.strip()

    def states(self) -> dict[str, str]:
        """Return state, and pid where there is one, by the name of the program without its group."""
        lines = [line.split(None, 4) for line in self.control("status").splitlines()]
        return {
            words[0].rpartition(":")[2]: " ".join([words[1], *words[3:4]] if words[1] == "RUNNING" else words[1:2])
            for words in lines
        }

    def wait(self, **wanted: str) -> None:
        deadline = time.monotonic() + 30
        while {name: self.states().get(name, "").split(" ")[0] for name in wanted} != wanted:
            assert time.monotonic() < deadline, f"{self.control('status')} instead of {wanted}"
            time.sleep(0.1)

    def kill(self, name: str) -> None:
        os.kill(int(self.control("pid", name)), signal.SIGKILL)

    def settings(self, name: str, program: str | None = None, **other: Any) -> dict[str, Any]:
        port = self.ports.get(name, 0)
        return {
            **LOCAL,
            "process_restart_manager": "supervisord",
            "process_restart_supervisor_config": str(self.configuration),
            "process_restart_become": False,
            "process_restart_service": program or name,
            "process_restart_port": port,
            "process_restart_probe_url": f"http://127.0.0.1:{port}/health" if port else "",
            "process_restart_settle_seconds": 1,
            "process_restart_timeout_seconds": 20,
            **other,
        }


@dataclass(frozen=True)
class Seen:
    healed: PlaybookRun
    before: Mapping[str, str]
    after: Mapping[str, str]
    log: str


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    program = shutil.which("supervisord")
    if program is None or shutil.which("supervisorctl") is None:
        pytest.skip("programs of supervisord need supervisord")
    supervisor = Supervisor(tmp_path_factory.mktemp("supervisord"))
    with subprocess.Popen(
        [program, "-c", str(supervisor.configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            supervisor.wait(healthy="RUNNING", killed="RUNNING", store="RUNNING", sick="RUNNING", looping="FATAL")
            supervisor.control("stop", "stopped")
            for name in ("web:store", "web:killed", "sick"):
                supervisor.kill(name)
            supervisor.wait(store="EXITED", killed="EXITED", sick="EXITED", stopped="STOPPED")
            before = supervisor.states()
            hosts = {
                **{name: supervisor.settings(name) for name in ("healthy", "stopped", "never", "unknown")},
                "killed": supervisor.settings("killed", "web:killed", process_restart_dependencies=["web:store"]),
                "looping": supervisor.settings("looping", process_restart_loop_starts=3),
                "sick": supervisor.settings(
                    "sick", process_restart_probe_text="all is well", process_restart_timeout_seconds=1
                ),
            }
            healed = run_playbook([HEAL], hosts)
            yield Seen(healed, before, supervisor.states(), (supervisor.configuration.parent / "log").read_text())
        finally:
            # By itself it takes some seconds to think it over.
            supervisor.control("stop", "all")
            process.kill()


def test_a_healthy_program_is_left_alone(seen: Seen) -> None:
    assert seen.healed.failure("healthy") is None, seen.healed.output
    assert seen.healed.changed("healthy") == []
    assert seen.after["healthy"] == seen.before["healthy"]


def test_a_killed_program_is_started_after_what_it_depends_on(seen: Seen) -> None:
    assert seen.healed.failure("killed") is None, seen.healed.output
    assert seen.healed.changed("killed") == ["Restart the program", "Restart the program"]
    assert seen.after["killed"].startswith("RUNNING ")
    spawned = re.findall(r"spawned: '(store|killed)'", seen.log)
    assert spawned[-2:] == ["store", "killed"]


def test_how_it_ended_and_how_often_it_was_started_is_told(seen: Seen) -> None:
    figures = seen.healed.fact("killed", "process_restart_before")["figures"]
    assert (figures["up"], figures["starts"], figures["exit_signal"], figures["exit_code"]) == (0, 1, 9, None)
    assert seen.healed.fact("looping", "process_restart_before")["figures"]["exit_code"] == 3


def test_its_last_lines_are_read(seen: Seen) -> None:
    looked = seen.healed.of("killed", "Look at the service")
    log = next(done.result["stderr"] for done in looked if "stderr" in done.result)
    assert "listens on 127.0.0.1:" in log


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("stopped", "it was stopped on purpose"),
        ("never", "nothing on this host is to start it"),
        ("unknown", "there is no such program on this host"),
        ("looping", "it was started 4 times within 600 s, which is a crash loop"),
    ],
)
def test_what_is_not_meant_to_run_is_not_started(seen: Seen, name: str, reason: str) -> None:
    failure = seen.healed.failure(name) or ""
    assert failure.startswith(f"{name} on {name} is not started: "), seen.healed.output
    assert reason in failure
    assert seen.healed.changed(name) == []
    assert seen.after.get(name) == seen.before.get(name)


def test_a_start_in_vain_is_taken_back(seen: Seen) -> None:
    assert "answered without the expected text" in (seen.healed.failure("sick") or "")
    assert seen.healed.changed("sick") == ["Restart the program", "Stop the program"]
    assert seen.after["sick"] == "STOPPED"
