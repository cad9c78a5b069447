# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page in a real browser: what a person sees, presses, hears and reads on a narrow screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from support.browser import LOW_CONTRAST, Visit, start_browser
from support.page_story import ALERT, asked, healed, incident, quiet
from support.page_tools import PageThread, start_page

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>{{ 7*7 }} &amp; \u202eabc'


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with start_browser() as started:
        yield started


@pytest.fixture
def page() -> Iterator[PageThread]:
    with start_page() as running:
        running.show([], **quiet())
        yield running


@pytest.fixture
def visit(browser: Any, page: PageThread) -> Iterator[Callable[..., Any]]:
    """Open the page; at the end nothing may have gone wrong in the browser and nobody else have been asked."""
    visits: list[Visit] = []

    def open_page(**options: Any) -> Any:
        visits.append(Visit(browser, page.page.url, **options))
        return visits[-1].page

    yield open_page
    for one in visits:
        one.end()


#: What a browser itself writes to the console when the server refuses.
REFUSED = "Failed to load resource: the server responded with a status of 400 (Bad Request)"


def show_asked(page: PageThread) -> None:
    page.show([incident()], **asked(page.page.state()["addresses"]))


def test_before_anything_happens_every_panel_says_what_will_appear(page: PageThread, visit: Any) -> None:
    seen = visit()
    for panel, text in {
        "phone": "the question appears here with one button for each answer",
        "ticket": "The first sign of a problem opens one",
        "channel": "Each incident gets one of its own",
        "problem": "When a watched service stops answering, the problem appears here",
        "timeline": "Each thing that happens to an incident is written here once",
        "story": "No incident",
    }.items():
        assert text in seen.locator(f"#{panel}").inner_text()
    assert "▲\ufe0eUp" in seen.locator("#problem .watches").inner_text().replace("\n", "")


def test_an_alert_appears_is_pressed_and_everybody_sees_it_without_reload(page: PageThread, visit: Any) -> None:
    presser, watcher = visit(), visit(width=390, height=844)
    presser.evaluate("window.sameDocument = true")
    show_asked(page)
    button = presser.get_by_role("button", name="Restart process")
    button.wait_for()
    assert button.is_enabled()
    presser.get_by_label("Comment with the answer").fill("looks like the usual one")
    button.click()
    for seen in (presser, watcher):
        outcome = seen.locator("#phone .outcome")
        outcome.wait_for()
        text = outcome.inner_text()
        assert "Ana Berg chose Restart process" in text
        assert "looks like the usual one" in text
        options = seen.locator("#phone .option")
        assert options.count() == 4
        assert all(options.nth(number).is_disabled() for number in range(4))
        assert "(chosen)" in options.first.text_content()
    assert page.tools["xmatters"].done == [
        {"alert": ALERT, "person": "ana", "option": 1, "comment": "looks like the usual one"}
    ]
    assert presser.evaluate("window.sameDocument") is True


def test_the_alert_is_answered_with_the_keyboard_alone(page: PageThread, visit: Any) -> None:
    seen = visit()
    show_asked(page)
    seen.get_by_role("button", name="Restart process").wait_for()
    seen.keyboard.press("Tab")
    assert seen.evaluate("document.activeElement.className") == "skip"
    seen.keyboard.press("Enter")
    seen.keyboard.press("Tab")
    assert "Restart process" in seen.evaluate("document.activeElement.textContent")
    seen.keyboard.press("Tab")
    seen.keyboard.press("Enter")
    seen.locator("#phone .outcome").wait_for()
    assert page.tools["xmatters"].done == [{"alert": ALERT, "person": "ana", "option": 2}]
    seen.locator("#phone .outcome:focus").wait_for()


def test_a_refused_answer_says_why_and_may_be_repeated(page: PageThread, visit: Any) -> None:
    seen = visit(expected=(REFUSED,))
    states = asked()
    page.show([incident()], **states)
    button = seen.get_by_role("button", name="Restart process")
    button.wait_for()
    states["xmatters"]["people"][0]["key"] = "somebody-else"  # the page still says ana
    button.click()
    failure = seen.locator("#phone .failure")
    failure.wait_for()
    assert "'ana' is missing or unknown" in failure.inner_text()
    assert button.is_enabled()
    states["xmatters"]["people"][0]["key"] = "ana"
    button.click()
    seen.locator("#phone .outcome").wait_for()


def test_the_heal_is_told_in_every_panel(page: PageThread, visit: Any) -> None:
    seen = visit()
    states, record = healed(page.page.state()["addresses"])
    page.show([record], **states)
    seen.locator("#ticket .file").wait_for()

    def text(selector: str) -> str:
        return " ".join(seen.locator(selector).inner_text().replace("\ufe0e", "").split())

    assert "Closed Process crash critical service shop on shop-01 P-2611001" in text("#story")
    assert "Answered +8.8 s" in text("#story .steps")
    assert "Closed +15 s" in text("#story .steps")
    assert "before – → , after 12 ms" in text("#story .figures")
    assert "DEMO-1" in text("#ticket")
    assert "Done" in text("#ticket .thing-head")
    assert "dyna-2611001-transcript.txt 4.3 kB · text/plain" in text("#ticket .file")
    assert "Archived" in text("#channel .thing-head")
    assert "✓ FIXED in 15 s" in text("#channel .lead")
    assert "started pid 4187" in text("#channel pre")
    assert "Closed" in text("#problem .thing-head")
    assert "Restarted shop on shop-01" in text("#problem .listing")
    assert "Ended" in text("#phone .alert-head")
    assert "Closed after 14.9 s." in text("#phone .listing")
    assert seen.locator("#timeline .entries > li").count() == 11
    assert "passed: Managed host · shop-01, found by its name" in text("#timeline .checks")


def test_hostile_text_is_shown_literally(page: PageThread, visit: Any) -> None:
    seen = visit()
    states, record = healed()
    record.update(title=HOSTILE, service=HOSTILE, target=HOSTILE)
    record["timeline"][0].update(text=HOSTILE, actor=HOSTILE)
    alert, issue = states["xmatters"]["alerts"][0], states["jira"]["issues"][0]
    channel, problem = states["slack"]["channels"][0], states["dynatrace"]["problems"][0]
    alert.update(subject=HOSTILE, text=HOSTILE, responses=[{"at": None, "who": HOSTILE, "option": HOSTILE}])
    alert["options"][0].update(label=HOSTILE, description=HOSTILE)
    alert["annotations"][0].update(author=HOSTILE, text=HOSTILE)
    issue.update(summary=HOSTILE, description=HOSTILE, status=HOSTILE, labels=[HOSTILE])
    issue["links"] = [{"title": "click me", "url": "javascript:alert(3)"}]
    issue["attachments"][0].update(name=HOSTILE, url="javascript:alert(4)")
    channel.update(name=HOSTILE, topic=f"<javascript:alert(5)|press> {HOSTILE}", members=[HOSTILE])
    channel["messages"][0]["blocks"][0]["text"]["text"] = HOSTILE
    problem.update(title=HOSTILE, entity=HOSTILE)
    page.show([record], **states)
    seen.locator("#ticket .file").wait_for()
    for selector in ("#story h2", "#phone h4", "#phone .label >> nth=0", "#ticket h3", "#ticket .file", "#problem h3"):
        assert '<img src=x onerror="alert(1)"><script>' in seen.locator(selector).first.inner_text(), selector
    assert "{{ 7*7 }}" in seen.locator("#channel .block-header").inner_text()
    assert seen.locator("img").count() == 0
    assert seen.locator("body script").count() == 0
    assert seen.locator("a[href^='javascript']").count() == 0
    assert "click me" in seen.locator("#ticket .facts").inner_text()


def test_slack_markup_is_shown_as_slack_shows_it(page: PageThread, visit: Any) -> None:
    seen = visit()
    states = asked(page.page.state()["addresses"])
    text = "*bold* _slanted_ ~gone~ `a*b*c` 2*3*4 snake_case_name "
    text += "<https://example.com/x?a=1&amp;b=2|out> &lt;b&gt; <@U1|Ana>"
    message = states["slack"]["channels"][0]["messages"][1]
    message["text"] = text
    page.show([incident()], **states)
    body = seen.locator("#channel .message").nth(1)
    body.locator("b", has_text="bold").wait_for()
    assert body.locator("i").inner_text() == "slanted"
    assert body.locator("s").inner_text() == "gone"
    assert body.locator("code").inner_text() == "a*b*c"
    assert body.locator("a").get_attribute("href") == "https://example.com/x?a=1&b=2"
    assert "2*3*4 snake_case_name out <b> Ana" in body.inner_text()
    assert seen.locator("#channel .lead a").get_attribute("href") == "#ticket"


def test_a_person_writes_into_the_ticket_and_reads_on(page: PageThread, visit: Any) -> None:
    seen = visit()
    show_asked(page)
    seen.get_by_text("Comment on the issue").click()
    field = seen.locator("#ticket .compose input")
    field.fill("half a senten")
    page.show(dynatrace=healed()[0]["dynatrace"])  # something else changes meanwhile
    seen.locator("#problem").get_by_text("Closed", exact=True).first.wait_for()
    assert field.input_value() == "half a senten"
    assert field.is_visible()
    field.press("End")
    field.type("ce")
    field.press("Enter")
    seen.locator("#ticket .note", has_text="half a sentence").wait_for()
    assert field.input_value() == ""


def test_changes_are_said_to_people_who_listen(page: PageThread, visit: Any) -> None:
    seen = visit()
    said = seen.locator("#announcer")
    assert said.get_attribute("aria-live") == "polite"
    show_asked(page)
    seen.locator("#announcer", has_text="Alert for Ana Berg: P2 shop").wait_for(state="attached")
    assert "shop is down" in (said.text_content() or "")
    seen.get_by_role("button", name="Restart process").click()
    seen.locator("#announcer", has_text="Ana Berg chose Restart process").wait_for(state="attached")


@pytest.mark.parametrize("width", [320, 360, 390, 768, 900, 1024, 1280, 1440])
def test_no_width_needs_to_be_scrolled_sideways(page: PageThread, visit: Any, width: int) -> None:
    seen = visit(width=width)
    states, record = healed()
    record["title"] = "x" * 300
    states["jira"]["issues"][0]["attachments"][0]["name"] = "y" * 200 + ".txt"
    states["slack"]["channels"][0]["messages"][1]["text"] = "```" + "z" * 300 + "```"
    page.show([record], **states)
    seen.locator("#ticket .file").wait_for()
    assert seen.evaluate("document.documentElement.scrollWidth") <= width
    sizes = seen.evaluate("[...document.querySelectorAll('.option')].map(b => b.getBoundingClientRect().height)")
    assert min(sizes) >= 44


def test_the_tools_are_side_by_side_or_below_each_other(page: PageThread, visit: Any) -> None:
    panels = ["phone", "problem", "ticket", "channel"]

    def places(width: int) -> tuple[list[float], list[float]]:
        seen = visit(width=width)
        boxes = [seen.locator(f"#{panel}").bounding_box() for panel in panels]
        return [box["x"] for box in boxes], [box["y"] for box in boxes]

    show_asked(page)
    x, y = places(1440)
    assert x == sorted(x)
    assert len(set(x)) == 4
    assert max(y) - min(y) < 1
    x, y = places(390)
    assert y == sorted(y)
    assert len(set(y)) == 4


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"color_scheme": "light"}, {"forced_colors": "active"}])
def test_states_are_read_in_every_colour_scheme(page: PageThread, visit: Any, options: dict[str, str]) -> None:
    seen = visit(**options)
    states, record = healed()
    page.show([record], **states)
    seen.locator("#ticket .file").wait_for()
    badges = seen.locator(".badge")
    for number in range(badges.count()):
        text = badges.nth(number).inner_text().replace("\ufe0e", "").split()
        assert len(text) >= 2, "a state is a symbol and a word"
    assert seen.evaluate(LOW_CONTRAST) == []


def test_headings_and_landmarks_lead_through_the_page(page: PageThread, visit: Any) -> None:
    seen = visit()
    show_asked(page)
    seen.get_by_role("button", name="Restart process").wait_for()
    levels = seen.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => Number(h.nodeName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for name in ("Phone", "Monitoring", "Ticket", "Channel", "Timeline"):
        assert seen.get_by_role("region", name=name, exact=True).count() == 1
    ids = seen.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    fields = "[...document.querySelectorAll('input, select')].every(field => field.labels.length === 1)"
    assert seen.evaluate(fields)


def test_another_incident_is_chosen_and_its_tools_come_first(page: PageThread, visit: Any) -> None:
    seen = visit()
    states, record = asked(), incident()
    older = {**incident(), "id": "iaaaaaaaaaaaa", "title": "An older one", "state": "closed"}
    older["tools"] = {"desk": {"role": "jira", "id": "DEMO-0"}}
    issue = {
        **states["jira"]["issues"][0],
        "key": "DEMO-0",
        "summary": "An older one",
        "created": "2026-11-21T00:00:00Z",
    }
    states["jira"]["issues"].insert(0, issue)
    page.show([record, older], **states)
    seen.locator("#ticket .thing h3").wait_for()
    assert seen.locator("#ticket .thing h3").inner_text() == record["title"]
    assert "1 other issue" in seen.locator("#ticket").inner_text()
    seen.get_by_text("All incidents (2)").click()
    seen.get_by_role("button", name="An older one").click()
    seen.locator("#ticket .thing h3", has_text="An older one").wait_for()
    assert seen.locator("#story h2").inner_text() == "An older one"


def test_a_lost_connection_is_said(browser: Any) -> None:
    with start_page() as page:
        page.show([], **quiet())
        visit = Visit(browser, page.page.url)
        visit.page.locator("#connection", has_text="Live").wait_for()
        page.run(page.page.stop())
        visit.page.locator("#connection", has_text="Connection lost, trying again").wait_for()
        assert visit.foreign == []
        visit.context.close()
