# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Dynatrace watches a real service, and tells what it sees as the real one would."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.dynatrace import Dynatrace
from sandbox.dynatrace.notification import PAYLOAD, TEST_NOTIFICATION
from sandbox.settings import DiskWatch, Settings, Watch, Webhook
from support.one_tool import OneTool, start_tool
from support.shop import Shop

Running = OneTool[Dynatrace]


def until(condition: Callable[[], Any], what: str) -> Any:
    """Return the first true value of C(condition)."""
    for _attempt in range(2000):
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen")


class Receiver:
    """Takes webhooks on loopback. C(answers) are the statuses for the next ones; then 200."""

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.came.append((dict(self.headers), json.loads(body)))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.end_headers()
                self.wfile.write(b'{"error": "said why"}')

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/dynatrace"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _headers, body in self.came]

    def states(self) -> list[str]:
        return [body["State"] for body in self.bodies]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    running = Shop(tmp_path / "shop")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def tenant(receiver: Receiver) -> Iterator[Running]:
    """A tenant that probes nothing: the second probe is an hour away."""
    webhook = Webhook(receiver.url, {"Authorization": "Bearer s3cret"})
    watch = Watch("shop", "http://127.0.0.1:9/", "shop-01", interval=3600)
    with start_tool(Dynatrace, Settings(dynatrace_webhook=webhook, watches=(watch,))) as running:
        running.tool.notifier.pause = 0.01
        yield running


@pytest.fixture
def watching(receiver: Receiver, shop: Shop) -> Iterator[Running]:
    """A tenant that watches the shop."""
    webhook = Webhook(receiver.url, {"Authorization": "Bearer s3cret"})
    watch = Watch("shop", shop.url, "shop-01", interval=0.02)
    with start_tool(Dynatrace, Settings(dynatrace_webhook=webhook, watches=(watch,))) as running:
        until(lambda: running.snapshot()["watches"][0]["probes"] > 2, "probing")
        yield running


def test_a_disk_fills_up_and_is_freed(receiver: Receiver, tmp_path: Path) -> None:
    """The problem stays open between the limits, and is about the disk of a host."""
    webhook = Webhook(receiver.url, {})
    watch = DiskWatch("/data", str(tmp_path), "db-01", quota=1_000_000, interval=0.01)
    with start_tool(Dynatrace, Settings(dynatrace_webhook=webhook, disk_watches=(watch,))) as running:
        until(lambda: running.snapshot()["watches"][0]["probes"] > 2, "looking")
        assert running.snapshot()["problems"] == []
        for number in range(24):
            (tmp_path / f"{number}").write_bytes(b"x" * 40_960)
        [body] = until(lambda: receiver.bodies, "a notification")
        assert (body["ProblemTitle"], body["ProblemSeverity"]) == ("Low disk space", "RESOURCE_CONTENTION")
        details = body["ProblemDetailsJSONv2"]["evidenceDetails"]["details"][0]
        assert details["eventType"] == "OSI_LOW_DISK_SPACE"
        [problem] = running.snapshot()["problems"]
        assert (problem["entity"], problem["host"]) == ("/data", "db-01")
        [shown] = running.snapshot()["watches"]
        assert (shown["up"], shown["detail"]) == (False, "98 % used")
        (tmp_path / "0").unlink()
        looks = shown["probes"]
        until(lambda: running.snapshot()["watches"][0]["probes"] > looks + 5, "looks in between")
        assert receiver.states() == ["OPEN"], "94 % is neither full nor free"
        for number in range(1, 4):
            (tmp_path / f"{number}").unlink()
        until(lambda: receiver.states() == ["OPEN", "RESOLVED"], "the second notification")
        readings = running.tool.world.readings["builtin:host.disk.usedPct"][(watch.host_entity, watch.entity)]
        assert min(value for _at, value in readings) < 90 < max(value for _at, value in readings)


def test_crash_and_recovery_of_a_real_service(watching: Running, shop: Shop, receiver: Receiver) -> None:
    assert watching.snapshot()["problems"] == []
    shop.kill()
    [body] = until(lambda: receiver.bodies, "a notification")
    [problem] = watching.snapshot()["problems"]
    assert body["State"] == "OPEN"
    assert (body["PID"], body["ProblemID"]) == (problem["pid"], problem["display_id"])
    assert (body["ProblemTitle"], body["ProblemSeverity"]) == ("Process unavailable", "AVAILABILITY")
    assert body["ProblemDetailsJSONv2"]["evidenceDetails"]["details"][0]["eventType"] == "PGI_UNAVAILABLE"
    assert body["ImpactedEntities"][0]["name"] == "shop"
    assert (problem["status"], problem["entity"], problem["host"]) == ("OPEN", "shop", "shop-01")
    assert receiver.came[0][0]["Authorization"] == "Bearer s3cret"
    assert watching.snapshot()["watches"][0]["up"] is False
    shop.start()
    until(lambda: receiver.states() == ["OPEN", "RESOLVED"], "the second notification")
    assert receiver.bodies[1]["PID"] == problem["pid"]
    assert receiver.bodies[1]["ProblemDetailsJSONv2"]["status"] == "CLOSED"
    [closed] = watching.snapshot()["problems"]
    assert closed["status"] == "CLOSED"
    assert closed["closed_at"] is not None
    # It is noted how each was answered, a moment after it was.
    until(lambda: [e["status"] for e in watching.snapshot()["notifications"]] == [200, 200], "both answers")
    assert "s3cret" not in json.dumps(watching.snapshot())


def test_second_crash_is_another_problem(watching: Running, shop: Shop, receiver: Receiver) -> None:
    for number in range(2):
        shop.kill()
        until(lambda: len(receiver.came) > 2 * number, "the crash was told")  # noqa: B023
        shop.start()
        until(lambda: len(receiver.came) > 2 * number + 1, "the recovery was told")  # noqa: B023
    newest, oldest = watching.snapshot()["problems"]
    assert newest["pid"] != oldest["pid"]
    assert int(newest["display_id"][2:]) == int(oldest["display_id"][2:]) + 1


def test_problem_closed_by_hand_is_not_opened_for_the_same_cause(
    watching: Running, shop: Shop, receiver: Receiver
) -> None:
    shop.kill()
    until(lambda: receiver.states() == ["OPEN"], "the notification")
    [problem] = watching.snapshot()["problems"]
    assert watching.call("close", pid=problem["pid"]) == {"ok": True}
    until(lambda: receiver.states() == ["OPEN", "RESOLVED"], "the closing notification")
    probes = watching.snapshot()["watches"][0]["probes"]
    until(lambda: watching.snapshot()["watches"][0]["probes"] > probes + 5, "more probes")
    assert len(watching.snapshot()["problems"]) == 1
    [comment] = watching.snapshot()["problems"][0]["comments"]
    assert (comment["text"], comment["context"]) == ("Closed by hand", "dynatrace-problem-close")
    assert watching.call("close", pid=problem["pid"])["ok"] is False
    shop.start()
    until(lambda: watching.snapshot()["watches"][0]["up"], "recovery")
    shop.kill()
    until(lambda: len(watching.snapshot()["problems"]) == 2, "a new problem after a new cause")


def test_notification_that_failed_is_sent_again(tenant: Running, receiver: Receiver) -> None:
    receiver.answers = [503, 429, 500]
    tenant.call("open", title="x")
    until(lambda: len(receiver.came) == 4, "the fourth attempt")
    until(lambda: len(tenant.snapshot()["notifications"]) == 4, "the log")
    log = tenant.snapshot()["notifications"]
    assert [entry["status"] for entry in log] == [503, 429, 500, 200]
    assert log[0]["error"] == '{"error": "said why"}'
    assert log[-1]["error"] is None
    assert len({body["PID"] for body in receiver.bodies}) == 1


def test_repetition_can_be_switched_off(tenant: Running, receiver: Receiver) -> None:
    tenant.tool.notifier.attempts = 1
    receiver.answers = [503]
    tenant.call("open", title="lost")
    tenant.call("open", title="next")
    until(lambda: len(receiver.came) == 2, "the next problem")
    assert [body["ProblemTitle"] for body in receiver.bodies] == ["lost", "next"]


def test_refused_notification_is_not_sent_again(tenant: Running, receiver: Receiver) -> None:
    receiver.answers = [401]
    tenant.call("open", title="refused")
    tenant.call("open", title="next")
    until(lambda: len(receiver.came) == 2, "the next problem")
    assert [entry["status"] for entry in tenant.snapshot()["notifications"][:1]] == [401]


def test_resolution_never_overtakes_the_problem(tenant: Running, receiver: Receiver) -> None:
    receiver.answers = [503, 503]
    pid = tenant.call("open", title="x")["pid"]
    assert tenant.call("resolve", pid=pid) == {"ok": True}
    until(lambda: len(receiver.came) == 4, "all attempts")
    assert receiver.states() == ["OPEN", "OPEN", "OPEN", "RESOLVED"]


def test_receiver_that_is_not_there_is_told() -> None:
    late = Receiver()
    late.stop()
    with start_tool(Dynatrace, Settings(dynatrace_webhook=Webhook(late.url))) as running:
        running.tool.notifier.attempts, running.tool.notifier.pause = 2, 0.01
        running.call("open", title="x")
        until(lambda: len(running.snapshot()["notifications"]) == 2, "two attempts")
        assert all(entry["status"] is None and entry["error"] for entry in running.snapshot()["notifications"])


def test_test_notification_is_the_vendors(tenant: Running, receiver: Receiver) -> None:
    assert tenant.call("test_notification")["ok"] is True
    assert receiver.bodies == [TEST_NOTIFICATION]
    assert tenant.snapshot()["problems"] == []
    receiver.answers = [401]
    refused = tenant.call("test_notification")
    assert (refused["ok"], refused["answers"][0]["status"]) == (False, 401)


def test_test_notification_without_a_webhook_says_so() -> None:
    with start_tool(Dynatrace) as running:
        assert running.call("test_notification") == {"ok": False, "error": "no problem notification is configured"}


def test_problem_that_opens_again_keeps_its_ids(tenant: Running, receiver: Receiver) -> None:
    pid = tenant.call("open", title="x")["pid"]
    tenant.call("resolve", pid=pid)

    async def reopen() -> None:
        tenant.tool.reopen_problem(tenant.tool.world.problems[pid])

    tenant.run(reopen())
    until(lambda: receiver.states() == ["OPEN", "RESOLVED", "OPEN"], "three notifications")
    assert {body["PID"] for body in receiver.bodies} == {pid}


@pytest.mark.parametrize("arguments", [{}, {"title": ""}, {"title": 7}])
def test_problem_by_hand_needs_a_title(tenant: Running, arguments: dict[str, Any]) -> None:
    assert tenant.call("open", **arguments) == {"ok": False, "error": "title is missing"}


def test_own_template_is_filled_in(tenant: Running, receiver: Receiver) -> None:
    """Configured through the settings API: text is escaped, objects are not quoted, unknown names stay."""
    template = (
        '{"title": "{ProblemTitle}", "old": {ProblemDetailsJSON}, "text": "{ProblemDetailsText}", '
        '"service": "{Tags[service]}", "owner": "{Tags[owner]}", "start": "{ProblemStartTime}"}'
    )
    value = {
        "enabled": True,
        "type": "WEBHOOK",
        "displayName": "second",
        "alertingProfile": "p",
        "webHookNotification": {
            "url": receiver.url,
            "notifyClosedProblems": False,
            "headers": [{"name": "X-Token", "secret": True, "secretValue": "own"}],
            "payload": template,
        },
    }
    answer = requests.post(
        f"{tenant.url}/api/v2/settings/objects",
        json=[{"schemaId": "builtin:problem.notifications", "scope": "environment", "value": value}],
        headers={"Authorization": f"Api-Token {tenant.settings.dynatrace_token}"},
        timeout=10,
    )
    assert answer.status_code == 200
    title = 'a "quoted" {PID} \\ title'
    pid = tenant.call(
        "open", title=title, event_type="PGI_UNAVAILABLE", entity="PROCESS_GROUP_INSTANCE-5D1A000000000001"
    )["pid"]
    tenant.call("resolve", pid=pid)
    until(lambda: len(receiver.came) == 3, "both webhooks, and one of them of the end")
    [(headers, body)] = [came for came in receiver.came if "old" in came[1]]
    assert headers["X-Token"] == "own"
    assert body["title"] == title
    assert body["old"]["id"] == pid
    assert body["old"]["rankedEvents"][0]["eventType"] == "PGI_UNAVAILABLE"
    assert (body["service"], body["owner"], body["start"]) == ("shop", "{Tags[owner]}", "{ProblemStartTime}")
    assert body["text"].startswith("OPEN Problem P-")


def test_recommended_payload_has_no_placeholder_left(tenant: Running, receiver: Receiver) -> None:
    tenant.call("open", title="x", entity="HOST-1111111111111111", name="web01")
    [body] = until(lambda: receiver.bodies, "a notification")
    assert set(body) == {line.split('"')[1] for line in PAYLOAD.splitlines() if '"' in line}
    assert not [value for value in body.values() if isinstance(value, str) and value.startswith("{")]
