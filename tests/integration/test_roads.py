# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One heal by each of the roads that users take: the journal tells the same story of all of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident
from demo.check import failures, second_run
from support.chain import TestChain, chain_in
from support.tree import ROOT

BIN = ROOT / ".venv" / "bin"


@pytest.fixture(scope="module")
def by_the_engine(tmp_path_factory: pytest.TempPathFactory) -> Counter[tuple[str, str, str]]:
    """The story of a heal that ansible-rulebook drove from beginning to end."""
    with chain_in(tmp_path_factory.mktemp("engine")) as chain:
        incident = chain.heal()
        require_right_end(chain)
        return story(chain.journal.read(incident))


def test_playbooks_run_by_hand_tell_the_same_story(
    by_the_engine: Counter[tuple[str, str, str]], tmp_path: Path
) -> None:
    with chain_in(tmp_path / "hand", by_hand=True) as chain:
        chain.scenario.break_it()
        incident = chain.until(lambda one: one.state == "detected", "the report").id
        chain.playbook("self_healing.devops.respond", incident)
        chain.press("Restart process")
        chain.until(lambda one: one.answer is not None, "the answer")
        chain.playbook("self_healing.devops.heal", incident)
        chain.until(lambda one: not one.open, "the end of the problem")
        chain.playbook("self_healing.devops.respond", incident)
        # Nobody gave the playbooks a delivery to settle: an engine that starts later finds them, and nothing to do.
        require_right_end(chain, besides="3 deliveries are not settled")
        before = chain.sandbox.state()
        assert second_run(before, chain.sandbox.state(), chain.converge(incident)) == []
        assert story(chain.journal.read(incident)) == by_the_engine


def test_the_installed_collection_tells_the_same_story(
    by_the_engine: Counter[tuple[str, str, str]], tmp_path: Path
) -> None:
    build = [sys.executable, str(ROOT / ".ci/build.py"), str(tmp_path)]
    tarball = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    installed = tmp_path / "collections"
    install = [BIN / "ansible-galaxy", "collection", "install", "--offline", "-p", str(installed), tarball]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(installed)}
    subprocess.run(install, cwd=tmp_path, env=environment, capture_output=True, check=True)
    with chain_in(tmp_path / "installed", installed) as chain:
        incident = chain.heal()
        require_right_end(chain)
        assert story(chain.journal.read(incident)) == by_the_engine


def require_right_end(chain: TestChain, besides: str = "") -> None:
    found = failures(chain.sandbox.state(), chain.scenario.remedy)
    assert [failure for failure in found if failure.why != besides] == []
    assert chain.scenario.healed() is None


def story(incident: Incident) -> Counter[tuple[str, str, str]]:
    """Return what happened, without times, numbers and identifiers; tools are told in parallel, so in any order."""
    return Counter((entry.kind, entry.actor, plain(entry.text)) for entry in incident.timeline)


def plain(text: str) -> str:
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<uuid>", text)
    return re.sub(r"[0-9]+(\.[0-9]+)?", "<number>", text)
