# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The emulated xMatters as others see it: python-xmatters for the calls it shares with us, and the derived OpenAPI."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import requests
import xmatters.errors
import xmatters.objects.audits
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from xmatters.session import XMSession

from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters import XMattersClient
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, RequestsTransport, Response
from ansible_collections.self_healing.devops.plugins.modules import xmatters_alert
from sandbox.xmatters import XMatters
from support.one_tool import OneTool, start_tool
from support.xmatters_openapi import SPECIFICATION, Recorder, departures, every_call_compared, missing, problems
from support.xmatters_runs import run_module

WEBHOOKS = SPECIFICATION.with_name("xmatters-outbound-webhooks.derived.schema.json")
MARKER = "i7k3v5q2x4dmz"
OPTIONS = [{"name": "process_restart", "label": "Restart process"}, {"name": "escalate", "label": "Escalate"}]


@pytest.fixture
def tool() -> Iterator[OneTool[XMatters]]:
    with start_tool(XMatters) as running:
        yield running


def on_plain_http(session: XMSession, url: str, **credentials: Any) -> XMSession:
    """Log in on the sandbox: the client knows https only."""
    session._api_base_url = f"{url}/api/xm/1"
    session.set_authentication(**credentials)
    session.con.instance_url = url
    return session


@pytest.fixture
def theirs(tool: OneTool[XMatters]) -> XMSession:
    user, password = tool.settings.xmatters_user, tool.settings.xmatters_password
    return on_plain_http(XMSession("sandbox.example"), tool.url, username=user, password=password)


def alert_of(tool: OneTool[XMatters], transport: Any = None, **changes: Any) -> dict[str, Any]:
    """Run our own module once and return its result."""
    given = {
        "xmatters_url": tool.url,
        "xmatters_user": tool.settings.xmatters_user,
        "xmatters_password": tool.settings.xmatters_password,
        "xmatters_form_url": tool.tool.form_url,
        "marker": MARKER,
        "recipients": [{"name": tool.settings.group, "type": "group"}],
        "priority": "high",
        "subject": "shop is down",
        "text": "not running",
        "properties": {"replicas": 3},
        "response_options": OPTIONS,
        "expiration": 60,
        **changes,
    }
    checked = ArgumentSpecValidator(xmatters_alert.SPEC.options).validate(given)
    return xmatters_alert.run(checked.validated_parameters, False, transport or RequestsTransport())


# -- python-xmatters --------------------------------------------------------------------------------------------------


def test_they_find_our_alert_as_we_do(tool: OneTool[XMatters], theirs: XMSession) -> None:
    ours = alert_of(tool)
    events = theirs.events_endpoint()
    [found] = events.get_events(property_name="incident_id#en", property_value=MARKER)
    assert (found.id, found.event_id, found.status, found.priority) == (ours["id"], ours["number"], "ACTIVE", "HIGH")
    assert found.created.datetime().tzinfo is not None
    assert found.expiration_in_minutes == 60
    assert (found.plan.name, found.form.name) == ("Self-healing DevOps", "Incident response")
    for name in (ours["id"], ours["number"]):
        assert events.get_event_by_id(name).id == ours["id"]
    assert found.get_properties() == {
        "incident_id#en": MARKER,
        "subject#en": "shop is down",
        "message#en": "not running",
        "replicas": 3,
    }
    assert [(o.number, o.text, o.action) for o in found.get_response_options()] == [
        (1, "Restart process", "STOP_NOTIFYING_TARGET"),
        (2, "Escalate", "ESCALATE"),
    ]
    assert [message.subject for message in found.get_messages()] == ["shop is down"]
    assert events.get_events(property_name="incident_id", property_value=MARKER) == []
    assert events.get_events(request_id="00000000-0000-4000-8000-000000000000") == []
    assert events.get_events(status="TERMINATED") == []


def test_they_see_who_was_notified_and_who_answered(tool: OneTool[XMatters], theirs: XMSession) -> None:
    ours = alert_of(tool)
    event = theirs.events_endpoint().get_event_by_id(ours["id"])
    [delivery] = event.get_user_delivery_data(at="2099-01-01T00:00:00Z")
    assert (delivery.person.target_name, delivery.person.full_name) == ("ana", "Ana Berg")
    assert delivery.delivery_status == "DELIVERED"
    notified = [sent.recipient.target_name for sent in delivery.notifications]
    assert notified == ["ana|Work Email", "ana|Mobile", "ana|SMS Phone"]
    tool.call("respond", alert=ours["id"], person="ana", option=2, comment="not me")
    audits = list(theirs.audits_endpoint().get_audits(event_id=ours["id"], audit_type="RESPONSE_RECEIVED"))
    [answer] = audits
    assert isinstance(answer, xmatters.objects.audits.AuditResponse)
    assert (answer.response.response, answer.response.comment) == ("Escalate", "not me")
    assert [option.action for option in answer.response.options] == ["ESCALATE"]
    assert answer.response.notification.recipient.target_name == "ana|Mobile"
    every = list(event.get_audits(event_id=event.event_id))
    assert [audit.order_id for audit in every] == list(range(1, len(every) + 1))
    assert [audit.type for audit in every].count("NOTIFICATION_DELIVERED") == 6
    [mine] = alert_of(tool)["responses"]
    assert (mine["key"], mine["option"], mine["comment"]) == ("ana", "Escalate", "not me")


def test_they_comment_and_end_it_as_we_do(tool: OneTool[XMatters], theirs: XMSession) -> None:
    ours = alert_of(tool)
    event = theirs.events_endpoint().get_event_by_id(ours["id"])
    note = event.add_annotation({"comment": f"Restarted [{MARKER}-7]"})
    assert event.get_annotation_by_id(note.id).comment == f"Restarted [{MARKER}-7]"
    # python-xmatters looks for the listing below a key that the answer does not have; the raw answer is the listing.
    listing = theirs.con.get(f"{tool.url}/api/xm/1/events/{ours['id']}/annotations")
    assert [item["id"] for item in listing["data"]] == [note.id]
    assert alert_of(tool, comments=[{"id": f"{MARKER}-7", "text": "Restarted"}])["changed"] is False
    assert event.update_status("TERMINATED").status == "TERMINATED"
    assert theirs.events_endpoint().change_event_status({"id": event.id, "status": "TERMINATED"}).terminated
    with pytest.raises(xmatters.errors.ConflictError):
        event.update_status("ACTIVE")
    assert alert_of(tool, status="terminated")["changed"] is False
    assert event.get_suppressions(event=event.id) == []


def test_they_follow_our_pages(tool: OneTool[XMatters], theirs: XMSession) -> None:
    for n in range(3):
        alert_of(tool, marker=f"iaaaaaaaaaaa{n}")
    pages = theirs.events_endpoint().get_events(limit=1, sort_order="ASCENDING")
    assert len(pages) == 3
    assert [event.event_id for event in pages] == sorted(alert["number"] for alert in tool.snapshot()["alerts"])


def test_they_know_the_people_we_name(tool: OneTool[XMatters], theirs: XMSession) -> None:
    people = theirs.people_endpoint()
    assert [person.full_name for person in people.get_people()] == ["Ana Berg", "Bo Lind"]
    [ana] = people.get_people(web_login="ANA")
    assert people.get_person_by_id("ana").id == people.get_person_by_id(ana.id).id == ana.id
    assert [getattr(device, "email_address", None) for device in ana.get_devices()] == [
        "ana@example.com",
        None,
        None,
        None,
    ]
    assert [(device.device_type, device.delay) for device in ana.get_devices()] == [
        ("EMAIL", 0),
        ("ANDROID_PUSH", 0),
        ("TEXT_PHONE", 2),
        ("VOICE", 0),
    ]
    assert {device.owner.target_name for device in theirs.devices_endpoint().get_devices()} == {"ana", "bo"}
    with pytest.raises(xmatters.errors.NotFoundError):
        people.get_person_by_id("nobody")
    with pytest.raises(xmatters.errors.NoContentError):
        people.delete_person("nobody")


def test_they_see_who_is_on_call(tool: OneTool[XMatters], theirs: XMSession) -> None:
    group = theirs.groups_endpoint().get_group_by_id(tool.settings.group)
    [shift_now] = theirs.oncall_endpoint().get_oncall(groups=tool.settings.group, embed="shift,members.owner")
    assert [(member.position, member.member.target_name) for member in shift_now.members] == [(1, "ana"), (2, "bo")]
    assert shift_now.start.datetime() < shift_now.end.datetime()
    assert shift_now.shift.name == "Around the clock"
    assert [
        row.recipient.target_name for row in theirs.oncall_summary_endpoint().get_oncall_summary(groups=group.id)
    ] == [
        "ana",
        "bo",
    ]
    assert [membership.member.target_name for membership in group.get_members()] == ["ana", "bo"]
    [shift] = group.get_shifts()
    assert [member.recipient.target_name for member in shift.get_members()] == ["ana", "bo"]
    with pytest.raises(xmatters.errors.BadRequestError):
        theirs.oncall_endpoint().get_oncall()


def test_they_make_absences_and_see_who_stands_in(tool: OneTool[XMatters], theirs: XMSession) -> None:
    group = theirs.groups_endpoint().get_group_by_id(tool.settings.group)
    absences = theirs.temporary_absences_endpoint()
    away = {
        "absenceType": "REPLACEMENT",
        "member": {"id": "ana"},
        "replacement": {"id": "bo"},
        "group": {"id": group.id},
    }
    made = absences.create_temporary_absence(
        {**away, "start": "2026-11-02T00:00:00Z", "end": "2026-11-03T00:00:00Z", "includeDirectNotifications": True}
    )
    assert (made.member.target_name, made.replacement.target_name, made.group.id) == ("ana", "bo", group.id)
    assert [one.id for one in absences.get_temporary_absences()] == [made.id]
    at = "2026-11-02T12:00:00Z"
    [shift_then] = theirs.oncall_endpoint().get_oncall(groups=group.id, at=at)
    [first, second] = shift_then.members
    [replaced] = first.replacements
    assert replaced.start.datetime() == made.start.datetime()
    assert second.replacements == []
    rows = theirs.oncall_summary_endpoint().get_oncall_summary(groups=group.id, at=at)
    assert [(row.recipient.target_name, row.absence and row.absence.target_name) for row in rows] == [
        ("bo", "ana"),
        ("bo", None),
    ]
    assert absences.delete_temporary_absence(made.id).id == made.id
    with pytest.raises(xmatters.errors.NoContentError):
        absences.delete_temporary_absence(made.id)


def test_they_read_groups_in_groups_and_devices(tool: OneTool[XMatters], theirs: XMSession) -> None:
    tool.call("group", name="Night", members=[tool.settings.group, {"name": "bo|Mobile", "delay": 5}])
    [shift_now] = theirs.oncall_endpoint().get_oncall(groups="Night", embed="members.owner")
    nested, device = (member.member for member in shift_now.members)
    assert (nested.target_name, nested.recipient_type) == (tool.settings.group, "GROUP")
    assert (device.target_name, device.owner.target_name, device.device_type) == ("bo|Mobile", "bo", "ANDROID_PUSH")


def test_they_see_the_form_as_we_do(tool: OneTool[XMatters], theirs: XMSession) -> None:
    [plan] = theirs.plans_endpoint().get_plans()
    [form] = plan.get_forms()
    assert [option.text for option in form.get_response_options()] == [
        "Restart process",
        "Take over",
        "Escalate",
        "Snooze",
    ]
    assert theirs.forms_endpoint().get_form_by_id(form.id).name == form.name
    ours = run_module(tool, "xmatters_form_info", workflow=plan.name, form=form.name)
    assert (ours["workflow"]["id"], ours["form"]["id"]) == (plan.id, form.id)
    assert [(one["name"], one["longest"]) for one in ours["properties"]] == [
        (one.name, one.max_length) for one in plan.get_properties()
    ]
    [layout] = [section for section in form.get_sections() if section.type == "CUSTOM_SECTION"]
    assert [one["name"] for one in ours["properties"] if one["placed"] and one["in_callbacks"]] == [
        item.property_definition.name for item in layout.items if item.include_in_callback
    ]
    assert ours["recipients"] == [recipient.target_name for recipient in form.get_recipients()]
    assert [(one["name"], one["type"], one["deployed"]) for one in ours["integrations"]] == [
        (one.name, one.integration_type, one.deployed) for one in plan.get_integrations()
    ]


def test_they_read_duty_groups_and_people_as_we_do(tool: OneTool[XMatters], theirs: XMSession) -> None:
    assert tool.call("group", name="Nights", members=[{"name": "bo"}, {"name": tool.settings.group, "delay": 7}])["ok"]
    [ours] = run_module(tool, "xmatters_on_call_info", groups=["Nights"])["groups"]
    [turn] = theirs.oncall_endpoint().get_oncall(groups="Nights", embed="shift,members.owner")
    assert [(one["key"], one["delay"]) for one in ours["shifts"][0]["members"]] == [
        (member.member.target_name, member.delay) for member in turn.members
    ]
    assert [step["key"] for step in ours["escalation"]] == ["bo", "ana"]
    [group] = run_module(tool, "xmatters_group_info", group="Nights", shifts=True)["groups"]
    their_group = theirs.groups_endpoint().get_group_by_id("Nights")
    assert [member["key"] for member in group["members"]] == [
        one.member.target_name for one in their_group.get_members()
    ]
    assert [shift["id"] for shift in group["shifts"]] == [shift.id for shift in their_group.get_shifts()]
    [person] = run_module(tool, "xmatters_person_info", email="bo@example.com")["people"]
    bo = theirs.people_endpoint().get_person_by_id("bo")
    assert (person["id"], person["name"], person["roles"]) == (bo.id, bo.full_name, [role.name for role in bo.roles])
    assert [device["key"] for device in person["devices"]] == [device.target_name for device in bo.get_devices()]


def test_wrong_credentials_have_two_shapes(tool: OneTool[XMatters]) -> None:
    wrong = on_plain_http(XMSession("sandbox.example"), tool.url, username="eda", password="wrong")
    with pytest.raises(xmatters.errors.UnauthorizedError, match="message: Invalid Credentials"):
        wrong.events_endpoint().get_events()
    expired = requests.get(f"{tool.url}/api/xm/1/events", headers={"Authorization": "Bearer x"}, timeout=5)
    assert (expired.status_code, expired.json()["error"]) == (401, "invalid_token")


def test_their_oauth_tokens_are_renewed(tool: OneTool[XMatters], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    user, password = tool.settings.xmatters_user, tool.settings.xmatters_password
    tokens = on_plain_http(XMSession("sandbox.example"), tool.url, username=user, password=password, client_id="app")
    assert tokens.events_endpoint().get_events() == []
    tool.tool.credentials.expire_tokens()
    assert tokens.events_endpoint().get_events() == []
    assert tool.faults.count("xmatters", "POST", "/oauth2/token$") == 2


# -- the derived description of the REST API --------------------------------------------------------------------------


@pytest.fixture(autouse=True, scope="module")
def every_call() -> Iterator[None]:
    """Whatever our modules ask in these tests, and whatever they are answered, follows the derived OpenAPI."""
    with every_call_compared():
        yield


@pytest.fixture
def derived() -> None:
    """Skip without the derived OpenAPI."""
    if reason := missing():
        pytest.skip(reason)


@pytest.mark.usefixtures("derived")
def test_our_calls_and_the_sandbox_follow_the_derived_openapi(tool: OneTool[XMatters]) -> None:
    recorder = Recorder()
    ours = alert_of(tool, recorder, xmatters_client_id="app")
    tool.call("respond", alert=ours["id"], person="ana", option=2, comment="not me")
    tool.call("respond", alert=ours["id"], person="bo", option=1)
    comments = [{"id": f"{MARKER}-1", "text": "Asked"}]
    alert_of(tool, recorder, known_id=ours["number"], comments=comments, status="terminated")
    client = XMattersClient(
        tool.url, recorder, user=tool.settings.xmatters_user, password=tool.settings.xmatters_password
    )
    assert client.person("nobody") is None
    assert client.person("ana") is not None
    called = {(request.method, urlsplit(request.url).path.split("/")[-1]) for request, _response in recorder.passed}
    assert {
        ("POST", "triggers"),
        ("POST", "token"),
        ("GET", "events"),
        ("POST", "events"),
        ("POST", "annotations"),
        ("GET", "annotations"),
        ("GET", "user-deliveries"),
        ("GET", "audits"),
        ("GET", "devices"),
    } <= called
    assert departures(recorder.passed) == []


@pytest.mark.usefixtures("derived")
def test_calls_of_others_follow_the_derived_openapi(tool: OneTool[XMatters], theirs: XMSession) -> None:
    event = alert_of(tool)["id"]
    group = tool.settings.group.replace(" ", "%20")
    found = []
    for path in (
        f"events/{event}?embed=properties,recipients,responseOptions,messages&targeted=true",
        f"events/{event}?embed=recipients",
        f"audits?eventId={event}&sortOrder=DESCENDING",
        f"event-suppressions?event={event}",
        f"on-call?groups={group}&embed=shift",
        f"on-call-summary?groups={group}",
        "groups?search=Checkout",
        f"groups/{group}",
        f"groups/{group}/members",
        f"on-call?groups={group}&from=2026-11-02T00:00:00Z&to=2026-11-04T00:00:00Z&embed=shift,members.owner",
        f"groups/{group}/shifts",
        f"groups/{group}/shifts?embed=members",
        f"groups/{group}/occurrences",
        f"temporary-absences?groups={group}",
        "people/ana/devices?embed=timeframes",
        f"event-suppressions?event={event}",
        f"groups/{group}/shifts/{tool.tool.directory.shift_id}/members",
        "people?search=bo",
        "people/bo/group-memberships",
        f"events/{event}/user-deliveries",
        "events?offset=x",
    ):
        url = f"{tool.url}/api/xm/1/{path}"
        answer = theirs.con.auth.session.get(url, timeout=5)
        passed = Request("GET", url), Response(answer.status_code, {}, answer.content)
        expected = 400 if path.endswith(("user-deliveries", "offset=x")) else 200
        assert answer.status_code == expected, path
        found += [problem for problem in problems(*passed) if "lacks at" not in problem]
    assert found == []


@pytest.mark.parametrize("style", ["integration", "agent"])
def test_webhooks_follow_the_derived_schema(tool: OneTool[XMatters], style: str) -> None:
    if not WEBHOOKS.is_file():
        pytest.skip(f"the derived schema of the webhooks is not there: {WEBHOOKS.name}")
    from sandbox.xmatters import wire

    alert = tool.tool.alerts[alert_of(tool)["id"]]
    tool.call("respond", alert=alert.id, person="ana", option=1)
    body = wire.response_webhook(alert, alert.responses[0], style)
    schema = json.loads(WEBHOOKS.read_text("utf-8"))
    jsonschema.Draft202012Validator({**schema, "oneOf": [{"$ref": "#/$defs/response"}]}).validate(body)
    jsonschema.Draft202012Validator(schema).validate(body)


# -- switches ---------------------------------------------------------------------------------------------------------


def test_deliveries_may_not_be_there_at_once(tool: OneTool[XMatters], theirs: XMSession) -> None:
    event = theirs.events_endpoint().get_event_by_id(alert_of(tool)["id"])
    tool.tool.deliveries_delay = 3600.0
    with pytest.raises(xmatters.errors.NotFoundError):
        event.get_user_delivery_data(at="2099-01-01T00:00:00Z")
    assert alert_of(tool)["notified"] == []


def test_the_next_member_is_notified_when_nobody_answers(tool: OneTool[XMatters]) -> None:
    tool.tool.member_delay = 0.05
    alert_of(tool)
    end = time.monotonic() + 5
    while len(tool.snapshot()["alerts"][0]["recipients"]) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    assert [person["key"] for person in tool.snapshot()["alerts"][0]["recipients"]] == ["ana", "bo"]


def test_ending_by_a_response_stops_everything(tool: OneTool[XMatters]) -> None:
    ours = alert_of(tool, response_options=[{"label": "Stop", "action": "end"}])
    assert tool.call("respond", alert=ours["id"], person="ana", option=1)["ok"]
    again = tool.call("respond", alert=ours["id"], person="ana", option=1)
    assert (again["ok"], "terminated" in again["error"]) == (False, True)
    assert alert_of(tool)["status"] == "terminated"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"person": "bo", "option": 1}, "was not notified"),
        ({"person": "ana", "option": 9}, "no option 9"),
        ({"person": "nobody", "option": 1}, "no such person"),
        ({"person": "ana", "option": 1, "alert": "x"}, "no such alert"),
    ],
)
def test_who_cannot_respond_is_told_why(tool: OneTool[XMatters], arguments: dict[str, Any], error: str) -> None:
    said = tool.call("respond", **{"alert": alert_of(tool)["id"], **arguments})
    assert said["ok"] is False
    assert error in said["error"]
