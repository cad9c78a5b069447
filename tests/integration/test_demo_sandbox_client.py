# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's view of the sandbox: it follows the states, presses, and says what was refused."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from demo.errors import DemoError
from demo.sandbox_client import SandboxClient
from support.page_story import ALERT, asked, healed, incident, quiet
from support.page_tools import PageThread, start_page


@pytest.fixture
def page() -> Iterator[PageThread]:
    with start_page() as running:
        running.show([], **quiet())
        yield running


def test_states_are_followed_as_they_change(page: PageThread) -> None:
    seen = []
    for state in SandboxClient(page.page.url).states(lambda: None):
        seen.append(state["incidents"][0]["state"] if state["incidents"] else None)
        if seen[-1] is None:
            page.show([incident()], **asked())
        elif seen[-1] == "asked":
            states, record = healed()
            page.show([record], **states)
        else:
            break
    assert list(dict.fromkeys(seen)) == [None, "asked", "closed"]


def test_an_end_of_interest_does_not_wait_for_the_next_change(page: PageThread) -> None:
    states = SandboxClient(page.page.url).states(lambda: None)
    next(states)
    started = time.monotonic()
    states.close()  # type: ignore[attr-defined]
    assert time.monotonic() - started < 3


def test_a_program_that_ended_ends_the_following(page: PageThread) -> None:
    def alive() -> None:
        raise DemoError("rulebook ended with status 1")

    with pytest.raises(DemoError, match="rulebook ended"):
        next(SandboxClient(page.page.url).states(alive))


def test_a_sandbox_that_ended_is_told(page: PageThread) -> None:
    client = SandboxClient(page.page.url)
    states = client.states(lambda: None)
    next(states)
    page.run(page.page.stop())
    with pytest.raises(DemoError, match="broke off"):
        for _state in states:
            pass
    with pytest.raises(DemoError, match="did not answer GET /api/state"):
        client.state()


def test_a_press_is_made_and_a_refusal_is_told(page: PageThread) -> None:
    page.show([incident()], **asked())
    client = SandboxClient(page.page.url)
    client.act("xmatters", "respond", alert=ALERT, person="ana", option=1)
    assert page.tools["xmatters"].done == [{"alert": ALERT, "person": "ana", "option": 1}]
    with pytest.raises(DemoError, match="xmatters refused to respond: Somebody else was faster"):
        client.act("xmatters", "respond", alert=ALERT, person="ana", option=1)
    with pytest.raises(DemoError, match="answered 404"):
        client.act("xmatters", "explode")
