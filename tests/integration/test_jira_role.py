# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role jira, run by ansible-playbook against the emulated Jira and a real journal.

One playbook tells Jira of several incidents, because starting one takes longer than all that it does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity, Problem, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import behind
from sandbox.jira import Jira
from support.jira_runs import Running, issues
from support.one_tool import start_tool
from support.playbook import LOCAL, PlaybookRun, run_playbook
from support.story import MANAGED, PROBLEM, REMEDIES, answer

TITLE = "Process unavailable [~ana] {{ lookup('pipe', 'id') }}\n{color:white}x{color} " + "long " * 80
EVIL = Entity("PROCESS_GROUP_INSTANCE-1", "PROCESS_GROUP_INSTANCE", "shop [click|https://evil.example] {{ 7 * 7 }}")
CHAT = "https://slack.example/archives/C1"
TRANSCRIPT = "# What happened\n{{ 7 * 7 }} über\n"
KEEP, SHOWN = "Keep the Jira issue in step with the incident", "Note in the journal what the tool shows"


def problem(number: int, **changes: Any) -> Problem:
    told = {"problem_id": f"-1_{number}V2", "display_id": f"P-{number}", "title": TITLE, "entities": (EVIL,)}
    return replace(PROBLEM, **{**told, **changes})


ASKED = problem(21)
CLOSED = problem(22)
#: Its address is no web address, nobody knows when it began, and it has a priority that no map knows.
ODD = problem(23, url="javascript:alert(1)", severity="low", opened_at=None, entities=(), service=None)


@dataclass
class Night:
    """What there was after the playbook."""

    run: PlaybookRun
    jira: Running
    journal: Journal

    def results(self, task: str, of: Problem) -> list[bool]:
        """Return whether the task changed anything, for each time it ran for this incident."""
        changes: list[bool] = []
        current = ""
        for done in self.run.of("desk"):
            if done.task.startswith("Read the incident "):
                current = done.task.removeprefix("Read the incident ")
            elif (done.task, current) == (task, of.incident) and done.outcome != "skipped":
                changes.append(done.changed)
        return changes

    def issue(self, of: Problem) -> dict[str, Any]:
        [found] = [issue for issue in issues(self.jira) if f"self-healing-{of.incident}" in issue["labels"]]
        return found


def decide(incident: Any) -> Any:
    policy, around = policies.Policy(), policies.Surroundings(managed_hosts=1)
    decision = policies.decide(policy, incident, REMEDIES, [MANAGED], around, incident.timeline[-1].at)
    return steps.decide(incident, decision.to_data(), {})


def prepare(journal: Journal) -> None:
    for reported in (ASKED, CLOSED, ODD):
        journal.record_problem(reported)
    for asked in (ASKED, CLOSED):
        journal.change(asked.incident, decide)
        journal.tools.show(asked.incident, ToolState("slack", "slack", "C1", CHAT), None)
    identity = CLOSED.incident
    journal.record_answer(answer(comment="go [~bo]", incident_id=identity))
    at = journal.read(identity).timeline[-1].at
    told: list[Any] = [
        lambda i: steps.claim(i, "here:1", at, timedelta(minutes=15)),
        lambda i: steps.evidence(i, "before", False, {"up": 0}, ""),
        steps.fix_started,
        lambda i: steps.fixed(i, True, timedelta(minutes=10)),
        lambda i: steps.evidence(i, "after", True, {"up": 1}, ""),
        steps.verified,
    ]
    for step in told:
        journal.change(identity, step)
    journal.record_problem(replace(CLOSED, status="resolved", resolved_at=at))
    journal.tools.attach(identity, "dyna-22-transcript.md", "text/markdown", TRANSCRIPT)
    journal.change(identity, steps.close)
    assert [journal.read(p.incident).state for p in (ASKED, CLOSED, ODD)] == ["asked", "closed", "detected"]


def tell(of: Problem, check: bool = False, **variables: Any) -> list[dict[str, Any]]:
    read = {"incident": of.incident, "content": True}
    role = {"name": "self_healing.devops.jira", "apply": {"check_mode": check}}
    given: Mapping[str, Any] = {"self_healing_incident": "{{ read.incident }}", **variables}
    return [
        {"name": f"Read the incident {of.incident}", "self_healing.devops.incident_info": read, "register": "read"},
        {"name": "Tell the tool", "ansible.builtin.include_role": role, "vars": given},
    ]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    location = str(tmp_path_factory.mktemp("jira-role") / "journal.db")
    journal = Journal.open(location)
    with start_tool(Jira) as jira:
        prepare(journal)
        story = [
            *(tell(ASKED, check=True) + tell(ASKED) + tell(ASKED)),
            *(tell(CLOSED) + tell(CLOSED)),
            *tell(
                ODD, jira_labels=[], jira_issue_type="Bug", jira_status={"closed": "Done"}, jira_priority={"low": ""}
            ),
        ]
        done = run_playbook(
            [{"hosts": "desk", "gather_facts": False, "tasks": story}],
            {"desk": {**LOCAL, "jira_url": jira.url, "jira_project": "DEMO"}},
            "--diff",
            environment={
                "SELF_HEALING_JOURNAL": location,
                "JIRA_USER": jira.settings.jira_user,
                "JIRA_TOKEN": jira.settings.jira_token,
            },
        )
        assert done.returncode == 0, done.output
        yield Night(done, jira, journal)
    journal.close()


def test_check_mode_changes_nothing_and_the_second_run_neither(night: Night) -> None:
    assert night.results(KEEP, ASKED) == [True, True, False]
    assert night.results(KEEP, CLOSED) == [True, False]
    # In check mode there is nothing to note.
    assert len(night.results(SHOWN, ASKED)) == 2
    assert len(issues(night.jira)) == 3


def test_a_question_is_an_issue_to_do_that_says_what_is_known(night: Night) -> None:
    issue = night.issue(ASKED)
    assert (issue["type"], issue["status"], issue["priority"]) == ("Incident", "To Do", "Highest")
    assert issue["summary"].startswith(
        "Process unavailable [~ana] {{ lookup('pipe', 'id') }} {color:white}x{color} long"
    )
    assert (len(issue["summary"]), issue["summary"][-1]) == (255, "…")
    lines = issue["description"].replace("\u2060", "").splitlines()
    assert lines[2:6] == [
        "What: process crash",
        "Severity: critical",
        "Service: shop",
        f"Impacted: {EVIL.name} ({EVIL.type})",
    ]
    assert "Host: shop-01" in lines
    assert "Since: 2026-11-22 10:00:00 UTC" in lines
    assert f"Problem: P-21 in dynatrace {PROBLEM.url}" in lines
    assert f"Conversation: slack {CHAT}" in lines
    assert any(line.startswith("1) Restart process: ") for line in lines)
    assert issue["links"] == [{"title": "Problem P-21", "url": PROBLEM.url}]


def test_the_addresses_of_our_tools_can_be_clicked_and_no_others(night: Night) -> None:
    found = night.jira.tool.site.store.find(night.issue(ASKED)["key"])
    assert found is not None
    assert found.description is not None
    document = json.dumps(found.description.document)
    assert [
        address for address in (PROBLEM.url, CHAT, "https://evil.example") if f'"href": "{address}' in document
    ] == [
        PROBLEM.url,
        CHAT,
    ]
    assert "mention" not in document


def test_a_closed_incident_is_done_with_its_story_and_its_transcript(night: Night) -> None:
    issue = night.issue(CLOSED)
    assert (issue["status"], issue["resolution"]) == ("Done", "Done")
    texts = [comment["text"] for comment in issue["comments"]]
    [answered] = [text for text in texts if "Ana Berg" in text]
    assert answered.endswith(" on xmatters: go [~bo]")
    assert len(texts) == len(set(texts)) > 4
    [file] = issue["attachments"]
    stored = night.jira.tool.site.store.find_attachment(file["id"])
    assert stored is not None
    assert stored[1].content == TRANSCRIPT.encode()


def test_the_journal_knows_the_issue_and_what_was_read_back(night: Night) -> None:
    incident = night.journal.read(CLOSED.incident)
    tool, issue = incident.tools["desk"], night.issue(CLOSED)
    assert (tool.role, tool.id, tool.url, tool.state) == ("jira", issue["key"], issue["url"], "shown")
    assert "desk" not in behind(incident)
    [attached] = tool.details["attachments"]
    assert (attached["name"], attached["read_back"]) == ("dyna-22-transcript.md", True)
    assert attached["sha256"] == incident.attachments[0].sha256
    assert tool.details["status"] == "Done"


def test_what_is_missing_or_no_address_is_left_out(night: Night) -> None:
    issue = night.issue(ODD)
    assert (issue["type"], issue["priority"], issue["status"]) == ("Bug", "Medium", "To Do")
    assert issue["labels"] == [f"self-healing-{ODD.incident}"]
    assert issue["links"] == []
    assert "javascript" not in issue["description"]
    assert "Impacted: –" in issue["description"]
    assert "Since: –" in issue["description"]


def test_nothing_of_the_event_is_evaluated_and_the_token_is_nowhere(night: Night) -> None:
    seen = json.dumps(night.jira.snapshot()) + night.run.output
    assert "uid=" not in seen
    assert "{{ 7 * 7 }}" in seen
    assert night.jira.settings.jira_token not in seen
