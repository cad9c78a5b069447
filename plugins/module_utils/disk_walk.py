# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks below a root without ever leaving it: no link is followed, no other file system or mount is entered.

Every folder is opened relative to the one above it and stays open while it is walked, so that nobody can put another
folder under its name. Memory does not grow with the number of files.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .disk_deny import PROTECTED_ENDINGS, Protection, holds_database, protected_name
from .disk_open import InUse
from .disk_rules import Rule
from .errors import ConfigurationError

#: Folders deeper than that are left alone: each level needs two open files.
DEEPEST = 150
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TYPE, _REGULAR = 0o170000, stat.S_IFREG


@dataclass
class Skipped:
    """What was left alone although its name fits: files by reason, and the bytes that they take."""

    files: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)

    def add(self, why: str, size: int = 0) -> None:
        self.files[why] += 1
        self.bytes[why] += size


class Level:
    """A folder that is being walked."""

    __slots__ = ("age", "entries", "fd", "kept", "name", "path", "status")

    def __init__(self, fd: int, name: str, path: str, status: os.stat_result, age: int) -> None:
        self.fd, self.name, self.path, self.status, self.age = fd, name, path, status, age
        self.entries = os.scandir(fd)
        #: Whether something in it stays.
        self.kept = False

    def close(self) -> None:
        self.entries.close()
        os.close(self.fd)


class Found(NamedTuple):
    """A file that a rule means, or a folder that may be empty, with the folder that it is reached through."""

    level: Level
    name: str
    status: os.stat_result
    age: int
    is_folder: bool = False

    @property
    def path(self) -> str:
        return f"{self.level.path}/{self.name}"

    @property
    def bytes(self) -> int:
        return self.status.st_blocks * 512


class Root:
    """An opened folder of the allow list."""

    def __init__(self, path: str, fd: int) -> None:
        self.path, self.fd = path, fd
        self.status = os.fstat(fd)
        self.mount = mount_of(fd)

    @classmethod
    def open(cls, path: str, protection: Protection) -> Root | None:
        """Open a root, None when it does not exist. Raises ConfigurationError when it may not be one."""
        protection.require_allowed(path)
        fd = os.open("/", _FOLDER)
        try:
            reached = ""
            for name in path.split("/")[1:]:
                reached = f"{reached}/{name}"
                deeper = _descend(fd, name, reached)
                if deeper is None:
                    os.close(fd)
                    return None
                os.close(fd)
                fd = deeper
                _require_free(fd, reached, protection)
            root = cls(path, fd)
        except BaseException:
            os.close(fd)
            raise
        if _identity(root.status) in protection.broad:
            root.close()
            raise ConfigurationError(f"paths: {path} is a folder that is too much to clean under another name")
        return root

    def close(self) -> None:
        os.close(self.fd)


def _descend(fd: int, name: str, reached: str) -> int | None:
    try:
        return os.open(name, _FOLDER, dir_fd=fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise ConfigurationError(f"paths: {reached} is a link or no folder; name the place it leads to") from None
        raise ConfigurationError(f"paths: {reached} cannot be opened: {error.strerror}") from None


def _require_free(fd: int, reached: str, protection: Protection) -> None:
    if _identity(os.fstat(fd)) in protection.below:
        raise ConfigurationError(f"paths: {reached} is a protected folder, or one mounted under another name")
    if holds_database(fd):
        raise ConfigurationError(f"paths: {reached} belongs to a database and is never cleaned")


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def mount_of(fd: int) -> bytes:
    """Return the kernel's number of the mount that a descriptor is on: two mounts of one file system differ in it."""
    try:
        with open(f"/proc/self/fdinfo/{fd}", "rb") as info:
            return next((line for line in info if line.startswith(b"mnt_id:")), b"")
    except OSError:
        return b""


class Walk:
    """One walk below one root for one rule. C(now) is the time that ages are counted from (seconds since 1970).

    Yields files that the rule means and that nothing speaks against, immediately after each was looked at, then each
    folder that is left behind with nothing in it.
    """

    def __init__(
        self, root: Root, rule: Rule, protection: Protection, in_use: InUse, skipped: Skipped, now: float
    ) -> None:
        self._root = root
        self._rule = rule
        self._protection = protection
        self._in_use = in_use
        self._skipped = skipped
        self._now = now

    def __iter__(self) -> Iterator[Found]:
        top = Level(os.dup(self._root.fd), "", self._root.path, self._root.status, 0)
        levels = [top]
        try:
            while levels:
                level = levels[-1]
                try:
                    deeper = yield from self._files(level, len(levels))
                except OSError:
                    level.kept = True
                    self._skipped.add("not readable")
                    deeper = None
                if deeper is not None:
                    levels.append(deeper)
                    continue
                levels.pop().close()
                if levels:
                    yield from self._left(level, levels[-1])
        finally:
            for level in levels:
                level.close()

    def _files(self, level: Level, depth: int) -> Generator[Found, None, Level | None]:
        """Yield the files of a folder until it has a folder in it; return that one opened, None at the end."""
        rule, skipped, device = self._rule, self._skipped, self._root.status.st_dev
        matches = rule.matcher()
        oldest, least, used, now = rule.older_than, rule.larger_than, rule.clock == "used", self._now
        in_use, count = self._in_use, 0
        in_use.refresh()
        for entry in level.entries:
            try:
                if entry.is_dir(follow_symlinks=False):
                    deeper = self._enter(level, entry.name, depth)
                    if deeper is not None:
                        return deeper
                    level.kept = True
                    continue
                name = entry.name
                if matches is not None and not matches(name):
                    level.kept = True
                    continue
                status = entry.stat(follow_symlinks=False)
            except OSError:
                level.kept = True
                continue  # gone meanwhile
            touched = status.st_mtime if not used else max(status.st_mtime, status.st_atime, status.st_ctime)
            age = int(now - touched)
            if status.st_mode & _TYPE != _REGULAR:
                why = "no regular file"
            elif age < oldest or status.st_size < least:
                level.kept = True
                continue
            elif status.st_dev != device:
                why = "other file system"
            elif status.st_nlink != 1:
                why = "several names"
            elif name.rpartition(".")[2].lower() in PROTECTED_ENDINGS:
                why = "protected"
            else:
                count += 1
                if not count & 255:
                    in_use.refresh()
                if status.st_ino in in_use.inodes:
                    why = "in use"
                else:
                    yield Found(level, name, status, age)
                    continue
            level.kept = True
            skipped.add(why, status.st_blocks * 512 if why in ("in use", "protected", "several names") else 0)
        return None

    def _enter(self, level: Level, name: str, depth: int) -> Level | None:
        """Open a folder, or say in C(skipped) why not."""
        if protected_name(name):
            self._skipped.add("protected")
            return None
        if depth >= DEEPEST:
            self._skipped.add("too deep")
            return None
        try:
            fd = os.open(name, _FOLDER, dir_fd=level.fd)
        except OSError as error:
            # A link is there by now, it is gone, or it is not ours to read.
            if error.errno in (errno.EACCES, errno.EPERM):
                self._skipped.add("not readable")
            return None
        status = os.fstat(fd)
        why = self._refusal(fd, status)
        if why:
            self._skipped.add(why)
            os.close(fd)
            return None
        return Level(fd, name, f"{level.path}/{name}", status, int(self._now - status.st_mtime))

    def _refusal(self, fd: int, status: os.stat_result) -> str:
        if status.st_dev != self._root.status.st_dev or mount_of(fd) != self._root.mount:
            return "other file system"
        if _identity(status) in self._protection.below or holds_database(fd):
            return "protected"
        return ""

    def _left(self, level: Level, above: Level) -> Iterator[Found]:
        """Yield a folder that was walked if nothing in it stays and the rule wants it gone."""
        rule = self._rule
        if rule.empty_folders and not level.kept and level.age >= rule.older_than:
            yield Found(above, level.name, level.status, level.age, True)
        else:
            above.kept = True
