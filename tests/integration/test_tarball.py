# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The built tarball holds what belongs in it, and works when it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.tree import MODULES, ROLES, ROOT

BIN = ROOT / ".venv" / "bin"
TOP = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "FILES.json",
    "LICENSE",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "changelogs",
    "docs",
    "extensions",
    "meta",
    "playbooks",
    "plugins",
    "requirements-run.txt",
    "requirements.txt",
    "roles",
    "rulebooks",
}


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / ".git").exists():
        pytest.skip("the tarball is built from a git checkout")
    folder = tmp_path_factory.mktemp("build")
    command = [sys.executable, str(ROOT / ".ci/build.py"), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of collections that the tarball was installed into."""
    folder = tmp_path_factory.mktemp("collections")
    run(folder, "ansible-galaxy", "collection", "install", "--offline", "-p", str(folder), str(tarball))
    return folder


def run(collections: Path, *command: str, **environment: str) -> str:
    """Run a tool of C(.venv) that knows no collections but those in the given folder, and return what it prints."""
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=collections,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(collections), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_only_what_belongs_to_the_collection_is_packed(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        members = archive.getmembers()
    top = {member.name.split("/")[0] for member in members}
    assert top == TOP, f"unexpected: {sorted(top - TOP)}, missing: {sorted(TOP - top)}"
    links = {member.name: member.linkname for member in members if member.issym()}
    assert links == {"rulebooks": "extensions/eda/rulebooks"}
    assert not [member.name for member in members if "__pycache__" in member.name or member.name.endswith(".pyc")]


def test_nothing_is_secret_or_large(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        large = [member.name for member in archive.getmembers() if member.size > 512 * 1024]
    assert not large
    assert tarball.stat().st_size < 2 * 1024 * 1024


def test_modules_are_found_and_documented(installed: Path) -> None:
    said = json.loads(run(installed, "ansible-doc", "-t", "module", "-l", "-j", "self_healing.devops"))
    assert sorted(said) == [f"self_healing.devops.{name}" for name in MODULES]
    assert not [name for name, text in said.items() if "UNDOCUMENTED" in text]


def test_roles_are_found_and_documented(installed: Path) -> None:
    said = json.loads(run(installed, "ansible-doc", "-t", "role", "-l", "-j", "self_healing.devops"))
    assert sorted(said) == [f"self_healing.devops.{name}" for name in ROLES]


def test_playbooks_are_found_by_their_full_names(installed: Path) -> None:
    names = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
    playbooks = [f"self_healing.devops.{name}" for name in names]
    said = run(installed, "ansible-playbook", "-i", "localhost,", "--syntax-check", *playbooks)
    place = f"{installed}/ansible_collections/self_healing/devops/playbooks"
    assert [line for line in said.splitlines() if line] == [f"playbook: {place}/{name}.yml" for name in names]


def test_rulebook_and_sources_are_found_by_ansible_rulebook(installed: Path) -> None:
    code = """
from ansible_rulebook import collection, terminal
vaulted, rulesets = collection.load_rulebook("self_healing.devops", "self_healing")
for source in rulesets[0]["sources"]:
    name = next(key for key in source if key.startswith("self_healing.")).rpartition(".")[2]
    assert collection.has_source("self_healing.devops", name), name
for rule in rulesets[0]["rules"]:
    name = rule["action"]["run_playbook"]["name"].rpartition(".")[2]
    assert collection.has_playbook("self_healing.devops", name), name
print("found", collection.find_collection("self_healing.devops"))
"""
    said = run(installed, "python", "-c", code)
    assert f"found {installed}/ansible_collections/self_healing/devops" in said
