# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole night: the first responder is away, the second sleeps, the third answers with the link of a text message.

Everything is real but the tools: the rulebook, the playbooks, the service that is killed, the signed link. The pager
has a clock of its own, by which the third one is called after the second; our own escalation waits seconds.
"""

from __future__ import annotations

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.timeline import behind
from support.chain import TestChain, chain_in

POLICY = {
    "self_healing_escalation": [
        {"wait": 4},
        {"recipients": ["Night leads"], "wait": 300, "priority": "high"},
    ],
}


@pytest.fixture
def night(tmp_path: Path) -> Iterator[TestChain]:
    with chain_in(tmp_path / "night", policy=POLICY, sandbox=["--third-person"]) as chain:
        act = chain.sandbox.act
        act("xmatters", "clock", stop=True)
        act("xmatters", "group", name="Checkout SRE", members=["ana", "bo"])
        act("xmatters", "group", name="Night leads", members=["cleo"])
        act("xmatters", "absence", person="ana", minutes=600)
        yield chain


class Phone:
    """A browser that keeps its cookies."""

    def __init__(self) -> None:
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)

    def look(self, link: str) -> str:
        with self._browser.open(link, timeout=30) as page:
            return str(page.read().decode())

    def press(self, link: str, page: str, option: str, who: str) -> tuple[int, str]:
        proof = re.search(r'name="proof" value="([^"]+)"', page)
        assert proof is not None
        form = urllib.parse.urlencode({"proof": proof.group(1), "option": option, "who": who, "name": ""}).encode()
        origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(link))
        request = urllib.request.Request(link, form, {"Origin": origin, "Sec-Fetch-Site": "same-origin"})
        try:
            with self._browser.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


def text_messages(chain: TestChain, person: str) -> list[dict[str, Any]]:
    done = chain.sandbox.act("xmatters", "messages", person=person, device="SMS Phone")
    found: list[dict[str, Any]] = done["messages"]
    return found


def test_the_third_one_answers_and_every_tool_tells_the_same_story(night: TestChain) -> None:
    night.scenario.break_it()
    # Who is away is skipped, and the second one is notified at once. Nobody answers.
    night.until(lambda one: any(entry.kind == "called" for entry in one.timeline), "the second call")
    night.until(lambda one: len(one.tools["xmatters"].details.get("alerts", ())) == 2, "the second alert")
    assert text_messages(night, "ana") == []
    assert len(text_messages(night, "bo")) == 1
    (message,) = text_messages(night, "cleo")
    first, second = reversed(night.alerts())
    assert (first["status"], second["status"]) == ("ACTIVE", "ACTIVE")

    phone, stranger = Phone(), Phone()
    page = phone.look(message["link"])
    assert "Restart process" in page
    status, told = phone.press(message["link"], page, "process_restart", "Cleo Roth")
    assert status == 200, told
    (report,) = re.findall(r'<a href="([^"]+)">', told)
    report = urllib.parse.urljoin(message["link"], report)
    assert all(f"Report: {report}" in alert["properties"]["message"].splitlines() for alert in (first, second))
    addresses = re.findall(r"^[A-Z][a-z]+: (http\S+)$", second["properties"]["message"], re.MULTILINE)
    assert len(addresses) == len(set(addresses)) == 5, "answer, report, problem, ticket and channel, each once"
    # The link of the one who wakes up now is dead, and it says who chose what.
    sleepy = text_messages(night, "bo")[0]["link"]
    with pytest.raises(urllib.error.HTTPError, match=r"HTTP Error (404|409|410)"):
        stranger.look(sleepy)

    incident = night.until(lambda one: one.state == "closed", "the end")
    night.until(lambda one: all(tool.state == "shown" for tool in one.tools.values()), "the tools")
    assert night.scenario.healed() is None
    kinds = [entry.kind for entry in incident.timeline]
    story = ["decided", "called", "answered", "claimed", "fixed", "verified", "stable", "closed"]
    assert [kind for kind in kinds if kind in story] == story
    answered = next(entry for entry in incident.timeline if entry.kind == "answered")
    assert answered.data["channel"] == "link"
    assert "Cleo Roth" in answered.actor

    night.until(lambda one: not behind(one), "every tool")
    tools = night.sandbox.state()["tools"]
    assert [alert["status"] for alert in tools["xmatters"]["alerts"]] == ["TERMINATED", "TERMINATED"]
    (issue,) = tools["jira"]["issues"]
    (channel,) = (channel for channel in tools["slack"]["channels"] if channel["name"].startswith("dyna-"))
    for text in (answered.text, "Nobody answered: calling Night leads"):
        assert any(text in comment["text"] for comment in issue["comments"]), text
        assert any(text in entry["text"] for entry in channel["messages"]), text
        assert text in unescape(phone.look(report)), text
    assert issue["status"] == "Done"
