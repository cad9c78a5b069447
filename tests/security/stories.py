# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents whose every text is an attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entity, Incident, Problem, Task
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace_details import clean
from support.story import PROBLEM, Story

#: An address of the problem that may be shown. Tools show no other kind as a link.
URL = "https://dynatrace.example/#problems/problemdetails;pid=1"


def batches(texts: Sequence[str], thorough: bool) -> list[list[str]]:
    """Return texts for one incident each: every text in some field, or thoroughly every text in every field."""
    size = 4
    turns = range(len(texts)) if thorough else range(0, len(texts), size)
    return [[texts[(begin + number) % len(texts)] for number in range(size)] for begin in turns]


def problem_with(texts: Sequence[str], **changes: Any) -> Problem:
    """Return a problem that has one of the texts in each of its fields. The texts are used in turns."""

    def text(number: int, limit: int) -> str:
        # As the translators hand it on: one line.
        return clean(texts[number % len(texts)], limit) or "-"

    entities = (
        *PROBLEM.entities,
        *(Entity(f"SERVICE-{number:016X}", text(number, 64), text(number + 1, 256)) for number in range(3)),
    )
    given = {
        "title": text(0, 300),
        "display_id": text(1, 64),
        "root_cause": Entity("PROCESS_GROUP_INSTANCE-1", text(2, 64), text(3, 256)),
        "entities": entities,
        "tags": (text(4, 256), f"key:{text(5, 200)}"),
        "url": URL,
    }
    return replace(PROBLEM, **{**given, **changes})


def answered(texts: Sequence[str], **changes: Any) -> Incident:
    """Return an incident about a hostile problem that somebody answered with a hostile name and comment."""
    story = Story(problem_with(texts, **changes)).decide()
    story.answer(responder=texts[-1][:200], comment=texts[0][:1000])
    story.answer(responder=texts[0][:200], comment=texts[-1][:1000], key="2", channel="slack")
    return story.incident


def asked(texts: Sequence[str], **changes: Any) -> Incident:
    return Story(problem_with(texts, **changes)).decide().incident


def healed(texts: Sequence[str], **changes: Any) -> Incident:
    story = Story(problem_with(texts, **changes)).decide()
    story.answer(responder=texts[-1][:200], comment=texts[0][:1000])
    return story.claim().fix().verify().incident


def task_with(texts: Sequence[str]) -> Task:
    """Return a task of Keptn with hostile texts where it has any."""
    return Task(
        source="keptn",
        tenant="default",
        id="c4d3a334-6cb9-4e8c-a372-7e0b45942f53",
        context="a3e5f16d-8888-4720-82c7-6995062905c1",
        name="action",
        project="shop",
        stage="production",
        service="carts",
        action=texts[0][:200],
        labels={texts[0][:128]: texts[-1][:2000]},
    )
