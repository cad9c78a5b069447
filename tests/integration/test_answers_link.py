# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source C(answers) with signed links: over HTTP, and in a real browser of the size of a phone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ansible_collections.self_healing.devops.plugins.filter.answer_link import answer_link
from ansible_collections.self_healing.devops.plugins.module_utils.errors import ConfigurationError
from ansible_collections.self_healing.devops.plugins.module_utils.journal import Journal
from support.answers_source import MAIN, answering, asking_journal
from support.browser import start_browser
from support.shop import free_port
from support.story import PROBLEM

INCIDENT = PROBLEM.incident
SECRET = "s" * 64
CALLED = [{"name": "Ana Berg", "email": "ana@example.com"}, {"name": "Bo Lind", "email": None}]


@dataclass
class Setting:
    """A running source that serves links."""

    journal: Journal
    queue: asyncio.Queue[dict[str, Any]]
    url: str

    def link(self, to: str, *, personal: bool) -> str:
        record = self.journal.read(INCIDENT).to_dict()
        made = answer_link(record, to, personal=personal, secrets=[SECRET], url=self.url)
        assert made.startswith(f"{self.url}/")
        return made


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = asking_journal(str(tmp_path / "journal.db"), CALLED)
    yield opened
    opened.close()


def arguments(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    port = free_port()
    given = {
        "port": port,
        "journal": str(tmp_path / "journal.db"),
        "self_healing_link_secrets": SECRET,
        "self_healing_answer_url": f"http://127.0.0.1:{port}/answer",
    }
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


@pytest.fixture
async def setting(journal: Journal, tmp_path: Path) -> AsyncIterator[Setting]:
    given = arguments(tmp_path)
    async with answering(given) as (queue, _task):
        yield Setting(journal, queue, given["self_healing_answer_url"])


async def test_methods(setting: Setting) -> None:
    link = setting.link("Ana Berg", personal=True)
    before = setting.journal.read(INCIDENT).version
    async with aiohttp.ClientSession() as session:
        wanted = {"GET": 200, "HEAD": 200, "POST": 403, "PUT": 405, "DELETE": 405, "PATCH": 405, "OPTIONS": 405}
        for method, status in wanted.items():
            async with session.request(method, link) as answer:
                assert (method, answer.status) == (method, status)
                if method in ("GET", "HEAD", "POST"):
                    assert answer.headers["Cache-Control"] == "no-store"
                    assert answer.headers["Referrer-Policy"] == "no-referrer"
                    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        async with session.post(link, data=b"x" * 20000) as answer:
            assert answer.status == 413
        for elsewhere in (setting.url, f"{link}/more"):
            async with session.get(elsewhere) as answer:
                assert answer.status in (404, 503)
    assert setting.journal.read(INCIDENT).version == before


def on_a_phone(link: str, use: Callable[[Any], None]) -> None:
    """Open a link in a browser with a screen of 390 by 844, without script."""
    with start_browser() as browser:
        context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
        page = context.new_page()
        page.set_default_timeout(10000)
        complaints: list[str] = []
        foreign: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: foreign.append(request.url) if request.url != link else None)
        page.goto(link)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        use(page)
        # A refused answer is told on the console as well: its status is none of success.
        assert [said for said in complaints if "the server responded with a status" not in said] == []
        assert foreign == []


async def test_a_person_answers_on_the_phone(setting: Setting) -> None:
    def use(page: Any) -> None:
        page.get_by_label("Comment").fill("deploy at nine")
        for button in page.get_by_role("button").all():
            assert button.bounding_box()["height"] >= 44
        page.get_by_role("button", name="Restart process").click()
        assert "Ana Berg chose 'Restart process' on link: deploy at nine" in page.inner_text("main")
        page.reload()
        assert page.inner_text("h1") == "Recorded already"

    await asyncio.to_thread(on_a_phone, setting.link("Ana Berg", personal=True), use)
    event = await asyncio.wait_for(setting.queue.get(), 5)
    assert event["answer"] == {"incident": INCIDENT, "option": "process_restart", "channel": "link"}
    answers = [entry for entry in setting.journal.read(INCIDENT).timeline if entry.kind.startswith("answer")]
    assert [(entry.kind, entry.data["channel"]) for entry in answers] == [("answered", "link")]


async def test_the_key_enter_chooses_nothing(setting: Setting) -> None:
    def use(page: Any) -> None:
        page.get_by_label("Your name").fill("Cy")
        page.get_by_label("Your name").press("Enter")
        assert page.get_by_role("button", name="Take over").is_visible()
        assert page.get_by_label("Your name").input_value() == "Cy"
        page.get_by_label("Bo Lind").check()
        page.get_by_role("button", name="Take over").click()
        assert "Bo Lind (link sent to Checkout SRE) chose 'Take over'" in page.inner_text("main")

    await asyncio.to_thread(on_a_phone, setting.link("Checkout SRE", personal=False), use)
    answers = [entry for entry in setting.journal.read(INCIDENT).timeline if entry.kind.startswith("answer")]
    assert [entry.data["option"] for entry in answers] == ["take_over"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"self_healing_link_secrets": None}, "self_healing_link_secrets is missing"),
        ({"self_healing_answer_url": None}, "self_healing_answer_url is missing"),
        ({"self_healing_link_secrets": ["short"]}, "shorter than 43 characters"),
        ({"self_healing_answer_url": "http://eda.example.com/answer"}, "must be https"),
        ({"answer_path": "/healthz"}, "answer_path must be a plain path"),
    ],
)
async def test_wrong_settings_are_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        await asyncio.wait_for(MAIN(asyncio.Queue(), arguments(tmp_path, **changes)), 5)
