# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real ansible-rulebook is watched from within: what is well, and what only looks as if it were."""

from __future__ import annotations

import re
from pathlib import Path

from support.dynatrace_source import notification
from support.rulebook import CANARY_RULE, Answer, rulebook

#: A rule set that takes every event and does nothing with a canary, as one does whose rules died.
SILENT_RULES = [{"name": "Something else", "condition": "event.nothing is defined", "action": {"debug": {"msg": "x"}}}]


def test_canaries_come_back_and_the_figures_are_shown(tmp_path: Path) -> None:
    with rulebook(tmp_path / "engine", [CANARY_RULE], canary_interval=1, stop_patience=0) as engine:
        assert engine.ask("/dynatrace", notification()).status == 200
        assert engine.ask("/dynatrace", notification()).status == 200
        assert engine.ask("/dynatrace", {"State": "OPEN"}).status == 400

        def round_trip() -> float:
            found = re.search(
                r"^self_healing_canary_round_trip_seconds (\S+)$", engine.ask("/metrics").body, re.MULTILINE
            )
            return float(found[1]) if found else 0.0

        assert 0 < engine.until(round_trip, "the canary") < 60
        health = engine.ask("/healthz")
        assert (health.status, health.json["status"]) == (200, "ok")
        figures = engine.ask("/metrics")
        assert figures.status == 200
        for line in (
            'self_healing_arrivals_total{result="opened",source="dynatrace"} 1.0',
            'self_healing_arrivals_total{result="duplicate",source="dynatrace"} 1.0',
            'self_healing_refusals_total{source="dynatrace",status="400"} 1.0',
            'self_healing_deliveries_total{again="no",kind="problem"} 1.0',
            "self_healing_due_unsettled 1.0",
            'self_healing_part_ok{part="engine"} 1.0',
        ):
            assert line in figures.body.splitlines()


def test_rules_that_do_not_fire_are_found_behind_an_open_port(tmp_path: Path) -> None:
    with rulebook(tmp_path / "engine", SILENT_RULES, canary_interval=1, stop_patience=0) as engine:
        assert engine.ask("/healthz").status == 200

        def silent() -> Answer | None:
            answer = engine.ask("/healthz")
            return answer if answer.status == 503 else None

        health = engine.until(silent, "the silence", patience=120).json
        assert health["status"] == "silent"
        [sentence] = health["silent"]
        assert sentence.startswith("engine: a canary that was sent 3")
        assert "See that the rulebook has the rule for event.canary.id" in sentence
        assert 'self_healing_part_ok{part="engine"} 0.0' in engine.ask("/metrics").body.splitlines()
        assert engine.ask("/dynatrace", notification()).status == 200, "what arrives is safe in the journal"
