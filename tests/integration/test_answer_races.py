# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two responders press different buttons on different channels at the same moment, a thousand times and more."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp

from ansible_collections.self_healing.devops.plugins.filter.answer_link import answer_link
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.asking import Asking, Responder
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Incident
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal, Recorded
from sandbox.settings import ANA as ANA_BERG
from sandbox.settings import BO as BO_LIND
from sandbox.settings import Settings
from sandbox.slack import Slack
from sandbox.slack.interactivity import sign
from support.answers_source import answering
from support.one_tool import start_tool
from support.shop import free_port
from support.story import MANAGED, PROBLEM, REMEDIES, answer

RACES = 500
PEOPLE = (Responder("Ana Berg", "ana@example.com", {"slack": "U1"}), Responder("Bo Lind", "bo@example.com"))
POLICY = policies.Policy(asking={"default": Asking(responders=PEOPLE)})
ANA = {"choice": "process_restart", "channel": "slack", "person_id": "U1", "vouched": False, "key": "a"}
BO = {"choice": "take_over", "channel": "jira", "email": "bo@example.com", "vouched": False, "key": "b"}


def asked(journal: Journal, number: int) -> list[str]:
    """Open incidents that ask what may be done."""
    problems = [replace(PROBLEM, problem_id=f"race-{n}") for n in range(number)]
    journal.record_problems(problems, "dynatrace")

    def decide(incident: Incident) -> list[Any]:
        around, now = policies.Surroundings(managed_hosts=1), datetime.now(timezone.utc)
        decision = policies.decide(POLICY, incident, REMEDIES, [MANAGED], around, now)
        return steps.decide(incident, decision.to_data(), {})

    for problem in problems:
        journal.change(problem.incident, decide)
    return [problem.incident for problem in problems]


def test_in_a_thousand_races_there_is_one_choice_and_the_other_is_told(place: str) -> None:
    # Both engines play five hundred. Each person has a process's worth of connections of their own.
    journals = [Journal.open(place), Journal.open(place)]
    incidents = asked(journals[0], RACES)
    together = threading.Barrier(2)

    def press(journal: Journal, incident: str, given: dict[str, Any]) -> tuple[Recorded, float]:
        together.wait(30)
        pressed = time.monotonic()
        return journal.record_answer(answer(**given, incident_id=incident)), pressed

    first = {"Ana Berg": 0, "Bo Lind": 0}
    with ThreadPoolExecutor(2) as people:
        for incident in incidents:
            pressed = [people.submit(press, *args) for args in zip(journals, (incident,) * 2, (ANA, BO), strict=True)]
            (ana, ana_at), (bo, bo_at) = (one.result(30) for one in pressed)
            assert abs(ana_at - bo_at) < 0.05
            assert sorted([ana.change, bo.change]) == ["answered", "late"]
            winner, loser = ("Ana Berg", bo) if ana.change == "answered" else ("Bo Lind", ana)
            told = journals[0].read(incident)
            assert f"too late: {winner} had chosen" in loser.text
            assert [e.actor for e in told.timeline if e.kind == "answered"] == [winner]
            assert [e.text for e in told.timeline if e.kind == "answered_late"] == [loser.text]
            # Only what was chosen is carried out.
            assert told.state == ("asked" if winner == "Ana Berg" else "escalated")
            first[winner] += 1
    assert sum(first.values()) == RACES
    assert min(first.values()) > 0, "a race that one side always wins is none"
    due = journals[0].due.hand_out(3 * RACES, timedelta(minutes=1), "here", "answers")
    assert len(due) == 2 * RACES, "both are worked on: one heals, and both are told"


async def test_a_button_of_slack_and_a_link_at_the_same_moment(tmp_path: Path) -> None:
    """The same through the real doors: a signed request of Slack against the page behind a signed link."""
    journal = Journal.open(str(tmp_path / "journal.db"))
    incidents = asked(journal, 200)
    with start_tool(Slack, Settings(people=(ANA_BERG, BO_LIND))) as slack:
        given = {
            "port": free_port(),
            "journal": str(tmp_path / "journal.db"),
            "slack_url": f"{slack.url}/api/",
            "slack_token": slack.settings.slack_token,
            "slack_signing_secret": slack.settings.slack_signing_secret,
            "self_healing_link_secrets": "s" * 64,
        }
        given["self_healing_answer_url"] = f"http://127.0.0.1:{given['port']}/answer"
        ana = slack.tool.workspace.by_email(ANA_BERG.email)
        async with answering(given), aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
            for incident in incidents:
                record = journal.read(incident).to_dict()
                link = answer_link(
                    record, "Bo Lind", True, [given["self_healing_link_secrets"]], given["self_healing_answer_url"]
                )
                async with browser.get(link) as page:
                    proof = re.search(r'name="proof" value="([^"]+)"', await page.text())
                assert proof is not None
                press = slack_press(slack.settings.slack_signing_secret, ana.id, incident, record["asked"])
                url = f"http://127.0.0.1:{given['port']}/slack"
                form = {"proof": proof.group(1), "option": "take_over"}
                async with asyncio.TaskGroup() as both:
                    pressed = both.create_task(post(browser, url, *press))
                    opened = both.create_task(post(browser, link, form, {"Sec-Fetch-Site": "same-origin"}))
                told = journal.read(incident)
                (winner,) = {entry.data["channel"] for entry in told.timeline if entry.kind == "answered"}
                assert pressed.result()[0] == 200
                # Whoever comes late is told: Slack's presser in private, the other by the page itself.
                if winner == "link":
                    assert opened.result()[0] == 200
                    (late,) = (entry for entry in told.timeline if entry.kind == "answered_late")
                    assert late.data["channel"] == "slack"
                else:
                    assert opened.result()[0] in (409, 410)
                    assert "Ana Berg chose" in opened.result()[1] or "Ana Berg had chosen" in opened.result()[1]


def slack_press(secret: str, user: str, incident: str, question: int) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of the request with which Slack tells of a pressed button."""
    action = {"type": "button", "action_id": "self_healing:process_restart", "action_ts": f"1795336310.{question:06}"}
    payload = {
        "type": "block_actions",
        "api_app_id": "A0SELFHEAL",
        "team": {"id": "T0SANDBOX1"},
        "user": {"id": user, "name": "ana", "team_id": "T0SANDBOX1"},
        "container": {"type": "message", "message_ts": "1795336162.000300", "channel_id": "C0SBX000002"},
        "channel": {"id": "C0SBX000002", "name": "dyna-2611001"},
        "actions": [{**action, "value": f"1:{incident}:{question}:process_restart"}],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(time.time()))
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": sign(secret, timestamp, body)}
    return body, {**headers, "Content-Type": "application/x-www-form-urlencoded"}


async def post(browser: aiohttp.ClientSession, url: str, data: Any, headers: dict[str, str]) -> tuple[int, str]:
    async with browser.post(url, data=data, headers=headers) as answer:
        return answer.status, await answer.text()
