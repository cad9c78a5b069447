# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that every leg of a heal ended as it should: the state of the sandbox in, what is wrong out. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .heal import newest
from .inventory import TOOLS
from .sandbox_client import State
from .scenarios.proof import Proof, up_again

RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=\d+\s+changed=(?P<changed>\d+)\s+unreachable=(?P<unreachable>\d+)\s+failed=(?P<failed>\d+)"
)
#: What a person wants to read in every tool: who decided, what was done, and the figures before and after.
TOLD_EVERYWHERE = frozenset({"answered", "fixed", "verified"})
#: Where the person may press, on the page or on a page of its own.
CHANNELS = ("xmatters", "slack", "jira", "link")


@dataclass(frozen=True)
class Failure:
    """One leg that did not end as it should, and why."""

    leg: str
    why: str


def failures(state: State, remedy: str, proof: Proof = up_again) -> list[Failure]:
    """Return what is wrong with the end of a heal by C(remedy)."""
    incident = newest(state)
    if incident is None:
        return [Failure("detected", "the journal has no incident")]
    look = _Look(state, incident, remedy, proof)
    legs: dict[str, Callable[[], Iterator[str]]] = {
        "detected": look.detected,
        "decided": look.decided,
        "alerted": look.alerted,
        "answered": look.answered,
        "fixed": look.fixed,
        "verified": look.verified,
        "closed": look.closed,
        "dynatrace": look.dynatrace,
        "jira": look.jira,
        "slack": look.slack,
        "xmatters": look.xmatters,
        "transcript": look.transcript,
        "told": look.told,
    }
    found = []
    for leg, check in legs.items():
        try:
            found += [Failure(leg, why) for why in check()]
        except (LookupError, TypeError) as error:
            found.append(Failure(leg, f"what was found cannot be judged: {type(error).__name__} {error}"))
    return found


def _only(things: list[Any], name: str) -> Iterator[str]:
    if len(things) != 1:
        yield f"there are {len(things)} {name}s, expected exactly one"


@dataclass(frozen=True)
class _Look:
    """One look at the state after a heal. Every method yields what is wrong with its leg."""

    state: State
    incident: State
    remedy: str
    proof: Proof

    @property
    def tools(self) -> State:
        tools: State = self.state["tools"]
        return tools

    def detected(self) -> Iterator[str]:
        yield from _only(self.state["incidents"], "incident")
        if self.incident["source"] != "dynatrace":
            yield f"the incident comes from {self.incident['source']}, not from dynatrace"
        if not any(one["status"] and one["status"] < 300 for one in self.tools["dynatrace"]["notifications"]):
            yield "no notification of Dynatrace was accepted"

    def decided(self) -> Iterator[str]:
        decision = self.incident["decision"] or {}
        if (decision.get("verdict"), decision.get("remedy")) != ("ask", self.remedy):
            yield f"the decision was {decision.get('verdict')} {decision.get('remedy')}, expected ask {self.remedy}"

    def alerted(self) -> Iterator[str]:
        alerts = self.tools["xmatters"]["alerts"]
        yield from _only(alerts, "alert")
        on_call = {person["key"] for person in self.tools["xmatters"]["people"] if person["on_call"]}
        for alert in alerts:
            if not on_call <= {person["key"] for person in alert["recipients"]}:
                yield "the person on call was not notified"

    def answered(self) -> Iterator[str]:
        answer = self.incident["answer"] or {}
        if answer.get("option") != self.remedy:
            yield f"the journal's answer is {answer.get('option')}, expected {self.remedy}"
        if answer.get("channel") not in CHANNELS:
            yield f"the answer came through {answer.get('channel')}, expected one of {', '.join(CHANNELS)}"

    def fixed(self) -> Iterator[str]:
        runs = [entry for entry in self.incident["timeline"] if entry["kind"] == "fixed"]
        if len(runs) != 1:
            yield f"the remedy ran {len(runs)} times, expected once"

    def verified(self) -> Iterator[str]:
        evidence = self.incident["evidence"] or {}
        before, after = (((evidence.get(phase) or {}).get("figures") or {}) for phase in ("before", "after"))
        wrong = self.proof(before, after)
        if wrong:
            yield wrong

    def closed(self) -> Iterator[str]:
        if self.incident["state"] != "closed":
            yield f"the incident is {self.incident['state']}: {self.incident['timeline'][-1]['text']}"
        if self.state["journal"]["unsettled"]:
            yield f"{self.state['journal']['unsettled']} deliveries are not settled"
        for name in TOOLS:
            tool = self.incident["tools"].get(name)
            if tool is None:
                yield f"{name} was not told"
            elif tool["state"] != "shown":
                yield f"{name} is behind: {tool['error']}"

    def dynatrace(self) -> Iterator[str]:
        problems = self.tools["dynatrace"]["problems"]
        yield from _only(problems, "problem")
        for problem in problems:
            if problem["status"] != "CLOSED":
                yield f"the problem is {problem['status']}"

    def jira(self) -> Iterator[str]:
        issues = self.tools["jira"]["issues"]
        yield from _only(issues, "issue")
        for issue in issues:
            if issue["status_category"].lower() != "done":
                yield f"{issue['key']} is {issue['status']}, not done"

    def slack(self) -> Iterator[str]:
        channels = [one for one in self.tools["slack"]["channels"] if one["name"].startswith("dyna-")]
        yield from _only(channels, "channel")
        for channel in channels:
            if channel["name"] != f"dyna-{self.incident['problem']['number']}":
                yield f"the channel is called {channel['name']}"
            if not channel["archived"]:
                yield "the channel is not archived"
            headers = [message for message in channel["messages"] if message["is_header"]]
            yield from _only(headers, "header message")
            missing = {person["name"] for person in self.tools["xmatters"]["people"]} - set(channel["members"])
            if missing:
                yield f"{', '.join(sorted(missing))} was not invited"

    def xmatters(self) -> Iterator[str]:
        for alert in self.tools["xmatters"]["alerts"]:
            if alert["status"] != "TERMINATED":
                yield f"the alert is {alert['status']}"
            # Whoever presses elsewhere leaves the phone alone.
            expected = 1 if (self.incident["answer"] or {}).get("channel") == "xmatters" else 0
            if len(alert["responses"]) != expected:
                yield f"the alert has {len(alert['responses'])} responses, expected {expected}"

    def transcript(self) -> Iterator[str]:
        names = {attachment["name"] for attachment in self.incident["attachments"]}
        if not any("transcript" in name for name in names):
            yield "the conversation was not exported"
        for issue in self.tools["jira"]["issues"]:
            for name in sorted(names - {attachment["name"] for attachment in issue["attachments"]}):
                yield f"{name} is not attached to {issue['key']}"
        details = (self.incident["tools"].get("jira") or {}).get("details") or {}
        for attachment in details.get("attachments") or []:
            if not attachment.get("read_back"):
                yield f"{attachment.get('name')} was not read back"
        if len(details.get("attachments") or []) < len(names):
            yield "not every attachment is known to have been attached"

    def told(self) -> Iterator[str]:
        wanted = [entry["text"] for entry in self.incident["timeline"] if entry["kind"] in TOLD_EVERYWHERE]
        for tool, texts in notes(self.state).items():
            shown = [plain(text) for text in texts]
            for text in wanted:
                if not any(plain(text) in one for one in shown):
                    yield f"no comment in {tool} says: {text}"
            for text, times in Counter(texts).items():
                if times > 1:
                    yield f"{tool} has the same comment {times} times: {text[:80]}"


def notes(state: State) -> dict[str, list[str]]:
    """Return the texts of all comments by tool."""
    tools = state["tools"]
    return {
        "dynatrace": [note["text"] for one in tools["dynatrace"]["problems"] for note in one["comments"]],
        "jira": [note["text"] for one in tools["jira"]["issues"] for note in one["comments"]],
        "slack": [note["text"] for one in tools["slack"]["channels"] for note in one["messages"]],
        "xmatters": [note["text"] for one in tools["xmatters"]["alerts"] for note in one["annotations"]],
    }


def plain(text: str) -> str:
    """Return a text without the escapes and the emphasis of the tools' mark-up."""
    return re.sub(r"\s+", " ", re.sub(r"[\\*`]", "", text))


def second_run(before: State, after: State, output: str) -> list[Failure]:
    """Return what a further C(converge) changed: there must be nothing."""
    leg = "again"
    found = []
    recap = {match["host"]: match for match in map(RECAP.match, output.splitlines()) if match}
    for tool in TOOLS:
        if tool not in recap:
            found.append(Failure(leg, f"converge did not reach {tool}"))
    for host, match in recap.items():
        for word in ("changed", "unreachable", "failed"):
            if match[word] != "0":
                found.append(Failure(leg, f"converge reports {word}={match[word]} on {host}"))
    counts = {name: len(texts) for name, texts in notes(before).items()}
    for name, texts in notes(after).items():
        if len(texts) != counts[name]:
            found.append(Failure(leg, f"{name} has {len(texts) - counts[name]} further comments"))
    for tool, things in (("jira", "issues"), ("slack", "channels"), ("xmatters", "alerts"), ("dynatrace", "problems")):
        further = len(after["tools"][tool][things]) - len(before["tools"][tool][things])
        if further:
            found.append(Failure(leg, f"{tool} has {further} further {things}"))
    return found


def rulebook_failures(log: str) -> list[Failure]:
    """Return what went wrong in the playbooks that the rulebook ran, by their recaps."""
    found = []
    for match in filter(None, map(RECAP.match, log.splitlines())):
        for word in ("unreachable", "failed"):
            if match[word] != "0":
                found.append(Failure("playbooks", f"a playbook ended with {word}={match[word]} on {match['host']}"))
    return list(dict.fromkeys(found))
