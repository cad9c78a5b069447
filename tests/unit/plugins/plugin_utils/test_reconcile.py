# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks into the problems of a scripted Dynatrace, with a real journal, and what becomes of looks that fail."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, Response
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Problem, incident_id, mark
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.plugin_utils import reconcile, reconcile_look
from ansible_collections.self_healing.devops.plugins.plugin_utils.daemon import in_daemon
from ansible_collections.self_healing.devops.plugins.plugin_utils.reconcile import Reconciliation
from ansible_collections.self_healing.devops.plugins.plugin_utils.reconcile_look import Look

START = datetime(2026, 11, 22, 10, 0, tzinfo=timezone.utc)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DUTY = "reconcile:dynatrace:acme"


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


def record(number: int | str, status: str = "OPEN", opened: datetime = START - MINUTE, **more: Any) -> dict[str, Any]:
    """Return a problem as the API has it. Problem 7 has the id -7_1V2."""
    ended = -1 if status == "OPEN" else milliseconds(START)
    times = {"startTime": milliseconds(opened), "endTime": ended}
    return {
        "problemId": pid(number),
        "displayId": f"P-{number}",
        "title": "Low disk",
        "status": status,
        **times,
        **more,
    }


def pid(number: int | str) -> str:
    return f"-{number}_1V2"


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def incident(number: int | str) -> str:
    return incident_id("dynatrace", "acme", pid(number))


@dataclass
class Tenant:
    """Answers as a script says: C(pages) are the list, C(records) the problems by id, C(failure) is said instead."""

    pages: list[Any] = field(default_factory=lambda: [[]])
    records: dict[str, Any] = field(default_factory=dict)
    failure: Any = None
    asked: list[str] = field(default_factory=list)

    def send(self, request: Request, _timeout: float) -> Response:
        parts = urlsplit(request.url)
        id_ = parts.path.removeprefix("/api/v2/problems").removeprefix("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.asked.append(id_ or query.get("nextPageKey") or f"from {query['from']}")
        if isinstance(self.failure, Exception):
            raise self.failure
        if self.failure is not None:
            return answer(self.failure)
        if id_:
            return answer(self.records.get(id_, Response(404, {}, b"")))
        number = int(query.get("nextPageKey", "0"))
        key = str(number + 1) if number + 1 < len(self.pages) else None
        return answer({"problems": self.pages[number], "nextPageKey": key})

    def looked_up(self) -> list[str]:
        return [what for what in self.asked if what.startswith("-")]

    def connect(self, pause: Callable[[float], None]) -> DynatraceClient:
        return DynatraceClient("https://abc.live.dynatrace.com", "dt0c01.X", self, attempts=1, pause=pause)


def answer(said: Any) -> Response:
    if isinstance(said, Response):
        return said
    return Response(200, {}, said if isinstance(said, bytes) else json.dumps(said).encode())


@dataclass
class Setting:
    tenant: Tenant
    journal: Journal
    clock: Clock
    reconciliation: Reconciliation
    woken: list[None]

    def look(self) -> str | None:
        """Look once and return what went wrong."""
        return self.reconciliation.look(self.new_look())

    def new_look(self) -> Look:
        known = self.reconciliation
        return Look(self.journal, known._environment, known._memory, lambda: self.woken.append(None), self.clock)

    def tell(self, *numbers: int | str, **changes: Any) -> None:
        """Record problems as notifications would."""
        for number in numbers:
            fields = {
                "display_id": "P-1",
                "title": "Low disk",
                "status": "open",
                "opened_at": START - MINUTE,
                **changes,
            }
            self.journal.record_problem(
                Problem(source="dynatrace", tenant="acme", problem_id=pid(number), **fields), "dynatrace"
            )

    def status(self, number: int | str) -> str:
        return str(self.journal.read(incident(number)).problem["status"])

    def incidents(self) -> set[str]:
        return set(self.journal.list_incidents())

    def done_at(self) -> datetime | None:
        duty = self.journal.duties.take(DUTY, "this worker", MINUTE)
        assert duty is not None
        return duty.done_at


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    tenant, clock, woken = Tenant(), Clock(), list[None]()
    journal = Journal.open(str(tmp_path / "journal.db"), clock)
    reconciliation = Reconciliation(
        journal,
        tenant.connect,
        lambda: woken.append(None),
        tenant="acme",
        service_tag="service",
        origin="dynatrace",
        worker="this worker",
        interval=0.01,
        clock=clock,
    )
    yield Setting(tenant, journal, clock, reconciliation, woken)
    journal.close()


# -- one look ---------------------------------------------------------------------------------------------------------


def test_missed_open_and_missed_close_are_recorded_and_delivered(setting: Setting) -> None:
    setting.tell(2)
    setting.tenant.pages = [[record(1), record(2, "CLOSED")]]
    assert setting.look() is None
    assert (setting.status(1), setting.status(2)) == ("open", "resolved")
    assert setting.woken
    delivered = setting.journal.due.hand_out(9, MINUTE, "w", origin="dynatrace")
    assert sorted(delivery.event()["problem"]["status"] for delivery in delivered) == ["open", "resolved", "resolved"]


def test_what_is_known_is_no_news(setting: Setting) -> None:
    setting.tell(1)
    setting.tenant.pages = [[record(1)]]
    assert setting.look() is None
    assert setting.woken == []
    assert len(setting.journal.read(incident(1)).timeline) == 1
    assert setting.journal.duplicates(incident(1)) == 0


def test_person_can_open_the_problem_from_the_incident(setting: Setting) -> None:
    setting.tenant.pages = [[record(1)]]
    setting.look()
    url = setting.journal.read(incident(1)).problem["url"]
    assert url == f"https://abc.live.dynatrace.com/#problems/problemdetails;pid={pid(1)}"


@pytest.mark.parametrize("odd", [None, "text", 7, [], {}, record(9, "BROKEN"), record(9, problemId=None)])
def test_problem_that_cannot_be_understood_does_not_stop_the_others(
    setting: Setting, odd: Any, caplog: pytest.LogCaptureFixture
) -> None:
    setting.tenant.pages = [[record(1), odd, record(2)], [odd, record(3)]]
    assert setting.look() is None
    assert setting.look() is None
    assert setting.incidents() == {incident(1), incident(2), incident(3)}
    assert caplog.text.count("cannot be understood") == 1
    assert "BROKEN" not in caplog.text
    assert "Low disk" not in caplog.text


def test_problems_are_written_in_batches(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = Journal.record_problems

    def count(journal: Journal, problems: Any, *arguments: Any, **options: Any) -> Any:
        sizes.append(len(problems))
        return real(journal, problems, *arguments, **options)

    monkeypatch.setattr(Journal, "record_problems", count)
    setting.tenant.pages = [[record(number) for number in range(450)], [record(450)]]
    assert setting.look() is None
    assert sizes == [200, 200, 50, 1]
    assert len(setting.journal.list_incidents(limit=1000)) == 451


def test_pages_are_as_old_as_the_question(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[datetime | None] = []
    real = Journal.record_problems

    def note(journal: Journal, problems: Any, *arguments: Any, **options: Any) -> Any:
        said.extend(problem.as_of for problem in problems)
        return real(journal, problems, *arguments, **options)

    def send(request: Request, timeout: float) -> Response:
        setting.clock.now += MINUTE
        return Tenant.send(setting.tenant, request, timeout)

    monkeypatch.setattr(Journal, "record_problems", note)
    monkeypatch.setattr(setting.tenant, "send", send)
    setting.tell(3)
    setting.tenant.pages = [[record(1)], [record(2)]]
    setting.tenant.records = {pid(3): record(3)}
    said.clear()
    assert setting.look() is None
    assert said == [START, START + MINUTE, START + 2 * MINUTE]


def test_problem_that_is_listed_twice_is_one_reading(setting: Setting) -> None:
    setting.tenant.pages = [[record(1), record(1, "CLOSED")], [record(1, "CLOSED")]]
    assert setting.look() is None
    assert setting.status(1) == "open"


def test_problem_that_we_made_ourselves_is_an_echo(setting: Setting) -> None:
    setting.tell(1)
    setting.tenant.pages = [[record(1), record(2, title=f"Restarted by {mark(incident(1))}")]]
    assert setting.look() is None
    assert setting.incidents() == {incident(1)}


def test_first_look_leaves_old_problems_alone_and_later_ones_as_well(setting: Setting) -> None:
    setting.tenant.pages = [[record(1, opened=START - 3 * HOUR), record(2, opened=START - HOUR)]]
    for _look in range(2):
        assert setting.look() is None
        setting.clock.now += MINUTE
    assert setting.incidents() == {incident(2)}
    assert setting.tenant.asked == [
        f"from {milliseconds(START - 2 * HOUR)}",
        f"from {milliseconds(START - 10 * MINUTE)}",
    ]


def test_old_problem_that_is_known_is_read_however_old_it_is(setting: Setting) -> None:
    old = START - 300 * HOUR
    setting.tell(1, 2, opened_at=old)
    setting.tell(2, opened_at=old, status="resolved", resolved_at=old + HOUR)
    setting.clock.now += HOUR
    setting.tenant.pages = [[record(1, "CLOSED", old), record(2, "OPEN", old)]]
    assert setting.look() is None
    assert (setting.status(1), setting.status(2)) == ("resolved", "open")


# -- looking up -------------------------------------------------------------------------------------------------------


def test_open_problem_that_the_list_does_not_have_is_looked_up(setting: Setting) -> None:
    setting.tell(1, 2)
    setting.tenant.pages = [[record(1)]]
    setting.tenant.records = {pid(2): record(2, "CLOSED")}
    assert setting.look() is None
    assert setting.tenant.looked_up() == [pid(2)]
    assert setting.status(2) == "resolved"
    assert setting.woken


def test_problem_of_another_tenant_is_none_of_ours(setting: Setting) -> None:
    other = Problem("dynatrace", "other", pid(1), "P-1", "open", "Low disk")
    setting.journal.record_problem(other, "dynatrace")
    assert setting.look() is None
    assert setting.tenant.looked_up() == []


def test_problem_that_dynatrace_does_not_know_stays_open_and_is_told_once(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    setting.tell(1)
    assert [setting.look(), setting.look()] == [None, None]
    assert setting.status(1) == "open"
    assert caplog.text.count("Dynatrace has no such problem") == 1


@pytest.mark.parametrize("odd", [b"<html>", [], {}, record(7, "CLOSED"), record(1, None)])
def test_look_up_without_a_usable_answer_changes_nothing_and_stops_nothing(setting: Setting, odd: Any) -> None:
    setting.tell(1, 2)
    setting.tenant.records = {pid(1): odd, pid(2): record(2, "CLOSED")}
    assert setting.look() is None
    assert (setting.status(1), setting.status(2)) == ("open", "resolved")
    assert setting.incidents() == {incident(1), incident(2)}


def test_look_ups_are_few_at_a_time_and_take_turns(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile_look, "MOST_LOOK_UPS", 2)
    setting.tell("a", "b", "c")
    setting.tenant.records = {pid(name): record(name) for name in "abc"}
    for _look in range(3):
        assert setting.look() is None
    assert setting.tenant.looked_up() == [pid(name) for name in "abcabc"]


def test_look_up_that_fails_is_told_and_the_list_counts_all_the_same(setting: Setting) -> None:
    setting.tell("a", "b")
    setting.tenant.pages = [[record("x")]]
    setting.tenant.records = {pid("a"): Response(503, {}, b"busy"), pid("b"): record("b")}
    assert "503" in (setting.look() or "")
    assert setting.done_at() == START
    assert incident("x") in setting.incidents()
    assert setting.tenant.looked_up() == [pid("a")]
    setting.look()
    assert setting.tenant.looked_up()[1:] == [pid("b"), pid("a")], "the next one is not held up"


# -- looks in a row ---------------------------------------------------------------------------------------------------


def test_one_worker_looks_for_all(setting: Setting) -> None:
    assert setting.journal.duties.take(DUTY, "another worker", MINUTE) is not None
    assert setting.look() is None
    assert setting.tenant.asked == []
    setting.clock.now += 2 * MINUTE
    assert setting.look() is None
    assert setting.tenant.asked != []


def test_worker_keeps_the_duty_until_it_comes_again(setting: Setting) -> None:
    assert setting.look() is None
    setting.clock.now += timedelta(seconds=59)
    assert setting.journal.duties.take(DUTY, "another worker", MINUTE) is None


@pytest.mark.parametrize(
    "failure",
    [
        b"<html>502</html>",
        [],
        {"problems": None},
        Response(401, {}, b'{"error":{"code":401,"message":"Token Authentication failed"}}'),
        Response(429, {"retry-after": "9"}, b""),
        Response(500, {}, b""),
        Response(302, {"location": "https://login.example.com/"}, b""),
        b"[" * 100_000,
        RuntimeError("anything"),
        MemoryError(),
        RecursionError("deep"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"),
    ],
)
def test_look_that_fails_is_not_counted_as_done(setting: Setting, failure: Any) -> None:
    setting.look()
    setting.clock.now += HOUR
    setting.tenant.failure = failure
    assert setting.look()
    assert setting.done_at() == START
    setting.tenant.failure, setting.tenant.pages = None, [[record(1)]]
    assert setting.look() is None
    assert setting.tenant.asked[-1] == f"from {milliseconds(START - 10 * MINUTE)}"
    assert setting.incidents() == {incident(1)}


def test_everything_is_known_up_to_the_begin_of_the_look_and_not_up_to_its_end(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(request: Request, timeout: float) -> Response:
        setting.clock.now += MINUTE
        return Tenant.send(setting.tenant, request, timeout)

    monkeypatch.setattr(setting.tenant, "send", send)
    assert setting.look() is None
    assert setting.done_at() == START


def test_what_was_read_before_the_failure_is_kept(setting: Setting) -> None:
    setting.tenant.pages = [[record(1)], None]
    assert setting.look()
    assert setting.incidents() == {incident(1)}
    assert setting.done_at() is None


def test_journal_that_fails_is_told(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any, **_options: Any) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr(Journal, "record_problems", full)
    setting.tenant.pages = [[record(1)]]
    assert setting.look() == "the disk is full"


def test_look_that_was_stopped_asks_and_writes_nothing_more(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.tenant.pages = [[record(1)], [record(2)]]
    look = setting.new_look()

    def send(request: Request, timeout: float) -> Response:
        look.stop()
        return Tenant.send(setting.tenant, request, timeout)

    monkeypatch.setattr(setting.tenant, "send", send)
    assert setting.reconciliation.look(look) is None
    assert len(setting.tenant.asked) == 1
    assert setting.incidents() == set()


def test_pause_between_two_attempts_ends_with_the_look(setting: Setting) -> None:
    look = setting.new_look()

    def connect(pause: Callable[[float], None]) -> DynatraceClient:
        threading.Timer(0.05, look.stop).start()
        return DynatraceClient("https://abc.live.dynatrace.com", "t", setting.tenant, attempts=2, pause=pause)

    setting.reconciliation._connect = connect
    setting.tenant.failure = Response(429, {"retry-after": "60"}, b"")
    assert setting.reconciliation.look(look) is None
    assert len(setting.tenant.asked) == 1


# -- for ever ---------------------------------------------------------------------------------------------------------


async def until(condition: Callable[[], bool], running: asyncio.Task[None]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            assert not running.done(), running.exception()
            await asyncio.sleep(0.005)


async def end(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_failures_are_told_once_and_so_is_their_end(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reconcile, "next_pause", lambda *_arguments: 0)
    tenant = setting.tenant
    tenant.failure = RuntimeError("Down\n\x1b[31mand out")
    running = asyncio.create_task(setting.reconciliation.run())
    await until(lambda: len(tenant.asked) >= 5, running)
    tenant.failure = Response(500, {}, b"")
    seen = len(tenant.asked)
    await until(lambda: len(tenant.asked) >= seen + 5, running)
    tenant.failure = None
    await until(lambda: "can be asked again" in caplog.text, running)
    await end(running)
    told = [line.getMessage() for line in caplog.records if line.name == reconcile.__name__]
    assert [message.partition(":")[0] for message in told] == [
        "Dynatrace (acme) cannot be asked for what no notification told",
        "Dynatrace (acme) cannot be asked for what no notification told",
        "Dynatrace (acme) can be asked again",
    ]
    assert not any("\n" in message or "\x1b" in message for message in told)


async def test_failures_make_the_pauses_longer_and_success_makes_them_short_again(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[int] = []

    def note(_interval: float, failed: int, _chance: float) -> float:
        failures.append(failed)
        if len(failures) == 3:
            setting.tenant.failure = None
        return 0

    monkeypatch.setattr(reconcile, "next_pause", note)
    setting.tenant.failure = RuntimeError("anything")
    running = asyncio.create_task(setting.reconciliation.run())
    await until(lambda: len(failures) >= 5, running)
    await end(running)
    assert failures[:5] == [1, 2, 3, 0, 0]


async def test_end_of_the_source_ends_it(setting: Setting) -> None:
    stopping = asyncio.Event()
    running = asyncio.create_task(setting.reconciliation.run(stopping))
    await until(lambda: bool(setting.tenant.asked), running)
    stopping.set()
    await asyncio.wait_for(running, 10)


async def test_end_of_the_source_is_no_failure_of_the_look_that_it_ends(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    hanging, stopping = Hanging(setting.tenant), asyncio.Event()
    setting.reconciliation._connect = hanging.connect
    running = asyncio.create_task(setting.reconciliation.run(stopping))
    await until(lambda: hanging.waiting == 1, running)
    stopping.set()
    await asyncio.wait_for(running, 10)
    hanging.release.set()
    assert caplog.text == ""


async def test_machine_without_threads_is_survived(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = list[None]()

    def start(*arguments: Any) -> Any:
        tried.append(None)
        if len(tried) < 3:
            raise RuntimeError("can't start new thread")
        return in_daemon(*arguments)

    monkeypatch.setattr(reconcile, "next_pause", lambda *_arguments: 0)
    monkeypatch.setattr(reconcile, "in_daemon", start)
    setting.tenant.pages = [[record(1)]]
    running = asyncio.create_task(setting.reconciliation.run())
    await until(lambda: bool(setting.woken), running)
    await end(running)


class Hanging:
    """A transport whose answers come when C(release) is set."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.release = threading.Event()
        self.waiting = 0

    def send(self, request: Request, timeout: float) -> Response:
        if not self.release.is_set():
            self.waiting += 1
            self.release.wait(60)
        return self.tenant.send(request, timeout)

    def connect(self, pause: Callable[[float], None]) -> DynatraceClient:
        return DynatraceClient("https://abc.live.dynatrace.com", "t", self, attempts=1, pause=pause)


async def test_answers_without_end_are_left_behind_and_not_too_many_of_them(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reconcile, "next_pause", lambda *_arguments: 0.001)
    monkeypatch.setattr(reconcile, "LONGEST_LOOK", 0.02)
    setting.tenant.pages = [[record(1)]]
    hanging = Hanging(setting.tenant)
    setting.reconciliation._connect = hanging.connect
    running = asyncio.create_task(setting.reconciliation.run())
    await until(lambda: "3 answers have begun that do not end" in caplog.text, running)
    assert hanging.waiting == 3
    monkeypatch.setattr(reconcile, "LONGEST_LOOK", 60.0)
    hanging.release.set()
    await until(lambda: bool(setting.woken), running)
    await end(running)
    assert setting.incidents() == {incident(1)}


async def test_end_of_the_source_does_not_wait_for_an_answer_and_nothing_is_written_after_it(setting: Setting) -> None:
    setting.tenant.pages = [[record(1)]]
    hanging = Hanging(setting.tenant)
    setting.reconciliation._connect = hanging.connect
    running = asyncio.create_task(setting.reconciliation.run())
    await until(lambda: hanging.waiting == 1, running)
    [thread] = [thread for thread in threading.enumerate() if thread.name == "reconcile"]
    await asyncio.wait_for(end(running), 5)
    hanging.release.set()
    await asyncio.to_thread(thread.join, 10)
    assert not thread.is_alive()
    assert setting.incidents() == set()


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
NAMES = st.sampled_from([*record(1), "problems", "nextPageKey", "evidenceDetails", "details", "entityTags", "error"])
HINTS = st.sampled_from([pid(1), pid(2), "OPEN", "CLOSED", "-", 0, -1, milliseconds(START)])
NEARLY = st.recursive(
    HINTS | ANY_JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
RECORDS = st.dictionaries(NAMES, NEARLY).map(lambda changes: {**record(1), **changes})
LISTS = st.fixed_dictionaries({"problems": st.lists(RECORDS | NEARLY, max_size=4)}, optional={"nextPageKey": NEARLY})
ANSWERS = st.binary(max_size=50) | (NEARLY | LISTS).map(lambda said: json.dumps(said).encode())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.builds(Response, st.sampled_from([200, 200, 200, 204, 301, 400, 401, 404, 429, 500]), st.just({}), ANSWERS)
)
def test_after_whatever_answer_the_next_look_is_as_good_as_ever(setting: Setting, said: Response) -> None:
    tenant = setting.tenant
    tenant.failure = said
    trouble = setting.look()
    assert trouble is None or isinstance(trouble, str)
    good = f"good{len(tenant.asked)}"
    tenant.failure, tenant.pages = None, [[record(good)]]
    assert setting.look() is None
    assert setting.status(good) == "open"
