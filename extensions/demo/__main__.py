# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Breaks something real and shows how the tool chain heals it.

    PYTHONPATH=extensions python -m demo [--scenario process_crash] [--answer auto|person]

Exit status: 0 it was healed and every leg ended as it should; 1 it was not, and each failure was printed; 2 it could
not be started; 130 it was interrupted.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from .chain import Chain
from .check import Failure, failures, rulebook_failures, second_run
from .credentials import Credentials
from .errors import DemoError, LegError
from .heal import Heal
from .java import find_java, packaged_java
from .layout import Layout
from .progress import Progress
from .result import endings, result, summary, write
from .sandbox_client import State
from .scenarios import SCENARIOS

HEALED, NOT_HEALED, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description="Break something real and watch it being healed.")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), default="process_crash", help="what to break")
    parser.add_argument(
        "--answer",
        choices=["auto", "person", "wait", ""],
        default="",
        help="who presses the button: auto (the demo itself, after a moment) or person (also called wait: somebody on "
        "the page). Without it: a person where the output is a terminal, else auto",
    )
    parser.add_argument("--page-port", type=int, default=0, metavar="PORT", help="port of the page (0: a free one)")
    parser.add_argument("--folder", type=Path, default=Path(".demo"), help="where everything is kept (default: .demo)")
    chosen = parser.parse_args(arguments)
    if not chosen.answer:
        chosen.answer = "person" if sys.stdout.isatty() else "auto"
    return chosen


def show(chosen: argparse.Namespace, layout: Layout, progress: Progress) -> int:
    """Run the demonstration and return its exit status. Raises DemoError when it cannot be started."""
    java_home = find_java(os.environ, packaged_java())
    layout.prepare()
    scenario = SCENARIOS[chosen.scenario](layout.service)
    state: State | None = None
    found: list[Failure] = []
    with Chain(layout, scenario, java_home, chosen.page_port) as chain:
        began = time.monotonic()
        service = chain.start()
        tools = " ".join(name for name in chain.addresses if name not in ("page", "xmatters_form"))
        progress.note(f"tool chain up in {time.monotonic() - began:.1f} s: {tools}   page {chain.sandbox.url}")
        progress.note(service)
        heal = Heal(scenario, chain.sandbox, progress, chosen.answer)
        try:
            heal.run(chain.require_alive)
            state = chain.sandbox.state()
            found += failures(state, scenario.remedy, scenario.proof)
            wrong = scenario.healed()
            found += [Failure("service", wrong)] if wrong else []
            found += rulebook_failures(chain.rulebook_log())
            if not found and heal.incident is not None:
                progress.step("shown", heal.over_after, endings(state))
                found += again(chain, heal.incident, state, progress)
                chain.require_alive()
        except LegError as error:
            found.append(Failure(error.leg, error.why))
            state = chain.sandbox.state()
        except DemoError as error:
            found.append(Failure(heal.waits_for(), str(error)))
    if state is not None:
        write(layout.state, state)
    found += leaks(layout, chain.credentials, chain.seen_in_processes, progress)
    write(layout.result, result(scenario.name, heal.incident, heal.seconds, state, found))
    for failure in found:
        progress.failure(failure.leg, failure.why)
    if found:
        progress.line(f"not healed {scenario.name} incident={heal.incident}: see above, and the logs in {layout.logs}")
        return NOT_HEALED
    progress.line(summary(scenario.name, heal.incident, heal.seconds))
    return HEALED


def again(chain: Chain, incident: str, before: State, progress: Progress) -> list[Failure]:
    """Converge once more: nothing may change."""
    output = chain.converge(incident)
    found = second_run(before, chain.sandbox.state(), output)
    if not found:
        progress.step("again", None, "converge once more: changed=0 in every tool")
    return found


def leaks(layout: Layout, credentials: Credentials, seen: set[str], progress: Progress) -> list[Failure]:
    """Look for secrets in everything that the run leaves behind."""
    found = [Failure("secrets", f"{path} holds {name}") for path, name in credentials.leaks(layout.root)]
    found += [Failure("secrets", f"the list of processes showed {name}") for name in sorted(seen)]
    printed = "\n".join(progress.lines).encode()
    return found + [Failure("secrets", f"{name} was printed") for name in credentials.named_in(printed)]


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = options(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    # However it is told to end, everything that was started is stopped first.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    layout = Layout(chosen.folder.absolute())
    try:
        with layout.taken():
            return show(chosen, layout, Progress())
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return NOT_STARTED
    except KeyboardInterrupt:
        print("demo: interrupted; everything that was started is stopped", file=sys.stderr)
        return INTERRUPTED


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
