# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes single files away, at the moment after each was looked at."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from .disk_walk import Found
from .errors import ConfigurationError

#: From this size on (bytes) the kernel is asked about each single file whether somebody has it open right now. For the
#: many small ones the last look at all processes counts, which is some seconds old.
EXACT = 1 << 20
#: Why a file stays, in words of a result.
_REASONS = {
    errno.ENOENT: "gone already",
    errno.EACCES: "not permitted",
    errno.EPERM: "not permitted",
    errno.EBUSY: "in use",
    errno.ENOTEMPTY: "not empty",
    errno.EEXIST: "not empty",
    errno.ENOSPC: "no room in the quarantine",
}


class Taker(Protocol):
    """Takes files away. C(frees) says whether the space is free afterwards."""

    frees: bool

    def take(self, found: Found) -> str | None:
        """Take a file away and return None, or why it stays. Raises ConfigurationError when nothing can be taken."""


class Unlink:
    """Deletes for good."""

    frees = True

    def take(self, found: Found) -> str | None:
        try:
            if found.status.st_size < EXACT and not found.is_folder:
                os.unlink(found.name, dir_fd=found.level.fd)
            elif found.is_folder:
                os.rmdir(found.name, dir_fd=found.level.fd)
            else:
                with unused(found):
                    os.unlink(found.name, dir_fd=found.level.fd)
        except ChangedError as changed:
            return changed.why
        except OSError as error:
            return reason(error, found)
        return None


class ChangedError(Exception):
    """The file is not what was looked at any more. C(why) is a word of a result."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@contextmanager
def unused(found: Found) -> Iterator[int]:
    """Hold a file, so that nobody can open it meanwhile, and yield its descriptor.

    A lease is given when nobody else has the file open; whoever wants to open it then waits until it is given back.
    File systems without leases leave it at the last look at all processes. Raises ChangedError.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(found.name, flags, dir_fd=found.level.fd)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ChangedError("changed meanwhile") from None  # a link is there by now
        raise
    try:
        now, then = os.fstat(fd), found.status
        if (now.st_dev, now.st_ino, now.st_mtime_ns) != (then.st_dev, then.st_ino, then.st_mtime_ns):
            raise ChangedError("changed meanwhile")
        if _lease(fd) is False:
            raise ChangedError("in use")
        yield fd
    finally:
        os.close(fd)


def _lease(fd: int) -> bool | None:
    """Return whether the lease was given; None where there are no leases."""
    if not hasattr(fcntl, "F_SETLEASE") or threading.current_thread() is not threading.main_thread():
        return None
    # The kernel tells by this signal that somebody waits, and it would end the process.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        return False if error.errno == errno.EAGAIN else None
    return True


def reason(error: OSError, found: Found) -> str:
    """Return why a file stays. Raises ConfigurationError where no other file would fare better."""
    if error.errno == errno.EROFS:
        raise ConfigurationError(read_only(found.level.path)) from None
    return _REASONS.get(error.errno or 0, error.strerror or "cannot be removed")


def read_only(path: str) -> str:
    return (
        f"the file system of {path} is read-only, so nothing can be removed. The kernel makes it so after errors: look "
        f"at dmesg, check the disk, and mount it for writing again"
    )
