# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd hosts leave on this machine, control groups, files and a bridge, and how it is removed."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: In memory, because the upper layer of an overlay must not lie on its lower one.
BASE = Path("/dev/shm/self-healing-hosts")


class HostError(Exception):
    """A host did not come up. The message holds the end of its console."""


@contextmanager
def alone() -> Iterator[None]:
    """Keep other test runs of this machine from choosing an address range, or from sweeping, at the same time."""
    with BASE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sweep() -> None:
    """Remove what test runs have left behind that were killed."""
    with alone():
        _sweep()


def _sweep() -> None:
    for folder in BASE.glob("sh*"):
        try:
            known = (folder / "owner").read_text()
        except OSError:
            known = ""
        if not known or owner(int(known.split()[0])) != known:
            remove(folder.name)


def remove(run_id: str) -> None:
    """Remove everything of one test run, whatever state it is in."""
    folder = BASE / run_id
    for host in sorted(folder.glob(f"{run_id}-*")):
        remove_host(host.name, host)
    if (Path("/sys/class/net") / f"br-{run_id}").exists():
        ip("link", "delete", f"br-{run_id}")
    shutil.rmtree(folder, ignore_errors=True)
    if BASE.exists() and not any(BASE.iterdir()):
        BASE.rmdir()


def traces(name: str) -> list[str]:
    """Return what is left of a host or of a test run: processes, mounts, links, control groups, files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if name.encode() in line:
            found.append(f"process {process.name}: {line.decode(errors='replace')}")
    found += [line for line in Path("/proc/self/mounts").read_text().splitlines() if name in line]
    found += [str(link) for link in Path("/sys/class/net").iterdir() if name in link.name]
    found += [str(group) for hierarchy in hierarchies() for group in hierarchy.glob(f"{name}*")]
    return found + [str(folder) for folder in BASE.rglob(f"{name}*") if folder.is_dir()]


def hierarchies() -> list[Path]:
    """Return the mounted hierarchies of control groups: many of version 1, or the single one of version 2."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(mount[1]) for mount in mounts if mount[2] in ("cgroup", "cgroup2")]


def make_cgroups(name: str) -> list[Path]:
    """Make control groups for one host: sharing the machine's own, the units of two hosts would collide."""
    groups = []
    for hierarchy in hierarchies():
        group = hierarchy / name
        group.mkdir()
        for file in ("cpuset.cpus", "cpuset.mems"):
            # Version 1 starts with empty sets, in which nothing may run.
            if (group / file).exists() and (hierarchy / file).exists():
                (group / file).write_text((hierarchy / file).read_text())
        groups.append(group)
    return groups


def remove_host(name: str, folder: Path) -> None:
    groups = [hierarchy / name for hierarchy in hierarchies() if (hierarchy / name).is_dir()]
    deadline = time.monotonic() + 20
    while pids := {pid for group in groups for pid in _pids(group)}:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if time.monotonic() > deadline:
            raise HostError(f"processes {sorted(pids)} of {name} do not end")
        time.sleep(0.02)
    for group in groups:
        for path, _folders, _files in os.walk(group, topdown=False):
            _rmdir(Path(path), deadline)
    shutil.rmtree(folder, ignore_errors=True)


def _rmdir(group: Path, deadline: float) -> None:
    """Remove one control group. The kernel may need a moment after its last process ended."""
    while True:
        try:
            return group.rmdir()
        except FileNotFoundError:
            return None
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _pids(group: Path) -> Iterator[int]:
    for path, _folders, _files in os.walk(group):
        try:
            # 0 is a process of another pid namespace.
            yield from (int(pid) for pid in (Path(path) / "cgroup.procs").read_text().split() if pid != "0")
        except OSError:
            continue


def owner(pid: int) -> str:
    """Return the pid with the start time of its process, which no later process shares."""
    try:
        return f"{pid} {Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
    except OSError:
        return ""


def ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise HostError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
