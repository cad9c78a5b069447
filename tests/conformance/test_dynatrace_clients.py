# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Dynatrace speaks as the real one: the third-party client dt and the schema of the API agree with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from aiohttp import web

from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.http import RequestsTransport
from sandbox.dynatrace import Dynatrace
from sandbox.dynatrace.notification import PAYLOAD
from sandbox.dynatrace.world import Sample
from sandbox.settings import Settings, Watch
from support.one_tool import OneTool, start_tool
from support.tree import ROOT

dt = pytest.importorskip("dynatrace", reason="the package dt is not installed")
from dynatrace.environment_v2.settings import SettingsObjectCreate, SettingsObjectUpdate  # noqa: E402

Running = OneTool[Dynatrace]
#: A service that nobody probes in these tests: the first probe is an hour away.
WATCH = Watch("shop", "http://127.0.0.1:9/", "shop-01", interval=3600)
SPEC = ROOT.parent / "shared" / "specs" / "dynatrace-env-v2-subset.derived.openapi.yaml"
RECORDED = SPEC.with_name("dynatrace-env-v2-recorded-answers.json")


@pytest.fixture
def tenant() -> Iterator[Running]:
    with start_tool(Dynatrace, Settings(watches=(WATCH,))) as running:
        yield running


@pytest.fixture
def client(tenant: Running) -> Any:
    return dt.Dynatrace(tenant.url, tenant.settings.dynatrace_token)


def opened(tenant: Running, count: int = 1, **changes: Any) -> list[str]:
    given = {"title": "Process unavailable", "event_type": "PGI_UNAVAILABLE", "entity": WATCH.entity, **changes}
    return [tenant.call("open", **given)["pid"] for _number in range(count)]


# -- the client dt --------------------------------------------------------------------------------------------------


def test_dt_reads_a_problem_with_everything(tenant: Running, client: Any) -> None:
    [pid] = opened(tenant)
    problem = client.problems.get(pid, fields="evidenceDetails,impactAnalysis,recentComments")
    assert problem.problem_id == pid
    assert problem.display_id.startswith("P-")
    assert (problem.status.value, problem.severity_level.value, problem.impact_level.value) == (
        "OPEN",
        "AVAILABILITY",
        "INFRASTRUCTURE",
    )
    assert abs(datetime.now(timezone.utc) - problem.start_time) < timedelta(minutes=1)
    assert problem.end_time is None
    assert problem.root_cause_entity.entity_id.id == WATCH.entity
    [evidence] = problem.evidence_details.details
    assert (evidence.event_type, evidence.entity.name) == ("PGI_UNAVAILABLE", "shop")
    assert [tag.string_representation for tag in problem.entity_tags] == ["service:shop"]
    assert problem.impact_analysis.impacts == []


def test_dt_selects_problems(tenant: Running, client: Any) -> None:
    [process] = opened(tenant)
    [disk] = opened(tenant, title="Low disk space", event_type="OSI_LOW_DISK_SPACE", entity="DISK-1111111111111111")
    tenant.call("resolve", pid=disk)
    known = {problem.problem_id: problem.display_id for problem in client.problems.list()}

    def found(selector: str) -> set[str]:
        return {problem.problem_id for problem in client.problems.list(problem_selector=selector)}

    assert set(known) == {process, disk}
    assert found('status("open")') == {process}
    assert found('status("closed")') == {disk}
    assert found(f'problemId("{disk}")') == {disk}
    assert found(f'displayId("{known[process]}")') == {process}
    assert found('severityLevel("RESOURCE_CONTENTION","AVAILABILITY")') == {process, disk}
    assert found('entityTags("service:shop")') == {process}
    assert found(f'affectedEntities("{WATCH.entity}"),status("closed")') == set()
    assert found('text("disk")') == {disk}
    assert found("underMaintenance(true)") == set()
    by_entity = client.problems.list(entity_selector='type("DISK")')
    assert {problem.problem_id for problem in by_entity} == {disk}
    assert {problem.problem_id for problem in client.problems.list(time_from="now-2h", time_to="now-1h")} == set()
    recent = datetime.now(timezone.utc) - timedelta(minutes=5)
    assert len(list(client.problems.list(time_from=recent))) == 2


def test_dt_reads_all_pages_of_problems(tenant: Running, client: Any) -> None:
    pids = opened(tenant, 7)
    listed = [problem.problem_id for problem in client.problems.list(page_size=3, problem_selector='status("open")')]
    assert sorted(listed) == sorted(pids)
    assert tenant.faults.count("dynatrace", "GET", "/problems$") == 3
    newest = [problem.problem_id for problem in client.problems.list(sort="-startTime")]
    assert newest[0] == pids[-1]


def test_dt_keeps_comments(tenant: Running, client: Any) -> None:
    [pid] = opened(tenant)
    for number in range(13):
        answer = client.problems.add_comment(pid, f"comment {number}", context="test")
        assert (answer.status_code, answer.content) == (201, b"")
    comments = list(client.problems.list_comments(pid))
    assert {comment.content for comment in comments} == {f"comment {number}" for number in range(13)}
    assert tenant.faults.count("dynatrace", "GET", "/comments$") == 2, "ten on a page unless asked otherwise"
    chosen = client.problems.get_comment(pid, comments[0].id)
    assert (chosen.content, chosen.context) == (comments[0].content, "test")
    assert client.problems.update_comment(pid, chosen.id, "changed", "other").status_code == 204
    assert client.problems.get_comment(pid, chosen.id).content == "changed"
    assert client.problems.delete_comment(pid, chosen.id).status_code == 204
    with pytest.raises(Exception, match="404"):
        client.problems.get_comment(pid, chosen.id)
    recent = client.problems.get(pid, fields="recentComments").recent_comments
    assert (recent.total_count, len(recent.comments)) == (12, 10)


def test_dt_closes_a_problem_once(tenant: Running, client: Any) -> None:
    [pid] = opened(tenant)
    result = client.problems.close(pid, "done")
    assert (result.problem_id, result.closing) == (pid, True)
    assert (result.comment.content, result.comment.context) == ("done", "dynatrace-problem-close")
    assert client.problems.get(pid).end_time is not None
    again = requests.post(
        f"{tenant.url}/api/v2/problems/{pid}/close",
        json={"message": "again"},
        headers=authorization(tenant),
        timeout=10,
    )
    assert (again.status_code, again.content) == (204, b"")


def test_dt_ingests_and_reads_events(tenant: Running, client: Any) -> None:
    selector = f'entityId("{WATCH.host_entity}")'
    properties = {"dt.event.source": "test", "remediation.playbook": "restart.yml"}
    result = client.events_v2.ingest(
        "CUSTOM_CONFIGURATION", "Remediation", entity_selector=selector, properties=properties
    )
    assert result["reportCount"] == 1
    assert result["eventIngestResults"][0]["status"] == "OK"
    [event] = client.events_v2.list(event_selector='eventType("CUSTOM_CONFIGURATION")')
    assert {entry.key: entry.value for entry in event.properties} == properties
    assert client.events_v2.get(event.event_id).entity_id.name == "shop-01"
    assert "PGI_UNAVAILABLE" in {type_.type for type_ in client.events_v2.list_types()}
    assert client.events_v2.get_type("OSI_LOW_DISK_SPACE").severity_level.value == "RESOURCE_CONTENTION"
    old = client.events_v2.ingest(
        "ERROR_EVENT", "Old", start_time=datetime.now(timezone.utc) - timedelta(hours=7), entity_selector=selector
    )
    assert old["eventIngestResults"][0]["status"] == "INVALID_TIMESTAMPS", "accepted with 201 and not stored"


def test_ingested_event_that_opens_a_problem_opens_one(tenant: Running, client: Any) -> None:
    client.events_v2.ingest("ERROR_EVENT", "Checkout fails", entity_selector='type("SERVICE"),entityName("shop")')
    [problem] = client.problems.list(fields="evidenceDetails")
    assert (problem.title, problem.severity_level.value, problem.impact_level.value) == (
        "Checkout fails",
        "ERROR",
        "SERVICES",
    )
    assert [evidence.event_type for evidence in problem.evidence_details.details] == ["ERROR_EVENT"]


def test_dt_finds_the_host_of_a_process(client: Any) -> None:
    process = client.entities.get(WATCH.entity, fields="+fromRelationships.isProcessOf,+tags")
    [host] = process.from_relationships["isProcessOf"]
    assert (host.id, host.type) == (WATCH.host_entity, "HOST")
    assert [(tag.key, tag.value) for tag in process.tags] == [("service", "shop")]
    known = client.entities.get(host.id, fields="+properties,+toRelationships")
    assert known.properties["detectedName"] == "shop-01"
    assert WATCH.entity in {entity.id for entity in known.to_relationships["isProcessOf"]}
    assert client.entities.get(host.id).properties == {}
    listed = client.entities.list('type("HOST"),entityName.equals("shop-01")')
    assert [entity.entity_id for entity in listed] == [WATCH.host_entity]


def measured(tenant: Running, *samples: tuple[float, int | None]) -> None:
    """Record probes: seconds ago and microseconds, None for one that failed."""

    async def record() -> None:
        moment = int(datetime.now(timezone.utc).timestamp() * 1000)
        known = tenant.tool.world.samples[tenant.tool.world.service_of(WATCH).id]
        known.extend(Sample(moment - int(ago * 1000), taken is not None, taken) for ago, taken in samples)

    tenant.run(record())


def test_dt_queries_what_the_watches_measure(tenant: Running, client: Any) -> None:
    measured(tenant, (90, 1000), (80, 3000), (10, None))
    service = tenant.run(_service_id(tenant))

    def query(selector: str, **options: Any) -> Any:
        [series] = client.metrics.query(selector, **{"resolution": "Inf", **options})
        return series

    average = query("builtin:service.response.time")
    assert [(series.dimensions, series.values) for series in average.data] == [([service], [2000.0])]
    highest = query('builtin:service.response.time:splitBy("dt.entity.service"):max:toUnit(MicroSecond,MilliSecond)')
    assert highest.data[0].dimension_map == {"dt.entity.service": service}
    assert highest.data[0].values == [pytest.approx(3.0)]
    failing = query("builtin:service.errors.total.rate", time_from="now-1m")
    assert failing.data[0].values == [100.0]
    assert query(f'builtin:service.response.time:filter(eq("dt.entity.service","{service}"))').data
    assert query('builtin:service.response.time:filter(eq("dt.entity.service","SERVICE-0"))').data == []
    unknown = query("builtin:service.response.time:filter(eq(dt.entityhost,HOST-1))")
    assert unknown.data == []
    assert "has no such key" in unknown.warnings[0]
    by_minute = query("builtin:service.response.time", resolution="1m", time_from="now-5m")
    assert len(by_minute.data[0].values) == 5
    assert None in by_minute.data[0].values
    assert client.metrics.get("builtin:service.response.time").unit == "MicroSecond"
    assert "builtin:service.response.time" in {metric.metric_id for metric in client.metrics.list()}


async def _service_id(tenant: Running) -> str:
    return tenant.tool.world.service_of(WATCH).id


def test_dt_and_our_client_read_the_same_events(tenant: Running, client: Any) -> None:
    ours = DynatraceClient(tenant.url, tenant.settings.dynatrace_token, RequestsTransport())
    properties = {"self_healing.key": "k", "dt.event.deployment.version": "2.1.0"}
    selector = f'entityId("{WATCH.entity}")'
    sent = {"eventType": "CUSTOM_DEPLOYMENT", "title": "Release", "entitySelector": selector, "properties": properties}
    [report] = ours.events.ingest(sent)
    client.events_v2.ingest("CUSTOM_DEPLOYMENT", "Other", entity_selector=selector, properties={"a": "b"})
    listed = {event.title: event for event in client.events_v2.list(event_selector='eventType("CUSTOM_DEPLOYMENT")')}
    assert {item.key: item.value for item in listed["Release"].properties} == properties
    assert listed["Release"].correlation_id == report.correlation_id
    since = datetime.now(timezone.utc) - timedelta(minutes=5)
    read = {event.title: event for event in ours.events.listing(["CUSTOM_DEPLOYMENT"], since, entities=selector)}
    assert {title: event.id for title, event in read.items()} == {t: event.event_id for t, event in listed.items()}
    assert read["Release"].properties == properties
    assert read["Other"].properties == {"a": "b"}


def test_dt_and_our_client_measure_the_same(tenant: Running, client: Any) -> None:
    async def measure() -> None:
        for disk, used in (("DISK-1", 97.5), ("DISK-2", 40.0)):
            tenant.tool.world.measure("builtin:host.disk.usedPct", (WATCH.host_entity, disk), used)

    tenant.run(measure())
    # A measurement counts for the time before the end of the query.
    soon = datetime.now(timezone.utc) + timedelta(seconds=5)
    [by_disk] = client.metrics.query("builtin:host.disk.usedPct", resolution="Inf", time_to=soon)
    assert {series.dimension_map["dt.entity.disk"]: series.values for series in by_disk.data} == {
        "DISK-1": [97.5],
        "DISK-2": [40.0],
    }
    assert by_disk.data[0].dimensions == [WATCH.host_entity, "DISK-1"]
    worst = f'builtin:host.disk.usedPct:filter(eq("dt.entity.host","{WATCH.host_entity}")):splitBy():max'
    [merged] = client.metrics.query(worst, resolution="Inf", time_to=soon)
    [series] = merged.data
    assert (series.dimensions, series.values) == ([], [97.5])
    now = datetime.now(timezone.utc)
    ours = DynatraceClient(tenant.url, tenant.settings.dynatrace_token, RequestsTransport())
    measured = ours.metrics.query(worst, now - timedelta(minutes=5), soon)
    assert [point.value for point in measured.points] == series.values
    assert ours.metrics.unit("builtin:host.disk.usedPct") == client.metrics.get("builtin:host.disk.usedPct").unit
    assert client.metrics.get("builtin:host.disk.usedPct").entity_type == ["HOST"]


def test_dt_and_our_client_know_the_same_host(tenant: Running, client: Any) -> None:
    ours = DynatraceClient(tenant.url, tenant.settings.dynatrace_token, RequestsTransport()).entities
    [process] = ours.listing('type("PROCESS_GROUP_INSTANCE")')
    theirs = client.entities.get(process.id, fields="+properties,+tags,+fromRelationships")
    assert (process.id, process.name) == (theirs.entity_id, theirs.display_name)
    assert list(process.tags) == [tag.string_representation for tag in theirs.tags]
    assert process.related["isProcessOf"] == (WATCH.host_entity,)
    assert process.properties == theirs.properties


def test_dt_configures_the_notification(client: Any) -> None:
    value: dict[str, Any] = {
        "enabled": True,
        "type": "WEBHOOK",
        "displayName": "self-healing",
        "alertingProfile": "profile",
        "webHookNotification": {
            "url": "http://127.0.0.1:9/dynatrace",
            "urlContainsSecret": False,
            "acceptAnyCertificate": False,
            "notifyClosedProblems": True,
            "headers": [{"name": "Authorization", "secret": True, "secretValue": "Bearer s3cret"}],
            "payload": PAYLOAD,
        },
    }
    schema = "builtin:problem.notifications"
    assert schema in {stub.schema_id for stub in client.settings.list_schemas()}
    create = SettingsObjectCreate(schema, value, "environment")
    assert client.settings.create_object(validate_only=True, body=create) == [{"code": 200}]
    assert list(client.settings.list_objects(schema_id=schema)) == []
    [made] = client.settings.create_object(body=create)
    [listed] = client.settings.list_objects(schema_id=schema, scope="environment")
    assert (listed.object_id, listed.schema_id) == (made["objectId"], schema)
    assert "s3cret" not in json.dumps(listed.value)
    client.settings.update_object(listed.object_id, SettingsObjectUpdate({**value, "enabled": False}))
    assert client.settings.get_object(listed.object_id).value["enabled"] is False
    client.settings.delete_object(listed.object_id)
    assert list(client.settings.list_objects(schema_id=schema)) == []
    del value["webHookNotification"]["payload"]
    with pytest.raises(Exception, match="webHookNotification/payload"):
        client.settings.create_object(body=create)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda client: client.problems.get("-1_1V2"), "does not exist"),
        (lambda client: list(client.problems.list(problem_selector="status(open)")), "must be in quotes"),
        (lambda client: list(client.problems.list(problem_selector='colour("red")')), "is not a criterion"),
        (lambda client: list(client.problems.list(problem_selector='status("open"')), "closing parenthesis"),
        (lambda client: list(client.problems.list(page_size=501)), "must be a number from 1 to 500"),
        (lambda client: list(client.problems.list(fields="everything")), "is not one of"),
        (lambda client: list(client.problems.list(time_from="yesterday")), "is not a valid timestamp"),
        (lambda client: client.problems.add_comment("-1_1V2", "x"), "does not exist"),
        (lambda client: client.events_v2.ingest("SOMETHING", "x"), "must be one of"),
        (lambda client: client.events_v2.ingest("CUSTOM_INFO", "x", entity_selector='type("X")'), "does not match"),
        (lambda client: list(client.metrics.query("builtin:nothing.known")), "is unknown"),
        (lambda client: list(client.entities.list('tag("x")')), "must have one of the criteria"),
    ],
)
def test_dt_gets_the_error_envelope(client: Any, call: Any, said: str) -> None:
    with pytest.raises(Exception, match=said) as caught:
        call(client)
    body = str(caught.value).split("Response: ", 1)[1]
    error = json.loads(body)["error"]
    assert error["code"] in (400, 404)


# -- what no client sends ------------------------------------------------------------------------------------------


def authorization(tenant: Running, token: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Api-Token {token or tenant.settings.dynatrace_token}"}


@pytest.mark.parametrize(
    "headers, status, message",
    [
        ({}, 401, "Missing authorization parameter."),
        ({"Authorization": "Api-Token dt0c01.WRONG"}, 401, "Token Authentication failed"),
        ({"Authorization": "Bearer x"}, 401, "Token Authentication failed"),
    ],
)
def test_request_without_a_good_token_is_refused(
    tenant: Running, headers: dict[str, str], status: int, message: str
) -> None:
    answer = requests.get(f"{tenant.url}/api/v2/problems", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()) == (status, {"error": {"code": status, "message": message}})


def test_token_without_the_scope_is_refused_with_its_name(tenant: Running) -> None:
    tenant.tool.tokens["dt0c01.EVENTS"] = frozenset({"events.read"})
    answer = requests.get(f"{tenant.url}/api/v2/problems", headers=authorization(tenant, "dt0c01.EVENTS"), timeout=10)
    message = "Token is missing required scope. Use one of: problems.read (Read problems)"
    assert (answer.status_code, answer.json()["error"]["message"]) == (403, message)


def test_key_of_the_next_page_stands_alone(tenant: Running) -> None:
    opened(tenant, 3)
    url, headers = f"{tenant.url}/api/v2/problems", authorization(tenant)
    first = requests.get(url, params={"pageSize": "2", "fields": "recentComments"}, headers=headers, timeout=10).json()
    key = first["nextPageKey"]
    beside = requests.get(url, params={"nextPageKey": key, "pageSize": "2"}, headers=headers, timeout=10)
    assert beside.status_code == 400
    assert beside.json()["error"]["constraintViolations"][0]["path"] == "pageSize"
    second = requests.get(
        url, params={"nextPageKey": key, "fields": "recentComments"}, headers=headers, timeout=10
    ).json()
    assert (len(second["problems"]), second["pageSize"], second["totalCount"]) == (1, 2, 3)
    assert "recentComments" in second["problems"][0]
    bare = requests.get(url, params={"nextPageKey": key}, headers=headers, timeout=10).json()
    assert "recentComments" not in bare["problems"][0], "fields have to be repeated on each page"
    assert requests.get(url, params={"nextPageKey": "x"}, headers=headers, timeout=10).status_code == 400


@pytest.mark.parametrize("path, status", [("/api/v2/nothing", 404), ("/api/v1/problem/feed", 404), ("/", 404)])
def test_unknown_path_has_the_envelope_too(tenant: Running, path: str, status: int) -> None:
    answer = requests.get(tenant.url + path, headers=authorization(tenant), timeout=10)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)


@pytest.mark.parametrize(
    "body, content_type, status",
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("{}", "application/json", 400),
        ('{"message": ""}', "application/json", 400),
        ('{"message": "x"}', "text/plain", 415),
        ('{"message": "x"}', "application/json; charset=utf-8", 201),
    ],
)
def test_comment_has_to_be_json_with_a_message(tenant: Running, body: str, content_type: str, status: int) -> None:
    [pid] = opened(tenant)
    headers = {**authorization(tenant), "Content-Type": content_type}
    url = f"{tenant.url}/api/v2/problems/{pid}/comments"
    assert requests.post(url, data=body, headers=headers, timeout=10).status_code == status


# -- the schema of the API -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    """The API's schema, with C(nullable) in the words of JSON Schema."""
    pytest.importorskip("jsonschema")
    if not SPEC.exists():
        pytest.skip(f"{SPEC.name} is not here")
    loaded = _plain(yaml.load(SPEC.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    assert isinstance(loaded, dict)
    return loaded


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {name: _plain(value) for name, value in node.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if node.get("nullable") is True else plain


def test_every_operation_of_the_schema_is_there(tenant: Running, api: dict[str, Any]) -> None:
    def shape(path: str) -> list[str]:
        return ["{}" if part.startswith("{") else part for part in path.split("/")]

    known = [route for route in tenant.tool.routes() if isinstance(route, web.RouteDef)]
    routes = [(route.method, shape(route.path)) for route in known]
    missing = [
        f"{method.upper()} {path}"
        for path, operations in api["paths"].items()
        for method in operations
        if method in ("get", "post", "put", "delete") and (method.upper(), shape(f"/api/v2{path}")) not in routes
    ]
    assert missing == []


def test_answers_are_what_the_schema_describes(tenant: Running, api: dict[str, Any]) -> None:
    import jsonschema

    [pid] = opened(tenant)
    opened(
        tenant,
        2,
        title="Response time degradation",
        event_type="SERVICE_SLOWDOWN",
        entity=tenant.run(_service_id(tenant)),
    )
    measured(tenant, (90, 1000), (10, None))
    base, headers = f"{tenant.url}/api/v2", authorization(tenant)
    requests.post(f"{base}/problems/{pid}/comments", json={"message": "m"}, headers=headers, timeout=10)
    comment = requests.get(f"{base}/problems/{pid}/comments", headers=headers, timeout=10).json()["comments"][0]["id"]
    event = requests.get(f"{base}/events", headers=headers, timeout=10).json()["events"][0]["eventId"]
    fields = "fields=evidenceDetails,impactAnalysis,recentComments"
    all_fields = (
        "fields=%2Bproperties,%2Btags,%2BfromRelationships,%2BtoRelationships,%2BfirstSeenTms,%2BmanagementZones"
    )
    calls: list[tuple[str, str, Any, str]] = [
        ("GET", f"/problems?{fields}&pageSize=2", None, "Problems"),
        ("GET", f"/problems/{pid}?{fields}", None, "Problem"),
        ("GET", f"/problems/{pid}/comments", None, "CommentsList"),
        ("GET", f"/problems/{pid}/comments/{comment}", None, "Comment"),
        ("POST", "/events/ingest", {"eventType": "CUSTOM_INFO", "title": "t"}, "EventIngestResults"),
        ("GET", "/events?pageSize=1", None, "EventList"),
        ("GET", f"/events/{event}", None, "Event"),
        ("GET", "/eventTypes?pageSize=3", None, "EventTypeList"),
        ("GET", "/eventTypes/PGI_UNAVAILABLE", None, "EventType"),
        ("GET", "/metrics/query?metricSelector=builtin:service.response.time", None, "MetricData"),
        ("GET", f"/entities?entitySelector=type(HOST)&{all_fields}", None, "EntitiesList"),
        ("GET", f"/entities/{WATCH.entity}?{all_fields}", None, "Entity"),
        ("POST", f"/problems/{pid}/close", {"message": "m"}, "ProblemCloseResult"),
        ("GET", f"/problems/{pid}?{fields}", None, "Problem"),
        ("GET", "/problems/unknown", None, "ErrorEnvelope"),
        ("GET", "/problems?pageSize=0", None, "ErrorEnvelope"),
    ]
    for method, path, body, schema in calls:
        answer = requests.request(method, base + path, json=body, headers=headers, timeout=10)
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        try:
            wanted = {"$ref": f"#/components/schemas/{schema}", "components": api["components"]}
            jsonschema.validate(answer.json(), wanted)
        except jsonschema.ValidationError as error:
            pytest.fail(f"{method} {path} is no {schema}: {error.json_path}: {error.message}")


def _keys(value: Any) -> set[str]:
    return set(value) if isinstance(value, dict) else set()


def test_problem_has_the_fields_of_recorded_ones(tenant: Running) -> None:
    if not RECORDED.exists():
        pytest.skip(f"{RECORDED.name} is not here")
    answers = json.loads(Path(RECORDED).read_text("utf-8"))["answers"]
    [pid] = opened(tenant)
    url = f"{tenant.url}/api/v2/problems/{pid}"
    fields = {"fields": "evidenceDetails,impactAnalysis,recentComments"}
    ours = requests.get(url, params=fields, headers=authorization(tenant), timeout=10).json()
    recorded = answers["problem-detail"]["body"]
    assert _keys(recorded) - _keys(ours) <= {"linkedProblemInfo"}
    recorded_events = [item for item in recorded["evidenceDetails"]["details"] if item["evidenceType"] == "EVENT"]
    assert _keys(recorded_events[0]) <= _keys(ours["evidenceDetails"]["details"][0])
    assert _keys(recorded["affectedEntities"][0]) == _keys(ours["affectedEntities"][0])
    assert _keys(recorded["entityTags"][0]) == _keys(ours["entityTags"][0])
    closed = requests.post(f"{url}/close", json={"message": "m"}, headers=authorization(tenant), timeout=10).json()
    assert _keys(closed) == _keys(answers["problem-close-result"]["body"])
    assert _keys(closed["comment"]) == _keys(answers["problem-close-result"]["body"]["comment"])
