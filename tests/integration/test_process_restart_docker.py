# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""process_restart with docker, whose daemon cannot run here: a program that speaks as its command line does.

What docker prints about a container differs from podman in its words for events, signals and restart policies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.playbook import LOCAL, PlaybookRun, run_playbook

ROLE = "self_healing.devops.process_restart"
HEAL = {
    "name": "Heal",
    "hosts": "all",
    "gather_facts": False,
    "strategy": "free",
    "tasks": [{"name": "Heal", "ansible.builtin.include_role": {"name": ROLE}}],
}
#: Keeps what it knows of a container in a file of its name. The process of one that was restarted is a real one.
DOCKER = """\
#!{python}
import json, pathlib, subprocess, sys, time
words = sys.argv[1:]
named = words[-1] if words[0] != "events" else words[words.index("--filter") + 1].partition("=")[2]
file = pathlib.Path(__file__).with_name(named + ".json")
if not file.exists():
    sys.exit("Error response from daemon: No such container: " + named)
known = json.loads(file.read_text())
if words[0] == "inspect":
    assert words[1:4] == ["--type", "container", "--"], words
    print(json.dumps([known["container"]]))
elif words[0] == "events":
    assert "--until" in words and words[-1] == "{{{{json .}}}}", words
    print(*map(json.dumps, known["events"]), sep="\\n")
elif words[0] == "logs":
    print("container says {{{{ 6 * 7 }}}}", file=sys.stderr)
else:
    assert words[:2] == ["restart", "--"], words
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(["sleep", "600"], start_new_session=True, stdin=quiet, stdout=quiet, stderr=quiet)
    known["container"]["State"].update(Status="running", Running=True, Pid=process.pid, ExitCode=0)
    file.write_text(json.dumps(known))
    print(named)
"""


def container(code: int, *actions: str) -> dict[str, Any]:
    """Return a container that has ended, and the events that docker keeps of it, which end now."""
    now = time.time()
    return {
        "container": {
            "State": {
                "Status": "exited",
                "Running": False,
                "OOMKilled": False,
                "Pid": 0,
                "ExitCode": code,
                "Error": "",
            },
            "RestartCount": 0,
            "Config": {"StopSignal": "SIGTERM"},
            "HostConfig": {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}},
        },
        "events": [
            {"status": action, "Type": "container", "Action": action, "time": int(now), "timeNano": int(now * 1e9)}
            for action in actions
        ],
    }


@pytest.fixture(scope="module")
def healed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PlaybookRun, Path]]:
    folder = tmp_path_factory.mktemp("docker")
    program = folder / "docker"
    program.write_text(DOCKER.format(python=sys.executable))
    program.chmod(0o755)
    known = {
        "killed": container(137, "start", "kill", "die"),
        # Told to stop, and killed because it did not listen.
        "stopped": container(137, "start", "kill", "die", "stop"),
        "looping": container(1, *("start", "die") * 5),
    }
    for name, about in known.items():
        (folder / f"{name}.json").write_text(json.dumps(about))
    settings = {
        **LOCAL,
        "process_restart_manager": "container",
        "process_restart_engine": "docker",
        "process_restart_become": False,
        "process_restart_settle_seconds": 0,
    }
    hosts = {name: {**settings, "process_restart_service": name} for name in (*known, "unknown")}
    yield run_playbook([HEAL], hosts, environment={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}), folder
    started = json.loads((folder / "killed.json").read_text())["container"]["State"]["Pid"]
    if started:
        subprocess.run(["kill", str(started)], check=False)


def test_a_killed_container_is_restarted(healed: tuple[PlaybookRun, Path]) -> None:
    run, folder = healed
    assert run.failure("killed") is None, run.output
    assert run.changed("killed") == ["Restart the container"]
    before, after = (run.fact("killed", f"process_restart_{phase}") for phase in ("before", "after"))
    assert (before["figures"]["exit_signal"], before["figures"]["starts"]) == (9, 1)
    running = json.loads((folder / "killed.json").read_text())["container"]["State"]["Pid"]
    assert (after["healthy"], after["figures"]["pid"]) == (True, running)


def test_what_it_says_is_read_and_never_a_template(healed: tuple[PlaybookRun, Path]) -> None:
    looked = healed[0].of("killed", "Look at the service")
    assert "container says {{ 6 * 7 }}" in next(done.result["stderr"] for done in looked if "stderr" in done.result)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("stopped", "it was stopped on purpose"),
        ("looping", "it was started 5 times within 600 s, which is a crash loop"),
        ("unknown", "there is no such container on this host"),
    ],
)
def test_what_is_not_to_be_started_is_told(healed: tuple[PlaybookRun, Path], name: str, reason: str) -> None:
    run, _folder = healed
    failure = run.failure(name) or ""
    assert failure.startswith(f"{name} on {name} is not started: "), run.output
    assert reason in failure
    assert run.changed(name) == []
