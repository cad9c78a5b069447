# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role slack, run by ansible-playbook against the emulated Slack and a real journal.

One playbook tells Slack of several incidents, because starting one takes longer than all that it does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from sandbox.slack import Slack
from support.one_tool import start_tool
from support.playbook import LOCAL, PlaybookRun, run_playbook
from support.slack_runs import Running, channels, keep, spoken
from support.story import MANAGED, PROBLEM, REMEDIES, answer

ROOT = Path(__file__).absolute().parents[2]
TITLE = "Process unavailable <!channel> @here {{ lookup('pipe', 'id') }} & more"
KEEP, SHOWN = "Keep the Slack channel in step with the incident", "Note in the journal what the tool shows"
KEPT = "Keep the conversation with the incident"


def problem(number: int) -> Problem:
    return replace(PROBLEM, problem_id=f"-1_{number}V2", display_id=f"P-{number}", title=TITLE)


ASKED, TALKED, *CLOSED = (problem(number) for number in range(11, 18))
READ_BACK, OTHER_TEXT, UNREAD, NO_TRANSCRIPT, TO_COME = CLOSED


@dataclass
class Night:
    """What there was after the playbook."""

    run: PlaybookRun
    slack: Running
    journal: Journal

    def results(self, task: str, of: Problem) -> list[bool]:
        """Return whether the task changed anything, for each time it ran for this incident."""
        changes: list[bool] = []
        current = ""
        for done in self.run.of("slack"):
            if done.task.startswith("Read the incident "):
                current = done.task.removeprefix("Read the incident ")
            elif (done.task, current) == (task, of.incident) and done.outcome != "skipped":
                changes.append(done.changed)
        return changes

    def verdicts(self, task: str) -> list[bool]:
        """Return what the role decided about the archive for each of C(CLOSED)."""
        [done] = self.run.of("slack", task)
        return list(done.result["msg"])

    def channel(self, of: Problem) -> dict[str, Any]:
        [found] = [c for c in channels(self.slack) if c["purpose"] == f"self-healing:{of.incident}"]
        return found

    def header(self, of: Problem) -> dict[str, Any]:
        [found] = [message for message in self.channel(of)["messages"] if message["is_header"]]
        assert isinstance(found, dict)
        return found


def decide(incident: Any) -> Any:
    policy, around = policies.Policy(), policies.Surroundings(managed_hosts=1)
    decision = policies.decide(policy, incident, REMEDIES, [MANAGED], around, incident.timeline[-1].at)
    data = decision.to_data()
    data["options"][0]["destructive"] = incident.id == ASKED.incident
    return steps.decide(incident, data, {})


def heal(journal: Journal, reported: Problem, closed: bool) -> None:
    """Tell the story from the problem to its end."""
    journal.record_problem(reported)
    identity = reported.incident
    journal.change(identity, decide)
    journal.record_answer(answer(comment="go <!here>", incident_id=identity))
    at = journal.read(identity).timeline[-1].at
    told: list[Any] = [
        lambda i: steps.claim(i, "here:1", at, timedelta(minutes=15)),
        lambda i: steps.evidence(i, "before", False, {"up": 0, "response_ms": None}, ""),
        steps.fix_started,
        lambda i: steps.fixed(i, True, timedelta(minutes=10)),
        lambda i: steps.evidence(i, "after", True, {"up": 1, "response_ms": 31}, ""),
        steps.verified,
    ]
    for step in told:
        journal.change(identity, step)
    journal.record_problem(replace(reported, status="resolved", resolved_at=at))
    assert journal.read(identity).state == "stable"
    if closed:
        journal.change(identity, steps.close)


def show_desk(journal: Journal, of: Problem, **changes: Any) -> None:
    """Keep a transcript, and let a service desk show the incident with it read back, but for C(changes)."""
    number = of.display_id.removeprefix("P-")
    journal.tools.attach(of.incident, f"dyna-{number}-transcript.md", "text/markdown", f"the story of {number}\n")
    attached = [
        {"name": a.name, "sha256": a.sha256, "read_back": True, **changes}
        for a in journal.read(of.incident).attachments
    ]
    url = "https://jira.example/browse/DEMO-1"
    journal.tools.show(of.incident, ToolState("jira", "jira", "DEMO-1", url, details={"attachments": attached}), None)


def prepare(journal: Journal, slack: Running) -> None:
    person = [{"name": "Ana Berg", "email": "ana@example.com"}, {"name": "Nobody", "email": None}]
    pager = ToolState("xmatters", "xmatters", "4711", "https://x.example/4711", details={"responders": person})
    journal.record_problem(ASKED)
    journal.tools.show(ASKED.incident, pager, None)
    journal.tools.show(ASKED.incident, ToolState("evil", "evil", "E", "javascript:alert(1)"), None)
    journal.change(ASKED.incident, decide)
    heal(journal, TALKED, closed=False)
    keep(slack, marker=TALKED.incident, name="dyna-12")
    slack.call("say", channel="dyna-12", person="bo", text="I see it too <!here> {{ 7 * 7 }}")
    for of in CLOSED:
        heal(journal, of, closed=True)
    show_desk(journal, READ_BACK)
    show_desk(journal, OTHER_TEXT, sha256="0" * 64)
    show_desk(journal, UNREAD, read_back=False)
    journal.tools.show(NO_TRANSCRIPT.incident, ToolState("jira", "jira", "DEMO-1", "https://jira.example/1"), None)


def tell(
    of: Problem, tasks_from: str = "main", check: bool = False, variables: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    read = {"incident": of.incident, "content": True}
    role = {"name": "self_healing.devops.slack", "tasks_from": tasks_from, "apply": {"check_mode": check}}
    given = {"self_healing_incident": "{{ read.incident }}", **(variables or {})}
    return [
        {"name": f"Read the incident {of.incident}", "self_healing.devops.incident_info": read, "register": "read"},
        {"name": "Tell the tool", "ansible.builtin.include_role": role, "vars": given},
    ]


def ask_about_archive(name: str, **variables: Any) -> list[dict[str, Any]]:
    """Return tasks that tell for each of C(CLOSED) whether the role would archive its channel now."""
    given = {"self_healing_incident": "{{ item.incident }}", **variables}
    return [
        {
            "name": "Read all that are closed",
            "self_healing.devops.incident_info": {"incident": "{{ item }}"},
            "loop": [of.incident for of in CLOSED],
            "register": "closed",
        },
        {
            "name": "Ask",
            "ansible.builtin.debug": {"msg": "{{ slack_archive | bool }}"},
            "loop": "{{ closed.results }}",
            "loop_control": {"label": "{{ item.item }}"},
            "vars": given,
            "register": "asked",
        },
        {"name": name, "ansible.builtin.debug": {"msg": "{{ asked.results | map(attribute='msg') | list }}"}},
    ]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("slack-role")
    journal = Journal.open(str(folder / "journal.db"))
    with start_tool(Slack) as slack:
        prepare(journal, slack)
        named = {"slack_channel_prefix": "Incident of", "slack_members": ["bo@example.com"]}
        story = [
            *(tell(ASKED, check=True, variables=named) + tell(ASKED, variables=named) + tell(ASKED, variables=named)),
            *(tell(TALKED) + tell(TALKED, "transcript") + tell(TALKED, "transcript")),
            *(tell(READ_BACK) + tell(READ_BACK) + tell(READ_BACK, "transcript")),
            *(ask_about_archive("with a desk") + ask_about_archive("without a desk", slack_desk_roles=["none"])),
        ]
        groups = folder / "groups.json"
        toolchain = {"slack": {}, "desk": {"self_healing_tool": "servicenow"}}
        groups.write_text(json.dumps({"toolchain": {"hosts": toolchain}}))
        role = [str(ROOT / "roles/slack" / name / "main.yml") for name in ("defaults", "vars")]
        done = run_playbook(
            [{"hosts": "slack", "gather_facts": False, "vars_files": role, "tasks": story}],
            {"slack": LOCAL},
            *("-i", str(groups), "--diff"),
            environment={
                "SELF_HEALING_JOURNAL": str(folder / "journal.db"),
                "SLACK_URL": f"{slack.url}/api/",
                "SLACK_TOKEN": slack.settings.slack_token,
                # Answers are taken from Slack, so that there are buttons.
                "SLACK_APP_TOKEN": slack.settings.slack_app_token,
            },
        )
        assert done.returncode == 0, done.output
        yield Night(done, slack, journal)
    journal.close()


def test_check_mode_changes_nothing_and_the_second_run_neither(night: Night) -> None:
    assert night.results(KEEP, ASKED) == [True, True, False]
    assert len([c for c in channels(night.slack) if ASKED.incident in c["purpose"]]) == 1


def test_channel_has_topic_people_and_links(night: Night) -> None:
    channel = night.channel(ASKED)
    assert channel["name"] == "incident-of-11"
    assert channel["topic"] == f"ASKED · CRITICAL · {TITLE}"
    assert sorted(channel["members"]) == ["Ana Berg", "Bo Lind", "Self-healing"]
    assert [(b["title"], b["link"]) for b in channel["bookmarks"]] == [
        ("Problem P-11", PROBLEM.url),
        ("xmatters 4711", "https://x.example/4711"),
    ]
    tool = night.journal.read(ASKED.incident).tools["slack"]
    assert (tool.id, tool.url, tool.role) == (channel["id"], channel["url"], "slack")
    assert tool.details["channel"] == "incident-of-11"


def test_header_of_a_question_can_be_read_without_colour(night: Night) -> None:
    lines = night.header(ASKED)["text"].splitlines()
    assert lines[0] == f"? *ASKED* · CRITICAL · {TITLE}"
    assert lines[1] == "*what* process crash · service shop · host shop-01"
    assert lines[2].startswith(
        "*why process_restart* ✔ monitored · ✔ still open · ✔ managed host: shop-01, found by its"
    )
    assert lines[3].startswith(
        "*choose* [Restart process] restarts the service on shop-01 and checks that it stays up · "
    )
    assert lines[4].startswith("*when* detected ")
    assert lines[5] == f"Problem P-11 ({PROBLEM.url}) · xmatters 4711 (https://x.example/4711)"


def test_header_of_a_fix_tells_who_what_and_the_figures(night: Night) -> None:
    text = night.header(TALKED)["text"]
    assert text.startswith("● *FIXED* · CRITICAL · Process")
    assert "*before → after* up 0 → 1 · response ms – → 31" in text
    assert re.search(r"\*answer\* Ana Berg chose 'Restart process' on xmatters at \d\d:\d\d:\d\d: go <!here>", text)


def test_there_are_buttons_while_something_may_be_chosen_and_none_after_that(night: Night) -> None:
    [*body, row] = night.header(ASKED)["blocks"]
    assert "\n".join(block["text"]["text"] for block in body) == night.header(ASKED)["markup"]
    incident = night.journal.read(ASKED.incident).to_dict()
    values = [(button["text"]["text"], button["value"]) for button in row["elements"]]
    prefix = f"1:{ASKED.incident}:{incident['asked']}"
    assert values == [(option["label"], f"{prefix}:{option['name']}") for option in incident["offered"]]
    confirmed = {button["action_id"]: button["confirm"] for button in row["elements"] if "confirm" in button}
    assert list(confirmed) == ["self_healing:process_restart"]
    said = "Restart process on shop-01? It restarts the service on shop-01 and checks that it stays up."
    assert confirmed["self_healing:process_restart"]["text"]["text"] == said
    assert night.header(TALKED)["blocks"] == []
    assert night.header(READ_BACK)["blocks"] == []


def test_nothing_of_the_event_calls_anybody_or_is_evaluated(night: Night) -> None:
    for channel in channels(night.slack):
        assert [message["ts"] for message in channel["messages"] if message["mentions"]] == []
    assert "uid=" not in json.dumps(night.slack.snapshot()) + night.run.output


def test_transcript_is_kept_once_and_only_while_the_channel_can_be_read(night: Night) -> None:
    assert night.results(KEPT, TALKED) == [True, False]
    [attachment] = night.journal.read(TALKED.incident, content=True).attachments
    assert (attachment.name, attachment.media_type) == ("dyna-12-transcript.md", "text/markdown")
    assert "Bo Lind: I see it too <!here> {{ 7 * 7 }}" in str(attachment.content)
    assert night.results(KEPT, READ_BACK) == []


def test_channel_is_archived_when_a_desk_has_read_the_transcript_back(night: Night) -> None:
    channel = night.channel(READ_BACK)
    assert channel["archived"]
    assert night.header(READ_BACK)["text"].startswith("✔ *CLOSED*")
    assert spoken(channel)[-1]["text"].startswith("Closed: ")
    assert night.results(KEEP, READ_BACK) == [True, False]


def test_channel_stays_while_anything_could_be_lost(night: Night) -> None:
    # READ_BACK, OTHER_TEXT, UNREAD, NO_TRANSCRIPT, TO_COME (a desk is in the tool chain, but has shown nothing yet)
    assert night.verdicts("with a desk") == [True, False, False, False, False]
    assert not night.channel(TALKED)["archived"]


def test_channel_is_archived_at_once_without_any_desk(night: Night) -> None:
    assert night.verdicts("without a desk") == [True] * 5


def test_the_token_is_nowhere(night: Night) -> None:
    for token in (night.slack.settings.slack_token, night.slack.settings.slack_app_token):
        assert token not in night.run.output
        assert token not in json.dumps(night.slack.snapshot())
