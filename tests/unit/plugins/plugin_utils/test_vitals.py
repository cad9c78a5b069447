# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What falls silent is found, named, and nothing else is."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.self_healing.devops.plugins.plugin_utils.vitals import (
    FAILURE_LASTS,
    Observations,
    Vitals,
    health,
    vitals,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)


def fail(error: type[BaseException]) -> None:
    raise error


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "seen",
    [
        Observations(),
        Observations(sources={"dynatrace": None}),
        Observations(interval=MINUTE),
        Observations(interval=MINUTE, canary=ago(179)),
        Observations(interval=MINUTE, canary=ago(3600), life=ago(179)),
        Observations(interval=timedelta(seconds=1), canary=ago(29)),
        Observations(interval=None, canary=ago(3600)),
        Observations(puts={"dynatrace": ago(170)}),
        Observations(puts={"dynatrace": ago(3600)}, life=ago(170)),
        Observations(puts={"dynatrace": ago(29)}, interval=timedelta(seconds=1)),
        Observations(unwritable=NOW - FAILURE_LASTS),
        Observations(unreadable=NOW - FAILURE_LASTS),
        Observations(unanswered=ago(9)),
    ],
)
def test_what_is_well(seen: Observations) -> None:
    found = health(seen, NOW)
    assert found.ok
    assert found.silent == []


@pytest.mark.parametrize(
    "part, seen, begins",
    [
        ("source answers", Observations(sources={"answers": ago(5)}), "source answers: it ended 5 s ago"),
        ("engine", Observations(interval=MINUTE, canary=ago(181)), "engine: a canary that was sent 181 s ago"),
        (
            "engine",
            Observations(interval=MINUTE, canary=ago(7200), life=ago(1200)),
            "engine: a canary that was sent 120 min ago is not back, and no playbook has begun or ended for 20 min",
        ),
        ("engine", Observations(interval=timedelta(seconds=1), canary=ago(31)), "engine: "),
        (
            "queue",
            Observations(puts={"dynatrace": ago(181), "answers": ago(10)}),
            "queue: ansible-rulebook has taken no event of dynatrace for 181 s",
        ),
        ("queue", Observations(puts={"dynatrace": ago(181)}, interval=MINUTE, life=ago(200)), "queue: "),
        ("journal", Observations(unwritable=ago(3)), "journal: it could not be written 3 s ago"),
        ("journal", Observations(unreadable=ago(3)), "journal: it could not be read 3 s ago"),
        ("journal", Observations(unanswered=ago(11)), "journal: it has not answered for 11 s"),
    ],
)
def test_what_is_silent_is_named_with_what_to_do(part: str, seen: Observations, begins: str) -> None:
    found = health(seen, NOW)
    assert not found.ok
    [sentence] = found.silent
    assert sentence == found.parts[part]
    assert sentence.startswith(begins)
    assert any(word in sentence for word in ("restart", "Look at", "look at"))


def test_everything_that_is_silent_is_told() -> None:
    seen = Observations(
        sources={"dynatrace": None, "journal": ago(1)},
        puts={"dynatrace": ago(600)},
        unwritable=ago(1),
        interval=MINUTE,
        canary=ago(600),
    )
    assert [sentence.partition(":")[0] for sentence in health(seen, NOW).silent] == [
        "journal",
        "queue",
        "engine",
        "source journal",
    ]


def test_a_source_that_ends_is_missed_unless_it_was_cancelled() -> None:
    notes = Vitals()
    with notes.source("journal"):
        with notes.source("dynatrace"):
            assert notes.observe().sources == {"journal": None, "dynatrace": None}
        with pytest.raises(ValueError):
            with notes.source("answers"):
                fail(ValueError)
        with pytest.raises(asyncio.CancelledError):
            with notes.source("other"):
                fail(asyncio.CancelledError)
        seen = notes.observe().sources
    assert set(seen) == {"journal", "dynatrace", "answers"}
    assert seen["journal"] is None
    assert None not in (seen["dynatrace"], seen["answers"])


def test_two_sources_of_one_name_are_two() -> None:
    notes = Vitals()
    with notes.source("dynatrace"), notes.source("dynatrace"):
        assert list(notes.observe().sources) == ["dynatrace", "dynatrace 2"]


def test_a_blocked_put_is_known_as_long_as_it_is_blocked() -> None:
    notes = Vitals()
    with notes.putting("journal"), notes.putting("journal"):
        [(name, since)] = notes.observe().puts.items()
        assert name == "journal"
        assert since <= datetime.now(timezone.utc)
    assert notes.observe().puts == {}


def test_what_the_journal_did_last_counts() -> None:
    notes = Vitals()
    notes.journal_failed()
    assert notes.observe().unwritable is not None
    notes.journal_worked()
    assert notes.observe().unwritable is None
    notes.journal_asked()
    first = notes.observe().unanswered
    assert first is not None
    notes.journal_asked()
    assert notes.observe().unanswered == first
    notes.journal_answered(readable=False)
    seen = notes.observe()
    assert seen.unanswered is None
    assert seen.unreadable is not None
    notes.journal_answered(readable=True)
    assert notes.observe().unreadable is None


async def test_one_event_loop_has_one_of_them() -> None:
    assert vitals() is vitals()
