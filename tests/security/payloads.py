# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every inbound payload with its translator, and every place in it where somebody else chooses the text."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from ansible_collections.self_healing.devops.plugins.module_utils.clients.jira_values import (
    Issue,
    Status,
    read_comment,
    read_status_changes,
)
from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack_values import User
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Answer, Problem
from ansible_collections.self_healing.devops.plugins.module_utils.jira_plan import COMMENT_MARK
from ansible_collections.self_healing.devops.plugins.plugin_utils.cloud_events import read_event
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake import dynatrace, keptn
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.jira import answers_in, to_issue_hint
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.nothing import NothingToRecordError
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.slack import payload_of, to_answer, to_press
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.xmatters import to_response_hint
from support.dynatrace_forms import FORMS
from support.keptn_source import binary
from support.keptn_source import event as keptn_event
from support.story import PROBLEM, Story

Place = tuple[Any, ...]
#: What a translator may say to anything at all.
REFUSALS = (InvalidInputError, NothingToRecordError)

INCIDENT = PROBLEM.incident
PID = "-6478017825120311599_1790000000000V2"
_STORY = Story().decide()
ASKED = _STORY.incident.to_dict()["asked"]


@dataclass(frozen=True)
class Inbound:
    """One form of what arrives. C(read) translates it, and raises one of REFUSALS where it cannot.

    C(vendors) are names of fields that the vendor's API fills by itself: we asked it, and nobody else can write there.
    """

    name: str
    payload: Any
    read: Callable[[Any], Any]
    vendors: frozenset[str] = frozenset()

    def places(self) -> list[Place]:
        """Return where somebody else chooses the text."""
        return [place for place in places(self.payload) if place[-1] not in self.vendors]


# -- translators ------------------------------------------------------------------------------------------------------


def read_keptn(event: Any) -> keptn.Meaning:
    attributes, data = read_event(event, {})
    return keptn.translate(attributes, data, keptn.Installation(all_actions=True))


def read_keptn_headers(event: Any) -> keptn.Meaning:
    """The same in binary mode: the attributes are headers, which hold text only."""
    body, headers = binary({"data": None, **event})
    attributes, data = read_event(body, {name: str(value) for name, value in headers.items()})
    return keptn.translate(attributes, data, keptn.Installation(all_actions=True))


def read_slack(payload: Any) -> Answer | None:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    press = to_press(payload_of(body))
    if press is None:
        return None
    name = payload["user"].get("name") if isinstance(payload.get("user"), dict) else None
    user = User(press.user, str(name), str(name), press.team, is_person=True, email_confirmed=True)
    return to_answer(press, user)


def read_jira(issue: Any) -> list[Answer]:
    """What an issue says over the REST API: its comments and its changes of status."""
    status = Status("To Do", "new")
    known = Issue(10024, "DEMO-24", "", "", status, None, (), (), (), {})
    comments = [read_comment(comment, COMMENT_MARK) for comment in issue["comments"]]
    changes = read_status_changes(issue)
    return answers_in(known, _STORY.incident, ASKED, comments, changes, {"In Progress": "take_over"}, "own")


# -- payloads ---------------------------------------------------------------------------------------------------------

_RAW = {"State": "OPEN", "PID": PID, "ProblemID": "P-1", "ProblemTitle": "Process unavailable", "Tags": "service:cart"}
_ACTION = {"action": "restart-service", "name": "Restart", "description": "Restart it", "value": "1"}
_PROBLEM = {"problemTitle": "Process unavailable", "rootCause": "the disk", "PID": PID, "State": "OPEN"}
_LABELS = {"Problem URL": f"https://abc.live.dynatrace.com/#problems/problemdetails;pid={PID}", "team": "checkout"}
_WELL = {"status": "succeeded", "result": "pass", "message": "done"}
KEPTN: Mapping[str, Any] = {
    "a problem": keptn_event("events.problem", shkeptncontext=PID, **_RAW, labels=_LABELS),
    "a problem of others": keptn_event("events.problem", State="OPEN", ProblemTitle="Slow", ProblemDetails={"a": "b"}),
    "a sequence that begins": keptn_event("event.production.remediation.triggered", problem=_PROBLEM, labels=_LABELS),
    "a sequence that ends": keptn_event("event.production.remediation.finished", **_WELL),
    "an action": keptn_event("event.action.triggered", action=_ACTION, problem=_PROBLEM, labels=_LABELS),
    "an action of Keptn": keptn_event("event.action.triggered", action=_ACTION, problem={"problemTitle": "Full"}),
    "a rollback": keptn_event("event.rollback.triggered", message="back", labels=_LABELS),
    "a release that failed": keptn_event("event.release.triggered", result="fail", deployment={"x": "y"}),
}
XMATTERS: Mapping[str, Any] = {
    "an integration": {
        "eventIdentifier": "7001002",
        "date": "26-11-22 08:00:41",
        "recipient": "ana",
        "device": "Mobile",
        "response": "Restart process",
        "annotation": "on it",
        "eventProperties": [{"incident_id": INCIDENT}, {"service": "shop"}],
    },
    "an agent": {
        "xmatters_callback_type": "response",
        "eventidentifier": "7001002",
        "recipient": "ana",
        "response": "Restart process",
        "annotation": "on it",
        "additionalTokens": {"incident_id": INCIDENT, "service": "shop"},
    },
    "a flow": {
        "schema": "shdevops.xmatters.response/1",
        "event_uuid": "00000000-0000-4000-8000-0000000000e1",
        "event_id": "7001002",
        "event_status": "ACTIVE",
        "response": "Restart process",
        "responder": "ana",
        "comment": "on it",
        "received": "2026-11-22T08:00:41Z",
        "properties": {"incident_id#en": INCIDENT, "service#en": "shop"},
    },
}
SLACK: Mapping[str, Any] = {
    "a press": {
        "type": "block_actions",
        "api_app_id": "A0SELFHEAL",
        "team": {"id": "T0SANDBOX1", "domain": "acme"},
        "user": {"id": "U0ANA00001", "username": "ana", "name": "ana", "team_id": "T0SANDBOX1"},
        "container": {"type": "message", "message_ts": "1795336162.000300", "channel_id": "C0DYNA0326"},
        "channel": {"id": "C0DYNA0326", "name": "dyna-326"},
        "message": {"type": "message", "text": "ASKED", "ts": "1795336162.000300", "user": "U0BOT00001"},
        "state": {"values": {}},
        "response_url": "https://hooks.example.com/actions/T0SANDBOX1/111/x",
        "trigger_id": "1.2.3",
        "actions": [
            {
                "type": "button",
                "action_id": "self_healing:process_restart",
                "block_id": "self_healing_answer",
                "text": {"type": "plain_text", "text": "Restart process"},
                "value": f"1:{INCIDENT}:{ASKED}:process_restart",
                "action_ts": "1795336310.123456",
            }
        ],
    }
}
_ADA = {"accountId": "712020:ada", "displayName": "Ada", "emailAddress": "ada@example.com", "accountType": "atlassian"}
JIRA_HOOKS: Mapping[str, Any] = {
    "a comment": {
        "webhookEvent": "comment_created",
        "comment": {"id": "252789", "author": _ADA, "body": "Restart process"},
        "issue": {"id": "10024", "key": "DEMO-24", "fields": {"summary": "x", "status": {"name": "To Do"}}},
    },
    "a move": {
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_generic",
        "user": _ADA,
        "issue": {"id": "10024", "key": "DEMO-24"},
        "changelog": {
            "id": "10124",
            "items": [{"field": "status", "fieldtype": "jira", "fromString": "To Do", "toString": "In Progress"}],
        },
    },
}
_LATER = "2026-11-23T10:00:00.000+0000"
JIRA_ISSUES: Mapping[str, Any] = {
    "answers in an issue": {
        "comments": [
            {"id": "1", "author": _ADA, "created": _LATER, "body": "Restart process\nbecause of the night"},
            {"id": "2", "author": _ADA, "created": _LATER, "body": "only talk"},
        ],
        "changelog": {
            "histories": [
                {
                    "id": "3",
                    "author": _ADA,
                    "created": _LATER,
                    "items": [{"field": "status", "toString": "In Progress"}],
                }
            ]
        },
    }
}


def inbound() -> list[Inbound]:
    """Return every payload that is taken from outside."""

    def named(tool: str, forms: Mapping[str, Any], read: Callable[[Any], Any], *vendors: str) -> list[Inbound]:
        return [Inbound(f"{tool}: {name}", payload, read, frozenset(vendors)) for name, payload in forms.items()]

    return [
        *named("dynatrace", FORMS, dynatrace.translate),
        *named("keptn", KEPTN, read_keptn),
        *named("keptn, headers", KEPTN, read_keptn_headers),
        *named("xmatters", XMATTERS, to_response_hint),
        *named("slack", SLACK, read_slack),
        *named("jira webhook", JIRA_HOOKS, to_issue_hint),
        *named("jira", JIRA_ISSUES, read_jira, "id", "created", "field", "accountId", "accountType"),
    ]


def problem_of(meaning: Any) -> Problem | None:
    """Return the problem in what a translator returned, None where there is none."""
    found = meaning.problem if isinstance(meaning, keptn.Meaning) else meaning
    return found if isinstance(found, Problem) else None


# -- places -----------------------------------------------------------------------------------------------------------


def places(value: Any, above: Place = ()) -> Iterator[Place]:
    """Yield where texts are, in the values of objects and lists at any depth."""
    if isinstance(value, str):
        yield above
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from places(inner, (*above, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*above, number))


def placed(payload: Any, place: Place, value: Any) -> Any:
    """Return a copy of a payload with C(value) at a place."""
    if not place:
        return value
    changed = copy.copy(payload)
    changed[place[0]] = placed(payload[place[0]], place[1:], value)
    return changed


def renamed(payload: Any, place: Place, name: str) -> Any:
    """Return a copy of a payload in which the name at the end of a place is another one."""
    *above, last = place
    owner = payload
    for step in above:
        owner = owner[step]
    return placed(payload, tuple(above), {name if key == last else key: value for key, value in owner.items()})
