# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""disk_reclaim on real file systems, with everything in the way that a real disk has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils import (
    disk_open,
    disk_programs,
    disk_remove,
    disk_walk,
)
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.modules import disk_info, disk_reclaim
from support.disks import age, ext4, memory, mounted, write

MIB = 1 << 20


def run(module: Any, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """Run a module in place, its options checked as Ansible does."""
    checked = ArgumentSpecValidator(module.SPEC.options, **module.SPEC.constraints()).validate(options)
    assert not checked.error_messages, checked.error_messages
    result: dict[str, Any] = module.run(checked.validated_parameters, check_mode, None)
    json.dumps(result, ensure_ascii=False).encode("utf-8")
    return result


def rule(path: Path, **other: Any) -> dict[str, Any]:
    return {"name": "old", "paths": [str(path)], "patterns": ["*"], "older_than": "7d", **other}


def reclaim(path: Path, *rules: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    return run(disk_reclaim, **{"path": str(path), "rules": list(rules) or [rule(path / "tmp")], **options})


def skipped(result: Mapping[str, Any], number: int = 0) -> dict[str, int]:
    return {one["why"]: one["files"] for one in result["rules"][number]["skipped"]}


def fill_inodes(place: Path) -> int:
    """Make empty files, each a day older than the one before, until there is no inode left, and return how many."""
    count = 0
    while True:
        try:
            (place / f"{count:04d}").touch()
        except OSError:
            return count
        age(place / f"{count:04d}", 10 + count)
        count += 1


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with memory(tmp_path / "disk") as place:
        (place / "tmp").mkdir()
        yield place


@pytest.fixture
def block(tmp_path: Path) -> Iterator[Path]:
    with ext4(tmp_path / "block") as place:
        (place / "tmp").mkdir()
        yield place


# -- what goes --------------------------------------------------------------------------------------------------------


def test_the_plan_is_what_goes_and_the_file_system_confirms_it(block: Path) -> None:
    old = [write(block / "tmp" / f"old-{number}", MIB, days=9) for number in range(10)]
    young = write(block / "tmp" / "young", MIB, days=1)
    plan = reclaim(block, check_mode=True)
    assert all(path.exists() for path in old)
    assert plan["changed"]
    assert plan["freed"] == {"bytes": None, "inodes": None}
    assert sorted(one["path"] for one in plan["files"]) == sorted(map(str, old))
    assert {one["bytes"] for one in plan["files"]} == {MIB}
    done = reclaim(block)
    assert done["predicted"] == plan["predicted"] == {"files": 10, "bytes": 10 * MIB}
    assert done["freed"] == {"bytes": 10 * MIB, "inodes": 10}
    assert names(block / "tmp") == {young.name}
    again = reclaim(block)
    assert (again["changed"], again["predicted"]) == (False, {"files": 0, "bytes": 0})


def test_the_oldest_and_largest_go_until_the_goal_is_reached(disk: Path) -> None:
    for number in range(40):
        write(disk / "tmp" / f"{number:02d}", MIB, days=10 + number)
    write(disk / "tmp" / "large", 8 * MIB, days=30)
    done = reclaim(disk, used_percent=50)
    assert done["before"]["used_percent"] == 75.0
    assert 47 <= done["after"]["used_percent"] <= 50
    assert done["reached"]
    left = names(disk / "tmp")
    assert "large" not in left
    assert "00" in left
    assert "39" not in left
    assert done["freed"]["bytes"] == done["predicted"]["bytes"]
    assert not reclaim(disk, used_percent=50)["changed"]


def test_a_goal_that_cannot_be_reached_is_told(disk: Path) -> None:
    write(disk / "tmp" / "old", MIB)
    write(disk / "precious", 40 * MIB)
    plan = reclaim(disk, used_percent=50, check_mode=True)
    assert not plan["reached"]
    done = reclaim(disk, available="1T")
    assert (done["reached"], done["predicted"]["files"]) == (False, 1)
    assert names(disk) == {"tmp", "precious"}


def test_inodes_are_given_back_the_oldest_first(tmp_path: Path) -> None:
    with ext4(tmp_path / "block", mib=16, inodes=512) as block:
        place = block / "tmp"
        place.mkdir()
        count = fill_inodes(place)
        done = reclaim(block, inodes_used_percent=50)
        assert done["before"]["inodes_free"] == 0
        assert done["reached"]
        assert done["after"]["inodes_used_percent"] <= 50
        assert done["freed"]["inodes"] == done["predicted"]["files"]
        assert "0000" in names(place)
        assert f"{count - 1:04d}" not in names(place)


def test_rules_are_used_up_in_their_order_and_none_counts_a_file_twice(disk: Path) -> None:
    for number in range(10):
        write(disk / "tmp" / f"{number}.log.gz", MIB)
        write(disk / "tmp" / f"{number}.csv", MIB)
    rules = [rule(disk / "tmp", name="logs", patterns=["*.gz"]), rule(disk, name="all")]
    plan = reclaim(disk, *rules, check_mode=True)
    assert [one["chosen"]["files"] for one in plan["rules"]] == [10, 10]
    done = reclaim(disk, *rules, available="52M")
    assert [one["gone"]["files"] for one in done["rules"]] == [8, 0]
    assert len(names(disk / "tmp")) == 12


def test_sizes_are_what_files_take_and_not_what_they_seem(block: Path) -> None:
    sparse = block / "tmp" / "sparse"
    with sparse.open("wb") as file:
        file.truncate(40 * MIB)
    age(sparse, 30)
    done = reclaim(block, rule(block / "tmp", larger_than="10M"))
    assert done["predicted"] == {"files": 1, "bytes": 0}
    assert done["changed"]


def test_what_was_read_lately_stays_when_use_counts(disk: Path) -> None:
    write(disk / "tmp" / "read", MIB)
    used = rule(disk / "tmp", clock="used")
    assert not reclaim(disk, used)["changed"], "it was made just now, whatever its content says"
    assert reclaim(disk)["changed"]


def test_empty_folders_go_when_the_rule_says_so(disk: Path) -> None:
    write(disk / "tmp" / "a" / "b" / "old")
    write(disk / "tmp" / "c" / "young", days=1)
    write(disk / "tmp" / "d" / "old")
    for folder in ("a/b", "a", "c", "d"):
        age(disk / "tmp" / folder, 30)
    reclaim(disk)
    assert names(disk / "tmp") == {"a", "c", "d"}
    for folder in ("a/b", "a", "c", "d"):
        age(disk / "tmp" / folder, 30)
    done = reclaim(disk, rule(disk / "tmp", empty_folders=True))
    assert names(disk / "tmp") == {"c"}
    assert done["freed"]["inodes"] == 3


def test_a_folder_of_which_something_stays_is_not_planned_to_go(disk: Path) -> None:
    for number in range(4):
        write(disk / "tmp" / "a" / f"{number}", days=20 + number)
    age(disk / "tmp" / "a", 10)
    inodes = os.statvfs(disk)
    goal = {"inodes_used_percent": 100 * (inodes.f_files - inodes.f_ffree - 2) / inodes.f_files}
    plan = reclaim(disk, rule(disk / "tmp", empty_folders=True), check_mode=True, **goal)
    assert {one["path"] for one in plan["files"]} == {f"{disk}/tmp/a/{number}" for number in (2, 3)}
    assert plan["reached"]


def test_many_files_with_any_name_and_a_short_list(disk: Path) -> None:
    """Blanks, line breaks, escapes, quotes and what is no text at all."""
    odd = [
        b"a b",
        b"new\nline",
        b"\xff\xfe.tmp",
        b"-rf",
        b"$(reboot)",
        b"{{ 7*7 }}",
        b"\x1b[2J",
        "grün".encode(),
        b"\\x",
    ]
    folder = os.fsencode(disk / "tmp")
    for number, name in enumerate(odd):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(b"x" * 4096 * (50 + number))
        os.utime(path, (1e9, 1e9))
    os.mkdir(os.path.join(folder, b"many \xff\n"))
    many = os.open(os.path.join(folder, b"many \xff\n"), os.O_RDONLY)
    for number in range(20_000):
        os.close(os.open(b"%d \xe9\n" % number, os.O_WRONLY | os.O_CREAT, dir_fd=many))
        os.utime(b"%d \xe9\n" % number, (1e9, 1e9), dir_fd=many)
    os.close(many)
    done = reclaim(disk, list=9)
    assert done["predicted"]["files"] == 20_000 + len(odd)
    assert done["files_not_listed"] == 20_000
    told = [one["path"].removeprefix(f"{disk}/tmp/") for one in done["files"]]
    assert told == ["\\\\x", "grün", "\\x1b[2J", "{{ 7*7 }}", "$(reboot)", "-rf", "\\xff\\xfe.tmp", "new\\nline", "a b"]
    assert os.listdir(folder) == [b"many \xff\n"]


# -- what stays -------------------------------------------------------------------------------------------------------


def test_links_pipes_hard_links_databases_and_keys_stay(disk: Path, tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "precious")
    place = disk / "tmp"
    (place / "link").symlink_to(outside)
    (place / "folder-link").symlink_to(outside.parent)
    os.mkfifo(place / "pipe")
    write(place / "twice")
    (disk / "other-name").hardlink_to(place / "twice")
    for name in ("app.db", "app.SQLITE3", "site.key", "app.db-wal"):
        write(place / name)
    write(place / "pg" / "PG_VERSION")
    write(place / "pg" / "base" / "1")
    write(place / ".git" / "HEAD")
    write(place / "systemd-private-1" / "tmp" / "x")
    for path in (place / "link", place / "folder-link", place / "pipe"):
        age(path, 30)
    before = sorted(place.rglob("*"))
    done = reclaim(disk)
    assert sorted(place.rglob("*")) == before
    assert not done["changed"]
    assert skipped(done) == {"no regular file": 3, "several names": 1, "protected": 4 + 3}
    assert outside.exists()


def test_a_mount_in_the_folder_is_not_entered_whatever_it_is(disk: Path) -> None:
    write(disk / "kept" / "precious")
    with memory(disk / "tmp" / "other"), mounted(disk / "tmp" / "bound", "--bind", str(disk / "kept")):
        write(disk / "tmp" / "other" / "precious")
        write(disk / "tmp" / "old")
        done = reclaim(disk)
        assert skipped(done) == {"other file system": 2}
        assert names(disk / "tmp" / "other") == names(disk / "tmp" / "bound") == {"precious"}
        assert done["predicted"]["files"] == 1


def test_a_protected_folder_stays_under_every_name(disk: Path) -> None:
    write(disk / "books" / "precious")
    with mounted(disk / "tmp" / "alias", "--bind", "/etc"):
        with pytest.raises(ConfigurationError, match=r"alias is a protected folder, or one mounted under another name"):
            reclaim(disk, rule(disk / "tmp" / "alias"))
    assert not reclaim(disk, rule(disk), protect=[str(disk / "books")])["changed"]
    with pytest.raises(ConfigurationError, match="is protected, because it is"):
        reclaim(disk, rule(disk / "books"), protect=[str(disk / "books")])
    write(disk / "data" / "ibdata1")
    with pytest.raises(ConfigurationError, match="belongs to a database"):
        reclaim(disk, rule(disk / "data"))
    (disk / "way").symlink_to(disk / "tmp")
    with pytest.raises(ConfigurationError, match="way is a link or no folder"):
        reclaim(disk, rule(disk / "way"))
    assert names(disk / "books") == {"precious"}


def test_another_file_system_and_a_missing_folder_are_notes(disk: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "old")
    done = reclaim(disk, rule(tmp_path / "elsewhere", paths=[str(tmp_path / "elsewhere"), str(disk / "none")]))
    assert not done["changed"]
    assert done["rules"][0]["note"] == (f"{disk}/none does not exist; {tmp_path}/elsewhere is on another file system")
    assert names(tmp_path / "elsewhere") == {"old"}


HOLDER = """\
import sys
opened = open(sys.argv[1], "rb")
deleted = open(sys.argv[2], "rb")
print("ready", flush=True)
sys.stdin.read()
"""


def test_files_in_use_stay_and_deleted_ones_are_told_with_their_process(block: Path) -> None:
    place = block / "tmp"
    paths = [write(place / name, 8192) for name in ("opened", "deleted", "free")]
    # A program that runs is mapped, and no file of its process is open.
    program = place / "mapped"
    shutil.copy(shutil.which("sleep") or "", program)
    age(program, 30)
    with ExitStack() as stack:
        holder = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", HOLDER, *map(str, paths[:2])], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        )
        stack.callback(stack.enter_context(subprocess.Popen([program, "600"])).kill)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        paths[1].unlink()
        plan = reclaim(block, check_mode=True)
        done = reclaim(block)
        info = run(disk_info, path=str(block), seconds=0)
        assert names(place) == {"opened", "mapped"}
        assert skipped(done) == {"in use": 2}
        assert next(one["bytes"] for one in done["rules"][0]["skipped"]) == 8192 + program.stat().st_blocks * 512
        told = [(one["path"], one["bytes"], one["pid"]) for one in done["held"]["largest"]]
        assert told == [(str(paths[1]), 8192, holder.pid)]
        assert done["held"] == plan["held"] == info["held"]
    assert reclaim(block)["predicted"]["files"] == 2


def test_an_image_that_is_mounted_is_in_use(tmp_path: Path, disk: Path) -> None:
    with ext4(disk / "tmp" / "image", mib=4, inodes=64):
        age(disk / "tmp" / "image.img", 30)
        for check_mode in (True, False):
            assert skipped(reclaim(disk, check_mode=check_mode)) == {"in use": 1, "other file system": 1}
    assert reclaim(disk)["predicted"]["files"] == 0


# -- what happens meanwhile -------------------------------------------------------------------------------------------


def before_each(monkeypatch: pytest.MonkeyPatch, act: Callable[[disk_walk.Found], None]) -> None:
    """Do something between the look at each file and its removal."""
    take = disk_remove.Unlink.take

    def taken(self: disk_remove.Unlink, found: disk_walk.Found) -> str | None:
        act(found)
        return take(self, found)

    monkeypatch.setattr(disk_remove.Unlink, "take", taken)


def test_a_folder_swapped_for_a_link_leads_nowhere(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who may write to /tmp puts a link to precious files into the place of the folder that is cleaned."""
    precious = [write(disk / "precious" / f"{number}") for number in range(50)]
    for number in range(50):
        write(disk / "tmp" / "cache" / f"{number}")

    def swap(_found: disk_walk.Found) -> None:
        if not (disk / "tmp" / "cache").is_symlink():
            (disk / "tmp" / "cache").rename(disk / "tmp" / "moved")
            (disk / "tmp" / "cache").symlink_to(disk / "precious")

    before_each(monkeypatch, swap)
    done = reclaim(disk)
    assert all(path.exists() for path in precious)
    assert done["predicted"]["files"] == 50
    assert names(disk / "tmp" / "moved") == set()


def test_a_file_swapped_for_a_link_loses_the_link_only(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = [write(disk / "precious" / name, 2 * MIB) for name in ("small", "large")]
    write(disk / "tmp" / "small")
    write(disk / "tmp" / "large", 2 * MIB)

    def swap(found: disk_walk.Found) -> None:
        path = disk / "tmp" / found.name
        path.unlink()
        path.symlink_to(disk / "precious" / found.name)

    before_each(monkeypatch, swap)
    done = reclaim(disk)
    assert all(path.stat().st_size == 2 * MIB for path in precious)
    assert skipped(done) == {"changed meanwhile": 1}, "large files are looked at once more"
    assert names(disk / "tmp") == {"large"}


def test_a_large_file_that_is_replaced_or_opened_meanwhile_stays(block: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(block / "tmp" / "opened", 2 * MIB)
    write(block / "tmp" / "replaced", 2 * MIB)
    write(block / "tmp" / "old", 2 * MIB)
    opened = []

    def act(found: disk_walk.Found) -> None:
        if found.name == "opened":
            opened.append((block / "tmp" / "opened").open("rb"))
        if found.name == "replaced":
            write(block / "fresh", 3 * MIB, days=0).replace(block / "tmp" / "replaced")

    before_each(monkeypatch, act)
    # The look at all processes is of before.
    monkeypatch.setattr(disk_open.InUse, "refresh", lambda _self: None)
    done = reclaim(block)
    assert names(block / "tmp") == {"opened", "replaced"}
    assert skipped(done) == {"changed meanwhile": 1, "in use": 1}
    opened[0].close()


def test_files_that_appear_and_change_meanwhile_stay(disk: Path) -> None:
    """A process writes new files and appends to old ones while 5000 others go."""
    for number in range(5000):
        write(disk / "tmp" / str(number % 10) / f"{number}", 10)
    ended, written, touched = threading.Event(), [], []

    def write_on() -> None:
        number = 0
        while not ended.wait(0.0002):
            path = disk / "tmp" / str(number % 10) / f"new-{number}"
            path.write_bytes(b"x")
            written.append(path)
            number += 1

    for number in range(0, 5000, 500):
        path = disk / "tmp" / str(number % 10) / f"{number}"
        path.write_bytes(b"young again")
        touched.append(path)
    writer = threading.Thread(target=write_on)
    writer.start()
    done = reclaim(disk)
    ended.set()
    writer.join()
    assert written
    assert all(path.exists() for path in written)
    assert all(path.read_bytes() == b"young again" for path in touched)
    assert done["predicted"]["files"] == 5000 - len(touched)
    assert sum(len(names(disk / "tmp" / str(folder))) for folder in range(10)) == len(written) + len(touched)


def test_what_others_free_meanwhile_counts(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody removes a large file: the goal is reached, and nothing more goes than that."""
    for number in range(9000):
        write(disk / "tmp" / f"{number}", 10)
    large = write(disk / "large", 20 * MIB)
    before_each(monkeypatch, lambda _found: large.unlink(missing_ok=True))
    done = reclaim(disk, used_percent=50)
    assert done["reached"]
    assert 0 < done["rules"][0]["gone"]["files"] <= 4096


def test_too_deep_folders_are_left_alone_and_named(disk: Path) -> None:
    fd = os.open(disk / "tmp", os.O_RDONLY)
    for _level in range(400):
        os.mkdir("d", dir_fd=fd)
        deeper = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(os.open("deep", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    assert skipped(reclaim(disk)) == {"too deep": 1}


def test_a_read_only_file_system_is_a_clear_failure(disk: Path) -> None:
    old = write(disk / "tmp" / "old")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for check_mode in (True, False):
        with pytest.raises(ConfigurationError, match="is read-only, so nothing can be removed"):
            reclaim(disk, check_mode=check_mode)
    assert run(disk_info, path=str(disk), seconds=0)["mount"]["read_only"] is True
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert old.exists()


# -- the quarantine ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_is_put_aside_comes_back_as_it_was(disk: Path, block: Path, elsewhere: bool) -> None:
    place = disk / "tmp" / "a\n\udcff"
    sparse = write(place / "old")
    with sparse.open("r+b") as file:
        file.truncate(8 * MIB)
    sparse.chmod(0o640)
    os.chown(sparse, 1234, 4321)
    age(sparse, 30)
    write(place / "taken")
    before = sparse.stat()
    quarantine = str((block if elsewhere else disk) / "quarantine")
    plan = reclaim(disk, quarantine=quarantine, check_mode=True)
    assert not Path(quarantine).exists()
    done = reclaim(disk, quarantine=quarantine, batch="i7k3v5q2x4dmz")
    assert done["frees"] is plan["frees"] is elsewhere
    assert (done["freed"]["bytes"] >= 8192) is elsewhere
    assert (done["batch"], done["rules"][0]["gone"]["files"]) == ("i7k3v5q2x4dmz", 2)
    assert names(place) == set()
    again = reclaim(disk, rule(disk), quarantine=quarantine, batch="i7k3v5q2x4dmz")
    assert not again["changed"], "the quarantine itself is never cleaned"

    (place / "taken").write_bytes(b"new")
    back = {"state": "restored", "quarantine": quarantine, "batch": "i7k3v5q2x4dmz"}
    assert run(disk_reclaim, check_mode=True, **back)["changed"]
    restored = run(disk_reclaim, **back)
    assert restored["moved"]["files"] == 1
    assert restored["moved"]["left"] == {"a new file has its name": 1}
    after = sparse.stat()
    kept = ("st_mode", "st_uid", "st_gid", "st_size", "st_blocks", "st_mtime_ns")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert sparse.read_bytes() == b"x" * 4096 + bytes(8 * MIB - 4096)
    assert (place / "taken").read_bytes() == b"new"

    assert not run(disk_reclaim, state="purged", quarantine=quarantine)["changed"], "it is not a day old"
    purged = run(disk_reclaim, state="purged", quarantine=quarantine, purge_after="0")
    assert purged["moved"]["files"] == 1
    assert purged["freed"]["bytes"] >= 4096
    assert names(Path(quarantine)) == set()
    with pytest.raises(ConfigurationError, match="there is no i7k3v5q2x4dmz in the quarantine"):
        run(disk_reclaim, **back)


def test_a_quarantine_that_others_can_write_to_is_refused(disk: Path) -> None:
    write(disk / "tmp" / "old")
    (disk / "open").mkdir()
    (disk / "open").chmod(0o777)
    (disk / "foreign").mkdir(0o700)
    os.chown(disk / "foreign", 1234, 1234)
    (disk / "link").symlink_to(disk / "tmp")
    for name in ("open", "foreign", "link"):
        with pytest.raises(ConfigurationError, match="must be a folder of the user who cleans"):
            reclaim(disk, quarantine=str(disk / name))
    assert names(disk / "tmp") == {"old"}


def test_a_quarantine_without_room_keeps_files_where_they_are(disk: Path, tmp_path: Path) -> None:
    """Neither is its own file system filled to the last byte."""
    write(disk / "tmp" / "old", 4 * MIB - 65536)
    with memory(tmp_path / "small", mib=4) as small:
        done = reclaim(disk, quarantine=str(small / "quarantine"))
    assert skipped(done) == {"no room in the quarantine": 1}
    assert not done["changed"]
    assert names(disk / "tmp") == {"old"}


def test_nobody_loses_a_file_that_was_replaced_when_files_are_put_aside(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(disk / "tmp" / "old")
    rename = os.rename

    def swap(source: str, *arguments: Any, **options: Any) -> None:
        write(disk / "fresh", 5, days=0).replace(disk / "tmp" / "old")
        rename(source, *arguments, **options)

    monkeypatch.setattr(os, "rename", swap)
    done = reclaim(disk, quarantine=str(disk / "quarantine"))
    assert skipped(done) == {"changed meanwhile": 1}
    assert (disk / "tmp" / "old").read_bytes() == b"x" * 5


# -- programs ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Put programs of our own into the place of all others; each notes how it was called."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", str(place))

    def put(name: str, script: str) -> Path:
        calls = tmp_path / f"{name}.calls"
        program = place / name
        program.write_text(f'#!/bin/sh\necho "$*" >> {calls}\n{script}\n')
        program.chmod(0o755)
        return calls

    return put


def test_programs_clean_up_their_own_data(
    disk: Path, programs: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archives, journals = disk / "archives", disk / "journal"
    write(archives / "a_1.deb", MIB)
    write(archives / "lock", 10)
    for name, days in (("system@1.journal", 20.0), ("system@2.journal", 0.5), ("system.journal", 20.0)):
        write(journals / "id" / name, MIB, days=days)
    monkeypatch.setattr(disk_programs, "JOURNALS", (str(journals),))
    monkeypatch.setattr(disk_programs, "PACKAGES", {"apt-get": (str(archives), ".deb", ("clean",))})
    apt = programs("apt-get", f"/bin/rm {archives}/a_1.deb")
    journalctl = programs("journalctl", f"/bin/rm {journals}/id/system@1.journal")
    podman = programs(
        "podman",
        f'case "$*" in info*) echo {disk};; *df*) echo \'{{"Type":"Containers","Reclaimable":"2MB (5%)"}}\';; esac',
    )
    docker = programs("docker", "echo no daemon >&2; exit 1")
    rules = [
        {"name": "packages", "kind": "package_cache"},
        {"name": "journal", "kind": "journal", "older_than": "7d"},
        {"name": "containers", "kind": "containers", "older_than": "2d"},
    ]
    plan = reclaim(disk, *rules, check_mode=True)
    assert [one["chosen"]["bytes"] for one in plan["rules"]] == [MIB, MIB, 2_000_000]
    assert plan["rules"][2]["note"] == "docker does not answer"
    for calls in (apt, journalctl):
        assert not calls.exists(), "check mode calls nobody"
    done = reclaim(disk, *rules)
    assert apt.read_text() == "clean\n"
    assert journalctl.read_text() == "--vacuum-time=604800s\n"
    assert podman.read_text().splitlines()[-2:] == [
        "container prune --force --filter until=172800s",
        "image prune --force --filter until=172800s",
    ]
    assert set(docker.read_text().splitlines()) == {"info --format {{.DockerRootDir}}"}
    assert [one["gone"]["bytes"] for one in done["rules"]] == [MIB, MIB, 0]
    assert done["freed"]["bytes"] == 2 * MIB


def test_a_program_that_fails_is_a_note_and_the_next_rule_goes_on(
    disk: Path, programs: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(disk / "archives" / "a.deb", MIB)
    write(disk / "tmp" / "old", MIB)
    monkeypatch.setattr(disk_programs, "PACKAGES", {"apt-get": (str(disk / "archives"), ".deb", ("clean",))})
    programs("apt-get", "echo 'the lock is taken' >&2; exit 100")
    done = reclaim(disk, {"name": "packages", "kind": "package_cache"}, rule(disk / "tmp"), used_percent=0)
    assert done["rules"][0]["note"] == "apt-get: the lock is taken"
    assert names(disk / "tmp") == set()


# -- the figures ------------------------------------------------------------------------------------------------------


def test_a_folder_with_a_budget_is_looked_at_like_a_file_system(tmp_path: Path) -> None:
    folder = tmp_path / "budget"
    for number in range(16):
        write(folder / "tmp" / f"{number}", MIB // 4, days=10 + number)
    info = run(disk_info, path=str(folder), quota="5M", seconds=0)
    assert 80 <= info["usage"]["used_percent"] <= 82
    done = reclaim(folder, quota="5M", used_percent=50)
    assert done["reached"]
    assert 45 <= done["after"]["used_percent"] <= 50
    assert len(names(folder / "tmp")) == 9
    assert "15" not in names(folder / "tmp")


def test_growth_follows_from_what_is_given_kept_or_watched(disk: Path, tmp_path: Path) -> None:
    write(disk / "data", 10 * MIB)
    kept = tmp_path / "state" / "samples"
    first = run(disk_info, path=str(disk), seconds=0, samples_file=str(kept))
    assert (first["growth"], first["hours_to_full"]) == (None, None)
    now = time.time()
    kept.write_text("".join(f"{now - 3600 + 60 * minute} {minute * MIB / 6}\n" for minute in range(60)))
    told = run(disk_info, path=str(disk), seconds=0, samples_file=str(kept))
    assert told["growth"]["source"] == "file"
    assert told["growth"]["bytes_per_hour"] == pytest.approx(10 * MIB, rel=0.02)
    assert told["hours_to_full"] == pytest.approx(5.4, rel=0.05)
    assert len(kept.read_text().splitlines()) == 61
    run(disk_info, check_mode=True, path=str(disk), seconds=0, samples_file=str(kept))
    assert len(kept.read_text().splitlines()) == 61
    samples = [[now - 600, 0], [now - 300, 5 * MIB]]
    assert run(disk_info, path=str(disk), seconds=0, samples=samples)["growth"]["source"] == "given"
    watched = run(disk_info, path=str(disk), seconds=0.3)["growth"]
    assert (watched["source"], watched["bytes_per_hour"]) == ("watched", 0)


def test_the_module_runs_as_a_program_of_its_own(disk: Path) -> None:
    write(disk / "tmp" / "old")
    given = {"path": str(disk), "rules": [rule(disk / "tmp")]}
    command = [sys.executable, "-m", disk_reclaim.__name__]
    done = subprocess.run(
        command,
        input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout)["predicted"]["files"] == 1, done.stderr
    assert names(disk / "tmp") == set()
