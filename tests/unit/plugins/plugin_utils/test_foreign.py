# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event filter incident: what becomes of events of foreign sources, and that nothing makes it raise."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible_rulebook.engine import FilteredQueue
from ansible_rulebook.event_filter import insert_meta_info
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils import incident as words
from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import incident_id, mark
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_due import DueWork
from ansible_collections.self_healing.devops.plugins.module_utils.journal_rows import Delivery
from ansible_collections.self_healing.devops.plugins.plugin_utils import foreign
from ansible_collections.self_healing.devops.plugins.plugin_utils.delivery import worker
from support.dynatrace_forms import DAVIS, FORMS, PID, TEST_FORMS, davis
from support.tree import INSTALLED, ROOT, source

NAMES = source(INSTALLED / "extensions/eda/plugins/event_filter/incident.py")
main = NAMES["main"]
SCHEMA = json.loads((ROOT / "extensions/eda/schemas/event.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
INCIDENT = incident_id("dynatrace", "default", PID)
#: What eda.builtin.webhook puts around a body: the headers would be in the extra variables of every playbook.
META = {"headers": {"Cookie": "secret"}, "endpoint": "x", "hosts": ["all"], "uuid": "theirs"}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    location = str(tmp_path / "journal.db")
    opened = Journal.open(location)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELF_HEALING_JOURNAL", location)
        yield opened
    foreign.JOURNALS.close()
    opened.close()


def sent(payload: Any) -> dict[str, Any]:
    return {"payload": payload, "meta": dict(META)}


def opened(number: int, **changes: Any) -> dict[str, Any]:
    return sent({"eventData": davis(**{"event.id": f"-{number}_1V2", **changes})})


def refused(reason: str) -> dict[str, Any]:
    return {"refused": {"source": "dynatrace", "reason": reason}}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_becomes_the_safe_event(journal: Journal, form: str) -> None:
    event = main(sent(FORMS[form]))
    VALIDATOR.validate(event)
    uuid = event["meta"]["uuid"]
    assert event == {
        "problem": {
            "incident": INCIDENT,
            "kind": "disk_pressure",
            "status": "open",
            "severity": "medium",
            "source": "dynatrace",
            "service": "shop",
        },
        "meta": {"uuid": uuid},
    }
    assert journal.due.unsettled(worker()) == 1
    assert journal.due.begin(uuid, "run:1"), "a playbook can take it up"
    assert main(sent(FORMS[form])) == []
    assert journal.duplicates(INCIDENT) == 1


@pytest.mark.parametrize(
    ("place", "event"),
    [
        ("payload", sent(DAVIS)),
        ("payload", sent(json.dumps(DAVIS))),
        ("body", {"body": json.dumps(DAVIS).encode(), "meta": META}),
        ("", {**FORMS["Problems API v2"], "meta": META}),
        ("payload.event", sent({"event": DAVIS})),
        ("alert", {"alert": FORMS["default payload with version 1"], "meta": META}),
    ],
)
def test_report_is_found_where_it_is_said_to_be(journal: Journal, place: str, event: dict[str, Any]) -> None:
    assert main(event, payload=place)["problem"]["incident"] == INCIDENT


def test_tenant_and_tag_can_be_said(journal: Journal) -> None:
    event = main(sent(DAVIS), tenant="acme", service_tag="ansible_host")
    assert event["problem"]["incident"] == incident_id("dynatrace", "acme", PID)
    assert event["problem"]["service"] == "web01.example.com"


def test_end_of_a_problem_is_news(journal: Journal) -> None:
    main(sent(DAVIS))
    assert main(sent(davis(**{"event.status": "CLOSED"})))["problem"]["status"] == "resolved"


@pytest.mark.parametrize("form", TEST_FORMS)
def test_test_notification_goes_nowhere(journal: Journal, form: str) -> None:
    assert main(sent(TEST_FORMS[form])) == []
    assert journal.list_incidents() == []


def test_echo_and_duplicate_of_another_problem_go_nowhere(journal: Journal) -> None:
    main(sent(DAVIS))
    assert main(opened(2, **{"event.name": f"made by {mark(INCIDENT)}"})) == []
    assert main(opened(3, **{"dt.davis.is_duplicate": True})) == []
    assert journal.list_incidents() == [INCIDENT]


def test_what_the_window_has_no_room_for_waits_in_the_journal(journal: Journal) -> None:
    assert [bool(main(opened(number), window=2)) for number in range(4)] == [True, True, False, False]
    assert (journal.due.unsettled(worker()), journal.due.figures().waiting) == (2, 2)


@pytest.mark.parametrize(
    ("event", "arguments", "reason"),
    [
        (None, {}, "not_understood"),
        ([], {}, "not_understood"),
        ("text", {"payload": ""}, "not_understood"),
        ({}, {}, "not_understood"),
        (sent(None), {}, "not_understood"),
        (sent("{"), {}, "not_understood"),
        (sent("x" * (foreign.LONGEST_TEXT + 1)), {}, "not_understood"),
        (sent([DAVIS]), {}, "not_understood"),
        (sent({"eventData": {**DAVIS, "event.kind": "DAVIS_EVENT"}}), {}, "not_understood"),
        (sent(DAVIS), {"payload": "elsewhere"}, "not_understood"),
        (sent(DAVIS), {"source": "nagios"}, "misconfigured"),
        (sent(DAVIS), {"playload": "x"}, "misconfigured"),
        (sent(DAVIS), {"event": "x"}, "misconfigured"),
        (sent(DAVIS), {"tenant": ["x"]}, "misconfigured"),
        (sent(DAVIS), {"window": 0}, "misconfigured"),
        (sent(DAVIS), {"journal": "nosuch://x"}, "misconfigured"),
    ],
)
def test_what_cannot_be_taken_is_told_in_one_line(
    journal: Journal, caplog: pytest.LogCaptureFixture, event: Any, arguments: dict[str, Any], reason: str
) -> None:
    with caplog.at_level(logging.INFO):
        assert main(event, **arguments) == refused(reason)
    VALIDATOR.validate(refused(reason))
    lines = [record.getMessage() for record in caplog.records if record.name == foreign.LOGGER.name]
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert lines[0].startswith(f"dynatrace: an event was not taken ({reason}): ")


def test_journal_that_fails_is_told_and_tried_again(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any) -> Any:
        raise JournalError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "record_problem", fail)
        assert main(sent(DAVIS)) == refused("journal_failed")
    with monkeypatch.context() as patch:
        patch.setattr(DueWork, "hand_out_one", fail)
        assert main(sent(DAVIS)) == [], "it is recorded, and handed out from the journal"
    assert journal.due.figures().waiting == 1


def test_surprise_is_no_exception(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def surprise(*_arguments: Any) -> Any:
        raise RecursionError("deep")

    monkeypatch.setattr(foreign, "payload_of", surprise)
    assert main(sent(DAVIS)) == refused("failed")


async def test_the_engine_gets_nothing_but_the_safe_event(journal: Journal) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    added = {"source_name": "stream", "source_type": "eda.builtin.webhook"}
    filtered = FilteredQueue([(main, {}), (insert_meta_info.main, added)], queue)
    for payload in (FORMS["workflow"], FORMS["workflow"], TEST_FORMS["Keptn"], "nonsense"):
        await filtered.put(sent(payload))
    events = [queue.get_nowait() for _number in range(queue.qsize())]
    assert [next(iter(event)) for event in events] == ["problem", "refused"]
    for event in events:
        VALIDATOR.validate(event)
        assert not {"headers", "hosts"} & set(event["meta"])
    assert events[0]["meta"]["uuid"].startswith("d")


# -- anything ---------------------------------------------------------------------------------------------------------

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.binary(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["payload", "eventData", "meta", *DAVIS]) | st.text(max_size=4), inner, max_size=4
        )
    ),
    max_leaves=8,
)
NEARLY = st.dictionaries(st.sampled_from([*DAVIS]), ANY_JSON, max_size=3).map(lambda odd: sent({**DAVIS, **odd}))


def test_whatever_comes_a_safe_event_or_nothing_goes(journal: Journal) -> None:
    logging.disable(logging.ERROR)

    @settings(max_examples=120)
    @given(event=ANY_JSON | ANY_JSON.map(sent) | NEARLY, place=st.sampled_from(["payload", "", "payload.eventData"]))
    def check(event: Any, place: str) -> None:
        result = main(event, payload=place, window=1000)
        for one in result if isinstance(result, list) else [result]:
            VALIDATOR.validate(one)

    try:
        check()
    finally:
        logging.disable(logging.NOTSET)


def word(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(rf"\A{pattern}\Z")


@given(
    kind=st.sampled_from(["problem", "answer", "timer"]),
    name=word("[a-z][a-z_]{0,20}"),
    channel=st.none() | word("[a-z]{1,10}"),
    problem=st.tuples(*(st.sampled_from(known) for known in (words.KINDS, words.PROBLEM_STATUSES, words.SEVERITIES))),
    service=st.none() | word(words.SERVICE_NAME.pattern),
)
def test_every_delivery_is_a_safe_event(
    kind: str, name: str, channel: str | None, problem: tuple[str, str, str], service: str | None
) -> None:
    delivery = Delivery("d" + "0" * 32, INCIDENT, kind, name, channel, 1, *problem, "dynatrace", service)
    VALIDATOR.validate(delivery.event())


@pytest.mark.parametrize(
    "unsafe",
    [
        {"problem": {}, "meta": {"uuid": "x"}},
        {"meta": {"uuid": "x"}},
        {},
        {**refused("failed"), "meta": {"uuid": "x", "headers": {}}},
        {**refused("failed"), "meta": {"uuid": "x", "hosts": "all"}},
        {**refused("failed"), "title": "{{ lookup('pipe', 'id') }}"},
        refused("{{ 1 }}"),
        {"timer": {"incident": INCIDENT, "name": "a b"}, "meta": {"uuid": "x"}},
    ],
)
def test_schema_refuses_what_is_not_safe(unsafe: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(unsafe)


def test_schema_has_the_words_of_the_domain() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    problem = SCHEMA["properties"]["problem"]["properties"]
    assert problem["kind"]["enum"] == list(words.KINDS)
    assert problem["status"]["enum"] == list(words.PROBLEM_STATUSES)
    assert problem["severity"]["enum"] == list(words.SEVERITIES)
    assert SCHEMA["properties"]["refused"]["properties"]["reason"]["enum"] == list(foreign.REASONS)


# -- documentation ----------------------------------------------------------------------------------------------------


def test_filter_documents_exactly_its_arguments() -> None:
    options = yaml.safe_load(NAMES["DOCUMENTATION"])["options"]
    assert set(options) == set(foreign.Settings.__dataclass_fields__)
    for name, option in options.items():
        assert option.get("default") == getattr(foreign.Settings(), name)
    assert options["source"]["choices"] == list(foreign.TRANSLATORS)
    (ruleset,) = yaml.safe_load(NAMES["EXAMPLES"])
    assert [name for filter_ in ruleset["sources"][0]["filters"] for name in filter_] == [
        "self_healing.devops.incident"
    ]


def test_collection_says_that_it_has_filters() -> None:
    extensions = yaml.safe_load((ROOT / "meta/extensions.yml").read_text("utf-8"))["extensions"]
    folders = {extension["args"]["ext_dir"] for extension in extensions}
    assert folders == {"eda/plugins/event_filter", "eda/plugins/event_source"}
