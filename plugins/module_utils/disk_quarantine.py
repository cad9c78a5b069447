# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts files aside instead of deleting them, brings them back, and deletes them for good later.

A file keeps its whole path below the folder of its batch, so that a person finds it without any tool. On the same file
system it is renamed, which frees nothing until it is purged; on another one it is copied, which frees at once.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from .disk_copy import copy
from .disk_remove import ChangedError, reason, unused
from .disk_usage import folder_bytes
from .disk_walk import Found
from .errors import ConfigurationError

BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Share of the quarantine's file system that stays free when files are copied into it.
_SPARE = 0.05


@dataclass
class Moved:
    """What happened to the files of a quarantine. C(left) are those that stay, by reason."""

    files: int = 0
    bytes: int = 0
    left: Counter[str] = field(default_factory=Counter)


class Quarantine:
    """One folder of our own that keeps batches of files. Raises ConfigurationError when others could write to it."""

    def __init__(self, place: str, *, make: bool) -> None:
        if not place.startswith("/") or os.path.normpath(place) != place or place == "/":
            raise ConfigurationError(f"quarantine: {place!r} must be an absolute path without . and .. in it")
        self.place = place
        if make:
            try:
                os.makedirs(place, 0o700, exist_ok=True)
            except OSError as error:
                raise ConfigurationError(f"quarantine: {place} cannot be made: {error.strerror}") from None
        self.exists = os.path.lexists(place)
        if self.exists:
            status = os.lstat(place)
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
                raise ConfigurationError(
                    f"quarantine: {place} must be a folder of the user who cleans, to which nobody else may write "
                    f"(chmod 700)"
                )

    @property
    def device(self) -> int:
        """The file system of the quarantine, also when its folder is still to be made."""
        place = self.place
        while not os.path.exists(place):
            place = os.path.dirname(place)
        return os.stat(place).st_dev

    def batches(self, older_than: float, now: float) -> list[str]:
        """Return the batches that nothing was added to for so many seconds, oldest first."""
        if not self.exists:
            return []
        found = []
        with os.scandir(self.place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and BATCH.fullmatch(entry.name):
                    at = entry.stat(follow_symlinks=False).st_mtime
                    if now - at >= older_than:
                        found.append((at, entry.name))
        return [name for _at, name in sorted(found)]

    def purge(self, batch: str, *, dry_run: bool) -> Moved:
        """Delete a batch for good."""
        place = self._batch(batch)
        moved = Moved(sum(1 for _file in _files_below(place)), folder_bytes(place))
        if not dry_run:
            shutil.rmtree(place)
        return moved

    def restore(self, batch: str, *, dry_run: bool) -> Moved:
        """Bring the files of a batch back to where they were. Never replaces what is there by now."""
        place, moved = self._batch(batch), Moved()
        for folder, name in _files_below(place):
            size = os.lstat(os.path.join(folder, name)).st_blocks * 512
            why = None if dry_run else _bring_back(place, folder, name)
            if why is None:
                moved.files += 1
                moved.bytes += size
            else:
                moved.left[why] += 1
        if not dry_run:
            _remove_empty(place)
        return moved

    def has(self, batch: str) -> bool:
        return os.path.isdir(os.path.join(self.place, batch))

    def _batch(self, batch: str) -> str:
        _require_batch(batch)
        if not self.has(batch):
            raise ConfigurationError(f"batch: there is no {batch} in the quarantine {self.place}")
        return os.path.join(self.place, batch)


class PutAside:
    """Takes files by moving them into a batch. C(frees) says whether that is enough for them to take no space."""

    def __init__(self, quarantine: Quarantine, batch: str, device: int, *, frees: bool) -> None:
        _require_batch(batch)
        self._place = os.path.join(quarantine.place, batch)
        os.makedirs(self._place, 0o700, exist_ok=True)
        self.frees = frees
        self._copies = os.stat(self._place).st_dev != device
        self._mirrored: tuple[str, int] | None = None

    def take(self, found: Found) -> str | None:
        if found.is_folder:
            return "kept for what comes back"
        try:
            mirror = self._mirror(found.level.path)
            if _there(mirror, found.name):
                return "in the quarantine already"
            with unused(found) as source:
                if self._copies:
                    self._copy(found, source, mirror)
                else:
                    self._rename(found, mirror)
        except ChangedError as changed:
            return changed.why
        except OSError as error:
            return reason(error, found)
        return None

    def close(self) -> None:
        if self._mirrored is not None:
            os.close(self._mirrored[1])
            self._mirrored = None

    def _rename(self, found: Found, mirror: int) -> None:
        os.rename(found.name, found.name, src_dir_fd=found.level.fd, dst_dir_fd=mirror)
        moved = os.stat(found.name, dir_fd=mirror, follow_symlinks=False)
        if moved.st_ino != found.status.st_ino:
            # Somebody put another file under the name in the last moment: that one goes back.
            _link(mirror, found.name, found.level.fd, found.name)
            raise ChangedError("changed meanwhile")

    def _copy(self, found: Found, source: int, mirror: int) -> None:
        room = os.fstatvfs(mirror)
        if room.f_bavail * room.f_frsize - found.bytes < _SPARE * room.f_blocks * room.f_frsize:
            raise ChangedError("no room in the quarantine")
        copy(source, mirror, found.name)
        now = os.stat(found.name, dir_fd=found.level.fd, follow_symlinks=False)
        then = found.status
        if (now.st_ino, now.st_mtime_ns, now.st_size) != (then.st_ino, then.st_mtime_ns, then.st_size):
            os.unlink(found.name, dir_fd=mirror)
            raise ChangedError("changed meanwhile")
        os.unlink(found.name, dir_fd=found.level.fd)

    def _mirror(self, path: str) -> int:
        """Return the folder in the batch that stands for C(path). The last one is kept open."""
        if self._mirrored is not None and self._mirrored[0] == path:
            return self._mirrored[1]
        self.close()
        place = self._place + path
        os.makedirs(place, 0o700, exist_ok=True)
        fd = os.open(place, _FOLDER)
        self._mirrored = (path, fd)
        return fd


def _require_batch(batch: str) -> None:
    if not BATCH.fullmatch(batch):
        raise ConfigurationError(f"batch is {batch[:70]!r}, expected letters, digits, dots and dashes")


def _there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _link(source: int, name: str, target: int, new: str) -> None:
    """Move a file without ever replacing another one. Raises FileExistsError."""
    os.link(name, new, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    os.unlink(name, dir_fd=source)


def _files_below(place: str) -> Iterator[tuple[str, str]]:
    waiting = [place]
    while waiting:
        folder = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield folder, entry.name


def _bring_back(place: str, folder: str, name: str) -> str | None:
    """Return None when the file is back, or why it stays in the quarantine."""
    original = folder[len(place) :]
    try:
        target = _open(original)
    except OSError:
        return "its folder is gone"
    source = os.open(folder, _FOLDER)
    try:
        if os.fstat(source).st_dev == os.fstat(target).st_dev:
            _link(source, name, target, name)
            return None
        if _there(target, name):
            return "a new file has its name"
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
        try:
            copy(fd, target, name)
        finally:
            os.close(fd)
        os.unlink(name, dir_fd=source)
    except FileExistsError:
        return "a new file has its name"
    except OSError as error:
        return "no room where it was" if error.errno == errno.ENOSPC else error.strerror
    finally:
        os.close(source)
        os.close(target)
    return None


def _open(path: str) -> int:
    """Open a folder without following any link on the way."""
    fd = os.open("/", _FOLDER)
    for name in path.split("/")[1:]:
        try:
            deeper = os.open(name, _FOLDER, dir_fd=fd)
        finally:
            os.close(fd)
        fd = deeper
    return fd


def _remove_empty(place: str) -> None:
    for folder, _folders, _names in os.walk(place, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            continue  # something stays in it


def batch_name(now: float) -> str:
    """Return a name for a batch that sorts by time."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
