# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps an archive in a file for its owner's eyes only. The file is there whole, or as it was."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

from . import archive_format
from .errors import ConfigurationError

#: How every SQLite file begins. No option allows that one is overwritten: it may be the journal itself.
_DATABASE = b"SQLite format 3\x00"


def write(path: Path, lines: Iterable[bytes], *, force: bool = False, dry_run: bool = False) -> tuple[bool, int]:
    """Write an archive. Returns whether the file is another one then, and how many incidents it holds.

    An archive that holds the same already is left alone. With C(dry_run) nothing is written.

    Raises ConfigurationError when the file cannot be written, or when it is something else and C(force) is not set.
    """
    with _naming(path, "written"):
        _refuse_others(path, force)
        if dry_run:
            counted = _Counted(lines)
            same = _is_same(path, counted)
            for _line in counted:
                pass  # what was not compared is counted all the same
            return not same, counted.passed - 1
        return _write(path, lines)


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """Open an archive. Raises ConfigurationError when it cannot be read."""
    with _naming(path, "read"):
        if not path.is_file():
            raise FileNotFoundError(0, "there is no file of this name")
        file = path.open("rb")
    with file:
        yield file


def _write(path: Path, lines: Iterable[bytes]) -> tuple[bool, int]:
    # It is made for its owner only, under a name that nothing has.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:200]}.")
    written = Path(name)
    try:
        count = 0
        with os.fdopen(handle, "wb") as file:
            for line in lines:
                file.write(line)
                count += 1
            file.flush()
            os.fsync(file.fileno())
        with written.open("rb") as again:
            changed = not _is_same(path, again)
        if changed:
            written.replace(path)
        return changed, count - 1
    finally:
        written.unlink(missing_ok=True)


class _Counted:
    """Lines, and how many of them have passed."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self.passed = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            self.passed += 1
            yield line


def _is_same(path: Path, lines: Iterable[bytes]) -> bool:
    """Whether the file at C(path) is private and holds these lines. When it was exported makes no difference."""
    if not path.is_file() or stat.S_IMODE(path.stat().st_mode) != 0o600:
        return False
    with path.open("rb") as file:
        pairs = zip_longest(file, lines)
        next(pairs, None)
        return all(there == here for there, here in pairs)


def _refuse_others(path: Path, force: bool) -> None:
    if not path.exists():
        return
    if not path.is_file():
        raise ConfigurationError(f"path: {path} is no file: give the name of a file")
    with path.open("rb") as file:
        first = file.readline(archive_format.LONGEST_HEADER)
    if first.startswith(_DATABASE):
        raise ConfigurationError(f"path: {path} is a database, maybe the journal itself: give another path")
    if first and not force and not archive_format.is_header(first):
        raise ConfigurationError(f"path: {path} is something else than an archive: give another path, or force: true")


@contextmanager
def _naming(path: Path, verb: str) -> Iterator[None]:
    """Turn errors of the operating system into one that names the file."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"path: {path} cannot be {verb}: {error.strerror}") from error
