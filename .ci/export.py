# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mirrors the files that belong to the collection into another folder, free of everything that was made here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

ROOT = Path(__file__).absolute().parents[1]


class ExportError(Exception):
    """The files of the checkout cannot be told. The text says why."""


def export(destination: Path, *, untracked: bool, leave_out: Collection[str] = ()) -> None:
    """Make C(destination) hold the checkout's files as they are on disk now, and nothing else but its C(.git).

    Git says what belongs: tracked files, and with C(untracked) also new ones that are not ignored. C(leave_out) are
    paths that the caller has no use for. Unchanged files are left alone, so that tools which look at times see only
    real changes. Raises ExportError.
    """
    wanted = {Path(name) for name in _listed(untracked) if name not in leave_out}
    destination.mkdir(parents=True, exist_ok=True)
    _remove_others(destination, wanted)
    for name in sorted(wanted):
        _copy(ROOT / name, destination / name)


def git(*arguments: str, folder: Path) -> str:
    """Run git in C(folder), whoever owns it and whatever repository the caller's environment points to."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-c", f"safe.directory={folder}", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise ExportError("git is missing: it says which files belong to the collection") from None
    except subprocess.CalledProcessError as error:
        raise ExportError(f"git {arguments[0]} failed in {folder}: {error.stderr.strip()}") from None
    return done.stdout


def _listed(untracked: bool) -> list[str]:
    kinds = ["--cached", *(["--others", "--exclude-standard"] if untracked else [])]
    names = git("ls-files", "-z", *kinds, folder=ROOT).split("\0")
    return [name for name in names if name and os.path.lexists(ROOT / name)]


def _remove_others(destination: Path, wanted: set[Path]) -> None:
    for folder, folders, files in os.walk(destination, topdown=True):
        here = Path(folder)
        if here == destination and ".git" in folders:
            folders.remove(".git")
        for name in [*files, *(name for name in folders if (here / name).is_symlink())]:
            if (here / name).relative_to(destination) not in wanted:
                (here / name).unlink()
    for folder, folders, files in os.walk(destination, topdown=False):
        here = Path(folder)
        if ".git" not in here.relative_to(destination).parts and not folders and not files and here != destination:
            here.rmdir()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        if not (target.is_symlink() and target.readlink() == source.readlink()):
            target.unlink(missing_ok=True)
            target.symlink_to(source.readlink())
        return
    if not target.is_symlink() and target.is_file() and _same(source, target):
        return
    target.unlink(missing_ok=True)
    shutil.copy2(source, target)


def _same(source: Path, target: Path) -> bool:
    a, b = source.stat(), target.stat()
    return (a.st_size, a.st_mtime_ns, a.st_mode) == (b.st_size, b.st_mtime_ns, b.st_mode)
