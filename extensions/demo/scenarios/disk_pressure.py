# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk fills up with exports that nobody removes, until the nightly import has no room; the remedy frees it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from .. import importer
from ..errors import DemoError
from ..small_disk import SmallDisk

MIB = 1 << 20
#: Seconds until the disk is full, and until the import has got its room.
PATIENCE = 30.0
FULL, FREE = 95.0, 90.0
NAME = "/data"
ENTITY = "DISK-5D1A000000000001"


class DiskPressure:
    """A small disk with old exports, rotated logs, what is needed, and an import that runs into it being full."""

    name: ClassVar[str] = "disk_pressure"
    remedy: ClassVar[str] = "disk_cleanup"
    host: ClassVar[str] = "db-01"
    tools: ClassVar[tuple[str, ...]] = ()
    rulebook: ClassVar[str] = "self_healing.devops.self_healing"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.disk = SmallDisk(folder, 64)
        self._kept: dict[Path, bytes] = {}
        self._import: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        kind = self.disk.make()
        place = self.disk.path
        for number in range(1, 21):
            self._write(place / "etl" / f"export {number:02d}.csv", 3 * MIB // 2, days=2 + number)
        self._write(place / "etl" / "reference.csv", MIB, days=60)
        for number in range(1, 5):
            self._write(place / "log" / f"app.log.{number}.gz", MIB, days=3 * number)
        for name, days in (("orders-2025.csv", 300.0), ("today.csv", 0.0)):
            path = place / "orders" / name
            self._write(path, MIB, days)
            self._kept[path] = path.read_bytes()
        # What was just written would count as growth while it is written back.
        os.sync()
        return f"{NAME}: {kind}, {self.disk.used_percent():.0f} % used"

    def watch(self) -> str:
        quota = f",quota={self.disk.quota}" if self.disk.quota else ""
        return f"name={NAME},disk={self.disk.path},host={self.host}{quota}"

    def host_variables(self) -> Mapping[str, Any]:
        # They are asked for before anything is started, and what the disk is decides about them.
        self.disk.make()
        place = self.disk.path
        return {
            "disk_cleanup_path": str(place),
            "disk_cleanup_quota": str(self.disk.quota or ""),
            "disk_cleanup_target_percent": 60,
            "disk_cleanup_rules": [
                {"name": "old exports", "paths": [str(place / "etl")], "patterns": ["*.csv"], "older_than": "7d"},
                {"name": "rotated logs", "kind": "rotated_logs", "paths": [str(place / "log")], "older_than": "7d"},
            ],
            "disk_cleanup_quarantine": str(self._folder / "quarantine"),
            "disk_cleanup_samples_file": str(self._folder / "samples"),
            "disk_cleanup_dynatrace_entity": ENTITY,
            "disk_cleanup_watch_seconds": 1,
            # All of it belongs to whoever runs the demonstration.
            "disk_cleanup_become": False,
        }

    def break_it(self) -> str:
        _used, available = self.disk.usage()
        wanted = available + 4 * MIB
        program = str(Path(importer.__file__).absolute())
        command = [sys.executable, program, str(self.disk.path / "orders"), str(wanted), str(self.disk.quota or 0)]
        with (self._folder / "import.log").open("wb") as log:
            self._import = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while self.disk.used_percent() <= FULL:
            if self._import.poll() is not None or time.monotonic() > deadline:
                raise DemoError(f"the import did not fill the disk: {(self._folder / 'import.log').read_text()[-500:]}")
            time.sleep(0.05)
        return f"import of {wanted / MIB:.0f} MiB (pid {self._import.pid}) has filled {NAME}"

    def proof(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
        if not before.get("used_percent", 0) > FULL:
            return (
                f"the evidence before says that {before.get('used_percent')} % were used, expected more than {FULL:g}"
            )
        if not after.get("used_percent", 100) < FREE:
            return f"the evidence after says that {after.get('used_percent')} % were used, expected less than {FREE:g}"
        if not after.get("freed_mib", 0) > 0:
            return f"the evidence after says that {after.get('freed_mib')} MiB were freed"
        return None

    def healed(self) -> str | None:
        if self._import is None:
            return "the import never ran"
        try:
            status = self._import.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return "the import still has no room"
        if status != 0:
            return f"the import ended with status {status}"
        for path, content in self._kept.items():
            if not path.exists() or path.read_bytes() != content:
                return f"{path.name} is not what it was, and nobody was to touch it"
        for name in ("reference.csv", "export 01.csv"):
            if not (self.disk.path / "etl" / name).exists():
                return f"{name} is gone: it was in use, or not old enough"
        percent = self.disk.used_percent()
        return None if percent < FREE else f"{percent:.0f} % are used"

    def stop(self) -> None:
        if self._import is not None and self._import.poll() is None:
            self._import.kill()
            self._import.wait()
        self.disk.remove()

    def _write(self, path: Path, size: int, days: float) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(4096) * (size // 4096))
        at = time.time() - days * 86400
        os.utime(path, (at, at))
