# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures against ansible-rulebook on its own, and against find: C(python -m bench [accept|latency|reclaim]...)."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from demo.errors import DemoError
from demo.layout import Layout

from . import accept, latency, reclaim

ROOT = Path(__file__).absolute().parents[1]
BENCHES = ("accept", "latency", "reclaim")


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure side by side. Nothing is asserted.")
    # Without choices=: argparse would hold an empty list against them.
    parser.add_argument("names", nargs="*", metavar="BENCH", help=f"{' or '.join(BENCHES)}; all without any")
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--files", type=int, default=reclaim.FILES, help="how many files are reclaimed")
    parser.add_argument("--folder", type=Path, default=ROOT / ".cache" / "bench", help="where everything is kept")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.names) - set(BENCHES)
    if unknown:
        parser.error(f"there is no {min(unknown)}, only {' and '.join(BENCHES)}")
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    # However it is told to end, everything that was started is stopped first.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        for name in chosen.names or BENCHES:
            layout = Layout(chosen.folder.absolute() / name)
            with layout.taken():
                layout.prepare()
                if name == "accept":
                    accept.main(layout, accept.Size(rounds=chosen.rounds or accept.Size.rounds))
                elif name == "latency":
                    latency.main(layout, chosen.rounds or latency.ROUNDS)
                else:
                    reclaim.main(layout, chosen.rounds or reclaim.ROUNDS, chosen.files)
    except DemoError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; everything that was started is stopped", file=sys.stderr)
        return 130
    return 0


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
