# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disk_cleanup on real file systems of this machine, each a host of its own in one inventory."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.disks import memory, write
from support.playbook import LOCAL, PlaybookRun, heal_play, run_playbook
from support.shop import Shop, free_port
from support.story import PROBLEM

ROLE = "self_healing.devops.disk_cleanup"
MIB = 1 << 20
HEAL = heal_play(ROLE)
NAMES = ("healthy", "full", "inodes", "hopeless", "readonly", "broken", "aside", "wrong")


def settings(disk: Path, **other: Any) -> dict[str, Any]:
    return {
        **LOCAL,
        "disk_cleanup_path": str(disk),
        "disk_cleanup_rules": [
            {"name": "exports", "paths": [str(disk / "etl")], "patterns": ["*.csv"], "older_than": "7d"},
            {"name": "logs", "paths": [str(disk / "log")], "patterns": ["*.gz"], "older_than": "3d"},
        ],
        "disk_cleanup_become": False,
        "disk_cleanup_watch_seconds": 1,
        "disk_cleanup_samples_file": str(disk.parent / f"{disk.name}.samples"),
        **other,
    }


def fill(disk: Path) -> Path:
    """Write 10 MiB of old exports, 2 MiB of old logs, and what stays; return the disk."""
    for number in range(10):
        write(disk / "etl" / f"{number}.csv", MIB, days=9 + number)
    write(disk / "etl" / "{{ 6 * 7 }}\n{% raw %}.csv", MIB // 2, days=90)
    write(disk / "log" / "app.log.1.gz", 2 * MIB, days=9)
    write(disk / "orders", 3 * MIB)
    return disk


@dataclass
class Seen:
    """What the runs said, and what is left on the disks."""

    checked: PlaybookRun
    healed: PlaybookRun
    disks: Mapping[str, Path]
    left: Mapping[str, set[str]]
    after_check: set[str]
    evidence: Mapping[str, Any]


def files(disk: Path) -> set[str]:
    return {str(path.relative_to(disk)) for path in disk.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("cleanup")
    journal = f"{folder / 'journal.db'}"
    with ExitStack() as stack:
        disks = {name: stack.enter_context(memory(folder / name, mib=16, inodes=400)) for name in NAMES}
        for name in ("full", "readonly", "broken", "aside", "wrong"):
            fill(disks[name])
        write(disks["healthy"] / "etl" / "old.csv", MIB)
        for number in range(390):
            write(disks["inodes"] / "etl" / f"{number}.csv", 0, days=10 + number)
        write(disks["hopeless"] / "orders", 15 * MIB)
        write(disks["hopeless"] / "etl" / "new.csv", MIB // 2, days=1)
        subprocess.run(["mount", "-o", "remount,ro", str(disks["readonly"])], check=True)
        shop = Shop(folder / "shop")
        stack.callback(shop.end)
        assert shop.start().returncode == 0
        recorder = Journal.open(journal)
        incident = recorder.record_problem(PROBLEM).incident
        hosts = {
            "healthy": settings(disks["healthy"]),
            "full": settings(disks["full"], self_healing_incident={"id": incident}),
            "inodes": settings(disks["inodes"]),
            "hopeless": settings(disks["hopeless"]),
            "readonly": settings(disks["readonly"]),
            # On a file system of its own, so that space is free at once.
            "broken": settings(
                disks["broken"],
                disk_cleanup_quarantine=str(folder / "quarantine"),
                disk_cleanup_probe_url=f"http://127.0.0.1:{free_port()}/",
            ),
            # On the same file system, with something to ask whether it still works.
            "aside": settings(
                disks["aside"],
                disk_cleanup_quarantine=str(disks["aside"] / "quarantine"),
                disk_cleanup_probe_url=shop.url,
            ),
            "wrong": settings(
                disks["wrong"],
                disk_cleanup_rules=[{"name": "all", "paths": ["/etc"], "patterns": ["*"], "older_than": "0"}],
            ),
        }
        environment = {"SELF_HEALING_JOURNAL": journal}
        checked = run_playbook([HEAL], {"full": hosts["full"]}, "--check", environment=environment)
        after_check = files(disks["full"])
        healed = run_playbook([HEAL], hosts, environment=environment)
        evidence = dict(recorder.read(incident).evidence)
        recorder.close()
        left = {name: files(disk) for name, disk in disks.items()}
        yield Seen(checked, healed, disks, left, after_check, evidence)


def test_a_disk_that_is_free_enough_is_left_alone(seen: Seen) -> None:
    assert seen.healed.failure("healthy") is None, seen.healed.output
    assert seen.healed.changed("healthy") == []
    assert seen.left["healthy"] == {"etl/old.csv"}
    assert seen.healed.fact("healthy", "disk_cleanup_after")["healthy"] is True


def test_a_full_disk_is_freed_to_the_target_and_not_further(seen: Seen) -> None:
    assert seen.healed.failure("full") is None, seen.healed.output
    before, after = (seen.healed.fact("full", f"disk_cleanup_{when}") for when in ("before", "after"))
    assert (before["healthy"], after["healthy"]) == (False, True)
    assert before["figures"]["used_percent"] > 90
    assert 70 < after["figures"]["used_percent"] <= 80
    assert before["figures"]["predicted_mib"] == after["figures"]["predicted_mib"] == 3.5
    assert after["figures"]["freed_mib"] == 3.5
    assert {"orders", "log/app.log.1.gz", "etl/0.csv"} <= seen.left["full"]
    assert "etl/9.csv" not in seen.left["full"]


def test_the_plan_is_evidence_before_and_the_outcome_after(seen: Seen) -> None:
    before, after = seen.evidence["before"], seen.evidence["after"]
    assert before["figures"]["used_percent"] > 90 > after["figures"]["used_percent"]
    assert "is not healthy: more than 90 % of the space is used. Seen: 9" in before["text"]
    assert "exports: 3.5 MiB in 4 files, oldest 90 d" in before["text"]
    assert "logs: 0 B" in before["text"]
    assert before["text"].splitlines()[1].startswith("exports: ")


def test_names_of_files_are_told_and_never_a_template(seen: Seen) -> None:
    for when in ("before", "after"):
        assert "/etl/{{ 6 * 7 }}\\n{% raw %}.csv" in seen.evidence[when]["text"]


def test_inodes_are_given_back_too(seen: Seen) -> None:
    assert seen.healed.failure("inodes") is None, seen.healed.output
    after = seen.healed.fact("inodes", "disk_cleanup_after")["figures"]
    assert seen.healed.fact("inodes", "disk_cleanup_before")["figures"]["inodes_used_percent"] > 90
    assert 75 < after["inodes_used_percent"] <= 80
    assert after["freed_inodes"] > 40
    assert "etl/0.csv" in seen.left["inodes"]
    assert "etl/389.csv" not in seen.left["inodes"]


def test_where_nothing_may_go_that_is_said(seen: Seen) -> None:
    failure = next(done for done in seen.healed.of("hopeless") if done.outcome == "failed").result["msg"]
    assert "could not be freed, because nothing of it may go: exports: nothing old enough is there; logs: " in failure
    assert seen.left["hopeless"] == {"orders", "etl/new.csv"}


def test_a_read_only_file_system_is_named(seen: Seen) -> None:
    failure = seen.healed.failure("readonly") or ""
    assert "is not cleaned: its file system is read-only" in failure
    assert "look at dmesg" in failure


def test_what_breaks_something_is_taken_back(seen: Seen) -> None:
    told = [str(done.result.get("msg")) for done in seen.healed.of("broken") if done.outcome == "failed"]
    assert any("does not answer with 200 since" in text for text in told), seen.healed.output
    assert seen.left["broken"] == seen.after_check, "all files are back"
    assert "Bring back what was moved" in seen.healed.changed("broken")


def test_what_was_moved_within_the_disk_goes_once_all_is_well(seen: Seen) -> None:
    assert seen.healed.failure("aside") is None, seen.healed.output
    after = seen.healed.fact("aside", "disk_cleanup_after")["figures"]
    assert after["freed_mib"] == after["predicted_mib"] == 3.5
    assert not [name for name in seen.left["aside"] if name.startswith("quarantine")]
    assert seen.left["aside"] == seen.left["full"]


def test_a_protected_folder_cannot_be_allowed(seen: Seen) -> None:
    failure = seen.healed.failure("wrong") or ""
    assert "paths: /etc is protected" in failure
    assert seen.healed.changed("wrong") == []


def test_check_mode_says_what_would_go_and_removes_nothing(seen: Seen) -> None:
    assert seen.checked.returncode == 0, seen.checked.output
    (said,) = [done.result["msg"] for done in seen.checked.of("full", "Say what would go")]
    assert any(line.startswith("exports: 3.5 MiB in 4 files") for line in said)
    assert len(seen.after_check) == 13
