#!/usr/bin/python
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module disk_reclaim."""

from __future__ import annotations

DOCUMENTATION = r"""
module: disk_reclaim
short_description: Free space or inodes by rules, and nothing else
version_added: 0.1.0
author: the self_healing.devops authors (@self-healing-devops)
description:
  - Removes files below the folders that rules name, from the age and size on that they name, the oldest and largest
    first, until the goal is reached. Has the journal, package managers and container engines clean up their own data.
  - Never follows a link, never enters another file system or another mount, and leaves alone what has several names,
    what is in use, and what the built-in list protects. Folders of the system and of databases are on that list,
    whatever the rules say.
  - Each file is looked at immediately before it goes. Its folder is open by then, so that nobody can put another one
    into its place.
  - Memory does not grow with the number of files.
  - Runs on the host itself and needs nothing but Python there.
options:
  state:
    description:
      - V(reclaimed) frees space.
      - V(restored) brings the files of O(batch) back from O(quarantine). It never replaces a file.
      - V(purged) deletes what O(quarantine) has had for O(purge_after), or O(batch) alone.
    type: str
    choices: [reclaimed, restored, purged]
    default: reclaimed
  path:
    description: A path on the file system that is to be freed. Nothing is removed from any other one.
    type: str
  quota:
    description: A size like V(500M). The folder O(path) is then treated as if it were a file system of that size.
    type: str
  used_percent:
    description: Stop when at most so much of the space is used.
    type: float
  available:
    description: Stop when at least so much is available, like V(20G).
    type: str
  inodes_used_percent:
    description:
      - Stop when at most so many of the inodes are used.
      - Without any of the three goals, all that fits a rule goes.
    type: float
  rules:
    description: What may go, in order of preference. Rules are used up one after the other.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the rule, for people.
        type: str
        required: true
      kind:
        description:
          - V(files) removes files. It needs O(rules[].paths), O(rules[].patterns) and O(rules[].older_than).
          - V(rotated_logs) and V(core_dumps) do the same, and know where these are, what they are called and when they
            are old.
          - V(journal) has C(journalctl) remove archived journals, V(package_cache) has the package managers let go of
            packages they have installed, V(containers) has docker and podman remove stopped containers, unused layers
            and build caches. Volumes are never removed.
        type: str
        choices: [files, rotated_logs, core_dumps, journal, package_cache, containers]
        default: files
      enabled:
        description: Whether the rule is used.
        type: bool
        default: true
      paths:
        description: Folders below which files may go. Absolute, without links on the way.
        type: list
        elements: str
      patterns:
        description: Names of files that may go, with C(*), C(?) and C([…]). They are compared with the name alone.
        type: list
        elements: str
      exclude:
        description: Names that stay although a pattern fits.
        type: list
        elements: str
      older_than:
        description: Age from which on it may go, like V(7d).
        type: str
      larger_than:
        description: Size from which on a file may go, like V(10M).
        type: str
      clock:
        description:
          - What the age is counted from. V(modified) is the last change of the content.
          - V(used) is the last time it was changed, read, renamed or given to somebody.
        type: str
        choices: [modified, used]
        default: modified
      empty_folders:
        description: Whether folders go that nothing is left in. Not with O(quarantine).
        type: bool
        default: false
      keep:
        description: For V(journal), how much of the journal to keep, like V(500M).
        type: str
      images:
        description: For V(containers), whether images go that no container uses.
        type: bool
        default: false
  protect:
    description: Folders that stay as they are with all that is in them, besides those of the built-in list.
    type: list
    elements: str
    default: []
  quarantine:
    description:
      - Folder into which files are moved instead of being deleted. They can be restored until they are purged.
      - On the same file system nothing is free before that. On another one, files are copied and space is free at once.
      - It belongs to the user who cleans, and nobody else may write to it. What programs clean up cannot be undone.
    type: str
  batch:
    description: Name under which the quarantine keeps what this run moves, by default the time.
    type: str
  purge_after:
    description: For O(state=purged) without O(batch), the age of batches that go, like V(1d).
    type: str
    default: 1d
  list:
    description: How many of the largest files are listed. The figures are complete all the same.
    type: int
    default: 50
extends_documentation_fragment:
  - self_healing.devops.attributes
notes:
  - Needs Linux and Python 3.9 on the host. Run it as root, because the open files of other users cannot be seen
    otherwise.
  - Between the look at a file and its removal some microseconds pass. Who replaces an old file by another one under the
    same name in just this time may lose the new one. With O(quarantine) not even this can happen.
seealso:
  - module: self_healing.devops.disk_info
"""

EXAMPLES = r"""
- name: Show what would go
  self_healing.devops.disk_reclaim: &clean
    path: /var
    used_percent: 80
    rules:
      - name: old exports
        paths: [/var/tmp/etl]
        patterns: ["*.csv", "*.part"]
        older_than: 7d
      - name: rotated logs
        kind: rotated_logs
      - name: journal
        kind: journal
        keep: 500M
  check_mode: true
  register: plan

- name: Free /var until 80 % are used
  self_healing.devops.disk_reclaim: *clean

- name: Bring back what was moved
  self_healing.devops.disk_reclaim:
    state: restored
    quarantine: /srv/quarantine
    batch: 20261124T081500Z
"""

RETURN = r"""
predicted:
  description: Files and bytes that were chosen.
  returned: O(state=reclaimed)
  type: dict
  sample: {files: 1204, bytes: 39728447488}
freed:
  description: Bytes and inodes that the file system has more than before, as it says itself. Null in check mode.
  returned: always
  type: dict
  sample: {bytes: 39513849856, inodes: 1204}
before:
  description: Space and inodes before, see M(self_healing.devops.disk_info).
  returned: O(state=reclaimed)
  type: dict
  sample: {used: 9100000000, available: 900000000, used_percent: 91.0, inodes: 655360, inodes_free: 600000,
           inodes_used_percent: 8.4}
after:
  description: The same afterwards.
  returned: O(state=reclaimed)
  type: dict
  sample: {used: 5200000000, available: 4800000000, used_percent: 52.0, inodes: 655360, inodes_free: 601204,
           inodes_used_percent: 8.3}
reached:
  description: Whether the goal is reached, in check mode whether the prediction reaches it. True without a goal.
  returned: O(state=reclaimed)
  type: bool
rules:
  description:
    - For each rule what it found, what was chosen of it and what is gone, what was left alone and why, and a note.
    - Nothing is found where the goal was reached before.
  returned: O(state=reclaimed)
  type: list
  elements: dict
  sample: [{name: old exports, kind: files, found: {files: 1300, bytes: 41000000000}, chosen: {files: 1204,
            bytes: 39728447488}, gone: {files: 1204, bytes: 39728447488}, oldest_hours: 216.0,
            skipped: [{why: in use, files: 4, bytes: 2147483648}], note: ""}]
files:
  description:
    - The largest files that are gone or would go, at most O(list). Names are made fit for one line.
  returned: O(state=reclaimed)
  type: list
  elements: dict
  sample: [{path: /var/tmp/etl/a.csv, bytes: 1073741824, age_hours: 216.0, rule: old exports}]
files_not_listed:
  description: How many further files are gone or would go.
  returned: O(state=reclaimed)
  type: int
  sample: 1154
held:
  description: Space of deleted files that processes still hold, see M(self_healing.devops.disk_info).
  returned: O(state=reclaimed)
  type: dict
  sample: {bytes: 0, files: 0, unseen: 0, largest: []}
batch:
  description: Name of the batch in the quarantine. Null when nothing was moved.
  returned: always
  type: str
  sample: 20261124T081500Z
frees:
  description: Whether what was taken away is free, and not only moved within the file system.
  returned: O(state=reclaimed)
  type: bool
text:
  description:
    - What each rule gives and leaves alone, the largest files, and who holds deleted ones, one line each.
    - Names in it come from outside. Use it as a value only.
  returned: O(state=reclaimed)
  type: str
  sample: "old exports: 37.0 GiB in 1204 files, oldest 9 d; left alone: 4 in use (2.0 GiB)"
reasons:
  description: Why not more could be taken, in one sentence.
  returned: O(state=reclaimed)
  type: str
  sample: "old exports: 4 in use (2.0 GiB)"
moved:
  description: Files and bytes that were restored or purged, and why others stay in the quarantine.
  returned: O(state=restored) and O(state=purged)
  type: dict
  sample: {files: 12, bytes: 1048576, left: {a new file has its name: 1}}
"""

import os
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.self_healing.devops.plugins.module_utils import disk_remove, disk_report, disk_text
from ansible_collections.self_healing.devops.plugins.module_utils.disk_deny import Protection
from ansible_collections.self_healing.devops.plugins.module_utils.disk_open import InUse, held
from ansible_collections.self_healing.devops.plugins.module_utils.disk_quarantine import (
    Moved,
    PutAside,
    Quarantine,
    batch_name,
)
from ansible_collections.self_healing.devops.plugins.module_utils.disk_reclaim import Largest, Reclaim
from ansible_collections.self_healing.devops.plugins.module_utils.disk_rules import KINDS, rules_of
from ansible_collections.self_healing.devops.plugins.module_utils.disk_usage import Goal, Usage, need, read_usage
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.module import ModuleSpec, run_module

SPEC = ModuleSpec(
    options={
        "state": {"type": "str", "choices": ["reclaimed", "restored", "purged"], "default": "reclaimed"},
        "path": {"type": "str"},
        "quota": {"type": "str"},
        "used_percent": {"type": "float"},
        "available": {"type": "str"},
        "inodes_used_percent": {"type": "float"},
        "rules": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "kind": {"type": "str", "choices": [*KINDS], "default": "files"},
                "enabled": {"type": "bool", "default": True},
                "paths": {"type": "list", "elements": "str"},
                "patterns": {"type": "list", "elements": "str"},
                "exclude": {"type": "list", "elements": "str"},
                "older_than": {"type": "str"},
                "larger_than": {"type": "str"},
                "clock": {"type": "str", "choices": ["modified", "used"], "default": "modified"},
                "empty_folders": {"type": "bool", "default": False},
                "keep": {"type": "str"},
                "images": {"type": "bool", "default": False},
            },
        },
        "protect": {"type": "list", "elements": "str", "default": []},
        "quarantine": {"type": "str"},
        "batch": {"type": "str"},
        "purge_after": {"type": "str", "default": "1d"},
        "list": {"type": "int", "default": 50},
    },
    required_if=[
        ("state", "reclaimed", ["path"]),
        ("state", "restored", ["quarantine", "batch"]),
        ("state", "purged", ["quarantine"]),
    ],
    talks_http=False,
)


def run(params: Mapping[str, Any], check_mode: bool, _transport: object) -> dict[str, Any]:
    """Bring about the state. Raises ConfigurationError."""
    if params["state"] == "reclaimed":
        return reclaim(params, check_mode)
    quarantine = Quarantine(params["quarantine"], make=False)
    if params["state"] == "restored":
        return told(quarantine, params["batch"], quarantine.restore(params["batch"], dry_run=check_mode), check_mode)
    return purge(quarantine, params, check_mode)


def reclaim(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Free space until the goal is reached."""
    now = time.time()
    path = params["path"]
    quota = disk_text.bytes_of(params["quota"], "quota") if params["quota"] else None
    rules, goal = rules_of(params["rules"]), goal_of(params)
    usage = partial(read_usage, path, quota)
    usage()
    device = os.stat(path).st_dev
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        raise ConfigurationError(disk_remove.read_only(path))
    quarantine = Quarantine(params["quarantine"], make=not check_mode) if params["quarantine"] else None
    protection = Protection.of_host([*params["protect"], *([quarantine.place] if quarantine else [])])
    batch = params["batch"] or batch_name(now)
    frees = quarantine is None or quarantine.device != device or (quota is not None and outside(quarantine.place, path))
    aside = PutAside(quarantine, batch, device, frees=frees) if quarantine and not check_mode else None
    taker = None if check_mode else aside or disk_remove.Unlink()
    in_use = InUse(device)
    largest = Largest(params["list"])
    work = Reclaim(rules, goal, device, protection, in_use, usage, taker, largest, ask_often=quota is None, now=now)
    try:
        before, after = work.run()
    finally:
        if aside is not None:
            aside.close()
    listed = largest.to_data()
    predicted = {
        "files": sum(part.chosen_files for part in work.parts),
        "bytes": sum(part.chosen_bytes for part in work.parts),
    }
    listable = [part for part in work.parts if part.rule.of_files]
    gone = any(part.gone_files or part.gone_bytes for part in work.parts)
    result: dict[str, Any] = {
        "changed": predicted["bytes"] > 0 or predicted["files"] > 0 if check_mode else gone,
        "predicted": predicted,
        "freed": {
            "bytes": None if check_mode else before.used - after.used,
            "inodes": None if check_mode else after.inodes_free - before.inodes_free,
        },
        "before": before.to_data(),
        "after": after.to_data(),
        "reached": reached(after, goal, predicted if check_mode and frees else {"files": 0, "bytes": 0}),
        "rules": [part.to_data() for part in work.parts],
        "files": listed,
        "files_not_listed": sum(part.chosen_files if check_mode else part.gone_files for part in listable)
        - len(listed),
        "held": held(in_use),
        "batch": batch if aside is not None and gone else None,
        "frees": frees,
        "diff": {"before": "", "after": "".join(f"- {one['path']} ({one['bytes']} bytes)\n" for one in listed)},
    }
    result["text"] = disk_report.plan(result, done=not check_mode)
    result["reasons"] = disk_report.reasons(result["rules"])
    return result


def goal_of(params: Mapping[str, Any]) -> Goal:
    """Return the goal. Raises ConfigurationError."""
    for name in ("used_percent", "inodes_used_percent"):
        value = params[name]
        if value is not None and not 0 <= value <= 100:
            raise ConfigurationError(f"{name} is {value:g}, expected 0 to 100")
    available = disk_text.bytes_of(params["available"], "available") if params["available"] else None
    return Goal(params["used_percent"], available, params["inodes_used_percent"])


def reached(usage: Usage, goal: Goal, expected: Mapping[str, int]) -> bool:
    """Whether the goal is reached once C(expected) is gone as well."""
    if goal.everything:
        return True
    left = need(usage, goal)
    return left.bytes <= expected["bytes"] and left.inodes <= expected["files"]


def outside(place: str, folder: str) -> bool:
    """Whether a place is no part of a folder."""
    return not f"{os.path.realpath(place)}/".startswith(f"{os.path.realpath(folder)}/")


def purge(quarantine: Quarantine, params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Delete what the quarantine has had for long enough, or one batch."""
    if params["batch"]:
        batches = [params["batch"]] if quarantine.has(params["batch"]) else []
    else:
        age = disk_text.seconds_of(params["purge_after"], "purge_after")
        batches = quarantine.batches(age, time.time())
    before = read_usage(quarantine.place) if quarantine.exists else None
    moved = Moved()
    for batch in batches:
        one = quarantine.purge(batch, dry_run=check_mode)
        moved.files += one.files
        moved.bytes += one.bytes
    after = read_usage(quarantine.place) if quarantine.exists else None
    result = told(quarantine, params["batch"], moved, check_mode)
    result["changed"] = bool(batches)
    if before is not None and after is not None and not check_mode:
        result["freed"] = {"bytes": before.used - after.used, "inodes": after.inodes_free - before.inodes_free}
    return result


def told(quarantine: Quarantine, batch: str | None, moved: Moved, check_mode: bool) -> dict[str, Any]:
    verb = "would be" if check_mode else "are"
    return {
        "changed": moved.files > 0,
        "batch": batch,
        "freed": {"bytes": None, "inodes": None},
        "moved": {"files": moved.files, "bytes": moved.bytes, "left": dict(moved.left)},
        "diff": {"before": "", "after": f"{moved.files} files of {quarantine.place} {verb} moved or deleted\n"},
    }


def main() -> None:
    """Run as an ordinary module."""
    module = AnsibleModule(**SPEC.to_kwargs())
    run_module(module, SPEC, run)


if __name__ == "__main__":
    main()
