# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated xMatters on the wire: what the vendor does, what it may do, and what it does on bad days."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from sandbox.settings import ANA, BO, CLEO, Settings, Webhook
from sandbox.xmatters import XMatters
from support.one_tool import OneTool, start_tool

TEAM = "Checkout SRE"
Body = dict[str, Any]


class Tenant:
    """A tenant whose time stands still, and the webhooks that it posted."""

    def __init__(self, tool: OneTool[XMatters], posted: list[tuple[str, Body]]) -> None:
        self.tool = tool
        self.posted = posted
        tool.tool.event_delay = 0.0
        tool.call("clock", stop=True)
        self.session = requests.Session()
        self.session.auth = (tool.settings.xmatters_user, tool.settings.xmatters_password)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(f"{self.tool.url}/api/xm/1/{path}", params=query, timeout=5)

    def post(self, path: str, body: Any) -> requests.Response:
        return self.session.post(f"{self.tool.url}/api/xm/1/{path}", json=body, timeout=5)

    def delete(self, path: str) -> requests.Response:
        return self.session.delete(f"{self.tool.url}/api/xm/1/{path}", timeout=5)

    def trigger(self, **more: Any) -> str:
        body = {"recipients": [{"id": TEAM}], "properties": {"subject": "down", "replicas": 3}, **more}
        accepted = self.session.post(self.tool.tool.form_url, json=body, timeout=5)
        assert accepted.status_code == 202
        request: str = accepted.json()["requestId"]
        return request

    def alert(self, **more: Any) -> Body:
        """Trigger an alert and return its event."""
        request = self.trigger(**more)
        self.tool.call("clock", advance=0)
        [event] = self.get("events", requestId=request).json()["data"]
        return dict(event)

    def kinds(self) -> list[str]:
        return [path.partition("type=")[2] or "response" for path, _body in self.posted]


@pytest.fixture
def posted() -> Iterator[tuple[str, list[tuple[str, Body]]]]:
    """An address that takes webhooks, and those that came."""
    came: list[tuple[str, Body]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/xmatters", came
    server.shutdown()
    server.server_close()


@pytest.fixture
def tenant(posted: tuple[str, list[tuple[str, Body]]]) -> Iterator[Tenant]:
    settings = Settings(people=(ANA, BO, CLEO), xmatters_webhook=Webhook(posted[0]))
    with start_tool(XMatters, settings) as running:
        yield Tenant(running, posted[1])


# -- triggers and events ----------------------------------------------------------------------------------------------


def test_a_trigger_is_accepted_before_there_is_an_event(tenant: Tenant) -> None:
    tenant.tool.tool.event_delay = 0.2
    request = tenant.trigger()
    assert tenant.get("events", requestId=request).json() == {
        "count": 0,
        "total": 0,
        "data": [],
        "links": {"self": f"/api/xm/1/events?requestId={request}&offset=0&limit=100"},
    }
    end = time.monotonic() + 5
    while not tenant.get("events", requestId=request).json()["data"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert tenant.get("events", requestId="00000000-0000-4000-8000-000000000000").json()["total"] == 0


def test_flood_control_drops_an_alert_and_says_so_elsewhere(tenant: Tenant) -> None:
    first = tenant.alert()
    tenant.tool.call("switch", flood_control=True)
    assert tenant.get("events", requestId=tenant.trigger()).json()["data"] == []
    [dropped] = tenant.get("event-suppressions", event=first["id"]).json()["data"]
    assert (dropped["match"]["eventId"], dropped["filters"][0]["name"]) == (first["eventId"], "Flood control")
    assert tenant.get("event-suppressions", event=dropped["event"]["id"]).json()["data"] == [dropped]
    assert tenant.get(f"events/{dropped['event']['id']}").status_code == 404
    assert tenant.get("event-suppressions").status_code == 400


def test_how_it_was_to_be_delivered_is_shown_under_the_same_names(tenant: Tenant) -> None:
    asked = {
        "escalationOverride": True,
        "overrideDeviceRestrictions": True,
        "bypassPhoneIntro": True,
        "requirePhonePassword": True,
        "conference": {"type": "EXTERNAL", "bridgeId": "b1", "bridgeNumber": "123"},
        "voicemailOptions": {"retry": 1, "every": 5, "leave": "callbackonly"},
        "targetDeviceNames": ["Mobile"],
        "priority": "HIGH",
        "expirationInMinutes": 30,
    }
    event = tenant.get(f"events/{tenant.alert(**asked)['eventId']}", embed="properties,recipients").json()
    assert {name: event[name] for name in asked} == asked
    assert event["properties"] == {"subject#en": "down", "replicas": 3}
    assert [(one["targetName"], one["targeted"]) for one in event["recipients"]["data"]] == [
        (TEAM, True),
        ("ana", False),
        ("bo", False),
        ("cleo", False),
    ]


def test_deliveries_need_a_time_and_may_come_late(tenant: Tenant) -> None:
    tenant.tool.call("switch", deliveries_delay=3600)
    path = f"events/{tenant.alert()['id']}/user-deliveries"
    assert tenant.get(path).status_code == 400
    assert tenant.get(path, at="2099-01-01T00:00:00Z").status_code == 404
    tenant.tool.call("switch", deliveries_delay=0)
    [row] = tenant.get(path, at="2099-01-01T00:00:00Z").json()["data"]
    assert [sent["deliveryStatus"] for sent in row["notifications"]["data"]] == ["DELIVERED"] * 3


def test_unknown_fields_and_late_changes_of_the_status(tenant: Tenant) -> None:
    event = tenant.alert()["id"]
    assert tenant.post("events", {"id": event, "status": "ACTIVE", "colour": "red"}).status_code == 200
    tenant.tool.call("switch", unknown_fields="refused", terminated_status=400)
    refused = tenant.post("events", {"id": event, "status": "ACTIVE", "colour": "red"})
    assert (refused.status_code, refused.json()["message"]) == (400, "Unrecognized field: colour")
    assert tenant.post("events", {"id": event, "status": "TERMINATED"}).status_code == 200
    assert tenant.post("events", {"id": event, "status": "ACTIVE"}).status_code == 400
    assert tenant.post("events", {"id": event, "status": "TERMINATED"}).json()["status"] == "TERMINATED"


def test_what_does_not_exist_is_deleted_with_204(tenant: Tenant) -> None:
    for path in ("people/x", "groups/x", "plans/x", "devices/x", "temporary-absences/x"):
        assert tenant.delete(path).status_code == 204, path
    device = tenant.get("people/ana/devices").json()["data"][0]
    assert tenant.delete(f"devices/{device['id']}").json()["targetName"] == "ana|Work Email"
    assert tenant.delete(f"devices/{device['id']}").status_code == 204


def test_pages_are_linked_relatively_and_the_last_has_no_next(tenant: Tenant) -> None:
    for _number in range(3):
        tenant.alert()
    page = tenant.get("events", limit=2).json()
    assert page["links"]["next"].startswith("/api/xm/1/events?")
    last = tenant.session.get(tenant.tool.url + page["links"]["next"], timeout=5).json()
    assert (last["count"], last["total"], "next" in last["links"]) == (1, 3, False)
    assert "limit=100&" in tenant.get("events", limit=5000).json()["links"]["self"]


# -- who may call -----------------------------------------------------------------------------------------------------


def test_tokens_run_out_by_the_clock_and_are_renewed_once(tenant: Tenant) -> None:
    token = f"{tenant.tool.url}/api/xm/1/oauth2/token"
    user, password = tenant.session.auth  # type: ignore[misc]
    login = {"grant_type": "password", "client_id": "app", "username": user, "password": password}
    given = requests.post(token, data=login, timeout=5).json()
    assert (given["token_type"], given["expires_in"]) == ("bearer", 900)

    def status(access: str) -> tuple[int, list[str]]:
        headers = {"Authorization": f"Bearer {access}"}
        answer = requests.get(f"{tenant.tool.url}/api/xm/1/events", headers=headers, timeout=5)
        return answer.status_code, sorted(answer.json())

    assert status(given["access_token"])[0] == 200
    tenant.tool.call("clock", advance=901)
    assert status(given["access_token"]) == (401, ["error", "error_description"])
    renewal = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": given["refresh_token"]}
    fresh = requests.post(token, data=renewal, timeout=5).json()
    assert status(fresh["access_token"])[0] == 200
    assert requests.post(token, data=renewal, timeout=5).json()["error"] == "invalid_grant"
    wrong = requests.get(f"{tenant.tool.url}/api/xm/1/events", auth=("a", "b"), timeout=5)
    assert (wrong.status_code, sorted(wrong.json())) == (401, ["code", "message", "reason"])


def test_refresh_tokens_may_be_good_for_ever_and_properties_unseen(tenant: Tenant) -> None:
    token = f"{tenant.tool.url}/api/xm/1/oauth2/token"
    user, password = tenant.session.auth  # type: ignore[misc]
    login = {"grant_type": "password", "client_id": "app", "username": user, "password": password}
    refresh = requests.post(token, data=login, timeout=5).json()["refresh_token"]
    tenant.tool.call("switch", rotates_refresh_tokens=False, hidden_properties=True)
    renewal = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": refresh}
    assert [requests.post(token, data=renewal, timeout=5).status_code for _number in range(2)] == [200, 200]
    event = tenant.alert()["id"]
    assert "properties" not in tenant.get("events", embed="properties").json()["data"][0]
    assert "properties" in tenant.get(f"events/{event}", embed="properties").json()
    tenant.tool.call("expire_tokens", refresh_too=True)
    assert requests.post(token, data=renewal, timeout=5).status_code == 400


def test_what_may_not_be_seen_is_empty_or_forbidden(tenant: Tenant) -> None:
    tenant.tool.call("switch", restricted={"people": "empty", "groups": "forbidden", "on-call": "forbidden_empty"})
    assert tenant.get("people").json()["data"] == []
    assert tenant.get("people/ana").status_code == 404
    assert (tenant.get("groups").status_code, tenant.get("groups").json()["code"]) == (403, 403)
    assert (tenant.get("on-call", groups=TEAM).status_code, tenant.get("on-call", groups=TEAM).content) == (403, b"")
    assert tenant.get("events").status_code == 200


@pytest.mark.parametrize("retry_after", [0, 7])
def test_too_many_requests_are_refused(tenant: Tenant, retry_after: int) -> None:
    tenant.tool.call("switch", requests_per_minute=2, retry_after=retry_after)
    assert [tenant.get("events").status_code for _number in range(3)] == [200, 200, 429]
    assert tenant.get("events").headers.get("Retry-After") == (str(retry_after) if retry_after else None)


# -- who is on call ---------------------------------------------------------------------------------------------------


def test_on_call_has_one_item_for_each_occurrence_and_none_in_a_gap(tenant: Tenant) -> None:
    shift = {"name": "Days", "start": "2026-11-02T08:00:00Z", "end": "2026-11-02T16:00:00Z", "members": ["bo"]}
    tenant.tool.call("group", name="Days only", shifts=[shift], supervisors=["ana"])
    week = {"from": "2026-11-02T00:00:00Z", "to": "2026-11-05T00:00:00Z"}
    items = tenant.get("on-call", groups=f"Days only,{TEAM}", embed="shift", **week).json()["data"]
    assert [(one["group"]["targetName"], one["start"]) for one in items][:3] == [
        ("Days only", "2026-11-02T08:00:00Z"),
        ("Days only", "2026-11-03T08:00:00Z"),
        ("Days only", "2026-11-04T08:00:00Z"),
    ]
    assert len(items) == 6
    assert tenant.get("on-call", groups="Days only", at="2026-11-02T17:00:00Z").json()["total"] == 0
    assert "shift" not in tenant.get("on-call", groups="Days only", at="2026-11-02T12:00:00Z").json()["data"][0]
    for wrong in ({"from": week["from"]}, {"membersPerShift": 0}, {"at": "2026-11-02T12:00:00"}):
        assert tenant.get("on-call", groups=TEAM, **wrong).status_code == 400, wrong
    assert [one["targetName"] for one in tenant.get("groups/Days only/supervisors").json()["data"]] == ["ana"]
    assert len(tenant.get("groups/Days only/occurrences", **week).json()["data"]) == 3


def test_members_are_people_groups_and_devices_and_come_in_pages(tenant: Tenant) -> None:
    tenant.tool.call("group", name="All kinds", members=[TEAM, {"name": "bo|Mobile", "delay": 5}, "cleo"])
    query = {"groups": "All kinds", "embed": "shift,members.owner", "membersPerShift": 2}
    [item] = tenant.get("on-call", **query).json()["data"]
    members = item["members"]
    assert [(one["member"]["recipientType"], one["delay"]) for one in members["data"]] == [("GROUP", 0), ("DEVICE", 5)]
    assert members["data"][1]["member"]["owner"]["targetName"] == "bo"
    assert (members["count"], members["total"]) == (2, 3)
    following = tenant.session.get(tenant.tool.url + members["links"]["next"], timeout=5).json()
    assert [one["member"]["targetName"] for one in following["data"]] == ["cleo"]


def test_absences_are_made_listed_followed_and_ended(tenant: Tenant) -> None:
    times = {"start": "2026-11-02T00:00:00Z", "end": "2026-11-03T00:00:00Z"}
    made = tenant.post(
        "temporary-absences",
        {"absenceType": "REPLACEMENT", "member": {"id": "ana"}, "replacement": {"targetName": "cleo"}, **times},
    )
    assert made.status_code == 201
    tenant.post("temporary-absences", {"member": "bo", "group": TEAM, **times})
    [item] = tenant.get("on-call", groups=TEAM, at="2026-11-02T12:00:00Z").json()["data"]
    ana, bo, cleo = (member["replacements"]["data"] for member in item["members"]["data"])
    assert (ana[0]["replacement"]["targetName"], "replacement" in bo[0], cleo) == ("cleo", False, [])
    rows = tenant.get("on-call-summary", groups=TEAM, at="2026-11-02T12:00:00Z").json()
    assert [(row["recipient"]["targetName"], row.get("absence", {}).get("targetName")) for row in rows] == [
        ("cleo", "ana"),
        ("bo", "bo"),
        ("cleo", None),
    ]
    for query, total in (
        ({}, 2),
        ({"member": "bo"}, 1),
        ({"groups": TEAM}, 2),
        ({"groups": "Nobody's"}, 0),
        ({"absenceType": "replacement"}, 1),
        ({"from": "2026-11-04T00:00:00Z"}, 0),
    ):
        assert tenant.get("temporary-absences", **query).json()["total"] == total, query
    ended = tenant.delete(f"temporary-absences/{made.json()['id']}")
    assert (ended.status_code, ended.json()["member"]["targetName"]) == (200, "ana")
    for body, named in (
        ({"member": "x", **times}, "member"),
        ({"member": "ana"}, "start"),
        ({"member": "ana", "absenceType": "REPLACEMENT", **times}, "replacement"),
        ({"member": "ana", "group": "x", **times}, "group"),
    ):
        assert named in tenant.post("temporary-absences", body).json()["message"]


def test_people_and_groups_are_found_by_what_the_vendor_filters(tenant: Tenant) -> None:
    tenant.tool.call("group", name="Managers", kind="BROADCAST", members=["cleo"], active=False)
    for path, query, names in (
        ("people", {"groups": "Managers"}, ["cleo"]),
        ("people", {"emailAddress": "BO@example.com"}, ["bo"]),
        ("people", {"firstName": "ana", "lastName": "berg"}, ["ana"]),
        ("people", {"phoneNumber": "+49305550002"}, ["bo"]),
        ("groups", {"search": "manag team", "operand": "OR"}, ["Managers"]),
        ("groups", {"search": "manag team"}, []),
        ("groups", {"groupType": "BROADCAST"}, ["Managers"]),
        ("groups", {"status": "ACTIVE"}, [TEAM]),
        ("groups", {"members": "cleo"}, [TEAM, "Managers"]),
        ("groups", {"supervisors": "ana"}, []),
        ("groups", {"member.exists": "ANY_SHIFTS"}, [TEAM]),
    ):
        assert [one["targetName"] for one in tenant.get(path, **query).json()["data"]] == names, (path, query)
    assert tenant.get("people/ana", embed="roles").json()["roles"]["total"] == 1
    shift = tenant.get(f"groups/{TEAM}/shifts", embed="members").json()["data"][0]
    assert [one["recipient"]["targetName"] for one in shift["members"]["data"]] == ["ana", "bo", "cleo"]
    frames = [{"name": "office", "start": "08:00", "minutes": 600, "days": ["MO"]}]
    tenant.tool.call("devices", person="ana", devices=[{"name": "Desk", "kind": "VOICE", "timeframes": frames}])
    [desk] = tenant.get("people/ana/devices", embed="timeframes").json()["data"]
    assert desk["timeframes"]["data"][0]["durationInMinutes"] == 600


# -- webhooks ---------------------------------------------------------------------------------------------------------


def test_a_webhook_has_no_language_and_says_null(tenant: Tenant) -> None:
    event = tenant.alert()
    tenant.tool.call("respond", alert=event["id"], person="ana", option=2, device="SMS Phone")
    tenant.tool.call("clock", advance=0)
    [(_path, body)] = tenant.posted
    assert body["eventProperties"] == [{"subject": "down"}, {"replicas": 3}]
    assert (body["annotation"], body["device"], body["eventIdentifier"]) == ("null", "SMS Phone", event["eventId"])
    [audit] = tenant.get("audits", eventId=event["id"], auditType="response_received").json()["data"]
    assert (audit["response"]["source"], "comment" in audit["response"]) == ("TEXT_PHONE", False)


def test_webhooks_come_twice_out_of_order_and_late(tenant: Tenant) -> None:
    tenant.tool.call("switch", webhook_kinds=["response", "status", "delivery"], webhook_held=True, webhook_copies=2)
    event = tenant.alert()["id"]
    tenant.tool.call("respond", alert=event, person="ana", option=1)
    tenant.tool.call("status", alert=event, status="TERMINATED", person="bo")
    assert tenant.posted == []
    assert tenant.tool.call("webhooks", release="newest_first")["released"] == 6
    kinds = ["status", "response", "delivery", "delivery", "delivery", "status"]
    assert sorted(tenant.kinds()) == sorted(kinds * 2)
    assert list(dict.fromkeys(tenant.kinds())) == ["status", "response", "delivery"]
    bodies = [body for path, body in tenant.posted if path.endswith("type=status")]
    assert {(body["status"], body["username"]) for body in bodies} == {
        ("active", "self-healing"),
        ("terminated", "bo"),
    }
    log = tenant.tool.snapshot()["webhooks"]
    assert {one["status"] for one in log} == {202}


def test_deliveries_are_told_with_what_failed(tenant: Tenant) -> None:
    tenant.tool.call("switch", webhook_kinds=["delivery"], broken_devices=["ana|Mobile"])
    tenant.alert()
    tenant.tool.call("clock", advance=0)
    told = [(body["device"], body["deliveryStatus"]) for _path, body in tenant.posted]
    assert sorted(told) == [("Mobile", "Failed"), ("SMS Phone", "Delivered"), ("Work Email", "Delivered")]
