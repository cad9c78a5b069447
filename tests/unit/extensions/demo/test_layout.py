# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a demonstration is fresh for every run, and belongs to one run at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.errors import DemoError
from demo.layout import COLLECTION, Layout


def test_what_an_earlier_run_left_is_gone_and_the_collection_is_reached(tmp_path: Path) -> None:
    layout = Layout(tmp_path / ".demo")
    with layout.taken():
        layout.prepare()
        (layout.root / "result.json").write_text("{}")
        (layout.logs / "old.log").write_text("old")
        layout.prepare()
        assert not layout.result.exists()
        assert list(layout.logs.iterdir()) == []
        assert layout.home.stat().st_mode & 0o077 == 0
        reached = layout.collections / "ansible_collections" / "self_healing" / "devops" / "galaxy.yml"
        assert reached.samefile(COLLECTION / "galaxy.yml")
    assert (COLLECTION / "galaxy.yml").exists(), "emptying the folder must not follow the link"


def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path) -> None:
    with Layout(tmp_path).taken():
        with pytest.raises(DemoError, match="another demo is running"):
            with Layout(tmp_path).taken():
                pass
    with Layout(tmp_path).taken():
        pass
