# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies one file between file systems with all that belongs to it, holes included."""

from __future__ import annotations

import errno
import os

_PIECE = 1 << 20


def copy(source: int, folder: int, name: str) -> None:
    """Copy what C(source) is open on into C(folder) as C(name): nobody sees a half copy under that name.

    Never replaces a file (FileExistsError). It is on the disk when this returns.
    """
    status = os.fstat(source)
    part = f".{os.getpid()}.part"
    target = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        try:
            _content(source, target, status.st_size)
            os.fchown(target, status.st_uid, status.st_gid)
            _attributes(source, target)
            os.fchmod(target, status.st_mode & 0o7777)
            os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
            os.fsync(target)
        finally:
            os.close(target)
        os.link(part, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    finally:
        os.unlink(part, dir_fd=folder)


def _content(source: int, target: int, size: int) -> None:
    place = 0
    while place < size:
        try:
            begin = os.lseek(source, place, os.SEEK_DATA)
            end = os.lseek(source, begin, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break  # nothing but a hole from here on
            begin, end = place, size  # a file system that knows no holes
        os.lseek(source, begin, os.SEEK_SET)
        os.lseek(target, begin, os.SEEK_SET)
        left = end - begin
        while left > 0:
            piece = os.read(source, min(_PIECE, left))
            if not piece:
                break
            left -= len(piece)
            while piece:
                piece = piece[os.write(target, piece) :]
        place = end
    os.ftruncate(target, size)


def _attributes(source: int, target: int) -> None:
    """Extended attributes, where both file systems have them."""
    try:
        for name in os.listxattr(source):
            os.setxattr(target, name, os.getxattr(source, name))
    except OSError:
        return
