# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever xMatters answers, reading it never fails: what is not understood is empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.clients import xmatters_directory_values as directory
from ansible_collections.self_healing.devops.plugins.module_utils.clients import xmatters_forms as forms
from ansible_collections.self_healing.devops.plugins.module_utils.clients import xmatters_values as values
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_json import items, whole

#: The names that are read, so that their values are not only those that the vendor sends.
NAMES = [
    "id",
    "eventId",
    "status",
    "created",
    "terminated",
    "expirationInMinutes",
    "plan",
    "form",
    "submitter",
    "recipients",
    "responseOptions",
    "targetName",
    "properties",
    "links",
    "self",
    "name",
    "number",
    "text",
    "action",
    "contribution",
    "recipientType",
    "firstName",
    "lastName",
    "notifications",
    "person",
    "delivered",
    "responded",
    "deliveryStatus",
    "recipient",
    "response",
    "received",
    "options",
    "comment",
    "orderId",
    "type",
    "at",
    "annotation",
    "author",
    "owner",
    "groupType",
    "position",
    "delay",
    "replacements",
    "replacement",
    "start",
    "end",
    "member",
    "members",
    "group",
    "shift",
    "absenceType",
    "sequence",
    "emailAddress",
    "deviceType",
    "inRotation",
    "data",
    "endpoint",
    "url",
    "integrationType",
    "triggeredBy",
    "deployed",
    "roles",
    "conference",
]
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.text(max_size=8),
    st.sampled_from(["--1", "null", "ana|Mobile"]),
)
TIMES = st.sampled_from(["2026-11-22T08:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "now"])
ANY = st.recursive(
    st.one_of(PLAIN, TIMES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)),
    max_leaves=20,
)
OBJECT = st.dictionaries(st.sampled_from(NAMES), ANY, max_size=10)
READERS: tuple[Callable[..., Any], ...] = (
    lambda item: values.to_event({**item, "id": "e"}),
    values.to_option,
    values.to_recipient,
    values.to_annotation,
    values.to_person,
    values.to_delivery,
    values.to_choice,
    values.to_log_line,
    values.order,
    directory.to_target,
    directory.to_device,
    directory.to_user,
    directory.to_group,
    directory.to_absence,
    lambda item: directory.to_turn(item, items(item, "members")),
    lambda item: directory.to_shift(item, items(item, "members")),
    forms.to_form,
    forms.to_integration,
)


@settings(max_examples=40)
@given(OBJECT)
@example({"created": "0001-01-01T00:00:00+14:00", "expirationInMinutes": "--1"})
@example({"endpoint": {"url": "http://["}, "position": "--1", "orderId": "1" * 40})
def test_every_answer_can_be_read(item: dict[str, Any]) -> None:
    for read in READERS:
        read(item)


@settings(max_examples=40)
@given(OBJECT)
def test_what_is_read_makes_sense(item: dict[str, Any]) -> None:
    event = values.to_event({**item, "id": "e"})
    assert event.created is None or event.created.tzinfo is not None
    assert values.to_person(item).name or not values.to_person(item).key
    assert all(member.delay >= 0 for member in directory.to_turn(item, [item]).members)


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3), ("3", 3), (" 12 ", 12), ("-1", -1), ("--1", None), ("1.5", None), (True, None), (None, None), ("", None)],
)
def test_whole_numbers_may_come_as_text(value: Any, number: int | None) -> None:
    assert whole(value) == number
