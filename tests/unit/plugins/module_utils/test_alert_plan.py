# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an alert should look like, and what it lacks."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import alert_plan
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_values import Annotation, Event


def event(identity: str, status: str = "ACTIVE", hour: int = 8, **properties: Any) -> Event:
    created = datetime(2026, 11, 22, hour, tzinfo=timezone.utc)
    return Event(identity, "1", status, None, created, "/x", properties)


def note(text: str) -> Annotation:
    return Annotation("1", "ana", text, None)


def test_choose_prefers_what_is_open_then_what_is_newest() -> None:
    ours = {"incident_id#en": "i1"}
    over = event("a", "TERMINATED", 11, **ours)
    older, newer = event("b", "SUSPENDED", 9, **ours), event("c", "ACTIVE", 10, **ours)
    assert alert_plan.choose([over, older, newer], "incident_id", "i1") is newer
    assert alert_plan.choose([over, older], "incident_id", "i1") is older
    assert alert_plan.choose([over], "incident_id", "i1") is over
    assert alert_plan.choose([], "incident_id", "i1") is None


def test_choose_compares_the_property_exactly() -> None:
    broader = event("a", **{"incident_id#en": "i12"})
    other_language = event("b", **{"incident_id#de": "i1"})
    untold = event("c")
    assert alert_plan.choose([broader], "incident_id", "i1") is None
    assert alert_plan.choose([broader, other_language], "incident_id", "i1") is other_language
    assert alert_plan.choose([untold], "incident_id", "i1") is untold


@pytest.mark.parametrize(
    ("status", "over"), [("TERMINATED", True), ("TERMINATED_EXTERNAL", True), ("SUSPENDED", False)]
)
def test_terminated(status: str, over: bool) -> None:
    assert alert_plan.terminated(event("a", status)) is over


def test_marked_comments_are_found_again() -> None:
    comments = [{"id": f"i7k-{n}", "text": "x" * length} for n, length in enumerate((0, 1, 1999, 5000))]
    texts = [alert_plan.marked(comment) for comment in comments]
    assert all(len(text) <= alert_plan.COMMENT_LIMIT for text in texts)
    assert texts[3].endswith("… [i7k-3]")
    assert alert_plan.markers(map(note, texts)) == {"i7k-0", "i7k-1", "i7k-2", "i7k-3"}


def test_only_the_last_bracket_is_the_identifier() -> None:
    tricky = alert_plan.marked({"id": "i7k-3", "text": "see [i7k-4]"})
    assert alert_plan.markers([note(tricky), note("[i7k-5] is wrong"), note("[two words]")]) == {"i7k-3"}


def test_missing_keeps_order_and_drops_repetitions() -> None:
    comments = [{"id": identity, "text": ""} for identity in ("c", "a", "b", "a")]
    assert [comment["id"] for comment in alert_plan.missing(comments, {"b"})] == ["c", "a"]


@pytest.mark.parametrize(
    ("now", "wanted", "resume", "then"),
    [
        ("ACTIVE", "active", False, None),
        ("ACTIVE", "suspended", False, "SUSPENDED"),
        ("ACTIVE", "terminated", False, "TERMINATED"),
        ("SUSPENDED", "active", False, None),
        ("SUSPENDED", "active", True, "ACTIVE"),
        ("SUSPENDED", "suspended", True, None),
        ("SUSPENDED", "terminated", False, "TERMINATED"),
        ("TERMINATED", "active", True, None),
        ("TERMINATED_EXTERNAL", "terminated", False, None),
    ],
)
def test_what_somebody_suspended_or_ended_stays_so(now: str, wanted: str, resume: bool, then: str | None) -> None:
    assert alert_plan.wanted_status(event("a", now), wanted, resume) == then
