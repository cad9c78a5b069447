# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed links as they are used and misused: previews, replays, forgeries, and what a person sees."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html import escape, unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from ansible_collections.self_healing.devops.plugins.module_utils import policy as policies
from ansible_collections.self_healing.devops.plugins.module_utils import steps
from ansible_collections.self_healing.devops.plugins.module_utils.errors import JournalError
from ansible_collections.self_healing.devops.plugins.module_utils.incident import Entry, Incident, ToolState
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from ansible_collections.self_healing.devops.plugins.module_utils.signed_links import (
    Link,
    LinkKeys,
    ReportLink,
    link_of,
    report_of,
)
from ansible_collections.self_healing.devops.plugins.module_utils.timeline import TOLD
from ansible_collections.self_healing.devops.plugins.plugin_utils.channels.desk import Desk
from ansible_collections.self_healing.devops.plugins.plugin_utils.link_answers import LinkAnswers
from ansible_collections.self_healing.devops.plugins.plugin_utils.listener import Inbound, Reply
from ansible_collections.self_healing.devops.plugins.plugin_utils.pages import HEADERS
from ansible_collections.self_healing.devops.plugins.plugin_utils.throttle import Throttle, sender
from support.story import MANAGED, NOW, PROBLEM, answer

INCIDENT = PROBLEM.incident
ORIGIN = "https://eda.example.com"
SECRET, OLDER = "s" * 64, "o" * 64
KEYS = LinkKeys([SECRET])
CATALOG = {
    **policies.CATALOG,
    "wipe": {"role": "own.wipe", "label": "Wipe the disk", "text": "wipes {host}", "destructive": True},
    "two": {"role": "own.two", "label": "Fail over", "text": "fails {host} over", "approvals": 2},
}
REMEDIES = ["process_restart", "wipe", "two"]
EVIL = """<script>alert(1)</script>{{ 7*7 }} & "x' onload=y"""


@dataclass
class Browser:
    """Somebody with a link. C(cookies) are those that the page has set."""

    pages: LinkAnswers
    token: str
    cookies: dict[str, str] = field(default_factory=dict)
    peer: str = "192.0.2.7"
    last: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, method: str = "GET", **headers: str) -> Reply:
        return self._send(method, b"", headers)

    def post(self, fields: Mapping[str, str], **headers: str) -> Reply:
        given = {"Content-Type": "application/x-www-form-urlencoded", "Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        return self._send("POST", urlencode(fields).encode(), {**given, **headers})

    def press(self, option: str, **fields: str) -> Reply:
        """Press a button of the page that was shown last."""
        [proof] = re.findall(r'name="proof" value="([^"]+)"', self.last)
        return self.post({"proof": unescape(proof), "option": option, **fields})

    def _send(self, method: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        shown = {name.replace("_", "-"): value for name, value in {**self.headers, **headers}.items()}
        if self.cookies and "Cookie" not in shown:
            shown["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        reply = asyncio.run(self.pages.handle(Inbound(body, None, shown, self.peer, method, {}, self.token)))
        jar: SimpleCookie = SimpleCookie(reply.headers.get("Set-Cookie", ""))
        self.cookies.update({name: morsel.value for name, morsel in jar.items()})
        self.last = reply.text or ""
        assert {name: reply.headers.get(name) for name in HEADERS} == dict(HEADERS)
        assert not self.token or self.token not in self.last
        return reply


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(str(tmp_path / "journal.db"))
    opened.record_problem(replace(PROBLEM, title=EVIL), "dynatrace")
    opened.change(INCIDENT, decide)
    people = {"responders": [{"name": "Ana Berg", "email": "ana@example.com"}, {"name": "<b>Bo", "email": None}]}
    opened.tools.show(INCIDENT, ToolState("pager", "xmatters", "e-1", details=people), None)
    yield opened
    opened.close()


def decide(incident: Incident) -> list[Any]:
    policy = policies.Policy(catalog=CATALOG)
    around = policies.Surroundings(managed_hosts=1)
    return steps.decide(incident, policies.decide(policy, incident, REMEDIES, [MANAGED], around, NOW).to_data(), {})


def link(journal: Journal, to: str = "Ana Berg", *, personal: bool = True) -> Link:
    made = link_of(journal.read(INCIDENT).to_dict(), to, personal=personal)
    assert made is not None
    return made


Open = Callable[..., Browser]


@pytest.fixture
def open_link(journal: Journal) -> Open:
    def opened(to: str = "Ana Berg", *, personal: bool = True, keys: LinkKeys = KEYS, later: float = 0) -> Browser:
        made = link(journal, to, personal=personal)
        asked = next(entry.at for entry in journal.read(INCIDENT).timeline if entry.n == made.asked)
        pages = LinkAnswers(
            Desk(journal, lambda: None), KEYS, f"{ORIGIN}/answer", now=lambda: asked + timedelta(seconds=later)
        )
        return Browser(pages, keys.token(made))

    return opened


def chosen(journal: Journal) -> list[tuple[str, str, str]]:
    """Return what the timeline has of answers."""
    kinds = ("answered", "answered_late", "answer_refused", "approved", "acknowledged")
    lines = [entry for entry in journal.read(INCIDENT).timeline if entry.kind in kinds]
    return [(entry.kind, str(entry.data["option"]), entry.data["responder"]) for entry in lines]


# -- reports ----------------------------------------------------------------------------------------------------------


def report(journal: Journal, later: float = 0) -> Browser:
    made = report_of(journal.read(INCIDENT).to_dict())
    assert made is not None
    detected = next(entry.at for entry in journal.read(INCIDENT).timeline if entry.kind == "detected")
    pages = LinkAnswers(
        Desk(journal, lambda: None), KEYS, f"{ORIGIN}/answer", now=lambda: detected + timedelta(seconds=later)
    )
    return Browser(pages, KEYS.report_token(made))


def test_a_report_tells_how_it_goes_before_and_after_the_decision(open_link: Open, journal: Journal) -> None:
    reader = report(journal)
    version = journal.read(INCIDENT).version
    assert reader.get("HEAD").status == reader.get().status == 200
    assert journal.read(INCIDENT).version == version
    assert not reader.cookies
    for entry in journal.read(INCIDENT).timeline:
        assert (escape(entry.text) in reader.last) == (entry.kind in TOLD | {"detected"}), entry
    for never in ("<form", "<button", "<script"):
        assert never not in reader.last

    ana = open_link()
    ana.get()
    assert ana.press("process_restart").status == 200
    assert re.findall(r'<a href="([^"]+)">', ana.last) == [reader.token], "who has chosen can watch"
    reader.get()
    assert "Ana Berg chose &#x27;Restart process&#x27; on link" in reader.last
    assert 'http-equiv="refresh"' not in reader.last


def test_a_report_shows_the_figures_and_is_loaded_again_while_something_is_done(
    open_link: Open, journal: Journal
) -> None:
    ana = open_link()
    ana.get()
    ana.press("process_restart")
    figures = {"up": 0, "<b>odd": "<i>", "restarts": None}
    journal.change(INCIDENT, lambda incident: steps.claim(incident, "worker", NOW, timedelta(minutes=5)))
    journal.change(INCIDENT, lambda incident: steps.evidence(incident, "before", False, figures, ""))
    reader = report(journal)
    reader.get()
    assert '<meta http-equiv="refresh" content="10">' in reader.last
    assert '<th scope="row">up</th><td>0</td><td>–</td>' in reader.last
    assert '<th scope="row">&lt;b&gt;odd</th><td>&lt;i&gt;</td><td>–</td>' in reader.last
    assert "<td>not healthy</td><td>–</td>" in reader.last
    assert "restarts" not in reader.last, "nobody could tell"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//nowhere", "https://[", "https:"])
def test_a_report_leads_to_web_pages_only(journal: Journal, url: str) -> None:
    ticket = "https://jira.example.com/browse/T-1?a=1&b=2"
    journal.tools.show(INCIDENT, ToolState("ticket", "jira", "T-1", url=ticket), None)
    journal.tools.show(INCIDENT, ToolState("chat", "slack", "C-1", url=url), None)
    journal.tools.show(INCIDENT, ToolState("monitor", "dynatrace", "P-1", url=PROBLEM.url), None)
    reader = report(journal)
    reader.get()
    assert f'<a href="{escape(ticket)}">Ticket</a>' in reader.last
    assert reader.last.count(f'href="{escape(PROBLEM.url or "")}"') == 1
    assert "Chat</a>" not in reader.last


def test_nothing_is_chosen_with_a_report(journal: Journal) -> None:
    refused = report(journal).post({"option": "process_restart", "who": "Ana Berg"})
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, HEAD")
    assert chosen(journal) == []


@pytest.mark.parametrize("kind", ["answer", "report"])
def test_a_link_to_an_incident_that_was_pruned_does_not_work(open_link: Open, tmp_path: Path, kind: str) -> None:
    with closing(Journal.open(str(tmp_path / "fresh.db"))) as fresh:
        made = open_link()
        reader = Browser(LinkAnswers(Desk(fresh, lambda: None), KEYS, f"{ORIGIN}/answer", now=lambda: NOW), made.token)
        if kind == "report":
            reader.token = KEYS.report_token(ReportLink(INCIDENT, NOW + timedelta(days=1)))
        assert reader.get().status == 404, "and the journal is well"


def test_a_report_ends_with_its_time(journal: Journal) -> None:
    week = 7 * 24 * 3600
    assert report(journal, week - 2).get().status == 200
    assert report(journal, week).get().status == 404


# -- looking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_never_does_anything(open_link: Open, journal: Journal, method: str) -> None:
    before = journal.read(INCIDENT).version
    preview = open_link()
    for _time in range(3):
        assert preview.get(method, User_Agent="Slackbot-LinkExpanding 1.0").status == 200
    assert journal.read(INCIDENT).version == before


def test_the_page_says_what_each_option_will_do(open_link: Open) -> None:
    browser = open_link()
    browser.get()
    for said in ("Restarts the service on shop-01", "shop-01", "Restart process", "Wipe the disk", "Needs 2 people."):
        assert said in browser.last
    assert 'method="post"' in browser.last
    assert "Who are you?" not in browser.last


def test_nothing_of_an_event_becomes_markup(open_link: Open) -> None:
    browser = open_link("Checkout <i>SRE", personal=False)
    browser.get()
    assert "<script" not in browser.last
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }} &amp; &quot;x&#x27; onload=y" in browser.last
    assert browser.last.count("&lt;b&gt;Bo") == 2
    assert "Checkout &lt;i&gt;SRE" in browser.last
    assert not {"<b>", "<i>"} & set(re.findall("<[a-z]+>", browser.last))
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.findall(r'\s(?:style|on[a-z]+|src|href)="', browser.last)


def test_the_cookie_is_for_the_page_of_this_link_alone(open_link: Open) -> None:
    browser = open_link()
    said = browser.get().headers["Set-Cookie"]
    assert re.match(
        r"__Secure-self-healing-[a-z2-7]{12}=[\w-]+\.[\w-]{43}; Path=/answer/[\w.-]+; Max-Age=86(400|399); ", said
    )
    assert said.endswith("HttpOnly; SameSite=Strict; Secure")
    assert "Set-Cookie" not in browser.get().headers
    other = open_link("Bo Lind")
    other.get()
    assert set(other.cookies).isdisjoint(browser.cookies)


# -- answering --------------------------------------------------------------------------------------------------------


def test_the_button_of_the_page_answers(open_link: Open, journal: Journal) -> None:
    browser = open_link()
    browser.get()
    reply = browser.press("process_restart", comment=" deploy at nine ")
    assert reply.status == 200
    assert "Ana Berg chose &#x27;Restart process&#x27; on link: deploy at nine" in browser.last
    given = journal.read(INCIDENT).answer
    assert given is not None
    assert (given["responder"], given["channel"], given["alert"]) == ("Ana Berg", "link", link(journal).id)


def test_a_second_post_is_told_who_chose_what(open_link: Open, journal: Journal) -> None:
    browser = open_link()
    browser.get()
    page = browser.last
    assert browser.press("process_restart").status == 200
    for option in ("process_restart", "take_over"):
        browser.last = page
        assert browser.press(option).status == 409
        assert "Ana Berg" in browser.last
        assert "Restart process" in browser.last
    assert [kind for kind, _option, _who in chosen(journal)].count("answered") == 1
    assert browser.get().status == 410


def test_other_links_are_dead_after_the_decision(open_link: Open, journal: Journal) -> None:
    first, second, third = open_link(), open_link("Bo Lind"), open_link("Cy", personal=True)
    first.get()
    second.get()
    page = second.last
    assert first.press("take_over").status == 200
    assert third.get().status == 404
    second.last = page
    reply = second.press("process_restart")
    assert reply.status == 409
    assert "Ana Berg had chosen &#x27;Take over&#x27; on link at" in second.last
    assert chosen(journal) == [("answered", "take_over", "Ana Berg"), ("answered_late", "process_restart", "Bo Lind")]


def test_a_decision_on_another_channel_kills_every_link(open_link: Open, journal: Journal) -> None:
    browser = open_link()
    browser.get()
    page = browser.last
    journal.record_answer(answer("Restart process", "Bo Lind"))
    assert open_link("Cy").get().status == 404
    browser.last = page
    assert browser.press("take_over").status == 409
    assert "Bo Lind had chosen" in browser.last


def test_a_page_of_an_earlier_question_answers_nothing(open_link: Open, journal: Journal) -> None:
    browser = open_link()
    browser.get()
    journal.change(INCIDENT, lambda _now: [Entry("escalated", "Escalated", data={"reason": "asked"})])
    assert browser.press("process_restart").status == 409
    assert "the incident has changed since" in browser.last
    assert [kind for kind, _option, _who in chosen(journal)] == ["answered_late"]
    assert open_link().get().status == 200


def test_who_is_looking_may_choose_afterwards_with_the_same_link(open_link: Open, journal: Journal) -> None:
    browser = open_link()
    browser.get()
    page = browser.last
    assert browser.press("acknowledge").status == 200
    browser.last = page
    assert browser.press("process_restart").status == 200
    assert [kind for kind, _option, _who in chosen(journal)] == ["acknowledged", "answered"]


def test_the_same_person_approves_once_only(open_link: Open, journal: Journal) -> None:
    ana, bo = open_link(), open_link("Bo Lind")
    for browser in (ana, bo):
        browser.get()
    page = ana.last
    assert ana.press("two").status == 200
    ana.last = page
    assert ana.press("two").status == 409
    on_the_phone = answer("Fail over", "Ana Berg", person_id="ana", email="ana@example.com")
    assert journal.record_answer(on_the_phone).change == "approved"
    assert bo.press("two").status == 200
    assert [kind for kind, _option, _who in chosen(journal)] == ["approved", "approved", "answered"]


# -- links that were sent to several ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ({"who": "Ana Berg"}, "Ana Berg (link sent to Checkout SRE)"),
        ({"who": "", "name": " Cy\n Lee\x07 "}, "Cy Lee (link sent to Checkout SRE)"),
        ({"name": "n" * 300}, f"{'n' * 80} (link sent to Checkout SRE)"),
    ],
)
def test_who_has_a_link_of_a_group_says_a_name(
    open_link: Open, journal: Journal, fields: dict[str, str], who: str
) -> None:
    browser = open_link("Checkout SRE", personal=False)
    browser.get()
    assert "Who are you?" in browser.last
    assert 'value="Ana Berg"' in browser.last
    assert browser.press("process_restart", **fields).status == 200
    assert chosen(journal) == [("answered", "process_restart", who)]


@pytest.mark.parametrize("fields", [{}, {"who": ""}, {"who": " ", "name": "\x07 "}])
def test_without_a_name_nothing_happens(open_link: Open, journal: Journal, fields: dict[str, str]) -> None:
    browser = open_link("Checkout SRE", personal=False)
    browser.get()
    assert browser.press("process_restart", **fields).status == 400
    assert "Please say who you are." in browser.last
    assert chosen(journal) == []


@pytest.mark.parametrize("option", ["wipe", "two"])
def test_what_is_serious_is_not_offered_to_a_group(open_link: Open, journal: Journal, option: str) -> None:
    browser = open_link("Checkout SRE", personal=False)
    browser.get()
    assert f'value="{option}"' not in browser.last
    assert "(not with this link)" in browser.last
    assert browser.press(option, who="Ana Berg", **{f"confirm-{option}": "shop-01"}).status == 400
    assert chosen(journal) == []


# -- what cannot be undone --------------------------------------------------------------------------------------------


def test_what_cannot_be_undone_needs_the_name_of_the_host(open_link: Open, journal: Journal) -> None:
    browser = open_link()
    browser.get()
    for typed in ({}, {"confirm-wipe": "shop-1"}):
        assert browser.press("wipe", **typed).status == 400
        assert "type the name of the host" in browser.last
    assert chosen(journal) == []
    assert browser.press("wipe", **{"confirm-wipe": " shop-01 "}).status == 200
    assert chosen(journal) == [("answered", "wipe", "Ana Berg")]


def test_what_cannot_be_undone_may_be_chosen_for_a_quarter_of_an_hour(open_link: Open, journal: Journal) -> None:
    browser = open_link(later=15 * 60 + 1)
    browser.get()
    assert 'value="wipe"' not in browser.last
    assert browser.press("wipe", **{"confirm-wipe": "shop-01"}).status == 400
    assert browser.press("process_restart").status == 200


# -- misuse -----------------------------------------------------------------------------------------------------------


def tampered(token: str) -> str:
    return token[:20] + ("A" if token[20] != "A" else "B") + token[21:]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda browser: replace(browser, token=tampered(browser.token)),
        lambda browser: replace(browser, token=browser.token[:-1]),
        lambda browser: replace(browser, token="unknown"),
        lambda browser: replace(browser, token=""),
        lambda browser: replace(browser, token=LinkKeys([OLDER]).token(KEYS.read(browser.token))),
        lambda browser: replace(
            browser, token=KEYS.token(replace(KEYS.read(browser.token), incident="iaaaaaaaaaaaa", expires=NOW))
        ),
    ],
    ids=["tampered", "cut", "unknown", "empty", "signed with an old key", "of another incident, and expired"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_does_not_work_looks_all_the_same(
    open_link: Open, journal: Journal, spoil: Callable[[Browser], Browser], method: str
) -> None:
    good = open_link()
    good.get()
    proof = re.findall(r'name="proof" value="([^"]+)"', good.last)[0]
    bad = spoil(good)
    reply = bad.get() if method == "GET" else bad.post({"proof": proof, "option": "process_restart"})
    used_up = open_link("Bo Lind")
    journal.record_answer(answer("take_over", "Cy"))
    assert (reply.status, reply.text, dict(reply.headers)) == (404, used_up.get().text, dict(used_up.get().headers))
    assert chosen(journal) == [("answered", "take_over", "Cy")]


def test_a_link_ends_with_its_time(open_link: Open, journal: Journal) -> None:
    assert open_link(later=24 * 3600 - 1).get().status == 200
    late = open_link(later=24 * 3600)
    assert late.get().status == 404
    assert late.post({"option": "process_restart"}).status == 404


def test_an_older_key_still_works_while_it_is_being_changed(open_link: Open, journal: Journal) -> None:
    browser = open_link(keys=LinkKeys([OLDER]))
    browser.pages = LinkAnswers(Desk(journal, lambda: None), LinkKeys([SECRET, OLDER]), f"{ORIGIN}/answer", lambda: NOW)
    assert browser.get().status == 200
    assert browser.press("process_restart").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": ""},
        {"Cookie": "__Secure-self-healing-abc=x.y"},
        {"Cookie": "\x00;;==;" + "a=b;" * 5000},
        {"Origin": "https://evil.example"},
        {"Origin": f"{ORIGIN}.evil.example"},
        {"Origin": "http://eda.example.com"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json"},
    ],
    ids=lambda headers: str(headers)[:60],
)
def test_a_post_that_the_page_did_not_make(open_link: Open, journal: Journal, headers: dict[str, str]) -> None:
    browser = open_link()
    browser.get()
    proof = re.findall(r'name="proof" value="([^"]+)"', browser.last)[0]
    assert browser.post({"proof": proof, "option": "process_restart"}, **headers).status == 403
    assert "Open the link" in browser.last
    assert chosen(journal) == []


@pytest.mark.parametrize("origin", [None, "null", ORIGIN, ORIGIN.upper()])
def test_browsers_that_hide_the_origin_are_taken(open_link: Open, journal: Journal, origin: str | None) -> None:
    browser = open_link()
    browser.get()
    proof = re.findall(r'name="proof" value="([^"]+)"', browser.last)[0]
    body = urlencode({"proof": proof, "option": "process_restart"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", **({"Origin": origin} if origin else {})}
    assert browser._send("POST", body, headers).status == 200


@pytest.mark.parametrize("change", ["proof", "cookie", "both of another link"])
def test_proof_and_cookie_belong_together(open_link: Open, journal: Journal, change: str) -> None:
    mine, other = open_link(), open_link("Bo Lind")
    mine.get()
    other.get()
    proofs = {id(one): re.findall(r'name="proof" value="([^"]+)"', one.last)[0] for one in (mine, other)}
    stolen = {name: next(iter(other.cookies.values())) for name in mine.cookies}
    cookies = mine.cookies if change == "proof" else stolen
    proof = proofs[id(mine)] if change == "cookie" else proofs[id(other)]
    mine.cookies = cookies
    assert mine.post({"proof": proof, "option": "process_restart"}).status == 403
    assert chosen(journal) == []


@pytest.mark.parametrize("option", ["", "nothing", "Restart", "process_restart\x00", "<script>"])
def test_only_an_option_can_be_chosen(open_link: Open, journal: Journal, option: str) -> None:
    browser = open_link()
    browser.get()
    assert browser.press(option).status == 400
    assert chosen(journal) == []


def test_the_page_of_one_browser_does_not_work_in_another(open_link: Open, journal: Journal) -> None:
    mine, other = open_link(), open_link()
    mine.get()
    other.get()
    mine.last = other.last
    assert mine.press("process_restart").status == 403
    assert chosen(journal) == []


def test_a_made_up_cookie_does_not_show_how_it_ended(open_link: Open, journal: Journal) -> None:
    browser, stranger = open_link(), open_link()
    browser.get()
    stranger.cookies = dict.fromkeys(browser.cookies, f"made-up.{'A' * 43}")
    journal.record_answer(answer("take_over", "Cy"))
    assert (browser.get().status, stranger.get().status) == (410, 404)


def test_a_body_that_is_no_form(open_link: Open, journal: Journal) -> None:
    browser = open_link()
    browser.get()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"\xff\xfe", b"a=b&" * 100, b"proof=%FF%FE&option=process_restart", b""):
        assert browser._send("POST", body, headers).status == 403
    assert chosen(journal) == []


def test_strangers_may_guess_for_a_while_only(open_link: Open, journal: Journal) -> None:
    browser = open_link()
    guesser = replace(browser, token="guess")
    statuses = [guesser.get().status for _time in range(40)]
    assert statuses[:30] == [404] * 30
    assert statuses[-1] == 429
    assert replace(guesser, peer="192.0.2.8").get().status == 404
    # Who has a link that works is not locked out by others behind the same address.
    assert browser.get().status == 200


def test_a_link_may_be_opened_often_but_not_without_end(open_link: Open) -> None:
    browser = open_link()
    assert [browser.get().status for _time in range(61)][-1] == 429


def test_a_journal_that_cannot_be_reached_is_told(
    open_link: Open, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_incident: str) -> Incident:
        raise JournalError("the database does not answer")

    browser = open_link()
    monkeypatch.setattr(journal, "read", down)
    reply = browser.get()
    assert (reply.status, reply.headers["Retry-After"]) == (503, "5")
    assert "Nothing was recorded" in browser.last


# -- the throttle -----------------------------------------------------------------------------------------------------


def test_attempts_come_back_with_time() -> None:
    throttle = Throttle(2, 0.5, most_keys=2)
    assert [throttle.allows("a", 0) for _time in range(3)] == [True, True, False]
    assert not throttle.allows("a", 1)
    assert throttle.allows("a", 2.5)
    assert throttle.allows("b", 2.5)
    assert throttle.allows("c", 2.5)
    # The one that was not seen for the longest time was forgotten.
    assert throttle.allows("a", 2.5)


@pytest.mark.parametrize(
    ("peer", "forwarded", "wanted"),
    [
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "", "192.0.2.7"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        (None, "", "unknown"),
    ],
)
def test_who_sent_it(peer: str | None, forwarded: str, wanted: str) -> None:
    assert sender(peer, {"X-Forwarded-For": forwarded} if forwarded else {}) == wanted
