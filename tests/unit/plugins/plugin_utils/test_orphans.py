# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker of Ansible whose main process was killed does not wait for ever until somebody reads its result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = """
import os, sys, time
from multiprocessing import get_context
from pathlib import Path
from ansible.executor.task_queue_manager import FinalQueue
from ansible_collections.self_healing.devops.plugins.plugin_utils.orphans import end_orphans

folder, size, watched = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "watched"
if watched:
    end_orphans()
queue = FinalQueue()

def worker():
    (folder / "worker").write_text(str(os.getpid()))
    while os.getppid() == parent:
        time.sleep(0.01)
    # What was begun on the host comes to its end.
    time.sleep(0.2)
    (folder / "done").write_text("the fix")
    queue.send_display("display", "x" * size)

parent = os.getpid()
child = get_context("fork").Process(target=worker)
child.start()
time.sleep(60)
"""


@pytest.mark.parametrize(("watched", "ends"), [("watched", True), ("unwatched", False)])
def test_a_result_that_nobody_reads_does_not_keep_a_worker(tmp_path: Path, watched: str, ends: bool) -> None:
    paths = os.pathsep.join(filter(None, sys.path))
    main = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path), "1000000", watched], env={**os.environ, "PYTHONPATH": paths}
    )
    number = tmp_path / "worker"
    until(lambda: number.exists() and number.read_text() != "", 30)
    worker = int(number.read_text())
    main.kill()
    main.wait()
    try:
        until((tmp_path / "done").exists, 30)
        if ends:
            until(lambda: not lives(worker), 30)
        else:
            # Without the watch it waits, which is what makes the watch needed.
            time.sleep(2.5)
            assert lives(worker)
    finally:
        if lives(worker):
            os.kill(worker, signal.SIGKILL)


def lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
