# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every attack through the doors, the journal, the playbooks and the tools, while a real process is healed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests

from ansible_collections.self_healing.devops.plugins.module_utils.incident import incident_id
from security.attacks import BODIES
from security.chain import OpenChain, open_chain
from security.outside import Outside, outside, share, thorough
from security.payloads import inbound, placed
from security.shown import active_in_document, active_in_slack, holds

RESPOND, HEAL, CLOSE = (f"self_healing.devops.{name}" for name in ("respond", "heal", "close"))
DOORS = {
    "dynatrace": "/dynatrace",
    "keptn": "/keptn",
    "xmatters": "/xmatters",
    "slack": "/slack",
    "jira webhook": "/jira",
}
#: Nothing that is posted makes a source fail: taken, nothing to be done, not understood, too much.
ANSWERS = {200, 202, 204, 400, 413}
#: Incidents besides the one that is healed.
OTHERS, OTHERS_THOROUGH = 3, 20
#: What is really impacted: by its host alone the incident finds the host of the inventory.
IMPACTED = [
    {"type": "PROCESS_GROUP_INSTANCE", "name": "shop", "entity": "PROCESS_GROUP_INSTANCE-5D1A000000000001"},
    {"type": "HOST", "name": "shop-01", "entity": "HOST-5D1A0000000000A1"},
]


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    with outside(tmp_path_factory.mktemp("outside")) as watching:
        yield watching


def notification(pid: str, url: str, texts: Sequence[str], state: str = "OPEN") -> dict[str, Any]:
    """Return a notification with attacks wherever the sender chooses the text."""
    entities = [
        {"type": f"SERVICE {text}"[:60], "name": text, "entity": f"SERVICE-{number:016X}"}
        for number, text in enumerate(texts[:40])
    ]
    return {
        "State": state,
        "PID": pid,
        "ProblemID": texts[1 % len(texts)][:200],
        "ProblemTitle": texts[0],
        "ProblemSeverity": "AVAILABILITY",
        "ProblemImpact": texts[-1],
        "ProblemURL": url,
        "ImpactedEntity": texts[-1],
        "ImpactedEntities": [*IMPACTED, *entities],
        "Tags": ", ".join(["service:shop", *(text.replace(",", ";") for text in texts[:20])]),
        texts[0][:100]: texts[-1],
    }


def until(look: Any, what: str, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {seconds:g} s"
        time.sleep(0.05)
    return found


def knock(chain: OpenChain, texts: Sequence[str]) -> int:
    """Post every payload with attacks, and bodies that are none, through every door. Return how many were posted."""
    posted = 0
    for number, form in enumerate(inbound()):
        path = DOORS.get(form.name.partition(":")[0])
        if path is None:
            continue
        where = form.places()
        for turn, text in enumerate(share(texts, number)[:: 1 if thorough() else 3]):
            status = chain.post(path, placed(form.payload, where[(turn * 7 + number) % len(where)], text))
            assert status in ANSWERS, f"{form.name}: {status} for {text[:80]!r}"
            posted += 1
    for path in DOORS.values():
        for name, body in BODIES.items():
            assert chain.post(path, body) in ANSWERS, f"{path}: {name}"
            posted += 1
    for name in ("Ce-Type", "X-Forwarded-For", "User-Agent", "Cookie", "Ce-Source"):
        hostile = "{{ lookup('pipe', 'id') }} \\r\\nX-Injected: yes $(id) <!channel>"
        assert chain.post("/keptn", {"a": "b"}, {name: hostile}) in ANSWERS
        posted += 1
    return posted


def answer_by_link(link: str, option: str, who: str, comment: str) -> int:
    """Open a signed link as a browser, press an option, and return the status."""
    with requests.Session() as session:
        session.trust_env = False
        page = session.get(link, timeout=30)
        [proof] = re.findall(r'name="proof" value="([^"]+)"', page.text)
        fields = {"proof": unescape(proof), "option": option, "name": who, "comment": comment}
        return session.post(link, data=fields, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30).status_code


def test_everything_is_told_letter_by_letter_and_the_process_is_healed(tmp_path: Path, watch: Outside) -> None:
    texts = [attack.text for attack in watch.attacks]
    with open_chain(tmp_path / "chain", watch) as chain:
        chain.scenario.break_it()
        [problem] = until(lambda: chain.sandbox.state()["tools"]["dynatrace"]["problems"], "the problem")
        pid, url = problem["pid"], problem["url"]
        main = incident_id("dynatrace", "default", pid)
        assert chain.post("/dynatrace", notification(pid, url, texts)) == 200
        titles = {main: texts[0]}
        number = OTHERS_THOROUGH if thorough() else OTHERS
        for n, text in enumerate(texts[5 :: max(1, len(texts) // number)]):
            other = chain.sandbox.act("dynatrace", "open", title="x", entity=f"SERVICE-{n:016X}")["pid"]
            first = texts.index(text)
            told = notification(other, url, [text, *texts[first + 1 :], *texts[:first]])
            told["ImpactedEntities"] = told["ImpactedEntities"][2:10]
            assert chain.post("/dynatrace", told) == 200
            titles[incident_id("dynatrace", "default", other)] = text
        chain.sandbox.act("keptn", "problem", title=texts[0], root_cause=texts[-1])

        # Everybody asks, talks and answers
        chain.playbook(RESPOND, main)
        asked = chain.journal.read(main)
        assert asked.state == "asked", [entry.text for entry in asked.timeline]
        alert = chain.alerts()[0]
        slack = chain.sandbox.state()["tools"]["slack"]["channels"]
        channel = next(one for one in slack if main in one["purpose"])
        [issue] = chain.sandbox.state()["tools"]["jira"]["issues"]
        spoken = share(texts, 1)
        for text in spoken:
            chain.sandbox.act("slack", "say", channel=channel["id"], person="ana", text=text)
            if text.strip():
                chain.sandbox.act("jira", "comment", issue=issue["key"], person="bo", text=text)
        assert answer_by_link(chain.link(main, texts[7]), "acknowledge", texts[1], texts[4]) == 200
        chain.sandbox.act("jira", "comment", issue=issue["key"], person="bo", text=f"I am looking\n{texts[8]}")
        person, options = alert["recipients"][0]["key"], alert["options"]
        restart = next(option["number"] for option in options if option["label"] == "Restart process")
        chain.sandbox.act("xmatters", "respond", alert=alert["id"], person=person, option=restart, comment=texts[2])
        until(lambda: chain.journal.read(main).answer, "the answer")

        # The process is healed. Each tool refuses us once meanwhile: what is told of that may hold no secret either.
        for tool in ("dynatrace", "jira", "slack", "xmatters"):
            chain.sandbox.misbehave(tool, "status", status=401, times=1)
        said = chain.playbook(HEAL, main)
        chain.sandbox.behave()
        assert "could not be brought up to date" in said
        assert chain.scenario.healed() is None
        assert chain.post("/dynatrace", notification(pid, url, texts[::-1], "RESOLVED")) == 200
        until(lambda: chain.journal.read(main).state in ("stable", "closed"), "the end of the problem")
        chain.playbook(CLOSE, main)
        chain.tell([one for one in chain.journal.list_incidents() if one != main])
        # Nothing of this is told any more: it would take long, and the others have shown it.
        posted = knock(chain, texts)
        ended = chain.journal.read(main)
        assert ended.state == "closed"
        assert [f"{tool.tool}: {tool.error}" for tool in ended.tools.values() if tool.state == "failed"] == []

        # What rules would have seen
        events = chain.events()
        assert [event for event in events if event["wrong"]] == []
        assert {"problem", "answer"} <= {name for event in events for name in event["event"]}

        # What people see
        tools = chain.sandbox.state()["tools"]
        check_slack(tools["slack"], titles, texts)
        check_jira(chain, tools["jira"], titles, texts)
        comments = next(one for one in tools["dynatrace"]["problems"] if one["pid"] == pid)["comments"]
        assert any(holds(comment["text"], texts[2]) for comment in comments)
        assert holds(chain.alerts()[-1]["subject"] + alert["subject"], texts[0])
        transcript = attached(chain, issue["key"], "transcript")
        assert [text for text in spoken if not holds(transcript, text)] == []

        seen = {"tools": tools, "printed": chain.printed, "events": events, "transcript": transcript}
        assert len(chain.journal.list_incidents()) > len(titles), "what was posted at the end was taken"
        cases = len(texts) * 4 + len(spoken) * 2 + posted + len(titles) * 8
        found = watch.look(cases, tmp_path, seen=json.dumps(seen, ensure_ascii=False), secrets=chain.leaks())
    assert found.clean, found.told
    assert list(chain.layout.temporary.iterdir()) == [], "nothing is left behind in the folder for temporary files"


def check_slack(slack: dict[str, Any], titles: dict[str, str], texts: Sequence[str]) -> None:
    known = {channel["purpose"]: channel for channel in slack["channels"]}
    for incident, title in titles.items():
        channel = next(channel for purpose, channel in known.items() if incident in purpose)
        own = [message for message in channel["messages"] if message["is_bot"] and message["type"] == "message"]
        header = next(message for message in own if message["is_header"])
        assert holds(header["text"], title), title
        assert [message["mentions"] for message in own if message["mentions"]] == []
        for message in own:
            links = [one for one in active_in_slack(message["markup"]) if not one.startswith("http://127.0.0.1:")]
            assert links == [], links


def check_jira(chain: OpenChain, jira: dict[str, Any], titles: dict[str, str], texts: Sequence[str]) -> None:
    shown = {issue["key"]: issue for issue in jira["issues"]}
    for incident, title in titles.items():
        key = chain.journal.read(incident).tools["jira"].id
        fields = chain.jira(f"/rest/api/3/issue/{key}?fields=*all").json()["fields"]
        ours = [
            one["body"]
            for one in fields["comment"]["comments"]
            if one["author"]["accountType"] == "app" or "self" in one["author"]["displayName"].casefold()
        ]
        active = [one for one in active_in_document([fields["description"], *ours]) if "127.0.0.1" not in one]
        assert active == [], title
        assert holds(fields["summary"], title), title
        assert holds(shown[key]["description"], title), title
    main = shown[chain.journal.read(next(iter(titles))).tools["jira"].id]
    assert [text for text in texts[:40] if not holds(main["description"], text)] == []


def attached(chain: OpenChain, key: str, name: str) -> str:
    """Return the text of the newest attachment of an issue whose name holds C(name)."""
    files = chain.jira(f"/rest/api/3/issue/{key}?fields=attachment").json()["fields"]["attachment"]
    newest = [file for file in files if name in file["filename"]][-1]
    return chain.jira(newest["content"]).content.decode("utf-8")
