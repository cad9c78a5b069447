# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remedies from outside the collection that docs/own_remedy.md speaks of: the example, and what the skeleton makes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from support.playbook import LOCAL, run_playbook
from support.remedy_runs import HOST, Healed
from support.tree import ROOT

EXAMPLES = ROOT / "docs" / "examples" / "roles"
SKELETON = ROOT / "extensions" / "skeletons" / "remedy"
HEALED = ("diagnosed", "fix_started", "fixed", "evidence_after", "verified")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of roles with one that the documented command has made: C(mend_it)."""
    roles = tmp_path_factory.mktemp("roles")
    command = ["ansible-galaxy", "role", "init", "--role-skeleton", str(SKELETON), "--init-path", str(roles), "mend_it"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return roles


def test_the_example_sets_a_stale_lock_aside(tmp_path: Path) -> None:
    lock = tmp_path / "job.lock"
    with subprocess.Popen(["true"]) as ended:
        pass
    lock.write_text(f"{ended.pid}\n")
    healed = Healed(tmp_path, "stale_lock", EXAMPLES, {**HOST, "stale_lock_file": str(lock)})
    assert healed.run.returncode == 0, healed.run.output
    assert tuple(kind for kind in healed.kinds() if kind in HEALED) == HEALED
    assert not lock.exists()
    assert lock.with_suffix(".lock.stale").exists()


def test_the_example_leaves_a_lock_alone_whose_owner_lives_and_can_put_one_back(tmp_path: Path) -> None:
    held, aside = tmp_path / "held.lock", tmp_path / "aside.lock"
    held.write_text(f"{os.getpid()}\n")
    aside.with_suffix(".lock.stale").write_text("1\n")
    plays = [
        {
            "name": f"Run the step {step}",
            "hosts": host,
            "gather_facts": False,
            "tasks": [
                {"name": "Do it", "ansible.builtin.include_role": {"name": "stale_lock", "tasks_from": step}},
            ],
        }
        for host, step in (("held", "fix"), ("aside", "undo"))
    ]
    hosts = {lock.stem: {**LOCAL, "stale_lock_file": str(lock)} for lock in (held, aside)}
    done = run_playbook(plays, hosts, environment={"ANSIBLE_ROLES_PATH": str(EXAMPLES)})
    assert done.returncode == 0, done.output
    assert done.changed("held") == []
    assert held.exists()
    assert aside.read_text() == "1\n"


def test_what_the_skeleton_makes_is_whole(made: Path, tmp_path: Path) -> None:
    role = made / "mend_it"
    files = sorted(str(path.relative_to(role)) for path in role.rglob("*") if path.is_file())
    sources = sorted(str(path.relative_to(SKELETON).with_suffix("")) for path in SKELETON.rglob("*.j2"))
    assert files == sources
    for name in files:
        text = (role / name).read_text()
        assert "role_name" not in text
        assert "{%" not in text
        if name.endswith(".yml"):
            yaml.safe_load(text)
    points = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"]
    assert sorted(points) == ["diagnose", "fix", "main", "undo", "verify"]
    play = {"name": "Use it", "hosts": "all", "gather_facts": False, "roles": ["mend_it"]}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    done = subprocess.run(
        ["ansible-playbook", "--syntax-check", "-i", "localhost,", str(tmp_path / "play.yml")],
        env={**os.environ, "ANSIBLE_ROLES_PATH": str(made)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_the_skeleton_makes_heals(made: Path, tmp_path: Path) -> None:
    well = tmp_path / "well"
    host = {
        **HOST,
        "mend_it_check_command": ["test", "-e", str(well)],
        "mend_it_fix_command": [sys.executable, "-c", f"open({str(well)!r}, 'a').write('x')"],
    }
    healed = Healed(tmp_path, "mend_it", made, host)
    assert healed.run.returncode == 0, healed.run.output
    assert tuple(kind for kind in healed.kinds() if kind in HEALED) == HEALED
    assert well.read_text() == "x"


def test_what_the_skeleton_makes_tells_what_it_cannot_do(made: Path, tmp_path: Path) -> None:
    host = {
        **HOST,
        "mend_it_check_command": ["false"],
        "mend_it_fix_command": ["true"],
        "mend_it_timeout_seconds": 1,
    }
    healed = Healed(tmp_path, "mend_it", made, host)
    assert healed.incident.state == "escalated"
    assert "shop-01 is not well: false ended with 1" in healed.said("unverified")
    assert "mend_it_undo_command is not set" in healed.said("undone")
