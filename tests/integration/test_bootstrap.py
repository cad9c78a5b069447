# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual environment is built from nothing, repaired when broken, and left alone when whole."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.tree import ROOT

GROUPS = ("run", "test", "lint")


def wheel(folder: Path, name: str) -> Path:
    """Make a package to install, so that no registry is needed."""
    files = {
        f"{name}.py": "WHAT = 'here'\n",
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},\n"
        for path, text in files.items()
    )
    made = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in {**files, f"{name}-1.0.dist-info/RECORD": record}.items():
            archive.writestr(path, text)
    return made


class Checkout:
    """A checkout that holds only what the bootstrap needs, with one tiny package per requirements file."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home
        shutil.copytree(ROOT / ".ci", root / ".ci")
        for name in ("requirements", "requirements-run", "requirements-test", "requirements-lint"):
            package = wheel(root, name.replace("-", "_"))
            (root / f"{name}.txt").write_text(f"./{package.name}\n")

    def start(self, *groups: str) -> subprocess.Popen[str]:
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "PYTHON": sys.executable, "PIP_NO_INDEX": "1"}
        command = [str(self.root / ".ci/python"), str(self.root / ".ci/bootstrap.py"), *groups]
        return subprocess.Popen(
            command, cwd=self.home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def bootstrap(self, *groups: str) -> str:
        process = self.start(*groups)
        output, _nothing = process.communicate(timeout=300)
        assert process.returncode == 0, output
        return output

    def imports(self, *names: str) -> bool:
        command = [str(self.root / ".venv/bin/python"), "-c", f"import {', '.join(names)}"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "checkout").mkdir()
    return Checkout(tmp_path / "checkout", home)


def test_everything_is_built_in_the_checkout_and_the_second_run_does_nothing(checkout: Checkout) -> None:
    assert "requirements-run.txt" in checkout.bootstrap("run")
    assert checkout.imports("requirements", "requirements_run")
    assert not checkout.imports("requirements_test"), "only the group that was asked for is installed"
    assert checkout.bootstrap("run") == ""

    link = checkout.root / ".venv/collections/ansible_collections/self_healing/devops"
    assert not link.readlink().is_absolute()
    assert link.resolve() == checkout.root.resolve()
    assert list(checkout.home.iterdir()) == [], "nothing may be written outside of the checkout"


def test_what_is_interrupted_outdated_moved_or_broken_is_mended(checkout: Checkout, tmp_path: Path) -> None:
    checkout.bootstrap("run")
    (checkout.root / ".venv/.installed-run").unlink()
    assert "Creating" not in (said := checkout.bootstrap("run"))
    assert "Installing" in said

    later = wheel(checkout.root, "later")
    (checkout.root / "requirements.txt").write_text(f"./{later.name}\n")
    assert "Installing" in checkout.bootstrap("run")
    assert checkout.imports("later")

    (checkout.root / ".venv/bin/python").unlink()
    checkout.root = checkout.root.rename(tmp_path / "moved")
    assert "Creating" in checkout.bootstrap("run")
    assert checkout.imports("later", "requirements_run")
    assert str(tmp_path / "moved") in (checkout.root / ".venv/bin/pip").read_text()


def test_two_runs_at_once_do_not_disturb_each_other(checkout: Checkout) -> None:
    both = [checkout.start("run"), checkout.start(*GROUPS)]
    for process in both:
        output, _nothing = process.communicate(timeout=300)
        assert process.returncode == 0, output
    assert checkout.imports("requirements", "requirements_run", "requirements_test", "requirements_lint")
    assert checkout.bootstrap(*GROUPS) == ""


def test_a_package_that_cannot_be_installed_is_told_and_tried_again(checkout: Checkout) -> None:
    (checkout.root / "requirements-run.txt").write_text("./missing-1.0-py3-none-any.whl\n")
    process = checkout.start("run")
    output, _nothing = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "pip could not install requirements.txt, requirements-run.txt" in output
    assert "missing-1.0" in output
    assert "Traceback" not in output
    (checkout.root / "requirements-run.txt").write_text("")
    checkout.bootstrap("run")


# -- which Python -----------------------------------------------------------------------------------------------------


def interpreters(folder: Path, **scripts: str) -> dict[str, str]:
    """Make a PATH with the given programs on it besides the system's own tools."""
    folder.mkdir()
    for name, script in scripts.items():
        program = folder / name.replace("_", ".")
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    for tool in ("sh", "tail"):
        (folder / tool).symlink_to(shutil.which(tool) or tool)
    return {"PATH": str(folder)}


def find_python(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".ci/python"), "-c", "import sys; print(sys.version_info[:2])"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


REFUSES = "echo 'pyenv: python3: command not found' >&2; exit 127"
OLD = "echo 'is Python 3.9, and 3.11 or newer is needed' >&2; exit 1"


def test_a_python_that_refuses_to_run_is_passed_over(tmp_path: Path) -> None:
    environment = interpreters(tmp_path / "bin", python3=REFUSES, python3_11=f'exec "{sys.executable}" "$@"')
    assert find_python(environment).stdout.strip() == str(sys.version_info[:2])


def test_all_that_was_tried_is_told_when_none_is_usable(tmp_path: Path) -> None:
    done = find_python(interpreters(tmp_path / "bin", python3=REFUSES, python3_12=OLD))
    assert done.returncode == 1
    assert "version 3.11 or newer" in done.stderr
    assert f"{tmp_path}/bin/python3 pyenv: python3: command not found" in done.stderr
    assert f"{tmp_path}/bin/python3.12 is Python 3.9, and 3.11 or newer is needed" in done.stderr


def test_a_machine_without_python_is_told_so(tmp_path: Path) -> None:
    done = find_python(interpreters(tmp_path / "bin"))
    assert done.returncode == 1
    assert "is on PATH" in done.stderr


def test_python_can_be_named(tmp_path: Path) -> None:
    environment = interpreters(tmp_path / "bin", python3=f'exec "{sys.executable}" "$@"', mine=REFUSES)
    done = find_python({**environment, "PYTHON": "mine"})
    assert done.returncode == 1
    assert f"{tmp_path}/bin/mine pyenv" in done.stderr
