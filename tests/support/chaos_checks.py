# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges from outside what became of an incident in a chaos run: what was lost, what is there twice. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.timeline import TOLD
from demo.check import failures
from demo.inventory import TOOLS
from demo.sandbox_client import State

LOST, DUPLICATED = "lost", "duplicated"
#: Checks of an undisturbed heal that a disturbed one need not pass: it may diagnose and note again after it was killed.
REPLACED = frozenset({"fixed", "verified", "told"})
#: What is there too often, in the words of the checks of an undisturbed heal.
_SEVERAL = re.compile(r"there are (\d+) |has (\d+) responses")
_MARKER = re.compile(r"\[([^\[\]\s]+)\]\s*$")
_STARTED = re.compile(r"^shop \S+ listens on \S+, pid (\d+)$", re.MULTILINE)
#: Automation has given up, or lost sight of the fix.
_GIVEN_UP = frozenset({"escalated", "fix_failed", "unverified", "undone"})


@dataclass(frozen=True)
class Finding:
    """Something that was lost or is there twice. C(incident) is None when it was never opened."""

    kind: str
    incident: str | None
    why: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.incident or 'no incident'}: {self.why}"


@dataclass(frozen=True)
class Break:
    """A service that was broken: the process that was killed, and the text of its log from then on."""

    service: str
    killed: int
    log_after: str
    wrong: str | None


def judge(state: State, incident: State, remedy: str) -> list[Finding]:
    """Return what is wrong with one incident. C(state) has the tools as the sandbox shows them."""
    only = about(state, incident)
    found = [
        _as_finding(incident["id"], f"{one.leg}: {one.why}")
        for one in failures(only, remedy)
        if one.leg not in REPLACED
    ]
    checks: tuple[Callable[[State, State], Iterator[tuple[str, str]]], ...] = (_marks, _timeline, _leftover)
    for check in checks:
        found += [Finding(kind, incident["id"], why) for kind, why in check(only, incident)]
    return found


def judge_service(incident: str | None, broken: Break) -> list[Finding]:
    """Return what is wrong with the service that an incident is about: it was started once, and it works."""
    found = []
    started = [int(pid) for pid in _STARTED.findall(broken.log_after)]
    if broken.wrong is not None:
        found.append(Finding(LOST, incident, f"{broken.service}: {broken.wrong}"))
    elif not started:
        found.append(Finding(LOST, incident, f"{broken.service} was never started after process {broken.killed}"))
    if len(started) > 1:
        pids = ", ".join(map(str, started))
        found.append(Finding(DUPLICATED, incident, f"{broken.service} was started {len(started)} times (pids {pids})"))
    return found


def about(state: State, incident: State) -> State:
    """Return the state with what the tools show of one incident."""
    tools, identifier, number = state["tools"], incident["id"], incident["problem"]["number"]
    channel = re.compile(rf"dyna-{number}(-\d)?")
    return {
        **state,
        "incidents": [incident],
        "tools": {
            "dynatrace": {
                **tools["dynatrace"],
                "problems": [one for one in tools["dynatrace"]["problems"] if one["pid"] == incident["problem"]["id"]],
            },
            "jira": {
                **tools["jira"],
                "issues": [one for one in tools["jira"]["issues"] if identifier in _words_of(one)],
            },
            "slack": {
                **tools["slack"],
                "channels": [one for one in tools["slack"]["channels"] if channel.fullmatch(one["name"])],
            },
            "xmatters": {
                **tools["xmatters"],
                # Of every call: the calls after the first carry their number as well.
                "alerts": [
                    one
                    for one in tools["xmatters"]["alerts"]
                    if str(one["properties"].get("incident_id")).partition(".")[0] == identifier
                ],
            },
        },
    }


def unexplained(state: State, incidents: Sequence[State]) -> list[Finding]:
    """Return what is in the tools without belonging to any incident, and problems that never became one."""
    known = {incident["problem"]["id"] for incident in incidents}
    tools = state["tools"]
    found = [
        Finding(LOST, None, f"the problem {one['display_id']} has no incident")
        for one in tools["dynatrace"]["problems"]
        if one["pid"] not in known
    ]
    parts = [about(state, incident)["tools"] for incident in incidents]
    for tool, things, name in (("jira", "issues", "key"), ("slack", "channels", "name"), ("xmatters", "alerts", "id")):
        explained = {one[name] for part in parts for one in part[tool][things]}
        found += [
            Finding(DUPLICATED, None, f"{tool} has {one[name]}, which belongs to no incident")
            for one in tools[tool][things]
            if one[name] not in explained and (tool != "slack" or one[name].startswith("dyna-"))
        ]
    return found


def marks(tools: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """Return how often every tool shows each entry of the timeline, by the identifier that our comments carry."""
    return {
        "dynatrace": Counter(
            _at_end(note["text"] for one in tools["dynatrace"]["problems"] for note in one["comments"])
        ),
        "jira": Counter(
            str(mark["id"])
            for one in tools["jira"]["issues"]
            for note in one["comments"]
            for mark in note["properties"].values()
            if isinstance(mark, Mapping) and "id" in mark
        ),
        "slack": Counter(
            str(note["metadata"]["event_payload"]["id"])
            for one in tools["slack"]["channels"]
            for note in one["messages"]
            if note["metadata"] and "id" in note["metadata"]["event_payload"]
        ),
        "xmatters": Counter(
            _at_end(note["text"] for one in tools["xmatters"]["alerts"] for note in one["annotations"])
        ),
    }


def _marks(state: State, incident: State) -> Iterator[tuple[str, str]]:
    """Every told entry is in every tool, once."""
    told = {f"{incident['id']}-{entry['n']}": entry for entry in incident["timeline"] if entry["kind"] in TOLD}
    # The end of the story in Dynatrace, which is no entry of the timeline.
    figures = f"{incident['id']}-figures-{incident['attempt']}"
    for tool, shown in marks(state["tools"]).items():
        for mark, entry in told.items():
            if not shown[mark]:
                yield LOST, f"{tool} does not show {mark} ({entry['kind']}: {entry['text'][:60]})"
        for mark, times in shown.items():
            if times > 1:
                yield DUPLICATED, f"{tool} shows {mark} {times} times"
            if mark not in told and not (tool == "dynatrace" and mark == figures):
                yield DUPLICATED, f"{tool} shows {mark}, which the timeline does not have"


def _timeline(_state: State, incident: State) -> Iterator[tuple[str, str]]:
    """What may happen once has happened once, and automation has not given up."""
    kinds = Counter(entry["kind"] for entry in incident["timeline"])
    for kind in ("detected", "answered", "resolved", "stable", "closed"):
        if kinds[kind] != 1:
            yield (LOST if not kinds[kind] else DUPLICATED), f"the timeline has {kinds[kind]} entries {kind}"
    if kinds["fix_started"] != incident["attempt"] or incident["attempt"] != 1:
        kind = LOST if not kinds["fix_started"] else DUPLICATED
        yield kind, f"fix_started is there {kinds['fix_started']} times, in {incident['attempt']} attempts"
    ran = [entry for entry in incident["timeline"] if entry["kind"] == "fixed" and entry["data"]["changed"]]
    if len(ran) > 1:
        yield DUPLICATED, f"the remedy changed the host {len(ran)} times"
    for kind in ("fixed", "verified"):
        if not kinds[kind]:
            yield LOST, f"the timeline has no entry {kind}"
    for entry in incident["timeline"]:
        if entry["kind"] in _GIVEN_UP or entry["text"].startswith("Not carried out"):
            yield LOST, f"{entry['kind']}: {entry['text']}"
    first = next((entry for entry in incident["timeline"] if entry["kind"] == "diagnosed"), None)
    if first is None or first["data"]["healthy"]:
        yield LOST, "the first diagnosis does not find the service down"
    if ((incident["evidence"] or {}).get("after") or {}).get("figures", {}).get("up") != 1:
        yield LOST, "the evidence after the fix does not say that the service is up"


def _leftover(state: State, incident: State) -> Iterator[tuple[str, str]]:
    """Nothing is there twice that has no mark."""
    for issue in state["tools"]["jira"]["issues"]:
        for name, times in Counter(one["name"] for one in issue["attachments"]).items():
            if times > 1:
                yield DUPLICATED, f"{name} is attached to {issue['key']} {times} times"
        for title, times in Counter(one["title"] for one in issue["links"]).items():
            if times > 1:
                yield DUPLICATED, f"{issue['key']} links to {title} {times} times"
    for channel in state["tools"]["slack"]["channels"]:
        for title, times in Counter(one["title"] for one in channel["bookmarks"]).items():
            if times > 1:
                yield DUPLICATED, f"the channel {channel['name']} has the bookmark {title} {times} times"
    for tool in TOOLS:
        if tool not in incident["tools"]:
            yield LOST, f"the journal does not know where {tool} shows it"


def _as_finding(incident: str, why: str) -> Finding:
    several = _SEVERAL.search(why)
    often = several is not None and int(several[1] or several[2]) > 1
    return Finding(DUPLICATED if often else LOST, incident, why)


def _at_end(texts: Iterable[str]) -> Iterator[str]:
    return (match[1] for text in texts if (match := _MARKER.search(text)))


def _words_of(issue: Mapping[str, Any]) -> str:
    """A second ticket for the same incident may have lost its label when it was noticed: its comments tell as well."""
    return " ".join(
        [
            *issue["labels"],
            issue["summary"],
            issue["description"],
            *(str(note["properties"]) for note in issue["comments"]),
        ]
    )
