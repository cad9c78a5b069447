# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody forgot to set up in xMatters is told by the playbook connect_xmatters, and nothing is changed."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.settings import Settings, Webhook
from sandbox.xmatters import XMatters
from support.one_tool import OneTool, start_tool
from support.tree import ROOT
from support.xmatters_openapi import every_call_compared
from support.xmatters_runs import run_module

Running = OneTool[XMatters]
WANTED = json.loads((ROOT / "roles/xmatters/files/workflow.json").read_text("utf-8"))
HOOK = "https://eda.example.com/xmatters"


@pytest.fixture(autouse=True)
def every_call() -> Iterator[None]:
    """Whatever is asked in these tests, and whatever is answered, follows the derived OpenAPI where that is there."""
    with every_call_compared():
        yield


@pytest.fixture
def xmatters() -> Iterator[Running]:
    # The name of an API key is nobody's; a person logs in here.
    with start_tool(XMatters, Settings(xmatters_user="ana", xmatters_webhook=Webhook(HOOK))) as running:
        running.tool.workflow.senders.append(running.tool.shapes.reference("ana"))
        yield running


def look(xmatters: Running, **given: Any) -> dict[str, Any]:
    return run_module(xmatters, "xmatters_form_info", **{"wanted": WANTED, "webhook_url": HOOK, **given})


def found(told: dict[str, Any], level: str = "missing") -> list[tuple[str, str]]:
    return [(one["part"], one["name"]) for one in told["findings"] if one["level"] == level]


def test_a_workflow_that_is_complete_is_ready(xmatters: Running) -> None:
    told = look(xmatters, recipients=[{"name": xmatters.settings.group, "type": "group"}, "bo", "ana|Mobile"])
    assert (told["changed"], told["exists"], told["ready"]) == (False, True, True)
    assert found(told) == []
    # Whether a form takes the options of its trigger is in no answer of the API.
    assert found(told, "unsure") == [("option", "")]
    incident_id = next(one for one in told["properties"] if one["name"] == "incident_id")
    assert (incident_id["type"], incident_id["placed"], incident_id["in_callbacks"]) == ("TEXT", True, True)
    assert [(one["type"], one["address"]) for one in told["integrations"]] == [
        ("INBOUND", None),
        ("OUTBOUND_WEBHOOK", HOOK),
    ]
    assert (told["recipients"], told["senders"]) == ([xmatters.settings.group], ["self-healing", "ana"])
    assert {method for _tool, method, _path in xmatters.faults.requests} == {"GET"}


def test_everything_that_was_forgotten_is_told_at_once(xmatters: Running) -> None:
    workflow = xmatters.tool.workflow
    workflow.api_enabled = False
    workflow.properties.remove(workflow.find("short"))
    workflow.find("host").placed = False
    workflow.find("incident_id").told = False
    workflow.find("message").longest = 300
    workflow.recipients.clear()
    workflow.senders.pop()
    workflow.integrations[0].deployed = False
    workflow.integrations[1].address = "https://old.example.com/xmatters"
    told = look(xmatters, response_options_in_trigger=False)
    assert told["ready"] is False
    assert found(told) == [
        ("form", "Incident response"),
        ("property", "incident_id"),
        ("property", "message"),
        ("property", "short"),
        ("property", "host"),
        ("option", "Clean disk"),
        ("option", "Roll back release"),
        ("option", "I am looking"),
        ("option", "Snooze"),
        ("option", "Stop"),
        ("recipients", ""),
        ("sender", "ana"),
        ("trigger", "Alerts"),
        ("webhook", "Responses"),
    ]
    assert all(one["text"] and one["mend"] for one in told["findings"])


def test_unknown_recipients_are_named(xmatters: Running) -> None:
    told = look(xmatters, recipients=["Nobody", {"name": "bo", "type": "group"}, "ana|Fax"])
    assert found(told) == [("recipients", "Nobody"), ("recipients", "bo"), ("recipients", "ana|Fax")]


def test_what_may_not_be_seen_is_unsure_and_not_missing(xmatters: Running) -> None:
    assert xmatters.call("switch", restricted={"forms": "forbidden"})["ok"]
    told = look(xmatters, response_options_in_trigger=False)
    assert found(told) == []
    assert found(told, "unsure") == [("property", ""), ("option", ""), ("recipients", ""), ("sender", "ana")]
    assert (told["recipients"], told["response_options"]) == (None, None)


@pytest.mark.parametrize(
    ("given", "part"), [({"workflow": "Other"}, ("workflow", "Other")), ({"form": "Other"}, ("form", "Other"))]
)
def test_a_form_that_is_not_there_is_told_with_those_that_are(
    xmatters: Running, given: dict[str, str], part: tuple[str, str]
) -> None:
    told = look(xmatters, **given)
    assert (told["exists"], told["ready"], found(told)) == (False, False, [part])
    [one] = told["findings"]
    assert ("'Self-healing DevOps'" if "workflow" in given else "'Incident response'") in one["text"]


def test_without_a_description_nothing_is_compared(xmatters: Running) -> None:
    names = {"workflow": "self-healing devops", "form": "Incident response"}
    told = run_module(xmatters, "xmatters_form_info", **names)
    assert (told["exists"], told["ready"], told["findings"]) == (True, None, [])


def test_the_playbook_fails_until_all_is_there(xmatters: Running, tmp_path: Path) -> None:
    host = {
        "ansible_connection": "local",
        "xmatters_url": xmatters.url,
        "xmatters_recipients": [xmatters.settings.group],
    }
    inventory = {"toolchain": {"hosts": {"xmatters": host, "jira": {"ansible_connection": "local"}}}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    secrets = {
        "XMATTERS_USER": xmatters.settings.xmatters_user,
        "XMATTERS_PASSWORD": xmatters.settings.xmatters_password,
        "XMATTERS_FORM_URL": xmatters.tool.form_url_with_key,
    }

    def play() -> subprocess.CompletedProcess[str]:
        command = ["ansible-playbook", "-i", "inventory.yml", "self_healing.devops.connect_xmatters"]
        ended = subprocess.run(
            [*command, "-e", f"webhook_url={HOOK}"],
            cwd=tmp_path,
            env={**os.environ, **secrets},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for secret in (secrets["XMATTERS_PASSWORD"], xmatters.tool.credentials.url_key):
            assert secret not in ended.stdout + ended.stderr
        return ended

    workflow = xmatters.tool.workflow
    hook = workflow.integrations.pop()
    workflow.find("incident_id").told = False
    before = play()
    assert before.returncode == 2, before.stdout + before.stderr
    assert "Property incident_id: the response webhook does not tell it" in before.stdout
    assert "Include in Outbound Integrations" in before.stdout
    assert "trigger Responses, form Incident response, action Send a webhook" in before.stdout
    workflow.integrations.append(hook)
    workflow.find("incident_id").told = True
    after = play()
    assert after.returncode == 0, after.stdout + after.stderr
    assert "does not tell whether the form takes them" in after.stdout
    assert {method for _tool, method, _path in xmatters.faults.requests} == {"GET"}
