# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each leg of a heal that did not end as it should is named, with the reason; a good end has nothing to say."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from demo.check import Failure, failures, rulebook_failures, second_run
from demo.heal import STEPS
from demo.result import endings, result, summary

REMEDY = "process_restart"
NOTES = {
    "answered": "Ana Berg chose 'Restart process' on xmatters",
    "fixed": "process_restart ran on shop-01",
    "verified": "Verified on shop-01: up 0 → 1, response_ms – → 3",
}
ATTACHMENT = {"name": "dyna-2611001-transcript.md", "sha256": "ab", "read_back": True}


def healed() -> dict[str, Any]:
    comments = [{"text": f"{text} [i7k3v5q2x4dmz-{n}]"} for n, text in enumerate(NOTES.values())]
    tools: dict[str, dict[str, Any]] = {
        name: {"id": f"{name}-id", "url": f"http://{name}/1", "state": "shown", "error": None, "details": {}}
        for name in ("dynatrace", "jira", "slack", "xmatters")
    }
    tools["jira"]["details"] = {"attachments": [dict(ATTACHMENT)]}
    incident = {
        "id": "i7k3v5q2x4dmz",
        "source": "dynatrace",
        "state": "closed",
        "problem": {"number": "2611001"},
        "decision": {"verdict": "ask", "remedy": REMEDY},
        "answer": {"option": REMEDY, "channel": "xmatters"},
        "evidence": {"before": {"figures": {"up": 0}}, "after": {"figures": {"up": 1}}},
        "timeline": [{"kind": kind, "text": text} for kind, text in NOTES.items()],
        "attachments": [{"name": ATTACHMENT["name"]}],
        "tools": tools,
    }
    messages = [{"text": "✔ CLOSED", "is_header": True}, *({**note, "is_header": False} for note in comments)]
    channel = {"name": "dyna-2611001", "archived": True, "members": ["Ana Berg", "Bo Lind"], "messages": messages}
    ana, bo = {"key": "ana", "name": "Ana Berg", "on_call": True}, {"key": "bo", "name": "Bo Lind", "on_call": False}
    alert = {"status": "TERMINATED", "recipients": [ana], "responses": [{"who": "Ana Berg"}], "annotations": comments}
    issue = {"key": "DEMO-1", "status": "Done", "status_category": "done", "comments": comments}
    state = {
        "incidents": [incident],
        "journal": {"unsettled": 0},
        "tools": {
            "dynatrace": {"problems": [{"status": "CLOSED", "comments": comments}], "notifications": [{"status": 202}]},
            "jira": {"issues": [{**issue, "attachments": [{"name": ATTACHMENT["name"]}]}]},
            "slack": {"channels": [channel]},
            "xmatters": {"people": [ana, bo], "alerts": [alert]},
        },
    }
    # Through JSON, so that the tools do not share their lists of comments.
    whole: dict[str, Any] = json.loads(json.dumps(state))
    return whole


def test_a_good_end_has_nothing_to_say() -> None:
    assert failures(healed(), REMEDY) == []


def incident(state: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = state["incidents"][0]
    return found


def first(state: dict[str, Any], tool: str, things: str) -> dict[str, Any]:
    found: dict[str, Any] = state["tools"][tool][things][0]
    return found


def twice(things: list[Any]) -> None:
    things.append(copy.deepcopy(things[0]))


#: What goes wrong, the leg that must be named, and a part of the reason.
BAD_ENDS: list[tuple[Callable[[dict[str, Any]], Any], str, str]] = [
    (lambda s: s["incidents"].clear(), "detected", "the journal has no incident"),
    (lambda s: twice(s["incidents"]), "detected", "there are 2 incidents"),
    (lambda s: first(s, "dynatrace", "notifications").update(status=503), "detected", "no notification"),
    (lambda s: incident(s)["decision"].update(verdict="act"), "decided", "act process_restart"),
    (lambda s: twice(s["tools"]["xmatters"]["alerts"]), "alerted", "there are 2 alerts"),
    (lambda s: first(s, "xmatters", "alerts").update(recipients=[]), "alerted", "on call was not notified"),
    (lambda s: incident(s).update(answer=None), "answered", "answer is None"),
    (lambda s: incident(s)["answer"].update(channel="playbook"), "answered", "came through playbook"),
    (lambda s: incident(s)["timeline"].pop(1), "fixed", "ran 0 times"),
    (lambda s: incident(s)["evidence"].update(after=None), "verified", "evidence after says up=None"),
    (lambda s: incident(s).update(state="stable"), "closed", "the incident is stable"),
    (lambda s: s["journal"].update(unsettled=2), "closed", "2 deliveries"),
    (lambda s: incident(s)["tools"].pop("slack"), "closed", "slack was not told"),
    (lambda s: incident(s)["tools"]["jira"].update(state="failed", error="no answer"), "closed", "behind: no answer"),
    (lambda s: first(s, "dynatrace", "problems").update(status="OPEN"), "dynatrace", "the problem is OPEN"),
    (lambda s: twice(s["tools"]["jira"]["issues"]), "jira", "there are 2 issues"),
    (lambda s: first(s, "jira", "issues").update(status="Open", status_category="new"), "jira", "DEMO-1 is Open"),
    (lambda s: first(s, "slack", "channels").update(archived=False), "slack", "not archived"),
    (lambda s: first(s, "slack", "channels").update(name="dyna-1"), "slack", "called dyna-1"),
    (lambda s: first(s, "slack", "channels").update(members=["Ana Berg"]), "slack", "Bo Lind was not invited"),
    (lambda s: twice(first(s, "slack", "channels")["messages"]), "slack", "2 header messages"),
    (lambda s: first(s, "xmatters", "alerts").update(status="ACTIVE"), "xmatters", "the alert is ACTIVE"),
    (lambda s: twice(first(s, "xmatters", "alerts")["responses"]), "xmatters", "2 responses"),
    (lambda s: incident(s).update(attachments=[]), "transcript", "was not exported"),
    (lambda s: first(s, "jira", "issues").update(attachments=[]), "transcript", "not attached to DEMO-1"),
    (
        lambda s: incident(s)["tools"]["jira"]["details"]["attachments"][0].update(read_back=False),
        "transcript",
        "was not read back",
    ),
    (lambda s: first(s, "dynatrace", "problems")["comments"].pop(), "told", "in dynatrace says: Verified on shop-01"),
    (lambda s: twice(first(s, "jira", "issues")["comments"]), "told", "jira has the same comment 2 times"),
    (lambda s: s["tools"]["slack"].pop("channels"), "slack", "cannot be judged: KeyError 'channels'"),
]


@pytest.mark.parametrize(("spoil", "leg", "why"), BAD_ENDS)
def test_a_bad_end_names_its_leg_and_says_why(spoil: Callable[[dict[str, Any]], Any], leg: str, why: str) -> None:
    state = healed()
    spoil(state)
    found = failures(state, REMEDY)
    assert any(failure.leg == leg and why in failure.why for failure in found), found


OUTPUT = """
PLAY RECAP *********************************************************************
dynatrace                  : ok=6    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
jira                       : ok=6    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
localhost                  : ok=2    changed=0    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0
slack                      : ok=6    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
xmatters                   : ok=6    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
"""


def test_a_second_run_that_changes_nothing_has_nothing_to_say() -> None:
    assert second_run(healed(), healed(), OUTPUT) == []


def test_a_second_run_that_changes_something_is_told() -> None:
    after = healed()
    twice(after["tools"]["jira"]["issues"])
    first(after, "dynatrace", "problems")["comments"].append({"text": "again"})
    lines = [line for line in OUTPUT.splitlines() if not line.startswith("slack")]
    output = "\n".join(line.replace("changed=0", "changed=1") if line.startswith("jira") else line for line in lines)
    assert {failure.why for failure in second_run(healed(), after, output)} == {
        "converge reports changed=1 on jira",
        "converge did not reach slack",
        "dynatrace has 1 further comments",
        "jira has 3 further comments",
        "jira has 1 further issues",
    }


def test_an_output_without_a_recap_is_no_success() -> None:
    assert len(second_run(healed(), healed(), "")) == 4


def test_a_playbook_of_the_rulebook_that_failed_is_told_once() -> None:
    log = OUTPUT + OUTPUT.replace("failed=0    skipped=1", "failed=1    skipped=1") * 2
    assert rulebook_failures(log) == [Failure("playbooks", "a playbook ended with failed=1 on localhost")]


def test_the_result_has_the_figures_and_each_tool_s_final_state() -> None:
    seconds = dict(zip(STEPS, (0.41, 1.6, 9.2, 11.0, 14.1, 15.3), strict=True))
    written = result("process_crash", "i7k3v5q2x4dmz", seconds, healed(), [])
    assert written["healed"] is True
    assert written["seconds"] == seconds
    assert written["tools"]["jira"] == {"id": "jira-id", "state": "Done", "url": "http://jira/1"}
    assert {name: tool["state"] for name, tool in written["tools"].items()} == {
        "dynatrace": "CLOSED",
        "jira": "Done",
        "slack": "archived",
        "xmatters": "TERMINATED",
    }
    assert endings(healed()) == (
        "dynatrace dynatrace-id closed · jira jira-id done · slack slack-id archived · "
        "xmatters xmatters-id terminated · dyna-2611001-transcript.md attached"
    )
    assert summary("process_crash", "i7k3v5q2x4dmz", seconds) == (
        "healed process_crash incident=i7k3v5q2x4dmz "
        "detected=0.4s alerted=1.6s answered=9.2s fixed=11.0s verified=14.1s closed=15.3s"
    )


def test_a_result_without_a_heal_says_what_is_missing() -> None:
    written = result("process_crash", None, {"detected": 0.4}, None, [Failure("alerted", "nothing happened")])
    assert written["healed"] is False
    assert written["seconds"]["alerted"] is None
    assert written["failures"] == [{"leg": "alerted", "why": "nothing happened"}]
