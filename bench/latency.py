# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the notification to the told tools and to the restarted process, against a bare playbook of one task."""

from __future__ import annotations

from demo.layout import Layout

from .chain import BenchChain
from .figures import Figures, ratio, table

ROUNDS = 5
TOLD, RESTARTED = 1.6, 2.5


def main(layout: Layout, rounds: int) -> None:
    """Measure in turns and print the medians. Raises DemoError."""
    bare, told, restarted = [], [], []
    with BenchChain(layout) as chain:
        chain.start()
        # The first run of each is slower: files are not cached yet, Python compiles the collection, Java its rules.
        for warm_up in (chain.bare, chain.ask, chain.act):
            warm_up()
        for _round in range(rounds):
            bare.append(chain.bare())
            told.append(chain.ask())
            bare.append(chain.bare())
            restarted.append(chain.act())
    print(report(Figures(tuple(bare)), Figures(tuple(told)), Figures(tuple(restarted))))


def report(bare: Figures, told: Figures, restarted: Figures) -> str:
    rows = [
        ["seconds after the POST, median (lowest-highest)", "", "ratio", "goal"],
        ["bare run_playbook: its one debug task ran", bare.show(2), "1.00", ""],
        ["policy ask: all tools are told", told.show(2), f"{ratio(told, bare):.2f}", f"<= {TOLD}"],
        ["policy act: the process is restarted", restarted.show(2), f"{ratio(restarted, bare):.2f}", f"<= {RESTARTED}"],
    ]
    return (
        f"latency: one ansible-rulebook with the whole tool chain, "
        f"{len(told.values)} runs each in turns ({len(bare.values)} bare)\n\n{table(rows)}\n"
    )
