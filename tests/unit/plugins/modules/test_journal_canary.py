# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module journal_canary: what comes back is noted once, and nothing but a canary is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.modules import journal_canary


def test_a_canary_comes_back_once(tmp_path: Path) -> None:
    place = str(tmp_path / "journal.db")
    canaries = Journal.open(place).canaries
    canary = canaries.send("a worker")
    params = {"canary": canary, "journal": place}
    assert journal_canary.run(params, True, None) == {"changed": True, "canary": canary}
    assert canaries.outstanding("a worker") is not None, "check mode writes nothing"
    assert journal_canary.run(params, False, None) == {"changed": True, "canary": canary}
    assert canaries.outstanding("a worker") is None
    assert journal_canary.run(params, False, None) == {"changed": False, "canary": canary}


@pytest.mark.parametrize(
    "canary", ["", "c123", "c" + "g" * 32, "c" + "0" * 32 + "\n", "C" + "0" * 32, "{{ lookup('pipe', 'id') }}"]
)
def test_what_is_no_canary_is_refused(canary: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="the letter c and 32 hexadecimal digits"):
        journal_canary.run({"canary": canary, "journal": str(tmp_path / "journal.db")}, False, None)
    assert list(tmp_path.iterdir()) == []
