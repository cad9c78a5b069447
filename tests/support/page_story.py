# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools and the journal show before, during and after a heal: data for tests of the page."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

States = dict[str, dict[str, Any]]

START = datetime(2026, 11, 22, 2, 14, 9, tzinfo=timezone.utc)
ALERT = "c2a8b9d0-0000-4000-8000-000000000001"
PID = "-6478020126370000000_1700000000000V2"
TITLE = "Process unavailable: shop on shop-01"
WE = "Self-healing DevOps"
FIXED = "Restarted shop on shop-01. Up 0 → 1, response time 12 ms."


def at(seconds: float) -> str:
    """Return the time C(seconds) after the story's start, in ISO 8601."""
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def _message(seconds: float, author: str, text: str, **more: Any) -> dict[str, Any]:
    ts = f"{(START + timedelta(seconds=seconds)).timestamp():.6f}"
    return {"ts": ts, "author": author, "text": text, "blocks": None, "is_header": False, "pinned": False, **more}


def _comment(number: int, seconds: float, text: str) -> dict[str, Any]:
    return {"id": str(10000 + number), "at": at(seconds), "author": WE, "text": text}


def _option(number: int, label: str, description: str, action: str) -> dict[str, Any]:
    return {"number": number, "label": label, "description": description, "action": action}


def _entries(first: int, *told: tuple[float, str, str, str]) -> list[dict[str, Any]]:
    return [
        {"n": n, "at": at(seconds), "actor": actor, "kind": kind, "text": text, "data": {}}
        for n, (seconds, actor, kind, text) in enumerate(told, first)
    ]


def quiet() -> States:
    """Return the tools' states before anything happened."""
    ana = {"key": "ana", "name": "Ana Berg", "on_call": True}
    bo = {"key": "bo", "name": "Bo Lind", "on_call": False}
    watch = {"service": "shop", "url": "http://127.0.0.1:1/", "up": True, "probes": 42}
    return {
        "dynatrace": {"problems": [], "watches": [watch], "notifications": []},
        "xmatters": {"people": [ana, bo], "alerts": []},
        "jira": {"issues": []},
        "slack": {"channels": []},
    }


def _alert() -> dict[str, Any]:
    return {
        "id": ALERT,
        "number": 408001,
        "status": "ACTIVE",
        "priority": "HIGH",
        "subject": "P2 shop: process unavailable on shop-01. Restart it?",
        "text": "The process does not answer since 02:14:09. Nothing else on shop-01 is affected.",
        "properties": {},
        "created": at(1.6),
        "recipients": [{"key": "ana", "name": "Ana Berg", "notified_at": at(1.6)}],
        "options": [
            _option(1, "Restart process", "Starts shop again on shop-01 and checks it", "STOP_NOTIFYING"),
            _option(2, "Take over", "You heal by hand; nothing is started", "ASSIGN_TO_USER"),
            _option(3, "Snooze 30 minutes", "You are asked again", "STOP_NOTIFYING"),
            _option(4, "Escalate", "The next level is asked", "ESCALATE"),
        ],
        "responses": [],
        "annotations": [],
    }


def _issue(addresses: dict[str, str]) -> dict[str, Any]:
    dynatrace, slack = addresses.get("dynatrace", ""), addresses.get("slack", "")
    return {
        "key": "DEMO-1",
        "summary": TITLE,
        "status": "To Do",
        "status_category": "new",
        "priority": "High",
        "labels": ["self-healing", "i7k3v5q2x4dmz"],
        "created": at(1.8),
        "url": f"{addresses.get('jira', '')}/browse/DEMO-1",
        "description": "Dynatrace reported P-2611001 at 02:14:09 UTC.\n\nService shop on host shop-01 does not answer. "
        "Ana Berg was asked; the options are Restart process, Take over, Snooze and Escalate.",
        "comments": [_comment(1, 2, "Ana Berg was asked: Restart process?")],
        "attachments": [],
        "history": [],
        "links": [
            {"title": "P-2611001", "url": f"{dynatrace}/#problems"},
            {"title": "#dyna-2611001", "url": f"{slack}/archives/C1"},
        ],
    }


def _blocks(addresses: dict[str, str]) -> list[dict[str, Any]]:
    ticket = f"<{addresses.get('jira', 'https://jira.example')}/browse/DEMO-1|DEMO-1>"
    fields = ("*Service*\nshop", "*Host*\n`shop-01`", f"*Ticket*\n{ticket}", "*Asked*\nAna Berg")
    checks = "managed ✓ · not frozen ✓ · 0 of 2 attempts this hour ✓"
    return [
        {"type": "header", "text": {"type": "plain_text", "text": "● ASKED   shop · process unavailable"}},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": f"*{TITLE}* was reported by Dynatrace."},
            "fields": [{"type": "mrkdwn", "text": field} for field in fields],
        },
        {"type": "context", "elements": [{"type": "mrkdwn", "text": checks}]},
    ]


def asked(addresses: dict[str, str] | None = None) -> States:
    """Return the tools' states while an incident waits for its answer."""
    known = addresses or {}
    states = quiet()
    told = {"id": "c1", "at": at(2.1), "author": WE, "context": "", "text": "Ana Berg was asked: Restart process?"}
    problem = {
        "pid": PID,
        "display_id": "P-2611001",
        "title": TITLE,
        "status": "OPEN",
        "severity": "AVAILABILITY",
        "entity": "shop",
        "opened_at": at(0),
        "closed_at": None,
        "url": None,
        "comments": [told],
    }
    sent = {"at": at(0.1), "pid": PID, "state": "OPEN", "status": 202, "error": None}
    states["dynatrace"].update(problems=[problem], notifications=[sent])
    states["dynatrace"]["watches"][0]["up"] = False
    states["xmatters"]["alerts"] = [_alert()]
    states["jira"]["issues"] = [_issue(known)]
    channel = {
        "id": "C1",
        "name": "dyna-2611001",
        "topic": "P-2611001 · shop on shop-01 · asked",
        "purpose": "",
        "archived": False,
        "members": ["Ana Berg", "Bo Lind", WE],
        "messages": [
            _message(1.9, WE, "", blocks=_blocks(known), is_header=True, pinned=True),
            _message(2.2, WE, "Ana Berg was asked: *Restart process*?"),
            _message(
                7.5, "Bo Lind", "I am here too. The deploy was at noon, so it is not that &amp; nothing else changed."
            ),
        ],
    }
    states["slack"]["channels"] = [channel]
    return states


def incident() -> dict[str, Any]:
    """Return the incident's record while it waits for its answer."""
    checks = {
        "managed host": "shop-01, found by its name",
        "not frozen": "yes",
        "attempts left": "0 of 2 attempts this hour",
        "few unhealthy": "1 of 24 hosts unhealthy",
    }
    return {
        "id": "i7k3v5q2x4dmz",
        "state": "asked",
        "version": 5,
        "kind": "process_crash",
        "severity": "critical",
        "source": "dynatrace",
        "title": TITLE,
        "service": "shop",
        "target": "shop-01",
        "problem": {"id": PID, "display_id": "P-2611001", "number": "2611001", "status": "open"},
        "decision": {
            "verdict": "ask",
            "reason": None,
            "remedy": "process_restart",
            "checks": [{"name": name, "passed": True, "text": text} for name, text in checks.items()],
        },
        "evidence": {"before": {"figures": {"up": 0, "response_ms": None, "errors_percent": 100}}, "after": None},
        "tools": {"jira": {"role": "jira", "id": "DEMO-1", "state": "shown"}},
        "attachments": [],
        "times": {
            **dict.fromkeys(("answered", "fixed", "verified", "stable", "closed")),
            "detected": at(0.4),
            "alerted": at(1.6),
            "asked": at(1.6),
        },
        "timeline": _entries(
            1,
            (0.4, "dynatrace", "detected", f"Dynatrace reported: {TITLE}"),
            (0.6, "policy", "decided", "Ask before process_restart: the ceiling is 'ask'"),
            (1.6, "xmatters", "asked", "Alert 408001 was sent to Ana Berg"),
            (1.9, "jira", "tool", "DEMO-1 shows the incident"),
            (2.0, "slack", "tool", "#dyna-2611001 shows the incident"),
        ),
    }


def healed(addresses: dict[str, str] | None = None) -> tuple[States, dict[str, Any]]:
    """Return the tools' states and the incident's record after the heal."""
    states, record = asked(addresses), incident()
    states["dynatrace"]["watches"][0].update(up=True, probes=98)
    problem = states["dynatrace"]["problems"][0]
    problem.update(status="CLOSED", closed_at=at(14))
    problem["comments"].append({"id": "c2", "at": at(14.5), "author": WE, "context": "", "text": FIXED})
    sent = {"at": at(14), "pid": PID, "state": "RESOLVED", "status": 202, "error": None}
    states["dynatrace"]["notifications"].append(sent)
    response = {"at": at(9.2), "who": "Ana Berg", "option": "Restart process", "comment": None}
    notes = [(11, FIXED), (15, "Closed after 14.9 s.")]
    states["xmatters"]["alerts"][0].update(
        status="TERMINATED",
        responses=[response],
        annotations=[{"at": at(seconds), "author": WE, "text": text} for seconds, text in notes],
    )
    issue = states["jira"]["issues"][0]
    issue.update(status="Done", status_category="done")
    issue["comments"] += [_comment(2, 9.4, "Ana Berg chose Restart process."), _comment(3, 14.6, FIXED)]
    issue["attachments"] = [
        {"id": "1", "name": "dyna-2611001-transcript.txt", "size": 4312, "mime_type": "text/plain", "url": ""}
    ]
    moves = [(9.5, "To Do", "In Progress"), (15, "In Progress", "Done")]
    issue["history"] = [{"at": at(s), "field": "status", "from": old, "to": new} for s, old, new in moves]
    channel = states["slack"]["channels"][0]
    channel["archived"] = True
    channel["messages"][0]["blocks"][0]["text"]["text"] = "✓ FIXED in 15 s   shop · process unavailable"
    channel["messages"] += [
        _message(9.3, WE, "*Ana Berg* chose *Restart process*."),
        _message(14.6, WE, "```\nfound    no process for pid 4121\nstarted  pid 4187\nprobe    200 in 12 ms\n```"),
    ]
    record["state"] = "closed"
    record["times"].update(answered=at(9.2), fixed=at(11), verified=at(14.1), stable=at(14.1), closed=at(15.3))
    record["evidence"]["after"] = {"figures": {"up": 1, "response_ms": 12, "errors_percent": 0}}
    record["timeline"] += _entries(
        6,
        (9.2, "Ana Berg", "answered", "Ana Berg chose Restart process on the phone"),
        (9.9, "process_restart", "fix", "Starting shop on shop-01"),
        (11, "process_restart", "fixed", FIXED),
        (14.1, "dynatrace", "verified", "Dynatrace closed the problem; the probe agrees"),
        (15.1, "jira", "tool", "The transcript was attached and read back"),
        (15.3, "close", "closed", "Everything is closed"),
    )
    return states, record
