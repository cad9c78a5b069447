# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service manager says about a service now: systemd, supervisord, a container engine, or a pid file."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import NamedTuple

from service_host import PAUSE, LookError, Process, find_process, run, word

#: C(shop   RUNNING   pid 4121, uptime 0:01:02), as supervisorctl prints it.
SUPERVISED = re.compile(r"\S+\s+([A-Z]+)\s*(?:pid (\d+)|(.*))")


class Question(NamedTuple):
    """Where to look. Either C(pid_file) and C(program), or C(show) with what is needed to read its answer.

    C(program) is a text that the command line of the process must contain; C(stopped_file) exists while the service is
    stopped on purpose. C(show) is a command, C(reads) how its answer is read: C(properties) are lines of C(KEY=VALUE),
    C(supervisord) and C(container) what those print. C(running) is the C(KEY=VALUE) of a service that runs, C(pid_key)
    the key of its pid, C(same_keys) the keys that stay the same while nothing is restarted. C(absent) is an expression
    for what it says when there is no such service. C(name_key) is the key of the name by which the manager itself knows
    the service, C(last_pid_key) that of the process that ran last.
    """

    pid_file: str = ""
    program: str = ""
    stopped_file: str = ""
    show: list[str] | None = None
    reads: str = "properties"
    running: str = ""
    pid_key: str = ""
    same_keys: list[str] | None = None
    absent: str = ""
    name_key: str = ""
    last_pid_key: str = "last"


class State(NamedTuple):
    """What the service manager says. C(words) are its own words, or ours about a pid file."""

    running: bool
    process: Process | None
    words: dict[str, str]
    kept: list[str]

    def same(self, later: State) -> bool:
        if self.kept != later.kept:
            return False
        if self.process is None or later.process is None:
            return self.process is later.process
        return self.process[:2] == later.process[:2]


def read_state(asked: Question) -> State:
    """Return the state of the service. C(stopped) of the words is C(yes) while it is stopped on purpose, else C(no)."""
    state = _ask_manager(asked, asked.show) if asked.show else _read_pid_file(asked)
    state.words["stopped"] = "yes" if asked.stopped_file and Path(asked.stopped_file).exists() else "no"
    return state


def _read_pid_file(asked: Question) -> State:
    """Return what the pid file says and whether it is true.

    The word C(why) is C(running), C(no_pid_file), C(no_pid) (it holds no number), C(ended) or C(another_process), which
    is a process that got the number later and has nothing to do with the service.
    """
    if not asked.pid_file:
        raise LookError("process_restart_pid_file is missing: the file in which the service keeps its process number")
    if not asked.program:
        raise LookError("process_restart_start_command is missing: a list, the program and its arguments")
    words = {"recorded": ""}
    try:
        text = Path(asked.pid_file).read_bytes().split()
    except FileNotFoundError:
        return State(False, None, {**words, "why": "no_pid_file"}, [])
    if not text or not text[0].isdigit() or not 0 < int(text[0]) < 2**31:
        return State(False, None, {**words, "why": "no_pid"}, [])
    words["recorded"] = str(int(text[0]))
    process = find_process(int(text[0]))
    for _time in range(10):
        if process is None or process.command_line:
            break
        # A process that is just becoming another program has no command line for a moment.
        time.sleep(PAUSE)
        process = find_process(int(text[0]))
    if process is None:
        return State(False, None, {**words, "why": "ended", "last": words["recorded"]}, [])
    if asked.program not in process.command_line:
        return State(False, None, {**words, "why": "another_process"}, [])
    return State(True, process, {**words, "why": "running"}, [])


def _ask_manager(asked: Question, command: list[str]) -> State:
    shown = run(command)
    said = f"{shown.stdout}\n{shown.stderr}"
    if asked.absent and re.search(asked.absent, said, re.IGNORECASE):
        return State(False, None, {"absent": "yes"}, [])
    words = READERS[asked.reads](shown.stdout)
    # supervisorctl ends with 3 for a service that does not run, and has said so.
    if not words or (shown.returncode != 0 and asked.reads != "supervisord"):
        raise LookError(f"{command[0]}: {shown.stderr.strip() or shown.stdout.strip() or 'no reason given'}")
    words["absent"] = "no"
    pid = words.get(asked.pid_key, "")
    key, _equals, value = asked.running.partition("=")
    process = find_process(int(pid)) if pid.isdigit() and int(pid) else None
    return State(words.get(key) == value, process, words, [words.get(key, "") for key in asked.same_keys or []])


def _properties(text: str) -> dict[str, str]:
    lines = [line.partition("=") for line in text.splitlines()]
    return {key: word(value) for key, _equals, value in lines if key}


def _supervised(text: str) -> dict[str, str]:
    found = SUPERVISED.match(text)
    if not found:
        return {}
    return {"State": found[1], "MainPID": found[2] or "", "Started": "no" if found[3] == "Not started" else "yes"}


def _contained(text: str) -> dict[str, str]:
    """Return the words of C(podman inspect) and C(docker inspect), which have the same names for these."""
    try:
        found = json.loads(text)[0]
        state, config, host = found["State"], found.get("Config") or {}, found.get("HostConfig") or {}
        words = {key: word(state.get(key)) for key in ("Status", "Pid", "ExitCode", "OOMKilled", "StoppedByUser")}
        words["RestartCount"] = word(found.get("RestartCount"))
        words["RestartPolicy"] = word((host.get("RestartPolicy") or {}).get("Name"))
        words["StopSignal"] = word(config.get("StopSignal"))
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}
    return words


READERS = {"properties": _properties, "supervisord": _supervised, "container": _contained}
