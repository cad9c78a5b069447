# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Slack client sends, repeats and raises, over a transport that plays answers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients.slack import Slack, error_for
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    RateLimitedError,
    SelfHealingError,
    UnclearOutcomeError,
    UnreachableError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, Response

TOKEN = "xoxb-very-secret"


class Played:
    """A transport that gives the answers in order and keeps the requests."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    def send(self, request: Request, timeout: float) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        return Response(200, {}, json.dumps(answer).encode())

    def form(self, number: int = -1) -> dict[str, str]:
        body = (self.requests[number].body or b"").decode()
        return {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}


def client(*answers: Any) -> tuple[Slack, Played, list[float]]:
    played = Played(*answers)
    pauses: list[float] = []
    slack = Slack(played, token=TOKEN, url="https://slack.example/api/", pause=pauses.append)
    return slack, played, pauses


def test_arguments_travel_as_a_form_with_nested_json() -> None:
    slack, played, _pauses = client({"ok": True, "ts": "1.0"})
    metadata = {"event_type": "x", "event_payload": {"key": "k"}}
    assert slack.post("C1", "text & <b>", [{"type": "divider"}], metadata) == "1.0"
    [request] = played.requests
    assert (request.method, request.url) == ("POST", "https://slack.example/api/chat.postMessage")
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    form = played.form()
    assert form["text"] == "text & <b>"
    assert json.loads(form["metadata"]) == metadata
    assert json.loads(form["blocks"]) == [{"type": "divider"}]
    assert (form["parse"], form["link_names"], form["unfurl_links"]) == ("none", "false", "false")


def test_update_sends_everything_again_because_slack_forgets_the_rest() -> None:
    slack, played, _pauses = client({"ok": True})
    slack.update("C1", "1.0", "text", [], {"event_type": "x", "event_payload": {}})
    assert {"blocks", "text", "metadata", "parse", "link_names", "ts"} <= set(played.form())


def test_pages_are_followed_even_when_one_is_empty() -> None:
    def page(users: list[str], cursor: str) -> dict[str, Any]:
        return {"ok": True, "members": users, "response_metadata": {"next_cursor": cursor}}

    slack, played, _pauses = client(page(["U1"], "a"), page([], "b"), page(["U2"], ""))
    assert slack.members("C1") == ["U1", "U2"]
    assert [played.form(n).get("cursor") for n in range(3)] == [None, "a", "b"]


def test_a_cursor_that_does_not_move_ends_the_listing() -> None:
    same = {"ok": True, "members": ["U1"], "response_metadata": {"next_cursor": "a"}}
    slack, _played, _pauses = client(same, same)
    assert slack.members("C1") == ["U1", "U1"]


def test_rate_limit_is_waited_for_by_header_and_by_body() -> None:
    limited = Response(429, {"retry-after": "7"}, b'{"ok":false,"error":"ratelimited"}')
    slack, played, pauses = client(limited, {"ok": False, "error": "rate_limited"}, {"ok": True, "ts": "1.0"})
    slack.post("C1", "text", [], {})
    assert len(played.requests) == 3
    assert pauses == [7.0, 1.0]


def test_rate_limit_without_end_is_told() -> None:
    slack, _played, _pauses = client(*[{"ok": False, "error": "ratelimited"}] * 4)
    with pytest.raises(RateLimitedError, match=r"chat\.postMessage"):
        slack.post("C1", "text", [], {})


def test_a_read_is_repeated_and_a_write_is_not() -> None:
    broken = {"ok": False, "error": "internal_error"}
    slack, played, _pauses = client(broken, {"ok": True, "items": []})
    assert slack.pinned("C1") == set()
    slack, played, _pauses = client(broken)
    with pytest.raises(UnclearOutcomeError):
        slack.post("C1", "text", [], {})
    assert len(played.requests) == 1
    slack, played, _pauses = client(UnclearOutcomeError("no answer"))
    with pytest.raises(UnclearOutcomeError):
        slack.archive("C1")
    assert len(played.requests) == 1
    slack, played, _pauses = client(UnclearOutcomeError("no answer"), {"ok": True, "items": []})
    assert slack.pinned("C1") == set()


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ({"error": "invalid_auth"}, AuthenticationError, "slack_token"),
        ({"error": "token_revoked"}, AuthenticationError, "install the app again"),
        ({"error": "missing_scope", "needed": "pins:write"}, AuthenticationError, "needs the scope pins:write"),
        ({"error": "restricted_action"}, AuthenticationError, "administrator"),
        ({"error": "channel_not_found"}, NotFoundError, "channel_not_found"),
        ({"error": "users_not_found"}, NotFoundError, "users_not_found"),
        ({"error": "name_taken"}, ConflictError, "name_taken"),
        ({"error": "is_archived"}, ConflictError, "is_archived"),
        ({"error": "ratelimited"}, RateLimitedError, "too many calls"),
        ({"error": "not_in_channel"}, ApiError, "not_in_channel"),
        ({"error": "invalid_arguments", "response_metadata": {"messages": ["[ERROR] no"]}}, ApiError, "no"),
        ({}, ApiError, "unknown_error"),
    ],
)
def test_refusals_say_what_to_do(answer: dict[str, Any], kind: type[ApiError], words: str) -> None:
    error = error_for("pins.add", {"ok": False, **answer}, safe=False)
    assert error.__class__ is kind
    assert words in error.message
    assert "pins.add" in error.message


def test_trouble_of_slack_is_unclear_after_a_write_only() -> None:
    broken = {"ok": False, "error": "fatal_error"}
    assert isinstance(error_for("chat.update", broken, safe=False), UnclearOutcomeError)
    assert isinstance(error_for("pins.list", broken, safe=True), UnreachableError)


def test_an_answer_that_is_not_slack_points_to_the_address() -> None:
    slack, _played, _pauses = client([])
    with pytest.raises(AnswerError, match="slack_url"):
        slack.identity()
    slack, _played, _pauses = client(Response(200, {}, b"<html>"))
    with pytest.raises(AnswerError, match="not JSON"):
        slack.identity()


def test_the_token_never_is_in_a_message() -> None:
    slack, _played, _pauses = client(Response(404, {}, f"no {TOKEN} here".encode()))
    with pytest.raises(SelfHealingError) as caught:
        slack.identity()
    assert TOKEN not in str(caught.value.to_result())
    assert "********" in caught.value.message


def test_invite_tells_who_was_refused() -> None:
    errors = [{"user": "U1", "ok": False, "error": "cant_invite"}]
    for answer in (
        {"ok": True, "channel": {}, "errors": errors},
        {"ok": False, "error": "cant_invite", "errors": errors},
    ):
        slack, played, _pauses = client(answer)
        assert slack.invite("C1", ["U1", "U2"]) == {"U1": "cant_invite"}
        assert played.form()["users"] == "U1,U2"
    slack, _played, _pauses = client({"ok": False, "error": "user_is_restricted"})
    assert slack.invite("C1", ["U1"]) == {"U1": "user_is_restricted"}
    slack, _played, _pauses = client({"ok": False, "error": "not_in_channel"})
    with pytest.raises(ApiError, match="not_in_channel"):
        slack.invite("C1", ["U1"])


def test_what_is_there_already_or_gone_already_is_fine() -> None:
    slack, _played, _pauses = client(
        {"ok": False, "error": "already_pinned"}, {"ok": False, "error": "message_not_found"}
    )
    slack.pin("C1", "1.0")
    slack.delete("C1", "1.0")


def test_shown_name_falls_back() -> None:
    def user(**found: Any) -> dict[str, Any]:
        return {"ok": True, "user": found}

    slack, _played, _pauses = client(
        user(profile={"display_name": "ana"}),
        user(profile={"display_name": "", "real_name": "Ana"}),
        user(name="a"),
        {"ok": False, "error": "user_not_found"},
    )
    assert [slack.user_name("U1") for _number in range(4)] == ["ana", "Ana", "a", None]


# -- who is who, and sockets ------------------------------------------------------------------------------------------


def test_people_are_read_with_their_address() -> None:
    profile = {"real_name": "Ana Berg", "email": "ana@example.com"}
    slack, played, _pauses = client(
        {"ok": True, "user": {"id": "U1", "team_id": "T1", "profile": profile}},
        {"ok": False, "error": "user_not_found"},
    )
    user = slack.user("U1")
    assert user is not None
    assert (user.name, user.email, user.team, user.is_person) == ("Ana Berg", "ana@example.com", "T1", True)
    assert played.form() == {"user": "U1"}
    assert slack.user("U2") is None


def test_the_app_of_a_bot() -> None:
    slack, _played, _pauses = client({"ok": True, "bot": {"id": "B1", "app_id": "A1"}}, {"ok": True})
    assert (slack.app_id("B1"), slack.app_id("B2")) == ("A1", None)


def test_a_socket_is_opened_with_the_token_of_the_app() -> None:
    slack, played, _pauses = client({"ok": True, "url": "wss://wss-primary.slack.com/link/?ticket=1"})
    assert slack.open_socket() == "wss://wss-primary.slack.com/link/?ticket=1"
    assert played.requests[0].url == "https://slack.example/api/apps.connections.open"


@pytest.mark.parametrize("url", [None, "", "https://slack.com", 7, ["wss://x"]])
def test_what_is_no_address_of_a_socket_is_not_used(url: Any) -> None:
    slack, _played, _pauses = client({"ok": True, "url": url})
    with pytest.raises(AnswerError, match="told no address"):
        slack.open_socket()


@pytest.mark.parametrize("code", ["not_allowed_token_type", "invalid_auth", "missing_scope"])
def test_which_token_opens_sockets_is_told(code: str) -> None:
    slack, _played, _pauses = client({"ok": False, "error": code, "needed": "connections:write"})
    with pytest.raises(AuthenticationError, match=f"{code}: slack_app_token must be an app-level token"):
        slack.open_socket()
