# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is killed at whatever moment of a heal, nothing is lost and nothing is done twice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from support.chaos import SERVICES, play, report
from support.chaos_points import VICTIMS, Round, at_random, swept

#: Seeds of C(make chaos) that have failed once, with the number of kills that it took, and why.
FAILED_ONCE: dict[str, tuple[int, int]] = {
    "a playbook without its runner waited for its workers for ever": (20261125, 9),
}
#: One of the victims at every moment, and every write once. The whole sweep is python -m support.chaos --sweep.
SHARE = len(VICTIMS)


def check(folder: Path, rounds: Iterable[Round], kills: int, seed: int, at_least: int) -> None:
    outcomes = play(folder, iter(rounds), kills, seed)
    told = report(outcomes, seed, folder)
    assert not any(outcome.findings for outcome in outcomes), told
    assert sum(outcome.kills for outcome in outcomes) >= at_least, told


@pytest.mark.parametrize("part", [0, 1])
def test_a_sweep_over_all_moments_of_a_heal(tmp_path: Path, part: int) -> None:
    rounds = swept(SERVICES, SHARE)[part::2]
    kills = sum(len(one.cuts) + sum(map(len, one.kills)) for one in rounds)
    # Every round is played. A moment may be over before there is anything to kill, and a write may not be made.
    check(tmp_path, rounds, 10 * kills, 1, at_least=kills - 4)


if FAILED_ONCE:

    @pytest.mark.parametrize("why", FAILED_ONCE)
    def test_what_failed_once(tmp_path: Path, why: str) -> None:
        seed, kills = FAILED_ONCE[why]
        check(tmp_path, at_random(seed, SERVICES), kills, seed, at_least=kills)
