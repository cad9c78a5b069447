# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the collection's tarball from tracked files only: C(build.py [FOLDER]), by default into C(.cache/build)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from export import ROOT, ExportError, export


def build(folder: Path) -> Path:
    """Build the tarball and return its path. Raises ExportError, CalledProcessError."""
    source = ROOT / ".cache" / "build-source"
    export(source, untracked=False)
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    command = [str(galaxy), "collection", "build", "--force", "--output-path", str(folder), str(source)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return max(folder.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)


def main() -> int:
    folder = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else ROOT / ".cache" / "build"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        print(build(folder))
    except ExportError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return int(error.returncode)
    return 0


if __name__ == "__main__":
    sys.exit(main())
