# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons of Slack on the sandbox's page: pressed as one of the people, confirmed first where they are dangerous."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.self_healing.devops.plugins.filter.slack_buttons import slack_buttons
from sandbox.server import SandboxThread
from sandbox.slack import Slack
from support.browser import LOW_CONTRAST, Visit, start_browser
from support.slack_runs import keep

INCIDENT = "i7k3v5q2x4dmz"
OFFERED = [
    {"name": "take_over", "label": "Take over <b>", "text": "", "destructive": False},
    {"name": "disk_cleanup", "label": "Free space", "text": "removes old files", "destructive": True},
]


class Told(SandboxThread):
    """The sandbox, with an app behind Slack that takes every press."""

    settings: Any

    def __init__(self) -> None:
        super().__init__()
        slack = self.sandbox.tools["slack"]
        assert isinstance(slack, Slack)
        self.tool = slack
        self.taken: list[dict[str, Any]] = []
        self.takes = True
        slack.interactivity._tell = self._take  # type: ignore[method-assign]

    async def _take(self, payload: Any) -> bool:
        self.taken.append(payload)
        if self.takes:
            channel = self.tool.workspace.channels[payload["channel"]["id"]]
            self.tool.workspace.whisper(channel, payload["user"]["id"], "Bo Lind chose &lt;b&gt;")
        return self.takes


@pytest.fixture
def sandbox() -> Iterator[Told]:
    running = Told()
    incident = {"id": INCIDENT, "asked": 4, "offered": OFFERED}
    # What runs the module needs the address and the token only.
    slack: Any = type("Running", (), {"url": running.url("slack"), "settings": running.settings})
    header = {"text": "What now?", "buttons": slack_buttons(incident)}
    keep(slack, marker=INCIDENT, name="dyna-1", members=["ana@example.com", "bo@example.com"], header=header)
    yield running
    running.stop()


@pytest.fixture
def visit(sandbox: Told) -> Iterator[Visit]:
    with start_browser() as browser:
        one = Visit(browser, sandbox.url("page"))
        one.page.remove_listener("dialog", one._dismissed)
        yield one
        one.end()


def test_a_button_is_pressed_as_one_of_the_people_and_the_dangerous_one_is_confirmed(
    sandbox: Told, visit: Visit
) -> None:
    seen, asked, accept = visit.page, [], [False, True]

    def answer(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.accept() if accept.pop(0) else dialog.dismiss()

    seen.on("dialog", answer)
    seen.locator("#channel select[name=person]").first.select_option("bo")
    seen.get_by_role("button", name="Free space").click()
    assert asked == ["Are you sure?\n\nFree space: removes old files"]
    seen.get_by_role("button", name="Take over <b>").click()
    whispered = seen.locator("#channel .event", has_text="Only Bo Lind sees: Bo Lind chose <b>")
    whispered.wait_for()
    seen.get_by_role("button", name="Free space").click()
    whispered.nth(1).wait_for()
    pressed = [(one["user"]["name"], one["actions"][0]["value"]) for one in sandbox.taken]
    assert pressed == [("bo", f"1:{INCIDENT}:4:take_over"), ("bo", f"1:{INCIDENT}:4:disk_cleanup")]
    assert len(asked) == 2
    assert seen.evaluate(LOW_CONTRAST) == []
    sandbox.takes = False
    seen.get_by_role("button", name="Take over <b>").click()
    seen.locator("#channel .failure").wait_for(state="attached")
    assert "the app did not answer in time" in seen.locator("#channel .failure").text_content()
