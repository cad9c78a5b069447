# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules that read Dynatrace and tell it events, against the emulated one over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.self_healing.devops.plugins.module_utils import dynatrace_event as keeping
from ansible_collections.self_healing.devops.plugins.module_utils.clients import dynatrace as wire
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConfigurationError,
    UnclearOutcomeError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Api, RequestsTransport
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.modules import (
    dynatrace_entity_info,
    dynatrace_event,
    dynatrace_metric_info,
    dynatrace_problem_info,
)
from ansible_collections.self_healing.devops.plugins.plugin_utils.intake.dynatrace import translate, translate_record
from sandbox.dynatrace import Dynatrace
from sandbox.dynatrace.world import Entity, Sample, World
from sandbox.settings import Settings, Watch
from support.dynatrace_forms import DAVIS
from support.one_tool import OneTool, start_tool

Running = OneTool[Dynatrace]
#: A service that is probed once at the start, and then not for an hour.
WATCH = Watch("shop", "http://127.0.0.1:9/", "shop-01", interval=3600)
HOST, PROCESS = WATCH.host_entity, WATCH.entity
DISK = "DISK-1111111111111111"
INCIDENT = translate(DAVIS).incident


@pytest.fixture
def tenant(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(wire, "Api", lambda **options: Api(**{**options, "pause": lambda _seconds: None}))
    with start_tool(Dynatrace, Settings(watches=(WATCH,))) as running:
        while not running.tool.watchers[0].probes:
            time.sleep(0.001)
        in_world(running, lambda world: world.samples[world.service_of(WATCH).id].clear())
        yield running


def run(tenant: Running, module: Any, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    account = {"dynatrace_url": tenant.url, "dynatrace_token": tenant.settings.dynatrace_token}
    validator = ArgumentSpecValidator(module.SPEC.options, **module.SPEC.constraints())
    checked = validator.validate({**account, **given})
    assert not checked.error_messages, checked.error_messages
    result: dict[str, Any] = module.run(checked.validated_parameters, check_mode, RequestsTransport())
    return result


def in_world(tenant: Running, work: Callable[[World], Any]) -> Any:
    async def do() -> Any:
        return work(tenant.tool.world)

    return tenant.run(do())


def opened(tenant: Running, **changes: Any) -> str:
    given = {"title": "Process unavailable", "event_type": "PGI_UNAVAILABLE", "entity": PROCESS, **changes}
    return str(tenant.call("open", **given)["pid"])


# -- dynatrace_problem_info -------------------------------------------------------------------------------------------


def test_one_problem_with_everything(tenant: Running) -> None:
    pid = opened(tenant)
    result = run(tenant, dynatrace_problem_info, problem_id=pid, details=["evidence", "comments", "impacts"])
    assert (result["changed"], result["more"]) == (False, False)
    [problem] = result["problems"]
    assert (problem["id"], problem["status"], problem["severity"]) == (pid, "open", "AVAILABILITY")
    assert problem["root_cause"] == {"id": PROCESS, "type": "PROCESS_GROUP_INSTANCE", "name": "shop"}
    assert problem["tags"] == ["service:shop"]
    assert problem["ended_at"] is None
    [evidence] = problem["evidence"]
    assert (evidence["event_type"], evidence["root_cause"]) == ("PGI_UNAVAILABLE", True)
    assert evidence["properties"]["dt.entity.host"] == HOST
    assert problem["url"].endswith(f"pid={pid}")


def test_problems_are_selected(tenant: Running) -> None:
    process = opened(tenant)
    disk = opened(tenant, title="Low disk space", event_type="OSI_LOW_DISK_SPACE", entity=HOST)
    tenant.call("resolve", pid=disk)

    def found(**options: Any) -> list[str]:
        problems = run(tenant, dynatrace_problem_info, details=[], **options)["problems"]
        assert all(problem["evidence"] == [] for problem in problems)
        return [problem["id"] for problem in problems]

    assert found() == [disk, process], "the newest first"
    assert found(status="open") == [process]
    assert found(status="closed", problem_selector='severityLevel("RESOURCE_CONTENTION")') == [disk]
    assert found(entity_selector=f'entityId("{HOST}")') == [disk]
    display_id = run(tenant, dynatrace_problem_info, problem_id=disk)["problems"][0]["display_id"]
    assert found(display_id=display_id) == [disk]
    assert found(since="now-2h", until="now-1h") == []
    assert found(problem_id="-1_1V2") == []


def test_problems_are_read_up_to_the_limit(tenant: Running) -> None:
    pids = [opened(tenant) for _number in range(5)]
    result = run(tenant, dynatrace_problem_info, limit=3)
    assert ([problem["id"] for problem in result["problems"]], result["more"]) == (pids[:1:-1], True)
    assert run(tenant, dynatrace_problem_info, limit=5)["more"] is False
    with pytest.raises(ConfigurationError, match="limit is 0"):
        run(tenant, dynatrace_problem_info, limit=0)
    with pytest.raises(ConfigurationError, match="the number that people see"):
        run(tenant, dynatrace_problem_info, problem_id="P-2611001")
    with pytest.raises(ApiError, match="problemSelector"):
        run(tenant, dynatrace_problem_info, problem_selector="nonsense(")


# -- dynatrace_event --------------------------------------------------------------------------------------------------


def told(tenant: Running, **given: Any) -> dict[str, Any]:
    event = {"event_type": "CUSTOM_CONFIGURATION", "title": "Restarted shop", "entities": [HOST], "incident": INCIDENT}
    return run(tenant, dynatrace_event, **{**event, **given})


def events(tenant: Running) -> list[dict[str, Any]]:
    def read(world: World) -> list[dict[str, Any]]:
        return [
            {"type": event.type, "title": event.title, "entity": event.entity.id, **event.properties}
            for event in world.events.values()
        ]

    found: list[dict[str, Any]] = in_world(tenant, read)
    return found


def sends(tenant: Running) -> int:
    return tenant.faults.count("dynatrace", "POST", "/events/ingest$")


def test_event_is_sent_once(tenant: Running) -> None:
    first = told(tenant, description="in 3 s", properties={"attempt": 1, "dry": False})
    assert first["changed"] is True
    assert [report["status"] for report in first["sent"]] == ["OK"]
    assert first["diff"] == {"before": {"events": []}, "after": {"events": [HOST]}}
    assert events(tenant) == [
        {
            "type": "CUSTOM_CONFIGURATION",
            "title": "Restarted shop",
            "entity": HOST,
            "attempt": "1",
            "dry": "false",
            "dt.event.source": "self-healing",
            "dt.event.description": "in 3 s",
            "self_healing.incident": f"self-healing:{INCIDENT}",
            "self_healing.key": first["key"],
        }
    ]
    again = told(tenant, description="in 4 s", properties={"attempt": 1, "dry": False})
    assert (again["changed"], again["sent"], again["key"]) == (False, [], first["key"])
    assert [record["entity"] for record in again["present"]] == [HOST]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert sends(tenant) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Stopped shop"},
        {"event_type": "CUSTOM_INFO"},
        {"properties": {"attempt": 2}},
        {"incident": None},
        {"key": "other"},
        {"entities": [PROCESS]},
    ],
)
def test_other_event_is_another(tenant: Running, changes: dict[str, Any]) -> None:
    told(tenant)
    assert told(tenant, **changes)["changed"] is True
    assert len(events(tenant)) == 2


def test_what_a_run_did_not_get_to_is_completed(tenant: Running) -> None:
    told(tenant, key="k")
    both = told(tenant, key="k", entities=[HOST, PROCESS, HOST])
    assert [event["entity"] for event in events(tenant)] == [HOST, PROCESS]
    assert both["diff"]["after"] == {"events": [HOST, PROCESS]}
    assert told(tenant, key="k", entities=[PROCESS, HOST])["changed"] is False


def test_selector_and_environment_can_be_told(tenant: Running) -> None:
    chosen = told(tenant, entities=[], entity_selector='type("HOST")')
    assert chosen["changed"] is True
    assert told(tenant, entities=[], entity_selector='type("HOST")')["changed"] is False
    whole = told(tenant, entities=[])
    assert whole["diff"]["after"] == {"events": ["environment"]}
    assert told(tenant, entities=[])["changed"] is False
    assert [event["entity"].partition("-")[0] for event in events(tenant)] == ["HOST", "ENVIRONMENT"]


def test_check_mode_sends_nothing(tenant: Running) -> None:
    result = run(tenant, dynatrace_event, True, event_type="CUSTOM_INFO", title="t", entities=[HOST])
    assert (result["changed"], result["sent"], sends(tenant)) == (True, [], 0)


def test_deployment_carries_its_remedy(tenant: Running) -> None:
    deployment = {"name": "shop", "version": "2.1.0", "stage": "production", "remedy": "blue_green_rollback"}
    deployment["remediation_link"] = "https://controller.example.com/7"
    given = {"event_type": "CUSTOM_DEPLOYMENT", "title": "Release", "incident": None, "deployment": deployment}
    told(tenant, **given, entities=[PROCESS])
    [event] = events(tenant)
    assert event["dt.event.deployment.name"] == "shop"
    assert event["dt.event.deployment.version"] == "2.1.0"
    assert event["dt.event.deployment.release_stage"] == "production"
    assert event["dt.event.deployment.remediation_action_link"] == "https://controller.example.com/7"
    assert event["self_healing.remedy"] == "blue_green_rollback"
    assert told(tenant, **given, entities=[PROCESS])["changed"] is False
    assert told(tenant, **{**given, "deployment": {**deployment, "version": "2.1.1"}}, entities=[PROCESS])["changed"]


def test_accepted_and_not_stored_is_an_error(tenant: Running) -> None:
    with pytest.raises(ApiError, match=r"stored for 0 of 1 entities: INVALID_TIMESTAMPS \(1\)") as caught:
        told(tenant, started_at="2020-01-01T00:00:00Z")
    assert (caught.value.status, caught.value.code) == (201, "INVALID_TIMESTAMPS")
    nothing = '{"reportCount": 0, "eventIngestResults": []}'
    tenant.faults.add("dynatrace", "status", method="POST", path="/ingest$", status=201, body=nothing)
    with pytest.raises(ApiError, match="no entity fits"):
        told(tenant)
    tenant.faults.add("dynatrace", "status", method="POST", path="/ingest$", status=201, body="{}")
    with pytest.raises(AnswerError, match="does not say what became of the event"):
        told(tenant)


def test_lost_answer_is_looked_up(tenant: Running) -> None:
    tenant.faults.add("dynatrace", "drop_after", method="POST", path="/ingest$")
    assert [report["status"] for report in told(tenant)["sent"]] == ["OK"]
    assert (len(events(tenant)), sends(tenant)) == (1, 1)
    tenant.faults.add("dynatrace", "drop", method="POST", path="/ingest$")
    with pytest.raises(UnclearOutcomeError):
        told(tenant, key="other")
    assert told(tenant, key="other")["changed"] is True
    assert len(events(tenant)) == 2


def test_event_of_another_time_is_found_again(tenant: Running) -> None:
    began = (datetime.now(timezone.utc) - timedelta(days=3)).isoformat(timespec="seconds")
    times = {"started_at": began, "ended_at": began}
    assert told(tenant, **times)["changed"] is True
    again = told(tenant, **times)
    assert again["changed"] is False
    assert again["present"][0]["started_at"] == again["present"][0]["ended_at"]
    soon = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat(timespec="seconds")
    assert told(tenant, started_at=soon)["changed"] is True
    assert told(tenant, started_at=soon)["changed"] is False


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"deployment": {"name": "shop"}}, "deployment goes with event_type CUSTOM_DEPLOYMENT only"),
        ({"properties": {"list": [1]}}, "properties: list must be text, a number or true or false"),
        ({"properties": {"x" * 101: "y"}}, "a name has 1 to 100 characters"),
        ({"properties": {"x": "y" * 5000}}, "x has 5000 characters"),
        ({"properties": {f"x{n}": "y" for n in range(100)}}, "an event has at most 100, found 103"),
        ({"started_at": "yesterday"}, "started_at is 'yesterday', expected a time like"),
        ({"ended_at": "9999-12-31T23:59:59+99:00"}, "ended_at is '9999-12-31T23:59:59.99:00', expected a time like"),
        ({"incident": "P-1"}, "Which incident"),
        ({"entity_selector": 'type("HOST")'}, "entities and entity_selector were both given"),
    ],
)
def test_wrong_event_is_named(tenant: Running, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        told(tenant, **changes)
    assert sends(tenant) == 0


def test_long_description_is_cut(tenant: Running) -> None:
    told(tenant, description="x" * 5000)
    assert len(events(tenant)[0]["dt.event.description"]) == keeping.LONGEST_VALUE


def test_reserved_property_is_refused_with_the_words_of_dynatrace(tenant: Running) -> None:
    with pytest.raises(ApiError, match=r"the key dt\.system\.x is reserved"):
        told(tenant, properties={"dt.system.x": "y"})


def test_problem_that_our_own_event_opens_is_an_echo(tenant: Running, tmp_path: Path) -> None:
    journal = Journal.open(str(tmp_path / "journal.db"))
    assert journal.record_problem(translate(DAVIS)).change == "opened"
    told(tenant, event_type="ERROR_EVENT", title="The restart failed")
    [pid] = in_world(tenant, lambda world: list(world.problems))
    records = wire.DynatraceClient(tenant.url, tenant.settings.dynatrace_token, RequestsTransport())
    recorded = journal.record_problem(translate_record(records.problem_record(pid)))
    journal.close()
    assert (recorded.change, recorded.incident, recorded.delivery) == ("echo", INCIDENT, None)


def test_scope_that_is_missing_is_named(tenant: Running) -> None:
    tenant.tool.tokens[tenant.settings.dynatrace_token] = frozenset({"events.read"})
    with pytest.raises(AuthenticationError, match=r"events\.ingest"):
        told(tenant)


# -- dynatrace_metric_info --------------------------------------------------------------------------------------------


def minutes_ago(minutes: float) -> int:
    return int((datetime.now(timezone.utc) - timedelta(minutes=minutes)).timestamp() * 1000)


def service_of(tenant: Running) -> str:
    return str(in_world(tenant, lambda world: world.service_of(WATCH).id))


def test_service_before_and_after(tenant: Running) -> None:
    service = service_of(tenant)

    def probe(world: World) -> None:
        samples = ((20, 900_000), (19, 1_100_000), (18.5, None), (5, 12_000), (4, 14_000))
        world.samples[service].extend(Sample(minutes_ago(ago), taken is not None, taken) for ago, taken in samples)

    in_world(tenant, probe)
    split = (datetime.now(timezone.utc) - timedelta(minutes=10)).isoformat()
    figures = ["response_time", "failure_rate", "request_count"]
    result = run(tenant, dynatrace_metric_info, entity=service, figures=figures, split_at=split)
    assert result["changed"] is False
    assert result["before"]["response_time"] == pytest.approx(1000)
    assert result["after"]["response_time"] == pytest.approx(13)
    assert result["before"]["failure_rate"] > 0
    assert result["after"]["failure_rate"] == 0
    assert (result["before"]["request_count"], result["after"]["request_count"]) == (3, 2)
    assert result["figures"]["request_count"] == 5
    assert result["units"] == {"response_time": "MilliSecond", "failure_rate": "Percent", "request_count": "Count"}
    assert result["missing"] == []


def test_nothing_measured_is_no_zero(tenant: Running) -> None:
    result = run(tenant, dynatrace_metric_info, entity=service_of(tenant), figures=["response_time", "failure_rate"])
    assert result["figures"] == {"response_time": None, "failure_rate": None}
    assert result["missing"] == ["response_time", "failure_rate"]
    assert (result["before"], result["after"]) == ({}, {})


def test_disks_of_a_host_and_one_disk(tenant: Running) -> None:
    def measure(world: World) -> None:
        for disk, used in ((DISK, 97.5), ("DISK-2", 40.0)):
            for key, value in (
                ("builtin:host.disk.usedPct", used),
                ("builtin:host.disk.free", 100 - used),
                ("builtin:host.disk.avail", (100 - used) * 2**30),
                ("builtin:host.disk.readTime", used * 100),
                ("builtin:host.disk.writeTime", used * 200),
            ):
                world.measure(key, (HOST, disk), value, minutes_ago(2))

    in_world(tenant, measure)
    figures = ["disk_used", "disk_free", "disk_free_bytes", "disk_read_latency", "disk_write_latency"]
    worst = run(tenant, dynatrace_metric_info, entity=HOST, figures=figures)
    assert worst["figures"] == {
        "disk_used": 97.5,
        "disk_free": 2.5,
        "disk_free_bytes": 2.5 * 2**30,
        "disk_read_latency": pytest.approx(9.75),
        "disk_write_latency": pytest.approx(19.5),
    }
    assert worst["units"]["disk_read_latency"] == "MilliSecond", "it is measured in microseconds"
    one = run(tenant, dynatrace_metric_info, entity="DISK-2", figures=["disk_used"], points=True)
    assert one["figures"] == {"disk_used": 40.0}
    ((at, value),) = one["points"]["disk_used"]
    assert (worst["points"], value) == ({}, 40.0)
    assert abs(at - minutes_ago(2) / 1000) <= 61


def test_own_query(tenant: Running) -> None:
    def measure(world: World) -> None:
        for minutes in (9, 5, 2):
            world.measure("builtin:host.cpu.usage", (HOST,), minutes, minutes_ago(minutes))

    in_world(tenant, measure)
    selector = f'builtin:host.cpu.usage:filter(eq("dt.entity.host","{HOST}")):splitBy():max'
    names = ("avg", "min", "max", "sum", "median", "last")
    queries = [{"name": name, "selector": selector, "aggregation": name} for name in names]
    queries.append({"name": "none", "selector": "builtin:host.cpu.usage:filter(eq(dt.entityhost,HOST-1))"})
    result = run(tenant, dynatrace_metric_info, queries=queries)
    expected = {"avg": pytest.approx(16 / 3), "min": 2, "max": 9, "sum": 16, "median": 5, "last": 2, "none": None}
    assert result["figures"] == expected
    assert result["units"] == {}
    assert "has no such key" in result["warnings_of_dynatrace"][0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"figures": ["response_time"], "entity": HOST}, "response_time is measured on SERVICE-…; entity is 'HOST-"),
        ({"figures": ["cpu_usage"]}, "cpu_usage is measured on HOST-…; entity is None"),
        ({"minutes": 0}, "minutes is 0"),
        ({"until": "soon"}, "until is 'soon'"),
        ({"split_at": "2020-01-01T00:00:00Z"}, "split_at is outside the time"),
        ({"queries": [{"name": "a", "selector": "builtin:host.cpu.usage"}] * 2}, "the name a is given twice"),
    ],
)
def test_wrong_figure_is_named(tenant: Running, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        run(tenant, dynatrace_metric_info, **given)


# -- dynatrace_entity_info --------------------------------------------------------------------------------------------


def host_of(tenant: Running, entity: str) -> list[dict[str, Any]]:
    [found] = run(tenant, dynatrace_entity_info, entity_id=entity)["entities"]
    assert found["id"] == entity
    return list(found["hosts"])


def test_host_is_found_from_everything_that_has_one(tenant: Running) -> None:
    def prepare(world: World) -> None:
        world.entities[HOST].properties.update(
            {
                "oneAgentCustomHostName": "shop-01.example.com",
                "ipAddress": ["192.0.2.10", "2001:db8::10"],
                "dnsNames": ["shop.example.com", "shop-01"],
            }
        )
        world.entities[HOST].tags.append(("ansible_host", "web01"))
        world.add(Entity(DISK, "/var", related={"isDiskOf": [HOST]}))
        service = world.service_of(WATCH)
        world.add(Entity("SERVICE-1", "by process", related={"runsOnProcessGroupInstance": [PROCESS]}))
        world.add(Entity("APPLICATION-1", "page", related={"calls": [service.id]}))

    in_world(tenant, prepare)
    group = in_world(tenant, lambda world: world.entities[PROCESS].related["isInstanceOf"][0])
    for entity in (HOST, PROCESS, DISK, group, service_of(tenant), "SERVICE-1"):
        [host] = host_of(tenant, entity)
        assert host == {
            "id": HOST,
            "name": "shop-01",
            "detected_name": "shop-01",
            "host_names": ["shop-01.example.com", "shop-01", "shop.example.com"],
            "addresses": ["192.0.2.10", "2001:db8::10"],
            "tags": ["ansible_host:web01"],
            "state": "RUNNING",
            "os": "LINUX",
        }
    assert host_of(tenant, "APPLICATION-1") == []
    [process] = run(tenant, dynatrace_entity_info, entity_id=PROCESS, hosts=False)["entities"]
    assert (process["type"], process["detected_name"], process["tags"]) == (
        "PROCESS_GROUP_INSTANCE",
        "shop",
        ["service:shop"],
    )
    assert (process["process_groups"], process["hosts"]) == ([group], [])


def test_entities_are_selected_up_to_the_limit(tenant: Running) -> None:
    in_world(tenant, lambda world: [world.add(Entity(f"HOST-{n:016X}", f"web{n}")) for n in range(4)])
    all_hosts = run(tenant, dynatrace_entity_info, entity_selector='type("HOST")')
    assert (len(all_hosts["entities"]), all_hosts["more"]) == (5, False)
    assert all([host["id"] for host in entity["hosts"]] == [entity["id"]] for entity in all_hosts["entities"])
    some = run(tenant, dynatrace_entity_info, entity_selector='type("HOST")', limit=2)
    assert (len(some["entities"]), some["more"]) == (2, True)
    assert run(tenant, dynatrace_entity_info, entity_id="HOST-FFFF")["entities"] == []
    with pytest.raises(ConfigurationError, match="limit is 0"):
        run(tenant, dynatrace_entity_info, entity_id=HOST, limit=0)
