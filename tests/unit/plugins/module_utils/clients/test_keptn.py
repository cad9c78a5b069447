# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Keptn over a scripted transport: what the emulator does not do by itself."""

from __future__ import annotations

import json
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients import keptn_values as values
from ansible_collections.self_healing.devops.plugins.module_utils.clients.keptn import KeptnClient
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConfigurationError,
    InvalidInputError,
    RateLimitedError,
    UnclearOutcomeError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, Response

CONTEXT = "3b7d75e5-dffa-4e75-9849-f3a39cbd956b"
PLACE = {"project": "shop", "stage": "production", "service": "carts"}


class Script:
    """Answers one request after the other and keeps what was asked."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def send(self, request: Request, _timeout: float) -> Response:
        self.asked.append(request)
        status, body = self.answers.pop(0)
        return Response(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())

    def query(self, number: int) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.asked[number].url).query)


def client(script: Script, url: str = "https://keptn.example.com", token: str = "s3cret-word") -> KeptnClient:
    return KeptnClient(url, token, script, attempts=1)


def event(number: int) -> dict[str, Any]:
    return {"id": str(number), "type": "sh.keptn.event.action.triggered", "data": dict(PLACE)}


@pytest.mark.parametrize(
    "url",
    [
        "https://keptn.example.com",
        "https://keptn.example.com/",
        "https://keptn.example.com/api",
        "https://keptn.example.com/api/v1/",
    ],
)
def test_address_with_and_without_the_api(url: str) -> None:
    script = Script((200, {"keptnversion": "1.4.5"}))
    keptn = client(script, url)
    assert keptn.metadata()["keptnversion"] == "1.4.5"
    assert script.asked[0].url == "https://keptn.example.com/api/v1/metadata"
    assert keptn.sequence_url(CONTEXT) == f"https://keptn.example.com/bridge/trace/{CONTEXT}"


@pytest.mark.parametrize(
    ("token", "header"),
    [("abc", {"x-token": "abc"}), ("Bearer abc", {"Authorization": "Bearer abc"})],
)
def test_both_ways_to_bring_the_token(token: str, header: dict[str, str]) -> None:
    script = Script((200, {}))
    client(script, token=token).metadata()
    sent = {name: value for name, value in script.asked[0].headers.items() if name in ("x-token", "Authorization")}
    assert sent == header
    with pytest.raises(ConfigurationError, match="keptn_token"):
        client(script, token="Bearer ")


def test_pages_are_followed_on_the_same_server_whatever_their_keys_look_like() -> None:
    script = Script(
        (200, {"events": [event(1)], "nextPageKey": "100", "totalCount": 3}),
        (200, {"events": [event(2)], "nextPageKey": 200, "totalCount": 3}),
        (200, {"events": [event(3)], "nextPageKey": "0", "totalCount": 3}),
    )
    assert [one.id for one in client(script).events(project="shop", type="t")] == ["1", "2", "3"]
    assert [script.query(n).get("nextPageKey") for n in range(3)] == [None, ["100"], ["200"]]
    assert all(script.query(n)["project"] == ["shop"] and script.query(n)["pageSize"] == ["100"] for n in range(3))
    assert {urlsplit(asked.url).netloc for asked in script.asked} == {"keptn.example.com"}


def test_no_more_pages_than_wanted() -> None:
    script = Script((200, {"events": [event(1), event(2)], "nextPageKey": "2", "totalCount": 9}))
    assert [one.id for one in client(script).events(project="shop", limit=1)] == ["1"]
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("pages", "match"),
    [
        ([{"events": [], "nextPageKey": "100", "totalCount": 9}] * 2, "circle"),
        ([{"events": [], "nextPageKey": "https://evil.example", "totalCount": 9}], "key of the next page"),
        ([{"events": [], "nextPageKey": True, "totalCount": 9}], "key of the next page"),
        ([{"totalCount": 9}], "no list of events"),
        ([{"events": {"a": 1}}], "no list of events"),
        ([{"events": [{"id": "1"}], "totalCount": 1}], "no type"),
        ([[]], "no object"),
    ],
)
def test_answers_that_are_none_are_refused(pages: list[Any], match: str) -> None:
    with pytest.raises(AnswerError, match=match):
        client(Script(*((200, page) for page in pages))).events(project="shop")


def test_an_empty_answer_is_an_empty_list() -> None:
    assert client(Script((200, {"events": None, "totalCount": 0}))).events(context=CONTEXT) == []
    assert client(Script((200, {"states": [], "totalCount": 0}))).sequence("shop", CONTEXT) is None


def test_events_need_a_context_or_a_project() -> None:
    with pytest.raises(ConfigurationError, match="context"):
        client(Script()).events(type="t")


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (400, {"code": 400, "message": "unknown event type"}, ApiError, "unknown event type"),
        (401, {"code": 401, "message": "unauthenticated"}, AuthenticationError, "unauthenticated"),
        (429, {"code": 429, "message": "too many requests"}, RateLimitedError, "too many requests"),
        (403, b"<html><body>403 Forbidden</body></html>", AuthenticationError, "403$"),
        (500, {"code": 500, "message": "s3cret-word"}, UnclearOutcomeError, r"\*{8}"),
    ],
)
def test_errors_in_keptns_own_words_without_the_token(status: int, body: Any, kind: type[ApiError], said: str) -> None:
    with pytest.raises(kind, match=said) as raised:
        client(Script((status, body))).send_event(values.draft("sh.keptn.event.a.finished", CONTEXT, {}))
    assert "s3cret-word" not in str(raised.value)


def test_sending_needs_a_context_in_return_and_knows_the_limit() -> None:
    with pytest.raises(AnswerError, match="keptnContext"):
        client(Script((200, {}))).send_event({"type": "t"})
    with pytest.raises(InvalidInputError, match="65536"):
        client(Script()).send_event({"type": "t", "data": {"text": "x" * 70_000}})


def test_names_cannot_leave_their_place_in_the_address() -> None:
    script = Script((200, {"states": []}))
    client(script).sequences("../v1/metadata?x=", contexts=["a", "b"])
    assert urlsplit(script.asked[0].url).path == "/api/controlPlane/v1/sequence/..%2Fv1%2Fmetadata%3Fx%3D"
    assert script.query(0)["keptnContext"] == ["a,b"]
    with pytest.raises(ConfigurationError):
        client(script).sequences("..")
    with pytest.raises(ConfigurationError, match="pause, resume, abort"):
        client(script).control("shop", CONTEXT, "delete")


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("sh.keptn.event.action.triggered", values.EventType("", "action", "triggered")),
        ("sh.keptn.event.action.status.changed", values.EventType("", "action", "status.changed")),
        ("sh.keptn.event.dev.delivery.finished", values.EventType("dev", "delivery", "finished")),
        ("sh.keptn.events.problem", None),
        ("sh.keptn.event.monitoring.configure", None),
        ("sh.keptn.event..triggered", None),
        ("sh.keptn.event.a.b.c.triggered", None),
        ("sh.keptn.event.triggered", None),
        ("", None),
    ],
)
def test_types_and_their_parts(text: str, parsed: values.EventType | None) -> None:
    assert values.parse_type(text) == parsed


@pytest.mark.parametrize(
    ("given", "context"),
    [
        ("99999", "39393939-3920-4020-a020-202020202020"),
        ("-6478017825120311599_1641223491837V2", "2d363437-3830-4137-b832-353132303331"),
        (CONTEXT, CONTEXT),
        (CONTEXT.upper(), CONTEXT),
    ],
)
def test_the_context_that_keptn_makes(given: str, context: str) -> None:
    assert values.keptn_context(given) == context


def test_a_marker_has_one_context_that_keptn_keeps() -> None:
    made = values.context_of("i7k3v5q2x4dmz")
    assert made == values.context_of("i7k3v5q2x4dmz") != values.context_of("i7k3v5q2x4dma")
    assert values.keptn_context(made) == str(uuid.UUID(made)) == made


def test_names_are_found_in_any_case() -> None:
    assert values.look({"ProblemTitle": "a"}, "problemTitle") == "a"
    assert values.look({"ProblemTitle": "a", "problemTitle": "b"}, "problemTitle") == "b"
    assert values.look({"other": 1}, "problemTitle") is None


def test_an_answer_keeps_what_the_trigger_says_of_itself() -> None:
    trigger = values.to_event(
        {
            "type": "sh.keptn.event.action.triggered",
            "id": "T",
            "shkeptncontext": CONTEXT,
            "gitcommitid": "abc",
            "data": {
                **PLACE,
                "labels": {"Problem URL": "https://x", "odd": 1},
                "temporaryData": {"distributor": {"subscriptionID": "s"}},
                "status": "succeeded",
            },
        }
    )
    labels = {"Ansible job": "1", "Problem URL": "mine"}
    made = values.answer(trigger, "finished", status="errored", result="fail", labels=labels, extra={"job": "1"})
    assert made["data"] == {
        **PLACE,
        "labels": {"Problem URL": "https://x", "Ansible job": "1"},
        "status": "errored",
        "result": "fail",
        "action": {"job": "1"},
    }
    assert (made["triggeredid"], made["gitcommitid"], made["shkeptncontext"]) == ("T", "abc", CONTEXT)
    assert values.answer(trigger, "started")["data"].keys() == {*PLACE, "labels"}
    finished = values.to_event({**event(1), "type": "sh.keptn.event.action.finished"})
    with pytest.raises(AnswerError, match="no task"):
        values.answer(finished, "started")


def test_an_event_is_known_again_under_another_id() -> None:
    marked = {**PLACE, "labels": {values.MARKER_LABEL: "i1"}}
    sent = values.draft("sh.keptn.event.production.rollback.triggered", CONTEXT, marked)
    assert sent == values.draft("sh.keptn.event.production.rollback.triggered", CONTEXT, marked)
    found = {**sent, "id": "another"}
    assert values.same(sent, values.to_event(found))
    for change in (
        {"source": "cli"},
        {"triggeredid": "T"},
        {"data": PLACE},
        {"data": {**marked, "service": "orders"}},
        {"data": {**marked, "labels": {values.MARKER_LABEL: "i2"}}},
    ):
        assert not values.same(sent, values.to_event({**found, **change})), change


@pytest.mark.parametrize(
    ("state", "stages", "ended"),
    [
        ("finished", [], True),
        ("aborted", ["triggered"], True),
        ("timedOut", ["errored"], True),
        ("started", ["succeeded"], False),
        ("triggered", ["triggered"], False),
        ("triggered", ["paused"], False),
        ("triggered", ["errored"], True),
        ("triggered", [], False),
    ],
)
def test_when_nothing_goes_on(state: str, stages: list[str], ended: bool) -> None:
    shown = {"state": state, "stages": [{"name": "s", "state": one} for one in stages]}
    assert values.to_sequence(shown).ended is ended


def test_odd_states_are_read_as_far_as_they_go() -> None:
    found = values.to_sequence(
        {
            "state": "started",
            "stages": [
                "x",
                {"name": "p", "latestEvent": {"type": "t", "id": 5}, "latestEvaluation": {"score": "high"}},
            ],
        }
    )
    [stage] = found.stages
    assert (stage.latest, stage.evaluation_score) == (values.EventReference(id="", type="t", time=""), None)
    with pytest.raises(AnswerError, match="no state"):
        values.to_sequence({"stages": []})
