# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents leave a journal complete, arrive in another one once, and are removed without a trace."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import json
import math
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from ansible_collections.self_healing.devops.plugins.module_utils import (
    answering,
    archive_format,
    archive_shapes,
    journal_archive,
    journal_schema,
    options,
    reports,
    steps,
    timers,
)
from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError, JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.journal_archive import Imported
from support.old_journal import VERSION_1, load, rows
from support.story import MANAGED, NOW, PROBLEM, REMEDIES, RESOLVED, answer
from support.tree import ROOT

#: Shortly after the last entry of the old journal, which has an incident in every state.
LATER = datetime(2026, 11, 22, 10, 30, tzinfo=timezone.utc)
CLOSED, ASKED, DETECTED = "idzz67vvda5tf", "ionqyolpiric6", "i43xqkzjpjfr6"
SIZE = 7


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Journal]:
    """A journal with incidents of all kinds."""
    path = str(tmp_path / "source.db")
    load(VERSION_1, path)
    journal = Journal.open(path, lambda: LATER)
    yield journal
    journal.close()


@pytest.fixture
def other(place: str) -> Iterator[Journal]:
    """Another journal, empty."""
    journal = Journal.open(place, lambda: LATER)
    yield journal
    journal.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Journal]:
    """An empty journal, for what has nothing to do with the kind of the database."""
    journal = Journal.open(str(tmp_path / "empty.db"), lambda: LATER)
    yield journal
    journal.close()


def archive(journal: Journal, **chosen: Any) -> bytes:
    return b"".join(journal.archive.export(**chosen))


def take_in(journal: Journal, archived: bytes, **options: Any) -> Imported:
    return journal.archive.take_in(io.BytesIO(archived), **options)


def parts(archived: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archived.splitlines()]


def joined(values: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


# -- there and back ----------------------------------------------------------------------------------------------------


def test_what_is_imported_is_exported_again_the_same(source: Journal, other: Journal) -> None:
    archived = archive(source)
    assert take_in(other, archived, dry_run=True) == Imported(created=SIZE)
    assert other.list_incidents() == []
    assert take_in(other, archived) == Imported(created=SIZE)
    assert archive(other) == archived
    for incident in source.list_incidents():
        assert other.read(incident, content=True) == source.read(incident, content=True)
        assert other.duplicates(incident) == source.duplicates(incident)


def test_an_archive_tells_everything_oldest_first(source: Journal) -> None:
    header, *lines = parts(archive(source))
    assert header == {
        "format": "self_healing.devops/journal",
        "version": 1,
        "schema": journal_schema.VERSION,
        "exported_at": "2026-11-22T10:30:00.000Z",
    }
    assert [line["incident"] for line in lines] == list(reversed(source.list_incidents()))
    closed = lines[0]
    assert (closed["incident"], closed["state"], closed["duplicates"]) == (CLOSED, "closed", 2)
    assert [entry["n"] for entry in closed["timeline"]] == list(range(1, len(closed["timeline"]) + 1))
    assert {tool["tool"]: tool["id"] for tool in closed["tools"]} == {"jira": "OPS-1", "slack": "C01"}
    assert closed["attachments"][1]["content"].startswith("# Ärger im Shop")
    assert [item["name"] for item in closed["due"]] == ["verify_deadline", "no_answer"]


def test_a_second_import_changes_nothing(source: Journal, other: Journal, place: str) -> None:
    archived = archive(source)
    take_in(other, archived)
    before = rows(place)
    assert take_in(other, archived) == Imported(kept=SIZE)
    assert rows(place) == before


def test_imported_work_is_due_and_nobody_has_it(source: Journal, other: Journal, place: str) -> None:
    source.due.hand_out(50, timedelta(minutes=5), "worker")
    take_in(other, archive(source))
    due = rows(place)["due"]
    assert {item["worker"] for item in due} == {item["leased_until"] for item in due} == {None}
    assert rows(place)["leases"] == []
    names = {(item.incident, item.kind, item.name) for item in other.due.hand_out(50, timedelta(minutes=5), "other")}
    assert (ASKED, "timer", "no_answer") in names
    assert (DETECTED, "problem", "updated") in names
    assert other.record_answer(answer(incident_id=ASKED)).change == "answered"


def test_a_longer_history_extends_the_shorter_one(source: Journal, other: Journal, place: str) -> None:
    take_in(other, archive(source))
    source.change(ASKED, lambda _: [Entry("noted", "a note", timers={"no_answer": 600})])
    source.tools.attach(ASKED, "log.txt", "text/plain", "new")
    assert take_in(other, archive(source)) == Imported(extended=1, kept=SIZE - 1)
    assert other.read(ASKED, content=True) == source.read(ASKED, content=True)
    timers = [row for row in rows(place)["due"] if (row["incident"], row["name"]) == (ASKED, "no_answer")]
    assert sorted(str(row["outcome"]) for row in timers) == ["None", "pointless"]
    (fires,) = (row["due_at"] for row in timers if row["settled_at"] is None)
    assert fires == "2026-11-22T10:40:00.000Z"


def test_a_shorter_history_leaves_the_longer_one_alone(source: Journal, tmp_path: Path) -> None:
    archived = archive(source)
    source.change(ASKED, lambda _: [Entry("noted", "a note")])
    before = rows(str(tmp_path / "source.db"))
    assert take_in(source, archived) == Imported(kept=SIZE)
    assert rows(str(tmp_path / "source.db")) == before


def test_two_histories_are_named_and_nothing_is_written(source: Journal, other: Journal) -> None:
    early = archive(source)
    take_in(other, joined([parts(early)[0], *[line for line in parts(early) if line.get("incident") == ASKED]]))
    source.change(ASKED, lambda _: [Entry("noted", "here")])
    other.change(ASKED, lambda _: [Entry("noted", "there")])
    with pytest.raises(
        InvalidInputError, match=f"line 3: incident {ASKED} is in the journal with another entry 4"
    ) as told:
        take_in(other, archive(source))
    assert told.value.details["differs"] == ASKED
    assert told.value.message.endswith("Nothing was imported.")
    assert other.list_incidents() == [ASKED]


def test_a_delivery_of_another_incident_is_not_overwritten(source: Journal, empty: Journal, tmp_path: Path) -> None:
    header, *lines = parts(archive(source))
    take_in(empty, joined([header, lines[0]]))
    lines[1]["due"][0]["id"] = lines[0]["due"][0]["id"]
    assert take_in(empty, joined([header, lines[1]])) == Imported(created=1)
    owners = {row["id"]: row["incident"] for row in rows(str(tmp_path / "empty.db"))["due"]}
    assert owners[lines[0]["due"][0]["id"]] == lines[0]["incident"]


def test_what_json_or_a_database_cannot_say_does_not_stop_an_archive(
    source: Journal, other: Journal, place: str
) -> None:
    source.tools.attach(ASKED, "log.txt", "text/plain", "zero \x00 here")
    odd = {"figure": math.nan, "most": math.inf, "half": "\ud800", "zero": "\x00"}
    source.change(ASKED, lambda _: [Entry("noted", "half \udc80", data=odd, key="k\x00")])
    archived = archive(source)
    assert take_in(source, archived) == Imported(kept=SIZE)
    take_in(other, archived)
    kept = other.read(ASKED, content=True)
    assert kept.attachments[0].content == "zero  here"
    assert kept.timeline[-1].data == {"figure": None, "most": None, "half": "?", "zero": "\x00"}
    assert take_in(other, archived) == Imported(kept=SIZE)


def test_incidents_are_chosen_by_state_and_by_age(source: Journal) -> None:
    assert [line["state"] for line in parts(archive(source, states=["asked", "stable"]))[1:]] == ["asked", "stable"]
    assert [line["incident"] for line in parts(archive(source, closed_before=LATER))[1:]] == [CLOSED]
    assert parts(archive(source, closed_before=LATER - timedelta(days=1)))[1:] == []


def test_an_archive_goes_on_over_pages_while_incidents_are_removed(
    source: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_archive, "BATCH", 2)
    lines = source.archive.export()
    next(lines)
    source.archive.prune(LATER)
    assert [json.loads(line)["incident"] for line in lines] == list(reversed(source.list_incidents()))


def test_an_archive_of_any_size_takes_little_memory(empty: Journal) -> None:
    for number in range(60):
        problem = replace(PROBLEM, problem_id=str(number))
        empty.record_problem(problem)
        empty.tools.attach(problem.incident, "log.txt", "text/plain", f"{number} " * 100_000)
    tracemalloc.start()
    size = sum(len(line) for line in empty.archive.export())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 15_000_000
    assert peak < size / 4


def test_an_incident_that_could_not_be_read_again_is_not_exported(
    source: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_format, "LONGEST_LINE", 1 << 12)
    with pytest.raises(JournalError, match=f"incident {CLOSED} takes more than"):
        archive(source)


# -- what is refused ---------------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], Any]


def put(*path: Any, value: Any) -> Change:
    """Return a function that puts a value into the line of the closed incident."""

    def change(line: dict[str, Any]) -> None:
        inner: Any = line
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value

    return change


#: Where the entries of these kinds are in the timeline of the closed incident.
DECIDED, CLAIMED = 1, 5
REFUSED: dict[str, tuple[Change, str]] = {
    "an id of something else": (put("incident", value="../../etc"), "incident is '../../etc', expected"),
    "an id of another problem": (put("incident", value="i" + "a" * 12), "not the identifier of the problem"),
    "a field that nobody knows": (put("worker", value="me"), "'worker' is not known"),
    "a field that is missing": (lambda line: line.pop("due"), "due is missing"),
    "an unknown state": (put("state", value="healed"), "state is 'healed', expected one of asked"),
    "an unknown severity": (put("severity", value=["high"]), r"severity is \['high'\], expected one of critical"),
    "a number as a text": (put("duplicates", value="2"), "duplicates is '2', expected a whole number"),
    "a truth value as a number": (put("duplicates", value=True), "duplicates is True, expected a whole number"),
    "a number that no column takes": (put("duplicates", value=2**31), "duplicates is 2147483648, expected"),
    "no timeline": (put("timeline", value=[]), r"timeline\[0\]\.kind has to be 'detected'"),
    "a timeline without its begin": (lambda line: line["timeline"].pop(0), r"timeline\[0\]\.kind has to be 'detected'"),
    "a gap": (lambda line: line["timeline"].pop(3), r"timeline\[3\]\.n is 5, expected 4"),
    "an entry twice": (lambda line: line["timeline"].insert(2, line["timeline"][1]), r"timeline\[2\]\.n is 2"),
    "a key twice": (put("timeline", 1, "key", value="detected"), "timeline: the key 'detected' is there twice"),
    "an unknown kind": (put("timeline", 1, "kind", value="hacked"), r"timeline\[1\]\.kind is 'hacked', expected one"),
    "a time that is none": (put("timeline", 1, "at", value="2026-02-30T10:00:00.000Z"), r"timeline\[1\]\.at is"),
    "a time of another form": (put("timeline", 1, "at", value="2026-11-22 10:00"), "expected a time like 2026-11-22T"),
    "a text without end": (put("timeline", 1, "text", value="x" * (1 << 21)), r"timeline\[1\]\.text has 2097152 char"),
    "a zero character": (put("timeline", 1, "text", value="a\x00b"), r"timeline\[1\]\.text is 'a\\x00b', expected"),
    "data that is no object": (
        put("timeline", 4, "data", value=[1]),
        r"timeline\[4\]\.data is \[1\], expected an object",
    ),
    "data that is nested": (
        put("timeline", 4, "data", value={"a": json.loads("[" * 99 + "]" * 99)}),
        r"timeline\[4\]\.data is nested more than 32 levels",
    ),
    "a problem without its id": (
        lambda line: line["timeline"][0]["data"].pop("problem_id"),
        "data.problem_id is missing",
    ),
    "what opened again before it was closed": (
        lambda line: line["timeline"][1].update(kind="reopened", data=line["timeline"][0]["data"]),
        r"timeline\[1\]\.kind is 'reopened' before anything was 'resolved'",
    ),
    "a service that is no name": (
        put("timeline", 0, "data", "service", value="{{ lookup('pipe', 'id') }}"),
        r"timeline\[0\]\.data\.service is .*lookup",
    ),
    "a decision without verdict": (put("timeline", DECIDED, "data", "verdict", value="heal"), "data.verdict is 'heal'"),
    "a target that is a pattern": (put("timeline", DECIDED, "data", "target", value="all:!x"), "target is 'all:!x'"),
    "an option that is a template": (
        put("timeline", DECIDED, "data", "options", 0, "name", value="{{ 7 * 7 }}"),
        r"options\[0\]\.name is '{{ 7 \* 7 }}'",
    ),
    "a role that is a path": (
        put("timeline", CLAIMED, "data", "role", value="../../evil"),
        r"timeline\[5\]\.data\.role is '../../evil'",
    ),
    "a claim without end": (
        put("timeline", CLAIMED, "data", "until", value=None),
        "data.until is None, expected a time",
    ),
    "a tool twice": (lambda line: line["tools"].append(line["tools"][0]), "tools: the tool 'jira' is there twice"),
    "a tool's unknown state": (put("tools", 0, "state", value="fine"), r"tools\[0\]\.state is 'fine'"),
    "responders that are none": (
        put("tools", 0, "details", value={"responders": 1}),
        r"responders is 1, expected a list",
    ),
    "a file name that is a path": (put("attachments", 0, "name", value="../x"), r"attachments\[0\]\.name is '../x'"),
    "a changed attachment": (put("attachments", 0, "content", value="changed"), r"attachments\[0\]\.sha256 is not the"),
    "an unknown timer": (put("due", 0, "name", value="boom"), r"due\[0\]\.name is 'boom', expected one of catch_up"),
    "an unknown kind of work": (put("due", 0, "kind", value="shell"), r"due\[0\]\.kind is 'shell'"),
    "an answer that is a template": (
        lambda line: line["due"][0].update(kind="answer", name="{{ 1 }}"),
        r"due\[0\]\.name is '{{ 1 }}'",
    ),
    "work with an owner": (put("due", 0, "worker", value="w"), r"due\[0\]\.'worker' is not known"),
    "a delivery of another form": (put("due", 0, "id", value="d1"), r"due\[0\]\.id is 'd1'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_line_is_refused_for(what: str, source: Journal, empty: Journal) -> None:
    change, message = REFUSED[what]
    header, closed, *lines = parts(archive(source))
    # A good line comes first: it must not be written either.
    wrong = [header, lines[0], closed, *lines[1:]]
    change(closed)
    with pytest.raises(InvalidInputError, match=f"line 3: .*{message}") as told:
        take_in(empty, joined(wrong))
    assert told.value.message.endswith(
        "Mend this line or take it out, or export again where the file comes from. Nothing was imported."
    )
    assert len(told.value.message) < 900
    assert empty.list_incidents() == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda archived: b"", "line 1: this is no archive of a journal: it is empty"),
        (lambda archived: b"remember the milk\n", "line 1: this is no archive of a journal: it is not JSON"),
        (lambda archived: b'{"a": 1}\n', "line 1: this is no archive of a journal: format is missing"),
        (lambda archived: b"[1]\n", r"line 1: this is no archive of a journal: the line is \[1\], expected an object"),
        (lambda archived: archived.split(b"\n", 1)[1], "line 1: this is no archive of a journal"),
        (lambda archived: archived.replace(b'"version": 1', b'"version": 2', 1), r"newer release \(version 2"),
        (lambda archived: archived[:-1], "line 8: the file is cut off in it. Copy or export the file again"),
        (lambda archived: archived + archived.splitlines(True)[2], "line 9: ionqyolpiric6 is in an earlier line"),
        (lambda archived: archived + b"\n", "line 9: it is empty"),
        (lambda archived: archived + b"{}\n", "line 9: incident is missing"),
        (lambda archived: archived + b"\xff\n", "line 9: it is not UTF-8"),
        (lambda archived: archived + b'{"incident": NaN}\n', "line 9: it holds NaN"),
        (lambda archived: archived + b'{"a": 1, "a": 2}\n', "line 9: it names 'a' twice"),
        (lambda archived: archived + b"[" * 100_000 + b"\n", "line 9: it is nested too deeply"),
        (lambda archived: archived + b'"\\ud800"\n', "line 9: it holds half of a surrogate pair"),
    ],
)
def test_a_file_is_refused(change: Callable[[bytes], bytes], message: str, source: Journal, empty: Journal) -> None:
    with pytest.raises(InvalidInputError, match=message):
        take_in(empty, change(archive(source)))
    assert empty.list_incidents() == []


def test_a_line_without_end_is_not_read(source: Journal, empty: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    archived = archive(source)
    monkeypatch.setattr(archive_format, "LONGEST_LINE", 1 << 12)
    with pytest.raises(InvalidInputError, match="line 2: it is longer than"):
        take_in(empty, archived)


ODD = [None, True, 0, -1, 1.5, "", "x", "{{ 1 }}", [], [1], {}, {"a": 1}, "2026-11-22"]
KINDS = sorted(archive_shapes.ENTRY_KINDS)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything inside of a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield (*path, name)
        yield from places(item, (*path, name))


_OLD = None


def old_lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    global _OLD
    if _OLD is None:
        path = str(tmp_path_factory.mktemp("old") / "old.db")
        load(VERSION_1, path)
        _OLD = parts(archive(Journal.open(path)))[1:]
    return _OLD


@hypothesis.settings(max_examples=1000)
@hypothesis.given(data=strategies.data())
def test_whatever_stands_in_a_line_it_is_fit_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: strategies.DataObject
) -> None:
    line = copy.deepcopy(data.draw(strategies.sampled_from(old_lines(tmp_path_factory))))
    path = data.draw(strategies.sampled_from(list(places(line))))
    put(*path, value=data.draw(strategies.sampled_from(KINDS if path[-1] == "kind" else ODD)))(line)
    archived = archive_format.header(1, NOW) + joined([line])
    try:
        ((_number, read),) = archive_format.read_archive(io.BytesIO(archived))
    except InvalidInputError as error:
        assert error.message.startswith("line 2: ")  # noqa: PT017
        return
    # What is fit can be worked with.
    incident = archive_format.incident_of(read)
    assert incident.to_dict()["id"] == line["incident"]
    steps.consequences(incident)
    options.unreleased(incident)
    steps.in_other_hands(incident, "me", NOW, lambda _: "unknown")
    for problem in (PROBLEM, RESOLVED, replace(PROBLEM, title="other", as_of=LATER)):
        reports.absorb(incident, problem)
    for name in archive_shapes.TIMERS:
        timers.due(incident, name, timedelta(minutes=1), NOW, lambda _: "unknown")
    timers.catch_up_after(incident, LATER)
    decision = policies.decide(policies.Policy(), incident, REMEDIES, [MANAGED], policies.Surroundings(), LATER)
    for step in (
        lambda i: steps.decide(i, decision.to_data(), {}),
        lambda i: answering.answer(i, answer()).entries,
        lambda i: steps.claim(i, "me", LATER, timedelta(minutes=1), lambda _: "lost"),
        lambda i: steps.finish(i, "done"),
        steps.fix_started,
        steps.verified,
        steps.close,
    ):
        with contextlib.suppress(steps.StepRefusedError):
            step(incident)


def test_every_kind_of_entry_that_is_written_is_known() -> None:
    """An archive of ours with a kind that is missing here could not be imported."""
    written = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Entry" and node.args:
                written |= {
                    part.value
                    for part in ast.walk(node.args[0])
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
    assert len(written) > 20
    assert written <= archive_shapes.ENTRY_KINDS


# -- away --------------------------------------------------------------------------------------------------------------


def close(journal: Journal, number: int) -> str:
    problem = replace(PROBLEM, problem_id=str(number))
    journal.record_problem(problem)
    journal.record_problem(replace(RESOLVED, problem_id=str(number)))
    journal.tools.attach(problem.incident, "log.txt", "text/plain", str(number))
    journal.tools.lease(problem.incident, "jira", "w", timedelta(minutes=1))
    journal.change(problem.incident, steps.close)
    return problem.incident


@pytest.fixture
def aged(place: str) -> Iterator[Journal]:
    """A journal in which five incidents were closed, one every day. The first of them was opened again."""
    now = [NOW]
    journal = Journal.open(place, lambda: now[0])
    closed = []
    for number in range(5):
        closed.append(close(journal, number))
        now[0] += timedelta(days=1)
    again = replace(PROBLEM, problem_id="0", opened_at=now[0])
    assert journal.record_problem(again).change == "reopened"
    yield journal
    journal.close()


def test_only_what_was_closed_long_ago_is_removed_with_all_that_belongs_to_it(
    aged: Journal, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_archive, "BATCH", 2)
    before = NOW + timedelta(days=3, hours=1)
    removed = sorted(replace(PROBLEM, problem_id=str(number)).incident for number in (1, 2, 3))
    kept = sorted(replace(PROBLEM, problem_id=str(number)).incident for number in (0, 4))
    there = rows(place)
    assert aged.archive.prune(before, dry_run=True) == removed
    assert rows(place) == there
    assert aged.archive.prune(before) == removed
    assert aged.archive.prune(before) == []
    assert sorted(aged.list_incidents()) == kept
    after = rows(place)
    for table in ("timeline", "due", "tools", "leases", "attachments"):
        assert after[table] == [row for row in there[table] if row["incident"] in kept]
        assert table == "tools" or len(after[table]) < len(there[table])


def test_what_was_closed_again_counts_from_then(aged: Journal) -> None:
    first = replace(PROBLEM, problem_id="0").incident
    later = NOW + timedelta(days=5)
    aged.record_problem(replace(RESOLVED, problem_id="0", resolved_at=later + timedelta(minutes=1)))
    aged.change(first, steps.close)
    assert first not in aged.archive.prune(later)
    assert first in aged.archive.prune(later + timedelta(seconds=1))


def test_what_was_removed_may_come_back_as_an_archive(aged: Journal) -> None:
    before = NOW + timedelta(days=30)
    archived = archive(aged, closed_before=before)
    assert len(aged.archive.prune(before)) == 4
    assert take_in(aged, archived) == Imported(created=4)
    assert archive(aged, closed_before=before).splitlines()[1:] == archived.splitlines()[1:]
