# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.self_healing.devops.plugins.filter.alerts import alerts
from ansible_collections.self_healing.devops.plugins.filter.fleet import fleet
from ansible_collections.self_healing.devops.plugins.filter.notes import notes
from ansible_collections.self_healing.devops.plugins.filter.one_line import one_line
from ansible_collections.self_healing.devops.plugins.filter.transcript import transcript
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from support.story import PROBLEM, RESOLVED, Story

GROUPS = {"all": ["shop-01", "shop-02", "db-01"], "self_healing_managed": ["shop-01", "shop-02"]}
HOSTVARS: dict[str, dict[str, object]] = {
    "shop-01": {"self_healing_entities": ["PROCESS_GROUP_INSTANCE-1", 7], "ansible_host": "10.0.0.1"},
    "shop-02": {"self_healing_entities": "HOST-2", "self_healing_name": "SHOP-TWO.example.com"},
    "db-01": {"self_healing_entities": ["HOST-3"]},
}


def test_the_fleet_is_what_may_be_healed_as_plain_texts() -> None:
    assert fleet(GROUPS, HOSTVARS) == [
        {"host": "shop-01", "entities": ["PROCESS_GROUP_INSTANCE-1", "7"], "name": "", "address": "10.0.0.1"},
        {"host": "shop-02", "entities": ["HOST-2"], "name": "SHOP-TWO.example.com", "address": ""},
    ]
    assert fleet({"all": ["db-01"]}, HOSTVARS) == []


def test_notes_have_identifiers_that_never_change() -> None:
    story = Story().decide()
    first = notes(story.incident.to_dict())
    story.answer()
    second = notes(story.incident.to_dict())
    assert second[: len(first)] == first
    assert [note["id"] for note in second] == [f"{PROBLEM.incident}-2", f"{PROBLEM.incident}-3"]


def test_notes_since_an_entry_leave_out_what_came_before() -> None:
    story = Story().decide()
    story.answer()
    told = story.incident.to_dict()
    assert [note["id"] for note in notes(told, since=2)] == [f"{PROBLEM.incident}-3"]
    assert notes(told, since=3) == []


def test_what_is_remembered_of_alerts_grows_and_is_never_lost() -> None:
    def shown(marker: str, **more: Any) -> dict[str, Any]:
        return {"xmatters_call": {"marker": marker}, "id": None, "url": None, "status": None, "responders": [], **more}

    ana, bo = {"name": "Ana", "email": "ana@example.com"}, {"name": "Bo", "email": None}
    first = {"id": "a-1", "url": "https://x.example/1", "status": "active"}
    once = alerts([shown("i1", **first, responders=[ana])], {})
    assert once == {"status": "active", "alerts": [{**first, "marker": "i1"}], "responders": [ana]}
    second = {"id": "a-2", "url": "https://x.example/2", "status": "active"}
    # The tenth call comes after the second one, and one that was not made is none.
    results = [
        shown("i1.10", **second),
        shown("i1", **{**first, "status": "terminated"}),
        shown("i1.2", responders=[bo]),
    ]
    twice = alerts(results, once)
    assert [(alert["marker"], alert["status"]) for alert in twice["alerts"]] == [
        ("i1", "terminated"),
        ("i1.10", "active"),
    ]
    assert (twice["status"], twice["responders"]) == ("active", [ana, bo])
    assert alerts([], twice) == twice
    assert alerts([]) == {"status": None, "alerts": [], "responders": []}


def test_the_transcript_is_the_same_before_and_after_the_close() -> None:
    story = Story(PROBLEM, RESOLVED)
    said = [{"at": "2026-11-22T10:00:00.000Z", "author": "Ana Berg", "text": "on it\n# not a heading"}]
    before = transcript(story.incident.to_dict(), said)
    story.add(steps.close(story.incident))
    assert transcript(story.incident.to_dict(), said) == before
    assert "- 2026-11-22 10:00:00.000 UTC Ana Berg: on it # not a heading\n" in before
    assert "Stable: the problem ended by itself" in before


def test_a_text_becomes_one_line_and_stays_what_it_is() -> None:
    assert one_line("a\r\nb\rc") == "a  b c"
    assert one_line("[1,2]") == "[1,2]"
    assert one_line("True") == "True"
    assert (one_line("x" * 300), one_line("x" * 301)) == ("x" * 300, "x" * 299 + "…")
    assert one_line("abcdef", 4) == "abc…"
    assert one_line(7) == "7"
