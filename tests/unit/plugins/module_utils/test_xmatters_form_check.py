# Copyright (c) 2026, the self_healing.devops authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a form lacks is told one by one, with what to do about it; and the description that is shipped is up to date."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from ansible_collections.self_healing.devops.plugins.module_utils import alert_trigger, policy
from ansible_collections.self_healing.devops.plugins.module_utils.asking import Asking
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_directory_values import Target, User
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_forms import (
    Form,
    Integration,
    Placed,
    Property,
    Workflow,
    without_secrets,
)
from ansible_collections.self_healing.devops.plugins.module_utils.clients.xmatters_values import Option
from ansible_collections.self_healing.devops.plugins.module_utils.errors import InvalidInputError
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_form_check import Wanted, check, understand
from ansible_collections.self_healing.devops.plugins.module_utils.xmatters_form_read import Found
from support.tree import ROOT

DESCRIPTION = json.loads((ROOT / "roles/xmatters/files/workflow.json").read_text("utf-8"))
WORKFLOW, FORM, PROPERTIES, OPTIONS = understand(DESCRIPTION)
HOOK = Integration("h", "Responses", "OUTBOUND_WEBHOOK", "RESPONSE", True, "f", FORM, "BASIC", "https://eda/xmatters")
COMPLETE = Found(
    workflow=Workflow("w", WORKFLOW, True),
    form=Form("f", FORM, "w", WORKFLOW, True, True, True),
    properties=[Property("p", entry["name"], "TEXT", 20000) for entry in PROPERTIES],
    layout=[Placed(entry["name"], False, True) for entry in PROPERTIES],
    options=[
        Option("o", entry["number"], entry["text"].upper(), entry["action"], entry["contribution"]) for entry in OPTIONS
    ],
    recipients=[Target("g", "Checkout SRE", "GROUP")],
    senders=[Target("r", "Senders", "ROLE")],
    integrations=[Integration("i", "Alerts", "INBOUND", "", True, "f", FORM, "BASIC", None), HOOK],
    sender=User("u", "eda", "EDA", roles=("Senders",)),
)
WANTED = Wanted(
    WORKFLOW,
    FORM,
    PROPERTIES,
    OPTIONS,
    options_sent=False,
    webhook_url="https://eda/xmatters",
    function="i",
    user="eda",
)


def told(found: Found, wanted: Wanted = WANTED) -> list[tuple[str, str, str]]:
    return [(one.level, one.part, one.name) for one in check(found, wanted)]


def test_nothing_is_missing_where_nothing_is() -> None:
    assert told(COMPLETE) == []


def without(items: Any, name: str) -> list[Any]:
    return [item for item in items if getattr(item, "name", None) != name]


def changed(items: Any, position: int, **changes: Any) -> list[Any]:
    return [replace(item, **changes) if n == position else item for n, item in enumerate(items)]


@pytest.mark.parametrize(
    ("changes", "finding", "words"),
    [
        (lambda f: {"workflow": replace(f.workflow, enabled=False)}, ("missing", "workflow", WORKFLOW), "switch it on"),
        (lambda f: {"form": replace(f.form, api=False)}, ("missing", "form", FORM), "Web Service"),
        (
            lambda f: {"properties": without(f.properties, "short")},
            ("missing", "property", "short"),
            "Create a Property > Text",
        ),
        (
            lambda f: {"properties": changed(f.properties, 2, kind="NUMBER")},
            ("missing", "property", "message"),
            "NUMBER, and has to be TEXT",
        ),
        (
            lambda f: {"properties": changed(f.properties, 2, longest=2000)},
            ("missing", "property", "message"),
            "Maximum Length 10000",
        ),
        (lambda f: {"layout": without(f.layout, "host")}, ("missing", "property", "host"), "drag host into a section"),
        (
            lambda f: {"layout": changed(f.layout, 0, told=False)},
            ("missing", "property", "incident_id"),
            "Include in Outbound Integrations",
        ),
        (lambda f: {"layout": changed(f.layout, 0, told=None)}, ("unsure", "property", "incident_id"), "unknown"),
        (lambda f: {"layout": None}, ("unsure", "property", ""), "workflow.json"),
        (
            lambda f: {"layout": [*f.layout, Placed("Reporter", True, False)]},
            ("unsure", "property", "Reporter"),
            "xmatters_properties",
        ),
        (lambda f: {"options": f.options[1:]}, ("missing", "option", "Restart process"), "number 1"),
        (
            lambda f: {"options": changed(f.options, 0, action="END")},
            ("missing", "option", "RESTART PROCESS"),
            "could no longer be shown",
        ),
        (
            lambda f: {"options": changed(f.options, 5, contribution="NEUTRAL")},
            ("missing", "option", "ESCALATE"),
            "has to be NEGATIVE",
        ),
        (lambda f: {"options": None}, ("unsure", "option", ""), "Responses"),
        (lambda f: {"recipients": []}, ("missing", "recipients", ""), "xmatters_recipients"),
        (lambda f: {"recipients": None}, ("unsure", "recipients", ""), "Recipients"),
        (lambda f: {"unknown": ["Nobody"]}, ("missing", "recipients", "Nobody"), "nobody would be alerted"),
        (lambda f: {"sender": replace(f.sender, roles=())}, ("missing", "sender", "eda"), "Sender Permissions"),
        (lambda f: {"sender": None}, ("unsure", "sender", "eda"), "'Senders' may send"),
        (lambda f: {"senders": None}, ("unsure", "sender", "eda"), "cannot be seen"),
        (
            lambda f: {"integrations": changed(f.integrations, 0, deployed=False)},
            ("missing", "trigger", "Alerts"),
            "not deployed",
        ),
        (
            lambda f: {"integrations": changed(f.integrations, 0, form_id="x", form="Other")},
            ("missing", "trigger", "Alerts"),
            "sends the form 'Other'",
        ),
        (lambda f: {"integrations": [HOOK]}, ("unsure", "trigger", ""), "test alert"),
        (lambda f: {"integrations": f.integrations[:1]}, ("missing", "webhook", ""), "Send a webhook"),
        (
            lambda f: {"integrations": changed(f.integrations, 1, triggered_by="STATUS")},
            ("missing", "webhook", ""),
            "only when it asks",
        ),
        (
            lambda f: {"integrations": changed(f.integrations, 1, deployed=False)},
            ("missing", "webhook", "Responses"),
            "switch it on",
        ),
        (
            lambda f: {"integrations": changed(f.integrations, 1, address="https://old/xmatters")},
            ("missing", "webhook", "Responses"),
            "https://old/xmatters, and the event source is at https://eda/xmatters",
        ),
        (
            lambda f: {"integrations": changed(f.integrations, 1, address=None)},
            ("unsure", "webhook", "Responses"),
            "where it posts to",
        ),
    ],
)
def test_each_thing_that_is_missing_is_told(
    changes: Callable[[Found], dict[str, Any]], finding: tuple[str, str, str], words: str
) -> None:
    [one] = check(replace(COMPLETE, **changes(COMPLETE)), WANTED)
    assert (one.level, one.part, one.name) == finding
    assert words in f"{one.text}; {one.mend}"


def test_without_workflow_or_form_nothing_else_is_told() -> None:
    assert told(Found(others=["Other"])) == [("missing", "workflow", WORKFLOW)]
    assert told(Found(workflow=COMPLETE.workflow)) == [("missing", "form", FORM)]


def test_options_of_the_form_do_not_matter_where_alerts_bring_theirs() -> None:
    assert told(replace(COMPLETE, options=[]), replace(WANTED, options_sent=True)) == [("unsure", "option", "")]


def test_recipients_of_the_form_do_not_matter_where_alerts_bring_theirs() -> None:
    assert told(replace(COMPLETE, recipients=[]), replace(WANTED, recipients_sent=True)) == []


def test_a_trigger_that_is_not_set_is_missing() -> None:
    assert told(COMPLETE, replace(WANTED, function=None)) == [("missing", "trigger", "")]


def test_an_endpoint_may_be_the_server_only() -> None:
    integrations = changed(COMPLETE.integrations, 1, address="https://EDA")
    assert told(replace(COMPLETE, integrations=integrations)) == []


def test_addresses_are_shown_without_secrets() -> None:
    assert without_secrets("https://me:secret@eda.example.com:8443/xmatters?key=secret#x") == (
        "https://eda.example.com:8443/xmatters"
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": "x"}, "format"),
        ({"workflow": {}}, "workflow.name"),
        ({"form": {"name": 7}}, "form.name"),
        ({"properties": {}}, "properties"),
        ({"response_options": [{"number": 1}]}, "response_options"),
    ],
)
def test_a_description_that_is_none_is_refused(change: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInputError, match=named):
        understand({**DESCRIPTION, **change})


# -- the description that is shipped ----------------------------------------------------------------------------------


def test_the_description_has_the_properties_that_alerts_fill_in() -> None:
    texts = yaml.safe_load((ROOT / "roles/xmatters/vars/main.yml").read_text("utf-8"))["__xmatters_texts"]
    defaults = yaml.safe_load((ROOT / "roles/xmatters/defaults/main.yml").read_text("utf-8"))
    sent = {"subject", "message", defaults["xmatters_marker_property"], *texts}
    assert {entry["name"] for entry in PROPERTIES} == sent
    assert [entry["name"] for entry in PROPERTIES if entry.get("in_callbacks")] == ["incident_id"]


def test_the_description_has_the_options_that_can_be_offered() -> None:
    offered = [{"name": name, **remedy} for name, remedy in policy.CATALOG.items()] + list(policy.talk(Asking()))
    sent = alert_trigger.response_options(offered)
    described = {entry["text"]: (entry["action"], entry["contribution"]) for entry in OPTIONS}
    assert described == {option["text"]: (option["action"], option["contribution"]) for option in sent}
    assert [entry["number"] for entry in OPTIONS] == list(range(1, len(OPTIONS) + 1))


def test_the_readme_names_what_the_description_has() -> None:
    readme = (ROOT / "roles/xmatters/README.md").read_text("utf-8")
    lacking = [entry["name"] for entry in PROPERTIES if f"`{entry['name']}`" not in readme]
    lacking += [entry["text"] for entry in OPTIONS if f"| {entry['text']} |" not in readme]
    assert not lacking
