# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that process_restart feeds to Python on the host, against real processes, ports and pid files."""

from __future__ import annotations

import http.server
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.shop import free_port, running

FILES = Path(__file__).absolute().parents[3] / "roles" / "process_restart" / "files"


def _load(name: str) -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FILES))
        return importlib.import_module(name)


host, state, probing, program, past, around = (
    _load(f"service_{name}") for name in ("host", "state", "probe", "look", "past", "around")
)
process = _load("process")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until its standard input is closed, with the mark C(tiny-service) in its command line."""
    command = [sys.executable, "-c", "input()", "tiny-service"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        (tmp_path / "pid").write_text(f"{process.pid}\n")
        yield process
        process.kill()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = {"/health": 200, "/sick": 500, "/moved": 302}[self.path]
        self.send_response(status)
        self.send_header("Location", "/health")
        self.end_headers()
        self.wfile.write("grün".encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def look(tmp_path: Path, **other: Any) -> dict[str, Any]:
    asked = {"pid_file": str(tmp_path / "pid"), "program": "tiny-service"}
    asked.update({name: other.pop(name) for name in ("pid_file", "program") if name in other})
    following = {name: other.pop(name) for name in ("seconds", "settle") if name in other}
    facts: dict[str, Any] = program.look(state.Question(**asked), probing.Probe(**other), **following)
    return facts


def test_a_running_service_is_found(tmp_path: Path, service: subprocess.Popen[bytes]) -> None:
    facts = look(tmp_path)
    assert (facts["wrong"], facts["running"], facts["pid"]) == (None, True, service.pid)
    assert facts["words"] == {"why": "running", "recorded": str(service.pid), "stopped": "no"}


@pytest.mark.parametrize("text", ["", "shop\n", "-1", "0", "99999999999", "²"])
def test_a_pid_file_without_a_number_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_text(text)
    facts = look(tmp_path)
    assert (facts["wrong"], facts["words"]["why"], facts["pid"]) == ("down", "no_pid", None)


def test_no_pid_file_is_told(tmp_path: Path) -> None:
    assert look(tmp_path)["words"]["why"] == "no_pid_file"


def test_a_pid_file_that_comes_a_moment_later_is_waited_for(tmp_path: Path, service: subprocess.Popen[bytes]) -> None:
    pid_file = tmp_path / "pid"
    pid_file.rename(tmp_path / "later")
    reads = 0
    real = state.read_state

    def read(asked: Any) -> Any:
        nonlocal reads
        reads += 1
        if reads == 3:
            (tmp_path / "later").rename(pid_file)
        return real(asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "read_state", read)
        assert look(tmp_path, seconds=30)["pid"] == service.pid


def test_what_is_left_of_an_ended_process_is_not_running(tmp_path: Path, service: subprocess.Popen[bytes]) -> None:
    service.kill()
    os.waitid(os.P_PID, service.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{service.pid}").exists()
    assert look(tmp_path)["words"]["why"] == "ended"


def test_another_process_is_neither_the_service_nor_stopped(tmp_path: Path, service: subprocess.Popen[bytes]) -> None:
    facts = look(tmp_path, program="another-service")
    assert (facts["wrong"], facts["words"]["why"], facts["pid"]) == ("down", "another_process", None)
    question = state.Question(pid_file=str(tmp_path / "pid"), program="another-service")
    assert program.stop(question, 1) == {"signal": None, "removed": True}
    assert running(service.pid)
    assert not (tmp_path / "pid").exists()


def test_a_process_that_changed_meanwhile_gets_no_signal(service: subprocess.Popen[bytes]) -> None:
    found = host.find_process(service.pid)
    program.send(found._replace(started="another"), signal.SIGKILL)
    assert running(service.pid)


def test_a_service_is_stopped_politely_and_then_not(tmp_path: Path) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", deaf, "tiny-service"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (tmp_path / "pid").write_text(str(process.pid))
        question = state.Question(pid_file=str(tmp_path / "pid"), program="tiny-service")
        assert program.stop(question, 0.2) == {"signal": "SIGKILL", "removed": True}
    assert program.stop(question, 0.2) == {"signal": None, "removed": False}


def at_the_first_probe(patch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    """Let something happen after the service was found and before it is followed."""
    real = program.probe
    waiting = [action]

    def probe(asked: Any) -> Any:
        if waiting:
            waiting.pop()()
        return real(asked)

    patch.setattr(program, "probe", probe)


def test_a_process_that_ends_while_it_is_followed_is_told(
    tmp_path: Path, service: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_the_first_probe(monkeypatch, service.kill)
    facts = look(tmp_path, settle=60)
    assert (facts["wrong"], facts["running"]) == ("ended", False)


def test_a_process_that_is_replaced_while_it_is_followed_is_told(
    tmp_path: Path, service: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()", "tiny-service"], stdin=subprocess.PIPE) as second:

        def restart() -> None:
            (tmp_path / "pid").write_text(str(second.pid))
            service.kill()

        at_the_first_probe(monkeypatch, restart)
        facts = look(tmp_path, settle=60)
        second.kill()
    assert (facts["wrong"], facts["pid"]) == ("replaced", second.pid)


def test_answers_are_measured(tmp_path: Path, service: subprocess.Popen[bytes], web: int) -> None:
    facts = look(tmp_path, port=web, url=f"http://127.0.0.1:{web}/health", text="grün")
    assert (facts["wrong"], facts["port_open"], facts["http_status"]) == (None, True, 200)
    assert 0 < facts["response_ms"] < 5000


@pytest.mark.parametrize(
    ("path", "other", "wrong", "status"),
    [
        ("/sick", {}, "status", 500),
        ("/sick", {"status": 500}, None, 500),
        ("/moved", {}, "status", 302),
        ("/moved", {"status": 302}, None, 302),
        ("/health", {"text": "blau"}, "text", 200),
    ],
)
def test_a_wrong_answer_is_told(
    tmp_path: Path,
    service: subprocess.Popen[bytes],
    web: int,
    path: str,
    other: dict[str, Any],
    wrong: str | None,
    status: int,
) -> None:
    facts = look(tmp_path, url=f"http://127.0.0.1:{web}{path}", **other)
    assert (facts["wrong"], facts["http_status"]) == (wrong, status)


def test_a_closed_port_is_told(tmp_path: Path, service: subprocess.Popen[bytes]) -> None:
    port = free_port()
    facts = look(tmp_path, port=port, url=f"http://127.0.0.1:{port}/health")
    assert (facts["wrong"], facts["port_open"], facts["http_status"]) == ("port", False, None)


def test_proxies_of_the_environment_are_not_asked(
    tmp_path: Path, service: subprocess.Popen[bytes], web: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert look(tmp_path, url=f"http://127.0.0.1:{web}/health")["wrong"] is None


def test_an_address_that_is_no_web_address_is_refused(tmp_path: Path, service: subprocess.Popen[bytes]) -> None:
    with pytest.raises(host.LookError, match="process_restart_probe_url"):
        look(tmp_path, url="file:///etc/passwd")


def ask(*show: str, **other: Any) -> Any:
    return state.Question(show=list(show), **other)


def test_a_service_manager_is_asked_and_only_its_words_are_passed_on(service: subprocess.Popen[bytes]) -> None:
    shown = f"ActiveState=active\nMainPID={service.pid}\nDescription={{{{ evil }}}}\nResult=exit-code\n"
    question = ask("printf", "%s", shown, running="ActiveState=active", pid_key="MainPID")
    facts = program.look(question, probing.Probe(), settle=0.1)
    assert (facts["wrong"], facts["pid"]) == (None, service.pid)
    assert facts["words"]["Description"] == "?"
    assert facts["words"]["Result"] == "exit-code"


def test_a_restart_that_only_the_service_manager_counts_is_told(tmp_path: Path) -> None:
    (tmp_path / "show").write_text("#!/bin/sh\necho x >> calls; echo State=up; echo Restarts=$(wc -l < calls)\n")
    (tmp_path / "show").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        question = ask("./show", running="State=up", pid_key="MainPID", same_keys=["Restarts"])
        assert program.look(question, probing.Probe())["wrong"] == "replaced"


def test_a_service_manager_that_fails_is_told() -> None:
    with pytest.raises(host.LookError, match=r"ls: .*/no/such/folder"):
        program.look(ask("ls", "/no/such/folder", running="a=b", pid_key="c"), probing.Probe())


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        ("web:shop                         RUNNING   pid 4121, uptime 0:00:03", ("RUNNING", "4121", "yes")),
        ("shop                             STOPPED   Not started", ("STOPPED", "", "no")),
        ("shop                             STOPPED   Nov 25 11:21 PM", ("STOPPED", "", "yes")),
        ("shop                             FATAL     Exited too quickly (see the log)", ("FATAL", "", "yes")),
        ("shop                             STARTING  ", ("STARTING", "", "yes")),
    ],
)
def test_what_supervisorctl_prints_is_read(printed: str, words: tuple[str, ...]) -> None:
    asked = {"reads": "supervisord", "running": "State=RUNNING", "pid_key": "MainPID"}
    found = state.read_state(ask("printf", "%s\n", printed, **asked))
    assert tuple(found.words[key] for key in ("State", "MainPID", "Started")) == words
    assert found.running == (words[0] == "RUNNING")


def test_what_a_container_engine_prints_is_read() -> None:
    inspected = {
        "State": {"Status": "exited", "Pid": 0, "ExitCode": 137, "OOMKilled": True, "Error": "{{ evil }}"},
        "RestartCount": 3,
        "Config": {"StopSignal": 15},
        "HostConfig": {"RestartPolicy": {"Name": "on-failure"}},
    }
    asked = {"reads": "container", "running": "Status=running", "pid_key": "Pid"}
    found = state.read_state(ask("printf", "%s", json.dumps([inspected]), **asked))
    assert not found.running
    assert found.words == {
        "Status": "exited",
        "Pid": "0",
        "ExitCode": "137",
        "OOMKilled": "True",
        "StoppedByUser": "",
        "RestartCount": "3",
        "RestartPolicy": "on-failure",
        "StopSignal": "15",
        "absent": "no",
        "stopped": "no",
    }
    with pytest.raises(host.LookError, match="no reason given"):
        state.read_state(ask("printf", "", **asked))


def test_a_service_that_its_manager_does_not_know_is_told() -> None:
    question = ask("sh", "-c", "echo Error: no such object: x >&2; exit 125", absent="no such (object|container)")
    assert state.read_state(question).words == {"absent": "yes", "stopped": "no"}


def test_a_file_says_that_it_is_stopped_on_purpose(tmp_path: Path) -> None:
    question = ask("echo", "State=down", running="State=up", stopped_file=str(tmp_path / "stopped"))
    assert state.read_state(question).words["stopped"] == "no"
    (tmp_path / "stopped").touch()
    assert state.read_state(question).words["stopped"] == "yes"


def test_systems_without_proc_are_asked_with_ps(service: subprocess.Popen[bytes]) -> None:
    found = host._ask_ps(service.pid)
    assert found.pid == service.pid
    assert found.command_line.endswith("tiny-service")
    assert found.started == host._ask_ps(service.pid).started
    service.kill()
    os.waitid(os.P_PID, service.pid, os.WEXITED | os.WNOWAIT)
    assert host._ask_ps(service.pid) is None


@pytest.mark.parametrize(
    ("missing", "named"), [("pid_file", "process_restart_pid_file"), ("program", "process_restart_start_command")]
)
def test_a_missing_setting_is_named(tmp_path: Path, missing: str, named: str) -> None:
    with pytest.raises(host.LookError, match=named):
        look(tmp_path, **{missing: ""})


def test_a_question_that_cannot_be_answered_ends_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = asked(tmp_path, service={"pid_file": str(tmp_path), "program": "tiny-service"})
    assert process.main(question) == 1
    assert capsys.readouterr() == ("", f"{tmp_path}: Is a directory")


def asked(tmp_path: Path, **other: Any) -> str:
    """Return the question that the role asks before a fix."""
    return json.dumps(
        {
            "verb": "look",
            "name": "shop",
            "service": {"pid_file": str(tmp_path / "pid"), "program": "tiny-service"},
            "probe": {},
            "seconds": 0,
            "settle": 0,
            "past": {"command": [str(tmp_path / "starts")], "reads": "starts", "seconds": 600},
            "around": {"log": ["printf", "one\\n\\377 {{ 1 }}\\n"], "log_lines": 1},
            **other,
        }
    )


def test_texts_come_apart_from_words_and_the_log_only_where_something_is_wrong(
    tmp_path: Path, service: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert process.main(asked(tmp_path)) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["around"]["threads"] >= 1
    assert err.startswith("1 process, ")
    assert "{{ 1 }}" not in err
    service.kill()
    service.wait()
    assert process.main(asked(tmp_path)) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)
    assert (facts["past"]["starts"], facts["around"]["core_files"], facts["report_lines"]) == (0, 0, 0)
    assert err == "\ufffd {{ 1 }}"


def test_nothing_around_is_looked_for_where_nobody_asks(
    tmp_path: Path, service: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert process.main(asked(tmp_path, around={})) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["around"], json.loads(out)["past"], err) == ({}, {}, "")


def test_a_process_that_is_just_becoming_the_service_is_waited_for(
    tmp_path: Path, service: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, early = state.find_process, [2]

    def find(pid: int) -> Any:
        early[0] -= 1
        found = real(pid)
        return found._replace(command_line="") if early[0] >= 0 else found

    monkeypatch.setattr(state, "find_process", find)
    assert look(tmp_path)["words"]["why"] == "running"
