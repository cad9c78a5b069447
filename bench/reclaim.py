# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds to free a disk of a million files: disk_reclaim, which looks at each, against C(find … -delete)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.self_healing.devops.plugins.modules import disk_reclaim
from demo.errors import DemoError
from demo.layout import Layout
from demo.small_disk import own_namespace, run

from .figures import Figures, ratio, table

FILES, ROUNDS = 1_000_000, 2
#: Files in each folder, and which of them is not empty.
PER_FOLDER, FILLED_EVERY = 1000, 10
GOAL = 1.5
OLD = 7200
NOTE = """\
Each gets a tree of its own, made just before: folders of 1000 files, every tenth with something in it. find looks at
type, name and age; disk_reclaim at links, names, mounts, open files and the protected folders as well. It runs as the
program that Ansible runs on a host, the start of Python included. Until the goal, it counts first and then removes the
oldest half of the inodes."""


@dataclass(frozen=True)
class Ended:
    """One run: seconds, and the largest memory of the program in MiB."""

    seconds: float
    mib: float


def make(tree: Path, files: int) -> None:
    """Make the tree: half of its files are older than the other half, and all are old."""
    now = time.time()
    for first in range(0, files, PER_FOLDER):
        folder = tree / f"{first // PER_FOLDER:05d}"
        folder.mkdir(parents=True)
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        for number in range(first, min(first + PER_FOLDER, files)):
            file = os.open(f"file {number}.tmp", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644, dir_fd=fd)
            if number % FILLED_EVERY == 0:
                os.write(file, b"x" * 100)
            at = now - OLD * (1 + number % 2 * 10)
            os.utime(file, (at, at))
            os.close(file)
        os.close(fd)


def find(tree: Path) -> list[str]:
    return ["find", str(tree), "-xdev", "-type", "f", "-name", "*.tmp", "-mmin", "+60", "-delete"]


def module(tree: Path, **goal: Any) -> tuple[list[str], bytes]:
    """Return the command and the input of disk_reclaim as a program of its own."""
    rule = {"name": "old", "paths": [str(tree)], "patterns": ["*.tmp"], "older_than": "1h"}
    given = {"path": str(tree), "rules": [rule], "list": 10, **goal}
    return [sys.executable, "-m", disk_reclaim.__name__], json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode()


def timed(command: Sequence[str], given: bytes = b"") -> tuple[Ended, bytes]:
    """Run a program and return what it took and what it said. Raises DemoError."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(given)
        process.stdin.close()
        said = process.stdout.read()
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode != 0:
        raise DemoError(f"{command[0]} ended with status {process.returncode}: {said[-500:].decode(errors='replace')}")
    return Ended(seconds, used.ru_maxrss / 1024), said


def left(tree: Path) -> int:
    return sum(len(names) for _folder, _folders, names in os.walk(tree))


def race(disk: Path, files: int, rounds: int) -> list[str]:
    """Let them take turns on one file system and return the figures of a row. Raises DemoError."""
    runs: dict[str, list[Ended]] = {"find": [], "all": [], "goal": []}
    for _round in range(rounds):
        for name, measured in runs.items():
            measured.append(one(disk, files, name))
    few = one(disk, files // 20, "goal")
    theirs, ours, goal = (Figures(tuple(ended.seconds for ended in runs[name])) for name in runs)
    most = max(ended.mib for ended in (*runs["all"], *runs["goal"]))
    return [
        *(theirs.show(1), ours.show(1), f"{ratio(ours, theirs):.2f}", goal.show(1), f"{ratio(goal, theirs):.2f}"),
        f"{most:.0f} ({few.mib:.0f})",
    ]


def one(disk: Path, files: int, name: str) -> Ended:
    """Make a tree, let one of them have it, and look what is left. Raises DemoError."""
    tree = disk / "tree"
    make(tree, files)
    # What was just made is written by now, and not while it is removed.
    run("sync", "--file-system", disk)
    if name == "find":
        ended, _said = timed(find(tree))
        expected = 0
    else:
        inodes = os.statvfs(disk)
        percent = 100 * (inodes.f_files - inodes.f_ffree - files // 2) / max(inodes.f_files, 1)
        ended, said = timed(*module(tree, **({} if name == "all" else {"inodes_used_percent": percent})))
        expected = files - json.loads(said)["predicted"]["files"]
        if name == "goal" and abs(expected - files / 2) > files / 50:
            raise DemoError(f"{expected} of {files} files are left, expected half of them")
    if left(tree) != expected:
        raise DemoError(f"{name} left {left(tree)} files, expected {expected}")
    subprocess.run(["rm", "-rf", str(tree)], check=True)
    return ended


@contextmanager
def disks(folder: Path, files: int) -> Iterator[list[tuple[str, Path]]]:
    """Yield the file systems to measure on: of our own where there is root, else the one of the folder."""
    found: list[tuple[str, Path]] = []
    if own_namespace():
        inodes = files + files // 10 + 1000
        image = folder / "disk.img"
        with image.open("wb") as file:
            file.truncate(inodes * 256 + files // FILLED_EVERY * 4096 * 2 + (256 << 20))
        for name in ("ext4", "tmpfs"):
            (folder / name).mkdir()
        made = run("mkfs.ext4", "-q", "-m", "0", "-N", str(inodes), str(image))
        if made and run("mount", "-o", "loop", str(image), folder / "ext4"):
            found.append(("ext4 in a file", folder / "ext4"))
        if run("mount", "-t", "tmpfs", "-o", f"size=50%,nr_inodes={inodes}", "tmpfs", folder / "tmpfs"):
            found.append(("tmpfs", folder / "tmpfs"))
    try:
        yield found or [("this folder", folder)]
    finally:
        for _name, place in found:
            run("umount", "--lazy", place)


def main(layout: Layout, rounds: int, files: int = FILES) -> None:
    head = [
        "seconds, median (lowest-highest)",
        "find",
        "disk_reclaim",
        "ratio",
        "until the goal",
        "ratio",
        "MiB (few files)",
    ]
    with disks(layout.root, files) as places:
        rows = [head, *([name, *race(place, files, rounds)] for name, place in places)]
    print(
        f"reclaim: find -delete against self_healing.devops.disk_reclaim, {files} files, {rounds} runs each in turns\n"
        f"\n{table(rows)}\n\nThe goal is a ratio of {GOAL:.1f} or less, and the memory that few files need.\n{NOTE}\n"
    )
