# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to hold for whatever comes out of a translator, whatever went in."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import jsonschema

from ansible_collections.self_healing.devops.plugins.module_utils.incident import (
    INCIDENT_ID,
    SERVICE_NAME,
    Answer,
    Problem,
)
from security.payloads import REFUSALS, Inbound, problem_of
from support.tree import ROOT

SCHEMA = json.loads((ROOT / "extensions/eda/schemas/event.json").read_text("utf-8"))
EVENT = jsonschema.Draft202012Validator(SCHEMA)
#: What a terminal obeys, what ends a line, and what turns the direction of reading.
OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def event_of(problem: Problem) -> dict[str, Any]:
    """Return what a rule would see of a problem, as the journal makes it of its columns."""
    words = {"kind": problem.kind, "status": problem.status, "severity": problem.severity, "source": problem.source}
    body = {"incident": problem.incident, **words, "service": problem.service or ""}
    return {"problem": body, "meta": {"uuid": "0"}}


def check(meaning: Any) -> None:
    """Fail where something came out that is neither an id, nor an enum, nor text of one line where one is shown."""
    problem = problem_of(meaning)
    if problem is not None:
        EVENT.validate(event_of(problem))
        assert INCIDENT_ID.fullmatch(problem.incident)
        assert re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", problem.problem_id)
        assert problem.service is None or SERVICE_NAME.fullmatch(problem.service)
        told = (problem.title, problem.display_id, *problem.tags, *(entity.name for entity in problem.entities))
        assert not any(OBEYED.search(text) for text in told), told
        assert len(problem.title) <= 300
        assert problem.url is None or re.fullmatch(r"https?://\S+", problem.url)
        json.dumps(problem.to_data(), ensure_ascii=False).encode()
    task = getattr(meaning, "task", None)
    if task is not None:
        assert all(
            re.fullmatch(r"[A-Za-z0-9_.:-]+", text) for text in (task.id, task.project, task.stage, task.service)
        )
        json.dumps(task.to_data(), ensure_ascii=False).encode()
    for answer in meaning if isinstance(meaning, list) else [meaning]:
        if isinstance(answer, Answer):
            assert answer.incident_id is None or INCIDENT_ID.fullmatch(answer.incident_id)
            assert len(answer.responder) <= 200
            assert len(answer.comment or "") <= 1000
            json.dumps(asdict(answer), default=str, ensure_ascii=False).encode()


def read(form: Inbound, payload: Any) -> Any:
    """Return what a payload means, None where it is refused. Anything else that is raised fails the test."""
    try:
        meaning = form.read(payload)
    except REFUSALS as error:
        refused(form.name, error.message)
        return None
    check(meaning)
    return meaning


def refused(name: str, message: str) -> None:
    assert not OBEYED.search(message), f"{name}: a log would obey {message!r}"
    assert len(message) < 1000
