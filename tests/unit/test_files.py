# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every file has in common."""

from __future__ import annotations

import re

import pytest

from support.tree import ROOT, python_files, texts

HEADER = """\
# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""

#: Written so that no expression finds itself.
UNWANTED = {
    "unfinished work": r"\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b",
    "a folder of somebody's machine": r"(?<![\w.~$}/-])/(?:User[s]|wor[k])/\w",
    "a relic of Python 2": r"__metaclass[_]_|import absolute_impor[t]|\bsuper\(\w+, sel[f]\)|coding: utf[-]8",
    "a conflict of a merge": r"^(?:<{7}|>{7}) ",
}


@pytest.mark.parametrize("name", python_files())
def test_python_file_starts_with_the_licence(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    if not text:
        return
    if name.startswith("plugins/modules/"):
        first, _break, text = text.partition("\n")
        assert first == "#!/usr/bin/python", f"{name}: modules start with #!/usr/bin/python"
    assert text.startswith(HEADER), f"{name} does not start with the three lines of the licence"


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_holds(what: str) -> None:
    expression = re.compile(UNWANTED[what], re.MULTILINE)
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts()
        if name != "LICENSE"
        for number, line in enumerate(text.splitlines(), start=1)
        if expression.search(line)
    ]
    assert not found, f"{what}:\n" + "\n".join(found)


def test_installed_content_reads_nothing_outside_of_it() -> None:
    """Roles and playbooks must work when only meta, plugins, roles and playbooks are there."""
    outside = re.compile(r"\b(?:extensions|docs|tests|bench)/")
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts()
        if name.startswith(("roles/", "playbooks/")) and not name.endswith(".md")
        for number, line in enumerate(text.splitlines(), start=1)
        if outside.search(line)
    ]
    assert not found, "\n".join(found)
