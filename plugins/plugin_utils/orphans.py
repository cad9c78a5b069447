# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends workers of Ansible whose main process was killed, as soon as their task is done.

A worker has both ends of the pipe to the main process. When that is gone nobody reads, and a result that is larger than
the pipe (64 KiB) is never written: the worker waits for ever, and as it is part of the run, the run counts as alive and
keeps what it had. What a worker is doing on a host is not broken off: it ends when it wants to say how that went.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from types import FrameType

#: Pause between two looks (seconds). What is still being sent at the second look is read by nobody.
LOOK_EVERY = 0.5
_LOOKS = 2
_watching = False
_parent = 0


def end_orphans() -> None:
    """Have every fork of this process that is made from now on look after its parent. Does so once."""
    global _watching
    if _watching or not hasattr(os, "register_at_fork"):
        return
    _watching = True
    os.register_at_fork(before=_before, after_in_child=_watch)


def _before() -> None:
    global _parent
    # Asked for in the child it could be too late.
    _parent = os.getpid()


def _watch() -> None:
    worker = threading.get_ident()
    threading.Thread(target=_end_when_orphaned, args=(_parent, worker), daemon=True).start()


def _end_when_orphaned(parent: int, worker: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    looks = 0
    while True:
        looks = looks + 1 if _sends(sys._current_frames().get(worker)) else 0
        if looks >= _LOOKS:
            os._exit(1)
        time.sleep(LOOK_EVERY)


def _sends(frame: FrameType | None) -> bool:
    """Return whether a thread is telling the main process something: a result, or what is to be shown."""
    while frame is not None:
        code = frame.f_code
        if code.co_name.startswith("send_") and code.co_filename.endswith("task_queue_manager.py"):
            return True
        frame = frame.f_back
    return False
