# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What process_restart reads in the records of a service manager: how often a service was started, how it ended."""

from __future__ import annotations

import importlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

FILES = Path(__file__).absolute().parents[3] / "roles" / "process_restart" / "files"
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(FILES))
    records = importlib.import_module("service_past")

STARTING, STARTED, FAILED, STOPPING = (
    "7d4958e842da4a758f6c1cdc7b36dcc5",
    "39f53479d3a045ac8e11786248231fbf",
    "be02cf6855d2428ba40df7e9d022f03d",
    "de5b426a63be47a7b6ac3eaac82e2f6f",
)
NOTHING = {"starts": None, "last": None, "exit_code": None, "exit_signal": None}


def past(text: str, reads: str, name: str = "shop", seconds: float = 600) -> dict[str, Any]:
    found: dict[str, Any] = records.past(["printf", "%s", text], reads, seconds, name)
    return found


def journal(*messages: tuple[float, str]) -> str:
    """Return what journalctl prints about messages that were logged so many seconds ago."""
    now = time.time()
    lines = [{"__REALTIME_TIMESTAMP": str(int((now - ago) * 1e6)), "MESSAGE_ID": name} for ago, name in messages]
    return "\n".join(json.dumps(line) for line in lines)


def supervised(*lines: tuple[float, str]) -> str:
    times = [(time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - ago)), line) for ago, line in lines]
    return "\n".join(f"{at},359 {line}" for at, line in times)


def test_only_starts_within_the_window_count() -> None:
    found = past(journal((900, STARTED), (500, STARTED), (10, STARTED)), "journal")
    assert found == {**NOTHING, "starts": 2, "last": "started"}


def test_a_start_that_systemd_refused_is_none() -> None:
    found = past(journal((30, STARTING), (20, FAILED), (10, FAILED), (9, FAILED)), "journal")
    assert found["starts"] == 1


def test_that_a_unit_was_asked_to_stop_is_seen() -> None:
    assert past(journal((30, STARTED), (20, STOPPING)), "journal")["last"] == "stopping"


def test_the_log_of_supervisord_tells_starts_and_the_end() -> None:
    log = supervised(
        (50, "INFO spawned: 'shop' with pid 10"),
        (49, "INFO spawned: 'shop-two' with pid 11"),
        (48, "INFO success: shop entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)"),
        (40, "WARN exited: shop (exit status 3; not expected)"),
        (39, "INFO spawned: 'shop' with pid 12"),
        (30, "WARN exited: shop (terminated by SIGKILL; not expected)"),
        (29, "INFO gave up: shop entered FATAL state, too many start retries too quickly"),
    )
    found = past(f"9,999 half a line\n{log}", "supervisord", "web:shop")
    assert found == {"starts": 2, "last": "exited", "exit_code": None, "exit_signal": 9}


@pytest.mark.parametrize(
    "events",
    [
        [{"Name": "shop", "Status": status, "Time": "{time}", "Type": "container"} for status in ("start", "died")],
        [{"Action": action, "time": "{seconds}", "timeNano": "{nano}"} for action in ("start", "die")],
    ],
    ids=["podman", "docker"],
)
def test_the_events_of_both_engines_are_read(events: list[dict[str, Any]]) -> None:
    at = time.time() - 5
    text = "\n".join(json.dumps(event) for event in [*events, {"Action": "stop", "Status": "stop"}])
    text = text.replace("{time}", time.strftime("%Y-%m-%dT%H:%M:%S.033086944Z", time.gmtime(at)))
    text = text.replace("{seconds}", str(int(at))).replace("{nano}", str(int(at * 1e9)))
    assert past(text, "container") == {**NOTHING, "starts": 1, "last": "stopping"}


def test_own_starts_are_noted_and_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "starts"
    assert records.past([str(file)], "starts", 600, "shop")["starts"] == 0
    file.write_text(f"nonsense\n{time.time() - 900}\n{time.time() - 90}\n")
    assert records.note_start(file, 600)
    assert records.past([str(file)], "starts", 600, "shop")["starts"] == 2
    assert len(file.read_text().splitlines()) == 2
    assert not records.note_start(tmp_path / "no" / "folder", 600)


@pytest.mark.parametrize("command", [["/no/such/program"], ["false"]])
def test_a_record_that_cannot_be_read_is_no_error(command: list[str]) -> None:
    assert records.past(command, "journal", 600, "shop") == NOTHING


def test_a_record_full_of_nonsense_is_no_error() -> None:
    text = (
        '\x00\n[]\n{"MESSAGE_ID": 7}\n{"MESSAGE_ID": "39f53479d3a045ac8e11786248231fbf", "__REALTIME_TIMESTAMP": "x"}'
    )
    for reads in ("journal", "supervisord", "container"):
        assert past(text.replace("\x00", "�"), reads)["starts"] == 0


def test_the_record_is_asked_for_the_service_by_its_name() -> None:
    command = ["sh", "-c", """test '{name}' = shop && echo '{"Action": "start", "time": 1}'"""]
    assert records.past(command, "container", 600, "shop")["last"] == "started"
    assert records.past(command, "container", 600, "other") == NOTHING
