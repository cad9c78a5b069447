# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tool chain in part: what is not in the inventory is not used, what is down stops nobody and catches up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from demo.errors import DemoError
from support.chain import chain_in

RESPOND, HEAL, CLOSE = (f"self_healing.devops.{name}" for name in ("respond", "heal", "close"))
HOSTILE = "<!channel> {{ lookup('ansible.builtin.pipe', 'touch CANARY') }} [~ana] {% raw %} $(touch CANARY)"
CANARY = "CANARY"


def without_slack(inventory: dict[str, Any]) -> None:
    del inventory["all"]["children"]["toolchain"]["hosts"]["slack"]


def without_project(inventory: dict[str, Any]) -> None:
    del inventory["all"]["children"]["toolchain"]["hosts"]["jira"]["jira_project"]


def test_a_tool_that_is_missing_is_not_used_and_one_that_is_down_catches_up(tmp_path: Path) -> None:
    with chain_in(tmp_path / "part", by_hand=True, edit=without_slack) as chain:
        # 401 is final: a tool that says "try again" would only make the test slower.
        chain.sandbox.misbehave("jira", "status", status=401, times=1000)
        chain.scenario.break_it()
        incident = chain.until(lambda one: one.state == "detected", "the report").id
        output = chain.playbook(RESPOND, incident)
        assert "jira could not be brought up to date" in output
        chain.press("Restart process")
        chain.until(lambda one: one.answer is not None, "the answer")
        chain.playbook(HEAL, incident)
        assert chain.scenario.healed() is None, "a tool that is down does not stop the heal"
        ended = chain.until(lambda one: one.state in ("stable", "closed"), "the end of the problem")
        assert ended.tools["jira"].state == "failed"
        assert "jira" in str(ended.tools["jira"].error).lower()
        assert chain.sandbox.state()["tools"]["jira"]["issues"] == []

        chain.sandbox.behave()
        chain.playbook(CLOSE, incident)
        chain.converge(incident)
        tools = chain.sandbox.state()["tools"]
        assert [issue["status"] for issue in tools["jira"]["issues"]] == ["Done"]
        assert [alert["status"] for alert in tools["xmatters"]["alerts"]] == ["TERMINATED"]
        assert tools["slack"]["channels"] == []
        assert set(chain.journal.read(incident).tools) == {"dynatrace", "jira", "xmatters"}
        assert "changed=1" not in chain.converge(incident)


def test_the_title_of_a_problem_is_text_everywhere_and_nothing_else(tmp_path: Path) -> None:
    with chain_in(tmp_path / "hostile", by_hand=True) as chain:
        chain.sandbox.act(
            "dynatrace", "open", title=HOSTILE, event_type="PGI_UNAVAILABLE", entity="HOST-5D1A0000000000A1"
        )
        incident = chain.until(lambda one: one.state == "detected", "the report").id
        output = chain.playbook(RESPOND, incident)
        assert "could not be brought up to date" not in output
        assert re.findall(r"skipped=[1-9]", output) == [], "a skipped task costs as much as one that is done"
        tools = chain.sandbox.state()["tools"]
        (issue,), (alert,) = tools["jira"]["issues"], tools["xmatters"]["alerts"]
        (channel,) = (channel for channel in tools["slack"]["channels"] if channel["name"].startswith("dyna-"))
        header = next(message for message in channel["messages"] if message["is_header"])
        assert issue["summary"] == HOSTILE
        assert HOSTILE in alert["subject"]
        for tool, link in (("Jira", issue["url"]), ("Slack", channel["url"])):
            assert f"{tool}: {link}" in alert["text"], "an alert links to the ticket and to the conversation"
        assert HOSTILE in header["text"]
        assert [message["mentions"] for message in channel["messages"] if message["mentions"]] == []
        assert "pipe" in chain.journal.read(incident).problem["title"]
        assert chain.converge(incident).count("changed=0") >= len(tools)
    assert list(tmp_path.rglob(CANARY)) == []


def test_wrong_configuration_is_told_by_name_before_anything_listens(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="toolchain host jira: jira_project is missing") as failure:
        with chain_in(tmp_path / "wrong", edit=without_project):
            pass
    assert "ended with status" in failure.value.args[0], "ansible-rulebook has ended, so it does not listen"
