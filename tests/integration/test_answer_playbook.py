# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module incident_answer and the playbook answer: somebody chooses at the command line, and it is carried out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry, Incident
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.modules import incident_answer
from support.playbook import LOCAL, PlaybookRun, run_playbook
from support.story import MANAGED, NOW, PROBLEM, answer

INCIDENT = PROBLEM.incident
CATALOG = {"mend": {"role": "mend", "label": "Mend it", "text": "mends {host}"}}
EVIDENCE = "self_healing.devops.incident_evidence"
ID = "{{ self_healing_incident.id }}"
FILES: Mapping[str, Mapping[str, Any]] = {
    "diagnose": {"name": "Look", EVIDENCE: {"incident": ID, "phase": "before", "healthy": False}},
    "fix": {"name": "Mend", "ansible.builtin.debug": {"msg": ID}},
    "verify": {"name": "Prove", EVIDENCE: {"incident": ID, "phase": "after", "healthy": True}},
    "undo": {"name": "Go back", "ansible.builtin.debug": {"msg": ID}},
}
Choose = Callable[..., dict[str, Any]]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal with one incident about which somebody is asked. The question itself is settled."""
    opened = Journal.open(str(tmp_path / "journal.db"))
    question = opened.record_problem(PROBLEM, "dynatrace").delivery

    def ask(incident: Incident) -> list[Any]:
        policy, around = policies.Policy(catalog=CATALOG), policies.Surroundings(managed_hosts=1)
        return steps.decide(incident, policies.decide(policy, incident, ["mend"], [MANAGED], around, NOW).to_data(), {})

    opened.change(INCIDENT, ask)
    assert question is not None
    opened.due.settle(question)
    yield opened
    opened.close()


@pytest.fixture
def choose(journal: Journal, tmp_path: Path) -> Choose:
    def call(option: str = "mend", check: bool = False, **given: Any) -> dict[str, Any]:
        options = {"incident": INCIDENT, "option": option, "journal": str(tmp_path / "journal.db"), **given}
        checked = ArgumentSpecValidator(incident_answer.SPEC.options).validate(options)
        return incident_answer.run(checked.validated_parameters, check, None)

    return call


def test_a_choice_is_recorded_and_its_work_is_this_runs(journal: Journal, choose: Choose) -> None:
    done = choose(responder=" Ana\n Berg ", comment=" now ")
    assert (done["change"], done["counted"], done["changed"]) == ("answered", True, True)
    assert done["text"] == "Ana Berg chose 'Mend it' on playbook: now"
    assert done["offered"][:2] == ["mend", "acknowledge"]
    # No rulebook gets it while this run has it.
    assert journal.due.hand_out(10, timedelta(minutes=5), "other", "answers") == []
    assert journal.due.settle(done["delivery"])


def test_twice_the_same_is_once(journal: Journal, choose: Choose) -> None:
    choose(responder="Ana Berg")
    again = choose("Mend it", responder="Ana Berg")
    assert (again["change"], again["counted"], again["changed"], again["delivery"]) == ("duplicate", True, False, "")
    assert again["text"] == "Ana Berg chose 'Mend it' on playbook"


def test_what_does_not_count_is_left_to_the_rulebook(journal: Journal, choose: Choose) -> None:
    journal.record_answer(answer("Take over", "Bo Lind"))
    late = choose(responder="Ana Berg")
    assert (late["change"], late["counted"], late["delivery"], late["offered"]) == ("late", False, "", [])
    assert "Bo Lind had chosen 'Take over'" in late["text"]
    assert choose(responder="Ana Berg")["counted"] is False
    assert choose("nothing", responder="Ana Berg")["change"] == "unknown_option"
    assert len(journal.due.hand_out(10, timedelta(minutes=5), "other", "answers")) == 3


def test_the_same_option_counts_again_when_people_are_called_again(journal: Journal, choose: Choose) -> None:
    assert choose("acknowledge", responder="Ana Berg")["change"] == "acknowledged"
    assert choose("acknowledge", responder="Ana Berg")["change"] == "duplicate"
    journal.change(INCIDENT, lambda _now: [Entry("called", "…", data={"why": "reminded", "level": 0})])
    assert choose("acknowledge", responder="Ana Berg")["change"] == "acknowledged"


def test_check_mode_tells_what_would_become_of_it(journal: Journal, choose: Choose) -> None:
    before = journal.read(INCIDENT).version
    done = choose(check=True, responder="Ana Berg")
    assert (done["change"], done["changed"], done["delivery"]) == ("answered", True, "")
    assert choose("x", check=True)["counted"] is False
    assert journal.read(INCIDENT).version == before


def test_who_runs_it_is_the_responder(journal: Journal, choose: Choose, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "root")
    monkeypatch.setenv("SUDO_USER", "ana")
    assert choose("acknowledge")["text"].startswith("ana is looking")
    monkeypatch.delenv("SUDO_USER")
    assert choose("acknowledge")["text"].startswith("root is looking")


def test_wrong_options_are_named(journal: Journal, choose: Choose) -> None:
    with pytest.raises(ConfigurationError, match="Which incident"):
        choose(incident="")
    with pytest.raises(ConfigurationError, match="Who chose"):
        choose(responder="\x07")
    with pytest.raises(JournalError, match="there is no incident"):
        choose(incident="iaaaaaaaaaaaa")


def play(folder: Path, **given: str) -> PlaybookRun:
    """Run the playbook answer with an inventory that has the host to heal."""
    role = folder / "roles" / "mend"
    for name, task in FILES.items():
        (role / "tasks").mkdir(parents=True, exist_ok=True)
        (role / "tasks" / f"{name}.yml").write_text(yaml.safe_dump([dict(task)]))
    plays: list[Mapping[str, Any]] = [
        {
            "name": "Manage the host",
            "hosts": "shop-01",
            "gather_facts": False,
            "tasks": [{"name": "Manage it", "ansible.builtin.group_by": {"key": "self_healing_managed"}}],
        },
        {"name": "Answer", "import_playbook": "self_healing.devops.answer"},
    ]
    environment = {"ANSIBLE_ROLES_PATH": str(folder / "roles"), "SELF_HEALING_JOURNAL": str(folder / "journal.db")}
    variables = json.dumps({"incident": INCIDENT, "self_healing_catalog": CATALOG, **given})
    return run_playbook(plays, {"shop-01": LOCAL}, "-e", variables, environment=environment)


def test_what_is_chosen_at_the_command_line_is_done(journal: Journal, tmp_path: Path) -> None:
    done = play(tmp_path, option="Mend it", responder="Ana Berg", comment="{{ 7 * 7 }}")
    assert done.returncode == 0, done.output
    assert [one.task for one in done.of("shop-01") if one.task in ("Look", "Mend", "Prove")] == [
        "Look",
        "Mend",
        "Prove",
    ]
    after = journal.read(INCIDENT)
    assert after.state == "verifying"
    assert after.answer is not None
    assert (after.answer["responder"], after.answer["channel"]) == ("Ana Berg", "playbook")
    assert journal.due.figures().waiting == journal.due.figures().unsettled == 0

    late = play(tmp_path, option="take_over", responder="Bo Lind")
    assert late.returncode != 0
    assert "too late: Ana Berg had chosen 'Mend it' on playbook" in (late.failure("localhost") or "")
    assert late.of("shop-01", "Mend") == []
