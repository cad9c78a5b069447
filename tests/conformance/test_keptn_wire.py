# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated Keptn and our calls on the wire: refusals, and what Keptn's own API descriptions and schemas say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import pytest
import requests
import yaml

from ansible_collections.self_healing.devops.plugins.module_utils import keptn as keeping
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn import KeptnClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn_values import (
    Event,
    answer,
    context_of,
    draft,
    sequence_type,
)
from ansible_collections.self_healing.devops.plugins.module_utils.errors import NotFoundError
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, RequestsTransport, Response
from sandbox.keptn import STAGE, Keptn
from sandbox.keptn.lifecycle import PHASES, lifecycle_event
from sandbox.keptn.services import PLANS
from sandbox.keptn.shipyard import SHIPYARD
from sandbox.keptn.webhooks import ACTION_PAYLOAD
from sandbox.keptn.wire import Gate, RefusedError
from support.keptn_runs import PLACE, Running, ask, client_of, sent, state_of, stored, until, waiting
from support.one_tool import start_tool
from support.tree import ROOT

SPECS = ROOT.parent / "shared" / "specs"
CONTEXT = "3b7d75e5-dffa-4e75-9849-f3a39cbd956b"
GOOD = {"type": "sh.keptn.event.production.rollback.triggered", "source": "cli", "specversion": "1.0", "data": PLACE}
FINISHED = {
    "type": "sh.keptn.event.action.finished",
    "source": "cli",
    "triggeredid": "T",
    "data": {**PLACE, "status": "succeeded", "result": "pass"},
}


@pytest.fixture
def keptn() -> Iterator[Running]:
    with start_tool(Keptn) as running:
        yield running


@cache
def spec(name: str) -> Any:
    """Return a description of the vendor's; skip where it is not at hand."""
    path: Path = SPECS / name
    if not path.is_file():
        pytest.skip(f"{name} is not here")
    text = path.read_text("utf-8")
    return yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)


def post(keptn: Running, event: Any) -> requests.Response:
    return ask(keptn, "POST", "v1/event", json=event)


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({**GOOD, "data": None}, 422, "data in body is required"),
        ({**GOOD, "source": ""}, 422, "source in body is required"),
        ({"source": "cli", "data": {}}, 422, "type in body is required"),
        ({**GOOD, "time": "yesterday"}, 400, "parsing time"),
        ({**GOOD, "type": 5}, 400, "type is no string"),
        ({**GOOD, "data": "text"}, 400, "data is no object"),
        ([GOOD], 400, "no object"),
    ],
)
def test_bodies_that_are_no_events(keptn: Running, body: Any, status: int, said: str) -> None:
    refused = post(keptn, body)
    assert (refused.status_code, set(refused.json())) == (status, {"code", "message"})
    assert said in refused.json()["message"]
    assert keptn.tool.stored == []


def test_bodies_that_cannot_be_read(keptn: Running) -> None:
    for headers, text, status in (
        ({"Content-Type": "text/plain"}, json.dumps(GOOD), 415),
        ({}, json.dumps(GOOD), 415),
        ({"Content-Type": "application/json"}, "{", 400),
    ):
        refused = ask(keptn, "POST", "v1/event", data=text.encode(), headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (status, status)
    binary = {"Content-Type": "application/json", "ce-type": GOOD["type"], "ce-source": "cli", "ce-id": "1"}
    assert ask(keptn, "POST", "v1/event", data=json.dumps(PLACE).encode(), headers=binary).status_code == 422


@pytest.mark.parametrize("media_type", ["application/json", "application/cloudevents+json; charset=utf-8"])
def test_the_api_makes_an_event_its_own(keptn: Running, media_type: str) -> None:
    given = {**GOOD, "id": "mine", "time": "", "shkeptncontext": "99999", "source": "dynatrace", "unknown": 1}
    taken = ask(keptn, "POST", "v1/event", data=json.dumps(given).encode(), headers={"Content-Type": media_type})
    assert taken.json() == {"keptnContext": "39393939-3920-4020-a020-202020202020"}
    [event] = stored(keptn, str(GOOD["type"]))
    assert event.id not in ("", "mine")
    assert (event.source, event.context) == ("dynatrace", taken.json()["keptnContext"])
    assert post(keptn, {**GOOD, "source": "http://[oops"}).status_code == 200
    assert stored(keptn, str(GOOD["type"]), 2)[1].source == "https://github.com/keptn/keptn/api"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (GOOD, None),
        (FINISHED, None),
        ({**FINISHED, "type": "sh.keptn.event.action.invalidated"}, None),
        ({**GOOD, "type": "sh.keptn.events.problem", "data": {"State": "OPEN"}}, None),
        ({**GOOD, "type": "something.else"}, "unknown event type"),
        ({**GOOD, "type": "sh.keptn.event.a.b.c.finished"}, "unknown event type"),
        ({**GOOD, "type": "sh.keptn.event.action.triggered"}, "unknown event type action: triggered"),
        ({**GOOD, "type": "sh.keptn.event.action.status.changed"}, "unknown event type action: changed"),
        ({**GOOD, "type": "sh.keptn.event.production.rollback.finished"}, "unknown event type action: finished"),
        (
            {**GOOD, "data": {"project": "shop"}},
            "mandatory field(s) 'project', 'stage' or 'service' missing",
        ),
        (
            {**GOOD, "data": {**PLACE, "stage": "dev"}},
            "stage name in event data and in event type does not match",
        ),
        ({**FINISHED, "triggeredid": ""}, "mandatory field 'triggeredid' missing"),
        ({**FINISHED, "data": {**PLACE, "status": "succeeded"}}, "result field is not set"),
        ({**FINISHED, "data": {**PLACE, "result": "pass"}}, "status field is not set"),
        ({**FINISHED, "type": "sh.keptn.event.action.started", "data": PLACE}, None),
        (
            {**GOOD, "type": "sh.keptn.event.monitoring.configure"},
            "mandatory fields(s) 'project', 'service' or 'type' missing",
        ),
        ({**GOOD, "data": {**PLACE, "text": "x" * 66_000}}, "event exceeds the size limit of 64KB"),
    ],
)
def test_what_is_refused_where_events_are_checked_only(keptn: Running, event: dict[str, Any], said: str | None) -> None:
    assert post(keptn, event).status_code == 200, "events are not checked by default"
    keptn.tool.api.strict = True
    checked = post(keptn, event)
    assert checked.status_code == (200 if said is None else 400)
    if said is not None:
        assert checked.json() == {"code": 400, "message": said}


def test_the_gate(keptn: Running) -> None:
    nobody = requests.get(f"{keptn.url}/api/v1/metadata", timeout=10)
    assert (nobody.status_code, nobody.json()) == (
        401,
        {"code": 401, "message": "unauthenticated or invalid credentials"},
    )
    assert ask(keptn, "POST", "v1/auth", token="guess").status_code == 401
    braked = ask(keptn, "POST", "v1/auth", token="guess")
    assert (braked.status_code, braked.json()) == (429, {"code": 429, "message": "too many requests"})
    assert ask(keptn, "POST", "v1/auth").status_code == 200
    assert ask(keptn, "POST", "v1/auth", token="guess").status_code == 401, "who has the token may try again"
    bearer = {"Authorization": f"Bearer {keptn.settings.keptn_token}"}
    assert requests.get(f"{keptn.url}/api/v1/metadata", headers=bearer, timeout=10).status_code == 200


def test_the_brake_lets_go_with_time() -> None:
    class Asked:
        headers: Mapping[str, str] = {"x-token": "guess"}

    now = [0.0]
    gate = Gate("token", clock=lambda: now[0])
    seen = []
    for at in (0, 0, 0, 0.5, 1.0, 1.0, 60.0, 60.0, 60.0):
        now[0] = at
        with pytest.raises(RefusedError) as refused:
            gate.check(Asked())
        seen.append(refused.value.status)
    assert seen == [401, 401, 429, 429, 401, 429, 401, 401, 429]


def test_the_datastore_is_asked_by_context_or_project_and_never_written_to(keptn: Running) -> None:
    assert ask(keptn, "GET", "mongodb-datastore/event?type=x").status_code == 400
    assert ask(keptn, "GET", "mongodb-datastore/event/type/x?filter=data.stage:dev").status_code == 400
    for size in ("0", "101"):
        assert ask(keptn, "GET", f"mongodb-datastore/event?project=shop&pageSize={size}").status_code == 422
    assert ask(keptn, "GET", "mongodb-datastore/event?project=shop&pageSize=x").status_code == 400
    written = ask(keptn, "POST", "mongodb-datastore/event", json=GOOD)
    assert (written.status_code, written.headers["Content-Type"].split(";")[0]) == (403, "text/html")


def test_every_filter_of_the_datastore(keptn: Running) -> None:
    for service in ("carts", "orders"):
        post(keptn, {**GOOD, "shkeptncontext": CONTEXT, "data": {**PLACE, "service": service}})
    waiting(keptn, "sh.keptn.event.rollback.triggered")
    until(keptn, lambda: len(keptn.tool.stored) == 4)
    client = client_of(keptn)
    everything = client.events(project="shop")
    assert [one.time for one in everything] == sorted((one.time for one in everything), reverse=True)
    [orders] = client.events(project="shop", service="orders", type=str(GOOD["type"]))
    assert client.events(project="shop", event_id=orders.id) == [orders]
    assert len(client.events(context=CONTEXT, source="cli")) == 2
    assert client.events(project="shop", stage="dev") == client.events(project="other") == []
    assert {one.id for one in client.events(project="shop", from_time=orders.time)} < {one.id for one in everything}
    assert orders not in client.events(project="shop", before_time=orders.time)
    roots = ask(keptn, "GET", "mongodb-datastore/event?project=shop&root=true").json()
    assert [one["data"]["service"] for one in roots["events"]] == ["carts"]


def test_pages_of_all_three_lists(keptn: Running) -> None:
    contexts = [str(keptn.call("rollback", service=f"s{n}")["context"]) for n in range(3)]
    until(keptn, lambda: len([one for one in keptn.tool.controller.open.values() if one.is_task]) == 3)
    until(keptn, lambda: len(keptn.tool.stored) == 6)
    first = ask(keptn, "GET", "mongodb-datastore/event?project=shop&pageSize=4").json()
    assert (first["nextPageKey"], first["pageSize"], first["totalCount"]) == ("4", 4, 6)
    last = ask(keptn, "GET", "mongodb-datastore/event?project=shop&pageSize=4&nextPageKey=4").json()
    assert (len(last["events"]), "nextPageKey" in last) == (2, False)
    path = "controlPlane/v1/event/triggered/sh.keptn.event.rollback.triggered?pageSize=2"
    first, last = ask(keptn, "GET", path).json(), ask(keptn, "GET", f"{path}&nextPageKey=2").json()
    assert (first["nextPageKey"], first["pageSize"], first["totalCount"]) == ("2", 0, 3)
    assert (last["nextPageKey"], len(last["events"])) == ("0", 1)
    path = "controlPlane/v1/sequence/shop?pageSize=2"
    first, last = ask(keptn, "GET", path).json(), ask(keptn, "GET", f"{path}&nextPageKey=2").json()
    assert (first["nextPageKey"], last["nextPageKey"], first["totalCount"]) == (2, 0, 3)
    assert [one["shkeptncontext"] for one in first["states"] + last["states"]] == contexts[::-1]
    wanted = ask(keptn, "GET", f"controlPlane/v1/sequence/shop?keptnContext={contexts[0]}, {contexts[2]}").json()
    assert [one["service"] for one in wanted["states"]] == ["s2", "s0"]
    for query, count in (("state=started", 3), ("state=finished", 0), ("name=rollback", 3), ("name=x", 0)):
        assert len(ask(keptn, "GET", f"controlPlane/v1/sequence/shop?{query}").json()["states"]) == count


def test_control_says_yes_to_almost_everything(keptn: Running) -> None:
    path = f"controlPlane/v1/sequence/shop/{CONTEXT}/control"
    for body in ({"state": "abort"}, {"state": "nonsense", "stage": "x"}):
        said = ask(keptn, "POST", path, json=body)
        assert (said.status_code, said.json()) == (200, {})
    for refused in ({}, {"state": ""}, []):
        assert ask(keptn, "POST", path, json=refused).status_code == 400


def test_a_project_that_is_not_there(keptn: Running) -> None:
    with pytest.raises(NotFoundError, match="project not found"):
        client_of(keptn).triggered("sh.keptn.event.action.triggered", project="mars")
    assert client_of(keptn).sequences("mars") == []


def test_integrations(keptn: Running) -> None:
    client = client_of(keptn)
    mine = {
        "name": "ansible",
        "metadata": {"hostname": "node1", "kubernetesmetadata": {"namespace": "ns"}},
        "subscriptions": [{"event": "sh.keptn.event.action.triggered", "filter": {"projects": ["shop"]}}],
    }
    known = client.register(mine)
    assert re.fullmatch(r"[0-9a-f]{40}", known)
    assert client.register({**mine, "subscriptions": []}) == known
    [subscription] = client.ping(known)["subscriptions"]
    assert subscription["filter"] == {"projects": ["shop"], "stages": [], "services": []}
    base = "controlPlane/v1/uniform/registration"
    assert ask(keptn, "POST", base, json=mine).status_code == 200
    assert ask(keptn, "POST", base, json={**mine, "name": "other"}).status_code == 201
    refused = ask(keptn, "POST", base, json={"name": "x"})
    assert (refused.status_code, refused.json()["message"][:25]) == (400, "incomplete integration ID")
    more = ask(keptn, "POST", f"{base}/{known}/subscription", json={"event": "sh.keptn.>"})
    assert more.status_code == 201
    one = f"{base}/{known}/subscription/{more.json()['id']}"
    service = {"event": "sh.keptn.>", "filter": {"services": ["carts"]}}
    assert ask(keptn, "PUT", one, json=service).status_code == 400, "a service without a stage"
    assert ask(keptn, "PUT", one, json={"event": "sh.keptn.event.*.finished"}).status_code == 201
    assert ask(keptn, "GET", one).json()["event"] == "sh.keptn.event.*.finished"
    assert len(ask(keptn, "GET", f"{base}/{known}/subscription").json()) == 2
    assert ask(keptn, "DELETE", one).status_code == 200
    assert ask(keptn, "GET", one).status_code == 404
    assert [integration["name"] for integration in ask(keptn, "GET", f"{base}?name=ansible").json()] == ["ansible"]
    client.unregister(known)
    with pytest.raises(NotFoundError):
        client.ping(known)


# -- what Keptn's own descriptions say --------------------------------------------------------------------------------


Described = tuple[str, str, Mapping[str, Any], Mapping[str, Any]]


class Recorded:
    """Moves requests and keeps them with their answers."""

    def __init__(self) -> None:
        self.seen: list[tuple[Request, Response]] = []
        self._transport = RequestsTransport()

    def send(self, request: Request, timeout: float) -> Response:
        response = self._transport.send(request, timeout)
        self.seen.append((request, response))
        return response


def described() -> list[Described]:
    """Return every described call: method, pattern of its path, operation, definitions."""
    places = (
        ("keptn-v1-api.swagger.yaml", "/api/v1"),
        ("keptn-v1-mongodb-datastore.swagger.yaml", "/api/mongodb-datastore"),
        ("keptn-v1-controlplane.pruned.swagger.json", "/api/controlPlane/v1"),
    )
    found: list[Described] = []
    for name, base in places:
        document = spec(name)
        for path, operations in document["paths"].items():
            pattern = re.escape(base) + re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
            for method, operation in operations.items():
                if method != "parameters":
                    shared = operations.get("parameters", [])
                    whole = {**operation, "parameters": [*operation.get("parameters", []), *shared]}
                    found.append((method.upper(), pattern, whole, document))
    return found


def resolved(document: Mapping[str, Any], item: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = item
    if "$ref" in item:
        found = document
        for part in item["$ref"].removeprefix("#/").split("/"):
            found = found[part]
    return found  # type: ignore[no-any-return]


def check(request: Request, response: Response) -> str:
    """Check one call with its answer and return what it was."""
    address = urlsplit(request.url)
    found = [one for one in described() if one[0] == request.method and re.fullmatch(one[1], address.path)]
    assert found, f"{request.method} {address.path} is not described"
    _method, pattern, operation, document = found[0]
    parameters = [resolved(document, one) for one in operation.get("parameters", [])]
    known = {one["name"] for one in parameters if one["in"] == "query"}
    if "/event/triggered/" in address.path:
        # The code reads both; the description leaves them out, and says that one event is answered, not a page.
        known |= {"pageSize", "nextPageKey"}
    assert {name for name, _value in parse_qsl(address.query)} <= known
    for one in parameters:
        if one["in"] == "body":
            schema = {**one["schema"], "definitions": document["definitions"]}
            jsonschema.Draft4Validator(schema).validate(json.loads(request.body or b""))
    responses = {str(status): answer for status, answer in operation["responses"].items()}
    schema = responses[str(response.status)].get("schema")
    if schema is not None:
        if "/event/triggered/" in address.path:
            events = {"type": "array", "items": schema}
            schema = {"type": "object", "required": ["events"], "properties": {"events": events}}
        jsonschema.Draft4Validator({**schema, "definitions": document["definitions"]}).validate(response.json())
    return f"{request.method} {operation.get('operationId') or pattern}"


def test_our_calls_and_the_answers_are_those_that_are_described(keptn: Running) -> None:
    recorded = Recorded()
    client = KeptnClient(keptn.url, keptn.settings.keptn_token, recorded, timeout=10.0, attempts=1)
    context = context_of("i1")
    client.metadata()
    place = {**PLACE, "labels": {"self-healing": "i1"}}
    keeping.send_once(client, draft(sequence_type(STAGE, "delivery", "triggered"), context, place))
    assert keeping.wait_for_end(client, "shop", context, seconds=20, every=0.1).succeeded
    made = keptn.call("problem", title="Process unavailable", evaluations=["fail"])
    task = waiting(keptn)
    [task] = client.triggered("sh.keptn.event.action.triggered", project="shop", stage=STAGE)
    for kind, said in (("started", {}), ("finished", {"status": "succeeded", "result": "pass"})):
        keeping.send_once(client, answer(task, kind, **said))
    client.control("shop", made["context"], "pause")
    client.control("shop", made["context"], "abort", stage=STAGE)
    mine = {"name": "a", "metadata": {"hostname": "h", "kubernetesmetadata": {"namespace": "n"}}}
    known = client.register(mine)
    client.ping(known)
    client.unregister(known)
    client.events(
        context=context, project="shop", stage=STAGE, service="carts", source="x", event_id="1", from_time="2026"
    )
    calls = {check(*seen) for seen in recorded.seen}
    assert len(calls) == 9, calls


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "mongodb-datastore/event", None, 400),
        ("GET", "controlPlane/v1/event/triggered/x?project=mars", None, 404),
        ("POST", f"controlPlane/v1/sequence/shop/{CONTEXT}/control", {}, 400),
        ("POST", "controlPlane/v1/uniform/registration", {}, 400),
        ("PUT", "controlPlane/v1/uniform/registration/x/ping", None, 404),
    ],
)
def test_errors_are_those_that_are_described(keptn: Running, method: str, path: str, body: Any, status: int) -> None:
    refused = ask(keptn, method, path, json=body)
    assert refused.status_code == status
    address = urlsplit(refused.url)
    found = [one for one in described() if one[0] == method and re.fullmatch(one[1], address.path)]
    schema = found[0][2]["responses"][str(status) if str(status) in found[0][2]["responses"] else status].get("schema")
    if schema is not None:
        schema = {**schema, "definitions": found[0][3]["definitions"]}
        jsonschema.Draft4Validator(schema).validate(refused.json())
    assert refused.json().keys() == {"code", "message"}


def test_every_event_has_the_envelope(keptn: Running) -> None:
    envelope = jsonschema.Draft7Validator(spec("keptn-v1-event-envelope.derived.schema.json"))
    delivery = keptn.call("deliver", result="fail")["context"]
    made = keptn.call("problem", title="Response time degradation", service="orders")
    for type_, context in (("rollback", delivery), ("action", made["context"])):
        sent(keptn, waiting(keptn, f"sh.keptn.event.{type_}.triggered", context), "started", "finished")
        assert state_of(keptn, context, "finished")
    for sequence in ("delivery", "rollback", "remediation"):
        stored(keptn, sequence_type(STAGE, sequence, "finished"))
    events = ask(keptn, "GET", "mongodb-datastore/event?project=shop&pageSize=100").json()["events"]
    assert len(events) == 24
    for event in events:
        envelope.validate(event)


def test_what_we_send_has_the_data_that_the_specification_wants() -> None:
    events = spec("keptn-spec-0.2.4-events.json")["events"]
    for task in ("rollback", "action", "deployment"):
        trigger = Event(
            id="T",
            type=f"sh.keptn.event.{task}.triggered",
            source="x",
            context=CONTEXT,
            data={**PLACE, "labels": {"a": "b"}},
        )
        for kind, said in (
            ("started", {}),
            ("started", {"status": "succeeded", "result": "pass", "message": "on it"}),
            ("finished", {"status": "errored", "result": "fail", "message": "no"}),
        ):
            if kind == "finished" and task != "rollback":
                # Those want an object of their own, which only a caller can fill.
                continue
            made = answer(trigger, kind, labels={"c": "d"}, **said)
            jsonschema.Draft4Validator(events[made["type"]]["schema"]).validate(made["data"])
            jsonschema.Draft7Validator(spec("keptn-v1-event-envelope.derived.schema.json")).validate(
                {**made, "time": "2026-11-22T10:00:00Z"}
            )


#: Refused where events are checked: their types have the parts of another kind of event, only the core sends them, or
#: (the last one) they do not say what came of it.
REFUSED = re.compile(r"\.(triggered|changed)$|\.(project|service)\.create\.|get-sli\.finished$")


def test_the_examples_of_the_specification_are_taken_or_refused_as_keptn_does(keptn: Running) -> None:
    events = spec("keptn-spec-0.2.4-events.json")["events"]
    assert len(events) == 41
    broken = {
        type_
        for type_, one in events.items()
        if not jsonschema.Draft4Validator(one["schema"]).is_valid(one["example"]["data"])
    }
    assert broken == {
        "sh.keptn.event.evaluation.finished",
        "sh.keptn.event.release.triggered",
        "sh.keptn.events.problem",
    }
    for type_, one in events.items():
        # Keptn knows no schemas: what is broken in them is taken like everything else.
        taken = post(keptn, one["example"])
        assert (taken.status_code, taken.json()) == (200, {"keptnContext": one["example"]["shkeptncontext"]}), type_
    until(keptn, lambda: len(keptn.tool.stored) >= 41)
    assert {event.type for event in keptn.tool.stored} >= set(events)
    keptn.tool.api.strict = True
    for type_, one in events.items():
        refused = REFUSED.search(type_) is not None
        assert post(keptn, one["example"]).status_code == (400 if refused else 200), type_


def test_shipyard_plans_and_payloads_are_what_their_schemas_say() -> None:
    jsonschema.Draft4Validator(spec("keptn-spec-0.2.4-shipyard.schema.json")).validate(SHIPYARD)
    plans = [{"problemType": plan.problem_type, "actionsOnOpen": list(plan.actions)} for plan in PLANS]
    remediation = {
        "apiVersion": "spec.keptn.sh/0.1.4",
        "kind": "Remediation",
        "metadata": {"name": "shop-remediation"},
        "spec": {"remediations": plans},
    }
    jsonschema.Draft7Validator(spec("keptn-remediation-0.1.4.schema.json")).validate(remediation)
    request = {
        "url": "https://eda.example.com/keptn",
        "method": "POST",
        "headers": [{"key": "Content-Type", "value": "application/cloudevents+json"}],
        "payload": ACTION_PAYLOAD,
    }
    webhook = {"type": "sh.keptn.event.action.triggered", "subscriptionID": "s", "requests": [request]}
    configuration = {
        "apiVersion": "webhookconfig.keptn.sh/v1beta1",
        "kind": "WebhookConfig",
        "metadata": {"name": "webhook"},
        "spec": {"webhooks": [webhook]},
    }
    jsonschema.Draft7Validator(spec("keptn-webhookconfig-v1beta1.schema.json")).validate(configuration)


def test_events_of_keptn_2_are_what_their_schema_says() -> None:
    schema = jsonschema.Draft7Validator(spec("keptn-v2-cloudevent-data.derived.schema.json"))
    for phase in PHASES:
        schema.validate(lifecycle_event({"phase": phase, "typed": phase.startswith("App")})[1])
