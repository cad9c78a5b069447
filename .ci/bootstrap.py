# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the virtual environment C(.venv) of this checkout: C(bootstrap.py GROUP...), groups C(run), C(test), C(lint).

Uses the standard library only. A group is installed again when its requirement files or the interpreter changed; else
nothing is started and the call returns at once. The mark of a group is written last, so that an interrupted run is
simply repeated, and a lock lets the second of two parallel runs wait for the first.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).absolute().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
COLLECTION = VENV / "collections" / "ansible_collections" / "self_healing" / "devops"
GROUPS = {
    "run": ("requirements.txt", "requirements-run.txt"),
    "test": ("requirements-test.txt",),
    "lint": ("requirements-lint.txt",),
}


class BootstrapError(Exception):
    """Something that the user has to mend. The text says what and how."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold C(path) as a lock for the length of the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another run is building .venv; waiting for it.", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def mark_of(group: str) -> Path:
    return VENV / f".installed-{group}"


def fingerprint(group: str) -> str:
    """Return what the group was installed from: the files, the interpreter, and the place (scripts hold its path)."""
    digest = hashlib.sha256()
    for part in (str(VENV), str(PYTHON.resolve()), *(name for name in GROUPS[group])):
        digest.update(part.encode() + b"\0")
    for name in GROUPS[group]:
        digest.update((ROOT / name).read_bytes() + b"\0")
    return digest.hexdigest()


def is_installed(group: str) -> bool:
    mark = mark_of(group)
    return PYTHON.exists() and mark.is_file() and mark.read_text() == fingerprint(group)


def is_whole() -> bool:
    """Say whether C(.venv) was made here and its interpreter still runs with pip."""
    if not all(path.is_file() for path in (VENV / "pyvenv.cfg", VENV / "bin" / "pip", PYTHON)):
        return False
    if str(VENV) not in (VENV / "bin" / "pip").read_text(errors="replace"):
        return False  # the checkout was moved or copied
    return subprocess.run([PYTHON, "-I", "-c", "import pip"], capture_output=True, check=False).returncode == 0


def create() -> None:
    print(f"Creating .venv with Python {sys.version_info.major}.{sys.version_info.minor}.", flush=True)
    if VENV.is_symlink() or VENV.is_file():
        raise BootstrapError(f"{VENV} is in the way: expected a folder. Please remove it.")
    shutil.rmtree(VENV, ignore_errors=True)
    venv.EnvBuilder(with_pip=True, symlinks=True).create(VENV)


def install(groups: Sequence[str]) -> None:
    """Install the requirements of C(groups) in one step, so that pip sees all of them together."""
    files = [name for group in groups for name in GROUPS[group]]
    print(f"Installing {', '.join(files)} (the first time takes some minutes).", flush=True)
    started = time.monotonic()
    arguments = [argument for name in files for argument in ("-r", name)]
    # A user-wide or target folder from somebody's pip configuration has no meaning in a virtual environment.
    environment = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    environment.pop("PIP_TARGET", None)
    environment.pop("PIP_PREFIX", None)
    command = [str(PYTHON), "-I", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join(f"  {line}" for line in done.stderr.strip().splitlines()[-12:])
        raise BootstrapError(
            f"pip could not install {', '.join(files)}:\n{said}\n"
            "Behind a proxy or with a mirror of packages, pip must know of it (pip config, PIP_* variables)."
        )
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)


def link_collection() -> None:
    """Show the checkout to Ansible under the collection's name, by a link that survives a move of the checkout."""
    target = os.path.relpath(ROOT, COLLECTION.parent)
    if COLLECTION.is_symlink() and str(COLLECTION.readlink()) == target:
        return
    COLLECTION.parent.mkdir(parents=True, exist_ok=True)
    fresh = COLLECTION.with_name(f".devops-{os.getpid()}")
    fresh.symlink_to(target, target_is_directory=True)
    fresh.replace(COLLECTION)


def write_mark(group: str) -> None:
    fresh = mark_of(group).with_suffix(f".{os.getpid()}")
    fresh.write_text(fingerprint(group))
    fresh.replace(mark_of(group))


def bootstrap(groups: Sequence[str]) -> None:
    """Bring C(.venv) to the state that C(groups) ask for. Raises BootstrapError."""
    if all(is_installed(group) for group in groups) and COLLECTION.is_symlink():
        return
    with locked(ROOT / ".cache" / "bootstrap.lock"):
        if not is_whole():
            create()
        link_collection()
        # What is installed already takes part, so that a new group never breaks the requirements of an older one.
        wanted = [group for group in GROUPS if group in groups or mark_of(group).is_file()]
        if not all(is_installed(group) for group in wanted):
            install(wanted)
            for group in wanted:
                write_mark(group)


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the virtual environment .venv of this checkout.")
    parser.add_argument("groups", nargs="+", choices=sorted(GROUPS), metavar="GROUP", help="run, test or lint")
    try:
        bootstrap(parser.parse_args().groups)
    except BootstrapError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. The next run goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
