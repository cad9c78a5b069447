# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudEvents in both modes, and what is none."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.plugin_utils.cloud_events import read_event

EVENT = {
    "specversion": "1.0",
    "id": "1",
    "source": "keptn.sh",
    "type": "App Deployment.Failed",
    "time": "2026-11-22T10:00:00Z",
}
DATA = {"a": {"b": 1}}


def headers(event: dict[str, str]) -> dict[str, str]:
    return {f"Ce-{name.title()}": value for name, value in event.items()}


def test_both_modes_say_the_same() -> None:
    structured, data = read_event({**EVENT, "data": DATA}, {"Content-Type": "application/cloudevents+json"})
    assert (structured["type"], data) == ("App Deployment.Failed", DATA)
    assert structured["time"] == datetime(2026, 11, 22, 10, tzinfo=timezone.utc)
    binary, data = read_event(DATA, {**headers(EVENT), "Content-Type": "application/json"})
    assert data == DATA
    assert {**structured, "datacontenttype": "application/json"} == binary
    # Blanks in headers may be written as the specification wants it.
    assert (
        read_event(DATA, headers({**EVENT, "type": "App%20Deployment.Failed"}))[0]
        == read_event(DATA, headers(EVENT))[0]
    )


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_nothing_is_made_up_for_what_is_missing(name: str) -> None:
    less = {key: value for key, value in EVENT.items() if key != name}
    with pytest.raises(InvalidInputError, match=f"{name} is missing"):
        read_event({**less, "data": DATA}, {})


def test_data_that_is_packed_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="data_base64 is not taken"):
        read_event({**EVENT, "data_base64": "e30="}, {})


NAMES = st.sampled_from([*EVENT, "data", "datacontenttype", "subject", "dataschema", "shkeptncontext", "Odd Name", ""])
JSON: Any = st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.just({}) | st.just([1])


@settings(max_examples=500)
@given(
    body=st.dictionaries(NAMES, JSON) | JSON,
    given_headers=st.dictionaries(NAMES, st.text(max_size=12)),
    whole=st.booleans(),
)
def test_whatever_comes_is_an_event_or_refused_with_a_sentence(body: Any, given_headers: Any, whole: bool) -> None:
    if whole and isinstance(body, dict):
        body = {**EVENT, **body}
    elif whole:
        given_headers = {**EVENT, **given_headers}
    try:
        attributes, _data = read_event(body, {f"ce-{name}": value for name, value in given_headers.items()})
    except InvalidInputError as error:
        assert error.message.isprintable()  # noqa: PT017
        return
    assert attributes["id"]
