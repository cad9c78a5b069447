# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules whose data has an owner that cleans up itself: the journal, package managers, containers.

Each says what it would free, from its files or from its own report, and does it with one or a few commands. A program
that is not on the host, or that does not answer, is no failure: the rule frees nothing and says why.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .disk_rules import Rule

#: Seconds that a question and a clean-up may take.
ASK, CLEAN = 30.0, 900.0
_SIZE = re.compile(r"([\d.]+)\s*([kKMGT]?)i?B", re.IGNORECASE | re.ASCII)
#: As docker and podman count.
_FACTORS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
JOURNALS = ("/var/log/journal", "/run/log/journal")
#: Package managers: where their packages are, what these are called, and how they are told to let go of them.
PACKAGES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "apt-get": ("/var/cache/apt/archives", ".deb", ("clean",)),
    "dnf": ("/var/cache/dnf", ".rpm", ("clean", "packages")),
    "yum": ("/var/cache/yum", ".rpm", ("clean", "packages")),
    "zypper": ("/var/cache/zypp/packages", ".rpm", ("--non-interactive", "clean")),
}


@dataclass(frozen=True)
class Gain:
    """What a rule would free. C(commands) do it; C(note) says why there is nothing to do."""

    bytes: int = 0
    files: int = 0
    commands: tuple[tuple[str, ...], ...] = ()
    note: str = ""


def gain(rule: Rule, device: int, now: float | None = None) -> Gain:
    """Return what a rule of a program would free on the file system C(device). Changes nothing."""
    look: Callable[[Rule, int, float], Gain] = {
        "journal": _journal,
        "package_cache": _packages,
        "containers": _containers,
    }[rule.kind]
    return look(rule, device, time.time() if now is None else now)


def clean(commands: Sequence[Sequence[str]]) -> str:
    """Run the commands and return what went wrong, or an empty text."""
    for command in commands:
        status, output = _run(command, CLEAN)
        if status != 0:
            return f"{command[0]}: {output.strip()[-300:] or f'ended with status {status}'}"
    return ""


def _journal(rule: Rule, device: int, now: float) -> Gain:
    if shutil.which("journalctl") is None:
        return Gain(note="journalctl is not on this host")
    archived: list[tuple[float, int]] = []
    total = 0
    for status, name in _below(JOURNALS, device):
        if name.endswith((".journal", ".journal~")):
            total += status.st_blocks * 512
            # Those with an @ are closed for good. The others are being written to and stay.
            if "@" in name or name.endswith("~"):
                archived.append((status.st_mtime, status.st_blocks * 512))
    going = [size for at, size in archived if now - at >= rule.older_than]
    if rule.keep is not None:
        left = total - sum(going)
        for at, size in sorted(archived):
            if now - at < rule.older_than and left > rule.keep:
                going.append(size)
                left -= size
    if not going:
        return Gain(note="no archived journal is old enough")
    command = ["journalctl", f"--vacuum-time={max(rule.older_than, 1)}s"]
    commands = [tuple(command)]
    if rule.keep is not None:
        commands.append(("journalctl", f"--vacuum-size={rule.keep}"))
    return Gain(sum(going), len(going), tuple(commands))


def _packages(_rule: Rule, device: int, _now: float) -> Gain:
    size, files, commands = 0, 0, []
    for program, (place, ending, arguments) in PACKAGES.items():
        if shutil.which(program) is None:
            continue
        found = [status.st_blocks * 512 for status, name in _below((place,), device) if name.endswith(ending)]
        if found:
            size, files = size + sum(found), files + len(found)
            commands.append((program, *arguments))
    return Gain(size, files, tuple(commands)) if commands else Gain(note="no package manager keeps packages here")


def _containers(rule: Rule, device: int, _now: float) -> Gain:
    total = 0
    commands: list[tuple[str, ...]] = []
    notes: list[str] = []
    for program, root in (("docker", "{{.DockerRootDir}}"), ("podman", "{{.Store.GraphRoot}}")):
        if shutil.which(program) is None:
            continue
        status, place = _run((program, "info", "--format", root), ASK)
        if status != 0 or not _on(place.strip(), device):
            notes.append(f"{program} does not answer" if status else f"{program} keeps its data on another file system")
            continue
        status, report = _run((program, "system", "df", "--format", "{{json .}}"), ASK)
        found = reclaimable(report, images=rule.images) if status == 0 else 0
        if found > 0:
            total += found
            commands += _prune(program, rule)
    return Gain(total, 0, tuple(commands), "; ".join(notes) or ("" if commands else "nothing of containers is unused"))


def _prune(program: str, rule: Rule) -> Iterator[tuple[str, ...]]:
    """Yield the commands. Volumes hold data of services and are never pruned."""
    until = ("--force", "--filter", f"until={max(rule.older_than, 1)}s")
    yield (program, "container", "prune", *until)
    yield (program, "image", "prune", *(["--all"] if rule.images else []), *until)
    if program == "docker":
        yield (program, "builder", "prune", *until)


def reclaimable(report: str, *, images: bool) -> int:
    """Return the bytes that C(system df) calls reclaimable in containers, build cache and, with C(images), images."""
    total = 0
    for line in report.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        for one in row if isinstance(row, list) else [row]:
            kind = str(one.get("Type", "")).lower() if isinstance(one, dict) else ""
            if kind in ("containers", "build cache") or (kind == "images" and images):
                total += _bytes(str(one.get("Reclaimable", "")))
    return total


def _bytes(text: str) -> int:
    match = _SIZE.match(text.strip())
    return int(float(match.group(1)) * _FACTORS[match.group(2).upper()]) if match else 0


def _below(places: Sequence[str], device: int) -> Iterator[tuple[os.stat_result, str]]:
    for place in places:
        for folder, _folders, names in os.walk(place):
            for name in names:
                try:
                    status = os.lstat(os.path.join(folder, name))
                except OSError:
                    continue
                if status.st_dev == device:
                    yield status, name


def _on(place: str, device: int) -> bool:
    try:
        return bool(place) and os.stat(place).st_dev == device
    except (OSError, ValueError):
        return False


def _run(command: Sequence[str], seconds: float) -> tuple[int, str]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            list(command),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"no end within {seconds:.0f} s"
    except OSError as error:
        return 127, str(error.strerror)
    return done.returncode, done.stdout.decode("utf-8", errors="replace")
