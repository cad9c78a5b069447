# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of Dynatrace reads lists of problems over a scripted transport: what the emulator does not by itself."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils.clients import dynatrace as wire
from ansible_collections.self_healing.devops.plugins.module_utils.clients.dynatrace import DynatraceClient
from ansible_collections.self_healing.devops.plugins.module_utils.errors import (
    AnswerError,
    ApiError,
    NotFoundError,
    RateLimitedError,
)
from ansible_collections.self_healing.devops.plugins.module_utils.http import Request, Response

SINCE = datetime(2026, 11, 22, 10, 0, 0, 5000, timezone.utc)


class Script:
    """Answers one request after the other, the last answer for ever, and keeps what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def send(self, request: Request, _timeout: float) -> Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Response):
            return answer
        return Response(200, {}, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def queries(self) -> list[dict[str, list[str]]]:
        return [parse_qs(urlsplit(request.url).query) for request in self.asked]


def client(script: Script, **options: Any) -> DynatraceClient:
    return DynatraceClient("https://abc.live.dynatrace.com", "dt0c01.X.Y", script, **{"attempts": 1, **options})


def listed(script: Script) -> list[Any]:
    return [record for page in client(script).problem_pages(SINCE) for record in page]


def page(*records: Any, key: Any = None) -> dict[str, Any]:
    return {"totalCount": 9, "pageSize": 500, "nextPageKey": key, "problems": list(records)}


def test_pages_are_read_one_after_the_other_with_nothing_but_the_fields_beside_the_key() -> None:
    script = Script(page({"problemId": "1"}, {"problemId": "2"}, key="a=&b"), page({"problemId": "3"}))
    assert [record["problemId"] for record in listed(script)] == ["1", "2", "3"]
    assert script.queries() == [
        {"fields": ["evidenceDetails"], "from": ["1795341600005"], "pageSize": ["500"]},
        {"fields": ["evidenceDetails"], "nextPageKey": ["a=&b"]},
    ]
    assert {urlsplit(request.url).path for request in script.asked} == {"/api/v2/problems"}
    assert script.asked[1].headers["Authorization"] == "Api-Token dt0c01.X.Y"


def test_only_the_problems_of_an_alerting_profile_are_asked_for() -> None:
    script = Script(page(1, key="a"), page(2))
    assert list(client(script).problem_pages(SINCE, 'On "call" ~1')) == [[1], [2]]
    assert script.queries()[0]["problemSelector"] == ['problemFilterNames("On ~"call~" ~~1")']
    assert "problemSelector" not in script.queries()[1]


def test_page_is_asked_for_when_it_is_wanted() -> None:
    script = Script(page(1, key="a"), page(2))
    pages = client(script).problem_pages(SINCE)
    assert (next(pages), len(script.asked)) == ([1], 1)
    assert (next(pages), len(script.asked)) == ([2], 2)


def test_what_the_list_holds_is_given_as_it_is() -> None:
    assert listed(Script(page({"problemId": None}, None, "text", 7))) == [{"problemId": None}, None, "text", 7]


@pytest.mark.parametrize("last", [{}, {"nextPageKey": None}, {"nextPageKey": ""}])
def test_list_ends_where_no_key_follows(last: dict[str, Any]) -> None:
    script = Script({"problems": [1], **last})
    assert (listed(script), len(script.asked)) == ([1], 1)


def test_list_that_goes_in_a_circle_is_no_answer() -> None:
    script = Script(page(1, key="a"), page(2, key="b"), page(3, key="a"))
    with pytest.raises(AnswerError, match="circle"):
        listed(script)
    assert len(script.asked) == 3


def test_list_without_end_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_PAGES", 4)
    script = Script(*(page(number, key=f"k{number}") for number in range(9)))
    with pytest.raises(AnswerError, match="more than 4 pages"):
        listed(script)
    assert len(script.asked) == 4


@pytest.mark.parametrize("key", [7, True, [], {"a": 1}, "\ud800", "ä", "x" * 5000])
def test_key_that_is_none_is_no_answer(key: Any) -> None:
    with pytest.raises(AnswerError, match="key of the next page"):
        listed(Script(page(1, key=key)))


@pytest.mark.parametrize(
    "answer", [[], None, "text", {}, {"problems": None}, {"problems": {}}, b"<html>Gateway</html>", b"", b"\xff"]
)
def test_what_is_no_list_is_no_answer(answer: Any) -> None:
    with pytest.raises(AnswerError):
        listed(Script(answer))


def test_refusal_is_told_with_the_words_of_the_vendor_and_without_the_token() -> None:
    said = {"error": {"code": 400, "message": "Constraints violated for dt0c01.X.Y."}}
    with pytest.raises(ApiError, match=r"Constraints violated for \*+\.") as caught:
        listed(Script(Response(400, {}, json.dumps(said).encode())))
    assert "dt0c01" not in str(caught.value)


def test_pause_that_the_vendor_asks_for_is_made() -> None:
    pauses: list[float] = []
    script = Script(Response(429, {"retry-after": "7"}, b""), page(1))
    pages = client(script, attempts=2, pause=pauses.append).problem_pages(SINCE)
    assert list(pages) == [[1]]
    assert pauses == [7.0]


def test_longer_pause_than_can_be_made_is_an_error_at_once() -> None:
    script = Script(Response(429, {"retry-after": "3600"}, b""))
    with pytest.raises(RateLimitedError):
        list(client(script, attempts=2).problem_pages(SINCE))
    assert len(script.asked) == 1


def test_one_problem_is_read_as_it_is() -> None:
    script = Script({"problemId": "-1_2V2", "status": None})
    assert client(script).problem_record("-1_2V2") == {"problemId": "-1_2V2", "status": None}
    assert script.asked[0].url == "https://abc.live.dynatrace.com/api/v2/problems/-1_2V2?fields=evidenceDetails"


def test_problem_that_is_gone_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        client(Script(Response(404, {}, b"<html>"))).problem_record("-1_2V2")


@pytest.mark.parametrize("answer", [[], None, "text", b"<html>"])
def test_record_that_is_no_object_is_no_answer(answer: Any) -> None:
    with pytest.raises(AnswerError):
        client(Script(answer)).problem_record("-1_2V2")
