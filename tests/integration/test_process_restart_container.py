# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""process_restart with the manager C(container): real containers of podman on this machine, over its own files.

Needs root, podman and runc, and no image. Everything that podman keeps is in memory.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.playbook import LOCAL, PlaybookRun, heal_play, run_playbook
from support.shop import free_port

ROLE = "self_healing.devops.process_restart"
HEAL = heal_play(ROLE)
SETTINGS = {
    "containers.conf": """\
[containers]
default_ulimits=["nofile=1024:4096","nproc=1024:4096"]
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
tmp_dir="{folder}/tmp"
""",
    "storage.conf": '[storage]\ndriver="vfs"\ngraphroot="{folder}/root"\nrunroot="{folder}/run"\n',
}
#: A web server that obeys a polite signal, which the first process of a container does not do by itself.
SERVE = """\
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("listens", flush=True)
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
NAMES = ("healthy", "killed", "obeyed", "created", "kept", "sick")


class Podman:
    """A podman that knows the containers of this test only."""

    def __init__(self, folder: Path) -> None:
        self.environment = {"CONTAINERS_CONF": f"{folder}/containers.conf"}
        self.environment["CONTAINERS_STORAGE_CONF"] = f"{folder}/storage.conf"
        for name, text in SETTINGS.items():
            (folder / name).write_text(text.replace("{folder}", str(folder)))
        self.ports = {name: free_port() for name in NAMES}

    def run(self, *words: str) -> str:
        done = subprocess.run(
            ["podman", *words],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"podman {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def make(self, verb: str, name: str, *options: str) -> None:
        """Make a container that serves the machine's own files; what it writes goes to a layer of its own."""
        command = ["/usr/bin/python3", "-c", SERVE, str(self.ports[name])]
        self.run(*verb.split(), "--name", name, "--network", "host", *options, "--rootfs", "/:O", *command)

    def states(self) -> dict[str, Any]:
        return {name: json.loads(self.run("inspect", "--format", "{{json .State}}", name)) for name in NAMES}

    def wait(self, name: str, status: str) -> None:
        deadline = time.monotonic() + 30
        while (seen := self.run("inspect", "--format", "{{.State.Status}}", name)) != status:
            assert time.monotonic() < deadline, f"{name} is {seen} and not {status}"
            time.sleep(0.1)

    def settings(self, name: str, **other: Any) -> dict[str, Any]:
        port = self.ports.get(name, 0)
        return {
            **LOCAL,
            "process_restart_manager": "container",
            "process_restart_become": False,
            "process_restart_service": name,
            "process_restart_port": port,
            "process_restart_probe_url": f"http://127.0.0.1:{port}/etc/hostname" if port else "",
            "process_restart_settle_seconds": 1,
            "process_restart_timeout_seconds": 20,
            **other,
        }


@dataclass(frozen=True)
class Seen:
    healed: PlaybookRun
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    absent = [program for program in ("podman", "runc") if shutil.which(program) is None]
    if absent or os.geteuid() != 0 or not Path("/usr/bin/python3").exists():
        pytest.skip(f"containers need root, {', '.join(absent) or '/usr/bin/python3'}")
    # In memory, because the upper layer of an overlay must not lie on its lower one.
    folder = Path("/dev/shm") / f"self-healing-podman-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    engine = Podman(folder)
    try:
        tried = subprocess.run(
            ["podman", "run", "--rm", "--network", "host", "--rootfs", "/:O", "true"],
            env={**os.environ, **engine.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if tried.returncode != 0:
            pytest.skip(f"no container runs here: {tried.stderr.strip()[-200:]}")
        yield engine
    finally:
        engine.run("rm", "--force", "--time", "0", "--all")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def seen(podman: Podman) -> Seen:
    for name in ("healthy", "killed", "obeyed", "sick"):
        podman.make("run --detach", name)
    podman.make("run --detach", "kept", "--restart", "always")
    podman.make("create", "created")
    for name in ("killed", "sick"):
        podman.run("kill", "--signal", "KILL", name)
    # One does not listen to its engine in time, the other does.
    podman.run("stop", "--time", "0", "kept")
    podman.run("stop", "--time", "20", "obeyed")
    for name in ("killed", "sick", "kept", "obeyed"):
        podman.wait(name, "exited")
    before = podman.states()
    hosts = {
        **{name: podman.settings(name) for name in (*NAMES, "unknown")},
        "sick": podman.settings("sick", process_restart_probe_text="all is well", process_restart_timeout_seconds=1),
    }
    healed = run_playbook([HEAL], hosts, environment=podman.environment)
    return Seen(healed, before, podman.states())


def test_a_healthy_container_is_left_alone(seen: Seen) -> None:
    assert seen.healed.failure("healthy") is None, seen.healed.output
    assert seen.healed.changed("healthy") == []
    assert seen.after["healthy"]["Pid"] == seen.before["healthy"]["Pid"] != 0


def test_a_killed_container_is_started_and_answers(seen: Seen) -> None:
    assert seen.healed.failure("killed") is None, seen.healed.output
    assert seen.healed.changed("killed") == ["Restart the container"]
    before, after = (seen.healed.fact("killed", f"process_restart_{phase}") for phase in ("before", "after"))
    figures = before["figures"]
    assert (figures["up"], figures["exit_signal"], figures["exit_code"], figures["starts"]) == (0, 9, None, 1)
    assert (after["healthy"], after["figures"]["pid"]) == (True, seen.after["killed"]["Pid"])


def test_its_last_lines_are_read(seen: Seen) -> None:
    looked = seen.healed.of("killed", "Look at the service")
    assert "listens" in next(done.result["stderr"] for done in looked if "stderr" in done.result)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("obeyed", "it was stopped on purpose"),
        ("kept", "it was stopped on purpose"),
        ("created", "nothing on this host is to start it"),
        ("unknown", "there is no such container on this host"),
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
    assert seen.healed.changed("sick") == ["Restart the container", "Stop the container"]
    assert seen.after["sick"]["Status"] == "exited"
