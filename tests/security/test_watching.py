# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What watches the attacks finds one that gets through: each kind of trace is left on purpose, and is counted."""

from __future__ import annotations

import json
import os
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from demo.credentials import Credentials
from security.__main__ import Outcome
from security.attacks import VAULT, Attack
from security.cores import core
from security.outside import CANARY, TALLY, Outside, outside
from security.shown import active_in_document, active_in_slack, holds, page
from support.playbook import LOCAL, run_playbook


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """Traces that are left on purpose are not counted with the others."""
    monkeypatch.delenv(TALLY, raising=False)
    with outside(tmp_path / "outside") as watching:
        yield watching


def attack(watch: Outside, name: str) -> Attack:
    return next(one for one in watch.attacks if one.name == name)


def careless(watch: Outside, folder: Path, *attacks: Attack) -> str:
    """Give texts to a playbook as ansible-rulebook gives events to one, and return what it printed."""
    given = folder / "event.yml"
    given.write_text(yaml.safe_dump({f"text_{number}": one.text for number, one in enumerate(attacks)}))
    tasks = [
        {"name": "Show", "ansible.builtin.debug": {"msg": f"{{{{ text_{number} }}}}"}, "ignore_errors": True}
        for number in range(len(attacks))
    ]
    play = {"name": "Show", "hosts": "localhost", "gather_facts": False, "tasks": tasks}
    environment = {**core().environment(), **watch.environment()}
    return run_playbook([play], {"localhost": LOCAL}, "-e", f"@{given}", environment=environment).output


def test_a_careless_playbook_leaves_every_trace(watch: Outside, tmp_path: Path) -> None:
    names = ("a product", "a lookup that runs a command", "a lookup that calls a URL", "other delimiters by a header")
    printed = careless(watch, tmp_path, *(attack(watch, name) for name in names))
    found = watch.look(len(names), seen=printed)
    assert (watch.folder / CANARY).exists(), printed
    assert found.evaluated >= 2, (found.told, printed)
    assert found.contacted >= 1, (found.told, printed)
    assert not found.clean


def test_a_ciphertext_that_is_read_is_found(watch: Outside) -> None:
    path = watch.folder / "secret"
    path.write_text(VAULT)
    show = {"name": "Show", "ansible.builtin.debug": {"msg": "{{ lookup('ansible.builtin.unvault', path) }}"}}
    play = {"name": "Show", "hosts": "localhost", "gather_facts": False, "tasks": [show]}
    environment = {**core().environment(), **watch.environment()}
    run = run_playbook([play], {"localhost": LOCAL}, "-e", f"path={path}", environment=environment)
    assert watch.look(1, seen=run.output).evaluated == 1, run.output


def test_a_file_anywhere_is_found(watch: Outside, tmp_path: Path) -> None:
    assert watch.look(1, tmp_path).clean
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "deep" / "down" / CANARY).touch()
    assert watch.look(1, tmp_path).evaluated == 1


def test_a_call_is_found_directly_and_through_the_proxy(watch: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watch.look(1).clean
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{watch.listener.url}/direct", timeout=5)
    assert watch.look(1).told == ["called: 'GET /direct HTTP/1.1'"]
    for name, value in watch.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OSError):
        urllib.request.build_opener().open("http://attacker.example/through", timeout=5)
    assert watch.look(1).contacted == 2


def test_a_secret_that_is_left_behind_is_found(tmp_path: Path) -> None:
    credentials = Credentials()
    assert list(credentials.leaks(tmp_path)) == []
    (tmp_path / "extravars").write_text(json.dumps({"token": credentials.jira_token}))
    assert [name for _path, name in credentials.leaks(tmp_path)] == ["JIRA_TOKEN"]


def test_what_is_counted_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = tmp_path / "tally.jsonl"
    monkeypatch.setenv(TALLY, str(tally))
    with outside(tmp_path / "outside") as watching:
        (watching.folder / CANARY).touch()
        watching.look(7, seen="x 62615533 y", secrets=["one"])
    assert os.path.exists(tally)
    assert json.loads(tally.read_text()) == {"cases": 7, "evaluated": 2, "contacted": 0, "leaked": 1}


def test_mark_up_that_means_something_is_found() -> None:
    mention = {"type": "mention", "attrs": {"id": "ana"}}
    link = {"type": "text", "text": "x", "marks": [{"type": "link", "attrs": {"href": "http://evil.example"}}]}
    document = {"type": "doc", "content": [{"type": "paragraph", "content": [mention, link]}]}
    assert len(list(active_in_document(document))) == 2
    assert list(active_in_document(document, {"http://evil.example"})) == ["mention {'id': 'ana'}"]
    assert active_in_slack("a <!channel> b <http://x.example|y>", {"http://x.example"}) == ["!channel"]
    assert page("<p onclick=x><script>1</script>")[:2] == ({"p", "script"}, [("onclick", "x")])
    assert holds("Problem: {{ a }}  b", "{{ a }}\nb")
    assert not holds("Problem: 49", "{{ 7*7 }}")


def test_a_run_with_a_hole_is_not_good() -> None:
    counts = Counter(cases=3, evaluated=0, contacted=0, leaked=0)
    fine = Outcome("2.16.19", counts, True)
    assert fine.good
    assert fine.line() == "ansible-core 2.16.19: cases 3, evaluated 0, contacted 0, leaked 0"
    for hole in ("evaluated", "contacted", "leaked"):
        assert not Outcome("2.16.19", counts + Counter({hole: 1}), True).good
    assert not Outcome("2.16.19", Counter(), True).good, "where nothing was tried nothing was shown"
    assert not Outcome("2.16.19", counts, False).good
