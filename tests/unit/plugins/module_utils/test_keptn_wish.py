# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of keptn_event become, and what is refused before Keptn would misread it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import context_of
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.keptn_wish import wished_event
from ansible_collections.self_healing.devops.plugins.modules import keptn_event

CONTEXT = "3b7d75e5-dffa-4e75-9849-f3a39cbd956b"
PLACE = {"project": "shop", "stage": "production", "service": "carts"}
FINISHED = {
    "type": "sh.keptn.event.action.finished",
    "context": CONTEXT,
    "triggered_id": "T",
    **PLACE,
    "status": "succeeded",
    "result": "pass",
}


def wish(**given: Any) -> dict[str, Any]:
    empty = {name: option.get("default") for name, option in keptn_event.SPEC.options.items()}
    return wished_event({**empty, **given})


def test_a_sequence_of_an_incident() -> None:
    event = wish(sequence="rollback", marker="i1", **PLACE, labels={"ticket": 7}, data={"stage": "other", "a": 1})
    assert event["type"] == "sh.keptn.event.production.rollback.triggered"
    assert event["shkeptncontext"] == context_of("i1")
    assert event["data"] == {**PLACE, "a": 1, "labels": {"ticket": "7", "self-healing": "i1"}}
    assert "triggeredid" not in event


def test_an_answer_to_a_task() -> None:
    event = wish(**FINISHED, text="done {{ x }}", git_commit="abc", data={"action": {"job": "1"}})
    assert (event["triggeredid"], event["gitcommitid"]) == ("T", "abc")
    assert event["data"] == {
        **PLACE,
        "status": "succeeded",
        "result": "pass",
        "message": "done {{ x }}",
        "action": {"job": "1"},
    }


def test_a_context_that_is_no_uuid_is_the_one_that_keptn_makes() -> None:
    event = wish(type="sh.keptn.events.problem", context="99999", data={"State": "OPEN"})
    assert event["shkeptncontext"] == "39393939-3920-4020-a020-202020202020"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({**FINISHED, "status": None}, "needs status"),
        ({**FINISHED, "result": None}, "needs result"),
        ({**FINISHED, "triggered_id": None}, "needs triggered_id"),
        ({**FINISHED, "context": None, "marker": "i1"}, "needs context"),
        ({**FINISHED, "type": "sh.keptn.event.action.started", "stage": None}, "needs stage"),
        ({"type": "action.finished", "marker": "i1"}, "type is"),
        ({"type": "sh.keptn.event.a b.triggered", "marker": "i1"}, "type is"),
        ({"type": "sh.keptn.event.dev.delivery.triggered", "marker": "i1", **PLACE}, "starts a sequence in dev"),
        ({"sequence": "roll.back", "marker": "i1", **PLACE}, "sequence is"),
        ({"sequence": "rollback", "marker": "i1", **PLACE, "stage": "a.b"}, "stage is"),
        ({"sequence": "rollback", "marker": "", **PLACE}, "context and marker are empty"),
    ],
)
def test_what_keptn_would_misread_is_refused(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        wish(**given)
