# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phones of several people on the page, over the real sandbox: who is asked, on what, by when, and who answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import requests

from sandbox.server import SandboxThread
from sandbox.settings import ANA, BO, CLEO, Settings
from sandbox.xmatters import XMatters
from support.browser import LOW_CONTRAST, Visit, start_browser

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
LINK = "https://eda.example.com/answer?link=" + "a1b2" * 60
OPTIONS = [
    {"number": 1, "text": "Restart process", "action": "STOP_NOTIFYING_TARGET"},
    {"number": 2, "text": "Escalate", "action": "ESCALATE"},
    {"number": 3, "text": "I am looking", "action": "RECORD_RESPONSE"},
]


class Pager:
    """A sandbox with three people whose time stands still."""

    def __init__(self) -> None:
        self.sandbox = SandboxThread(Settings(people=(ANA, BO, CLEO)))
        tool = self.sandbox.sandbox.tools["xmatters"]
        assert isinstance(tool, XMatters)
        self.tool = tool
        tool.event_delay = 0.0
        self.call("clock", stop=True)

    def call(self, action: str, **arguments: Any) -> dict[str, Any]:
        return self.sandbox.call("xmatters", action, **arguments)

    def page(self, **properties: Any) -> None:
        """Alert the team."""
        texts = {"subject": "P2 shop is down", "short": "shop is down", "message": "Not running.", "link": LINK}
        body: dict[str, Any] = {"recipients": [{"id": "Checkout SRE"}], "priority": "HIGH", "responseOptions": OPTIONS}
        auth = (self.tool.settings.xmatters_user, self.tool.settings.xmatters_password)
        sent = {**body, "properties": {**texts, **properties}}
        assert requests.post(self.tool.form_url, json=sent, auth=auth, timeout=5).status_code == 202
        self.wait(0)

    def wait(self, minutes: float) -> None:
        self.call("clock", advance=minutes * 60)

    def responses(self) -> list[tuple[str, str, str]]:
        shown = self.sandbox.snapshot("xmatters")["alerts"][0]["responses"]
        return [(one["who"], one["option"], one["device"]) for one in shown]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with start_browser() as started:
        yield started


@pytest.fixture
def pager() -> Iterator[Pager]:
    running = Pager()
    yield running
    running.sandbox.stop()


@pytest.fixture
def visit(browser: Any, pager: Pager) -> Iterator[Callable[..., Any]]:
    visits: list[Visit] = []

    def open_page(**options: Any) -> Any:
        visits.append(Visit(browser, pager.sandbox.url("page"), **options))
        return visits[-1].page

    yield open_page
    for one in visits:
        one.end()


def phone(seen: Any, name: str) -> Any:
    return seen.get_by_role("article", name=f"Phone of {name}")


def words(place: Any) -> str:
    return " ".join(place.inner_text().replace("\ufe0e", "").split())


def test_phones_come_one_by_one_and_a_text_answers_for_all(pager: Pager, visit: Any) -> None:
    pager.call("absence", person="ana", minutes=600)
    seen = visit()
    assert seen.locator(".device").count() == 1
    pager.page()
    phone(seen, "Bo Lind").get_by_role("button", name="Restart process").wait_for()
    duty = seen.locator(".duty")
    assert "Ana Berg away until" in words(duty)
    assert "Cleo Roth in 5:00" in words(duty)
    pager.wait(2)
    seen.locator(".duty", has_text="in 3:00").wait_for()
    assert duty.locator("progress").get_attribute("value") == "120"
    pager.wait(3)
    phone(seen, "Cleo Roth").locator(".bubble").wait_for()
    bubble = phone(seen, "Cleo Roth").locator(".bubble")
    assert words(bubble).startswith("shop is down Reply 1 Restart process, 2 Escalate, 3 I am looking eda.example.com/")
    assert bubble.locator("a").get_attribute("href") == LINK
    field = phone(seen, "Cleo Roth").get_by_label("Write back")
    field.fill("1 on my way")
    field.press("Enter")
    for name in ("Bo Lind", "Cleo Roth"):
        outcome = phone(seen, name).locator(".outcome")
        outcome.wait_for()
        assert words(outcome).startswith("Cleo Roth chose Restart process")
        assert words(outcome).endswith("· SMS Phone on my way")
        buttons = phone(seen, name).locator(".option")
        assert buttons.count() == 3
        assert all(buttons.nth(number).is_disabled() for number in range(3))
        assert phone(seen, name).locator("form.reply, .key").count() == 0
    assert pager.responses() == [("Cleo Roth", "Restart process", "SMS Phone")]
    assert "Checkout SRE · stopped" in words(duty)


def test_a_key_of_the_phone_answers_the_call(pager: Pager, visit: Any) -> None:
    pager.page()
    pager.wait(2)
    seen = visit()
    ana = phone(seen, "Ana Berg")
    assert "For Escalate, press 2." in words(ana.locator(".spoken"))
    ana.get_by_role("button", name="Key 2").click()
    phone(seen, "Bo Lind").get_by_role("button", name="Restart process").wait_for()
    assert pager.responses() == [("Ana Berg", "Escalate", "Work Phone")]
    assert ana.locator(".option").first.is_disabled()
    assert phone(seen, "Bo Lind").locator(".option").first.is_enabled()
    assert "Needs an answer" in words(phone(seen, "Bo Lind").locator(".alert-head"))


def test_an_e_mail_answers_and_what_was_recorded_may_be_changed(pager: Pager, visit: Any) -> None:
    pager.page()
    seen = visit()
    ana = phone(seen, "Ana Berg")
    ana.get_by_role("button", name="I am looking").click()
    ana.locator(".outcome").wait_for()
    assert ana.locator(".option").first.is_enabled(), "a recorded response stops nothing"
    ana.locator(".mail > summary").click()
    ana.locator(".in-mail", has_text="Restart process").click()
    ana.locator(".outcome", has_text="Restart process").wait_for()
    assert pager.responses() == [("Ana Berg", "I am looking", "Mobile"), ("Ana Berg", "Restart process", "Work Email")]
    assert ana.locator(".mail").get_attribute("open") is not None
    assert ana.locator(".option").first.is_disabled()


def test_a_wrong_text_says_why_and_keeps_what_was_written(pager: Pager, visit: Any) -> None:
    pager.page()
    seen = visit()
    ana = phone(seen, "Ana Berg")
    field = ana.get_by_label("Write back")
    field.fill("yes please")
    field.press("Enter")
    ana.locator(".reply .failure").wait_for()
    assert "has an option 'yes'" in words(ana.locator(".reply .failure"))
    assert field.input_value() == "yes please"
    assert pager.responses() == []


def test_who_has_no_app_is_asked_by_text_alone(pager: Pager, visit: Any) -> None:
    pager.call("devices", person="ana", devices=[{"name": "SMS Phone", "kind": "TEXT_PHONE", "address": "+49"}])
    pager.page()
    ana = phone(visit(), "Ana Berg")
    ana.locator(".bubble").wait_for()
    assert ana.locator(".option").count() == 0


def test_hostile_text_and_links_are_only_shown(pager: Pager, visit: Any) -> None:
    pager.call("group", name=HOSTILE, members=["ana"])
    pager.page(subject=HOSTILE, short=HOSTILE, link="javascript:alert(3)")
    seen = visit()
    bubble = phone(seen, "Ana Berg").locator(".bubble")
    assert words(bubble).startswith(HOSTILE)
    assert bubble.locator("a").count() == 0
    assert HOSTILE in seen.locator(".duty").inner_text()
    assert seen.locator("img").count() == 0


def test_phones_are_side_by_side_where_there_is_room(pager: Pager, visit: Any) -> None:
    pager.page(message="x" * 200)
    pager.wait(10)
    seen = visit()
    seen.locator(".device").nth(2).wait_for()
    for width, expected in {320: 1, 390: 1, 768: 2, 1024: 3, 1280: 3, 1440: 3}.items():
        seen.set_viewport_size({"width": width, "height": 1000})
        assert seen.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [seen.locator(".device").nth(number).bounding_box() for number in range(3)]
        assert sum(1 for box in boxes if abs(box["y"] - boxes[0]["y"]) < 1) == expected, width
        places = [seen.locator(f"#{name}").bounding_box()["y"] for name in ("phone", "problem", "ticket", "channel")]
        assert places[0] < min(places[1:])
        sizes = seen.evaluate(
            "[...document.querySelectorAll('.option, .key, .in-mail')].filter(b => b.checkVisibility())"
            ".map(b => b.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 44


def test_phones_are_read_in_every_colour_scheme(pager: Pager, visit: Any) -> None:
    pager.call("absence", person="ana", minutes=600, replacement="cleo")
    pager.page()
    pager.wait(3)
    seen = visit(reduced_motion="reduce")
    seen.locator(".key").first.wait_for()
    assert "Ana Berg Cleo Roth" in words(seen.locator(".duty"))
    seen.locator(".mail > summary").first.click()
    for scheme in ("light", "dark"):
        seen.emulate_media(color_scheme=scheme)
        assert seen.evaluate(LOW_CONTRAST) == []
    levels = seen.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.nodeName[1]))")
    assert all(after - before <= 1 for before, after in pairwise(levels))
    fields = "[...document.querySelectorAll('input, select')].every(field => field.labels.length === 1)"
    assert seen.evaluate(fields)


def test_who_is_notified_next_is_said_to_people_who_listen(pager: Pager, visit: Any) -> None:
    pager.page()
    seen = visit()
    pager.wait(5)
    seen.locator("#announcer", has_text="Bo Lind is notified too: P2 shop is down").wait_for(state="attached")
