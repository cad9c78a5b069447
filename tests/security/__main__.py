# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the attack suite as a whole, once for each ansible-core, and prints a line for each. C(make security) runs it.

python -m security [SERIES ...]

The first line is that of this environment. Every other series of ansible-core gets a virtual environment in C(.cache),
with the newest Python that is there and that it supports. What is counted comes from the tests themselves.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from security.cores import PYTHON
from security.outside import TALLY, THOROUGH
from support.tree import ROOT

#: Each series with the versions of Python that may control hosts with it.
SERIES = {
    "2.16": ("3.11", "3.12"),
    "2.17": ("3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
}
CACHE = ROOT / ".cache" / "security"
#: What depends on the ansible-core; the rest is tried once.
OF_A_CORE = ("test_tools.py", "test_hosts.py", "test_whole_way.py", "test_watching.py")


class CannotTryError(Exception):
    """A series that cannot be tried here. The text says why."""


@dataclass(frozen=True)
class Outcome:
    """What the tests of one ansible-core counted."""

    version: str
    counts: Counter[str]
    passed: bool

    @property
    def good(self) -> bool:
        found = self.counts["evaluated"] + self.counts["contacted"] + self.counts["leaked"]
        return self.passed and not found and self.counts["cases"] > 0

    def line(self) -> str:
        counted = ", ".join(f"{name} {self.counts[name]}" for name in ("cases", "evaluated", "contacted", "leaked"))
        return f"ansible-core {self.version}: {counted}{'' if self.passed else ', TESTS FAILED'}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="security", description="The attack suite for every ansible-core.")
    parser.add_argument("series", nargs="*", metavar="SERIES", help="series of ansible-core, like 2.16; all without")
    chosen = parser.parse_args().series
    here = Path(sys.executable)
    own = version_of(here)
    good = True
    for series in chosen or [series_of(own), *(one for one in SERIES if one != series_of(own))]:
        try:
            python = here if series == series_of(own) else environment(series)
            outcome = attacked(python)
        except CannotTryError as error:
            print(f"ansible-core {series}: not tried: {error}", flush=True)
            continue
        print(outcome.line(), flush=True)
        good = good and outcome.good
    return 0 if good else 1


def attacked(python: Path) -> Outcome:
    """Run the suite with the ansible-core of a Python and return what it counted. Failures are printed."""
    version = version_of(python)
    own = python == Path(sys.executable)
    folder = Path(__file__).absolute().parent
    tests = [str(folder)] if own else [str(folder / name) for name in OF_A_CORE]
    with tempfile.TemporaryDirectory(prefix="security-") as place:
        tally = Path(place) / "tally.jsonl"
        environment = {**os.environ, PYTHON: str(python), TALLY: str(tally), THOROUGH: "1"}
        command = [sys.executable, "-m", "pytest", "-q", "--tb=short", *tests]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        lines = tally.read_text("utf-8").splitlines() if tally.exists() else []
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(json.loads(line))
    if done.returncode:
        print(done.stdout, flush=True)
    return Outcome(version, counts, done.returncode == 0)


def environment(series: str) -> Path:
    """Return the Python of the series' own virtual environment, which is made where there is none.

    Raises CannotTryError.
    """
    python = CACHE / f"core-{series}" / "bin" / "python"
    mark = python.parent / "ansible-playbook"
    if mark.exists():
        return python
    base = next((found for version in reversed(SERIES.get(series, ())) if (found := interpreter(version))), None)
    if base is None:
        wanted = " or ".join(SERIES.get(series, ("a series that is known",)))
        raise CannotTryError(f"it needs Python {wanted}, and there is none here")
    shutil.rmtree(python.parents[1], ignore_errors=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in (
        [base, "-m", "venv", str(python.parents[1])],
        [*install, f"ansible-core=={series}.*", "-r", str(ROOT / "requirements.txt")],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no reason was given"]
            raise CannotTryError(f"it cannot be installed: {said[-1]}")
    return python


def interpreter(version: str) -> str | None:
    """Return a Python of this version: on the path, or one that pyenv has built."""
    candidates = [shutil.which(f"python{version}")]
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates += [str(path) for path in sorted(root.glob(f"versions/{version}.*/bin/python"))]
    for candidate in candidates:
        # A shim of pyenv may be there for a version that is not chosen.
        if (
            candidate
            and subprocess.run([candidate, "-c", "import venv"], capture_output=True, check=False).returncode == 0
        ):
            return candidate
    return None


def version_of(python: Path) -> str:
    command = [str(python), "-c", "from ansible.release import __version__; print(__version__)"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotTryError(f"{python} has no ansible-core: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()


def series_of(version: str) -> str:
    return ".".join(version.split(".")[:2])


if __name__ == "__main__":
    sys.exit(main())
