# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths, environment and fixtures that all tests share, and a summary by folder at the end."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:
    from sandbox.server import SandboxThread
    from support.postgres import Server

ROOT = Path(__file__).absolute().parents[1]
for folder in (ROOT / "tests", ROOT / "extensions", ROOT / ".venv" / "collections"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

#: Somebody's real accounts never reach a test: every setting of the collection is taken out of the environment.
_SETTINGS = ("DYNATRACE_", "JIRA_", "KEPTN_", "SELF_HEALING_", "SLACK_", "XMATTERS_")


def _prepare_environment() -> None:
    for name in list(os.environ):
        if name.startswith(_SETTINGS) and not name.startswith("SELF_HEALING_TEST_"):
            del os.environ[name]
    # Everything that is started by a test finds the tools of .venv, and Ansible's own files stay in the checkout.
    os.environ["PATH"] = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.environ["ANSIBLE_CONFIG"] = str(ROOT / ".ci" / "ansible.cfg")
    os.environ["ANSIBLE_HOME"] = str(ROOT / ".cache" / "ansible")
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".venv" / "collections")
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(ROOT / ".cache" / "hypothesis")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


_prepare_environment()

# The same examples in every run, and no deadline: the machine may be busy.
hypothesis.settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis.settings.load_profile("repeatable")


#: A test that takes longer than this has lost what it waits for (seconds).
TEST_LIMIT = 420


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that hangs, so that the others still run."""

    def give_up(_number: int, _frame: object) -> None:
        pytest.fail(f"{item.name} did not end within {TEST_LIMIT} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(TEST_LIMIT)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., SandboxThread]]:
    """Start sandboxes with the arguments of C(SandboxThread); all of them are stopped at the end of the test."""
    from sandbox.server import SandboxThread

    running: list[SandboxThread] = []

    def start(*arguments: Any, **options: Any) -> SandboxThread:
        running.append(SandboxThread(*arguments, **options))
        return running[-1]

    yield start
    for sandbox in reversed(running):
        sandbox.stop()


@pytest.fixture
def sandbox(start_sandbox: Callable[..., SandboxThread]) -> SandboxThread:
    """The whole emulated tool chain, fresh for one test."""
    return start_sandbox()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for all tests of the run. Skips where there is none."""
    from support import postgres

    if reason := postgres.missing():
        pytest.skip(reason)
    with postgres.server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a fresh journal is to be: the test runs once for each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "journal.db")
    server: Server = request.getfixturevalue("postgres")
    return server.database()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how many tests of each folder ended how, and what they took."""
    outcomes: dict[str, Counter[str]] = {}
    seconds: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error", "skipped", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            outcomes.setdefault(_group(report.nodeid), Counter())[outcome] += 1
    for reports in terminalreporter.stats.values():
        for report in reports:
            seconds[_group(getattr(report, "nodeid", ""))] += getattr(report, "duration", 0)
    if not outcomes:
        return
    terminalreporter.section("tests by folder")
    for group, counts in sorted(outcomes.items()):
        ended = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        terminalreporter.write_line(f"{group:<24} {seconds[group]:7.1f} s  {ended}")


def _group(nodeid: str) -> str:
    parts = nodeid.split("::", 1)[0].split("/")
    return "/".join(parts[:2]) if len(parts) > 2 else "/".join(parts[:1])
