# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measurements in a tiny size: what they count is right. How long it takes is nobody's matter here."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import ansible_rulebook
import jsonschema
import pytest
import yaml

from bench import reclaim
from bench.accept import Race, Size, require_kept
from bench.chain import OURS, told_at, with_bare_run
from bench.engine import dynatrace, webhook
from bench.figures import Figures, ratio, table
from bench.load import complete
from bench.notifications import bodies
from demo.errors import DemoError
from demo.layout import Layout
from support.disks import memory

SCHEMA = json.loads((Path(ansible_rulebook.__file__).parent / "schema/ruleset_schema.json").read_text())
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ncontent-length: 2\r\n\r\n{}"


def test_what_the_source_accepts_is_counted_and_kept(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    with ExitStack() as stack:
        race = Race(layout, Size(events=12, seconds=30.0, connections=3))
        engine = race.start(stack, "dynatrace", dynatrace(tmp_path, closed=True))
        engine.wait()
        assert race.run(engine, same=False).accepted == 12
        assert race.run(engine, same=False).accepted == 12
        assert race.run(engine, same=True).accepted == 12
        contestant, engine.contestant = engine.contestant, replace(engine.contestant, token=None)
        with pytest.raises(DemoError, match=r"did not accept everything: .*'401': 12"):
            race.run(engine, same=False)
    require_kept(contestant, 12 + 12 + 1)
    with pytest.raises(DemoError, match="26 problems were accepted, and 25 are in the journal"):
        require_kept(contestant, 26)


def test_rulebooks_are_valid(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for contestant in (webhook(closed=True), webhook(closed=False), dynatrace(tmp_path, closed=True)):
        assert list(validator.iter_errors(contestant.rulebook(5000))) == []
    (ours,) = before = yaml.safe_load(OURS.read_text())
    (ruleset,) = after = with_bare_run(before, 5000, tmp_path / "bare.yml")
    assert list(validator.iter_errors(after)) == []
    assert ruleset["rules"][:-1] == ours["rules"], "our own rules are measured as they are"


def test_distinct_problems_are_distinct_in_all_runs() -> None:
    distinct = {json.loads(body)["PID"] for run in (1, 2) for body in bodies(run, 5, distinct=True)}
    assert len(distinct) == 10
    assert len(set(bodies(1, 5, distinct=False))) == 1


def test_an_answer_counts_when_it_is_complete() -> None:
    assert complete(ANSWER) == 200
    assert [complete(ANSWER[:end]) for end in range(len(ANSWER))] == [None] * len(ANSWER)
    with pytest.raises(ValueError, match="Content-Length"):
        complete(b"HTTP/1.1 200 OK\r\n\r\n{}")


def test_told_is_when_the_last_tool_showed_it_first() -> None:
    def entry(kind: str, tool: str, second: int) -> dict[str, object]:
        return {"kind": kind, "at": f"2026-11-25T10:00:{second:02d}+00:00", "data": {"tool": tool}}

    told = [entry("shown", "jira", 3), entry("shown", "dynatrace", 1), entry("alerted", "xmatters", 4)]
    assert told_at(None) is None
    assert told_at({"timeline": told}) is None, "slack is missing"
    again = [*told, entry("shown", "slack", 2), entry("shown", "slack", 9)]
    assert told_at({"timeline": again}) == told_at({"timeline": again[:4]})
    assert told_at({"timeline": again}) % 60 == 4


def test_figures_are_medians() -> None:
    assert Figures((3.0, 1.0, 2.0)).show(1) == "2.0 (1.0-3.0)"
    assert ratio(Figures((3.0, 1.0, 2.0)), Figures((4.0,))) == 0.5
    assert table([["a", "bcd"], ["ef", "g"]]) == "a   bcd\nef    g"


def test_find_and_disk_reclaim_are_given_the_same(tmp_path: Path) -> None:
    with memory(tmp_path / "disk") as disk:
        for name in ("find", "all", "goal"):
            ended = reclaim.one(disk, 400, name)
            assert ended.seconds > 0
            assert 1 < ended.mib < 500
