# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems of their own for tests: in memory, or in a file. They need root; without it the test is skipped."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    """Mount something at C(folder) with the arguments of C(mount) and unmount it at the end."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own needs root")
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def memory(folder: Path, mib: int = 64, inodes: int = 100_000) -> Iterator[Path]:
    """A file system in memory."""
    with mounted(folder, "-t", "tmpfs", "-o", f"size={mib}m,nr_inodes={inodes}", "tmpfs") as place:
        yield place


@contextmanager
def ext4(folder: Path, mib: int = 64, inodes: int = 4096) -> Iterator[Path]:
    """A real ext4 in a file, without a reserve for root."""
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(mib << 20)
    made = subprocess.run(
        ["mkfs.ext4", "-q", "-m", "0", "-N", str(inodes), str(image)], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"no ext4 can be made here: {made.stderr.strip()}")
    try:
        with mounted(folder, "-o", "loop", str(image)) as place:
            yield place
    finally:
        image.unlink()


def write(path: Path, size: int = 4096, days: float = 30, now: float | None = None) -> Path:
    """Write a file that was last changed so many days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    age(path, days, now)
    return path


def age(path: Path, days: float, now: float | None = None) -> None:
    at = (time.time() if now is None else now) - days * 86400
    os.utime(path, (at, at), follow_symlinks=False)
