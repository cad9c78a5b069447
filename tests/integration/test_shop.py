# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop as a process of its own: it starts, answers, refuses a second one, stops, and leaves traces of a crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.shop import SHOP, Shop, running


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.end()


def test_it_outlives_its_starter_and_answers(shop: Shop) -> None:
    started = shop.start()
    assert started.returncode == 0, started.stderr
    with urllib.request.urlopen(shop.url) as answer:
        assert json.loads(answer.read()) == {"service": "shop", "pid": shop.pid, "version": "1.0.0"}
    assert os.getsid(shop.pid) not in (os.getsid(0), shop.pid)


def test_it_holds_no_pipe_of_its_starter(shop: Shop) -> None:
    # subprocess.run with pipes returns only when every holder of the pipes is gone, so this would hang.
    assert subprocess.run(shop.start_command, capture_output=True, timeout=20, check=False).returncode == 0


def test_a_second_one_is_refused(shop: Shop) -> None:
    shop.start()
    pid = shop.pid
    again = shop.start()
    assert again.returncode == 1
    assert f"runs already, pid {pid}" in again.stderr
    assert shop.pid == pid


def test_a_taken_port_is_told(shop: Shop, tmp_path: Path) -> None:
    shop.start()
    other = Shop(tmp_path / "other", port=shop.port)
    refused = other.start()
    assert refused.returncode == 1
    assert f"cannot listen on 127.0.0.1:{shop.port}" in refused.stderr
    assert not other.pid_file.exists()


def test_a_stop_in_good_order_removes_the_pid_file_and_a_crash_leaves_it(shop: Shop) -> None:
    shop.start()
    crashed = shop.pid
    shop.kill()
    assert shop.pid == crashed
    assert shop.start().returncode == 0
    assert shop.pid != crashed
    assert shop.stop().returncode == 0
    assert not shop.pid_file.exists()
    assert shop.stop().stdout.startswith("no shop of ")


def test_a_pid_that_belongs_to_another_process_is_not_a_shop_and_is_not_stopped(shop: Shop) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()", str(shop.pid_file)], stdin=subprocess.PIPE) as other:
        shop.pid_file.write_text(str(other.pid))
        assert shop.stop().stdout.startswith("no shop of ")
        assert other.poll() is None
        assert shop.start().returncode == 0
        assert shop.pid != other.pid
        assert other.poll() is None
        other.kill()


def test_in_the_foreground_it_ends_in_good_order_with_sigterm(tmp_path: Path) -> None:
    pid_file = tmp_path / "shop.pid"
    command = [sys.executable, str(SHOP), "--port", "0", "--pid-file", str(pid_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(f"pid {process.pid}" in line for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not pid_file.exists()
    assert not running(process.pid)
