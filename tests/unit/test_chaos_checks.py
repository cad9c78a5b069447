# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check that cannot fail is none: whatever is lost or there twice is found, and a good end has nothing to say."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from support.chaos_checks import DUPLICATED, LOST, Break, about, judge, judge_service, unexplained

REMEDY = "process_restart"
FILE = "dyna-{}-transcript.md"
STORY: list[tuple[str, dict[str, Any]]] = [
    ("detected", {}),
    ("decided", {}),
    ("shown", {"tool": "jira"}),
    ("alerted", {"tool": "xmatters"}),
    ("answered", {}),
    ("claimed", {"resumed": False}),
    ("diagnosed", {"healthy": False}),
    ("fix_started", {}),
    ("claimed", {"resumed": True}),
    ("diagnosed", {"healthy": True}),
    ("fixed", {"changed": False}),
    ("resolved", {}),
    ("verified", {}),
    ("stable", {}),
    ("closed", {}),
]
TOLD = (2, 5, 7, 8, 10, 11, 12, 13, 14, 15)


def incident(identifier: str = "iaaaaaaaaaaaa", number: str = "2611001") -> dict[str, Any]:
    tools: dict[str, Any] = {
        name: {"id": f"{name}-id", "state": "shown", "error": None, "details": {}}
        for name in ("dynatrace", "jira", "slack", "xmatters")
    }
    tools["jira"]["details"] = {"attachments": [{"name": FILE.format(number), "read_back": True}]}
    return {
        "id": identifier,
        "source": "dynatrace",
        "state": "closed",
        "attempt": 1,
        "problem": {"id": f"{number}V2", "number": number, "display_id": f"P-{number}"},
        "decision": {"verdict": "ask", "remedy": REMEDY},
        "answer": {"option": REMEDY, "channel": "xmatters"},
        "evidence": {"before": {"figures": {"up": 1}}, "after": {"figures": {"up": 1}}},
        "timeline": [
            {"n": n, "kind": kind, "text": f"{kind} {n}", "data": data} for n, (kind, data) in enumerate(STORY, start=1)
        ],
        "attachments": [{"name": FILE.format(number)}],
        "tools": tools,
    }


def shown(*incidents: dict[str, Any]) -> dict[str, Any]:
    """Return the state of tools that show these incidents, and nothing else."""
    ana = {"key": "ana", "name": "Ana Berg", "on_call": True}
    tools: dict[str, Any] = {
        "dynatrace": {"problems": [], "notifications": [{"status": 200}]},
        "jira": {"issues": []},
        "slack": {"channels": [{"name": "general", "archived": False, "messages": [], "bookmarks": [], "members": []}]},
        "xmatters": {"people": [ana], "alerts": []},
    }
    for one in incidents:
        marks, number = [f"{one['id']}-{n}" for n in TOLD], one["problem"]["number"]
        marked = [{"text": f"a note [{mark}]"} for mark in marks]
        tools["dynatrace"]["problems"].append(
            {"pid": f"{number}V2", "display_id": f"P-{number}", "status": "CLOSED", "comments": marked}
        )
        tools["jira"]["issues"].append(
            {
                "key": f"DEMO-{number}",
                "labels": [f"self-healing-{one['id']}"],
                "summary": "",
                "description": "",
                "status": "Done",
                "status_category": "done",
                "comments": [{"text": "a note", "properties": {"self-healing": {"id": mark}}} for mark in marks],
                "attachments": [{"name": FILE.format(number)}],
                "links": [{"title": f"Problem P-{number}"}],
            }
        )
        header = {"text": "CLOSED", "is_header": True, "metadata": {"event_payload": {"key": one["id"]}}}
        notes = [
            {"text": "a note", "is_header": False, "metadata": {"event_payload": {"key": one["id"], "id": mark}}}
            for mark in marks
        ]
        joined = {"text": "has joined", "is_header": False, "metadata": None}
        tools["slack"]["channels"].append(
            {
                "name": f"dyna-{number}",
                "archived": True,
                "messages": [joined, header, *notes],
                "bookmarks": [{"title": f"Problem P-{number}"}],
                "members": ["Ana Berg"],
            }
        )
        tools["xmatters"]["alerts"].append(
            {
                "id": f"alert-{number}",
                "status": "TERMINATED",
                "properties": {"incident_id": one["id"]},
                "recipients": [ana],
                "responses": [{}],
                "annotations": marked,
            }
        )
    # Through JSON, so that nothing is shared.
    whole: dict[str, Any] = json.loads(json.dumps({"tools": tools, "incidents": [], "journal": {"unsettled": 0}}))
    return whole


OTHER = ("ibbbbbbbbbbbb", "26110011")


def test_a_good_end_has_nothing_to_say() -> None:
    """Neither for one incident nor for two, of which one is killed and diagnosed a second time."""
    one, other = incident(), incident(*OTHER)
    state = shown(one, other)
    assert judge(state, one, REMEDY) == judge(state, other, REMEDY) == []
    assert unexplained(state, [one, other]) == []


def test_each_incident_is_judged_by_what_is_its_own() -> None:
    one, other = incident(), incident(*OTHER)
    only = about(shown(one, other), one)["tools"]
    assert [len(only[tool][things]) for tool, things in THINGS] == [1, 1, 1, 1]


THINGS = (("dynatrace", "problems"), ("jira", "issues"), ("slack", "channels"), ("xmatters", "alerts"))


def first(state: dict[str, Any], tool: str) -> dict[str, Any]:
    things = dict(THINGS)[tool]
    found: dict[str, Any] = next(one for one in state["tools"][tool][things] if one.get("name") != "general")
    return found


def twice(things: list[Any], position: int = -1) -> None:
    things.append(copy.deepcopy(things[position]))


def second(state: dict[str, Any], tool: str, **other: Any) -> None:
    """Let a tool have another one for the same incident."""
    state["tools"][tool][dict(THINGS)[tool]].append({**copy.deepcopy(first(state, tool)), **other})


Spoil = Callable[[dict[str, Any], dict[str, Any]], Any]
BAD_ENDS: list[tuple[Spoil, str, str]] = [
    (lambda s, i: s["tools"]["jira"]["issues"].clear(), LOST, "there are 0 issues"),
    (lambda s, i: second(s, "jira", key="DEMO-9"), DUPLICATED, "there are 2 issues"),
    (lambda s, i: second(s, "jira", key="DEMO-9", labels=["self-healing"]), DUPLICATED, "there are 2 issues"),
    (lambda s, i: second(s, "slack", name="dyna-2611001-2"), DUPLICATED, "there are 2 channels"),
    (lambda s, i: second(s, "xmatters"), DUPLICATED, "there are 2 alerts"),
    (lambda s, i: twice(first(s, "slack")["messages"], 1), DUPLICATED, "there are 2 header messages"),
    (lambda s, i: twice(first(s, "xmatters")["responses"]), DUPLICATED, "has 2 responses"),
    *[
        (lambda s, i, tool=tool, notes=notes: twice(first(s, tool)[notes]), DUPLICATED, f"{tool} shows {{}}-15 2 times")
        for tool, notes in zip(
            ("dynatrace", "jira", "slack", "xmatters"), ("comments", "comments", "messages", "annotations"), strict=True
        )
    ],
    *[
        (
            lambda s, i, tool=tool, notes=notes: first(s, tool)[notes].pop(),
            LOST,
            f"{tool} does not show {{}}-15 (closed",
        )
        for tool, notes in zip(
            ("dynatrace", "jira", "slack", "xmatters"), ("comments", "comments", "messages", "annotations"), strict=True
        )
    ],
    (lambda s, i: first(s, "jira").update(status="Open", status_category="new"), LOST, "is Open, not done"),
    (lambda s, i: first(s, "jira")["attachments"].clear(), LOST, "is not attached"),
    (lambda s, i: twice(first(s, "jira")["attachments"]), DUPLICATED, "attached to DEMO-2611001 2 times"),
    (lambda s, i: twice(first(s, "jira")["links"]), DUPLICATED, "links to Problem P-2611001 2 times"),
    (lambda s, i: twice(first(s, "slack")["bookmarks"]), DUPLICATED, "bookmark Problem P-2611001 2 times"),
    (lambda s, i: first(s, "slack").update(archived=False), LOST, "not archived"),
    (lambda s, i: first(s, "xmatters").update(status="ACTIVE"), LOST, "the alert is ACTIVE"),
    (lambda s, i: first(s, "dynatrace").update(status="OPEN"), LOST, "the problem is OPEN"),
    (lambda s, i: i.update(state="escalated"), LOST, "the incident is escalated"),
    (lambda s, i: i["tools"]["slack"].update(state="failed", error="no answer"), LOST, "slack is behind"),
    (lambda s, i: i["tools"].pop("slack"), LOST, "slack was not told"),
    (lambda s, i: s["journal"].update(unsettled=1), LOST, "1 deliveries are not settled"),
    (lambda s, i: i.update(answer=None), LOST, "the journal's answer is None"),
    (lambda s, i: twice(i["timeline"], 7), DUPLICATED, "fix_started is there 2 times"),
    (lambda s, i: i.update(attempt=2), DUPLICATED, "in 2 attempts"),
    (lambda s, i: twice(i["timeline"], 4), DUPLICATED, "2 entries answered"),
    (lambda s, i: i["timeline"].pop(10), LOST, "no entry fixed"),
    (lambda s, i: i["timeline"].pop(6), LOST, "first diagnosis does not find the service down"),
    (lambda s, i: i["evidence"].update(after=None), LOST, "does not say that the service is up"),
    (
        lambda s, i: i["timeline"].append({"n": 16, "kind": "escalated", "text": "no playbook ended", "data": {}}),
        LOST,
        "escalated: no playbook ended",
    ),
    (
        lambda s, i: i["timeline"].append({"n": 16, "kind": "noted", "text": "Not carried out: 8", "data": {}}),
        LOST,
        "noted: Not carried out: 8",
    ),
]


@pytest.mark.parametrize(("spoil", "kind", "why"), BAD_ENDS)
def test_what_is_lost_or_there_twice_is_found(spoil: Spoil, kind: str, why: str) -> None:
    one, other = incident(), incident(*OTHER)
    state = shown(one, other)
    spoil(state, one)
    found = judge(state, one, REMEDY)
    assert any(finding.kind == kind and why.format(one["id"]) in finding.why for finding in found), found
    assert {finding.incident for finding in found} == {one["id"]}


def test_a_remark_of_a_tool_s_own_is_no_entry_of_the_timeline_and_is_there_once() -> None:
    one = incident()
    state = shown(one)
    comments = first(state, "dynatrace")["comments"]
    comments.append({"text": f"up 0 → 1 [{one['id']}-figures-1]"})
    assert judge(state, one, REMEDY) == []
    twice(comments)
    assert [finding.kind for finding in judge(state, one, REMEDY)] == [DUPLICATED]
    comments[-1]["text"] = f"unheard of [{one['id']}-99]"
    assert [finding.kind for finding in judge(state, one, REMEDY)] == [DUPLICATED]


def test_two_runs_that_both_changed_the_host_are_found() -> None:
    one = incident()
    twice(one["timeline"], 10)
    for entry in one["timeline"]:
        entry["data"]["changed"] = True
    assert any("changed the host 2 times" in finding.why for finding in judge(shown(one), one, REMEDY))


def test_what_belongs_to_no_incident_is_found() -> None:
    one, other = incident(), incident(*OTHER)
    found = {(finding.kind, finding.why) for finding in unexplained(shown(one, other), [one])}
    assert found == {
        (LOST, "the problem P-26110011 has no incident"),
        (DUPLICATED, "jira has DEMO-26110011, which belongs to no incident"),
        (DUPLICATED, "slack has dyna-26110011, which belongs to no incident"),
        (DUPLICATED, "xmatters has alert-26110011, which belongs to no incident"),
    }


UP = "shop 1.0.0 listens on 127.0.0.1:8080, pid {}\n"


@pytest.mark.parametrize(
    ("log", "wrong", "found"),
    [
        (UP.format(12), None, []),
        (UP.format(12) + UP.format(13), None, [(DUPLICATED, "shop-a was started 2 times (pids 12, 13)")]),
        ("", "no process of the shop runs", [(LOST, "shop-a: no process of the shop runs")]),
        ("", None, [(LOST, "shop-a was never started after process 11")]),
    ],
)
def test_the_service_itself_says_how_often_it_was_started(log: str, wrong: str | None, found: list[Any]) -> None:
    judged = judge_service("iaaaaaaaaaaaa", Break("shop-a", 11, f"something\n{log}", wrong))
    assert [(one.kind, one.why) for one in judged] == found
