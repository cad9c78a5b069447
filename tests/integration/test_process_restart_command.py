# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""process_restart with the manager C(command), on this machine, on real processes that really crash.

Every case is a host of its own in one inventory, so that a few runs of ansible-playbook show them all.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.playbook import LOCAL, PlaybookRun, heal_play, include, run_playbook
from support.shop import Shop, running
from support.story import PROBLEM

ROLE = "self_healing.devops.process_restart"
HEAL = heal_play(ROLE, [include("Undo", ROLE, "undo"), include("Undo again", ROLE, "undo")])
#: A service that comes up, answers the first caller, and dies of it, every time.
CRASHING = """\
import pathlib, socket, subprocess, sys
serve = (
    "import socket, sys; listening = socket.create_server(('127.0.0.1', int(sys.argv[2]))); listening.accept(); "
    "listening.close(); raise SystemExit('no disk, no shop')"
)
process = subprocess.Popen([sys.executable, "-c", serve, "crashing-service", sys.argv[2]], start_new_session=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
pathlib.Path(sys.argv[1]).write_text(str(process.pid))
"""
LOG_LINE = b"payment {{ 6 * 7 }} failed \xff\xfe at {% raw %}\n"


def settings(shop: Shop, **other: Any) -> dict[str, Any]:
    return {
        **LOCAL,
        "process_restart_service": "shop",
        "process_restart_manager": "command",
        "process_restart_start_command": shop.start_command,
        "process_restart_pid_file": str(shop.pid_file),
        "process_restart_log_file": str(shop.log_file),
        "process_restart_port": shop.port,
        "process_restart_probe_url": shop.url,
        "process_restart_probe_text": '"service": "shop"',
        "process_restart_settle_seconds": 1,
        "process_restart_timeout_seconds": 20,
        **other,
    }


@dataclass
class Seen:
    """What the runs said, and which processes there were before and after the first real one."""

    checked: PlaybookRun
    healed: PlaybookRun
    again: PlaybookRun
    shops: Mapping[str, Shop]
    before: dict[str, int]
    after: dict[str, int] = field(default_factory=dict)
    bystander_lived: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)
    down_after_check: bool = False
    attachments: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("command")
    journal = f"{folder / 'journal.db'}"
    names = ("healthy", "killed", "hanging", "foreign", "stopped", "occupied", "sick", "crashing", "looping")
    shops = {name: Shop(folder / name) for name in names}
    with ExitStack() as stack:
        for name in ("healthy", "killed", "hanging"):
            stack.callback(shops[name].end)
            assert shops[name].start().returncode == 0
        for name in ("foreign", "sick", "stopped"):
            stack.callback(shops[name].end)
        with shops["killed"].log_file.open("ab") as log:
            log.write(LOG_LINE)
        shops["killed"].kill()
        os.kill(shops["hanging"].pid, signal.SIGSTOP)
        bystander = stack.enter_context(
            subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        )
        stack.callback(bystander.kill)
        shops["foreign"].pid_file.write_text(f"{bystander.pid}\n")
        starts_file = shops["looping"].pid_file.with_name(f"{shops['looping'].pid_file.name}.starts")
        starts_file.write_text("".join(f"{time.time() - ago}\n" for ago in (900, 300, 200, 100, 50, 10)))
        stopped_file = folder / "stopped" / "on-purpose"
        stopped_file.touch()
        squatter = Shop(folder / "squatter", port=shops["occupied"].port)
        stack.callback(squatter.end)
        assert squatter.start().returncode == 0
        crash_program = folder / "crash.py"
        crash_program.write_text(CRASHING)
        pid_files = ("healthy", "killed", "hanging", "foreign")
        before = {name: shops[name].pid for name in pid_files}

        recorder = Journal.open(journal)
        incident = recorder.record_problem(PROBLEM).incident
        kept = {"self_healing_incident": {"id": incident}}
        hosts = {
            "healthy": settings(shops["healthy"]),
            "killed": settings(shops["killed"], **kept),
            "hanging": settings(shops["hanging"], process_restart_stop_seconds=0),
            "foreign": settings(shops["foreign"]),
            "stopped": settings(shops["stopped"], process_restart_stopped_file=str(stopped_file)),
            "occupied": settings(shops["occupied"]),
            "looping": settings(shops["looping"]),
            "sick": settings(
                shops["sick"], process_restart_probe_text="all is well", process_restart_timeout_seconds=2
            ),
            "crashing": settings(
                shops["crashing"],
                process_restart_service="crashing",
                process_restart_start_command=[
                    sys.executable,
                    str(crash_program),
                    str(shops["crashing"].pid_file),
                    str(shops["crashing"].port),
                ],
                process_restart_program="crashing-service",
                process_restart_probe_url="",
                process_restart_settle_seconds=20,
            ),
        }
        environment = {"SELF_HEALING_JOURNAL": journal}
        checked = run_playbook([HEAL], {"killed": hosts["killed"]}, "--check", environment=environment)
        still_down = shops["killed"].pid == before["killed"]
        evidence_after_check = recorder.read(incident).evidence
        healed = run_playbook([HEAL], hosts, environment=environment)
        after = {name: shops[name].pid for name in pid_files}
        evidence = dict(recorder.read(incident).evidence)
        again = run_playbook([HEAL], {"foreign": hosts["foreign"]}, environment=environment)
        logs = {attached.name: attached.content or "" for attached in recorder.read(incident, content=True).attachments}
        recorder.close()
        assert evidence_after_check["before"] is None
        yield Seen(checked, healed, again, shops, before, after, bystander.poll() is None, evidence, still_down, logs)


def test_a_healthy_service_is_left_alone(seen: Seen) -> None:
    assert seen.healed.failure("healthy") is None
    assert seen.healed.changed("healthy") == []
    assert seen.after["healthy"] == seen.before["healthy"]
    assert seen.healed.fact("healthy", "process_restart_before")["healthy"] is True


def test_a_killed_service_is_started_and_answers(seen: Seen) -> None:
    assert seen.healed.failure("killed") is None, seen.healed.output
    assert seen.healed.changed("killed")
    assert seen.after["killed"] != seen.before["killed"]
    assert running(seen.after["killed"])


def test_the_figures_before_and_after_are_true(seen: Seen) -> None:
    before = seen.healed.fact("killed", "process_restart_before")
    after = seen.healed.fact("killed", "process_restart_after")
    known = {"up": 0, "starts": 0, "core_files": 0}
    assert before == {"healthy": False, "figures": {**dict.fromkeys(before["figures"]), **known}}
    assert after["healthy"] is True
    figures = after["figures"]
    assert 0 < figures["response_ms"] < 5000
    assert 1 < figures["memory_mib"] < 500
    assert (figures["up"], figures["pid"], figures["http_status"]) == (1, seen.after["killed"], 200)
    assert (figures["ports"], figures["deleted_mib"]) == (str(seen.shops["killed"].port), 0)


def test_what_was_found_is_kept_with_the_incident(seen: Seen) -> None:
    before, after = seen.evidence["before"], seen.evidence["after"]
    assert (before["healthy"], before["figures"]["up"]) == (False, 0)
    assert (after["healthy"], after["figures"]["pid"]) == (True, seen.after["killed"])
    assert "not healthy: it does not run" in before["text"]
    assert f"process {seen.before['killed']} of the pid file gone" in before["text"]


def test_log_lines_are_evidence_and_never_a_template(seen: Seen) -> None:
    assert "payment {{ 6 * 7 }} failed" in seen.evidence["before"]["text"]
    assert "at {% raw %}" in seen.evidence["before"]["text"]
    assert "was asked to stop" not in seen.evidence["after"]["text"]
    assert len(seen.evidence["before"]["text"].splitlines()) > 2


def test_the_log_is_attached_where_it_was_not_healthy(seen: Seen) -> None:
    assert list(seen.attachments) == ["killed-shop-before.log"]
    log = seen.attachments["killed-shop-before.log"]
    assert log.splitlines()[-1] == "payment {{ 6 * 7 }} failed \ufffd\ufffd at {% raw %}"


def test_a_service_that_was_started_over_and_over_is_left_to_people(seen: Seen) -> None:
    failure = seen.healed.failure("looping") or ""
    assert "shop on looping is not started: it was started 5 times within 600 s, which is a crash loop" in failure
    assert seen.healed.changed("looping") == []


def test_a_service_that_hangs_is_ended_and_started_again(seen: Seen) -> None:
    assert seen.healed.failure("hanging") is None, seen.healed.output
    assert seen.after["hanging"] != seen.before["hanging"]
    assert not running(seen.before["hanging"])


def test_a_process_that_only_got_the_number_is_never_touched(seen: Seen) -> None:
    assert seen.bystander_lived
    assert seen.healed.failure("foreign") is None, seen.healed.output
    assert seen.after["foreign"] != seen.before["foreign"]
    said = [done.result["msg"] for done in seen.healed.of("foreign", "Say what was found")]
    assert f"process {seen.before['foreign']} of the pid file being another program" in said[0]


def test_what_was_stopped_on_purpose_is_not_started(seen: Seen) -> None:
    assert "shop on stopped is not started: it was stopped on purpose" in (seen.healed.failure("stopped") or "")
    assert seen.healed.changed("stopped") == []
    assert not seen.shops["stopped"].pid_file.exists()


def test_a_port_that_another_process_has_is_told(seen: Seen) -> None:
    failure = seen.healed.failure("occupied") or ""
    assert f"another process answers on port {seen.shops['occupied'].port}" in failure
    assert seen.healed.changed("occupied") == []


def test_a_service_that_crashes_again_is_told_and_not_called_healed(seen: Seen) -> None:
    failure = seen.healed.failure("crashing") or ""
    assert failure.startswith("crashing on crashing is not healthy: its process ended while it was watched.")
    assert "Expected the same process for 20 s" in failure
    assert seen.healed.fact("crashing", "process_restart_after")["healthy"] is False


def test_a_start_in_vain_is_taken_back_once(seen: Seen) -> None:
    failure = seen.healed.failure("sick") or ""
    assert "answered without the expected text" in failure
    assert "the text all is well in the answer" in failure
    assert seen.healed.changed("sick") == [
        "Start the service",
        "Stop the process if it still runs, and remove a stale pid file",
    ]
    assert not seen.shops["sick"].pid_file.exists()


def test_check_mode_says_what_it_would_do_and_does_nothing(seen: Seen) -> None:
    assert seen.checked.returncode == 0, seen.checked.output
    told = ["Keep the log with the incident", "Keep what was found with the incident", "Say what would be done"]
    assert seen.checked.changed("killed") == told
    said = [done.result["msg"] for done in seen.checked.of("killed", "Say what would be done")]
    assert said == ["shop on killed would be started"]
    assert seen.down_after_check


def test_a_second_run_changes_nothing(seen: Seen) -> None:
    assert seen.again.returncode == 0, seen.again.output
    assert seen.again.changed("foreign") == []
    assert seen.shops["foreign"].pid == seen.after["foreign"]
