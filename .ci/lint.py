# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all static checks, two at a time, and shows what each of them found: C(lint.py [CHECK...])."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).absolute().parents[1]
BIN = ROOT / ".venv" / "bin"
#: The checkout under the collection's own name, so that a file is one module however it is imported.
COLLECTION = ".venv/collections/ansible_collections/self_healing/devops"
CHECKS: dict[str, tuple[str, ...]] = {
    "mypy": ("mypy", f"{COLLECTION}/plugins", "extensions", "tests", "bench", ".ci"),
    "ansible-lint": ("ansible-lint", "--offline", "--profile", "production", "--nocolor"),
    "ruff check": ("ruff", "check", "--output-format", "concise"),
    "ruff format": ("ruff", "format", "--check", "--output-format", "concise"),
    "yamllint": ("yamllint", "--strict", "."),
    "changelog": ("antsibull-changelog", "lint"),
}


@dataclass(frozen=True)
class Finding:
    """How one check ended. C(seconds) is wall-clock time."""

    passed: bool
    seconds: float
    output: str


def run(command: tuple[str, ...]) -> Finding:
    environment = {
        **os.environ,
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
        "ANSIBLE_HOME": str(ROOT / ".cache" / "ansible"),
        "RUFF_CACHE_DIR": str(ROOT / ".cache" / "ruff"),
        "NO_COLOR": "1",
    }
    started = time.monotonic()
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Finding(done.returncode == 0, time.monotonic() - started, done.stdout.strip())


def main() -> int:
    unknown = set(sys.argv[1:]) - set(CHECKS)
    if unknown:
        print(f"No such check: {', '.join(sorted(unknown))}. There are: {', '.join(CHECKS)}.", file=sys.stderr)
        return 2
    names = sys.argv[1:] or list(CHECKS)
    with ThreadPoolExecutor(max_workers=2) as pool:
        findings = dict(zip(names, pool.map(run, (CHECKS[name] for name in names)), strict=True))
    for name, finding in findings.items():
        print(f"{'ok    ' if finding.passed else 'FAILED'} {name} ({finding.seconds:.1f} s)")
        if not finding.passed:
            print("\n".join(f"  {line}" for line in finding.output.splitlines()))
    failed = [name for name, finding in findings.items() if not finding.passed]
    if failed:
        print(f"Lint failed: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
