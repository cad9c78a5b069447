# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of xMatters over a scripted transport: what the emulator does not do by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters import XMattersClient
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_connection import LEEWAY, Connection
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_values import parse_time
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, Response

URL = "https://company.xmatters.com"
FORM = f"{URL}/api/integration/1/functions/00000000-0000-4000-8000-0000000000f1/triggers"


class Script:
    """Answers one request after the other and keeps what was asked."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def send(self, request: Request, _timeout: float) -> Response:
        self.asked.append(request)
        status, body = self.answers.pop(0)
        return Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def client(script: Script, **options: Any) -> XMattersClient:
    return XMattersClient(
        options.pop("url", URL), script, user="eda", password="s3cret-word", attempts=1, form_url=FORM, **options
    )


def page(items: list[Mapping[str, Any]], following: str | None = None) -> tuple[int, Any]:
    return 200, {"count": len(items), "total": 9, "data": items, "links": {"next": following} if following else {}}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2017-06-12T18:55:21.291+0000", datetime(2017, 6, 12, 18, 55, 21, 291000, timezone.utc)),
        ("2017-06-12T18:55:21.291Z", datetime(2017, 6, 12, 18, 55, 21, 291000, timezone.utc)),
        ("2017-06-12T18:55:21Z", datetime(2017, 6, 12, 18, 55, 21, tzinfo=timezone.utc)),
        ("2017-06-12T20:55:21+0200", datetime(2017, 6, 12, 18, 55, 21, tzinfo=timezone.utc)),
        ("yesterday", None),
        (None, None),
    ],
)
def test_three_formats_of_time(text: str | None, moment: datetime | None) -> None:
    assert parse_time(text) == moment


def test_pages_are_followed_by_relative_links_and_on_the_same_server() -> None:
    second = "/api/xm/1/events?offset=1&limit=100"
    script = Script(
        page([{"id": "a"}], second), page([{"id": "b"}], f"{URL}/api/xm/1/events?offset=2"), page([{"id": "c"}])
    )
    assert [event.id for event in client(script).events(requestId="r")] == ["a", "b", "c"]
    assert [request.url for request in script.asked] == [
        f"{URL}/api/xm/1/events?embed=properties&requestId=r&limit=100",
        f"{URL}{second}",
        f"{URL}/api/xm/1/events?offset=2",
    ]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/xm/1/events",
        f"{URL}.evil.example/api/xm/1/events",
        "//evil.example/x",
        "/other",
        "/api/xm/1/../x",
        "/api/xm/1/events/../people",
        "/api/xm/1/events/%2e%2e/people",
        "/api/xm/1/people",
        "/api/xm/1/events-of-others",
    ],
)
def test_pages_elsewhere_are_not_followed(link: str) -> None:
    script = Script(page([{"id": "a"}], link))
    with pytest.raises(AnswerError, match="not followed"):
        client(script).events()
    assert len(script.asked) == 1


def test_a_rate_limit_without_a_time_is_waited_for() -> None:
    waited: list[float] = []
    script = Script((429, {"code": 429, "message": "Too many requests"}), (200, {"requestId": "r"}))
    calls = XMattersClient(URL, script, user="eda", password="p", form_url=FORM, attempts=2)
    calls._connection.api.pause = waited.append
    assert calls.trigger({}) == "r"
    assert waited == [0.5]


def test_pages_that_lead_back_end() -> None:
    link = "/api/xm/1/events?offset=1"
    script = Script(page([{"id": "a"}], link), page([{"id": "b"}], link))
    with pytest.raises(AnswerError, match="leads back"):
        client(script).events()


@pytest.mark.parametrize("body", [[], "x", {"data": "x"}, {"data": {"id": 1}}])
def test_a_listing_that_is_none_is_told(body: Any) -> None:
    if body == []:
        assert client(Script((200, body))).events() == []
        return
    with pytest.raises(AnswerError, match="the listing of events"):
        client(Script((200, body))).events()


def test_members_of_a_shift_may_be_on_several_pages() -> None:
    def row(name: str, position: int) -> dict[str, Any]:
        return {"position": position, "member": {"targetName": name, "recipientType": "PERSON"}}

    link = "/api/xm/1/groups/g1/shifts/s1/occurrences/2026-11-22T08:00:00.000Z/members?offset=1&limit=1"
    turn = {"group": {"id": "g1", "targetName": "SRE"}, "members": {"data": [row("bo", 2)], "links": {"next": link}}}
    script = Script(page([turn]), page([row("ana", 1)]))
    [found] = client(script).directory.on_call(["SRE"])
    assert [member.target.key for member in found.members] == ["ana", "bo"]
    assert script.asked[0].url == (
        f"{URL}/api/xm/1/on-call?groups=SRE&membersPerShift=100&embed=shift%2Cmembers.owner&limit=100"
    )


def test_a_group_with_a_comma_is_named_by_its_uuid() -> None:
    script = Script((200, {"id": "g-1", "targetName": "A, B"}), page([]))
    client(script).directory.on_call(["A, B", "C"])
    assert "groups=g-1%2CC&" in script.asked[1].url


def test_the_log_has_each_line_once() -> None:
    lines = [
        {"id": "a2", "type": "EVENT_TERMINATED", "orderId": "2"},
        {"id": "a1", "type": "EVENT_CREATED", "orderId": 1},
    ]
    script = Script(page(lines, "/api/xm/1/audits?offset=1"), page(lines[:1]))
    assert [line.type for line in client(script).log("e")] == ["EVENT_CREATED", "EVENT_TERMINATED"]


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}/api/xm/1", f"{URL}/api/xm/1/"])
def test_address_may_be_written_in_several_ways(url: str) -> None:
    script = Script((200, {"id": "a"}))
    client(script, url=url).event("7001002")
    assert script.asked[0].url == f"{URL}/api/xm/1/events/7001002?embed=properties"


def test_names_are_quoted_in_paths() -> None:
    script = Script((404, {}), (200, {"targetName": "x"}))
    assert client(script).event("../people?x") is None
    client(script).person("a/b c")
    assert script.asked[0].url.startswith(f"{URL}/api/xm/1/events/..%2Fpeople%3Fx?")
    assert script.asked[1].url == f"{URL}/api/xm/1/people/a%2Fb%20c"


def test_secrets_are_not_in_messages() -> None:
    echoed = {"code": 400, "reason": "Bad Request", "message": "s3cret-word ZWRhOnMzY3JldC13b3Jk f1"}
    with pytest.raises(ApiError) as told:
        client(Script((400, echoed))).events()
    assert "s3cret-word" not in told.value.message
    assert "ZWRhOnMzY3JldC13b3Jk" not in told.value.message
    with pytest.raises(ApiError) as told:
        client(Script((400, echoed))).trigger({})
    assert "0000000000f1" not in told.value.message


@pytest.mark.parametrize(
    "answer", [(202, {"requestId": "r"}), (200, {"requestId": "r"}), (201, {"requestId": "r", "x": 1})]
)
def test_any_2xx_accepts_a_trigger(answer: tuple[int, Any]) -> None:
    assert client(Script(answer)).trigger({"properties": {}}) == "r"


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b'{"requestId": 7}'])
def test_flows_may_answer_anything(body: bytes) -> None:
    assert client(Script((202, body))).trigger({}) is None


def test_too_large_a_trigger_is_not_sent() -> None:
    script = Script()
    with pytest.raises(InvalidInputError, match="shorten text"):
        client(script).trigger({"properties": {"message": "ü" * 150_000}})
    assert script.asked == []


@pytest.mark.parametrize(
    "form", ["company.xmatters.com/api", "ftp://company.xmatters.com/x", "https://other.example/x"]
)
def test_wrong_form_addresses_are_told_at_once(form: str) -> None:
    with pytest.raises(ConfigurationError, match="xmatters_form_url"):
        XMattersClient(URL, Script(), user="u", password="p", form_url=form)


def token(access: str) -> tuple[int, Any]:
    return 200, {"access_token": access, "refresh_token": f"refresh-{access}", "expires_in": 900}


EXPIRED = (401, {"error": "invalid_token", "error_description": "expired"})


def test_expired_token_is_renewed_by_its_refresh_token_once() -> None:
    script = Script(token("t1"), (200, {"id": "a"}), EXPIRED, token("t2"), (200, {"id": "b"}))
    tokens = client(script, client_id="app")
    tokens.event("1")
    found = tokens.event("2")
    assert found is not None
    assert found.id == "b"
    assert [request.headers.get("Authorization") for request in script.asked] == [
        None,
        "Bearer t1",
        "Bearer t1",
        None,
        "Bearer t2",
    ]
    assert script.asked[0].body == b"grant_type=password&username=eda&password=s3cret-word&client_id=app"
    assert script.asked[3].body == b"grant_type=refresh_token&refresh_token=refresh-t1&client_id=app"


def test_refused_refresh_token_falls_back_to_the_password() -> None:
    script = Script(token("t1"), EXPIRED, (400, {"error": "invalid_grant"}), token("t2"), (200, {"id": "b"}))
    assert client(script, client_id="app").event("2") is not None
    assert b"grant_type=password" in (script.asked[3].body or b"")


def test_token_that_stays_refused_is_told() -> None:
    script = Script(token("t1"), EXPIRED, token("t2"), EXPIRED)
    with pytest.raises(AuthenticationError, match="check xmatters_user"):
        client(script, client_id="app").event("2")


def test_a_token_that_is_refused_in_the_other_shape_is_renewed_too() -> None:
    refused = (401, {"code": 401, "reason": "Unauthorized", "message": "Invalid Credentials"})
    script = Script(token("t1"), refused, token("t2"), (200, {"id": "b"}))
    assert client(script, client_id="app").event("2") is not None


def test_a_permission_that_lacks_is_no_reason_for_a_new_token() -> None:
    script = Script(token("t1"), (403, {"code": 403, "reason": "Forbidden", "message": "No"}))
    with pytest.raises(AuthenticationError, match="sender permission"):
        client(script, client_id="app").event("2")


def test_a_refresh_token_needs_no_password() -> None:
    script = Script(token("t1"), (200, {"id": "a"}))
    tokens = XMattersClient(URL, script, client_id="app", refresh_token="r3fresh-word", attempts=1)
    assert tokens.event("1") is not None
    assert script.asked[0].body == b"grant_type=refresh_token&refresh_token=r3fresh-word&client_id=app"
    assert script.asked[1].headers["Authorization"] == "Bearer t1"


def test_a_refused_refresh_token_is_told_and_not_shown() -> None:
    script = Script((400, {"error": "invalid_grant", "error_description": "r3fresh-word is no good"}))
    tokens = XMattersClient(URL, script, client_id="app", refresh_token="r3fresh-word", attempts=1)
    with pytest.raises(ApiError, match="xmatters_refresh_token") as told:
        tokens.event("1")
    assert "r3fresh-word" not in told.value.message


def test_a_token_is_renewed_before_it_ends() -> None:
    now = 1000.0
    script = Script(token("t1"), (200, {}), (200, {}), token("t2"), (200, {}))
    calls = Connection(URL, script, user="eda", password="p", client_id="app", attempts=1, clock=lambda: now)
    calls.get("people/a")
    now += 900 - LEEWAY - 1
    calls.get("people/b")
    now += 1
    calls.get("people/c")
    assert [request.headers.get("Authorization") for request in script.asked] == [
        None,
        "Bearer t1",
        "Bearer t1",
        None,
        "Bearer t2",
    ]


def test_tokens_that_were_received_are_secrets() -> None:
    script = Script(token("t1-long-enough"), (400, {"message": "t1-long-enough refresh-t1-long-enough"}))
    with pytest.raises(ApiError) as told:
        client(script, client_id="app").events()
    assert "t1-long-enough" not in told.value.message


def test_an_answer_without_a_token_is_told() -> None:
    with pytest.raises(AnswerError, match="holds none"):
        client(Script((200, {"token_type": "bearer"})), client_id="app").events()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "xmatters_user is missing"),
        ({"user": "eda"}, "xmatters_password is missing"),
        ({"user": "eda", "client_id": "app"}, "xmatters_password is missing"),
        ({"refresh_token": "r"}, "xmatters_client_id is missing"),
    ],
)
def test_credentials_that_lack_are_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        XMattersClient(URL, Script(), **given)


def test_wrong_password_is_not_tried_again() -> None:
    script = Script((401, {"code": 401, "reason": "Unauthorized", "message": "Invalid Credentials"}))
    with pytest.raises(AuthenticationError, match="Invalid Credentials"):
        client(script).events()
    assert len(script.asked) == 1


def test_email_is_the_first_of_the_email_devices() -> None:
    devices = [
        {"deviceType": "ANDROID_PUSH", "sequence": 1},
        {"deviceType": "EMAIL", "sequence": 3, "emailAddress": "home@example.com"},
        {"deviceType": "EMAIL", "sequence": 2, "emailAddress": "work@example.com"},
    ]
    assert client(Script(page(devices))).email("ana") == "work@example.com"
    assert client(Script(page(devices[:1]))).email("ana") is None
    assert client(Script((403, {}))).email("ana") is None
    assert client(Script((404, {}))).email("ana") is None


def test_choices_are_ordered_and_read_leniently() -> None:
    def line(order: int, **response: Any) -> dict[str, Any]:
        return {"id": f"a{order}", "type": "RESPONSE_RECEIVED", "orderId": order, "at": None, "response": response}

    lines = [
        line(5, response="Take over", notification={"recipient": {"targetName": "bo"}}, comment="null"),
        line(2, options={"data": [{"text": "Restart"}]}, notification={"recipient": {"targetName": "ana|Mobile"}}),
        {"id": "x", "type": "EVENT_CREATED", "orderId": 1},
        line(7),
    ]
    choices = client(Script(page(lines))).choices("e")
    assert [(c.id, c.person, c.option, c.comment) for c in choices] == [
        ("a2", "ana", "Restart", None),
        ("a5", "bo", "Take over", None),
        ("a7", "", "", None),
    ]
