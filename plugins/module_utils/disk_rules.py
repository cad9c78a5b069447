# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules: what may go, where, and from which age and size on. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .disk_text import bytes_of, seconds_of
from .errors import ConfigurationError

#: Kinds that look at files themselves, with what a rule says when it leaves a field out.
FILE_KINDS: Mapping[str, Mapping[str, Any]] = {
    "files": {"paths": (), "patterns": (), "older_than": None},
    "rotated_logs": {
        "paths": ("/var/log",),
        "patterns": (
            *("*.gz", "*.bz2", "*.xz", "*.zst", "*.log.old", "*.[0-9]", "*.[0-9][0-9]"),
            *("*-20[0-9][0-9][01][0-9][0-3][0-9]", "*.log-20[0-9][0-9]*"),
        ),
        "older_than": "3d",
    },
    "core_dumps": {
        "paths": ("/var/lib/systemd/coredump", "/var/crash"),
        "patterns": ("core", "core.*", "*.core", "*.crash"),
        "older_than": "1d",
    },
}
#: Kinds that have the owner of the data do it.
PROGRAM_KINDS = ("journal", "package_cache", "containers")
KINDS = (*FILE_KINDS, *PROGRAM_KINDS)
#: What counts as the last time that a file was touched.
CLOCKS = ("modified", "used")
_ENDING = re.compile(r"\*[^*?\[]+", re.DOTALL)


@dataclass(frozen=True)
class Rule:
    """One thing that may go. Ages are seconds, sizes bytes.

    C(clock) is C(modified) (age since the content was written) or C(used) (since it was read, written, renamed or
    given to somebody). C(keep) is what a journal keeps, C(images) whether unused images of containers go as well.
    """

    name: str
    kind: str
    paths: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    older_than: int = 0
    larger_than: int = 0
    clock: str = "modified"
    empty_folders: bool = False
    keep: int | None = None
    images: bool = False

    @property
    def of_files(self) -> bool:
        return self.kind in FILE_KINDS

    def matcher(self) -> Callable[[str], Any] | None:
        """Return what says whether the rule means a name; None when it means all names.

        Asked a million times, so that the usual C(*.gz) is no regular expression.
        """
        if not self.exclude:
            if "*" in self.patterns:
                return None
            endings = tuple(pattern[1:] for pattern in self.patterns if _ENDING.fullmatch(pattern))
            if len(endings) == len(self.patterns):
                return lambda name: name.endswith(endings)
        wanted = "|".join(fnmatch.translate(pattern) for pattern in self.patterns)
        unwanted = "|".join(fnmatch.translate(pattern) for pattern in self.exclude)
        return re.compile(f"(?!{unwanted})(?:{wanted})" if unwanted else wanted).match


def rules_of(given: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Return the rules that are switched on. Raises ConfigurationError that names the rule, the field and the mend."""
    rules: list[Rule] = []
    names: set[str] = set()
    for number, item in enumerate(given, start=1):
        name = str(item.get("name") or "").strip()
        if not name:
            raise ConfigurationError(f"rules: rule {number} has no name")
        if name in names:
            raise ConfigurationError(f"rules: two rules are called {name}")
        names.add(name)
        rule = _rule(name, item)
        if item.get("enabled", True):
            rules.append(rule)
    return rules


def _rule(name: str, item: Mapping[str, Any]) -> Rule:
    kind = str(item.get("kind") or "files")
    if kind not in KINDS:
        raise ConfigurationError(f"rule {name}: kind is {kind!r}, expected one of {', '.join(KINDS)}")
    usual: Mapping[str, Any] = FILE_KINDS.get(kind, {"paths": (), "patterns": (), "older_than": "1d"})
    rule = Rule(
        name=name,
        kind=kind,
        paths=tuple(item.get("paths") or usual["paths"]),
        patterns=tuple(item.get("patterns") or usual["patterns"]),
        exclude=tuple(item.get("exclude") or ()),
        older_than=seconds_of(str(_age(name, item, usual)), f"rule {name}: older_than"),
        larger_than=bytes_of(str(item.get("larger_than") or 0), f"rule {name}: larger_than"),
        clock=str(item.get("clock") or "modified"),
        empty_folders=bool(item.get("empty_folders")),
        keep=bytes_of(str(item["keep"]), f"rule {name}: keep") if item.get("keep") else None,
        images=bool(item.get("images")),
    )
    if rule.clock not in CLOCKS:
        raise ConfigurationError(f"rule {name}: clock is {rule.clock!r}, expected {' or '.join(CLOCKS)}")
    if rule.of_files and not rule.paths:
        raise ConfigurationError(f"rule {name}: paths is missing; name the folders whose files may go")
    if rule.of_files and not rule.patterns:
        raise ConfigurationError(f"rule {name}: patterns is missing; write ['*'] when all names are meant")
    if not rule.of_files and (rule.paths or rule.patterns):
        raise ConfigurationError(f"rule {name}: a rule of kind {kind} has no paths and no patterns; take them out")
    return rule


def _age(name: str, item: Mapping[str, Any], usual: Mapping[str, Any]) -> Any:
    age = item.get("older_than")
    if age in (None, ""):
        age = usual["older_than"]
    if age is None:
        raise ConfigurationError(f"rule {name}: older_than is missing; write an age like 7d, or 0 for any")
    return age
