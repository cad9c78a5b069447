# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found on a disk and what goes of it, in a few lines for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .disk_text import size

#: Files and processes that are named.
_NAMED = 5
#: Bytes from which on the space of a deleted file is told in words.
_WORTH_A_RESTART = 1 << 20


def state(usage: Mapping[str, Any], growth: Mapping[str, Any] | None, hours: float | None) -> str:
    """Say how full a file system is: C(91.0 % used, 0.9 GiB available, full in about 4.8 h (+1.9 GiB/h))."""
    parts = [f"{usage['used_percent']:.1f} % used", f"{size(usage['available'])} available"]
    if usage["inodes_used_percent"] is not None:
        parts.append(f"{usage['inodes_used_percent']:.1f} % of the inodes used")
    if hours is not None and growth is not None and growth["bytes_per_hour"] > 0:
        parts.append(f"full in about {span(hours)} (+{size(growth['bytes_per_hour'])}/h)")
    return ", ".join(parts)


def plan(result: Mapping[str, Any], *, done: bool) -> str:
    """Say what each rule gives and leaves alone, which files are the largest, and who holds deleted ones."""
    lines = [_rule(rule, "gone" if done else "chosen") for rule in result["rules"]]
    lines += [f"{size(one['bytes'])}, {span(one['age_hours'])} old: {one['path']}" for one in result["files"][:_NAMED]]
    left = len(result["files"][_NAMED:]) + result["files_not_listed"]
    lines += [f"and {left} further files"] if left else []
    lines += held(result["held"])
    return "\n".join(lines)


def held(found: Mapping[str, Any]) -> list[str]:
    """Say which processes hold the space of deleted files."""
    lines = [
        f"{size(one['bytes'])} of a deleted file are held by {one['process']} (pid {one['pid']}), which has to be "
        f"restarted to give them back"
        for one in found["largest"][:_NAMED]
        if one["bytes"] >= _WORTH_A_RESTART
    ]
    if found["unseen"]:
        lines.append(f"open files could not be seen: those of {found['unseen']} processes")
    return lines


def _rule(rule: Mapping[str, Any], which: str) -> str:
    part = rule[which]
    files = f" in {part['files']} files" if part["files"] else ""
    age = f", oldest {span(rule['oldest_hours'])}" if rule["oldest_hours"] else ""
    left = ", ".join(_left(one) for one in rule["skipped"])
    words = f"{rule['name']}: {size(part['bytes'])}{files}{age}"
    words += f"; left alone: {left}" if left else ""
    return words + (f"; {rule['note']}" if rule["note"] else "")


def _left(one: Mapping[str, Any]) -> str:
    return f"{one['files']} {one['why']}" + (f" ({size(one['bytes'])})" if one["bytes"] else "")


def span(hours: float) -> str:
    """Return a time for people: C(40 min), C(4.8 h), C(9 d)."""
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if hours < 72 else f"{hours / 24:.0f} d"


def reasons(rules: Sequence[Mapping[str, Any]]) -> str:
    """Say why nothing could be taken, in one sentence without an end."""
    said = []
    for rule in rules:
        why = [rule["note"]] if rule["note"] else []
        why += [_left(one) for one in rule["skipped"]]
        said.append(f"{rule['name']}: {', '.join(why) or 'nothing old enough is there'}")
    return "; ".join(said) or "there is no rule"
