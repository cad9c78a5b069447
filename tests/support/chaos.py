# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills what heals while it heals, and checks from outside that nothing was lost and nothing was done twice.

    PYTHONPATH=extensions:tests:.venv/collections python -m support.chaos --kills 40 --seed 1

Exit status: 0 nothing was lost or done twice; 1 something was, and what it was is printed; 2 it could not be started.
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from demo.errors import DemoError
from demo.layout import Layout

from .chaos_chain import ChaosChain
from .chaos_checks import DUPLICATED, LOST
from .chaos_points import Round, at_random, swept
from .chaos_round import Chaos, Outcome

ROOT = Path(__file__).absolute().parents[2]
SERVICES = 2
#: A kill whose moment never came while there was something to kill is tried again this often.
MOST_TRIES = 2


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description="Kill what heals, and look whether anything is lost.")
    parser.add_argument("--kills", type=int, default=20, help="how many processes and answers are cut off")
    parser.add_argument("--seed", type=int, help="the same seed chooses the same moments (default: a random one)")
    parser.add_argument("--sweep", action="store_true", help="kill everything at every moment once instead")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "chaos", help="where everything is kept")
    chosen = parser.parse_args(arguments)
    if chosen.seed is None:
        chosen.seed = secrets.randbelow(10**6)
    return chosen


def play(folder: Path, planned: Iterator[Round], kills: int, seed: int) -> list[Outcome]:
    """Run rounds until enough was killed, or one went wrong. Raises DemoError when the chain cannot be started."""
    layout = Layout(folder.absolute())
    outcomes: list[Outcome] = []
    with layout.taken():
        layout.prepare()
        with ChaosChain(layout) as chain:
            chain.start()
            chaos = Chaos(chain, seed)
            for number, round_ in enumerate(planned, start=1):
                outcome = chaos.run(round_)
                outcomes.append(outcome)
                print(f"  round {number}: {', '.join(outcome.incidents)} in {outcome.seconds:.1f} s", flush=True)
                for line in outcome.done:
                    print(f"    {line}", flush=True)
                for missed in outcome.missed:
                    print(f"    missed: {missed}", flush=True)
                if outcome.findings or sum(one.kills for one in outcomes) >= kills:
                    break
    return outcomes


def report(outcomes: Sequence[Outcome], seed: int, folder: Path) -> str:
    """Return what came out in a few lines, the figures last."""
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    number = {kind: sum(finding.kind == kind for finding in findings) for kind in (LOST, DUPLICATED)}
    lines = [f"  ✘ {finding}" for finding in findings]
    if findings:
        lines.append(f"  what was killed in that round: {'; '.join(outcomes[-1].done) or 'nothing'}")
        lines += [f"  was running: {line}" for line in outcomes[-1].running]
        lines.append(f"  logs and journal: {folder}; again: make chaos KILLS={_kills(outcomes)} SEED={seed}")
    lines.append(f"{_kills(outcomes)} kills, lost {number[LOST]}, duplicated {number[DUPLICATED]} (seed {seed})")
    return "\n".join(lines)


def _kills(outcomes: Sequence[Outcome]) -> int:
    return sum(outcome.kills for outcome in outcomes)


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    # However it is told to end, everything that was started is stopped first.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    planned = at_random(chosen.seed, SERVICES)
    kills = chosen.kills
    if chosen.sweep:
        planned, kills = iter(swept(SERVICES)), 10**6
    try:
        outcomes = play(chosen.folder, planned, kills, chosen.seed)
    except DemoError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("chaos: interrupted; everything that was started is stopped", file=sys.stderr)
        return 130
    print(report(outcomes, chosen.seed, chosen.folder))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
