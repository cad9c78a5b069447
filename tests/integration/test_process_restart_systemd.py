# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""process_restart with the manager C(systemd), over ssh on a real systemd host with units that really crash.

Every case is a host of its own in one inventory, all with the address of the one machine that runs their units.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from support.host_remains import HostError
from support.playbook import PlaybookRun, heal_play, run_playbook
from support.shop import SHOP
from support.systemd_host import SystemdHost

ROLE = "self_healing.devops.process_restart"
HEAL = heal_play(ROLE)
UNIT = """\
[Unit]
StartLimitIntervalSec=3600
StartLimitBurst=2
{unit}
[Service]
ExecStart=/usr/bin/python3 /srv/shop/{program} --port {port}
{more}
[Install]
{install}
"""
#: Ends with the status that many runtimes have after SIGTERM, which systemd counts as a failure.
EXITS_143 = """\
import signal, sys, threading
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
signal.pause()
"""
#: Answers, but not as it should, and dies at once when it is started again.
ONLY_ONCE = """\
import pathlib, sys
mark = pathlib.Path("/run/worse-was-here")
sys.path.insert(0, "/srv/shop")
if mark.exists():
    raise SystemExit("never again")
mark.touch()
import shop
shop.main()
"""
#: Hangs at first, crashes at the next start, and is fine when systemd itself has started it once more.
STUMBLES = """\
import pathlib, signal, sys
mark = pathlib.Path("/run/stumbles")
starts = len(mark.read_text()) if mark.exists() else 0
mark.write_text("x" * (starts + 1))
sys.path.insert(0, "/srv/shop")
if starts == 0:
    signal.pause()
if starts == 1:
    raise SystemExit("stumbled")
import shop
shop.main()
"""
UNITS = (
    *("healthy", "killed", "limited", "masked", "stopped", "stopped143", "disabled", "sick", "user"),
    *("forgotten", "looping", "worse", "store", "asking", "resting", "waiting", "stumbles"),
)
#: What a unit has that others have not.
PROGRAMS = {"stopped143": "exits143.py", "worse": "worse.py", "stumbles": "stumbles.py"}
RESTARTS = ("limited", "looping", "stumbles")
DEPENDENCIES = {"asking": ["store"], "waiting": ["resting.service"]}
PORTS = {name: 8001 + n for n, name in enumerate(UNITS)}
AS_USER = ("env", "XDG_RUNTIME_DIR=/run/user/0", "systemctl", "--user")


def settings(host: SystemdHost, name: str, **other: Any) -> dict[str, Any]:
    port = PORTS.get(name, 0)
    probe = {"process_restart_port": port, "process_restart_probe_url": f"http://127.0.0.1:{port}/health"}
    return {
        **host.variables,
        "process_restart_service": f"{name}.service",
        "process_restart_settle_seconds": 1,
        "process_restart_timeout_seconds": 20,
        **probe,
        **other,
    }


def wait_for(host: SystemdHost, unit: str, **wanted: str) -> dict[str, str]:
    """Wait until a unit has the wanted properties."""
    deadline = time.monotonic() + 30
    while (found := host.show(unit, *wanted)) != wanted:
        assert time.monotonic() < deadline, f"{unit}: {found} instead of {wanted}"
        time.sleep(0.1)
    return found


def crash(host: SystemdHost, unit: str) -> None:
    host.run("systemctl", "kill", "--signal=KILL", unit)


@dataclass(frozen=True)
class Seen:
    """What the runs said, and what systemd said about every unit before and after the first real one."""

    checked: PlaybookRun
    healed: PlaybookRun
    again: PlaybookRun
    before: Mapping[str, Mapping[str, str]]
    after: Mapping[str, Mapping[str, str]]
    killed_after_check: str
    last: Mapping[str, Mapping[str, str]]


def states(host: SystemdHost) -> dict[str, dict[str, str]]:
    """Return state and pid of every unit."""
    wanted = ("Id", "ActiveState", "Result", "MainPID")
    names = [f"{name}.service" for name in PORTS if name != "user"]
    shown = host.run("systemctl", "show", f"--property={','.join(wanted)}", *names).split("\n\n")
    units = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown]
    return {unit["Id"].removesuffix(".service"): unit for unit in units}


def prepare(host: SystemdHost) -> None:
    """Bring every unit into the state that its name says."""
    host.write("/srv/shop/shop.py", SHOP.read_text())
    host.write("/srv/shop/exits143.py", EXITS_143)
    host.write("/srv/shop/worse.py", ONLY_ONCE)
    host.write("/srv/shop/stumbles.py", STUMBLES)
    for name, port in PORTS.items():
        folder = "/root/.config/systemd/user" if name == "user" else "/etc/systemd/system"
        more = "Restart=always\nRestartSec=0" if name in RESTARTS else "Restart=no"
        # Nothing refers to the one that is to be forgotten.
        install = "" if name == "forgotten" else "WantedBy=multi-user.target"
        needed = "RequiredBy=asking.service" if name == "store" else ""
        program = PROGRAMS.get(name, "shop.py")
        text = UNIT.format(unit="", program=program, port=port, more=more, install=f"{install}\n{needed}")
        host.write(f"{folder}/{name}.service", text)
    system = [f"{name}.service" for name in PORTS if name not in ("user", "disabled", "forgotten")]
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "enable", "--quiet", "--now", *system)
    host.run("systemctl", "start", "forgotten.service")
    host.run("systemctl", "start", "user@0.service")
    host.run(*AS_USER, "start", "user.service")
    stopped = [f"{name}.service" for name in ("masked", "stopped", "stopped143", "forgotten", "resting")]
    host.run("systemctl", "stop", *stopped)
    host.run("rm", "/etc/systemd/system/masked.service")
    host.run("systemctl", "mask", "--quiet", "masked.service")
    for unit in ("killed.service", "sick.service", "store.service", "asking.service", "waiting.service"):
        crash(host, unit)
        wait_for(host, unit, ActiveState="failed", Result="signal")
    host.run(*AS_USER, "kill", "--signal=KILL", "user.service")
    for _time in range(10):
        # It may be between two starts.
        host.run("systemctl", "kill", "--signal=KILL", "limited.service", "looping.service", check=False)
    wait_for(host, "limited.service", ActiveState="failed")
    wait_for(host, "looping.service", ActiveState="failed")
    with pytest.raises(HostError, match=r"Job for limited\.service failed"):
        host.run("systemctl", "start", "limited.service")


@pytest.fixture(scope="module")
def seen(systemd_host: SystemdHost) -> Seen:
    host = systemd_host
    prepare(host)
    before = states(host)
    names = [name for name in PORTS if name not in ("user", "sick", "store", "resting")]
    hosts = {
        **{name: settings(host, name) for name in names},
        **{name: settings(host, name, process_restart_dependencies=needed) for name, needed in DEPENDENCIES.items()},
        "looping": settings(host, "looping", process_restart_loop_starts=2),
        "worse": settings(host, "worse", process_restart_probe_text="all is well"),
        "sick": settings(host, "sick", process_restart_probe_text="all is well", process_restart_timeout_seconds=2),
        "user": settings(host, "user", process_restart_scope="user"),
        "unknown": settings(host, "unknown", process_restart_port=0, process_restart_probe_url=""),
    }
    checked = run_playbook([HEAL], {"killed": hosts["killed"]}, "--check")
    killed_after_check = states(host)["killed"]["ActiveState"]
    healed = run_playbook([HEAL], hosts)
    after = states(host)
    again = run_playbook([HEAL], {name: hosts[name] for name in ("killed", "sick")})
    return Seen(checked, healed, again, before, after, killed_after_check, states(host))


def test_a_healthy_unit_is_left_alone(seen: Seen) -> None:
    assert seen.healed.failure("healthy") is None, seen.healed.output
    assert seen.healed.changed("healthy") == []
    assert seen.after["healthy"] == seen.before["healthy"]


def test_a_killed_unit_is_started_and_answers(seen: Seen) -> None:
    assert (seen.before["killed"]["ActiveState"], seen.before["killed"]["Result"]) == ("failed", "signal")
    assert seen.healed.failure("killed") is None, seen.healed.output
    assert seen.after["killed"]["ActiveState"] == "active"
    before, after = (seen.healed.fact("killed", f"process_restart_{phase}") for phase in ("before", "after"))
    known = {"up": 0, "restarts": 0, "starts": 1, "exit_signal": 9, "core_files": 0}
    assert before == {"healthy": False, "figures": {**dict.fromkeys(before["figures"]), **known}}
    assert after["healthy"] is True
    figures = after["figures"]
    assert 0 < figures["response_ms"] < 5000
    assert (figures["up"], figures["pid"], figures["restarts"]) == (1, int(seen.after["killed"]["MainPID"]), 0)
    assert figures["http_status"] == 200


def test_how_a_unit_ended_is_told(seen: Seen) -> None:
    said = seen.healed.of("killed", "Say what was found")[0].result["msg"]
    assert "Seen unit failed (failed), result signal, ended by signal 9." in said


def test_the_last_lines_of_the_journal_are_read(seen: Seen) -> None:
    looked = seen.healed.of("killed", "Look at the service")
    log = next(done.result["stderr"] for done in looked if "stderr" in done.result)
    assert f"listens on 127.0.0.1:{PORTS['killed']}" in log
    assert "status=9/KILL" in log


def test_a_unit_that_was_started_too_often_is_started_once_more(seen: Seen) -> None:
    assert seen.before["limited"]["ActiveState"] == "failed"
    assert seen.healed.failure("limited") is None, seen.healed.output
    assert seen.healed.changed("limited") == ["Forget earlier failures of the unit", "Restart the unit"]
    assert seen.after["limited"]["ActiveState"] == "active"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("masked", "it is masked"),
        ("stopped", "it was stopped on purpose"),
        ("stopped143", "it was stopped on purpose"),
        ("disabled", "it is disabled and was not running"),
        ("unknown", "there is no such unit on this host"),
        ("forgotten", "it was stopped on purpose"),
        ("looping", "times within 600 s, which is a crash loop"),
    ],
)
def test_what_is_not_meant_to_run_is_not_started(seen: Seen, name: str, reason: str) -> None:
    failure = seen.healed.failure(name) or ""
    assert failure.startswith(f"{name}.service on {name} is not started: "), seen.healed.output
    assert reason in failure
    assert seen.healed.changed(name) == []
    if name in seen.after:
        assert seen.after[name] == seen.before[name]
        assert seen.after[name]["MainPID"] == "0"


def test_a_unit_that_is_stopped_on_purpose_may_look_failed(seen: Seen) -> None:
    stopped = seen.before["stopped143"]
    assert (stopped["ActiveState"], stopped["Result"]) == ("failed", "exit-code")


def test_systemd_forgets_when_a_unit_was_stopped_that_nothing_refers_to(seen: Seen, systemd_host: SystemdHost) -> None:
    shown = systemd_host.show("forgotten.service", "ActiveExitTimestampMonotonic", "LoadState")
    assert shown == {"ActiveExitTimestampMonotonic": "0", "LoadState": "loaded"}


def test_what_a_unit_depends_on_is_started_first(seen: Seen, systemd_host: SystemdHost) -> None:
    assert seen.healed.failure("asking") is None, seen.healed.output
    started = [
        int(systemd_host.show(f"{name}.service", "ExecMainStartTimestampMonotonic")["ExecMainStartTimestampMonotonic"])
        for name in ("store", "asking")
    ]
    assert started == sorted(started)
    assert (seen.before["store"]["ActiveState"], seen.after["store"]["ActiveState"]) == ("failed", "active")


def test_a_unit_is_not_restarted_when_what_it_depends_on_was_stopped_on_purpose(seen: Seen) -> None:
    wanted = "resting.service on waiting is not started: it was stopped on purpose"
    assert wanted in (seen.healed.failure("waiting") or seen.healed.output)
    assert seen.healed.changed("waiting") == []
    assert (seen.after["resting"], seen.after["waiting"]) == (seen.before["resting"], seen.before["waiting"])


def test_a_fix_that_makes_it_worse_is_told_and_nothing_more_is_done(seen: Seen) -> None:
    assert seen.before["worse"]["ActiveState"] == "active"
    assert "worse.service on worse is not healthy: it does not run" in (seen.healed.failure("worse") or "")
    assert seen.healed.changed("worse") == ["Forget earlier failures of the unit", "Restart the unit"]
    assert seen.after["worse"]["ActiveState"] == "failed"


def test_a_crash_while_it_comes_up_is_told_and_what_answers_now_is_left_running(seen: Seen) -> None:
    assert seen.before["stumbles"]["ActiveState"] == "active"
    failure = seen.healed.failure("stumbles") or ""
    assert re.search("it crashed and was started again|its process (was replaced|ended)|it does not run", failure)
    assert seen.last["stumbles"]["ActiveState"] == "active"


def test_a_unit_of_the_user_is_healed(seen: Seen) -> None:
    assert seen.healed.failure("user") is None, seen.healed.output
    assert seen.healed.fact("user", "process_restart_before")["healthy"] is False
    assert seen.healed.fact("user", "process_restart_after")["healthy"] is True


def test_a_start_in_vain_is_taken_back_and_not_tried_again(seen: Seen) -> None:
    assert "answered without the expected text" in (seen.healed.failure("sick") or "")
    assert seen.healed.changed("sick")[-1] == "Stop the unit"
    assert seen.after["sick"]["ActiveState"] == "inactive"
    assert "it was stopped on purpose" in (seen.again.failure("sick") or "")
    assert seen.again.changed("sick") == []


def test_check_mode_says_what_it_would_do_and_does_nothing(seen: Seen) -> None:
    assert seen.checked.returncode == 0, seen.checked.output
    assert seen.checked.changed("killed") == ["Say what would be done"]
    assert seen.killed_after_check == "failed"


def test_a_second_run_changes_nothing(seen: Seen) -> None:
    assert seen.again.failure("killed") is None, seen.again.output
    assert seen.again.changed("killed") == []
    assert seen.last["killed"] == seen.after["killed"]
