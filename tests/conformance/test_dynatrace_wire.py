# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we send to Dynatrace is what the schema of its API describes, and what it really answered is understood."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_figures import FIGURES
from ansible_collections.self_healing.devops.plugins.module_utils.dynatrace_hosts import described
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, RequestsTransport, Response
from ansible_collections.self_healing.devops.plugins.module_utils.problem_view import view
from ansible_collections.self_healing.devops.plugins.modules import (
    dynatrace_entity_info,
    dynatrace_event,
    dynatrace_metric_info,
    dynatrace_problem,
    dynatrace_problem_info,
)
from sandbox.dynatrace import Dynatrace
from sandbox.settings import Settings, Watch
from support.one_tool import OneTool, start_tool
from support.tree import ROOT

Running = OneTool[Dynatrace]
WATCH = Watch("shop", "http://127.0.0.1:9/", "shop-01", interval=3600)
SPEC = ROOT.parent / "shared" / "specs" / "dynatrace-env-v2-subset.derived.openapi.yaml"
RECORDED = SPEC.with_name("dynatrace-env-v2-recorded-answers.json")
#: Operations that the schema leaves out; the contract has them.
BESIDES = {("GET", "/metrics/{}")}


class Recorder:
    """Carries requests on, and keeps them with their answers."""

    def __init__(self) -> None:
        self._transport = RequestsTransport()
        self.exchanges: list[tuple[Request, Response]] = []

    def send(self, request: Request, timeout: float) -> Response:
        response = self._transport.send(request, timeout)
        self.exchanges.append((request, response))
        return response


class Answers:
    """Answers every request with the same body."""

    def __init__(self, body: Any) -> None:
        self._body = json.dumps(body).encode()

    def send(self, _request: Request, _timeout: float) -> Response:
        return Response(200, {}, self._body)


@pytest.fixture
def tenant() -> Iterator[Running]:
    with start_tool(Dynatrace, Settings(watches=(WATCH,))) as running:
        yield running


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    if not SPEC.is_file():
        pytest.skip(f"{SPEC.name} is not here")
    loaded: dict[str, Any] = _plain(yaml.safe_load(SPEC.read_text("utf-8")))
    return loaded


def _plain(node: Any) -> Any:
    """Return a schema of OpenAPI 3.0 with its "nullable" as JSON Schema says it."""
    if isinstance(node, list):
        return [_plain(child) for child in node]
    if not isinstance(node, dict):
        return node
    read = {key: _plain(child) for key, child in node.items()}
    return {"anyOf": [read, {"type": "null"}]} if read.get("nullable") is True else read


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    if not RECORDED.is_file():
        pytest.skip(f"{RECORDED.name} is not here")
    answers: dict[str, Any] = json.loads(RECORDED.read_text("utf-8"))["answers"]
    return {name: answer["body"] for name, answer in answers.items()}


def client(body: Any) -> DynatraceClient:
    return DynatraceClient("https://abc.live.dynatrace.com", "dt0c01.X.Y", Answers(body), attempts=1)


# -- what we send -----------------------------------------------------------------------------------------------------


def use_everything(tenant: Running, transport: Recorder) -> None:
    """Let every module of Dynatrace make all the calls that it has."""
    pid = str(tenant.call("open", title="t", event_type="PGI_UNAVAILABLE", entity=WATCH.entity)["pid"])

    def run(module: Any, **given: Any) -> None:
        account = {"dynatrace_url": tenant.url, "dynatrace_token": tenant.settings.dynatrace_token}
        checked = ArgumentSpecValidator(module.SPEC.options, **module.SPEC.constraints()).validate({**account, **given})
        assert not checked.error_messages
        module.run(checked.validated_parameters, False, transport)

    details = ["evidence", "comments", "impacts"]
    run(dynatrace_problem_info, problem_id=pid, details=details)
    run(
        dynatrace_problem_info,
        status="open",
        entity_selector='type("HOST")',
        since="now-1d",
        until="now",
        details=details,
    )
    run(dynatrace_problem, problem_id=pid, comments=[{"id": "i7k3v5q2x4dmz-1", "text": "x"}], closed=True)
    now = datetime.now(timezone.utc).isoformat()
    run(
        dynatrace_event,
        event_type="CUSTOM_DEPLOYMENT",
        title="t",
        description="d",
        entities=[WATCH.host_entity, WATCH.entity],
        incident="i7k3v5q2x4dmz",
        started_at=now,
        ended_at=now,
        event_timeout=5,
        properties={"attempt": 1},
        deployment={"name": "shop", "version": "1", "remedy": "blue_green_rollback"},
    )
    run(dynatrace_event, event_type="CUSTOM_INFO", title="t")
    for entity, type_ in ((WATCH.host_entity, "HOST"), (tenant.run(_service(tenant)), "SERVICE")):
        figures = [name for name, figure in FIGURES.items() if type_ in figure.types]
        run(dynatrace_metric_info, entity=entity, figures=figures)
    run(dynatrace_entity_info, entity_id=tenant.run(_service(tenant)))
    run(dynatrace_entity_info, entity_selector='type("PROCESS_GROUP_INSTANCE")', since="now-1d")


async def _service(tenant: Running) -> str:
    return tenant.tool.world.service_of(WATCH).id


def operation(api: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    """Return the operation of the schema that a request is, None for one that it leaves out."""
    for known, operations in api["paths"].items():
        pattern = re.sub(r"\{[^}]*\}", "[^/]+", known)
        if re.fullmatch(pattern, path) and method.lower() in operations:
            # A path without variables fits before one with them.
            if "{" in known and path in api["paths"]:
                continue
            found: dict[str, Any] = operations[method.lower()]
            return found
    return None


def test_every_call_is_one_that_the_schema_describes(tenant: Running, api: dict[str, Any]) -> None:
    transport = Recorder()
    use_everything(tenant, transport)
    seen = set()
    for request, response in transport.exchanges:
        parts = urlsplit(request.url)
        path = parts.path.removeprefix("/api/v2")
        described = operation(api, request.method, path)
        if described is None:
            assert (request.method, re.sub(r"(?<=^/metrics/).*", "{}", path)) in BESIDES, f"{request.method} {path}"
            continue
        what = f"{request.method} {path}"
        seen.add(described.get("operationId", what))
        parameters = {parameter["name"] for parameter in described.get("parameters", []) if parameter["in"] == "query"}
        assert {name for name, _value in parse_qsl(parts.query)} <= parameters, what
        if request.body is not None:
            _check(api, described["requestBody"], json.loads(request.body), what)
        answer = described["responses"][str(response.status)]
        if response.body:
            _check(api, answer, json.loads(response.body), f"the answer to {what}")
        assert request.headers["Authorization"].startswith("Api-Token dt0c01."), what
    assert len(seen) == 10


def _check(api: dict[str, Any], described: dict[str, Any], value: Any, what: str) -> None:
    [content] = [media for type_, media in described["content"].items() if type_.startswith("application/json")]
    schema = {**content["schema"], "components": api["components"]}
    wrong = jsonschema.exceptions.best_match(jsonschema.Draft7Validator(schema).iter_errors(value))
    assert wrong is None, f"{what}: {wrong.json_path}: {wrong.message[:300]}"


# -- what Dynatrace really answered -----------------------------------------------------------------------------------


def test_recorded_problems_are_shown(recorded: dict[str, Any]) -> None:
    body = recorded["problems-list"]
    records = list(client(body).problem_records({}, None))
    shown = [view(record, lambda pid: pid) for record in records]
    assert [problem["status"] for problem in shown] == ["open", "closed"]
    assert shown[0]["root_cause"] is None
    assert shown[0]["affected"][0]["name"] == "host01.example.com"
    assert (shown[0]["ended_at"], shown[1]["ended_at"]) == (None, "2021-06-06T18:33:03.324Z")
    whole = view(client(recorded["problem-detail"]).problem_record("-1_1V2"), lambda pid: pid)
    assert whole["title"] == "Multiple infrastructure problems"
    assert [found["event_type"] for found in whole["evidence"] if found["event_type"]][:1] == [
        "MEMORY_RESOURCES_EXHAUSTED"
    ]
    assert {found["type"] for found in whole["evidence"]} >= {"EVENT", "METRIC"}
    assert len(whole["evidence"]) == 4


def test_recorded_comments_are_read(recorded: dict[str, Any]) -> None:
    body = {**recorded["problem-comments"], "nextPageKey": None}
    assert [comment.created for comment in client(body).comments("-1_1V2")] == [1, 2]


def test_recorded_events_are_read(recorded: dict[str, Any]) -> None:
    since = datetime(2021, 9, 10, tzinfo=timezone.utc)
    found = list(client(recorded["events-list"]).events.listing(["CUSTOM_DEPLOYMENT"], since))
    assert len(found) == len(recorded["events-list"]["events"])
    assert found[0].entity == "SERVICE-596877472CDAA92E"
    assert found[0].properties["dt.event.source"] == "demo pipeline"
    reports = client(recorded["events-ingest-result"]).events.ingest({})
    assert [report.status for report in reports] == ["OK", "OK"]


def test_recorded_metrics_are_read(recorded: dict[str, Any]) -> None:
    now = datetime.now(timezone.utc)
    measured = client(recorded["metrics-query"]).metrics.query("builtin:host.cpu.idle", now - timedelta(hours=1), now)
    assert [point.value for point in measured.points] == [11.1, 22.2, 33.3]
    assert len(measured.warnings) == 1
    assert "has no such key" in measured.warnings[0]


def test_recorded_host_is_read(recorded: dict[str, Any]) -> None:
    entities = client(recorded["entity-host"]).entities
    record = entities.get("HOST-82F576674F19AC16")
    [shown] = described(entities, [record], True)
    [host] = shown["hosts"]
    assert host["host_names"] == ["host02"]
    assert host["addresses"] == ["192.168.15.101", "2001:db8::10"]
    assert (record.type, record.last_seen) == ("HOST", 1621177614119)
    assert (host["state"], host["os"], host["tags"]) == ("RUNNING", "LINUX", ["citrix-prod"])
