# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a service on its own host, or stops it. Fed to Python on standard input, so that nothing is left behind.

    python3 - '{"verb": "look", "pid_file": "/run/shop.pid", "program": "shop.py", "port": 8080}' < process.py

The one argument is a Question in JSON. Prints one JSON object made of numbers, truth values and plain words: no text
that a service says gets into it. Log lines go to standard error, where a failure says its reason too.
Needs Python 3.8 and nothing else. Processes are read from /proc; systems without it are asked with ps.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple

#: How long one request, and one command of the service manager, may take, in seconds.
REQUEST_SECONDS = 5.0
COMMAND_SECONDS = 20.0
#: How much of an answer is read to look for the expected text, in bytes.
BODY_LIMIT = 1024 * 1024
#: How long a process may take to go away after SIGKILL, in seconds.
KILL_SECONDS = 5.0
PAUSE = 0.1
#: What a word of a service manager looks like. Everything else is not passed on.
WORD = re.compile(r"[A-Za-z0-9_.:@+-]{0,64}")


class LookError(Exception):
    """The service cannot be looked at. The message is for a person."""


class Question(NamedTuple):
    """What to look at. Either C(pid_file) and C(program), or C(show), C(running) and C(pid_key).

    C(program) is a text that the command line of the process must contain; C(stopped_file) exists while the service is
    stopped on purpose. C(show) is a command that prints lines of C(KEY=VALUE), C(running) the line of a service that
    runs, C(pid_key) the key of its pid. C(seconds) is how long the service may take to answer, or to stop; C(settle)
    how long the same process must live after it answered. C(log) is a command that prints the last log lines.
    """

    verb: str
    pid_file: str = ""
    program: str = ""
    stopped_file: str = ""
    show: list[str] | None = None
    running: str = ""
    pid_key: str = ""
    address: str = "127.0.0.1"
    port: int = 0
    url: str = ""
    status: int = 200
    text: str = ""
    validate_certs: bool = True
    seconds: float = 0
    settle: float = 0
    log: list[str] | None = None


class Process(NamedTuple):
    """A process that runs. C(started) never changes while it lives, and no later process of the same pid shares it."""

    pid: int
    started: str
    command_line: str


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command of the host, in the plain language of programs."""
    # Sessions made by ssh or sudo do not always say where the user's own systemd listens.
    environment = {"XDG_RUNTIME_DIR": f"/run/user/{os.getuid()}", **os.environ, "LC_ALL": "C.UTF-8"}
    options: dict[str, Any] = {"capture_output": True, "text": True, "errors": "replace", "timeout": COMMAND_SECONDS}
    try:
        return subprocess.run(command, check=False, env=environment, **options)
    except subprocess.TimeoutExpired:
        raise LookError(f"{command[0]} gave no answer within {COMMAND_SECONDS:.0f} s") from None


def find_process(pid: int) -> Process | None:
    """Return the process, or None when there is none. What is left of an ended one until its parent looks is none."""
    if not Path("/proc/self/stat").exists():
        return _ask_ps(pid)
    folder = Path("/proc") / str(pid)
    try:
        fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
        words = (folder / "cmdline").read_bytes().split(b"\0")
    except PermissionError:
        raise LookError(_not_permitted(pid)) from None
    except (FileNotFoundError, ProcessLookupError):
        _refuse_if_hidden(pid)
        return None
    if fields[0] in ("Z", "X"):
        return None
    return Process(pid, fields[19], " ".join(os.fsdecode(word) for word in words if word))


def _not_permitted(pid: int) -> str:
    return f"process {pid} belongs to another user, set process_restart_become and process_restart_become_user"


def _refuse_if_hidden(pid: int) -> None:
    """Raise LookError when the system hides a process that exists (mount option hidepid of /proc)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        raise LookError(_not_permitted(pid)) from None
    except ProcessLookupError:
        pass


def _ask_ps(pid: int) -> Process | None:
    shown = run(["ps", "-p", str(pid), "-o", "stat=", "-o", "lstart=", "-o", "command="])
    # lstart is five words: Sun Nov 22 10:51:55 2026
    words = shown.stdout.split(None, 6)
    if len(words) < 7 or words[0].startswith("Z"):
        return None
    return Process(pid, "_".join(words[1:6]), words[6].strip())


def same_process(known: Process) -> bool:
    """Return whether this very process still runs."""
    now = find_process(known.pid)
    return now is not None and now.started == known.started


class State(NamedTuple):
    """What the service manager says. C(words) are its own words, or ours about a pid file."""

    running: bool
    process: Process | None
    words: dict[str, str]

    def same(self, later: State) -> bool:
        if self.process is None or later.process is None:
            return self.process is later.process
        return self.process[:2] == later.process[:2]


def read_pid_file(asked: Question) -> State:
    """Return what the pid file says and whether it is true.

    The word C(why) is C(running), C(no_pid_file), C(no_pid) (it holds no number), C(ended) or C(another_process), which
    is a process that got the number later and has nothing to do with the service. C(stopped) is C(yes) or C(no).
    """
    if not asked.pid_file:
        raise LookError("process_restart_pid_file is missing: the file in which the service keeps its process number")
    if not asked.program:
        raise LookError("process_restart_start_command is missing: a list, the program and its arguments")
    words = {"stopped": "yes" if asked.stopped_file and Path(asked.stopped_file).exists() else "no", "recorded": ""}
    try:
        text = Path(asked.pid_file).read_bytes().split()
    except FileNotFoundError:
        return State(False, None, {**words, "why": "no_pid_file"})
    if not text or not text[0].isdigit() or not 0 < int(text[0]) < 2**31:
        return State(False, None, {**words, "why": "no_pid"})
    words["recorded"] = str(int(text[0]))
    process = find_process(int(text[0]))
    if process is None:
        return State(False, None, {**words, "why": "ended"})
    if asked.program not in process.command_line:
        return State(False, None, {**words, "why": "another_process"})
    return State(True, process, {**words, "why": "running"})


def ask_manager(asked: Question, command: list[str]) -> State:
    """Return what the service manager says."""
    shown = run(command)
    if shown.returncode != 0:
        raise LookError(f"{command[0]}: {shown.stderr.strip() or shown.stdout.strip() or 'no reason given'}")
    lines = [line.partition("=") for line in shown.stdout.splitlines()]
    words = {key: value if WORD.fullmatch(value) else "?" for key, _equals, value in lines if key}
    pid = words.get(asked.pid_key, "")
    key, _equals, value = asked.running.partition("=")
    return State(words.get(key) == value, find_process(int(pid)) if pid.isdigit() and int(pid) else None, words)


def read_state(asked: Question) -> State:
    return ask_manager(asked, asked.show) if asked.show else read_pid_file(asked)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        return None  # the redirect itself is the answer


def request(asked: Question) -> dict[str, Any]:
    """Return how the service answers one GET. The time in milliseconds runs until the body is read."""
    if not asked.url.startswith(("http://", "https://")):
        raise LookError("process_restart_probe_url is no http:// or https:// address")
    context = None if asked.validate_certs else ssl._create_unverified_context()
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirect()
    began = time.monotonic()
    try:
        try:
            answer = urllib.request.build_opener(*handlers).open(asked.url, timeout=REQUEST_SECONDS)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            body = answer.read(BODY_LIMIT)
    except (OSError, ValueError, HTTPException) as error:
        slow = isinstance(error, socket.timeout) or isinstance(getattr(error, "reason", None), socket.timeout)
        return {"wrong": "timeout" if slow else "no_answer"}
    got = answer.getcode()
    wrong = "status" if got != asked.status else "text" if asked.text.encode() not in body else None
    return {"wrong": wrong, "http_status": got, "response_ms": round((time.monotonic() - began) * 1000, 1)}


def connect(asked: Question) -> dict[str, Any]:
    """Return whether the port accepts a connection, and how long that took in milliseconds."""
    began = time.monotonic()
    try:
        socket.create_connection((asked.address, asked.port), timeout=REQUEST_SECONDS).close()
    except OSError:
        return {"wrong": "port", "port_open": False}
    return {"port_open": True, "response_ms": round((time.monotonic() - began) * 1000, 1)}


def probe(asked: Question) -> dict[str, Any]:
    """Return how the service answers now on everything that is configured. C(wrong) is None when it does."""
    facts: dict[str, Any] = dict.fromkeys(("wrong", "port_open", "http_status", "response_ms"))
    if asked.port:
        facts.update(connect(asked))
    if asked.url and not facts["wrong"]:
        facts.update(request(asked))
    return facts


def look(asked: Question) -> dict[str, Any]:
    """Look at the service once, or follow it until it answers and then for the time that it has to settle.

    C(wrong) is None for a healthy service, else C(down), C(ended), C(replaced), C(port), C(timeout), C(no_answer),
    C(status) or C(text). Following ends as soon as the process does.
    """
    deadline = time.monotonic() + asked.seconds
    first = read_state(asked)
    # Written by the service itself, maybe a moment after the start command returned.
    while first.words.get("why") in ("no_pid_file", "no_pid") and time.monotonic() < deadline:
        time.sleep(PAUSE)
        first = read_state(asked)

    def lives() -> bool:
        return first.running and (first.process is None or same_process(first.process))

    facts = probe(asked)
    while facts["wrong"] and lives() and time.monotonic() < deadline:
        time.sleep(PAUSE)
        facts = probe(asked)
    if not facts["wrong"] and asked.settle > 0:
        settled = time.monotonic() + asked.settle
        while lives() and time.monotonic() < settled:
            time.sleep(PAUSE)
        facts = probe(asked)
    last = read_state(asked) if first.running else first
    if not last.running:
        facts["wrong"] = "ended" if first.running else "down"
    elif not first.same(last):
        facts["wrong"] = "replaced"
    pid = last.process.pid if last.process else None
    return {**facts, "running": last.running, "pid": pid, "uid": os.getuid(), "words": last.words}


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to this very process: where the kernel knows pidfds, not even a quick reuse of its pid misleads."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        descriptor = None
    try:
        if not same_process(process):
            return
        if descriptor is None:
            os.kill(process.pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return
    except PermissionError:
        raise LookError(_not_permitted(process.pid)) from None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def stop(asked: Question) -> dict[str, Any]:
    """Stop the service with SIGTERM, or SIGKILL when it does not listen, and remove a pid file without its process.

    Another process is never touched, whatever the pid file says.
    """
    process = read_state(asked).process
    sent = end(process, asked.seconds) if process else None
    state = read_state(asked)
    stale = not state.running and state.words["why"] != "no_pid_file"
    if stale:
        Path(asked.pid_file).unlink()
    return {"signal": sent, "removed": stale}


def end(process: Process, seconds: float) -> str:
    """End the process and return the name of the signal that did it."""
    for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, KILL_SECONDS)):
        send(process, number)
        deadline = time.monotonic() + patience
        while same_process(process) and time.monotonic() < deadline:
            time.sleep(PAUSE / 2)
        if not same_process(process):
            return number.name
    raise LookError(f"process {process.pid} survived SIGKILL")


def last_lines(command: list[str]) -> str:
    """Return what the command prints. The log is a help, so that its absence is told in the same place and no error."""
    try:
        shown = run(command)
    except (OSError, LookError) as error:
        return f"no log: {error}"
    return shown.stdout or shown.stderr


def main(argument: str) -> int:
    asked = Question(**json.loads(argument))
    try:
        facts = {"look": look, "stop": stop}[asked.verb](asked)
    except LookError as error:
        sys.stderr.write(str(error))
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or 'the host'}: {error.strerror or error}")
        return 1
    sys.stdout.write(json.dumps(facts))
    if asked.log:
        sys.stderr.write(last_lines(asked.log))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
