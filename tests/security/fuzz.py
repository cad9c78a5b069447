# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feeds mutated payloads to every translator for some time, led by coverage. C(make fuzz) runs this.

python -m security.fuzz SECONDS [TRANSLATOR ...]

atheris is installed into C(.cache) where there is one for this Python; without it the same mutations are made at
random. Each translator runs in a process of its own, and its line tells how many payloads it was fed. A payload that
raises anything but a refusal, that breaks what C(checking.py) wants, or that takes more than ten seconds, is printed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from support.tree import ROOT

FOLDER = ROOT / ".cache" / "security" / "fuzz"
TRANSLATORS = ("dynatrace", "keptn", "keptn, headers", "xmatters", "slack", "jira webhook", "jira", "bodies", "links")
TARGET = "security.fuzz_target"


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description="Mutated payloads for every translator.")
    parser.add_argument("seconds", type=int, help="how long all of it takes")
    parser.add_argument("translators", nargs="*", default=TRANSLATORS, help="some of them only")
    chosen = parser.parse_args()
    python = with_atheris()
    print(
        f"Mutations are {'led by coverage (atheris)' if python else 'made at random: there is no atheris'}", flush=True
    )
    each = max(1, chosen.seconds // len(chosen.translators))
    found = [name for name in chosen.translators if not fed(name, each, python)]
    return 1 if found else 0


def fed(name: str, seconds: int, python: Path | None) -> bool:
    """Feed one translator, print what came of it, and return whether it stood."""
    packages = dict.fromkeys(sysconfig.get_paths()[key] for key in ("purelib", "platlib"))
    paths = [*(str(ROOT / path) for path in ("tests", "extensions", ".venv/collections")), *packages]
    command = [str(python or sys.executable), "-m", TARGET, name, str(seconds), *(["atheris"] if python else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    FOLDER.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, cwd=FOLDER, env=environment, capture_output=True, text=True, check=False)
    told = done.stdout + done.stderr
    counted = re.findall(r"number_of_executed_units: (\d+)", told)
    covered = re.findall(r"cov: (\d+)", told)
    payloads = f"{int(counted[-1]):,} payloads".replace(",", " ") if counted else "an unknown number of payloads"
    good = done.returncode == 0
    where = f", {covered[-1]} branches seen" if covered else ""
    print(f"{name}: {payloads}{where}, {'nothing found' if good else 'FOUND'}", flush=True)
    if not good:
        # What atheris itself says of how it got there is of no interest.
        lines = [line for line in told.splitlines() if not re.match(r"#\d+\t", line)]
        print("\n".join(lines[-60:]), flush=True)
    return good


def with_atheris() -> Path | None:
    """Return a Python like this one that has atheris, None where there is none for it."""
    python = FOLDER / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True)
    if not _works([str(python), "-c", "import atheris"]):
        _works([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "atheris"])
    return python if _works([str(python), "-c", "import atheris"]) else None


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
