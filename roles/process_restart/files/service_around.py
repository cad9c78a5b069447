# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found around a service: memory, ports, files, a core dump, what depends on it, and its last log lines.

All of it is a help for people. What cannot be measured is None or left out, and never an error.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from service_host import LookError, find_process, last_output, printable, run

PROC = Path("/proc")
MIB = 1024 * 1024
#: Where core dumps are kept (systemd-coredump, apport), besides the folder that the kernel is told.
CORE_FOLDERS = ("/var/lib/systemd/coredump", "/var/crash", "/var/lib/apport/coredump")
#: How old a core dump may be that is shown, in seconds.
CORE_SECONDS = 24 * 3600.0
#: How much of a log is kept, in bytes, and of one line of it, in characters.
LOG_BYTES = 64 * 1024
LINE_LENGTH = 1000
#: How many names one line of the report has at most, and how long each may be.
NAMES = 8
NAME_LENGTH = 60
#: C(st) of a socket in /proc/net/tcp that listens.
LISTENS = "0A"


class Around(NamedTuple):
    """What to look for. C(pid) is the main process, or the one that has ended; 0 is none known.

    C(port) is the port of the service. C(show) is a command that prints lines of C(KEY=NAME NAME…): its
    C(WorkingDirectory) and what depends on it. C(log) prints its log, of which the last C(log_lines) are kept.
    """

    pid: int = 0
    port: int = 0
    show: list[str] | None = None
    log: list[str] | None = None
    log_lines: int = 0


class Found(NamedTuple):
    """Figures by name, what is reported in sentences, and the log."""

    figures: dict[str, Any]
    report: list[str]
    log: list[str]


def around(asked: Around) -> Found:
    """Gather everything that can be found."""
    figures: dict[str, Any] = dict.fromkeys(
        ("memory_mib", "threads", "open_files", "deleted_files", "deleted_mib", "ports", "core_files"), None
    )
    report: list[str] = []
    known = _shown(asked.show)
    core = Path(known.pop("WorkingDirectory", "").lstrip("!-") or "/nowhere")
    steps: list[Callable[[], None]] = [
        lambda: _running(asked.pid, figures, report),
        lambda: _port_holder(asked, report),
        lambda: _core(asked.pid, core, figures, report),
        lambda: _dependents(known, report),
    ]
    for step in steps:
        try:
            step()
        except (OSError, LookError, ValueError, LookupError):
            continue
    return Found(figures, report, _log_lines(asked.log, asked.log_lines) if asked.log else [])


def family(pid: int) -> list[int]:
    """Return the process and all that come from it, the process itself first; empty when it does not run."""
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, LookupError, ValueError):
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found = [pid] if (PROC / str(pid)).exists() else []
    for one in found:
        found.extend(children.get(one, []))
    return found


def _running(pid: int, figures: dict[str, Any], report: list[str]) -> None:
    """Add what the processes of the service hold now."""
    pids = family(pid) if pid else []
    if not pids or find_process(pid) is None:
        return
    status = [_status(pid) for pid in pids]
    figures["memory_mib"] = round(sum(values.get("VmRSS", 0) for values in status) / 1024, 1)
    figures["threads"] = sum(values.get("Threads", 0) for values in status)
    files = [file for pid in pids for file in _open_files(pid)]
    figures["open_files"] = len(files)
    processes = "1 process" if len(pids) == 1 else f"{len(pids)} processes"
    report.append(f"{processes}, {figures['threads']} threads, {figures['memory_mib']} MiB, {len(files)} open files")
    deleted = {key: (name, size) for name, key, size in (_deleted(file) for file in files) if key}
    figures["deleted_files"] = len(deleted)
    figures["deleted_mib"] = round(sum(size for _name, size in deleted.values()) / MIB, 1)
    if deleted:
        named = sorted(deleted.values(), key=lambda found: -found[1])
        report.append(f"open deleted files: {_names(f'{name} {size // 1024} KiB' for name, size in named)}")
    ports = sorted(set(_listening(pid, {_socket(file) for file in files})))
    figures["ports"] = ",".join(str(port) for port in ports[:12])
    if ports:
        report.append(f"listens on port {_names(str(port) for port in ports)}")


def _status(pid: int) -> dict[str, int]:
    """Return C(VmRSS) in KiB and C(Threads) of one process; empty when it has ended."""
    try:
        text = (PROC / str(pid) / "status").read_text(errors="replace")
    except OSError:
        return {}
    return {key: int(value) for key, value in re.findall(r"^(VmRSS|Threads):\s+(\d+)", text, re.MULTILINE)}


def _open_files(pid: int) -> list[Path]:
    try:
        return list((PROC / str(pid) / "fd").iterdir())
    except OSError:
        return []


def _deleted(file: Path) -> tuple[str, tuple[int, int] | None, int]:
    """Return name, identity and size in bytes of an open file that was deleted; without identity it was not."""
    try:
        found, name = file.stat(), os.readlink(file)
    except OSError:
        return "", None, 0
    if not stat.S_ISREG(found.st_mode) or found.st_nlink or name.startswith(("/memfd:", "/dev/shm/", "/SYSV")):
        return "", None, 0
    name = name[: -len(" (deleted)")] if name.endswith(" (deleted)") else name
    return name, (found.st_dev, found.st_ino), found.st_blocks * 512


def _socket(file: Path) -> str:
    try:
        return os.readlink(file)
    except OSError:
        return ""


def _listening(pid: int | str, sockets: set[str] | None = None) -> Iterator[int]:
    """Yield the ports on which somebody listens in the network of C(pid), or on these C(sockets) only."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (PROC / str(pid) / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in (line.split() for line in lines):
            if fields[3] == LISTENS and (sockets is None or f"socket:[{fields[9]}]" in sockets):
                yield int(fields[1].rpartition(":")[2], 16)


def _port_holder(asked: Around, report: list[str]) -> None:
    """Add who else has the port of a service that does not run."""
    if not asked.port or (asked.pid and find_process(asked.pid)) or asked.port not in _listening("self"):
        return
    for folder in PROC.glob("[0-9]*"):
        sockets = {_socket(file) for file in _open_files(int(folder.name))}
        if sockets and asked.port in _listening(folder.name, sockets):
            name = (folder / "comm").read_text(errors="replace").strip()
            report.append(f"port {asked.port} is held by process {folder.name} ({_short(name)})")
            return


def _core(pid: int, home: Path, figures: dict[str, Any], report: list[str]) -> None:
    """Add the core dump of the process that ended, which ran in the folder C(home)."""
    if not pid or find_process(pid):
        return
    pattern = (PROC / "sys/kernel/core_pattern").read_text().strip()
    folders = {home, *(Path(name) for name in CORE_FOLDERS)}
    if pattern.startswith("/"):
        folders.add(Path(pattern).parent)
    found = {}
    for folder in folders:
        for file in _entries(folder):
            if re.search(rf"(?<!\d){pid}(?!\d)", file.name) or file.name == "core":
                about = file.stat()
                if stat.S_ISREG(about.st_mode) and about.st_mtime > time.time() - CORE_SECONDS:
                    found[str(file)] = about.st_size
    figures["core_files"] = len(found)
    if found:
        report.append(f"core dump: {_names(f'{name} {size // 1024} KiB' for name, size in found.items())}")


def _entries(folder: Path) -> list[Path]:
    """Return the files of a folder whose name says core; empty when it cannot be read."""
    try:
        return [file for file in folder.iterdir() if "core" in file.name or file.suffix == ".crash"]
    except OSError:
        return []


def _shown(command: list[str] | None) -> dict[str, str]:
    try:
        lines = run(command).stdout.splitlines() if command else []
    except (OSError, LookError):
        return {}
    return {key: value for key, _equals, value in (line.partition("=") for line in lines)}


def _dependents(known: dict[str, str], report: list[str]) -> None:
    """Add what depends on the service. Targets only group units, and are left out."""
    names = sorted({name for value in known.values() for name in value.split() if not name.endswith(".target")})
    if names:
        report.append(f"needed by {_names(names)}")


def _names(names: Any) -> str:
    """Return the first of these names, short and harmless."""
    listed = [_short(name) for name in names]
    more = [f"and {len(listed) - NAMES} more"] if len(listed) > NAMES else []
    return ", ".join(listed[:NAMES] + more)


def _short(name: str) -> str:
    clean = printable(name).replace("\n", "\ufffd").replace("\t", " ")
    return clean if len(clean) <= NAME_LENGTH else f"…{clean[1 - NAME_LENGTH :]}"


def _log_lines(command: list[str], lines: int) -> list[str]:
    """Return the last lines of what the command prints. That there is none is told in the same place."""
    try:
        text = last_output(command, LOG_BYTES)
    except (OSError, LookError) as error:
        text = f"no log: {error}"
    return [line[:LINE_LENGTH] for line in printable(text).splitlines()[-lines:]]
