# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source dynatrace takes what a workflow of the third-generation platform sends, and the other forms."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.dynatrace_forms import FORMS, davis
from support.dynatrace_source import Queue, post, running


async def test_every_form_is_the_same_incident(tmp_path: Path) -> None:
    journal = str(tmp_path / "journal.db")
    queue: Queue = asyncio.Queue()
    token = {"Authorization": "bearer t"}
    async with running(queue, journal=journal, path="/event", dynatrace_webhook_token="t") as url:
        answers = [(await post(url, form, token))[:2] for form in FORMS.values()]
        event = await asyncio.wait_for(queue.get(), 10)
    assert [status for status, _body in answers] == [200] * len(FORMS)
    assert len({body["incident"] for _status, body in answers}) == 1
    assert answers[0][1]["change"] == "opened"
    assert event["problem"] == {
        "incident": answers[0][1]["incident"],
        "kind": "disk_pressure",
        "status": "open",
        "severity": "medium",
        "source": "dynatrace",
        "service": "shop",
    }


async def test_problem_that_davis_folded_into_another_is_answered_and_recorded_nowhere(tmp_path: Path) -> None:
    journal = str(tmp_path / "journal.db")
    async with running(asyncio.Queue(), journal=journal) as url:
        sent = {"eventData": davis(**{"dt.davis.is_duplicate": True})}
        assert (await post(url, sent))[:2] == (200, {"ignored": "duplicate"})
    assert Journal.open(journal).list_incidents() == []
